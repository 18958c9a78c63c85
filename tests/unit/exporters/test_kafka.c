/* SPDX-License-Identifier: Apache-2.0
 *
 * The kafka exporter before a producer that the test plays: what becomes of a push when its messages fare differently.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/kafka/resource_key.h"
#include "kafka/envelope.h"
#include "kafka_fixture.h"
#include "otlp/view.h"

#define lab kafka_lab

static void fresh(weir_signal signal)
{
    kafka_bench_defaults();
    kafka_bench_open(signal);
}

static void expect_outcome(kafka_source *source, weir_outcome_kind kind, uint64_t rejected, int line)
{
    cr_assert(eq(uint, source->completions, 1), "line %d: completed %u times", line, source->completions);
    cr_assert(eq(int, (int)source->outcome.kind, (int)kind), "line %d: %s", line, source->outcome.error.text);
    cr_assert(eq(u64, source->outcome.error.rejected_items, rejected), "line %d", line);
    free(source);
}
#define EXPECT(source, kind) expect_outcome(source, kind, 0, __LINE__)
#define EXPECT_PARTIAL(source, rejected) expect_outcome(source, WEIR_DELIVERED, rejected, __LINE__)

static weir_exporter_books books(void)
{
    return weir_exporter_books_read(lab.metrics, "kafka/test", lab.signal);
}

/* ---- messages and partitions ---- */

/* Every item lies in the partition of its trace id. */
static void expect_co_partitioned(const weir_kafka_record *record)
{
    weir_otlp_items at = weir_otlp_items_of((weir_otlp_kind)lab.signal, record->value);
    while (weir_otlp_items_next(&at)) {
        weir_bytes id = weir_otlp_trace_id(at.kind, at.item);
        cr_assert(eq(int, weir_kafka_partition_of_trace(kafka_hasher_of(&lab.config), id.data, lab.partitions),
                     record->partition));
    }
}

static void expect_one_message_for_each_partition(weir_signal signal)
{
    fresh(signal);
    kafka_source *source = kafka_offer_items(0, 100);
    cr_assert(eq(uint, lab.flying_count, 6));
    cr_assert(eq(u64, kafka_items_flying(), 100));
    for (unsigned i = 0; i < lab.flying_count; i++) {
        cr_assert(eq(sz, lab.flying[i].key.len, 0));
        cr_assert(kafka_header_of(&lab.flying[i], WEIR_KAFKA_SLICES_HEADER) != NULL);
        expect_co_partitioned(&lab.flying[i]);
    }
    while (lab.flying_count > 0) {
        cr_assert(eq(uint, source->completions, 0), "an OK needs the acknowledgement of all messages");
        kafka_acknowledge(lab.flying_count - 1);
    }
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, spans_go_to_the_partition_of_their_trace_in_one_message_each)
{
    expect_one_message_for_each_partition(WEIR_TRACES);
}

Test(kafka, logs_with_a_trace_id_go_to_the_same_partition_as_its_spans)
{
    expect_one_message_for_each_partition(WEIR_LOGS);
}

Test(kafka, metrics_and_spans_that_are_not_partitioned_are_one_message_for_any_partition)
{
    kafka_bench_defaults();
    lab.config.partition_traces_by_id = false;
    lab.partitions = 0; /* and the number of partitions does not matter */
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 50);
    cr_assert(eq(uint, lab.flying_count, 1));
    cr_assert(eq(int, lab.flying[0].partition, -1));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, round_robin_takes_the_partitions_in_turn)
{
    kafka_bench_defaults();
    lab.config.partitioner.round_robin = WEIR_NEW(kafka_no_keys);
    kafka_bench_open(WEIR_TRACES);
    for (int i = 0; i < 7; i++) {
        kafka_source *source = kafka_offer_items(0, 50);
        cr_assert(eq(uint, lab.flying_count, 1));
        cr_assert(eq(int, lab.flying[0].partition, i % 6));
        kafka_acknowledge_all();
        EXPECT(source, WEIR_DELIVERED);
    }
    kafka_bench_close();
}

