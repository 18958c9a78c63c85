/* SPDX-License-Identifier: Apache-2.0
 *
 * One walk over the text, by the tables that json.c writes by. Each member is written to the wire as it is read; a
 * sub-message gets as many bytes for its length as the last one of its kind needed, and is moved if that was wrong.
 *
 * Room is looked after once per member, not per byte: before one is read there is room for all the rest of the text and
 * ROOM_SLACK. Strings, ids and bytes never take more than their text; what may (a number in eight bytes, a tag, a
 * length) fits into the slack. So the chunk starts with the size of the text and grows only for long lists of short
 * numbers, whose elements take up to four times their text ("1," is eight bytes).
 *
 * A member given twice reads as protobuf merges it: the last number or string, all elements of lists, the members of
 * both objects. Of a oneof only the last member stays, as in the Collector: an earlier one is cut out again.
 */
#include "otlp/from_json.h"

#include <stdio.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/assert.h"
#include "core/limits.h"
#include "otlp/from_json_number.h"
#include "otlp/from_json_text.h"
#include "otlp/json_schema.h"
#include "otlp/wire.h"

typedef weir_otlp_json_message json_message;
typedef weir_otlp_json_field json_field;

/* What one member writes beside its text: a tag (2), a length (5), a number (10), and the slack of copying. */
enum { ROOM_SLACK = 128 };
_Static_assert(WEIR_JSON_COPY_SLACK + 2 + 5 + WEIR_VARINT_BYTES_MAX < ROOM_SLACK / 2, "a member fits twice");

enum {
    PATH_SIZE = 4096,     /* enough for WEIR_OTLP_NESTING_MAX maps */
    PATH_SHOWN_MAX = 110, /* of a longer one the end is shown */
};

/* The tags in a KeyValue and its AnyValue. */
enum { PLAIN_KEY = 0x0a, PLAIN_VALUE = 0x12, PLAIN_STRING = 0x0a, PLAIN_BOOL = 0x10, PLAIN_INT = 0x18 };

typedef struct reader {
    weir_json_text text;
    uint8_t *out; /* where the next byte goes */
    uint8_t *out_end;
    weir_chunk *chunk;
    weir_account *account;
    uint64_t items;
    unsigned nesting;
    bool out_of_memory;
    /* Of a failure: the member it is in. */
    bool has_path;
    size_t path_len; /* the path may be longer than there is room */
    /* Guesses, from what was last: how many bytes the length of a message takes, and which field follows which. */
    uint8_t length_size[WEIR_JSON_MESSAGES];
    uint8_t next_field[WEIR_JSON_MESSAGES][WEIR_JSON_FIELDS_MAX + 1];
    char path[PATH_SIZE]; /* not initialised */
} reader;

/* An object being read, and the way to it, for messages. */
typedef struct json_object {
    const json_message *message;
    const struct json_object *parent;
    uint32_t number; /* of the member being read; 0: one we do not know, or none */
    size_t element;  /* of a list, from 0 */
    bool in_list;
    uint32_t seen; /* bit N: field N was written */
    /* The member of the oneof written so far, if choice_end is not 0: where, and how many items are in it. */
    size_t choice_start;
    size_t choice_end;
    uint64_t choice_items;
} json_object;

static bool read_object(reader *self, const json_message *message, const json_object *parent);

/* ---- The output -------------------------------------------------------------------------------------------------- */

static size_t written(const reader *self)
{
    return (size_t)(self->out - self->chunk->data);
}

static bool __attribute__((noinline)) grow(reader *self, size_t needed)
{
    const size_t len = written(self);
    weir_chunk *larger = weir_chunk_new(self->account, len + len / 2 + needed);
    if (!larger) {
        self->out_of_memory = true;
        return false;
    }
    memcpy(larger->data, self->chunk->data, len);
    weir_chunk_unref(self->chunk);
    self->chunk = larger;
    self->out = larger->data + len;
    self->out_end = larger->data + larger->size;
    return true;
}

static inline bool make_room(reader *self)
{
    const size_t needed = (size_t)(self->text.end - self->text.at) + ROOM_SLACK;
    return __builtin_expect((size_t)(self->out_end - self->out) >= needed, 1) || grow(self, needed);
}

static inline void put_tag(reader *self, uint32_t number, uint32_t wire)
{
    const uint32_t tag = number << 3 | wire;
    if (tag < 0x80)
        *self->out++ = (uint8_t)tag;
    else
        self->out += weir_otlp_varint_write(self->out, tag);
}

static inline void put_fixed64(reader *self, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(self->out, &value, sizeof value);
    self->out += sizeof value;
}

