/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/number_text.h"

#include <math.h>
#include <stdlib.h>

#include "core/decimal.h"

void weir_double_to_text(double number, weir_buffer *out)
{
    if (isnan(number)) {
        weir_buffer_append_text(out, "NaN");
        return;
    }
    if (isinf(number)) {
        weir_buffer_append_text(out, number > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char *at = (char *)weir_buffer_reserve(out, WEIR_DOUBLE_TEXT_MAX);
    out->len += weir_double_write(at, number, 1);
}

static void append_zeros(weir_buffer *out, int count)
{
    while (count-- > 0)
        weir_buffer_append_byte(out, '0');
}

static void append_plain(weir_buffer *out, const weir_decimal *number)
{
    int whole = number->point < number->len ? number->point : number->len;
    if (number->point <= 0) {
        weir_buffer_append_text(out, "0.");
        append_zeros(out, -number->point);
        weir_buffer_append(out, number->digits, (size_t)number->len);
        return;
    }
    weir_buffer_append(out, number->digits, (size_t)whole);
    append_zeros(out, number->point - number->len);
    if (number->len > whole) {
        weir_buffer_append_byte(out, '.');
        weir_buffer_append(out, number->digits + whole, (size_t)(number->len - whole));
    }
}

void weir_double_to_plain_text(double number, weir_buffer *out)
{
    if (isnan(number) || isinf(number)) {
        weir_buffer_append_text(out, isnan(number) ? "NaN" : number > 0 ? "+Inf" : "-Inf");
        return;
    }
    weir_decimal digits = weir_decimal_of(number);
    if (digits.negative)
        weir_buffer_append_byte(out, '-');
    append_plain(out, &digits);
}

bool weir_text_to_int(weir_text text, int64_t *ret_number)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        text = (weir_text){text.data + 1, text.len - 1};
    uint64_t magnitude;
    if (!weir_text_to_uint(text, (uint64_t)INT64_MAX + negative, &magnitude))
        return false;
    *ret_number = negative ? (int64_t)-magnitude : (int64_t)magnitude;
    return true;
}

static bool is_digit(char c, bool hex)
{
    return (c >= '0' && c <= '9') || (hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
}

/* Copies a run of digits, of which at most one point may be part, without its "_". An underscore stands between
 * digits, or between the prefix 0x and a digit (`after_digit`). Gives how many digits there were, -1 if underscores
 * are misplaced. */
static int copy_digits(const char **cursor, const char *end, bool hex, bool point_allowed, bool after_digit, char **out)
{
    int digits = 0;
    bool underscore = false;
    for (; *cursor < end; (*cursor)++) {
        char c = **cursor;
        if (c == '_') {
            if (!after_digit)
                return -1;
            underscore = true;
            after_digit = false;
            continue;
        }
        bool point = c == '.' && point_allowed;
        if (!point && !is_digit(c, hex))
            break;
        if (point && underscore && !after_digit)
            return -1;
        point_allowed &= !point;
        after_digit = !point;
        underscore = false;
        digits += !point;
        *(*out)++ = c;
    }
    return underscore ? -1 : digits;
}

/* Checks the grammar, which strtod's is wider than, and writes the number for strtod. `out` has room for the text. */
static bool copy_number(weir_text text, char *out)
{
    const char *cursor = text.data, *end = text.data + text.len;
    if (cursor < end && (*cursor == '+' || *cursor == '-'))
        *out++ = *cursor++;
    bool hex = end - cursor > 2 && cursor[0] == '0' && (cursor[1] | 0x20) == 'x';
    if (hex) {
        *out++ = *cursor++;
        *out++ = *cursor++;
    }
    if (copy_digits(&cursor, end, hex, true, hex, &out) <= 0)
        return false;
    bool has_exponent = cursor < end && (*cursor | 0x20) == (hex ? 'p' : 'e');
    if (hex && !has_exponent)
        return false;
    if (has_exponent) {
        *out++ = *cursor++;
        if (cursor < end && (*cursor == '+' || *cursor == '-'))
            *out++ = *cursor++;
        if (copy_digits(&cursor, end, false, false, false, &out) <= 0)
            return false;
    }
    *out = '\0';
    return cursor == end;
}

static bool special(weir_text text, double *ret_number)
{
    bool has_sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    weir_text name = has_sign ? (weir_text){text.data + 1, text.len - 1} : text;
    if (weir_text_equal_nocase(name, WEIR_TEXT("inf")) || weir_text_equal_nocase(name, WEIR_TEXT("infinity")))
        *ret_number = text.data[0] == '-' ? -INFINITY : INFINITY;
    else if (!has_sign && weir_text_equal_nocase(name, WEIR_TEXT("nan")))
        *ret_number = NAN;
    else
        return false;
    return true;
}

bool weir_text_to_double(weir_text text, double *ret_number)
{
    enum { STACK_BYTES = 128 };
    char small[STACK_BYTES];
    if (special(text, ret_number))
        return true;
    char *copy = text.len < sizeof small ? small : malloc(text.len + 1);
    if (!copy)
        return false;
    bool valid = copy_number(text, copy);
    double number = valid ? strtod(copy, NULL) : 0;
    if (copy != small)
        free(copy);
    if (!valid || isinf(number))
        return false;
    *ret_number = number;
    return true;
}
