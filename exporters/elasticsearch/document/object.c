/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/object.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/document/field_order.h"
#include "exporters/elasticsearch/document/memory_kept.h"

typedef enum field_form { FIELD_VALUE, FIELD_ID, FIELD_TIME, FIELD_LINKS } field_form;

typedef struct es_field {
    weir_text name;
    field_form form;
    weir_otlp_value value; /* of an id: bytes; of a time: integer; of links: bytes are the span's body */
} es_field;

struct es_object {
    es_field *fields;
    size_t count, capacity;
    size_t repeated;     /* bytes of the names of maps in the names of their values */
    unsigned depth;      /* parts of the names around this object, of a map in an array; 0 for a document */
    es_text_arena names; /* that were joined or mended */
    es_name_list ordered;
    es_name_list written; /* with those of the common object */
    es_object *element;   /* for maps in arrays in this one; NULL until there is one */
    weir_buffer text;     /* of maps that cannot be objects */
};

es_object *es_object_new(void)
{
    return WEIR_NEW(es_object);
}

void es_object_free(es_object *object)
{
    for (es_object *element; object; object = element) {
        element = object->element;
        free(object->fields);
        es_text_arena_done(&object->names);
        es_name_list_done(&object->ordered);
        es_name_list_done(&object->written);
        weir_buffer_done(&object->text);
        free(object);
    }
}

void es_object_clear(es_object *object)
{
    object->count = 0;
    object->repeated = 0;
    object->ordered.count = 0;
    es_text_arena_clear(&object->names);
}

void es_object_give_back(es_object *object)
{
    for (; object; object = object->element) {
        object->count = 0;
        object->repeated = 0;
        if (es_is_too_much_to_keep(object->capacity, sizeof *object->fields)) {
            free(object->fields);
            object->fields = NULL;
            object->capacity = 0;
        }
        es_text_arena_give_back(&object->names);
        es_name_list_give_back(&object->ordered);
        es_name_list_give_back(&object->written);
        es_buffer_give_back(&object->text);
    }
}

/* ---- Adding ------------------------------------------------------------------------------------------------------ */

static es_field *append(es_object *object, weir_text name, field_form form)
{
    enum { CAPACITY_MIN = 64 };
    if (object->count == object->capacity) {
        object->capacity = object->capacity ? 2 * object->capacity : CAPACITY_MIN;
        object->fields = weir_realloc(object->fields, object->capacity, sizeof *object->fields);
    }
    es_field *field = &object->fields[object->count++];
    field->name = name;
    field->form = form;
    return field;
}

void es_object_add_text(es_object *object, weir_text name, weir_text text)
{
    if (text.len == 0)
        return;
    es_field *field = append(object, name, FIELD_VALUE);
    field->value.type = WEIR_OTLP_STRING;
    field->value.string = text;
}

void es_object_add_integer(es_object *object, weir_text name, int64_t number)
{
    es_field *field = append(object, name, FIELD_VALUE);
    field->value.type = WEIR_OTLP_INT;
    field->value.integer = number;
}

void es_object_add_time(es_object *object, weir_text name, uint64_t time_ns)
{
    append(object, name, FIELD_TIME)->value.integer = (int64_t)time_ns;
}

static bool is_zero(weir_bytes id)
{
    uint8_t any = 0;
    for (size_t i = 0; i < id.len; i++)
        any |= id.data[i];
    return any == 0;
}

void es_object_add_id(es_object *object, weir_text name, weir_bytes id)
{
    if (!is_zero(id))
        append(object, name, FIELD_ID)->value.bytes = id;
}

void es_object_add_links(es_object *object, weir_text name, weir_bytes span)
{
    weir_otlp_walk links = weir_otlp_walk_in(span, WEIR_OTLP_SPAN_LINKS);
    weir_bytes link;
    if (weir_otlp_walk_next(&links, &link))
        append(object, name, FIELD_LINKS)->value.bytes = span;
}

weir_text es_object_path(es_object *object, weir_text path, weir_text key)
{
    return es_name_join(&object->names, path, key);
}

void es_object_add_time_at(es_object *object, weir_text path, weir_text key, uint64_t time_ns)
{
    const weir_text name = es_name_join(&object->names, path, key);
    es_object_add_time(object, es_name_fix(&object->names, name, object->depth), time_ns);
}

/* False: its name, repeated for each value, would take too much. */
static bool may_be_fields(es_object *object, weir_text name, const weir_otlp_value *map)
{
    weir_bytes member;
    size_t repeated = object->repeated;
    for (weir_otlp_walk members = weir_otlp_elements(map); weir_otlp_walk_next(&members, &member);)
        repeated += name.len;
    if (repeated > ES_OBJECT_REPEATED_MAX)
        return false;
    object->repeated = repeated;
    return true;
}

