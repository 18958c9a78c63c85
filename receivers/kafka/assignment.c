/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions come and go, and offsets are committed behind the acknowledgements.
 *
 * A revocation waits for what is in flight, for REVOCATION_MS at most, commits what is settled by then, and lets go:
 *
 *     on_revoked ─► WAITING_FOR_DELIVERIES ─► WAITING_FOR_COMMIT ─► weir_kafka_revoke_done
 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "receivers/kafka/instance.h"
#include "telemetry/log.h"

enum {
    /* Well below session_timeout's default, and what Kafka gives members to let go (max.poll.interval.ms, 5 minutes). */
    REVOCATION_MS = 5000,
    REVOCATION_COMMIT_MS = 3000,
};

/* ---- partitions ---- */

static weir_signal signal_of(const kafka_instance *instance, const char *topic)
{
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++)
        if (instance->entries[signal] && weir__kafka_topic_is_of(instance->shared->config, signal, topic))
            return signal;
    return WEIR_SIGNALS;
}

static kafka_partition *partition_new(kafka_instance *instance, const char *topic, int32_t number, weir_signal signal)
{
    kafka_partition *partition = WEIR_NEW(kafka_partition);
    *partition = (kafka_partition){.next = instance->partitions,
                                   .instance = instance,
                                   .topic = weir_strdup(topic),
                                   .number = number,
                                   .signal = signal,
                                   .window.position = -1,
                                   .next_offset = -1,
                                   .committed = -1,
                                   .being_committed = -1};
    const kafka_shared *shared = instance->shared;
    weir__kafka_partition_counters_init(&partition->counters, shared->host->metrics, shared->id, topic, number, signal,
                                        shared->config->telemetry.metrics.records_delay.enabled);
    instance->partitions = partition;
    return partition;
}

/* Messages come in runs of one partition: what is found moves to the front, where the next search begins. */
kafka_partition *weir__kafka_partition_find(kafka_instance *instance, const char *topic, int32_t number)
{
    for (kafka_partition **link = &instance->partitions; *link; link = &(*link)->next) {
        kafka_partition *at = *link;
        if (at->number != number || strcmp(at->topic, topic) != 0)
            continue;
        *link = at->next;
        at->next = instance->partitions;
        instance->partitions = at;
        return at;
    }
    return NULL;
}

void weir__kafka_partition_check(kafka_partition *partition)
{
    if (!partition->is_gone || partition->deliveries)
        return;
    weir__kafka_window_done(&partition->window);
    free(partition->topic);
    free(partition);
}

/* Takes it out of the list; what is on its way for it counts for nothing from now on. */
static void partition_go(kafka_partition *partition)
{
    kafka_instance *instance = partition->instance;
    kafka_partition **link = &instance->partitions;
    while (*link != partition)
        link = &(*link)->next;
    *link = partition->next;
    partition->is_gone = true;
    instance->window_entries -= partition->window.count;
    weir_metric_set(partition->counters.offset_lag, 0);
    weir_metric_set(partition->counters.oldest_age_ms, 0);
    weir_metric_set(partition->counters.oldest_written_ms, 0);
    weir_metric_add(instance->shared->counters.partition_close, 1);
    for (kafka_delivery *at = partition->deliveries; at; at = at->next)
        at->ack.abandoned = true;
    if (partition->deliveries)
        weir__kafka_deliveries_drop_waiting(partition);
    else
        weir__kafka_partition_check(partition);
}

void weir__kafka_assignment_drop(kafka_instance *instance)
{
    while (instance->partitions)
        partition_go(instance->partitions);
    instance->revocation = KAFKA_NOT_REVOKING;
    instance->commits_out = 0;
    weir_timer_stop(instance->revocation_timer);
}

/* ---- what was lost ---- */

static void count_loss(const kafka_partition *partition, int64_t from, int64_t to)
{
    weir_metric_add(partition->counters.losses, 1);
    weir_metric_add(partition->counters.lost_messages, to - from);
    weir_log(WEIR_LOG_ERROR, partition->instance->shared->id,
             "Kafka had dropped messages before they were read: lost topic=%s partition=%d from=%lld to=%lld "
             "remedy=\"give the topic a longer retention, or read faster\"",
             partition->topic, partition->number, (long long)from, (long long)to - 1);
}

void weir__kafka_on_damaged(void *user, const char *topic, int32_t number, int64_t offset, const char *text)
{
    kafka_instance *instance = user;
    const kafka_partition *partition = weir__kafka_partition_find(instance, topic, number);
    if (!partition || partition->is_revoking)
        return;
    weir_metric_add(partition->counters.losses, 1);
    weir_log(WEIR_LOG_ERROR, instance->shared->id,
             "messages are damaged in Kafka: lost topic=%s partition=%d from=%lld error=\"%s\"", topic, number,
             (long long)offset, text);
}

