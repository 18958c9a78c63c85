/* SPDX-License-Identifier: Apache-2.0
 *
 * Dead letters of some of a message's items: what an exporter hands to the acknowledgement's `bury`.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "../exporters/traces.h"
#include "core/memory.h"
#include "kafka/envelope.h"
#include "kafka_bench.h"
#include "otlp/rewrite.h"

enum { SPANS = 5, OFFSET = 7 };

static weir_slice message_spans; /* what the messages hold */

static void start(void)
{
    bench_start();
    the_bench.holds = true;
    message_spans = traces_slice(0, SPANS);
    bench_assign(1, OFFSET);
}

static void stop(void)
{
    bench_stop();
    weir_slice_done(&message_spans);
}

TestSuite(kafka_dead_letters, .init = start, .fini = stop);

static int64_t metric(const char *name)
{
    return weir_metrics_sum(the_bench.metrics, name, NULL, 0);
}

/* The message is offered to the pipeline. */
static void message_arrives(void)
{
    bench_message_of(0, OFFSET, message_spans.data, message_spans.len);
    cr_assert_eq(the_bench.offered, 1);
}

static bool is_picked(void *context, const weir_otlp_items *at)
{
    const unsigned *picked = context;
    return (*picked >> at->index & 1) != 0;
}

/* An exporter refuses the items whose bits are set in `picked`; the acknowledgement of the batch is split first. */
static void refuse(unsigned picked, const char *reason)
{
    weir_batch *batch = the_bench.held[0];
    weir_slice part;
    weir_error error = {0};
    cr_assert(weir_otlp_filter(WEIR_OTLP_TRACES, &batch->slices[0], is_picked, &picked, &part) == WEIR_OK);
    weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s", reason);
    batch->ack = weir_ack_split(batch->ack, 2);
    weir_ack *whole = (weir_ack *)(uintptr_t)weir_ack_whole(batch->ack);
    whole->bury(whole, weir_batch_new(WEIR_TRACES, &part, batch->ack), &error);
}

static weir_bytes header_of(const weir_kafka_record *record, const char *name)
{
    weir_bytes found = {NULL, 0};
    for (size_t i = 0; i < record->header_count; i++) {
        if (!weir_text_is(record->headers[i].key, name))
            continue;
        cr_assert_null(found.data, "%s is there twice", name);
        found = record->headers[i].value;
    }
    return found;
}

static void expect_text(weir_bytes found, const char *expected)
{
    cr_assert_eq(found.len, strlen(expected));
    cr_assert_arr_eq(found.data, expected, found.len);
}

static void note(void *user, uint32_t number)
{
    *(unsigned *)user |= 1u << number;
}

/* Reads the letter as a receiver would: the spans `picked`, with the identity they had. */
static void expect_letter(const weir_kafka_record *record, weir_bytes request, unsigned picked, uint32_t first_ordinal)
{
    const weir_kafka_place elsewhere = {.topic = WEIR_TEXT("dead"), .offset = 1};
    weir_chunk *chunk = weir_chunk_new_foreign(NULL, request.len, NULL, NULL);
    weir_slice *slices = NULL;
    uint32_t count = 0;
    bool is_misfit = false;
    weir_error error;
    unsigned found = 0;
    cr_assert(weir_kafka_envelope_read(WEIR_OTLP_TRACES, chunk, request, header_of(record, WEIR_KAFKA_SLICES_HEADER),
                                       &elsewhere, &slices, &count, &is_misfit, &error) == WEIR_OK);
    cr_assert_not(is_misfit);
    cr_assert_eq(count, 1);
    traces_each(slices[0].data, slices[0].len, note, &found);
    cr_assert_eq(found, picked);
    cr_assert_eq(slices[0].id.origin, the_bench.held[0]->slices[0].id.origin);
    cr_assert_eq(slices[0].id.sequence, the_bench.held[0]->slices[0].id.sequence);
    cr_assert_eq(weir_slice_ordinal(&slices[0], 0), first_ordinal);
    weir_slice_done(&slices[0]);
    free(slices);
    weir_chunk_unref(chunk);
}

Test(kafka_dead_letters, refused_items_have_a_letter_of_their_own_and_the_offset_waits_for_it)
{
    message_arrives();
    refuse(1u << 1 | 1u << 3, "mapper_parsing_exception");
    cr_assert_eq(the_bench.record_count, 1);
    const weir_kafka_record *record = the_bench.records[0];
    cr_assert_str_eq(record->topic, "dead");
    expect_letter(record, record->value, 1u << 1 | 1u << 3, 1);
    expect_text(header_of(record, "tenant"), "acme");
    expect_text(header_of(record, "weir.offset"), "7");
    expect_text(header_of(record, "weir.error"), "mapper_parsing_exception");
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0, "the letter is not safe yet");
    bench_report(0, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), OFFSET + 1);
    cr_assert_eq(metric("otelcol_receiver_accepted_spans"), SPANS - 2);
    cr_assert_eq(metric("otelcol_receiver_refused_spans"), 2);
    cr_assert_eq(metric("weir_kafka_receiver_dead_letters"), 1);
}

