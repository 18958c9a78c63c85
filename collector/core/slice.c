/* SPDX-License-Identifier: Apache-2.0 */
#include "core/slice.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/assert.h"
#include "core/memory.h"

/* What malloc adds to a block, roughly: its header and rounding. */
enum { MALLOC_OVERHEAD_BYTES = 16 };

size_t weir_chunk_cost(size_t size)
{
    return size + sizeof(weir_chunk) + MALLOC_OVERHEAD_BYTES;
}

static weir_chunk *chunk_allocate(weir_account *account, size_t size)
{
    weir_chunk *chunk = size < PTRDIFF_MAX - sizeof *chunk ? malloc(sizeof *chunk + size) : NULL;
    if (!chunk) {
        if (account)
            weir_account_release(account, weir_chunk_cost(size));
        return NULL;
    }
    atomic_init(&chunk->refs, 1);
    chunk->size = size;
    chunk->account = account;
    chunk->release = NULL;
    return chunk;
}

weir_chunk *weir_chunk_new(weir_account *account, size_t size)
{
    if (account && !weir_account_reserve(account, weir_chunk_cost(size)))
        return NULL;
    return chunk_allocate(account, size);
}

weir_chunk *weir_chunk_new_forced(weir_account *account, size_t size)
{
    if (account)
        weir_account_force(account, weir_chunk_cost(size));
    return chunk_allocate(account, size);
}

weir_chunk *weir_chunk_new_foreign(weir_account *account, size_t size, void (*release)(void *owner), void *owner)
{
    weir_chunk *chunk = weir_alloc(1, sizeof *chunk + sizeof owner);
    if (account)
        weir_account_force(account, weir_chunk_cost(size));
    atomic_init(&chunk->refs, 1);
    chunk->size = size;
    chunk->account = account;
    chunk->release = release;
    memcpy(chunk->data, &owner, sizeof owner);
    return chunk;
}

static void release_foreign(const weir_chunk *chunk)
{
    void *owner;
    memcpy(&owner, chunk->data, sizeof owner);
    chunk->release(owner);
}

weir_chunk *weir_chunk_shrink(weir_chunk *chunk, size_t size)
{
    WEIR_ASSERT(size <= chunk->size && !chunk->release);
    WEIR_ASSERT(atomic_load_explicit(&chunk->refs, memory_order_relaxed) == 1);
    if (chunk->account)
        weir_account_release(chunk->account, chunk->size - size);
    chunk->size = size;
    weir_chunk *moved = realloc(chunk, sizeof *chunk + size);
    return moved ? moved : chunk;
}

weir_chunk *weir_chunk_ref(weir_chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
    return chunk;
}

/* The last release must see everything other threads did with the object before theirs. */
static bool drop_reference(_Atomic uint32_t *refs)
{
    uint32_t before = atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel);
    WEIR_ASSERT(before > 0);
    return before == 1;
}

void weir_chunk_unref(weir_chunk *chunk)
{
    if (!chunk || !drop_reference(&chunk->refs))
        return;
    if (chunk->account)
        weir_account_release(chunk->account, weir_chunk_cost(chunk->size));
    if (chunk->release)
        release_foreign(chunk);
    free(chunk);
}

weir_ordinals *weir_ordinals_new(uint32_t count)
{
    weir_ordinals *ordinals = weir_alloc(1, sizeof *ordinals + (size_t)count * sizeof ordinals->kept[0]);
    atomic_init(&ordinals->refs, 1);
    ordinals->count = count;
    return ordinals;
}

weir_ordinals *weir_ordinals_ref(weir_ordinals *ordinals)
{
    atomic_fetch_add_explicit(&ordinals->refs, 1, memory_order_relaxed);
    return ordinals;
}

void weir_ordinals_unref(weir_ordinals *ordinals)
{
    if (ordinals && drop_reference(&ordinals->refs))
        free(ordinals);
}

static uint64_t random_origin(void)
{
    uint64_t origin = 0;
    while (getrandom(&origin, sizeof origin, 0) != (ssize_t)sizeof origin || origin == 0) {
    }
    return origin;
}

weir_slice_id weir_slice_id_next(void)
{
    static _Atomic uint64_t process_origin;
    static _Atomic uint64_t next_sequence;
    uint64_t origin = atomic_load_explicit(&process_origin, memory_order_relaxed);
    if (origin == 0) {
        uint64_t fresh = random_origin();
        if (atomic_compare_exchange_strong(&process_origin, &origin, fresh))
            origin = fresh;
    }
    return (weir_slice_id){origin, atomic_fetch_add_explicit(&next_sequence, 1, memory_order_relaxed)};
}

weir_slice weir_slice_ref(const weir_slice *slice)
{
    weir_slice second = *slice;
    if (second.chunk)
        weir_chunk_ref(second.chunk);
    if (second.ordinals)
        weir_ordinals_ref(second.ordinals);
    return second;
}

void weir_slice_done(weir_slice *slice)
{
    weir_chunk_unref(slice->chunk);
    weir_ordinals_unref(slice->ordinals);
    *slice = (weir_slice){0};
}
