/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/wire.h"

const uint8_t *weir_otlp_varint_long(const uint8_t *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    *ret_value = value;
    return at;
}

const uint8_t *weir_otlp_group_end(const uint8_t *at)
{
    /* The validator has matched every end with its start, so counting is enough. */
    for (unsigned open = 1; open > 0;) {
        uint64_t tag;
        uint64_t value;
        at = weir_otlp_varint(at, &tag);
        switch (tag & 7) {
        case WEIR_WIRE_VARINT:
            at = weir_otlp_varint(at, &value);
            break;
        case WEIR_WIRE_FIXED64:
            at += 8;
            break;
        case WEIR_WIRE_FIXED32:
            at += 4;
            break;
        case WEIR_WIRE_LEN:
            at = weir_otlp_varint(at, &value);
            at += value;
            break;
        case WEIR_WIRE_GROUP_START:
            open++;
            break;
        default:
            open--;
            break;
        }
    }
    return at;
}
