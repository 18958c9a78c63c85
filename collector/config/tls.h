/* SPDX-License-Identifier: Apache-2.0
 *
 * The `tls` keys of servers and clients, as in the Collector's configtls (ServerConfig and ClientConfig): two option
 * tables over one struct, and the checks across their keys. What the keys mean to OpenSSL is in collector/tls.
 *
 * A component puts a weir_tls_config into its own struct: by WEIR_OPTION_POINTER for servers (absent: clear text), by
 * WEIR_OPTION_GROUP for clients, with group_size sizeof(weir_tls_config). Pure functions; any thread.
 */
#ifndef WEIR_CONFIG_TLS_H
#define WEIR_CONFIG_TLS_H

#include "config/option.h"
#include "net/tls.h"

typedef struct weir_tls_config {
    weir_tls_settings settings;          /* first: what the TLS module is given */
    bool include_insecure_cipher_suites; /* whether cipher_suites may name weak ones */
    bool insecure;                       /* clients: see weir_tls_client_is_clear_text */
} weir_tls_config;

extern const weir_option weir_tls_client_options[];
extern const weir_option weir_tls_server_options[];

/* Checks across the keys; call them from the component's own `check`. `node` is the `tls` mapping (NULL if it is not
 * written): messages are placed at its keys. */
void weir_tls_client_check(const weir_tls_config *tls, const weir_node *node, weir_diagnostics *diagnostics);
void weir_tls_server_check(const weir_tls_config *tls, const weir_node *node, weir_diagnostics *diagnostics);

/* True if the client is to speak clear text: `insecure` without certificates to verify with (as configtls does it; an
 * endpoint that says https:// is the caller's to look at: it asks for TLS whatever `insecure` says). */
bool weir_tls_client_is_clear_text(const weir_tls_config *tls);

#endif
