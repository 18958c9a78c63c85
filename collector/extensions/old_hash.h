/* SPDX-License-Identifier: Apache-2.0
 *
 * The hashes of old htpasswd files: SHA-1 (RFC 3174), MD5 (RFC 1321) and crypt's MD5 scheme with Apache's prefix. None
 * of them is fit for anything new; they are here because `htpasswd` still writes them by default. Pure; any thread.
 */
#ifndef WEIR_EXTENSIONS_OLD_HASH_H
#define WEIR_EXTENSIONS_OLD_HASH_H

#include "core/text.h"

enum { WEIR_SHA1_BYTES = 20, WEIR_MD5_BYTES = 16, WEIR_MD5_CRYPT_CHARS = 22 };

void weir__sha1(weir_bytes bytes, uint8_t ret_digest[WEIR_SHA1_BYTES]);
void weir__md5(weir_bytes bytes, uint8_t ret_digest[WEIR_MD5_BYTES]);

/* The part behind "PREFIX SALT $" of a password in crypt's MD5 scheme: `prefix` is "$apr1$" or "$1$", `salt` at most 8
 * characters, the rest of it counts for nothing. */
void weir__md5_crypt(weir_text password, const char *prefix, weir_text salt, char ret_text[WEIR_MD5_CRYPT_CHARS + 1]);

#endif
