/* SPDX-License-Identifier: Apache-2.0
 *
 * The step that processors share: edit every slice of a batch and pass on what is left.
 */
#ifndef WEIR_PROCESSORS_EDIT_BATCH_H
#define WEIR_PROCESSORS_EDIT_BATCH_H

#include "component.h"
#include "otlp/rewrite.h"
#include "processors/counters.h"

/* Takes `batch`: applies `editor` to all its slices, counts, and passes it to `next`. A batch of which nothing is
 * left is completed as delivered; one that cannot be edited for want of memory, as to be retried. On the batch's
 * worker. */
void weir_processor_edit_batch(weir_batch *takes_batch, const weir_otlp_editor *editor,
                               const weir_processor_counters *counters, weir_consumer *next);

#endif
