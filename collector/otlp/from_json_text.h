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
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/text.h"

enum {
    WEIR_JSON_PROBLEM_SIZE = 112,
    WEIR_JSON_SKIP_DEPTH_MAX = 10000, /* arrays and objects in a member that we do not know; as in the Collector */
    WEIR_JSON_COPY_SLACK = 32,        /* what weir_otlp__text_copy_string may write behind the end of the string */
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

static inline bool weir_otlp__is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* Many blanks, as in indented text; kept out of the short path below. */
void weir_otlp__text_skip_many_blanks(weir_json_text *text);

static inline void weir_otlp__text_skip_blanks(weir_json_text *text)
{
    if (text->at == text->end || !weir_otlp__is_blank(*text->at))
        return;
    text->at++;
    if (text->at < text->end && weir_otlp__is_blank(*text->at))
        weir_otlp__text_skip_many_blanks(text);
}

/* The byte at `at`, 0 at the end: no token begins with it. */
static inline uint8_t weir_otlp__text_peek(const weir_json_text *text)
{
    return text->at < text->end ? *text->at : 0;
}

/* Moves behind `word`, if it stands at `at`. */
bool weir_otlp__text_take_word(weir_json_text *text, const char *word);

#ifdef __SSE2__

/* Which of 16 bytes end a run of bytes that stand for themselves (quotes, backslashes, control characters): one bit
 * each, the first byte's lowest. */
static inline uint32_t weir_otlp__text_specials(__m128i block)
{
    const __m128i quotes = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    const __m128i backslashes = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), controls));
}

/* The strings of which telemetry is full, shorter than 32 bytes and without escapes, without a loop: how many bytes
 * they take is what a processor predicts worst. Returns NULL, nothing moved, if it is another string. */
static inline uint8_t *weir_otlp__text_copy_short(weir_json_text *text, uint8_t *out)
{
    if (__builtin_expect(text->end - text->at < 32, 0))
        return NULL;
    const __m128i *from = (const __m128i *)(const void *)text->at;
    __m128i *to = (__m128i *)(void *)out;
    const __m128i first = _mm_loadu_si128(from), second = _mm_loadu_si128(from + 1);
    _mm_storeu_si128(to, first);
    _mm_storeu_si128(to + 1, second);
    const uint32_t specials = weir_otlp__text_specials(first) | weir_otlp__text_specials(second) << 16;
    if (specials == 0)
        return NULL;
    const unsigned len = (unsigned)__builtin_ctz(specials);
    if (text->at[len] != '"')
        return NULL;
    text->at += len + 1;
    return out + len;
}

#else

static inline uint8_t *weir_otlp__text_copy_short(weir_json_text *text, uint8_t *out)
{
    (void)text;
    (void)out;
    return NULL;
}

#endif

/* As weir_otlp__text_copy_string, but not inline. */
uint8_t *weir_otlp__text_copy_any(weir_json_text *text, uint8_t *out);

/* `at` is behind the opening quote; moves behind the closing one. What stands between goes to `out`, escapes resolved,
 * other bytes as they are, UTF-8 or not; a surrogate without its other half becomes U+FFFD. It is never longer than
 * its text. Returns the end of what was written, NULL after a failure. `out` has room for all the rest of the text and
 * WEIR_JSON_COPY_SLACK. */
static inline uint8_t *weir_otlp__text_copy_string(weir_json_text *text, uint8_t *out)
{
    uint8_t *end = weir_otlp__text_copy_short(text, out);
    return __builtin_expect(end != NULL, 1) ? end : weir_otlp__text_copy_any(text, out);
}

/* As it stands between the quotes, which are like above; `*ret_escaped`: with a backslash in it. */
bool weir_otlp__text_raw_string(weir_json_text *text, weir_bytes *ret_raw, bool *ret_escaped);

/* Moves behind a value of any kind. */
bool weir_otlp__text_skip_value(weir_json_text *text)
    __attribute__((noinline)); /* its list would fill the stack of readers */

/* The end of the number that starts at `at`, by the grammar of JSON; something stands behind it. NULL after a failure.
 * Does not move. */
const uint8_t *weir_otlp__text_number_end(weir_json_text *text);

#endif
