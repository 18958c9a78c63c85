/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/random.h"

#include <string.h>

#include "core/assert.h"

uint64_t weir_demo_random_next(weir_demo_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t weir_demo_random_range(weir_demo_random *random, uint64_t low, uint64_t high)
{
    WEIR_ASSERT(low <= high && high - low < UINT64_MAX);
    /* The bias of the remainder does not matter for ranges this much smaller than 2^64. */
    return low + weir_demo_random_next(random) % (high - low + 1);
}

bool weir_demo_random_chance(weir_demo_random *random, unsigned permille)
{
    return weir_demo_random_range(random, 0, 999) < permille;
}

void weir_demo_random_id(weir_demo_random *random, uint8_t *ret_id, size_t len)
{
    WEIR_ASSERT(len >= 8 && len % 8 == 0);
    for (size_t at = 0; at < len; at += 8) {
        uint64_t part = weir_demo_random_next(random);
        /* Zero comes once in 2^64 results, and never twice in a row. */
        if (part == 0)
            part = weir_demo_random_next(random);
        memcpy(ret_id + at, &part, sizeof(part));
    }
}
