/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_limiter: sets the limits of the memory account, where every byte of telemetry is reserved before it is taken
 * (core/account.h). Nothing is measured afterwards, so the keys that say how often to measure and to collect garbage
 * have nothing left to do. It is not in the way of data.
 */
#include <string.h>

#include "component.h"
#include "core/file.h"
#include "processors/cgroup.h"
#include "processors/processors.h"

typedef struct memory_limiter_config {
    uint64_t limit_mib;
    uint64_t spike_limit_mib;
    uint64_t limit_percentage;
    uint64_t spike_limit_percentage;
} memory_limiter_config;

#define SUBSUMED_BY_RESERVATION                              \
    .type = WEIR_OPTION_DURATION, .standing = WEIR_SUBSUMED, \
    .remark = "memory is reserved before it is taken, so there is nothing to measure and no garbage to collect"

static const weir_option memory_limiter_options[] = {
    {.name = "limit_mib",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(memory_limiter_config, limit_mib),
     .max = UINT32_MAX,
     .unit = "MiB",
     .summary = "The most telemetry that is held at any time; what would exceed it is refused before it is read."},
    {.name = "spike_limit_mib",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(memory_limiter_config, spike_limit_mib),
     .max = UINT32_MAX,
     .unit = "MiB",
     .summary = "So far below the limit batches leave at once instead of gathering; a fifth of the limit if not set."},
    {.name = "limit_percentage",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(memory_limiter_config, limit_percentage),
     .max = 100,
     .unit = "%",
     .summary = "The limit as a share of the cgroup's memory limit, or of the machine's memory; limit_mib beats it."},
    {.name = "spike_limit_percentage",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(memory_limiter_config, spike_limit_percentage),
     .max = 100,
     .unit = "%",
     .summary = "As spike_limit_mib, as a share of the same memory; used together with limit_percentage."},
    {.name = "check_interval", SUBSUMED_BY_RESERVATION, .summary = "How often the Collector measures its memory."},
    {.name = "min_gc_interval_when_soft_limited",
     SUBSUMED_BY_RESERVATION,
     .summary = "How often at most the Collector collects garbage past the soft limit."},
    {.name = "min_gc_interval_when_hard_limited",
     SUBSUMED_BY_RESERVATION,
     .summary = "How often at most the Collector collects garbage past the hard limit."},
    {.name = "max_gc_interval_when_soft_limited",
     SUBSUMED_BY_RESERVATION,
     .summary = "How far the Collector's pauses between collections grow past the soft limit."},
    {.name = "max_gc_interval_when_hard_limited",
     SUBSUMED_BY_RESERVATION,
     .summary = "How far the Collector's pauses between collections grow past the hard limit."},
    {0}};

static void memory_limiter_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const memory_limiter_config *limiter = config;
    if (limiter->limit_mib == 0 && limiter->limit_percentage == 0)
        weir_diagnostics_error(diagnostics, node, "limit_mib or limit_percentage must be greater than zero");
    if (limiter->limit_mib > 0 && limiter->limit_mib <= limiter->spike_limit_mib)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "spike_limit_mib"),
                               "spike_limit_mib must be smaller than limit_mib");
    if (limiter->limit_percentage > 0 && limiter->limit_percentage <= limiter->spike_limit_percentage)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "spike_limit_percentage"),
                               "spike_limit_percentage must be smaller than limit_percentage");
}

static bool memory_limiter_limit(const void *config, uint64_t *ret_limit_bytes, uint64_t *ret_soft_limit_bytes)
{
    const memory_limiter_config *limiter = config;
    const uint64_t mib = 1024 * 1024;
    uint64_t limit, spike;
    if (limiter->limit_mib > 0) {
        limit = limiter->limit_mib * mib;
        spike = limiter->spike_limit_mib * mib;
    } else {
        uint64_t total = weir_cgroup_memory_bytes(&weir_files_real);
        limit = total / 100 * limiter->limit_percentage;
        spike = total / 100 * limiter->spike_limit_percentage;
    }
    if (limit == 0)
        return false;
    if (spike == 0)
        spike = limit / 5;
    *ret_limit_bytes = limit;
    *ret_soft_limit_bytes = limit - spike;
    return true;
}

const weir_component_type weir_processor_memory_limiter = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_PROCESSOR,
    .name = "memory_limiter",
    .summary = "Bounds the telemetry held in memory: what would exceed the limit is refused before it is read.",
    .signals = WEIR_ON_ALL,
    .options = memory_limiter_options,
    .config_size = sizeof(memory_limiter_config),
    .check = memory_limiter_check,
    .processor_limit = memory_limiter_limit,
};
