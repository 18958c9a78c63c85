/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "sender_fixture.h"

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

static void expect_balance(void)
{
    weir_exporter_books books = bench_books(&lab);
    cr_assert(eq(long, books.taken, books.sent + books.rejected + books.returned + books.dropped + books.held));
}

Test(sender, without_batching_every_batch_is_a_push_and_the_source_hears_of_it)
{
    fresh(bench_config(), NULL);
    sender_source *first = bench_offer(&lab, 3);
    sender_source *second = bench_offer(&lab, 4);
    cr_assert(eq(uint, lab.open_count, 2));
    cr_assert(eq(u64, lab.open[0]->items, 3));
    cr_assert(eq(u64, lab.open[0]->deadline_ns, lab.loop.now_ns + 5000000000));
    cr_assert(eq(uint, first->completions, 0));
    bench_deliver(&lab);
    bench_deliver(&lab);
    EXPECT(first, WEIR_DELIVERED);
    EXPECT(second, WEIR_DELIVERED);
    cr_assert(eq(long, bench_books(&lab).sent, 7));
    expect_balance();
    bench_close(&lab);
}

Test(sender, no_more_pushes_than_consumers)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 2;
    fresh(config, NULL);
    sender_source *sources[3];
    for (int i = 0; i < 3; i++)
        sources[i] = bench_offer(&lab, 1);
    cr_assert(eq(uint, lab.open_count, 2));
    bench_deliver(&lab);
    cr_assert(eq(uint, lab.open_count, 2));
    bench_deliver(&lab);
    bench_deliver(&lab);
    for (int i = 0; i < 3; i++)
        EXPECT(sources[i], WEIR_DELIVERED);
    bench_close(&lab);
}

static int64_t oldest_age_ms(void)
{
    return weir_metrics_sum(lab.metrics, "weir_queue_oldest_item_age", NULL, 0);
}

