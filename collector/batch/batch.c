/* SPDX-License-Identifier: Apache-2.0 */
#include "batch/batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/validate.h"

_Static_assert((int)WEIR_TRACES == (int)WEIR_OTLP_TRACES && (int)WEIR_METRICS == (int)WEIR_OTLP_METRICS &&
                   (int)WEIR_LOGS == (int)WEIR_OTLP_LOGS,
               "a signal is cast to the kind of its requests");

const char *weir_signal_name(weir_signal signal)
{
    static const char *const names[WEIR_SIGNALS] = {"traces", "metrics", "logs"};
    WEIR_ASSERT(signal < WEIR_SIGNALS);
    return names[signal];
}

bool weir_signal_find(const char *name, weir_signal *ret_signal)
{
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (strcmp(name, weir_signal_name(signal)) == 0) {
            *ret_signal = signal;
            return true;
        }
    }
    return false;
}

const char *weir_signal_items(weir_signal signal)
{
    static const char *const names[WEIR_SIGNALS] = {"spans", "metric_points", "log_records"};
    WEIR_ASSERT(signal < WEIR_SIGNALS);
    return names[signal];
}

weir_batch *weir_batch_new(weir_signal signal, weir_slice *slice, weir_ack *ack)
{
    WEIR_ASSERT(ack != NULL);
    weir_batch *batch = WEIR_NEW(weir_batch);
    batch->signal = signal;
    batch->slice_count = 1;
    batch->items = slice->items;
    batch->bytes = slice->len;
    batch->ack = ack;
    batch->first = *slice;
    batch->slices = &batch->first;
    *slice = (weir_slice){0};
    return batch;
}

weir_batch *weir_batch_new_of(weir_signal signal, weir_slice *takes_slices, uint32_t count, weir_ack *ack)
{
    WEIR_ASSERT(count > 0);
    weir_batch *batch = weir_batch_new(signal, &takes_slices[0], ack);
    if (count == 1) {
        free(takes_slices);
        return batch;
    }
    takes_slices[0] = batch->first;
    batch->first = (weir_slice){0};
    batch->slices = takes_slices;
    batch->slice_count = count;
    for (uint32_t i = 1; i < count; i++) {
        batch->items += takes_slices[i].items;
        batch->bytes += takes_slices[i].len;
    }
    return batch;
}

weir_batch *weir_batch_share(const weir_batch *batch, weir_ack *ack)
{
    WEIR_ASSERT(ack != NULL);
    weir_batch *second = WEIR_NEW(weir_batch);
    *second = *batch;
    second->next = NULL;
    second->ack = ack;
    second->slices = batch->slice_count > 1 ? weir_alloc(batch->slice_count, sizeof(weir_slice)) : &second->first;
    for (uint32_t i = 0; i < batch->slice_count; i++)
        second->slices[i] = weir_slice_ref(&batch->slices[i]);
    if (second->metadata)
        weir_metadata_ref(second->metadata);
    return second;
}

void weir_batch_replace(weir_batch *batch, uint32_t index, weir_slice *slice)
{
    WEIR_ASSERT(index < batch->slice_count);
    weir_slice *old = &batch->slices[index];
    batch->items = batch->items - old->items + slice->items;
    batch->bytes = batch->bytes - old->len + slice->len;
    weir_slice_done(old);
    if (slice->items > 0) {
        *old = *slice;
        *slice = (weir_slice){0};
        return;
    }
    batch->bytes -= slice->len;
    weir_slice_done(slice);
    batch->slice_count--;
    for (uint32_t i = index; i < batch->slice_count; i++)
        batch->slices[i] = batch->slices[i + 1];
}

void weir_batch_free(weir_batch *takes)
{
    for (uint32_t i = 0; i < takes->slice_count; i++)
        weir_slice_done(&takes->slices[i]);
    if (takes->slices != &takes->first)
        free(takes->slices);
    weir_metadata_unref(takes->metadata);
    free(takes);
}

void weir_batch_complete(weir_batch *takes, const weir_outcome *outcome)
{
    /* The memory goes first, so that whoever hears of the outcome finds it free. */
    weir_ack *ack = takes->ack;
    weir_batch_free(takes);
    weir_ack_complete(ack, outcome);
}
