/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "receivers/kafka/instance.h"
#include "telemetry/log.h"

enum {
    MESSAGE_OVERHEAD_BYTES = 1024, /* a delivery and what the library keeps with a message */
    BACKOFF_MS_MIN = 100,
    BACKOFF_MS_MAX = 5000,
};

/* ---- lists ---- */

void weir__kafka_list_append(kafka_delivery_list *list, kafka_delivery *delivery)
{
    delivery->previous_waiting = list->last;
    delivery->next_waiting = NULL;
    if (list->last)
        list->last->next_waiting = delivery;
    else
        list->first = delivery;
    list->last = delivery;
}

void weir__kafka_list_remove(kafka_delivery_list *list, kafka_delivery *delivery)
{
    kafka_delivery *before = delivery->previous_waiting, *after = delivery->next_waiting;
    if (before)
        before->next_waiting = after;
    else
        list->first = after;
    if (after)
        after->previous_waiting = before;
    else
        list->last = before;
}

/* ---- arrival ---- */

static void outcome_arrived(weir_ack *ack, const weir_outcome *outcome);

static void free_message(void *owner)
{
    weir_kafka_message_free(owner);
}

static kafka_delivery *delivery_new(kafka_partition *partition, weir_kafka_message *takes_message)
{
    kafka_instance *instance = partition->instance;
    kafka_delivery *delivery = WEIR_NEW(kafka_delivery);
    size_t cost = takes_message->key.len + takes_message->value.len + MESSAGE_OVERHEAD_BYTES;
    *delivery = (kafka_delivery){
        .ack = {.complete = outcome_arrived, .replays = true, .bury = weir__kafka_dead_letter_bury},
        .partition = partition,
        .entry =
            weir__kafka_window_add(&partition->window, takes_message->offset, weir_loop_now_ns(instance->worker.loop)),
        .message = takes_message,
        .chunk = weir_chunk_new_foreign(instance->worker.host->account, cost, free_message, takes_message),
        .cost = cost,
        .next = partition->deliveries,
    };
    delivery->entry->written_ms = takes_message->timestamp_ms;
    if (delivery->next)
        delivery->next->previous = delivery;
    partition->deliveries = delivery;
    instance->delivery_count++;
    instance->window_entries++;
    instance->in_flight_bytes += cost;
    weir_metric_add(instance->shared->counters.in_flight_bytes, (int64_t)cost);
    return delivery;
}

static double age_s(const kafka_instance *instance, const weir_kafka_message *message)
{
    double now_s = (double)weir_loop_wall_ns(instance->worker.loop) / 1e9;
    double age = now_s - (double)message->timestamp_ms / 1e3;
    return age > 0 ? age : 0; /* clocks differ */
}

static void count_arrival(const kafka_partition *partition, const weir_kafka_message *message)
{
    const kafka_partition_counters *counters = &partition->counters;
    weir_metric_add(counters->messages, 1);
    weir_metric_add(counters->records, 1);
    weir_metric_add(counters->bytes, (int64_t)(message->key.len + message->value.len));
    weir_metric_set(counters->current_offset, message->offset);
    if (counters->records_delay && message->timestamp_ms >= 0)
        weir_histogram_record(counters->records_delay, age_s(partition->instance, message));
}

static void offer(kafka_delivery *delivery);

void weir__kafka_on_message(void *user, weir_kafka_message *takes_message)
{
    kafka_instance *instance = user;
    kafka_partition *partition = weir__kafka_partition_find(instance, takes_message->topic, takes_message->partition);
    /* What the library held ready for a partition that is being taken away is its successor's. */
    if (!partition || partition->is_revoking || instance->is_draining) {
        weir_kafka_message_free(takes_message);
        return;
    }
    partition = weir__kafka_partition_advance(partition, takes_message->offset);
    partition->next_offset = takes_message->offset + 1;
    count_arrival(partition, takes_message);
    bool is_first = partition->committed < 0 && !partition->window.first;
    kafka_delivery *delivery = delivery_new(partition, takes_message);
    if (is_first)
        weir__kafka_commit(instance); /* from now on this is where the group began */
    if (instance->flow == KAFKA_PAUSED)
        weir__kafka_flow_pause_late(partition);
    offer(delivery);
    weir__kafka_flow_update(instance);
}

/* ---- to the pipeline ---- */

/* The pipeline's delay is for clients far away: to offer again costs next to nothing here, and what waits for an
 * exporter that has long had room again is time lost. So it is done when half of what is on its way is through, or by
 * the clock if nothing is. */
static void wait_to_offer(kafka_delivery *delivery)
{
    kafka_instance *instance = delivery->partition->instance;
    bool is_first = !instance->waiting.first;
    delivery->is_waiting = true;
    weir__kafka_list_append(&instance->waiting, delivery);
    if (!is_first)
        return;
    if (instance->backoff_ms < BACKOFF_MS_MIN)
        instance->backoff_ms = BACKOFF_MS_MIN;
    instance->in_pipeline_to_offer = instance->in_pipeline_count / 2;
    weir_timer_start(instance->waiting_timer, instance->backoff_ms);
    instance->backoff_ms = instance->backoff_ms < BACKOFF_MS_MAX / 2 ? instance->backoff_ms * 2 : BACKOFF_MS_MAX;
}

