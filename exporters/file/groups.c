/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/file/groups.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "otlp/view.h"
#include "otlp/wire.h"

enum { RESOURCE_ENTRIES = 1 }; /* the field of all three requests that holds ResourceSpans, ResourceLogs … */

/* A resource with what belongs to it. */
typedef struct entry {
    weir_text value;
    weir_bytes field; /* with its tag */
    uint64_t items;
    size_t order;
} entry;

typedef struct entry_list {
    entry *items;
    size_t count, capacity;
} entry_list;

static uint64_t count_items(weir_otlp_kind kind, weir_bytes resource)
{
    weir_otlp_items at = weir_otlp_items_within(kind, true, resource);
    while (weir_otlp_items_next(&at)) {
    }
    return at.count;
}

static void add_entry(entry_list *list, entry added)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 8;
        list->items = weir_realloc(list->items, list->capacity, sizeof *list->items);
    }
    added.order = list->count;
    list->items[list->count++] = added;
}

/* Gives the number of items in resources without the attribute. */
static uint64_t add_slice(entry_list *list, weir_otlp_kind kind, const weir_slice *slice, weir_text attribute)
{
    uint64_t items_without = 0;
    const uint8_t *at = slice->data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, slice->data + slice->len, &field);) {
        if (field.number != RESOURCE_ENTRIES)
            continue;
        const uint64_t items = count_items(kind, field.body);
        weir_otlp_value value;
        if (weir_otlp_attribute_find(weir_otlp_resource_attributes(field.body), attribute, &value) &&
            value.type == WEIR_OTLP_STRING) {
            const weir_bytes whole = {field.start, (size_t)(field.end - field.start)};
            add_entry(list, (entry){.value = value.string, .field = whole, .items = items});
        } else {
            items_without += items;
        }
    }
    return items_without;
}

static int compare_values(const entry *a, const entry *b)
{
    size_t len = a->value.len < b->value.len ? a->value.len : b->value.len;
    int order = len > 0 ? memcmp(a->value.data, b->value.data, len) : 0;
    return order ? order : (a->value.len > b->value.len) - (a->value.len < b->value.len);
}

static int by_value_then_order(const void *a, const void *b)
{
    const entry *left = a, *right = b;
    int order = compare_values(left, right);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static void make_groups(file_groups *groups, const entry_list *list)
{
    groups->items = weir_alloc(list->count + 1, sizeof *groups->items);
    groups->parts = weir_alloc(list->count + 1, sizeof *groups->parts);
    for (size_t i = 0; i < list->count; i++) {
        const entry *at = &list->items[i];
        groups->parts[i] = at->field;
        if (i == 0 || compare_values(at - 1, at) != 0)
            groups->items[groups->count++] = (file_group){.value = at->value, .parts = &groups->parts[i]};
        file_group *group = &groups->items[groups->count - 1];
        group->part_count++;
        group->items += at->items;
    }
}

file_groups file_groups_of(const weir_push *push, weir_text attribute)
{
    file_groups groups = {0};
    entry_list list = {0};
    for (uint32_t i = 0; i < push->slice_count; i++)
        groups.items_without += add_slice(&list, (weir_otlp_kind)push->signal, push->slices[i], attribute);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, by_value_then_order);
    make_groups(&groups, &list);
    free(list.items);
    return groups;
}

void file_groups_done(file_groups *groups)
{
    free(groups->items);
    free(groups->parts);
    *groups = (file_groups){0};
}
