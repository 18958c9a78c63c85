/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/field_order.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/elasticsearch/document/memory_kept.h"

void es_name_list_done(es_name_list *list)
{
    free(list->items);
    free(list->spare);
    *list = (es_name_list){0};
}

void es_name_list_give_back(es_name_list *list)
{
    list->count = 0;
    if (es_is_too_much_to_keep(list->capacity, sizeof *list->items))
        es_name_list_done(list);
}

void es_name_list_reserve(es_name_list *list, size_t count)
{
    if (count <= list->capacity)
        return;
    list->capacity = count > 2 * list->capacity ? count : 2 * list->capacity;
    list->items = weir_realloc(list->items, list->capacity, sizeof *list->items);
    list->spare = weir_realloc(list->spare, list->capacity, sizeof *list->spare);
}

/* ---- Sorting ----------------------------------------------------------------------------------------------------- */

enum { RUN_LEN = 8 };

static void sort_run(es_named *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const es_named item = items[i];
        size_t at = i;
        for (; at > 0 && es_name_compare(items[at - 1].name, item.name) > 0; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

static void merge(es_named *out, const es_named *a, size_t a_count, const es_named *b, size_t b_count)
{
    while (a_count > 0 && b_count > 0) {
        if (es_name_compare(a->name, b->name) <= 0) {
            *out++ = *a++;
            a_count--;
        } else {
            *out++ = *b++;
            b_count--;
        }
    }
    if (a_count > 0)
        memcpy(out, a, a_count * sizeof *a);
    if (b_count > 0)
        memcpy(out, b, b_count * sizeof *b);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* A merge sort from short runs upwards, between the list's two arrays. */
void es_name_list_sort(es_name_list *list)
{
    const size_t count = list->count;
    for (size_t at = 0; at < count; at += RUN_LEN)
        sort_run(list->items + at, smaller(RUN_LEN, count - at));
    for (size_t run = RUN_LEN; run < count; run *= 2) {
        for (size_t at = 0; at < count; at += 2 * run) {
            const size_t middle = at + smaller(run, count - at), end = at + smaller(2 * run, count - at);
            merge(list->spare + at, list->items + at, middle - at, list->items + middle, end - middle);
        }
        es_named *sorted = list->spare;
        list->spare = list->items;
        list->items = sorted;
    }
}

void es_name_list_merge(es_name_list *list, const es_name_list *first, const es_name_list *second)
{
    list->count = 0;
    es_name_list_reserve(list, first->count + second->count);
    list->count = first->count + second->count;
    if (list->count > 0)
        merge(list->items, first->items, first->count, second->items, second->count);
}

/* ---- Contradictions ---------------------------------------------------------------------------------------------- */

/* How many items from `at` on have the same name as the one there. */
static size_t same_name_count(const es_name_list *list, size_t at)
{
    size_t end = at + 1;
    while (end < list->count && weir_text_equal(list->items[end].name, list->items[at].name))
        end++;
    return end - at;
}

static size_t beneath_count(const es_name_list *list, size_t at, weir_text above)
{
    size_t end = at;
    while (end < list->count && es_name_is_beneath(list->items[end].name, above))
        end++;
    return end - at;
}

static weir_text value_name(weir_text name, es_text_arena *arena)
{
    static const char suffix[] = ".value";
    enum { SUFFIX_LEN = sizeof suffix - 1 };
    char *text = es_text_arena_take(arena, name.len + SUFFIX_LEN);
    memcpy(text, name.data, name.len);
    memcpy(text + name.len, suffix, SUFFIX_LEN);
    return (weir_text){text, name.len + SUFFIX_LEN};
}

/* Renames what others lie beneath, or takes away what lies beneath it. True if anything was renamed: then the list
 * must be sorted again, and there may be new contradictions. Of equal names only the last is renamed, as in the
 * Collector. */
static bool resolve_once(es_name_list *list, bool (*is_protected)(weir_text name), es_text_arena *arena)
{
    bool any_renamed = false;
    size_t kept = 0;
    for (size_t at = 0; at < list->count;) {
        const weir_text name = list->items[at].name;
        const size_t same = same_name_count(list, at);
        const size_t beneath = beneath_count(list, at + same, name);
        const bool stays = beneath == 0 || is_protected(name);
        if (!stays)
            list->items[at + same - 1].name = value_name(name, arena);
        any_renamed = any_renamed || !stays;
        memmove(list->items + kept, list->items + at, same * sizeof *list->items);
        kept += same;
        at += same + (stays ? beneath : 0);
    }
    list->count = kept;
    return any_renamed;
}

static void keep_last_of_each(es_name_list *list)
{
    size_t kept = 0;
    for (size_t at = 0; at < list->count;) {
        at += same_name_count(list, at);
        if (list->items[at - 1].is_written)
            list->items[kept++] = list->items[at - 1];
    }
    list->count = kept;
}

/* The first round is the Collector's, in which fields that are not written count. What it leaves needs more rounds:
 * each makes a name one part longer, and names have at most ES_NAME_PARTS_MAX. */
void es_name_list_resolve(es_name_list *list, bool (*is_protected)(weir_text name), es_text_arena *arena)
{
    bool any_renamed;
    do {
        any_renamed = resolve_once(list, is_protected, arena);
        if (any_renamed)
            es_name_list_sort(list);
        keep_last_of_each(list);
    } while (any_renamed);
}
