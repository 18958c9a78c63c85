/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver's metrics. otelcol_receiver_{accepted,refused,failed}_* are the Collector's (receiverhelper 0.158):
 * items of requests that could be read, by what the pipeline said of them; a partial success counts as accepted, and
 * what a backend rejected of it is booked on the exporter. weir_receiver_* are our own. Any thread.
 */
#ifndef WEIR_RECEIVERS_OTLP_COUNTERS_H
#define WEIR_RECEIVERS_OTLP_COUNTERS_H

#include "batch/batch.h"
#include "telemetry/metrics.h"

typedef enum otlp_protocol { OTLP_GRPC, OTLP_HTTP, OTLP_PROTOCOLS } otlp_protocol;

/* How a request ended, for weir_receiver_requests{outcome}. */
typedef enum otlp_result {
    OTLP_ACCEPTED,
    OTLP_PARTIAL,     /* accepted, but for items that a backend refused for good */
    OTLP_REJECTED,    /* refused for good by a backend */
    OTLP_RETRY_LATER, /* no room, or no backend, right now */
    OTLP_NO_MEMORY,   /* refused by the memory limit */
    OTLP_TOO_LARGE,
    OTLP_MALFORMED,   /* the body, its compression or its framing */
    OTLP_NOT_SERVED,  /* a method, path, content type or encoding that is not served here */
    OTLP_TIMED_OUT,   /* answered "unavailable" before the outcome was known */
    OTLP_CLIENT_GONE, /* the client did not wait for the answer */
    OTLP_HEALTH,      /* a health check */
    OTLP_UNAUTHENTICATED,
    OTLP_PREFLIGHT, /* a browser asked whether it may send */
    OTLP_RESULTS
} otlp_result;

typedef struct otlp_counters {
    weir_metric *accepted[WEIR_SIGNALS];
    weir_metric *refused[WEIR_SIGNALS];
    weir_metric *requests[OTLP_RESULTS];
    weir_metric *abandoned[WEIR_SIGNALS]; /* items taken although their client had stopped waiting */
} otlp_counters;

/* Registers the metrics of the receiver `id` for both protocols; `ret_counters` has OTLP_PROTOCOLS elements. */
void weir__otlp_counters_init(otlp_counters *ret_counters, weir_metrics *metrics, const char *id);

const char *weir__otlp_protocol_name(otlp_protocol protocol); /* "grpc", "http" */

#endif
