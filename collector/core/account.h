/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory account: bytes are reserved before they are taken, never polled afterwards.
 *
 * One account per process. Whoever is about to hold telemetry reserves its size first and is refused when the limit is
 * reached; what was admitted can always finish, because the working memory of exporters is reserved at start.
 * Past the soft limit nothing is refused yet, but batches leave at once instead of gathering.
 * All functions may be called from any thread.
 */
#ifndef WEIR_CORE_ACCOUNT_H
#define WEIR_CORE_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_account {
    size_t limit_bytes; /* set before the workers start, then constant */
    size_t soft_limit_bytes;
    _Atomic size_t used_bytes;
    _Atomic size_t used_bytes_max;
    _Atomic uint64_t refusals; /* reservations refused since start */
} weir_account;

void weir_account_init(weir_account *account, size_t limit_bytes, size_t soft_limit_bytes);

/* False if `bytes` more would pass the limit; then nothing was reserved and the refusal is counted. */
bool weir_account_reserve(weir_account *account, size_t bytes);

/* Reserves past the limit if need be: for small copies without which admitted data could not leave (a rewrite). */
void weir_account_force(weir_account *account, size_t bytes);

void weir_account_release(weir_account *account, size_t bytes);

static inline size_t weir_account_used(const weir_account *account)
{
    return atomic_load_explicit(&account->used_bytes, memory_order_relaxed);
}

static inline bool weir_account_over_soft_limit(const weir_account *account)
{
    return weir_account_used(account) > account->soft_limit_bytes;
}

#endif
