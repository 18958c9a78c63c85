/* SPDX-License-Identifier: Apache-2.0
 *
 * Unary gRPC calls over net/http2_client.h, by the gRPC project's PROTOCOL-HTTP2.md: one message out, one message and
 * a status back. The outcome is a weir_error (net/rpc_status.h): a status in the trailers, or in the headers of a
 * trailers-only answer, or, from something that does not speak gRPC, made of the HTTP status.
 * Everything belongs to the loop's thread.
 */
#ifndef WEIR_NET_GRPC_CLIENT_H
#define WEIR_NET_GRPC_CLIENT_H

#include "net/compress.h"
#include "net/grpc.h"
#include "net/http2_client.h"

typedef struct weir_grpc_client weir_grpc_client;
typedef struct weir_grpc_call weir_grpc_call;

enum {
    /* As the gRPC libraries' default. A larger answer fails the call. */
    WEIR_GRPC_RESPONSE_BYTES_MAX = 4 * 1024 * 1024,
    /* How many headers a call has of its own, at most. */
    WEIR_GRPC_CALL_HEADERS = 12,
};

typedef struct weir_grpc_client_options {
    weir_http2_client_options http2;
    const char *authority;           /* of the :authority header; borrowed */
    const char *user_agent;          /* borrowed */
    const weir_http_header *headers; /* sent with every call, names in lower case; borrowed */
    size_t header_count;
} weir_grpc_client_options;

/* Copies `options`. Never NULL. */
weir_grpc_client *weir_grpc_client_new(weir_loop *loop, const weir_grpc_client_options *options);
/* No call may be open. NULL is fine. */
void weir_grpc_client_free(weir_grpc_client *client);

/* `error` has class NONE for a call that succeeded; then `response` is its message (borrowed). The call is gone
 * afterwards. */
typedef void (*weir_grpc_done_fn)(void *user, const weir_error *error, weir_bytes response);

typedef struct weir_grpc_request {
    const char *path;          /* "/package.Service/Method"; borrowed until done */
    const struct iovec *parts; /* the message; the array is copied, the bytes are borrowed until done */
    size_t part_count;
    weir_encoding encoding; /* how the parts are compressed already: any of weir_encoding */
    uint64_t deadline_ns;   /* monotonic; 0: none. Also sent as grpc-timeout */
    /* Sent with this call, after those of the client; names in lower case. The array is copied, the text borrowed until
     * done. Together at most WEIR_HEADERS_MAX - WEIR_GRPC_CALL_HEADERS. */
    const weir_http_header *headers;
    size_t header_count;
} weir_grpc_request;

/* Starts a call; `done` is never called from in here. The message is at most UINT32_MAX bytes. */
weir_grpc_call *weir_grpc_call_start(weir_grpc_client *client, const weir_grpc_request *request, weir_grpc_done_fn done,
                                     void *user);
/* Ends the call; `done` is not called any more. */
void weir_grpc_call_cancel(weir_grpc_call *call);

#endif
