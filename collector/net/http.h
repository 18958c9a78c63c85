/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server's two faces: a connection (HTTP/1.1 by http-parser, or HTTP/2 by nghttp2) below, a handler above. The
 * OTLP receiver, /metrics and the health check are handlers; none of them sees which version a client speaks.
 *
 *     socket ─► http1.c or http2_server.c ─► weir_http_handler
 *                          ▲                        │ weir_http_respond (now or later)
 *                          └────────────────────────┘
 *
 * A request's life: on_request, then on_body any number of times, then on_end once the body is complete. The handler
 * answers with weir_http_respond at any point from on_request on, also long after on_end. If the client goes away or
 * resets the stream before the answer was given, on_abort is called instead and the request is gone. After
 * weir_http_respond no callback of this request follows: the rest of its body is read and thrown away (HTTP/1.1) or
 * the stream is reset with NO_ERROR a moment after the answer (HTTP/2, RFC 9113 §8.1).
 * Body bytes are borrowed during the callback; the server keeps none of them.
 * Everything happens on the loop's thread.
 */
#ifndef WEIR_NET_HTTP_H
#define WEIR_NET_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/text.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct weir_http_server weir_http_server;
typedef struct weir_http_request weir_http_request;

typedef struct weir_http_header {
    weir_text name; /* lower case */
    weir_text value;
} weir_http_header;

/* What a handler sees; all text is valid until the request is gone. Implementations embed it. */
struct weir_http_request {
    weir_text method;
    weir_text path; /* without the query */
    weir_text query;
    weir_text authority; /* Host or :authority */
    const weir_http_header *headers;
    size_t header_count;
    int64_t content_length; /* -1: not said */
    bool is_http2;
    bool is_http1_0;
    const char *peer; /* "127.0.0.1:5432" */
    weir_loop *loop;
    void *user; /* the handler's own */
};

/* A handler that always answers inside on_request needs nothing else: the other callbacks come only before the answer. */
typedef struct weir_http_handler {
    void (*on_request)(void *handler, weir_http_request *request);
    void (*on_body)(void *handler, weir_http_request *request, const uint8_t *data, size_t len);
    void (*on_end)(void *handler, weir_http_request *request);
    void (*on_abort)(void *handler, weir_http_request *request);
} weir_http_handler;

/* The value of the first header with this lower-case name; {NULL, 0} if there is none. */
weir_text weir_http_request_header(const weir_http_request *request, const char *name);

typedef struct weir_http_response {
    unsigned status;
    const weir_http_header *headers; /* without content-length, date and connection, which the server writes */
    size_t header_count;
    const void *body; /* copied */
    size_t body_len;
    /* HTTP/2 only: sent after the body; with an empty body they join the headers as a trailers-only answer. */
    const weir_http_header *trailers;
    size_t trailer_count;
} weir_http_response;

/* Answers; the request is gone afterwards. Everything in `response` is copied. */
void weir_http_respond(weir_http_request *request, const weir_http_response *response);

/* The common answer of a page: `body` with one content-type header. */
void weir_http_respond_page(weir_http_request *request, unsigned status, const char *content_type, const void *body,
                            size_t body_len);

/* Which versions a listening port speaks. With both, the first bytes decide (HTTP/2 prior knowledge). */
typedef enum weir_http_versions {
    WEIR_HTTP_1 = 1,
    WEIR_HTTP_2 = 2,
    WEIR_HTTP_1_AND_2 = 3,
} weir_http_versions;

typedef struct weir_http_options {
    weir_http_versions versions;
    uint32_t max_concurrent_streams; /* HTTP/2; 0: the default, 1000 */
    uint32_t read_header_timeout_ms; /* from the first byte of a request to its last header; 0: the limit's default */
    uint32_t request_timeout_ms;     /* from the first byte of a request to the end of its body */
    uint64_t idle_timeout_ms;        /* connection without a request in flight; 0: none */
    uint64_t max_connection_age_ms;  /* then a graceful GOAWAY / Connection: close; 0: none */
    uint64_t max_connection_age_grace_ms; /* then the connection is closed; 0: none */
    uint64_t keepalive_time_ms;           /* HTTP/2 PING after so much silence; 0: none */
    uint64_t keepalive_timeout_ms;        /* and the connection is closed if it is not answered in this time */
    uint64_t
        min_ping_interval_ms; /* a client that pings more often than this is sent away (ENHANCE_YOUR_CALM); 0: off */
    bool permit_ping_without_stream;
    uint32_t max_connections; /* per server; 0: no limit. Over it a new connection is closed at once and counted. */
    uint32_t header_list_bytes_max;
    const weir_tls_provider *tls_provider; /* NULL, as `tls`: clear text */
    weir_tls *tls;                         /* borrowed for the server's life */
} weir_http_options;

typedef struct weir_http_counts {
    uint64_t connections_accepted;
    uint64_t connections_open;
    uint64_t connections_refused; /* over max_connections */
    uint64_t requests;
    uint64_t protocol_errors;
} weir_http_counts;

/* One server per worker and listening port. Borrows `options` (copied), `handler_ops` and `handler` (must outlive
 * it). */
weir_http_server *weir_http_server_new(weir_loop *loop, const weir_http_options *options,
                                       const weir_http_handler *handler_ops, void *handler);

/* Serves an accepted connection; takes `accepted`. On the server's thread. */
void weir_http_server_serve(weir_http_server *server, int accepted);

/* Open connections right now, for choosing the least loaded worker: any thread. */
unsigned weir_http_server_load(const weir_http_server *server);

weir_http_counts weir_http_server_counts(const weir_http_server *server);

/* Graceful end: HTTP/2 connections get the shutdown notice (GOAWAY with the highest id), after one round trip a
 * GOAWAY with the last id, are answered what they asked, and closed (RFC 9113 §6.8); HTTP/1.1 connections close after
 * the answer in hand. New connections are closed at once. `on_drained` is called when no connection is left (maybe at
 * once). */
void weir_http_server_drain(weir_http_server *server, void (*on_drained)(void *user), void *user);

/* Closes what is left (requests in flight get on_abort) and frees. NULL is fine. */
void weir_http_server_free(weir_http_server *server);

#endif
