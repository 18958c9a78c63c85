/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenSSL's reasons as one line for a person. They stand in a queue of the calling thread.
 */
#ifndef WEIR_TLS_REASON_H
#define WEIR_TLS_REASON_H

#include <openssl/ssl.h>
#include <stddef.h>

/* The oldest reason in this thread's queue, which is emptied; "unknown reason" if there is none. */
void weir__tls_reason(char *ret_text, size_t size);

/* Why a handshake or a record of `ssl` failed: what is wrong with the peer's certificate if it is that, else as
 * above. `asked_for` is the name that was verified, or NULL. */
void weir__tls_failure(const SSL *ssl, const char *asked_for, char *ret_text, size_t size);

#endif
