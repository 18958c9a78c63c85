/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/record.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/validate.h"
#include "queue/crc32c.h"
#include "queue/little_endian.h"

/* The payload:
 *
 *     flags  [peer, count, count × (key, value)]  [origin, reason]  count, count × slice head  the slices' bytes
 *
 * A slice head is its id, items, length, and its kept ordinals. Numbers are varints, texts have their length before
 * them; docs/disk-format.md has every field. */
enum {
    HAS_METADATA = 1,
    IS_DEAD_LETTER = 2,
    FLAGS_KNOWN = HAS_METADATA | IS_DEAD_LETTER,

    VARINT_BYTES_MAX = 10,
    SLICE_ID_BYTES = 16,
    SLICE_HEAD_BYTES_MIN = SLICE_ID_BYTES + 3,
    METADATA_ENTRY_BYTES_MIN = 2,
};

/* ---- writing ---- */

static void put_varint(weir_buffer *out, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (uint8_t)(value | 0x80);
    bytes[len++] = (uint8_t)value;
    weir_buffer_append(out, bytes, len);
}

static void put_text(weir_buffer *out, weir_text text)
{
    put_varint(out, text.len);
    if (text.len > 0)
        weir_buffer_append(out, text.data, text.len);
}

static void put_metadata(weir_buffer *out, const weir_metadata *metadata)
{
    put_text(out, weir_text_of(weir_metadata_peer(metadata)));
    size_t count = weir_metadata_count(metadata);
    put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        weir_metadata_entry entry = weir_metadata_at(metadata, i);
        put_text(out, entry.key);
        put_text(out, entry.value);
    }
}

/* How many are kept (0: all of the slice as accepted), then the distance of each from the one before. */
static void put_ordinals(weir_buffer *out, const weir_slice *slice)
{
    if (!slice->ordinals) {
        put_varint(out, 0);
        return;
    }
    WEIR_ASSERT(slice->ordinals->count == slice->items);
    put_varint(out, slice->items);
    uint32_t expected = 0;
    for (uint32_t i = 0; i < slice->items; i++) {
        uint32_t ordinal = slice->ordinals->kept[i];
        WEIR_ASSERT(ordinal >= expected);
        put_varint(out, ordinal - expected);
        expected = ordinal + 1;
    }
}

static void put_slice_head(weir_buffer *out, const weir_slice *slice)
{
    uint8_t id[SLICE_ID_BYTES];
    weir_put_u64(id, slice->id.origin);
    weir_put_u64(id + 8, slice->id.sequence);
    weir_buffer_append(out, id, sizeof id);
    put_varint(out, slice->items);
    put_varint(out, slice->len);
    put_ordinals(out, slice);
}

static void put_head(weir_buffer *out, const weir_batch *batch, const char *origin, const char *reason)
{
    bool is_dead_letter = origin != NULL;
    weir_buffer_append_byte(out,
                            (uint8_t)((batch->metadata ? HAS_METADATA : 0) | (is_dead_letter ? IS_DEAD_LETTER : 0)));
    if (batch->metadata)
        put_metadata(out, batch->metadata);
    if (is_dead_letter) {
        put_text(out, weir_text_of(origin));
        put_text(out, weir_text_of(reason));
    }
    put_varint(out, batch->slice_count);
    for (uint32_t i = 0; i < batch->slice_count; i++)
        put_slice_head(out, &batch->slices[i]);
}

static void add_part(weir_record_image *image, const void *data, size_t len)
{
    image->parts[image->part_count++] = (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = len};
    image->payload_bytes += len;
    image->payload_crc32c = weir_crc32c(image->payload_crc32c, data, len);
}

