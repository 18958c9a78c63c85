/* SPDX-License-Identifier: Apache-2.0
 *
 * One listening port for several workers: connections are accepted on the control loop and each is handed to the server
 * with the fewest. Belongs to the control loop's thread; a hand-over is one message to the server's loop.
 */
#ifndef WEIR_NET_ACCEPTOR_H
#define WEIR_NET_ACCEPTOR_H

#include "net/http.h"

typedef struct weir_acceptor weir_acceptor;

/* Listens on `endpoint` (as weir_loop_listen) and spreads over `servers` (copied; one at least; each must outlive the
 * acceptor). Errors as weir_loop_listen. */
WEIR_MUST_USE weir_status weir_acceptor_new(weir_loop *control, const char *endpoint, weir_http_server *const *servers,
                                            size_t count, weir_acceptor **ret_acceptor, weir_error *ret_error);

/* What it is bound to, with the real port: "127.0.0.1:4317". Valid as long as the acceptor. */
const char *weir_acceptor_address(const weir_acceptor *acceptor);

/* Stops listening. Connections being handed over still arrive. NULL is fine. */
void weir_acceptor_free(weir_acceptor *acceptor);

#endif