static inline void put_fixed32(reader *self, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    memcpy(self->out, &value, sizeof value);
    self->out += sizeof value;
}

/* Sets the length of what was written since `body`, for which `room` bytes were left before it. */
static inline bool close_body(reader *self, size_t body, size_t room)
{
    const size_t body_len = written(self) - body;
    const size_t needed = weir_otlp_varint_size(body_len);
    if (__builtin_expect(needed != room, 0)) {
        if (needed > room && !make_room(self))
            return false;
        uint8_t *start = self->chunk->data + body;
        memmove(start - room + needed, start, body_len);
        self->out = self->out - room + needed;
    }
    weir_otlp_varint_write(self->chunk->data + body - room, body_len);
    return true;
}

/* ---- Strings, ids, bytes ----------------------------------------------------------------------------------------- */

/* Passes the opening quote. */
static inline bool open_string(reader *self, const char *what)
{
    if (__builtin_expect(weir_otlp__text_peek(&self->text) != '"', 0))
        return weir_otlp__text_fail_unlike(&self->text, what);
    self->text.at++;
    return true;
}

/* Must a value be written though it is the default? Only to replace one that was written before. */
static inline bool is_needed(const json_object *object, const json_field *row)
{
    return row->presence != WEIR_JSON_SINGLE || (object->seen & 1u << object->number);
}

static inline bool read_string(reader *self, const json_object *object, const json_field *row)
{
    uint8_t *start = self->out;
    put_tag(self, object->number, WEIR_WIRE_LEN);
    uint8_t *body = self->out + 1;
    uint8_t *body_end = body;
    if (weir_otlp__text_peek(&self->text) == 'n') {
        if (!weir_otlp__text_take_word(&self->text, "null"))
            return false;
    } else if (!open_string(self, "a string") || !(body_end = weir_otlp__text_copy_string(&self->text, body))) {
        return false;
    }
    const size_t len = (size_t)(body_end - body);
    if (len == 0 && !is_needed(object, row)) {
        self->out = start;
        return true;
    }
    if (__builtin_expect(len >= 0x80, 0)) {
        const size_t more = weir_otlp_varint_size(len) - 1;
        memmove(body + more, body, len);
        body_end += more;
    }
    weir_otlp_varint_write(body - 1, len);
    self->out = body_end;
    return true;
}

/* A string whose text is needed at once: as it stands, or, if it has escapes, at `scratch`, where there is room for it
 * (behind what is written). A NUL follows it there. */
static bool read_text(reader *self, const char *what, uint8_t *scratch, weir_bytes *ret_text)
{
    if (!open_string(self, what))
        return false;
    const uint8_t *start = self->text.at;
    bool escaped;
    if (!weir_otlp__text_raw_string(&self->text, ret_text, &escaped))
        return false;
    if (!escaped)
        return true;
    self->text.at = start;
    uint8_t *end = weir_otlp__text_copy_string(&self->text, scratch);
    if (!end)
        return false;
    *end = 0;
    *ret_text = (weir_bytes){scratch, (size_t)(end - scratch)};
    return true;
}

static inline bool is_zero(const uint8_t *bytes, size_t len)
{
    uint64_t bits = 0, part;
    for (size_t i = 0; i < len; i += sizeof part) {
        memcpy(&part, bytes + i, sizeof part);
        bits |= part;
    }
    return bits == 0;
}

/* Hex digits between quotes: nearly all ids. False, and nothing has happened, if it is something else. */
static inline bool read_plain_id(reader *self, uint8_t *ret_id, size_t id_len)
{
    const uint8_t *at = self->text.at;
    if ((size_t)(self->text.end - at) < 2 * id_len + 2 || at[0] != '"' || at[2 * id_len + 1] != '"' ||
        !weir_otlp__parse_hex(at + 1, id_len, ret_id))
        return false;
    self->text.at = at + 2 * id_len + 2;
    return true;
}

static bool read_any_id(reader *self, uint8_t *ret_id, size_t id_len)
{
    const uint8_t *at = self->text.at;
    weir_bytes hex;
    if (!read_text(self, "a string of hex digits", self->out + ROOM_SLACK / 2, &hex))
        return false;
    if (hex.len == 0)
        memset(ret_id, 0, id_len);
    else if (hex.len != 2 * id_len)
        return weir_otlp__text_fail(&self->text, at, "must be %zu hex digits, not %zu", 2 * id_len, hex.len);
    else if (!weir_otlp__parse_hex(hex.data, id_len, ret_id))
        return weir_otlp__text_fail(&self->text, at, "must be %zu hex digits; another character is among them",
                                    2 * id_len);
    return true;
}

