/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as decimal digits and back, without printf and strtod. Any thread.
 */
#ifndef WEIR_CORE_DECIMAL_H
#define WEIR_CORE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEIR_UINT_TEXT_MAX = 20,     /* of a uint64_t, without an end */
    WEIR_DOUBLE_DIGITS_MAX = 17, /* always enough for a double */
    WEIR_DOUBLE_TEXT_MAX = 26,   /* of weir_double_write: -0.0000012345678901234567, -1.2345678901234567e-308 */
};

/* Writes `value` to `out`, which has room for WEIR_UINT_TEXT_MAX. Returns its length. */
size_t weir_uint_write(char *out, uint64_t value);

/* A finite number as 0.DIGITS × 10^point, with the fewest digits that read back as the same double; of several such the
 * nearest. Zero is "0" with point 1. No zeros at the end otherwise. */
typedef struct weir_decimal {
    bool negative; /* also of -0 */
    char digits[WEIR_DOUBLE_DIGITS_MAX];
    int len;
    int point;
} weir_decimal;

weir_decimal weir_decimal_of(double finite);

/* The finite number as JSON and JavaScript write it: with an exponent from 1e+21 on and below 1e-6, of at least
 * `exponent_digits` (1 or 2). Writes to `out`, which has room for WEIR_DOUBLE_TEXT_MAX. Returns its length. */
size_t weir_double_write(char *out, double finite, int exponent_digits);

/* The double nearest to digits × 10^exponent; of two as near the even one. False, and nothing written, for the few whose
 * rounding 128 bits do not decide (at most when the value lies within 2^-70 of the middle between two doubles), and for
 * what no double can hold: strtod knows. */
bool weir_double_of(uint64_t digits, long exponent, double *ret_number);

#endif
