/* SPDX-License-Identifier: Apache-2.0
 *
 * The modes none and raw: OpenTelemetry's own field names (TraceId, SeverityText, Body …), dots left in names. In
 * none the attributes of an item stand under "Attributes." and the events of a span under "Events.", in raw at the top,
 * where an attribute called as one of the fields takes its place.
 */
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/elasticsearch/document/field_name.h"
#include "exporters/elasticsearch/document/mode.h"
#include "exporters/elasticsearch/document/object.h"
#include "exporters/elasticsearch/document/span_links.h"

typedef struct none_state {
    es_json json;
    weir_text attributes; /* the prefixes */
    weir_text events;
    es_object *common; /* of resource and scope */
    es_object *item;
    es_span_links links;
} none_state;

static void *state_new(es_mode mode)
{
    none_state *self = WEIR_NEW(none_state);
    es_json_init(&self->json);
    self->attributes = mode == ES_MODE_NONE ? WEIR_TEXT("Attributes") : WEIR_TEXT("");
    self->events = mode == ES_MODE_NONE ? WEIR_TEXT("Events") : WEIR_TEXT("");
    self->common = es_object_new();
    self->item = es_object_new();
    return self;
}

static void state_free(void *state)
{
    none_state *self = state;
    es_json_done(&self->json);
    es_object_free(self->common);
    es_object_free(self->item);
    es_span_links_done(&self->links);
    free(self);
}

/* Adds a field of the scope, which takes the place of the first attribute called so. */
static void add_scope_text(es_object *object, const char *name, weir_text text)
{
    const weir_otlp_value value = {.type = WEIR_OTLP_STRING, .string = text};
    es_object_add_value(object, WEIR_TEXT("Scope"), weir_text_of(name), &value);
}

/* Name and version are there even if they are empty. */
static void add_scope(es_object *object, weir_bytes entry)
{
    const weir_otlp_scope scope = weir_otlp_scope_read(entry);
    bool has_name = false, has_version = false;
    weir_otlp_walk attributes = weir_otlp_scope_attributes(entry);
    weir_otlp_attribute attribute;
    while (weir_otlp_attribute_next(&attributes, &attribute)) {
        if (!has_name && weir_text_is(attribute.key, "name")) {
            add_scope_text(object, "name", scope.name);
            has_name = true;
        } else if (!has_version && weir_text_is(attribute.key, "version")) {
            add_scope_text(object, "version", scope.version);
            has_version = true;
        } else {
            es_object_add_value(object, WEIR_TEXT("Scope"), attribute.key, &attribute.value);
        }
    }
    if (!has_name)
        add_scope_text(object, "name", scope.name);
    if (!has_version)
        add_scope_text(object, "version", scope.version);
}

static void enter(void *state, const es_context *context)
{
    none_state *self = state;
    es_object_clear(self->common);
    es_object_add_attributes(self->common, WEIR_TEXT("Resource"), weir_otlp_resource_attributes(context->resource));
    add_scope(self->common, context->scope);
    es_object_order(self->common);
}

static void add_attributes(none_state *self, weir_otlp_walk attributes, const es_target *target)
{
    static const char *const names[] = {"data_stream.type", "data_stream.dataset", "data_stream.namespace"};
    const weir_text texts[] = {target->type, target->dataset, target->name_space};
    es_object_add_attributes(self->item, self->attributes, attributes);
    for (size_t i = 0; es_target_is_data_stream(target) && i < WEIR_COUNT_OF(names); i++)
        es_object_add_text(self->item, es_object_path(self->item, self->attributes, weir_text_of(names[i])), texts[i]);
}

static void finish(none_state *self, weir_buffer *out)
{
    es_json_begin(&self->json, out);
    es_object_order(self->item);
    es_object_write(self->item, self->common, ES_OBJECT_FLAT, es_name_is_of_data_stream, &self->json);
}

