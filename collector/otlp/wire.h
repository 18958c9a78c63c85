/* SPDX-License-Identifier: Apache-2.0
 *
 * The protobuf wire format (https://protobuf.dev/programming-guides/encoding/), as far as every file of this room needs
 * it. weir_otlp_field_next trusts its bytes: they must have passed weir_otlp_validate. Pure functions, any thread.
 */
#ifndef WEIR_OTLP_WIRE_H
#define WEIR_OTLP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/text.h"

enum weir_otlp_wire {
    WEIR_WIRE_VARINT = 0,
    WEIR_WIRE_FIXED64 = 1,
    WEIR_WIRE_LEN = 2,
    WEIR_WIRE_GROUP_START = 3,
    WEIR_WIRE_GROUP_END = 4,
    WEIR_WIRE_FIXED32 = 5,
};

enum {
    WEIR_VARINT_BYTES_MAX = 10,
    WEIR_TAG_BYTES_MAX = 5, /* of a tag, and of a length */
};

/* One field of a message, as it stands in the bytes. */
typedef struct weir_otlp_field {
    uint32_t number;
    uint32_t wire;        /* enum weir_otlp_wire; WEIR_WIRE_GROUP_START stands for the whole group */
    uint64_t value;       /* of a varint or a fixed number */
    weir_bytes body;      /* of a length-delimited field: what follows the length */
    const uint8_t *start; /* of the tag */
    const uint8_t *end;   /* first byte after the field */
} weir_otlp_field;

/* Kept out of the short paths below: a varint of more than one byte, and the end of the group whose start tag ends at
 * `at`. */
const uint8_t *weir_otlp_varint_long(const uint8_t *at, uint64_t *ret_value);
const uint8_t *weir_otlp_group_end(const uint8_t *at);

/* The first byte after `bytes`. Adds nothing to a NULL pointer, which C leaves undefined. */
static inline const uint8_t *weir_otlp_end(weir_bytes bytes)
{
    return bytes.len ? bytes.data + bytes.len : bytes.data;
}

/* How many bytes `value` takes as a varint. */
static inline size_t weir_otlp_varint_size(uint64_t value)
{
    return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static inline const uint8_t *weir_otlp_varint(const uint8_t *at, uint64_t *ret_value)
{
    if (__builtin_expect(*at < 0x80, 1)) {
        *ret_value = *at;
        return at + 1;
    }
    return weir_otlp_varint_long(at, ret_value);
}

/* Writes `value` to `out`, which has room for it, in the shortest form. Returns its length. */
static inline size_t weir_otlp_varint_write(uint8_t *out, uint64_t value)
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (uint8_t)(value | 0x80);
    out[len++] = (uint8_t)value;
    return len;
}

static inline uint64_t weir_otlp_fixed64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline uint32_t weir_otlp_fixed32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

/* The first byte after the value that begins at `at`, of a field of type `wire` (enum weir_otlp_wire). */
static inline const uint8_t *weir_otlp_value_end(const uint8_t *at, unsigned wire)
{
    uint64_t value;
    switch (wire) {
    case WEIR_WIRE_VARINT:
        return weir_otlp_varint(at, &value);
    case WEIR_WIRE_FIXED64:
        return at + 8;
    case WEIR_WIRE_FIXED32:
        return at + 4;
    case WEIR_WIRE_LEN:
        at = weir_otlp_varint(at, &value);
        return at + value;
    default:
        return weir_otlp_group_end(at);
    }
}

/* Reads the field at `*at` of a validated message that ends at `end`, and moves `*at` behind it. False at the end. */
static inline bool weir_otlp_field_next(const uint8_t **at, const uint8_t *end, weir_otlp_field *ret_field)
{
    if (*at >= end)
        return false;
    uint64_t tag;
    const uint8_t *p = weir_otlp_varint(*at, &tag);
    *ret_field = (weir_otlp_field){.number = (uint32_t)(tag >> 3), .wire = (uint32_t)(tag & 7), .start = *at};
    switch (ret_field->wire) {
    case WEIR_WIRE_VARINT:
        p = weir_otlp_varint(p, &ret_field->value);
        break;
    case WEIR_WIRE_FIXED64:
        ret_field->value = weir_otlp_fixed64(p);
        p += 8;
        break;
    case WEIR_WIRE_FIXED32:
        ret_field->value = weir_otlp_fixed32(p);
        p += 4;
        break;
    case WEIR_WIRE_LEN: {
        uint64_t len;
        p = weir_otlp_varint(p, &len);
        ret_field->body = (weir_bytes){p, (size_t)len};
        p += len;
        break;
    }
    default:
        p = weir_otlp_group_end(p);
        break;
    }
    ret_field->end = p;
    *at = p;
    return true;
}

#endif
