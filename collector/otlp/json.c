/* SPDX-License-Identifier: Apache-2.0
 *
 * A message is looked at twice: `look_at` walks over its own fields (not into them) and says whether they stand as
 * every encoder writes them: no single field twice, repeated ones side by side. Such a message is then written field by
 * field, as they come. Any other is written by field number, searching it once per number: rare, and bounded.
 *
 * A message may lie in several parts: a request made of slices, or a single sub-message that was sent in pieces, which
 * protobuf merges. Its fields are those of all parts.
 */
#include "otlp/json.h"

#include "core/assert.h"
#include "core/decimal.h"
#include "core/memory.h"
#include "otlp/json_schema.h"
#include "otlp/json_writer.h"
#include "otlp/wire.h"

typedef weir_otlp_json_writer json_writer;
typedef weir_otlp_json_message json_message;
typedef weir_otlp_json_field json_field;

typedef struct part_list {
    const weir_bytes *list;
    size_t count;
} part_list;

static void write_message(json_writer *out, const json_message *message, part_list parts);

/* The schema's row for a field, NULL for one we do not know. */
static inline const json_field *row_of(const json_message *message, uint32_t number)
{
    if (number > WEIR_JSON_FIELDS_MAX || message->fields[number].form == WEIR_JSON_UNKNOWN)
        return NULL;
    return &message->fields[number];
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static double double_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static bool all_zero(weir_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] != 0)
            return false;
    }
    return true;
}

static bool is_default(const json_field *row, const weir_otlp_field *field)
{
    switch (row->form) {
    case WEIR_JSON_STRING:
    case WEIR_JSON_BASE64:
        return field->body.len == 0;
    case WEIR_JSON_TRACE_ID:
    case WEIR_JSON_SPAN_ID:
        return all_zero(field->body);
    case WEIR_JSON_DOUBLE:
        return double_of(field->value) == 0; /* of -0 too */
    case WEIR_JSON_INT32:
    case WEIR_JSON_ENUM:
    case WEIR_JSON_UINT32:
    case WEIR_JSON_ZIGZAG32:
        return (uint32_t)field->value == 0;
    case WEIR_JSON_MESSAGE:
        return false;
    default:
        return field->value == 0;
    }
}

static int32_t zigzag32(uint64_t value)
{
    uint32_t bits = (uint32_t)value;
    return (int32_t)(bits >> 1 ^ -(bits & 1));
}

static void write_number(json_writer *out, weir_otlp_json_form form, uint64_t value)
{
    switch (form) {
    case WEIR_JSON_BOOL:
        weir_otlp_json_put(out, value ? "true" : "false", value ? 4 : 5);
        break;
    case WEIR_JSON_INT32:
    case WEIR_JSON_ENUM:
        weir_otlp_json_signed(out, (int32_t)value);
        break;
    case WEIR_JSON_ZIGZAG32:
        weir_otlp_json_signed(out, zigzag32(value));
        break;
    case WEIR_JSON_UINT32:
    case WEIR_JSON_FIXED32:
        weir_otlp_json_unsigned(out, (uint32_t)value);
        break;
    case WEIR_JSON_DOUBLE:
        weir_otlp_json_double(out, double_of(value));
        break;
    case WEIR_JSON_QUOTED_INT64:
    case WEIR_JSON_QUOTED_SFIXED64:
        weir_otlp_json_put_char(out, '"');
        weir_otlp_json_signed(out, (int64_t)value);
        weir_otlp_json_put_char(out, '"');
        break;
    case WEIR_JSON_QUOTED_UINT64:
    case WEIR_JSON_QUOTED_FIXED64:
        weir_otlp_json_put_char(out, '"');
        weir_otlp_json_unsigned(out, value);
        weir_otlp_json_put_char(out, '"');
        break;
    default:
        WEIR_UNREACHABLE("the schema's numbers are listed above");
    }
}

