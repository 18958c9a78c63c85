/* SPDX-License-Identifier: Apache-2.0
 *
 * What the keys of config_options.c mean together. What is wrong with them is found in config_check.c.
 */
#include "exporters/elasticsearch/config.h"

#include <string.h>

#include "core/memory.h"
#include "exporters/curl/url.h"
#include "exporters/elasticsearch/config_urls.h"
#include "net/grpc.h"

static const char mapping_mode_key[] = "x-elastic-mapping-mode";

static bool is_written(const char *text)
{
    return text && *text;
}

/* ---- who asks ---- */

static char *basic(const char *user, const char *password)
{
    WEIR_FREE char *pair = weir_format("%s:%s", user, password);
    WEIR_BUFFER encoded = {0};
    weir_base64_encode((weir_bytes){(const uint8_t *)pair, strlen(pair)}, &encoded);
    while (encoded.len % 4) /* RFC 7617 wants the padding, which gRPC leaves out */
        weir_buffer_append_byte(&encoded, '=');
    while (encoded.len % 4 != 0) /* RFC 7617 wants the padding, which gRPC leaves out */
        weir_buffer_append_byte(&encoded, '=');
    return weir_format("Basic %s", weir_buffer_string(&encoded));
}

/* The user information of the URLs, which es_check has found to be the same in all of them. */
static char *basic_of_urls(const es_config *config)
{
    es_urls urls = {0};
    weir_url first = {0};
    weir_error error;
    char *value = NULL;
    if (es_urls_gather(config, &urls, &error) == WEIR_OK &&
        weir_url_parse(urls.texts.items[0], &first, &error) == WEIR_OK && first.user)
        value = basic(first.user, first.password ? first.password : "");
    weir_url_done(&first);
    es_urls_done(&urls);
    return value;
}

char *es_config_authorization(const es_config *config)
{
    if (is_written(config->api_key))
        return weir_format("ApiKey %s", config->api_key);
    if (is_written(config->user) || is_written(config->password))
        return basic(config->user ? config->user : "", config->password ? config->password : "");
    return basic_of_urls(config);
}

/* ---- what documents look like, and where they go ---- */

static bool is_listed(const weir_strings *names, es_mode mode)
{
    for (size_t i = 0; i < names->count; i++) {
        es_mode listed;
        if (es_mode_find(weir_text_of(names->items[i]), &listed) && listed == mode)
            return true;
    }
    return false;
}

bool es_config_allows(const es_config *config, es_mode mode)
{
    return config->mapping.allowed_modes.count == 0 || is_listed(&config->mapping.allowed_modes, mode);
}

es_mode es_config_mode(const es_config *config)
{
    const es_mapping_config *mapping = &config->mapping;
    es_mode mode = ES_MODE_OTEL;
    if (mapping->mode)
        (void)es_mode_find(weir_text_of(mapping->mode), &mode);
    else if (!es_config_allows(config, ES_MODE_OTEL))
        (void)es_mode_find(weir_text_of(mapping->allowed_modes.items[0]), &mode);
    return mode;
}

unsigned es_config_signals(const void *config)
{
    return es_config_mode(config) == ES_MODE_BODYMAP ? WEIR_ON_LOGS : WEIR_ON_LOGS | WEIR_ON_TRACES;
}

es_routing es_config_routing(const es_config *config)
{
    return (es_routing){
        .logs_index = config->logs_index,
        .traces_index = config->traces_index,
        .logstash_format = config->logstash_format.enabled,
        .logstash_prefix_separator = config->logstash_format.prefix_separator,
        .logstash_date_format = config->logstash_format.date_format,
        .logs_dynamic_id = config->logs_dynamic_id.enabled,
        .traces_dynamic_id = config->traces_dynamic_id.enabled,
        .logs_dynamic_pipeline = config->logs_dynamic_pipeline.enabled,
    };
}

const char *es_config_include_source(const es_config *config)
{
    const weir_node *node = config->include_source_on_error;
    if (!node || node->kind != WEIR_NODE_SCALAR)
        return NULL;
    return weir_scalar_to_bool(node->text) ? "true" : "false";
}

