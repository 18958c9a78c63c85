/* SPDX-License-Identifier: Apache-2.0
 *
 * Back pressure. What was read and is not settled is bounded; when it is full, or the pipeline has no room:
 *
 *     READING ── full ──► HOLDING ── still full after HOLD_MS ──► PAUSED ── half empty ──► READING
 *                            └────────── half empty ──────────────────────────────────────────┘
 *
 * Holding leaves the messages that the library has ready where they are, but reads nothing at all, not even that the
 * group is about to share anew: that must not last. Pausing drops what is ready (it is asked for again later), and goes
 * on to listen. An exporter that is only a little slower than Kafka is held back by holding alone.
 */
#include <stdlib.h>

#include "core/memory.h"
#include "receivers/kafka/instance.h"
#include "telemetry/log.h"

enum {
    HOLD_MS = 500,
    WINDOW_ENTRIES_MAX = 50000, /* of all partitions: messages that are not settled, and those behind them */
};

static bool is_full(const kafka_instance *instance)
{
    if (instance->waiting.first || instance->unwritten.first)
        return true;
    if (instance->delivery_count == 0)
        return false; /* whatever its size, one message is let in */
    return instance->in_flight_bytes >= instance->in_flight_bytes_max ||
           weir_account_over_soft_limit(instance->worker.host->account) ||
           instance->window_entries >= WINDOW_ENTRIES_MAX;
}

static bool has_room_again(const kafka_instance *instance)
{
    return !is_full(instance) && instance->in_flight_bytes <= instance->in_flight_bytes_max / 2;
}

/* Pauses what is not paused, or resumes what we have paused. */
static void set_paused(kafka_instance *instance, bool is_paused)
{
    size_t count = 0;
    for (kafka_partition *at = instance->partitions; at; at = at->next)
        count++;
    weir_kafka_position *list = weir_alloc(count + 1, sizeof *list);
    count = 0;
    for (kafka_partition *at = instance->partitions; at; at = at->next) {
        if (at->is_paused == is_paused || at->is_revoking)
            continue;
        at->is_paused = is_paused;
        list[count++] = (weir_kafka_position){.topic = at->topic, .partition = at->number};
    }
    if (count > 0)
        weir_kafka_pause(instance->consumer, list, count, is_paused);
    free(list);
}

void weir__kafka_flow_hold_is_over(void *user)
{
    kafka_instance *instance = user;
    if (instance->flow != KAFKA_HOLDING || !instance->consumer)
        return;
    instance->flow = KAFKA_PAUSED;
    weir_metric_add(instance->shared->counters.pauses, 1);
    weir_log(WEIR_LOG_DEBUG, instance->shared->id, "the exporters are behind: paused in_flight_bytes=%zu",
             instance->in_flight_bytes);
    set_paused(instance, true);
    weir_kafka_hold(instance->consumer, false);
    weir__kafka_flow_update(instance);
}

void weir__kafka_flow_pause_late(kafka_partition *partition)
{
    if (partition->is_paused)
        return;
    const weir_kafka_position place = {.topic = partition->topic, .partition = partition->number};
    partition->is_paused = true;
    weir_kafka_pause(partition->instance->consumer, &place, 1, true);
}

void weir__kafka_flow_update(kafka_instance *instance)
{
    if (!instance->consumer || instance->is_draining)
        return;
    if (instance->flow == KAFKA_READING) {
        if (!is_full(instance))
            return;
        instance->flow = KAFKA_HOLDING;
        weir_kafka_hold(instance->consumer, true);
        weir_timer_start(instance->hold_timer, HOLD_MS);
    } else if (has_room_again(instance)) {
        weir_timer_stop(instance->hold_timer);
        if (instance->flow == KAFKA_HOLDING)
            weir_kafka_hold(instance->consumer, false);
        else
            set_paused(instance, false);
        instance->flow = KAFKA_READING;
    }
}
