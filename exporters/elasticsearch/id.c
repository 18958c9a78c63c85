/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/id.h"

enum { ITEM_BYTES = 20, EVENT_BYTES = 24 };

static uint8_t *put_big_endian(uint8_t *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *out++ = (uint8_t)(value >> (8 * i));
    return out;
}

/* RFC 4648, section 5, without padding: the way Elasticsearch recognises and stores as bytes. */
static size_t write_base64url(const uint8_t *bytes, size_t len, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *start = out;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *out++ = alphabet[bits >> (count - 6) & 63];
    }
    if (count > 0)
        *out++ = alphabet[bits << (6 - count) & 63];
    return (size_t)(out - start);
}

size_t es_document_id_write(const weir_slice *slice, uint32_t index, int64_t event, char ret_id[ES_ID_LEN_MAX])
{
    uint8_t bytes[EVENT_BYTES];
    uint8_t *at = put_big_endian(bytes, slice->id.origin, 8);
    at = put_big_endian(at, slice->id.sequence, 8);
    at = put_big_endian(at, weir_slice_ordinal(slice, index), 4);
    if (event == ES_ID_NO_EVENT)
        return write_base64url(bytes, ITEM_BYTES, ret_id);
    put_big_endian(at, (uint64_t)event, 4);
    return write_base64url(bytes, EVENT_BYTES, ret_id);
}
