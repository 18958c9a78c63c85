/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/json_schema.h"

#include "core/assert.h"

/* Tables. */
/* clang-format off */
#define ROW(number, json_name, form, presence, of) \
    [number] = {"\"" json_name "\":", sizeof json_name - 1 + 3, WEIR_JSON_##form, WEIR_JSON_##presence, .message = of}
#define ENUM_ROW(number, json_name, of) \
    [number] = {"\"" json_name "\":", sizeof json_name - 1 + 3, WEIR_JSON_ENUM, WEIR_JSON_SINGLE, .names = of}

/* Numbers the messages. */
enum {
    AT_ANY_VALUE,
    AT_KEY_VALUE,
    AT_ARRAY_VALUE,
    AT_KEY_VALUE_LIST,
    AT_SCOPE,
    AT_ENTITY_REF,
    AT_RESOURCE,
    AT_EVENT,
    AT_LINK,
    AT_SPAN_STATUS,
    AT_SPAN,
    AT_LOG_RECORD,
    AT_EXEMPLAR,
    AT_NUMBER_POINT,
    AT_HISTOGRAM_POINT,
    AT_BUCKETS,
    AT_EXPONENTIAL_POINT,
    AT_QUANTILE,
    AT_SUMMARY_POINT,
    AT_GAUGE,
    AT_SUM,
    AT_HISTOGRAM,
    AT_EXPONENTIAL_HISTOGRAM,
    AT_SUMMARY,
    AT_METRIC,
    AT_SCOPE_SPANS,
    AT_RESOURCE_SPANS,
    AT_SCOPE_METRICS,
    AT_RESOURCE_METRICS,
    AT_SCOPE_LOGS,
    AT_RESOURCE_LOGS,
    AT_TRACE_REQUEST,
    AT_METRICS_REQUEST,
    AT_LOGS_REQUEST,
    MESSAGE_COUNT,
};
_Static_assert((int)MESSAGE_COUNT == (int)WEIR_JSON_MESSAGES, "what a reader keeps per message has room for all");

static const weir_otlp_json_names span_kinds = {
    .count = 6,
    .names = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT",
              "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"},
};

static const weir_otlp_json_names status_codes = {
    .count = 3,
    .names = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"},
};

static const weir_otlp_json_names temporalities = {
    .count = 3,
    .names = {"AGGREGATION_TEMPORALITY_UNSPECIFIED", "AGGREGATION_TEMPORALITY_DELTA",
              "AGGREGATION_TEMPORALITY_CUMULATIVE"},
};

static const weir_otlp_json_names severity_numbers = {
    .count = 25,
    .names = {"SEVERITY_NUMBER_UNSPECIFIED",
              "SEVERITY_NUMBER_TRACE", "SEVERITY_NUMBER_TRACE2", "SEVERITY_NUMBER_TRACE3", "SEVERITY_NUMBER_TRACE4",
              "SEVERITY_NUMBER_DEBUG", "SEVERITY_NUMBER_DEBUG2", "SEVERITY_NUMBER_DEBUG3", "SEVERITY_NUMBER_DEBUG4",
              "SEVERITY_NUMBER_INFO", "SEVERITY_NUMBER_INFO2", "SEVERITY_NUMBER_INFO3", "SEVERITY_NUMBER_INFO4",
              "SEVERITY_NUMBER_WARN", "SEVERITY_NUMBER_WARN2", "SEVERITY_NUMBER_WARN3", "SEVERITY_NUMBER_WARN4",
              "SEVERITY_NUMBER_ERROR", "SEVERITY_NUMBER_ERROR2", "SEVERITY_NUMBER_ERROR3", "SEVERITY_NUMBER_ERROR4",
              "SEVERITY_NUMBER_FATAL", "SEVERITY_NUMBER_FATAL2", "SEVERITY_NUMBER_FATAL3", "SEVERITY_NUMBER_FATAL4"},
};

static const weir_otlp_json_message array_value, key_value_list; /* the circle through AnyValue */

