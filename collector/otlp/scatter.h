/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting the items of a batch into groups, one for each Kafka partition: every group becomes one request of its own.
 * One pass over the bytes; resource and scope (and the metric around data points) are written once per group they have
 * items in, with the fields we do not know. weir_otlp_split is the same with a single group.
 *
 *     slices of a batch          groups
 *     [a a b] [b c a]   ──►   0: [a a] [a]    1: [b] [b]    2: [c]
 *
 * A group keeps its slices apart: each has the id of the slice it comes from and the ordinals of its items, and its
 * bytes lie one after the other in one chunk, so that the whole chunk is one valid request too.
 */
#ifndef WEIR_OTLP_SCATTER_H
#define WEIR_OTLP_SCATTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "otlp/view.h"

typedef struct weir_otlp_group {
    uint32_t bucket;
    bool is_too_large; /* one item alone, and it is over bytes_max */
    weir_chunk *chunk; /* owned reference */
    weir_bytes bytes;  /* of all slices, one after the other; the chunk keeps them */
    weir_slice
        *slices; /* owned, and so is what they hold; in the order of the input; at least one, none without items */
    uint32_t slice_count;
    uint64_t items;
} weir_otlp_group;

/* Releases what the group owns and zeroes it. */
void weir_otlp_group_done(weir_otlp_group *group);

typedef struct weir_otlp_scattering {
    uint32_t buckets; /* at least 1 */
    size_t
        bytes_max; /* a group that would be larger is given in several; 0: no limit. Exact: headers, lengths and all */
    uint32_t items_max; /* of a group, likewise */
    /* Which bucket (< buckets) an item belongs to; asked once per item, in order. NULL: all in bucket 0. */
    uint32_t (*bucket_of)(void *context, const weir_otlp_items *at);
    /* Takes a group (weir_otlp_group_done it, even on failure). Groups of one bucket come in the order of their items. An
     * error stops the scattering and is returned. */
    weir_status (*give)(void *context, weir_otlp_group *takes);
    void *context;
} weir_otlp_scattering;

/* `slices` (borrowed) are validated requests of `kind`. A slice whose items all belong into one bucket, and which is
 * within the limits, stays as it is: alone in its group it is not even copied, the group refers to its bytes. Otherwise
 * the group's chunk is new, of exactly its size, charged to `account` (past its limit if need be; NULL: to nobody), and
 * resources and scopes without items are left out. Slices without items are left out too.
 * An item's identity is kept: the slices of a group have the id of the one they come from, and its ordinals.
 * While it runs it takes 32 bytes for each row of items that stay together and for each container that is written
 * around them (charged to `account`).
 * WEIR_NO_MEMORY: the machine has none; groups given so far stay given. Any thread. */
WEIR_MUST_USE weir_status weir_otlp_scatter(weir_otlp_kind kind, const weir_slice *const *slices, uint32_t slice_count,
                                            const weir_otlp_scattering *scattering, weir_account *account);

#endif