Test(kafka, murmur2_chooses_other_partitions)
{
    kafka_bench_defaults();
    lab.config.partitioner.sticky_key = WEIR_NEW(kafka_sticky_key);
    lab.config.partitioner.sticky_key->hasher = WEIR_KAFKA_MURMUR2;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    for (unsigned i = 0; i < lab.flying_count; i++)
        expect_co_partitioned(&lab.flying[i]);
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, all_records_of_a_resource_go_to_the_partition_of_its_key)
{
    kafka_bench_defaults();
    lab.config.partition_logs_by_resource_attributes = true;
    kafka_bench_open(WEIR_LOGS);
    kafka_source *source = kafka_offer(kafka_slice(WEIR_LOGS, 0, 50, 10, "a"), NULL);
    cr_assert(eq(uint, lab.flying_count, 1));
    weir_otlp_items at = weir_otlp_items_of(WEIR_OTLP_LOGS, lab.flying[0].value);
    cr_assert(weir_otlp_items_next(&at));
    uint8_t key[KAFKA_RESOURCE_KEY_BYTES];
    kafka_resource_key(at.resource, key);
    cr_assert(eq(int, lab.flying[0].partition,
                 weir_kafka_partition_of(WEIR_KAFKA_SARAMA_COMPAT, (weir_bytes){key, sizeof key}, 6)));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

static weir_metadata *metadata_of(const char *key, const char *value)
{
    const weir_metadata_entry entry = {weir_text_of(key), weir_text_of(value)};
    return weir_metadata_new(&entry, 1, "");
}

Test(kafka, the_metadata_gives_topic_key_and_headers)
{
    kafka_bench_defaults();
    lab.config.signals[WEIR_TRACES].topic_from_metadata_key = weir_strdup("tenant");
    lab.config.signals[WEIR_TRACES].message_key_from_metadata_key = weir_strdup("Tenant");
    lab.config.include_metadata_keys.items = weir_alloc(2, sizeof(char *));
    lab.config.include_metadata_keys.items[0] = weir_strdup("TENANT");
    lab.config.include_metadata_keys.items[1] = weir_strdup("absent");
    lab.config.include_metadata_keys.count = 2;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer(kafka_slice(WEIR_TRACES, 0, 10, 10, NULL), metadata_of("tenant", "blue"));
    cr_assert(eq(uint, lab.flying_count, 1));
    const weir_kafka_record *record = &lab.flying[0];
    const weir_bytes blue = {(const uint8_t *)"blue", 4};
    cr_assert(strcmp(record->topic, "blue") == 0);
    cr_assert(weir_text_is((weir_text){(const char *)record->key.data, record->key.len}, "blue"));
    cr_assert(eq(int, record->partition, weir_kafka_partition_of(WEIR_KAFKA_SARAMA_COMPAT, blue, 6)));
    cr_assert(kafka_header_of(record, "TENANT") && !kafka_header_of(record, "absent"));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, an_attribute_names_the_topic_and_what_cannot_be_one_is_refused)
{
    kafka_bench_defaults();
    lab.config.topic_from_attribute = weir_strdup("topic");
    kafka_bench_open(WEIR_TRACES);
    kafka_source *good = kafka_offer(kafka_slice(WEIR_TRACES, 0, 1, 10, "spans.of-cart"), NULL);
    kafka_source *plain = kafka_offer(kafka_slice(WEIR_TRACES, 0, 1, 10, NULL), NULL);
    kafka_source *bad = kafka_offer(kafka_slice(WEIR_TRACES, 0, 3, 10, "not a topic"), NULL);
    cr_assert(eq(uint, lab.flying_count, 2));
    cr_assert(strcmp(lab.flying[0].topic, "spans.of-cart") == 0);
    cr_assert(strcmp(lab.flying[1].topic, "otlp_spans") == 0);
    expect_outcome(bad, WEIR_REJECTED, 3, __LINE__);
    kafka_acknowledge_all();
    EXPECT(good, WEIR_DELIVERED);
    EXPECT(plain, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, json_is_written_where_it_is_asked_for)
{
    kafka_bench_defaults();
    lab.config.signals[WEIR_TRACES].encoding = KAFKA_OTLP_JSON;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 1);
    cr_assert(eq(uint, lab.flying_count, 1));
    cr_assert(weir_text_starts((weir_text){(const char *)lab.flying[0].value.data, lab.flying[0].value.len},
                               "{\"resourceSpans\":["));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* ---- sizes ---- */

static void expect_split(int encoding)
{
    kafka_bench_defaults();
    lab.config.producer.max_message_bytes = 10000;
    lab.config.signals[WEIR_TRACES].encoding = encoding;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer(kafka_slice(WEIR_TRACES, 0, 300, 500, NULL), NULL);
    cr_assert(ge(uint, lab.flying_count, 16)); /* the fixture looks at the size of each */
    if (encoding == KAFKA_OTLP_PROTO)
        cr_assert(eq(u64, kafka_items_flying(), 300));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, a_push_is_cut_by_the_size_of_its_messages)
{
    expect_split(KAFKA_OTLP_PROTO);
}

Test(kafka, a_push_is_cut_by_the_size_of_its_text)
{
    expect_split(KAFKA_OTLP_JSON);
}

Test(kafka, only_the_item_that_is_too_large_is_refused)
{
    kafka_bench_defaults();
    lab.config.producer.max_message_bytes = 5000;
    lab.config.sender.queue.num_consumers = 1; /* what comes meanwhile is one push with the next */
    kafka_bench_open(WEIR_TRACES);
    kafka_source *large = kafka_offer(kafka_slice(WEIR_TRACES, 100, 1, 6000, NULL), NULL);
    cr_assert(eq(uint, lab.flying_count, 0));
    expect_outcome(large, WEIR_REJECTED, 1, __LINE__);
    kafka_source *small = kafka_offer_items(0, 20);
    unsigned messages = lab.flying_count;
    kafka_acknowledge_all();
    EXPECT(small, WEIR_DELIVERED);
    kafka_source *next = kafka_offer_items(0, 20);
    cr_assert(eq(uint, lab.flying_count, messages), "later pushes are not made smaller");
    kafka_acknowledge_all();
    EXPECT(next, WEIR_DELIVERED);
    cr_assert(eq(long, books().rejected, 1));
    cr_assert(eq(long, books().sent, 40));
    kafka_bench_close();
}

Test(kafka, a_message_that_a_broker_finds_too_large_is_cut)
{
    fresh(WEIR_TRACES);
    lab.partitions = 1;
    kafka_source *source = kafka_offer_items(0, 4);
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    cr_assert(eq(u64, kafka_items_flying(), 4), "whole once more, and alone: it may have been the library's batch");
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    cr_assert(eq(uint, lab.flying_count, 1), "one by one from now on");
    cr_assert(eq(u64, kafka_items_flying(), 2));
    kafka_acknowledge(0);
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false); /* a single item */
    kafka_acknowledge_all();
    EXPECT_PARTIAL(source, 1);
    cr_assert(eq(long, books().sent, 3));
    kafka_bench_close();
}

Test(kafka, messages_that_shared_a_batch_that_was_too_large_are_not_refused_for_it)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 6);
    unsigned messages = lab.flying_count;
    while (lab.flying_count > 1)
        kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    cr_assert(eq(uint, lab.produced_count, messages), "none while another is on its way");
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    for (unsigned i = 0; i < messages; i++) {
        cr_assert(eq(uint, lab.flying_count, 1));
        kafka_acknowledge(0);
    }
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* ---- failures ---- */