/* ---- how bodies are compressed ---- */

weir_encoding es_config_encoding(const es_config *config)
{
    return config->compression == 0 ? WEIR_ENCODING_GZIP : WEIR_ENCODING_IDENTITY;
}

int es_config_level(const es_config *config)
{
    int64_t level = config->compression_params.level;
    if (level == 0 || level == -1)
        return WEIR_LEVEL_USUAL;
    return level < 1 ? 1 : (int)level;
}

/* ---- the sender ---- */

enum {
    BATCH_BYTES_MIN = 1000 * 1000, /* as the Collector's exporter */
    BATCH_BYTES_MAX = 5 * 1000 * 1000,
    FLUSH_TIMEOUT_MS = 10 * 1000,
    CONSUMERS = 4,
};

static uint64_t first_written(uint64_t a, uint64_t b, uint64_t otherwise)
{
    return a > 0 ? a : b > 0 ? b : otherwise;
}

/* The keys that data must agree in: the exporter's, the batch's, and the one that chooses the mapping mode. */
static weir_strings partition_keys(const es_config *config, const weir_strings *of_batch)
{
    const weir_strings *own = &config->metadata_keys;
    weir_strings keys = {.items = weir_alloc(own->count + of_batch->count + 1, sizeof(char *))};
    for (size_t i = 0; i < own->count; i++)
        keys.items[keys.count++] = weir_strdup(own->items[i]);
    for (size_t i = 0; i < of_batch->count; i++)
        keys.items[keys.count++] = weir_strdup(of_batch->items[i]);
    keys.items[keys.count++] = weir_strdup(mapping_mode_key);
    return keys;
}

static weir_sender_batch_config *make_batch(const es_config *config)
{
    static const weir_sender_batch_config usual = {.sizer = WEIR_BATCH_SIZE_BYTES, .min_size = BATCH_BYTES_MIN};
    const weir_sender_batch_config *written = config->sender.queue.batch ? config->sender.queue.batch : &usual;
    weir_sender_batch_config *batch = WEIR_NEW(weir_sender_batch_config);
    *batch = *written;
    batch->flush_timeout_ms = first_written(written->flush_timeout_ms, config->flush.interval_ms, FLUSH_TIMEOUT_MS);
    batch->max_size = first_written(written->max_size, config->flush.bytes, BATCH_BYTES_MAX);
    if (written->max_size == 0 && batch->min_size > batch->max_size) /* flush.bytes is older than min_size */
        batch->min_size = batch->max_size;
    batch->partition.metadata_keys = partition_keys(config, &written->partition.metadata_keys);
    return batch;
}

weir_sender_config es_sender_config(const es_config *config)
{
    const es_retry_config *retry = &config->retry;
    weir_sender_config sender = config->sender;
    sender.queue.num_consumers = first_written(config->sender.queue.num_consumers, config->num_workers, CONSUMERS);
    sender.queue.batch = make_batch(config);
    sender.retry = (weir_sender_retry_config){
        .enabled = retry->enabled,
        .initial_interval_ms =
            retry->initial_interval_ms < retry->max_interval_ms ? retry->initial_interval_ms : retry->max_interval_ms,
        .randomization_factor = 0.5,
        .multiplier = 2,
        .max_interval_ms = retry->max_interval_ms,
        .max_elapsed_time_ms = retry->max_elapsed_time_ms,
    };
    return sender;
}

void es_sender_config_done(weir_sender_config *made)
{
    if (!made->queue.batch)
        return;
    weir_strings *keys = &made->queue.batch->partition.metadata_keys;
    for (size_t i = 0; i < keys->count; i++)
        free(keys->items[i]);
    free(keys->items);
    free(made->queue.batch);
    made->queue.batch = NULL;
}

/* ---- the promise ---- */

void es_promise(const void *config, char *ret_text, size_t size)
{
    weir_sender_config sender = es_sender_config(config);
    weir_sender_promise(&sender, "Elasticsearch", ret_text, size);
    es_sender_config_done(&sender);
}
