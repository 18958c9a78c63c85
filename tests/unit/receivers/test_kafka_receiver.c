/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "kafka_bench.h"

TestSuite(kafka_receiver, .init = bench_start, .fini = bench_stop);

static int64_t metric(const char *name)
{
    return weir_metrics_sum(the_bench.metrics, name, NULL, 0);
}

static void on_drained(void *user)
{
    (void)user;
    the_bench.drained++;
}

/* ---- offsets ---- */

Test(kafka_receiver, an_offset_moves_behind_the_lowest_that_is_not_acknowledged)
{
    the_bench.holds = true;
    bench_assign(1, 10);
    for (int64_t offset = 10; offset < 13; offset++)
        bench_message(0, offset);
    bench_complete(1, WEIR_DELIVERED);
    bench_complete(2, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0, "10 is still on its way: there is nothing new to commit");
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 13);
    cr_assert_eq(metric("otelcol_receiver_accepted_spans"), 3);
}

Test(kafka_receiver, offsets_with_gaps_commit_what_is_to_be_read_next)
{
    the_bench.holds = true;
    bench_assign(1, 10);
    bench_message(0, 10);
    bench_message(0, 15);
    bench_message(0, 20);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 15);
}

Test(kafka_receiver, the_start_is_committed_at_once_where_there_was_none)
{
    the_bench.holds = true;
    bench_assign(2, -1);
    bench_message(0, 7);
    cr_assert_eq(bench_committed(0), 7, "nothing is acknowledged, but this is where the group began");
    bench_commit_answer(true);
    the_bench.handlers.on_end(the_bench.handlers.user, "spans", 1, 3);
    cr_assert_eq(bench_committed(1), 3, "so is the end of an empty partition");
}

Test(kafka_receiver, a_commit_that_failed_is_repeated)
{
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 1);
    bench_commit_answer(false);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 2);
    bench_commit_answer(true);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 2, "what is committed is not committed again");
    cr_assert_eq(metric("weir_kafka_receiver_commits_failed"), 1);
}

Test(kafka_receiver, initial_offset_latest_is_for_topics_that_the_group_has_not_begun)
{
    the_bench.config.initial_offset = KAFKA_LATEST;
    weir_kafka_assigned partitions[] = {
        {.topic = "spans", .partition = 0, .committed = -1, .is_topic_started = false},
        {.topic = "spans", .partition = 1, .committed = -1, .is_topic_started = true},
        {.topic = "spans", .partition = 2, .committed = 5, .is_topic_started = true},
    };
    the_bench.handlers.on_assigned(the_bench.handlers.user, partitions, 3);
    cr_assert_eq(partitions[0].start, WEIR_KAFKA_LATEST);
    cr_assert_eq(partitions[1].start, WEIR_KAFKA_EARLIEST, "it was added since: nothing in it was ever read");
    cr_assert_eq(partitions[2].start, 5);
}

/* ---- partitions that go ---- */

Test(kafka_receiver, a_revocation_waits_for_what_is_in_flight_and_commits_it)
{
    the_bench.holds = true;
    bench_assign(2, 0);
    bench_message(0, 0);
    bench_message(1, 0);
    bench_revoke(2, false);
    bench_complete(0, WEIR_DELIVERED);
    cr_assert_eq(the_bench.commits, 0);
    bench_complete(1, WEIR_DELIVERED);
    cr_assert_eq(bench_committed(0), 1);
    cr_assert_eq(bench_committed(1), 1);
    cr_assert_eq(the_bench.revokes_done, 0, "the next member must find the commit");
    bench_commit_answer(true);
    cr_assert_eq(the_bench.revokes_done, 1);
}

