/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/otlp_receiver.h"

#include "core/assert.h"
#include "core/memory.h"
#include "net/acceptor.h"
#include "receivers/otlp/instance.h"
#include "receivers/otlp/request.h"
#include "receivers/otlp/service.h"
#include "telemetry/log.h"

/* One listening port, as the whole process sees it. */
typedef struct otlp_listener {
    const char *endpoint; /* NULL: the protocol is not configured */
    otlp_protocol protocol;
    const weir_tls_provider *tls_provider;
    weir_tls *tls;              /* NULL: clear text */
    weir_acceptor *acceptor;    /* NULL unless listening */
    weir_http_server **servers; /* one per worker */
    unsigned workers;
} otlp_listener;

struct otlp_shared {
    const weir_host *host;
    const char *id;
    const otlp_config *config;
    otlp_counters counters[OTLP_PROTOCOLS];
    otlp_listener listeners[OTLP_PROTOCOLS];
    weir_server_auth *auth[OTLP_PROTOCOLS]; /* NULL: anyone may send */
};

/* ---- the process part ---- */

static weir_status find_authenticator(otlp_shared *shared, otlp_protocol protocol, const char *extension,
                                      weir_error *ret_error)
{
    if (!extension)
        return WEIR_OK;
    shared->auth[protocol] = shared->host->server_auth(shared->host, extension, ret_error);
    return shared->auth[protocol] ? WEIR_OK : ret_error->status;
}

static weir_status find_authenticators(otlp_shared *shared, weir_error *ret_error)
{
    const otlp_grpc_config *grpc = shared->config->protocols.grpc;
    const otlp_http_config *http = shared->config->protocols.http;
    weir_status status =
        find_authenticator(shared, OTLP_GRPC, grpc && grpc->auth ? grpc->auth->authenticator : NULL, ret_error);
    if (status != WEIR_OK)
        return status;
    return find_authenticator(shared, OTLP_HTTP, http && http->auth ? http->auth->authenticator : NULL, ret_error);
}

/* What a client may ask for in its handshake (ALPN), best first. */
static const char *const alpn[OTLP_PROTOCOLS][3] = {
    [OTLP_GRPC] = {"h2", NULL},
    [OTLP_HTTP] = {"h2", "http/1.1", NULL},
};

static weir_status open_tls(const weir_host *host, otlp_listener *listener, const weir_tls_config *tls,
                            weir_error *ret_error)
{
    if (!tls)
        return WEIR_OK;
    listener->tls_provider = host->tls(host, ret_error);
    if (!listener->tls_provider)
        return ret_error->status;
    return listener->tls_provider->server_new(&tls->settings, alpn[listener->protocol], &listener->tls, ret_error);
}

static void close_receiver(void *shared_part)
{
    otlp_shared *shared = shared_part;
    for (int protocol = 0; shared && protocol < OTLP_PROTOCOLS; protocol++) {
        otlp_listener *listener = &shared->listeners[protocol];
        if (listener->tls)
            listener->tls_provider->free(listener->tls);
        free(listener->servers);
    }
    free(shared);
}

static weir_status open_receiver(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                 weir_error *ret_error)
{
    otlp_shared *shared = WEIR_NEW(otlp_shared);
    *shared = (otlp_shared){.host = host, .id = id, .config = config};
    weir_status status = find_authenticators(shared, ret_error);
    const otlp_protocols *protocols = &shared->config->protocols;
    const char *endpoints[OTLP_PROTOCOLS] = {
        [OTLP_GRPC] = protocols->grpc ? protocols->grpc->endpoint : NULL,
        [OTLP_HTTP] = protocols->http ? protocols->http->endpoint : NULL,
    };
    const weir_tls_config *tls[OTLP_PROTOCOLS] = {
        [OTLP_GRPC] = protocols->grpc ? protocols->grpc->tls : NULL,
        [OTLP_HTTP] = protocols->http ? protocols->http->tls : NULL,
    };
    for (int protocol = 0; protocol < OTLP_PROTOCOLS; protocol++) {
        otlp_listener *listener = &shared->listeners[protocol];
        *listener = (otlp_listener){.endpoint = endpoints[protocol],
                                    .protocol = (otlp_protocol)protocol,
                                    .servers = weir_alloc(host->workers, sizeof(weir_http_server *)),
                                    .workers = host->workers};
        if (status == WEIR_OK)
            status = open_tls(host, listener, tls[protocol], ret_error);
    }
    if (status != WEIR_OK) {
        close_receiver(shared);
        return status;
    }
    weir__otlp_counters_init(shared->counters, host->metrics, id);
    *ret_shared = shared;
    return WEIR_OK;
}

