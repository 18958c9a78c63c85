/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/counters.h"

#include "core/memory.h"

static const char *const result_names[OTLP_RESULTS] = {
    [OTLP_ACCEPTED] = "accepted",       [OTLP_PARTIAL] = "partial",       [OTLP_REJECTED] = "rejected",
    [OTLP_RETRY_LATER] = "retry_later", [OTLP_NO_MEMORY] = "no_memory",   [OTLP_TOO_LARGE] = "too_large",
    [OTLP_MALFORMED] = "malformed",     [OTLP_NOT_SERVED] = "not_served", [OTLP_TIMED_OUT] = "timed_out",
    [OTLP_CLIENT_GONE] = "client_gone", [OTLP_HEALTH] = "health_check",   [OTLP_UNAUTHENTICATED] = "unauthenticated",
    [OTLP_PREFLIGHT] = "preflight",
};

/* Names and units as receiverhelper declares them. */
static const char *const item_units[WEIR_SIGNALS] = {
    [WEIR_TRACES] = "{span}", [WEIR_METRICS] = "{datapoint}", [WEIR_LOGS] = "{record}"};

const char *weir__otlp_protocol_name(otlp_protocol protocol)
{
    return protocol == OTLP_GRPC ? "grpc" : "http";
}

static weir_metric *register_items(weir_metrics *metrics, const char *prefix, weir_signal signal, const char *help,
                                   const weir_label *labels)
{
    WEIR_FREE char *name = weir_format("%s_%s", prefix, weir_signal_items(signal));
    return weir_metrics_register(metrics, WEIR_COUNTER, name, help, item_units[signal], labels, 2);
}

static void init_protocol(otlp_counters *counters, weir_metrics *metrics, const char *id, otlp_protocol protocol)
{
    weir_label labels[3] = {{"receiver", id}, {"transport", weir__otlp_protocol_name(protocol)}};
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        counters->accepted[signal] = register_items(metrics, "otelcol_receiver_accepted", (weir_signal)signal,
                                                    "Items successfully pushed into the pipeline.", labels);
        counters->refused[signal] = register_items(metrics, "otelcol_receiver_refused", (weir_signal)signal,
                                                   "Items that could not be pushed into the pipeline.", labels);
        /* The Collector exposes this one too, at 0 unless a feature gate is on: dashboards ask for it. */
        register_items(metrics, "otelcol_receiver_failed", (weir_signal)signal,
                       "Items that failed to be processed by the receiver due to internal errors.", labels);
        labels[2] = (weir_label){"signal", weir_signal_name((weir_signal)signal)};
        counters->abandoned[signal] = weir_metrics_register(
            metrics, WEIR_COUNTER, "weir_receiver_abandoned_items",
            "Items that were taken after their client had stopped waiting for an answer: possibly sent again.",
            "{item}", labels, 3);
    }
    labels[2].name = "outcome";
    for (int result = 0; result < OTLP_RESULTS; result++) {
        labels[2].value = result_names[result];
        counters->requests[result] = weir_metrics_register(metrics, WEIR_COUNTER, "weir_receiver_requests",
                                                           "Requests by how they ended.", "{request}", labels, 3);
    }
}

void weir__otlp_counters_init(otlp_counters *ret_counters, weir_metrics *metrics, const char *id)
{
    for (int protocol = 0; protocol < OTLP_PROTOCOLS; protocol++)
        init_protocol(&ret_counters[protocol], metrics, id, (otlp_protocol)protocol);
}
