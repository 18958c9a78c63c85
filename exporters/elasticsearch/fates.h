/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of each item of a push, gathered from the results of its documents, and how the sender hears of it.
 *
 * An item may be several documents (a span and its events): what is worst of them counts for it, refused before to be
 * sent again before set aside before stored. Items with the same fate and reason are one group, which becomes one rest
 * for each slice it has items in. While everything is stored nothing is allocated. One thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_FATES_H
#define WEIR_EXPORTERS_ELASTICSEARCH_FATES_H

#include "core/account.h"
#include "exporters/elasticsearch/answer.h"
#include "exporters/sender/sender.h"

/* Reasons told apart in one push; items refused for still other reasons share the last group, whose text names one of
 * them and says that there are others. */
enum { ES_FATE_GROUPS_MAX = 256 };

/* In ascending order of what counts. */
typedef enum es_item_state { ES_ITEM_DONE, ES_ITEM_SET_ASIDE, ES_ITEM_AGAIN, ES_ITEM_REFUSED } es_item_state;

typedef struct es_fate_group {
    es_item_state state;
    uint32_t items;
    uint64_t key; /* groups of the same key are the same */
    weir_error error;
} es_fate_group;

typedef struct es_fates {
    uint32_t items;
    uint32_t *group_of; /* by item; 0: done. NULL: all are */
    es_fate_group *groups;
    uint32_t group_count; /* with group 0, which has no items counted */
} es_fates;

void es_fates_init(es_fates *fates, uint32_t items);
void es_fates_done(es_fates *fates); /* a zeroed one is fine */

/* A document of `item` has this result. */
void es_fates_add(es_fates *fates, uint32_t item, const es_result *result);
/* The item makes no document: `error` is PERMANENT or TOO_LARGE. */
void es_fates_refuse(es_fates *fates, uint32_t item, const weir_error *error);

/* How many items are in that state (not DONE). */
uint32_t es_fates_count(const es_fates *fates, es_item_state state);
/* The gravest error of those to be sent again: an endpoint's, then throttling, then any. NONE if there are none. */
weir_error es_fates_why_again(const es_fates *fates);

/* Everything but what is done, cut out of the push's slices, for weir_push_done_but: the array is owned by the caller, who
 * frees it after the call. WEIR_NO_MEMORY: nothing is given. */
WEIR_MUST_USE weir_status es_fates_rests(const es_fates *fates, const weir_push *push, weir_account *account,
                                         weir_push_rest **ret_rests, size_t *ret_count);

/* What a result says, for a person: "type: reason (cause) [index]", cut to size. */
void es_result_error(const es_result *result, weir_error *ret_error);

#endif
