/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of a JSON text (RFC 8259), read where they stand. Inside the room only.
 *
 * Nothing is read at or behind `end`: the text is borrowed and has no terminator. A function that fails has said why in
 * `problem`, as the end of a sentence whose subject the caller knows ("must be a string, not a number").
 */
#ifndef WEIR_OTLP_FROM_JSON_TEXT_H
#define WEIR_OTLP_FROM_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

enum {
    WEIR_JSON_PROBLEM_SIZE = 112,
    WEIR_JSON_SKIP_DEPTH_MAX = 10000, /* arrays and objects in a member that we do not know; as in the Collector */
    WEIR_JSON_COPY_SLACK = 16,        /* what weir_otlp__text_copy_string may write behind the end of the string */
};

typedef struct weir_json_text {
    const uint8_t *start;
    const uint8_t *at; /* what is read next */
    const uint8_t *end;
    const uint8_t *problem_at; /* NULL: all is well */
    char problem[WEIR_JSON_PROBLEM_SIZE];
} weir_json_text;

/* Keeps the first problem; `at` is where it is. Returns false, so that a caller can return what this returns. */
bool weir_otlp__text_fail(weir_json_text *text, const uint8_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));

/* "must be `what`, not a number", or whatever stands at `at`; says so if the text ends there. */
bool weir_otlp__text_fail_unlike(weir_json_text *text, const char *what) __attribute__((cold));

static inline void weir_otlp__text_skip_blanks(weir_json_text *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t' || *text->at == '\r'))
        text->at++;
}

/* The byte at `at`, 0 at the end: no token begins with it. */
static inline uint8_t weir_otlp__text_peek(const weir_json_text *text)
{
    return text->at < text->end ? *text->at : 0;
}

/* Moves behind `word`, if it stands at `at`. */
bool weir_otlp__text_take_word(weir_json_text *text, const char *word);

/* `at` is behind the opening quote; moves behind the closing one. What stands between goes to `out`, escapes resolved,
 * other bytes as they are, UTF-8 or not; a surrogate without its other half becomes U+FFFD. It is never longer than
 * its text. Returns the end of what was written, NULL after a failure. `out` has room for all the rest of the text and
 * WEIR_JSON_COPY_SLACK. */
uint8_t *weir_otlp__text_copy_string(weir_json_text *text, uint8_t *out);

/* As it stands between the quotes, which are like above; `*ret_escaped`: with a backslash in it. */
bool weir_otlp__text_raw_string(weir_json_text *text, weir_bytes *ret_raw, bool *ret_escaped);

/* Moves behind a value of any kind. */
bool weir_otlp__text_skip_value(weir_json_text *text)
    __attribute__((noinline)); /* its list would fill the stack of readers */

/* The end of the number that starts at `at`, by the grammar of JSON. NULL after a failure. Does not move. */
const uint8_t *weir_otlp__text_number_end(weir_json_text *text);

#endif
