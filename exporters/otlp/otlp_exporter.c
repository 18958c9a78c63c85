/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/otlp/otlp_exporter.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/otlp/config.h"
#include "exporters/support/otlp_response.h"
#include "net/endpoint.h"
#include "net/grpc_client.h"

/* The process part. */
typedef struct otlp_shared {
    const otlp_config *config;
    const char *address; /* host:port */
    weir_request_headers *headers;
    weir_endpoint endpoint;
    char port_text[8];
    weir_label labels[2]; /* of the backend, as the Collector's */
    weir_sender_shared *sender;
    const weir_tls_provider *tls_provider;
    weir_tls *tls; /* NULL: clear text */
} otlp_shared;

/* One signal on one worker, with a connection of its own. */
typedef struct otlp_exporter {
    const otlp_shared *shared;
    weir_signal signal;
    weir_account *account;
    weir_grpc_client *client;
    weir_compressor *compressor; /* NULL: not compressed */
} otlp_exporter;

/* A push under way. */
typedef struct otlp_request {
    otlp_exporter *exporter;
    weir_push *push;
    weir_grpc_call *call;
    weir_chunk *compressed; /* or NULL */
    weir_headers headers;
} otlp_request;

/* ---- sending ---- */

static void request_free(otlp_request *request)
{
    weir_chunk_unref(request->compressed);
    weir_headers_done(&request->headers);
    free(request);
}

static void on_answer(void *user, const weir_error *error, weir_bytes response)
{
    otlp_request *request = user;
    weir_push *push = request->push;
    weir_error outcome = *error;
    if (outcome.class_ == WEIR_ERROR_NONE)
        weir_otlp_response_read(request->exporter->signal, response, &outcome);
    request_free(request);
    weir_push_done(push, &outcome);
}

/* gRPC counts a message's length in 32 bits, and the peer's limit is far below: let the sender cut it. */
static bool refuse_unsendable(weir_push *push)
{
    if (push->bytes <= INT32_MAX)
        return false;
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, "a request of %llu bytes is more than gRPC can carry",
                   (unsigned long long)push->bytes);
    weir_push_done(push, &error);
    return true;
}

static void send_parts(otlp_request *request, const struct iovec *parts, size_t count)
{
    otlp_exporter *exporter = request->exporter;
    struct iovec compressed;
    if (exporter->compressor)
        request->compressed = weir_compressor_run(exporter->compressor, parts, count, exporter->account);
    if (request->compressed) {
        compressed = (struct iovec){request->compressed->data, request->compressed->size};
        parts = &compressed;
        count = 1;
    }
    const weir_grpc_request message = {
        .path = weir_otlp_method(exporter->signal),
        .parts = parts,
        .part_count = count,
        .encoding = request->compressed ? weir_compressor_encoding(exporter->compressor) : WEIR_ENCODING_IDENTITY,
        .deadline_ns = request->push->deadline_ns,
        .headers = request->headers.items,
        .header_count = request->headers.count,
    };
    request->call = weir_grpc_call_start(exporter->client, &message, on_answer, request);
}

/* False if the authenticator has nothing to send with: the push has failed then. */
static bool make_headers(otlp_request *request)
{
    weir_error error = {0};
    weir_push *push = request->push;
    if (weir_request_headers_make(request->exporter->shared->headers, push->metadata, &request->headers, &error) ==
        WEIR_OK)
        return true;
    request_free(request);
    weir_push_done(push, &error);
    return false;
}

static void otlp_push(void *self, weir_push *push)
{
    otlp_exporter *exporter = self;
    if (refuse_unsendable(push))
        return;
    otlp_request *request = WEIR_NEW(otlp_request);
    request->exporter = exporter;
    request->push = push;
    push->user = request;
    if (!make_headers(request))
        return;
    WEIR_FREE struct iovec *parts = weir_alloc(push->slice_count, sizeof *parts);
    for (uint32_t i = 0; i < push->slice_count; i++)
        parts[i] = (struct iovec){(void *)(uintptr_t)push->slices[i]->data, push->slices[i]->len};
    send_parts(request, parts, push->slice_count);
}

static void otlp_cancel(void *self, weir_push *push)
{
    (void)self;
    otlp_request *request = push->user;
    weir_grpc_call_cancel(request->call);
    request_free(request);
}

static const weir_sender_ops otlp_sender_ops = {.push = otlp_push, .cancel = otlp_cancel};

/* ---- the process part ---- */

static void otlp_close(void *self)
{
    otlp_shared *shared = self;
    if (!shared)
        return;
    weir_sender_shared_free(shared->sender);
    weir_request_headers_free(shared->headers);
    if (shared->tls)
        shared->tls_provider->free(shared->tls);
    free(shared);
}

static weir_status open_tls(otlp_shared *shared, const weir_host *host, weir_error *ret_error)
{
    static const char *const alpn[] = {"h2", NULL};
    if (!otlp_uses_tls(shared->config))
        return WEIR_OK;
    shared->tls_provider = host->tls(host, ret_error);
    if (!shared->tls_provider)
        return ret_error->status;
    return shared->tls_provider->client_new(&shared->config->tls.settings, alpn, &shared->tls, ret_error);
}

_Static_assert((int)WEIR_GRPC_CALL_HEADERS <= (int)WEIR_REQUEST_HEADERS_OWN, "a call must have room for its headers");

