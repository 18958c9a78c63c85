/* SPDX-License-Identifier: Apache-2.0 */
#include "describe.h"

#include <string.h>

#include "oracle.h"

/* ---- Structs as text --------------------------------------------------------------------------------------------- */

void describe_text(weir_buffer *out, const char *label, weir_text text)
{
    int len = text.len ? (int)strnlen(text.data, text.len) : 0; /* protobuf-c's strings end at a NUL */
    weir_buffer_printf(out, " %s='%.*s'", label, len, text.len ? text.data : "");
}

void describe_bytes(weir_buffer *out, const char *label, weir_bytes bytes)
{
    weir_buffer_printf(out, " %s=", label);
    for (size_t i = 0; i < bytes.len; i++)
        weir_buffer_printf(out, "%02x", bytes.data[i]);
}

static void describe_number(weir_buffer *out, const char *label, uint64_t number)
{
    weir_buffer_printf(out, " %s=%llu", label, (unsigned long long)number);
}

/* By its bits: not-a-number has many, and each must survive. */
static void describe_double(weir_buffer *out, const char *label, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    weir_buffer_printf(out, " %s=%llx", label, (unsigned long long)bits);
}

void describe_scalar(weir_buffer *out, const weir_otlp_value *value)
{
    switch (value->type) {
    case WEIR_OTLP_EMPTY:
        weir_buffer_append_text(out, " empty");
        break;
    case WEIR_OTLP_STRING:
        describe_text(out, "string", value->string);
        break;
    case WEIR_OTLP_BYTES:
        describe_bytes(out, "bytes", value->bytes);
        break;
    case WEIR_OTLP_BOOL:
        describe_number(out, "bool", value->boolean);
        break;
    case WEIR_OTLP_INT:
        describe_number(out, "int", (uint64_t)value->integer);
        break;
    case WEIR_OTLP_STRING_INDEX:
        describe_number(out, "index", (uint64_t)value->integer);
        break;
    case WEIR_OTLP_DOUBLE:
        describe_double(out, "double", value->number);
        break;
    case WEIR_OTLP_ARRAY:
        weir_buffer_append_text(out, " [");
        break;
    case WEIR_OTLP_MAP:
        weir_buffer_append_text(out, " {");
        break;
    }
}

void describe_span(weir_buffer *out, const weir_otlp_span *span)
{
    weir_buffer_append_text(out, "\nspan");
    describe_bytes(out, "trace", span->trace_id);
    describe_bytes(out, "id", span->span_id);
    describe_bytes(out, "parent", span->parent_span_id);
    describe_text(out, "state", span->trace_state);
    describe_text(out, "name", span->name);
    describe_number(out, "kind", (uint64_t)span->kind);
    describe_number(out, "start", span->start_ns);
    describe_number(out, "end", span->end_ns);
    describe_number(out, "flags", span->flags);
    describe_number(out, "code", (uint64_t)span->status_code);
    describe_text(out, "message", span->status_message);
    describe_number(out, "dropped", span->dropped_attributes);
    describe_number(out, "events", span->dropped_events);
    describe_number(out, "links", span->dropped_links);
}

void describe_event(weir_buffer *out, const weir_otlp_event *event)
{
    weir_buffer_append_text(out, "\n event");
    describe_number(out, "time", event->time_ns);
    describe_text(out, "name", event->name);
    describe_number(out, "dropped", event->dropped_attributes);
}

void describe_link(weir_buffer *out, const weir_otlp_link *link)
{
    weir_buffer_append_text(out, "\n link");
    describe_bytes(out, "trace", link->trace_id);
    describe_bytes(out, "id", link->span_id);
    describe_text(out, "state", link->trace_state);
    describe_number(out, "flags", link->flags);
    describe_number(out, "dropped", link->dropped_attributes);
}

void describe_log(weir_buffer *out, const weir_otlp_log *record)
{
    weir_buffer_append_text(out, "\nlog");
    describe_number(out, "time", record->time_ns);
    describe_number(out, "observed", record->observed_ns);
    describe_number(out, "severity", (uint64_t)record->severity_number);
    describe_text(out, "text", record->severity_text);
    describe_number(out, "flags", record->flags);
    describe_bytes(out, "trace", record->trace_id);
    describe_bytes(out, "id", record->span_id);
    describe_text(out, "event", record->event_name);
    describe_number(out, "dropped", record->dropped_attributes);
}

void describe_metric(weir_buffer *out, const weir_otlp_metric *metric)
{
    weir_buffer_append_text(out, "\nmetric");
    describe_text(out, "name", metric->name);
    describe_text(out, "description", metric->description);
    describe_text(out, "unit", metric->unit);
    describe_number(out, "data", metric->data);
    describe_number(out, "temporality", (uint64_t)metric->temporality);
    describe_number(out, "monotonic", metric->monotonic);
}

