/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting batches in two, when a request has to be smaller. Both halves of a batch get a part of its acknowledgement,
 * so the one who waits still hears once.
 */
#ifndef WEIR_EXPORTERS_SENDER_CUT_H
#define WEIR_EXPORTERS_SENDER_CUT_H

#include "batch/batch.h"

/* The acknowledgement of batches nobody waits for; completing it does nothing, and it is never split. */
extern weir_ack weir_ack_nobody;

/* Moves the slices from `index` on (0 < index < slice_count) into a new batch, which is given. */
weir_batch *weir_batch_cut_at(weir_batch *batch, uint32_t index);

/* Cuts the only slice of `batch` into pieces of at most `items_max` items and `bytes_max` bytes (0: no such limit).
 * The first stays, the others are given as slices of a new batch. NULL, and nothing changed, if there is nothing to
 * cut. */
weir_batch *weir_batch_cut_slice(weir_batch *batch, uint64_t items_max, uint64_t bytes_max);

/* A new batch of some items of `batch`, which `takes_slice` holds too: their end is another one. Only for a batch that is
 * about to be completed: it counts these items no longer, but its slices stay as they are. */
weir_batch *weir_batch_part_off(weir_batch *batch, weir_slice *takes_slice);

/* Makes `batch` fit into the limits (0: none), as far as whole items allow; the rest is given, NULL if there is
 * none. */
weir_batch *weir_batch_cut_to_fit(weir_batch *batch, uint64_t items_max, uint64_t bytes_max);

#endif
