/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that deliver a push but for some of its items (weir_push_done_but).
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "exporters/sender/internal.h"
#include "otlp/rewrite.h"
#include "sender_fixture.h"
#include "traces.h"

static sender_bench lab; /* large: it remembers every span */

static void fresh(weir_sender_config config, const weir_batch_shape *shape)
{
    lab = (sender_bench){0};
    bench_open(&lab, config, shape);
}

static const weir_batch_shape shape_of_100 = {.is_set = true, .min_items = 100, .max_items = 200, .timeout_ms = 1000};

static void expect_outcome(sender_source *source, weir_outcome_kind kind, int line)
{
    cr_assert(eq(uint, source->completions, 1), "line %d: completed %u times", line, source->completions);
    cr_assert(eq(int, (int)source->outcome.kind, (int)kind), "line %d: %s", line, source->outcome.error.text);
    free(source);
}
#define EXPECT(source, kind) expect_outcome(source, kind, __LINE__)

/* Every item is booked once, and what ended has given its room back. */
static void expect_balance(void)
{
    weir_exporter_books books = bench_books(&lab);
    cr_assert(eq(long, books.taken, books.sent + books.rejected + books.returned + books.dropped + books.held));
    const weir_room *room = weir_sender_shared_room(lab.shared, WEIR_TRACES, NULL);
    cr_assert(eq(u64, room->items, (uint64_t)books.held));
    cr_assert(books.held > 0 || (room->requests == 0 && room->bytes == 0));
}

static int64_t rejected(const char *reason)
{
    return bench_count(&lab, "weir_exporter_rejected_items", reason);
}

typedef struct range {
    uint32_t first, items;
} range;

static bool is_in_range(void *context, const weir_otlp_items *at)
{
    const range *kept = context;
    return at->index >= kept->first && at->index - kept->first < kept->items;
}

/* A part of the first slice of the push with `items` items from ordinal `first` on, as an exporter cuts it. */
static weir_push_rest rest_of(const weir_push *push, uint32_t first, uint32_t items, weir_error_class class_)
{
    weir_push_rest rest = {0};
    range kept = {first, items};
    cr_assert(weir_otlp_filter(WEIR_OTLP_TRACES, push->slices[0], is_in_range, &kept, &rest.slice) == WEIR_OK);
    cr_assert(eq(u32, rest.slice.items, items));
    weir_error_set(&rest.error, class_, WEIR_IO, "the test says no");
    return rest;
}

static void answer_but(weir_push_rest *rests, size_t count)
{
    weir_push *push = lab.open[0];
    lab.open_count = 0;
    weir_push_done_but(push, rests, count);
}

Test(sender_rests, what_is_refused_of_a_push_is_told_to_the_client_it_came_from)
{
    fresh(bench_config(), &shape_of_100);
    sender_source *first = bench_offer(&lab, 1);
    sender_source *whole = bench_offer(&lab, 5), *partial = bench_offer(&lab, 10);
    bench_deliver(&lab);
    EXPECT(first, WEIR_DELIVERED);
    cr_assert(eq(u64, lab.open[0]->items, 15));
    weir_push of_second = {.slices = &lab.open[0]->slices[1]};
    weir_push_rest rests[] = {rest_of(&of_second, 3, 2, WEIR_ERROR_PERMANENT),
                              rest_of(&of_second, 9, 1, WEIR_ERROR_TOO_LARGE)};
    answer_but(rests, 2);
    EXPECT(whole, WEIR_DELIVERED);
    cr_assert(eq(u64, partial->outcome.error.rejected_items, 3));
    EXPECT(partial, WEIR_DELIVERED);
    cr_assert(eq(long, bench_books(&lab).sent, 13));
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_rejected_items", "too_large"), 1));
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_rejected_items", "permanent"), 2));
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, a_batch_of_which_nothing_was_taken_is_rejected)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_of(lab.open[0], 0, 4, WEIR_ERROR_PERMANENT)};
    answer_but(rests, 1);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 4));
    cr_assert(eq(int, (int)source->outcome.error.class_, WEIR_ERROR_PERMANENT));
    cr_assert(strstr(source->outcome.error.text, "the test says no") != NULL, "the client is told why");
    EXPECT(source, WEIR_REJECTED);
    expect_balance();
    bench_close(&lab);
}

