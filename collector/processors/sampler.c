/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/sampler.h"

void weir_sampler_init(weir_sampler *sampler, weir_sampler_mode mode, float percentage, uint32_t hash_seed,
                       unsigned precision, bool fail_closed)
{
    const double ratio_min = 0x1p-56;
    double ratio = percentage < 100.0F ? (double)percentage / 100 : 1;
    if (ratio > 0 && ratio < ratio_min)
        ratio = ratio_min;
    *sampler = (weir_sampler){
        .mode = mode, .hash_seed = hash_seed, .precision = precision, .fail_closed = fail_closed, .ratio = ratio};
    if (mode == WEIR_SAMPLER_HASH_SEED)
        sampler->threshold = weir_threshold_of_percentage(percentage);
    else if (!weir_threshold_of_probability(ratio, precision, &sampler->threshold))
        sampler->threshold = WEIR_SAMPLING_NEVER;
    sampler->never = sampler->threshold == WEIR_SAMPLING_NEVER;
}

/* Fills in the randomness; false if the item cannot be judged by it. */
static bool hash_randomness(const weir_sampler *sampler, weir_bytes hashed, weir_sampler_policy policy,
                            weir_sampler_case *item)
{
    if (hashed.len > 0) {
        item->policy = policy;
        item->decided_randomness = weir_randomness_of_hash(weir_fnv1a32(sampler->hash_seed, hashed.data, hashed.len));
    }
    /* An item with randomness or a threshold of its own was sampled by the newer rules and is left as it is. */
    item->is_marked = item->is_valid && !item->has_randomness && !item->has_threshold;
    item->sets_randomness = item->is_marked;
    return item->is_marked && hashed.len > 0;
}

static bool own_randomness(const uint8_t *trace_id, weir_sampler_case *item)
{
    item->is_marked = item->is_valid;
    if (!item->is_valid)
        return false;
    if (item->has_randomness) {
        item->policy = WEIR_POLICY_RANDOMNESS;
        item->decided_randomness = item->randomness;
    } else if (trace_id) {
        item->policy = WEIR_POLICY_TRACE_ID_W3C;
        item->decided_randomness = weir_randomness_of_trace_id(trace_id);
    }
    return item->policy != WEIR_POLICY_MISSING;
}

/* A threshold above the item's randomness: it should not have been kept, so the threshold is a lie. */
static bool is_consistent(weir_sampler_case *item)
{
    if (!item->has_threshold || item->threshold <= item->decided_randomness)
        return true;
    item->clears_threshold = true;
    item->has_threshold = false;
    return false;
}

static uint64_t proportional_threshold(const weir_sampler *sampler, const weir_sampler_case *item)
{
    double incoming = item->has_threshold ? weir_probability_of_threshold(item->threshold) : 1;
    uint64_t threshold;
    if (!weir_threshold_of_probability(incoming * sampler->ratio, sampler->precision, &threshold))
        return WEIR_SAMPLING_NEVER; /* less than can be written */
    return threshold;
}

static uint64_t regular_threshold(const weir_sampler *sampler, const weir_sampler_case *item)
{
    if (sampler->never)
        return WEIR_SAMPLING_NEVER;
    if (sampler->mode == WEIR_SAMPLER_PROPORTIONAL)
        return proportional_threshold(sampler, item);
    bool was_lower =
        sampler->mode == WEIR_SAMPLER_EQUALIZING && item->has_threshold && item->threshold > sampler->threshold;
    return was_lower ? item->threshold : sampler->threshold;
}

void weir_sampler_judge(const weir_sampler *sampler, weir_bytes hashed, weir_sampler_policy hashed_policy,
                        const uint8_t *trace_id, weir_sampler_case *item)
{
    bool is_known;
    item->policy = WEIR_POLICY_MISSING;
    item->decided_randomness = WEIR_RANDOMNESS_MAX;
    item->sets_randomness = item->clears_threshold = false;
    if (sampler->never) {
        item->policy = WEIR_POLICY_PRIORITY;
        item->is_marked = true;
        is_known = item->is_valid;
    } else if (sampler->mode == WEIR_SAMPLER_HASH_SEED) {
        is_known = hash_randomness(sampler, hashed, hashed_policy, item);
    } else {
        is_known = own_randomness(trace_id, item);
    }
    if (is_known && is_consistent(item))
        item->decided_threshold = regular_threshold(sampler, item);
    else
        item->decided_threshold = sampler->fail_closed ? WEIR_SAMPLING_NEVER : WEIR_SAMPLING_ALWAYS;
}

bool weir_sampler_new_threshold(const weir_sampler_case *item, uint64_t *ret_threshold)
{
    if (item->has_threshold && item->threshold > item->decided_threshold)
        return false;
    *ret_threshold = item->decided_threshold;
    return true;
}