Test(kafka_receiver, a_revocation_waits_for_a_bounded_time)
{
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_message(0, 1);
    bench_revoke(1, false);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(5000);
    cr_assert_eq(bench_committed(0), 1, "what is settled by then is committed");
    bench_commit_answer(true);
    cr_assert_eq(the_bench.revokes_done, 1);
    cr_assert(weir_ack_abandoned(the_bench.held[1]->ack), "what nobody has taken need not be pushed any more");
    bench_complete(1, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 1, "an acknowledgement that comes too late moves nothing");
    cr_assert_eq(metric("weir_kafka_receiver_dropped_acknowledgements"), 1);
}

Test(kafka_receiver, an_acknowledgement_of_an_earlier_assignment_counts_for_nothing)
{
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_revoke(1, true);
    cr_assert_eq(the_bench.revokes_done, 0, "nobody waits for what is lost");
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0);
    bench_complete(1, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 1);
}

Test(kafka_receiver, messages_that_wait_to_be_offered_do_not_hold_up_a_revocation)
{
    the_bench.outcome.kind = WEIR_RETRY_LATER;
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_revoke(1, false);
    cr_assert_eq(the_bench.revokes_done, 1);
    cr_assert_eq(the_bench.commits, 0);
    cr_assert_eq(the_bench.messages, 0);
}

Test(kafka_receiver, messages_of_a_partition_that_is_not_ours_are_dropped)
{
    bench_message(0, 0);
    cr_assert_eq(the_bench.offered, 0);
    cr_assert_eq(the_bench.messages, 0);
}

/* ---- what cannot be delivered now ---- */

Test(kafka_receiver, what_the_pipeline_has_no_room_for_is_offered_again)
{
    the_bench.outcome.kind = WEIR_RETRY_LATER;
    bench_assign(1, 0);
    bench_message(0, 0);
    cr_assert_eq(the_bench.offered, 1);
    bench_advance(100);
    cr_assert_eq(the_bench.offered, 2);
    bench_advance(100);
    cr_assert_eq(the_bench.offered, 2, "the wait grows");
    the_bench.outcome.kind = WEIR_DELIVERED;
    bench_advance(100);
    cr_assert_eq(the_bench.offered, 3);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 1);
    cr_assert_eq(metric("otelcol_receiver_accepted_spans"), 1, "it counts once, however often it was offered");
}

Test(kafka_receiver, a_delay_for_clients_is_not_waited_for)
{
    the_bench.outcome = (weir_outcome){.kind = WEIR_RETRY_LATER, .error.retry_after_ms = 60000};
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_advance(100);
    cr_assert_eq(the_bench.offered, 2);
}

Test(kafka_receiver, what_waits_is_offered_again_once_half_of_the_pipeline_is_through)
{
    the_bench.holds = true;
    bench_assign(1, 0);
    for (int64_t offset = 0; offset < 5; offset++)
        bench_message(0, offset);
    bench_complete(4, WEIR_RETRY_LATER); /* four are left */
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1);
    cr_assert_eq(the_bench.offered, 5);
    bench_complete(1, WEIR_DELIVERED);
    bench_advance(1);
    cr_assert_eq(the_bench.offered, 6, "well before the 100 ms are over");
}

Test(kafka_receiver, an_exporter_that_is_behind_first_holds_and_then_pauses)
{
    the_bench.outcome.kind = WEIR_RETRY_LATER;
    bench_assign(3, 0);
    bench_message(0, 0);
    cr_assert(the_bench.is_held);
    cr_assert_eq(the_bench.pauses, 0, "what the library has ready is not thrown away for a moment's sake");
    bench_advance(500);
    cr_assert_eq(the_bench.pauses, 3);
    cr_assert_not(the_bench.is_held, "polling goes on");
    the_bench.outcome.kind = WEIR_DELIVERED;
    bench_advance(10000);
    cr_assert_eq(the_bench.resumes, 3);
    cr_assert_eq(metric("weir_kafka_receiver_pauses"), 1);
}