void weir_record_image_init(weir_record_image *image, const weir_batch *batch, const char *origin, const char *reason)
{
    WEIR_ASSERT(batch->slice_count > 0);
    WEIR_ASSERT((origin != NULL) == (reason != NULL));
    *image = (weir_record_image){.signal = batch->signal, .items = batch->items};
    put_head(&image->head, batch, origin, reason);
    image->parts = weir_alloc((size_t)batch->slice_count + 1, sizeof image->parts[0]);
    add_part(image, image->head.data, image->head.len);
    for (uint32_t i = 0; i < batch->slice_count; i++)
        add_part(image, batch->slices[i].data, batch->slices[i].len);
}

void weir_record_image_done(weir_record_image *image)
{
    weir_buffer_done(&image->head);
    free(image->parts);
    *image = (weir_record_image){0};
}

/* ---- reading ---- */

/* A cursor over the payload. Once `bad` is set every further value is 0 and nothing moves. */
typedef struct payload_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
} payload_reader;

static size_t bytes_left(const payload_reader *reader)
{
    return reader->bad ? 0 : (size_t)(reader->end - reader->at);
}

static const uint8_t *get_bytes(payload_reader *reader, uint64_t len)
{
    reader->bad |= len > bytes_left(reader);
    if (reader->bad)
        return NULL;
    reader->at += len;
    return reader->at - len;
}

/* At most `max`, or the payload is bad. */
static uint64_t get_varint(payload_reader *reader, uint64_t max)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        const uint8_t *byte = get_bytes(reader, 1);
        if (!byte)
            return 0;
        value |= (uint64_t)(*byte & 0x7F) << shift;
        if (*byte < 0x80) {
            reader->bad |= value > max;
            return reader->bad ? 0 : value;
        }
    }
    reader->bad = true;
    return 0;
}

static weir_text get_text(payload_reader *reader)
{
    uint64_t len = get_varint(reader, SIZE_MAX);
    const uint8_t *data = get_bytes(reader, len);
    return data ? (weir_text){(const char *)data, len} : WEIR_TEXT("");
}

static weir_metadata *get_metadata(payload_reader *reader)
{
    weir_text peer = get_text(reader);
    uint64_t count = get_varint(reader, bytes_left(reader) / METADATA_ENTRY_BYTES_MIN);
    WEIR_FREE weir_metadata_entry *entries = weir_alloc(count + 1, sizeof *entries);
    for (uint64_t i = 0; i < count; i++) {
        entries[i].key = get_text(reader);
        entries[i].value = get_text(reader);
    }
    WEIR_FREE char *peer_string = weir_strndup(peer.data, peer.len);
    return reader->bad ? NULL : weir_metadata_new(entries, count, peer_string);
}

static weir_ordinals *get_ordinals(payload_reader *reader, uint32_t items)
{
    uint64_t count = get_varint(reader, UINT32_MAX);
    reader->bad |= count != 0 && (count != items || count > bytes_left(reader));
    if (count == 0 || reader->bad)
        return NULL;
    weir_ordinals *ordinals = weir_ordinals_new(items);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < items; i++) {
        uint64_t ordinal = expected + get_varint(reader, UINT32_MAX);
        reader->bad |= ordinal > UINT32_MAX;
        ordinals->kept[i] = (uint32_t)ordinal;
        expected = ordinal + 1;
    }
    return ordinals;
}

static void get_slice_head(payload_reader *reader, weir_slice *slice)
{
    const uint8_t *id = get_bytes(reader, SLICE_ID_BYTES);
    if (!id)
        return;
    slice->id = (weir_slice_id){.origin = weir_get_u64(id), .sequence = weir_get_u64(id + 8)};
    slice->items = (uint32_t)get_varint(reader, UINT32_MAX);
    slice->len = get_varint(reader, SIZE_MAX);
    slice->ordinals = get_ordinals(reader, slice->items);
}

static void get_slice_heads(payload_reader *reader, weir_record *record)
{
    record->slice_count = (uint32_t)get_varint(reader, bytes_left(reader) / SLICE_HEAD_BYTES_MIN);
    reader->bad |= record->slice_count == 0;
    if (reader->bad)
        return;
    record->slices = weir_alloc(record->slice_count, sizeof record->slices[0]);
    for (uint32_t i = 0; i < record->slice_count; i++)
        get_slice_head(reader, &record->slices[i]);
}

