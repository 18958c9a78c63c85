/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the HTTP client that need no network: URLs and proxies. The client itself is tested through otlphttp in
 * tests/component.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/curl/proxy.h"
#include "exporters/curl/url.h"

/* ---- URLs ---- */

static void expect_url(const char *text, const char *scheme, const char *host, const char *port, const char *path)
{
    weir_url url = {0};
    weir_error error = {0};
    cr_assert_eq(weir_url_parse(text, &url, &error), WEIR_OK, "%s %s", text, error.text);
    cr_assert_str_eq(url.scheme, scheme);
    cr_assert_str_eq(url.host, host);
    cr_assert_str_eq(url.port, port);
    cr_assert_str_eq(url.path, path);
    weir_url_done(&url);
}

Test(curl, urls_are_taken_apart)
{
    expect_url("http://backend", "http", "backend", "80", "/");
    expect_url("HTTPS://backend/otlp/", "https", "backend", "443", "/otlp/");
    expect_url("http://127.0.0.1:4318/v1/logs?a=b#c", "http", "127.0.0.1", "4318", "/v1/logs");
    expect_url("http://[::1]:4318", "http", "[::1]", "4318", "/");
    expect_url("https://user:word@backend:1/", "https", "backend", "1", "/");
}

Test(curl, urls_tell_their_credentials_and_whether_they_have_a_query)
{
    weir_url url = {0};
    weir_error error = {0};
    cr_assert_eq(weir_url_parse("https://ann:p%40ss@backend/?a=b", &url, &error), WEIR_OK, "%s", error.text);
    cr_expect_str_eq(url.user, "ann");
    cr_expect_str_eq(url.password, "p@ss");
    cr_expect(url.has_query);
    weir_url_done(&url);
    cr_assert_eq(weir_url_parse("https://backend/x", &url, &error), WEIR_OK, "%s", error.text);
    cr_expect_null(url.user);
    cr_expect_null(url.password);
    cr_expect_not(url.has_query);
    weir_url_done(&url);
}

Test(curl, what_is_no_url_is_refused_with_a_reason)
{
    static const char *const wrong[] = {"",
                                        "backend",
                                        "backend:4318",
                                        "localhost:4318",
                                        "ftp://backend",
                                        "http://",
                                        "http://:4318",
                                        "http://a b",
                                        "http://a:99999",
                                        "file:///a",
                                        "unix:///var/sock",
                                        "http://a\r\nb: c"};
    for (size_t i = 0; i < WEIR_COUNT_OF(wrong); i++) {
        weir_url url = {0};
        weir_error error = {0};
        cr_assert_eq(weir_url_parse(wrong[i], &url, &error), WEIR_INVALID, "\"%s\"", wrong[i]);
        cr_assert(strstr(error.text, "https://host:port"), "%s", error.text);
        cr_assert_null(url.host);
    }
}

Test(curl, another_host_takes_a_urls_place)
{
    WEIR_FREE char *changed = weir_url_with_host("https://10.0.0.1:4318/v1/logs?a=b", "backend.test");
    cr_assert_str_eq(changed, "https://backend.test:4318/v1/logs?a=b");
    cr_assert_null(weir_url_with_host("10.0.0.1", "backend.test"));
}

/* ---- proxies ---- */

static const struct variable {
    const char *name, *value;
} * environment;

static char *fake_getenv(const char *name)
{
    for (const struct variable *at = environment; at->name; at++)
        if (strcmp(at->name, name) == 0)
            return (char *)(uintptr_t)at->value;
    return NULL;
}

static void expect_proxy(const char *configured, const char *scheme, const char *host, const char *url,
                         const char *exceptions)
{
    weir_proxy proxy = weir_proxy_for(configured, scheme, host, fake_getenv);
    cr_assert_str_eq(proxy.url, url);
    cr_assert_str_eq(proxy.exceptions, exceptions);
}

Test(curl, the_environment_is_read_as_go_reads_it)
{
    environment = (const struct variable[]){{"HTTP_PROXY", "http://upper"},   {"http_proxy", "http://lower"},
                                            {"https_proxy", "http://secure"}, {"ALL_PROXY", "http://all"},
                                            {"no_proxy", ".internal"},        {NULL, NULL}};
    expect_proxy(NULL, "http", "backend", "http://upper", ".internal");
    expect_proxy("", "https", "backend", "http://secure", ".internal");
    expect_proxy("http://mine", "https", "backend", "http://mine", "");
    expect_proxy("http://mine", "http", "localhost", "http://mine", "");
    expect_proxy(NULL, "http", "localhost", "", "");
    expect_proxy(NULL, "http", "127.0.0.1", "", "");
    expect_proxy(NULL, "https", "[::1]", "", "");
}

Test(curl, an_empty_environment_means_no_proxy)
{
    environment = (const struct variable[]){{"HTTP_PROXY", ""}, {"ALL_PROXY", "http://all"}, {NULL, NULL}};
    expect_proxy(NULL, "http", "backend", "", "");
    expect_proxy(NULL, "https", "backend", "", "");
}