static void refuse_all_of_a_slice_that_is_there_twice(const range *parts, size_t count)
{
    fresh(bench_config(), &shape_of_100);
    sender_source *first = bench_offer(&lab, 1), *sources[2] = {source_new(), source_new()};
    weir_batch *batch = bench_batch(&lab, sources[0], 10);
    weir_slice again = weir_slice_ref(&batch->slices[0]);
    weir_consume(&lab.exporter->super, batch);
    weir_consume(&lab.exporter->super, weir_batch_new(WEIR_TRACES, &again, &sources[1]->ack));
    bench_deliver(&lab);
    EXPECT(first, WEIR_DELIVERED);
    if (lab.open_count == 0) /* nobody waits for the second */
        fake_loop_advance(&lab.loop, 1000);
    cr_assert(eq(u64, lab.open[0]->items, 20));
    weir_push_rest rests[8];
    for (size_t i = 0; i < count; i++)
        rests[i] = rest_of(lab.open[0], parts[i].first, parts[i].items, WEIR_ERROR_PERMANENT);
    answer_but(rests, count);
    for (int i = 0; i < 2; i++) {
        cr_assert(eq(u64, sources[i]->outcome.error.rejected_items, 10));
        EXPECT(sources[i], WEIR_REJECTED);
    }
    expect_balance();
    bench_close(&lab);
}

/* A source that repeats itself may have the same slice in a push twice; messages are cut out of both. */
Test(sender_rests, the_parts_of_a_slice_that_is_there_twice_find_their_batches)
{
    static const range in_pairs[] = {{0, 4}, {0, 4}, {4, 6}, {4, 6}};
    refuse_all_of_a_slice_that_is_there_twice(in_pairs, WEIR_COUNT_OF(in_pairs));
}

Test(sender_rests, a_part_that_fits_neither_of_two_equal_slices_is_told_to_both)
{
    static const range crossed[] = {{0, 3}, {3, 2}, {3, 2}, {0, 3}, {5, 5}, {5, 5}};
    refuse_all_of_a_slice_that_is_there_twice(crossed, WEIR_COUNT_OF(crossed));
}

Test(sender_rests, a_part_that_expired_is_given_back_with_its_batch)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_of(lab.open[0], 1, 1, WEIR_ERROR_RETRYABLE)};
    answer_but(rests, 1);
    EXPECT(source, WEIR_RETRY_LATER);
    cr_assert(eq(long, bench_books(&lab).sent, 3));
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_returned_items", "expired"), 1));
    expect_balance();
    bench_close(&lab);
}

/* ---- again ---- */

static weir_push_rest rest_again(const weir_push *push, uint32_t first, uint32_t items)
{
    weir_push_rest rest = rest_of(push, first, items, WEIR_ERROR_THROTTLED);
    rest.again = true;
    return rest;
}

static void expect_spans(const weir_push *push, uint32_t first, uint32_t count)
{
    cr_assert(eq(u64, push->items, count));
    for (uint32_t span = first; span < first + count; span++)
        cr_assert(push_has_span(push, span), "span %u is missing", span);
}

/* The backend answers, and takes nothing of the oldest push under way. */
static void put_off_oldest(weir_error_class class_)
{
    weir_push *push = lab.open[0];
    weir_error error = {0};
    weir_error_set(&error, class_, WEIR_AGAIN, "the test says not yet");
    lab.open_count--;
    memmove(lab.open, lab.open + 1, lab.open_count * sizeof lab.open[0]);
    weir_push_put_off(push, &error);
}

