/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers of an exporter's request: what is configured, what an authenticator changes, what cannot be sent.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "config/diagnostics.h"
#include "core/limits.h"
#include "core/memory.h"
#include "exporters/support/request_headers.h"

/* ---- an authenticator that adds one header, or many, or fails ---- */

static const char *added_name;
static const char *added_value;
static size_t added_times;

static weir_error_class failure_class;

static weir_status decorate(weir_client_auth *self, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error)
{
    (void)self;
    (void)metadata;
    if (!added_name)
        return weir_error_set(ret_error, failure_class, WEIR_INVALID, "nothing to say");
    for (size_t i = 0; i < added_times; i++)
        weir_headers_add(headers, weir_text_of(added_name), weir_text_of(added_value));
    return WEIR_OK;
}

static weir_client_auth the_auth = {.decorate = decorate};

static weir_client_auth *lend(const weir_host *host, const char *id, weir_error *ret_error)
{
    (void)host;
    if (strcmp(id, "known") == 0)
        return &the_auth;
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s is not configured", id);
    return NULL;
}

static const weir_host host = {.client_auth = lend};
static char *keys[] = {(char *)"X-One", (char *)"two"};
static char *values[] = {(char *)"1", (char *)"2"};
static const weir_string_map configured = {.keys = keys, .values = values, .count = 2};

static weir_request_headers *open_with(const char *authenticator)
{
    weir_error error = {0};
    weir_request_headers *headers = NULL;
    weir_exporter_auth auth = {(char *)(uintptr_t)authenticator};
    weir_status status =
        weir_request_headers_open(&host, "otlp", &configured, authenticator ? &auth : NULL, &headers, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
    return headers;
}

/* What is made with an authenticator that adds `name: value` so many times. */
static weir_status make_with(const char *name, const char *value, size_t times, weir_headers *out,
                             weir_error *ret_error)
{
    weir_request_headers *headers = open_with("known");
    added_name = name;
    added_value = value;
    added_times = times;
    weir_status status = weir_request_headers_make(headers, NULL, out, ret_error);
    weir_request_headers_free(headers);
    return status;
}

Test(request_headers, without_an_authenticator_they_are_the_configured_ones)
{
    weir_headers made = {0};
    weir_error error = {0};
    weir_request_headers *headers = open_with(NULL);
    cr_expect_not(weir_request_headers_need_encryption(headers));
    cr_assert_eq(weir_request_headers_make(headers, NULL, &made, &error), WEIR_OK);
    cr_expect_eq(made.count, 2);
    cr_expect(weir_text_is(made.items[0].name, "x-one"));
    cr_expect(weir_text_is(weir_headers_get(&made, WEIR_TEXT("two")), "2"));
    weir_headers_done(&made);
    weir_request_headers_free(headers);
}

Test(request_headers, an_authenticator_that_is_not_there_is_named)
{
    weir_error error = {0};
    weir_request_headers *headers = NULL;
    weir_exporter_auth auth = {(char *)"unknown"};
    cr_expect_neq(weir_request_headers_open(&host, "otlp/x", &configured, &auth, &headers, &error), WEIR_OK);
    cr_expect_null(headers);
    cr_expect_str_eq(error.text, "otlp/x: auth: unknown is not configured");
}

Test(request_headers, what_the_authenticator_adds_is_there)
{
    weir_headers made = {0};
    weir_error error = {0};
    cr_assert_eq(make_with("Authorization", "Bearer a\tb \xc3\xa4", 1, &made, &error), WEIR_OK, "%s", error.text);
    cr_expect_eq(made.count, 3);
    cr_expect(weir_text_is(weir_headers_get(&made, WEIR_TEXT("authorization")), "Bearer a\tb \xc3\xa4"));
    weir_headers_done(&made);
}

Test(request_headers, what_cannot_be_sent_is_the_endpoints_fault_and_not_shown)
{
    static const char *const bad[][2] = {
        {"a", "canary\r\nx: y"}, {"a", "canary\x7f"},    {"a b", "canary"},          {"", "canary"},
        {":path", "canary"},     {"\xc3\xa4", "canary"}, {"grpc-timeout", "canary"}, {"Content-Type", "canary"},
        {"TE", "canary"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(bad); i++) {
        weir_headers made = {0};
        weir_error error = {0};
        cr_expect_neq(make_with(bad[i][0], bad[i][1], 1, &made, &error), WEIR_OK, "%s", bad[i][0]);
        cr_expect_eq(error.class_, WEIR_ERROR_ENDPOINT);
        cr_expect_null(strstr(error.text, "canary"), "%s", error.text);
        weir_headers_done(&made);
    }
}

Test(request_headers, an_authenticators_error_is_the_datas_fault_if_it_says_so)
{
    weir_headers made = {0};
    weir_error error = {0};
    failure_class = WEIR_ERROR_PERMANENT;
    cr_expect_neq(make_with(NULL, NULL, 0, &made, &error), WEIR_OK);
    cr_expect_eq(error.class_, WEIR_ERROR_PERMANENT);
    weir_headers_done(&made);
}

Test(request_headers, an_authenticators_error_is_the_endpoints_fault)
{
    failure_class = WEIR_ERROR_RETRYABLE;
    weir_headers made = {0};
    weir_error error = {0};
    cr_expect_neq(make_with(NULL, NULL, 0, &made, &error), WEIR_OK);
    cr_expect_eq(error.class_, WEIR_ERROR_ENDPOINT);
    cr_expect_str_eq(error.text, "nothing to say");
    weir_headers_done(&made);
}

Test(request_headers, there_is_room_for_so_many_and_no_more)
{
    const size_t room = WEIR_HEADERS_MAX - WEIR_REQUEST_HEADERS_OWN - configured.count;
    weir_headers made = {0};
    weir_error error = {0};
    cr_expect_eq(make_with("a", "b", room, &made, &error), WEIR_OK);
    weir_headers_done(&made);
    cr_expect_neq(make_with("a", "b", room + 1, &made, &error), WEIR_OK);
    cr_expect_eq(error.class_, WEIR_ERROR_ENDPOINT);
    weir_headers_done(&made);
}

static const char *complaint(const char *key, const char *value, weir_buffer *out)
{
    char *one_key[] = {(char *)(uintptr_t)key};
    char *one_value[] = {(char *)(uintptr_t)value};
    weir_string_map map = {.keys = one_key, .values = one_value, .count = 1};
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    weir_request_headers_check(&map, NULL, diagnostics);
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, out);
    weir_diagnostics_free(diagnostics);
    return weir_buffer_string(out);
}

Test(request_headers, configured_ones_are_checked)
{
    WEIR_BUFFER out = {0};
    cr_expect_str_eq(complaint("x-fine", "any thing", &out), "");
    cr_expect(strstr(complaint("te", "trailers", &out), "set by the protocol"));
    out.len = 0;
    const char *words = complaint("a", "canary\n", &out);
    cr_expect(strstr(words, "no header may have"), "%s", words);
    cr_expect_null(strstr(words, "canary"));
}