Test(kafka, only_the_message_that_failed_is_sent_again)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    unsigned messages = lab.flying_count;
    const void *value = lab.flying[2].value.data;
    kafka_fail(2, WEIR_ERROR_RETRYABLE, false);
    kafka_acknowledge_all();
    cr_assert(eq(uint, source->completions, 0));
    cr_assert(eq(uint, lab.produced_count, messages));
    fake_loop_advance(&lab.loop, 10000);
    cr_assert(eq(uint, lab.flying_count, 1));
    cr_assert(lab.flying[0].value.data == value, "the same bytes");
    kafka_fail(0, WEIR_ERROR_ENDPOINT, false);
    fake_loop_advance(&lab.loop, 15000);
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, what_is_refused_for_good_does_not_hold_the_others)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    uint64_t refused = (uint64_t)kafka_items_of(&lab.flying[1]);
    kafka_fail(1, WEIR_ERROR_PERMANENT, false);
    kafka_acknowledge_all();
    EXPECT_PARTIAL(source, refused);
    cr_assert(eq(u64, (uint64_t)books().sent, 100 - refused));
    kafka_bench_close();
}

Test(kafka, retries_end_where_the_user_wrote_a_limit)
{
    kafka_bench_defaults();
    lab.config.sender.retry.max_elapsed_time_ms = 20000;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    kafka_fail(0, WEIR_ERROR_RETRYABLE, false);
    kafka_acknowledge_all();
    for (int i = 0; i < 3 && source->completions == 0; i++) {
        fake_loop_advance(&lab.loop, 12000);
        kafka_fail(0, WEIR_ERROR_RETRYABLE, false);
    }
    cr_assert(eq(uint, lab.flying_count, 0));
    EXPECT(source, WEIR_RETRY_LATER);
    cr_assert(gt(long, books().sent, 0));
    cr_assert(gt(long, books().returned, 0));
    kafka_bench_close();
}