void es_object_add_value(es_object *object, weir_text path, weir_text key, const weir_otlp_value *value)
{
    if (value->type == WEIR_OTLP_EMPTY || value->type == WEIR_OTLP_STRING_INDEX)
        return;
    const weir_text name = es_name_join(&object->names, path, key);
    if (value->type == WEIR_OTLP_MAP && may_be_fields(object, name, value))
        es_object_add_attributes(object, name, weir_otlp_elements(value));
    else
        append(object, es_name_fix(&object->names, name, object->depth), FIELD_VALUE)->value = *value;
}

/* Maps nest at most WEIR_OTLP_NESTING_MAX deep. */
void es_object_add_attributes(es_object *object, weir_text path, weir_otlp_walk attributes)
{
    weir_otlp_attribute attribute;
    while (weir_otlp_attribute_next(&attributes, &attribute))
        es_object_add_value(object, path, attribute.key, &attribute.value);
}

static bool is_written(const es_field *field)
{
    if (field->form != FIELD_VALUE)
        return true;
    weir_otlp_walk elements;
    weir_otlp_value element;
    switch (field->value.type) {
    case WEIR_OTLP_BYTES:
        return false;
    case WEIR_OTLP_ARRAY:
        elements = weir_otlp_elements(&field->value);
        return weir_otlp_element_next(&elements, &element);
    default:
        return true;
    }
}

void es_object_order(es_object *object)
{
    es_name_list *ordered = &object->ordered;
    es_name_list_reserve(ordered, object->count);
    for (size_t i = 0; i < object->count; i++)
        ordered->items[i] = (es_named){object->fields[i].name, &object->fields[i], is_written(&object->fields[i])};
    ordered->count = object->count;
    es_name_list_sort(ordered);
}

/* ---- Writing values ---------------------------------------------------------------------------------------------- */

/* What the functions below hand on. */
typedef struct es_object_writing {
    es_json *json;
    es_name_is_protected *is_protected;
} writing;

static void put_comma(es_json *json, bool *has_members)
{
    if (*has_members)
        weir_otlp_json_put_char(&json->writer, ',');
    *has_members = true;
}

static void put_link(es_json *json, weir_bytes body)
{
    const weir_otlp_link link = weir_otlp_link_read(body);
    const bool has_trace = !is_zero(link.trace_id), has_span = !is_zero(link.span_id);
    if (!has_trace && !has_span) {
        ES_JSON_PUT(json, "null");
        return;
    }
    weir_otlp_json_put_char(&json->writer, '{');
    if (has_span) {
        ES_JSON_PUT(json, "\"span\":{\"id\":");
        es_json_hex(json, link.span_id);
        weir_otlp_json_put_char(&json->writer, '}');
    }
    if (has_span && has_trace)
        weir_otlp_json_put_char(&json->writer, ',');
    if (has_trace) {
        ES_JSON_PUT(json, "\"trace\":{\"id\":");
        es_json_hex(json, link.trace_id);
        weir_otlp_json_put_char(&json->writer, '}');
    }
    weir_otlp_json_put_char(&json->writer, '}');
}

static void put_links(es_json *json, weir_bytes span)
{
    bool has_links = false;
    weir_bytes link;
    weir_otlp_json_put_char(&json->writer, '[');
    for (weir_otlp_walk walk = weir_otlp_walk_in(span, WEIR_OTLP_SPAN_LINKS); weir_otlp_walk_next(&walk, &link);) {
        put_comma(json, &has_links);
        put_link(json, link);
    }
    weir_otlp_json_put_char(&json->writer, ']');
}

static void put_names(es_object *object, const writing *how, es_object_form form);

/* A map that has no room for objects any more, as a string with its JSON. */
static void put_map_as_text(es_object *object, const weir_otlp_value *map, es_json *json)
{
    const weir_otlp_json_writer outer = json->writer;
    object->text.len = 0;
    json->writer = weir_otlp_json_writer_of(&object->text, NULL);
    es_json_value(json, map);
    json->writer = outer;
    weir_otlp_json_string(&json->writer, (weir_bytes){object->text.data, object->text.len});
}

/* A map in an array of `object`, whose name has `depth` parts. */
static void put_map(es_object *object, const weir_otlp_value *map, unsigned depth, const writing *how)
{
    if (depth >= ES_NAME_PARTS_MAX) {
        put_map_as_text(object, map, how->json);
        return;
    }
    if (!object->element)
        object->element = es_object_new();
    es_object *element = object->element;
    es_object_clear(element);
    element->depth = depth;
    es_object_add_attributes(element, WEIR_TEXT(""), weir_otlp_elements(map));
    if (element->count == 0) {
        ES_JSON_PUT(how->json, "null");
        return;
    }
    es_object_order(element);
    es_name_list_merge(&element->written, &element->ordered, &(es_name_list){0});
    put_names(element, how, ES_OBJECT_NESTED);
}

