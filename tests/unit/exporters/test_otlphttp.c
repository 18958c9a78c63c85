/* SPDX-License-Identifier: Apache-2.0
 *
 * What otlphttp makes of its configuration and of answers; no network.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "core/memory.h"
#include "exporters/otlphttp/answer.h"
#include "exporters/otlphttp/config.h"

#define NOW_NS (UINT64_C(1700000000) * 1000000000) /* Tue, 14 Nov 2023 22:13:20 GMT */

/* ---- URLs ---- */

static void expect_url(const otlphttp_config *config, weir_signal signal, const char *expected)
{
    WEIR_FREE char *url = otlphttp_url(config, signal);
    if (expected)
        cr_assert_str_eq(url, expected);
    else
        cr_assert_null(url);
}

Test(otlphttp, urls_are_built_as_the_collector_builds_them)
{
    otlphttp_config config = {.endpoint = (char *)"http://backend:4318"};
    expect_url(&config, WEIR_TRACES, "http://backend:4318/v1/traces");
    expect_url(&config, WEIR_METRICS, "http://backend:4318/v1/metrics");
    expect_url(&config, WEIR_LOGS, "http://backend:4318/v1/logs");
    config.endpoint = (char *)"http://backend/otlp/";
    expect_url(&config, WEIR_LOGS, "http://backend/otlp/v1/logs");
    config.endpoints[WEIR_LOGS] = (char *)"https://logs/";
    expect_url(&config, WEIR_LOGS, "https://logs/");
    expect_url(&config, WEIR_TRACES, "http://backend/otlp/v1/traces");
    config.endpoint = NULL;
    expect_url(&config, WEIR_TRACES, NULL);
    config.endpoint = (char *)"";
    expect_url(&config, WEIR_TRACES, NULL);
}

/* ---- levels ---- */

static int level_of(int compression, int64_t level)
{
    return otlphttp_level(&(otlphttp_config){.compression = compression, .compression_params.level = level});
}

Test(otlphttp, levels_are_the_collectors_within_what_is_sensible)
{
    cr_assert_eq(level_of(OTLPHTTP_GZIP, 0), WEIR_LEVEL_USUAL);
    cr_assert_eq(level_of(OTLPHTTP_GZIP, -1), WEIR_LEVEL_USUAL, "zlib's way to say default");
    cr_assert_eq(level_of(OTLPHTTP_ZLIB, -2), 1, "zlib's way to say Huffman codes only");
    cr_assert_eq(level_of(OTLPHTTP_DEFLATE, 9), 9);
    cr_assert_eq(level_of(OTLPHTTP_ZSTD, 0), WEIR_LEVEL_USUAL);
    cr_assert_eq(level_of(OTLPHTTP_ZSTD, -1), -1);
    cr_assert_eq(level_of(OTLPHTTP_ZSTD, INT64_MAX), WEIR_ZSTD_LEVEL_MAX);
    cr_assert_eq(level_of(OTLPHTTP_ZSTD, INT64_MIN), WEIR_ZSTD_LEVEL_MIN);
}

/* ---- answers ---- */

static weir_error outcome_of(unsigned status, const char *content_type, const char *body)
{
    const otlphttp_answer answer = {
        .status = status, .content_type = weir_text_of(content_type), .body = {(const uint8_t *)body, strlen(body)}};
    weir_error error;
    memset(&error, 0xff, sizeof error);
    otlphttp_answer_read(WEIR_LOGS, &answer, NOW_NS, &error);
    return error;
}

static void expect_class(unsigned status, weir_error_class class_)
{
    weir_error error = outcome_of(status, "", "");
    cr_assert_eq(error.class_, class_, "status %u: class %d", status, (int)error.class_);
}

Test(otlphttp, every_status_has_a_class)
{
    expect_class(200, WEIR_ERROR_NONE);
    expect_class(202, WEIR_ERROR_NONE);
    expect_class(299, WEIR_ERROR_NONE);
    expect_class(301, WEIR_ERROR_ENDPOINT);
    expect_class(308, WEIR_ERROR_ENDPOINT);
    expect_class(400, WEIR_ERROR_PERMANENT);
    expect_class(401, WEIR_ERROR_ENDPOINT);
    expect_class(403, WEIR_ERROR_ENDPOINT);
    expect_class(404, WEIR_ERROR_ENDPOINT);
    expect_class(405, WEIR_ERROR_ENDPOINT);
    expect_class(407, WEIR_ERROR_ENDPOINT);
    expect_class(413, WEIR_ERROR_TOO_LARGE);
    expect_class(415, WEIR_ERROR_PERMANENT);
    expect_class(429, WEIR_ERROR_THROTTLED);
    expect_class(500, WEIR_ERROR_PERMANENT);
    expect_class(502, WEIR_ERROR_RETRYABLE);
    expect_class(503, WEIR_ERROR_RETRYABLE);
    expect_class(504, WEIR_ERROR_RETRYABLE);
}

static uint32_t delay_of(unsigned status, const char *retry_after)
{
    const otlphttp_answer answer = {.status = status, .retry_after = weir_text_of(retry_after)};
    weir_error error;
    otlphttp_answer_read(WEIR_LOGS, &answer, NOW_NS, &error);
    return error.retry_after_ms;
}

