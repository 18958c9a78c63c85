/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/from_json_value.h"

#include "core/assert.h"

typedef weir_otlp_json_field json_field;

bool weir_otlp__grow(weir_json_reader *self, size_t needed)
{
    enum { WIRE_PER_TEXT_MAX = 4 }; /* "1," is eight bytes */
    const size_t len = weir_otlp__written(self), half = len / 2, rest_max = (WIRE_PER_TEXT_MAX - 1) * needed;
    /* Half as much again, but no more than the rest of the text can take. */
    weir_chunk *larger = weir_chunk_new(self->account, len + needed + (half < rest_max ? half : rest_max));
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

/* ---- Strings, ids, bytes ----------------------------------------------------------------------------------------- */

/* Passes the opening quote. */
static inline bool open_string(weir_json_reader *self, const char *what)
{
    if (__builtin_expect(weir_otlp__text_peek(&self->text) != '"', 0))
        return weir_otlp__text_fail_unlike(&self->text, what);
    self->text.at++;
    return true;
}

/* Must a value be written though it is the default? Only to replace one that was written before. */
static inline bool is_needed(const weir_json_object *object, const json_field *row)
{
    return row->presence != WEIR_JSON_SINGLE || (object->seen & 1u << object->number);
}

bool weir_otlp__read_string(weir_json_reader *self, const weir_json_object *object, const json_field *row)
{
    uint8_t *start = self->out;
    weir_otlp__put_tag(self, object->number, WEIR_WIRE_LEN);
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

bool weir_otlp__read_text(weir_json_reader *self, const char *what, uint8_t *scratch, weir_bytes *ret_text)
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
static inline bool read_plain_id(weir_json_reader *self, uint8_t *ret_id, size_t id_len)
{
    const uint8_t *at = self->text.at;
    if ((size_t)(self->text.end - at) < 2 * id_len + 2 || at[0] != '"' || at[2 * id_len + 1] != '"' ||
        !weir_otlp__parse_hex(at + 1, id_len, ret_id))
        return false;
    self->text.at = at + 2 * id_len + 2;
    return true;
}

static bool read_any_id(weir_json_reader *self, uint8_t *ret_id, size_t id_len)
{
    const uint8_t *at = self->text.at;
    weir_bytes hex;
    if (!weir_otlp__read_text(self, "a string of hex digits", self->out + WEIR_JSON_ROOM_SLACK / 2, &hex))
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
bool weir_otlp__read_id(weir_json_reader *self, const weir_json_object *object, const json_field *row, size_t id_len)
{
    uint8_t id[16];
    if (!read_plain_id(self, id, id_len) && !read_any_id(self, id, id_len))
        return false;
    const bool absent = is_zero(id, id_len);
    if (absent && !is_needed(object, row))
        return true;
    weir_otlp__put_tag(self, object->number, WEIR_WIRE_LEN);
    *self->out++ = absent ? 0 : (uint8_t)id_len;
    if (!absent) {
        memcpy(self->out, id, id_len);
        self->out += id_len;
    }
    return true;
}

bool weir_otlp__read_base64(weir_json_reader *self, const weir_json_object *object)
{
    const uint8_t *at = self->text.at;
    weir_bytes text;
    weir_otlp__put_tag(self, object->number, WEIR_WIRE_LEN);
    uint8_t *body = self->out + WEIR_TAG_BYTES_MAX;
    if (!weir_otlp__read_text(self, "a string of base64", body, &text))
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
static bool read_number_text(weir_json_reader *self, const char *what, weir_bytes *ret_text, bool *ret_quoted)
{
    const uint8_t first = weir_otlp__text_peek(&self->text);
    *ret_quoted = first == '"';
    if (*ret_quoted)
        return weir_otlp__read_text(self, what, self->out + WEIR_JSON_ROOM_SLACK / 2, ret_text);
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

static bool read_any_integer(weir_json_reader *self, weir_otlp_json_form form, uint64_t *ret_value)
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

static inline bool read_integer(weir_json_reader *self, weir_otlp_json_form form, uint64_t *ret_value)
{
    const uint8_t *at = self->text.at;
    if (weir_otlp__read_plain_integer(self, ret_value) && *ret_value <= range_of(form).most)
        return true;
    self->text.at = at;
    return read_any_integer(self, form, ret_value);
}

static bool read_double(weir_json_reader *self, uint64_t *ret_bits)
{
    const uint8_t *at = self->text.at;
    weir_bytes text;
    bool quoted;
    uint64_t whole;
    double number;
    if (weir_otlp__read_plain_integer(self, &whole))
        number = (double)whole; /* rounded to the nearest */
    else if (!read_number_text(self, "a number", &text, &quoted))
        return false;
    else if (!weir_otlp__parse_double(text, quoted, &number))
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

static bool read_enum(weir_json_reader *self, const json_field *row, uint64_t *ret_value)
{
    if (weir_otlp__text_peek(&self->text) != '"')
        return read_integer(self, WEIR_JSON_ENUM, ret_value);
    const uint8_t *at = self->text.at;
    weir_bytes name;
    if (!weir_otlp__read_text(self, "a name or a number", self->out + WEIR_JSON_ROOM_SLACK / 2, &name))
        return false;
    if (!enum_value(row->names, name, ret_value))
        return weir_otlp__text_fail(&self->text, at, "must be a number or a name like %s", row->names->names[1]);
    return true;
}

bool weir_otlp__read_bool(weir_json_reader *self, uint64_t *ret_value)
{
    const uint8_t first = weir_otlp__text_peek(&self->text);
    *ret_value = first == 't';
    if (first != 't' && first != 'f')
        return weir_otlp__text_fail_unlike(&self->text, "true or false");
    return weir_otlp__text_take_word(&self->text, first == 't' ? "true" : "false");
}

/* The value of a number as the wire has it: of a varint, or the bits of a fixed number. */
static inline bool read_number(weir_json_reader *self, const json_field *row, uint64_t *ret_value)
{
    switch (row->form) {
    case WEIR_JSON_DOUBLE:
        return read_double(self, ret_value);
    case WEIR_JSON_BOOL:
        return weir_otlp__read_bool(self, ret_value);
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

static inline void put_fixed64(weir_json_reader *self, uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(self->out, &value, sizeof value);
    self->out += sizeof value;
}

static inline void put_fixed32(weir_json_reader *self, uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    memcpy(self->out, &value, sizeof value);
    self->out += sizeof value;
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

static inline void put_number(weir_json_reader *self, uint32_t wire, uint64_t value)
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

bool weir_otlp__read_number(weir_json_reader *self, const weir_json_object *object, const json_field *row)
{
    uint64_t value;
    if (!read_number(self, row, &value))
        return false;
    if (is_default(row, value) && !is_needed(object, row))
        return true;
    const uint32_t wire = wire_of(row->form);
    weir_otlp__put_tag(self, object->number, wire);
    put_number(self, wire, value);
    return true;
}

bool weir_otlp__read_packed_number(weir_json_reader *self, const json_field *row)
{
    uint64_t value;
    if (!read_number(self, row, &value))
        return false;
    put_number(self, wire_of(row->form), value);
    return true;
}