/* The topic was deleted and made again: what had not been read of the old one is lost, and nobody knows how much. */
static kafka_partition *begin_anew(kafka_partition *old, int64_t offset)
{
    kafka_instance *instance = old->instance;
    weir_metric_add(old->counters.losses, 1);
    weir_log(WEIR_LOG_ERROR, instance->shared->id,
             "the topic was made again: what had not been read of the old one is lost topic=%s partition=%d from=%lld "
             "now_at=%lld",
             old->topic, old->number, (long long)old->next_offset, (long long)offset);
    kafka_partition *partition = partition_new(instance, old->topic, old->number, old->signal);
    partition->is_paused = old->is_paused;
    partition_go(old);
    weir_metric_add(instance->shared->counters.partition_start, 1);
    return partition;
}

kafka_partition *weir__kafka_partition_advance(kafka_partition *partition, int64_t offset)
{
    const int64_t expected = partition->next_offset;
    int64_t low, high;
    if (expected < 0 || offset == expected)
        return partition;
    if (offset < expected)
        return begin_anew(partition, offset);
    /* A gap alone is no loss: compacted topics and transactions have them. What lies before the log's start is. */
    if (weir_kafka_watermarks(partition->instance->consumer, partition->topic, partition->number, &low, &high) &&
        low > expected)
        count_loss(partition, expected, low < offset ? low : offset);
    return partition;
}

void weir__kafka_on_end(void *user, const char *topic, int32_t number, int64_t offset)
{
    kafka_instance *instance = user;
    kafka_partition *partition = weir__kafka_partition_find(instance, topic, number);
    if (!partition || partition->is_revoking || offset < 0)
        return;
    partition = weir__kafka_partition_advance(partition, offset);
    partition->next_offset = offset;
    weir__kafka_window_skip_to(&partition->window, offset);
    if (partition->committed < 0 && partition->being_committed < 0)
        weir__kafka_commit(instance); /* from now on this is where the group began */
}

/* ---- assignment ---- */

static int64_t start_of(const kafka_instance *instance, const weir_kafka_assigned *assigned)
{
    if (assigned->committed >= 0)
        return assigned->committed;
    /* A partition without an offset in a topic that has some was added since: nothing in it was ever read. */
    bool is_latest = instance->shared->config->initial_offset == KAFKA_LATEST && !assigned->is_topic_started;
    return is_latest ? WEIR_KAFKA_LATEST : WEIR_KAFKA_EARLIEST;
}

void weir__kafka_on_assigned(void *user, weir_kafka_assigned *partitions, size_t count)
{
    kafka_instance *instance = user;
    for (size_t i = 0; i < count; i++) {
        weir_kafka_assigned *assigned = &partitions[i];
        assigned->start = start_of(instance, assigned);
        weir_signal signal = signal_of(instance, assigned->topic);
        if (signal == WEIR_SIGNALS || weir__kafka_partition_find(instance, assigned->topic, assigned->partition))
            continue;
        kafka_partition *partition = partition_new(instance, assigned->topic, assigned->partition, signal);
        partition->committed = assigned->committed;
        partition->window.position = assigned->committed;
        partition->next_offset = assigned->committed;
        weir_metric_add(instance->shared->counters.partition_start, 1);
    }
    weir_log(WEIR_LOG_INFO, instance->shared->id, "partitions assigned count=%zu worker=%u", count,
             instance->worker.index);
}

/* ---- commits ---- */

static bool is_to_commit(const kafka_partition *partition)
{
    return partition->window.position >= 0 && partition->window.position != partition->committed;
}

/* True if an answer will come. */
static bool commit_now(kafka_instance *instance)
{
    size_t count = 0;
    for (const kafka_partition *at = instance->partitions; at; at = at->next)
        count += is_to_commit(at);
    if (count == 0)
        return false;
    weir_kafka_position *offsets = weir_alloc(count, sizeof *offsets);
    count = 0;
    for (kafka_partition *at = instance->partitions; at; at = at->next) {
        at->being_committed = is_to_commit(at) ? at->window.position : -1;
        if (at->being_committed >= 0)
            offsets[count++] = (weir_kafka_position){at->topic, at->number, at->being_committed};
    }
    bool is_out = weir_kafka_commit(instance->consumer, offsets, count) == WEIR_OK;
    instance->commits_out += is_out;
    free(offsets);
    return is_out;
}

void weir__kafka_commit(kafka_instance *instance)
{
    if (!instance->consumer)
        return;
    if (instance->commits_out)
        instance->commit_again = true;
    else
        commit_now(instance);
}

static void finish_revocation(kafka_instance *instance);

void weir__kafka_on_committed(void *user, const weir_error *error)
{
    kafka_instance *instance = user;
    const kafka_counters *counters = &instance->shared->counters;
    WEIR_ASSERT(instance->commits_out > 0);
    instance->commits_out--;
    weir_metric_add(error ? counters->commits_failed : counters->commits, 1);
    if (error)
        weir_log(WEIR_LOG_WARN, instance->shared->id, "offsets could not be committed: again later error=\"%s\"",
                 error->text);
    if (instance->commits_out > 0)
        return; /* what is being committed was asked for after this one */
    for (kafka_partition *at = instance->partitions; at; at = at->next) {
        if (!error && at->being_committed >= 0)
            at->committed = at->being_committed;
        at->being_committed = -1;
    }
    if (instance->revocation == KAFKA_WAITING_FOR_COMMIT) {
        finish_revocation(instance);
    } else if (instance->revocation == KAFKA_WAITING_FOR_DELIVERIES) {
        weir__kafka_revocation_check(instance);
    } else if (instance->commit_again) {
        instance->commit_again = false;
        commit_now(instance);
    }
}

