/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `otlphttp` exporter can be told: the keys of the Collector's otlphttpexporter and of confighttp's client.
 */
#ifndef WEIR_EXPORTERS_OTLPHTTP_CONFIG_H
#define WEIR_EXPORTERS_OTLPHTTP_CONFIG_H

#include "config/tls.h"
#include "exporters/curl/options.h"
#include "exporters/sender/sender.h"
#include "exporters/support/request_headers.h"
#include "net/compress.h"

typedef enum otlphttp_compression {
    OTLPHTTP_GZIP,
    OTLPHTTP_ZLIB,
    OTLPHTTP_DEFLATE,
    OTLPHTTP_ZSTD,
    OTLPHTTP_NONE,
    OTLPHTTP_UNSET, /* "": the same as none */
    OTLPHTTP_SNAPPY,
    OTLPHTTP_SNAPPY_FRAMED,
    OTLPHTTP_LZ4,
} otlphttp_compression;

typedef enum otlphttp_encoding { OTLPHTTP_PROTO, OTLPHTTP_JSON } otlphttp_encoding;

typedef struct otlphttp_compression_params {
    int64_t level; /* 0: not written */
} otlphttp_compression_params;

typedef struct otlphttp_config {
    weir_sender_config sender;
    char *endpoint;                /* NULL if every signal used has its own */
    char *endpoints[WEIR_SIGNALS]; /* NULL: `endpoint` with the signal's usual path */
    int encoding;                  /* otlphttp_encoding */
    int compression;               /* otlphttp_compression */
    otlphttp_compression_params compression_params;
    weir_tls_config tls;
    weir_string_map headers;
    weir_exporter_auth *auth; /* NULL: not written */
    weir_curl_options connections;
} otlphttp_config;

extern const weir_option otlphttp_options[];

void otlphttp_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

/* The signals that have a URL, as WEIR_ON_… bits. */
unsigned otlphttp_signals(const void *config);

/* The URL that requests of `signal` are posted to, for freeing with free(); NULL if the configuration names none. */
char *otlphttp_url(const otlphttp_config *config, weir_signal signal);

/* How bodies are compressed: WEIR_ENCODING_IDENTITY for not at all. */
weir_encoding otlphttp_encoding_of(const otlphttp_config *config);
/* The value of Content-Encoding for it. */
const char *otlphttp_encoding_name(const otlphttp_config *config);
/* For weir_compressor_new. */
int otlphttp_level(const otlphttp_config *config);

#endif
