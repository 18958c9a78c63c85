/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of a service: which components with which configuration make which pipelines. Made from the configuration
 * files by plan.c, built into running parts by pipeline.c. Immutable once made.
 */
#ifndef WEIR_PLAN_H
#define WEIR_PLAN_H

#include "component.h"
#include "telemetry/log.h"

/* One configured component that something uses. */
typedef struct weir_planned_component {
    const weir_component_type *type;
    char *id;     /* "otlp/jaeger" */
    void *config; /* type->config_size bytes, read by type->options */
    const weir_node *node;
} weir_planned_component;

/* Indexes point into weir_plan.components. */
typedef struct weir_planned_pipeline {
    weir_signal signal;
    char *id; /* "traces/backend" */
    size_t *receivers, receiver_count;
    size_t *processors, processor_count;
    size_t *exporters, exporter_count;
} weir_planned_pipeline;

typedef struct weir_plan {
    weir_planned_component *components;
    size_t component_count;
    weir_planned_pipeline *pipelines;
    size_t pipeline_count;
    weir_log_level log_level;
    bool log_json;
    char *metrics_endpoint; /* NULL: not served */
    weir_exposition exposition;
    uint64_t memory_limit_bytes;
    uint64_t memory_soft_limit_bytes;
    const char *memory_limit_from; /* "memory_limiter", "cgroup", … for messages */
    struct weir_document *document; /* owned: nodes of the components point into it */
} weir_plan;

/* Reads and checks everything the sources say; every mistake is a diagnostic. `sources` are --config values in order (borrowed),
 * `settings` are --set values. NULL if there was an error. */
weir_plan *weir_plan_read(const char *const *sources, size_t source_count, const char *const *settings, size_t setting_count,
                          weir_diagnostics *diagnostics);
void weir_plan_free(weir_plan *plan); /* NULL is fine */

/* What an OK means, pipeline by pipeline, for `weir validate`. */
void weir_plan_promises(const weir_plan *plan, weir_buffer *out);

#endif
