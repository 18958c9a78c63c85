/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "core/memory.h"
#include "exporters/debug/text.h"

static const char *temporality_name(unsigned temporality)
{
    static const char *const names[] = {"Unspecified", "Delta", "Cumulative"};
    return temporality < WEIR_COUNT_OF(names) ? names[temporality] : "";
}

static const char *type_name(unsigned data_case)
{
    switch (data_case) {
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
        return "Gauge";
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
        return "Sum";
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
        return "Histogram";
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        return "ExponentialHistogram";
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY:
        return "Summary";
    default:
        return "Empty";
    }
}

static void append_time(const char *name, uint64_t unix_nano, weir_buffer *out)
{
    weir_buffer_append_text(out, name);
    debug_text_time(unix_nano, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_id(const char *name, ProtobufCBinaryData id, weir_buffer *out)
{
    weir_buffer_append_text(out, name);
    debug_text_id(id, out);
    weir_buffer_append_byte(out, '\n');
}

static void append_exemplars(exemplar_message *const *exemplars, size_t count, weir_buffer *out)
{
    if (count > 0)
        weir_buffer_append_text(out, "Exemplars:\n");
    for (size_t i = 0; i < count; i++) {
        const exemplar_message *exemplar = exemplars[i];
        weir_buffer_printf(out, "Exemplar #%zu\n", i);
        append_id("     -> Trace ID: ", exemplar->trace_id, out);
        append_id("     -> Span ID: ", exemplar->span_id, out);
        append_time("     -> Timestamp: ", exemplar->time_unix_nano, out);
        if (exemplar->value_case == OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__VALUE_AS_INT)
            weir_buffer_printf(out, "     -> Value: %" PRId64 "\n", exemplar->as_int);
        else if (exemplar->value_case == OPENTELEMETRY__PROTO__METRICS__V1__EXEMPLAR__VALUE_AS_DOUBLE)
            weir_buffer_printf(out, "     -> Value: %f\n", exemplar->as_double);
        debug_detailed_attributes("     ", "     -> FilteredAttributes", exemplar->filtered_attributes,
                                  exemplar->n_filtered_attributes, out);
    }
}

/* What all points begin with. */
static void append_head(const char *kind, size_t index, attribute_message *const *attributes, size_t count,
                        uint64_t start_nano, uint64_t unix_nano, weir_buffer *out)
{
    weir_buffer_printf(out, "%s #%zu\n", kind, index);
    debug_detailed_attributes("", "Data point attributes", attributes, count, out);
    append_time("StartTimestamp: ", start_nano, out);
    append_time("Timestamp: ", unix_nano, out);
}

static void append_numbers(number_point_message *const *points, size_t count, weir_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        const number_point_message *point = points[i];
        append_head("NumberDataPoints", i, point->attributes, point->n_attributes, point->start_time_unix_nano,
                    point->time_unix_nano, out);
        if (point->value_case == OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT)
            weir_buffer_printf(out, "Value: %" PRId64 "\n", point->as_int);
        else if (point->value_case == OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE)
            weir_buffer_printf(out, "Value: %f\n", point->as_double);
        append_exemplars(point->exemplars, point->n_exemplars, out);
    }
}

static void append_histogram(size_t index, const histogram_point_message *point, weir_buffer *out)
{
    append_head("HistogramDataPoints", index, point->attributes, point->n_attributes, point->start_time_unix_nano,
                point->time_unix_nano, out);
    weir_buffer_printf(out, "Count: %" PRIu64 "\n", point->count);
    if (point->_sum_case)
        weir_buffer_printf(out, "Sum: %f\n", point->sum);
    if (point->_min_case)
        weir_buffer_printf(out, "Min: %f\n", point->min);
    if (point->_max_case)
        weir_buffer_printf(out, "Max: %f\n", point->max);
    for (size_t i = 0; i < point->n_explicit_bounds; i++)
        weir_buffer_printf(out, "ExplicitBounds #%zu: %f\n", i, point->explicit_bounds[i]);
    for (size_t i = 0; i < point->n_bucket_counts; i++)
        weir_buffer_printf(out, "Buckets #%zu, Count: %" PRIu64 "\n", i, point->bucket_counts[i]);
    append_exemplars(point->exemplars, point->n_exemplars, out);
}

/* Bucket i of scale s holds (base^i, base^(i+1)] with base = 2^(2^-s) (OTLP, ExponentialHistogramDataPoint). */
static void append_buckets(const exponential_point_message *point, weir_buffer *out)
{
    double factor = ldexp(M_LN2, -point->scale);
    for (size_t i = point->negative ? point->negative->n_bucket_counts : 0; i-- > 0;) {
        double index = point->negative->offset + (double)i;
        weir_buffer_printf(out, "Bucket [%f, %f), Count: %" PRIu64 "\n", -exp((index + 1) * factor),
                           -exp(index * factor), point->negative->bucket_counts[i]);
    }
    if (point->zero_count != 0)
        weir_buffer_printf(out, "Bucket [0, 0], Count: %" PRIu64 "\n", point->zero_count);
    for (size_t i = 0; point->positive && i < point->positive->n_bucket_counts; i++) {
        double index = point->positive->offset + (double)i;
        weir_buffer_printf(out, "Bucket (%f, %f], Count: %" PRIu64 "\n", exp(index * factor), exp((index + 1) * factor),
                           point->positive->bucket_counts[i]);
    }
}

static void append_exponential(size_t index, const exponential_point_message *point, weir_buffer *out)
{
    append_head("ExponentialHistogramDataPoints", index, point->attributes, point->n_attributes,
                point->start_time_unix_nano, point->time_unix_nano, out);
    weir_buffer_printf(out, "Count: %" PRIu64 "\n", point->count);
    if (point->_sum_case)
        weir_buffer_printf(out, "Sum: %f\n", point->sum);
    if (point->_min_case)
        weir_buffer_printf(out, "Min: %f\n", point->min);
    if (point->_max_case)
        weir_buffer_printf(out, "Max: %f\n", point->max);
    append_buckets(point, out);
    append_exemplars(point->exemplars, point->n_exemplars, out);
}

static void append_summary(size_t index, const summary_point_message *point, weir_buffer *out)
{
    append_head("SummaryDataPoints", index, point->attributes, point->n_attributes, point->start_time_unix_nano,
                point->time_unix_nano, out);
    weir_buffer_printf(out, "Count: %" PRIu64 "\nSum: %f\n", point->count, point->sum);
    for (size_t i = 0; i < point->n_quantile_values; i++)
        weir_buffer_printf(out, "QuantileValue #%zu: Quantile %f, Value %f\n", i, point->quantile_values[i]->quantile,
                           point->quantile_values[i]->value);
}

static void append_temporality(unsigned temporality, weir_buffer *out)
{
    weir_buffer_printf(out, "     -> AggregationTemporality: %s\n", temporality_name(temporality));
}

static void append_points(const metric_message *metric, weir_buffer *out)
{
    switch (metric->data_case) {
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
        append_numbers(metric->gauge->data_points, metric->gauge->n_data_points, out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
        weir_buffer_printf(out, "     -> IsMonotonic: %s\n", metric->sum->is_monotonic ? "true" : "false");
        append_temporality(metric->sum->aggregation_temporality, out);
        append_numbers(metric->sum->data_points, metric->sum->n_data_points, out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
        append_temporality(metric->histogram->aggregation_temporality, out);
        for (size_t i = 0; i < metric->histogram->n_data_points; i++)
            append_histogram(i, metric->histogram->data_points[i], out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        append_temporality(metric->exponential_histogram->aggregation_temporality, out);
        for (size_t i = 0; i < metric->exponential_histogram->n_data_points; i++)
            append_exponential(i, metric->exponential_histogram->data_points[i], out);
        break;
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY:
        for (size_t i = 0; i < metric->summary->n_data_points; i++)
            append_summary(i, metric->summary->data_points[i], out);
        break;
    default:
        break;
    }
}

static void append_metric(size_t index, const metric_message *metric, weir_buffer *out)
{
    weir_buffer_printf(out, "Metric #%zu\nDescriptor:\n", index);
    weir_buffer_printf(out, "     -> Name: %s\n     -> Description: %s\n     -> Unit: %s\n     -> DataType: %s\n",
                       metric->name, metric->description, metric->unit, type_name(metric->data_case));
    debug_detailed_attributes("     ", "     -> Metadata", metric->metadata, metric->n_metadata, out);
    append_points(metric, out);
}

void debug_detailed_metrics(const metrics_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_metrics; i++) {
        const resource_metrics_message *resource = message->resource_metrics[i];
        weir_buffer_printf(out, "ResourceMetrics #%zu\n", i);
        debug_detailed_resource(resource->resource, resource->schema_url, out);
        for (size_t j = 0; j < resource->n_scope_metrics; j++) {
            const scope_metrics_message *scope = resource->scope_metrics[j];
            weir_buffer_printf(out, "ScopeMetrics #%zu\n", j);
            debug_detailed_scope("ScopeMetrics", scope->scope, scope->schema_url, out);
            for (size_t k = 0; k < scope->n_metrics; k++)
                append_metric(k, scope->metrics[k], out);
        }
    }
}
