/* SPDX-License-Identifier: Apache-2.0
 *
 * One short line per item, for somebody who watches a terminal: when, which service, what, and what went wrong. Text
 * that others wrote cannot end the line or steer the terminal.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "exporters/debug/text.h"

enum { SERVICE_WIDTH = 16, NAME_BYTES_MAX = 120, TEXT_BYTES_MAX = 160 };

/* Cuts at `len_max` bytes, never inside a character; control characters become blanks. */
static void append_clean(const char *text, size_t len_max, weir_buffer *out)
{
    size_t len = strlen(text), kept = len;
    if (len > len_max) {
        kept = len_max;
        while (kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
            kept--;
    }
    for (size_t i = 0; i < kept; i++) {
        unsigned char c = (unsigned char)text[i];
        weir_buffer_append_byte(out, c < ' ' || c == 0x7f ? ' ' : c);
    }
    if (kept < len)
        weir_buffer_append_text(out, "…");
}

static void append_time(uint64_t unix_nano, weir_buffer *out)
{
    time_t seconds = (time_t)(unix_nano / 1000000000);
    struct tm calendar;
    char text[16];
    if (unix_nano == 0 || !gmtime_r(&seconds, &calendar) || strftime(text, sizeof text, "%H:%M:%S", &calendar) == 0)
        weir_buffer_append_text(out, "--:--:--.---");
    else
        weir_buffer_printf(out, "%s.%03u", text, (unsigned)(unix_nano / 1000000 % 1000));
}

static void append_duration(uint64_t start, uint64_t end, weir_buffer *out)
{
    double ms = end > start ? (double)(end - start) / 1e6 : 0;
    if (ms >= 1000)
        weir_buffer_printf(out, "%.2fs", ms / 1000);
    else
        weir_buffer_printf(out, "%.1fms", ms);
}

static const char *service_of(const resource_message *resource)
{
    for (size_t i = 0; resource && i < resource->n_attributes; i++) {
        const attribute_message *attribute = resource->attributes[i];
        if (strcmp(attribute->key, "service.name") == 0 && attribute->value &&
            attribute->value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
            return attribute->value->string_value;
    }
    return "-";
}

/* "12:16:45.123 span  checkout         ": the columns stay in place unless a service's name is long. */
static void begin_line(const char *kind, uint64_t unix_nano, const resource_message *resource, weir_buffer *out)
{
    append_time(unix_nano, out);
    weir_buffer_printf(out, " %-5s ", kind);
    size_t before = out->len;
    append_clean(service_of(resource), NAME_BYTES_MAX, out);
    for (size_t width = out->len - before; width < SERVICE_WIDTH; width++)
        weir_buffer_append_byte(out, ' ');
    weir_buffer_append_byte(out, ' ');
}

static void append_span(const span_message *span, const resource_message *resource, weir_buffer *out)
{
    begin_line("span", span->start_time_unix_nano, resource, out);
    append_clean(span->name, NAME_BYTES_MAX, out);
    weir_buffer_append_byte(out, ' ');
    append_duration(span->start_time_unix_nano, span->end_time_unix_nano, out);
    if (span->status && span->status->code == OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR) {
        weir_buffer_append_text(out, " ERROR ");
        append_clean(span->status->message, TEXT_BYTES_MAX, out);
    }
    weir_buffer_append_text(out, "  ");
    debug_text_id(span->trace_id, out);
    weir_buffer_append_byte(out, '\n');
}

void debug_brief_traces(const traces_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_spans; i++) {
        const resource_spans_message *resource = message->resource_spans[i];
        for (size_t j = 0; j < resource->n_scope_spans; j++) {
            for (size_t k = 0; k < resource->scope_spans[j]->n_spans; k++)
                append_span(resource->scope_spans[j]->spans[k], resource->resource, out);
        }
    }
}

static void append_log(const log_message *record, const resource_message *resource, weir_buffer *out)
{
    uint64_t when = record->time_unix_nano ? record->time_unix_nano : record->observed_time_unix_nano;
    WEIR_BUFFER body = {0};
    begin_line("log", when, resource, out);
    append_clean(record->severity_text, NAME_BYTES_MAX, out);
    weir_buffer_append_byte(out, ' ');
    debug_text_value(record->body, &body);
    append_clean(weir_buffer_string(&body), TEXT_BYTES_MAX, out);
    weir_buffer_append_byte(out, '\n');
}

void debug_brief_logs(const logs_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_logs; i++) {
        const resource_logs_message *resource = message->resource_logs[i];
        for (size_t j = 0; j < resource->n_scope_logs; j++) {
            for (size_t k = 0; k < resource->scope_logs[j]->n_log_records; k++)
                append_log(resource->scope_logs[j]->log_records[k], resource->resource, out);
        }
    }
}

/* ---- metrics: one line per metric, with how many points it has ---- */

static size_t points_of(const metric_message *metric, uint64_t *ret_unix_nano)
{
#define POINTS(kind)                                                                                  \
    (*ret_unix_nano = metric->kind->n_data_points ? metric->kind->data_points[0]->time_unix_nano : 0, \
     metric->kind->n_data_points)
    switch (metric->data_case) {
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
        return POINTS(gauge);
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
        return POINTS(sum);
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
        return POINTS(histogram);
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
        return POINTS(exponential_histogram);
    case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY:
        return POINTS(summary);
    default:
        *ret_unix_nano = 0;
        return 0;
    }
#undef POINTS
}

static void append_metric(const metric_message *metric, const resource_message *resource, weir_buffer *out)
{
    uint64_t when;
    size_t points = points_of(metric, &when);
    begin_line("point", when, resource, out);
    append_clean(metric->name, NAME_BYTES_MAX, out);
    weir_buffer_printf(out, " (%zu point%s", points, points == 1 ? "" : "s");
    if (metric->unit[0]) {
        weir_buffer_append_text(out, " in ");
        append_clean(metric->unit, NAME_BYTES_MAX, out);
    }
    weir_buffer_append_text(out, ")\n");
}

void debug_brief_metrics(const metrics_message *message, weir_buffer *out)
{
    for (size_t i = 0; i < message->n_resource_metrics; i++) {
        const resource_metrics_message *resource = message->resource_metrics[i];
        for (size_t j = 0; j < resource->n_scope_metrics; j++) {
            for (size_t k = 0; k < resource->scope_metrics[j]->n_metrics; k++)
                append_metric(resource->scope_metrics[j]->metrics[k], resource->resource, out);
        }
    }
}
