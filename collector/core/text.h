/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed text and bytes, and a growing buffer. A `weir_text` points into memory that somebody else owns and is not
 * NUL-terminated; print it with "%.*s", WEIR_TEXT_ARG(text).
 */
#ifndef WEIR_CORE_TEXT_H
#define WEIR_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/memory.h"

typedef struct weir_text {
    const char *data;
    size_t len;
} weir_text;

typedef struct weir_bytes {
    const uint8_t *data;
    size_t len;
} weir_bytes;

/* A list of owned, NUL-terminated texts. */
typedef struct weir_strings {
    char **items;
    size_t count;
} weir_strings;

#define WEIR_TEXT(literal) ((weir_text){(literal), sizeof(literal) - 1})
#define WEIR_TEXT_ARG(text) (int)(text).len, (text).data

static inline weir_text weir_text_of(const char *terminated)
{
    return (weir_text){terminated, strlen(terminated)};
}

static inline bool weir_text_equal(weir_text a, weir_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool weir_text_is(weir_text text, const char *terminated)
{
    return weir_text_equal(text, weir_text_of(terminated));
}

/* ASCII case is ignored, as in HTTP header names. */
bool weir_text_equal_nocase(weir_text a, weir_text b);
bool weir_text_starts(weir_text text, const char *prefix);

/* A decimal number that fills the whole text, up to `max`. False, `*ret_value` untouched, for anything else. */
bool weir_text_to_uint(weir_text text, uint64_t max, uint64_t *ret_value);

/* Lower-case hex of `len` bytes into `ret_hex`, which has room for 2 * len + 1. */
void weir_hex(const uint8_t *bytes, size_t len, char *ret_hex);

/* True if the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no over-long forms). */
bool weir_utf8_valid(const uint8_t *bytes, size_t len);
/* The length (1 … 4) of the well-formed sequence that starts at `bytes`, 0 if there is none; `len` is at least 1. */
size_t weir_utf8_sequence(const uint8_t *bytes, size_t len);
/* Puts a question mark in place of each byte that belongs to none: a protobuf string must be UTF-8, or who gets the
 * message cannot read any of it. */
void weir_utf8_repair(char *terminated);

/* A byte buffer that grows. Zero-initialise it to start; weir_buffer_done frees it. Running out of memory stops the
 * process: use it for what other limits bound, never for telemetry. */
typedef struct weir_buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
} weir_buffer;

void weir_buffer_done(weir_buffer *buffer);
/* Room for `len` more bytes after data[len]; the caller adds to `len` what it wrote. */
uint8_t *weir_buffer_reserve(weir_buffer *buffer, size_t len);
void weir_buffer_append(weir_buffer *buffer, const void *bytes, size_t len);
void weir_buffer_append_text(weir_buffer *buffer, const char *terminated);
void weir_buffer_append_byte(weir_buffer *buffer, uint8_t byte);
void weir_buffer_printf(weir_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `terminated` as a JSON string with its quotes. Bytes that are not UTF-8 text become U+FFFD. */
void weir_buffer_append_json_string(weir_buffer *buffer, const char *terminated);
/* `terminated` for a terminal or a line of a log: control characters, those behind ASCII (C1) too, become \xNN. */
void weir_buffer_append_plain(weir_buffer *buffer, const char *terminated);
/* Takes away the first `len` bytes. */
void weir_buffer_consume(weir_buffer *buffer, size_t len);
/* The contents as a NUL-terminated string inside the buffer, valid until the next change. */
const char *weir_buffer_string(weir_buffer *buffer);

#define WEIR_BUFFER WEIR_CLEANUP(weir_buffer_done) weir_buffer

#endif
