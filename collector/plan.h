/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of a service: which components with which configuration make which pipelines. Made from the configuration
 * files by plan.c, built into running parts by pipeline.c. Immutable once made.
 */
#ifndef WEIR_PLAN_H
#define WEIR_PLAN_H

#include "component.h"
#include "config/document.h"

/* One configured component that a pipeline or the service uses. */
typedef struct weir_planned_component {
    const weir_component_type *type;
    const char *id; /* "otlp/jaeger" */
    void *config;   /* type->config_size bytes, read by type->options */
    const weir_node *node;
} weir_planned_component;

/* The numbers in it point into weir_plan.components. */
typedef struct weir_planned_pipeline {
    weir_signal signal;
    const char *id; /* "traces/backend" */
    weir_indexes receivers, processors, exporters;
} weir_planned_pipeline;

typedef struct weir_plan {
    weir_planned_component *components;
    size_t component_count;
    weir_planned_pipeline *pipelines;
    size_t pipeline_count;
    uint64_t memory_limit_bytes;
    uint64_t memory_soft_limit_bytes;
    const char *memory_limit_from; /* the id of a memory_limiter, or "cgroup" */
    weir_document *document;       /* owned; ids, nodes and indexes lie in it */
} weir_plan;

/* Reads and checks everything the sources say; every mistake is a diagnostic. Borrows `sources` for the call.
 * NULL if there was an error. */
weir_plan *weir_plan_read(const weir_sources *sources, weir_diagnostics *diagnostics);
void weir_plan_free(weir_plan *plan); /* NULL is fine */

/* The component that is the extension `id` of the service; WEIR_NO_COMPONENT if there is none. */
size_t weir_plan_extension(const weir_plan *plan, const char *id);
#define WEIR_NO_COMPONENT SIZE_MAX

/* What an OK means, pipeline by pipeline, for `weir validate`. */
void weir_plan_promises(const weir_plan *plan, weir_buffer *out);

#endif
