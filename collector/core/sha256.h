/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (FIPS 180-4) of a short text, for the `hash` action and for remembered credentials. Ours so that a sidecar
 * need not load a whole cryptographic library to pseudonymise an attribute; TLS uses OpenSSL. Pure; any thread.
 */
#ifndef WEIR_CORE_SHA256_H
#define WEIR_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { WEIR_SHA256_BYTES = 32 };

void weir_sha256(const uint8_t *bytes, size_t len, uint8_t ret_digest[WEIR_SHA256_BYTES]);

#endif
