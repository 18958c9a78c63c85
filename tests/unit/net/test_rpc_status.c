/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <string.h>

#include "core/memory.h"
#include "net/rpc_status.h"

static weir_error error_of(weir_error_class class_, weir_status status, uint32_t retry_after_ms)
{
    weir_error error = {0};
    (void)weir_error_set(&error, class_, status, "why");
    error.retry_after_ms = retry_after_ms;
    return error;
}

Test(rpc_status, what_a_server_answers)
{
    static const struct {
        weir_error_class class_;
        weir_status status;
        unsigned grpc, http;
    } cases[] = {
        {WEIR_ERROR_NONE, WEIR_OK, 0, 200},
        {WEIR_ERROR_RETRYABLE, WEIR_AGAIN, 14, 503},
        {WEIR_ERROR_THROTTLED, WEIR_AGAIN, 14, 429},
        {WEIR_ERROR_ENDPOINT, WEIR_INVALID, 14, 503},
        {WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, 8, 413},
        {WEIR_ERROR_PERMANENT, WEIR_INVALID, 3, 400},
        {WEIR_ERROR_PERMANENT, WEIR_TOO_LARGE, 8, 413},
        {WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED, 12, 415},
        {WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND, 12, 404},
        {WEIR_ERROR_PERMANENT, WEIR_IO, 13, 500},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        weir_error error = error_of(cases[i].class_, cases[i].status, 0);
        cr_assert_eq(weir_grpc_code_of(&error), cases[i].grpc, "case %zu", i);
        cr_assert_eq(weir_http_status_of(&error), cases[i].http, "case %zu", i);
    }
}

/* The table of the OTLP specification, "OTLP/gRPC Response", and what we make of the codes it calls not retryable. */
Test(rpc_status, what_a_grpc_client_makes_of_codes)
{
    static const weir_error_class classes[] = {
        [WEIR_GRPC_OK] = WEIR_ERROR_NONE,
        [WEIR_GRPC_CANCELLED] = WEIR_ERROR_RETRYABLE,
        [WEIR_GRPC_UNKNOWN] = WEIR_ERROR_PERMANENT,
        [WEIR_GRPC_INVALID_ARGUMENT] = WEIR_ERROR_PERMANENT,
        [WEIR_GRPC_DEADLINE_EXCEEDED] = WEIR_ERROR_RETRYABLE,
        [WEIR_GRPC_NOT_FOUND] = WEIR_ERROR_ENDPOINT,
        [WEIR_GRPC_ALREADY_EXISTS] = WEIR_ERROR_PERMANENT,
        [WEIR_GRPC_PERMISSION_DENIED] = WEIR_ERROR_ENDPOINT,
        [WEIR_GRPC_RESOURCE_EXHAUSTED] = WEIR_ERROR_PERMANENT,
        [WEIR_GRPC_FAILED_PRECONDITION] = WEIR_ERROR_PERMANENT,
        [WEIR_GRPC_ABORTED] = WEIR_ERROR_RETRYABLE,
        [WEIR_GRPC_OUT_OF_RANGE] = WEIR_ERROR_RETRYABLE,
        [WEIR_GRPC_UNIMPLEMENTED] = WEIR_ERROR_ENDPOINT,
        [WEIR_GRPC_INTERNAL] = WEIR_ERROR_PERMANENT,
        [WEIR_GRPC_UNAVAILABLE] = WEIR_ERROR_RETRYABLE,
        [WEIR_GRPC_DATA_LOSS] = WEIR_ERROR_RETRYABLE,
        [WEIR_GRPC_UNAUTHENTICATED] = WEIR_ERROR_ENDPOINT,
        [17] = WEIR_ERROR_PERMANENT,
    };
    for (unsigned code = 0; code < WEIR_COUNT_OF(classes); code++) {
        weir_error error;
        weir_error_from_grpc(code, WEIR_TEXT("no%20luck"), WEIR_TEXT(""), &error);
        cr_assert_eq(error.class_, classes[code], "code %u", code);
        cr_assert(code == 0 || strstr(error.text, "no luck"), "%s", error.text);
    }
}

