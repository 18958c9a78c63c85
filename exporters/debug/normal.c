/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "exporters/debug/text.h"

/* "key=value" pairs between separators. */
static void append_attributes(attribute_message *const *attributes, size_t count, const char *separator,
                              weir_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        weir_buffer_printf(out, "%s%s=", i > 0 ? separator : "", attributes[i]->key);
        debug_text_value(attributes[i]->value, out);
    }
}

/* … behind a blank, if there are any. */
static void append_attribute_tail(attribute_message *const *attributes, size_t count, weir_buffer *out)
{
    if (count > 0)
        weir_buffer_append_byte(out, ' ');
    append_attributes(attributes, count, " ", out);
}

static void append_resource(const char *kind, size_t index, const resource_message *resource, const char *schema_url,
                            weir_buffer *out)
{
    weir_buffer_printf(out, "%s #%zu", kind, index);
    if (schema_url[0])
        weir_buffer_printf(out, " [%s]", schema_url);
    if (resource)
        append_attribute_tail(resource->attributes, resource->n_attributes, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_scope(const char *kind, size_t index, const scope_message *scope, const char *schema_url,
                         weir_buffer *out)
{
    const char *name = scope ? scope->name : "", *version = scope ? scope->version : "";
    weir_buffer_printf(out, "%s #%zu", kind, index);
    if (name[0] || version[0])
        weir_buffer_printf(out, " %s%s%s", name, version[0] ? "@" : "", version);
    if (schema_url[0])
        weir_buffer_printf(out, " [%s]", schema_url);
    if (scope)
        append_attribute_tail(scope->attributes, scope->n_attributes, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_span(const span_message *span, weir_buffer *out)
{
    weir_buffer_printf(out, "%s ", span->name);
    debug_text_id(span->trace_id, out);
    weir_buffer_append_byte(out, ' ');
    debug_text_id(span->span_id, out);
    append_attribute_tail(span->attributes, span->n_attributes, out);
    weir_buffer_append_byte(out, '\n');
}

void debug_normal_traces(const traces_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_spans; i++) {
        const resource_spans_message *resource = message->resource_spans[i];
        append_resource("ResourceTraces", i, resource->resource, resource->schema_url, out);
        for (size_t j = 0; j < resource->n_scope_spans; j++) {
            const scope_spans_message *scope = resource->scope_spans[j];
            append_scope("ScopeTraces", j, scope->scope, scope->schema_url, out);
            for (size_t k = 0; k < scope->n_spans; k++)
                append_span(scope->spans[k], out);
        }
    }
}

void debug_normal_logs(const logs_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_logs; i++) {
        const resource_logs_message *resource = message->resource_logs[i];
        append_resource("ResourceLog", i, resource->resource, resource->schema_url, out);
        for (size_t j = 0; j < resource->n_scope_logs; j++) {
            const scope_logs_message *scope = resource->scope_logs[j];
            append_scope("ScopeLog", j, scope->scope, scope->schema_url, out);
            for (size_t k = 0; k < scope->n_log_records; k++) {
                const log_message *record = scope->log_records[k];
                debug_text_value(record->body, out);
                weir_buffer_append_byte(out, ' ');
                append_attributes(record->attributes, record->n_attributes, " ", out);
                weir_buffer_append_byte(out, '\n');
            }
        }
    }
}

/* ---- metrics: one line per data point ---- */

static void append_point(const metric_message *metric, attribute_message *const *attributes, size_t count,
                         weir_buffer *out)
{
    weir_buffer_printf(out, "%s{", metric->name);
    append_attributes(attributes, count, ",", out);
    weir_buffer_append_text(out, "} ");
}

static void append_named(const char *name, double value, weir_buffer *out)
{
    weir_buffer_append_text(out, name);
    debug_text_float(value, out);
}

static void append_numbers(const metric_message *metric, number_point_message *const *points, size_t count,
                           weir_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        append_point(metric, points[i]->attributes, points[i]->n_attributes, out);
        if (points[i]->value_case == OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT)
            weir_buffer_printf(out, "%" PRId64, points[i]->as_int);
        else if (points[i]->value_case == OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE)
            debug_text_float(points[i]->as_double, out);
        weir_buffer_append_byte(out, '\n');
    }
}

static void append_histogram(const metric_message *metric, const histogram_point_message *point, weir_buffer *out)
{
    append_point(metric, point->attributes, point->n_attributes, out);
    weir_buffer_printf(out, "count=%" PRIu64, point->count);
    if (point->_sum_case)
        append_named(" sum=", point->sum, out);
    if (point->_min_case)
        append_named(" min=", point->min, out);
    if (point->_max_case)
        append_named(" max=", point->max, out);
    for (size_t i = 0; i < point->n_bucket_counts; i++) {
        weir_buffer_append_byte(out, ' ');
        if (i < point->n_explicit_bounds) {
            append_named("le", point->explicit_bounds[i], out);
            weir_buffer_append_byte(out, '=');
        }
        weir_buffer_printf(out, "%" PRIu64, point->bucket_counts[i]);
    }
    weir_buffer_append_byte(out, '\n');
}

static void append_bucket(double bound, uint64_t count, weir_buffer *out)
{
    append_named(" le", bound, out);
    weir_buffer_printf(out, "=%" PRIu64, count);
}

static void append_exponential(const metric_message *metric, const exponential_point_message *point, weir_buffer *out)
{
    double factor = ldexp(M_LN2, -point->scale);
    append_point(metric, point->attributes, point->n_attributes, out);
    weir_buffer_printf(out, "count=%" PRIu64, point->count);
    if (point->_sum_case)
        append_named(" sum=", point->sum, out);
    if (point->_min_case)
        append_named(" min=", point->min, out);
    if (point->_max_case)
        append_named(" max=", point->max, out);
    for (size_t i = point->negative ? point->negative->n_bucket_counts : 0; i-- > 0;)
        append_bucket(-exp((point->negative->offset + (double)i) * factor), point->negative->bucket_counts[i], out);
    if (point->zero_count != 0)
        weir_buffer_printf(out, " zero=%" PRIu64, point->zero_count);
    for (size_t i = 0; point->positive && i < point->positive->n_bucket_counts; i++)
        append_bucket(exp((point->positive->offset + (double)i + 1) * factor), point->positive->bucket_counts[i], out);
    weir_buffer_append_byte(out, '\n');
}

static void append_summary(const metric_message *metric, const summary_point_message *point, weir_buffer *out)
{
    append_point(metric, point->attributes, point->n_attributes, out);
    weir_buffer_printf(out, "count=%" PRIu64 " sum=%f", point->count, point->sum);
    for (size_t i = 0; i < point->n_quantile_values; i++) {
        append_named(" q", point->quantile_values[i]->quantile, out);
        append_named("=", point->quantile_values[i]->value, out);
    }
    weir_buffer_append_byte(out, '\n');
}

static void append_metric(const metric_message *metric, weir_buffer *out)
{
    switch (metric->data_case) {
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
        append_numbers(metric, metric->gauge->data_points, metric->gauge->n_data_points, out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
        append_numbers(metric, metric->sum->data_points, metric->sum->n_data_points, out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
        for (size_t i = 0; i < metric->histogram->n_data_points; i++)
            append_histogram(metric, metric->histogram->data_points[i], out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        for (size_t i = 0; i < metric->exponential_histogram->n_data_points; i++)
            append_exponential(metric, metric->exponential_histogram->data_points[i], out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY:
        for (size_t i = 0; i < metric->summary->n_data_points; i++)
            append_summary(metric, metric->summary->data_points[i], out);
        break;
    default:
        break;
    }
}

void debug_normal_metrics(const metrics_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_metrics; i++) {
        const resource_metrics_message *resource = message->resource_metrics[i];
        append_resource("ResourceMetrics", i, resource->resource, resource->schema_url, out);
        for (size_t j = 0; j < resource->n_scope_metrics; j++) {
            const scope_metrics_message *scope = resource->scope_metrics[j];
            append_scope("ScopeMetrics", j, scope->scope, scope->schema_url, out);
            for (size_t k = 0; k < scope->n_metrics; k++)
                append_metric(scope->metrics[k], out);
        }
    }
}
