/* SPDX-License-Identifier: Apache-2.0
 *
 * The otlp receiver with an authenticator: who is let in, how others are refused, what is kept of them (otlp_bench.h).
 */
#include <criterion/criterion.h>

#include "otlp_bench.h"
#include "receivers/otlp/answer.h"
#include "receivers/otlp/service.h"

#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define GRPC &weir__otlp_grpc_handler, &the_bench.instance->grpc
#define HTTP &weir__otlp_http_handler, &the_bench.instance->http

static const uint8_t one_span[] = {0x0a, 0x20, 0x12, 0x1e, 0x12, 0x1c, 0x0a, 0x10, 1,    2, 3, 4, 5, 6, 7, 8, 9,
                                   10,   11,   12,   13,   14,   15,   16,   0x12, 0x08, 1, 2, 3, 4, 5, 6, 7, 8};

/* Knows one client, by its header "x-key: good"; "x-key: busy" cannot be checked right now. */
static bool authenticate(weir_server_auth *self, const weir_http_request *request, weir_headers *ret_attributes,
                         weir_error *ret_error)
{
    (void)self;
    weir_text key = weir_http_request_header(request, "x-key");
    if (weir_text_is(key, "good")) {
        weir_headers_add(ret_attributes, WEIR_TEXT("username"), WEIR_TEXT("ann"));
        return true;
    }
    if (weir_text_is(key, "busy"))
        weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_AGAIN, "ask again");
    else
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_DENIED, "who are you?");
    return false;
}

static weir_server_auth the_auth = {.authenticate = authenticate, .challenge = "Key"};
static otlp_auth_config auth_config;

static void start(void)
{
    bench_start();
    the_bench.instance->grpc.auth = &the_auth;
    the_bench.instance->http.auth = &the_auth;
    the_bench.http_config.auth = &auth_config;
    the_bench.holds = true;
}

TestSuite(authenticate, .init = start, .fini = bench_stop);

static void http_request(const char *path, const char *key)
{
    bench_request(HTTP, path, "content-type", "application/x-protobuf", "x-key", key, NULL);
    bench_body(HTTP, one_span, sizeof one_span, true);
}

static int64_t refused(otlp_protocol protocol)
{
    return weir_metric_get(the_bench.counters[protocol].requests[OTLP_UNAUTHENTICATED]);
}

static void deliver(void)
{
    bench_complete(&(weir_outcome){.kind = WEIR_DELIVERED});
    cr_expect_eq(the_bench.answer.status, 200);
}

Test(authenticate, a_known_client_is_let_in_and_named)
{
    http_request("/v1/traces", "good");
    cr_assert_not_null(the_bench.held);
    const weir_metadata *metadata = the_bench.held->metadata;
    cr_expect(weir_text_is(weir_metadata_get(metadata, WEIR_TEXT(":auth.username"), 0), "ann"));
    cr_expect_null(weir_metadata_get(metadata, WEIR_TEXT("x-key"), 0).data, "headers only with include_metadata");
    deliver();
}

Test(authenticate, headers_are_kept_beside_the_name_when_asked_for)
{
    the_bench.instance->http.include_metadata = true;
    http_request("/v1/traces", "good");
    const weir_metadata *metadata = the_bench.held->metadata;
    cr_expect(weir_text_is(weir_metadata_get(metadata, WEIR_TEXT(":auth.username"), 0), "ann"));
    cr_expect(weir_text_is(weir_metadata_get(metadata, WEIR_TEXT("x-key"), 0), "good"));
    deliver();
}

Test(authenticate, a_stranger_is_refused_over_http_before_the_body)
{
    bench_request(HTTP, "/v1/traces", "content-type", "application/x-protobuf", NULL);
    cr_expect_eq(the_bench.answer.status, 401);
    cr_expect_str_eq(bench_answered("www-authenticate"), "Key");
    cr_expect_str_eq(bench_answered("content-type"), "application/x-protobuf");
    cr_expect_eq(the_bench.offered, 0);
    cr_expect_eq(refused(OTLP_HTTP), 1);
}

Test(authenticate, a_stranger_learns_no_paths)
{
    http_request("/nothing/here", "bad");
    cr_expect_eq(the_bench.answer.status, 401);
}

Test(authenticate, a_stranger_is_refused_over_grpc_before_the_body)
{
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "x-key", "bad", NULL);
    cr_expect_eq(the_bench.answer.status, 200);
    cr_expect_str_eq(bench_answered("grpc-status"), "16");
    cr_expect_str_eq(bench_answered("grpc-message"), "who are you?");
    cr_expect_eq(refused(OTLP_GRPC), 1);
}

Test(authenticate, grpc_on_the_http_port_asks_too)
{
    bench_request(HTTP, TRACE_EXPORT, "content-type", "application/grpc", NULL);
    cr_expect_str_eq(bench_answered("grpc-status"), "16");
}

Test(authenticate, what_cannot_be_checked_now_may_come_back)
{
    http_request("/v1/traces", "busy");
    cr_expect_eq(the_bench.answer.status, 503);
    cr_expect_str_eq(bench_answered("retry-after"), "1");
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "x-key", "busy", NULL);
    cr_expect_str_eq(bench_answered("grpc-status"), "14");
    cr_expect_eq(refused(OTLP_HTTP) + refused(OTLP_GRPC), 0);
}

Test(authenticate, health_is_for_everyone)
{
    bench_request(GRPC, "/grpc.health.v1.Health/Check", "content-type", "application/grpc", NULL);
    bench_body(GRPC, "\0\0\0\0", 5, true);
    cr_expect_str_eq(bench_answered("grpc-status"), "0");
}
