/* SPDX-License-Identifier: Apache-2.0
 *
 * What an exporter counts, per signal. The names that the Collector has are the Collector's; the others complete the
 * books:
 *
 *     taken = sent + rejected + returned + dropped + held        exact whenever nothing is being moved
 *
 *   sent      delivered to the backend (otelcol_exporter_sent_spans …)
 *   rejected  refused for good, by reason: "permanent", "too_large", "partial_success"; "expired": given up after
 *             max_elapsed_time although its source, a disk queue or Kafka, still has it; and "set_aside": the backend
 *             keeps it, but not where it was to be (Elasticsearch's failure store)
 *   returned  given back to the source, which still has it, by reason: "abandoned" (it had stopped waiting), "expired"
 *             (max_elapsed_time, or retries turned off), "shutdown"
 *   dropped   lost, by reason "expired" or "shutdown": only what nobody waited for (wait_for_result: false)
 *   held      in the queue or under way
 * otelcol_exporter_send_failed_… counts what was tried and not delivered: rejected, and what of returned and dropped
 * was tried.
 *
 * Meters are found again by name, so all workers add to the same numbers. Any thread.
 */
#ifndef WEIR_EXPORTERS_SENDER_METERS_H
#define WEIR_EXPORTERS_SENDER_METERS_H

#include "batch/batch.h"
#include "telemetry/metrics.h"

typedef enum weir_reject_reason {
    WEIR_REJECT_PERMANENT,
    WEIR_REJECT_TOO_LARGE,
    WEIR_REJECT_PARTIAL_SUCCESS,
    WEIR_REJECT_EXPIRED,
    WEIR_REJECT_SET_ASIDE,
    WEIR_REJECT_REASONS
} weir_reject_reason;

typedef enum weir_giveup_reason {
    WEIR_GIVEUP_ABANDONED,
    WEIR_GIVEUP_EXPIRED,
    WEIR_GIVEUP_SHUTDOWN,
    WEIR_GIVEUP_REASONS
} weir_giveup_reason;

/* Why something became a dead letter of the disk queue. */
typedef enum weir_dead_reason {
    WEIR_DEAD_REFUSED,
    WEIR_DEAD_TOO_LARGE,
    WEIR_DEAD_EXPIRED,
    WEIR_DEAD_REASONS
} weir_dead_reason;

/* Items, unless said otherwise. */
typedef struct weir_exporter_meters {
    weir_metric *taken;
    weir_metric *sent;
    weir_metric *send_failed;
    weir_metric *enqueue_failed;
    weir_metric *held;
    weir_metric *rejected[WEIR_REJECT_REASONS];
    weir_metric *returned[WEIR_GIVEUP_REASONS];
    weir_metric *dropped[WEIR_GIVEUP_REASONS];
    weir_metric *dead_letters[WEIR_DEAD_REASONS]; /* of the disk queue, once they are written */
    weir_metric *retries;                         /* attempts after the first */
    weir_metric *in_flight;                       /* requests */
} weir_exporter_meters;

/* Registers the meters of exporter `id` for `signal`. `labels` (may be none) are added to the counters of what was
 * sent. */
void weir_exporter_meters_init(weir_exporter_meters *meters, weir_metrics *metrics, const char *id, weir_signal signal,
                               const weir_label *labels, size_t label_count);

/* The books of one exporter and signal, read from its meters. */
typedef struct weir_exporter_books {
    int64_t taken, sent, rejected, returned, dropped, held;
} weir_exporter_books;

weir_exporter_books weir_exporter_books_read(weir_metrics *metrics, const char *id, weir_signal signal);

#endif
