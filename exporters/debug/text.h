/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP messages as text, in the two forms of the Collector's debug exporter: one line per item (normal) and everything
 * (detailed); and in one of our own, one short line per item (brief). Values are written as the Collector writes them
 * (pdata's AsString), so that outputs can be compared. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_DEBUG_TEXT_H
#define WEIR_EXPORTERS_DEBUG_TEXT_H

#include "core/text.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest traces_message;
typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest logs_message;
typedef Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest metrics_message;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans resource_spans_message;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans scope_spans_message;
typedef Opentelemetry__Proto__Trace__V1__Span span_message;
typedef Opentelemetry__Proto__Trace__V1__Span__Event event_message;
typedef Opentelemetry__Proto__Trace__V1__Span__Link link_message;
typedef Opentelemetry__Proto__Logs__V1__ResourceLogs resource_logs_message;
typedef Opentelemetry__Proto__Logs__V1__ScopeLogs scope_logs_message;
typedef Opentelemetry__Proto__Logs__V1__LogRecord log_message;
typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics resource_metrics_message;
typedef Opentelemetry__Proto__Metrics__V1__ScopeMetrics scope_metrics_message;
typedef Opentelemetry__Proto__Metrics__V1__Metric metric_message;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint number_point_message;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram_point_message;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint exponential_point_message;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint__Buckets buckets_message;
typedef Opentelemetry__Proto__Metrics__V1__SummaryDataPoint summary_point_message;
typedef Opentelemetry__Proto__Metrics__V1__Exemplar exemplar_message;
typedef Opentelemetry__Proto__Resource__V1__Resource resource_message;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope scope_message;
typedef Opentelemetry__Proto__Common__V1__EntityRef entity_message;
typedef Opentelemetry__Proto__Common__V1__KeyValue attribute_message;
typedef Opentelemetry__Proto__Common__V1__AnyValue value_message;

/* value.c */
void debug_text_value(const value_message *value,
                      weir_buffer *out); /* "abc", "12", "{\"a\":1}"; NULL is the empty value */
void debug_text_typed(const value_message *value, weir_buffer *out); /* "Str(abc)" */
void debug_text_float(double value, weir_buffer *out);               /* Go's %v */
void debug_text_time(uint64_t unix_nano, weir_buffer *out);          /* "2020-02-11 20:26:13.000000789 +0000 UTC" */
void debug_text_id(ProtobufCBinaryData id, weir_buffer *out);        /* hex; nothing for zeros */

/* normal.c */
void debug_normal_traces(const traces_message *message, weir_buffer *out);
void debug_normal_logs(const logs_message *message, weir_buffer *out);
void debug_normal_metrics(const metrics_message *message, weir_buffer *out);

/* brief.c */
void debug_brief_traces(const traces_message *message, weir_buffer *out);
void debug_brief_logs(const logs_message *message, weir_buffer *out);
void debug_brief_metrics(const metrics_message *message, weir_buffer *out);

/* detailed.c, detailed_metrics.c */
void debug_detailed_traces(const traces_message *message, weir_buffer *out);
void debug_detailed_logs(const logs_message *message, weir_buffer *out);
void debug_detailed_metrics(const metrics_message *message, weir_buffer *out);
/* Shared by the two: attributes below a header line, each line behind `indent`; nothing if there are none. */
void debug_detailed_attributes(const char *indent, const char *header, attribute_message *const *attributes,
                               size_t count, weir_buffer *out);
void debug_detailed_resource(const resource_message *resource, const char *schema_url, weir_buffer *out);
void debug_detailed_scope(const char *kind, const scope_message *scope, const char *schema_url, weir_buffer *out);

#endif