Test(kafka_receiver, only_what_was_paused_is_resumed)
{
    the_bench.outcome.kind = WEIR_RETRY_LATER;
    bench_assign(2, 0);
    bench_message(0, 0);
    bench_advance(500);
    cr_assert_eq(the_bench.pauses, 2);
    weir_kafka_assigned another = {.topic = "spans", .partition = 2, .committed = 0, .is_topic_started = true};
    the_bench.handlers.on_assigned(the_bench.handlers.user, &another, 1);
    the_bench.outcome.kind = WEIR_DELIVERED;
    bench_advance(10000);
    cr_assert_eq(the_bench.resumes, 2, "partition 2 was never paused");
}

Test(kafka_receiver, a_paused_partition_is_resumed_when_it_is_taken_away)
{
    the_bench.outcome.kind = WEIR_RETRY_LATER;
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_advance(500);
    bench_revoke(1, false);
    cr_assert_eq(the_bench.resumes, 1, "or it would stay paused when it comes back");
}

Test(kafka_receiver, what_is_in_flight_is_bounded)
{
    static const uint8_t large[5 << 20]; /* a request whose fields are all unknown is none: a dead letter, in flight */
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message_of(0, 0, large, sizeof large);
    cr_assert_not(the_bench.is_held);
    bench_message_of(0, 1, large, sizeof large);
    cr_assert(the_bench.is_held, "10 MiB are more than 8");
    bench_report(0, true);
    cr_assert(the_bench.is_held, "there is room again at the half");
    bench_report(1, true);
    cr_assert_not(the_bench.is_held);
}

/* ---- dead letters ---- */

Test(kafka_receiver, a_poison_message_counts_as_read_once_its_dead_letter_is_written)
{
    bench_assign(1, 5);
    bench_message_of(0, 5, "no OTLP", 7);
    bench_message(0, 6);
    cr_assert_eq(the_bench.record_count, 1);
    const weir_kafka_record *record = the_bench.records[0];
    cr_assert_str_eq(record->topic, "dead");
    cr_assert_eq(record->value.len, 7);
    cr_assert_eq(record->header_count, 6, "its own, and five of weir's");
    cr_assert(weir_text_is(record->headers[3].key, "weir.offset"));
    cr_assert(
        weir_text_is((weir_text){(const char *)record->headers[3].value.data, record->headers[3].value.len}, "5"));
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0, "only the report makes it count");
    bench_report(0, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 7);
    cr_assert_eq(metric("weir_kafka_receiver_dead_letters"), 1);
    cr_assert_eq(metric("otelcol_kafka_receiver_unmarshal_failed_spans"), 1);
}

Test(kafka_receiver, a_dead_letter_that_cannot_be_written_is_tried_again)
{
    bench_assign(1, 0);
    bench_message_of(0, 0, "no OTLP", 7);
    bench_report(0, false);
    cr_assert(the_bench.is_held, "nothing new is read meanwhile");
    the_bench.produce_status = WEIR_AGAIN;
    bench_advance(1000);
    cr_assert_eq(the_bench.record_count, 1);
    the_bench.produce_status = WEIR_OK;
    bench_advance(1000);
    cr_assert_eq(the_bench.record_count, 2);
    bench_report(1, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 1);
}

Test(kafka_receiver, of_a_message_too_large_for_the_dead_letters_they_are_told_where_it_lies)
{
    bench_assign(1, 0);
    bench_message_of(0, 0, "no OTLP", 7);
    bench_report_too_large(0);
    bench_advance(1000);
    cr_assert_eq(the_bench.record_count, 2);
    const weir_kafka_record *record = the_bench.records[1];
    cr_assert_eq(record->value.len, 0);
    cr_assert_eq(record->header_count, 6, "none of the message's");
    cr_assert(weir_text_is(record->headers[0].key, "weir.topic"));
    cr_assert(weir_text_is(record->headers[5].key, "weir.left_out"));
    cr_assert_eq(record->headers[5].value.data[0], '7', "its bytes");
    bench_report_too_large(1);
    bench_advance(1000);
    cr_assert_eq(the_bench.records[2]->header_count, 6, "a letter is shortened once");
    bench_report(2, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 1);
    cr_assert_eq(metric("weir_kafka_receiver_dead_letters_left_out"), 1);
}

