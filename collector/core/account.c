/* SPDX-License-Identifier: Apache-2.0 */
#include "core/account.h"

#include "core/assert.h"

void weir_account_init(weir_account *account, size_t limit_bytes, size_t soft_limit_bytes)
{
    WEIR_ASSERT(soft_limit_bytes <= limit_bytes);
    *account = (weir_account){.limit_bytes = limit_bytes, .soft_limit_bytes = soft_limit_bytes};
}

static void note_peak(weir_account *account, size_t used)
{
    size_t peak = atomic_load_explicit(&account->used_bytes_max, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak_explicit(&account->used_bytes_max, &peak, used,
                                                                 memory_order_relaxed, memory_order_relaxed)) {
    }
}

bool weir_account_reserve(weir_account *account, size_t bytes)
{
    size_t used = atomic_load_explicit(&account->used_bytes, memory_order_relaxed);
    do {
        if (used > account->limit_bytes || bytes > account->limit_bytes - used) {
            atomic_fetch_add_explicit(&account->refusals, 1, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&account->used_bytes, &used, used + bytes, memory_order_relaxed,
                                                    memory_order_relaxed));
    note_peak(account, used + bytes);
    return true;
}

void weir_account_force(weir_account *account, size_t bytes)
{
    size_t used = atomic_fetch_add_explicit(&account->used_bytes, bytes, memory_order_relaxed);
    note_peak(account, used + bytes);
}

void weir_account_release(weir_account *account, size_t bytes)
{
    size_t used = atomic_fetch_sub_explicit(&account->used_bytes, bytes, memory_order_relaxed);
    WEIR_ASSERT(used >= bytes);
}