static void write_value(json_writer *out, const json_field *row, const weir_otlp_field *field)
{
    switch (row->form) {
    case WEIR_JSON_STRING:
        weir_otlp_json_string(out, field->body);
        break;
    case WEIR_JSON_BASE64:
        weir_otlp_json_base64(out, field->body);
        break;
    case WEIR_JSON_TRACE_ID:
    case WEIR_JSON_SPAN_ID:
        weir_otlp_json_hex(out, field->body);
        break;
    case WEIR_JSON_MESSAGE:
        write_message(out, row->message, (part_list){&field->body, 1});
        break;
    default:
        write_number(out, row->form, field->value);
        break;
    }
}

/* ---- Objects and arrays ------------------------------------------------------------------------------------------ */

/* An object being written. */
typedef struct object {
    json_writer *out;
    bool has_members;
    const json_field *array; /* whose elements are being written, or NULL */
} object;

static void put_key(object *self, const json_field *row)
{
    char *out = weir_otlp_json_room(self->out, 1 + WEIR_JSON_KEY_SIZE);
    *out = ',';
    memcpy(out + self->has_members, row->key, WEIR_JSON_KEY_SIZE);
    self->out->out->len += self->has_members + row->key_len;
    self->has_members = true;
}

static void begin_element(object *self, const json_field *row)
{
    if (self->array == row) {
        weir_otlp_json_put_char(self->out, ',');
        return;
    }
    put_key(self, row);
    weir_otlp_json_put_char(self->out, '[');
    self->array = row;
}

static void end_array(object *self)
{
    if (self->array)
        weir_otlp_json_put_char(self->out, ']');
    self->array = NULL;
}

