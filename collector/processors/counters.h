/* SPDX-License-Identifier: Apache-2.0
 *
 * What every processor that is in the way of data counts: items in, items out, and those it has dropped. Registered
 * when a processor is made; counting may be done from any thread.
 */
#ifndef WEIR_PROCESSORS_COUNTERS_H
#define WEIR_PROCESSORS_COUNTERS_H

#include "component.h"

typedef struct weir_processor_counters {
    weir_metric *incoming; /* otelcol_processor_incoming_items{processor, otel_signal} */
    weir_metric *outgoing;
    weir_metric *dropped; /* weir_processor_dropped_items{processor, pipeline, reason}; NULL if it never drops */
} weir_processor_counters;

/* `drop_reason` ("sampled_out"): why it drops items, for the books; NULL if it does not. */
weir_processor_counters weir_processor_counters_register(const weir_host *host, const char *id, weir_signal signal,
                                                         const char *pipeline, const char *drop_reason);

/* `before` items came in, `after` of them go on. */
void weir_processor_counters_add(const weir_processor_counters *counters, uint64_t before, uint64_t after);

#endif
