/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `elasticsearch` exporter can be told: the keys of the Collector's elasticsearchexporter and of confighttp's
 * client. Strings belong to the struct and live as long as the configuration.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_CONFIG_H
#define WEIR_EXPORTERS_ELASTICSEARCH_CONFIG_H

#include "config/node.h"
#include "config/tls.h"
#include "exporters/curl/options.h"
#include "exporters/elasticsearch/document/control.h"
#include "exporters/sender/sender.h"
#include "exporters/support/request_headers.h"
#include "net/compress.h"

/* `document_id`: what makes a document's _id. */
typedef enum es_document_id {
    ES_ID_IDENTITY, /* the item's identity (id.h): sent again it is the same document */
    ES_ID_NONE,     /* Elasticsearch makes one: faster there, and what is sent again is there twice */
} es_document_id;

typedef struct es_enabled {
    bool enabled;
} es_enabled;

typedef struct es_mapping_config {
    char *mode;                 /* NULL: not written */
    weir_strings allowed_modes; /* empty: all */
} es_mapping_config;

typedef struct es_logstash_config {
    bool enabled;
    char *prefix_separator;
    char *date_format;
} es_logstash_config;

/* The Collector's retries of bulk requests; here they are the sender's (es_sender_config), which counts no attempts:
 * there is no end unless max_elapsed_time is written. */
typedef struct es_retry_config {
    bool enabled;
    uint64_t initial_interval_ms, max_interval_ms;
    uint64_t max_elapsed_time_ms; /* 0: no end */
} es_retry_config;

typedef struct es_compression_params {
    int64_t level; /* 0: not written */
} es_compression_params;

typedef struct es_flush_config {
    uint64_t bytes;       /* 0: not written */
    uint64_t interval_ms; /* likewise */
} es_flush_config;

typedef struct es_discover_config {
    bool on_start;
    uint64_t interval_ms;
} es_discover_config;

typedef struct es_telemetry_config {
    bool log_failed_docs_input; /* the document that was refused, at level debug */
    uint64_t log_failed_docs_input_rate_limit_ms;
} es_telemetry_config;

typedef struct es_config {
    weir_sender_config sender; /* as it is written: ask es_sender_config */
    char *endpoint;
    weir_strings endpoints;
    char *cloudid;
    char *user, *password, *api_key;
    weir_exporter_auth *auth; /* NULL: not written */
    weir_tls_config tls;
    weir_string_map headers;
    int compression; /* ask es_config_encoding */
    es_compression_params compression_params;
    weir_curl_options connections;
    char *logs_index, *traces_index;
    es_enabled logs_dynamic_index, traces_dynamic_index;
    es_enabled logs_dynamic_id, traces_dynamic_id, logs_dynamic_pipeline;
    char *pipeline;
    es_logstash_config logstash_format;
    es_mapping_config mapping;
    int document_id; /* es_document_id */
    es_retry_config retry;
    es_flush_config flush;
    uint64_t num_workers; /* 0: not written */
    es_discover_config discover;
    es_telemetry_config telemetry;
    weir_strings metadata_keys;
    const weir_node *include_source_on_error; /* NULL: not written; ask es_config_include_source */
} es_config;

extern const weir_option es_options[];

/* ELASTICSEARCH_URL of the environment counts like what is written. */
void es_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

/* The signals it can send, as WEIR_ON_… bits: no spans where documents are the bodies of logs. */
unsigned es_config_signals(const void *config);

/* The base URLs of the configuration or of ELASTICSEARCH_URL, without user information and without a slash at their end,
 * owned by the caller; at least one. An error, which names no credentials, if there is none, more than one way was used
 * to name them, or one is no http(s) URL. */
WEIR_MUST_USE weir_status es_config_urls(const es_config *config, weir_strings *ret_urls, weir_error *ret_error);

/* The value of Authorization from user and password, api_key, or the user information of the URLs; NULL if none of them
 * is written. For freeing with free(); secret. */
char *es_config_authorization(const es_config *config);

/* The mode of data that does not ask for another, and whether it may ask for `mode`. */
es_mode es_config_mode(const es_config *config);
bool es_config_allows(const es_config *config, es_mode mode);

/* "true" or "false" for the parameter include_source_on_error of bulk requests; NULL: leave it out. */
const char *es_config_include_source(const es_config *config);

/* Borrows the configuration's texts. */
es_routing es_config_routing(const es_config *config);

/* How bodies are compressed; WEIR_ENCODING_IDENTITY for not at all. Level: for weir_compressor_new. */
weir_encoding es_config_encoding(const es_config *config);
int es_config_level(const es_config *config);

/* The sender's settings with what `retry`, `flush`, `num_workers`, `metadata_keys` and this exporter's own defaults make
 * of them. Made once in `open`; borrows the configuration's texts; free with es_sender_config_done. */
weir_sender_config es_sender_config(const es_config *config);
void es_sender_config_done(weir_sender_config *made);

/* For weir_component_type's exporter_promise. */
void es_promise(const void *config, char *ret_text, size_t size);

#endif
