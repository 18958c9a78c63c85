/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/recorder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#include "core/assert.h"
#include "core/memory.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue any_value;
typedef Opentelemetry__Proto__Common__V1__KeyValue key_value;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope scope_message;
typedef Opentelemetry__Proto__Trace__V1__Span__Event event_message;
typedef Opentelemetry__Proto__Trace__V1__Span__Link link_message;
typedef Opentelemetry__Proto__Trace__V1__Status status_message;

enum { W3C_SAMPLED = 1 };

/* Zeroed memory that lives until the next weir_recorder_begin. */
static void *take(weir_recorder *recorder, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    WEIR_ASSERT(rounded <= sizeof(recorder->block) - recorder->block_used);
    void *memory = recorder->block + recorder->block_used;
    recorder->block_used += rounded;
    return memset(memory, 0, rounded);
}

static void *take_copy(weir_recorder *recorder, const void *bytes, size_t len)
{
    return memcpy(take(recorder, len), bytes, len);
}

static ProtobufCBinaryData take_bytes(weir_recorder *recorder, const uint8_t *bytes, size_t len)
{
    return (ProtobufCBinaryData){len, take_copy(recorder, bytes, len)};
}

static char *format_list(weir_recorder *recorder, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    WEIR_ASSERT(len >= 0);
    char *text = take(recorder, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, arguments);
    return text;
}

char *weir_recorder_format(weir_recorder *recorder, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_list(recorder, format, arguments);
    va_end(arguments);
    return text;
}

void weir_recorder_begin(weir_recorder *recorder, weir_demo_random *random)
{
    recorder->random = random;
    recorder->time_ns = 0;
    recorder->span_count = 0;
    recorder->log_count = 0;
    recorder->block_used = 0;
    recorder->trace_id = take(recorder, WEIR_DEMO_TRACE_ID_SIZE);
    weir_demo_random_id(random, recorder->trace_id, WEIR_DEMO_TRACE_ID_SIZE);
}

void weir_recorder_spend(weir_recorder *recorder, uint64_t typical_us)
{
    uint64_t typical_ns = typical_us * 1000;
    recorder->time_ns += weir_demo_random_range(recorder->random, typical_ns / 2, typical_ns + typical_ns / 2);
}

void weir_recorder_rewind(weir_recorder *recorder, uint64_t time_ns)
{
    recorder->time_ns = time_ns;
}

/* ---- attributes ------------------------------------------------------------------------------------------------ */

/* Room for the attributes of a new message. */
static key_value **take_attributes(weir_recorder *recorder)
{
    return take(recorder, WEIR_RECORDER_ATTRIBUTES_MAX * sizeof(key_value *));
}

static any_value *add(weir_recorder *recorder, size_t *count, key_value **attributes, const char *key)
{
    WEIR_ASSERT(*count < WEIR_RECORDER_ATTRIBUTES_MAX);
    any_value *value = take(recorder, sizeof(*value));
    opentelemetry__proto__common__v1__any_value__init(value);
    key_value *attribute = take(recorder, sizeof(*attribute));
    opentelemetry__proto__common__v1__key_value__init(attribute);
    attribute->key = (char *)key;
    attribute->value = value;
    attributes[(*count)++] = attribute;
    return value;
}

static void set_text(any_value *value, const char *text)
{
    value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
    value->string_value = (char *)text;
}

static void set_int(any_value *value, int64_t number)
{
    value->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
    value->int_value = number;
}

void weir_demo_span_text(weir_recorder *recorder, weir_demo_span *span, const char *key, const char *value)
{
    set_text(add(recorder, &span->n_attributes, span->attributes, key), value);
}

void weir_demo_span_int(weir_recorder *recorder, weir_demo_span *span, const char *key, int64_t value)
{
    set_int(add(recorder, &span->n_attributes, span->attributes, key), value);
}

void weir_demo_span_bool(weir_recorder *recorder, weir_demo_span *span, const char *key, bool value)
{
    any_value *any = add(recorder, &span->n_attributes, span->attributes, key);
    any->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
    any->bool_value = value;
}

