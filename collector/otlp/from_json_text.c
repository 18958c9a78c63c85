/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/from_json_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/assert.h"

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

bool weir_otlp__text_fail(weir_json_text *text, const uint8_t *at, const char *format, ...)
{
    if (text->problem_at)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text->problem, sizeof text->problem, format, arguments);
    va_end(arguments);
    text->problem_at = at;
    return false;
}

static bool fail_at_end(weir_json_text *text)
{
    return weir_otlp__text_fail(text, text->end, "is cut off: the text ends here");
}

static const char *kind_of(uint8_t first)
{
    switch (first) {
    case '{':
        return "an object";
    case '[':
        return "an array";
    case '"':
        return "a string";
    case 't':
    case 'f':
        return "a boolean";
    case 'n':
        return "null";
    default:
        return first == '-' || (first >= '0' && first <= '9') ? "a number" : NULL;
    }
}

bool weir_otlp__text_fail_unlike(weir_json_text *text, const char *what)
{
    if (text->at == text->end)
        return fail_at_end(text);
    const char *kind = kind_of(*text->at);
    if (kind)
        return weir_otlp__text_fail(text, text->at, "must be %s, not %s", what, kind);
    return weir_otlp__text_fail(text, text->at, "must be %s; no JSON value begins with byte 0x%02x", what, *text->at);
}

bool weir_otlp__text_take_word(weir_json_text *text, const char *word)
{
    const size_t len = strlen(word);
    if ((size_t)(text->end - text->at) < len || memcmp(text->at, word, len) != 0)
        return weir_otlp__text_fail(text, text->at, "has a word that JSON does not know; did you mean %s?", word);
    text->at += len;
    return true;
}

/* ---- Blanks ------------------------------------------------------------------------------------------------------ */

