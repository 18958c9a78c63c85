/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/from_json_number.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "core/assert.h"
#include "core/decimal.h"

static inline bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* ---- Integers ---------------------------------------------------------------------------------------------------- */

enum { UINT64_DIGITS_SAFE = 19 }; /* this many digits always fit */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/* Eight digits at once. False if the eight bytes are not all digits. */
static inline bool eight_digits(const uint8_t *at, uint64_t *ret_value)
{
    uint64_t block;
    memcpy(&block, at, sizeof block);
    /* A digit is 0x30 … 0x39: its high half is 3, and stays so when 6 is added. */
    const uint64_t high = 0xf0f0f0f0f0f0f0f0;
    if ((block & high) != 0x3030303030303030 || ((block + 0x0606060606060606) & high) != 0x3030303030303030)
        return false;
    /* Pairs of digits, then of pairs, then of those. */
    block &= 0x0f0f0f0f0f0f0f0f;
    block = (block * 10 + (block >> 8)) & 0x00ff00ff00ff00ff;
    block = (block * 100 + (block >> 16)) & 0x0000ffff0000ffff;
    *ret_value = (block * 10000 + (block >> 32)) & 0xffffffff;
    return true;
}

#else

static inline bool eight_digits(const uint8_t *at, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (!is_digit(at[i]))
            return false;
        value = value * 10 + (at[i] - '0');
    }
    *ret_value = value;
    return true;
}

#endif

const uint8_t *weir_otlp__parse_digits(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    enum { EIGHT_DIGITS = 100000000 };
    uint64_t value = 0, eight;
    if (end - at > UINT64_DIGITS_SAFE)
        end = at + UINT64_DIGITS_SAFE;
    while (end - at >= 8 && eight_digits(at, &eight)) {
        value = value * EIGHT_DIGITS + eight;
        at += 8;
    }
    for (; at < end && is_digit(*at); at++)
        value = value * 10 + (uint64_t)(*at - '0');
    *ret_value = value;
    return at;
}

/* The digits of a number, its point moved by its exponent: DIGITS × 10^-(behind the point). */
typedef struct decimal_text {
    const uint8_t *digits; /* with the point among them */
    const uint8_t *digits_end;
    long point; /* how many digits stand before the point; more than there are: zeros follow; negative: zeros before */
} decimal_text;

/* The exponent at `at`, which is behind the e; bounded, since no text is so long that more would matter. */
static bool read_exponent(const uint8_t *at, const uint8_t *end, long *ret_exponent)
{
    enum { LARGEST = 1000000000 };
    const bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    if (at == end)
        return false;
    long exponent = 0;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return false;
        if (exponent < LARGEST)
            exponent = exponent * 10 + (*at - '0');
    }
    *ret_exponent = negative ? -exponent : exponent;
    return true;
}

static bool read_decimal(const uint8_t *at, const uint8_t *end, decimal_text *ret)
{
    ret->digits = at;
    ret->point = -1;
    long count = 0;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.' && ret->point < 0)
            ret->point = count;
        else if (is_digit(*at))
            count++;
        else
            return false;
    }
    if (count == 0)
        return false;
    if (ret->point < 0)
        ret->point = count;
    ret->digits_end = at;
    long exponent = 0;
    if (at < end && !read_exponent(at + 1, end, &exponent))
        return false;
    ret->point += exponent;
    return true;
}

