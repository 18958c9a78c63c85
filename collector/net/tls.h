/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS as a socket over a socket. What uses it (HTTP servers and clients) sees a weir_socket like any other; OpenSSL is
 * in a module (weir-tls.so) that is opened when a configuration names `tls`, and found through this table.
 *
 *     http_server ─► weir_socket (TLS) ─► weir_socket (TCP)
 *
 * Settings are those of the Collector's configtls (config/tls.h has the option tables).
 */
#ifndef WEIR_NET_TLS_H
#define WEIR_NET_TLS_H

#include "net/loop.h"

/* As configured; all text is borrowed for the life of the weir_tls, NULL where not written. */
typedef struct weir_tls_settings {
    char *ca_file, *ca_pem;            /* who may sign the other side's certificate */
    bool include_system_ca_certs_pool; /* as well */
    char *cert_file, *cert_pem;        /* our own certificate chain */
    char *key_file, *key_pem;          /* and its private key */
    char *client_ca_file;              /* server: clients must show a certificate signed by one of these (mTLS) */
    char *min_version, *max_version;   /* "1.2", "1.3" */
    weir_strings cipher_suites;        /* of TLS 1.2, by their IANA names; none: OpenSSL's defaults */
    weir_strings curve_preferences;    /* by Go's names ("X25519", "P256"), best first; none: OpenSSL's defaults */
    uint64_t reload_interval_ms;       /* how often files are looked at for renewal; 0: the default, one minute */
    bool client_ca_file_reload;        /* whether client_ca_file is among the files that are looked at */
    bool insecure_skip_verify;         /* client: take any certificate */
    char *server_name_override;        /* client: the name to ask for and to verify */
} weir_tls_settings;

/* What a server or a client needs to speak TLS: certificates and session cache. Any thread may open sockets with it.
 * Files that changed on disk are loaded again within reload_interval; connections that stand keep what they have. A
 * renewal that cannot be loaded is logged, and the old one goes on. */
typedef struct weir_tls weir_tls;

typedef struct weir_tls_provider {
    unsigned abi; /* WEIR_TLS_ABI */
    /* `alpn`: the protocols to offer or accept, best first, NULL-terminated: {"h2", "http/1.1", NULL}. Gives ownership.
     * Errors name the file or key and the remedy. Borrows `settings`. */
    weir_status (*server_new)(const weir_tls_settings *settings, const char *const *alpn, weir_tls **ret_tls,
                              weir_error *ret_error);
    weir_status (*client_new)(const weir_tls_settings *settings, const char *const *alpn, weir_tls **ret_tls,
                              weir_error *ret_error);
    void (*free)(weir_tls *tls); /* all its sockets are closed by then; NULL is fine */
    /* As weir_loop_adopt and weir_loop_connect, with TLS on top. `on_event` comes from the loop only. A handshake that
     * fails is told by recv and send with EPROTO; weir_tls_provider.error says why. */
    weir_status (*adopt)(weir_tls *tls, weir_loop *loop, int accepted, weir_socket_fn on_event, void *user,
                         weir_socket **ret_socket);
    weir_status (*connect)(weir_tls *tls, weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                           weir_socket **ret_socket, weir_error *ret_error);
    /* Why a socket of this provider failed, as one line for a person ("certificate has expired"); "" if it did not. */
    const char *(*error)(weir_socket *socket);
    /* Handshakes of clients that failed, since server_new. Any thread. */
    uint64_t (*failures)(const weir_tls *tls);
} weir_tls_provider;

enum { WEIR_TLS_ABI = 1 };

#endif
