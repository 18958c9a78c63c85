/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "../exporters/fake_loop.h"
#include "core/memory.h"

kafka_bench the_bench;

static fake_loop loop;

void bench_advance(uint64_t ms)
{
    fake_loop_advance(&loop, ms);
}

/* ---- the consumer ---- */

static void consumer_hold(weir_kafka_consumer *consumer, bool is_held)
{
    (void)consumer;
    the_bench.is_held = is_held;
}

static void consumer_pause(weir_kafka_consumer *consumer, const weir_kafka_position *partitions, size_t count,
                           bool is_paused)
{
    (void)consumer, (void)partitions;
    *(is_paused ? &the_bench.pauses : &the_bench.resumes) += (unsigned)count;
}

static weir_status consumer_commit(weir_kafka_consumer *consumer, const weir_kafka_position *offsets, size_t count)
{
    (void)consumer;
    cr_assert_leq(count, BENCH_POSITIONS_MAX);
    the_bench.commits++;
    the_bench.committed_count = count;
    for (size_t i = 0; i < count; i++)
        the_bench.committed[i] = offsets[i];
    return WEIR_OK;
}

static bool consumer_watermarks(weir_kafka_consumer *consumer, const char *topic, int32_t partition, int64_t *ret_low,
                                int64_t *ret_high)
{
    (void)consumer, (void)topic, (void)partition;
    *ret_low = the_bench.low;
    *ret_high = the_bench.high;
    return true;
}

static void consumer_revoke_done(weir_kafka_consumer *consumer)
{
    (void)consumer;
    the_bench.revokes_done++;
}

static void consumer_close(weir_kafka_consumer *consumer)
{
    (void)consumer;
    the_bench.is_closed = true;
}

static void consumer_free(weir_kafka_consumer *consumer)
{
    (void)consumer;
    the_bench.is_open = false;
}

static const weir_kafka_consumer_ops consumer_ops = {.hold = consumer_hold,
                                                     .pause = consumer_pause,
                                                     .commit = consumer_commit,
                                                     .watermarks = consumer_watermarks,
                                                     .revoke_done = consumer_revoke_done,
                                                     .close = consumer_close,
                                                     .free = consumer_free};
static weir_kafka_consumer consumer = {&consumer_ops};

static weir_status consumer_open(const weir_worker *worker, const weir_kafka_consumer_settings *settings,
                                 const weir_kafka_consumer_handlers *handlers, weir_kafka_consumer **ret_consumer,
                                 weir_error *ret_error)
{
    (void)worker, (void)ret_error;
    cr_assert_eq(settings->topic_count, 1, "only topics of signals that a pipeline takes are read");
    cr_assert_str_eq(settings->topics[0], "spans");
    the_bench.handlers = *handlers;
    the_bench.is_open = true;
    *ret_consumer = &consumer;
    return WEIR_OK;
}

/* ---- the producer ---- */

static weir_status producer_produce(weir_kafka_producer *producer, const weir_kafka_record *record,
                                    weir_error *ret_error)
{
    (void)producer;
    if (the_bench.produce_status != WEIR_OK)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, the_bench.produce_status, "as the test says");
    cr_assert_lt(the_bench.record_count, BENCH_RECORDS_MAX);
    the_bench.records[the_bench.record_count++] = record;
    return WEIR_OK;
}

static void producer_free(weir_kafka_producer *producer)
{
    (void)producer;
}

static const weir_kafka_producer_ops producer_ops = {.produce = producer_produce, .free = producer_free};
static weir_kafka_producer producer = {&producer_ops};

static weir_status producer_open(const weir_worker *worker, const weir_kafka_producer_settings *settings,
                                 const weir_kafka_producer_handlers *handlers, weir_kafka_producer **ret_producer,
                                 weir_error *ret_error)
{
    (void)worker, (void)ret_error;
    cr_assert_eq(settings->required_acks, -1, "a dead letter is safe before its message counts as read");
    cr_assert_geq(settings->buffer_bytes_max, settings->message_bytes_max, "the largest message gets in");
    cr_assert(settings->working_bytes > 0 && settings->working_bytes <= 4 << 20, "one bad message costs no throughput");
    the_bench.producer_handlers = *handlers;
    *ret_producer = &producer;
    return WEIR_OK;
}

static void report(unsigned index, const weir_error *error)
{
    const weir_kafka_report report = {.user = the_bench.records[index]->user, .error = error};
    the_bench.producer_handlers.on_report(the_bench.producer_handlers.user, &report);
}

void bench_report(unsigned index, bool is_ok)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "as the test says");
    report(index, is_ok ? NULL : &error);
}

void bench_report_too_large(unsigned index)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, "as the test says");
    report(index, &error);
}

/* ---- messages ---- */

static bool message_header(const weir_kafka_message *message, size_t index, weir_kafka_header *ret_header)
{
    (void)message;
    if (index > 0)
        return false;
    *ret_header = (weir_kafka_header){WEIR_TEXT("tenant"), {(const uint8_t *)"acme", 4}};
    return true;
}

