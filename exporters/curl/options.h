/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of the Collector's confighttp client that say how connections are made and kept: the same rows for every
 * exporter on this client, and what they mean for it.
 */
#ifndef WEIR_EXPORTERS_CURL_OPTIONS_H
#define WEIR_EXPORTERS_CURL_OPTIONS_H

#include "config/option.h"
#include "exporters/curl/http_client.h"

/* The key `cookies`: NULL while it is not written. */
typedef struct weir_curl_cookies {
    char unused; /* the key has nothing below */
} weir_curl_cookies;

extern const weir_option weir_curl_cookies_options[];

/* Embedded in an exporter's configuration. */
typedef struct weir_curl_options {
    char *proxy_url;
    uint64_t read_buffer_size, write_buffer_size;
    uint64_t max_idle_conns, max_idle_conns_per_host, max_conns_per_host; /* 0: no limit */
    uint64_t idle_conn_timeout_ms;
    bool disable_keep_alives, force_attempt_http2;
    weir_curl_cookies *cookies; /* NULL: none are kept */
} weir_curl_options;

/* For the client of one worker out of `workers`, which sends to `hosts` of them; limits are shared out, rounded up. tls,
 * response_bytes_max and account are the caller's to set. */
weir_curl_settings weir_curl_settings_of(const weir_curl_options *options, size_t hosts, unsigned workers);

#define WEIR_CURL_FRESH_CONNECTION "a request that is not answered in time is sent again on a new connection"

/* The rows of an exporter's option table; `member` is the weir_curl_options inside `config`. */
#define WEIR_CURL_OPTIONS(config, member)                                                                             \
    {.name = "proxy_url",                                                                                             \
     .type = WEIR_OPTION_SECRET,                                                                                      \
     .offset = offsetof(config, member.proxy_url),                                                                    \
     .summary = "The proxy for all requests, as http://, https:// or socks5:// URL; unless written, HTTP_PROXY, "     \
                "HTTPS_PROXY and NO_PROXY of the environment say which."},                                            \
        {.name = "read_buffer_size",                                                                                  \
         .type = WEIR_OPTION_BYTES,                                                                                   \
         .offset = offsetof(config, member.read_buffer_size),                                                         \
         .default_text = "0",                                                                                         \
         .max = 512 * 1024,                                                                                           \
         .summary = "The size of a connection's receive buffer; 0 for 16 KiB."},                                      \
        {.name = "write_buffer_size",                                                                                 \
         .type = WEIR_OPTION_BYTES,                                                                                   \
         .offset = offsetof(config, member.write_buffer_size),                                                        \
         .default_text = "0",                                                                                         \
         .max = 2 * 1024 * 1024,                                                                                      \
         .otel_default = "512 KiB",                                                                                   \
         .remark = "64 KiB fill a socket as well, and there is one buffer for each request under way",                \
         .summary = "The size of a request's send buffer, at least 16 KiB; 0 for 64 KiB."},                           \
        {.name = "max_idle_conns",                                                                                    \
         .type = WEIR_OPTION_UINT,                                                                                    \
         .offset = offsetof(config, member.max_idle_conns),                                                           \
         .default_text = "100",                                                                                       \
         .max = 1e6,                                                                                                  \
         .summary =                                                                                                   \
             "How many unused connections are kept; 0 for no limit. Shared out among the workers, rounded up."},      \
        {.name = "max_idle_conns_per_host",                                                                           \
         .type = WEIR_OPTION_UINT,                                                                                    \
         .offset = offsetof(config, member.max_idle_conns_per_host),                                                  \
         .default_text = "0",                                                                                         \
         .max = 1e6,                                                                                                  \
         .otel_default = "0 (Go's 2)",                                                                                \
         .remark = "as many connections are kept as are used at the same time; 0 leaves it to max_idle_conns",        \
         .summary = "How many unused connections to one host are kept."},                                             \
        {.name = "max_conns_per_host",                                                                                \
         .type = WEIR_OPTION_UINT,                                                                                    \
         .offset = offsetof(config, member.max_conns_per_host),                                                       \
         .default_text = "0",                                                                                         \
         .max = 1e6,                                                                                                  \
         .summary = "How many connections to one host there may be; 0 for no limit. Shared out among the workers, "   \
                    "rounded up, and counted for each signal."},                                                      \
        {.name = "idle_conn_timeout",                                                                                 \
         .type = WEIR_OPTION_DURATION,                                                                                \
         .offset = offsetof(config, member.idle_conn_timeout_ms),                                                     \
         .default_text = "90s",                                                                                       \
         .summary = "A connection that was unused for longer is not used again; 0 for no limit. In whole seconds."},  \
        {.name = "disable_keep_alives",                                                                               \
         .type = WEIR_OPTION_BOOL,                                                                                    \
         .offset = offsetof(config, member.disable_keep_alives),                                                      \
         .default_text = "false",                                                                                     \
         .summary = "Whether every request has a connection of its own."},                                            \
        {.name = "force_attempt_http2",                                                                               \
         .type = WEIR_OPTION_BOOL,                                                                                    \
         .offset = offsetof(config, member.force_attempt_http2),                                                      \
         .default_text = "true",                                                                                      \
         .summary = "Whether HTTP/2 is offered to https:// servers; without TLS it is always HTTP/1.1."},             \
        {.name = "http2_read_idle_timeout",                                                                           \
         .type = WEIR_OPTION_DURATION,                                                                                \
         .standing = WEIR_SUBSUMED,                                                                                   \
         .remark = WEIR_CURL_FRESH_CONNECTION,                                                                        \
         .summary = "After so much silence an HTTP/2 connection is pinged."},                                         \
        {.name = "http2_ping_timeout",                                                                                \
         .type = WEIR_OPTION_DURATION,                                                                                \
         .standing = WEIR_SUBSUMED,                                                                                   \
         .remark = WEIR_CURL_FRESH_CONNECTION,                                                                        \
         .summary = "How long the answer to a ping may take."},                                                       \
        {.name = "cookies",                                                                                           \
         .type = WEIR_OPTION_POINTER,                                                                                 \
         .offset = offsetof(config, member.cookies),                                                                  \
         .group = weir_curl_cookies_options,                                                                          \
         .group_size = sizeof(weir_curl_cookies),                                                                     \
         .summary = "Written (also without anything below), the server's cookies are kept and sent, for each worker " \
                    "and signal."},                                                                                   \
    {                                                                                                                 \
        .name = "middlewares", .type = WEIR_OPTION_ANY, .standing = WEIR_NOT_BUILT,                                   \
        .remark = "leave the key out: weir has no middlewares", .summary = "Extensions that look at every request."   \
    }

#endif
