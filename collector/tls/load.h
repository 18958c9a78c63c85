/* SPDX-License-Identifier: Apache-2.0
 *
 * From settings to an SSL_CTX: certificates, keys, versions, suites. Everything that can be wrong with them is told
 * with the key or file and what to do about it.
 */
#ifndef WEIR_TLS_LOAD_H
#define WEIR_TLS_LOAD_H

#include <openssl/ssl.h>

#include "tls/source.h"

typedef enum weir__tls_side { WEIR__TLS_SERVER, WEIR__TLS_CLIENT } weir__tls_side;

/* Reads the files and makes a context of them; gives one reference. `client_ca` keeps the text of client_ca_file
 * between loads: what is in it is used in place of the file unless the settings say that it is to be loaded again.
 * `ret_stamps` is filled also on failure: with what the files were like when they were read. */
WEIR_MUST_USE weir_status weir__tls_load(const weir_tls_settings *settings, weir__tls_side side, weir_buffer *client_ca,
                                         weir__tls_stamp ret_stamps[WEIR__TLS_PARTS], SSL_CTX **ret_context,
                                         weir_error *ret_error);

#endif
