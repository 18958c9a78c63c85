/* SPDX-License-Identifier: Apache-2.0 */
#include "core/memory.h"
#include "exporters/debug/text.h"

static void append_line(const char *name, const char *value, weir_buffer *out)
{
    weir_buffer_printf(out, "%s%s\n", name, value);
}

void debug_detailed_attributes(const char *indent, const char *header, attribute_message *const *attributes,
                               size_t count, weir_buffer *out)
{
    if (count == 0)
        return;
    weir_buffer_printf(out, "%s:\n", header);
    for (size_t i = 0; i < count; i++) {
        weir_buffer_printf(out, "%s     -> %s: ", indent, attributes[i]->key);
        debug_text_typed(attributes[i]->value, out);
        weir_buffer_append_byte(out, '\n');
    }
}

static void append_keys(const char *header, char *const *keys, size_t count, weir_buffer *out)
{
    if (count > 0)
        weir_buffer_printf(out, "          -> %s:\n", header);
    for (size_t i = 0; i < count; i++)
        append_line("               -> ", keys[i], out);
}

static void append_entities(const resource_message *resource, weir_buffer *out)
{
    if (resource->n_entity_refs > 0)
        weir_buffer_append_text(out, "Resource entity refs:\n");
    for (size_t i = 0; i < resource->n_entity_refs; i++) {
        const entity_message *entity = resource->entity_refs[i];
        weir_buffer_printf(out, "     -> Entity ref #%zu:\n", i);
        append_line("          -> Type: ", entity->type, out);
        if (entity->schema_url[0])
            append_line("          -> Schema URL: ", entity->schema_url, out);
        append_keys("ID keys", entity->id_keys, entity->n_id_keys, out);
        append_keys("Description keys", entity->description_keys, entity->n_description_keys, out);
    }
}

void debug_detailed_resource(const resource_message *resource, const char *schema_url, weir_buffer *out)
{
    append_line("Resource SchemaURL: ", schema_url, out);
    if (!resource)
        return;
    debug_detailed_attributes("", "Resource attributes", resource->attributes, resource->n_attributes, out);
    append_entities(resource, out);
}

void debug_detailed_scope(const char *kind, const scope_message *scope, const char *schema_url, weir_buffer *out)
{
    weir_buffer_printf(out, "%s SchemaURL: %s\n", kind, schema_url);
    weir_buffer_printf(out, "InstrumentationScope %s %s\n", scope ? scope->name : "", scope ? scope->version : "");
    if (scope)
        debug_detailed_attributes("", "InstrumentationScope attributes", scope->attributes, scope->n_attributes, out);
}

/* ---- traces ---- */

static const char *kind_name(unsigned kind)
{
    static const char *const names[] = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
    return kind < WEIR_COUNT_OF(names) ? names[kind] : "";
}

static const char *status_name(unsigned code)
{
    static const char *const names[] = {"Unset", "Ok", "Error"};
    return code < WEIR_COUNT_OF(names) ? names[code] : "";
}

static void append_field(const char *name, const char *value, weir_buffer *out)
{
    weir_buffer_printf(out, "    %-15s: %s\n", name, value);
}