static weir_error from_grpc(unsigned code, const char *message, const weir_error *peer)
{
    WEIR_BUFFER bytes = {0}, base64 = {0};
    weir_error error;
    weir_rpc_status_encode(peer, &bytes);
    weir_base64_encode((weir_bytes){bytes.data, bytes.len}, &base64);
    weir_error_from_grpc(code, weir_text_of(message), (weir_text){(char *)base64.data, base64.len}, &error);
    return error;
}

Test(rpc_status, retry_info_throttles)
{
    weir_error peer = error_of(WEIR_ERROR_THROTTLED, WEIR_AGAIN, 1500);
    weir_error unavailable = from_grpc(WEIR_GRPC_UNAVAILABLE, "busy", &peer);
    cr_assert_eq(unavailable.class_, WEIR_ERROR_THROTTLED);
    cr_assert_eq(unavailable.retry_after_ms, 1500);
    weir_error exhausted = from_grpc(WEIR_GRPC_RESOURCE_EXHAUSTED, "busy", &peer);
    cr_assert_eq(exhausted.class_, WEIR_ERROR_THROTTLED);
    cr_assert_eq(exhausted.retry_after_ms, 1500);
    peer = error_of(WEIR_ERROR_PERMANENT, WEIR_INVALID, 1500); /* a delay means nothing there and is not sent */
    cr_assert_eq(from_grpc(WEIR_GRPC_RESOURCE_EXHAUSTED, "busy", &peer).class_, WEIR_ERROR_PERMANENT);
}

Test(rpc_status, exhausted_by_size_asks_for_smaller_requests)
{
    static const char *const messages[] = {
        "grpc: received message larger than max (5000000 vs. 4194304)",
        "gRPC message exceeds maximum size 4194304: 5000000",
        "Received message larger than max (5000000 vs 4194304)",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(messages); i++) {
        weir_error error;
        weir_error_from_grpc(WEIR_GRPC_RESOURCE_EXHAUSTED, weir_text_of(messages[i]), WEIR_TEXT(""), &error);
        cr_assert_eq(error.class_, WEIR_ERROR_TOO_LARGE, "%s", messages[i]);
        cr_assert_eq(error.status, WEIR_TOO_LARGE);
    }
}

Test(rpc_status, broken_details_are_ignored)
{
    static const char *const details[] = {"!", "CA", "/////w"};
    for (size_t i = 0; i < WEIR_COUNT_OF(details); i++) {
        weir_error error;
        weir_error_from_grpc(WEIR_GRPC_UNAVAILABLE, WEIR_TEXT("x"), weir_text_of(details[i]), &error);
        cr_assert_eq(error.class_, WEIR_ERROR_RETRYABLE);
        cr_assert_eq(error.retry_after_ms, 0);
    }
}

Test(rpc_status, what_an_http_client_makes_of_statuses)
{
    static const struct {
        unsigned http;
        weir_error_class class_;
    } cases[] = {
        {200, WEIR_ERROR_NONE},      {202, WEIR_ERROR_NONE},      {301, WEIR_ERROR_ENDPOINT},
        {400, WEIR_ERROR_PERMANENT}, {401, WEIR_ERROR_ENDPOINT},  {403, WEIR_ERROR_ENDPOINT},
        {404, WEIR_ERROR_ENDPOINT},  {405, WEIR_ERROR_ENDPOINT},  {408, WEIR_ERROR_PERMANENT},
        {413, WEIR_ERROR_TOO_LARGE}, {429, WEIR_ERROR_THROTTLED}, {500, WEIR_ERROR_PERMANENT},
        {501, WEIR_ERROR_PERMANENT}, {502, WEIR_ERROR_RETRYABLE}, {503, WEIR_ERROR_RETRYABLE},
        {504, WEIR_ERROR_RETRYABLE},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        weir_error error;
        weir_error_from_http(cases[i].http, WEIR_TEXT(""), 0, (weir_bytes){NULL, 0}, false, &error);
        cr_assert_eq(error.class_, cases[i].class_, "HTTP %u", cases[i].http);
    }
}