void weir_demo_log_text(weir_recorder *recorder, weir_demo_log_record *log, const char *key, const char *value)
{
    set_text(add(recorder, &log->n_attributes, log->attributes, key), value);
}

void weir_demo_log_int(weir_recorder *recorder, weir_demo_log_record *log, const char *key, int64_t value)
{
    set_int(add(recorder, &log->n_attributes, log->attributes, key), value);
}

void weir_demo_log_double(weir_recorder *recorder, weir_demo_log_record *log, const char *key, double value)
{
    any_value *any = add(recorder, &log->n_attributes, log->attributes, key);
    any->value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
    any->double_value = value;
}

weir_demo_resource *weir_recorder_resource(weir_recorder *recorder)
{
    weir_demo_resource *resource = take(recorder, sizeof(*resource));
    opentelemetry__proto__resource__v1__resource__init(resource);
    resource->attributes = take_attributes(recorder);
    return resource;
}

void weir_demo_resource_text(weir_recorder *recorder, weir_demo_resource *resource, const char *key, const char *value)
{
    set_text(add(recorder, &resource->n_attributes, resource->attributes, key), value);
}

void weir_demo_resource_int(weir_recorder *recorder, weir_demo_resource *resource, const char *key, int64_t value)
{
    set_int(add(recorder, &resource->n_attributes, resource->attributes, key), value);
}

/* ---- spans ----------------------------------------------------------------------------------------------------- */

/* Whether the parent was recorded by another service is known here, so both bits of SpanFlags are given. */
static uint32_t flags_of(const weir_recorder *recorder, weir_recorder_service service, const weir_demo_span *parent)
{
    uint32_t flags = W3C_SAMPLED | OPENTELEMETRY__PROTO__TRACE__V1__SPAN_FLAGS__SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK;
    for (size_t i = 0; i < recorder->span_count; i++) {
        if (recorder->spans[i] == parent && recorder->span_services[i] != service)
            flags |= OPENTELEMETRY__PROTO__TRACE__V1__SPAN_FLAGS__SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK;
    }
    return flags;
}

weir_demo_span *weir_recorder_span(weir_recorder *recorder, weir_recorder_service service, const weir_demo_span *parent,
                                   weir_demo_kind kind, const char *name)
{
    WEIR_ASSERT(recorder->span_count < WEIR_RECORDER_SPANS_MAX);
    weir_demo_span *span = take(recorder, sizeof(*span));
    opentelemetry__proto__trace__v1__span__init(span);
    span->trace_id = (ProtobufCBinaryData){WEIR_DEMO_TRACE_ID_SIZE, recorder->trace_id};
    span->span_id = (ProtobufCBinaryData){WEIR_DEMO_SPAN_ID_SIZE, take(recorder, WEIR_DEMO_SPAN_ID_SIZE)};
    weir_demo_random_id(recorder->random, span->span_id.data, WEIR_DEMO_SPAN_ID_SIZE);
    if (parent)
        span->parent_span_id = parent->span_id;
    span->flags = flags_of(recorder, service, parent);
    span->name = (char *)name;
    span->kind = kind;
    span->start_time_unix_nano = recorder->time_ns;
    span->attributes = take_attributes(recorder);
    recorder->span_services[recorder->span_count] = service;
    recorder->spans[recorder->span_count++] = span;
    return span;
}

void weir_demo_span_end(weir_recorder *recorder, weir_demo_span *span)
{
    WEIR_ASSERT(span->end_time_unix_nano == 0 && recorder->time_ns >= span->start_time_unix_nano);
    span->end_time_unix_nano = recorder->time_ns;
}

void weir_demo_span_fail(weir_recorder *recorder, weir_demo_span *span, const char *description)
{
    status_message *status = take(recorder, sizeof(*status));
    opentelemetry__proto__trace__v1__status__init(status);
    status->code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
    if (description)
        status->message = (char *)description;
    span->status = status;
}

