/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that look random and are the same again for the same seed (SplitMix64, by Steele, Lea and Flood). Good
 * enough for a demo and for tests; nothing secret may come from here. One owner at a time; no thread safety.
 */
#ifndef WEIR_DEMO_RANDOM_H
#define WEIR_DEMO_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_demo_random {
    uint64_t state; /* the seed, to begin with: any value is good */
} weir_demo_random;

/* 64 bits. The first 2^64 results of one seed are all different, so that ids made from them do not collide. */
uint64_t weir_demo_random_next(weir_demo_random *random);

/* From `low` to `high`, both included; low <= high. */
uint64_t weir_demo_random_range(weir_demo_random *random, uint64_t low, uint64_t high);

/* True in `permille` of 1000 cases. */
bool weir_demo_random_chance(weir_demo_random *random, unsigned permille);

/* Fills `len` bytes; never all of them zero, as OTLP asks of ids. `len` is a multiple of 8, at least 8. */
void weir_demo_random_id(weir_demo_random *random, uint8_t *ret_id, size_t len);

#endif
