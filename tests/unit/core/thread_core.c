/* SPDX-License-Identifier: Apache-2.0
 *
 * What core lets several threads do at once: the account, references to chunks, slice ids.
 */
#include <pthread.h>
#include <stdio.h>

#include "core/slice.h"

enum { THREADS = 4, ROUNDS = 20000 };

static weir_account account;
static weir_chunk *shared_chunk;

static void *work(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        weir_chunk *chunk = weir_chunk_new(&account, 100);
        weir_chunk_unref(weir_chunk_ref(shared_chunk));
        weir_slice_id_next();
        weir_chunk_unref(chunk);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    weir_account_init(&account, 100000, 1000);
    shared_chunk = weir_chunk_new(&account, 1);
    weir_slice_id first = weir_slice_id_next();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    weir_chunk_unref(shared_chunk);
    uint64_t drawn = weir_slice_id_next().sequence - first.sequence;
    if (weir_account_used(&account) == 0 && drawn == THREADS * ROUNDS + 1)
        return 0;
    printf("used %zu, ids drawn %llu\n", weir_account_used(&account), (unsigned long long)drawn);
    return 1;
}
