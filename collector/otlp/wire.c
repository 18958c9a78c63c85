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
        at = weir_otlp_varint(at, &tag);
        const unsigned wire = tag & 7;
        if (wire == WEIR_WIRE_GROUP_START)
            open++;
        else if (wire == WEIR_WIRE_GROUP_END)
            open--;
        else
            at = weir_otlp_value_end(at, wire);
    }
    return at;
}