/* An id of zeros is none, as in the Collector. */
static bool read_id(reader *self, const json_object *object, const json_field *row, size_t id_len)
{
    uint8_t id[16];
    if (!read_plain_id(self, id, id_len) && !read_any_id(self, id, id_len))
        return false;
    const bool absent = is_zero(id, id_len);
    if (absent && !is_needed(object, row))
        return true;
    put_tag(self, object->number, WEIR_WIRE_LEN);
    *self->out++ = absent ? 0 : (uint8_t)id_len;
    if (!absent) {
        memcpy(self->out, id, id_len);
        self->out += id_len;
    }
    return true;
}

static bool read_base64(reader *self, const json_object *object)
{
    const uint8_t *at = self->text.at;
    weir_bytes text;
    put_tag(self, object->number, WEIR_WIRE_LEN);
    uint8_t *body = self->out + WEIR_TAG_BYTES_MAX;
    if (!read_text(self, "a string of base64", body, &text))
        return false;
    uint8_t *body_end = weir_otlp__parse_base64(text, body);
    if (!body_end)
        return weir_otlp__text_fail(&self->text, at, "is not base64");
    const size_t len = (size_t)(body_end - body);
    self->out += weir_otlp_varint_write(self->out, len);
    memmove(self->out, body, len);
    self->out += len;
    return true;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* The text of a number, quoted or not. */
static bool read_number_text(reader *self, const char *what, weir_bytes *ret_text, bool *ret_quoted)
{
    const uint8_t first = weir_otlp__text_peek(&self->text);
    *ret_quoted = first == '"';
    if (*ret_quoted)
        return read_text(self, what, self->out + ROOM_SLACK / 2, ret_text);
    if (first != '-' && (first < '0' || first > '9'))
        return weir_otlp__text_fail_unlike(&self->text, what);
    const uint8_t *end = weir_otlp__text_number_end(&self->text);
    if (!end)
        return false;
    *ret_text = (weir_bytes){self->text.at, (size_t)(end - self->text.at)};
    self->text.at = end;
    return true;
}

/* The range of each kind of integer, and how an error calls it. */
typedef struct integer_range {
    uint64_t most;
    uint64_t least; /* how far below zero */
    const char *what;
} integer_range;

static integer_range range_of(weir_otlp_json_form form)
{
    switch (form) {
    case WEIR_JSON_UINT32:
    case WEIR_JSON_FIXED32:
        return (integer_range){UINT32_MAX, 0, "a whole number from 0 to 4294967295"};
    case WEIR_JSON_INT32:
    case WEIR_JSON_ENUM:
    case WEIR_JSON_ZIGZAG32:
        return (integer_range){INT32_MAX, (uint64_t)INT32_MAX + 1, "a whole number of 32 bits"};
    case WEIR_JSON_QUOTED_INT64:
    case WEIR_JSON_QUOTED_SFIXED64:
        return (integer_range){INT64_MAX, (uint64_t)INT64_MAX + 1, "a whole number of 64 bits"};
    default:
        return (integer_range){UINT64_MAX, 0, "a whole number from 0 to 18446744073709551615"};
    }
}

/* Digits and nothing else, quoted or not: nearly all there are. Does not move if it is something else. */
static inline bool read_plain_integer(reader *self, uint64_t *ret_value)
{
    const uint8_t *at = self->text.at, *end = self->text.end;
    const bool quoted = at < end && *at == '"';
    at += quoted;
    const uint8_t *digits = at;
    at = weir_otlp__parse_digits(at, end, ret_value);
    if (at == digits || at == end)
        return false;
    if (quoted ? *at != '"' : (*at != ',' && *at != '}' && *at != ']'))
        return false;
    if (!quoted && *digits == '0' && at - digits > 1)
        return false;
    self->text.at = at + quoted;
    return true;
}

static bool read_any_integer(reader *self, weir_otlp_json_form form, uint64_t *ret_value)
{
    const uint8_t *at = self->text.at;
    const integer_range range = range_of(form);
    weir_bytes text;
    bool quoted;
    weir_json_integer integer;
    if (!read_number_text(self, range.what, &text, &quoted))
        return false;
    if (!weir_otlp__parse_integer(text, &integer) || integer.magnitude > (integer.negative ? range.least : range.most))
        return weir_otlp__text_fail(&self->text, at, "must be %s", range.what);
    *ret_value = integer.negative ? -integer.magnitude : integer.magnitude;
    return true;
}

static inline bool read_integer(reader *self, weir_otlp_json_form form, uint64_t *ret_value)
{
    const uint8_t *at = self->text.at;
    if (read_plain_integer(self, ret_value) && *ret_value <= range_of(form).most)
        return true;
    self->text.at = at;
    return read_any_integer(self, form, ret_value);
}

static bool read_double(reader *self, uint64_t *ret_bits)
{
    const uint8_t *at = self->text.at;
    weir_bytes text;
    bool quoted;
    double number;
    if (!read_number_text(self, "a number", &text, &quoted))
        return false;
    if (!weir_otlp__parse_double(text, quoted, &number))
        return weir_otlp__text_fail(&self->text, at, "is not a number, or larger than a double can be");
    memcpy(ret_bits, &number, sizeof number);
    return true;
}

/* The Collector knows the name of TRACE only with a blank behind it. */
static bool enum_value(const weir_otlp_json_names *names, weir_bytes name, uint64_t *ret_value)
{
    if (name.len > 0 && name.data[name.len - 1] == ' ')
        name.len--;
    for (unsigned i = 0; i < names->count; i++) {
        if (weir_text_is((weir_text){(const char *)name.data, name.len}, names->names[i])) {
            *ret_value = i;
            return true;
        }
    }
    return false;
}

static bool read_enum(reader *self, const json_field *row, uint64_t *ret_value)
{
    if (weir_otlp__text_peek(&self->text) != '"')
        return read_integer(self, WEIR_JSON_ENUM, ret_value);
    const uint8_t *at = self->text.at;
    weir_bytes name;
    if (!read_text(self, "a name or a number", self->out + ROOM_SLACK / 2, &name))
        return false;
    if (!enum_value(row->names, name, ret_value))
        return weir_otlp__text_fail(&self->text, at, "must be a number or a name like %s", row->names->names[1]);
    return true;
}

static bool read_bool(reader *self, uint64_t *ret_value)
{
    const uint8_t first = weir_otlp__text_peek(&self->text);
    *ret_value = first == 't';
    if (first != 't' && first != 'f')
        return weir_otlp__text_fail_unlike(&self->text, "true or false");
    return weir_otlp__text_take_word(&self->text, first == 't' ? "true" : "false");
}

/* The value of a number as the wire has it: of a varint, or the bits of a fixed number. */
static inline bool read_number(reader *self, const json_field *row, uint64_t *ret_value)
{
    switch (row->form) {
    case WEIR_JSON_DOUBLE:
        return read_double(self, ret_value);
    case WEIR_JSON_BOOL:
        return read_bool(self, ret_value);
    case WEIR_JSON_ENUM:
        return read_enum(self, row, ret_value);
    case WEIR_JSON_ZIGZAG32:
        if (!read_integer(self, row->form, ret_value))
            return false;
        *ret_value = (uint32_t)(*ret_value << 1) ^ (uint32_t)((int32_t)*ret_value >> 31);
        return true;
    default:
        return read_integer(self, row->form, ret_value);
    }
}

static inline uint32_t wire_of(weir_otlp_json_form form)
{
    switch (form) {
    case WEIR_JSON_DOUBLE:
    case WEIR_JSON_QUOTED_FIXED64:
    case WEIR_JSON_QUOTED_SFIXED64:
        return WEIR_WIRE_FIXED64;
    case WEIR_JSON_FIXED32:
        return WEIR_WIRE_FIXED32;
    default:
        return WEIR_WIRE_VARINT;
    }
}

static inline void put_number(reader *self, uint32_t wire, uint64_t value)
{
    if (wire == WEIR_WIRE_FIXED64)
        put_fixed64(self, value);
    else if (wire == WEIR_WIRE_FIXED32)
        put_fixed32(self, (uint32_t)value);
    else
        self->out += weir_otlp_varint_write(self->out, value);
}

/* 0, and of a double also -0: neither is written by any encoder. */
static inline bool is_default(const json_field *row, uint64_t value)
{
    return row->form == WEIR_JSON_DOUBLE ? value << 1 == 0 : value == 0;
}

static inline bool read_number_field(reader *self, const json_object *object, const json_field *row)
{
    uint64_t value;
    if (!read_number(self, row, &value))
        return false;
    if (is_default(row, value) && !is_needed(object, row))
        return true;
    const uint32_t wire = wire_of(row->form);
    put_tag(self, object->number, wire);
    put_number(self, wire, value);
    return true;
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static bool read_message(reader *self, const json_object *object, const json_message *message)
{
    if (message->nests && self->nesting == WEIR_OTLP_NESTING_MAX)
        return weir_otlp__text_fail(&self->text, self->text.at, "nests deeper than %d", WEIR_OTLP_NESTING_MAX);
    self->nesting += message->nests;
    uint8_t *guess = &self->length_size[message->index];
    size_t room = *guess;
    if (room == 0) /* the first one: of a request it is nearly all, and the wire is about half of its text */
        room = weir_otlp_varint_size((size_t)(self->text.end - self->text.at) / 2);
    put_tag(self, object->number, WEIR_WIRE_LEN);
    self->out += room;
    const size_t body = written(self);
    if (!read_object(self, message, object))
        return false;
    const size_t body_len = written(self) - body;
    *guess = (uint8_t)weir_otlp_varint_size(body_len);
    self->nesting -= message->nests;
    self->items += message->is_item;
    return close_body(self, body, room);
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

/* Passes `word`, if it stands here. */
#define TAKE(self, word) take(self, word, sizeof word - 1)
static inline bool take(reader *self, const char *word, size_t len)
{
    weir_json_text *text = &self->text;
    if ((size_t)(text->end - text->at) < len || memcmp(text->at, word, len) != 0)
        return false;
    text->at += len;
    return true;
}

/* The lengths in a KeyValue were left one byte each, and are larger: makes room and sets them. `start` is its tag. */
static uint8_t *widen_attribute(uint8_t *start, size_t key_len, size_t string_len)
{
    const size_t string_room = weir_otlp_varint_size(string_len), value_len = 1 + string_room + string_len;
    const size_t value_room = weir_otlp_varint_size(value_len);
    const size_t body_len = 2 + key_len + 1 + value_room + value_len, body_room = weir_otlp_varint_size(body_len);
    uint8_t *key = start + 4, *string = key + key_len + 4;
    uint8_t *key_to = key + body_room - 1, *string_to = string + body_room + value_room + string_room - 3;
    memmove(string_to, string, string_len);
    memmove(key_to, key, key_len);
    weir_otlp_varint_write(start + 1, body_len);
    key_to[-2] = PLAIN_KEY;
    key_to[-1] = (uint8_t)key_len;
    key_to[key_len] = PLAIN_VALUE;
    weir_otlp_varint_write(key_to + key_len + 1, value_len);
    string_to[-(ptrdiff_t)string_room - 1] = PLAIN_STRING;
    weir_otlp_varint_write(string_to - string_room, string_len);
    return string_to + string_len;
}

/* The value of an attribute in its usual form. Writes it as an AnyValue to `out`, a string with one byte for its
 * length. Returns the end, NULL if it is in another form. */
static inline uint8_t *read_plain_value(reader *self, uint8_t *out)
{
    uint64_t value;
    if (TAKE(self, "stringValue\":\"")) {
        out[0] = PLAIN_STRING;
        uint8_t *end = weir_otlp__text_copy_string(&self->text, out + 2);
        out[1] = end ? (uint8_t)(end - (out + 2)) : 0;
        return end;
    }
    if (TAKE(self, "intValue\":") && read_plain_integer(self, &value) && value <= INT64_MAX) {
        out[0] = PLAIN_INT;
        return out + 1 + weir_otlp_varint_write(out + 1, value);
    }
    if (TAKE(self, "boolValue\":") && read_bool(self, &value)) {
        out[0] = PLAIN_BOOL;
        out[1] = (uint8_t)value;
        return out + 2;
    }
    return NULL;
}

/* {"key":"…","value":{"stringValue":"…"}}, or an int or a bool: the form in which SDKs write nearly every attribute.
 * Knowing it by its outline costs a fraction of what reading two objects does. False, and nothing has happened, if it
 * is in another form, or wrong. */
static inline bool read_plain_attribute(reader *self, uint32_t number)
{
    const uint8_t *at = self->text.at;
    uint8_t *start = self->out, *key = start + 4;
    if (number >= 16 || !TAKE(self, "{\"key\":\""))
        return false;
    uint8_t *key_end = weir_otlp__text_copy_string(&self->text, key);
    uint8_t *value = key_end + 2, *end = NULL;
    const size_t key_len = key_end ? (size_t)(key_end - key) : 0;
    if (key_len != 0 && key_len < 0x80 && TAKE(self, ",\"value\":{\""))
        end = read_plain_value(self, value);
    const size_t body_len = end ? (size_t)(end - start) - 2 : 0;
    if (body_len == 0 || (body_len >= 0x80 && *value != PLAIN_STRING) || !TAKE(self, "}}")) {
        self->text.at = at;
        self->text.problem_at = NULL; /* if there is one, it will be found again, with the path to it */
        return false;
    }
    start[0] = (uint8_t)(number << 3 | WEIR_WIRE_LEN);
    if (__builtin_expect(body_len < 0x80, 1)) {
        start[1] = (uint8_t)body_len;
        start[2] = PLAIN_KEY;
        start[3] = (uint8_t)key_len;
        key_end[0] = PLAIN_VALUE;
        key_end[1] = (uint8_t)(end - value);
    } else {
        end = widen_attribute(start, key_len, (size_t)(end - value) - 2);
    }
    self->out = end;
    return true;
}

static inline bool read_value(reader *self, const json_object *object, const json_field *row)
{
    switch (row->form) {
    case WEIR_JSON_STRING:
        return read_string(self, object, row);
    case WEIR_JSON_TRACE_ID:
        return read_id(self, object, row, 16);
    case WEIR_JSON_SPAN_ID:
        return read_id(self, object, row, 8);
    case WEIR_JSON_BASE64:
        return read_base64(self, object);
    case WEIR_JSON_MESSAGE:
        return read_message(self, object, row->message);
    default:
        return read_number_field(self, object, row);
    }
}

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

/* Between elements: passes a comma, or the end of the list. */
static inline bool next_element(reader *self, bool *ret_end)
{
    weir_otlp__text_skip_blanks(&self->text);
    const uint8_t next = weir_otlp__text_peek(&self->text);
    *ret_end = next == ']';
    if (__builtin_expect(next != ',' && next != ']', 0))
        return weir_otlp__text_fail(&self->text, self->text.at,
                                    next ? "needs a comma or the end of the array behind it"
                                         : "is cut off: the text ends in an array");
    self->text.at++;
    weir_otlp__text_skip_blanks(&self->text);
    return true;
}

/* `at` is at the first element. */
static bool read_elements(reader *self, json_object *object, const json_field *row, bool is_packed)
{
    for (bool end = false; !end; object->element++) {
        if (!make_room(self))
            return false;
        if (is_packed) {
            uint64_t value;
            if (!read_number(self, row, &value))
                return false;
            put_number(self, wire_of(row->form), value);
        } else if (!(row->form == WEIR_JSON_MESSAGE && row->message->is_attribute &&
                     read_plain_attribute(self, object->number)) &&
                   !read_value(self, object, row)) {
            return false;
        }
        if (!next_element(self, &end))
            return false;
    }
    return true;
}

static bool read_packed(reader *self, json_object *object, const json_field *row)
{
    put_tag(self, object->number, WEIR_WIRE_LEN);
    self->out++;
    const size_t body = written(self);
    return read_elements(self, object, row, true) && close_body(self, body, 1);
}

static bool read_list(reader *self, json_object *object, const json_field *row)
{
    if (weir_otlp__text_peek(&self->text) != '[')
        return weir_otlp__text_fail_unlike(&self->text, "an array");
    self->text.at++;
    weir_otlp__text_skip_blanks(&self->text);
    if (weir_otlp__text_peek(&self->text) == ']') {
        self->text.at++;
        return true;
    }
    object->in_list = true;
    object->element = 0;
    const bool is_packed = row->form != WEIR_JSON_MESSAGE && row->form != WEIR_JSON_STRING;
    if (!(is_packed ? read_packed(self, object, row) : read_elements(self, object, row, false)))
        return false;
    object->in_list = false;
    return true;
}

/* ---- Members ----------------------------------------------------------------------------------------------------- */

/* Takes the member of a oneof that was read before back out of the output. */
static void cut_choice(reader *self, json_object *object)
{
    uint8_t *start = self->chunk->data + object->choice_start, *end = self->chunk->data + object->choice_end;
    memmove(start, end, (size_t)(self->out - end));
    self->out -= end - start;
    self->items -= object->choice_items;
}

static bool read_choice(reader *self, json_object *object, const json_field *row)
{
    if (object->choice_end != 0)
        cut_choice(self, object);
    const uint64_t items = self->items;
    object->choice_start = written(self);
    if (!read_value(self, object, row))
        return false;
    object->choice_end = written(self);
    object->choice_items = self->items - items;
    return true;
}

/* null is as good as absent. But a string that is null is empty, and so is an object in a oneof: what the Collector
 * makes of them. */
static inline bool is_absent(const reader *self, const json_field *row)
{
    if (__builtin_expect(weir_otlp__text_peek(&self->text) != 'n', 1))
        return false;
    if (row->presence == WEIR_JSON_REPEATED)
        return true;
    return row->form != WEIR_JSON_STRING && (row->form != WEIR_JSON_MESSAGE || row->presence != WEIR_JSON_ONE_OF);
}

static inline bool read_member(reader *self, json_object *object)
{
    if (object->number == 0)
        return weir_otlp__text_skip_value(&self->text);
    const json_field *row = &object->message->fields[object->number];
    if (is_absent(self, row))
        return weir_otlp__text_take_word(&self->text, "null");
    bool ok;
    if (row->presence == WEIR_JSON_REPEATED)
        ok = read_list(self, object, row);
    else if (row->presence == WEIR_JSON_ONE_OF)
        ok = read_choice(self, object, row);
    else
        ok = read_value(self, object, row);
    object->seen |= 1u << object->number;
    return ok;
}

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

/* Does the key of `row`, with quotes and colon, stand at `at`? */
static inline bool is_at_key(const weir_json_text *text, const json_field *row)
{
#ifdef __SSE2__
    if (__builtin_expect(text->end - text->at >= WEIR_JSON_KEY_SIZE, 1)) {
        const __m128i *found = (const __m128i *)(const void *)text->at, *key = (const __m128i *)(const void *)row->key;
        const __m128i first = _mm_cmpeq_epi8(_mm_loadu_si128(found), _mm_loadu_si128(key));
        const __m128i second = _mm_cmpeq_epi8(_mm_loadu_si128(found + 1), _mm_loadu_si128(key + 1));
        const uint32_t equal = (uint32_t)_mm_movemask_epi8(first) | (uint32_t)_mm_movemask_epi8(second) << 16;
        return (~equal & ((1u << row->key_len) - 1)) == 0;
    }
#endif
    return (size_t)(text->end - text->at) >= row->key_len && memcmp(text->at, row->key, row->key_len) == 0;
}

/* The field called `name`, in lowerCamelCase; 0 if there is none. */
static uint32_t field_called(const json_message *message, weir_bytes name)
{
    for (uint32_t number = 1; number <= WEIR_JSON_FIELDS_MAX; number++) {
        const json_field *row = &message->fields[number];
        if (row->key_len == name.len + 3 && memcmp(row->key + 1, name.data, name.len) == 0)
            return number;
    }
    return 0;
}

/* As field_called, but the name in the schema's own form, with underscores. */
static uint32_t field_called_in_proto(const json_message *message, weir_bytes name)
{
    uint8_t camel[WEIR_JSON_KEY_SIZE];
    size_t len = 0;
    if (name.len > sizeof camel)
        return 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t letter = name.data[i];
        if (letter >= 'A' && letter <= 'Z')
            return 0;
        if (letter == '_') {
            if (++i == name.len || name.data[i] < 'a' || name.data[i] > 'z')
                return 0;
            letter = (uint8_t)(name.data[i] - 'a' + 'A');
        }
        camel[len++] = letter;
    }
    return field_called(message, (weir_bytes){camel, len});
}

static bool read_any_key(reader *self, json_object *object)
{
    object->number = 0;
    if (weir_otlp__text_peek(&self->text) != '"')
        return weir_otlp__text_fail(&self->text, self->text.at,
                                    self->text.at < self->text.end ? "must have a string as key for each value"
                                                                   : "is cut off: the text ends in an object");
    weir_bytes name;
    if (!read_text(self, "a string", self->out, &name))
        return false;
    object->number = field_called(object->message, name);
    if (object->number == 0)
        object->number = field_called_in_proto(object->message, name);
    weir_otlp__text_skip_blanks(&self->text);
    if (weir_otlp__text_peek(&self->text) != ':')
        return weir_otlp__text_fail(&self->text, self->text.at, "needs a colon behind its key");
    self->text.at++;
    return true;
}

/* Reads a key and its colon into object->number. The members of one message mostly come in the same order: what
 * followed the last time is tried first. */
static inline bool read_key(reader *self, json_object *object)
{
    uint8_t *guess = &self->next_field[object->message->index][object->number];
    const json_field *row = &object->message->fields[*guess];
    if (__builtin_expect(*guess != 0 && is_at_key(&self->text, row), 1)) {
        self->text.at += row->key_len;
        object->number = *guess;
        return true;
    }
    if (!read_any_key(self, object))
        return false;
    *guess = (uint8_t)object->number;
    return true;
}

/* ---- Objects ----------------------------------------------------------------------------------------------------- */

/* `at` is at the first key. */
static bool read_members(reader *self, json_object *object)
{
    for (;;) {
        if (!make_room(self) || !read_key(self, object))
            return false;
        weir_otlp__text_skip_blanks(&self->text);
        if (!read_member(self, object))
            return false;
        weir_otlp__text_skip_blanks(&self->text);
        const uint8_t next = weir_otlp__text_peek(&self->text);
        if (next != ',' && next != '}')
            return weir_otlp__text_fail(&self->text, self->text.at,
                                        next ? "needs a comma or the end of the object behind it"
                                             : "is cut off: the text ends in an object");
        self->text.at++;
        if (next == '}')
            return true;
        weir_otlp__text_skip_blanks(&self->text);
    }
}

/* The path of the member being read, as in "resourceSpans[0].resource". Returns its length in all, perhaps more than
 * fits. */
static size_t write_path(const json_object *object, char *out, size_t size)
{
    if (!object)
        return 0;
    const size_t len = write_path(object->parent, out, size);
    if (object->number == 0)
        return len;
    const json_field *row = &object->message->fields[object->number];
    char *end = out + (len < size ? len : size);
    const size_t left = len < size ? size - len : 0;
    int more = snprintf(end, left, "%s%.*s", len ? "." : "", row->key_len - 3, row->key + 1);
    if (object->in_list)
        more = snprintf(end, left, "%s%.*s[%zu]", len ? "." : "", row->key_len - 3, row->key + 1, object->element);
    return len + (size_t)more;
}

/* Keeps the way to what failed, once: the objects on it are still on the stack. */
static bool __attribute__((cold, noinline)) keep_path(reader *self, const json_object *object)
{
    if (!self->has_path)
        self->path_len = write_path(object, self->path, sizeof self->path);
    self->has_path = true;
    return false;
}

static bool read_object(reader *self, const json_message *message, const json_object *parent)
{
    json_object object = {.message = message, .parent = parent};
    if (__builtin_expect(weir_otlp__text_peek(&self->text) != '{', 0)) {
        if (weir_otlp__text_peek(&self->text) == 'n')
            return weir_otlp__text_take_word(&self->text, "null");
        return weir_otlp__text_fail_unlike(&self->text, "an object");
    }
    self->text.at++;
    weir_otlp__text_skip_blanks(&self->text);
    if (weir_otlp__text_peek(&self->text) == '}') {
        self->text.at++;
        return true;
    }
    return read_members(self, &object) || keep_path(self, &object);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

static bool read_request(reader *self, weir_otlp_kind kind)
{
    weir_json_text *text = &self->text;
    if (text->end - text->at >= 3 && memcmp(text->at, "\xef\xbb\xbf", 3) == 0)
        return weir_otlp__text_fail(text, text->at, "begins with a byte order mark: send UTF-8 without it");
    weir_otlp__text_skip_blanks(text);
    if (!read_object(self, weir_otlp__json_request(kind), NULL))
        return false;
    weir_otlp__text_skip_blanks(text);
    if (text->at < text->end)
        return weir_otlp__text_fail(text, text->at, "has something behind its end: send one JSON object");
    return true;
}

static weir_status refuse(const reader *self, weir_error *ret_error)
{
    const weir_json_text *text = &self->text;
    const size_t offset = (size_t)(text->problem_at - text->start);
    const char *path = self->path;
    const char *cut = "";
    if (self->path_len > PATH_SHOWN_MAX) {
        const size_t kept = self->path_len < PATH_SIZE ? self->path_len : PATH_SIZE - 1;
        path += kept - PATH_SHOWN_MAX;
        cut = "...";
    }
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "offset %zu: %s%s %s", offset, cut,
                   self->path_len ? path : "the request", text->problem);
    ret_error->offset = offset;
    return WEIR_INVALID;
}

weir_status weir_otlp_from_json(weir_otlp_kind kind, const uint8_t *json, size_t len, weir_account *account,
                                weir_chunk **ret_chunk, uint64_t *ret_items, weir_error *ret_error)
{
    reader self;
    memset(&self, 0, offsetof(reader, path));
    self.text = (weir_json_text){.start = json, .at = json, .end = json + len};
    self.account = account;
    self.chunk = weir_chunk_new(account, len + ROOM_SLACK);
    if (!self.chunk)
        return weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_NO_MEMORY,
                              "no memory to read %zu bytes of JSON: all of it is in use", len);
    self.out = self.chunk->data;
    self.out_end = self.chunk->data + self.chunk->size;
    if (!read_request(&self, kind)) {
        weir_chunk_unref(self.chunk);
        return self.out_of_memory ? weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_NO_MEMORY,
                                                   "no memory to read %zu bytes of JSON: all of it is in use", len)
                                  : refuse(&self, ret_error);
    }
    WEIR_ASSERT(self.nesting == 0 && self.out <= self.out_end);
    *ret_chunk = weir_chunk_shrink(self.chunk, written(&self));
    *ret_items = self.items;
    return WEIR_OK;
}
