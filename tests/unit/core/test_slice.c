/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>

#include "core/slice.h"

Test(chunk, is_charged_while_referenced)
{
    weir_account account;
    weir_account_init(&account, 10000, 10000);
    weir_chunk *chunk = weir_chunk_new(&account, 500);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(500));
    weir_chunk_ref(chunk);
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(500));
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
}

Test(chunk, is_refused_over_the_limit_unless_forced)
{
    weir_account account;
    weir_account_init(&account, 600, 600);
    cr_assert_null(weir_chunk_new(&account, 600));
    weir_chunk *chunk = weir_chunk_new_forced(&account, 600);
    cr_assert_not_null(chunk);
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
}

Test(chunk, of_impossible_size_leaves_the_account_as_it_was)
{
    weir_account account;
    weir_account_init(&account, SIZE_MAX, SIZE_MAX);
    cr_assert_null(weir_chunk_new(&account, SIZE_MAX / 2));
    cr_assert_eq(weir_account_used(&account), 0);
}

Test(chunk, shrinks_with_its_charge)
{
    weir_account account;
    weir_account_init(&account, 100000, 100000);
    weir_chunk *chunk = weir_chunk_new(&account, 50000);
    chunk->data[0] = 42;
    chunk = weir_chunk_shrink(chunk, 10);
    cr_assert_eq(chunk->data[0], 42);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(10));
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
}

static void count_release(void *owner)
{
    ++*(unsigned *)owner;
}

Test(chunk, of_somebody_elses_memory_is_charged_and_released_with_the_last_reference)
{
    const uint8_t theirs[] = "a message of a library's";
    unsigned releases = 0;
    weir_account account;
    weir_account_init(&account, 10, 10);
    weir_chunk *chunk = weir_chunk_new_foreign(&account, sizeof theirs, count_release, &releases);
    cr_assert_eq(chunk->size, sizeof theirs);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(sizeof theirs), "past the limit");

    weir_slice slice = {.chunk = chunk, .data = theirs + 2, .len = 7};
    weir_slice second = weir_slice_ref(&slice);
    cr_assert_eq(second.data, theirs + 2, "not copied");
    weir_slice_done(&slice);
    cr_assert_eq(releases, 0);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(sizeof theirs));
    weir_slice_done(&second);
    cr_assert_eq(releases, 1);
    cr_assert_eq(weir_account_used(&account), 0);
}

Test(chunk, of_somebody_elses_memory_needs_no_account)
{
    unsigned releases = 0;
    weir_chunk_unref(weir_chunk_new_foreign(NULL, 100, count_release, &releases));
    cr_assert_eq(releases, 1);
}

Test(chunk, of_somebody_elses_memory_is_never_cut, .signal = SIGABRT)
{
    unsigned releases = 0;
    weir_chunk_shrink(weir_chunk_new_foreign(NULL, 100, count_release, &releases), 10);
}

Test(slice, second_reference_keeps_bytes_and_ordinals)
{
    weir_slice slice = {.chunk = weir_chunk_new(NULL, 4), .len = 4, .items = 2, .ordinals = weir_ordinals_new(2)};
    slice.data = slice.chunk->data;
    slice.ordinals->kept[0] = 3;
    slice.ordinals->kept[1] = 9;
    weir_slice second = weir_slice_ref(&slice);
    weir_slice_done(&slice);
    cr_assert_null(slice.chunk);
    cr_assert_eq(weir_slice_ordinal(&second, 1), 9);
    weir_slice_done(&second);
}

Test(slice, ids_are_of_one_origin_and_never_repeat)
{
    weir_slice_id a = weir_slice_id_next(), b = weir_slice_id_next();
    cr_assert_neq(a.origin, 0);
    cr_assert_eq(a.origin, b.origin);
    cr_assert_eq(b.sequence, a.sequence + 1);
}