/* The outcome may arrive before this returns: the delivery is not touched afterwards. */
static void offer(kafka_delivery *delivery)
{
    kafka_partition *partition = delivery->partition;
    weir_batch *batch = NULL;
    weir_error error = {0};
    weir_status status = weir__kafka_content_read(delivery, &batch, &error);
    if (status == WEIR_NO_MEMORY) {
        wait_to_offer(delivery);
    } else if (status != WEIR_OK) {
        weir_metric_add(partition->counters.unmarshal_failed, 1);
        weir__kafka_dead_letter_write_unread(delivery, &error);
    } else if (!batch) {
        weir__kafka_delivery_settle(delivery);
    } else {
        delivery->items = batch->items;
        delivery->refused_items = 0;
        delivery->is_in_pipeline = true;
        partition->instance->in_pipeline_count++;
        weir_entry_offer(partition->instance->entries[partition->signal], batch);
    }
}

void weir__kafka_offer_waiting(void *user)
{
    kafka_instance *instance = user;
    kafka_delivery_list due = instance->waiting;
    instance->waiting = (kafka_delivery_list){0};
    while (due.first && !instance->waiting.first) {
        kafka_delivery *delivery = due.first;
        weir__kafka_list_remove(&due, delivery);
        delivery->is_waiting = false;
        weir_metric_add(instance->shared->counters.offered_again, 1);
        offer(delivery);
    }
    /* One was refused on the spot: the others wait behind it. */
    while (due.first) {
        kafka_delivery *delivery = due.first;
        weir__kafka_list_remove(&due, delivery);
        weir__kafka_list_append(&instance->waiting, delivery);
    }
    weir__kafka_flow_update(instance);
}

/* ---- and back ---- */

static void accepted(kafka_delivery *delivery)
{
    kafka_partition *partition = delivery->partition;
    kafka_instance *instance = partition->instance;
    const kafka_counters *counters = &instance->shared->counters;
    /* Several exporters may have refused the same items. */
    uint64_t refused = delivery->refused_items < delivery->items ? delivery->refused_items : delivery->items;
    weir_metric_add(counters->accepted[partition->signal], (int64_t)(delivery->items - refused));
    weir_metric_add(counters->refused[partition->signal], (int64_t)refused);
    if (delivery->message->timestamp_ms >= 0)
        weir_histogram_record(counters->end_to_end[partition->signal], age_s(instance, delivery->message));
    if (partition->is_gone)
        weir_metric_add(counters->dropped_acknowledgements, 1);
    instance->backoff_ms = 0;
    if (instance->waiting.first && instance->in_pipeline_count <= instance->in_pipeline_to_offer)
        weir_timer_start(instance->waiting_timer, 0);
    weir__kafka_delivery_settle(delivery);
}

static void outcome_arrived(weir_ack *ack, const weir_outcome *outcome)
{
    kafka_delivery *delivery = WEIR_CONTAINER(ack, kafka_delivery, ack);
    kafka_partition *partition = delivery->partition;
    kafka_instance *instance = partition->instance;
    WEIR_ASSERT(delivery->is_in_pipeline);
    delivery->is_in_pipeline = false;
    instance->in_pipeline_count--;
    if (outcome->kind == WEIR_DELIVERED) {
        accepted(delivery);
    } else if (partition->is_gone || partition->is_revoking || instance->is_draining || instance->is_freed) {
        weir__kafka_delivery_drop(delivery); /* whoever reads the partition next reads this message too */
    } else if (outcome->kind == WEIR_REJECTED) {
        weir_metric_add(instance->shared->counters.refused[partition->signal], (int64_t)delivery->items);
        weir__kafka_dead_letter_write_refused(delivery, &outcome->error);
    } else {
        wait_to_offer(delivery);
        weir__kafka_flow_update(instance);
    }
}

/* ---- the end ---- */

static void delivery_free(kafka_delivery *takes)
{
    kafka_partition *partition = takes->partition;
    kafka_instance *instance = partition->instance;
    WEIR_ASSERT(!takes->is_in_pipeline && !takes->is_waiting);
    if (takes->previous)
        takes->previous->next = takes->next;
    else
        partition->deliveries = takes->next;
    if (takes->next)
        takes->next->previous = takes->previous;
    WEIR_ASSERT(instance->delivery_count > 0 && instance->in_flight_bytes >= takes->cost);
    instance->delivery_count--;
    instance->in_flight_bytes -= takes->cost;
    weir_metric_add(instance->shared->counters.in_flight_bytes, -(int64_t)takes->cost);
    weir__kafka_dead_letter_free(takes->dead_letter);
    weir_chunk_unref(takes->chunk);
    free(takes);
    weir__kafka_partition_check(partition);
    weir__kafka_instance_check(instance);
}

void weir__kafka_delivery_settle(kafka_delivery *takes)
{
    kafka_partition *partition = takes->partition;
    size_t before = partition->window.count;
    weir__kafka_window_settle(&partition->window, takes->entry);
    if (!partition->is_gone)
        partition->instance->window_entries -= before - partition->window.count;
    delivery_free(takes);
}

void weir__kafka_delivery_drop(kafka_delivery *takes)
{
    if (takes->is_waiting)
        weir__kafka_list_remove(&takes->partition->instance->waiting, takes);
    takes->is_waiting = false;
    delivery_free(takes);
}

void weir__kafka_deliveries_drop_waiting(kafka_partition *partition)
{
    kafka_letter_list letters = weir__kafka_dead_letters_take(partition->instance, partition);
    kafka_delivery *next;
    for (kafka_delivery *at = partition->deliveries; at; at = next) {
        next = at->next; /* with the last one the partition may be freed */
        if (at->is_waiting)
            weir__kafka_delivery_drop(at);
    }
    weir__kafka_dead_letters_give_up(letters);
}
