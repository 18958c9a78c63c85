/* SPDX-License-Identifier: Apache-2.0
 *
 * What an unquoted scalar is. YAML 1.2's core schema with the additions of the Collector's library
 * (gopkg.in/yaml.v3): 0b and old-style octal numbers, "_" between digits. "yes", "on" and dates are texts.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "config/node.h"
#include "core/memory.h"

static bool is_one_of(const char *text, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(text, *names) == 0)
            return true;
    }
    return false;
}

static bool is_bool(const char *text)
{
    static const char *const names[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    return is_one_of(text, names);
}

static bool is_special_float(const char *text)
{
    static const char *const names[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                        "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};
    return is_one_of(text, names);
}

/* The digits of an integer: past the sign and the prefix, which says the base. */
static const char *int_digits(const char *text, int *ret_base)
{
    if (*text == '+' || *text == '-')
        text++;
    *ret_base = 10;
    if (text[0] != '0' || text[1] == '\0')
        return text;
    char prefix = (char)tolower((unsigned char)text[1]);
    *ret_base = prefix == 'x' ? 16 : prefix == 'b' ? 2 : 8;
    return prefix == 'x' || prefix == 'b' || prefix == 'o' ? text + 2 : text + 1;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)tolower((unsigned char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

static bool is_int(const char *text)
{
    int base;
    const char *digits = int_digits(text, &base);
    size_t count = 0;
    for (; *digits; digits++) {
        if (*digits == '_' && count > 0)
            continue;
        if (digit_value(*digits) >= base)
            return false;
        count++;
    }
    return count > 0;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *text)
{
    if (*text == '+' || *text == '-')
        text++;
    size_t whole = strspn(text, "0123456789");
    text += whole;
    size_t fraction = 0;
    if (*text == '.') {
        fraction = strspn(text + 1, "0123456789");
        text += 1 + fraction;
    }
    if (whole + fraction == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text += text[1] == '+' || text[1] == '-' ? 2 : 1;
        size_t exponent = strspn(text, "0123456789");
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}

weir_scalar_type weir_scalar_type_of(const char *text)
{
    if (is_bool(text))
        return WEIR_SCALAR_BOOL;
    if (is_int(text))
        return WEIR_SCALAR_INT;
    return is_float(text) || is_special_float(text) ? WEIR_SCALAR_FLOAT : WEIR_SCALAR_TEXT;
}

weir_scalar_type weir_node_scalar_type(const weir_node *node)
{
    return node->is_text ? WEIR_SCALAR_TEXT : weir_scalar_type_of(node->text);
}

static bool int_magnitude(const char *text, uint64_t *ret_value)
{
    int base;
    uint64_t value = 0;
    for (const char *digits = int_digits(text, &base); *digits; digits++) {
        if (*digits == '_')
            continue;
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_value(*digits), &value))
            return false;
    }
    *ret_value = value;
    return true;
}

bool weir_scalar_to_uint(const char *text, uint64_t *ret_value)
{
    uint64_t magnitude;
    if (!is_int(text) || !int_magnitude(text, &magnitude) || (text[0] == '-' && magnitude > 0))
        return false;
    *ret_value = magnitude;
    return true;
}

bool weir_scalar_to_int(const char *text, int64_t *ret_value)
{
    uint64_t magnitude;
    if (!is_int(text) || !int_magnitude(text, &magnitude) || magnitude > (uint64_t)INT64_MAX + (text[0] == '-'))
        return false;
    *ret_value = text[0] == '-' ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool weir_scalar_to_double(const char *text, double *ret_value)
{
    uint64_t magnitude;
    if (is_int(text)) {
        if (!int_magnitude(text, &magnitude))
            return false;
        *ret_value = text[0] == '-' ? -(double)magnitude : (double)magnitude;
        return true;
    }
    if (is_special_float(text)) {
        bool is_nan = tolower((unsigned char)text[1]) == 'n';
        *ret_value = is_nan ? (double)NAN : text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (!is_float(text))
        return false;
    *ret_value = strtod(text, NULL);
    return true;
}

bool weir_scalar_to_bool(const char *text)
{
    return text[0] == 't' || text[0] == 'T';
}