Test(sender, the_age_of_the_oldest_batch_counts_from_when_it_came)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 1;
    fresh(config, NULL);
    cr_assert(eq(long, oldest_age_ms(), 0));
    sender_source *first = bench_offer(&lab, 1);
    fake_loop_advance(&lab.loop, 300);
    sender_source *second = bench_offer(&lab, 1);
    cr_assert(eq(long, oldest_age_ms(), 300));
    fake_loop_advance(&lab.loop, 50);
    bench_deliver(&lab); /* the second is under way now */
    cr_assert(eq(long, oldest_age_ms(), 50));
    bench_deliver(&lab);
    cr_assert(eq(long, oldest_age_ms(), 0));
    EXPECT(first, WEIR_DELIVERED);
    EXPECT(second, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender, a_batch_someone_waits_for_leaves_at_once_and_the_next_gathers_meanwhile)
{
    fresh(bench_config(), &shape_of_100);
    sender_source *sources[4];
    for (int i = 0; i < 4; i++)
        sources[i] = bench_offer(&lab, 10);
    cr_assert(eq(uint, lab.open_count, 1));
    cr_assert(eq(u64, lab.open[0]->items, 10));
    bench_deliver(&lab);
    cr_assert(eq(uint, lab.open_count, 1));
    cr_assert(eq(u64, lab.open[0]->items, 30), "the three that came meanwhile go together");
    bench_deliver(&lab);
    for (int i = 0; i < 4; i++)
        EXPECT(sources[i], WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender, the_timeout_bounds_how_long_batches_gather_behind_a_slow_push)
{
    fresh(bench_config(), &shape_of_100);
    sender_source *slow = bench_offer(&lab, 10);
    sender_source *behind = bench_offer(&lab, 10);
    fake_loop_advance(&lab.loop, 990);
    cr_assert(eq(uint, lab.open_count, 1));
    fake_loop_advance(&lab.loop, 20);
    cr_assert(eq(uint, lab.open_count, 2));
    bench_deliver(&lab);
    bench_deliver(&lab);
    EXPECT(slow, WEIR_DELIVERED);
    EXPECT(behind, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender, nobody_waits_so_it_gathers_until_min_size_or_timeout)
{
    weir_sender_config config = bench_config();
    config.queue.wait_for_result = false;
    fresh(config, &shape_of_100);
    sender_source *early = bench_offer(&lab, 40);
    EXPECT(early, WEIR_DELIVERED);
    cr_assert(eq(uint, lab.open_count, 0));
    sender_source *filling = bench_offer(&lab, 60);
    EXPECT(filling, WEIR_DELIVERED);
    cr_assert(eq(uint, lab.open_count, 1));
    cr_assert(eq(u64, lab.open[0]->items, 100));
    sender_source *late = bench_offer(&lab, 1);
    EXPECT(late, WEIR_DELIVERED);
    fake_loop_advance(&lab.loop, 1001);
    cr_assert(eq(uint, lab.open_count, 2));
    bench_deliver(&lab);
    bench_deliver(&lab);
    cr_assert(eq(long, bench_books(&lab).sent, 101));
    bench_close(&lab);
}

Test(sender, a_source_that_replays_hears_of_the_push_even_without_waiting)
{
    weir_sender_config config = bench_config();
    config.queue.wait_for_result = false;
    fresh(config, NULL);
    sender_source *kafka = source_new();
    kafka->ack.replays = true;
    weir_consume(&lab.exporter->super, bench_batch(&lab, kafka, 5));
    cr_assert(eq(uint, kafka->completions, 0));
    bench_deliver(&lab);
    EXPECT(kafka, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender, over_the_soft_limit_everything_leaves_at_once)
{
    weir_sender_config config = bench_config();
    config.queue.wait_for_result = false;
    fresh(config, &shape_of_100);
    weir_account_force(&lab.account, lab.account.soft_limit_bytes + 1);
    EXPECT(bench_offer(&lab, 1), WEIR_DELIVERED);
    cr_assert(eq(uint, lab.open_count, 1));
    bench_deliver(&lab);
    weir_account_release(&lab.account, lab.account.soft_limit_bytes + 1);
    bench_close(&lab);
}

Test(sender, a_batch_over_max_size_is_cut_and_its_source_hears_once)
{
    fresh(bench_config(), &shape_of_100);
    sender_source *large = bench_offer(&lab, 450);
    cr_assert(eq(uint, lab.open_count, 2), "the rest is below min_size and gathers meanwhile");
    for (int i = 0; i < 2; i++)
        cr_assert(eq(u64, lab.open[i]->items, 200));
    bench_deliver(&lab);
    bench_deliver(&lab);
    cr_assert(eq(uint, large->completions, 0));
    bench_deliver(&lab);
    EXPECT(large, WEIR_DELIVERED);
    for (uint32_t i = 0; i < 450; i++)
        cr_assert(eq(uint, lab.taken[i], 1));
    expect_balance();
    bench_close(&lab);
}

Test(sender, what_differs_in_metadata_keys_is_never_put_together)
{
    static char tenant_key[] = "tenant";
    static char *keys[] = {tenant_key};
    weir_batch_shape shape = shape_of_100;
    shape.metadata_keys = (weir_strings){keys, 1};
    weir_sender_config config = bench_config();
    config.queue.wait_for_result = false;
    fresh(config, &shape);
    const char *tenants[] = {"a", "b", "a"};
    for (int i = 0; i < 3; i++) {
        weir_metadata_entry entry = {WEIR_TEXT("tenant"), {tenants[i], 1}};
        sender_source *source = source_new();
        weir_batch *batch = bench_batch(&lab, source, 10);
        batch->metadata = weir_metadata_new(&entry, 1, "");
        weir_consume(&lab.exporter->super, batch);
        EXPECT(source, WEIR_DELIVERED);
    }
    fake_loop_advance(&lab.loop, 1001);
    cr_assert(eq(uint, lab.open_count, 2));
    for (int i = 0; i < 2; i++) {
        weir_text tenant = weir_metadata_get(lab.open[i]->metadata, WEIR_TEXT("tenant"), 0);
        cr_assert(eq(u64, lab.open[i]->items, weir_text_is(tenant, "a") ? 20 : 10));
    }
    bench_deliver(&lab);
    bench_deliver(&lab);
    bench_close(&lab);
}

Test(sender, a_failed_push_is_sent_again_and_only_one_probes_a_failing_backend)
{
    fresh(bench_config(), NULL);
    sender_source *sources[5];
    for (int i = 0; i < 5; i++)
        sources[i] = bench_offer(&lab, 1);
    for (int i = 0; i < 5; i++)
        bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
    cr_assert(eq(uint, lab.open_count, 0));
    fake_loop_advance(&lab.loop, 4990);
    cr_assert(eq(uint, lab.open_count, 0));
    fake_loop_advance(&lab.loop, 20);
    cr_assert(eq(uint, lab.open_count, 1), "one probe, not five");
    bench_fail(&lab, WEIR_ERROR_ENDPOINT, 0);
    fake_loop_advance(&lab.loop, 7490);
    cr_assert(eq(uint, lab.open_count, 0), "the pause has grown to 7.5 s");
    fake_loop_advance(&lab.loop, 20);
    cr_assert(eq(uint, lab.open_count, 1));
    bench_deliver(&lab);
    cr_assert(eq(uint, lab.open_count, 4), "the backend is back: all follow");
    while (lab.open_count > 0)
        bench_deliver(&lab);
    for (int i = 0; i < 5; i++)
        EXPECT(sources[i], WEIR_DELIVERED);
    cr_assert(eq(long, bench_books(&lab).sent, 5));
    bench_close(&lab);
}

Test(sender, the_delay_the_backend_asks_for_is_a_minimum)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 1);
    bench_fail(&lab, WEIR_ERROR_THROTTLED, 60000);
    fake_loop_advance(&lab.loop, 59900);
    cr_assert(eq(uint, lab.open_count, 0));
    fake_loop_advance(&lab.loop, 200);
    cr_assert(eq(uint, lab.open_count, 1));
    bench_deliver(&lab);
    EXPECT(source, WEIR_DELIVERED);
    bench_close(&lab);
}

/* A gateway whose clock is wrong asks for weeks. */
Test(sender, of_the_delay_the_backend_asks_for_ten_minutes_are_believed)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 1);
    bench_fail(&lab, WEIR_ERROR_THROTTLED, UINT32_MAX);
    fake_loop_advance(&lab.loop, 599 * 1000);
    cr_assert(eq(uint, lab.open_count, 0));
    fake_loop_advance(&lab.loop, 1100);
    cr_assert(eq(uint, lab.open_count, 1));
    bench_deliver(&lab);
    EXPECT(source, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender, max_elapsed_time_gives_data_back_to_who_waits_and_drops_the_rest)
{
    weir_sender_config config = bench_config();
    config.retry.max_elapsed_time_ms = 30000;
    config.retry.multiplier = 1;
    fresh(config, NULL);
    sender_source *waiting = bench_offer(&lab, 2);
    for (int i = 0; i < 6; i++) {
        cr_assert(eq(uint, lab.open_count, 1));
        bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
        fake_loop_advance(&lab.loop, 5001);
    }
    EXPECT(waiting, WEIR_RETRY_LATER);
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_returned_items", "expired"), 2));
    bench_close(&lab);

    config.queue.wait_for_result = false;
    config.retry.enabled = false;
    fresh(config, NULL);
    EXPECT(bench_offer(&lab, 3), WEIR_DELIVERED);
    bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_dropped_items", "expired"), 3));
    expect_balance();
    bench_close(&lab);
}

