/* SPDX-License-Identifier: Apache-2.0
 *
 * The otlp receiver's answers, deadlines and memory, without sockets (otlp_bench.h).
 */
#include <criterion/criterion.h>

#include <stdio.h>

#include "core/limits.h"
#include "otlp_bench.h"
#include "receivers/otlp/answer.h"
#include "receivers/otlp/service.h"

TestSuite(otlp_receiver, .init = bench_start, .fini = bench_stop);

#define TRACE_EXPORT "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
#define GRPC &weir__otlp_grpc_handler, &the_bench.instance->grpc
#define HTTP &weir__otlp_http_handler, &the_bench.instance->http

/* ResourceSpans { ScopeSpans { Span { trace_id, span_id } } }: one span. */
static const uint8_t one_span[] = {0x0a, 0x20, 0x12, 0x1e, 0x12, 0x1c, 0x0a, 0x10, 1,    2, 3, 4, 5, 6, 7, 8, 9,
                                   10,   11,   12,   13,   14,   15,   16,   0x12, 0x08, 1, 2, 3, 4, 5, 6, 7, 8};

static void start_grpc(const char *path)
{
    bench_request(GRPC, path, "content-type", "application/grpc", "te", "trailers", NULL);
}

static void send_message(uint8_t flags, const void *data, size_t len)
{
    uint8_t framed[2048] = {flags, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    memcpy(framed + 5, data, len);
    bench_body(GRPC, framed, len + 5, true);
}

static void expect_grpc(unsigned http_status, const char *code)
{
    cr_expect_eq(the_bench.answer.count, 1);
    cr_expect_eq(the_bench.answer.status, http_status, "HTTP status is %u", the_bench.answer.status);
    cr_expect_str_eq(bench_answered("grpc-status"), code, "grpc-message: %s", bench_answered("grpc-message"));
    cr_expect_str_eq(bench_answered("content-type"), "application/grpc");
}

static int64_t requests(otlp_protocol protocol, otlp_result result)
{
    return weir_metric_get(the_bench.counters[protocol].requests[result]);
}

Test(otlp_receiver, delivered_span_is_answered_with_the_empty_message_and_trailers)
{
    start_grpc(TRACE_EXPORT);
    send_message(0, one_span, sizeof one_span);
    expect_grpc(200, "0");
    cr_expect_eq(the_bench.answer.trailer_count, 1, "grpc-status is a trailer, not a header");
    cr_expect_eq(the_bench.answer.body_len, 5);
    cr_expect_arr_eq(the_bench.answer.body, "\0\0\0\0", 5);
    cr_expect_eq(the_bench.offered_items, 1);
    cr_expect_eq(the_bench.offered_bytes, sizeof one_span);
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_GRPC].accepted[WEIR_TRACES]), 1);
    cr_expect_eq(requests(OTLP_GRPC, OTLP_ACCEPTED), 1);
}

Test(otlp_receiver, message_may_arrive_byte_by_byte)
{
    uint8_t framed[5 + sizeof one_span] = {0, 0, 0, 0, sizeof one_span};
    memcpy(framed + 5, one_span, sizeof one_span);
    start_grpc(TRACE_EXPORT);
    for (size_t i = 0; i < sizeof framed; i++)
        bench_body(GRPC, &framed[i], 1, false);
    bench_body(GRPC, NULL, 0, true);
    expect_grpc(200, "0");
    cr_expect_eq(the_bench.offered_bytes, sizeof one_span);
}

Test(otlp_receiver, no_answer_before_the_outcome)
{
    the_bench.holds = true;
    start_grpc(TRACE_EXPORT);
    send_message(0, one_span, sizeof one_span);
    cr_expect_eq(the_bench.answer.count, 0);
    bench_complete(&(weir_outcome){.kind = WEIR_DELIVERED});
    expect_grpc(200, "0");
}

Test(otlp_receiver, empty_request_is_ok_and_offered_to_nobody)
{
    start_grpc(TRACE_EXPORT);
    send_message(0, "", 0);
    expect_grpc(200, "0");
    cr_expect_eq(the_bench.offered, 0);
}

