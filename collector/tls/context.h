/* SPDX-License-Identifier: Apache-2.0
 *
 * A weir_tls: the SSL_CTX that new connections get, the sessions that clients resume, and the handshakes that failed.
 *
 *     weir_tls ── current ──► SSL_CTX ◄── connections (each holds a reference, so that a renewal leaves them alone)
 *
 * Any thread: one lock, held for the time of a look at the files at most.
 */
#ifndef WEIR_TLS_CONTEXT_H
#define WEIR_TLS_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/loop.h"
#include "tls/load.h"

enum {
    /* Endpoints of one client whose last session is kept; a client has one endpoint, seldom more. */
    WEIR__TLS_SESSIONS_MAX = 8,
    WEIR__TLS_RELOAD_INTERVAL_MS = 60 * 1000,
};

typedef struct weir__tls_session {
    char *endpoint; /* NULL: free */
    SSL_SESSION *session;
} weir__tls_session;

struct weir_tls {
    weir_tls_settings settings;
    weir__tls_side side;
    uint8_t *alpn; /* as on the wire: each name after its length; RFC 7301 §3.1 */
    unsigned alpn_len;

    pthread_mutex_t lock; /* guards what follows, up to the counters */
    SSL_CTX *current;
    weir_buffer client_ca; /* what client_ca_file had when it was read */
    weir__tls_stamp loaded[WEIR__TLS_PARTS];
    weir__tls_stamp refused[WEIR__TLS_PARTS]; /* a renewal that could not be loaded, and was told of */
    uint64_t looked_ns;                       /* when the files were last looked at */
    weir__tls_session sessions[WEIR__TLS_SESSIONS_MAX];
    unsigned session_next; /* the one to be replaced next */

    _Atomic uint64_t failures;
    _Atomic uint64_t failures_logged;
    _Atomic uint64_t logged_ns;
};

/* See net/tls.h. */
weir_status weir__tls_new(weir__tls_side side, const weir_tls_settings *settings, const char *const *alpn,
                          weir_tls **ret_tls, weir_error *ret_error);
void weir__tls_free(weir_tls *tls);

/* A new SSL of the current certificates, after a look at the files if it is time for one. Never NULL. */
SSL *weir__tls_ssl_new(weir_tls *tls, weir_loop *loop);

/* Keeps `session` for the next connection to `endpoint`; takes it. */
void weir__tls_session_keep(weir_tls *tls, const char *endpoint, SSL_CTX *context, SSL_SESSION *takes_session);
/* Offers the last session of `endpoint`, if there is one, in the handshake of `ssl`. */
void weir__tls_session_offer(weir_tls *tls, const char *endpoint, SSL *ssl);

/* A handshake failed: counts it and, once a second at most, logs it. */
void weir__tls_count_failure(weir_tls *tls, weir_loop *loop, const char *peer, const char *reason);

#endif
