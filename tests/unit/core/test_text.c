/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "core/text.h"

Test(text, numbers_fill_the_whole_text_and_stay_in_range)
{
    uint64_t value = 7;
    cr_assert(weir_text_to_uint(WEIR_TEXT("0"), 10, &value));
    cr_assert_eq(value, 0);
    cr_assert(weir_text_to_uint(WEIR_TEXT("18446744073709551615"), UINT64_MAX, &value));
    cr_assert_eq(value, UINT64_MAX);
    static const char *const bad[] = {
        "", " 1", "1 ", "-1", "+1", "0x1", "18446744073709551616", "99999999999999999999"};
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++)
        cr_assert_not(weir_text_to_uint(weir_text_of(bad[i]), UINT64_MAX, &value), "%s", bad[i]);
    cr_assert_not(weir_text_to_uint(WEIR_TEXT("11"), 10, &value));
    cr_assert_eq(value, UINT64_MAX, "untouched on failure");
}

Test(text, utf8_by_rfc_3629)
{
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {{"", true},
                 {"abc", true},
                 {"\xc3\xa4", true},
                 {"\xe2\x82\xac", true},
                 {"\xf0\x9f\x98\x80", true},
                 {"\x80", false},
                 {"\xc3", false},
                 {"\xc0\xaf", false},
                 {"\xe0\x80\xaf", false},
                 {"\xed\xa0\x80", false},
                 {"\xf0\x80\x80\xaf", false},
                 {"\xf4\x90\x80\x80", false},
                 {"\xf5\x80\x80\x80", false},
                 {"a\xe2\x82", false}};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        cr_assert_eq(weir_utf8_valid((const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)), cases[i].valid,
                     "case %zu", i);
}

Test(text, names_compare_without_case)
{
    cr_assert(weir_text_equal_nocase(WEIR_TEXT("Content-Type"), WEIR_TEXT("content-tYPE")));
    cr_assert_not(weir_text_equal_nocase(WEIR_TEXT("a"), WEIR_TEXT("ab")));
    cr_assert_not(weir_text_equal_nocase(WEIR_TEXT("["), WEIR_TEXT("{")), "only letters have a case");
}

Test(buffer, grows_and_consumes)
{
    WEIR_BUFFER buffer = {0};
    for (int i = 0; i < 1000; i++)
        weir_buffer_printf(&buffer, "%d,", i % 10);
    cr_assert_eq(buffer.len, 2000);
    weir_buffer_consume(&buffer, 1996);
    cr_assert_str_eq(weir_buffer_string(&buffer), "8,9,");
}

Test(buffer, json_strings_escape_what_json_demands)
{
    WEIR_BUFFER buffer = {0};
    weir_buffer_append_json_string(&buffer, "a\"b\\c\n\x7f\xc3\xa4");
    cr_assert_str_eq(weir_buffer_string(&buffer), "\"a\\\"b\\\\c\\u000a\\u007f\xc3\xa4\"");
    buffer.len = 0;
    weir_buffer_append_json_string(&buffer, "x\xff");
    cr_assert_str_eq(weir_buffer_string(&buffer), "\"x\\ufffd\"");
}

Test(buffer, plain_text_has_nothing_that_a_terminal_obeys)
{
    WEIR_BUFFER buffer = {0};
    weir_buffer_append_plain(&buffer, "a\nb\x1b[2J\x7f \xc3\xa4 \xc2\xa0 \xc2\x9b"
                                      "2J \xc2");
    cr_assert_str_eq(weir_buffer_string(&buffer), "a\\x0ab\\x1b[2J\\x7f \xc3\xa4 \xc2\xa0 \\x9b"
                                                  "2J \xc2");
}

Test(buffer, hex_is_lower_case)
{
    char hex[7];
    weir_hex((const uint8_t *)"\x00\xab\x1f", 3, hex);
    cr_assert_str_eq(hex, "00ab1f");
}
