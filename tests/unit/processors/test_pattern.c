/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions mean here what they mean in the Collector.
 */
#include <criterion/criterion.h>

#include "core/text.h"
#include "processors/pattern.h"

static bool matches(const char *expression, const char *subject)
{
    char error[WEIR_PATTERN_ERROR_SIZE];
    weir_pattern *pattern = weir_pattern_new(expression, error);
    cr_assert_not_null(pattern, "%s: %s", expression, error);
    bool result = weir_pattern_matches(pattern, weir_text_of(subject));
    weir_pattern_free(pattern);
    return result;
}

Test(pattern, searches_anywhere)
{
    cr_assert(matches("b+", "abbc"));
    cr_assert_not(matches("^b+$", "abbc"));
    cr_assert(matches("", ""));
}

Test(pattern, dollar_is_the_very_end)
{
    cr_assert(matches("a$", "a"));
    cr_assert_not(matches("a$", "a\n"));
    cr_assert(matches("(?m)a$", "a\n"));
}

Test(pattern, dot_stops_at_newline_only)
{
    cr_assert(matches("^a.b$", "a\rb"));
    cr_assert_not(matches("^a.b$", "a\nb"));
}

Test(pattern, classes_are_ascii_and_characters_are_unicode)
{
    cr_assert_not(matches("^\\w$", "é"));
    cr_assert(matches("^.$", "é"));
}

Test(pattern, named_groups)
{
    char error[WEIR_PATTERN_ERROR_SIZE];
    weir_pattern *pattern = weir_pattern_new("^/api/(?P<version>v\\d+)/(?<rest>x)?", error);
    weir_text subject = WEIR_TEXT("/api/v12/");
    cr_assert_eq(weir_pattern_group_count(pattern), 2);
    cr_assert_str_eq(weir_pattern_group_name(pattern, 1), "version");
    cr_assert_str_eq(weir_pattern_group_name(pattern, 2), "rest");
    cr_assert(weir_pattern_matches(pattern, subject));
    cr_assert(weir_text_is(weir_pattern_group(pattern, 1, subject), "v12"));
    cr_assert_eq(weir_pattern_group(pattern, 2, subject).len, 0);
    weir_pattern_free(pattern);
    pattern = weir_pattern_new("(a)", error);
    cr_assert_null(weir_pattern_group_name(pattern, 1));
    weir_pattern_free(pattern);
}

Test(pattern, malformed)
{
    char error[WEIR_PATTERN_ERROR_SIZE] = "";
    cr_assert_null(weir_pattern_new("a(b", error));
    cr_assert(strstr(error, "character 3"), "%s", error);
}

Test(pattern, runaway_expression_is_no_match, .timeout = 5)
{
    cr_assert_not(matches("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"));
}