Test(kafka, without_retries_a_failure_is_the_end)
{
    kafka_bench_defaults();
    lab.config.sender.retry.enabled = false;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 1);
    kafka_fail(0, WEIR_ERROR_RETRYABLE, false);
    EXPECT(source, WEIR_RETRY_LATER);
    kafka_bench_close();
}

Test(kafka, what_was_for_a_partition_that_is_gone_goes_where_it_belongs_now)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    while (lab.flying_count > 3)
        kafka_acknowledge(0);
    uint64_t left = kafka_items_flying();
    lab.partitions = 0;
    while (lab.flying_count > 0)
        kafka_fail(0, WEIR_ERROR_RETRYABLE, true);
    fake_loop_advance(&lab.loop, 10000);
    cr_assert(eq(uint, lab.flying_count, 0), "the topic is not there again yet");
    kafka_partitions_are(2);
    cr_assert(gt(uint, lab.flying_count, 0));
    cr_assert(eq(u64, kafka_items_flying(), left));
    for (unsigned i = 0; i < lab.flying_count; i++)
        expect_co_partitioned(&lab.flying[i]);
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* ---- waiting ---- */

Test(kafka, a_push_waits_until_the_partitions_are_known)
{
    kafka_bench_defaults();
    lab.partitions = 0;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    fake_loop_advance(&lab.loop, 1000);
    cr_assert(eq(uint, lab.flying_count, 0));
    kafka_partitions_are(3);
    cr_assert(eq(uint, lab.flying_count, 3));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, a_topic_that_is_not_there_is_the_endpoints_fault)
{
    kafka_bench_defaults();
    lab.partitions = 0;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    fake_loop_advance(&lab.loop, 6000);
    source->ack.abandoned = true; /* which only a push that the sender has can be given up for */
    fake_loop_advance(&lab.loop, 10000);
    EXPECT(source, WEIR_RETRY_LATER);
    kafka_bench_close();
}

Test(kafka, a_full_library_gets_the_rest_when_it_has_room)
{
    kafka_bench_defaults();
    lab.room = 2;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    cr_assert(eq(uint, lab.flying_count, 2));
    kafka_acknowledge(0);
    cr_assert(eq(uint, lab.flying_count, 2));
    kafka_acknowledge_all();
    cr_assert(eq(uint, lab.produced_count, 6));
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, nothing_is_taken_while_no_broker_can_be_reached)
{
    fresh(WEIR_TRACES);
    weir_error error;
    kafka_state(false);
    fake_loop_advance(&lab.loop, 3000);
    cr_assert(not(lab.exporter->reserve(lab.exporter, 10, 1000, &error)));
    cr_assert(eq(int, (int)error.class_, WEIR_ERROR_RETRYABLE));
    cr_assert(eq(u32, error.retry_after_ms, 3000));
    kafka_state(true);
    cr_assert(lab.exporter->reserve(lab.exporter, 10, 1000, &error));
    lab.exporter->unreserve(lab.exporter, 10, 1000);
    kafka_bench_close();
}