static void message_free(weir_kafka_message *message)
{
    the_bench.messages--;
    free(message);
}

static const weir_kafka_message_ops message_ops = {.header = message_header, .free = message_free};

void bench_message_of(int32_t partition, int64_t offset, const void *value, size_t len)
{
    weir_kafka_message *message = WEIR_NEW(weir_kafka_message);
    *message = (weir_kafka_message){.ops = &message_ops,
                                    .topic = "spans",
                                    .partition = partition,
                                    .offset = offset,
                                    .timestamp_ms = 500,
                                    .value = {value, len}};
    the_bench.messages++;
    the_bench.handlers.on_message(the_bench.handlers.user, message);
}

void bench_message(int32_t partition, int64_t offset)
{
    static const uint8_t one_span[] = {0x0a, 4, 0x12, 2, 0x12, 0};
    bench_message_of(partition, offset, one_span, sizeof one_span);
}

/* ---- the pipeline ---- */

struct weir_entry {
    weir_signal signal;
};
static weir_entry entry = {WEIR_TRACES};

void weir_entry_offer(weir_entry *offered_to, weir_batch *batch)
{
    cr_assert_eq(offered_to->signal, batch->signal);
    cr_assert(batch->ack->replays, "no queue in between may answer for the push");
    cr_assert_lt(the_bench.offered, BENCH_BATCHES_MAX);
    unsigned index = the_bench.offered++;
    if (the_bench.holds)
        the_bench.held[index] = batch;
    else
        weir_batch_complete(batch, &the_bench.outcome);
}

void bench_complete(unsigned index, weir_outcome_kind kind)
{
    const weir_outcome outcome = {.kind = kind};
    weir_batch_complete(WEIR_TAKE(the_bench.held[index]), &outcome);
}

/* ---- the group ---- */

void bench_assign(int32_t count, int64_t committed)
{
    weir_kafka_assigned partitions[BENCH_POSITIONS_MAX];
    for (int32_t i = 0; i < count; i++)
        partitions[i] = (weir_kafka_assigned){
            .topic = "spans", .partition = i, .committed = committed, .is_topic_started = committed >= 0};
    the_bench.handlers.on_assigned(the_bench.handlers.user, partitions, (size_t)count);
}

void bench_revoke(int32_t count, bool are_lost)
{
    weir_kafka_position partitions[BENCH_POSITIONS_MAX];
    for (int32_t i = 0; i < count; i++)
        partitions[i] = (weir_kafka_position){.topic = "spans", .partition = i};
    the_bench.handlers.on_revoked(the_bench.handlers.user, partitions, (size_t)count, are_lost);
}

void bench_commit_answer(bool is_ok)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "as the test says");
    the_bench.handlers.on_committed(the_bench.handlers.user, is_ok ? NULL : &error);
}

int64_t bench_committed(int32_t partition)
{
    for (size_t i = 0; i < the_bench.committed_count; i++)
        if (the_bench.committed[i].partition == partition)
            return the_bench.committed[i].offset;
    return -1;
}

/* ---- start and stop ---- */

static const kafka_library_ops library = {.consumer_open = consumer_open, .producer_open = producer_open};

void bench_start(void)
{
    fake_loop_init(&loop);
    the_bench = (kafka_bench){.metrics = weir_metrics_new(), .outcome = {.kind = WEIR_DELIVERED}};
    weir_account_init(&the_bench.account, 64 << 20, 48 << 20);
    the_bench.host = (weir_host){.account = &the_bench.account, .metrics = the_bench.metrics, .workers = 1};
    static char group[] = "group", dead[] = "dead", spans[] = "spans";
    the_bench.config = (kafka_config){.autocommit.interval_ms = 1000,
                                      .group_id = group,
                                      .dead_letter_topic = dead,
                                      .topics[WEIR_TRACES].topic = spans};
    the_bench.shared =
        (kafka_shared){.host = &the_bench.host, .id = "kafka", .config = &the_bench.config, .library = &library};
    weir__kafka_counters_init(&the_bench.shared.counters, the_bench.metrics, "kafka");
    const weir_worker worker = {.loop = &loop.super, .host = &the_bench.host};
    weir_entry *const entries[WEIR_SIGNALS] = {[WEIR_TRACES] = &entry};
    the_bench.instance = weir__kafka_instance_new(&the_bench.shared, &worker, entries);
    weir__kafka_instance_start(the_bench.instance);
}

void bench_stop(void)
{
    for (unsigned i = 0; i < the_bench.offered; i++)
        if (the_bench.held[i])
            bench_complete(i, WEIR_RETRY_LATER);
    weir__kafka_instance_free(the_bench.instance);
    cr_assert_not(the_bench.is_open);
    cr_assert_eq(the_bench.messages, 0, "every message is freed");
    cr_assert_eq(weir_account_used(&the_bench.account), 0, "no memory is reserved any more");
    fake_loop_done(&loop);
    weir_metrics_free(the_bench.metrics);
}
