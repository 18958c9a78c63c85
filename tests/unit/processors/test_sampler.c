/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions of the sampler at its edges: what an item says about itself, what fails closed or open, what is written
 * to what is kept.
 */
#include <criterion/criterion.h>

#include "processors/resource_text.h"
#include "processors/sampler.h"

static const uint8_t low_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 1};
static const uint8_t high_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

#define HALF (WEIR_SAMPLING_NEVER / 2)

static weir_sampler_case judge(weir_sampler_mode mode, float percentage, bool fail_closed, const uint8_t *trace_id,
                               weir_sampler_case item)
{
    weir_sampler sampler;
    weir_sampler_init(&sampler, mode, percentage, 0, 4, fail_closed);
    weir_bytes hashed = {trace_id, trace_id ? 16 : 0};
    weir_sampler_judge(&sampler, hashed, WEIR_POLICY_TRACE_ID_HASH, trace_id, &item);
    return item;
}

Test(sampler, equalizing_keeps_what_was_sampled_harder)
{
    weir_sampler_case item = {.is_valid = true, .has_threshold = true, .threshold = HALF + HALF / 2};
    item = judge(WEIR_SAMPLER_EQUALIZING, 50, true, high_id, item);
    uint64_t threshold;
    cr_assert(weir_sampler_keeps(&item));
    cr_assert(weir_sampler_new_threshold(&item, &threshold));
    cr_assert_eq(threshold, HALF + HALF / 2);
    weir_sampler_case other = judge(WEIR_SAMPLER_EQUALIZING, 50, true, low_id, (weir_sampler_case){.is_valid = true});
    cr_assert_not(weir_sampler_keeps(&other));
}

Test(sampler, proportional_multiplies)
{
    weir_sampler_case item = judge(WEIR_SAMPLER_PROPORTIONAL, 50, true, high_id,
                                   (weir_sampler_case){.is_valid = true, .has_threshold = true, .threshold = HALF});
    cr_assert_eq(item.decided_threshold, HALF + HALF / 2, "a half of a half is a quarter");
    cr_assert_eq(item.policy, WEIR_POLICY_TRACE_ID_W3C);
}

Test(sampler, own_randomness_beats_the_trace_id)
{
    weir_sampler_case item = judge(WEIR_SAMPLER_PROPORTIONAL, 50, true, low_id,
                                   (weir_sampler_case){.is_valid = true, .has_randomness = true, .randomness = HALF});
    cr_assert(weir_sampler_keeps(&item));
    cr_assert_eq(item.policy, WEIR_POLICY_RANDOMNESS);
}

Test(sampler, an_impossible_threshold_fails_closed_or_is_removed)
{
    weir_sampler_case lie = {.is_valid = true, .has_threshold = true, .threshold = HALF};
    weir_sampler_case closed = judge(WEIR_SAMPLER_EQUALIZING, 100, true, low_id, lie);
    cr_assert_not(weir_sampler_keeps(&closed));
    weir_sampler_case open = judge(WEIR_SAMPLER_EQUALIZING, 100, false, low_id, lie);
    uint64_t threshold;
    cr_assert(weir_sampler_keeps(&open) && open.clears_threshold);
    cr_assert(weir_sampler_new_threshold(&open, &threshold));
    cr_assert_eq(threshold, WEIR_SAMPLING_ALWAYS);
}

Test(sampler, without_a_trace_id)
{
    for (int mode = WEIR_SAMPLER_HASH_SEED; mode <= WEIR_SAMPLER_PROPORTIONAL; mode++) {
        weir_sampler_case closed =
            judge((weir_sampler_mode)mode, 99, true, NULL, (weir_sampler_case){.is_valid = true});
        weir_sampler_case open = judge((weir_sampler_mode)mode, 1, false, NULL, (weir_sampler_case){.is_valid = true});
        cr_assert_not(weir_sampler_keeps(&closed));
        cr_assert(weir_sampler_keeps(&open));
        cr_assert_eq(open.policy, WEIR_POLICY_MISSING);
    }
}

Test(sampler, hash_seed_leaves_items_of_the_newer_rules_alone)
{
    weir_sampler_case item = judge(WEIR_SAMPLER_HASH_SEED, 100, false, high_id,
                                   (weir_sampler_case){.is_valid = true, .has_threshold = true, .threshold = HALF});
    cr_assert(weir_sampler_keeps(&item));
    cr_assert_not(item.is_marked);
}

Test(sampler, zero_percent_keeps_only_priorities)
{
    weir_sampler_case item = judge(WEIR_SAMPLER_HASH_SEED, 0, true, high_id, (weir_sampler_case){.is_valid = true});
    cr_assert_not(weir_sampler_keeps(&item));
    weir_sampler_override(&item, WEIR_SAMPLING_ALWAYS);
    cr_assert(weir_sampler_keeps(&item));
}

Test(resource_text, pairs)
{
    weir_resource_text attributes = {0};
    cr_assert(weir_resource_text_parse(&attributes, WEIR_TEXT(" a = 1 ,b=x%20y+z,c=,d=k=v,a=2,")));
    cr_assert_eq(attributes.count, 4);
    cr_assert_str_eq(attributes.keys[0], "a");
    cr_assert_str_eq(attributes.values[0], "2");
    cr_assert_str_eq(attributes.values[1], "x y z");
    cr_assert_str_eq(attributes.values[2], "");
    cr_assert_str_eq(attributes.values[3], "k=v");
    cr_assert(weir_resource_text_parse(&attributes, WEIR_TEXT("a=3,e=%41")));
    cr_assert_str_eq(attributes.values[0], "2", "what is there stays");
    cr_assert_str_eq(attributes.values[4], "A");
    weir_resource_text_done(&attributes);
}

Test(resource_text, malformed)
{
    static const char *const texts[] = {"a", "=1", "a=1,b", "a=%4", "a=%zz", "a=\xc3\xa9", " = "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        weir_resource_text attributes = {0};
        cr_assert_not(weir_resource_text_parse(&attributes, weir_text_of(texts[i])), "%s", texts[i]);
        cr_assert_eq(attributes.count, 0);
    }
}