Test(rpc_status, retry_after_is_seconds_or_a_date)
{
    static const struct {
        const char *value;
        uint32_t ms;
    } cases[] = {
        {"7", 7000},
        {"0", 0},
        {"soon", 0},
        {"-1", 0},
        {"Thu, 01 Jan 1970 00:01:40 GMT", 40000},
        {"Thu, 01 Jan 1970 00:00:10 GMT", 0},
        {"99999999999", 0},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        weir_error error;
        weir_error_from_http(503, weir_text_of(cases[i].value), UINT64_C(60000000000), (weir_bytes){NULL, 0}, false,
                             &error);
        cr_assert_eq(error.retry_after_ms, cases[i].ms, "%s", cases[i].value);
        cr_assert_eq(error.class_, cases[i].ms ? WEIR_ERROR_THROTTLED : WEIR_ERROR_RETRYABLE);
    }
}

Test(rpc_status, an_http_body_tells_why)
{
    WEIR_BUFFER body = {0};
    weir_error peer = error_of(WEIR_ERROR_PERMANENT, WEIR_INVALID, 0), error;
    weir_rpc_status_encode(&peer, &body);
    weir_error_from_http(400, WEIR_TEXT(""), 0, (weir_bytes){body.data, body.len}, true, &error);
    cr_assert_str_eq(error.text, "HTTP 400: why");
    weir_error_from_http(400, WEIR_TEXT(""), 0, (weir_bytes){(const uint8_t *)"plain\ntext", 10}, false, &error);
    cr_assert_str_eq(error.text, "HTTP 400: plain");
}

Test(rpc_status, seconds_are_rounded_up)
{
    weir_error error = error_of(WEIR_ERROR_THROTTLED, WEIR_AGAIN, 1);
    cr_assert_eq(weir_retry_after_seconds(&error), 1);
    error.retry_after_ms = 2000;
    cr_assert_eq(weir_retry_after_seconds(&error), 2);
}

static void expect_json(const weir_error *error, const char *json)
{
    WEIR_BUFFER body = {0};
    weir_rpc_status_encode_json(error, &body);
    cr_assert_str_eq(weir_buffer_string(&body), json);
}

Test(rpc_status, json_as_protobufs_own_mapping_writes_it)
{
    weir_error error = error_of(WEIR_ERROR_PERMANENT, WEIR_INVALID, 0);
    expect_json(&error, "{\"code\":3,\"message\":\"why\"}");
    (void)weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "a \"b\"\n\xff");
    expect_json(&error, "{\"code\":3,\"message\":\"a \\\"b\\\"\\u000a\\ufffd\"}");
}

Test(rpc_status, json_has_the_delay_of_what_may_be_sent_again)
{
#define WITH_DELAY(delay)                                                                                    \
    "{\"code\":14,\"message\":\"why\",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\"," \
    "\"retryDelay\":\"" delay "\"}]}"
    weir_error error = error_of(WEIR_ERROR_THROTTLED, WEIR_AGAIN, 2000);
    expect_json(&error, WITH_DELAY("2s"));
    error.retry_after_ms = 50;
    expect_json(&error, WITH_DELAY("0.050s"));
    error = error_of(WEIR_ERROR_PERMANENT, WEIR_INVALID, 2000);
    expect_json(&error, "{\"code\":3,\"message\":\"why\"}");
#undef WITH_DELAY
}

/* Python, Go and Java refuse a message with a string that is not UTF-8 as a whole. */
Test(rpc_status, a_text_that_is_not_utf8_is_repaired)
{
    WEIR_BUFFER bytes = {0};
    weir_rpc_status status;
    weir_error error = error_of(WEIR_ERROR_PERMANENT, WEIR_INVALID, 0);
    strcpy(error.text, "caf\xe9 au lait, \xc3\xa9 \xe2\x82");
    weir_rpc_status_encode(&error, &bytes);
    cr_assert_eq(weir_rpc_status_decode((weir_bytes){bytes.data, bytes.len}, &status), WEIR_OK);
    cr_assert_str_eq(status.text, "caf? au lait, \xc3\xa9 ??");
}