static const weir_otlp_json_message any_value = {
    .name = "AnyValue",
    .index = AT_ANY_VALUE,
    .fields = {
        ROW(1, "stringValue", STRING, ONE_OF, NULL),
        ROW(2, "boolValue", BOOL, ONE_OF, NULL),
        ROW(3, "intValue", QUOTED_INT64, ONE_OF, NULL),
        ROW(4, "doubleValue", DOUBLE, ONE_OF, NULL),
        ROW(5, "arrayValue", MESSAGE, ONE_OF, &array_value),
        ROW(6, "kvlistValue", MESSAGE, ONE_OF, &key_value_list),
        ROW(7, "bytesValue", BASE64, ONE_OF, NULL),
        ROW(8, "stringValueStrindex", INT32, ONE_OF, NULL),
    },
};

static const weir_otlp_json_message key_value = {
    .name = "KeyValue",
    .index = AT_KEY_VALUE,
    .is_attribute = true,
    .fields = {
        ROW(1, "key", STRING, SINGLE, NULL),
        ROW(2, "value", MESSAGE, ALWAYS, &any_value),
        ROW(3, "keyStrindex", INT32, SINGLE, NULL),
    },
    .always = 1u << 2,
};

static const weir_otlp_json_message array_value = {
    .name = "ArrayValue",
    .index = AT_ARRAY_VALUE,
    .nests = true,
    .fields = {
        ROW(1, "values", MESSAGE, REPEATED, &any_value),
    },
};

static const weir_otlp_json_message key_value_list = {
    .name = "KeyValueList",
    .index = AT_KEY_VALUE_LIST,
    .nests = true,
    .fields = {
        ROW(1, "values", MESSAGE, REPEATED, &key_value),
    },
};

