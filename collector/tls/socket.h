/* SPDX-License-Identifier: Apache-2.0
 *
 * A weir_socket that speaks TLS over another weir_socket. OpenSSL reads and writes the inner socket directly (socket.c
 * has the BIO), so nothing is buffered but the record at hand: 16 KiB in each direction at most, given back when empty.
 *
 *     caller ─ send ─► SSL_write ─► BIO ─► inner send
 *     caller ◄ recv ── SSL_read  ◄─ BIO ◄─ inner recv
 *
 * The handshake happens inside recv and send, which say EAGAIN until it is done; watching either event drives it on. As
 * with any stream, bytes that send has not taken are to be offered again before others: a record may be under way.
 * Once recv has told a server that TLS failed (EPROTO), it throws away what still arrives, until the end or EAGAIN.
 * The loop's thread.
 */
#ifndef WEIR_TLS_SOCKET_H
#define WEIR_TLS_SOCKET_H

#include "tls/context.h"

weir_status weir__tls_adopt(weir_tls *tls, weir_loop *loop, int accepted, weir_socket_fn on_event, void *user,
                            weir_socket **ret_socket);
weir_status weir__tls_connect(weir_tls *tls, weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                              weir_socket **ret_socket, weir_error *ret_error);
const char *weir__tls_error(weir_socket *socket);

/* OpenSSL's callback for a session that can be resumed later; takes it. */
int weir__tls_on_session(SSL *ssl, SSL_SESSION *takes_session);

#endif