/* As grpc-go: what proves who we are does not travel in clear text. */
static weir_status open_headers(otlp_shared *shared, const weir_host *host, const char *id, weir_error *ret_error)
{
    const otlp_config *config = shared->config;
    weir_status status =
        weir_request_headers_open(host, id, &config->headers, config->auth, &shared->headers, ret_error);
    if (status == WEIR_OK && !otlp_uses_tls(config) && weir_request_headers_need_encryption(shared->headers))
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                              "%s: the authenticator %s sends a secret, and over gRPC that needs TLS: remove "
                              "tls.insecure, or send the header with headers_setter or `headers` if the way is safe",
                              id, config->auth->authenticator);
    return status;
}

static weir_status open_shared(otlp_shared *shared, const weir_host *host, const char *id, weir_error *ret_error)
{
    const otlp_config *otlp = shared->config;
    shared->address = otlp_endpoint_address(otlp->endpoint);
    if (!shared->address)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "endpoint \"%s\" cannot be used",
                              otlp->endpoint);
    weir_status status = weir_endpoint_parse(shared->address, &shared->endpoint, ret_error);
    if (status == WEIR_OK)
        status = open_headers(shared, host, id, ret_error);
    if (status == WEIR_OK)
        status = open_tls(shared, host, ret_error);
    if (status != WEIR_OK)
        return status;
    snprintf(shared->port_text, sizeof shared->port_text, "%u", shared->endpoint.port);
    shared->labels[0] = (weir_label){"server_address", shared->endpoint.host};
    shared->labels[1] = (weir_label){"server_port", shared->port_text};
    shared->sender = weir_sender_shared_new(host, id, &otlp->sender, shared->labels, WEIR_COUNT_OF(shared->labels));
    return WEIR_OK;
}

static weir_status otlp_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                             weir_error *ret_error)
{
    otlp_shared *shared = WEIR_NEW(otlp_shared);
    shared->config = config;
    weir_status status = open_shared(shared, host, id, ret_error);
    if (status == WEIR_OK)
        *ret_shared = shared;
    else
        otlp_close(shared);
    return status;
}

/* ---- an instance ---- */

/* As grpc-go: the name that TLS asks for is the one that HTTP asks for. */
static const char *authority_of(const otlp_shared *shared)
{
    const otlp_config *config = shared->config;
    if (config->authority)
        return config->authority;
    if (shared->tls && config->tls.settings.server_name_override)
        return config->tls.settings.server_name_override;
    return shared->address;
}

static weir_grpc_client *client_new(const otlp_shared *shared, weir_loop *loop)
{
    const otlp_config *config = shared->config;
    weir_grpc_client_options options = {
        .http2.endpoint = shared->address,
        .http2.tls_provider = shared->tls_provider,
        .http2.tls = shared->tls,
        .authority = authority_of(shared),
        .user_agent = config->user_agent,
    };
    if (config->keepalive) {
        options.http2.keepalive_time_ms = config->keepalive->time_ms;
        options.http2.keepalive_timeout_ms = config->keepalive->timeout_ms;
        options.http2.keepalive_without_calls = config->keepalive->permit_without_stream;
    }
    return weir_grpc_client_new(loop, &options);
}

static weir_compressor *compressor_new(otlp_compression compression)
{
    switch (compression) {
    case OTLP_GZIP:
        return weir_compressor_new(WEIR_ENCODING_GZIP, WEIR_LEVEL_USUAL);
    case OTLP_ZSTD:
        return weir_compressor_new(WEIR_ENCODING_ZSTD, WEIR_LEVEL_USUAL);
    case OTLP_NONE:
    case OTLP_SNAPPY: /* refused by otlp_check */
        break;
    }
    return NULL;
}

static weir_exporter *otlp_create(void *self, const weir_worker *worker, weir_signal signal,
                                  const weir_batch_shape *shape)
{
    otlp_shared *shared = self;
    otlp_exporter *exporter = WEIR_NEW(otlp_exporter);
    exporter->shared = shared;
    exporter->signal = signal;
    exporter->account = worker->host->account;
    exporter->client = client_new(shared, worker->loop);
    exporter->compressor = compressor_new((otlp_compression)shared->config->compression);
    weir_exporter *sender = weir_sender_new(shared->sender, worker, signal, shape, &otlp_sender_ops, exporter);
    sender->type = &weir_exporter_otlp;
    return sender;
}

static void otlp_free(weir_exporter *sender)
{
    otlp_exporter *exporter = weir_sender_exporter(sender);
    weir_sender_free(sender);
    weir_grpc_client_free(exporter->client);
    weir_compressor_free(exporter->compressor);
    free(exporter);
}

static void otlp_promise(const void *config, char *ret_text, size_t size)
{
    const otlp_config *otlp = config;
    weir_sender_promise(&otlp->sender, otlp->endpoint, ret_text, size);
}

static bool otlp_bars_secrets(const void *config)
{
    return !otlp_uses_tls(config);
}

const weir_component_type weir_exporter_otlp = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "otlp",
    .alias = "otlp_grpc",
    .summary = "Sends traces, metrics and logs to an OTLP backend over gRPC.",
    .signals = WEIR_ON_ALL,
    .options = otlp_options,
    .config_size = sizeof(otlp_config),
    .check = otlp_check,
    .open = otlp_open,
    .close = otlp_close,
    .exporter_create = otlp_create,
    .exporter_free = otlp_free,
    .exporter_promise = otlp_promise,
    .exporter_bars_secrets = otlp_bars_secrets,
};
