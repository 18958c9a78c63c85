/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/kafka/counters.h"

#include <stdio.h>

#include "core/memory.h"

static const double delay_bounds_s[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1,     2.5,
                                        5,     10,   30,    60,   300, 900,  3600, 14400, 86400};

static const char *const reason_names[KAFKA_REASONS] = {[KAFKA_NOT_OTLP] = "not_otlp",
                                                        [KAFKA_REFUSED] = "refused",
                                                        [KAFKA_LARGE] = "too_large",
                                                        [KAFKA_EXPIRED] = "expired"};

const char *weir__kafka_reason_name(kafka_reason reason)
{
    return reason_names[reason];
}

typedef struct registration {
    weir_metrics *metrics;
    const weir_label *labels;
    size_t label_count;
} registration;

static weir_metric *counter(const registration *at, const char *name, const char *unit, const char *help)
{
    return weir_metrics_register(at->metrics, WEIR_COUNTER, name, help, unit, at->labels, at->label_count);
}

static weir_metric *gauge(const registration *at, const char *name, const char *unit, const char *help)
{
    return weir_metrics_register(at->metrics, WEIR_GAUGE, name, help, unit, at->labels, at->label_count);
}

static weir_metric *items(const registration *at, const char *prefix, weir_signal signal, const char *help)
{
    WEIR_FREE char *name = weir_format("%s_%s", prefix, weir_signal_items(signal));
    WEIR_FREE char *unit = weir_format("{%s}", weir_signal_items(signal));
    return counter(at, name, unit, help);
}

static void init_signal(kafka_counters *counters, weir_metrics *metrics, const char *id, weir_signal signal)
{
    const weir_label as_collector[] = {{"receiver", id}, {"transport", "kafka"}};
    const registration at = {metrics, as_collector, WEIR_COUNT_OF(as_collector)};
    counters->accepted[signal] =
        items(&at, "otelcol_receiver_accepted", signal, "Items successfully pushed into the pipeline.");
    counters->refused[signal] =
        items(&at, "otelcol_receiver_refused", signal, "Items that could not be pushed into the pipeline.");
    items(&at, "otelcol_receiver_failed", signal,
          "Items that failed to be processed by the receiver due to internal errors.");
    const weir_label labels[] = {{"receiver", id}, {"signal", weir_signal_name(signal)}};
    counters->end_to_end[signal] =
        weir_metrics_register_histogram(metrics, "weir_kafka_receiver_end_to_end_delay",
                                        "Time from a message's timestamp to the acknowledgement of all exporters.", "s",
                                        labels, WEIR_COUNT_OF(labels), delay_bounds_s, WEIR_COUNT_OF(delay_bounds_s));
}

void weir__kafka_counters_init(kafka_counters *ret_counters, weir_metrics *metrics, const char *id)
{
    weir_label labels[] = {{"receiver", id}, {"reason", NULL}};
    registration at = {metrics, labels, 1};
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++)
        init_signal(ret_counters, metrics, id, signal);
    ret_counters->offered_again = counter(&at, "weir_kafka_receiver_offered_again", "{message}",
                                          "Messages offered to the pipeline once more, since it had no room.");
    ret_counters->dropped_acknowledgements =
        counter(&at, "weir_kafka_receiver_dropped_acknowledgements", "{message}",
                "Messages acknowledged after their partition went to another member: possibly read again there.");
    ret_counters->commits = counter(&at, "weir_kafka_receiver_commits", "{commit}", "Offset commits.");
    ret_counters->commits_failed =
        counter(&at, "weir_kafka_receiver_commits_failed", "{commit}", "Offset commits that failed; repeated.");
    ret_counters->partition_start =
        counter(&at, "otelcol_kafka_receiver_partition_start", "1", "Number of started partitions");
    ret_counters->partition_close =
        counter(&at, "otelcol_kafka_receiver_partition_close", "1", "Number of finished partitions");
    ret_counters->pauses = counter(&at, "weir_kafka_receiver_pauses", "{pause}",
                                   "How often all partitions were paused, since the exporters were behind.");
    ret_counters->misfits = counter(&at, "weir_kafka_receiver_header_misfits", "{message}",
                                    "Messages whose weir.slices header did not fit their bytes, and was ignored.");
    ret_counters->in_flight_bytes =
        gauge(&at, "weir_kafka_receiver_in_flight", "By", "What messages hold that were read and are not settled.");
    ret_counters->dead_letters_failed = counter(&at, "weir_kafka_receiver_dead_letters_failed", "{message}",
                                                "Attempts to write a dead letter that failed; repeated.");
    ret_counters->dead_letters_left_out =
        counter(&at, "weir_kafka_receiver_dead_letters_left_out", "{message}",
                "Messages too large for the dead-letter topic, which was told only where they lie.");
    at.label_count = 2;
    for (kafka_reason reason = 0; reason < KAFKA_REASONS; reason++) {
        labels[1].value = reason_names[reason];
        ret_counters->dead_letters[reason] =
            counter(&at, "weir_kafka_receiver_dead_letters", "{message}", "Messages written to the dead-letter topic.");
    }
}

void weir__kafka_partition_counters_init(kafka_partition_counters *ret_counters, weir_metrics *metrics, const char *id,
                                         const char *topic, int32_t partition, weir_signal signal,
                                         bool with_records_delay)
{
    char number[16];
    snprintf(number, sizeof number, "%d", partition);
    const weir_label labels[] = {{"receiver", id}, {"topic", topic}, {"partition", number}};
    const registration at = {metrics, labels, WEIR_COUNT_OF(labels)};
    *ret_counters = (kafka_partition_counters){
        .messages = counter(&at, "otelcol_kafka_receiver_messages", "1", "The number of received messages."),
        .records = counter(&at, "otelcol_kafka_receiver_records", "1", "The number of received records."),
        .bytes = counter(&at, "otelcol_kafka_receiver_bytes_uncompressed", "By",
                         "The uncompressed size in bytes of received records seen by the client."),
        .unmarshal_failed = items(&at, "otelcol_kafka_receiver_unmarshal_failed", signal,
                                  "Number of messages that failed to be unmarshaled"),
        .losses = counter(&at, "weir_kafka_receiver_losses", "{range}",
                          "Ranges of messages that Kafka dropped or damaged before this group had read them."),
        .lost_messages = counter(&at, "weir_kafka_receiver_lost_messages", "{message}",
                                 "Offsets in those ranges, where they are known."),
        .current_offset = gauge(&at, "otelcol_kafka_receiver_current_offset", "1", "Current message offset"),
        .offset_lag = gauge(&at, "otelcol_kafka_receiver_offset_lag", "1", "Current offset lag"),
        .oldest_written_ms = gauge(&at, "weir_kafka_receiver_oldest_item_age", "s",
                                   "How long ago the oldest message was written that is read and not acknowledged."),
        .oldest_age_ms = gauge(&at, "weir_kafka_receiver_oldest_unacknowledged_age", "s",
                               "How long ago the oldest message was read that is not acknowledged yet."),
    };
    if (with_records_delay)
        ret_counters->records_delay = weir_metrics_register_histogram(
            metrics, "otelcol_kafka_receiver_records_delay",
            "The time in seconds between producing and receiving a batch of records.", "s", labels,
            WEIR_COUNT_OF(labels), delay_bounds_s, WEIR_COUNT_OF(delay_bounds_s));
}
