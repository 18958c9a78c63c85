/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <criterion/criterion.h>
#include <string.h>

#include "describe.h"
#include "generator.h"
#include "normalise.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue any_value;
typedef Opentelemetry__Proto__Common__V1__KeyValue key_value;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope scope_message;
typedef Opentelemetry__Proto__Resource__V1__Resource resource_message;
typedef Opentelemetry__Proto__Trace__V1__Span span_message;
typedef Opentelemetry__Proto__Logs__V1__LogRecord log_message;
typedef Opentelemetry__Proto__Metrics__V1__Metric metric_message;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint number_point;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint exponential_point;
typedef Opentelemetry__Proto__Metrics__V1__SummaryDataPoint summary_point;

/* ---- Parsing and packing ----------------------------------------------------------------------------------------- */

ProtobufCMessage *oracle_parse_raw(weir_otlp_kind kind, const uint8_t *data, size_t len)
{
    return protobuf_c_message_unpack(generator_request(kind), NULL, len, data);
}

ProtobufCMessage *oracle_parse(weir_otlp_kind kind, const uint8_t *data, size_t len)
{
    WEIR_BUFFER normal = {0};
    normalise(generator_request(kind), data, len, &normal);
    ProtobufCMessage *request = oracle_parse_raw(kind, normal.data, normal.len);
    cr_assert_not_null(request, "protobuf-c refuses the normal form");
    return request;
}

void oracle_pack(const ProtobufCMessage *message, weir_buffer *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *at = weir_buffer_reserve(out, size + 1);
    out->len += protobuf_c_message_pack(message, at);
}

/* ---- Filtering --------------------------------------------------------------------------------------------------- */

typedef struct filtering {
    bool (*keep)(void *context, uint32_t index);
    void *context;
    uint32_t seen;
    uint32_t kept;
} filtering;

/* Filters the messages in field `number` of `message`. `path` leads on from there; empty: they are the items. */
static void filter_field(filtering *self, ProtobufCMessage *message, uint32_t number, const char *path);

static bool filter_child(filtering *self, ProtobufCMessage *child, const char *path)
{
    if (!*path) {
        bool kept = self->keep(self->context, self->seen++);
        self->kept += kept;
        return kept;
    }
    uint32_t seen = self->seen;
    uint32_t kept = self->kept;
    if (*path == 'd') { /* a metric: the oneof's message, then its points */
        const metric_message *metric = (const metric_message *)(void *)child;
        if (metric->data_case != 0)
            filter_field(self, (ProtobufCMessage *)metric->gauge, 1, path + 1);
    } else {
        filter_field(self, child, (uint32_t)(*path - '0'), path + 1);
    }
    return self->seen == seen || self->kept > kept;
}

static void filter_field(filtering *self, ProtobufCMessage *message, uint32_t number, const char *path)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(message->descriptor, number);
    size_t *count = (size_t *)(void *)((char *)message + field->quantifier_offset);
    ProtobufCMessage **children = *(ProtobufCMessage ***)(void *)((char *)message + field->offset);
    size_t left = 0;
    for (size_t i = 0; i < *count; i++) {
        if (filter_child(self, children[i], path))
            children[left++] = children[i];
        else
            protobuf_c_message_free_unpacked(children[i], NULL);
    }
    *count = left;
}

void oracle_filter(weir_otlp_kind kind, ProtobufCMessage *request, bool (*keep)(void *context, uint32_t index),
                   void *context)
{
    filtering self = {.keep = keep, .context = context};
    filter_field(&self, request, 1, kind == WEIR_OTLP_METRICS ? "22d" : "22");
}

/* ---- A request as protobuf-c shows it ---------------------------------------------------------------------------- */

static weir_text text_of(const char *string)
{
    return weir_text_of(string ? string : "");
}

static weir_bytes bytes_of(ProtobufCBinaryData data)
{
    return (weir_bytes){data.data, data.len};
}

static void oracle_attributes(weir_buffer *out, size_t count, key_value **attributes);

static void oracle_value(weir_buffer *out, const any_value *value)
{
    weir_otlp_value scalar = {.type = value ? (weir_otlp_type)value->value_case : WEIR_OTLP_EMPTY};
    switch (scalar.type) {
    case WEIR_OTLP_STRING:
        scalar.string = text_of(value->string_value);
        break;
    case WEIR_OTLP_BYTES:
        scalar.bytes = bytes_of(value->bytes_value);
        break;
    case WEIR_OTLP_BOOL:
        scalar.boolean = value->bool_value;
        break;
    case WEIR_OTLP_INT:
        scalar.integer = value->int_value;
        break;
    case WEIR_OTLP_STRING_INDEX:
        scalar.integer = value->string_value_strindex;
        break;
    case WEIR_OTLP_DOUBLE:
        scalar.number = value->double_value;
        break;
    default:
        break;
    }
    describe_scalar(out, &scalar);
    if (scalar.type == WEIR_OTLP_ARRAY)
        for (size_t i = 0; i < value->array_value->n_values; i++)
            oracle_value(out, value->array_value->values[i]);
    else if (scalar.type == WEIR_OTLP_MAP)
        oracle_attributes(out, value->kvlist_value->n_values, value->kvlist_value->values);
    else
        return;
    weir_buffer_append_text(out, " end");
}

