/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/otlphttp/config.h"

#include <string.h>

#include "core/memory.h"
#include "exporters/curl/url.h"

/* The order of otlphttp_compression. */
static const char *const compression_names[] = {"gzip", "zlib",   "deflate",         "zstd", "none",
                                                "",     "snappy", "x-snappy-framed", "lz4",  NULL};
static const char *const encoding_names[] = {"proto", "json", NULL};

static const weir_option compression_params_options[] = {
    {.name = "level",
     .type = WEIR_OPTION_INT,
     .offset = offsetof(otlphttp_compression_params, level),
     .default_text = "0",
     .otel_default = "0 (gzip 6, zstd 3)",
     .remark = "the speed matters more than the last percents of size: unless written, weir uses level 1",
     .summary = "gzip, zlib and deflate: 1 (fast) to 9 (small), -1 for the default, -2 for the fastest; zstd: any, "
                "taken as 12 above 12; 0 for the default."},
    {0}};

#define SIGNAL_ENDPOINT(key, signal, text)                                                                 \
    {                                                                                                      \
        .name = (key), .type = WEIR_OPTION_STRING, .offset = offsetof(otlphttp_config, endpoints[signal]), \
        .summary = (text)                                                                                  \
    }

const weir_option otlphttp_options[] = {
    {.name = "endpoint",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlphttp_config, endpoint),
     .summary = "The backend's URL; /v1/traces, /v1/metrics and /v1/logs are appended to it."},
    SIGNAL_ENDPOINT("traces_endpoint", WEIR_TRACES,
                    "The URL for traces, if it is not below `endpoint`; used as it is."),
    SIGNAL_ENDPOINT("metrics_endpoint", WEIR_METRICS, "The URL for metrics, in the same way."),
    SIGNAL_ENDPOINT("logs_endpoint", WEIR_LOGS, "The URL for logs, in the same way."),
    {.name = "profiles_endpoint",
     .type = WEIR_OPTION_STRING,
     .standing = WEIR_SUBSUMED,
     .remark = "weir has no pipelines for profiles, so nothing would be sent there",
     .summary = "The URL for profiles."},
    {.name = "encoding",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(otlphttp_config, encoding),
     .default_text = "proto",
     .enum_names = encoding_names,
     .summary = "How requests are encoded; json is some times as long, and costs the time to write it."},
    {.name = "compression",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(otlphttp_config, compression),
     .default_text = "gzip",
     .enum_names = compression_names,
     .summary = "How requests are compressed: gzip, zlib, deflate, zstd or none; snappy, x-snappy-framed and lz4 are "
                "not built."},
    {.name = "compression_params",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(otlphttp_config, compression_params),
     .group = compression_params_options,
     .group_size = sizeof(otlphttp_compression_params),
     .summary = "How hard the compression tries."},
    {.name = "tls",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(otlphttp_config, tls),
     .group = weir_tls_client_options,
     .group_size = sizeof(weir_tls_config),
     .summary = "How connections to https:// endpoints are protected; whether TLS is used is the URL's to say."},
    {.name = "headers",
     .type = WEIR_OPTION_SECRET_MAP,
     .offset = offsetof(otlphttp_config, headers),
     .summary = "Sent with every request; values may be secret and are masked wherever weir prints them."},
    WEIR_EXPORTER_AUTH_OPTION(otlphttp_config, auth),
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlphttp_config, sender.timeout_ms),
     .default_text = "30s",
     .summary = "How long one attempt to send may take; 0 means without end."},
    WEIR_SENDER_QUEUE_OPTION(otlphttp_config, sender),
    WEIR_SENDER_RETRY_OPTION(otlphttp_config, sender),
    WEIR_CURL_OPTIONS(otlphttp_config, connections),
    {0}};

/* ---- what follows from them ---- */

static const char *const paths[WEIR_SIGNALS] = {
    [WEIR_TRACES] = "v1/traces",
    [WEIR_METRICS] = "v1/metrics",
    [WEIR_LOGS] = "v1/logs",
};

static bool is_written(const char *text)
{
    return text && *text;
}

unsigned otlphttp_signals(const void *config)
{
    const otlphttp_config *otlphttp = config;
    unsigned signals = 0;
    for (unsigned signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (is_written(otlphttp->endpoint) || is_written(otlphttp->endpoints[signal]))
            signals |= 1u << signal;
    }
    return signals;
}

