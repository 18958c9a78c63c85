/* SPDX-License-Identifier: Apache-2.0
 *
 * Which proxy a request goes through: the configured one, or what the environment says, read as Go's client (and so
 * the Collector) reads it: HTTPS_PROXY for https:// URLs and HTTP_PROXY for http:// ones, also in lower case; NO_PROXY
 * for exceptions; never for this machine itself. libcurl alone would also read ALL_PROXY, overlook HTTP_PROXY and send
 * localhost to the proxy. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_CURL_PROXY_H
#define WEIR_EXPORTERS_CURL_PROXY_H

/* How a variable of the environment is read; getenv itself, but for tests. */
typedef char *(*weir_getenv_fn)(const char *name);

typedef struct weir_proxy {
    const char *url;        /* "": none. Borrowed from the configuration or the environment */
    const char *exceptions; /* hosts that are asked directly, separated by commas; "": none */
} weir_proxy;

/* `configured` may be NULL or ""; if not, it is used for every host without exception, as in the Collector.
 * `scheme` and `host` are the URL's. */
weir_proxy weir_proxy_for(const char *configured, const char *scheme, const char *host, weir_getenv_fn read_variable);

#endif
