/* SPDX-License-Identifier: Apache-2.0
 *
 * The normal form of oracle.h. Reads the wire format without the code under test.
 */
#include "normalise.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef struct raw_field {
    uint32_t number;
    unsigned wire;
    const uint8_t *start;
    const uint8_t *end;
    weir_bytes body;
    const ProtobufCFieldDescriptor *known; /* NULL: not in the schema */
    bool gone;
} raw_field;

static uint64_t read_varint(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned i = 0;; i++) {
        uint8_t byte = *(*at)++;
        if (i < 10)
            value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return value;
    }
}

static raw_field read_field(const uint8_t **at)
{
    raw_field field = {.start = *at};
    uint64_t tag = read_varint(at);
    field.number = (uint32_t)(tag >> 3);
    field.wire = (unsigned)(tag & 7);
    switch (field.wire) {
    case 0:
        read_varint(at);
        break;
    case 1:
        *at += 8;
        break;
    case 2:
        field.body.len = read_varint(at);
        field.body.data = *at;
        *at += field.body.len;
        break;
    case 3:
        while (read_field(at).wire != 4) {
        }
        break;
    case 5:
        *at += 4;
        break;
    }
    field.end = *at;
    return field;
}

static bool is_singular_message(const raw_field *field)
{
    return field->known && field->known->type == PROTOBUF_C_TYPE_MESSAGE &&
           field->known->label != PROTOBUF_C_LABEL_REPEATED;
}

/* Drops members of a oneof that another member replaces later. */
static void drop_replaced(raw_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ProtobufCFieldDescriptor *known = fields[i].known;
        if (!known || !(known->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
            continue;
        for (size_t later = i + 1; later < count && !fields[i].gone; later++) {
            const ProtobufCFieldDescriptor *other = fields[later].known;
            fields[i].gone = other && other->quantifier_offset == known->quantifier_offset && other != known &&
                             (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
        }
    }
}

static void put_varint(weir_buffer *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        weir_buffer_append_byte(out, (uint8_t)(value | 0x80));
    weir_buffer_append_byte(out, (uint8_t)value);
}

static void put_message(weir_buffer *out, const raw_field *field, const uint8_t *data, size_t len)
{
    WEIR_BUFFER body = {0};
    normalise(field->known->descriptor, data, len, &body);
    put_varint(out, (uint64_t)field->number << 3 | 2);
    put_varint(out, body.len);
    weir_buffer_append(out, body.data, body.len);
}

/* All occurrences from `first` on as one. */
static void put_merged(weir_buffer *out, raw_field *first, const raw_field *end)
{
    WEIR_BUFFER merged = {0};
    for (raw_field *field = first; field < end; field++) {
        if (field->known != first->known || field->gone)
            continue;
        weir_buffer_append(&merged, field->body.data, field->body.len);
        field->gone = true;
    }
    put_message(out, first, merged.data, merged.len);
}

void normalise(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len, weir_buffer *out)
{
    if (len == 0)
        return;
    raw_field *fields = calloc(len, sizeof *fields);
    size_t count = 0;
    for (const uint8_t *at = data; at < data + len; count++) {
        fields[count] = read_field(&at);
        fields[count].known = protobuf_c_message_descriptor_get_field(type, fields[count].number);
        fields[count].gone = fields[count].wire == 3;
        cr_assert_leq(at, data + len);
    }
    drop_replaced(fields, count);
    for (size_t i = 0; i < count; i++) {
        raw_field *field = &fields[i];
        if (field->gone)
            continue;
        if (is_singular_message(field))
            put_merged(out, field, fields + count);
        else if (field->known && field->known->type == PROTOBUF_C_TYPE_MESSAGE)
            put_message(out, field, field->body.data, field->body.len);
        else
            weir_buffer_append(out, field->start, (size_t)(field->end - field->start));
    }
    free(fields);
}
