/* SPDX-License-Identifier: Apache-2.0
 *
 * The mode otel: documents that keep OpenTelemetry's names and structure, for the index templates that Elasticsearch has
 * for them (otel-data). What the Collector's serializer does otherwise would make Elasticsearch refuse the document:
 *   - a span that ends before it starts has the duration 0, and none is longer than a `long` says
 *   - a severity number that is not a `byte` is left out
 *   - what json.h and geo.h say of keys, times, depth and places
 */
#include <stdlib.h>

#include "exporters/elasticsearch/document/geo.h"
#include "exporters/elasticsearch/document/json.h"
#include "exporters/elasticsearch/document/control_name.h"
#include "exporters/elasticsearch/document/memory_kept.h"
#include "exporters/elasticsearch/document/mode.h"
#include "otlp/wire.h"

typedef struct otel_state {
    es_json json;
    es_geo geo;
    weir_buffer common; /* ,"resource":{…},"scope":{…}} : how every document ends */
} otel_state;

static void *state_new(es_mode mode)
{
    (void)mode;
    otel_state *self = WEIR_NEW(otel_state);
    es_json_init(&self->json);
    return self;
}

static void state_free(void *state)
{
    otel_state *self = state;
    es_json_done(&self->json);
    es_geo_done(&self->geo);
    weir_buffer_done(&self->common);
    free(self);
}

/* ---- Members: each with the comma before it, for all of them follow another --------------------------------------- */

#define PUT_NAME(json, name) ES_JSON_PUT(json, ",\"" name "\":")

#define PUT_STRING(json, name, text)    \
    do {                                \
        if ((text).len > 0) {           \
            PUT_NAME(json, name);       \
            es_json_string(json, text); \
        }                               \
    } while (0)

#define PUT_COUNT(json, name, count)                                     \
    do {                                                                 \
        if ((count) != 0) {                                              \
            PUT_NAME(json, name);                                        \
            weir_otlp_json_unsigned(&(json)->writer, (uint64_t)(count)); \
        }                                                                \
    } while (0)

/* An id of zeros is none. */
static bool is_id(weir_bytes id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i] != 0)
            return true;
    return false;
}

#define PUT_ID(json, name, id)     \
    do {                           \
        if (is_id(id)) {           \
            PUT_NAME(json, name);  \
            es_json_hex(json, id); \
        }                          \
    } while (0)

static void put_data_stream(es_json *json, const es_target *target)
{
    if (!es_target_is_data_stream(target))
        return;
    ES_JSON_PUT(json, ",\"data_stream\":{\"type\":");
    es_json_string(json, target->type);
    PUT_NAME(json, "dataset");
    es_json_string(json, target->dataset);
    PUT_NAME(json, "namespace");
    es_json_string(json, target->name_space);
    ES_JSON_PUT(json, "}");
}

/* What a list of attributes is written with: an attribute that goes before the others, and one that is read on the way. */
typedef struct attribute_extras {
    weir_text event_name;     /* becomes the attribute event.name, in place of one that is there */
    weir_text ret_event_name; /* of a string attribute event.name */
} attribute_extras;

static void put_attribute(otel_state *self, es_json_object *object, const weir_otlp_attribute *attribute,
                          attribute_extras *extras)
{
    if (es_control_name_of(attribute->key) != ES_CONTROL_NONE || es_geo_take(&self->geo, attribute))
        return;
    if (!es_json_member(&self->json, object, attribute->key))
        return;
    if (extras && attribute->value.type == WEIR_OTLP_STRING && weir_text_is(attribute->key, "event.name"))
        extras->ret_event_name = attribute->value.string;
    es_json_value(&self->json, &attribute->value);
}

