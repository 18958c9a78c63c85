/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields in the order of their names, and how contradictions between names are resolved: object.h has the rules. For
 * object.c only.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_FIELD_ORDER_H
#define WEIR_EXPORTERS_ELASTICSEARCH_FIELD_ORDER_H

#include <stdbool.h>

#include "exporters/elasticsearch/document/field_name.h"

struct es_field;

/* A field under a name that may have become another than the field's. */
typedef struct es_named {
    weir_text name;
    const struct es_field *field; /* borrowed */
    bool is_written;              /* there is something to write: it may stand in others' way without */
} es_named;

/* Its memory is kept. Zero-initialise it to start. */
typedef struct es_name_list {
    es_named *items;
    size_t count, capacity;
    es_named *spare; /* as large as `items`: what is merged comes from there */
} es_name_list;

void es_name_list_done(es_name_list *list);
/* Empties it, and frees what is more than memory_kept.h says. */
void es_name_list_give_back(es_name_list *list);
/* Makes room for `count` items in all; those there are stay. */
void es_name_list_reserve(es_name_list *list, size_t count);

/* By es_name_compare; equal names stay in the order they have. */
void es_name_list_sort(es_name_list *list);
/* Both are sorted; of equal names those of `first` come first. `list` is another than both, and loses what it had. */
void es_name_list_merge(es_name_list *list, const es_name_list *first, const es_name_list *second);

/* The list is sorted before and after; then all of it is to be written, no name is there twice, and none lies beneath
 * another. New names are borrowed from `arena`. */
void es_name_list_resolve(es_name_list *list, bool (*is_protected)(weir_text name), es_text_arena *arena);

#endif
