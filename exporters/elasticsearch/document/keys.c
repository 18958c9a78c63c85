/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/document/memory_kept.h"

enum { SLOTS_MIN = 64 };

struct es_key {
    uint64_t object;
    size_t offset;
    uint32_t len;
    uint32_t hash;
};

void es_keys_init(es_keys *keys)
{
    *keys = (es_keys){.mask = SLOTS_MIN - 1, .oldest = 1, .next_object = 1};
    keys->slots = weir_alloc(SLOTS_MIN, sizeof *keys->slots);
    if (getrandom(&keys->seed, sizeof keys->seed, GRND_NONBLOCK) != (ssize_t)sizeof keys->seed)
        keys->seed = (uint64_t)(uintptr_t)keys->slots; /* early in the life of the machine */
}

void es_keys_done(es_keys *keys)
{
    free(keys->slots);
    keys->slots = NULL;
}

void es_keys_clear(es_keys *keys)
{
    keys->oldest = keys->next_object;
    keys->count = 0;
}

void es_keys_give_back(es_keys *keys)
{
    es_keys_clear(keys);
    if (!es_is_too_much_to_keep(keys->mask + 1, sizeof *keys->slots))
        return;
    free(keys->slots);
    keys->slots = weir_alloc(SLOTS_MIN, sizeof *keys->slots);
    keys->mask = SLOTS_MIN - 1;
}

uint64_t es_keys_open(es_keys *keys)
{
    return keys->next_object++;
}

/* The halves of the 128-bit product, folded: every bit of the result depends on every bit of both. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 uint128;
    const uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const es_keys *keys, uint64_t object, const uint8_t *key, size_t len)
{
    const uint64_t odd_a = UINT64_C(0x9e3779b97f4a7c15), odd_b = UINT64_C(0xd6e8feb86659fd93);
    uint64_t hash = mix(keys->seed ^ object, odd_a) + len;
    uint64_t word;
    for (; len >= sizeof word; key += sizeof word, len -= sizeof word) {
        memcpy(&word, key, sizeof word);
        hash = mix(hash ^ word, odd_b ^ keys->seed);
    }
    word = 0;
    memcpy(&word, key, len);
    hash = mix(hash ^ word, odd_b ^ keys->seed);
    return (uint32_t)(hash ^ hash >> 32);
}

static bool is_free(const es_keys *keys, const struct es_key *slot)
{
    return slot->object < keys->oldest;
}

static void grow(es_keys *keys)
{
    const size_t old_count = keys->mask + 1;
    struct es_key *old = keys->slots;
    keys->slots = weir_alloc(2 * old_count, sizeof *keys->slots);
    keys->mask = 2 * old_count - 1;
    for (size_t i = 0; i < old_count; i++) {
        if (is_free(keys, &old[i]))
            continue;
        size_t at = old[i].hash & keys->mask;
        while (!is_free(keys, &keys->slots[at]))
            at = (at + 1) & keys->mask;
        keys->slots[at] = old[i];
    }
    free(old);
}

bool es_keys_add(es_keys *keys, uint64_t object, const uint8_t *text, size_t offset, size_t len)
{
    WEIR_ASSERT(object >= keys->oldest && object < keys->next_object && len <= UINT32_MAX);
    if (2 * (keys->count + 1) > keys->mask)
        grow(keys);
    const uint32_t hash = hash_of(keys, object, text + offset, len);
    size_t at = hash & keys->mask;
    for (; !is_free(keys, &keys->slots[at]); at = (at + 1) & keys->mask) {
        const struct es_key *slot = &keys->slots[at];
        if (slot->hash == hash && slot->object == object && slot->len == len &&
            memcmp(text + slot->offset, text + offset, len) == 0)
            return false;
    }
    keys->slots[at] = (struct es_key){.object = object, .offset = offset, .len = (uint32_t)len, .hash = hash};
    keys->count++;
    return true;
}