Test(sender_rests, what_is_to_be_sent_again_goes_alone_after_the_backoff)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 10);
    weir_push_rest rests[] = {rest_again(lab.open[0], 3, 2), rest_again(lab.open[0], 7, 1)};
    rests[1].error.retry_after_ms = 9000;
    answer_but(rests, 2);
    cr_assert(eq(uint, source->completions, 0));
    cr_assert(eq(long, bench_books(&lab).sent, 7));
    cr_assert(eq(u64, lab.exporter->held(lab.exporter), 3));
    expect_balance();
    fake_loop_advance(&lab.loop, 8900);
    cr_assert(eq(uint, lab.open_count, 0), "the longest delay that was asked for holds");
    fake_loop_advance(&lab.loop, 200);
    cr_assert(eq(uint, lab.open_count, 1));
    cr_assert(eq(u64, lab.open[0]->items, 3));
    cr_assert(push_has_span(lab.open[0], 3) && push_has_span(lab.open[0], 4) && push_has_span(lab.open[0], 7));
    cr_assert(eq(long, weir_metrics_sum(lab.metrics, "weir_exporter_retries", NULL, 0), 1));
    bench_deliver(&lab);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 0));
    EXPECT(source, WEIR_DELIVERED);
    cr_assert(eq(long, bench_books(&lab).sent, 10));
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, what_is_sent_again_may_be_refused_then_and_the_client_hears_of_all_of_it)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 10);
    weir_push_rest first[] = {rest_again(lab.open[0], 0, 4), rest_of(lab.open[0], 4, 1, WEIR_ERROR_PERMANENT)};
    answer_but(first, 2);
    fake_loop_advance(&lab.loop, 5100);
    expect_spans(lab.open[0], 0, 4);
    weir_push_rest second[] = {rest_of(lab.open[0], 1, 2, WEIR_ERROR_PERMANENT), rest_again(lab.open[0], 3, 1)};
    answer_but(second, 2);
    fake_loop_advance(&lab.loop, 7600);
    expect_spans(lab.open[0], 3, 1);
    bench_deliver(&lab);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 3));
    EXPECT(source, WEIR_DELIVERED);
    cr_assert(eq(long, bench_books(&lab).sent, 7));
    expect_balance();
    bench_close(&lab);
}

