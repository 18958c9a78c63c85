/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept while a request in JSON is read (from_json.c), the room it is written to, and the values that hold no
 * others. Inside the room only.
 *
 * Room is looked after once per member, not per byte: before one is read there is room for all the rest of the text and
 * WEIR_JSON_ROOM_SLACK. Strings, ids and bytes never take more than their text; what may (a number in eight bytes, a
 * tag, a length) fits into the slack. So the chunk starts with the size of the text and grows only for long lists of
 * short numbers, whose elements take up to four times their text ("1," is eight bytes).
 *
 * Each function that reads stands at the first byte of what it reads, moves behind it, and returns false after a
 * failure: text.problem says which.
 */
#ifndef WEIR_OTLP_FROM_JSON_VALUE_H
#define WEIR_OTLP_FROM_JSON_VALUE_H

#include "core/slice.h"
#include "otlp/from_json_number.h"
#include "otlp/from_json_text.h"
#include "otlp/json_schema.h"
#include "otlp/wire.h"

enum { WEIR_JSON_PATH_SIZE = 4096 }; /* enough for WEIR_OTLP_NESTING_MAX maps */

/* What one member writes beside its text: a tag (2), a length (5), a number (10), and the slack of copying. */
enum { WEIR_JSON_ROOM_SLACK = 128 };
_Static_assert(WEIR_JSON_COPY_SLACK + 2 + 5 + WEIR_VARINT_BYTES_MAX < WEIR_JSON_ROOM_SLACK / 2, "a member fits twice");

typedef struct weir_json_reader {
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
    char path[WEIR_JSON_PATH_SIZE]; /* not initialised */
} weir_json_reader;

/* An object being read, and the way to it, for messages. */
typedef struct weir_json_object {
    const weir_otlp_json_message *message;
    const struct weir_json_object *parent;
    uint32_t number; /* of the member being read; 0: one we do not know, or none */
    size_t element;  /* of a list, from 0 */
    bool in_list;
    uint32_t seen; /* bit N: field N was written */
    /* The member of the oneof written so far, if choice_end is not 0: where, and how many items are in it. */
    size_t choice_start;
    size_t choice_end;
    uint64_t choice_items;
} weir_json_object;

/* ---- The output -------------------------------------------------------------------------------------------------- */

static inline size_t weir_otlp__written(const weir_json_reader *self)
{
    return (size_t)(self->out - self->chunk->data);
}

/* Moves to a chunk with room for `needed` more bytes. False if the account refuses. */
bool weir_otlp__grow(weir_json_reader *self, size_t needed);

/* Room for one member: see above. */
static inline bool weir_otlp__make_room(weir_json_reader *self)
{
    const size_t needed = (size_t)(self->text.end - self->text.at) + WEIR_JSON_ROOM_SLACK;
    return __builtin_expect((size_t)(self->out_end - self->out) >= needed, 1) || weir_otlp__grow(self, needed);
}

static inline void weir_otlp__put_tag(weir_json_reader *self, uint32_t number, uint32_t wire)
{
    const uint32_t tag = number << 3 | wire;
    if (tag < 0x80)
        *self->out++ = (uint8_t)tag;
    else
        self->out += weir_otlp_varint_write(self->out, tag);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/* Digits and nothing else, quoted or not: nearly all there are. Does not move if it is something else. */
static inline bool weir_otlp__read_plain_integer(weir_json_reader *self, uint64_t *ret_value)
{
    const uint8_t *at = self->text.at, *end = self->text.end;
    const bool quoted = at < end && *at == '"';
    at += quoted;
    const uint8_t *digits = at;
    at = weir_otlp__parse_digits(at, end, ret_value);
    if (at == digits || at == end)
        return false;
    if (quoted ? *at != '"' : (*at != ',' && *at != '}' && *at != ']' && !weir_otlp__is_blank(*at)))
        return false;
    if (!quoted && *digits == '0' && at - digits > 1)
        return false;
    self->text.at = at + quoted;
    return true;
}

/* A string whose text is needed at once: as it stands, or, if it has escapes, at `scratch`, where there is room for it
 * (behind what is written). A NUL follows it there. `what` it must be, for an error. */
bool weir_otlp__read_text(weir_json_reader *self, const char *what, uint8_t *scratch, weir_bytes *ret_text);
bool weir_otlp__read_bool(weir_json_reader *self, uint64_t *ret_value);

/* The following write a field of `object`, its member `row`: nothing, if it is the default and need not be there. A
 * string that is null is empty. */
bool weir_otlp__read_string(weir_json_reader *self, const weir_json_object *object, const weir_otlp_json_field *row);
bool weir_otlp__read_id(weir_json_reader *self, const weir_json_object *object, const weir_otlp_json_field *row,
                        size_t id_len);
bool weir_otlp__read_base64(weir_json_reader *self, const weir_json_object *object);
bool weir_otlp__read_number(weir_json_reader *self, const weir_json_object *object, const weir_otlp_json_field *row);

/* An element of a packed list. */
bool weir_otlp__read_packed_number(weir_json_reader *self, const weir_otlp_json_field *row);

#endif