static void write_packed(object *self, const json_field *row, weir_bytes packed)
{
    const uint8_t *at = packed.data;
    while (at < weir_otlp_end(packed) && !self->out->stopped) {
        uint64_t value;
        if (row->form == WEIR_JSON_QUOTED_UINT64) {
            at = weir_otlp_varint(at, &value);
        } else {
            value = weir_otlp_fixed64(at);
            at += sizeof value;
        }
        begin_element(self, row);
        write_number(self->out, row->form, value);
    }
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

static char *put(char *out, const char *text, size_t len)
{
    memcpy(out, text, len);
    return out + len;
}
#define PUT(out, literal) put(out, literal, sizeof literal - 1)

/* The value of a plain attribute to `out`. Returns its end, NULL if it is in another form. */
static char *write_plain_value(char *out, const uint8_t *value, size_t len)
{
    enum { STRING = 0x0a, BOOL = 0x10, INT = 0x18 };
    const uint8_t *end = value + len;
    uint64_t number;
    if (len < 2)
        return NULL;
    if (value[0] == STRING && value[1] == len - 2 && weir_otlp_json_is_plain(value + 2, len - 2)) {
        out = PUT(out, "stringValue\":\"");
        out = put(out, (const char *)value + 2, len - 2);
        return PUT(out, "\"}}");
    }
    if (value[0] == INT && weir_otlp_varint(value + 1, &number) == end && number <= INT64_MAX) {
        out = PUT(out, "intValue\":\"");
        out += weir_uint_write(out, number);
        return PUT(out, "\"}}");
    }
    if (value[0] == BOOL && len == 2)
        return value[1] ? PUT(out, "boolValue\":true}}") : PUT(out, "boolValue\":false}}");
    return NULL;
}

/* A KeyValue in the form in which SDKs write nearly all of them: a key, then a string, an int or a bool that fills the
 * rest, all lengths of one byte, nothing to be escaped. Knowing it by its outline costs a fraction of what two walks
 * through each of two messages do. False, and nothing is written, if it is in another form. */
static bool write_plain_attribute(json_writer *writer, weir_bytes body)
{
    enum { KEY = 0x0a, VALUE = 0x12, BODY_MAX = 0x7f + 0x7f, TEXT_AROUND_MAX = 64 };
    const uint8_t *at = body.data;
    if (body.len < 6 || body.len > BODY_MAX || at[0] != KEY || at[1] == 0 || at[1] >= 0x80 ||
        (size_t)at[1] + 6 > body.len)
        return false;
    const size_t key_len = at[1], value_len = body.len - key_len - 4;
    const uint8_t *value = at + 2 + key_len;
    if (value[0] != VALUE || value[1] != value_len || value_len >= 0x80 || !weir_otlp_json_is_plain(at + 2, key_len))
        return false;
    char *start = weir_otlp_json_room(writer, BODY_MAX + TEXT_AROUND_MAX);
    char *out = PUT(start, "{\"key\":\"");
    out = put(out, (const char *)at + 2, key_len);
    out = PUT(out, "\",\"value\":{\"");
    out = write_plain_value(out, value + 2, value_len);
    if (!out)
        return false;
    writer->out->len += (size_t)(out - start);
    return true;
}

/* One occurrence of a repeated field. */
static void write_elements(object *self, const json_field *row, const weir_otlp_field *field)
{
    const bool is_number = row->form != WEIR_JSON_MESSAGE && row->form != WEIR_JSON_STRING;
    if (is_number && field->wire == WEIR_WIRE_LEN) {
        write_packed(self, row, field->body);
        return;
    }
    begin_element(self, row);
    if (row->form == WEIR_JSON_MESSAGE && row->message->is_attribute && write_plain_attribute(self->out, field->body))
        return;
    write_value(self->out, row, field);
}

static void write_single(object *self, const json_field *row, const weir_otlp_field *field)
{
    if (row->presence == WEIR_JSON_SINGLE && is_default(row, field))
        return;
    put_key(self, row);
    write_value(self->out, row, field);
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

/* What the fields of a message look like. Bit N stands for field N. */
typedef struct message_outline {
    uint32_t seen;
    bool is_regular;    /* no single field twice, no two members of the oneof, repeated fields side by side */
    uint32_t chosen;    /* member of the oneof that counts: the last one */
    size_t chosen_part; /* its first occurrence after any other member: part, and place in it */
    const uint8_t *since;
} message_outline;

static message_outline look_at(const json_message *message, part_list parts)
{
    message_outline result = {.is_regular = true};
    uint32_t last = 0;
    for (size_t i = 0; i < parts.count; i++) {
        const uint8_t *at = parts.list[i].data;
        for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(parts.list[i]), &field);) {
            const json_field *row = row_of(message, field.number);
            if (!row)
                continue;
            const uint32_t bit = 1u << field.number;
            if (row->presence == WEIR_JSON_ONE_OF && result.chosen != field.number) {
                result.is_regular &= result.chosen == 0;
                result.chosen = field.number;
                result.chosen_part = i;
                result.since = field.start;
            }
            if ((result.seen & bit) && (row->presence != WEIR_JSON_REPEATED || last != field.number))
                result.is_regular = false;
            result.seen |= bit;
            last = field.number;
        }
    }
    return result;
}

static void write_as_it_comes(object *self, const json_message *message, part_list parts)
{
    for (size_t i = 0; i < parts.count; i++) {
        const uint8_t *at = parts.list[i].data;
        for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(parts.list[i]), &field);) {
            const json_field *row = row_of(message, field.number);
            if (!row)
                continue;
            if (self->out->stopped)
                return;
            if (self->array != row)
                end_array(self);
            if (row->presence == WEIR_JSON_REPEATED)
                write_elements(self, row, &field);
            else
                write_single(self, row, &field);
        }
    }
    end_array(self);
}

/* A walk over the occurrences of one field. */
typedef struct occurrences {
    part_list parts;
    uint32_t number;
    size_t part;
    const uint8_t *at;
} occurrences;

static occurrences occurrences_of(part_list parts, uint32_t number)
{
    return (occurrences){.parts = parts, .number = number, .at = parts.list[0].data};
}

