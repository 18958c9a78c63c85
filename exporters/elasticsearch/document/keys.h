/* SPDX-License-Identifier: Apache-2.0
 *
 * Which keys the objects of one JSON text have: a hash table over keys where they were written. It has no text of its own
 * and is emptied in no time, so that it can be used for every document. One thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_KEYS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

struct es_key;

typedef struct es_keys {
    struct es_key *slots;
    size_t mask;          /* slots - 1, a power of two less one */
    size_t count;         /* slots of this text that are taken */
    uint64_t oldest;      /* objects with lower numbers are of earlier texts: their slots are free */
    uint64_t next_object; /* never 0, never used again */
    uint64_t seed;        /* chosen at random: nobody can send keys that all meet in one slot */
} es_keys;

void es_keys_init(es_keys *keys);
void es_keys_done(es_keys *keys);

/* Another text begins: all objects are forgotten. */
void es_keys_clear(es_keys *keys);

/* Likewise; frees what is more than memory_kept.h says. */
void es_keys_give_back(es_keys *keys);

/* The number of a new object. */
uint64_t es_keys_open(es_keys *keys);

/* Notes the key at text[offset … offset+len) for `object`. All keys of one object are in the same text, which may move
 * between calls. False: the object has it already. */
WEIR_MUST_USE bool es_keys_add(es_keys *keys, uint64_t object, const uint8_t *text, size_t offset, size_t len);

#endif
