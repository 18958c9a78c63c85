/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON of documents: what values become in them, and how objects are kept such that Elasticsearch takes them.
 * Inside this folder only. Tokens that are the same everywhere are those of otlp/json_writer.h, through `writer`:
 *
 *     es_json_begin(json, out);
 *     ES_JSON_PUT(json, "{");
 *     es_json_object object = es_json_object_open(json, 0);
 *     while (weir_otlp_attribute_next(&walk, &attribute))
 *         if (es_json_member(json, &object, attribute.key))        the comma, "key", and the colon
 *             es_json_value(json, &attribute.value);
 *     ES_JSON_PUT(json, "}");
 *
 * Elasticsearch refuses a document for a key that is twice in an object, and for keys that cannot be the name of a field. So of several members with one key the first stays (as in the
 * Collector's attributes), and es_json_member writes a name
 * (field_name.h) for those keys. A value is changed in nothing but its form.
 *
 * A writer's memory is kept from document to document. One thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_JSON_H
#define WEIR_EXPORTERS_ELASTICSEARCH_JSON_H

#include "exporters/elasticsearch/document/field_name.h"
#include "exporters/elasticsearch/document/keys.h"
#include "otlp/json_writer.h"
#include "otlp/view.h"

/* Maps inside each other in a value; deeper ones become text. Elasticsearch takes 20 in a `flattened` field and, with
 * the names around them, in dynamic mappings (index.mapping.depth.limit). */
enum { ES_JSON_DEPTH_MAX = 16 };

typedef struct es_json {
    weir_otlp_json_writer writer; /* of the buffer given to es_json_begin */
    es_keys keys;
    weir_buffer deep;    /* JSON that becomes text */
    es_text_arena names; /* made for keys that cannot be one */
} es_json;

void es_json_init(es_json *json);
void es_json_done(es_json *json);
/* Between documents: frees what is more than memory_kept.h says. */
void es_json_give_back(es_json *json);

/* What follows is appended to `out`, which is borrowed until the next begin and written by nobody else meanwhile. Objects
 * opened before are forgotten. */
void es_json_begin(es_json *json, weir_buffer *out);

/* A literal that is JSON already. */
#define ES_JSON_PUT(json, literal) weir_otlp_json_put(&(json)->writer, (literal), sizeof(literal) - 1)

/* ---- Members ----------------------------------------------------------------------------------------------------- */

/* The members that an object has; it is the caller who writes its braces. */
typedef struct es_json_object {
    uint64_t number;
    unsigned depth; /* of the names in it, for es_name_fix */
    bool has_members;
} es_json_object;

/* `depth` is 0 for the document itself, where some names are Elasticsearch's own, and counts the names around another. */
es_json_object es_json_object_open(es_json *json, unsigned depth);

/* Writes the comma if there is one before it, the name of `key` and the colon; the value is to follow. False, nothing written: the
 * object has that name already. */
WEIR_MUST_USE bool es_json_member(es_json *json, es_json_object *object, weir_text key);

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static inline void es_json_string(es_json *json, weir_text text)
{
    weir_otlp_json_string(&json->writer, (weir_bytes){(const uint8_t *)text.data, text.len});
}

static inline void es_json_bool(es_json *json, bool value)
{
    if (value)
        ES_JSON_PUT(json, "true");
    else
        ES_JSON_PUT(json, "false");
}

/* Always with a point, or it would be mapped as a whole number: 1.0, 1.0e+21. NaN and infinities are null. */
void es_json_double(es_json *json, double number);

/* In quotes, of any length; `len` 0: "". */
void es_json_hex(es_json *json, weir_bytes bytes);

/* Times behind 2262-04-11, the last that `date_nanos` has, become that.
 *
 * Milliseconds since 1970, a point, and the nanoseconds in the millisecond, in quotes: "1700000000123.456789". A
 * whole millisecond is "1700000000123.0". The Collector leaves out zeros before the latter, which makes it another time. */
void es_json_epoch_millis(es_json *json, uint64_t time_ns);

/* 2023-11-14T22:13:20.123456789Z, in quotes. */
void es_json_iso_time(es_json *json, uint64_t time_ns);

/* A map that is a whole document. */
void es_json_document(es_json *json, const weir_otlp_value *map);

/* A value with a name. Absent is null; bytes are hex; maps have each key once. */
void es_json_value(es_json *json, const weir_otlp_value *value);

#endif
