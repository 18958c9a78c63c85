/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/decimal.h"
#include "core/memory.h"
#include "core/text.h"

static void assert_text(double number, const char *expected)
{
    char text[WEIR_DOUBLE_TEXT_MAX];
    size_t len = weir_double_write(text, number, 2);
    cr_assert(weir_text_is((weir_text){text, len}, expected), "%a: %.*s, not %s", number, (int)len, text, expected);
}

Test(decimal, doubles_as_json_and_go_write_them)
{
    assert_text(0, "0");
    assert_text(-0.0, "-0");
    assert_text(1, "1");
    assert_text(-12.5, "-12.5");
    assert_text(0.1, "0.1");
    assert_text(0.1 + 0.2, "0.30000000000000004");
    assert_text(1e20, "100000000000000000000");
    assert_text(999999999999999868928.0, "999999999999999900000");
    assert_text(1e21, "1e+21");
    assert_text(1e-6, "0.000001");
    assert_text(9.99e-7, "9.99e-07");
    assert_text(-1.5e-10, "-1.5e-10");
    assert_text(9007199254740993.0, "9007199254740992");
    assert_text(DBL_MAX, "1.7976931348623157e+308");
    assert_text(DBL_MIN, "2.2250738585072014e-308");
    assert_text(-5e-324, "-5e-324");
    assert_text(0.0000012345678901234567, "0.0000012345678901234567");
}

/* Where the next double below is nearer than the one above, an algorithm that rounds first goes wrong. */
Test(decimal, powers_of_two_are_the_nearest_of_the_shortest)
{
    assert_text(0x1p-44, "5.684341886080802e-14");
    assert_text(0x1p-1022, "2.2250738585072014e-308");
    assert_text(9007199254740992.0, "9007199254740992");
    assert_text(0x1p-24, "5.960464477539063e-08");
}

Test(decimal, an_exponent_has_as_many_digits_as_asked_for)
{
    char text[WEIR_DOUBLE_TEXT_MAX];
    cr_assert(weir_text_is((weir_text){text, weir_double_write(text, 1e-7, 1)}, "1e-7"));
    cr_assert(weir_text_is((weir_text){text, weir_double_write(text, 1e-7, 2)}, "1e-07"));
    cr_assert(weir_text_is((weir_text){text, weir_double_write(text, 1e100, 1)}, "1e+100"));
}

/* As few digits as printf and strtod need, and among these the ones printf gives (but for powers of two, above). */
static void assert_shortest(double number)
{
    char text[WEIR_DOUBLE_TEXT_MAX + 1] = {0};
    size_t len = weir_double_write(text, number, 2);
    cr_assert_leq(len, WEIR_DOUBLE_TEXT_MAX);
    cr_assert_eq(strtod(text, NULL), number, "%a is not %s", number, text);
    weir_decimal decimal = weir_decimal_of(number);
    char expected[32];
    for (int digits = 1; digits <= WEIR_DOUBLE_DIGITS_MAX; digits++) {
        snprintf(expected, sizeof expected, "%.*e", digits - 1, number);
        if (strtod(expected, NULL) == number) {
            cr_assert_eq(decimal.len, digits, "%a: %s, not %s", number, text, expected);
            cr_assert_eq(strtod(expected, NULL), strtod(text, NULL));
            return;
        }
    }
    cr_assert(false, "%a", number);
}

Test(decimal, random_bits_read_back_and_are_shortest)
{
    uint64_t state = 0x9e3779b97f4a7c15;
    for (int i = 0; i < 200000; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        double number;
        memcpy(&number, &state, sizeof number);
        uint64_t fraction = state & (((uint64_t)1 << 52) - 1);
        if (isfinite(number) && fraction != 0)
            assert_shortest(number);
        assert_shortest((double)(state >> 40) / 1000);
    }
}

Test(decimal, every_power_of_ten_is_one_digit)
{
    for (int exponent = -323; exponent <= 308; exponent++) {
        char text[16];
        snprintf(text, sizeof text, "1e%d", exponent);
        weir_decimal decimal = weir_decimal_of(strtod(text, NULL));
        cr_assert(decimal.len == 1 && decimal.digits[0] == '1' && decimal.point == exponent + 1, "%s", text);
    }
}