void weir_demo_span_exception(weir_recorder *recorder, weir_demo_span *span, const char *type, const char *message,
                              const char *stacktrace)
{
    if (!span->events)
        span->events = take(recorder, WEIR_RECORDER_EVENTS_MAX * sizeof(event_message *));
    WEIR_ASSERT(span->n_events < WEIR_RECORDER_EVENTS_MAX);
    event_message *event = take(recorder, sizeof(*event));
    opentelemetry__proto__trace__v1__span__event__init(event);
    event->time_unix_nano = recorder->time_ns;
    event->name = (char *)"exception";
    event->attributes = take_attributes(recorder);
    set_text(add(recorder, &event->n_attributes, event->attributes, "exception.type"), type);
    set_text(add(recorder, &event->n_attributes, event->attributes, "exception.message"), message);
    set_text(add(recorder, &event->n_attributes, event->attributes, "exception.stacktrace"), stacktrace);
    span->events[span->n_events++] = event;
    weir_demo_span_fail(recorder, span, message);
}

void weir_demo_span_link(weir_recorder *recorder, weir_demo_span *span, const weir_demo_span_context *target)
{
    if (!span->links)
        span->links = take(recorder, WEIR_RECORDER_LINKS_MAX * sizeof(link_message *));
    WEIR_ASSERT(span->n_links < WEIR_RECORDER_LINKS_MAX);
    link_message *link = take(recorder, sizeof(*link));
    opentelemetry__proto__trace__v1__span__link__init(link);
    link->trace_id = take_bytes(recorder, target->trace_id, sizeof(target->trace_id));
    link->span_id = take_bytes(recorder, target->span_id, sizeof(target->span_id));
    link->flags = W3C_SAMPLED | OPENTELEMETRY__PROTO__TRACE__V1__SPAN_FLAGS__SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK |
                  OPENTELEMETRY__PROTO__TRACE__V1__SPAN_FLAGS__SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK;
    span->links[span->n_links++] = link;
}

weir_demo_span_context weir_demo_span_context_of(const weir_demo_span *span)
{
    weir_demo_span_context context;
    memcpy(context.trace_id, span->trace_id.data, sizeof(context.trace_id));
    memcpy(context.span_id, span->span_id.data, sizeof(context.span_id));
    return context;
}

/* ---- logs ------------------------------------------------------------------------------------------------------ */

static const char *severity_text(weir_demo_severity severity)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    WEIR_ASSERT(severity >= 1 && severity <= 24);
    return names[(severity - 1) / 4];
}

weir_demo_log_record *weir_recorder_log(weir_recorder *recorder, weir_recorder_service service,
                                        const weir_demo_span *span, weir_demo_severity severity, const char *format,
                                        ...)
{
    WEIR_ASSERT(recorder->log_count < WEIR_RECORDER_LOGS_MAX);
    weir_demo_log_record *log = take(recorder, sizeof(*log));
    opentelemetry__proto__logs__v1__log_record__init(log);
    log->time_unix_nano = recorder->time_ns;
    log->observed_time_unix_nano = recorder->time_ns;
    log->severity_number = severity;
    log->severity_text = (char *)severity_text(severity);
    log->trace_id = span->trace_id;
    log->span_id = span->span_id;
    log->flags = W3C_SAMPLED;
    log->attributes = take_attributes(recorder);
    log->body = take(recorder, sizeof(*log->body));
    opentelemetry__proto__common__v1__any_value__init(log->body);

    va_list arguments;
    va_start(arguments, format);
    set_text(log->body, format_list(recorder, format, arguments));
    va_end(arguments);

    recorder->log_services[recorder->log_count] = service;
    recorder->logs[recorder->log_count++] = log;
    return log;
}

/* ---- the end of the story -------------------------------------------------------------------------------------- */

static uint64_t last_moment(const weir_recorder *recorder)
{
    uint64_t last = 0;
    for (size_t i = 0; i < recorder->span_count; i++) {
        if (recorder->spans[i]->end_time_unix_nano > last)
            last = recorder->spans[i]->end_time_unix_nano;
    }
    for (size_t i = 0; i < recorder->log_count; i++) {
        if (recorder->logs[i]->time_unix_nano > last)
            last = recorder->logs[i]->time_unix_nano;
    }
    return last;
}

