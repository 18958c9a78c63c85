/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

struct weir_histogram {
    size_t bound_count;
    double *bounds;
    _Atomic uint64_t *counts;  /* one more than bounds: the last is above all of them */
    _Atomic uint64_t sum_bits; /* a double */
};

/* One name with one set of labels. */
typedef struct metric_row {
    weir_metric_kind kind;
    char *name;
    char *help;
    char *unit;
    char *labels; /* as exposed: `a="1",b="2"` */
    weir_metric metric;
    weir_histogram *histogram;
    int64_t (*read)(void *user);
    void *user;
    struct metric_row *next;
} metric_row;

struct weir_metrics {
    pthread_mutex_t lock; /* guards the list, not the values */
    metric_row *rows;     /* sorted by name, then labels */
};

weir_metrics *weir_metrics_new(void)
{
    weir_metrics *metrics = WEIR_NEW(weir_metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    return metrics;
}

static void row_free(metric_row *row)
{
    free(row->name);
    free(row->help);
    free(row->unit);
    free(row->labels);
    if (row->histogram) {
        free(row->histogram->bounds);
        free(row->histogram->counts);
        free(row->histogram);
    }
    free(row);
}

void weir_metrics_free(weir_metrics *metrics)
{
    if (!metrics)
        return;
    while (metrics->rows) {
        metric_row *row = metrics->rows;
        metrics->rows = row->next;
        row_free(row);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

/* ---- registration ---- */

/* Label values escape backslash, quote and newline (Prometheus exposition format, "Comments, help text, and type
 * information"). */
static void append_escaped(weir_buffer *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            weir_buffer_append_byte(out, '\\');
        if (*value == '\n')
            weir_buffer_append_text(out, "\\n");
        else
            weir_buffer_append_byte(out, (uint8_t)*value);
    }
}

static char *labels_text(const weir_label *labels, size_t label_count)
{
    WEIR_BUFFER text = {0};
    for (size_t i = 0; i < label_count; i++) {
        weir_buffer_printf(&text, "%s%s=\"", i > 0 ? "," : "", labels[i].name);
        append_escaped(&text, labels[i].value);
        weir_buffer_append_byte(&text, '"');
    }
    return weir_strdup(weir_buffer_string(&text));
}

static int row_order(const metric_row *row, const char *name, const char *labels)
{
    int by_name = strcmp(row->name, name);
    return by_name ? by_name : strcmp(row->labels, labels);
}

/* The row with this name and these labels, made if it is not there yet. The lock is held. */
static metric_row *find_or_add(weir_metrics *metrics, weir_metric_kind kind, const char *name, const char *help,
                               const char *unit, const weir_label *labels, size_t label_count)
{
    WEIR_FREE char *text = labels_text(labels, label_count);
    metric_row **place = &metrics->rows;
    while (*place && row_order(*place, name, text) < 0)
        place = &(*place)->next;
    if (*place && row_order(*place, name, text) == 0) {
        WEIR_ASSERT((*place)->kind == kind);
        return *place;
    }
    metric_row *row = WEIR_NEW(metric_row);
    row->kind = kind;
    row->name = weir_strdup(name);
    row->help = weir_strdup(help);
    row->unit = weir_strdup(unit);
    row->labels = WEIR_TAKE(text);
    row->next = *place;
    *place = row;
    return row;
}

weir_metric *weir_metrics_register(weir_metrics *metrics, weir_metric_kind kind, const char *name, const char *help,
                                   const char *unit, const weir_label *labels, size_t label_count)
{
    WEIR_ASSERT(kind != WEIR_HISTOGRAM);
    pthread_mutex_lock(&metrics->lock);
    metric_row *row = find_or_add(metrics, kind, name, help, unit, labels, label_count);
    pthread_mutex_unlock(&metrics->lock);
    return &row->metric;
}

void weir_metrics_register_gauge(weir_metrics *metrics, const char *name, const char *help, const char *unit,
                                 const weir_label *labels, size_t label_count, int64_t (*read)(void *user), void *user)
{
    pthread_mutex_lock(&metrics->lock);
    metric_row *row = find_or_add(metrics, WEIR_GAUGE, name, help, unit, labels, label_count);
    row->read = read;
    row->user = user;
    pthread_mutex_unlock(&metrics->lock);
}

void weir_metrics_forget(weir_metrics *metrics, const void *user)
{
    pthread_mutex_lock(&metrics->lock);
    for (metric_row *row = metrics->rows; row; row = row->next) {
        if (row->user == user)
            row->read = NULL;
    }
    pthread_mutex_unlock(&metrics->lock);
}

weir_histogram *weir_metrics_register_histogram(weir_metrics *metrics, const char *name, const char *help,
                                                const char *unit, const weir_label *labels, size_t label_count,
                                                const double *bounds, size_t bound_count)
{
    pthread_mutex_lock(&metrics->lock);
    metric_row *row = find_or_add(metrics, WEIR_HISTOGRAM, name, help, unit, labels, label_count);
    if (!row->histogram) {
        weir_histogram *histogram = WEIR_NEW(weir_histogram);
        histogram->bound_count = bound_count;
        histogram->bounds = weir_alloc(bound_count, sizeof(double));
        memcpy(histogram->bounds, bounds, bound_count * sizeof(double));
        histogram->counts = weir_alloc(bound_count + 1, sizeof histogram->counts[0]);
        row->histogram = histogram;
    }
    pthread_mutex_unlock(&metrics->lock);
    return row->histogram;
}

static double bits_to_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void weir_histogram_record(weir_histogram *histogram, double value)
{
    size_t i = 0;
    while (i < histogram->bound_count && value > histogram->bounds[i])
        i++;
    atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
    uint64_t before = atomic_load_explicit(&histogram->sum_bits, memory_order_relaxed);
    uint64_t after;
    do {
        double sum = bits_to_double(before) + value;
        memcpy(&after, &sum, sizeof after);
    } while (!atomic_compare_exchange_weak_explicit(&histogram->sum_bits, &before, after, memory_order_relaxed,
                                                    memory_order_relaxed));
}

/* ---- reading ---- */

static int64_t row_value(const metric_row *row)
{
    return row->read ? row->read(row->user) : weir_metric_get(&row->metric);
}

static bool has_labels(const metric_row *row, const weir_label *labels, size_t label_count)
{
    for (size_t i = 0; i < label_count; i++) {
        WEIR_FREE char *wanted = labels_text(&labels[i], 1);
        if (!strstr(row->labels, wanted))
            return false;
    }
    return true;
}

int64_t weir_metrics_sum(weir_metrics *metrics, const char *name, const weir_label *labels, size_t label_count)
{
    int64_t sum = 0;
    pthread_mutex_lock(&metrics->lock);
    for (metric_row *row = metrics->rows; row; row = row->next) {
        if (row->kind != WEIR_HISTOGRAM && strcmp(row->name, name) == 0 && has_labels(row, labels, label_count))
            sum += row_value(row);
    }
    pthread_mutex_unlock(&metrics->lock);
    return sum;
}

static const char *unit_suffix(const metric_row *row, weir_exposition exposition)
{
    if (!exposition.unit_suffix)
        return "";
    return strcmp(row->unit, "By") == 0 ? "_bytes" : strcmp(row->unit, "s") == 0 ? "_seconds" : "";
}

static void expose_histogram(const metric_row *row, const char *suffix, weir_buffer *out)
{
    const weir_histogram *histogram = row->histogram;
    const char *comma = row->labels[0] ? "," : "";
    uint64_t total = 0;
    for (size_t i = 0; i < histogram->bound_count; i++) {
        total += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        weir_buffer_printf(out, "%s%s_bucket{%s%sle=\"%g\"} %llu\n", row->name, suffix, row->labels, comma,
                           histogram->bounds[i], (unsigned long long)total);
    }
    total += atomic_load_explicit(&histogram->counts[histogram->bound_count], memory_order_relaxed);
    double sum = bits_to_double(atomic_load_explicit(&histogram->sum_bits, memory_order_relaxed));
    weir_buffer_printf(out, "%s%s_bucket{%s%sle=\"+Inf\"} %llu\n", row->name, suffix, row->labels, comma,
                       (unsigned long long)total);
    weir_buffer_printf(out, "%s%s_sum{%s} %g\n%s%s_count{%s} %llu\n", row->name, suffix, row->labels, sum, row->name,
                       suffix, row->labels, (unsigned long long)total);
}

static void expose_head(const metric_row *row, const char *unit, const char *type_suffix, weir_buffer *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    weir_buffer_printf(out, "# HELP %s%s%s %s\n# TYPE %s%s%s %s\n", row->name, unit, type_suffix, row->help, row->name,
                       unit, type_suffix, types[row->kind]);
}

static void append_value(const metric_row *row, weir_buffer *out)
{
    if (strcmp(row->unit, "s") == 0)
        weir_buffer_printf(out, " %.3f\n", (double)row_value(row) / 1000);
    else
        weir_buffer_printf(out, " %lld\n", (long long)row_value(row));
}

void weir_metrics_expose(weir_metrics *metrics, weir_exposition exposition, weir_buffer *out)
{
    const char *family = "";
    pthread_mutex_lock(&metrics->lock);
    for (const metric_row *row = metrics->rows; row; row = row->next) {
        const char *unit = unit_suffix(row, exposition);
        const char *total = exposition.type_suffix && row->kind == WEIR_COUNTER ? "_total" : "";
        if (strcmp(family, row->name) != 0)
            expose_head(row, unit, total, out);
        family = row->name;
        if (row->kind == WEIR_HISTOGRAM) {
            expose_histogram(row, unit, out);
            continue;
        }
        weir_buffer_printf(out, "%s%s%s", row->name, unit, total);
        if (row->labels[0])
            weir_buffer_printf(out, "{%s}", row->labels);
        append_value(row, out);
    }
    pthread_mutex_unlock(&metrics->lock);
}
