/* SPDX-License-Identifier: Apache-2.0
 *
 * A small OTLP client for the demo: one connection, blocking, two protocols behind one table. It is not the client
 * of weir's exporters on purpose: a demo that fails should not fail for the same reason as what it demonstrates. Only
 * the pure rules are shared (net/grpc.h, net/rpc_status.h).
 *
 * Bounds: an answer may be WEIR_DEMO_ANSWER_MAX bytes long, an exchange may take WEIR_DEMO_TIMEOUT_MS without a
 * byte from the peer, and twice that in all. One thread.
 */
#ifndef WEIR_DEMO_CLIENT_H
#define WEIR_DEMO_CLIENT_H

#include <stddef.h>

#include "core/status.h"
#include "core/text.h"
#include "demo/shop.h"
#include "net/endpoint.h"

enum {
    WEIR_DEMO_TIMEOUT_MS = 10000,
    WEIR_DEMO_ANSWER_MAX = 65536,
    WEIR_DEMO_EXCHANGE_MAX = 16 * WEIR_SHOP_EXPORTS_MAX, /* exports in one exchange */
};

/* What became of one export. Class NONE: delivered, except for error.rejected_items. An export nobody answered has
 * the status WEIR_CLOSED and may be sent again. */
typedef weir_error weir_demo_outcome;

/* How a protocol uses a connected socket, which it borrows. */
typedef struct weir_demo_protocol {
    const char *name;
    const char *default_endpoint;
    /* Gives a session for a fresh connection; `authority` (borrowed, "host:port") outlives it. */
    void *(*open)(int fd, const char *authority);
    /* Sends `count` exports and waits for the answers. Sets the outcome of each that was answered. WEIR_OK, or the
     * reason why the connection is of no use any more, with a text in `*ret_error`; outcomes set by then hold. */
    weir_status (*exchange)(void *session, const weir_shop_export *const *exports, size_t count,
                            weir_demo_outcome *outcomes, weir_error *ret_error);
    void (*close)(void *session);
} weir_demo_protocol;

extern const weir_demo_protocol weir_demo_grpc;
extern const weir_demo_protocol weir_demo_http;

/* "grpc" or "http"; NULL for any other name. */
const weir_demo_protocol *weir_demo_protocol_get(const char *name);

typedef struct weir_demo_client {
    const weir_demo_protocol *protocol;
    weir_endpoint endpoint;
    char authority[WEIR_HOST_SIZE + 8];
    int fd; /* -1 when not connected */
    void *session;
} weir_demo_client;

/* Does not connect yet. */
void weir_demo_client_init(weir_demo_client *client, const weir_demo_protocol *protocol, const weir_endpoint *endpoint);
void weir_demo_client_done(weir_demo_client *client);

/* Sends up to WEIR_DEMO_EXCHANGE_MAX exports, connecting first if need be, and sets the outcome of each. WEIR_OK, or
 * the reason why the connection could not be made or was lost, with a text in `*ret_error`. */
weir_status weir_demo_client_exchange(weir_demo_client *client, const weir_shop_export *const *exports, size_t count,
                                      weir_demo_outcome *outcomes, weir_error *ret_error);

/* ---- for the protocols ---- */

/* Sends all of it. WEIR_CLOSED or WEIR_TIMEOUT, with a text. */
WEIR_MUST_USE weir_status weir_demo_send_all(int fd, const void *bytes, size_t len, weir_error *ret_error);
/* Waits for at least one byte. WEIR_CLOSED (also at the end of the stream) or WEIR_TIMEOUT, with a text. */
WEIR_MUST_USE weir_status weir_demo_receive(int fd, void *ret_bytes, size_t size, size_t *ret_len,
                                            weir_error *ret_error);
/* Milliseconds of a clock that never jumps. */
uint64_t weir_demo_clock_ms(void);
/* Reads the partial success of an answer of class NONE into `*outcome`. An answer that cannot be read is one without:
 * the request was accepted all the same. */
void weir_demo_read_answer(weir_shop_signal signal, weir_bytes answer, weir_demo_outcome *outcome);

#endif