static const weir_otlp_json_message scope = {
    .name = "InstrumentationScope",
    .index = AT_SCOPE,
    .fields = {
        ROW(1, "name", STRING, SINGLE, NULL),
        ROW(2, "version", STRING, SINGLE, NULL),
        ROW(3, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(4, "droppedAttributesCount", UINT32, SINGLE, NULL),
    },
};

static const weir_otlp_json_message entity_ref = {
    .name = "EntityRef",
    .index = AT_ENTITY_REF,
    .fields = {
        ROW(1, "schemaUrl", STRING, SINGLE, NULL),
        ROW(2, "type", STRING, SINGLE, NULL),
        ROW(3, "idKeys", STRING, REPEATED, NULL),
        ROW(4, "descriptionKeys", STRING, REPEATED, NULL),
    },
};

static const weir_otlp_json_message resource = {
    .name = "Resource",
    .index = AT_RESOURCE,
    .fields = {
        ROW(1, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(2, "droppedAttributesCount", UINT32, SINGLE, NULL),
        ROW(3, "entityRefs", MESSAGE, REPEATED, &entity_ref),
    },
};

static const weir_otlp_json_message event = {
    .name = "Event",
    .index = AT_EVENT,
    .fields = {
        ROW(1, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(2, "name", STRING, SINGLE, NULL),
        ROW(3, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(4, "droppedAttributesCount", UINT32, SINGLE, NULL),
    },
};

static const weir_otlp_json_message link = {
    .name = "Link",
    .index = AT_LINK,
    .fields = {
        ROW(1, "traceId", TRACE_ID, SINGLE, NULL),
        ROW(2, "spanId", SPAN_ID, SINGLE, NULL),
        ROW(3, "traceState", STRING, SINGLE, NULL),
        ROW(4, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(5, "droppedAttributesCount", UINT32, SINGLE, NULL),
        ROW(6, "flags", FIXED32, SINGLE, NULL),
    },
};

static const weir_otlp_json_message span_status = {
    .name = "Status",
    .index = AT_SPAN_STATUS,
    .fields = {
        ROW(2, "message", STRING, SINGLE, NULL),
        ENUM_ROW(3, "code", &status_codes),
    },
};

static const weir_otlp_json_message span = {
    .name = "Span",
    .index = AT_SPAN,
    .is_item = true,
    .fields = {
        ROW(1, "traceId", TRACE_ID, SINGLE, NULL),
        ROW(2, "spanId", SPAN_ID, SINGLE, NULL),
        ROW(3, "traceState", STRING, SINGLE, NULL),
        ROW(4, "parentSpanId", SPAN_ID, SINGLE, NULL),
        ROW(5, "name", STRING, SINGLE, NULL),
        ENUM_ROW(6, "kind", &span_kinds),
        ROW(7, "startTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(8, "endTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(9, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(10, "droppedAttributesCount", UINT32, SINGLE, NULL),
        ROW(11, "events", MESSAGE, REPEATED, &event),
        ROW(12, "droppedEventsCount", UINT32, SINGLE, NULL),
        ROW(13, "links", MESSAGE, REPEATED, &link),
        ROW(14, "droppedLinksCount", UINT32, SINGLE, NULL),
        ROW(15, "status", MESSAGE, ALWAYS, &span_status),
        ROW(16, "flags", FIXED32, SINGLE, NULL),
    },
    .always = 1u << 15,
};

static const weir_otlp_json_message log_record = {
    .name = "LogRecord",
    .index = AT_LOG_RECORD,
    .is_item = true,
    .fields = {
        ROW(1, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ENUM_ROW(2, "severityNumber", &severity_numbers),
        ROW(3, "severityText", STRING, SINGLE, NULL),
        ROW(5, "body", MESSAGE, ALWAYS, &any_value),
        ROW(6, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(7, "droppedAttributesCount", UINT32, SINGLE, NULL),
        ROW(8, "flags", FIXED32, SINGLE, NULL),
        ROW(9, "traceId", TRACE_ID, SINGLE, NULL),
        ROW(10, "spanId", SPAN_ID, SINGLE, NULL),
        ROW(11, "observedTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(12, "eventName", STRING, SINGLE, NULL),
    },
    .always = 1u << 5,
};

static const weir_otlp_json_message exemplar = {
    .name = "Exemplar",
    .index = AT_EXEMPLAR,
    .fields = {
        ROW(2, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(3, "asDouble", DOUBLE, ONE_OF, NULL),
        ROW(4, "spanId", SPAN_ID, SINGLE, NULL),
        ROW(5, "traceId", TRACE_ID, SINGLE, NULL),
        ROW(6, "asInt", QUOTED_SFIXED64, ONE_OF, NULL),
        ROW(7, "filteredAttributes", MESSAGE, REPEATED, &key_value),
    },
};

static const weir_otlp_json_message number_point = {
    .name = "NumberDataPoint",
    .index = AT_NUMBER_POINT,
    .is_item = true,
    .fields = {
        ROW(2, "startTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(3, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(4, "asDouble", DOUBLE, ONE_OF, NULL),
        ROW(5, "exemplars", MESSAGE, REPEATED, &exemplar),
        ROW(6, "asInt", QUOTED_SFIXED64, ONE_OF, NULL),
        ROW(7, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(8, "flags", UINT32, SINGLE, NULL),
    },
};

static const weir_otlp_json_message histogram_point = {
    .name = "HistogramDataPoint",
    .index = AT_HISTOGRAM_POINT,
    .is_item = true,
    .fields = {
        ROW(2, "startTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(3, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(4, "count", QUOTED_FIXED64, SINGLE, NULL),
        ROW(5, "sum", DOUBLE, OPTIONAL, NULL),
        ROW(6, "bucketCounts", QUOTED_FIXED64, REPEATED, NULL),
        ROW(7, "explicitBounds", DOUBLE, REPEATED, NULL),
        ROW(8, "exemplars", MESSAGE, REPEATED, &exemplar),
        ROW(9, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(10, "flags", UINT32, SINGLE, NULL),
        ROW(11, "min", DOUBLE, OPTIONAL, NULL),
        ROW(12, "max", DOUBLE, OPTIONAL, NULL),
    },
};

static const weir_otlp_json_message buckets = {
    .name = "Buckets",
    .index = AT_BUCKETS,
    .fields = {
        ROW(1, "offset", ZIGZAG32, SINGLE, NULL),
        ROW(2, "bucketCounts", QUOTED_UINT64, REPEATED, NULL),
    },
};

static const weir_otlp_json_message exponential_point = {
    .name = "ExponentialHistogramDataPoint",
    .index = AT_EXPONENTIAL_POINT,
    .is_item = true,
    .fields = {
        ROW(1, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(2, "startTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(3, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(4, "count", QUOTED_FIXED64, SINGLE, NULL),
        ROW(5, "sum", DOUBLE, OPTIONAL, NULL),
        ROW(6, "scale", ZIGZAG32, SINGLE, NULL),
        ROW(7, "zeroCount", QUOTED_FIXED64, SINGLE, NULL),
        ROW(8, "positive", MESSAGE, ALWAYS, &buckets),
        ROW(9, "negative", MESSAGE, ALWAYS, &buckets),
        ROW(10, "flags", UINT32, SINGLE, NULL),
        ROW(11, "exemplars", MESSAGE, REPEATED, &exemplar),
        ROW(12, "min", DOUBLE, OPTIONAL, NULL),
        ROW(13, "max", DOUBLE, OPTIONAL, NULL),
        ROW(14, "zeroThreshold", DOUBLE, SINGLE, NULL),
    },
    .always = 1u << 8 | 1u << 9,
};

static const weir_otlp_json_message quantile = {
    .name = "ValueAtQuantile",
    .index = AT_QUANTILE,
    .fields = {
        ROW(1, "quantile", DOUBLE, SINGLE, NULL),
        ROW(2, "value", DOUBLE, SINGLE, NULL),
    },
};

static const weir_otlp_json_message summary_point = {
    .name = "SummaryDataPoint",
    .index = AT_SUMMARY_POINT,
    .is_item = true,
    .fields = {
        ROW(2, "startTimeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(3, "timeUnixNano", QUOTED_FIXED64, SINGLE, NULL),
        ROW(4, "count", QUOTED_FIXED64, SINGLE, NULL),
        ROW(5, "sum", DOUBLE, SINGLE, NULL),
        ROW(6, "quantileValues", MESSAGE, REPEATED, &quantile),
        ROW(7, "attributes", MESSAGE, REPEATED, &key_value),
        ROW(8, "flags", UINT32, SINGLE, NULL),
    },
};

static const weir_otlp_json_message gauge = {
    .name = "Gauge",
    .index = AT_GAUGE,
    .fields = {
        ROW(1, "dataPoints", MESSAGE, REPEATED, &number_point),
    },
};

static const weir_otlp_json_message sum = {
    .name = "Sum",
    .index = AT_SUM,
    .fields = {
        ROW(1, "dataPoints", MESSAGE, REPEATED, &number_point),
        ENUM_ROW(2, "aggregationTemporality", &temporalities),
        ROW(3, "isMonotonic", BOOL, SINGLE, NULL),
    },
};

static const weir_otlp_json_message histogram = {
    .name = "Histogram",
    .index = AT_HISTOGRAM,
    .fields = {
        ROW(1, "dataPoints", MESSAGE, REPEATED, &histogram_point),
        ENUM_ROW(2, "aggregationTemporality", &temporalities),
    },
};

static const weir_otlp_json_message exponential_histogram = {
    .name = "ExponentialHistogram",
    .index = AT_EXPONENTIAL_HISTOGRAM,
    .fields = {
        ROW(1, "dataPoints", MESSAGE, REPEATED, &exponential_point),
        ENUM_ROW(2, "aggregationTemporality", &temporalities),
    },
};

static const weir_otlp_json_message summary = {
    .name = "Summary",
    .index = AT_SUMMARY,
    .fields = {
        ROW(1, "dataPoints", MESSAGE, REPEATED, &summary_point),
    },
};

static const weir_otlp_json_message metric = {
    .name = "Metric",
    .index = AT_METRIC,
    .fields = {
        ROW(1, "name", STRING, SINGLE, NULL),
        ROW(2, "description", STRING, SINGLE, NULL),
        ROW(3, "unit", STRING, SINGLE, NULL),
        ROW(5, "gauge", MESSAGE, ONE_OF, &gauge),
        ROW(7, "sum", MESSAGE, ONE_OF, &sum),
        ROW(9, "histogram", MESSAGE, ONE_OF, &histogram),
        ROW(10, "exponentialHistogram", MESSAGE, ONE_OF, &exponential_histogram),
        ROW(11, "summary", MESSAGE, ONE_OF, &summary),
        ROW(12, "metadata", MESSAGE, REPEATED, &key_value),
    },
};

static const weir_otlp_json_message scope_spans = {
    .name = "ScopeSpans",
    .index = AT_SCOPE_SPANS,
    .fields = {
        ROW(1, "scope", MESSAGE, ALWAYS, &scope),
        ROW(2, "spans", MESSAGE, REPEATED, &span),
        ROW(3, "schemaUrl", STRING, SINGLE, NULL),
    },
    .always = 1u << 1,
};

static const weir_otlp_json_message resource_spans = {
    .name = "ResourceSpans",
    .index = AT_RESOURCE_SPANS,
    .fields = {
        ROW(1, "resource", MESSAGE, ALWAYS, &resource),
        ROW(2, "scopeSpans", MESSAGE, REPEATED, &scope_spans),
        ROW(3, "schemaUrl", STRING, SINGLE, NULL),
    },
    .always = 1u << 1,
};

static const weir_otlp_json_message scope_metrics = {
    .name = "ScopeMetrics",
    .index = AT_SCOPE_METRICS,
    .fields = {
        ROW(1, "scope", MESSAGE, ALWAYS, &scope),
        ROW(2, "metrics", MESSAGE, REPEATED, &metric),
        ROW(3, "schemaUrl", STRING, SINGLE, NULL),
    },
    .always = 1u << 1,
};

static const weir_otlp_json_message resource_metrics = {
    .name = "ResourceMetrics",
    .index = AT_RESOURCE_METRICS,
    .fields = {
        ROW(1, "resource", MESSAGE, ALWAYS, &resource),
        ROW(2, "scopeMetrics", MESSAGE, REPEATED, &scope_metrics),
        ROW(3, "schemaUrl", STRING, SINGLE, NULL),
    },
    .always = 1u << 1,
};

static const weir_otlp_json_message scope_logs = {
    .name = "ScopeLogs",
    .index = AT_SCOPE_LOGS,
    .fields = {
        ROW(1, "scope", MESSAGE, ALWAYS, &scope),
        ROW(2, "logRecords", MESSAGE, REPEATED, &log_record),
        ROW(3, "schemaUrl", STRING, SINGLE, NULL),
    },
    .always = 1u << 1,
};

static const weir_otlp_json_message resource_logs = {
    .name = "ResourceLogs",
    .index = AT_RESOURCE_LOGS,
    .fields = {
        ROW(1, "resource", MESSAGE, ALWAYS, &resource),
        ROW(2, "scopeLogs", MESSAGE, REPEATED, &scope_logs),
        ROW(3, "schemaUrl", STRING, SINGLE, NULL),
    },
    .always = 1u << 1,
};

static const weir_otlp_json_message trace_request = {
    .name = "ExportTraceServiceRequest",
    .index = AT_TRACE_REQUEST,
    .fields = {
        ROW(1, "resourceSpans", MESSAGE, REPEATED, &resource_spans),
    },
};

static const weir_otlp_json_message metrics_request = {
    .name = "ExportMetricsServiceRequest",
    .index = AT_METRICS_REQUEST,
    .fields = {
        ROW(1, "resourceMetrics", MESSAGE, REPEATED, &resource_metrics),
    },
};

static const weir_otlp_json_message logs_request = {
    .name = "ExportLogsServiceRequest",
    .index = AT_LOGS_REQUEST,
    .fields = {
        ROW(1, "resourceLogs", MESSAGE, REPEATED, &resource_logs),
    },
};

/* clang-format on */

const weir_otlp_json_message *weir_otlp__json_request(weir_otlp_kind kind)
{
    switch (kind) {
    case WEIR_OTLP_TRACES:
        return &trace_request;
    case WEIR_OTLP_METRICS:
        return &metrics_request;
    case WEIR_OTLP_LOGS:
        return &logs_request;
    }
    WEIR_ASSERT(false);
    return NULL;
}