static void oracle_attributes(weir_buffer *out, size_t count, key_value **attributes)
{
    for (size_t i = 0; i < count; i++) {
        describe_text(out, "\n  key", text_of(attributes[i]->key));
        oracle_value(out, attributes[i]->value);
    }
}

/* What stands before each item, so that an item in the wrong place shows. */
static void oracle_surroundings(weir_buffer *out, const char *resource_url, const resource_message *resource,
                                const char *scope_url, const scope_message *scope)
{
    describe_text(out, "\nresource", text_of(resource_url));
    if (resource)
        oracle_attributes(out, resource->n_attributes, resource->attributes);
    describe_text(out, "\nscope", text_of(scope_url));
    describe_text(out, "name", text_of(scope ? scope->name : NULL));
    describe_text(out, "version", text_of(scope ? scope->version : NULL));
    if (scope)
        oracle_attributes(out, scope->n_attributes, scope->attributes);
}

static void oracle_span(weir_buffer *out, const span_message *span)
{
    weir_otlp_span read = {
        .trace_id = bytes_of(span->trace_id),
        .span_id = bytes_of(span->span_id),
        .parent_span_id = bytes_of(span->parent_span_id),
        .trace_state = text_of(span->trace_state),
        .name = text_of(span->name),
        .kind = (int32_t)span->kind,
        .start_ns = span->start_time_unix_nano,
        .end_ns = span->end_time_unix_nano,
        .flags = span->flags,
        .status_code = span->status ? (int32_t)span->status->code : 0,
        .status_message = text_of(span->status ? span->status->message : NULL),
        .dropped_attributes = span->dropped_attributes_count,
        .dropped_events = span->dropped_events_count,
        .dropped_links = span->dropped_links_count,
    };
    describe_span(out, &read);
    oracle_attributes(out, span->n_attributes, span->attributes);
    for (size_t i = 0; i < span->n_events; i++) {
        const Opentelemetry__Proto__Trace__V1__Span__Event *event = span->events[i];
        describe_event(
            out, &(weir_otlp_event){event->time_unix_nano, text_of(event->name), event->dropped_attributes_count});
        oracle_attributes(out, event->n_attributes, event->attributes);
    }
    for (size_t i = 0; i < span->n_links; i++) {
        const Opentelemetry__Proto__Trace__V1__Span__Link *link = span->links[i];
        describe_link(out, &(weir_otlp_link){bytes_of(link->trace_id), bytes_of(link->span_id),
                                             text_of(link->trace_state), link->flags, link->dropped_attributes_count});
        oracle_attributes(out, link->n_attributes, link->attributes);
    }
}

static void oracle_log(weir_buffer *out, const log_message *record)
{
    weir_otlp_log read = {
        .time_ns = record->time_unix_nano,
        .observed_ns = record->observed_time_unix_nano,
        .severity_number = (int32_t)record->severity_number,
        .severity_text = text_of(record->severity_text),
        .flags = record->flags,
        .trace_id = bytes_of(record->trace_id),
        .span_id = bytes_of(record->span_id),
        .event_name = text_of(record->event_name),
        .dropped_attributes = record->dropped_attributes_count,
    };
    describe_log(out, &read);
    oracle_value(out, record->body);
    oracle_attributes(out, record->n_attributes, record->attributes);
}

static void oracle_metric(weir_buffer *out, const metric_message *metric)
{
    weir_otlp_metric read = {
        .name = text_of(metric->name),
        .description = text_of(metric->description),
        .unit = text_of(metric->unit),
        .data = (weir_otlp_metric_data)metric->data_case,
    };
    if (read.data == WEIR_OTLP_SUM) {
        read.temporality = (int32_t)metric->sum->aggregation_temporality;
        read.monotonic = metric->sum->is_monotonic;
    } else if (read.data == WEIR_OTLP_HISTOGRAM) {
        read.temporality = (int32_t)metric->histogram->aggregation_temporality;
    } else if (read.data == WEIR_OTLP_EXPONENTIAL_HISTOGRAM) {
        read.temporality = (int32_t)metric->exponential_histogram->aggregation_temporality;
    }
    describe_metric(out, &read);
    oracle_attributes(out, metric->n_metadata, metric->metadata);
}

static void oracle_number_point(weir_buffer *out, const number_point *point)
{
    weir_otlp_point read = {
        .start_ns = point->start_time_unix_nano, .time_ns = point->time_unix_nano, .flags = point->flags};
    if (point->value_case == 4) {
        read.value_type = WEIR_OTLP_POINT_DOUBLE;
        read.value_double = point->as_double;
    } else if (point->value_case == 6) {
        read.value_type = WEIR_OTLP_POINT_INT;
        read.value_int = point->as_int;
    }
    describe_point(out, &read);
    oracle_attributes(out, point->n_attributes, point->attributes);
}

