/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp_bench.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "../exporters/fake_loop.h"
#include "core/memory.h"
#include "receivers/otlp/request.h"
#include "telemetry/health.h"

bench the_bench;

static fake_loop loop;

void bench_advance(uint64_t ms)
{
    fake_loop_advance(&loop, ms);
}

/* ---- the HTTP server ---- */

weir_text weir_http_request_header(const weir_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (weir_text_is(request->headers[i].name, name))
            return request->headers[i].value;
    return (weir_text){0};
}

static void note_headers(bench_answer *answer, const weir_http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = answer->header_count + answer->trailer_count + i;
        cr_assert_lt(at, BENCH_HEADERS_MAX);
        snprintf(answer->names[at], sizeof answer->names[at], "%.*s", WEIR_TEXT_ARG(headers[i].name));
        snprintf(answer->values[at], sizeof answer->values[at], "%.*s", WEIR_TEXT_ARG(headers[i].value));
    }
}

void weir_http_respond(weir_http_request *request, const weir_http_response *response)
{
    bench_answer *answer = &the_bench.answer;
    cr_assert_eq(request, &the_bench.request);
    cr_assert_eq(answer->count, 0, "a request is answered once");
    answer->count++;
    answer->status = response->status;
    note_headers(answer, response->headers, response->header_count);
    answer->header_count = response->header_count;
    note_headers(answer, response->trailers, response->trailer_count);
    answer->trailer_count = response->trailer_count;
    cr_assert_leq(response->body_len, sizeof answer->body);
    if (response->body_len)
        memcpy(answer->body, response->body, response->body_len);
    answer->body_len = response->body_len;
}

const char *bench_answered(const char *name)
{
    const bench_answer *answer = &the_bench.answer;
    for (size_t i = 0; i < answer->header_count + answer->trailer_count; i++)
        if (strcmp(answer->names[i], name) == 0)
            return answer->values[i];
    return "";
}

/* ---- the pipeline ---- */

struct weir_entry {
    weir_signal signal;
};
static weir_entry entries[WEIR_SIGNALS] = {{WEIR_TRACES}, {WEIR_METRICS}, {WEIR_LOGS}};

void weir_entry_offer(weir_entry *entry, weir_batch *batch)
{
    cr_assert_eq(entry->signal, batch->signal);
    the_bench.offered++;
    the_bench.offered_bytes += batch->bytes;
    the_bench.offered_items += batch->items;
    if (the_bench.holds)
        the_bench.held = batch;
    else
        weir_batch_complete(batch, &the_bench.outcome);
}

void bench_complete(const weir_outcome *outcome)
{
    cr_assert_not_null(the_bench.held);
    weir_batch_complete(WEIR_TAKE(the_bench.held), outcome);
}

/* ---- a test's life ---- */

static otlp_instance *make_instance(void)
{
    otlp_instance *instance = WEIR_NEW(otlp_instance);
    *instance = (otlp_instance){.host = &the_bench.host, .loop = &loop.super, .counters = the_bench.counters};
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        instance->entries[signal] = &entries[signal];
    instance->grpc = (otlp_port){.instance = instance, .body_bytes_max = 1024};
    instance->http = (otlp_port){.instance = instance,
                                 .body_bytes_max = 64 * 1024,
                                 .http = &the_bench.http_config,
                                 .headers = weir_alloc(OTLP_ANSWER_HEADERS_MAX, sizeof(weir_http_header))};
    return instance;
}

void bench_start(void)
{
    fake_loop_init(&loop);
    the_bench = (bench){.outcome = {.kind = WEIR_DELIVERED}};
    weir_account_init(&the_bench.account, 128 * 1024, 128 * 1024);
    the_bench.metrics = weir_metrics_new();
    the_bench.health = weir_health_new(1);
    the_bench.host = (weir_host){
        .account = &the_bench.account, .metrics = the_bench.metrics, .health = the_bench.health, .workers = 1};
    the_bench.http_config =
        (otlp_http_config){.url_paths = {(char *)"/v1/traces", (char *)"/v1/metrics", (char *)"logs"}};
    weir__otlp_counters_init(the_bench.counters, the_bench.metrics, "otlp");
    the_bench.instance = make_instance();
}

void bench_stop(void)
{
    cr_assert_eq(the_bench.instance->requests_out, 0, "every request comes back to the pool");
    the_bench.instance->freed = true;
    weir__otlp_instance_release(the_bench.instance);
    fake_loop_done(&loop);
    cr_assert_eq(weir_account_used(&the_bench.account), 0, "no memory stays reserved");
    weir_metrics_free(the_bench.metrics);
    weir_health_free(the_bench.health);
}

void bench_request(const weir_http_handler *handler, otlp_port *port, const char *path, ...)
{
    weir_http_request *request = &the_bench.request;
    weir_text method = request->method.data ? request->method : WEIR_TEXT("POST");
    *request = (weir_http_request){.method = method,
                                   .path = weir_text_of(path),
                                   .headers = the_bench.headers,
                                   .content_length = -1,
                                   .is_http2 = true,
                                   .peer = "127.0.0.1:5432",
                                   .loop = &loop.super};
    the_bench.answer = (bench_answer){0};
    va_list arguments;
    va_start(arguments, path);
    for (const char *name = va_arg(arguments, const char *); name; name = va_arg(arguments, const char *)) {
        const char *value = va_arg(arguments, const char *);
        the_bench.headers[request->header_count++] = (weir_http_header){weir_text_of(name), weir_text_of(value)};
        if (strcmp(name, "content-length") == 0)
            request->content_length = atoi(value);
    }
    va_end(arguments);
    handler->on_request(port, request);
}

void bench_body(const weir_http_handler *handler, otlp_port *port, const void *data, size_t len, bool end)
{
    if (!the_bench.answer.count && len)
        handler->on_body(port, &the_bench.request, data, len);
    if (!the_bench.answer.count && end)
        handler->on_end(port, &the_bench.request);
}

void bench_abort(const weir_http_handler *handler, otlp_port *port)
{
    cr_assert_eq(the_bench.answer.count, 0);
    handler->on_abort(port, &the_bench.request);
}
