/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `otlp` exporter can be told: the keys of the Collector's otlpexporter and of configgrpc's client.
 */
#ifndef WEIR_EXPORTERS_OTLP_CONFIG_H
#define WEIR_EXPORTERS_OTLP_CONFIG_H

#include "config/tls.h"
#include "exporters/sender/sender.h"
#include "exporters/support/request_headers.h"

typedef enum otlp_compression { OTLP_GZIP, OTLP_NONE, OTLP_SNAPPY, OTLP_ZSTD } otlp_compression;

typedef struct otlp_keepalive_config {
    uint64_t time_ms;
    uint64_t timeout_ms;
    bool permit_without_stream;
} otlp_keepalive_config;

typedef struct otlp_config {
    weir_sender_config sender;
    char *endpoint;
    int compression; /* otlp_compression */
    weir_tls_config tls;
    otlp_keepalive_config *keepalive; /* NULL: not written: no pings */
    weir_string_map headers;
    weir_exporter_auth *auth; /* NULL: not written */
    char *authority;
    char *user_agent;
} otlp_config;

extern const weir_option otlp_options[];

/* The "host:port" inside an endpoint as written (http://, dns:// and such taken away); NULL if there is none. */
const char *otlp_endpoint_address(const char *endpoint);

/* True unless `tls.insecure` asks for clear text; an endpoint that says https:// asks for TLS whatever that says. */
bool otlp_uses_tls(const otlp_config *otlp);

void otlp_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

#endif
