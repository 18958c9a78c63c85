/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers as text, as Go's strconv and encoding/json write and read them.
 */
#include <criterion/criterion.h>

#include <float.h>
#include <math.h>

#include "processors/number_text.h"

static void assert_text(double number, const char *expected, const char *expected_plain)
{
    WEIR_BUFFER text = {0}, plain = {0};
    weir_double_to_text(number, &text);
    cr_assert_str_eq(weir_buffer_string(&text), expected);
    weir_double_to_plain_text(number, &plain);
    cr_assert_str_eq(weir_buffer_string(&plain), expected_plain);
}

Test(number_text, shortest_digits)
{
    assert_text(0, "0", "0");
    assert_text(-0.0, "-0", "-0");
    assert_text(3, "3", "3");
    assert_text(0.1, "0.1", "0.1");
    assert_text(1234.5, "1234.5", "1234.5");
    assert_text(1e20, "100000000000000000000", "100000000000000000000");
    assert_text(1e21, "1e+21", "1000000000000000000000");
    assert_text(1.5e-6, "0.0000015", "0.0000015");
    assert_text(1e-7, "1e-7", "0.0000001");
    assert_text(
        -1.25e100, "-1.25e+100",
        "-12500000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000");
    assert_text(DBL_MAX / DBL_MAX / 3, "0.3333333333333333", "0.3333333333333333");
    assert_text(NAN, "NaN", "NaN");
    assert_text(-INFINITY, "-Infinity", "-Inf");
}

static void assert_double(const char *text, double expected)
{
    double number;
    cr_assert(weir_text_to_double(weir_text_of(text), &number), "%s", text);
    cr_assert(number == expected, "%s is %g, not %g", text, number, expected);
}

Test(number_text, doubles_as_go_reads_them)
{
    assert_double("1", 1);
    assert_double("+1.5", 1.5);
    assert_double("-.5e1", -5);
    assert_double("5.", 5);
    assert_double("1_000.5", 1000.5);
    assert_double("0x1p-2", 0.25);
    assert_double("0X1.8P1", 3);
    assert_double("0x_1p0", 1);
    assert_double("Inf", INFINITY);
    assert_double("-INFINITY", -INFINITY);
    assert_double("1e-400", 0);
    double number;
    cr_assert(weir_text_to_double(WEIR_TEXT("nAn"), &number) && isnan(number));
}

Test(number_text, not_doubles)
{
    static const char *const texts[] = {"",     " 1",   "1 ",   "0x1F",  "1e",    "e1", ".",     "1__0", "_1",  "1_",
                                        "1_.5", "1e_5", "-nan", "1e400", "infin", "0x", "1.2.3", "1e5_", "1,5", "--1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double number;
        cr_assert_not(weir_text_to_double(weir_text_of(texts[i]), &number), "\"%s\" was taken for %g", texts[i],
                      number);
    }
}

Test(number_text, long_text_is_read_whole)
{
    char text[400];
    memset(text, '0', sizeof text);
    text[0] = '1', text[300] = '\0';
    assert_double(text, 1e299);
    text[399] = '\0', text[300] = '0';
    double number;
    cr_assert_not(weir_text_to_double(weir_text_of(text), &number), "does not fit");
}

Test(number_text, integers)
{
    int64_t number;
    cr_assert(weir_text_to_int(WEIR_TEXT("-9223372036854775808"), &number) && number == INT64_MIN);
    cr_assert(weir_text_to_int(WEIR_TEXT("+9223372036854775807"), &number) && number == INT64_MAX);
    cr_assert_not(weir_text_to_int(WEIR_TEXT("9223372036854775808"), &number));
    cr_assert_not(weir_text_to_int(WEIR_TEXT("1.0"), &number));
    cr_assert_not(weir_text_to_int(WEIR_TEXT("-"), &number));
    cr_assert_not(weir_text_to_int(WEIR_TEXT(""), &number));
}