/* `extras` may be NULL. */
static void put_attributes(otel_state *self, weir_otlp_walk walk, attribute_extras *extras)
{
    enum { ATTRIBUTES_DEPTH = 2 }; /* resource.attributes, scope.attributes */
    es_json *json = &self->json;
    weir_otlp_attribute attribute;
    bool has_any = weir_otlp_attribute_next(&walk, &attribute);
    const bool has_name = extras && extras->event_name.len > 0;
    if (!has_any && !has_name)
        return;
    PUT_NAME(json, "attributes");
    ES_JSON_PUT(json, "{");
    es_json_object object = es_json_object_open(json, ATTRIBUTES_DEPTH);
    if (has_name && es_json_member(json, &object, WEIR_TEXT("event.name")))
        es_json_string(json, extras->event_name);
    for (; has_any; has_any = weir_otlp_attribute_next(&walk, &attribute))
        put_attribute(self, &object, &attribute, extras);
    es_geo_write(&self->geo, json, &object);
    ES_JSON_PUT(json, "}");
}

/* ---- Resource and scope ------------------------------------------------------------------------------------------ */

/* Field `number` of the (merged) sub-message in field 1 of `entry`. */
static uint64_t dropped_count(weir_bytes entry, uint32_t number)
{
    uint64_t count = 0;
    weir_otlp_walk walk = weir_otlp_walk_in(entry, 1);
    for (weir_bytes body; weir_otlp_walk_next(&walk, &body);) {
        const uint8_t *at = body.data;
        for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(body), &field);)
            if (field.number == number)
                count = (uint32_t)field.value;
    }
    return count;
}

/* Takes away the comma that stands behind `start`, where an object's first member follows its brace. */
static void drop_comma(es_json *json, size_t start)
{
    weir_buffer *out = json->writer.out;
    if (out->len == start)
        return;
    memmove(out->data + start, out->data + start + 1, out->len - start - 1);
    out->len--;
}

static void put_resource(otel_state *self, weir_bytes resource)
{
    enum { RESOURCE_DROPPED = 2 };
    es_json *json = &self->json;
    PUT_NAME(json, "resource");
    ES_JSON_PUT(json, "{");
    const size_t start = json->writer.out->len;
    PUT_STRING(json, "schema_url", weir_otlp_schema_url(resource));
    put_attributes(self, weir_otlp_resource_attributes(resource), NULL);
    PUT_COUNT(json, "dropped_attributes_count", dropped_count(resource, RESOURCE_DROPPED));
    drop_comma(json, start);
    ES_JSON_PUT(json, "}");
}

static void put_scope(otel_state *self, weir_bytes scope)
{
    enum { SCOPE_DROPPED = 4 };
    es_json *json = &self->json;
    const weir_otlp_scope read = weir_otlp_scope_read(scope);
    PUT_NAME(json, "scope");
    ES_JSON_PUT(json, "{");
    const size_t start = json->writer.out->len;
    PUT_STRING(json, "schema_url", weir_otlp_schema_url(scope));
    PUT_STRING(json, "name", read.name);
    PUT_STRING(json, "version", read.version);
    put_attributes(self, weir_otlp_scope_attributes(scope), NULL);
    PUT_COUNT(json, "dropped_attributes_count", dropped_count(scope, SCOPE_DROPPED));
    drop_comma(json, start);
    ES_JSON_PUT(json, "}");
}

static void enter(void *state, const es_context *context)
{
    otel_state *self = state;
    self->common.len = 0;
    es_json_begin(&self->json, &self->common);
    put_resource(self, context->resource);
    put_scope(self, context->scope);
    ES_JSON_PUT(&self->json, "}");
}

static void put_common(otel_state *self)
{
    weir_otlp_json_put(&self->json.writer, (const char *)self->common.data, self->common.len);
}

/* ---- Log records ------------------------------------------------------------------------------------------------- */

static bool has_only_maps(const weir_otlp_value *array)
{
    weir_otlp_value element;
    for (weir_otlp_walk walk = weir_otlp_elements(array); weir_otlp_element_next(&walk, &element);)
        if (element.type != WEIR_OTLP_MAP)
            return false;
    return true;
}