char *otlphttp_url(const otlphttp_config *config, weir_signal signal)
{
    if (is_written(config->endpoints[signal]))
        return weir_strdup(config->endpoints[signal]);
    if (!is_written(config->endpoint))
        return NULL;
    bool ends_in_slash = config->endpoint[strlen(config->endpoint) - 1] == '/';
    return weir_format("%s%s%s", config->endpoint, ends_in_slash ? "" : "/", paths[signal]);
}

weir_encoding otlphttp_encoding_of(const otlphttp_config *config)
{
    switch ((otlphttp_compression)config->compression) {
    case OTLPHTTP_GZIP:
        return WEIR_ENCODING_GZIP;
    case OTLPHTTP_ZLIB:
    case OTLPHTTP_DEFLATE:
        return WEIR_ENCODING_DEFLATE;
    case OTLPHTTP_ZSTD:
        return WEIR_ENCODING_ZSTD;
    default: /* what is not built has been refused by otlphttp_check */
        return WEIR_ENCODING_IDENTITY;
    }
}

/* As the Collector: the name as configured, although "zlib" is no registered one. */
const char *otlphttp_encoding_name(const otlphttp_config *config)
{
    return compression_names[config->compression];
}

int otlphttp_level(const otlphttp_config *config)
{
    int64_t level = config->compression_params.level;
    if (level == 0 || (level == -1 && otlphttp_encoding_of(config) != WEIR_ENCODING_ZSTD))
        return WEIR_LEVEL_USUAL;
    if (otlphttp_encoding_of(config) != WEIR_ENCODING_ZSTD)
        return level < 1 ? 1 : (int)level;
    return level < WEIR_ZSTD_LEVEL_MIN ? WEIR_ZSTD_LEVEL_MIN
                                       : (int)(level > WEIR_ZSTD_LEVEL_MAX ? WEIR_ZSTD_LEVEL_MAX : level);
}

/* ---- checks ---- */

static void check_url(const char *text, const char *key, const weir_node *node, weir_diagnostics *diagnostics)
{
    weir_url url = {0};
    weir_error error = {0};
    if (!is_written(text))
        return;
    if (weir_url_parse(text, &url, &error) != WEIR_OK)
        weir_diagnostics_error(diagnostics, weir_node_find(node, key), "%s \"%s\" %s", key, text, error.text);
    weir_url_done(&url);
}

static void check_urls(const otlphttp_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    static const char *const keys[WEIR_SIGNALS] = {
        [WEIR_TRACES] = "traces_endpoint", [WEIR_METRICS] = "metrics_endpoint", [WEIR_LOGS] = "logs_endpoint"};
    bool has_any = is_written(config->endpoint);
    check_url(config->endpoint, "endpoint", node, diagnostics);
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        has_any = has_any || is_written(config->endpoints[signal]);
        check_url(config->endpoints[signal], keys[signal], node, diagnostics);
    }
    if (!has_any)
        weir_diagnostics_error(diagnostics, node,
                               "at least one endpoint must be specified: write `endpoint: https://host:4318`");
}

static void check_compression(const otlphttp_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    int64_t level = config->compression_params.level;
    weir_encoding encoding = otlphttp_encoding_of(config);
    if (config->compression >= OTLPHTTP_SNAPPY)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "compression"),
                               "compression \"%s\" is not built: use zstd or gzip",
                               compression_names[config->compression]);
    else if (level != 0 && encoding == WEIR_ENCODING_IDENTITY)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "compression_params.level"),
                               "without compression there is no level: leave compression_params out");
    else if (encoding != WEIR_ENCODING_ZSTD && (level < -2 || level > 9))
        weir_diagnostics_error(diagnostics, weir_node_find(node, "compression_params.level"),
                               "level %lld is not one of %s: write 1 to 9", (long long)level,
                               compression_names[config->compression]);
}

void otlphttp_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const otlphttp_config *otlphttp = config;
    check_urls(otlphttp, node, diagnostics);
    check_compression(otlphttp, node, diagnostics);
    weir_request_headers_check(&otlphttp->headers, node, diagnostics);
    weir_tls_client_check(&otlphttp->tls, weir_node_find(node, "tls"), diagnostics);
    weir_sender_check(&otlphttp->sender, node, diagnostics);
}
