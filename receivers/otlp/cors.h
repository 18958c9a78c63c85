/* SPDX-License-Identifier: Apache-2.0
 *
 * Which web pages may send (`cors`): what browsers want to read in the answers before a page may see them, and in the
 * answer to the question they ask first, the preflight. Nothing here keeps a request out: an answer that lacks these
 * headers is one that the browser keeps from the page, and other clients do not care. That is also why a preflight is
 * answered before anyone is asked for a password, which it never carries.
 * Source: Fetch standard, "HTTP-CORS protocol"; where that leaves a choice, github.com/rs/cors 1.11 as the Collector's
 * confighttp sets it up: credentials are allowed, and the methods are GET, HEAD, POST and OPTIONS.
 */
#ifndef WEIR_RECEIVERS_OTLP_CORS_H
#define WEIR_RECEIVERS_OTLP_CORS_H

#include "net/http.h"
#include "receivers/otlp/config.h"

typedef struct otlp_cors otlp_cors;

enum {
    /* Browsers send one Access-Control-Request-Headers; gateways are known to make several of it. */
    OTLP_CORS_LISTS_MAX = 4,
    /* How many headers are written at most. */
    OTLP_CORS_HEADERS_MAX = 5 + OTLP_CORS_LISTS_MAX
};

/* Borrows `config`, which must outlive it. NULL if no page may send: `config` is NULL or names no origin. */
otlp_cors *weir__otlp_cors_new(const otlp_cors_config *config);
void weir__otlp_cors_free(otlp_cors *cors); /* NULL is fine */

/* True for a browser's question whether it may send a request. */
bool weir__otlp_cors_is_preflight(const weir_http_request *request);

/* The headers of the answer to a preflight, and of any other answer. `ret_headers` has room for OTLP_CORS_HEADERS_MAX;
 * what they say is borrowed from `cors` and `request`. Returns their number. */
size_t weir__otlp_cors_preflight(const otlp_cors *cors, const weir_http_request *request,
                                 weir_http_header *ret_headers);
size_t weir__otlp_cors_answer(const otlp_cors *cors, const weir_http_request *request, weir_http_header *ret_headers);

#endif
