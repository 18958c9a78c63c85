/* SPDX-License-Identifier: Apache-2.0
 *
 * The OTLP schema as lists for the preprocessor (opentelemetry-proto 1.x), from which validate.c makes one specialised
 * function per message. Inside the room only.
 *
 *   FIELD(number, kind, path)      a scalar or string; kinds: varint, fixed64, fixed32, bytes, trace_id, span_id
 *   PACKED(number, kind, path)     repeated numbers, packed or one by one; kinds: varint, fixed64
 *   MESSAGE(number, message, path) a sub-message, repeated or not
 *   NESTED(number, message, path)  a sub-message that may contain its own kind again: counted against the nesting limit
 *   ITEM(number, message, path)    a repeated sub-message that is counted: span, log record, data point
 *   CHOICE(number, message, path)  a member of Metric.data, which replaces the items of another member before it
 *
 * `attribute` is key_value, with a short cut for its usual form. The paths are what error messages show.
 */
#ifndef WEIR_OTLP_SCHEMA_H
#define WEIR_OTLP_SCHEMA_H

/* Tables. */
/* clang-format off */
#define ANY_VALUE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, bytes, "AnyValue.string_value") \
    FIELD  (2, varint, "AnyValue.bool_value") \
    FIELD  (3, varint, "AnyValue.int_value") \
    FIELD  (4, fixed64, "AnyValue.double_value") \
    NESTED (5, array_value, "AnyValue.array_value") \
    NESTED (6, key_value_list, "AnyValue.kvlist_value") \
    FIELD  (7, bytes, "AnyValue.bytes_value") \
    FIELD  (8, varint, "AnyValue.string_value_strindex")

#define ARRAY_VALUE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, any_value, "ArrayValue.values")

#define KEY_VALUE_LIST_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, key_value, "KeyValueList.values")

#define KEY_VALUE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, bytes, "KeyValue.key") \
    MESSAGE(2, any_value, "KeyValue.value") \
    FIELD  (3, varint, "KeyValue.key_strindex")

#define SCOPE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, bytes, "InstrumentationScope.name") \
    FIELD  (2, bytes, "InstrumentationScope.version") \
    MESSAGE(3, attribute, "InstrumentationScope.attributes") \
    FIELD  (4, varint, "InstrumentationScope.dropped_attributes_count")

#define ENTITY_REF_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, bytes, "EntityRef.schema_url") \
    FIELD  (2, bytes, "EntityRef.type") \
    FIELD  (3, bytes, "EntityRef.id_keys") \
    FIELD  (4, bytes, "EntityRef.description_keys")

#define RESOURCE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, attribute, "Resource.attributes") \
    FIELD  (2, varint, "Resource.dropped_attributes_count") \
    MESSAGE(3, entity_ref, "Resource.entity_refs")

#define EVENT_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, fixed64, "Span.Event.time_unix_nano") \
    FIELD  (2, bytes, "Span.Event.name") \
    MESSAGE(3, attribute, "Span.Event.attributes") \
    FIELD  (4, varint, "Span.Event.dropped_attributes_count")

#define LINK_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, trace_id, "Span.Link.trace_id") \
    FIELD  (2, span_id, "Span.Link.span_id") \
    FIELD  (3, bytes, "Span.Link.trace_state") \
    MESSAGE(4, attribute, "Span.Link.attributes") \
    FIELD  (5, varint, "Span.Link.dropped_attributes_count") \
    FIELD  (6, fixed32, "Span.Link.flags")

#define SPAN_STATUS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (2, bytes, "Status.message") \
    FIELD  (3, varint, "Status.code")

#define SPAN_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, trace_id, "Span.trace_id") \
    FIELD  (2, span_id, "Span.span_id") \
    FIELD  (3, bytes, "Span.trace_state") \
    FIELD  (4, span_id, "Span.parent_span_id") \
    FIELD  (5, bytes, "Span.name") \
    FIELD  (6, varint, "Span.kind") \
    FIELD  (7, fixed64, "Span.start_time_unix_nano") \
    FIELD  (8, fixed64, "Span.end_time_unix_nano") \
    MESSAGE(9, attribute, "Span.attributes") \
    FIELD  (10, varint, "Span.dropped_attributes_count") \
    MESSAGE(11, event, "Span.events") \
    FIELD  (12, varint, "Span.dropped_events_count") \
    MESSAGE(13, link, "Span.links") \
    FIELD  (14, varint, "Span.dropped_links_count") \
    MESSAGE(15, span_status, "Span.status") \
    FIELD  (16, fixed32, "Span.flags")

#define LOG_RECORD_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, fixed64, "LogRecord.time_unix_nano") \
    FIELD  (2, varint, "LogRecord.severity_number") \
    FIELD  (3, bytes, "LogRecord.severity_text") \
    MESSAGE(5, any_value, "LogRecord.body") \
    MESSAGE(6, attribute, "LogRecord.attributes") \
    FIELD  (7, varint, "LogRecord.dropped_attributes_count") \
    FIELD  (8, fixed32, "LogRecord.flags") \
    FIELD  (9, trace_id, "LogRecord.trace_id") \
    FIELD  (10, span_id, "LogRecord.span_id") \
    FIELD  (11, fixed64, "LogRecord.observed_time_unix_nano") \
    FIELD  (12, bytes, "LogRecord.event_name")