/* Those that no other member of the oneof has replaced. */
static occurrences occurrences_since(part_list parts, const message_outline *outline)
{
    return (occurrences){.parts = parts, .number = outline->chosen, .part = outline->chosen_part, .at = outline->since};
}

static bool next_occurrence(occurrences *walk, weir_otlp_field *ret_field)
{
    for (;;) {
        const uint8_t *end = weir_otlp_end(walk->parts.list[walk->part]);
        while (weir_otlp_field_next(&walk->at, end, ret_field)) {
            if (ret_field->number == walk->number)
                return true;
        }
        if (++walk->part == walk->parts.count) {
            walk->part--;
            return false;
        }
        walk->at = walk->parts.list[walk->part].data;
    }
}

/* A sub-message sent in pieces. */
static void write_merged(object *self, const json_field *row, occurrences walk)
{
    size_t count = 0;
    weir_otlp_field field;
    for (occurrences counting = walk; next_occurrence(&counting, &field);)
        count += field.body.len > 0;
    WEIR_FREE weir_bytes *list = weir_alloc(count + 1, sizeof *list);
    count = 0;
    while (next_occurrence(&walk, &field)) {
        if (field.body.len > 0)
            list[count++] = field.body;
    }
    put_key(self, row);
    write_message(self->out, row->message, (part_list){list, count});
}

static void write_last(object *self, const json_field *row, occurrences walk)
{
    weir_otlp_field last = {0};
    for (weir_otlp_field field; next_occurrence(&walk, &field);)
        last = field;
    write_single(self, row, &last);
}

static void write_by_number(object *self, const json_message *message, part_list parts, const message_outline *outline)
{
    for (uint32_t number = 1; number <= WEIR_JSON_FIELDS_MAX && !self->out->stopped; number++) {
        const json_field *row = &message->fields[number];
        const bool is_member = row->presence == WEIR_JSON_ONE_OF;
        if (!(outline->seen & 1u << number) || (is_member && outline->chosen != number))
            continue;
        occurrences walk = is_member ? occurrences_since(parts, outline) : occurrences_of(parts, number);
        if (row->presence == WEIR_JSON_REPEATED) {
            for (weir_otlp_field field; next_occurrence(&walk, &field);)
                write_elements(self, row, &field);
            end_array(self);
        } else if (row->form == WEIR_JSON_MESSAGE) {
            write_merged(self, row, walk);
        } else {
            write_last(self, row, walk);
        }
    }
}

static void write_missing(object *self, const json_message *message, uint32_t missing)
{
    for (; missing; missing &= missing - 1) {
        put_key(self, &message->fields[__builtin_ctz(missing)]);
        weir_otlp_json_put(self->out, "{}", 2);
    }
}

static void write_message(json_writer *out, const json_message *message, part_list parts)
{
    if (out->stopped)
        return;
    object self = {.out = out};
    weir_otlp_json_put_char(out, '{');
    const message_outline outline = look_at(message, parts);
    if (outline.is_regular)
        write_as_it_comes(&self, message, parts);
    else
        write_by_number(&self, message, parts, &outline);
    write_missing(&self, message, message->always & ~outline.seen);
    weir_otlp_json_put_char(out, '}');
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

void weir_otlp_to_json(weir_otlp_kind kind, const weir_bytes *list, size_t count, weir_buffer *out)
{
    json_writer writer = weir_otlp_json_writer_of(out, NULL);
    write_message(&writer, weir_otlp__json_request(kind), (part_list){list, count});
}

bool weir_otlp_to_json_in_pieces(weir_otlp_kind kind, const weir_bytes *list, size_t count, weir_buffer *piece,
                                 const weir_otlp_json_spill *spill)
{
    json_writer writer = weir_otlp_json_writer_of(piece, spill);
    write_message(&writer, weir_otlp__json_request(kind), (part_list){list, count});
    return !writer.stopped;
}
