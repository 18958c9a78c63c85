/* SPDX-License-Identifier: Apache-2.0 */
#include "http_bench.h"

#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

static void respond(weir_http_request *request, unsigned status, const char *body, size_t len)
{
    weir_http_header type = {WEIR_TEXT("content-type"), WEIR_TEXT("text/plain")};
    weir_http_header trailer = {WEIR_TEXT("grpc-status"), WEIR_TEXT("0")};
    weir_http_response response = {
        .status = status, .headers = &type, .header_count = 1, .body = body, .body_len = len};
    if (request->is_http2) {
        response.trailers = &trailer;
        response.trailer_count = 1;
    }
    weir_http_respond(request, &response);
}

static void on_request(void *handler, weir_http_request *request)
{
    http_bench *bench = handler;
    weir_buffer_printf(&bench->events, "request %.*s; ", WEIR_TEXT_ARG(request->path));
    bench->body.len = 0;
    if (weir_text_is(request->path, "/refuse"))
        respond(request, 429, "slow down", 9);
}

static void on_body(void *handler, weir_http_request *request, const uint8_t *data, size_t len)
{
    (void)request;
    weir_buffer_append(&((http_bench *)handler)->body, data, len);
}

static void on_end(void *handler, weir_http_request *request)
{
    http_bench *bench = handler;
    weir_buffer_printf(&bench->events, "body %zu; end; ", bench->body.len);
    if (weir_text_is(request->path, "/later")) {
        WEIR_ASSERT(bench->waiting_count < HTTP_BENCH_WAITING_MAX);
        bench->waiting[bench->waiting_count++] = request;
    } else if (weir_text_is(request->path, "/echo")) {
        WEIR_BUFFER text = {0};
        weir_buffer_printf(&text, "%.*s %.*s?%.*s ", WEIR_TEXT_ARG(request->method), WEIR_TEXT_ARG(request->path),
                           WEIR_TEXT_ARG(request->query));
        weir_buffer_append(&text, bench->body.data, bench->body.len);
        respond(request, 200, (const char *)text.data, text.len);
    } else {
        respond(request, 404, "", 0);
    }
}

static void on_abort(void *handler, weir_http_request *request)
{
    http_bench *bench = handler;
    weir_buffer_append_text(&bench->events, "abort; ");
    for (size_t i = 0; i < bench->waiting_count; i++) {
        if (bench->waiting[i] != request)
            continue;
        bench->waiting_count--;
        memmove(&bench->waiting[i], &bench->waiting[i + 1], (bench->waiting_count - i) * sizeof bench->waiting[0]);
    }
}

static const weir_http_handler handler_ops = {on_request, on_body, on_end, on_abort};

void http_bench_open(http_bench *bench, const weir_http_options *options)
{
    *bench = (http_bench){.net = fake_net_new()};
    bench->server = weir_http_server_new(fake_net_loop(bench->net), options, &handler_ops, bench);
    http_bench_connect(bench);
}

void http_bench_connect(http_bench *bench)
{
    weir_http_server_serve(bench->server, 0);
    bench->socket = fake_net_newest(bench->net);
}

void http_bench_answer(http_bench *bench)
{
    while (bench->waiting_count > 0) {
        weir_http_request *request = bench->waiting[0];
        bench->waiting_count--;
        memmove(bench->waiting, bench->waiting + 1, bench->waiting_count * sizeof bench->waiting[0]);
        respond(request, 200, "later", 5);
    }
    fake_net_run(bench->net);
}

static void on_drained(void *user)
{
    ((http_bench *)user)->drained++;
}

void http_bench_drain(http_bench *bench)
{
    weir_http_server_drain(bench->server, on_drained, bench);
    fake_net_run(bench->net);
}

void http_bench_close(http_bench *bench)
{
    weir_http_server_free(bench->server);
    fake_net_free(bench->net);
    weir_buffer_done(&bench->body);
    weir_buffer_done(&bench->events);
}