void weir_recorder_settle(weir_recorder *recorder, uint64_t end_unix_nano)
{
    uint64_t last = last_moment(recorder);
    WEIR_ASSERT(end_unix_nano > last);
    uint64_t base = end_unix_nano - last;
    for (size_t i = 0; i < recorder->span_count; i++) {
        weir_demo_span *span = recorder->spans[i];
        span->start_time_unix_nano += base;
        span->end_time_unix_nano += base;
        for (size_t e = 0; e < span->n_events; e++)
            span->events[e]->time_unix_nano += base;
    }
    for (size_t i = 0; i < recorder->log_count; i++) {
        recorder->logs[i]->time_unix_nano += base;
        recorder->logs[i]->observed_time_unix_nano += base;
    }
}

static uint8_t *pack(const ProtobufCMessage *message, size_t *ret_len)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = weir_alloc(len, 1);
    size_t written = protobuf_c_message_pack(message, bytes);
    WEIR_ASSERT(written == len);
    *ret_len = len;
    return bytes;
}

uint8_t *weir_recorder_pack_spans(weir_recorder *recorder, weir_recorder_service service, weir_demo_resource *resource,
                                  const char *scope_name, size_t *ret_len, size_t *ret_items)
{
    weir_demo_span *spans[WEIR_RECORDER_SPANS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < recorder->span_count; i++) {
        if (recorder->span_services[i] == service)
            spans[count++] = recorder->spans[i];
    }
    *ret_items = count;
    if (count == 0)
        return NULL;

    scope_message scope = OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
    scope.name = (char *)scope_name;
    Opentelemetry__Proto__Trace__V1__ScopeSpans of_scope = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
    of_scope.scope = &scope;
    of_scope.n_spans = count;
    of_scope.spans = spans;
    Opentelemetry__Proto__Trace__V1__ResourceSpans of_resource = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
    of_resource.resource = resource;
    of_resource.n_scope_spans = 1;
    of_resource.scope_spans = (Opentelemetry__Proto__Trace__V1__ScopeSpans *[]){&of_scope};
    Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request =
        OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.n_resource_spans = 1;
    request.resource_spans = (Opentelemetry__Proto__Trace__V1__ResourceSpans *[]){&of_resource};
    return pack(&request.base, ret_len);
}

uint8_t *weir_recorder_pack_logs(weir_recorder *recorder, weir_recorder_service service, weir_demo_resource *resource,
                                 const char *scope_name, size_t *ret_len, size_t *ret_items)
{
    weir_demo_log_record *logs[WEIR_RECORDER_LOGS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < recorder->log_count; i++) {
        if (recorder->log_services[i] == service)
            logs[count++] = recorder->logs[i];
    }
    *ret_items = count;
    if (count == 0)
        return NULL;

    scope_message scope = OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
    scope.name = (char *)scope_name;
    Opentelemetry__Proto__Logs__V1__ScopeLogs of_scope = OPENTELEMETRY__PROTO__LOGS__V1__SCOPE_LOGS__INIT;
    of_scope.scope = &scope;
    of_scope.n_log_records = count;
    of_scope.log_records = logs;
    Opentelemetry__Proto__Logs__V1__ResourceLogs of_resource = OPENTELEMETRY__PROTO__LOGS__V1__RESOURCE_LOGS__INIT;
    of_resource.resource = resource;
    of_resource.n_scope_logs = 1;
    of_resource.scope_logs = (Opentelemetry__Proto__Logs__V1__ScopeLogs *[]){&of_scope};
    Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest request =
        OPENTELEMETRY__PROTO__COLLECTOR__LOGS__V1__EXPORT_LOGS_SERVICE_REQUEST__INIT;
    request.n_resource_logs = 1;
    request.resource_logs = (Opentelemetry__Proto__Logs__V1__ResourceLogs *[]){&of_resource};
    return pack(&request.base, ret_len);
}