void weir_otlp__text_skip_many_blanks(weir_json_text *text)
{
    const uint8_t *at = text->at;
#ifdef __SSE2__
    while (text->end - at >= 16) {
        const __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        const __m128i spaces = _mm_cmpeq_epi8(block, _mm_set1_epi8(' '));
        const __m128i tabs = _mm_cmpeq_epi8(block, _mm_set1_epi8('\t'));
        const __m128i ends =
            _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\r')));
        const __m128i blanks = _mm_or_si128(_mm_or_si128(spaces, tabs), ends);
        const uint32_t others = ~(uint32_t)_mm_movemask_epi8(blanks) & 0xffff;
        if (others) {
            text->at = at + __builtin_ctz(others);
            return;
        }
        at += 16;
    }
#endif
    while (at < text->end && weir_otlp__is_blank(*at))
        at++;
    text->at = at;
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

/* Ends a run of bytes that stand for themselves. */
static inline bool is_special(uint8_t byte)
{
    return byte == '"' || byte == '\\' || byte < ' ';
}

#ifdef __SSE2__

enum { BLOCK = 16 };

/* Copies a block and says how many bytes of it come before the first special one. */
static inline unsigned copy_block(const uint8_t *from, uint8_t *to)
{
    const __m128i block = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm_storeu_si128((__m128i *)(void *)to, block);
    const unsigned specials = weir_otlp__text_specials(block);
    return specials ? (unsigned)__builtin_ctz(specials) : BLOCK;
}

static inline unsigned look_at_block(const uint8_t *from)
{
    const unsigned specials = weir_otlp__text_specials(_mm_loadu_si128((const __m128i *)(const void *)from));
    return specials ? (unsigned)__builtin_ctz(specials) : BLOCK;
}

#else

enum { BLOCK = 8 };

/* The high bit of each byte that is special, and perhaps of some behind the first such. */
static inline uint64_t specials_of(uint64_t block)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    const uint64_t quotes = block ^ ones * '"', backslashes = block ^ ones * '\\';
    return (((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes) | ((block - ones * ' ') & ~block)) &
           highs;
}

static inline unsigned look_at_block(const uint8_t *from)
{
    uint64_t block;
    memcpy(&block, from, sizeof block);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    block = __builtin_bswap64(block);
#endif
    const uint64_t specials = specials_of(block);
    return specials ? (unsigned)__builtin_ctzll(specials) / 8 : BLOCK;
}

static inline unsigned copy_block(const uint8_t *from, uint8_t *to)
{
    memcpy(to, from, BLOCK);
    return look_at_block(from);
}

#endif

_Static_assert((int)BLOCK <= (int)WEIR_JSON_COPY_SLACK, "a block may be written behind the end of a string");

static int hex_digit(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The four digits behind \u. */
static bool read_code_unit(weir_json_text *text, uint32_t *ret_unit)
{
    if (text->end - text->at < 4)
        return fail_at_end(text);
    uint32_t unit = 0;
    for (unsigned i = 0; i < 4; i++) {
        const int digit = hex_digit(text->at[i]);
        if (digit < 0)
            return weir_otlp__text_fail(text, text->at + i, "has an escape \\u without four hex digits");
        unit = unit << 4 | (uint32_t)digit;
    }
    text->at += 4;
    *ret_unit = unit;
    return true;
}

static uint8_t *put_code_point(uint8_t *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (uint8_t)point;
    } else if (point < 0x800) {
        *out++ = (uint8_t)(0xc0 | point >> 6);
        *out++ = (uint8_t)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *out++ = (uint8_t)(0xe0 | point >> 12);
        *out++ = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        *out++ = (uint8_t)(0x80 | (point & 0x3f));
    } else {
        *out++ = (uint8_t)(0xf0 | point >> 18);
        *out++ = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        *out++ = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        *out++ = (uint8_t)(0x80 | (point & 0x3f));
    }
    return out;
}

static bool is_surrogate(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdfff;
}

/* What follows \u. Two escapes of which the first is a surrogate are read together, as the Collector does: if they are
 * no pair, each that is a surrogate becomes U+FFFD. */
static uint8_t *copy_unicode_escape(weir_json_text *text, uint8_t *out)
{
    enum { REPLACEMENT = 0xfffd };
    uint32_t first, second;
    if (!read_code_unit(text, &first))
        return NULL;
    if (!is_surrogate(first))
        return put_code_point(out, first);
    if (text->end - text->at < 2 || text->at[0] != '\\' || text->at[1] != 'u')
        return put_code_point(out, REPLACEMENT);
    text->at += 2;
    if (!read_code_unit(text, &second))
        return NULL;
    if (first < 0xdc00 && second >= 0xdc00 && second <= 0xdfff)
        return put_code_point(out, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    out = put_code_point(out, REPLACEMENT);
    return put_code_point(out, is_surrogate(second) ? REPLACEMENT : second);
}

/* `at` is behind the backslash. */
static uint8_t *copy_escape(weir_json_text *text, uint8_t *out)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (text->at == text->end) {
        fail_at_end(text);
        return NULL;
    }
    const uint8_t letter = *text->at++;
    if (letter == 'u')
        return copy_unicode_escape(text, out);
    const char *known = memchr(escapes, letter, sizeof escapes - 1);
    if (!known) {
        weir_otlp__text_fail(text, text->at - 2,
                             "has an escape that JSON does not know: a backslash before byte 0x%02x", letter);
        return NULL;
    }
    *out = (uint8_t)meanings[known - escapes];
    return out + 1;
}

static bool fail_in_string(weir_json_text *text)
{
    if (text->at == text->end)
        return fail_at_end(text);
    return weir_otlp__text_fail(text, text->at, "has a bare control character: write byte 0x%02x as \\u%04x", *text->at,
                                *text->at);
}

uint8_t *weir_otlp__text_copy_any(weir_json_text *text, uint8_t *out)
{
    for (;;) {
        const uint8_t *at = text->at;
        unsigned plain = BLOCK;
        while (plain == BLOCK && text->end - at >= BLOCK) {
            plain = copy_block(at, out);
            at += plain;
            out += plain;
        }
        if (plain == BLOCK) {
            while (at < text->end && !is_special(*at))
                *out++ = *at++;
        }
        text->at = at;
        const uint8_t special = weir_otlp__text_peek(text);
        if (special == '"') {
            text->at++;
            return out;
        }
        if (special != '\\') {
            fail_in_string(text);
            return NULL;
        }
        text->at++;
        out = copy_escape(text, out);
        if (!out)
            return NULL;
    }
}

/* The first special byte at or after `at`, or the end. */
static inline const uint8_t *next_special(const weir_json_text *text, const uint8_t *at)
{
    while (text->end - at >= BLOCK) {
        const unsigned plain = look_at_block(at);
        at += plain;
        if (plain < BLOCK)
            return at;
    }
    while (at < text->end && !is_special(*at))
        at++;
    return at;
}

bool weir_otlp__text_raw_string(weir_json_text *text, weir_bytes *ret_raw, bool *ret_escaped)
{
    const uint8_t *start = text->at;
    bool escaped = false;
    for (;;) {
        text->at = next_special(text, text->at);
        const uint8_t special = weir_otlp__text_peek(text);
        if (special == '"')
            break;
        if (special != '\\')
            return fail_in_string(text);
        escaped = true;
        text->at++;
        uint8_t unused[2 * 4]; /* two code points */
        if (!copy_escape(text, unused))
            return false;
    }
    *ret_raw = (weir_bytes){start, (size_t)(text->at - start)};
    *ret_escaped = escaped;
    text->at++;
    return true;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

static const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

const uint8_t *weir_otlp__text_number_end(weir_json_text *text)
{
    const uint8_t *end = text->end, *at = text->at;
    at += at < end && *at == '-';
    const uint8_t *digits = at;
    at = skip_digits(digits, end);
    bool valid = at > digits && (*digits != '0' || at == digits + 1);
    if (valid && at < end && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits, end);
        valid = at > digits;
    }
    if (valid && at < end && (*at | 0x20) == 'e') {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        digits = at;
        at = skip_digits(digits, end);
        valid = at > digits;
    }
    if (valid && at < end)
        return at;
    if (valid)
        fail_at_end(text); /* a number never ends a request */
    else
        weir_otlp__text_fail(text, text->at, "is not a number as JSON writes it");
    return NULL;
}

/* ---- Values nobody wants ----------------------------------------------------------------------------------------- */

/* Which of the open arrays and objects are objects: one bit each. */
typedef struct open_list {
    uint8_t is_object[WEIR_JSON_SKIP_DEPTH_MAX / 8 + 1];
    unsigned depth;
} open_list;

static bool open_one(weir_json_text *text, open_list *open, bool is_object)
{
    if (open->depth == WEIR_JSON_SKIP_DEPTH_MAX)
        return weir_otlp__text_fail(text, text->at, "nests deeper than %d", WEIR_JSON_SKIP_DEPTH_MAX);
    uint8_t *byte = &open->is_object[open->depth / 8];
    const uint8_t bit = (uint8_t)(1u << open->depth % 8);
    *byte = (uint8_t)(is_object ? *byte | bit : *byte & ~bit);
    open->depth++;
    text->at++;
    return true;
}

static bool in_object(const open_list *open)
{
    return open->depth > 0 && (open->is_object[(open->depth - 1) / 8] >> (open->depth - 1) % 8 & 1);
}

static bool skip_string(weir_json_text *text)
{
    weir_bytes raw;
    bool escaped;
    text->at++;
    return weir_otlp__text_raw_string(text, &raw, &escaped);
}

static bool skip_key(weir_json_text *text)
{
    weir_otlp__text_skip_blanks(text);
    if (weir_otlp__text_peek(text) != '"')
        return weir_otlp__text_fail_unlike(text, "an object whose keys are strings");
    if (!skip_string(text))
        return false;
    weir_otlp__text_skip_blanks(text);
    if (weir_otlp__text_peek(text) != ':')
        return weir_otlp__text_fail(text, text->at, "has a key without a colon behind it");
    text->at++;
    return true;
}

/* A value that holds no other. */
static bool skip_scalar(weir_json_text *text)
{
    const uint8_t *end;
    switch (weir_otlp__text_peek(text)) {
    case '"':
        return skip_string(text);
    case 't':
        return weir_otlp__text_take_word(text, "true");
    case 'f':
        return weir_otlp__text_take_word(text, "false");
    case 'n':
        return weir_otlp__text_take_word(text, "null");
    default:
        if (!kind_of(weir_otlp__text_peek(text)))
            return weir_otlp__text_fail_unlike(text, "a JSON value");
        end = weir_otlp__text_number_end(text);
        text->at = end ? end : text->at;
        return end;
    }
}

/* Behind a value: closes what ends there, and moves behind the comma before the next value. */
static bool skip_to_next(weir_json_text *text, open_list *open)
{
    while (open->depth > 0) {
        weir_otlp__text_skip_blanks(text);
        const uint8_t next = weir_otlp__text_peek(text);
        if (next == ',') {
            text->at++;
            return !in_object(open) || skip_key(text);
        }
        if (next != (in_object(open) ? '}' : ']'))
            return text->at == text->end
                       ? fail_at_end(text)
                       : weir_otlp__text_fail(text, text->at, "has a value without a comma behind it");
        open->depth--;
        text->at++;
    }
    return true;
}

/* `at` is at an opening bracket. `*ret_empty`: the closing one follows at once, and is passed too. */
static bool enter(weir_json_text *text, open_list *open, bool *ret_empty)
{
    const bool is_object = *text->at == '{';
    if (!open_one(text, open, is_object))
        return false;
    weir_otlp__text_skip_blanks(text);
    *ret_empty = weir_otlp__text_peek(text) == (is_object ? '}' : ']');
    if (*ret_empty) {
        open->depth--;
        text->at++;
        return true;
    }
    return !is_object || skip_key(text);
}

bool weir_otlp__text_skip_value(weir_json_text *text)
{
    open_list open;
    open.depth = 0;
    do {
        weir_otlp__text_skip_blanks(text);
        bool is_whole = true;
        const uint8_t first = weir_otlp__text_peek(text);
        if (first == '{' || first == '[') {
            if (!enter(text, &open, &is_whole))
                return false;
        } else if (!skip_scalar(text)) {
            return false;
        }
        if (is_whole && !skip_to_next(text, &open))
            return false;
    } while (open.depth > 0);
    return true;
}