Test(decimal, integers)
{
    static const uint64_t values[] = {
        0, 9, 10, 99, 100, 101, 12345, 999999, UINT32_MAX, UINT64_MAX, 1000000000000000000};
    for (size_t i = 0; i < WEIR_COUNT_OF(values); i++) {
        char text[WEIR_UINT_TEXT_MAX], expected[24];
        size_t len = weir_uint_write(text, values[i]);
        snprintf(expected, sizeof expected, "%" PRIu64, values[i]);
        cr_assert(weir_text_is((weir_text){text, len}, expected), "%s", expected);
    }
}

/* What strtod says, or nothing. Returns whether it was said. */
static bool assert_read(uint64_t digits, long exponent)
{
    char text[64];
    double number = 0;
    snprintf(text, sizeof text, "%" PRIu64 "e%ld", digits, exponent);
    const bool known = weir_double_of(digits, exponent, &number);
    cr_assert(!known || number == strtod(text, NULL), "%s is %a, not %a", text, strtod(text, NULL), number);
    return known;
}

Test(decimal, doubles_of_decimals_are_what_strtod_reads)
{
    static const uint64_t digits[] = {1,
                                      2,
                                      3,
                                      5,
                                      7,
                                      17,
                                      49,
                                      9007199254740991,
                                      17976931348623157,
                                      22250738585072014,
                                      22250738585072011,
                                      24703282292062327,
                                      24703282292062328,
                                      49406564584124654,
                                      9999999999999999999u,
                                      UINT64_MAX,
                                      (uint64_t)1 << 63,
                                      ((uint64_t)1 << 53) + 1};
    for (size_t i = 0; i < WEIR_COUNT_OF(digits); i++) {
        for (long exponent = -400; exponent < 400; exponent++) {
            const bool known = assert_read(digits[i], exponent);
            const bool may_be_a_middle = exponent >= -27 && exponent <= 27; /* 5^27 has 63 bits */
            cr_assert(known || exponent > 280 || may_be_a_middle, "%" PRIu64 "e%ld", digits[i], exponent);
        }
    }
    cr_assert(!weir_double_of(((uint64_t)1 << 53) + 1, 0, &(double){0}), "it lies in the middle");
    cr_assert(!weir_double_of(1, 23, &(double){0}), "so does this");
    cr_assert(!weir_double_of(1, 309, &(double){0}));
    cr_assert(!weir_double_of(1, 1000000000000, &(double){0}));
    cr_assert(assert_read(0, 400) && assert_read(1, -1000000000000));
}

/* Also in the range where a double has fewer bits the smaller it is. */
Test(decimal, random_decimals_are_what_strtod_reads)
{
    uint64_t state = 0x2545f4914f6cdd1d;
    unsigned known = 0;
    enum { COUNT = 400000 };
    for (unsigned i = 0; i < COUNT; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        const uint64_t digits = state >> (state % 61);
        const long exponent = i % 4 == 0 ? -325 + (long)(state >> 20 & 31) : -340 + (long)(state >> 20) % 625;
        known += assert_read(digits, exponent);
    }
    cr_assert_gt(known, COUNT - COUNT / 100);
}

/* Both neighbours of a middle and the middle itself, as near as 19 digits come to it. */
Test(decimal, what_lies_near_the_middle_is_rounded_right)
{
    uint64_t state = 0x9e3779b97f4a7c15;
    for (unsigned i = 0; i < 100000; i++) {
        state = state * 6364136223846793005 + 1442695040888963407;
        const int exponent = (int)(state >> 33) % 2000 - 1030;
        const long double middle = ldexpl((long double)((state >> 11 | (uint64_t)1 << 52) | 1), exponent - 53);
        char text[64];
        snprintf(text, sizeof text, "%.18Le", middle);
        if (!isfinite(strtod(text, NULL)))
            continue;
        const uint64_t first = (uint64_t)(text[0] - '0') * 1000000000000000000 + strtoull(text + 2, NULL, 10);
        const long power = strtol(strchr(text, 'e') + 1, NULL, 10) - 18;
        for (uint64_t digits = first - 2; digits <= first + 2; digits++)
            (void)assert_read(digits, power);
    }
}
