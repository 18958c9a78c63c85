/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/otlphttp/otlphttp.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/curl/http_client.h"
#include "exporters/curl/tls_options.h"
#include "exporters/curl/url.h"
#include "exporters/otlphttp/answer.h"
#include "exporters/otlphttp/body.h"
#include "exporters/otlphttp/config.h"

/* As much of an answer as the Collector reads. */
enum { RESPONSE_BYTES_MAX = 64 * 1024, OWN_HEADERS = 3 };
_Static_assert((int)OWN_HEADERS <= (int)WEIR_REQUEST_HEADERS_OWN, "all headers of a request stay below the limit");

/* The process part. */
typedef struct otlphttp_shared {
    const otlphttp_config *config;
    const weir_host *host;
    const char *id;
    char *urls[WEIR_SIGNALS]; /* NULL: the configuration has none for this signal, and no pipeline sends it */
    weir_url backend;         /* of the first URL there is, for labels and messages */
    weir_label labels[2];     /* as the Collector's */
    weir_request_headers *headers;
    weir_sender_shared *sender;
} otlphttp_shared;

/* One signal on one worker, with connections of its own. */
typedef struct otlphttp_exporter {
    const otlphttp_shared *shared;
    weir_signal signal;
    weir_loop *loop;
    weir_curl_client *client;
    weir_compressor *compressor; /* NULL: not compressed */
} otlphttp_exporter;

/* A push under way. */
typedef struct otlphttp_request {
    otlphttp_exporter *exporter;
    weir_push *push;
    weir_curl_call *call;
    otlphttp_body body;     /* empty once it is compressed */
    weir_chunk *compressed; /* or NULL */
} otlphttp_request;

/* ---- sending ---- */

static void request_free(otlphttp_request *request)
{
    weir_chunk_unref(request->compressed);
    otlphttp_body_done(&request->body);
    free(request);
}

static void on_done(void *user, weir_curl_call *call, const weir_error *error, const weir_curl_answer *answer)
{
    otlphttp_request *request = user;
    otlphttp_exporter *exporter = request->exporter;
    weir_push *push = request->push;
    weir_error outcome = *error;
    if (answer) {
        const otlphttp_answer otlp = {
            .status = answer->status,
            .content_type = weir_curl_answer_header(call, "Content-Type"),
            .retry_after = weir_curl_answer_header(call, "Retry-After"),
            .location = weir_curl_answer_header(call, "Location"),
            .body = answer->body,
            .is_cut = answer->is_cut,
        };
        otlphttp_answer_read(exporter->signal, &otlp, weir_loop_wall_ns(exporter->loop), &outcome);
    }
    request_free(request);
    weir_push_done(push, &outcome);
}

/* The protocol's own headers behind those of the configuration and the authenticator. */
static void add_own_headers(const otlphttp_request *request, weir_headers *headers)
{
    const otlphttp_config *config = request->exporter->shared->config;
    weir_headers_add(headers, WEIR_TEXT("content-type"),
                     config->encoding == OTLPHTTP_JSON ? WEIR_TEXT("application/json")
                                                       : WEIR_TEXT("application/x-protobuf"));
    weir_headers_add(headers, WEIR_TEXT("user-agent"), WEIR_TEXT("weir/" WEIR_VERSION));
    if (request->compressed)
        weir_headers_add(headers, WEIR_TEXT("content-encoding"), weir_text_of(otlphttp_encoding_name(config)));
}

static void make_body(otlphttp_request *request)
{
    otlphttp_exporter *exporter = request->exporter;
    weir_account *account = exporter->shared->host->account;
    otlphttp_body *body = &request->body;
    if (exporter->shared->config->encoding == OTLPHTTP_JSON)
        otlphttp_body_of_json(body, request->push, account);
    else
        otlphttp_body_of_protobuf(body, request->push);
    if (exporter->compressor)
        request->compressed = weir_compressor_run(exporter->compressor, body->parts, body->part_count, account);
    if (request->compressed)
        otlphttp_body_done(body);
}

static void post(otlphttp_request *request, const weir_headers *headers)
{
    const otlphttp_exporter *exporter = request->exporter;
    struct iovec compressed;
    const struct iovec *parts = request->body.parts;
    size_t count = request->body.part_count;
    if (request->compressed) {
        compressed = (struct iovec){request->compressed->data, request->compressed->size};
        parts = &compressed;
        count = 1;
    }
    const weir_curl_request message = {
        .method = "POST",
        .url = exporter->shared->urls[exporter->signal],
        .headers = headers->items,
        .header_count = headers->count,
        .parts = parts,
        .part_count = count,
        .deadline_ns = request->push->deadline_ns,
    };
    request->call = weir_curl_start(exporter->client, &message, on_done, request);
}

static void otlphttp_push(void *self, weir_push *push)
{
    otlphttp_exporter *exporter = self;
    otlphttp_request *request = WEIR_NEW(otlphttp_request);
    WEIR_CLEANUP(weir_headers_done) weir_headers headers = {0};
    weir_error error = {0};
    request->exporter = exporter;
    request->push = push;
    push->user = request;
    weir_status status = weir_request_headers_make(exporter->shared->headers, push->metadata, &headers, &error);
    if (status != WEIR_OK) {
        request_free(request);
        weir_push_done(push, &error);
        return;
    }
    make_body(request);
    add_own_headers(request, &headers);
    post(request, &headers);
}

