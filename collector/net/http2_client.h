/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP/2 client for one backend, over TLS or in clear text with prior knowledge (RFC 9113 §3.3): many calls over one
 * connection, which is made when the first call needs it. Without retries of its own: a call that fails says why, and
 * the caller decides.
 *
 *     client ─► connection ─► call, call, call …
 *          └──► connection that had a GOAWAY: finishes its calls, takes no new ones
 *
 * A request's body is borrowed and read piece by piece as flow control allows; each byte is copied once, into the
 * buffer that the socket is written from. A call that the server refused before looking at it (REFUSED_STREAM, or
 * above a GOAWAY's last id, RFC 9113 §8.7) is sent once more on a new connection, unseen by the caller. How many
 * calls are open at once is the server's SETTINGS_MAX_CONCURRENT_STREAMS; further ones wait inside, under their
 * deadlines.
 *
 * Everything belongs to the loop's thread. Callbacks may start and cancel calls, but not free the client.
 */
#ifndef WEIR_NET_HTTP2_CLIENT_H
#define WEIR_NET_HTTP2_CLIENT_H

#include <sys/uio.h>

#include "net/http.h"
#include "net/loop.h"
#include "net/tls.h"

typedef struct weir_http2_client weir_http2_client;
typedef struct weir_http2_call weir_http2_call;

typedef struct weir_http2_client_options {
    const char *endpoint;                  /* "host:port", borrowed for the client's life */
    uint64_t keepalive_time_ms;            /* PING after so much silence; 0: none */
    uint64_t keepalive_timeout_ms;         /* and the connection is given up if nothing comes back in this time */
    bool keepalive_without_calls;          /* also while no call is open */
    const weir_tls_provider *tls_provider; /* NULL, as `tls`: clear text */
    weir_tls *tls;                         /* borrowed for the client's life */
} weir_http2_client_options;

typedef struct weir_http2_call_ops {
    /* A response header or trailer, `:status` included. Borrowed. */
    void (*on_header)(weir_http2_call *call, weir_text name, weir_text value);
    void (*on_data)(weir_http2_call *call, const uint8_t *data, size_t len);
    /* The call is over and gone from the client: class NONE if the response is complete. Classes otherwise: ENDPOINT
     * (no connection could be made, TLS failed on it, or the other side does not speak HTTP/2), RETRYABLE (lost, reset,
     * timed out). Not called after weir_http2_call_cancel. */
    void (*on_end)(weir_http2_call *call, const weir_error *error);
} weir_http2_call_ops;

/* Embedded by the caller, zeroed, with `ops` set. The rest is the client's. */
struct weir_http2_call {
    const weir_http2_call_ops *ops;
    struct http2_connection *connection; /* NULL: not started, or over */
    weir_http2_call *next;
    int32_t stream_id;
    const weir_http_header *headers;
    size_t header_count;
    const struct iovec *body;
    size_t body_count;
    size_t body_index;  /* the part being sent … */
    size_t body_offset; /* … and how much of it is sent */
    uint64_t started_ns;
    uint64_t deadline_ns;
    bool was_moved; /* to a second connection, once */
    weir_error error;
};

/* Copies `options`. Never NULL. Nothing is connected yet. */
weir_http2_client *weir_http2_client_new(weir_loop *loop, const weir_http2_client_options *options);
/* No call may be open. NULL is fine. */
void weir_http2_client_free(weir_http2_client *client);

/* Starts `call`. `headers` (pseudo-headers first, lower-case names) and `body` are borrowed until on_end or the cancel.
 * `deadline_ns` is monotonic, 0: none. on_end is never called from in here. */
void weir_http2_call_start(weir_http2_client *client, weir_http2_call *call, const weir_http_header *headers,
                           size_t header_count, const struct iovec *body, size_t body_count, uint64_t deadline_ns);

/* Resets the stream; no callback follows. A call that is over is left alone. */
void weir_http2_call_cancel(weir_http2_call *call);

#endif