static int64_t open_connections(void *user)
{
    const otlp_listener *listener = user;
    int64_t open = 0;
    for (unsigned i = 0; i < listener->workers; i++)
        open += weir_http_server_load(listener->servers[i]);
    return open;
}

static int64_t tls_failures(void *user)
{
    const otlp_listener *listener = user;
    return (int64_t)listener->tls_provider->failures(listener->tls);
}

static weir_status start_listener(otlp_shared *shared, otlp_listener *listener, weir_error *ret_error)
{
    weir_status status = weir_acceptor_new(shared->host->control, listener->endpoint, listener->servers,
                                           listener->workers, &listener->acceptor, ret_error);
    if (status != WEIR_OK)
        return status;
    const weir_label labels[] = {{"receiver", shared->id}, {"transport", weir__otlp_protocol_name(listener->protocol)}};
    weir_metrics_register_gauge(shared->host->metrics, "weir_receiver_connections", "Open connections.", "{connection}",
                                labels, WEIR_COUNT_OF(labels), open_connections, listener);
    if (listener->tls)
        weir_metrics_register_gauge(shared->host->metrics, "weir_receiver_tls_handshake_failures",
                                    "TLS handshakes that failed since the start.", "{handshake}", labels,
                                    WEIR_COUNT_OF(labels), tls_failures, listener);
    weir_log(WEIR_LOG_INFO, shared->id, "listening protocol=%s endpoint=%s tls=%s",
             weir__otlp_protocol_name(listener->protocol), weir_acceptor_address(listener->acceptor),
             listener->tls ? "yes" : "no");
    return WEIR_OK;
}

static void stop_receiver(void *shared_part)
{
    otlp_shared *shared = shared_part;
    for (int protocol = 0; protocol < OTLP_PROTOCOLS; protocol++) {
        otlp_listener *listener = &shared->listeners[protocol];
        if (!listener->acceptor)
            continue;
        weir_metrics_forget(shared->host->metrics, listener);
        weir_acceptor_free(WEIR_TAKE(listener->acceptor));
    }
}

static weir_status start_receiver(void *shared_part, weir_error *ret_error)
{
    otlp_shared *shared = shared_part;
    for (int protocol = 0; protocol < OTLP_PROTOCOLS; protocol++) {
        otlp_listener *listener = &shared->listeners[protocol];
        weir_status status = listener->endpoint ? start_listener(shared, listener, ret_error) : WEIR_OK;
        if (status != WEIR_OK) {
            stop_receiver(shared);
            return status;
        }
    }
    return WEIR_OK;
}

/* ---- an instance on a worker ---- */

static void use_tls(weir_http_options *options, const otlp_listener *listener)
{
    options->tls_provider = listener->tls_provider;
    options->tls = listener->tls;
}

static void open_grpc_port(otlp_instance *instance, const otlp_grpc_config *grpc)
{
    weir_http_options options = weir__otlp_grpc_server_options(grpc);
    use_tls(&options, &instance->shared->listeners[OTLP_GRPC]);
    otlp_port *port = &instance->grpc;
    *port = (otlp_port){.instance = instance,
                        .body_bytes_max = weir__otlp_grpc_message_bytes_max(grpc),
                        .include_metadata = grpc->include_metadata,
                        .auth = instance->shared->auth[OTLP_GRPC]};
    port->server = weir_http_server_new(instance->loop, &options, &weir__otlp_grpc_handler, port);
}

