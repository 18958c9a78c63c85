/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of headers that an authenticator writes into.
 */
#include <criterion/criterion.h>

#include "net/headers.h"

static void add(weir_headers *headers, const char *name, const char *value)
{
    weir_headers_add(headers, weir_text_of(name), weir_text_of(value));
}

static bool has(const weir_headers *headers, const char *name, const char *value)
{
    return weir_text_is(weir_headers_get(headers, weir_text_of(name)), value);
}

Test(headers, empty_has_nothing)
{
    weir_headers headers = {0};
    cr_assert_null(weir_headers_get(&headers, WEIR_TEXT("a")).data);
    cr_assert_not(weir_headers_remove(&headers, WEIR_TEXT("a")));
    weir_headers_done(&headers);
}

Test(headers, names_are_lowered_and_texts_copied)
{
    weir_headers headers = {0};
    char name[] = "X-Scope-OrgID";
    char value[] = "Acme";
    add(&headers, name, value);
    memset(name, '?', sizeof name - 1);
    memset(value, '?', sizeof value - 1);
    cr_assert(weir_text_is(headers.items[0].name, "x-scope-orgid"));
    cr_assert(has(&headers, "X-SCOPE-orgid", "Acme"), "the value keeps its case");
    weir_headers_done(&headers);
    cr_assert_eq(headers.count, 0);
}

Test(headers, an_empty_value_is_not_a_missing_one)
{
    weir_headers headers = {0};
    weir_headers_add(&headers, WEIR_TEXT("a"), (weir_text){NULL, 0});
    cr_assert_not_null(weir_headers_get(&headers, WEIR_TEXT("a")).data);
    weir_headers_done(&headers);
}

Test(headers, first_of_a_name_is_found_and_all_are_removed)
{
    weir_headers headers = {0};
    for (int i = 0; i < 20; i++) {
        add(&headers, "a", i == 0 ? "first" : "later");
        add(&headers, "b", "kept");
    }
    cr_assert(has(&headers, "A", "first"));
    cr_assert(weir_headers_remove(&headers, WEIR_TEXT("A")));
    cr_assert_eq(headers.count, 20);
    cr_assert_null(weir_headers_get(&headers, WEIR_TEXT("a")).data);
    for (size_t i = 0; i < headers.count; i++)
        cr_assert(weir_text_is(headers.items[i].value, "kept"));
    weir_headers_done(&headers);
}
