/* SPDX-License-Identifier: Apache-2.0
 *
 * One walk over the text, by the tables that json.c writes by. Each member is written to the wire as it is read; a
 * sub-message gets as many bytes for its length as the last one of its kind needed, and is moved if that was wrong.
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
#include "otlp/from_json_value.h"

typedef weir_otlp_json_message json_message;
typedef weir_otlp_json_field json_field;

typedef weir_json_reader reader;
typedef weir_json_object json_object;

/* The tags in a KeyValue and its AnyValue. */
enum { PLAIN_KEY = 0x0a, PLAIN_VALUE = 0x12, PLAIN_STRING = 0x0a, PLAIN_BOOL = 0x10, PLAIN_INT = 0x18 };

static bool read_object(reader *self, const json_message *message, const json_object *parent);

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

/* Sets the length of what was written since `body`, for which `room` bytes were left before it. */
static inline bool close_body(reader *self, size_t body, size_t room)
{
    const size_t body_len = weir_otlp__written(self) - body;
    const size_t needed = weir_otlp_varint_size(body_len);
    if (__builtin_expect(needed != room, 0)) {
        if (needed > room && !weir_otlp__make_room(self))
            return false;
        uint8_t *start = self->chunk->data + body;
        memmove(start - room + needed, start, body_len);
        self->out = self->out - room + needed;
    }
    weir_otlp_varint_write(self->chunk->data + body - room, body_len);
    return true;
}

static bool read_message(reader *self, const json_object *object, const json_message *message)
{
    if (message->nests && self->nesting == WEIR_OTLP_NESTING_MAX)
        return weir_otlp__text_fail(&self->text, self->text.at, "nests deeper than %d", WEIR_OTLP_NESTING_MAX);
    self->nesting += message->nests;
    uint8_t *guess = &self->length_size[message->index];
    size_t room = *guess;
    if (room == 0) /* the first one: of a request it is nearly all, and the wire is about half of its text */
        room = weir_otlp_varint_size((size_t)(self->text.end - self->text.at) / 2);
    weir_otlp__put_tag(self, object->number, WEIR_WIRE_LEN);
    self->out += room;
    const size_t body = weir_otlp__written(self);
    if (!read_object(self, message, object))
        return false;
    const size_t body_len = weir_otlp__written(self) - body;
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
    if (TAKE(self, "intValue\":")) {
        if (!weir_otlp__read_plain_integer(self, &value) || value > INT64_MAX)
            return NULL;
        out[0] = PLAIN_INT;
        return out + 1 + weir_otlp_varint_write(out + 1, value);
    }
    if (TAKE(self, "boolValue\":") && weir_otlp__read_bool(self, &value)) {
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
    const size_t key_len = key_end ? (size_t)(key_end - key) : 0;
    uint8_t *value = key + key_len + 2, *end = NULL;
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
        return weir_otlp__read_string(self, object, row);
    case WEIR_JSON_TRACE_ID:
        return weir_otlp__read_id(self, object, row, 16);
    case WEIR_JSON_SPAN_ID:
        return weir_otlp__read_id(self, object, row, 8);
    case WEIR_JSON_BASE64:
        return weir_otlp__read_base64(self, object);
    case WEIR_JSON_MESSAGE:
        return read_message(self, object, row->message);
    default:
        return weir_otlp__read_number(self, object, row);
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
                                    self->text.at < self->text.end ? "needs a comma or the end of the array behind it"
                                                                   : "is cut off: the text ends in an array");
    self->text.at++;
    weir_otlp__text_skip_blanks(&self->text);
    return true;
}

/* `at` is at the first element. */
static bool read_elements(reader *self, json_object *object, const json_field *row, bool is_packed)
{
    for (bool end = false; !end; object->element++) {
        if (!weir_otlp__make_room(self))
            return false;
        if (is_packed) {
            if (!weir_otlp__read_packed_number(self, row))
                return false;
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
    weir_otlp__put_tag(self, object->number, WEIR_WIRE_LEN);
    self->out++;
    const size_t body = weir_otlp__written(self);
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
    object->choice_start = weir_otlp__written(self);
    if (!read_value(self, object, row))
        return false;
    object->choice_end = weir_otlp__written(self);
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
    if (!weir_otlp__read_text(self, "a string", self->out, &name))
        return false;
    object->number = field_called(object->message, name);
    if (object->number == 0 && memchr(name.data, '_', name.len))
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
        if (!weir_otlp__make_room(self) || !read_key(self, object))
            return false;
        weir_otlp__text_skip_blanks(&self->text);
        if (!read_member(self, object))
            return false;
        weir_otlp__text_skip_blanks(&self->text);
        const uint8_t next = weir_otlp__text_peek(&self->text);
        if (next != ',' && next != '}')
            return weir_otlp__text_fail(&self->text, self->text.at,
                                        self->text.at < self->text.end
                                            ? "needs a comma or the end of the object behind it"
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
    char element[32] = "";
    if (object->in_list)
        snprintf(element, sizeof element, "[%zu]", object->element);
    return len + (size_t)snprintf(end, left, "%s%.*s%s", len ? "." : "", row->key_len - 3, row->key + 1, element);
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
    enum { PATH_SHOWN_MAX = 110 }; /* of a longer one the end is shown */
    const char *path = self->path;
    const char *cut = "";
    if (self->path_len > PATH_SHOWN_MAX) {
        const size_t kept = self->path_len < WEIR_JSON_PATH_SIZE ? self->path_len : WEIR_JSON_PATH_SIZE - 1;
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
    self.chunk = weir_chunk_new(account, len + WEIR_JSON_ROOM_SLACK);
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
    *ret_chunk = weir_chunk_shrink(self.chunk, weir_otlp__written(&self));
    *ret_items = self.items;
    return WEIR_OK;
}
