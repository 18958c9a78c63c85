/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/counters.h"

#include "core/memory.h"

weir_processor_counters weir_processor_counters_register(const weir_host *host, const char *id, weir_signal signal,
                                                         const char *pipeline, const char *drop_reason)
{
    const weir_label labels[] = {{"processor", id}, {"otel_signal", weir_signal_name(signal)}};
    const weir_label drop_labels[] = {{"processor", id}, {"pipeline", pipeline}, {"reason", drop_reason}};
    weir_processor_counters counters = {
        .incoming =
            weir_metrics_register(host->metrics, WEIR_COUNTER, "otelcol_processor_incoming_items",
                                  "Number of items passed to the processor.", "{item}", labels, WEIR_COUNT_OF(labels)),
        .outgoing = weir_metrics_register(host->metrics, WEIR_COUNTER, "otelcol_processor_outgoing_items",
                                          "Number of items emitted from the processor.", "{item}", labels,
                                          WEIR_COUNT_OF(labels)),
    };
    if (drop_reason)
        counters.dropped = weir_metrics_register(host->metrics, WEIR_COUNTER, "weir_processor_dropped_items",
                                                 "Number of items a processor has dropped because it was told to.",
                                                 "{item}", drop_labels, WEIR_COUNT_OF(drop_labels));
    return counters;
}

void weir_processor_counters_add(const weir_processor_counters *counters, uint64_t before, uint64_t after)
{
    weir_metric_add(counters->incoming, (int64_t)before);
    weir_metric_add(counters->outgoing, (int64_t)after);
    if (counters->dropped && before > after)
        weir_metric_add(counters->dropped, (int64_t)(before - after));
}
