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

typedef struct weir_kafka_sasl {
    char *mechanism;
    char *username;
    char *password;
    int64_t version;
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
    uint64_t conn_idle_timeout_ms;
    bool resolve_canonical_bootstrap_servers_only;
    weir_kafka_metadata_config metadata;
    weir_kafka_auth auth;
    weir_tls_config *tls;       /* NULL: clear text, unless auth.tls is written */
    weir_string_map librdkafka; /* its own property names; these beat everything else but what safety rests on */
} weir_kafka_client_config;

/* The tables' rows: WEIR_KAFKA_CLIENT_OPTIONS(kafka_exporter_config, client), in an option table. options.c defines what
 * they refer to. */

#endif
