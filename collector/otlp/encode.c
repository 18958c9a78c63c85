/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/rewrite.h"
#include "otlp/wire.h"

void weir_otlp_put_varint(weir_buffer *out, uint64_t value)
{
    uint8_t *at = weir_buffer_reserve(out, WEIR_VARINT_BYTES_MAX);
    out->len += weir_otlp_varint_write(at, value);
}

void weir_otlp_put_tag(weir_buffer *out, uint32_t number, unsigned wire)
{
    weir_otlp_put_varint(out, (uint64_t)number << 3 | wire);
}

void weir_otlp_put_bytes(weir_buffer *out, uint32_t number, const void *bytes, size_t len)
{
    weir_otlp_put_tag(out, number, WEIR_WIRE_LEN);
    weir_otlp_put_varint(out, len);
    weir_buffer_append(out, bytes, len);
}

static void put_fixed64(weir_buffer *out, uint64_t value)
{
    for (unsigned shift = 0; shift < 64; shift += 8)
        weir_buffer_append_byte(out, (uint8_t)(value >> shift));
}

/* The AnyValues that the array or map was read from, one after the other, which is how they merge. */
static void put_container(weir_buffer *out, const weir_otlp_value *value)
{
    if (value->outer_number == 0) {
        weir_buffer_append(out, value->outer.data, value->outer.len);
        return;
    }
    weir_otlp_walk walk = weir_otlp_walk_in(value->outer, value->outer_number);
    for (weir_bytes any_value; weir_otlp_walk_next(&walk, &any_value);)
        weir_buffer_append(out, any_value.data, any_value.len);
}

void weir_otlp_put_value(weir_buffer *out, const weir_otlp_value *value)
{
    switch (value->type) {
    case WEIR_OTLP_EMPTY:
        break;
    case WEIR_OTLP_STRING:
        weir_otlp_put_bytes(out, WEIR_OTLP_STRING, value->string.data, value->string.len);
        break;
    case WEIR_OTLP_BYTES:
        weir_otlp_put_bytes(out, WEIR_OTLP_BYTES, value->bytes.data, value->bytes.len);
        break;
    case WEIR_OTLP_BOOL:
        weir_otlp_put_tag(out, WEIR_OTLP_BOOL, WEIR_WIRE_VARINT);
        weir_otlp_put_varint(out, value->boolean);
        break;
    case WEIR_OTLP_INT:
    case WEIR_OTLP_STRING_INDEX:
        weir_otlp_put_tag(out, (uint32_t)value->type, WEIR_WIRE_VARINT);
        weir_otlp_put_varint(out, (uint64_t)value->integer);
        break;
    case WEIR_OTLP_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, &value->number, sizeof bits);
        weir_otlp_put_tag(out, WEIR_OTLP_DOUBLE, WEIR_WIRE_FIXED64);
        put_fixed64(out, bits);
        break;
    }
    case WEIR_OTLP_ARRAY:
    case WEIR_OTLP_MAP:
        put_container(out, value);
        break;
    }
}

void weir_otlp_put_attribute(weir_buffer *out, uint32_t number, weir_text key, const weir_otlp_value *value)
{
    WEIR_BUFFER any_value = {0};
    WEIR_BUFFER pair = {0};
    weir_otlp_put_value(&any_value, value);
    weir_otlp_put_bytes(&pair, 1, key.data, key.len);
    weir_otlp_put_bytes(&pair, 2, any_value.data, any_value.len);
    weir_otlp_put_bytes(out, number, pair.data, pair.len);
}

void weir_otlp_set_text(weir_buffer *out, weir_bytes message, uint32_t number, weir_text text)
{
    const uint8_t *at = message.data;
    const uint8_t *end = weir_otlp_end(message);
    const uint8_t *untouched = at;
    bool written = text.len == 0;
    for (weir_otlp_field field; weir_otlp_field_next(&at, end, &field);) {
        if (field.number != number || field.wire != WEIR_WIRE_LEN)
            continue;
        weir_buffer_append(out, untouched, (size_t)(field.start - untouched));
        untouched = field.end;
        if (!written)
            weir_otlp_put_bytes(out, number, text.data, text.len);
        written = true;
    }
    weir_buffer_append(out, untouched, (size_t)(end - untouched));
    if (!written)
        weir_otlp_put_bytes(out, number, text.data, text.len);
}