/* False if digits other than 0 stand behind the point, or the value does not fit. */
static bool whole_value(const decimal_text *decimal, uint64_t *ret_value)
{
    uint64_t value = 0;
    long index = 0;
    for (const uint8_t *at = decimal->digits; at < decimal->digits_end; at++) {
        if (*at == '.')
            continue;
        const uint8_t digit = (uint8_t)(*at - '0');
        if (index++ >= decimal->point) {
            if (digit != 0)
                return false;
        } else if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    for (; value != 0 && index < decimal->point; index++) {
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool weir_otlp__parse_integer(weir_bytes text, weir_json_integer *ret_integer)
{
    const uint8_t *at = text.data, *end = text.data + text.len;
    const bool negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    decimal_text decimal;
    uint64_t value;
    if (!read_decimal(at, end, &decimal) || !whole_value(&decimal, &value))
        return false;
    *ret_integer = (weir_json_integer){negative, value};
    return true;
}

/* ---- Doubles ----------------------------------------------------------------------------------------------------- */

static bool special_double(weir_bytes text, double *ret_number)
{
    const bool has_sign = text.len > 0 && (*text.data == '-' || *text.data == '+');
    const char *word = (const char *)text.data + has_sign;
    const size_t len = text.len - has_sign;
    if ((len == 8 && strncasecmp(word, "infinity", len) == 0) || (len == 3 && strncasecmp(word, "inf", len) == 0))
        *ret_number = has_sign && *text.data == '-' ? -(double)INFINITY : (double)INFINITY;
    else if (!has_sign && len == 3 && strncasecmp(word, "nan", len) == 0)
        *ret_number = (double)NAN;
    else
        return false;
    return true;
}

/* Digits, one point and an exponent, and nothing else: what strtod reads in the C locale and no more. */
static bool is_plain_decimal(weir_bytes text)
{
    decimal_text decimal;
    const bool has_sign = text.len > 0 && (*text.data == '-' || *text.data == '+');
    return read_decimal(text.data + has_sign, text.data + text.len, &decimal);
}

/* ±DIGITS × 10^exponent. */
typedef struct short_decimal {
    bool negative;
    uint64_t digits;
    long exponent;
} short_decimal;

/* False if it has too many digits, or is no number. */
static bool read_short_decimal(weir_bytes text, short_decimal *ret)
{
    const uint8_t *at = text.data, *end = text.data + text.len;
    *ret = (short_decimal){.negative = *at == '-'};
    at += *at == '-' || *at == '+';
    const uint8_t *first = at;
    unsigned significant = 0;
    long behind_point = 0;
    bool has_point = false;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (is_digit(*at) && significant < UINT64_DIGITS_SAFE) {
            ret->digits = ret->digits * 10 + (uint64_t)(*at - '0');
            significant += ret->digits != 0;
            behind_point += has_point;
        } else if (*at == '.' && !has_point) {
            has_point = true;
        } else {
            return false;
        }
    }
    if (at - first <= has_point || (at < end && !read_exponent(at + 1, end, &ret->exponent)))
        return false;
    ret->exponent -= behind_point;
    return true;
}

/* Without strtod: nearly all numbers there are. */
static bool short_double(weir_bytes text, double *ret_number)
{
    static const double powers[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    enum { EXACT_POWER_MAX = 22 };
    const uint64_t exact_max = (uint64_t)1 << 53;
    short_decimal decimal;
    double number;
    if (!read_short_decimal(text, &decimal))
        return false;
    if (decimal.digits <= exact_max && decimal.exponent >= -EXACT_POWER_MAX && decimal.exponent <= EXACT_POWER_MAX)
        /* Both are exact as doubles, and so one division or multiplication rounds once (Clinger). */
        number = decimal.exponent < 0 ? (double)decimal.digits / powers[-decimal.exponent]
                                      : (double)decimal.digits * powers[decimal.exponent];
    else if (!weir_double_of(decimal.digits, decimal.exponent, &number))
        return false;
    *ret_number = decimal.negative ? -number : number;
    return true;
}

bool weir_otlp__parse_double(weir_bytes text, bool is_quoted, double *ret_number)
{
    if (text.len == 0)
        return false;
    if (short_double(text, ret_number))
        return true;
    if (is_quoted && special_double(text, ret_number))
        return true;
    if (!is_plain_decimal(text))
        return false;
    char *end;
    const double number = strtod((const char *)text.data, &end);
    WEIR_ASSERT((const uint8_t *)end == text.data + text.len);
    if (isinf(number))
        return false;
    *ret_number = number;
    return true;
}

/* ---- Bytes ------------------------------------------------------------------------------------------------------- */

enum { NO_DIGIT = 0xff };

/* Tables. */
/* clang-format off */
#define X16 NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, \
            NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT, NO_DIGIT
#define X NO_DIGIT

static const uint8_t hex_digits[256] = {
    X16, X16, X16,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, X, X, X, X, X, X,
    X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X,
    X16,
    X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X,
    X16, X16, X16, X16, X16, X16, X16, X16, X16,
};

/* Standard and URL-safe: + and - are 62, / and _ are 63. */
static const uint8_t base64_digits[256] = {
    X16, X16,
    X, X, X, X, X, X, X, X, X, X, X, 62, X, 62, X, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X, X, X, X, X, X,
    X, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X, X, X, X, 63,
    X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X, X, X, X, X,
    X16, X16, X16, X16, X16, X16, X16, X16,
};
#undef X
#undef X16
/* clang-format on */

bool weir_otlp__parse_hex(const uint8_t *hex, size_t len, uint8_t *ret_bytes)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < len; i++) {
        const unsigned high = hex_digits[hex[2 * i]], low = hex_digits[hex[2 * i + 1]];
        wrong |= high | low;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return wrong < 16;
}

uint8_t *weir_otlp__parse_base64(weir_bytes text, uint8_t *out)
{
    const size_t padded = text.len;
    while (text.len > 0 && padded - text.len < 2 && text.data[text.len - 1] == '=')
        text.len--;
    if ((text.len != padded && padded % 4 != 0) || text.len % 4 == 1)
        return NULL;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t digit = base64_digits[text.data[i]];
        if (digit == NO_DIGIT)
            return NULL;
        bits = bits << 6 | digit;
        if (i % 4 == 0)
            continue; /* six bits are not a byte yet */
        *out++ = (uint8_t)(bits >> (6 - i % 4 * 2));
    }
    return out;
}