Test(otlp_receiver, partial_success_says_how_many_and_why)
{
    enum { SPANS = 130 };
    static const uint8_t empty_span[] = {0x0a, 4, 0x12, 2, 0x12, 0};
    uint8_t spans[SPANS * sizeof empty_span];
    for (size_t i = 0; i < SPANS; i++)
        memcpy(spans + i * sizeof empty_span, empty_span, sizeof empty_span);
    the_bench.outcome.error.rejected_items = SPANS;
    strcpy(the_bench.outcome.error.text, "too old");
    start_grpc(TRACE_EXPORT);
    send_message(0, spans, sizeof spans);
    expect_grpc(200, "0");
    static const uint8_t expected[] = {0,    0, 0,   0,   14,  0x0a, 12,  0x08, 0x82, 0x01,
                                       0x12, 7, 't', 'o', 'o', ' ',  'o', 'l',  'd'};
    cr_expect_eq(the_bench.answer.body_len, sizeof expected);
    cr_expect_arr_eq(the_bench.answer.body, expected, sizeof expected);
    cr_expect_eq(requests(OTLP_GRPC, OTLP_PARTIAL), 1);
}

Test(otlp_receiver, retry_later_is_unavailable_with_the_delay)
{
    the_bench.outcome =
        (weir_outcome){.kind = WEIR_RETRY_LATER,
                       .error = {.class_ = WEIR_ERROR_THROTTLED, .retry_after_ms = 2500, .text = "queue full"}};
    start_grpc(TRACE_EXPORT);
    send_message(0, one_span, sizeof one_span);
    expect_grpc(200, "14");
    cr_expect_str_eq(bench_answered("grpc-message"), "queue full");
    cr_expect_str_neq(bench_answered("grpc-status-details-bin"), "");
    cr_expect_eq(the_bench.answer.trailer_count, 0, "trailers only");
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_GRPC].refused[WEIR_TRACES]), 1);
}

Test(otlp_receiver, rejected_is_invalid_argument)
{
    the_bench.outcome = (weir_outcome){.kind = WEIR_REJECTED,
                                       .error = {.class_ = WEIR_ERROR_PERMANENT, .status = WEIR_INVALID, .text = "no"}};
    start_grpc(TRACE_EXPORT);
    send_message(0, one_span, sizeof one_span);
    expect_grpc(200, "3");
    cr_expect_str_eq(bench_answered("grpc-status-details-bin"), "", "nothing to wait for");
}

Test(otlp_receiver, malformed_message_names_the_offset)
{
    start_grpc(TRACE_EXPORT);
    send_message(0, "\x0a\x7f", 2);
    expect_grpc(200, "3");
    cr_expect(strpbrk(bench_answered("grpc-message"), "0123456789"), "no offset in: %s",
              bench_answered("grpc-message"));
    cr_expect_eq(requests(OTLP_GRPC, OTLP_MALFORMED), 1);
    cr_expect_eq(the_bench.offered, 0);
}

Test(otlp_receiver, framing_errors)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *code;
    } cases[] = {
        {"", 0, "12"},                      /* no message */
        {"\0\0\0", 3, "13"},                /* half a prefix */
        {"\0\0\0\0\5ab", 7, "13"},          /* a message cut short */
        {"\2\0\0\0\0", 5, "13"},            /* flags nobody has defined */
        {"\1\0\0\0\0", 5, "13"},            /* compressed, but no encoding named */
        {"\0\0\0\0\0\0\0\0\0\0", 10, "12"}, /* two messages */
        {"\0\0\0\4\1", 5, "8"},             /* one byte over the limit */
        {"\0\xff\xff\xff\xff", 5, "8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_grpc(TRACE_EXPORT);
        bench_body(GRPC, cases[i].bytes, cases[i].len, true);
        cr_expect_str_eq(bench_answered("grpc-status"), cases[i].code, "case %zu: %s %s", i,
                         bench_answered("grpc-status"), bench_answered("grpc-message"));
    }
    cr_expect_eq(the_bench.offered, 0);
}

Test(otlp_receiver, header_errors_of_grpc)
{
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpcweb", NULL);
    expect_grpc(415, "3");
    bench_request(GRPC, TRACE_EXPORT, NULL);
    expect_grpc(415, "3");
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "grpc-timeout", "5X", NULL);
    expect_grpc(400, "13");
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "grpc-timeout", "0m", NULL);
    expect_grpc(200, "4");
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "grpc-encoding", "br", NULL);
    expect_grpc(200, "12");
    cr_expect_str_eq(bench_answered("grpc-accept-encoding"), "gzip, zstd, deflate, identity");
    the_bench.request.method = WEIR_TEXT("GET");
    start_grpc(TRACE_EXPORT);
    expect_grpc(405, "13");
}

