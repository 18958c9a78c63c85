/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sender/cut.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/rewrite.h"

static void nobody_hears(weir_ack *ack, const weir_outcome *outcome)
{
    (void)ack, (void)outcome;
}

weir_ack weir_ack_nobody = {.complete = nobody_hears};

/* An empty batch beside `batch`, with room for `slice_count` slices, and half of its acknowledgement. */
static weir_batch *sibling_new(weir_batch *batch, uint32_t slice_count)
{
    weir_batch *rest = WEIR_NEW(weir_batch);
    rest->signal = batch->signal;
    rest->received_ns = batch->received_ns;
    rest->deadline_ns = batch->deadline_ns;
    rest->metadata = batch->metadata ? weir_metadata_ref(batch->metadata) : NULL;
    rest->slices = slice_count > 1 ? weir_alloc(slice_count, sizeof(weir_slice)) : &rest->first;
    if (batch->ack != &weir_ack_nobody)
        batch->ack = weir_ack_split(batch->ack, 2);
    rest->ack = batch->ack;
    return rest;
}

static void add_slice(weir_batch *batch, weir_slice *takes_slice)
{
    batch->items += takes_slice->items;
    batch->bytes += takes_slice->len;
    batch->slices[batch->slice_count++] = *takes_slice;
    *takes_slice = (weir_slice){0};
}

weir_batch *weir_batch_cut_at(weir_batch *batch, uint32_t index)
{
    WEIR_ASSERT(index > 0 && index < batch->slice_count);
    uint64_t items_before = batch->items;
    weir_batch *rest = sibling_new(batch, batch->slice_count - index);
    for (uint32_t i = index; i < batch->slice_count; i++)
        add_slice(rest, &batch->slices[i]);
    batch->slice_count = index;
    batch->items -= rest->items;
    batch->bytes -= rest->bytes;
    WEIR_ASSERT(batch->items + rest->items == items_before);
    return rest;
}

weir_batch *weir_batch_part_off(weir_batch *batch, weir_slice *takes_slice)
{
    WEIR_ASSERT(takes_slice->items > 0 && takes_slice->items <= batch->items);
    weir_batch *part = sibling_new(batch, 1);
    batch->items -= takes_slice->items;
    add_slice(part, takes_slice);
    return part;
}

static uint64_t limit_of(uint64_t max)
{
    return max ? max : UINT64_MAX;
}

typedef struct pieces {
    weir_slice *items;
    uint32_t count;
} pieces;

static weir_status gather_piece(void *context, weir_slice *takes_slice)
{
    pieces *gathered = context;
    gathered->items = weir_realloc(gathered->items, gathered->count + 1, sizeof(weir_slice));
    gathered->items[gathered->count++] = *takes_slice;
    *takes_slice = (weir_slice){0};
    return WEIR_OK;
}

static void pieces_done(pieces *gathered)
{
    for (uint32_t i = 0; i < gathered->count; i++)
        weir_slice_done(&gathered->items[i]);
    free(gathered->items);
}

weir_batch *weir_batch_cut_slice(weir_batch *batch, uint64_t items_max, uint64_t bytes_max)
{
    WEIR_ASSERT(batch->slice_count == 1);
    const weir_slice *whole = &batch->slices[0];
    uint64_t items_before = batch->items;
    uint32_t items = items_max < UINT32_MAX ? (uint32_t)items_max : UINT32_MAX;
    WEIR_CLEANUP(pieces_done) pieces gathered = {0};
    if (weir_otlp_split((weir_otlp_kind)batch->signal, whole, items, bytes_max, gather_piece, &gathered) != WEIR_OK)
        return NULL;
    if (gathered.count < 2)
        return NULL;
    weir_batch *rest = sibling_new(batch, gathered.count - 1);
    for (uint32_t i = 1; i < gathered.count; i++)
        add_slice(rest, &gathered.items[i]);
    weir_batch_replace(batch, 0, &gathered.items[0]);
    WEIR_ASSERT(batch->items > 0 && batch->items + rest->items == items_before);
    return rest;
}

weir_batch *weir_batch_cut_to_fit(weir_batch *batch, uint64_t items_max, uint64_t bytes_max)
{
    uint64_t items = 0, bytes = 0;
    uint32_t fitting = 0;
    for (; fitting < batch->slice_count; fitting++) {
        items += batch->slices[fitting].items;
        bytes += batch->slices[fitting].len;
        if (items > limit_of(items_max) || bytes > limit_of(bytes_max))
            break;
    }
    if (fitting == batch->slice_count)
        return NULL;
    if (batch->slice_count == 1)
        return weir_batch_cut_slice(batch, items_max, bytes_max);
    return weir_batch_cut_at(batch, fitting > 0 ? fitting : 1);
}