Test(kafka_dead_letters, each_reason_has_its_letter_and_the_message_none)
{
    message_arrives();
    refuse(1u << 0, "this");
    refuse(1u << 4, "that");
    bench_complete(0, WEIR_DELIVERED);
    cr_assert_eq(the_bench.record_count, 2);
    bench_report(1, true);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0);
    bench_report(0, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), OFFSET + 1);
    cr_assert_eq(the_bench.record_count, 2);
}

/* What a processor has made of the items is not what is read again. */
Test(kafka_dead_letters, a_letter_holds_the_items_as_they_were_read)
{
    message_arrives();
    weir_batch *batch = the_bench.held[0];
    weir_slice edited = traces_slice(20, SPANS);
    edited.id = batch->slices[0].id;
    weir_batch_replace(batch, 0, &edited);
    refuse(1u << 2, "no");
    expect_letter(the_bench.records[0], the_bench.records[0]->value, 1u << 2, 2);
    bench_complete(0, WEIR_DELIVERED);
    bench_report(0, true);
}

Test(kafka_dead_letters, items_of_no_slice_that_was_read_are_written_as_they_are)
{
    message_arrives();
    weir_slice foreign = traces_slice(8, 2);
    foreign.id = (weir_slice_id){1, 2};
    weir_batch_replace(the_bench.held[0], 0, &foreign);
    refuse(1u << 1, "no");
    expect_letter(the_bench.records[0], the_bench.records[0]->value, 1u << 9, 1);
    bench_complete(0, WEIR_DELIVERED);
    bench_report(0, true);
}

Test(kafka_dead_letters, the_letter_of_a_json_topic_is_json)
{
    static const char json[] = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"00000000\"},"
                               "{\"name\":\"00000001\"},{\"name\":\"00000002\"}]}]}]}";
    the_bench.config.topics[WEIR_TRACES].encoding = WEIR_KAFKA_OTLP_JSON;
    bench_message_of(0, OFFSET, json, sizeof json - 1);
    refuse(1u << 1, "no");
    const weir_kafka_record *record = the_bench.records[0];
    WEIR_FREE char *text = weir_format("%.*s", (int)record->value.len, (const char *)record->value.data);
    cr_assert_eq(text[0], '{');
    cr_assert(strstr(text, "00000001") && !strstr(text, "00000000") && !strstr(text, "00000002"), "%s", text);
    cr_assert_not_null(header_of(record, WEIR_KAFKA_SLICES_HEADER).data);
    bench_complete(0, WEIR_DELIVERED);
    bench_report(0, true);
}

Test(kafka_dead_letters, a_letter_that_cannot_be_written_is_tried_again_while_nothing_new_is_read)
{
    message_arrives();
    the_bench.produce_status = WEIR_AGAIN;
    refuse(1u << 0, "no");
    cr_assert(the_bench.is_held);
    the_bench.produce_status = WEIR_OK;
    bench_advance(1000);
    bench_report(0, false);
    bench_advance(1000);
    expect_letter(the_bench.records[1], the_bench.records[1]->value, 1u << 0, 0);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0);
    bench_report(1, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), OFFSET + 1);
}

static void a_letter_that_is_not_written_when(void (*it_happens)(void))
{
    message_arrives();
    the_bench.produce_status = WEIR_AGAIN;
    refuse(1u << 0, "no");
    bench_complete(0, WEIR_DELIVERED);
    it_happens();
    bench_advance(2000);
    cr_assert_eq(the_bench.record_count, 0);
    cr_assert_neq(bench_committed(0), OFFSET + 1, "whoever reads the partition next reads the message again");
    cr_assert_eq(the_bench.messages, 0);
}

static void partition_is_revoked(void)
{
    bench_revoke(1, false);
}

static void partition_is_lost(void)
{
    bench_revoke(1, true);
}

static void note_drained(void *user)
{
    (void)user;
    the_bench.drained++;
}

static void weir_ends(void)
{
    weir__kafka_instance_drain(the_bench.instance, note_drained, NULL);
}

Test(kafka_dead_letters, a_revocation_does_not_wait_for_a_letter_that_cannot_be_written)
{
    a_letter_that_is_not_written_when(partition_is_revoked);
}

Test(kafka_dead_letters, the_letters_of_a_lost_partition_are_its_successors)
{
    a_letter_that_is_not_written_when(partition_is_lost);
}

Test(kafka_dead_letters, the_end_does_not_wait_for_a_letter_that_cannot_be_written)
{
    a_letter_that_is_not_written_when(weir_ends);
}

Test(kafka_dead_letters, what_is_refused_while_weir_ends_is_left_to_the_next_one)
{
    message_arrives();
    weir_ends();
    refuse(1u << 0, "no");
    bench_complete(0, WEIR_DELIVERED);
    cr_assert_eq(the_bench.record_count, 0);
    cr_assert_eq(metric("otelcol_receiver_accepted_spans"), 0);
}