Test(otlp_receiver, unknown_methods_and_signals_without_a_pipeline_are_unimplemented)
{
    static const char *const paths[] = {"/",
                                        "//",
                                        "/x",
                                        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
                                        "/grpc.health.v1.Health/Watch",
                                        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
                                        TRACE_EXPORT};
    the_bench.instance->entries[WEIR_TRACES] = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        start_grpc(paths[i]);
        expect_grpc(200, "12");
    }
    cr_expect_eq(requests(OTLP_GRPC, OTLP_NOT_SERVED), sizeof paths / sizeof *paths);
}

Test(otlp_receiver, memory_limit_refuses_before_the_message_arrives)
{
    weir_account_force(&the_bench.account, 128 * 1024);
    start_grpc(TRACE_EXPORT);
    bench_body(GRPC, "\0\0\0\0\x22", 5, false);
    expect_grpc(200, "14");
    cr_expect_str_neq(bench_answered("grpc-status-details-bin"), "", "the client is told when to come back");
    cr_expect_eq(requests(OTLP_GRPC, OTLP_NO_MEMORY), 1);
    weir_account_release(&the_bench.account, 128 * 1024);
}

/* ---- deadlines and clients that go away ---- */

Test(otlp_receiver, answers_unavailable_in_time_and_counts_what_arrives_later)
{
    the_bench.holds = true;
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "grpc-timeout", "1S", NULL);
    send_message(0, one_span, sizeof one_span);
    bench_advance(1000 - WEIR_ANSWER_MARGIN_MS - 1);
    cr_expect_eq(the_bench.answer.count, 0);
    bench_advance(1);
    expect_grpc(200, "14");
    cr_expect(the_bench.held->ack->abandoned);
    bench_complete(&(weir_outcome){.kind = WEIR_DELIVERED});
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_GRPC].abandoned[WEIR_TRACES]), 1);
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_GRPC].accepted[WEIR_TRACES]), 1);
}

Test(otlp_receiver, the_longest_timeout_of_all_is_no_reason_to_hurry)
{
    the_bench.holds = true;
    bench_request(GRPC, TRACE_EXPORT, "content-type", "application/grpc", "grpc-timeout", "99999999H", NULL);
    send_message(0, one_span, sizeof one_span);
    bench_advance(60 * 60 * 1000);
    cr_expect_eq(the_bench.answer.count, 0);
    bench_complete(&(weir_outcome){.kind = WEIR_DELIVERED});
    expect_grpc(200, "0");
}

Test(otlp_receiver, without_a_timeout_the_limit_applies)
{
    the_bench.holds = true;
    start_grpc(TRACE_EXPORT);
    send_message(0, one_span, sizeof one_span);
    bench_advance(WEIR_ANSWER_TIMEOUT_MS);
    expect_grpc(200, "14");
    bench_complete(&(weir_outcome){.kind = WEIR_RETRY_LATER});
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_GRPC].abandoned[WEIR_TRACES]), 0, "nothing of it was taken");
}

Test(otlp_receiver, client_that_goes_away_is_not_answered)
{
    the_bench.holds = true;
    start_grpc(TRACE_EXPORT);
    send_message(0, one_span, sizeof one_span);
    bench_abort(GRPC);
    cr_expect(the_bench.held->ack->abandoned);
    bench_advance(WEIR_ANSWER_TIMEOUT_MS + 1);
    bench_complete(&(weir_outcome){.kind = WEIR_DELIVERED});
    cr_expect_eq(the_bench.answer.count, 0);
    cr_expect_eq(requests(OTLP_GRPC, OTLP_CLIENT_GONE), 1);
}

Test(otlp_receiver, client_that_goes_away_early_gives_its_memory_back)
{
    start_grpc(TRACE_EXPORT);
    bench_body(GRPC, "\0\0\0\2\0half", 9, false);
    cr_expect_gt(weir_account_used(&the_bench.account), 500);
    bench_abort(GRPC);
    cr_expect_eq(weir_account_used(&the_bench.account), 0);
}

/* ---- health ---- */

Test(otlp_receiver, health_check_answers_for_the_server_and_each_service)
{
    start_grpc("/grpc.health.v1.Health/Check");
    send_message(0, "", 0);
    expect_grpc(200, "0");
    cr_expect_arr_eq(the_bench.answer.body, "\0\0\0\0\2\x08\2", 7, "not serving while starting");
    start_grpc("/grpc.health.v1.Health/Check");
    send_message(0, "\x0a\4none", 6);
    expect_grpc(200, "5");
    start_grpc("/grpc.health.v1.Health/Check");
    send_message(0, "\x0a\x09", 2);
    expect_grpc(200, "3");
}

