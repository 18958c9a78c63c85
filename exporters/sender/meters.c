/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sender/meters.h"

#include <stdio.h>

#include "core/assert.h"

enum { LABELS_MAX = 8 };

static const char *const reject_reasons[WEIR_REJECT_REASONS] = {"permanent", "too_large", "partial_success", "expired",
                                                                "set_aside"};
static const char *const giveup_reasons[WEIR_GIVEUP_REASONS] = {"abandoned", "expired", "shutdown"};
static const char *const dead_reasons[WEIR_DEAD_REASONS] = {"refused", "too_large", "expired"};
/* UCUM units of the Collector's counters, by signal. */
static const char *const item_units[WEIR_SIGNALS] = {"{span}", "{datapoint}", "{record}"};

/* "otelcol_exporter_sent_" + "spans". */
static weir_metric *counter_of_signal(weir_metrics *metrics, const char *prefix, const char *help, weir_signal signal,
                                      const weir_label *labels, size_t label_count)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, weir_signal_items(signal));
    return weir_metrics_register(metrics, WEIR_COUNTER, name, help, item_units[signal], labels, label_count);
}

static void register_reasons(weir_metrics *metrics, const char *name, const char *help, const weir_label identity[2],
                             const char *const *reasons, int count, weir_metric **ret_meters)
{
    for (int i = 0; i < count; i++) {
        weir_label labels[] = {identity[0], identity[1], {"reason", reasons[i]}};
        ret_meters[i] = weir_metrics_register(metrics, WEIR_COUNTER, name, help, "{item}", labels, 3);
    }
}

void weir_exporter_meters_init(weir_exporter_meters *meters, weir_metrics *metrics, const char *id, weir_signal signal,
                               const weir_label *labels, size_t label_count)
{
    WEIR_ASSERT(label_count < LABELS_MAX);
    weir_label of_sent[LABELS_MAX] = {{"exporter", id}};
    for (size_t i = 0; i < label_count; i++)
        of_sent[i + 1] = labels[i];
    const weir_label identity[] = {{"exporter", id}, {"data_type", weir_signal_name(signal)}};

    meters->sent = counter_of_signal(metrics, "otelcol_exporter_sent_", "Items the backend has taken.", signal, of_sent,
                                     label_count + 1);
    meters->send_failed =
        counter_of_signal(metrics, "otelcol_exporter_send_failed_", "Items that were tried and not delivered.", signal,
                          of_sent, label_count + 1);
    meters->enqueue_failed = counter_of_signal(metrics, "otelcol_exporter_enqueue_failed_",
                                               "Items refused because the queue had no room.", signal, identity, 1);
    meters->in_flight =
        weir_metrics_register(metrics, WEIR_GAUGE, "otelcol_exporter_in_flight_requests",
                              "Requests under way or waiting to be sent again.", "{request}", identity, 2);
    meters->taken = weir_metrics_register(metrics, WEIR_COUNTER, "weir_exporter_taken_items",
                                          "Items handed to the exporter.", "{item}", identity, 2);
    meters->held = weir_metrics_register(metrics, WEIR_GAUGE, "weir_exporter_held_items",
                                         "Items in the exporter's queue or under way.", "{item}", identity, 2);
    meters->retries = weir_metrics_register(metrics, WEIR_COUNTER, "weir_exporter_retries",
                                            "Requests sent again after a failure.", "{request}", identity, 2);
    register_reasons(metrics, "weir_exporter_rejected_items", "Items the backend refused for good.", identity,
                     reject_reasons, WEIR_REJECT_REASONS, meters->rejected);
    register_reasons(metrics, "weir_exporter_returned_items", "Items given back to their source, which still has them.",
                     identity, giveup_reasons, WEIR_GIVEUP_REASONS, meters->returned);
    register_reasons(metrics, "weir_exporter_dropped_items",
                     "Items lost; nobody waited for them (wait_for_result: false).", identity, giveup_reasons,
                     WEIR_GIVEUP_REASONS, meters->dropped);
    register_reasons(metrics, "weir_deadletter_items", "Items written to the dead letters of the disk queue.", identity,
                     dead_reasons, WEIR_DEAD_REASONS, meters->dead_letters);
}

weir_exporter_books weir_exporter_books_read(weir_metrics *metrics, const char *id, weir_signal signal)
{
    const weir_label identity[] = {{"exporter", id}, {"data_type", weir_signal_name(signal)}};
    char sent[64];
    snprintf(sent, sizeof sent, "otelcol_exporter_sent_%s", weir_signal_items(signal));
    return (weir_exporter_books){
        .taken = weir_metrics_sum(metrics, "weir_exporter_taken_items", identity, 2),
        .sent = weir_metrics_sum(metrics, sent, identity, 1),
        .rejected = weir_metrics_sum(metrics, "weir_exporter_rejected_items", identity, 2),
        .returned = weir_metrics_sum(metrics, "weir_exporter_returned_items", identity, 2),
        .dropped = weir_metrics_sum(metrics, "weir_exporter_dropped_items", identity, 2),
        .held = weir_metrics_sum(metrics, "weir_exporter_held_items", identity, 2),
    };
}