#define EXEMPLAR_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (2, fixed64, "Exemplar.time_unix_nano") \
    FIELD  (3, fixed64, "Exemplar.as_double") \
    FIELD  (4, span_id, "Exemplar.span_id") \
    FIELD  (5, trace_id, "Exemplar.trace_id") \
    FIELD  (6, fixed64, "Exemplar.as_int") \
    MESSAGE(7, attribute, "Exemplar.filtered_attributes")

#define NUMBER_POINT_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (2, fixed64, "NumberDataPoint.start_time_unix_nano") \
    FIELD  (3, fixed64, "NumberDataPoint.time_unix_nano") \
    FIELD  (4, fixed64, "NumberDataPoint.as_double") \
    MESSAGE(5, exemplar, "NumberDataPoint.exemplars") \
    FIELD  (6, fixed64, "NumberDataPoint.as_int") \
    MESSAGE(7, attribute, "NumberDataPoint.attributes") \
    FIELD  (8, varint, "NumberDataPoint.flags")

#define HISTOGRAM_POINT_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (2, fixed64, "HistogramDataPoint.start_time_unix_nano") \
    FIELD  (3, fixed64, "HistogramDataPoint.time_unix_nano") \
    FIELD  (4, fixed64, "HistogramDataPoint.count") \
    FIELD  (5, fixed64, "HistogramDataPoint.sum") \
    PACKED (6, fixed64, "HistogramDataPoint.bucket_counts") \
    PACKED (7, fixed64, "HistogramDataPoint.explicit_bounds") \
    MESSAGE(8, exemplar, "HistogramDataPoint.exemplars") \
    MESSAGE(9, attribute, "HistogramDataPoint.attributes") \
    FIELD  (10, varint, "HistogramDataPoint.flags") \
    FIELD  (11, fixed64, "HistogramDataPoint.min") \
    FIELD  (12, fixed64, "HistogramDataPoint.max")

#define BUCKETS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, varint, "ExponentialHistogramDataPoint.Buckets.offset") \
    PACKED (2, varint, "ExponentialHistogramDataPoint.Buckets.bucket_counts")

#define EXPONENTIAL_POINT_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, attribute, "ExponentialHistogramDataPoint.attributes") \
    FIELD  (2, fixed64, "ExponentialHistogramDataPoint.start_time_unix_nano") \
    FIELD  (3, fixed64, "ExponentialHistogramDataPoint.time_unix_nano") \
    FIELD  (4, fixed64, "ExponentialHistogramDataPoint.count") \
    FIELD  (5, fixed64, "ExponentialHistogramDataPoint.sum") \
    FIELD  (6, varint, "ExponentialHistogramDataPoint.scale") \
    FIELD  (7, fixed64, "ExponentialHistogramDataPoint.zero_count") \
    MESSAGE(8, buckets, "ExponentialHistogramDataPoint.positive") \
    MESSAGE(9, buckets, "ExponentialHistogramDataPoint.negative") \
    FIELD  (10, varint, "ExponentialHistogramDataPoint.flags") \
    MESSAGE(11, exemplar, "ExponentialHistogramDataPoint.exemplars") \
    FIELD  (12, fixed64, "ExponentialHistogramDataPoint.min") \
    FIELD  (13, fixed64, "ExponentialHistogramDataPoint.max") \
    FIELD  (14, fixed64, "ExponentialHistogramDataPoint.zero_threshold")

#define QUANTILE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, fixed64, "SummaryDataPoint.ValueAtQuantile.quantile") \
    FIELD  (2, fixed64, "SummaryDataPoint.ValueAtQuantile.value")

#define SUMMARY_POINT_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (2, fixed64, "SummaryDataPoint.start_time_unix_nano") \
    FIELD  (3, fixed64, "SummaryDataPoint.time_unix_nano") \
    FIELD  (4, fixed64, "SummaryDataPoint.count") \
    FIELD  (5, fixed64, "SummaryDataPoint.sum") \
    MESSAGE(6, quantile, "SummaryDataPoint.quantile_values") \
    MESSAGE(7, attribute, "SummaryDataPoint.attributes") \
    FIELD  (8, varint, "SummaryDataPoint.flags")

#define GAUGE_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    ITEM   (1, number_point, "Gauge.data_points")

#define SUM_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    ITEM   (1, number_point, "Sum.data_points") \
    FIELD  (2, varint, "Sum.aggregation_temporality") \
    FIELD  (3, varint, "Sum.is_monotonic")

#define HISTOGRAM_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    ITEM   (1, histogram_point, "Histogram.data_points") \
    FIELD  (2, varint, "Histogram.aggregation_temporality")

#define EXPONENTIAL_HISTOGRAM_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    ITEM   (1, exponential_point, "ExponentialHistogram.data_points") \
    FIELD  (2, varint, "ExponentialHistogram.aggregation_temporality")