static void otlphttp_cancel(void *self, weir_push *push)
{
    (void)self;
    otlphttp_request *request = push->user;
    weir_curl_cancel(request->call);
    request_free(request);
}

static const weir_sender_ops otlphttp_sender_ops = {.push = otlphttp_push, .cancel = otlphttp_cancel};

/* ---- the process part ---- */

static void otlphttp_close(void *self)
{
    otlphttp_shared *shared = self;
    if (!shared)
        return;
    weir_sender_shared_free(shared->sender);
    weir_request_headers_free(shared->headers);
    weir_url_done(&shared->backend);
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        free(shared->urls[signal]);
    free(shared);
    weir_curl_library_close();
}

static weir_status open_urls(otlphttp_shared *shared, weir_error *ret_error)
{
    const char *first = NULL;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        shared->urls[signal] = otlphttp_url(shared->config, (weir_signal)signal);
        if (!first)
            first = shared->urls[signal];
    }
    WEIR_ASSERT(first); /* otlphttp_check asks for one */
    return weir_url_parse(first, &shared->backend, ret_error);
}

static weir_status open_shared(otlphttp_shared *shared, weir_error *ret_error)
{
    const otlphttp_config *config = shared->config;
    weir_status status = open_urls(shared, ret_error);
    if (status == WEIR_OK)
        status = weir_curl_check_tls(&config->tls.settings, ret_error);
    if (status == WEIR_OK)
        status = weir_request_headers_open(shared->host, shared->id, &config->headers, config->auth, &shared->headers,
                                           ret_error);
    if (status != WEIR_OK)
        return status;
    shared->labels[0] = (weir_label){"server_address", shared->backend.host};
    shared->labels[1] = (weir_label){"server_port", shared->backend.port};
    shared->sender = weir_sender_shared_new(shared->host, shared->id, &config->sender, shared->labels,
                                            WEIR_COUNT_OF(shared->labels));
    return WEIR_OK;
}

static weir_status otlphttp_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                 weir_error *ret_error)
{
    weir_status status = weir_curl_library_open(ret_error);
    if (status != WEIR_OK)
        return status;
    otlphttp_shared *shared = WEIR_NEW(otlphttp_shared);
    shared->config = config;
    shared->host = host;
    shared->id = id;
    status = open_shared(shared, ret_error);
    if (status == WEIR_OK)
        *ret_shared = shared;
    else
        otlphttp_close(shared);
    return status;
}

/* ---- an instance ---- */

static weir_curl_client *client_new(const otlphttp_shared *shared, weir_loop *loop)
{
    weir_curl_settings settings = weir_curl_settings_of(&shared->config->connections, 1, shared->host->workers);
    settings.tls = &shared->config->tls.settings;
    settings.response_bytes_max = RESPONSE_BYTES_MAX;
    return weir_curl_client_new(loop, &settings);
}

static weir_exporter *otlphttp_create(void *self, const weir_worker *worker, weir_signal signal,
                                      const weir_batch_shape *shape)
{
    otlphttp_shared *shared = self;
    otlphttp_exporter *exporter = WEIR_NEW(otlphttp_exporter);
    weir_encoding encoding = otlphttp_encoding_of(shared->config);
    exporter->shared = shared;
    exporter->signal = signal;
    exporter->loop = worker->loop;
    exporter->client = client_new(shared, worker->loop);
    if (encoding != WEIR_ENCODING_IDENTITY)
        exporter->compressor = weir_compressor_new(encoding, otlphttp_level(shared->config));
    weir_exporter *sender = weir_sender_new(shared->sender, worker, signal, shape, &otlphttp_sender_ops, exporter);
    sender->type = &weir_exporter_otlphttp;
    return sender;
}

static void otlphttp_free(weir_exporter *sender)
{
    otlphttp_exporter *exporter = weir_sender_exporter(sender);
    weir_sender_free(sender);
    weir_curl_client_free(exporter->client);
    weir_compressor_free(exporter->compressor);
    free(exporter);
}

/* Only the host is named: a URL may carry credentials. */
static void otlphttp_promise(const void *config, char *ret_text, size_t size)
{
    const otlphttp_config *otlphttp = config;
    weir_url url = {0};
    weir_error error;
    WEIR_FREE char *first = NULL;
    for (int signal = 0; signal < WEIR_SIGNALS && !first; signal++)
        first = otlphttp_url(otlphttp, (weir_signal)signal);
    if (first && weir_url_parse(first, &url, &error) == WEIR_OK) {
        WEIR_FREE char *backend = weir_format("%s://%s:%s", url.scheme, url.host, url.port);
        weir_sender_promise(&otlphttp->sender, backend, ret_text, size);
    }
    weir_url_done(&url);
}

const weir_component_type weir_exporter_otlphttp = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "otlphttp",
    .alias = "otlp_http",
    .summary = "Sends traces, metrics and logs to an OTLP backend over HTTP.",
    .signals = WEIR_ON_ALL,
    .options = otlphttp_options,
    .config_size = sizeof(otlphttp_config),
    .check = otlphttp_check,
    .open = otlphttp_open,
    .close = otlphttp_close,
    .exporter_create = otlphttp_create,
    .exporter_free = otlphttp_free,
    .exporter_signals = otlphttp_signals,
    .exporter_promise = otlphttp_promise,
};