static bool refuses_poison(sender_bench *bench, const weir_push *push, weir_error *ret_error)
{
    if (push_has_span(push, bench->poisoned_span))
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "poison");
    return true;
}

Test(sender, the_guilty_slice_is_found_and_the_rest_delivered)
{
    weir_sender_config config = bench_config();
    config.queue.wait_for_result = true;
    fresh(config, &shape_of_100);
    sender_source *plug = bench_offer(&lab, 1); /* under way, so that the others gather */
    sender_source *innocent = source_new(), *guilty = source_new();
    weir_consume(&lab.exporter->super, bench_batch_of(&lab, innocent, 3, 5));
    uint32_t first = lab.next_span;
    weir_consume(&lab.exporter->super, bench_batch_of(&lab, guilty, 4, 5));
    lab.poisoned_span = first + 7;
    lab.answer = refuses_poison;
    bench_deliver(&lab);
    EXPECT(plug, WEIR_DELIVERED);
    EXPECT(innocent, WEIR_DELIVERED);
    cr_assert(eq(u64, guilty->outcome.error.rejected_items, 5));
    EXPECT(guilty, WEIR_REJECTED);
    for (uint32_t i = 0; i < lab.next_span; i++)
        cr_assert(eq(uint, lab.taken[i], i >= first + 5 && i < first + 10 ? 0 : 1), "span %u", i);
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_rejected_items", "permanent"), 5));
    expect_balance();
    bench_close(&lab);
}

