/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"
#include "otlp/rewrite.h"
#include "otlp/scatter.h"

typedef struct splitting {
    weir_status (*give)(void *context, weir_slice *takes);
    void *context;
} splitting;

static weir_status give_piece(void *context, weir_otlp_group *takes)
{
    const splitting *self = context;
    WEIR_ASSERT(takes->slice_count == 1);
    weir_slice piece = takes->slices[0];
    takes->slices[0] = (weir_slice){0};
    weir_otlp_group_done(takes);
    return self->give(self->context, &piece);
}

weir_status weir_otlp_split(weir_otlp_kind kind, const weir_slice *slice, uint32_t items_max, size_t bytes_max,
                            weir_status (*give)(void *context, weir_slice *takes), void *context)
{
    if (slice->items <= 1) {
        weir_slice whole = weir_slice_ref(slice);
        return give(context, &whole);
    }
    splitting self = {give, context};
    const weir_otlp_scattering one_bucket = {
        .buckets = 1,
        .items_max = items_max,
        .bytes_max = bytes_max,
        .give = give_piece,
        .context = &self,
    };
    return weir_otlp_scatter(kind, &slice, 1, &one_bucket, slice->chunk ? slice->chunk->account : NULL);
}