#define DESCRIBE_COUNTED_POINT(point, point_sum)                                          \
    do {                                                                                  \
        describe_point(out, &(weir_otlp_point){.start_ns = (point)->start_time_unix_nano, \
                                               .time_ns = (point)->time_unix_nano,        \
                                               .flags = (point)->flags,                   \
                                               .count = (point)->count,                   \
                                               .sum = (point_sum)});                      \
        oracle_attributes(out, (point)->n_attributes, (point)->attributes);               \
    } while (0)

static size_t point_count(const metric_message *metric)
{
    switch ((weir_otlp_metric_data)metric->data_case) {
    case WEIR_OTLP_GAUGE:
        return metric->gauge->n_data_points;
    case WEIR_OTLP_SUM:
        return metric->sum->n_data_points;
    case WEIR_OTLP_HISTOGRAM:
        return metric->histogram->n_data_points;
    case WEIR_OTLP_EXPONENTIAL_HISTOGRAM:
        return metric->exponential_histogram->n_data_points;
    case WEIR_OTLP_SUMMARY:
        return metric->summary->n_data_points;
    default:
        return 0;
    }
}

static void oracle_point(weir_buffer *out, const metric_message *metric, size_t index)
{
    const weir_otlp_metric_data data = (weir_otlp_metric_data)metric->data_case;
    if (data == WEIR_OTLP_GAUGE) {
        oracle_number_point(out, metric->gauge->data_points[index]);
    } else if (data == WEIR_OTLP_SUM) {
        oracle_number_point(out, metric->sum->data_points[index]);
    } else if (data == WEIR_OTLP_HISTOGRAM) {
        const histogram_point *point = metric->histogram->data_points[index];
        DESCRIBE_COUNTED_POINT(point, point->_sum_case ? point->sum : 0);
    } else if (data == WEIR_OTLP_EXPONENTIAL_HISTOGRAM) {
        const exponential_point *point = metric->exponential_histogram->data_points[index];
        DESCRIBE_COUNTED_POINT(point, point->_sum_case ? point->sum : 0);
    } else if (data == WEIR_OTLP_SUMMARY) {
        const summary_point *point = metric->summary->data_points[index];
        DESCRIBE_COUNTED_POINT(point, point->sum);
    }
}

static void describe_traces(const Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *request,
                            weir_buffer *out)
{
    for (size_t r = 0; r < request->n_resource_spans; r++) {
        const Opentelemetry__Proto__Trace__V1__ResourceSpans *resource = request->resource_spans[r];
        for (size_t s = 0; s < resource->n_scope_spans; s++) {
            const Opentelemetry__Proto__Trace__V1__ScopeSpans *scope = resource->scope_spans[s];
            for (size_t i = 0; i < scope->n_spans; i++) {
                oracle_surroundings(out, resource->schema_url, resource->resource, scope->schema_url, scope->scope);
                oracle_span(out, scope->spans[i]);
            }
        }
    }
}

static void describe_logs(const Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest *request,
                          weir_buffer *out)
{
    for (size_t r = 0; r < request->n_resource_logs; r++) {
        const Opentelemetry__Proto__Logs__V1__ResourceLogs *resource = request->resource_logs[r];
        for (size_t s = 0; s < resource->n_scope_logs; s++) {
            const Opentelemetry__Proto__Logs__V1__ScopeLogs *scope = resource->scope_logs[s];
            for (size_t i = 0; i < scope->n_log_records; i++) {
                oracle_surroundings(out, resource->schema_url, resource->resource, scope->schema_url, scope->scope);
                oracle_log(out, scope->log_records[i]);
            }
        }
    }
}

static void describe_metrics(const Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest *request,
                             weir_buffer *out)
{
    for (size_t r = 0; r < request->n_resource_metrics; r++) {
        const Opentelemetry__Proto__Metrics__V1__ResourceMetrics *resource = request->resource_metrics[r];
        for (size_t s = 0; s < resource->n_scope_metrics; s++) {
            const Opentelemetry__Proto__Metrics__V1__ScopeMetrics *scope = resource->scope_metrics[s];
            for (size_t m = 0; m < scope->n_metrics; m++) {
                const metric_message *metric = scope->metrics[m];
                for (size_t i = 0; i < point_count(metric); i++) {
                    oracle_surroundings(out, resource->schema_url, resource->resource, scope->schema_url, scope->scope);
                    oracle_metric(out, metric);
                    oracle_point(out, metric, i);
                }
            }
        }
    }
}

void oracle_describe(weir_otlp_kind kind, const ProtobufCMessage *request, weir_buffer *out)
{
    if (kind == WEIR_OTLP_TRACES)
        describe_traces((const void *)request, out);
    else if (kind == WEIR_OTLP_LOGS)
        describe_logs((const void *)request, out);
    else
        describe_metrics((const void *)request, out);
}
