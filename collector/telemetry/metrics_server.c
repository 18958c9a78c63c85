/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/metrics_server.h"

#include <stdlib.h>

#include "core/memory.h"
#include "net/http.h"

struct weir_metrics_server {
    weir_metrics *metrics;
    weir_exposition exposition;
    void (*refresh)(void *user);
    void *user;
    weir_listener *listener;
    weir_http_server *http;
};

static void on_request(void *handler, weir_http_request *request)
{
    weir_metrics_server *server = handler;
    if (!weir_text_is(request->path, "/metrics")) {
        static const char text[] = "weir's metrics are at /metrics\n";
        weir_http_respond_page(request, 404, "text/plain; charset=utf-8", text, sizeof text - 1);
        return;
    }
    if (!weir_text_is(request->method, "GET") && !weir_text_is(request->method, "HEAD")) {
        static const char text[] = "use GET\n";
        weir_http_respond_page(request, 405, "text/plain; charset=utf-8", text, sizeof text - 1);
        return;
    }
    if (server->refresh)
        server->refresh(server->user);
    WEIR_BUFFER body = {0};
    weir_metrics_expose(server->metrics, server->exposition, &body);
    weir_http_respond_page(request, 200, "text/plain; version=0.0.4; charset=utf-8", body.data, body.len);
}

static const weir_http_handler handler_ops = {.on_request = on_request};

static void on_accept(void *user, int accepted)
{
    weir_http_server_serve(((weir_metrics_server *)user)->http, accepted);
}

weir_status weir_metrics_server_start(weir_loop *loop, const char *endpoint, weir_metrics *metrics,
                                      weir_exposition exposition, void (*refresh)(void *user), void *user,
                                      weir_metrics_server **ret_server, weir_error *ret_error)
{
    weir_metrics_server *server = WEIR_NEW(weir_metrics_server);
    server->metrics = metrics;
    server->exposition = exposition;
    server->refresh = refresh;
    server->user = user;
    const weir_http_options options = {
        .versions = WEIR_HTTP_1_AND_2, .idle_timeout_ms = 60 * 1000, .max_connections = 64};
    server->http = weir_http_server_new(loop, &options, &handler_ops, server);
    weir_status status = weir_loop_listen(loop, endpoint, on_accept, server, &server->listener, ret_error);
    if (status != WEIR_OK) {
        weir_metrics_server_stop(server);
        return status;
    }
    *ret_server = server;
    return WEIR_OK;
}

void weir_metrics_server_stop(weir_metrics_server *server)
{
    if (!server)
        return;
    weir_listener_close(server->listener);
    weir_http_server_free(server->http);
    free(server);
}
