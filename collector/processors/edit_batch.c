/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/edit_batch.h"

/* From the last slice to the first: replacing one by nothing takes it out of the batch. */
static weir_status edit_slices(weir_batch *batch, const weir_otlp_editor *editor)
{
    for (uint32_t i = batch->slice_count; i-- > 0;) {
        weir_slice edited;
        weir_status status = weir_otlp_edit((weir_otlp_kind)batch->signal, &batch->slices[i], editor, &edited);
        if (status != WEIR_OK)
            return status;
        weir_batch_replace(batch, i, &edited);
    }
    return WEIR_OK;
}

void weir_processor_edit_batch(weir_batch *takes_batch, const weir_otlp_editor *editor,
                               const weir_processor_counters *counters, weir_consumer *next)
{
    weir_batch *batch = takes_batch;
    uint64_t before = batch->items;
    if (edit_slices(batch, editor) != WEIR_OK) {
        weir_outcome outcome = {.kind = WEIR_RETRY_LATER};
        weir_error_set(&outcome.error, WEIR_ERROR_RETRYABLE, WEIR_NO_MEMORY, "no memory to process the data");
        weir_batch_complete(batch, &outcome);
        return;
    }
    weir_processor_counters_add(counters, before, batch->items);
    if (batch->slice_count == 0)
        weir_batch_complete(batch, &weir_outcome_delivered);
    else
        weir_consume(next, batch);
}