Test(otlphttp, retry_after_is_seconds_or_a_date)
{
    cr_assert_eq(delay_of(503, "7"), 7000);
    cr_assert_eq(delay_of(429, "0"), 0);
    cr_assert_eq(delay_of(429, "Tue, 14 Nov 2023 22:14:20 GMT"), 60000);
    cr_assert_eq(delay_of(503, "Tue, 14 Nov 2023 22:12:20 GMT"), 0, "it is over");
    cr_assert_eq(delay_of(503, "soon"), 0);
    cr_assert_eq(delay_of(503, "-5"), 0);
    cr_assert_eq(delay_of(503, "1e3"), 0);
    cr_assert_eq(delay_of(503, "99999999999999999999"), 0);
}

static void expect_partial(const char *json, uint64_t rejected, const char *text)
{
    weir_error error = outcome_of(200, "application/json; charset=utf-8", json);
    cr_assert_eq(error.class_, WEIR_ERROR_NONE);
    cr_assert_eq(error.rejected_items, rejected, "%s", json);
    cr_assert_str_eq(error.text, text);
}

Test(otlphttp, partial_success_in_json)
{
    expect_partial("{\"partialSuccess\":{\"rejectedLogRecords\":\"3\",\"errorMessage\":\"bad\\u0021\"}}", 3, "bad!");
    expect_partial("{\"partial_success\":{\"rejected_log_records\":3,\"error_message\":\"bad\"}}", 3, "bad");
    expect_partial("{\"partialSuccess\":{\"rejectedLogRecords\":1}}", 1, "no reason given");
    expect_partial("{\"partialSuccess\":{\"errorMessage\":\"a warning\"}}", 0, "a warning");
    expect_partial("{\"partialSuccess\":{\"rejectedSpans\":3}}", 0, "");
    expect_partial("{\"partialSuccess\":{\"rejectedLogRecords\":-3}}", 0, "");
    expect_partial("{\"partialSuccess\":{\"rejectedLogRecords\":{\"a\":[]}}}", 0, "");
    expect_partial("{\"partialSuccess\":null}", 0, "");
    expect_partial("{\"partialSuccess\":[1]}", 0, "");
    expect_partial("{}", 0, "");
    expect_partial("[]", 0, "");
    expect_partial("null", 0, "");
    expect_partial("{", 0, "");
    expect_partial("\xff", 0, "");
    expect_partial("{\"a\":&x [*x]}", 0, "");
}

Test(otlphttp, a_cut_success_is_one)
{
    const otlphttp_answer answer = {
        .status = 200,
        .content_type = WEIR_TEXT("application/json"),
        .body = {(const uint8_t *)"{\"partialSuccess\":{\"rejectedLogRecords\":\"3\"}}", 46},
        .is_cut = true};
    weir_error error;
    otlphttp_answer_read(WEIR_LOGS, &answer, NOW_NS, &error);
    cr_assert_eq(error.class_, WEIR_ERROR_NONE);
    cr_assert_eq(error.rejected_items, 0);
}

Test(otlphttp, the_reason_of_a_refusal_is_shown)
{
    cr_assert_str_eq(outcome_of(400, "application/json", "{\"code\":3,\"message\":\"a bad span\"}").text,
                     "HTTP 400: a bad span");
    cr_assert_str_eq(outcome_of(400, "text/plain", "a bad span\nand more").text, "HTTP 400: a bad span");
    cr_assert_str_eq(outcome_of(400, "application/x-protobuf",
                                "\x08\x03\x12\x03"
                                "bad")
                         .text,
                     "HTTP 400: bad");
}

Test(otlphttp, a_web_page_is_not_the_backends_answer)
{
    static const unsigned statuses[] = {200, 400, 404, 500};
    const char *page =
        "<!DOCTYPE html>\n<html><head><title>Log in</title></head>\n<body>\n  <p>please</p></body></html>";
    for (size_t i = 0; i < WEIR_COUNT_OF(statuses); i++) {
        weir_error error = outcome_of(statuses[i], "Text/HTML", page);
        cr_assert_eq(error.class_, WEIR_ERROR_ENDPOINT, "status %u", statuses[i]);
        cr_assert(strstr(error.text, "Log in please"), "%s", error.text);
    }
    cr_assert_eq(outcome_of(413, "text/html", page).class_, WEIR_ERROR_TOO_LARGE);
    cr_assert_eq(outcome_of(502, "text/html", page).class_, WEIR_ERROR_RETRYABLE);
    cr_assert_eq(outcome_of(200, "text/html", "").class_, WEIR_ERROR_NONE, "there is no page");
    cr_assert_eq(outcome_of(200, "text/htmlx", page).class_, WEIR_ERROR_NONE);
}

Test(otlphttp, an_excerpt_is_short_and_one_line)
{
    WEIR_BUFFER page = {0};
    for (int i = 0; i < 1000; i++)
        weir_buffer_append_text(&page, "<b>word\n</b>\x01");
    weir_error error = outcome_of(500, "text/html", weir_buffer_string(&page));
    cr_assert_lt(strlen(error.text), 200);
    cr_assert_null(strpbrk(error.text, "\n\x01<>"));
}

Test(otlphttp, a_redirect_names_the_new_place)
{
    const otlphttp_answer answer = {.status = 308, .location = WEIR_TEXT("https://new/v1/logs")};
    weir_error error;
    otlphttp_answer_read(WEIR_LOGS, &answer, NOW_NS, &error);
    cr_assert_eq(error.class_, WEIR_ERROR_ENDPOINT);
    cr_assert(strstr(error.text, "https://new/v1/logs"), "%s", error.text);
}
