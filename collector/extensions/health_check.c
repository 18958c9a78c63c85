/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/health_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/tls.h"
#include "core/memory.h"
#include "net/http.h"
#include "telemetry/health.h"
#include "telemetry/log.h"

typedef struct response_text {
    char *healthy;
    char *unhealthy;
} response_text;

typedef struct health_check_config {
    char *endpoint;
    char *path;
    response_text response_body;
    weir_tls_config *tls; /* NULL: clear text */
} health_check_config;

static const weir_option response_options[] = {
    {.name = "healthy",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(response_text, healthy),
     .summary = "Body of the answer while healthy, in place of the JSON report."},
    {.name = "unhealthy",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(response_text, unhealthy),
     .summary = "Body of the answer while not healthy, in place of the JSON report."},
    {0}};

static const weir_option health_check_options[] = {
    {.name = "endpoint",
     .type = WEIR_OPTION_ENDPOINT,
     .offset = offsetof(health_check_config, endpoint),
     .default_text = "localhost:13133",
     .summary = "Address to answer on."},
    {.name = "path",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(health_check_config, path),
     .default_text = "/",
     .summary = "Path of the check; the detailed report is at /status whatever this says."},
    {.name = "response_body",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(health_check_config, response_body),
     .group = response_options,
     .group_size = sizeof(response_text),
     .summary = "Fixed texts to answer with."},
    {.name = "tls",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(health_check_config, tls),
     .group = weir_tls_server_options,
     .group_size = sizeof(weir_tls_config),
     .summary = "TLS for the endpoint; off unless written."},
    {.name = "check_collector_pipeline",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = "the report at /status shows each exporter's backend and queue; the check itself does not fail for them",
     .summary = "Fail after repeated exporter failures (it never worked in the Collector either)."},
    {0}};

typedef struct health_check {
    const weir_host *host;
    const health_check_config *config;
    const char *id;
    weir_listener *listener;
    weir_http_server *http;
    const weir_tls_provider *tls_provider;
    weir_tls *tls; /* NULL: clear text */
} health_check;

static void on_request(void *handler, weir_http_request *request)
{
    health_check *check = handler;
    weir_health *health = check->host->health;
    uint64_t now_ms = weir_loop_now_ns(check->host->control) / 1000000;
    weir_health_ask(health, now_ms);
    bool is_report = weir_text_is(request->path, "/status");
    if (!is_report && !weir_text_is(request->path, check->config->path)) {
        weir_http_respond_page(request, 404, "text/plain; charset=utf-8", "not found\n", 10);
        return;
    }
    bool ready = weir_health_ready(health, now_ms);
    const char *fixed = ready ? check->config->response_body.healthy : check->config->response_body.unhealthy;
    if (fixed && !is_report) {
        weir_http_respond_page(request, ready ? 200 : 503, "text/plain; charset=utf-8", fixed, strlen(fixed));
        return;
    }
    WEIR_BUFFER body = {0};
    weir_health_report(health, now_ms, &body);
    weir_http_respond_page(request, ready ? 200 : 503, "application/json", (const char *)body.data, body.len);
}

static const weir_http_handler handler_ops = {.on_request = on_request};

static void health_check_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_tls_config *tls = ((const health_check_config *)config)->tls;
    if (tls)
        weir_tls_server_check(tls, weir_node_find(node, "tls"), diagnostics);
}

static weir_status open_tls(health_check *check, weir_error *ret_error)
{
    static const char *const alpn[] = {"h2", "http/1.1", NULL};
    if (!check->config->tls)
        return WEIR_OK;
    check->tls_provider = check->host->tls(check->host, ret_error);
    if (!check->tls_provider)
        return ret_error->status;
    return check->tls_provider->server_new(&check->config->tls->settings, alpn, &check->tls, ret_error);
}

static weir_status health_check_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                     weir_error *ret_error)
{
    health_check *check = WEIR_NEW(health_check);
    check->host = host;
    check->config = config;
    check->id = id;
    weir_status status = open_tls(check, ret_error);
    if (status == WEIR_OK)
        *ret_shared = check;
    else
        free(check);
    return status;
}

static void on_accept(void *user, int accepted)
{
    weir_http_server_serve(((health_check *)user)->http, accepted);
}

static weir_status health_check_start(void *shared, weir_error *ret_error)
{
    health_check *check = shared;
    const weir_http_options options = {.versions = WEIR_HTTP_1_AND_2,
                                       .idle_timeout_ms = 60 * 1000,
                                       .max_connections = 64,
                                       .tls_provider = check->tls_provider,
                                       .tls = check->tls};
    check->http = weir_http_server_new(check->host->control, &options, &handler_ops, check);
    return weir_loop_listen(check->host->control, check->config->endpoint, on_accept, check, &check->listener,
                            ret_error);
}

static void health_check_stop(void *shared)
{
    health_check *check = shared;
    weir_listener_close(WEIR_TAKE(check->listener));
    weir_http_server_free(WEIR_TAKE(check->http));
}

static void health_check_close(void *shared)
{
    health_check *check = shared;
    health_check_stop(check);
    if (check->tls)
        check->tls_provider->free(check->tls);
    free(check);
}

const weir_component_type weir_extension_health_check = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXTENSION,
    .name = "health_check",
    .summary = "Answers 200 from listening until shutdown, and a report on exporters and queues at /status.",
    .signals = WEIR_ON_ALL,
    .options = health_check_options,
    .config_size = sizeof(health_check_config),
    .check = health_check_check,
    .open = health_check_open,
    .close = health_check_close,
    .extension_start = health_check_start,
    .extension_stop = health_check_stop,
};
