/* SPDX-License-Identifier: Apache-2.0
 *
 * The mode ecs: attributes under the names of the Elastic Common Schema, dots as objects; spans, logs, and events of
 * spans as the documents that Elastic's APM reads: exceptions as errors, other events as logs.
 */
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/elasticsearch/document/ecs_fields.h"
#include "exporters/elasticsearch/document/mode.h"
#include "exporters/elasticsearch/document/object.h"

typedef struct ecs_state {
    es_json json;
    es_object *common; /* of resource and scope */
    es_object *item;
} ecs_state;

static void *state_new(es_mode mode)
{
    (void)mode;
    ecs_state *self = WEIR_NEW(ecs_state);
    es_json_init(&self->json);
    self->common = es_object_new();
    self->item = es_object_new();
    return self;
}

static void state_free(void *state)
{
    ecs_state *self = state;
    es_json_done(&self->json);
    es_object_free(self->common);
    es_object_free(self->item);
    free(self);
}

/* `yields`: to an attribute that the list has. */
static void add_attribute(es_object *object, const weir_otlp_attribute *attribute, const es_ecs_field *field,
                          bool yields)
{
    const weir_text top = WEIR_TEXT("");
    if (field && field->name.len > 0 && !yields)
        es_object_add_value(object, top, field->name, &attribute->value);
    if (!field || field->also_original)
        es_object_add_value(object, top, attribute->key, &attribute->value);
}

static void add_attributes(es_object *object, weir_otlp_walk attributes, const es_ecs_table *table)
{
    weir_otlp_value other;
    weir_otlp_attribute attribute;
    const bool has_preferred =
        table->preferred.len > 0 && weir_otlp_attribute_find(attributes, table->preferred, &other);
    while (weir_otlp_attribute_next(&attributes, &attribute)) {
        const es_ecs_field *field = es_ecs_find(table, attribute.key);
        add_attribute(object, &attribute, field,
                      has_preferred && field && weir_text_equal(field->name, table->preferred));
    }
}

static void enter(void *state, const es_context *context)
{
    ecs_state *self = state;
    es_object_clear(self->common);
    add_attributes(self->common, weir_otlp_resource_attributes(context->resource), &es_ecs_of_resource);
    es_object_add_attributes(self->common, WEIR_TEXT(""), weir_otlp_scope_attributes(context->scope));
    es_object_order(self->common);
}

static es_object *begin(ecs_state *self, weir_otlp_walk attributes, const es_ecs_table *table, const es_target *target)
{
    es_object *object = self->item;
    es_object_clear(object);
    add_attributes(object, attributes, table);
    if (es_target_is_data_stream(target)) {
        es_object_add_text(object, WEIR_TEXT("data_stream.type"), target->type);
        es_object_add_text(object, WEIR_TEXT("data_stream.dataset"), target->dataset);
        es_object_add_text(object, WEIR_TEXT("data_stream.namespace"), target->name_space);
    }
    return object;
}

static void finish(ecs_state *self, es_name_is_protected *is_protected, weir_buffer *out)
{
    es_json_begin(&self->json, out);
    es_object_order(self->item);
    es_object_write(self->item, self->common, ES_OBJECT_NESTED, is_protected, &self->json);
}

static bool encode_log(void *state, const es_context *context, weir_bytes record, const es_target *target,
                       weir_buffer *out, weir_error *ret_error)
{
    (void)context;
    (void)ret_error;
    ecs_state *self = state;
    const weir_otlp_log log = weir_otlp_log_read(record);
    es_object *object = begin(self, weir_otlp_walk_in(record, WEIR_OTLP_LOG_ATTRIBUTES), &es_ecs_of_log, target);
    es_object_add_time(object, WEIR_TEXT("@timestamp"), log.time_ns ? log.time_ns : log.observed_ns);
    es_object_add_id(object, WEIR_TEXT("trace.id"), log.trace_id);
    es_object_add_id(object, WEIR_TEXT("span.id"), log.span_id);
    if (log.severity_number != 0)
        es_object_add_integer(object, WEIR_TEXT("event.severity"), log.severity_number);
    es_object_add_text(object, WEIR_TEXT("log.level"), log.severity_text);
    if (log.body.type == WEIR_OTLP_STRING)
        es_object_add_value(object, WEIR_TEXT(""), WEIR_TEXT("message"), &log.body);
    finish(self, es_ecs_is_name_of_log, out);
    return true;
}

/* ---- Spans ------------------------------------------------------------------------------------------------------- */

