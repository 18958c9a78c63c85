/* SPDX-License-Identifier: Apache-2.0
 *
 * The two faces of the receiver towards the HTTP server (net/http.h): what a request is, and when its message is
 * complete. The handlers' `handler` is an otlp_port.
 */
#ifndef WEIR_RECEIVERS_OTLP_SERVICE_H
#define WEIR_RECEIVERS_OTLP_SERVICE_H

#include "receivers/otlp/request.h"

/* gRPC alone, for the port of `protocols.grpc`. */
extern const weir_http_handler weir__otlp_grpc_handler;

/* OTLP/HTTP, and gRPC for who asks for that over HTTP/2, for the port of `protocols.http`. */
extern const weir_http_handler weir__otlp_http_handler;

/* True if the content type is "application/grpc", alone or followed by "+subtype" or ";parameters". */
bool weir__otlp_is_grpc(weir_text content_type);

/* The answer to a body that did not fit: WEIR_TOO_LARGE or WEIR_NO_MEMORY. Ends the request for its caller. */
void weir__otlp_refuse_body(otlp_request *request, weir_status status);

/* Decompresses the complete body. False if the request was refused. */
bool weir__otlp_inflate(otlp_request *request);

/* Reads the name of the body's encoding. False if it is none that is built; the request is not refused yet. */
bool weir__otlp_read_encoding(otlp_request *request, weir_text name);

#endif
