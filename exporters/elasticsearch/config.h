/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `elasticsearch` exporter can be told: the keys of the Collector's elasticsearchexporter and of confighttp's
 * client. Strings belong to the struct and live as long as the configuration.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_CONFIG_H
#define WEIR_EXPORTERS_ELASTICSEARCH_CONFIG_H

#include "config/tls.h"
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

/* Bulk retries of the Collector; here they are the sender's (es_sender_config), which has no limit unless one is
 * written. */
typedef struct es_retry_config {
    bool enabled;
    uint64_t max_requests, max_retries; /* 0: not written */
    uint64_t initial_interval_ms, max_interval_ms;
    weir_strings retry_on_status, retry_on_document_status;
} es_retry_config;

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
    weir_sender_config sender;
    char *endpoint;
    weir_strings endpoints;
    char *cloudid;
    char *user, *password, *api_key;
    weir_exporter_auth *auth; /* NULL: not written */
    weir_tls_config tls;
    weir_string_map headers;
    char *proxy_url;
    int compression;           /* an enumeration of config.c: ask es_encoding_of */
    int64_t compression_level; /* 0: not written */
    uint64_t read_buffer_size, write_buffer_size;
    uint64_t max_idle_conns, max_idle_conns_per_host, max_conns_per_host, idle_conn_timeout_ms;
    bool disable_keep_alives;
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
    bool include_source_on_error;
    bool suppress_conflict_errors;
} es_config;

extern const weir_option es_options[];

void es_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

/* The base URLs of the configuration or of ELASTICSEARCH_URL, without a slash at their end, owned by the caller; at least
 * one. An error if there is none, more than one way was used to name them, or one is no http(s) URL. */
WEIR_MUST_USE weir_status es_config_urls(const es_config *config, weir_strings *ret_urls, weir_error *ret_error);

/* The value of Authorization from user and password or api_key; NULL if neither is written. For freeing with free(). */
char *es_config_authorization(const es_config *config);

/* The mode of data that does not ask for another, and whether it may ask for `mode`. */
es_mode es_config_mode(const es_config *config);
bool es_config_allows(const es_config *config, es_mode mode);

es_routing es_config_routing(const es_config *config);

/* How bodies are compressed; WEIR_ENCODING_IDENTITY for not at all. Level: for weir_compressor_new. */
weir_encoding es_config_encoding(const es_config *config);
int es_config_level(const es_config *config);

/* The sender's settings with what `retry`, `flush`, `num_workers`, `metadata_keys` and this exporter's own defaults make
 * of them. Made once in `open`; free with es_sender_config_done. */
weir_sender_config es_sender_config(const es_config *config);
void es_sender_config_done(weir_sender_config *made);

void es_promise(const void *config, char *ret_text, size_t size);

#endif