/* 5 s, then 7.5 s, then, as one of two was taken, 5 s again. */
Test(sender_rests, the_backoff_of_a_rest_grows_while_nothing_of_it_is_taken)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_again(lab.open[0], 0, 2)};
    answer_but(rests, 1);
    fake_loop_advance(&lab.loop, 5100);
    put_off_oldest(WEIR_ERROR_ENDPOINT);
    fake_loop_advance(&lab.loop, 7000);
    cr_assert(eq(uint, lab.open_count, 0));
    fake_loop_advance(&lab.loop, 600);
    expect_spans(lab.open[0], 0, 2);
    rests[0] = rest_again(lab.open[0], 0, 1);
    answer_but(rests, 1);
    fake_loop_advance(&lab.loop, 5100);
    expect_spans(lab.open[0], 0, 1);
    bench_deliver(&lab);
    EXPECT(source, WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

/* An index that takes nothing is no reason to keep others waiting, however often its rest is refused. */
Test(sender_rests, others_go_on_while_a_rest_waits)
{
    fresh(bench_config(), &shape_of_100);
    sender_source *blocked = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_again(lab.open[0], 0, 2)};
    rests[0].error.class_ = WEIR_ERROR_ENDPOINT;
    answer_but(rests, 1);
    for (int i = 0; i < 20; i++) {
        sender_source *other = bench_offer(&lab, 3);
        cr_assert(eq(uint, lab.open_count, 1), "it does not wait for the flush timeout either");
        cr_assert(eq(u64, lab.open[0]->items, 3));
        bench_deliver(&lab);
        EXPECT(other, WEIR_DELIVERED);
        fake_loop_advance(&lab.loop, 1000);
        if (lab.open_count > 0)
            put_off_oldest(WEIR_ERROR_ENDPOINT);
    }
    cr_assert(eq(uint, blocked->completions, 0));
    lab.exporter->drain(lab.exporter);
    expect_spans(lab.open[0], 0, 2);
    bench_deliver(&lab);
    EXPECT(blocked, WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

/* When nothing of a new push is taken the next new one has to show whether anything is. */
Test(sender_rests, a_backend_that_takes_nothing_is_probed_with_one_push_after_another)
{
    fresh(bench_config(), NULL);
    sender_source *sources[3];
    for (int i = 0; i < 2; i++)
        sources[i] = bench_offer(&lab, 2);
    put_off_oldest(WEIR_ERROR_THROTTLED);
    put_off_oldest(WEIR_ERROR_THROTTLED);
    sources[2] = bench_offer(&lab, 3);
    cr_assert(eq(uint, lab.open_count, 0), "everything waits");
    fake_loop_advance(&lab.loop, 5100);
    cr_assert(eq(uint, lab.open_count, 1));
    put_off_oldest(WEIR_ERROR_THROTTLED);
    cr_assert(eq(uint, lab.open_count, 1));
    cr_assert(eq(u64, lab.open[0]->items, 3), "what was put off again does not go twice running");
    bench_deliver(&lab);
    EXPECT(sources[2], WEIR_DELIVERED);
    cr_assert(eq(uint, lab.open_count, 1), "the other one");
    bench_deliver(&lab);
    fake_loop_advance(&lab.loop, 7600);
    bench_deliver(&lab);
    EXPECT(sources[0], WEIR_DELIVERED);
    EXPECT(sources[1], WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

/* A backend may take a minute to say no: what waits for that leaves half of the requests to others. */
Test(sender_rests, what_was_put_off_takes_half_of_the_consumers_at_most)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 4;
    fresh(config, NULL);
    sender_source *blocked[4], *others[3];
    for (int i = 0; i < 4; i++)
        blocked[i] = bench_offer(&lab, 1);
    for (int i = 0; i < 4; i++)
        put_off_oldest(WEIR_ERROR_RETRYABLE);
    fake_loop_advance(&lab.loop, 5100);
    bench_deliver(&lab);
    cr_assert(eq(uint, lab.open_count, 2), "three are due");
    for (int i = 0; i < 3; i++)
        others[i] = bench_offer(&lab, 3);
    cr_assert(eq(uint, lab.open_count, 4));
    cr_assert(eq(u64, lab.open[2]->items + lab.open[3]->items, 6));
    while (bench_books(&lab).held > 0) {
        while (lab.open_count > 0)
            bench_deliver(&lab);
        fake_loop_advance(&lab.loop, 1000);
    }
    for (int i = 0; i < 4; i++)
        EXPECT(blocked[i], WEIR_DELIVERED);
    for (int i = 0; i < 3; i++)
        EXPECT(others[i], WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, what_is_sent_again_expires_with_the_push_it_was_in)
{
    weir_sender_config config = bench_config();
    config.retry.max_elapsed_time_ms = 12000;
    fresh(config, NULL);
    sender_source *client = bench_offer(&lab, 4), *log = source_new();
    log->ack.replays = true;
    weir_consume(&lab.exporter->super, bench_batch(&lab, log, 4));
    for (int i = 0; i < 2; i++) {
        weir_push_rest rests[] = {rest_again(lab.open[i], 0, 1)};
        weir_push_done_but(lab.open[i], rests, 1);
    }
    lab.open_count = 0;
    for (int attempt = 0; attempt < 4 && bench_books(&lab).held > 0; attempt++) {
        fake_loop_advance(&lab.loop, 5100);
        while (lab.open_count > 0)
            bench_fail(&lab, WEIR_ERROR_THROTTLED, 0);
    }
    EXPECT(client, WEIR_RETRY_LATER);
    EXPECT(log, WEIR_REJECTED);
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_returned_items", "expired"), 1));
    cr_assert(eq(long, rejected("expired"), 1));
    cr_assert(eq(long, bench_books(&lab).sent, 6));
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, without_retries_nothing_is_sent_again)
{
    weir_sender_config config = bench_config();
    config.retry.enabled = false;
    fresh(config, NULL);
    sender_source *source = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_again(lab.open[0], 0, 1)};
    answer_but(rests, 1);
    EXPECT(source, WEIR_RETRY_LATER);
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, what_nobody_waits_for_any_more_is_not_sent_again)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_again(lab.open[0], 0, 1)};
    answer_but(rests, 1);
    source->ack.abandoned = true;
    fake_loop_advance(&lab.loop, 6000);
    cr_assert(eq(uint, lab.sent_count, 1));
    EXPECT(source, WEIR_RETRY_LATER);
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, while_draining_what_failed_in_part_goes_back_to_its_source)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    lab.exporter->drain(lab.exporter);
    weir_push_rest rests[] = {rest_again(lab.open[0], 0, 1)};
    answer_but(rests, 1);
    EXPECT(source, WEIR_RETRY_LATER);
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_returned_items", "shutdown"), 1));
    expect_balance();
    bench_close(&lab);
}