/* ---- HTTP ---- */

static void start_http(const char *path, const char *content_type)
{
    bench_request(HTTP, path, "content-type", content_type, NULL);
}

static void expect_http(unsigned status, const char *content_type)
{
    cr_expect_eq(the_bench.answer.count, 1);
    cr_expect_eq(the_bench.answer.status, status, "HTTP status is %u", the_bench.answer.status);
    cr_expect_str_eq(bench_answered("content-type"), content_type);
}

Test(otlp_receiver, http_post_is_answered_with_the_empty_message)
{
    start_http("/v1/traces", "application/x-protobuf; charset=utf-8");
    bench_body(HTTP, one_span, sizeof one_span, true);
    expect_http(200, "application/x-protobuf");
    cr_expect_eq(the_bench.answer.body_len, 0);
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_HTTP].accepted[WEIR_TRACES]), 1);
}

Test(otlp_receiver, http_errors)
{
    start_http("/v1/trace", "application/x-protobuf");
    expect_http(404, "text/plain");
    start_http("/logs", "text/xml");
    expect_http(415, "text/plain");
    the_bench.request.method = WEIR_TEXT("PUT");
    start_http("/v1/metrics", "application/x-protobuf");
    expect_http(405, "text/plain");
    cr_expect_str_eq(bench_answered("allow"), "POST");
    the_bench.request.method = WEIR_TEXT("POST");
    bench_request(HTTP, "/v1/traces", "content-type", "application/x-protobuf", "content-encoding", "br", NULL);
    expect_http(400, "application/x-protobuf");
    bench_request(HTTP, "/v1/traces", "content-type", "application/x-protobuf", "content-length", "65537", NULL);
    expect_http(413, "application/x-protobuf");
    start_http("/v1/traces", "application/x-protobuf");
    bench_body(HTTP, "\x0a", 1, true);
    expect_http(400, "application/x-protobuf");
}

/* ---- OTLP/JSON ---- */

#define SPAN_IN_JSON "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a span\"}]}]}]}"

static void send_json(const char *path, const char *text)
{
    start_http(path, "Application/JSON; charset=utf-8");
    bench_body(HTTP, text, strlen(text), true);
}

static void expect_json(unsigned status, const char *text)
{
    expect_http(status, "application/json");
    cr_expect_eq(the_bench.answer.body_len, strlen(text));
    cr_expect_arr_eq(the_bench.answer.body, text, strlen(text), "%.*s", (int)the_bench.answer.body_len,
                     (const char *)the_bench.answer.body);
}

Test(otlp_receiver, json_goes_into_the_pipeline_in_wire_form)
{
    send_json("/v1/traces", SPAN_IN_JSON);
    expect_json(200, "{}");
    cr_expect_eq(the_bench.offered_items, 1);
    cr_expect_eq(the_bench.offered_bytes, 3 * 2 + 2 + strlen("a span"), "three lengths around a name");
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_HTTP].accepted[WEIR_TRACES]), 1);
}

Test(otlp_receiver, json_without_items_is_ok_and_offered_to_nobody)
{
    send_json("/v1/metrics", "{}");
    expect_json(200, "{}");
    cr_expect_eq(the_bench.offered, 0);
}

Test(otlp_receiver, partial_success_in_json)
{
    the_bench.outcome.error.rejected_items = 1;
    strcpy(the_bench.outcome.error.text, "too \"old\"");
    send_json("/v1/traces", SPAN_IN_JSON);
    expect_json(200, "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"too \\\"old\\\"\"}}");
}

/* Two exporters may refuse the same span. */
Test(otlp_receiver, no_more_are_rejected_than_were_sent)
{
    the_bench.outcome.error.rejected_items = 2;
    strcpy(the_bench.outcome.error.text, "too old");
    send_json("/v1/traces", SPAN_IN_JSON);
    expect_json(200, "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"too old\"}}");
}

Test(otlp_receiver, who_sends_json_is_refused_in_json)
{
    send_json("/v1/traces", "{\"resourceSpans\":[");
    expect_http(400, "application/json");
    cr_expect_eq(requests(OTLP_HTTP, OTLP_MALFORMED), 1);
    bench_request(HTTP, "/v1/traces", "content-type", "application/json", "content-encoding", "br", NULL);
    expect_http(400, "application/json");
    bench_request(HTTP, "/v1/traces", "content-type", "application/json", "content-length", "65537", NULL);
    expect_http(413, "application/json");
    send_json("/v1/trace", "{}");
    expect_http(404, "text/plain");
}