static bool encode_log(void *state, const es_context *context, weir_bytes record, const es_target *target,
                       weir_buffer *out, weir_error *ret_error)
{
    (void)context;
    (void)ret_error;
    none_state *self = state;
    es_object *object = self->item;
    const weir_otlp_log log = weir_otlp_log_read(record);
    es_object_clear(object);
    es_object_add_time(object, WEIR_TEXT("@timestamp"), log.time_ns ? log.time_ns : log.observed_ns);
    es_object_add_id(object, WEIR_TEXT("TraceId"), log.trace_id);
    es_object_add_id(object, WEIR_TEXT("SpanId"), log.span_id);
    es_object_add_integer(object, WEIR_TEXT("TraceFlags"), log.flags);
    es_object_add_text(object, WEIR_TEXT("SeverityText"), log.severity_text);
    es_object_add_integer(object, WEIR_TEXT("SeverityNumber"), log.severity_number);
    es_object_add_value(object, WEIR_TEXT(""), WEIR_TEXT("Body"), &log.body);
    add_attributes(self, weir_otlp_walk_in(record, WEIR_OTLP_LOG_ATTRIBUTES), target);
    finish(self, out);
    return true;
}

/* ---- Spans ------------------------------------------------------------------------------------------------------- */

/* "" for those that OpenTelemetry does not have. */
static weir_text kind_text(int32_t kind)
{
    static const char *const kinds[] = {
        "SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
        "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER",
    };
    return weir_text_of(kind >= 0 && kind < (int32_t)WEIR_COUNT_OF(kinds) ? kinds[kind] : "");
}

/* Negative if the span ends before it starts. */
static int64_t duration_us(const weir_otlp_span *span)
{
    enum { NS_PER_US = 1000 };
    return (int64_t)(span->end_ns - span->start_ns) / NS_PER_US;
}

/* Each event as fields NAME.time and NAME.ATTRIBUTE; of several with one name the last has the fields. */
static void add_events(none_state *self, weir_bytes span)
{
    weir_bytes body;
    for (weir_otlp_walk walk = weir_otlp_walk_in(span, WEIR_OTLP_SPAN_EVENTS); weir_otlp_walk_next(&walk, &body);) {
        const weir_otlp_event event = weir_otlp_event_read(body);
        const weir_text name = event.name.len > 0 ? event.name : WEIR_TEXT("_");
        const weir_text path = es_object_path(self->item, self->events, name);
        es_object_add_time_at(self->item, path, WEIR_TEXT("time"), event.time_ns);
        es_object_add_attributes(self->item, path, weir_otlp_walk_in(body, WEIR_OTLP_EVENT_ATTRIBUTES));
    }
}

static bool encode_span(void *state, const es_context *context, weir_bytes body, const es_target *target,
                        weir_buffer *out, weir_error *ret_error)
{
    (void)context;
    (void)ret_error;
    none_state *self = state;
    es_object *object = self->item;
    const weir_otlp_span span = weir_otlp_span_read(body);
    es_object_clear(object);
    es_object_add_time(object, WEIR_TEXT("@timestamp"), span.start_ns);
    es_object_add_time(object, WEIR_TEXT("EndTimestamp"), span.end_ns);
    es_object_add_id(object, WEIR_TEXT("TraceId"), span.trace_id);
    es_object_add_id(object, WEIR_TEXT("SpanId"), span.span_id);
    es_object_add_id(object, WEIR_TEXT("ParentSpanId"), span.parent_span_id);
    es_object_add_text(object, WEIR_TEXT("Name"), span.name);
    es_object_add_text(object, WEIR_TEXT("Kind"), kind_text(span.kind));
    es_object_add_integer(object, WEIR_TEXT("TraceStatus"), span.status_code);
    es_object_add_text(object, WEIR_TEXT("TraceStatusDescription"), span.status_message);
    es_object_add_text(object, WEIR_TEXT("Link"), es_span_links_text(&self->links, body));
    es_object_add_integer(object, WEIR_TEXT("Duration"), duration_us(&span));
    add_attributes(self, weir_otlp_walk_in(body, WEIR_OTLP_SPAN_ATTRIBUTES), target);
    add_events(self, body);
    finish(self, out);
    return true;
}

static void leave(void *state)
{
    none_state *self = state;
    es_json_give_back(&self->json);
    es_object_give_back(self->common);
    es_object_give_back(self->item);
    es_span_links_give_back(&self->links);
}

const es_mode_ops es_mode_none = {
    .state_new = state_new,
    .state_free = state_free,
    .enter = enter,
    .log = encode_log,
    .span = encode_span,
    .leave = leave,
};
