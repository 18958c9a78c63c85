/* SPDX-License-Identifier: Apache-2.0
 *
 * The shop's telemetry is what a tracing backend may expect of real programs: whole traces with sound parents, times
 * that nest, logs that belong to spans. Everything is read back from the packed bytes.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#include "demo/shop.h"

typedef Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest trace_request;
typedef Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest logs_request;
typedef Opentelemetry__Proto__Trace__V1__Span span_message;
typedef Opentelemetry__Proto__Logs__V1__LogRecord log_message;
typedef Opentelemetry__Proto__Common__V1__KeyValue key_value;

enum {
    SPANS_MAX = 64,
    LOGS_MAX = 64,
};

/* 2026-02-02, an hour like any other. */
static const uint64_t now = 1770000000ULL * 1000000000ULL;

/* One visit, read back. */
typedef struct visit_reading {
    weir_shop_visit visit;
    size_t request_count;
    trace_request *trace_requests[WEIR_SHOP_SERVICES];
    logs_request *logs_requests[WEIR_SHOP_SERVICES];
    size_t logs_request_count;
    size_t span_count;
    size_t log_count;
    const span_message *spans[SPANS_MAX];
    weir_shop_service services[SPANS_MAX];
    const log_message *logs[LOGS_MAX];
} visit_reading;

static void read_traces(visit_reading *reading, const weir_shop_export *export)
{
    trace_request *request = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
        NULL, export->len, export->body);
    cr_assert_not_null(request);
    cr_assert_eq(request->n_resource_spans, 1);
    cr_assert_eq(request->resource_spans[0]->scope_spans[0]->n_spans, export->items);
    for (size_t i = 0; i < export->items; i++) {
        cr_assert_lt(reading->span_count, (size_t)SPANS_MAX);
        reading->services[reading->span_count] = export->service;
        reading->spans[reading->span_count++] = request->resource_spans[0]->scope_spans[0]->spans[i];
    }
    reading->trace_requests[reading->request_count++] = request;
}

static void read_logs(visit_reading *reading, const weir_shop_export *export)
{
    logs_request *request =
        opentelemetry__proto__collector__logs__v1__export_logs_service_request__unpack(NULL, export->len, export->body);
    cr_assert_not_null(request);
    cr_assert_eq(request->resource_logs[0]->scope_logs[0]->n_log_records, export->items);
    for (size_t i = 0; i < export->items; i++) {
        cr_assert_lt(reading->log_count, (size_t)LOGS_MAX);
        reading->logs[reading->log_count++] = request->resource_logs[0]->scope_logs[0]->log_records[i];
    }
    reading->logs_requests[reading->logs_request_count++] = request;
}

static void read_visit(visit_reading *reading, weir_shop *shop)
{
    memset(reading, 0, sizeof(*reading));
    weir_shop_next(shop, now, &reading->visit);
    for (size_t i = 0; i < reading->visit.export_count; i++) {
        const weir_shop_export *export = &reading->visit.exports[i];
        cr_assert_gt(export->items, 0u);
        if (export->signal == WEIR_SHOP_TRACES)
            read_traces(reading, export);
        else
            read_logs(reading, export);
    }
}

static void free_reading(visit_reading *reading)
{
    for (size_t i = 0; i < reading->request_count; i++)
        opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(
            reading->trace_requests[i], NULL);
    for (size_t i = 0; i < reading->logs_request_count; i++)
        opentelemetry__proto__collector__logs__v1__export_logs_service_request__free_unpacked(reading->logs_requests[i],
                                                                                              NULL);
    weir_shop_visit_done(&reading->visit);
}

/* Reads `count` visits of `seed` and gives each to `check`. */
static void for_visits(uint64_t seed, unsigned count, void (*check)(const visit_reading *, void *), void *context)
{
    weir_shop *shop = weir_shop_new(seed);
    for (unsigned i = 0; i < count; i++) {
        visit_reading reading;
        read_visit(&reading, shop);
        check(&reading, context);
        free_reading(&reading);
    }
    weir_shop_free(shop);
}

static bool same_bytes(ProtobufCBinaryData a, ProtobufCBinaryData b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The index of the span with this id, or -1. */
static int find_span(const visit_reading *reading, ProtobufCBinaryData id)
{
    for (size_t i = 0; i < reading->span_count; i++) {
        if (same_bytes(reading->spans[i]->span_id, id))
            return (int)i;
    }
    return -1;
}

static const key_value *find_attribute(size_t count, key_value *const *attributes, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(attributes[i]->key, key) == 0)
            return attributes[i];
    }
    return NULL;
}

static bool is_zero(ProtobufCBinaryData id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] != 0)
            return false;
    }
    return true;
}