/* ---- memory ---- */

Test(sender_rests, an_exporter_that_makes_copies_has_one_at_a_time_while_memory_is_short)
{
    fresh(bench_config(), NULL);
    weir_sender *sender = weir_sender_window(lab.exporter);
    weir_sender_ops ops = *sender->ops;
    ops.makes_copies = true;
    sender->ops = &ops;
    weir_account_force(&lab.account, lab.account.soft_limit_bytes + 1);
    sender_source *sources[4];
    for (int i = 0; i < 4; i++)
        sources[i] = bench_offer(&lab, 1);
    cr_assert(eq(uint, lab.open_count, 1));
    bench_deliver(&lab);
    cr_assert(eq(uint, lab.open_count, 1));
    weir_account_release(&lab.account, lab.account.soft_limit_bytes + 1);
    bench_deliver(&lab);
    cr_assert(eq(uint, lab.open_count, 2), "all that waits");
    bench_deliver(&lab);
    bench_deliver(&lab);
    for (int i = 0; i < 4; i++)
        EXPECT(sources[i], WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

/* ---- set aside ---- */

Test(sender_rests, what_the_backend_keeps_elsewhere_is_done_with_and_booked_apart)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    weir_push_rest rests[] = {rest_of(lab.open[0], 0, 4, WEIR_ERROR_NONE)};
    answer_but(rests, 1);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 0));
    EXPECT(source, WEIR_DELIVERED);
    cr_assert(eq(long, rejected("set_aside"), 4));
    cr_assert(eq(long, bench_books(&lab).sent, 0));
    expect_balance();
    bench_close(&lab);
}

/* ---- sources that keep what is refused ---- */

static struct {
    weir_batch *batches[8];
    weir_error errors[8];
    unsigned count;
} graves;

static void keep_refused(weir_ack *ack, weir_batch *takes_refused, const weir_error *error)
{
    cr_assert(weir_ack_whole(takes_refused->ack) == ack);
    graves.errors[graves.count] = *error;
    graves.batches[graves.count++] = takes_refused;
}

static sender_source *keeper_new(void)
{
    sender_source *made = source_new();
    made->ack.bury = keep_refused;
    made->ack.replays = true;
    graves.count = 0;
    return made;
}

static void expect_grave(unsigned index, uint32_t first_span, uint32_t count)
{
    weir_push shown = {.slices = (const weir_slice *[]){&graves.batches[index]->slices[0]},
                       .slice_count = 1,
                       .items = graves.batches[index]->items};
    expect_spans(&shown, first_span, count);
}

