/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/sender/cut.h"
#include "exporters/sender/internal.h"

void push_list_append(push_list *list, sender_push *push)
{
    push->next = NULL;
    push->previous = list->tail;
    if (list->tail)
        list->tail->next = push;
    else
        list->head = push;
    list->tail = push;
    list->count++;
}

void push_list_prepend(push_list *list, sender_push *push)
{
    push->previous = NULL;
    push->next = list->head;
    if (list->head)
        list->head->previous = push;
    else
        list->tail = push;
    list->head = push;
    list->count++;
}

static uint64_t age_of(const sender_push *push)
{
    return push->batches.head->received_ns;
}

void push_list_insert(push_list *list, sender_push *push)
{
    if (!list->tail || age_of(list->tail) <= age_of(push)) {
        push_list_append(list, push);
        return;
    }
    sender_push *next = list->head;
    while (age_of(next) <= age_of(push))
        next = next->next;
    push->next = next;
    push->previous = next->previous;
    if (next->previous)
        next->previous->next = push;
    else
        list->head = push;
    next->previous = push;
    list->count++;
}

void push_list_remove(push_list *list, sender_push *push)
{
    WEIR_ASSERT(list->count > 0);
    if (push->previous)
        push->previous->next = push->next;
    else
        list->head = push->next;
    if (push->next)
        push->next->previous = push->previous;
    else
        list->tail = push->previous;
    push->next = push->previous = NULL;
    list->count--;
}

static void count_batches(sender_push *push)
{
    push->batch_count = 0;
    push->super.slice_count = 0;
    push->super.items = push->super.bytes = 0;
    for (const weir_batch *batch = push->batches.head; batch; batch = batch->next) {
        push->batch_count++;
        push->super.slice_count += batch->slice_count;
        push->super.items += batch->items;
        push->super.bytes += batch->bytes;
    }
}

/* The metadata that speaks for the whole request: of its partition, or of its only batch. */
static const weir_metadata *metadata_of(const sender_push *push)
{
    bool is_partitioned = push->sender->shape.keys.count > 0;
    return is_partitioned || push->batch_count == 1 ? push->batches.head->metadata : NULL;
}

bool sender_push_recount(sender_push *push)
{
    count_batches(push);
    free(push->super.slices);
    push->super.slices = NULL;
    if (push->batch_count == 0)
        return false;
    push->super.slices = weir_alloc(push->super.slice_count, sizeof push->super.slices[0]);
    uint32_t next = 0;
    for (const weir_batch *batch = push->batches.head; batch; batch = batch->next) {
        for (uint32_t i = 0; i < batch->slice_count; i++)
            push->super.slices[next++] = &batch->slices[i];
    }
    push->super.metadata = metadata_of(push);
    return true;
}

sender_push *sender_push_new(weir_sender *sender, sender_partition *partition, batch_list takes_batches)
{
    sender_push *made = WEIR_NEW(sender_push);
    made->super.signal = sender->signal;
    made->sender = sender;
    made->partition = partition;
    made->batches = takes_batches;
    partition->pushes++;
    weir_metric_add(sender->meters.in_flight, 1);
    bool has_batches = sender_push_recount(made);
    WEIR_ASSERT(has_batches);
    return made;
}

batch_list sender_push_free(sender_push *push)
{
    batch_list batches = push->batches;
    WEIR_ASSERT(push->partition->pushes > 0);
    push->partition->pushes--;
    push->partition->put_off -= push->is_put_off;
    weir_metric_add(push->sender->meters.in_flight, -1);
    free(push->super.slices);
    free(push);
    return batches;
}

/* A second push with the same history, for what was cut off the first. */
static sender_push *second_half(sender_push *first, batch_list batches)
{
    sender_push *second = sender_push_new(first->sender, first->partition, batches);
    second->attempts = first->attempts;
    second->first_attempt_ns = first->first_attempt_ns;
    second->is_put_off = first->is_put_off;
    second->interval_ms = first->interval_ms;
    second->partition->put_off += second->is_put_off;
    sender_push_recount(first);
    return second;
}

static batch_list take_after(sender_push *push, uint32_t batch_count)
{
    weir_batch *last_kept = push->batches.head;
    for (uint32_t i = 1; i < batch_count; i++)
        last_kept = last_kept->next;
    batch_list rest = {last_kept->next, push->batches.tail};
    last_kept->next = NULL;
    push->batches.tail = last_kept;
    return rest;
}

/* Room is counted by what is held: a cut adds a batch, and the bytes of repeated resources (or takes some away:
 * unsigned arithmetic wraps, and the sum is right in both cases). */
static sender_push *half_of_cut(sender_push *first, weir_batch *rest, uint64_t bytes_before)
{
    weir_room_force(first->sender->room, 1, 0, first->batches.head->bytes + rest->bytes - bytes_before);
    return second_half(first, (batch_list){rest, rest});
}

sender_push *sender_push_halve(sender_push *push)
{
    if (push->batch_count > 1)
        return second_half(push, take_after(push, push->batch_count / 2));
    weir_batch *batch = push->batches.head;
    if (batch->slice_count < 2)
        return NULL;
    uint64_t bytes_before = batch->bytes;
    return half_of_cut(push, weir_batch_cut_at(batch, batch->slice_count / 2), bytes_before);
}

sender_push *sender_push_split(sender_push *push)
{
    sender_push *second = sender_push_halve(push);
    if (second)
        return second;
    weir_batch *batch = push->batches.head;
    uint64_t bytes_before = batch->bytes;
    weir_batch *rest = weir_batch_cut_slice(batch, (batch->items + 1) / 2, 0);
    return rest ? half_of_cut(push, rest, bytes_before) : NULL;
}
