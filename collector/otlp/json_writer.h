/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of JSON, into a buffer that spills when it is full: for otlp/json.h, and for exporters that write JSON of
 * another form.
 *
 * Nothing is ever written that is longer than WEIR_OTLP_JSON_PIECE_MIN at once, so that a piece of that size is enough
 * for any request. Once `spill` has said stop, what follows goes nowhere.
 */
#ifndef WEIR_OTLP_JSON_WRITER_H
#define WEIR_OTLP_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/text.h"
#include "otlp/json.h"

typedef struct weir_otlp_json_writer {
    weir_buffer *out;
    const weir_otlp_json_spill *spill; /* NULL: the buffer grows */
    size_t limit;                      /* room is made before out->len would be larger */
    bool stopped;
} weir_otlp_json_writer;

weir_otlp_json_writer weir_otlp_json_writer_of(weir_buffer *out, const weir_otlp_json_spill *spill);

/* Kept out of the short path below. */
void weir_otlp_json_make_room(weir_otlp_json_writer *writer, size_t len);

/* Room for `len` (at most WEIR_OTLP_JSON_PIECE_MIN) more bytes; the caller adds to out->len what it wrote. */
static inline char *weir_otlp_json_room(weir_otlp_json_writer *writer, size_t len)
{
    if (__builtin_expect(writer->out->len + len > writer->limit, 0))
        weir_otlp_json_make_room(writer, len);
    return (char *)writer->out->data + writer->out->len;
}

/* Text that is JSON already, at most WEIR_OTLP_JSON_PIECE_MIN of it. */
static inline void weir_otlp_json_put(weir_otlp_json_writer *writer, const char *text, size_t len)
{
    memcpy(weir_otlp_json_room(writer, len), text, len);
    writer->out->len += len;
}

static inline void weir_otlp_json_put_char(weir_otlp_json_writer *writer, char c)
{
    *weir_otlp_json_room(writer, 1) = c;
    writer->out->len++;
}

/* Is it ASCII of which nothing must be escaped? Quickest for short texts. */
bool weir_otlp_json_is_plain(const uint8_t *bytes, size_t len);

/* With quotes; bytes that are not UTF-8 become U+FFFD each. */
void weir_otlp_json_string(weir_otlp_json_writer *writer, weir_bytes text);
void weir_otlp_json_base64(weir_otlp_json_writer *writer, weir_bytes bytes); /* with quotes */
void weir_otlp_json_hex(weir_otlp_json_writer *writer, weir_bytes bytes);    /* with quotes; at most 64 bytes */
void weir_otlp_json_unsigned(weir_otlp_json_writer *writer, uint64_t number);
void weir_otlp_json_signed(weir_otlp_json_writer *writer, int64_t number);
/* "NaN", "Infinity" and "-Infinity" are strings. */
void weir_otlp_json_double(weir_otlp_json_writer *writer, double number);

#endif