/* body.structured is of type `flattened`, which takes maps and arrays of maps: other arrays are put in a map. */
static void put_body(es_json *json, const weir_otlp_value *body)
{
    if (body->type == WEIR_OTLP_EMPTY)
        return;
    PUT_NAME(json, "body");
    const bool is_array = body->type == WEIR_OTLP_ARRAY;
    if (is_array && !has_only_maps(body)) {
        ES_JSON_PUT(json, "{\"structured\":{\"value\":");
        es_json_value(json, body);
        ES_JSON_PUT(json, "}}");
        return;
    }
    if (is_array || body->type == WEIR_OTLP_MAP)
        ES_JSON_PUT(json, "{\"structured\":");
    else
        ES_JSON_PUT(json, "{\"text\":");
    es_json_value(json, body);
    ES_JSON_PUT(json, "}");
}

static void put_severity(es_json *json, const weir_otlp_log *log)
{
    PUT_STRING(json, "severity_text", log->severity_text);
    if (log->severity_number != 0 && log->severity_number >= INT8_MIN && log->severity_number <= INT8_MAX) {
        PUT_NAME(json, "severity_number");
        weir_otlp_json_signed(&json->writer, log->severity_number);
    }
}

static bool write_log(void *state, const es_context *context, weir_bytes record, const es_target *target,
                      weir_buffer *out, weir_error *ret_error)
{
    (void)context;
    (void)ret_error;
    otel_state *self = state;
    es_json *json = &self->json;
    const weir_otlp_log log = weir_otlp_log_read(record);
    attribute_extras extras = {0};
    es_json_begin(json, out);
    ES_JSON_PUT(json, "{\"@timestamp\":");
    es_json_epoch_millis(json, log.time_ns ? log.time_ns : log.observed_ns);
    PUT_NAME(json, "observed_timestamp");
    es_json_epoch_millis(json, log.observed_ns);
    put_data_stream(json, target);
    put_severity(json, &log);
    PUT_ID(json, "trace_id", log.trace_id);
    PUT_ID(json, "span_id", log.span_id);
    put_attributes(self, weir_otlp_walk_in(record, WEIR_OTLP_LOG_ATTRIBUTES), &extras);
    PUT_COUNT(json, "dropped_attributes_count", log.dropped_attributes);
    const weir_text event_name = log.event_name.len > 0 ? log.event_name : extras.ret_event_name;
    PUT_STRING(json, "event_name", event_name);
    put_body(json, &log.body);
    put_common(self);
    return true;
}

/* ---- Spans ------------------------------------------------------------------------------------------------------- */

static weir_text kind_name(int32_t kind)
{
    static const char *const names[] = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
    const bool is_known = kind >= 0 && (size_t)kind < WEIR_COUNT_OF(names);
    return is_known ? weir_text_of(names[kind]) : (weir_text){NULL, 0};
}

static uint64_t duration_ns(const weir_otlp_span *span)
{
    const uint64_t duration = span->end_ns > span->start_ns ? span->end_ns - span->start_ns : 0;
    return duration < INT64_MAX ? duration : INT64_MAX;
}

static void put_link(otel_state *self, weir_bytes body)
{
    es_json *json = &self->json;
    const weir_otlp_link link = weir_otlp_link_read(body);
    ES_JSON_PUT(json, "{");
    const size_t start = json->writer.out->len;
    PUT_ID(json, "trace_id", link.trace_id);
    PUT_ID(json, "span_id", link.span_id);
    PUT_STRING(json, "trace_state", link.trace_state);
    put_attributes(self, weir_otlp_walk_in(body, WEIR_OTLP_LINK_ATTRIBUTES), NULL);
    PUT_COUNT(json, "dropped_attributes_count", link.dropped_attributes);
    drop_comma(json, start);
    ES_JSON_PUT(json, "}");
}