Test(kafka_receiver, what_a_backend_refuses_for_good_becomes_a_dead_letter)
{
    the_bench.outcome.kind = WEIR_REJECTED;
    bench_assign(1, 0);
    bench_message(0, 0);
    cr_assert_eq(the_bench.record_count, 1);
    cr_assert_eq(metric("otelcol_receiver_refused_spans"), 1);
    bench_report(0, true);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 1);
}

Test(kafka_receiver, dead_letters_are_counted_by_reason)
{
    bench_assign(1, 0);
    the_bench.outcome.kind = WEIR_REJECTED;
    weir_error_set(&the_bench.outcome.error, WEIR_ERROR_PERMANENT, WEIR_TOO_LARGE, "too large");
    bench_message(0, 0);
    weir_error_set(&the_bench.outcome.error, WEIR_ERROR_PERMANENT, WEIR_TIMEOUT, "expired: the backend is away");
    bench_message(0, 1);
    bench_report(0, true);
    bench_report(1, true);
    for (int i = 0; i < 2; i++) {
        const weir_label reason = {"reason", i == 0 ? "too_large" : "expired"};
        cr_assert_eq(weir_metrics_sum(the_bench.metrics, "weir_kafka_receiver_dead_letters", &reason, 1), 1);
    }
}

Test(kafka_receiver, the_age_of_a_partition_counts_from_when_its_oldest_message_was_written)
{
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_advance(1000);
    /* Written at 500 ms; the clock began at one second. */
    cr_assert_eq(metric("weir_kafka_receiver_oldest_item_age"), 1500);
    cr_assert_eq(metric("weir_kafka_receiver_oldest_unacknowledged_age"), 1000);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(metric("weir_kafka_receiver_oldest_item_age"), 0);
}

Test(kafka_receiver, messages_without_items_count_as_read)
{
    bench_assign(1, 0);
    bench_message_of(0, 0, NULL, 0);
    bench_message_of(0, 1, "", 0);
    bench_advance(1000);
    cr_assert_eq(the_bench.offered, 0);
    cr_assert_eq(bench_committed(0), 2);
}

/* ---- JSON ---- */

Test(kafka_receiver, json_is_read)
{
    static const char json[] =
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\"},{\"name\":\"b\"}]}]}]}";
    the_bench.config.topics[WEIR_TRACES].encoding = WEIR_KAFKA_OTLP_JSON;
    bench_assign(1, 0);
    bench_message_of(0, 0, json, sizeof json - 1);
    bench_message_of(0, 1, "{", 1);
    cr_assert_eq(metric("otelcol_receiver_accepted_spans"), 2);
    cr_assert_eq(the_bench.record_count, 1);
    bench_report(0, true);
}

/* ---- what Kafka has dropped ---- */

Test(kafka_receiver, an_offset_out_of_range_is_a_counted_loss)
{
    bench_assign(1, 10);
    the_bench.low = 25;
    bench_message(0, 30);
    cr_assert_eq(metric("weir_kafka_receiver_losses"), 1);
    cr_assert_eq(metric("weir_kafka_receiver_lost_messages"), 15, "10 … 24; a gap behind the log's start is none");
    bench_message(0, 31);
    cr_assert_eq(metric("weir_kafka_receiver_losses"), 1);
}

Test(kafka_receiver, messages_that_are_damaged_are_a_counted_loss)
{
    bench_assign(1, 10);
    the_bench.handlers.on_damaged(the_bench.handlers.user, "spans", 0, 10, "CRC");
    the_bench.handlers.on_damaged(the_bench.handlers.user, "others", 0, 10, "CRC");
    bench_message(0, 12);
    cr_assert_eq(metric("weir_kafka_receiver_losses"), 1);
}