Test(sender_rests, a_source_that_keeps_what_is_refused_gets_just_that_and_hears_delivered_after_it)
{
    fresh(bench_config(), NULL);
    sender_source *source = keeper_new();
    weir_consume(&lab.exporter->super, bench_batch(&lab, source, 10));
    weir_push_rest rests[] = {rest_of(lab.open[0], 2, 3, WEIR_ERROR_PERMANENT),
                              rest_of(lab.open[0], 9, 1, WEIR_ERROR_TOO_LARGE)};
    answer_but(rests, 2);
    cr_assert(eq(uint, graves.count, 2));
    expect_grave(0, 2, 3);
    expect_grave(1, 9, 1);
    cr_assert(strstr(graves.errors[0].text, "the test says no") != NULL);
    expect_balance();
    cr_assert(eq(uint, source->completions, 0));
    weir_batch_complete(graves.batches[0], &weir_outcome_delivered);
    cr_assert(eq(uint, source->completions, 0), "the second is not safe yet");
    weir_batch_complete(graves.batches[1], &weir_outcome_delivered);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 0));
    EXPECT(source, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender_rests, a_source_all_of_whose_items_were_refused_by_themselves_keeps_them_and_is_told_no_more)
{
    fresh(bench_config(), NULL);
    sender_source *source = keeper_new();
    weir_consume(&lab.exporter->super, bench_batch(&lab, source, 3));
    weir_push_rest rests[] = {rest_of(lab.open[0], 0, 3, WEIR_ERROR_PERMANENT)};
    answer_but(rests, 1);
    expect_grave(0, 0, 3);
    weir_batch_complete(graves.batches[0], &weir_outcome_delivered);
    EXPECT(source, WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, a_message_that_is_refused_whole_is_told_to_its_source_which_has_it_as_it_was_read)
{
    fresh(bench_config(), NULL);
    sender_source *source = keeper_new();
    weir_consume(&lab.exporter->super, bench_batch(&lab, source, 3));
    bench_fail(&lab, WEIR_ERROR_PERMANENT, 0);
    cr_assert(eq(uint, graves.count, 0));
    EXPECT(source, WEIR_REJECTED);
    expect_balance();
    bench_close(&lab);
}

Test(sender_rests, of_a_message_that_was_halved_only_the_guilty_slice_is_kept)
{
    fresh(bench_config(), NULL);
    sender_source *source = keeper_new();
    weir_consume(&lab.exporter->super, bench_batch_of(&lab, source, 2, 3));
    bench_fail(&lab, WEIR_ERROR_PERMANENT, 0);
    cr_assert(eq(uint, lab.open_count, 2));
    bench_fail(&lab, WEIR_ERROR_PERMANENT, 0);
    bench_deliver(&lab);
    cr_assert(eq(uint, graves.count, 1));
    expect_grave(0, 0, 3);
    weir_batch_complete(graves.batches[0], &weir_outcome_delivered);
    EXPECT(source, WEIR_DELIVERED);
    expect_balance();
    bench_close(&lab);
}

/* Two exporters share the acknowledgement; this one refuses all that it was given, the other has delivered it. */
Test(sender_rests, one_exporter_of_several_that_refuses_has_it_kept)
{
    fresh(bench_config(), NULL);
    sender_source *source = keeper_new();
    weir_batch *batch = bench_batch(&lab, source, 3);
    batch->ack = weir_ack_split(batch->ack, 2);
    weir_ack *others = batch->ack;
    weir_consume(&lab.exporter->super, batch);
    bench_fail(&lab, WEIR_ERROR_PERMANENT, 0);
    weir_ack_complete(others, &weir_outcome_delivered);
    expect_grave(0, 0, 3);
    weir_batch_complete(graves.batches[0], &weir_outcome_delivered);
    EXPECT(source, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender_rests, what_could_not_be_kept_comes_back)
{
    fresh(bench_config(), NULL);
    sender_source *source = keeper_new();
    weir_consume(&lab.exporter->super, bench_batch(&lab, source, 3));
    weir_push_rest rests[] = {rest_of(lab.open[0], 0, 1, WEIR_ERROR_PERMANENT)};
    answer_but(rests, 1);
    weir_outcome later = {.kind = WEIR_RETRY_LATER};
    weir_batch_complete(graves.batches[0], &later);
    EXPECT(source, WEIR_RETRY_LATER);
    expect_balance();
    bench_close(&lab);
}