static void count_call(void *user)
{
    (*(unsigned *)user)++;
}

Test(kafka, who_waits_for_room_is_told_when_the_brokers_are_back)
{
    kafka_bench_defaults();
    lab.config.sender.queue.block_on_overflow = true;
    kafka_bench_open(WEIR_TRACES);
    unsigned calls = 0;
    weir_error error;
    lab.exporter->on_room = count_call;
    lab.exporter->on_room_user = &calls;
    kafka_state(false);
    cr_assert(not(lab.exporter->reserve(lab.exporter, 10, 1000, &error)));
    cr_assert(eq(uint, calls, 0));
    kafka_state(true);
    cr_assert(eq(uint, calls, 1));
    kafka_bench_close();
}

Test(kafka, a_push_that_could_not_start_is_sent_as_soon_as_the_brokers_are_back)
{
    kafka_bench_defaults();
    lab.partitions = 0;
    kafka_bench_open(WEIR_TRACES);
    kafka_state(false);
    kafka_source *source = kafka_offer_items(0, 100);
    fake_loop_advance(&lab.loop, 6000); /* it is with the sender again, which backs off */
    lab.partitions = 6;
    kafka_state(true);
    cr_assert(eq(uint, lab.flying_count, 6));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* What only a person can mend is told while the brokers answer: it is no reason to try at once. */
Test(kafka, trouble_that_lasts_does_not_end_the_pause)
{
    kafka_bench_defaults();
    lab.partitions = 0;
    kafka_bench_open(WEIR_TRACES);
    weir_error error;
    kafka_source *source = kafka_offer_items(0, 100);
    fake_loop_advance(&lab.loop, 5100); /* the topic is not there: the push is with the sender, which backs off */
    weir_error_set(&error, WEIR_ERROR_ENDPOINT, WEIR_NOT_FOUND, "no such topic");
    lab.partitions = 6; /* a push that is sent now would show */
    lab.handlers->on_state(lab.handlers->user, true, &error);
    cr_assert(eq(uint, lab.flying_count, 0));
    fake_loop_advance(&lab.loop, 10000);
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, a_push_without_items_is_delivered)
{
    kafka_bench_defaults();
    lab.config.topic_from_attribute = weir_strdup("topic");
    kafka_bench_open(WEIR_TRACES);
    weir_slice nothing = {.chunk = weir_chunk_new(&lab.account, 0), .id = weir_slice_id_next()};
    nothing.data = nothing.chunk->data;
    kafka_source *source = kafka_offer(nothing, NULL);
    EXPECT(source, WEIR_DELIVERED);
    cr_assert(eq(uint, lab.produced_count, 0));
    kafka_bench_close();
}

Test(kafka, a_client_that_could_not_be_started_is_tried_again)
{
    kafka_bench_defaults();
    lab.cannot_open = true;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    cr_assert(eq(uint, lab.flying_count, 0));
    lab.cannot_open = false;
    fake_loop_advance(&lab.loop, 10000);
    cr_assert(eq(uint, lab.flying_count, 6));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* ---- no memory ---- */

Test(kafka, a_push_there_is_no_memory_for_is_sent_later)
{
    kafka_bench_defaults();
    lab.config.topic_from_attribute = weir_strdup("topic");
    lab.has_no_memory = true;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    cr_assert(eq(uint, lab.produced_count, 0));
    lab.has_no_memory = false;
    fake_loop_advance(&lab.loop, 10000);
    cr_assert(eq(u64, kafka_items_flying(), 100));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, a_text_there_is_no_memory_for_is_written_later)
{
    kafka_bench_defaults();
    lab.config.signals[WEIR_TRACES].encoding = KAFKA_OTLP_JSON;
    lab.has_no_memory = true;
    kafka_bench_open(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 1);
    cr_assert(eq(uint, lab.produced_count, 0));
    lab.has_no_memory = false;
    fake_loop_advance(&lab.loop, 10000);
    cr_assert(eq(uint, lab.flying_count, 1));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

Test(kafka, a_message_there_is_no_memory_to_cut_is_cut_later)
{
    fresh(WEIR_TRACES);
    lab.partitions = 1;
    kafka_source *source = kafka_offer_items(0, 100);
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false); /* it may have shared a batch */
    lab.has_no_memory = true;
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    cr_assert(eq(uint, lab.flying_count, 0));
    lab.has_no_memory = false;
    fake_loop_advance(&lab.loop, 10000);
    kafka_fail(0, WEIR_ERROR_TOO_LARGE, false);
    cr_assert(eq(uint, lab.flying_count, 1), "one by one from now on");
    cr_assert(eq(u64, kafka_items_flying(), 50));
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* ---- the end ---- */

Test(kafka, what_is_cancelled_keeps_its_memory_until_it_is_reported)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    kafka_fail(0, WEIR_ERROR_RETRYABLE, false);
    lab.exporter->abandon(lab.exporter);
    EXPECT(source, WEIR_RETRY_LATER);
    cr_assert(eq(uint, lab.flying_count, 5));
    for (unsigned i = 0; i < lab.flying_count; i++)
        cr_assert(gt(i64, kafka_items_of(&lab.flying[i]), 0));
    kafka_acknowledge(0);
    kafka_fail(0, WEIR_ERROR_RETRYABLE, false);
    kafka_bench_close(); /* with three in flight, which the producer gives up */
}

Test(kafka, at_the_end_with_no_broker_the_sources_get_back_what_they_have)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 100);
    kafka_state(false);
    cr_assert(eq(uint, source->completions, 0));
    lab.exporter->drain(lab.exporter);
    EXPECT(source, WEIR_RETRY_LATER);
    kafka_bench_close();
}