Test(kafka_receiver, a_gap_alone_is_no_loss)
{
    bench_assign(1, 10);
    the_bench.low = 5;
    bench_message(0, 30);
    cr_assert_eq(metric("weir_kafka_receiver_losses"), 0);
}

Test(kafka_receiver, a_topic_that_was_made_again_is_read_from_its_beginning)
{
    the_bench.holds = true;
    bench_assign(1, 10);
    bench_message(0, 10);
    bench_message(0, 0);
    cr_assert_eq(bench_committed(0), 0, "this is where the group begins now");
    bench_commit_answer(true);
    bench_complete(0, WEIR_DELIVERED);
    bench_complete(1, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 1, "the offsets of the old topic mean nothing any more");
    cr_assert_eq(metric("weir_kafka_receiver_losses"), 1);
}

Test(kafka_receiver, the_end_of_a_partition_counts_once_what_is_before_it_is_delivered)
{
    the_bench.holds = true;
    bench_assign(1, 10);
    bench_message(0, 10);
    the_bench.handlers.on_end(the_bench.handlers.user, "spans", 0, 13); /* control records of transactions, say */
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 0);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(bench_committed(0), 13, "or the lag would never be zero");
}

/* ---- the end ---- */

Test(kafka_receiver, draining_waits_commits_and_leaves)
{
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message(0, 0);
    weir__kafka_instance_drain(the_bench.instance, on_drained, NULL);
    cr_assert_eq(the_bench.pauses, 1);
    bench_message(0, 1);
    cr_assert_eq(the_bench.offered, 1, "nothing new is read");
    cr_assert_not(the_bench.is_closed);
    bench_complete(0, WEIR_DELIVERED);
    cr_assert(the_bench.is_closed);
    bench_revoke(1, false);
    cr_assert_eq(bench_committed(0), 1);
    bench_commit_answer(true);
    cr_assert_eq(the_bench.revokes_done, 1);
    cr_assert_eq(the_bench.drained, 0);
    the_bench.handlers.on_closed(the_bench.handlers.user);
    cr_assert_eq(the_bench.drained, 1);
}

Test(kafka_receiver, a_member_that_was_put_out_while_weir_ends_leaves_nothing_to_wait_for)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_CLOSED, "fenced");
    bench_assign(1, 0);
    the_bench.handlers.on_fatal(the_bench.handlers.user, &error);
    weir__kafka_instance_drain(the_bench.instance, on_drained, NULL);
    cr_assert(the_bench.is_closed);
    bench_advance(10000);
    cr_assert(the_bench.is_open, "who is to answer if it is gone?");
    the_bench.handlers.on_closed(the_bench.handlers.user);
    cr_assert_eq(the_bench.drained, 1);
}

Test(kafka_receiver, the_answer_to_an_earlier_commit_ends_no_revocation)
{
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message(0, 0);
    bench_message(0, 1);
    bench_complete(0, WEIR_DELIVERED);
    bench_advance(1000);
    cr_assert_eq(the_bench.commits, 1);
    bench_complete(1, WEIR_DELIVERED);
    bench_revoke(1, false);
    bench_advance(5000);
    cr_assert_eq(bench_committed(0), 2, "the first answer is not waited for any longer");
    bench_commit_answer(true);
    cr_assert_eq(the_bench.revokes_done, 0, "that was the first");
    bench_commit_answer(true);
    cr_assert_eq(the_bench.revokes_done, 1);
}

Test(kafka_receiver, a_member_that_the_group_has_put_out_joins_anew)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_CLOSED, "fenced");
    the_bench.holds = true;
    bench_assign(1, 0);
    bench_message(0, 0);
    the_bench.handlers.on_fatal(the_bench.handlers.user, &error);
    bench_advance(10000);
    cr_assert(the_bench.is_open);
    bench_complete(0, WEIR_DELIVERED);
    bench_assign(1, 0);
    bench_message(0, 0);
    cr_assert_eq(the_bench.offered, 2);
}