static void put_links(otel_state *self, weir_bytes span)
{
    es_json *json = &self->json;
    bool has_any = false;
    PUT_NAME(json, "links");
    ES_JSON_PUT(json, "[");
    weir_otlp_walk walk = weir_otlp_walk_in(span, WEIR_OTLP_SPAN_LINKS);
    for (weir_bytes link; weir_otlp_walk_next(&walk, &link); has_any = true) {
        if (has_any)
            ES_JSON_PUT(json, ",");
        put_link(self, link);
    }
    ES_JSON_PUT(json, "]");
}

static void put_status(es_json *json, const weir_otlp_span *span)
{
    enum { STATUS_OK = 1, STATUS_ERROR = 2 };
    PUT_NAME(json, "status");
    ES_JSON_PUT(json, "{");
    const size_t start = json->writer.out->len;
    PUT_STRING(json, "message", span->status_message);
    if (span->status_code == STATUS_OK)
        ES_JSON_PUT(json, ",\"code\":\"Ok\"");
    else if (span->status_code == STATUS_ERROR)
        ES_JSON_PUT(json, ",\"code\":\"Error\"");
    drop_comma(json, start);
    ES_JSON_PUT(json, "}");
}

static bool write_span(void *state, const es_context *context, weir_bytes body, const es_target *target,
                       weir_buffer *out, weir_error *ret_error)
{
    (void)context;
    (void)ret_error;
    otel_state *self = state;
    es_json *json = &self->json;
    const weir_otlp_span span = weir_otlp_span_read(body);
    const weir_text kind = kind_name(span.kind);
    es_json_begin(json, out);
    ES_JSON_PUT(json, "{\"@timestamp\":");
    es_json_epoch_millis(json, span.start_ns);
    put_data_stream(json, target);
    PUT_ID(json, "trace_id", span.trace_id);
    PUT_ID(json, "span_id", span.span_id);
    PUT_STRING(json, "trace_state", span.trace_state);
    PUT_ID(json, "parent_span_id", span.parent_span_id);
    PUT_STRING(json, "name", span.name);
    PUT_STRING(json, "kind", kind);
    PUT_NAME(json, "duration");
    weir_otlp_json_unsigned(&json->writer, duration_ns(&span));
    put_attributes(self, weir_otlp_walk_in(body, WEIR_OTLP_SPAN_ATTRIBUTES), NULL);
    PUT_COUNT(json, "dropped_attributes_count", span.dropped_attributes);
    PUT_COUNT(json, "dropped_events_count", span.dropped_events);
    put_links(self, body);
    PUT_COUNT(json, "dropped_links_count", span.dropped_links);
    put_status(json, &span);
    put_common(self);
    return true;
}

static void write_span_event(void *state, const es_context *context, const es_parent *parent, weir_bytes body,
                             const es_target *target, weir_buffer *out)
{
    (void)context;
    otel_state *self = state;
    es_json *json = &self->json;
    const weir_otlp_event event = weir_otlp_event_read(body);
    attribute_extras extras = {.event_name = event.name};
    es_json_begin(json, out);
    ES_JSON_PUT(json, "{\"@timestamp\":");
    es_json_epoch_millis(json, event.time_ns);
    put_data_stream(json, target);
    PUT_ID(json, "trace_id", parent->span.trace_id);
    PUT_ID(json, "span_id", parent->span.span_id);
    PUT_COUNT(json, "dropped_attributes_count", event.dropped_attributes);
    PUT_STRING(json, "event_name", event.name);
    put_attributes(self, weir_otlp_walk_in(body, WEIR_OTLP_EVENT_ATTRIBUTES), &extras);
    put_common(self);
}

static void leave(void *state)
{
    otel_state *self = state;
    es_json_give_back(&self->json);
    es_geo_give_back(&self->geo);
    es_buffer_give_back(&self->common);
}

const es_mode_ops es_mode_otel = {
    .state_new = state_new,
    .state_free = state_free,
    .enter = enter,
    .log = write_log,
    .span = write_span,
    .span_event = write_span_event,
    .leave = leave,
};
