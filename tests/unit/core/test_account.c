/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "core/account.h"

Test(account, reserves_up_to_the_limit_and_not_a_byte_more)
{
    weir_account account;
    weir_account_init(&account, 1000, 800);
    cr_assert(weir_account_reserve(&account, 1000));
    cr_assert_not(weir_account_reserve(&account, 1));
    cr_assert_eq(account.refusals, 1);
    weir_account_release(&account, 400);
    cr_assert(weir_account_reserve(&account, 400));
    cr_assert_not(weir_account_reserve(&account, SIZE_MAX), "a huge reservation must not wrap around");
    cr_assert_eq(weir_account_used(&account), 1000);
}

Test(account, soft_limit_is_passed_before_the_hard_one)
{
    weir_account account;
    weir_account_init(&account, 1000, 800);
    cr_assert(weir_account_reserve(&account, 800));
    cr_assert_not(weir_account_over_soft_limit(&account));
    cr_assert(weir_account_reserve(&account, 1));
    cr_assert(weir_account_over_soft_limit(&account));
}

Test(account, forced_bytes_pass_the_limit_and_block_the_next_reservation)
{
    weir_account account;
    weir_account_init(&account, 100, 100);
    weir_account_force(&account, 150);
    cr_assert_eq(account.used_bytes_max, 150);
    cr_assert_not(weir_account_reserve(&account, 1));
    weir_account_release(&account, 150);
    cr_assert(weir_account_reserve(&account, 100));
}
