/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys that the `kafka` exporter and receiver share: how to reach the brokers. They are those of the Collector's
 * configkafka, and a map `librdkafka` for whatever else that library can be told.
 */
#ifndef WEIR_KAFKA_OPTIONS_H
#define WEIR_KAFKA_OPTIONS_H

#include "config/option.h"
#include "config/tls.h"

/* weir_kafka_encoding's order is that of the enum names. */
typedef enum weir_kafka_encoding { WEIR_KAFKA_OTLP_PROTO, WEIR_KAFKA_OTLP_JSON } weir_kafka_encoding;
extern const char *const weir_kafka_encoding_names[];

/* The order of the enum's names; the last is not built. */
typedef enum weir_kafka_mechanism {
    WEIR_KAFKA_PLAIN,
    WEIR_KAFKA_SCRAM_SHA_256,
    WEIR_KAFKA_SCRAM_SHA_512,
    WEIR_KAFKA_OAUTHBEARER,
    WEIR_KAFKA_AWS_MSK_IAM
} weir_kafka_mechanism;

typedef struct weir_kafka_sasl {
    int mechanism; /* weir_kafka_mechanism */
    char *username;
    char *password;
    char *oauthbearer_token_source; /* the id of an extension */
} weir_kafka_sasl;

typedef struct weir_kafka_plain_text {
    char *username;
    char *password;
} weir_kafka_plain_text;

typedef struct weir_kafka_auth {
    weir_kafka_plain_text *plain_text; /* NULL: not written, as the others */
    weir_kafka_sasl *sasl;
    weir_tls_config *tls;
} weir_kafka_auth;

typedef struct weir_kafka_metadata_config {
    uint64_t refresh_interval_ms;
} weir_kafka_metadata_config;

/* Embedded in the configuration of both. */
typedef struct weir_kafka_client_config {
    weir_strings brokers;
    char *client_id;
    char *rack_id; /* of consumers: read from the nearest replica */
    uint64_t conn_idle_timeout_ms;
    weir_kafka_metadata_config metadata;
    weir_kafka_auth auth;
    weir_tls_config *tls;       /* NULL: clear text, unless auth.tls is written */
    weir_string_map librdkafka; /* its own property names; these beat everything else but what safety rests on */
} weir_kafka_client_config;

/* The groups below the tables' rows; options.c defines them. */
extern const weir_option weir_kafka_metadata_options[];
extern const weir_option weir_kafka_auth_options[];

/* The tables' rows: WEIR_KAFKA_CLIENT_OPTIONS(kafka_exporter_config, client), in an option table of a struct that has a
 * weir_kafka_client_config of that name. */
#define WEIR_KAFKA_CLIENT_OPTIONS(config, client)                                                                     \
    {.name = "brokers",                                                                                               \
     .type = WEIR_OPTION_STRINGS,                                                                                     \
     .offset = offsetof(config, client.brokers),                                                                      \
     .default_text = "localhost:9092",                                                                                \
     .summary = "Some of the cluster's brokers, as host:port; the others are learnt from them."},                     \
        {.name = "client_id",                                                                                         \
         .type = WEIR_OPTION_STRING,                                                                                  \
         .offset = offsetof(config, client.client_id),                                                                \
         .default_text = "otel-collector",                                                                            \
         .summary = "What weir calls itself to the brokers: in their logs and for their quotas."},                    \
        {.name = "rack_id",                                                                                           \
         .type = WEIR_OPTION_STRING,                                                                                  \
         .offset = offsetof(config, client.rack_id),                                                                  \
         .summary = "Where weir runs, as the brokers' broker.rack names it: receivers then read from a replica in "   \
                    "the same place."},                                                                               \
        {.name = "conn_idle_timeout",                                                                                 \
         .type = WEIR_OPTION_DURATION,                                                                                \
         .offset = offsetof(config, client.conn_idle_timeout_ms),                                                     \
         .default_text = "9m",                                                                                        \
         .min = 1,                                                                                                    \
         .max = 2147483647,                                                                                           \
         .summary = "A connection that was unused for so long is closed."},                                           \
        {.name = "metadata",                                                                                          \
         .type = WEIR_OPTION_GROUP,                                                                                   \
         .offset = offsetof(config, client.metadata),                                                                 \
         .group = weir_kafka_metadata_options,                                                                        \
         .group_size = sizeof(weir_kafka_metadata_config),                                                            \
         .summary = "How weir follows changes of the cluster."},                                                      \
        {.name = "auth",                                                                                              \
         .type = WEIR_OPTION_GROUP,                                                                                   \
         .offset = offsetof(config, client.auth),                                                                     \
         .group = weir_kafka_auth_options,                                                                            \
         .group_size = sizeof(weir_kafka_auth),                                                                       \
         .summary = "How weir proves to the brokers who it is."},                                                     \
        {.name = "tls",                                                                                               \
         .type = WEIR_OPTION_POINTER,                                                                                 \
         .offset = offsetof(config, client.tls),                                                                      \
         .group = weir_tls_client_options,                                                                            \
         .group_size = sizeof(weir_tls_config),                                                                       \
         .summary = "How connections are protected; without this key they are in clear text."},                       \
        {.name = "librdkafka",                                                                                        \
         .type = WEIR_OPTION_SECRET_MAP,                                                                              \
         .offset = offsetof(config, client.librdkafka),                                                               \
         .summary =                                                                                                   \
             "Whatever else the Kafka client library can be told, by the names of its CONFIGURATION.md; values "      \
             "are texts and masked wherever weir prints them."},                                                      \
        {.name = "protocol_version",                                                                                  \
         .type = WEIR_OPTION_STRING,                                                                                  \
         .standing = WEIR_SUBSUMED,                                                                                   \
         .remark = "weir asks each broker what it speaks",                                                            \
         .summary = "The version of Kafka's protocol."},                                                              \
        {.name = "resolve_canonical_bootstrap_servers_only",                                                          \
         .type = WEIR_OPTION_BOOL,                                                                                    \
         .standing = WEIR_SUBSUMED,                                                                                   \
         .remark = "brokers are connected to by the names that are written, as by the Collector, where this key has " \
                   "no effect either",                                                                                \
         .summary = "Whether broker addresses are looked up in reverse at the start."},                               \
    {                                                                                                                 \
        .name = "use_leader_epoch", .type = WEIR_OPTION_BOOL, .standing = WEIR_SUBSUMED,                              \
        .remark = "a log that was cut is told by its offsets: what is missing is counted and logged with its range",  \
        .summary = "Whether receivers compare leader epochs to detect that a log was cut."                            \
    }

/* What cannot be said in the tables: keys that exclude or need each other, TLS settings that librdkafka does not know,
 * and its own properties by name and value, of which those that weir's promises rest on are refused with the key to use
 * instead. `node` is the component's settings, for placing the messages; may be NULL. Any thread. */
void weir_kafka_client_check(const weir_kafka_client_config *config, const weir_node *node,
                             weir_diagnostics *diagnostics);

/* The TLS settings in force, from `tls` or `auth.tls`; NULL: clear text. */
const weir_tls_config *weir_kafka_client_tls(const weir_kafka_client_config *config);

/* The value in the librdkafka map, or NULL. */
const char *weir_kafka_client_property(const weir_kafka_client_config *config, const char *name);

#endif
