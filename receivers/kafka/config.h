/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file may say about a `kafka` receiver: the keys of the Collector's kafkareceiver (0.158), and
 * `dead_letter_topic`. Strings belong to the structs and live as long as the configuration.
 */
#ifndef WEIR_RECEIVERS_KAFKA_CONFIG_H
#define WEIR_RECEIVERS_KAFKA_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/batch.h"
#include "config/option.h"
#include "kafka/options.h"

typedef struct kafka_topics_config {
    char *topic;         /* deprecated; beats `topics` */
    weir_strings topics; /* empty: the signal's default; ^ begins a regular expression */
    char *exclude_topic; /* deprecated; beats `exclude_topics` */
    weir_strings exclude_topics;
    int encoding; /* weir_kafka_encoding */
} kafka_topics_config;

typedef enum kafka_initial_offset { KAFKA_EARLIEST, KAFKA_LATEST } kafka_initial_offset;

typedef struct kafka_autocommit_config {
    uint64_t interval_ms;
} kafka_autocommit_config;

typedef struct kafka_extraction_config {
    bool extract_headers;
    weir_strings headers;
} kafka_extraction_config;

typedef struct kafka_metric_config {
    bool enabled;
} kafka_metric_config;

typedef struct kafka_metrics_config {
    kafka_metric_config records_delay;
} kafka_metrics_config;

typedef struct kafka_telemetry_config {
    kafka_metrics_config metrics;
} kafka_telemetry_config;

typedef struct kafka_config {
    weir_kafka_client_config client;
    char *group_id;
    char *group_instance_id; /* NULL: none */
    int initial_offset;      /* kafka_initial_offset */
    uint64_t session_timeout_ms;
    uint64_t heartbeat_interval_ms;
    weir_strings strategies; /* empty: see weir__kafka_strategies */
    char *strategy;          /* deprecated; NULL: not written */
    uint64_t min_fetch_size; /* bytes, as the next two */
    uint64_t max_fetch_size;
    uint64_t max_partition_fetch_size;
    uint64_t max_fetch_wait_ms;
    kafka_autocommit_config autocommit;
    kafka_topics_config topics[WEIR_SIGNALS];
    kafka_extraction_config header_extraction;
    kafka_telemetry_config telemetry;
    char *dead_letter_topic;
} kafka_config;

extern const weir_option weir__kafka_options[];

/* Checks across options; weir_component_type.check. */
void weir__kafka_config_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

/* The signal's topics in force: `topic` if written, `topics`, or the default. The `index`-th; NULL: there are fewer. */
const char *weir__kafka_topic(const kafka_config *config, weir_signal signal, size_t index);
/* Likewise of the expressions for topics to leave out. */
const char *weir__kafka_topic_left_out(const kafka_config *config, weir_signal signal, size_t index);

/* Whether messages of `topic` are of this signal: it is one of its topics, or matches one of its expressions and none
 * of those to leave out. */
bool weir__kafka_topic_is_of(const kafka_config *config, weir_signal signal, const char *topic);

/* The assignment strategies as librdkafka names them, comma-separated. Unwritten: `range` if several topics are read, so
 * that partition k of each of them is given to the same member, else `cooperative-sticky`. Gives ownership. */
char *weir__kafka_strategies(const kafka_config *config, bool are_several_topics);

#endif
