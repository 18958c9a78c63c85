/* SPDX-License-Identifier: Apache-2.0
 *
 * One request on its way through the receiver, from its headers to the acknowledgement of its data.
 *
 *     grpc_service.c ┐                                   ┌► answered ─┐
 *     http_service.c ┴► begin ─► body … ─► deliver ──────┤            ├► back to the pool
 *                                  │        (in the      └► outcome ──┘
 *                                  │         pipeline)      (both must have happened, in either order)
 *                                  └► refused ─────────────► answered ► back to the pool
 *
 * The client may go away, or its deadline may come, while the pipeline has the data: the request then lives on until
 * the outcome is known, so that it is counted. Everything runs on the worker's thread.
 */
#ifndef WEIR_RECEIVERS_OTLP_REQUEST_H
#define WEIR_RECEIVERS_OTLP_REQUEST_H

#include "net/grpc.h"
#include "receivers/otlp/body.h"
#include "receivers/otlp/instance.h"

/* How much an authenticator may know of a client. */
enum { OTLP_IDENTITY_MAX = 8 };

typedef enum otlp_target { OTLP_EXPORT, OTLP_HEALTH_CHECK } otlp_target;

struct otlp_request {
    otlp_request *next_free;
    weir_timer *deadline; /* made with the object, used again with it */
    weir_ack ack;

    otlp_port *port;
    weir_http_request *http; /* NULL once answered, or once the client is gone */
    otlp_protocol protocol;
    otlp_target target;
    weir_signal signal;
    uint32_t items;
    bool in_pipeline; /* the acknowledgement is still to come */
    bool is_json;     /* HTTP: the body is OTLP/JSON, and so is the answer */
    uint64_t received_ns;
    uint64_t deadline_ns;

    weir_headers identity; /* what the authenticator knows of the client: entries for the metadata */
    otlp_body body;
    weir_encoding encoding;  /* what the headers announce */
    weir_grpc_reader reader; /* gRPC: finds the message in the stream */
    bool is_compressed;      /* gRPC: as the message's prefix says */
    bool has_message;        /* gRPC: its prefix has arrived */
};

/* A request for `http`, whose `user` it becomes; never NULL. It must be ended by one of the functions of answer.h, by
 * weir__otlp_request_deliver or by weir__otlp_request_abort; after that the caller must not touch it. */
otlp_request *weir__otlp_request_begin(otlp_port *port, weir_http_request *http, otlp_protocol protocol);

/* The client allows `timeout_ns` for the whole request; without this call it is WEIR_ANSWER_TIMEOUT_MS. */
void weir__otlp_request_set_timeout(otlp_request *request, uint64_t timeout_ns);

/* The whole body is there, not compressed any more: checks it, hands it to the pipeline, answers when the outcome is
 * known. */
void weir__otlp_request_deliver(otlp_request *request);

/* The client is gone: nobody is to be answered. */
void weir__otlp_request_abort(otlp_request *request);

/* For answer.c: the client has its answer. Counts it; back to the pool unless the pipeline still has the data. */
void weir__otlp_request_answered(otlp_request *request, otlp_result result);

#endif
