/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file may say about an `otlp` receiver: the keys of the Collector's otlpreceiver, configgrpc.ServerConfig and
 * confighttp.ServerConfig (0.158). Strings belong to the structs and live as long as the configuration.
 */
#ifndef WEIR_RECEIVERS_OTLP_CONFIG_H
#define WEIR_RECEIVERS_OTLP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/batch.h"
#include "config/option.h"
#include "config/tls.h"
#include "net/http.h"

typedef struct otlp_server_parameters {
    uint64_t max_connection_idle_ms; /* 0: no limit, as of the next two */
    uint64_t max_connection_age_ms;
    uint64_t max_connection_age_grace_ms;
    uint64_t time_ms; /* 0: the default, as of the rest */
    uint64_t timeout_ms;
} otlp_server_parameters;

typedef struct otlp_enforcement_policy {
    uint64_t min_time_ms;
    bool permit_without_stream;
} otlp_enforcement_policy;

typedef struct otlp_keepalive {
    otlp_server_parameters server_parameters;
    otlp_enforcement_policy enforcement_policy;
} otlp_keepalive;

typedef struct otlp_auth_config {
    char *authenticator;
    weir_strings request_params; /* HTTP only */
} otlp_auth_config;

typedef struct otlp_cors_config {
    weir_strings allowed_origins; /* empty: no web page may send, whatever the rest says */
    weir_strings allowed_headers; /* empty: those that browsers' own functions need */
    weir_strings exposed_headers;
    int64_t max_age; /* seconds; 0: as browsers like it, below: not at all */
} otlp_cors_config;

/* How many `response_headers` there may be. */
enum { OTLP_RESPONSE_HEADERS_MAX = 16 };

typedef struct otlp_grpc_config {
    char *endpoint;
    int transport;
    uint64_t max_recv_msg_size_mib; /* 0: the default */
    uint64_t max_concurrent_streams;
    otlp_keepalive keepalive;
    bool include_metadata;
    otlp_auth_config *auth; /* NULL: anyone may send */
    weir_tls_config *tls;   /* NULL: clear text */
} otlp_grpc_config;

typedef struct otlp_http_config {
    char *endpoint;
    int transport;
    char *url_paths[WEIR_SIGNALS];
    uint64_t max_request_body_size; /* bytes; 0: the default */
    bool include_metadata;
    otlp_auth_config *auth;              /* NULL: anyone may send */
    otlp_cors_config *cors;              /* NULL: no web page may send */
    weir_tls_config *tls;                /* NULL: clear text */
    weir_strings compression_algorithms; /* empty: all that are built */
    weir_string_map response_headers;
    uint64_t read_timeout_ms; /* 0: the limit's default, as of the next */
    uint64_t read_header_timeout_ms;
    uint64_t write_timeout_ms; /* 0: no limit, as of the next */
    uint64_t idle_timeout_ms;
    bool keep_alives_enabled;
} otlp_http_config;

typedef struct otlp_protocols {
    otlp_grpc_config *grpc; /* NULL: not listened on */
    otlp_http_config *http;
} otlp_protocols;

typedef struct otlp_config {
    otlp_protocols protocols;
} otlp_config;

extern const weir_option weir__otlp_options[];

/* Checks across options; weir_component_type.check. */
void weir__otlp_config_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

/* The largest message either protocol takes, in bytes, with the default filled in. */
uint64_t weir__otlp_grpc_message_bytes_max(const otlp_grpc_config *grpc);
uint64_t weir__otlp_http_body_bytes_max(const otlp_http_config *http);

/* What the HTTP server under each port is told. */
weir_http_options weir__otlp_grpc_server_options(const otlp_grpc_config *grpc);
weir_http_options weir__otlp_http_server_options(const otlp_http_config *http);

#endif
