/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions mean here what they mean in the Collector; and the digest of the hash action.
 */
#include <criterion/criterion.h>

#include "core/text.h"
#include "processors/pattern.h"
#include "processors/sha256.h"

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

static void assert_digest(const char *text, const char *expected)
{
    uint8_t digest[WEIR_SHA256_BYTES];
    char hex[2 * WEIR_SHA256_BYTES + 1];
    weir_sha256((const uint8_t *)text, strlen(text), digest);
    weir_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, expected);
}

Test(sha256, vectors_of_the_standard)
{
    assert_digest("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, every_padding)
{
    /* The digests of 0 … 129 times "a", hashed together: computed with coreutils. */
    uint8_t digest[WEIR_SHA256_BYTES], all[130 * WEIR_SHA256_BYTES], text[130];
    char hex[2 * WEIR_SHA256_BYTES + 1];
    memset(text, 'a', sizeof text);
    for (size_t len = 0; len < sizeof text; len++) {
        weir_sha256(text, len, digest);
        memcpy(all + len * sizeof digest, digest, sizeof digest);
    }
    weir_sha256(all, sizeof all, digest);
    weir_hex(digest, sizeof digest, hex);
    cr_assert_str_eq(hex, "39a48225ae6069c68f7c9f867bf47f4a2e188c3903dd919926b8259a73ecada5");
}