/* As Elastic's APM agents say it; "" for those it does not know. */
static weir_text kind_text(int32_t kind)
{
    static const char *const kinds[] = {"", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};
    return weir_text_of(kind > 0 && kind < (int32_t)WEIR_COUNT_OF(kinds) ? kinds[kind] : "");
}

static weir_text outcome_text(int32_t status_code)
{
    static const char *const outcomes[] = {"", "success", "failure"};
    return weir_text_of(status_code > 0 && status_code < (int32_t)WEIR_COUNT_OF(outcomes) ? outcomes[status_code] : "");
}

static bool encode_span(void *state, const es_context *context, weir_bytes body, const es_target *target,
                        weir_buffer *out, weir_error *ret_error)
{
    (void)context;
    (void)ret_error;
    ecs_state *self = state;
    const weir_otlp_span span = weir_otlp_span_read(body);
    es_object *object = begin(self, weir_otlp_walk_in(body, WEIR_OTLP_SPAN_ATTRIBUTES), &es_ecs_of_span, target);
    es_object_add_time(object, WEIR_TEXT("@timestamp"), span.start_ns);
    es_object_add_id(object, WEIR_TEXT("trace.id"), span.trace_id);
    es_object_add_id(object, WEIR_TEXT("span.id"), span.span_id);
    es_object_add_text(object, WEIR_TEXT("span.name"), span.name);
    es_object_add_id(object, WEIR_TEXT("parent.id"), span.parent_span_id);
    es_object_add_text(object, WEIR_TEXT("event.outcome"), outcome_text(span.status_code));
    es_object_add_links(object, WEIR_TEXT("span.links"), body);
    es_object_add_text(object, WEIR_TEXT("span.kind"), kind_text(span.kind));
    finish(self, es_ecs_is_name_of_span, out);
    return true;
}

/* ---- Events of spans --------------------------------------------------------------------------------------------- */

static bool is_exception(const weir_otlp_event *event, weir_otlp_walk attributes)
{
    weir_otlp_value value;
    return weir_text_is(event->name, "exception") &&
           (weir_otlp_attribute_find(attributes, WEIR_TEXT("exception.type"), &value) ||
            weir_otlp_attribute_find(attributes, WEIR_TEXT("exception.message"), &value));
}

/* The span an event is of. What Elastic calls a transaction (a span that entered a service) has the attribute
 * transaction.id, and its events refer to that. An error has its span for a parent. */
static void add_span_of_event(es_object *object, const es_parent *parent, bool is_error)
{
    es_object_add_id(object, WEIR_TEXT("trace.id"), parent->span.trace_id);
    if (!parent->has_transaction) {
        es_object_add_id(object, is_error ? WEIR_TEXT("parent.id") : WEIR_TEXT("span.id"), parent->span.span_id);
        return;
    }
    es_object_add_text(object, WEIR_TEXT("transaction.id"), parent->transaction);
    es_object_add_text(object, WEIR_TEXT("span.id"), parent->transaction);
    if (is_error)
        es_object_add_text(object, WEIR_TEXT("parent.id"), parent->transaction);
}

static void encode_span_event(void *state, const es_context *context, const es_parent *parent, weir_bytes body,
                              const es_target *target, weir_buffer *out)
{
    (void)context;
    ecs_state *self = state;
    const weir_otlp_event event = weir_otlp_event_read(body);
    const weir_otlp_walk attributes = weir_otlp_walk_in(body, WEIR_OTLP_EVENT_ATTRIBUTES);
    const bool is_error = is_exception(&event, attributes);
    es_object *object = begin(self, attributes, &es_ecs_of_span_event, target);
    es_object_add_time(object, WEIR_TEXT("@timestamp"), event.time_ns);
    add_span_of_event(object, parent, is_error);
    if (!is_error) {
        es_object_add_text(object, WEIR_TEXT("event.kind"), WEIR_TEXT("event"));
        es_object_add_text(object, WEIR_TEXT("message"), event.name);
    }
    finish(self, es_ecs_is_name_of_span_event, out);
}

static void leave(void *state)
{
    ecs_state *self = state;
    es_json_give_back(&self->json);
    es_object_give_back(self->common);
    es_object_give_back(self->item);
}

const es_mode_ops es_mode_ecs = {
    .state_new = state_new,
    .state_free = state_free,
    .enter = enter,
    .log = encode_log,
    .span = encode_span,
    .span_event = encode_span_event,
    .leave = leave,
};
