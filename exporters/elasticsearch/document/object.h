/* SPDX-License-Identifier: Apache-2.0
 *
 * The object model behind the modes ecs, none and raw: a document as a list of fields with dotted names, which is
 * flattened, ordered and freed of contradictions before it is written.
 *
 *     adding                       fields: in the order they come, names made fit for Elasticsearch (field_name.h);
 *                                  maps become fields with the path before their names
 *     es_object_order              ... sorted by name; of equal names in the order they came
 *     es_object_write              ... merged with those of the common object, contradictions resolved, written
 *
 * What resolving means (the Collector's rules in elasticsearchexporter/internal/objmodel, closed where they leave
 * documents that Elasticsearch refuses):
 *   - a name that others lie beneath (a and a.b) cannot be both value and object: a becomes a.value, and again if
 *     something lies beneath that
 *   - unless the name is protected, as names are that have a meaning of their own: then it stays, and what lies beneath
 *     it is left out
 *   - of several fields with one name the last is written; a renamed one stands back behind one that was called so
 *   - a map whose values would repeat its name so often that the names of the document took more than
 *     ES_OBJECT_REPEATED_MAX bytes is a string with its JSON
 *   - nothing is written for bytes, for an empty array, for a value that is not set. In arrays these are null (empty
 *     arrays: []), and maps are objects, treated by the same rules, with dots leading into objects
 *
 * Nothing is copied but names that are joined or mended: values are borrowed from the request. Memory is kept for the
 * next document, until es_object_give_back. One thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_OBJECT_H
#define WEIR_EXPORTERS_ELASTICSEARCH_OBJECT_H

#include "exporters/elasticsearch/document/json.h"

/* A request of 4 MiB could otherwise become a document of 400: a long name and very many values beneath it. */
enum { ES_OBJECT_REPEATED_MAX = 16 * 1024 * 1024 };

typedef struct es_object es_object;

es_object *es_object_new(void); /* never NULL */
void es_object_free(es_object *object);

/* No fields; as after new. */
void es_object_clear(es_object *object);
/* Likewise; frees what is more than memory_kept.h says. */
void es_object_give_back(es_object *object);

/* ---- Adding ------------------------------------------------------------------------------------------------------ */

/* `name` must be one that Elasticsearch takes, and live until the object is cleared, as must what else is borrowed. */
void es_object_add_text(es_object *object, weir_text name, weir_text text); /* nothing if `text` is empty */
void es_object_add_integer(es_object *object, weir_text name, int64_t number);
void es_object_add_time(es_object *object, weir_text name, uint64_t time_ns); /* ISO 8601 with nanoseconds */
void es_object_add_id(es_object *object, weir_text name, weir_bytes id);      /* hex; nothing if all bytes are 0 */
/* The links of `span` as an array of objects with trace.id and span.id; nothing if it has none. */
void es_object_add_links(es_object *object, weir_text name, weir_bytes span);

/* "path.key" for the functions below; lives until the object is cleared. */
weir_text es_object_path(es_object *object, weir_text path, weir_text key);

/* A time under "path.key", which is mended if it must be. */
void es_object_add_time_at(es_object *object, weir_text path, weir_text key, uint64_t time_ns);

/* A field "path.key", or with a map mostly one for each value in it, at any depth. `path` may be empty. */
void es_object_add_value(es_object *object, weir_text path, weir_text key, const weir_otlp_value *value);
void es_object_add_attributes(es_object *object, weir_text path, weir_otlp_walk attributes);

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* To be called once after the last field was added, and before es_object_write. */
void es_object_order(es_object *object);

typedef enum es_object_form {
    ES_OBJECT_NESTED, /* {"a":{"b":1}} */
    ES_OBJECT_FLAT,   /* {"a.b":1} */
} es_object_form;

/* True if the field `name` is to keep its name whatever lies beneath it. Pure function. */
typedef bool es_name_is_protected(weir_text name);

/* Appends the document with the fields of both ordered objects: `common`, whose fields count as added before those of
 * `own` and which is left as it is, and `own`, which is to be cleared next. */
void es_object_write(es_object *own, const es_object *common, es_object_form form, es_name_is_protected *is_protected,
                     es_json *json);

#endif
