/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision of probabilistic_sampler, apart from where an item keeps what it says about sampling: a span in its
 * tracestate, a log record in attributes.
 *
 *     what the item says ─┐
 *     its randomness ─────┴─► weir_sampler_judge ─► threshold ─(a priority may replace it)─► weir_sampler_keeps
 *
 * Pure; any thread.
 */
#ifndef WEIR_PROCESSORS_SAMPLER_H
#define WEIR_PROCESSORS_SAMPLER_H

#include "processors/sampling.h"

typedef enum weir_sampler_mode {
    WEIR_SAMPLER_HASH_SEED,   /* by a hash of the trace id: 14 bits, whatever the item says */
    WEIR_SAMPLER_EQUALIZING,  /* down to the same probability for all, whatever was sampled before */
    WEIR_SAMPLER_PROPORTIONAL /* the same share of each, multiplying what was sampled before */
} weir_sampler_mode;

typedef struct weir_sampler {
    weir_sampler_mode mode;
    bool never; /* a percentage that keeps nothing but what has a priority */
    bool fail_closed;
    uint32_t hash_seed;
    unsigned precision; /* hex digits of thresholds, 1 to 14 */
    double ratio;       /* of proportional */
    uint64_t threshold; /* of the others */
} weir_sampler;

/* `percentage` is not negative; above 100 means all. */
void weir_sampler_init(weir_sampler *sampler, weir_sampler_mode mode, float percentage, uint32_t hash_seed,
                       unsigned precision, bool fail_closed);

/* Where the randomness came from: the label `policy` of the counter. */
typedef enum weir_sampler_policy {
    WEIR_POLICY_MISSING,
    WEIR_POLICY_TRACE_ID_HASH,
    WEIR_POLICY_TRACE_ID_W3C,
    WEIR_POLICY_RANDOMNESS, /* the item's own */
    WEIR_POLICY_ATTRIBUTE,
    WEIR_POLICY_PRIORITY,
    WEIR_POLICIES
} weir_sampler_policy;

/* What is known about one item, and what becomes of it. */
typedef struct weir_sampler_case {
    /* Filled by the caller. */
    bool is_valid; /* what the item says about sampling could be read */
    bool has_randomness, has_threshold;
    uint64_t randomness, threshold;

    /* Set by weir_sampler_judge. */
    weir_sampler_policy policy;
    uint64_t decided_randomness;
    uint64_t decided_threshold;
    bool is_marked;        /* if it is kept, the threshold is to be written to the item */
    bool sets_randomness;  /* … and the randomness is decided_randomness */
    bool clears_threshold; /* what it said was impossible and is to be removed */
} weir_sampler_case;

/* Decides. `hashed` are the bytes that hash_seed mode hashes (a trace id or the value of an attribute,
 * `hashed_policy` says which), empty if there are none; `trace_id` is the 16 bytes for the other modes, or NULL. */
void weir_sampler_judge(const weir_sampler *sampler, weir_bytes hashed, weir_sampler_policy hashed_policy,
                        const uint8_t *trace_id, weir_sampler_case *item);

/* Lets a priority replace the threshold. */
static inline void weir_sampler_override(weir_sampler_case *item, uint64_t threshold)
{
    item->decided_threshold = threshold;
    item->policy = WEIR_POLICY_PRIORITY;
}

static inline bool weir_sampler_keeps(const weir_sampler_case *item)
{
    return item->decided_threshold <= item->decided_randomness;
}

/* The threshold that a kept and marked item is to carry: false if it has to stay as it was, because a probability can
 * only fall. */
bool weir_sampler_new_threshold(const weir_sampler_case *item, uint64_t *ret_threshold);

#endif