#define SUMMARY_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    ITEM   (1, summary_point, "Summary.data_points")

#define METRIC_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    FIELD  (1, bytes, "Metric.name") \
    FIELD  (2, bytes, "Metric.description") \
    FIELD  (3, bytes, "Metric.unit") \
    CHOICE (5, gauge, "Metric.gauge") \
    CHOICE (7, sum, "Metric.sum") \
    CHOICE (9, histogram, "Metric.histogram") \
    CHOICE (10, exponential_histogram, "Metric.exponential_histogram") \
    CHOICE (11, summary, "Metric.summary") \
    MESSAGE(12, attribute, "Metric.metadata")

#define SCOPE_SPANS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, scope, "ScopeSpans.scope") \
    ITEM   (2, span, "ScopeSpans.spans") \
    FIELD  (3, bytes, "ScopeSpans.schema_url")

#define SCOPE_LOGS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, scope, "ScopeLogs.scope") \
    ITEM   (2, log_record, "ScopeLogs.log_records") \
    FIELD  (3, bytes, "ScopeLogs.schema_url")

#define SCOPE_METRICS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, scope, "ScopeMetrics.scope") \
    MESSAGE(2, metric, "ScopeMetrics.metrics") \
    FIELD  (3, bytes, "ScopeMetrics.schema_url")

#define RESOURCE_SPANS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, resource, "ResourceSpans.resource") \
    MESSAGE(2, scope_spans, "ResourceSpans.scope_spans") \
    FIELD  (3, bytes, "ResourceSpans.schema_url")

#define RESOURCE_LOGS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, resource, "ResourceLogs.resource") \
    MESSAGE(2, scope_logs, "ResourceLogs.scope_logs") \
    FIELD  (3, bytes, "ResourceLogs.schema_url")

#define RESOURCE_METRICS_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, resource, "ResourceMetrics.resource") \
    MESSAGE(2, scope_metrics, "ResourceMetrics.scope_metrics") \
    FIELD  (3, bytes, "ResourceMetrics.schema_url")

#define TRACE_REQUEST_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, resource_spans, "ExportTraceServiceRequest.resource_spans")

#define LOGS_REQUEST_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, resource_logs, "ExportLogsServiceRequest.resource_logs")

#define METRICS_REQUEST_FIELDS(FIELD, MESSAGE, NESTED, ITEM, CHOICE, PACKED) \
    MESSAGE(1, resource_metrics, "ExportMetricsServiceRequest.resource_metrics")

/* Every message above with its list, each after those it contains (but for the circle through AnyValue). */
#define OTLP_MESSAGES(DEFINE) \
    DEFINE(array_value, ARRAY_VALUE_FIELDS) \
    DEFINE(key_value_list, KEY_VALUE_LIST_FIELDS) \
    DEFINE(any_value, ANY_VALUE_FIELDS) \
    DEFINE(key_value, KEY_VALUE_FIELDS) \
    DEFINE(scope, SCOPE_FIELDS) \
    DEFINE(entity_ref, ENTITY_REF_FIELDS) \
    DEFINE(resource, RESOURCE_FIELDS) \
    DEFINE(event, EVENT_FIELDS) \
    DEFINE(link, LINK_FIELDS) \
    DEFINE(span_status, SPAN_STATUS_FIELDS) \
    DEFINE(span, SPAN_FIELDS) \
    DEFINE(log_record, LOG_RECORD_FIELDS) \
    DEFINE(exemplar, EXEMPLAR_FIELDS) \
    DEFINE(number_point, NUMBER_POINT_FIELDS) \
    DEFINE(histogram_point, HISTOGRAM_POINT_FIELDS) \
    DEFINE(buckets, BUCKETS_FIELDS) \
    DEFINE(exponential_point, EXPONENTIAL_POINT_FIELDS) \
    DEFINE(quantile, QUANTILE_FIELDS) \
    DEFINE(summary_point, SUMMARY_POINT_FIELDS) \
    DEFINE(gauge, GAUGE_FIELDS) \
    DEFINE(sum, SUM_FIELDS) \
    DEFINE(histogram, HISTOGRAM_FIELDS) \
    DEFINE(exponential_histogram, EXPONENTIAL_HISTOGRAM_FIELDS) \
    DEFINE(summary, SUMMARY_FIELDS) \
    DEFINE(metric, METRIC_FIELDS) \
    DEFINE(scope_spans, SCOPE_SPANS_FIELDS) \
    DEFINE(scope_logs, SCOPE_LOGS_FIELDS) \
    DEFINE(scope_metrics, SCOPE_METRICS_FIELDS) \
    DEFINE(resource_spans, RESOURCE_SPANS_FIELDS) \
    DEFINE(resource_logs, RESOURCE_LOGS_FIELDS) \
    DEFINE(resource_metrics, RESOURCE_METRICS_FIELDS) \
    DEFINE(trace_request, TRACE_REQUEST_FIELDS) \
    DEFINE(logs_request, LOGS_REQUEST_FIELDS) \
    DEFINE(metrics_request, METRICS_REQUEST_FIELDS)
/* clang-format on */

#endif
