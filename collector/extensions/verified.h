/* SPDX-License-Identifier: Apache-2.0
 *
 * Which credentials have been checked already, so that a slow password hash is computed once for each client and not
 * for each request. What is kept is a salted SHA-256 of the credentials and the verdict, never the credentials. Any
 * thread.
 *
 * Bounded: 1024 verdicts; a bad one never takes the place of a good one. Checks that turned out bad are counted against
 * a budget (20 at once, two a second), so that guessing costs little CPU time; while it is used up nothing that is not
 * known yet is checked.
 */
#ifndef WEIR_EXTENSIONS_VERIFIED_H
#define WEIR_EXTENSIONS_VERIFIED_H

#include <stdint.h>

#include "core/text.h"

typedef struct weir_verified weir_verified;

typedef enum weir_verdict {
    WEIR_VERDICT_GOOD,
    WEIR_VERDICT_BAD,
    WEIR_VERDICT_UNKNOWN, /* to be checked, then told with weir__verified_learn */
    WEIR_VERDICT_LATER,   /* unknown, and the budget is used up */
} weir_verdict;

/* The digest of some credentials, from `_ask` to `_learn`. */
typedef struct weir_credentials_key {
    uint8_t digest[32];
    uint64_t generation;
} weir_credentials_key;

weir_verified *weir__verified_new(void);
void weir__verified_free(weir_verified *verified); /* NULL is fine */

/* `now_ns` is monotonic, of any worker's loop. */
weir_verdict weir__verified_ask(weir_verified *verified, weir_text credentials, uint64_t now_ns,
                                weir_credentials_key *ret_key);
/* Forgets it again if `forget` was called since the question. */
void weir__verified_learn(weir_verified *verified, const weir_credentials_key *key, bool is_good);
/* The passwords have changed. */
void weir__verified_forget(weir_verified *verified);

#endif
