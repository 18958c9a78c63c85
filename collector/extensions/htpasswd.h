/* SPDX-License-Identifier: Apache-2.0
 *
 * The users of an htpasswd file, by Apache's format: a line "user:password" each, the password as one of
 *
 *     $2y$ $2a$ $2b$ $2x$   bcrypt, cost 4 to 14              {SHA}    SHA-1 in base64
 *     $5$  $6$              crypt's SHA-256 and SHA-512,      {SSHA}   the same with a salt
 *                           at most 1,000,000 rounds          {PLAIN}  in clear text, also without the mark
 *     $apr1$  $1$           MD5 by Apache and by crypt
 *
 * Anything else that begins with "$" or "{" is refused rather than taken for a password in clear text. Immutable and
 * refcounted; any thread. Bounded: the text by its file's limit.
 */
#ifndef WEIR_EXTENSIONS_HTPASSWD_H
#define WEIR_EXTENSIONS_HTPASSWD_H

#include "core/status.h"
#include "core/text.h"

typedef struct weir_htpasswd weir_htpasswd;

/* The users of all texts; of a user named twice the last line counts. The error names text and line, never what is in
 * it; `names` has a word for each text ("the file x", "inline"). */
WEIR_MUST_USE weir_status weir_htpasswd_read(const weir_text *texts, const char *const *names, size_t count,
                                             weir_htpasswd **ret_users, weir_error *ret_error);
weir_htpasswd *weir_htpasswd_ref(weir_htpasswd *users);
void weir_htpasswd_unref(weir_htpasswd *users); /* NULL is fine */

/* True if the password is the user's. Takes up to a second of CPU time with the slowest formats, for a user that is not
 * there as well. */
bool weir_htpasswd_matches(const weir_htpasswd *users, weir_text user, weir_text password);

/* Compared in a time that does not depend on what is in them, but on their lengths. */
bool weir__equal_in_constant_time(weir_text a, weir_text b);

#endif
