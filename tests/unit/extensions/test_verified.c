/* SPDX-License-Identifier: Apache-2.0
 *
 * Remembered credentials: a verdict is kept, a change of the passwords forgets it, guessing has a budget.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "extensions/verified.h"

static const uint64_t second_ns = 1000 * 1000 * 1000;

static weir_verified *verified;

static void start(void)
{
    verified = weir__verified_new();
}

static void stop(void)
{
    weir__verified_free(verified);
}

TestSuite(verified, .init = start, .fini = stop);

static weir_verdict ask(const char *credentials, uint64_t now_ns)
{
    weir_credentials_key key;
    return weir__verified_ask(verified, weir_text_of(credentials), now_ns, &key);
}

static void learn(const char *credentials, bool is_good, uint64_t now_ns)
{
    weir_credentials_key key;
    cr_assert_eq(weir__verified_ask(verified, weir_text_of(credentials), now_ns, &key), WEIR_VERDICT_UNKNOWN);
    weir__verified_learn(verified, &key, is_good);
}

Test(verified, verdicts_are_kept)
{
    learn("ann:good", true, second_ns);
    learn("ann:bad", false, second_ns);
    cr_expect_eq(ask("ann:good", second_ns), WEIR_VERDICT_GOOD);
    cr_expect_eq(ask("ann:bad", second_ns), WEIR_VERDICT_BAD);
    cr_expect_eq(ask("ann:other", second_ns), WEIR_VERDICT_UNKNOWN);
}

Test(verified, a_change_forgets_and_what_was_checked_before_it_does_not_count)
{
    weir_credentials_key before;
    learn("ann:good", true, second_ns);
    cr_assert_eq(weir__verified_ask(verified, WEIR_TEXT("bob:old"), second_ns, &before), WEIR_VERDICT_UNKNOWN);
    weir__verified_forget(verified);
    weir__verified_learn(verified, &before, true);
    cr_expect_eq(ask("ann:good", second_ns), WEIR_VERDICT_UNKNOWN);
    cr_expect_eq(ask("bob:old", second_ns), WEIR_VERDICT_UNKNOWN);
}

Test(verified, guessing_uses_up_a_budget_that_time_restores)
{
    char guess[16];
    learn("ann:good", true, second_ns);
    for (int i = 0; i < 20; i++) {
        snprintf(guess, sizeof guess, "ann:%d", i);
        learn(guess, false, second_ns);
    }
    cr_expect_eq(ask("ann:next", second_ns), WEIR_VERDICT_LATER);
    cr_expect_eq(ask("bob:right", second_ns), WEIR_VERDICT_LATER, "nobody new is checked meanwhile");
    cr_expect_eq(ask("ann:good", second_ns), WEIR_VERDICT_GOOD, "who is known is let in");
    cr_expect_eq(ask("ann:7", second_ns), WEIR_VERDICT_BAD);
    cr_expect_eq(ask("ann:next", second_ns + second_ns / 2), WEIR_VERDICT_UNKNOWN, "two a second");
    cr_expect_eq(ask("ann:next", second_ns / 2), WEIR_VERDICT_UNKNOWN, "another worker's clock may be behind");
}

Test(verified, good_checks_cost_no_budget)
{
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "%d:x", i);
        learn(name, true, second_ns);
    }
}

Test(verified, bad_verdicts_never_push_good_ones_out)
{
    char name[24];
    learn("ann:good", true, second_ns);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "ann:%u", i);
        learn(name, false, (i + 2) * second_ns);
    }
    cr_expect_eq(ask("ann:good", 5002 * second_ns), WEIR_VERDICT_GOOD);
}
