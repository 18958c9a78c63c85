/* SPDX-License-Identifier: Apache-2.0
 *
 * From the names of OpenTelemetry's semantic conventions to those of the Elastic Common Schema: tables. Which are the
 * Collector's (README of elasticsearchexporter, "ECS mapping mode"). Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_ECS_FIELDS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_ECS_FIELDS_H

#include <stdbool.h>

#include "core/text.h"

typedef struct es_ecs_field {
    weir_text attribute;
    weir_text name;     /* empty: the attribute is left out */
    bool also_original; /* the attribute is there under its own name, too */
} es_ecs_field;

typedef struct es_ecs_table {
    const es_ecs_field *fields;
    size_t count;
    weir_text preferred; /* a name above that an attribute called so comes first for; empty: none */
} es_ecs_table;

extern const es_ecs_table es_ecs_of_resource, es_ecs_of_log, es_ecs_of_span, es_ecs_of_span_event;

/* The row of that attribute; NULL: it keeps its name. */
const es_ecs_field *es_ecs_find(const es_ecs_table *table, weir_text attribute);

/* True if a document of that kind has a field of the schema under `name`, or one that data streams need: it keeps its
 * name, whatever else the attributes are called. */
bool es_ecs_is_name_of_log(weir_text name);
bool es_ecs_is_name_of_span(weir_text name);
bool es_ecs_is_name_of_span_event(weir_text name);

#endif