static bool takes_small_ones(sender_bench *bench, const weir_push *push, weir_error *ret_error)
{
    (void)bench;
    if (push->bytes > 200)
        weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, "too large");
    return true;
}

Test(sender, what_is_too_large_is_cut_until_it_fits_and_the_size_is_remembered)
{
    fresh(bench_config(), NULL);
    lab.answer = takes_small_ones;
    sender_source *source = bench_offer(&lab, 64);
    EXPECT(source, WEIR_DELIVERED);
    for (uint32_t i = 0; i < 64; i++)
        cr_assert(eq(uint, lab.taken[i], 1), "span %u", i);
    unsigned pushes_first = lab.sent_count;
    source = bench_offer(&lab, 64);
    EXPECT(source, WEIR_DELIVERED);
    cr_assert(lt(uint, lab.sent_count - pushes_first, pushes_first), "formed below the size from the start");
    expect_balance();
    bench_close(&lab);
}

static bool takes_nothing_that_large(sender_bench *bench, const weir_push *push, weir_error *ret_error)
{
    (void)bench, (void)push;
    weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, "too large");
    return true;
}

Test(sender, a_single_item_that_is_too_large_is_rejected)
{
    fresh(bench_config(), NULL);
    lab.answer = takes_nothing_that_large;
    sender_source *source = bench_offer(&lab, 4);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 4));
    EXPECT(source, WEIR_REJECTED);
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_rejected_items", "too_large"), 4));
    bench_close(&lab);
}

Test(sender, partial_success_is_booked_as_rejected)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 10);
    weir_error partial = {.rejected_items = 4, .text = "four were no good"};
    bench_answer(&lab, 0, &partial);
    cr_assert(eq(u64, source->outcome.error.rejected_items, 4));
    EXPECT(source, WEIR_DELIVERED);
    cr_assert(eq(long, bench_books(&lab).sent, 6));
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_rejected_items", "partial_success"), 4));
    bench_close(&lab);
}

Test(sender, what_nobody_waits_for_any_more_is_not_sent)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 1;
    fresh(config, NULL);
    sender_source *under_way = bench_offer(&lab, 1);
    sender_source *queued = bench_offer(&lab, 2);
    under_way->ack.abandoned = queued->ack.abandoned = true;
    fake_loop_advance(&lab.loop, 1100);
    EXPECT(queued, WEIR_RETRY_LATER);
    cr_assert(eq(uint, under_way->completions, 0), "what is on its way goes on");
    bench_deliver(&lab);
    EXPECT(under_way, WEIR_DELIVERED);
    cr_assert(eq(uint, lab.sent_count, 1));
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_returned_items", "abandoned"), 2));
    bench_close(&lab);
}

Test(sender, a_full_queue_refuses_with_a_delay)
{
    weir_sender_config config = bench_config();
    config.queue.queue_size = 2;
    fresh(config, NULL);
    weir_error error = {0};
    cr_assert(lab.exporter->reserve(lab.exporter, 1, 10, &error));
    cr_assert(lab.exporter->reserve(lab.exporter, 1, 10, &error));
    cr_assert(not(lab.exporter->reserve(lab.exporter, 7, 10, &error)));
    cr_assert(eq(int, (int)error.class_, WEIR_ERROR_THROTTLED));
    cr_assert(ge(uint, error.retry_after_ms, 1000));
    cr_assert(le(uint, error.retry_after_ms, 30000));
    cr_assert(eq(long, weir_metrics_sum(lab.metrics, "otelcol_exporter_enqueue_failed_spans", NULL, 0), 7));
    lab.exporter->unreserve(lab.exporter, 1, 10);
    cr_assert(lab.exporter->reserve(lab.exporter, 1, 10, &error));
    lab.exporter->unreserve(lab.exporter, 1, 10);
    lab.exporter->unreserve(lab.exporter, 1, 10);
    bench_close(&lab);
}

Test(sender, requests_are_counted_as_they_will_be_sent)
{
    weir_sender_config config = bench_config();
    config.queue.queue_size = 2;
    config.queue.wait_for_result = false;
    fresh(config, &shape_of_100);
    weir_error error = {0};
    for (int i = 0; i < 20; i++)
        cr_assert(lab.exporter->reserve(lab.exporter, 10, 10, &error), "200 items are two requests of 100");
    cr_assert(not(lab.exporter->reserve(lab.exporter, 10, 10, &error)));
    for (int i = 0; i < 20; i++)
        lab.exporter->unreserve(lab.exporter, 10, 10);
    bench_close(&lab);
}