static void open_http_port(otlp_instance *instance, const otlp_http_config *http)
{
    weir_http_options options = weir__otlp_http_server_options(http);
    use_tls(&options, &instance->shared->listeners[OTLP_HTTP]);
    otlp_port *port = &instance->http;
    *port = (otlp_port){.instance = instance,
                        .body_bytes_max = weir__otlp_http_body_bytes_max(http),
                        .answer_timeout_ms = http->write_timeout_ms,
                        .include_metadata = http->include_metadata,
                        .auth = instance->shared->auth[OTLP_HTTP],
                        .http = http,
                        .headers = weir_alloc(OTLP_ANSWER_HEADERS_MAX, sizeof(weir_http_header)),
                        .cors = weir__otlp_cors_new(http->cors)};
    port->server = weir_http_server_new(instance->loop, &options, &weir__otlp_http_handler, port);
}

static weir_receiver *create_instance(void *shared_part, const weir_worker *worker,
                                      weir_entry *const entries[WEIR_SIGNALS])
{
    otlp_shared *shared = shared_part;
    otlp_instance *instance = WEIR_NEW(otlp_instance);
    *instance = (otlp_instance){.super.type = &weir_receiver_otlp,
                                .shared = shared,
                                .host = shared->host,
                                .loop = worker->loop,
                                .counters = shared->counters};
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        instance->entries[signal] = entries[signal];
    if (shared->config->protocols.grpc)
        open_grpc_port(instance, shared->config->protocols.grpc);
    if (shared->config->protocols.http)
        open_http_port(instance, shared->config->protocols.http);
    shared->listeners[OTLP_GRPC].servers[worker->index] = instance->grpc.server;
    shared->listeners[OTLP_HTTP].servers[worker->index] = instance->http.server;
    return &instance->super;
}

static void one_drained(void *user)
{
    otlp_instance *instance = user;
    WEIR_ASSERT(instance->draining > 0);
    if (--instance->draining == 0)
        instance->on_drained(instance->on_drained_user);
}

static void drain_instance(weir_receiver *receiver, void (*on_drained)(void *user), void *user)
{
    otlp_instance *instance = (otlp_instance *)receiver;
    instance->on_drained = on_drained;
    instance->on_drained_user = user;
    /* One more than there are servers: a server may be drained before its call returns. */
    instance->draining = 1u + (instance->grpc.server ? 1u : 0u) + (instance->http.server ? 1u : 0u);
    if (instance->grpc.server)
        weir_http_server_drain(instance->grpc.server, one_drained, instance);
    if (instance->http.server)
        weir_http_server_drain(instance->http.server, one_drained, instance);
    one_drained(instance);
}

static void free_instance(weir_receiver *receiver)
{
    otlp_instance *instance = (otlp_instance *)receiver;
    if (!instance)
        return;
    weir_http_server_free(WEIR_TAKE(instance->grpc.server));
    weir_http_server_free(WEIR_TAKE(instance->http.server));
    instance->freed = true; /* only now: the servers have just aborted what was in flight */
    weir__otlp_instance_release(instance);
}

const weir_component_type weir_receiver_otlp = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_RECEIVER,
    .name = "otlp",
    .summary = "Receives traces, metrics and logs over OTLP/gRPC and OTLP/HTTP.",
    .signals = WEIR_ON_ALL,
    .options = weir__otlp_options,
    .config_size = sizeof(otlp_config),
    .check = weir__otlp_config_check,
    .open = open_receiver,
    .close = close_receiver,
    .receiver_create = create_instance,
    .receiver_start = start_receiver,
    .receiver_stop = stop_receiver,
    .receiver_drain = drain_instance,
    .receiver_free = free_instance,
};
