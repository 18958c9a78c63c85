/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/elasticsearch.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/curl/tls_options.h"
#include "exporters/elasticsearch/internal.h"

enum {
    /* Of an answer, which has up to some hundred bytes for each document of a bulk request that was refused. */
    RESPONSE_BYTES_MAX = 64 * 1024 * 1024,
    OWN_HEADERS = 5,
};
_Static_assert((int)OWN_HEADERS <= (int)WEIR_REQUEST_HEADERS_OWN, "all headers of a request stay below the limit");

/* ---- the process part ---- */

static void strings_done(weir_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
}

static void es_close(void *self)
{
    es_shared *shared = self;
    if (!shared)
        return;
    weir_sender_shared_free(shared->sender);
    es_sender_config_done(&shared->sender_config);
    weir_request_headers_free(shared->headers);
    free(shared->query);
    free(shared->authorization);
    weir_url_done(&shared->backend);
    strings_done(&shared->urls);
    free(shared);
    weir_curl_library_close();
}

/* RFC 3986, section 2.3: all but unreserved characters are escaped. */
static void append_escaped(weir_buffer *out, const char *text)
{
    for (; *text; text++) {
        bool is_letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (is_letter || (*text >= '0' && *text <= '9') || strchr("-._~", *text))
            weir_buffer_append_byte(out, (uint8_t)*text);
        else
            weir_buffer_printf(out, "%%%02X", (uint8_t)*text);
    }
}

static char *query_new(const es_config *config)
{
    WEIR_BUFFER query = {0};
    weir_buffer_append_text(&query, "?filter_path=" ES_BULK_FILTER_PATH);
    if (config->pipeline && config->pipeline[0]) {
        weir_buffer_append_text(&query, "&pipeline=");
        append_escaped(&query, config->pipeline);
    }
    const char *include_source = es_config_include_source(config);
    if (include_source)
        weir_buffer_printf(&query, "&include_source_on_error=%s", include_source);
    return weir_strdup(weir_buffer_string(&query));
}

static weir_status open_shared(es_shared *shared, weir_error *ret_error)
{
    const es_config *config = shared->config;
    weir_status status = es_config_urls(config, &shared->urls, ret_error);
    if (status == WEIR_OK)
        status = weir_url_parse(shared->urls.items[0], &shared->backend, ret_error);
    if (status == WEIR_OK)
        status = weir_curl_check_tls(&config->tls.settings, ret_error);
    if (status == WEIR_OK)
        status = weir_request_headers_open(shared->host, shared->id, &config->headers, config->auth, &shared->headers,
                                           ret_error);
    if (status != WEIR_OK)
        return status;
    if (!config->auth)
        shared->authorization = es_config_authorization(config);
    shared->query = query_new(config);
    shared->labels[0] = (weir_label){"server_address", shared->backend.host};
    shared->labels[1] = (weir_label){"server_port", shared->backend.port};
    shared->sender_config = es_sender_config(config);
    shared->sender = weir_sender_shared_new(shared->host, shared->id, &shared->sender_config, shared->labels,
                                            WEIR_COUNT_OF(shared->labels));
    return WEIR_OK;
}

static weir_status es_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                           weir_error *ret_error)
{
    weir_status status = weir_curl_library_open(ret_error);
    if (status != WEIR_OK)
        return status;
    es_shared *shared = WEIR_NEW(es_shared);
    shared->config = config;
    shared->host = host;
    shared->id = id;
    status = open_shared(shared, ret_error);
    if (status == WEIR_OK)
        *ret_shared = shared;
    else
        es_close(shared);
    return status;
}

/* ---- an instance ---- */

static weir_curl_client *client_new(const es_shared *shared, weir_loop *loop)
{
    weir_curl_settings settings =
        weir_curl_settings_of(&shared->config->connections, shared->urls.count, shared->host->workers);
    settings.tls = &shared->config->tls.settings;
    settings.response_bytes_max = RESPONSE_BYTES_MAX;
    settings.account = shared->host->account;
    return weir_curl_client_new(loop, &settings);
}

/* While nothing is under way the buffer of bodies is not kept. */
static void on_quiet(void *user)
{
    es_exporter *exporter = user;
    if (exporter->requests == 0)
        es_bulk_trim(exporter->maker);
}

static uint64_t seed_of(const weir_worker *worker, weir_signal signal)
{
    return weir_loop_wall_ns(worker->loop) + worker->index * WEIR_SIGNALS + (uint64_t)signal;
}

static weir_exporter *es_create(void *self, const weir_worker *worker, weir_signal signal,
                                const weir_batch_shape *shape)
{
    es_shared *shared = self;
    const es_config *config = shared->config;
    es_exporter *exporter = WEIR_NEW(es_exporter);
    weir_encoding encoding = es_config_encoding(config);
    exporter->shared = shared;
    exporter->signal = signal;
    exporter->loop = worker->loop;
    exporter->client = client_new(shared, worker->loop);
    if (encoding != WEIR_ENCODING_IDENTITY)
        exporter->compressor = weir_compressor_new(encoding, es_config_level(config));
    exporter->maker = es_bulk_maker_new(config, shared->host->account);
    exporter->endpoints =
        es_endpoints_new((const char *const *)shared->urls.items, shared->urls.count, seed_of(worker, signal));
    exporter->quiet = weir_timer_new(worker->loop, on_quiet, exporter);
    es_counters_init(&exporter->counters, worker, shared->id, signal);
    weir_metric_set(exporter->counters.endpoints_well, (int64_t)shared->urls.count);
    exporter->discovery = es_discovery_new(exporter);
    weir_exporter *sender = weir_sender_new(shared->sender, worker, signal, shape, &es_sender_ops, exporter);
    sender->type = &weir_exporter_elasticsearch;
    return sender;
}

static void es_free(weir_exporter *sender)
{
    es_exporter *exporter = weir_sender_exporter(sender);
    weir_sender_free(sender);
    WEIR_ASSERT(exporter->requests == 0);
    es_discovery_free(exporter->discovery);
    weir_timer_free(exporter->quiet);
    es_endpoints_free(exporter->endpoints);
    es_bulk_maker_free(exporter->maker);
    weir_curl_client_free(exporter->client);
    weir_compressor_free(exporter->compressor);
    free(exporter);
}

const weir_component_type weir_exporter_elasticsearch = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "elasticsearch",
    .summary = "Stores spans and log records in Elasticsearch or OpenSearch, each once.",
    .signals = WEIR_ON_TRACES | WEIR_ON_LOGS,
    .options = es_options,
    .config_size = sizeof(es_config),
    .check = es_check,
    .open = es_open,
    .close = es_close,
    .exporter_create = es_create,
    .exporter_free = es_free,
    .exporter_signals = es_config_signals,
    .exporter_promise = es_promise,
};
