/* SPDX-License-Identifier: Apache-2.0
 *
 * Telemetry in wire form: a slice is one serialized Export…ServiceRequest, in a refcounted chunk of memory.
 *
 *      weir_chunk                     weir_slice
 *      +-------------------------+    chunk ──► owned reference
 *      | refs  size  account     |    data  ──► first byte of the message, inside the chunk
 *      | data[size] ………………………… |    len, items, id, ordinals
 *      +-------------------------+
 *
 * A chunk is written by the one who made it until the first reference is shared; from then on its bytes never change.
 * Chunks and ordinals may be referenced and released from any thread; a slice itself belongs to one thread.
 */
#ifndef WEIR_CORE_SLICE_H
#define WEIR_CORE_SLICE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/account.h"
#include "core/status.h"

typedef struct weir_chunk {
    _Atomic uint32_t refs;
    size_t size;                  /* of data[], or of what a foreign chunk stands for */
    weir_account *account;        /* charged with what weir_chunk_cost(size) says; NULL: charged to nobody (tests) */
    void (*release)(void *owner); /* of a foreign chunk; otherwise NULL */
    uint8_t data[];
} weir_chunk;

/* What a chunk of `size` bytes costs its account. */
size_t weir_chunk_cost(size_t size);

/* A chunk with one reference, its bytes uninitialised; gives ownership. `account` may be NULL.
 * NULL if the account refuses or memory runs out. */
weir_chunk *weir_chunk_new(weir_account *account, size_t size);

/* As weir_chunk_new, but past the limit if need be (weir_account_force): for rewrites of what was already admitted. */
weir_chunk *weir_chunk_new_forced(weir_account *account, size_t size);

/* A chunk that stands for memory of somebody else (a message of a library's): slices of it point there. It has no data[];
 * `release` is called with `owner`, on whichever thread drops the last reference, and must be allowed there. `size` is
 * what the memory pins and is charged, past the limit if need be: it is there already. Gives ownership; never NULL. */
weir_chunk *weir_chunk_new_foreign(weir_account *account, size_t size, void (*release)(void *owner), void *owner);

/* Gives back the unused end of a chunk that nobody else refers to: `size` becomes the new, smaller or equal size.
 * The chunk may move: takes `chunk`, gives the one to use from now on. */
weir_chunk *weir_chunk_shrink(weir_chunk *chunk, size_t size);

weir_chunk *weir_chunk_ref(weir_chunk *chunk);
void weir_chunk_unref(weir_chunk *chunk); /* NULL is fine */

/* Which items of the slice as accepted are still in it: `kept[i]` is the ordinal of the i-th item left, ascending.
 * An item's identity is the slice's id and this ordinal, whatever processors have dropped before it. */
typedef struct weir_ordinals {
    _Atomic uint32_t refs;
    uint32_t count;
    uint32_t kept[];
} weir_ordinals;

weir_ordinals *weir_ordinals_new(uint32_t count); /* kept[] uninitialised; gives ownership; never NULL */
weir_ordinals *weir_ordinals_ref(weir_ordinals *ordinals);
void weir_ordinals_unref(weir_ordinals *ordinals); /* NULL is fine */

/* Set once, at first acceptance: 8 random bytes of this process, then a sequence number. */
typedef struct weir_slice_id {
    uint64_t origin;
    uint64_t sequence;
} weir_slice_id;

/* The next id of this process. Any thread. */
weir_slice_id weir_slice_id_next(void);

typedef struct weir_slice {
    weir_chunk *chunk; /* owned reference */
    const uint8_t *data;
    size_t len;
    uint32_t items;          /* spans, log records or metric data points */
    weir_ordinals *ordinals; /* owned reference; NULL: all items of the slice as accepted, 0 … items-1 */
    weir_slice_id id;
} weir_slice;

/* The ordinal, in the slice as accepted, of item `index` (< slice->items). */
static inline uint32_t weir_slice_ordinal(const weir_slice *slice, uint32_t index)
{
    return slice->ordinals ? slice->ordinals->kept[index] : index;
}

/* A second slice over the same bytes (references taken). */
weir_slice weir_slice_ref(const weir_slice *slice);
/* Releases what the slice owns and zeroes it. A zeroed slice is fine. */
void weir_slice_done(weir_slice *slice);

#endif
