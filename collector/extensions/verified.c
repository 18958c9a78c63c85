/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/verified.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/assert.h"
#include "core/memory.h"
#include "core/sha256.h"

enum {
    SET_COUNT = 256,
    WAYS = 4, /* verdicts whose digests begin with the same byte */
    SALT_BYTES = 32,
    FAILURES_AT_ONCE = 20,
};
static const uint64_t ns_per_failure = 500 * 1000 * 1000;

typedef struct verified_entry {
    uint8_t digest[WEIR_SHA256_BYTES];
    bool is_used;
    bool is_good;
} verified_entry;

struct weir_verified {
    uint8_t salt[SALT_BYTES];
    pthread_mutex_t lock; /* of the rest */
    uint64_t generation;
    uint64_t failures_paid_ns; /* when the budget is whole again */
    uint64_t now_ns;           /* of the latest question */
    unsigned next_victim;
    verified_entry entries[SET_COUNT][WAYS];
};

weir_verified *weir__verified_new(void)
{
    weir_verified *verified = WEIR_NEW(weir_verified);
    pthread_mutex_init(&verified->lock, NULL);
    ssize_t filled = getrandom(verified->salt, sizeof verified->salt, 0);
    WEIR_ASSERT(filled == SALT_BYTES);
    return verified;
}

void weir__verified_free(weir_verified *verified)
{
    if (!verified)
        return;
    pthread_mutex_destroy(&verified->lock);
    free(verified);
}

static void digest_of(const weir_verified *verified, weir_text credentials, uint8_t ret_digest[WEIR_SHA256_BYTES])
{
    WEIR_BUFFER salted = {0};
    weir_buffer_append(&salted, verified->salt, sizeof verified->salt);
    weir_buffer_append(&salted, credentials.data, credentials.len);
    weir_sha256(salted.data, salted.len, ret_digest);
    explicit_bzero(salted.data, salted.len);
}

static verified_entry *find(weir_verified *verified, const uint8_t digest[WEIR_SHA256_BYTES])
{
    for (unsigned way = 0; way < WAYS; way++) {
        verified_entry *entry = &verified->entries[digest[0]][way];
        if (entry->is_used && memcmp(entry->digest, digest, WEIR_SHA256_BYTES) == 0)
            return entry;
    }
    return NULL;
}

/* The budget as a debt that time pays off. */
static bool has_budget(const weir_verified *verified, uint64_t now_ns)
{
    return verified->failures_paid_ns <= now_ns + (FAILURES_AT_ONCE - 1) * ns_per_failure;
}

weir_verdict weir__verified_ask(weir_verified *verified, weir_text credentials, uint64_t now_ns,
                                weir_credentials_key *ret_key)
{
    digest_of(verified, credentials, ret_key->digest);
    pthread_mutex_lock(&verified->lock);
    const verified_entry *known = find(verified, ret_key->digest);
    ret_key->generation = verified->generation;
    weir_verdict verdict = WEIR_VERDICT_UNKNOWN;
    if (now_ns > verified->now_ns)
        verified->now_ns = now_ns;
    if (known)
        verdict = known->is_good ? WEIR_VERDICT_GOOD : WEIR_VERDICT_BAD;
    else if (!has_budget(verified, verified->now_ns))
        verdict = WEIR_VERDICT_LATER;
    pthread_mutex_unlock(&verified->lock);
    return verdict;
}

/* A free place, else a bad verdict, else for a good one the next in turn; NULL for a bad one among good ones. */
static verified_entry *place_for(weir_verified *verified, uint8_t set, bool is_good)
{
    verified_entry *bad = NULL;
    for (unsigned way = 0; way < WAYS; way++) {
        verified_entry *entry = &verified->entries[set][way];
        if (!entry->is_used)
            return entry;
        if (!entry->is_good)
            bad = entry;
    }
    if (bad || !is_good)
        return bad;
    return &verified->entries[set][verified->next_victim++ % WAYS];
}

void weir__verified_learn(weir_verified *verified, const weir_credentials_key *key, bool is_good)
{
    pthread_mutex_lock(&verified->lock);
    if (!is_good) {
        if (verified->failures_paid_ns < verified->now_ns)
            verified->failures_paid_ns = verified->now_ns;
        verified->failures_paid_ns += ns_per_failure;
    }
    if (key->generation == verified->generation && !find(verified, key->digest)) {
        verified_entry *entry = place_for(verified, key->digest[0], is_good);
        if (entry) {
            memcpy(entry->digest, key->digest, sizeof entry->digest);
            entry->is_used = true;
            entry->is_good = is_good;
        }
    }
    pthread_mutex_unlock(&verified->lock);
}

void weir__verified_forget(weir_verified *verified)
{
    pthread_mutex_lock(&verified->lock);
    verified->generation++;
    memset(verified->entries, 0, sizeof verified->entries);
    pthread_mutex_unlock(&verified->lock);
}