static void put_value(es_object *object, const weir_otlp_value *value, unsigned depth, const writing *how)
{
    if (value->type == WEIR_OTLP_MAP) {
        put_map(object, value, depth, how);
        return;
    }
    if (value->type != WEIR_OTLP_ARRAY) {
        if (value->type == WEIR_OTLP_BYTES)
            ES_JSON_PUT(how->json, "null");
        else
            es_json_value(how->json, value);
        return;
    }
    bool has_elements = false;
    weir_otlp_value element;
    weir_otlp_json_put_char(&how->json->writer, '[');
    for (weir_otlp_walk walk = weir_otlp_elements(value); weir_otlp_element_next(&walk, &element);) {
        put_comma(how->json, &has_elements);
        put_value(object, &element, depth, how);
    }
    weir_otlp_json_put_char(&how->json->writer, ']');
}

static void put_field(es_object *object, const es_named *named, const writing *how)
{
    const es_field *field = named->field;
    switch (field->form) {
    case FIELD_VALUE:
        if (field->value.type == WEIR_OTLP_ARRAY)
            put_value(object, &field->value, object->depth + es_name_parts(named->name), how);
        else if (field->value.type == WEIR_OTLP_MAP)
            put_map_as_text(object, &field->value, how->json);
        else
            es_json_value(how->json, &field->value);
        break;
    case FIELD_ID:
        es_json_hex(how->json, field->value.bytes);
        break;
    case FIELD_TIME:
        es_json_iso_time(how->json, (uint64_t)field->value.integer);
        break;
    case FIELD_LINKS:
        put_links(how->json, field->value.bytes);
        break;
    }
}

/* ---- Writing objects --------------------------------------------------------------------------------------------- */

/* The objects that are open while fields are written in the order of their names. */
typedef struct es_open_objects {
    weir_text path; /* "a.b." with `a` and `b` open; a part of the last field's name */
    bool has_members;
} open_objects;

/* Writes the comma and `key`, in quotes and with its colon. */
static void put_key(es_json *json, weir_text key, open_objects *open)
{
    enum { AROUND = sizeof "\"\":" - 1, SHORT_LEN_MAX = 256 };
    put_comma(json, &open->has_members);
    if (key.len > SHORT_LEN_MAX || !weir_otlp_json_is_plain((const uint8_t *)key.data, key.len)) {
        es_json_string(json, key);
        weir_otlp_json_put_char(&json->writer, ':');
        return;
    }
    char *out = weir_otlp_json_room(&json->writer, key.len + AROUND);
    out[0] = '"';
    memcpy(out + 1, key.data, key.len);
    memcpy(out + 1 + key.len, "\":", 2);
    json->writer.out->len += key.len + AROUND;
}

/* Closes the objects that `name` is not in. Returns how much of `name` leads to the one that stays open. */
static size_t close_objects(es_json *json, weir_text name, open_objects *open)
{
    size_t common = 0, at = 0;
    while (at < open->path.len && at < name.len && open->path.data[at] == name.data[at]) {
        if (name.data[at++] == '.')
            common = at;
    }
    for (at = common; at < open->path.len; at++) {
        if (open->path.data[at] == '.')
            weir_otlp_json_put_char(&json->writer, '}');
    }
    open->has_members = open->has_members || common < open->path.len;
    open->path = (weir_text){name.data, common};
    return common;
}

/* Opens those that it is in. Returns the last part of the name. */
static weir_text open_to(es_json *json, weir_text name, open_objects *open)
{
    size_t start = close_objects(json, name, open);
    const char *dot;
    while ((dot = memchr(name.data + start, '.', name.len - start)) != NULL) {
        const size_t end = (size_t)(dot - name.data);
        put_key(json, (weir_text){name.data + start, end - start}, open);
        weir_otlp_json_put_char(&json->writer, '{');
        open->has_members = false;
        start = end + 1;
    }
    open->path = (weir_text){name.data, start};
    return (weir_text){name.data + start, name.len - start};
}

/* Writes the fields that `object->written` has, contradictions and all. */
static void put_names(es_object *object, const writing *how, es_object_form form)
{
    es_name_list *names = &object->written;
    es_name_list_resolve(names, how->is_protected, &object->names);
    open_objects open = {.path = {"", 0}};
    weir_otlp_json_put_char(&how->json->writer, '{');
    for (size_t i = 0; i < names->count; i++) {
        const es_named *named = &names->items[i];
        put_key(how->json, form == ES_OBJECT_FLAT ? named->name : open_to(how->json, named->name, &open), &open);
        put_field(object, named, how);
    }
    close_objects(how->json, WEIR_TEXT(""), &open);
    weir_otlp_json_put_char(&how->json->writer, '}');
}

void es_object_write(es_object *own, const es_object *common, es_object_form form, es_name_is_protected *is_protected,
                     es_json *json)
{
    WEIR_ASSERT(own->ordered.count == own->count && common->ordered.count == common->count);
    es_name_list_merge(&own->written, &common->ordered, &own->ordered);
    put_names(own, &(writing){json, is_protected}, form);
}
