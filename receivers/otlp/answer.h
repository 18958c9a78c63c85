/* SPDX-License-Identifier: Apache-2.0
 *
 * Every answer the receiver gives, in one place: what is said, and how gRPC and HTTP say it.
 *
 *                    gRPC                                          HTTP
 *     accepted       Export…ServiceResponse, grpc-status 0         200, Export…ServiceResponse
 *     refused        trailers only: grpc-status, grpc-message,     4xx or 5xx, google.rpc.Status (or one line of text,
 *                    with a delay also grpc-status-details-bin     where OTLP is not spoken), with a delay Retry-After
 *
 * Over HTTP the messages are in the request's encoding: protobuf, or JSON.
 *
 * Each of these functions ends the request for its caller, who must not touch it any more.
 * Source: OTLP specification, "Failures", "OTLP/gRPC Throttling", "OTLP/HTTP Response"; gRPC over HTTP/2, "Responses".
 */
#ifndef WEIR_RECEIVERS_OTLP_ANSWER_H
#define WEIR_RECEIVERS_OTLP_ANSWER_H

#include "net/grpc.h"
#include "receivers/otlp/request.h"

/* Why the receiver itself refuses a request. */
typedef enum otlp_refusal {
    OTLP_REFUSED_MALFORMED,   /* the message is not valid OTLP */
    OTLP_REFUSED_COMPRESSION, /* the compressed bytes are not valid */
    OTLP_REFUSED_FRAMING,     /* gRPC: the message's prefix is wrong, or the message incomplete */
    OTLP_REFUSED_CARDINALITY, /* gRPC: not exactly one message */
    OTLP_REFUSED_ENCODING,    /* a compression that is not built or not allowed */
    OTLP_REFUSED_TOO_LARGE,
    OTLP_REFUSED_NO_MEMORY,
    OTLP_REFUSED_DEADLINE,        /* too late to begin */
    OTLP_REFUSED_OUTCOME_UNKNOWN, /* begun, and too late to wait */
    OTLP_REFUSED_NOT_FOUND,       /* path, service or method; or no pipeline takes the signal */
    OTLP_REFUSED_UNKNOWN_SERVICE, /* a health check of a service that is not here */
    OTLP_REFUSED_METHOD,          /* an HTTP method other than POST */
    OTLP_REFUSED_CONTENT_TYPE,
    OTLP_REFUSED_HEADER,          /* gRPC: a header that cannot be read */
    OTLP_REFUSED_UNAUTHENTICATED, /* `auth`: the headers do not prove who sends */
    OTLP_REFUSED_AUTH_BUSY,       /* `auth`: that cannot be checked right now */
    OTLP_REFUSALS
} otlp_refusal;

typedef struct otlp_refusal_rule {
    weir_grpc_code grpc_code;
    uint16_t grpc_http_status; /* what gRPC's HTTP status is: 200 unless HTTP itself was misused */
    uint16_t http_status;
    bool is_plain_text; /* HTTP: the path or the content type is not OTLP's, so the body is text */
    otlp_result result;
    weir_error_class class_; /* these three make the google.rpc.Status (net/rpc_status.h) */
    weir_status status;
    uint32_t retry_after_ms;
} otlp_refusal_rule;

extern const otlp_refusal_rule weir__otlp_refusal_rules[OTLP_REFUSALS];

/* `format` as printf: one line for a person. */
void weir__otlp_refuse(otlp_request *request, otlp_refusal refusal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The data is safe, but for `rejected_items` which were refused for good because of `text` (borrowed). */
void weir__otlp_answer_accepted(otlp_request *request, uint64_t rejected_items, const char *text);

/* The pipeline did not take the data: `outcome` is WEIR_RETRY_LATER or WEIR_REJECTED. */
void weir__otlp_answer_failed(otlp_request *request, const weir_outcome *outcome);

/* The answer to a browser that asks whether it may send (cors.h). */
void weir__otlp_answer_preflight(otlp_request *request);

/* The answer to grpc.health.v1.Health/Check. */
void weir__otlp_answer_health(otlp_request *request, bool is_serving);

#endif