Test(kafka, while_draining_a_failure_is_tried_again_soon)
{
    fresh(WEIR_TRACES);
    kafka_source *source = kafka_offer_items(0, 1);
    lab.exporter->drain(lab.exporter);
    kafka_fail(0, WEIR_ERROR_RETRYABLE, false);
    fake_loop_advance(&lab.loop, 300);
    kafka_acknowledge_all();
    EXPECT(source, WEIR_DELIVERED);
    kafka_bench_close();
}

/* ---- the key of a resource ---- */

typedef struct resource_case {
    const char *key;     /* what the Collector's pdatautil.MapHash says, in hex */
    const char *request; /* logs as its ProtoMarshaler writes them, in hex */
} resource_case;

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};
        ret_bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

Test(kafka, the_key_of_a_resource_is_the_collectors)
{
    static const resource_case cases[] = {
        {"00000000000000000000000000000000", "0a11120d120952004a002a030a01780a000a00"},
        {"01a07a53a5cf83248b2bc57f343fe1e8",
         "0a29120d120952004a002a030a01780a000a180a1612060a04636172740a0c736572766963652e6e616d65"},
        {"8c17267b49d5782b176e204d23960563",
         "0aad01120d120952004a002a030a01780a000a9b010a1612060a04636172740a0c736572766963652e6e616d650a10120b18f9ff"
         "ffffffffffffff010a01620a0e120921000000000000f83f0a01610a07120210010a01740a07120210000a01660a0b12000a076e"
         "6f7468696e670a0c12053a030001ff0a037261770a13120b2a090a030a01780a0218030a046c6973740a1d121632140a0812030a"
         "01310a017a0a0812030a01320a01790a036d6170"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        uint8_t bytes[512], key[KAFKA_RESOURCE_KEY_BYTES];
        char hex[2 * KAFKA_RESOURCE_KEY_BYTES + 1];
        size_t len = from_hex(cases[i].request, bytes);
        weir_otlp_items at = weir_otlp_items_of(WEIR_OTLP_LOGS, (weir_bytes){bytes, len});
        cr_assert(weir_otlp_items_next(&at));
        kafka_resource_key(at.resource, key);
        weir_hex(key, sizeof key, hex);
        cr_assert(eq(str, hex, (char *)cases[i].key));
    }
}