static void append_id_field(const char *name, ProtobufCBinaryData id, weir_buffer *out)
{
    weir_buffer_printf(out, "    %-15s: ", name);
    debug_text_id(id, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_time_field(const char *name, uint64_t unix_nano, weir_buffer *out)
{
    weir_buffer_printf(out, "    %-15s: ", name);
    debug_text_time(unix_nano, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_time_line(const char *name, uint64_t unix_nano, weir_buffer *out)
{
    weir_buffer_append_text(out, name);
    debug_text_time(unix_nano, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_id_line(const char *name, ProtobufCBinaryData id, weir_buffer *out)
{
    weir_buffer_append_text(out, name);
    debug_text_id(id, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_events(const span_message *span, weir_buffer *out)
{
    if (span->n_events > 0)
        weir_buffer_append_text(out, "Events:\n");
    for (size_t i = 0; i < span->n_events; i++) {
        const event_message *event = span->events[i];
        weir_buffer_printf(out, "SpanEvent #%zu\n", i);
        append_line("     -> Name: ", event->name, out);
        append_time_line("     -> Timestamp: ", event->time_unix_nano, out);
        weir_buffer_printf(out, "     -> DroppedAttributesCount: %u\n", event->dropped_attributes_count);
        debug_detailed_attributes("     ", "     -> Attributes:", event->attributes, event->n_attributes, out);
    }
}

static void append_links(const span_message *span, weir_buffer *out)
{
    if (span->n_links > 0)
        weir_buffer_append_text(out, "Links:\n");
    for (size_t i = 0; i < span->n_links; i++) {
        const link_message *link = span->links[i];
        weir_buffer_printf(out, "SpanLink #%zu\n", i);
        append_id_line("     -> Trace ID: ", link->trace_id, out);
        append_id_line("     -> ID: ", link->span_id, out);
        append_line("     -> TraceState: ", link->trace_state, out);
        weir_buffer_printf(out, "     -> DroppedAttributesCount: %u\n", link->dropped_attributes_count);
        debug_detailed_attributes("     ", "     -> Attributes:", link->attributes, link->n_attributes, out);
    }
}

static void append_span(const span_message *span, weir_buffer *out)
{
    append_id_field("Trace ID", span->trace_id, out);
    append_id_field("Parent ID", span->parent_span_id, out);
    append_id_field("ID", span->span_id, out);
    append_field("Name", span->name, out);
    append_field("Kind", kind_name(span->kind), out);
    if (span->trace_state[0])
        append_field("TraceState", span->trace_state, out);
    append_time_field("Start time", span->start_time_unix_nano, out);
    append_time_field("End time", span->end_time_unix_nano, out);
    append_field("Status code", status_name(span->status ? span->status->code : 0), out);
    append_field("Status message", span->status ? span->status->message : "", out);
    weir_buffer_printf(out, "    DroppedAttributesCount: %u\n", span->dropped_attributes_count);
    weir_buffer_printf(out, "    DroppedEventsCount: %u\n", span->dropped_events_count);
    weir_buffer_printf(out, "    DroppedLinksCount: %u\n", span->dropped_links_count);
    debug_detailed_attributes("", "Attributes", span->attributes, span->n_attributes, out);
    append_events(span, out);
    append_links(span, out);
}

void debug_detailed_traces(const traces_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_spans; i++) {
        const resource_spans_message *resource = message->resource_spans[i];
        weir_buffer_printf(out, "ResourceSpans #%zu\n", i);
        debug_detailed_resource(resource->resource, resource->schema_url, out);
        for (size_t j = 0; j < resource->n_scope_spans; j++) {
            const scope_spans_message *scope = resource->scope_spans[j];
            weir_buffer_printf(out, "ScopeSpans #%zu\n", j);
            debug_detailed_scope("ScopeSpans", scope->scope, scope->schema_url, out);
            for (size_t k = 0; k < scope->n_spans; k++) {
                weir_buffer_printf(out, "Span #%zu\n", k);
                append_span(scope->spans[k], out);
            }
        }
    }
}

/* ---- logs ---- */

static const char *severity_name(unsigned number)
{
    static const char *const names[] = {"Unspecified", "Trace",  "Trace2", "Trace3", "Trace4", "Debug",  "Debug2",
                                        "Debug3",      "Debug4", "Info",   "Info2",  "Info3",  "Info4",  "Warn",
                                        "Warn2",       "Warn3",  "Warn4",  "Error",  "Error2", "Error3", "Error4",
                                        "Fatal",       "Fatal2", "Fatal3", "Fatal4"};
    return number < WEIR_COUNT_OF(names) ? names[number] : "";
}

static void append_log(const log_message *record, weir_buffer *out)
{
    append_time_line("ObservedTimestamp: ", record->observed_time_unix_nano, out);
    append_time_line("Timestamp: ", record->time_unix_nano, out);
    append_line("SeverityText: ", record->severity_text, out);
    weir_buffer_printf(out, "SeverityNumber: %s(%d)\n", severity_name(record->severity_number),
                       (int)record->severity_number);
    if (record->event_name[0])
        append_line("EventName: ", record->event_name, out);
    weir_buffer_append_text(out, "Body: ");
    debug_text_typed(record->body, out);
    weir_buffer_append_byte(out, '\n');
    debug_detailed_attributes("", "Attributes", record->attributes, record->n_attributes, out);
    append_id_line("Trace ID: ", record->trace_id, out);
    append_id_line("Span ID: ", record->span_id, out);
    weir_buffer_printf(out, "Flags: %u\n", record->flags);
}

void debug_detailed_logs(const logs_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_logs; i++) {
        const resource_logs_message *resource = message->resource_logs[i];
        weir_buffer_printf(out, "ResourceLog #%zu\n", i);
        debug_detailed_resource(resource->resource, resource->schema_url, out);
        for (size_t j = 0; j < resource->n_scope_logs; j++) {
            const scope_logs_message *scope = resource->scope_logs[j];
            weir_buffer_printf(out, "ScopeLogs #%zu\n", j);
            debug_detailed_scope("ScopeLogs", scope->scope, scope->schema_url, out);
            for (size_t k = 0; k < scope->n_log_records; k++) {
                weir_buffer_printf(out, "LogRecord #%zu\n", k);
                append_log(scope->log_records[k], out);
            }
        }
    }
}