static bool has_failed(const span_message *span)
{
    return span->status &&
           span->status->code == OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
}

/* ---- ids ------------------------------------------------------------------------------------------------------- */

typedef struct id_list {
    size_t count;
    uint64_t ids[100000];
} id_list;

static void check_ids(const visit_reading *reading, void *context)
{
    id_list *list = context;
    cr_assert_gt(reading->span_count, 0u);
    for (size_t i = 0; i < reading->span_count; i++) {
        const span_message *span = reading->spans[i];
        cr_assert_eq(span->trace_id.len, 16);
        cr_assert_eq(span->span_id.len, 8);
        cr_assert_not(is_zero(span->trace_id));
        cr_assert_not(is_zero(span->span_id));
        cr_assert(same_bytes(span->trace_id, reading->spans[0]->trace_id), "a visit is one trace");
        memcpy(&list->ids[list->count++], span->span_id.data, 8);
    }
    memcpy(&list->ids[list->count++], reading->spans[0]->trace_id.data, 8);
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

Test(shop, ids_are_whole_and_never_come_twice)
{
    id_list *list = calloc(1, sizeof(*list));
    for_visits(1, 1500, check_ids, list);
    qsort(list->ids, list->count, sizeof(list->ids[0]), compare_ids);
    for (size_t i = 1; i < list->count; i++)
        cr_assert_neq(list->ids[i - 1], list->ids[i]);
    free(list);
}

/* ---- parents and times ----------------------------------------------------------------------------------------- */

static void check_parent(const visit_reading *reading, size_t child_index)
{
    const span_message *child = reading->spans[child_index];
    int parent_index = find_span(reading, child->parent_span_id);
    cr_assert_geq(parent_index, 0, "span '%s' has a parent nobody recorded", child->name);
    const span_message *parent = reading->spans[parent_index];
    cr_assert_geq(child->start_time_unix_nano, parent->start_time_unix_nano);
    /* A message is read when its writer may long be done. */
    if (child->kind == WEIR_DEMO_KIND(CONSUMER))
        cr_assert_eq(parent->kind, WEIR_DEMO_KIND(PRODUCER));
    else
        cr_assert_leq(child->end_time_unix_nano, parent->end_time_unix_nano, "'%s' outlives its parent", child->name);
    bool remote = reading->services[child_index] != reading->services[parent_index];
    cr_assert_eq((child->flags & 0x300U) == 0x300U, remote, "the flag 'parent is remote' of '%s' is wrong",
                 child->name);
    if (remote && child->kind != WEIR_DEMO_KIND(CONSUMER))
        cr_assert(child->kind == WEIR_DEMO_KIND(SERVER) && parent->kind == WEIR_DEMO_KIND(CLIENT));
}

static void check_parents(const visit_reading *reading, void *context)
{
    (void)context;
    unsigned roots = 0;
    for (size_t i = 0; i < reading->span_count; i++) {
        const span_message *span = reading->spans[i];
        cr_assert_lt(span->start_time_unix_nano, span->end_time_unix_nano);
        cr_assert_leq(span->end_time_unix_nano, now);
        for (size_t e = 0; e < span->n_events; e++) {
            cr_assert_geq(span->events[e]->time_unix_nano, span->start_time_unix_nano);
            cr_assert_leq(span->events[e]->time_unix_nano, span->end_time_unix_nano);
        }
        if (span->parent_span_id.len == 0)
            roots++;
        else
            check_parent(reading, i);
    }
    cr_assert_eq(roots, 1u);
}

Test(shop, parents_exist_and_times_nest)
{
    for_visits(2, 1500, check_parents, NULL);
}

/* ---- logs ------------------------------------------------------------------------------------------------------ */

static void check_logs(const visit_reading *reading, void *context)
{
    size_t *total = context;
    for (size_t i = 0; i < reading->log_count; i++) {
        const log_message *log = reading->logs[i];
        int owner = find_span(reading, log->span_id);
        cr_assert_geq(owner, 0, "a log record names a span that does not exist");
        const span_message *span = reading->spans[owner];
        cr_assert(same_bytes(log->trace_id, span->trace_id));
        cr_assert_geq(log->time_unix_nano, span->start_time_unix_nano);
        cr_assert_leq(log->time_unix_nano, span->end_time_unix_nano);
        cr_assert_gt(strlen(log->body->string_value), 0u);
        cr_assert(log->severity_number >= 1 && log->severity_number <= 24);
    }
    *total += reading->log_count;
}

Test(shop, logs_belong_to_spans)
{
    size_t total = 0;
    for_visits(3, 1000, check_logs, &total);
    cr_assert_geq(total, 1000u, "every visit leaves at least the gateway's line");
}

/* ---- what the visits are about --------------------------------------------------------------------------------- */

typedef struct sight_counts {
    unsigned services[WEIR_SHOP_SERVICES];
    unsigned errors, exceptions, links, producers, consumers, slow, events_named;
    uint8_t seen_order[8]; /* the producer of the last order */
} sight_counts;

static void look_at_span(const span_message *span, sight_counts *sights)
{
    sights->errors += has_failed(span);
    sights->producers += span->kind == WEIR_DEMO_KIND(PRODUCER);
    sights->consumers += span->kind == WEIR_DEMO_KIND(CONSUMER);
    sights->slow += span->end_time_unix_nano - span->start_time_unix_nano > 1000000000ULL;
    for (size_t i = 0; i < span->n_events; i++) {
        const Opentelemetry__Proto__Trace__V1__Span__Event *event = span->events[i];
        cr_assert_str_eq(event->name, "exception");
        cr_assert_not_null(find_attribute(event->n_attributes, event->attributes, "exception.stacktrace"));
        cr_assert(has_failed(span));
        sights->exceptions++;
    }
    for (size_t i = 0; i < span->n_links; i++) {
        cr_assert_not(same_bytes(span->links[i]->trace_id, span->trace_id));
        cr_assert_arr_eq(span->links[i]->span_id.data, sights->seen_order, 8, "a link leads to the order before");
        sights->links++;
    }
}

static void look(const visit_reading *reading, void *context)
{
    sight_counts *sights = context;
    for (size_t i = 0; i < reading->span_count; i++) {
        sights->services[reading->services[i]]++;
        look_at_span(reading->spans[i], sights);
    }
    for (size_t i = 0; i < reading->span_count; i++) {
        if (reading->spans[i]->kind == WEIR_DEMO_KIND(PRODUCER))
            memcpy(sights->seen_order, reading->spans[i]->span_id.data, 8);
    }
    for (size_t i = 0; i < reading->log_count; i++)
        sights->events_named += reading->logs[i]->event_name && reading->logs[i]->event_name[0];
}

Test(shop, everything_worth_looking_for_happens)
{
    sight_counts sights = {0};
    for_visits(4, 3000, look, &sights);
    for (int service = 0; service < WEIR_SHOP_SERVICES; service++)
        cr_assert_gt(sights.services[service], 0u);
    cr_assert_gt(sights.errors, 0u);
    cr_assert_gt(sights.exceptions, 0u);
    cr_assert_gt(sights.links, 0u);
    cr_assert_gt(sights.slow, 0u);
    cr_assert_gt(sights.producers, 0u);
    cr_assert_eq(sights.producers, sights.consumers);
    cr_assert_eq(sights.producers, sights.events_named);
}

/* An HTTP answer from 500 on is an error for both sides, from 400 on for the client only. */
static void check_http_status(const visit_reading *reading, void *context)
{
    (void)context;
    for (size_t i = 0; i < reading->span_count; i++) {
        const span_message *span = reading->spans[i];
        const key_value *status = find_attribute(span->n_attributes, span->attributes, "http.response.status_code");
        if (!status)
            continue;
        int64_t fails_from = span->kind == WEIR_DEMO_KIND(SERVER) ? 500 : 400;
        cr_assert_eq(has_failed(span), status->value->int_value >= fails_from, "'%s' answered %d", span->name,
                     (int)status->value->int_value);
    }
}

Test(shop, status_follows_the_semantic_conventions)
{
    for_visits(5, 1500, check_http_status, NULL);
}

/* ---- seeds ----------------------------------------------------------------------------------------------------- */

static bool same_visits(uint64_t seed_a, uint64_t seed_b)
{
    weir_shop *a = weir_shop_new(seed_a), *b = weir_shop_new(seed_b);
    bool same = true;
    for (unsigned i = 0; i < 200 && same; i++) {
        weir_shop_visit of_a, of_b;
        weir_shop_next(a, now + i, &of_a);
        weir_shop_next(b, now + i, &of_b);
        same = of_a.export_count == of_b.export_count;
        for (size_t e = 0; same && e < of_a.export_count; e++)
            same = of_a.exports[e].len == of_b.exports[e].len &&
                   memcmp(of_a.exports[e].body, of_b.exports[e].body, of_a.exports[e].len) == 0;
        weir_shop_visit_done(&of_a);
        weir_shop_visit_done(&of_b);
    }
    weir_shop_free(a);
    weir_shop_free(b);
    return same;
}

Test(shop, a_seed_says_it_all)
{
    cr_assert(same_visits(7, 7));
    cr_assert_not(same_visits(7, 8));
}