Test(otlp_receiver, who_sends_json_is_told_to_wait_in_json)
{
    the_bench.outcome =
        (weir_outcome){.kind = WEIR_RETRY_LATER,
                       .error = {.class_ = WEIR_ERROR_THROTTLED, .retry_after_ms = 2500, .text = "queue full"}};
    send_json("/v1/traces", SPAN_IN_JSON);
    expect_json(429, "{\"code\":14,\"message\":\"queue full\",\"details\":[{\"@type\":"
                     "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"2.500s\"}]}");
    cr_expect_str_eq(bench_answered("retry-after"), "3");
}

/* The text is here, but there is no room for the wire form beside it. */
Test(otlp_receiver, json_that_cannot_be_translated_for_lack_of_memory_is_sent_again_later)
{
    start_http("/v1/traces", "application/json");
    bench_body(HTTP, SPAN_IN_JSON, strlen(SPAN_IN_JSON), false);
    weir_account_force(&the_bench.account, 128 * 1024);
    bench_body(HTTP, NULL, 0, true);
    expect_http(503, "application/json");
    cr_expect_str_eq(bench_answered("retry-after"), "1");
    cr_expect_eq(requests(OTLP_HTTP, OTLP_NO_MEMORY), 1);
    cr_expect_eq(the_bench.offered, 0);
    weir_account_release(&the_bench.account, 128 * 1024);
}

Test(otlp_receiver, the_text_is_given_back_as_soon_as_the_wire_form_exists)
{
    char text[8192];
    int len = snprintf(text, sizeof text, "%s%*s", SPAN_IN_JSON, 8000, "");
    the_bench.holds = true;
    start_http("/v1/traces", "application/json");
    bench_body(HTTP, text, (size_t)len, false);
    cr_expect_gt(weir_account_used(&the_bench.account), 8000);
    bench_body(HTTP, NULL, 0, true);
    cr_expect_lt(weir_account_used(&the_bench.account), 1000);
    bench_complete(&(weir_outcome){.kind = WEIR_DELIVERED});
    expect_json(200, "{}");
}

Test(otlp_receiver, http_body_of_unknown_length_grows_to_the_limit_and_no_further)
{
    static const uint8_t piece[16 * 1024] = {0};
    start_http("/v1/traces", "application/x-protobuf");
    for (int i = 0; i < 4; i++)
        bench_body(HTTP, piece, sizeof piece, false);
    cr_expect_eq(the_bench.answer.count, 0);
    bench_body(HTTP, piece, 1, false);
    expect_http(413, "application/x-protobuf");
}

Test(otlp_receiver, http_retry_after_is_in_whole_seconds_rounded_up)
{
    the_bench.outcome =
        (weir_outcome){.kind = WEIR_RETRY_LATER, .error = {.retry_after_ms = 2001, .text = "queue full"}};
    start_http("/v1/traces", "application/x-protobuf");
    bench_body(HTTP, one_span, sizeof one_span, true);
    expect_http(503, "application/x-protobuf");
    cr_expect_str_eq(bench_answered("retry-after"), "3");
}

Test(otlp_receiver, grpc_on_the_http_port)
{
    bench_request(HTTP, TRACE_EXPORT, "content-type", "application/grpc", NULL);
    uint8_t framed[5 + sizeof one_span] = {0, 0, 0, 0, sizeof one_span};
    memcpy(framed + 5, one_span, sizeof one_span);
    bench_body(HTTP, framed, sizeof framed, true);
    expect_grpc(200, "0");
    cr_expect_eq(weir_metric_get(the_bench.counters[OTLP_GRPC].accepted[WEIR_TRACES]), 1);
}

Test(otlp_receiver, every_refusal_has_a_rule)
{
    for (int refusal = 0; refusal < OTLP_REFUSALS; refusal++) {
        cr_expect_neq(weir__otlp_refusal_rules[refusal].grpc_code, 0, "refusal %d", refusal);
        cr_expect_geq(weir__otlp_refusal_rules[refusal].http_status, 400, "refusal %d", refusal);
        cr_expect_neq(weir__otlp_refusal_rules[refusal].result, OTLP_ACCEPTED, "refusal %d", refusal);
    }
}
