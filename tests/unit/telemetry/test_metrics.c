/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "telemetry/metrics.h"

static const weir_label otlp[] = {{"receiver", "otlp"}, {"transport", "grpc"}};
static const weir_label odd[] = {{"receiver", "a\"b\\c\n"}, {"transport", "http"}};

Test(metrics, the_same_name_and_labels_are_the_same_metric)
{
    weir_metrics *metrics = weir_metrics_new();
    weir_metric *a = weir_metrics_register(metrics, WEIR_COUNTER, "x_spans", "X.", "{spans}", otlp, 2);
    weir_metric *b = weir_metrics_register(metrics, WEIR_COUNTER, "x_spans", "X.", "{spans}", odd, 2);
    cr_assert_eq(a, weir_metrics_register(metrics, WEIR_COUNTER, "x_spans", "X.", "{spans}", otlp, 2));
    cr_assert_neq(a, b);
    weir_metric_add(a, 3);
    weir_metric_add(b, 4);
    cr_assert_eq(weir_metrics_sum(metrics, "x_spans", NULL, 0), 7);
    cr_assert_eq(weir_metrics_sum(metrics, "x_spans", otlp, 1), 3);
    cr_assert_eq(weir_metrics_sum(metrics, "x_span", NULL, 0), 0);
    weir_metrics_free(metrics);
}

Test(metrics, exposition_is_sorted_escaped_and_has_suffixes_only_when_asked)
{
    weir_metrics *metrics = weir_metrics_new();
    weir_metric_add(weir_metrics_register(metrics, WEIR_COUNTER, "b_seen", "B.", "{spans}", odd, 1), 2);
    weir_metric_set(weir_metrics_register(metrics, WEIR_GAUGE, "a_used", "A.", "By", NULL, 0), 5);
    weir_metric_set(weir_metrics_register(metrics, WEIR_COUNTER, "c_time", "C.", "s", NULL, 0), 1500);
    WEIR_BUFFER plain = {0}, suffixed = {0};
    weir_metrics_expose(metrics, (weir_exposition){0}, &plain);
    weir_metrics_expose(metrics, (weir_exposition){.type_suffix = true, .unit_suffix = true}, &suffixed);
    cr_assert_str_eq(weir_buffer_string(&plain),
                     "# HELP a_used A.\n# TYPE a_used gauge\na_used 5\n"
                     "# HELP b_seen B.\n# TYPE b_seen counter\nb_seen{receiver=\"a\\\"b\\\\c\\n\"} 2\n"
                     "# HELP c_time C.\n# TYPE c_time counter\nc_time 1.500\n");
    cr_assert_not_null(strstr(weir_buffer_string(&suffixed), "\na_used_bytes 5\n"));
    cr_assert_not_null(strstr(weir_buffer_string(&suffixed), "\nc_time_seconds_total 1.500\n"));
    weir_metrics_free(metrics);
}

Test(metrics, histogram_buckets_are_cumulative)
{
    weir_metrics *metrics = weir_metrics_new();
    const double bounds[] = {1, 10};
    weir_histogram *sizes = weir_metrics_register_histogram(metrics, "sizes", "S.", "1", otlp, 1, bounds, 2);
    weir_histogram_record(sizes, 1);
    weir_histogram_record(sizes, 2);
    weir_histogram_record(sizes, 100);
    WEIR_BUFFER out = {0};
    weir_metrics_expose(metrics, (weir_exposition){0}, &out);
    const char *text = weir_buffer_string(&out);
    cr_assert_not_null(strstr(text, "sizes_bucket{receiver=\"otlp\",le=\"1\"} 1\n"));
    cr_assert_not_null(strstr(text, "sizes_bucket{receiver=\"otlp\",le=\"10\"} 2\n"));
    cr_assert_not_null(strstr(text, "sizes_bucket{receiver=\"otlp\",le=\"+Inf\"} 3\n"));
    cr_assert_not_null(strstr(text, "sizes_sum{receiver=\"otlp\"} 103\nsizes_count{receiver=\"otlp\"} 3\n"));
    weir_metrics_free(metrics);
}

static int64_t read_number(void *user)
{
    return *(int *)user;
}

Test(metrics, gauge_is_read_when_asked_until_forgotten)
{
    weir_metrics *metrics = weir_metrics_new();
    int number = 3;
    weir_metrics_register_gauge(metrics, "g", "G.", "1", NULL, 0, read_number, &number);
    number = 4;
    cr_assert_eq(weir_metrics_sum(metrics, "g", NULL, 0), 4);
    weir_metrics_forget(metrics, &number);
    cr_assert_eq(weir_metrics_sum(metrics, "g", NULL, 0), 0);
    weir_metrics_free(metrics);
}
