/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a running receiver: one shared part for the process, one instance per worker, up to two ports in each.
 *
 *     otlp_shared ── acceptors (control thread) ──► hand each connection to the least loaded worker's
 *     otlp_instance ── otlp_port grpc ── weir_http_server
 *        │          └─ otlp_port http ── weir_http_server
 *        └─ pool of otlp_request
 *
 * An instance outlives receiver_free until the last batch it has handed over is acknowledged.
 */
#ifndef WEIR_RECEIVERS_OTLP_INSTANCE_H
#define WEIR_RECEIVERS_OTLP_INSTANCE_H

#include "component.h"
#include "net/http.h"
#include "receivers/otlp/config.h"
#include "receivers/otlp/cors.h"
#include "receivers/otlp/counters.h"

typedef struct otlp_instance otlp_instance;
typedef struct otlp_request otlp_request;

/* A listening port as one worker sees it; the `handler` of its HTTP server. */
typedef struct otlp_port {
    otlp_instance *instance;
    weir_http_server *server;
    uint64_t body_bytes_max;    /* of a message, before and after decompression */
    uint64_t answer_timeout_ms; /* longest wait for an outcome, whatever the client allows; 0: none of its own */
    bool include_metadata;
    weir_server_auth *auth;       /* NULL: anyone may send */
    const otlp_http_config *http; /* NULL: a port for gRPC alone */
    weir_http_header *headers;    /* room for those of one answer: OTLP_ANSWER_HEADERS_MAX */
    otlp_cors *cors;              /* NULL: no web page may send */
} otlp_port;

/* How many headers an answer has: a service's own, those for browsers, and the configured ones. */
enum {
    OTLP_OWN_HEADERS_MAX = 4,
    OTLP_ANSWER_HEADERS_MAX = OTLP_OWN_HEADERS_MAX + OTLP_CORS_HEADERS_MAX + OTLP_RESPONSE_HEADERS_MAX
};

typedef struct otlp_shared otlp_shared; /* otlp_receiver.c */

struct otlp_instance {
    weir_receiver super;
    otlp_shared *shared;
    const weir_host *host;
    weir_loop *loop;
    otlp_counters *counters; /* of both transports, shared by all workers */
    weir_entry *entries[WEIR_SIGNALS];
    otlp_port grpc; /* server is NULL where the protocol is not configured */
    otlp_port http;
    otlp_request *free_requests;
    size_t requests_out; /* taken from the pool */
    unsigned draining;   /* servers that have not said yet that they are drained */
    void (*on_drained)(void *user);
    void *on_drained_user;
    bool freed; /* receiver_free was called; the last request to come back frees the instance */
};

/* Frees the instance if it was given up and no request is out any more. */
void weir__otlp_instance_release(otlp_instance *instance);

#endif
