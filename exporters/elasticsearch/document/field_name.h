/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of fields that Elasticsearch takes. A dot in a name leads into an object; what stands between dots is a part.
 *
 * Elasticsearch refuses a document for a part that is empty or blank, for more than 20 parts
 * (index.mapping.depth.limit), and for a first part that is the name of a metadata field (_id, _source …). So:
 *   - an empty or blank part becomes "_":                a..b     a._.b
 *   - parts that are too many are joined to the last:    a.b. … .t.u.v     a.b. … .t_u_v
 *   - a metadata field's name gets one more underscore:  _id      __id
 *   - bytes that are not UTF-8, and U+0000, become U+FFFD each, before names are compared and not only when they are written
 *   - a name longer than ES_NAME_BYTES_MAX is cut and ends with a hash of all of it: maps inside each other repeat the
 *     names around them for each of their members, which must not grow without bound
 * Inside this folder only. Pure functions but for the arena; one thread at a time for each.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_FIELD_NAME_H
#define WEIR_EXPORTERS_ELASTICSEARCH_FIELD_NAME_H

#include "core/text.h"

enum {
    ES_NAME_PARTS_MAX = 20,
    ES_NAME_BYTES_MAX = 1024,
};

/* Texts that live until the arena is cleared; its memory is kept for the next ones. Zero-initialise it to start. */
typedef struct es_text_arena {
    struct es_text_block *first, *current;
    size_t capacity; /* of all blocks */
} es_text_arena;

void es_text_arena_done(es_text_arena *arena);
void es_text_arena_clear(es_text_arena *arena);
/* Likewise; frees what is more than memory_kept.h says. */
void es_text_arena_give_back(es_text_arena *arena);
/* `len` bytes, not initialised. */
char *es_text_arena_take(es_text_arena *arena, size_t len);

/* "path.key", or `key` itself if `path` is empty: not yet one that Elasticsearch takes. Borrowed from `arena` or the
 * caller. */
weir_text es_name_join(es_text_arena *arena, weir_text path, weir_text key);

/* `name` as Elasticsearch takes it for a field inside an object that lies `depth` (below ES_NAME_PARTS_MAX) parts deep.
 * Mostly `name` itself; borrowed likewise. */
weir_text es_name_fix(es_text_arena *arena, weir_text name, unsigned depth);

/* True for the names by which Elasticsearch finds the place of a document in a data stream: @timestamp and
 * data_stream.*. Nothing may lie beneath them. */
bool es_name_is_of_data_stream(weir_text name);

/* How many parts a name has. */
unsigned es_name_parts(weir_text name);

/* By bytes, but with the dot before all others, so that what lies beneath a name follows it at once ("a", "a.b",
 * "a-b"). Negative, 0 or positive. */
int es_name_compare(weir_text a, weir_text b);

/* True if `name` leads through `above`: "a.b.c" is beneath "a" and "a.b". */
bool es_name_is_beneath(weir_text name, weir_text above);

#endif
