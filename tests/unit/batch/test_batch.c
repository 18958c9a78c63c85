/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "batch/batch.h"

typedef struct recorded_ack {
    weir_ack super;
    unsigned completions;
    weir_outcome outcome;
} recorded_ack;

static void record(weir_ack *ack, const weir_outcome *outcome)
{
    recorded_ack *recorded = WEIR_CONTAINER(ack, recorded_ack, super);
    recorded->completions++;
    recorded->outcome = *outcome;
}

static weir_slice slice_of(weir_account *account, size_t len, uint32_t items)
{
    weir_chunk *chunk = weir_chunk_new(account, len);
    return (weir_slice){.chunk = chunk, .data = chunk->data, .len = len, .items = items};
}

Test(ack, split_completes_once_with_the_worst_and_the_sum)
{
    recorded_ack whole = {.super.complete = record};
    weir_ack *part = weir_ack_split(&whole.super, 3);
    weir_outcome rejected = {.kind = WEIR_REJECTED, .error = {.rejected_items = 4, .text = "bad"}};
    weir_outcome partly = {.kind = WEIR_DELIVERED, .error = {.rejected_items = 2}};
    weir_ack_complete(part, &rejected);
    weir_ack_complete(part, &partly);
    cr_assert_eq(whole.completions, 0);
    weir_ack_complete(part, &weir_outcome_delivered);
    cr_assert_eq(whole.completions, 1);
    cr_assert_eq(whole.outcome.kind, WEIR_REJECTED);
    cr_assert_eq(whole.outcome.error.rejected_items, 6);
    cr_assert_str_eq(whole.outcome.error.text, "bad");
}

Test(ack, one_part_to_retry_makes_the_whole_one_to_retry)
{
    recorded_ack whole = {.super.complete = record};
    weir_ack *part = weir_ack_split(&whole.super, 2);
    weir_outcome later = {.kind = WEIR_RETRY_LATER, .error = {.retry_after_ms = 500}};
    weir_outcome rejected = {.kind = WEIR_REJECTED};
    weir_ack_complete(part, &later);
    weir_ack_complete(part, &rejected);
    cr_assert_eq(whole.outcome.kind, WEIR_RETRY_LATER);
    cr_assert_eq(whole.outcome.error.retry_after_ms, 500);
}

Test(ack, abandonment_is_seen_through_splits_and_replay_is_inherited)
{
    recorded_ack whole = {.super = {.complete = record, .replays = true}};
    weir_ack *outer = weir_ack_split(&whole.super, 1);
    weir_ack *inner = weir_ack_split(outer, 1);
    cr_assert(inner->replays);
    cr_assert_not(weir_ack_abandoned(inner));
    whole.super.abandoned = true;
    cr_assert(weir_ack_abandoned(inner));
    weir_ack_complete(inner, &weir_outcome_delivered);
    cr_assert_eq(whole.completions, 1);
}

Test(batch, shares_slices_and_frees_them_with_the_last)
{
    weir_account account;
    weir_account_init(&account, 10000, 10000);
    recorded_ack ack = {.super.complete = record};
    weir_slice slice = slice_of(&account, 100, 5);
    weir_batch *batch = weir_batch_new(WEIR_LOGS, &slice, &ack.super);
    cr_assert_null(slice.chunk, "taken");
    weir_batch *second = weir_batch_share(batch, &ack.super);
    weir_batch_complete(batch, &weir_outcome_delivered);
    cr_assert_eq(second->items, 5);
    cr_assert_gt(weir_account_used(&account), 0);
    weir_batch_complete(second, &weir_outcome_delivered);
    cr_assert_eq(weir_account_used(&account), 0);
    cr_assert_eq(ack.completions, 2);
}

Test(batch, replacing_keeps_the_counts_and_removes_what_is_empty)
{
    recorded_ack ack = {.super.complete = record};
    weir_slice slice = slice_of(NULL, 100, 5), smaller = slice_of(NULL, 40, 2), empty = slice_of(NULL, 7, 0);
    weir_batch *batch = weir_batch_new(WEIR_TRACES, &slice, &ack.super);
    weir_batch_replace(batch, 0, &smaller);
    cr_assert_eq(batch->items, 2);
    cr_assert_eq(batch->bytes, 40);
    weir_batch_replace(batch, 0, &empty);
    cr_assert_eq(batch->slice_count, 0);
    cr_assert_eq(batch->items, 0);
    cr_assert_eq(batch->bytes, 0);
    weir_batch_free(batch);
}

Test(metadata, gives_values_by_name_in_any_case_and_compares_by_keys)
{
    const weir_metadata_entry entries[] = {{WEIR_TEXT("x-tenant"), WEIR_TEXT("a")},
                                           {WEIR_TEXT("x-tenant"), WEIR_TEXT("b")},
                                           {WEIR_TEXT("x-other"), WEIR_TEXT("1")}};
    weir_metadata *both = weir_metadata_new(entries, 3, "127.0.0.1:5");
    weir_metadata *one = weir_metadata_new(entries, 1, "");
    cr_assert(weir_text_is(weir_metadata_get(both, WEIR_TEXT("X-Tenant"), 1), "b"));
    cr_assert_null(weir_metadata_get(both, WEIR_TEXT("x-tenant"), 2).data);
    cr_assert_null(weir_metadata_get(NULL, WEIR_TEXT("x-tenant"), 0).data);
    const char *const tenant[] = {"X-Tenant"}, *const missing[] = {"x-none"};
    cr_assert_not(weir_metadata_same(both, one, tenant, 1));
    cr_assert(weir_metadata_same(both, one, missing, 1));
    cr_assert_not(weir_metadata_same(both, NULL, tenant, 1));
    cr_assert_str_eq(weir_metadata_peer(both), "127.0.0.1:5");
    weir_metadata_unref(both);
    weir_metadata_unref(one);
}
