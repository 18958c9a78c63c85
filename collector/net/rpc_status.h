/* SPDX-License-Identifier: Apache-2.0
 *
 * The one place where a weir_error becomes a gRPC or HTTP status, and the other way round, by the tables of the OTLP
 * specification ("OTLP/gRPC Throttling", "Failures", "OTLP/HTTP Response"). Pure functions; any thread.
 *
 *      class        gRPC answered                    HTTP answered
 *      NONE         OK                               200
 *      RETRYABLE    UNAVAILABLE                      503
 *      THROTTLED    UNAVAILABLE + RetryInfo          429 + Retry-After
 *      ENDPOINT     UNAVAILABLE (not the client's fault)  503
 *      TOO_LARGE    RESOURCE_EXHAUSTED, no RetryInfo 413
 * PERMANENT    by status: INVALID → INVALID_ARGUMENT / 400, TOO_LARGE → as above, UNSUPPORTED → UNIMPLEMENTED / 415,
 *                   NOT_FOUND → UNIMPLEMENTED / 404, else INTERNAL / 500
 */
#ifndef WEIR_NET_RPC_STATUS_H
#define WEIR_NET_RPC_STATUS_H

#include "core/status.h"
#include "core/text.h"
#include "net/grpc.h"

/* ---- what a server answers ---- */

weir_grpc_code weir_grpc_code_of(const weir_error *error);
unsigned weir_http_status_of(const weir_error *error);

/* Appends google.rpc.Status with the error's text and, if it names a delay, a RetryInfo: the body of an OTLP/HTTP
 * error, and before base64 the value of grpc-status-details-bin. */
void weir_rpc_status_encode(const weir_error *error, weir_buffer *out);

/* The same as JSON (the protobuf specification, "ProtoJSON Format"): the body for who sent OTLP/JSON. */
void weir_rpc_status_encode_json(const weir_error *error, weir_buffer *out);

/* The value of Retry-After: whole seconds, rounded up (RFC 9110 §10.2.3). */
uint32_t weir_retry_after_seconds(const weir_error *error);

/* ---- what a client makes of an answer ---- */

/* The outcome of a gRPC call: class NONE for code 0. `message` is grpc-message, still percent-encoded; `details` is
 * grpc-status-details-bin, still in base64; both may be empty. Codes outside the enum count as UNKNOWN. */
void weir_error_from_grpc(unsigned code, weir_text message, weir_text details, weir_error *ret_error);

/* The gRPC code for an answer without grpc-status (gRPC's http-grpc-status-mapping.md). */
weir_grpc_code weir_grpc_code_from_http(unsigned http_status);

/* The outcome of an OTLP/HTTP call: class NONE for 2xx. `retry_after` is the header's value (may be empty), seconds
 * or a date compared with `wall_ns`. `body` is what came, of any type; a google.rpc.Status in it gives the text if
 * `is_protobuf`. */
void weir_error_from_http(unsigned http_status, weir_text retry_after, uint64_t wall_ns, weir_bytes body,
                          bool is_protobuf, weir_error *ret_error);

/* What a google.rpc.Status says. */
typedef struct weir_rpc_status {
    unsigned code;
    bool has_retry_info;
    uint32_t retry_after_ms;
    char text[WEIR_ERROR_TEXT_SIZE];
} weir_rpc_status;

/* WEIR_INVALID, `*ret_status` untouched, if the bytes are no google.rpc.Status. Details of other kinds are skipped. */
WEIR_MUST_USE weir_status weir_rpc_status_decode(weir_bytes bytes, weir_rpc_status *ret_status);

#endif
