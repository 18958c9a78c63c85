/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver's metrics. otelcol_kafka_receiver_* and otelcol_receiver_* are the Collector's (kafkareceiver and
 * receiverhelper 0.158) with a label `receiver` beside its own; weir_kafka_receiver_* are ours. A message counts as
 * accepted when its acknowledgement arrives, once, however often it had to be offered. Any thread.
 */
#ifndef WEIR_RECEIVERS_KAFKA_COUNTERS_H
#define WEIR_RECEIVERS_KAFKA_COUNTERS_H

#include "batch/batch.h"
#include "telemetry/metrics.h"

/* Why a message became a dead letter. */
typedef enum kafka_reason {
    KAFKA_NOT_OTLP, /* its bytes are not what the topic's encoding says */
    KAFKA_REFUSED,  /* a backend will never take it */
    KAFKA_LARGE,    /* one item that is larger than a backend takes */
    KAFKA_EXPIRED,  /* not delivered within an exporter's max_elapsed_time */
    KAFKA_REASONS
} kafka_reason;

typedef struct kafka_counters {
    weir_metric *accepted[WEIR_SIGNALS]; /* items */
    weir_metric *refused[WEIR_SIGNALS];
    weir_metric *dead_letters[KAFKA_REASONS]; /* messages, once they are written */
    weir_metric *dead_letters_failed;         /* attempts to write one */
    weir_metric *dead_letters_left_out;       /* messages too large for the topic */
    weir_metric *offered_again;               /* messages */
    weir_metric *dropped_acknowledgements;    /* of partitions that others read by then */
    weir_metric *commits, *commits_failed;
    weir_metric *partition_start, *partition_close;
    weir_metric *pauses;
    weir_metric *misfits;                     /* messages whose slice header did not fit */
    weir_metric *in_flight_bytes;             /* gauge */
    weir_histogram *end_to_end[WEIR_SIGNALS]; /* seconds from a message's timestamp to its acknowledgement */
} kafka_counters;

/* Of one partition. */
typedef struct kafka_partition_counters {
    weir_metric *messages, *records, *bytes;
    weir_metric *unmarshal_failed;
    weir_metric *losses, *lost_messages;      /* ranges that Kafka had dropped before they were read */
    weir_metric *current_offset, *offset_lag; /* gauges, as the next two */
    weir_metric *oldest_age_ms, *oldest_written_ms;
    weir_histogram *records_delay; /* NULL unless asked for */
} kafka_partition_counters;

void weir__kafka_counters_init(kafka_counters *ret_counters, weir_metrics *metrics, const char *id);

void weir__kafka_partition_counters_init(kafka_partition_counters *ret_counters, weir_metrics *metrics, const char *id,
                                         const char *topic, int32_t partition, weir_signal signal,
                                         bool with_records_delay);

const char *weir__kafka_reason_name(kafka_reason reason); /* as the metric's label */

#endif