void describe_point(weir_buffer *out, const weir_otlp_point *point)
{
    weir_buffer_append_text(out, "\n point");
    describe_number(out, "start", point->start_ns);
    describe_number(out, "time", point->time_ns);
    describe_number(out, "flags", point->flags);
    describe_number(out, "type", point->value_type);
    describe_double(out, "double", point->value_double);
    describe_number(out, "int", (uint64_t)point->value_int);
    describe_number(out, "count", point->count);
    describe_double(out, "sum", point->sum);
}

/* ---- A request as the views show it ------------------------------------------------------------------------------ */

static void view_attributes(weir_buffer *out, weir_otlp_walk walk);

static void view_value(weir_buffer *out, const weir_otlp_value *value)
{
    describe_scalar(out, value);
    weir_otlp_walk walk = weir_otlp_elements(value);
    if (value->type == WEIR_OTLP_ARRAY)
        for (weir_otlp_value element; weir_otlp_element_next(&walk, &element);)
            view_value(out, &element);
    else if (value->type == WEIR_OTLP_MAP)
        view_attributes(out, walk);
    else
        return;
    weir_buffer_append_text(out, " end");
}

static void view_attributes(weir_buffer *out, weir_otlp_walk walk)
{
    for (weir_otlp_attribute attribute; weir_otlp_attribute_next(&walk, &attribute);) {
        describe_text(out, "\n  key", attribute.key);
        view_value(out, &attribute.value);
    }
}

static void view_span(weir_buffer *out, weir_bytes item)
{
    weir_otlp_span span = weir_otlp_span_read(item);
    describe_span(out, &span);
    view_attributes(out, weir_otlp_walk_in(item, WEIR_OTLP_SPAN_ATTRIBUTES));
    weir_otlp_walk events = weir_otlp_walk_in(item, WEIR_OTLP_SPAN_EVENTS);
    for (weir_bytes body; weir_otlp_walk_next(&events, &body);) {
        weir_otlp_event event = weir_otlp_event_read(body);
        describe_event(out, &event);
        view_attributes(out, weir_otlp_walk_in(body, WEIR_OTLP_EVENT_ATTRIBUTES));
    }
    weir_otlp_walk links = weir_otlp_walk_in(item, WEIR_OTLP_SPAN_LINKS);
    for (weir_bytes body; weir_otlp_walk_next(&links, &body);) {
        weir_otlp_link link = weir_otlp_link_read(body);
        describe_link(out, &link);
        view_attributes(out, weir_otlp_walk_in(body, WEIR_OTLP_LINK_ATTRIBUTES));
    }
}

static void view_log(weir_buffer *out, weir_bytes item)
{
    weir_otlp_log record = weir_otlp_log_read(item);
    describe_log(out, &record);
    view_value(out, &record.body);
    view_attributes(out, weir_otlp_walk_in(item, WEIR_OTLP_LOG_ATTRIBUTES));
}

static void view_point(weir_buffer *out, const weir_otlp_items *at)
{
    weir_otlp_metric metric = weir_otlp_metric_read(at->metric);
    describe_metric(out, &metric);
    view_attributes(out, weir_otlp_walk_in(at->metric, WEIR_OTLP_METRIC_METADATA));
    weir_otlp_point point = weir_otlp_point_read(at->item, at->data);
    describe_point(out, &point);
    view_attributes(out, weir_otlp_walk_in(at->item, weir_otlp_item_attributes(at->kind, at->data)));
}

void view_describe(weir_otlp_kind kind, const uint8_t *data, size_t len, weir_buffer *out)
{
    weir_otlp_items at = weir_otlp_items_of(kind, (weir_bytes){data, len});
    while (weir_otlp_items_next(&at)) {
        describe_text(out, "\nresource", weir_otlp_schema_url(at.resource));
        view_attributes(out, weir_otlp_resource_attributes(at.resource));
        weir_otlp_scope scope = weir_otlp_scope_read(at.scope);
        describe_text(out, "\nscope", weir_otlp_schema_url(at.scope));
        describe_text(out, "name", scope.name);
        describe_text(out, "version", scope.version);
        view_attributes(out, weir_otlp_scope_attributes(at.scope));
        if (kind == WEIR_OTLP_TRACES)
            view_span(out, at.item);
        else if (kind == WEIR_OTLP_LOGS)
            view_log(out, at.item);
        else
            view_point(out, &at);
    }
}