static void get_slice_bytes(payload_reader *reader, weir_chunk *chunk, weir_record *record)
{
    for (uint32_t i = 0; i < record->slice_count; i++) {
        weir_slice *slice = &record->slices[i];
        slice->data = get_bytes(reader, slice->len);
        if (reader->bad)
            return;
        slice->chunk = weir_chunk_ref(chunk);
        record->items += slice->items;
    }
}

static void get_record(payload_reader *reader, weir_chunk *chunk, weir_record *record)
{
    const uint8_t *flags = get_bytes(reader, 1);
    reader->bad |= !flags || (*flags & ~FLAGS_KNOWN) != 0;
    if (reader->bad)
        return;
    if (*flags & HAS_METADATA)
        record->metadata = get_metadata(reader);
    if (*flags & IS_DEAD_LETTER) {
        weir_text origin = get_text(reader);
        weir_text reason = get_text(reader);
        record->origin = weir_strndup(origin.data, origin.len);
        record->reason = weir_strndup(reason.data, reason.len);
    }
    get_slice_heads(reader, record);
    get_slice_bytes(reader, chunk, record);
    reader->bad |= bytes_left(reader) != 0;
}

static weir_status check_telemetry(const weir_record *record, weir_error *ret_error)
{
    for (uint32_t i = 0; i < record->slice_count; i++) {
        const weir_slice *slice = &record->slices[i];
        uint64_t items = 0;
        weir_status status =
            weir_otlp_validate((weir_otlp_kind)record->signal, slice->data, slice->len, &items, ret_error);
        if (status != WEIR_OK)
            return status;
        if (items != slice->items)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                                  "slice %u has %llu items and its head says %u", i, (unsigned long long)items,
                                  slice->items);
    }
    return WEIR_OK;
}

weir_status weir_record_decode(weir_signal signal, weir_chunk **chunk, const uint8_t *data, size_t len,
                               weir_record *ret_record, weir_error *ret_error)
{
    payload_reader reader = {.start = data, .at = data, .end = data + len};
    weir_record record = {.signal = signal};
    get_record(&reader, *chunk, &record);
    uint64_t offset = (uint64_t)(reader.at - reader.start);
    weir_chunk_unref(WEIR_TAKE(*chunk)); /* the slices have references of their own */
    weir_status status = WEIR_OK;
    if (reader.bad) {
        status = weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "not a record of weir");
        ret_error->offset = offset;
    } else {
        status = check_telemetry(&record, ret_error);
    }
    if (status == WEIR_OK)
        *ret_record = record;
    else
        weir_record_done(&record);
    return status;
}

void weir_record_done(weir_record *record)
{
    for (uint32_t i = 0; record->slices && i < record->slice_count; i++)
        weir_slice_done(&record->slices[i]);
    free(record->slices);
    weir_metadata_unref(record->metadata);
    free(record->origin);
    free(record->reason);
    *record = (weir_record){0};
}

weir_batch *weir_record_take_batch(weir_record *record, weir_ack *ack)
{
    WEIR_ASSERT(record->slice_count > 0);
    weir_batch *batch = weir_batch_new(record->signal, &record->slices[0], ack);
    if (record->slice_count > 1) {
        record->slices[0] = batch->first;
        batch->first = (weir_slice){0};
        batch->slices = WEIR_TAKE(record->slices);
        batch->slice_count = record->slice_count;
    }
    batch->items = record->items;
    batch->bytes = 0;
    for (uint32_t i = 0; i < batch->slice_count; i++)
        batch->bytes += batch->slices[i].len;
    batch->metadata = WEIR_TAKE(record->metadata);
    record->slice_count = 0;
    return batch;
}
