/* SPDX-License-Identifier: Apache-2.0
 *
 * weir's own metrics. A metric is registered once while the graph is built, and is then a number that any thread
 * may add to without a lock. Names are the Collector's where the meaning is the same
 * ("otelcol_receiver_accepted_spans"); telemetry/metrics.c also writes them out in the Prometheus text format.
 */
#ifndef WEIR_TELEMETRY_METRICS_H
#define WEIR_TELEMETRY_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

typedef struct weir_metrics weir_metrics; /* the registry: one per process */

typedef enum weir_metric_kind { WEIR_COUNTER, WEIR_GAUGE, WEIR_HISTOGRAM } weir_metric_kind;

typedef struct weir_label {
    const char *name;
    const char *value;
} weir_label;

/* A counter or a gauge. */
typedef struct weir_metric {
    _Atomic int64_t value;
} weir_metric;

static inline void weir_metric_add(weir_metric *metric, int64_t amount)
{
    atomic_fetch_add_explicit(&metric->value, amount, memory_order_relaxed);
}
static inline void weir_metric_set(weir_metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}
static inline int64_t weir_metric_get(const weir_metric *metric)
{
    return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

weir_metrics *weir_metrics_new(void);
void weir_metrics_free(weir_metrics *metrics);

/* Registers, or finds again, the metric with this name and these labels (copied). Lives as long as the registry.
 * `unit` is a UCUM unit as in the Collector's metadata ("{spans}", "By", "s", "1"). What is exposed in "s" is held in
 * milliseconds. Any thread. Never NULL. */
weir_metric *weir_metrics_register(weir_metrics *metrics, weir_metric_kind kind, const char *name, const char *help,
                                   const char *unit, const weir_label *labels, size_t label_count);

/* A gauge whose value is asked for when it is read. `read` must be callable from the control thread at any time until
 * the registry is freed or weir_metrics_forget(user) was called. */
void weir_metrics_register_gauge(weir_metrics *metrics, const char *name, const char *help, const char *unit,
                                 const weir_label *labels, size_t label_count, int64_t (*read)(void *user), void *user);
void weir_metrics_forget(weir_metrics *metrics, const void *user);

/* A histogram with fixed upper bounds (ascending). */
typedef struct weir_histogram weir_histogram;
weir_histogram *weir_metrics_register_histogram(weir_metrics *metrics, const char *name, const char *help,
                                                const char *unit, const weir_label *labels, size_t label_count,
                                                const double *bounds, size_t bound_count);
void weir_histogram_record(weir_histogram *histogram, double value);

/* How names are written: the Collector's prometheus reader leaves both suffixes out unless told otherwise. */
typedef struct weir_exposition {
    bool type_suffix; /* "_total" after counters */
    bool unit_suffix; /* "_bytes", "_seconds" */
} weir_exposition;

/* All metrics in the Prometheus text format 0.0.4, families sorted by name. Any thread. */
void weir_metrics_expose(weir_metrics *metrics, weir_exposition exposition, weir_buffer *out);

/* The sum of every counter or gauge called `name` whose labels include `labels`. For the books. Any thread. */
int64_t weir_metrics_sum(weir_metrics *metrics, const char *name, const weir_label *labels, size_t label_count);

#endif
