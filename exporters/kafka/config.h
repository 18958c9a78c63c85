/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `kafka` exporter can be told: the keys of the Collector's kafkaexporter; those that say how to reach the
 * brokers are in kafka/options.h.
 */
#ifndef WEIR_EXPORTERS_KAFKA_CONFIG_H
#define WEIR_EXPORTERS_KAFKA_CONFIG_H

#include "exporters/sender/sender.h"
#include "kafka/options.h"
#include "kafka/partition.h"
#include "kafka/producer.h"

typedef struct kafka_signal_config {
    char *topic;
    char *topic_from_metadata_key; /* NULL or "": not written, as the next one */
    char *message_key_from_metadata_key;
    int encoding; /* kafka_encoding */
} kafka_signal_config;

/* The first two are those of weir_kafka_encoding; the others are not built. */
typedef enum kafka_encoding {
    KAFKA_OTLP_PROTO = WEIR_KAFKA_OTLP_PROTO,
    KAFKA_OTLP_JSON = WEIR_KAFKA_OTLP_JSON,
    KAFKA_NOT_BUILT
} kafka_encoding;

/* The order of the enum's names. */
typedef enum kafka_required_acks {
    KAFKA_ACKS_ALL,
    KAFKA_ACKS_MINUS_ONE,
    KAFKA_ACKS_NONE,
    KAFKA_ACKS_LEADER
} kafka_required_acks;

typedef struct kafka_compression_params {
    int64_t level;
} kafka_compression_params;

typedef struct kafka_producer_config {
    uint64_t max_message_bytes;
    int required_acks; /* kafka_required_acks */
    int compression;   /* weir_kafka_compression */
    kafka_compression_params compression_params;
    uint64_t flush_max_messages;
    uint64_t linger_ms;
    bool allow_auto_topic_creation;
} kafka_producer_config;

typedef struct kafka_record_header {
    char *name;
    char *value;
} kafka_record_header;

typedef struct kafka_sticky_key {
    int hasher; /* weir_kafka_hasher */
} kafka_sticky_key;

typedef struct kafka_no_keys {
    char unused; /* the key has nothing below */
} kafka_no_keys;

typedef struct kafka_partitioner_config {
    kafka_sticky_key *sticky_key; /* NULL: not written, as the others */
    kafka_no_keys *round_robin;
    kafka_no_keys *least_backup;
} kafka_partitioner_config;

typedef struct kafka_config {
    weir_sender_config sender; /* timeout_ms is that of one request to a broker, not of a push */
    weir_kafka_client_config client;
    kafka_producer_config producer;
    kafka_signal_config signals[WEIR_SIGNALS];
    weir_strings include_metadata_keys;
    weir_list record_headers; /* of kafka_record_header */
    char *topic_from_attribute;
    bool partition_traces_by_id;
    bool partition_metrics_by_resource_attributes;
    bool partition_logs_by_resource_attributes;
    bool partition_logs_by_trace_id;
    kafka_partitioner_config partitioner;
} kafka_config;

extern const weir_option kafka_options[];

void kafka_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

/* How the items of a push are shared out among the partitions of their topic. */
typedef enum kafka_rule {
    KAFKA_SPREAD,      /* all into one message, for whichever partition the library picks */
    KAFKA_IN_TURN,     /* all into one message, for the next partition in turn */
    KAFKA_BY_KEY,      /* all into one message, with a key from the metadata */
    KAFKA_BY_TRACE,    /* by trace id; what has none goes with the others of its push */
    KAFKA_BY_RESOURCE, /* by the attributes of the resource */
} kafka_rule;
kafka_rule kafka_rule_of(const kafka_config *config, weir_signal signal);
weir_kafka_hasher kafka_hasher_of(const kafka_config *config);

/* True for NULL and "" as well: how keys are said to be not written. */
static inline bool kafka_is_empty(const char *text)
{
    return !text || *text == '\0';
}

/* As weir_kafka_producer_settings wants it: -1, 0 or 1. */
int kafka_acks_of(const kafka_config *config);

/* For weir_kafka_producer_open. `id` and `config` are borrowed. */
weir_kafka_producer_settings kafka_producer_settings(const kafka_config *config, const char *id, const weir_host *host);

/* The sender's part, with what the exporter changes of it. */
weir_sender_config kafka_sender_config(const kafka_config *config);

void kafka_promise(const void *config, char *ret_text, size_t size);

#endif