Test(sender, half_of_the_memory_limit_is_the_end_and_an_empty_queue_takes_everything)
{
    fresh(bench_config(), NULL);
    weir_error error = {0};
    uint64_t half = lab.account.limit_bytes / 2;
    cr_assert(lab.exporter->reserve(lab.exporter, 1, half + 1, &error));
    cr_assert(not(lab.exporter->reserve(lab.exporter, 1, 1, &error)));
    lab.exporter->unreserve(lab.exporter, 1, half + 1);
    bench_close(&lab);
}

static void count_room(void *user)
{
    ++*(int *)user;
}

Test(sender, with_block_on_overflow_room_is_announced)
{
    weir_sender_config config = bench_config();
    config.queue.queue_size = 1;
    config.queue.block_on_overflow = true;
    fresh(config, NULL);
    int announced = 0;
    lab.exporter->on_room = count_room;
    lab.exporter->on_room_user = &announced;
    cr_assert(lab.exporter->blocks_on_overflow);
    sender_source *source = bench_offer(&lab, 1);
    weir_error error = {0};
    cr_assert(not(lab.exporter->reserve(lab.exporter, 1, 10, &error)));
    bench_deliver(&lab);
    fake_loop_advance(&lab.loop, 0);
    cr_assert(eq(int, announced, 1));
    cr_assert(lab.exporter->reserve(lab.exporter, 1, 10, &error));
    lab.exporter->unreserve(lab.exporter, 1, 10);
    EXPECT(source, WEIR_DELIVERED);
    bench_close(&lab);
}

Test(sender, drain_sends_everything_at_once_and_ends_the_backoff)
{
    weir_sender_config config = bench_config();
    config.queue.wait_for_result = false;
    fresh(config, &shape_of_100);
    EXPECT(bench_offer(&lab, 100), WEIR_DELIVERED);
    bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
    EXPECT(bench_offer(&lab, 5), WEIR_DELIVERED);
    cr_assert(eq(uint, lab.open_count, 0));
    lab.exporter->drain(lab.exporter);
    cr_assert(eq(uint, lab.open_count, 2));
    bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
    bench_deliver(&lab);
    fake_loop_advance(&lab.loop, 300);
    cr_assert(eq(uint, lab.open_count, 1), "what only weir has is tried on");
    bench_deliver(&lab);
    cr_assert(eq(long, bench_books(&lab).sent, 105));
    bench_close(&lab);
}

Test(sender, while_draining_a_failure_gives_everything_back_to_who_still_has_it)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 1;
    fresh(config, NULL);
    sender_source *sources[3];
    for (int i = 0; i < 3; i++)
        sources[i] = bench_offer(&lab, 1);
    lab.exporter->drain(lab.exporter);
    bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
    for (int i = 0; i < 3; i++)
        EXPECT(sources[i], WEIR_RETRY_LATER);
    cr_assert(eq(u64, lab.exporter->held(lab.exporter), 0));
    bench_close(&lab);
}

Test(sender, abandon_gives_everything_up)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 1;
    fresh(config, NULL);
    sender_source *under_way = bench_offer(&lab, 1);
    sender_source *queued = bench_offer(&lab, 2);
    lab.exporter->abandon(lab.exporter);
    EXPECT(under_way, WEIR_RETRY_LATER);
    EXPECT(queued, WEIR_RETRY_LATER);
    cr_assert(eq(uint, lab.cancelled_count, 1));
    cr_assert(eq(long, bench_count(&lab, "weir_exporter_returned_items", "shutdown"), 3));
    expect_balance();
    bench_close(&lab);
}

Test(sender, a_backend_that_is_known_to_be_back_is_not_left_alone_any_longer)
{
    fresh(bench_config(), NULL);
    sender_source *source = bench_offer(&lab, 4);
    bench_fail(&lab, WEIR_ERROR_RETRYABLE, 0);
    cr_assert(eq(uint, lab.open_count, 0));
    weir_sender_report(lab.exporter, NULL);
    cr_assert(eq(uint, lab.open_count, 1));
    bench_deliver(&lab);
    EXPECT(source, WEIR_DELIVERED);
    bench_close(&lab);
}
