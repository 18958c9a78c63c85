/* SPDX-License-Identifier: Apache-2.0
 *
 * batch: what it sets is how the exporters behind it form what they send. Data is not held here, where it would be
 * lost with the process: it gathers in the exporters' queues (an exporter's own sending_queue.batch beats these keys).
 */
#include <string.h>
#include <strings.h>

#include "component.h"
#include "processors/processors.h"

typedef struct batch_config {
    uint64_t send_batch_size;
    uint64_t send_batch_max_size;
    uint64_t timeout_ms;
    weir_strings metadata_keys;
    uint64_t metadata_cardinality_limit;
} batch_config;

static const weir_option batch_options[] = {
    {.name = "send_batch_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(batch_config, send_batch_size),
     .default_text = "8192",
     .max = UINT32_MAX,
     .unit = "items",
     .summary = "A request leaves as soon as so many spans, data points or log records wait; 0: at once."},
    {.name = "send_batch_max_size",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(batch_config, send_batch_max_size),
     .default_text = "0",
     .max = UINT32_MAX,
     .unit = "items",
     .summary = "No request holds more than these; 0: no limit."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(batch_config, timeout_ms),
     .default_text = "200ms",
     .summary =
         "A request leaves when its oldest data has waited so long, whatever its size; data that somebody waits for "
         "leaves earlier."},
    {.name = "metadata_keys",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(batch_config, metadata_keys),
     .summary = "Data whose client metadata differs in one of these keys never shares a request."},
    {.name = "metadata_cardinality_limit",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(batch_config, metadata_cardinality_limit),
     .default_text = "1000",
     .max = UINT32_MAX,
     .unit = "combinations",
     .summary = "How many different values of metadata_keys may gather at the same time; 0: no limit."},
    {0}};

static void check_duplicate_keys(const weir_strings *keys, const weir_node *node, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < keys->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(keys->items[i], keys->items[k]) == 0)
                weir_diagnostics_error(diagnostics, weir_node_find(node, "metadata_keys"),
                                       "metadata_keys names \"%s\" twice; upper and lower case are the same there",
                                       keys->items[i]);
}

static void batch_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const batch_config *batch = config;
    if (batch->send_batch_max_size > 0 && batch->send_batch_max_size < batch->send_batch_size)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "send_batch_max_size"),
                               "send_batch_max_size must be greater than or equal to send_batch_size");
    check_duplicate_keys(&batch->metadata_keys, node, diagnostics);
}

static void batch_shape(const void *config, weir_batch_shape *ret_shape)
{
    const batch_config *batch = config;
    *ret_shape = (weir_batch_shape){
        .is_set = true,
        .min_items = batch->send_batch_size,
        .max_items = batch->send_batch_max_size,
        .timeout_ms = batch->timeout_ms,
        .metadata_keys = batch->metadata_keys,
        .metadata_cardinality_limit = batch->metadata_cardinality_limit,
    };
}

const weir_component_type weir_processor_batch = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_PROCESSOR,
    .name = "batch",
    .summary = "Says how large the requests of the exporters behind it are to be.",
    .signals = WEIR_ON_ALL,
    .options = batch_options,
    .config_size = sizeof(batch_config),
    .check = batch_check,
    .processor_shape = batch_shape,
};