/* ---- revocation ---- */

/* Those that we paused stay paused in the library, also when they are given to us again. */
static void resume(kafka_partition *partition)
{
    const weir_kafka_position place = {.topic = partition->topic, .partition = partition->number};
    if (partition->is_paused)
        weir_kafka_pause(partition->instance->consumer, &place, 1, false);
    partition->is_paused = false;
}

static void let_go(kafka_instance *instance)
{
    kafka_partition *next;
    for (kafka_partition *at = instance->partitions; at; at = next) {
        next = at->next;
        if (at->is_revoking)
            partition_go(at);
    }
}

static void finish_revocation(kafka_instance *instance)
{
    instance->revocation = KAFKA_NOT_REVOKING;
    weir_timer_stop(instance->revocation_timer);
    let_go(instance);
    weir_kafka_revoke_done(instance->consumer);
}

static void commit_for_revocation(kafka_instance *instance)
{
    instance->revocation = KAFKA_WAITING_FOR_COMMIT;
    weir_timer_start(instance->revocation_timer, REVOCATION_COMMIT_MS);
    if (!commit_now(instance))
        finish_revocation(instance);
}

void weir__kafka_revocation_check(kafka_instance *instance)
{
    if (instance->revocation != KAFKA_WAITING_FOR_DELIVERIES || instance->commits_out)
        return;
    for (const kafka_partition *at = instance->partitions; at; at = at->next)
        if (at->is_revoking && at->deliveries)
            return;
    commit_for_revocation(instance);
}

void weir__kafka_revocation_timed_out(void *user)
{
    kafka_instance *instance = user;
    if (instance->revocation == KAFKA_WAITING_FOR_COMMIT) {
        finish_revocation(instance);
        return;
    }
    size_t left = 0;
    for (const kafka_partition *at = instance->partitions; at; at = at->next)
        for (const kafka_delivery *delivery = at->is_revoking ? at->deliveries : NULL; delivery;
             delivery = delivery->next)
            left++;
    if (left > 0)
        weir_log(WEIR_LOG_WARN, instance->shared->id,
                 "partitions were given up while messages were on their way: they may be sent again messages=%zu",
                 left);
    commit_for_revocation(instance);
}

void weir__kafka_on_revoked(void *user, const weir_kafka_position *partitions, size_t count, bool are_lost)
{
    kafka_instance *instance = user;
    weir_log(WEIR_LOG_INFO, instance->shared->id, "partitions %s count=%zu worker=%u", are_lost ? "lost" : "revoked",
             count, instance->worker.index);
    for (size_t i = 0; i < count; i++) {
        kafka_partition *partition = weir__kafka_partition_find(instance, partitions[i].topic, partitions[i].partition);
        if (!partition)
            continue;
        resume(partition);
        partition->is_revoking = true;
        if (!are_lost)
            weir__kafka_deliveries_drop_waiting(partition);
    }
    if (are_lost) {
        let_go(instance);
        return;
    }
    instance->revocation = KAFKA_WAITING_FOR_DELIVERIES;
    if (instance->is_closing && !instance->commits_out)
        commit_for_revocation(instance); /* it has been waited for */
    else
        weir_timer_start(instance->revocation_timer, REVOCATION_MS);
    weir__kafka_revocation_check(instance);
}

/* ---- gauges ---- */

/* How long ago it was written what is read and not acknowledged; clocks differ. */
static int64_t oldest_written_ms(const kafka_partition *partition)
{
    const kafka_window_entry *first = partition->window.first;
    int64_t now_ms = (int64_t)(weir_loop_wall_ns(partition->instance->worker.loop) / 1000000);
    return first && first->written_ms >= 0 && first->written_ms < now_ms ? now_ms - first->written_ms : 0;
}

void weir__kafka_partitions_measure(kafka_instance *instance)
{
    uint64_t now_ns = weir_loop_now_ns(instance->worker.loop);
    for (const kafka_partition *at = instance->partitions; at; at = at->next) {
        int64_t low, high;
        uint64_t oldest_ns = weir__kafka_window_oldest_ns(&at->window);
        weir_metric_set(at->counters.oldest_age_ms, oldest_ns ? (int64_t)((now_ns - oldest_ns) / 1000000) : 0);
        weir_metric_set(at->counters.oldest_written_ms, oldest_written_ms(at));
        if (at->window.position >= 0 && weir_kafka_watermarks(instance->consumer, at->topic, at->number, &low, &high))
            weir_metric_set(at->counters.offset_lag, high > at->window.position ? high - at->window.position : 0);
    }
}
