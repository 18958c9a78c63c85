/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that somebody made to take long: time grows with their size, not with its square, in every mode. The bound
 * is far above what they take, also under sanitizers, and far below what a walk for each of their parts would.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <time.h>

#include "documents.h"
#include "exporters/elasticsearch/document/control.h"

enum { SECONDS_MAX = 5 };

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* "before", `count` times `each` with its number (twice, if there are two %d) and commas between, "after". */
static weir_buffer request_of(weir_otlp_kind kind, const char *before, int count, const char *each, const char *after)
{
    WEIR_BUFFER json = {0};
    weir_buffer request = {0};
    weir_buffer_append_text(&json, before);
    for (int i = 0; i < count; i++) {
        WEIR_FREE char *item = weir_format(each, i, i);
        weir_buffer_append_text(&json, i ? "," : "");
        weir_buffer_append_text(&json, item);
    }
    weir_buffer_append_text(&json, after);
    documents_request(kind, weir_buffer_string(&json), &request);
    return request;
}

static void route(es_router *router, const weir_otlp_items *at, bool has_event_documents)
{
    es_control control;
    weir_error error;
    if (at->kind == WEIR_OTLP_LOGS) {
        cr_assert(es_route_log(router, at->item, &control, &error), "%s", error.text);
        return;
    }
    cr_assert(es_route_span(router, at->item, &control, &error), "%s", error.text);
    weir_otlp_walk events = weir_otlp_walk_in(at->item, WEIR_OTLP_SPAN_EVENTS);
    for (weir_bytes event; has_event_documents && weir_otlp_walk_next(&events, &event);)
        cr_assert(es_route_span_event(router, at->item, event, &control, &error), "%s", error.text);
}

static void route_all(es_mode mode, weir_otlp_kind kind, weir_bytes request)
{
    es_router *router = es_router_new(&(es_routing){0});
    for (weir_otlp_items items = weir_otlp_items_of(kind, request); weir_otlp_items_next(&items);) {
        es_router_enter(router, mode, items.resource, items.scope);
        route(router, &items, es_mode_has_event_documents(mode));
    }
    es_router_free(router);
}

/* Takes the request. */
static void assert_quick(weir_otlp_kind kind, weir_buffer request)
{
    const weir_bytes bytes = {request.data, request.len};
    for (es_mode mode = ES_MODE_OTEL; mode < ES_MODE_BODYMAP; mode++) {
        WEIR_BUFFER out = {0};
        const double start = seconds();
        documents_write(mode, kind, bytes, NULL, &out);
        const double written = seconds();
        route_all(mode, kind, bytes);
        const double routed = seconds();
        cr_log_info("%s: written in %.3f s, routed in %.3f s", es_mode_name(mode), written - start, routed - written);
        cr_assert_lt(written - start, SECONDS_MAX, "%s: written in %.1f s", es_mode_name(mode), written - start);
        cr_assert_lt(routed - written, SECONDS_MAX, "%s: routed in %.1f s", es_mode_name(mode), routed - written);
    }
    weir_buffer_done(&request);
}

#define BEFORE_ATTRIBUTES "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"attributes\":["
#define AFTER_ATTRIBUTES "]}]}]}]}"

Test(elasticsearch_large, many_attributes)
{
    assert_quick(WEIR_OTLP_LOGS,
                 request_of(WEIR_OTLP_LOGS, BEFORE_ATTRIBUTES, 100000, STRING("key%d", "value%d"), AFTER_ATTRIBUTES));
}

Test(elasticsearch_large, many_attributes_with_one_name)
{
    assert_quick(WEIR_OTLP_LOGS,
                 request_of(WEIR_OTLP_LOGS, BEFORE_ATTRIBUTES, 100000, STRING("a.b", "%d"), AFTER_ATTRIBUTES));
}

/* a0.a1. … : each a value and an object. */
Test(elasticsearch_large, many_contradictions)
{
    assert_quick(WEIR_OTLP_LOGS,
                 request_of(WEIR_OTLP_LOGS, BEFORE_ATTRIBUTES, 30000,
                            STRING("a", "1") "," STRING("a.b%d", "2") "," STRING("a.b%d.c", "3"), AFTER_ATTRIBUTES));
}

Test(elasticsearch_large, many_places)
{
    assert_quick(WEIR_OTLP_LOGS, request_of(WEIR_OTLP_LOGS, BEFORE_ATTRIBUTES, 100000,
                                            ANY("a%d.geo.location.lat", "{\"doubleValue\":%d}"), AFTER_ATTRIBUTES));
}

Test(elasticsearch_large, many_names_of_one_host)
{
    assert_quick(WEIR_OTLP_LOGS,
                 request_of(WEIR_OTLP_LOGS, "{\"resourceLogs\":[{\"resource\":{\"attributes\":[", 100000,
                            STRING("host.name", "%d"), "]},\"scopeLogs\":[{\"logRecords\":[{}]}]}]}"));
}

/* Each names a part of its place, and the others are to be found. */
Test(elasticsearch_large, many_records_with_a_place_of_their_own)
{
    assert_quick(WEIR_OTLP_LOGS,
                 request_of(WEIR_OTLP_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[", 100000,
                            "{\"attributes\":[" STRING("data_stream.namespace", "n%d") "]}", "]}]}]}"));
}

Test(elasticsearch_large, many_events)
{
    assert_quick(WEIR_OTLP_TRACES,
                 request_of(WEIR_OTLP_TRACES, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"events\":[", 100000,
                            "{\"name\":\"event%d\",\"timeUnixNano\":\"%d\"}", "]}]}]}]}"));
}

/* Whether the span is a transaction must be looked for among its attributes. */
Test(elasticsearch_large, many_events_beside_many_attributes)
{
    WEIR_BUFFER after = {0};
    weir_buffer_append_text(&after, "],\"attributes\":[");
    for (int i = 0; i < 100000; i++)
        weir_buffer_printf(&after, "%s" STRING("k", "v"), i ? "," : "");
    weir_buffer_append_text(&after, "]}]}]}]}");
    assert_quick(WEIR_OTLP_TRACES,
                 request_of(WEIR_OTLP_TRACES, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"events\":[", 100000,
                            "{\"name\":\"%d\"}", weir_buffer_string(&after)));
}

/* The name of the service must be looked for among the scopes of its resource. */
Test(elasticsearch_large, many_events_in_many_scopes)
{
    assert_quick(WEIR_OTLP_TRACES,
                 request_of(WEIR_OTLP_TRACES, "{\"resourceSpans\":[{\"scopeSpans\":[", 50000,
                            "{\"spans\":[{\"name\":\"%d\",\"events\":[{\"name\":\"%d\"}]}]}", "]}]}"));
}

Test(elasticsearch_large, many_scopes)
{
    assert_quick(WEIR_OTLP_LOGS,
                 request_of(WEIR_OTLP_LOGS, "{\"resourceLogs\":[{\"scopeLogs\":[", 30000,
                            "{\"scope\":{\"name\":\"s%d\"},\"logRecords\":[{\"timeUnixNano\":\"%d\"}]}", "]}]}"));
}

Test(elasticsearch_large, many_links)
{
    assert_quick(
        WEIR_OTLP_TRACES,
        request_of(WEIR_OTLP_TRACES, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"links\":[", 100000,
                   "{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"attributes\":[" STRING("k%d", "v%d") "]}",
                   "]}]}]}]}"));
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static void write_all(es_encoder *encoder, es_router *router, es_mode mode, weir_bytes request, weir_buffer *out)
{
    static const es_target target = {.index = {"i", 1}};
    weir_error error;
    for (weir_otlp_items items = weir_otlp_items_of(WEIR_OTLP_TRACES, request); weir_otlp_items_next(&items);) {
        es_encoder_enter(encoder, mode, items.resource, items.scope);
        es_router_enter(router, mode, items.resource, items.scope);
        route(router, &items, es_mode_has_event_documents(mode));
        cr_assert(es_encode_span(encoder, items.item, &target, out, &error), "%s", error.text);
    }
    es_encoder_leave(encoder);
    es_router_leave(router);
}

/* Ten bytes on the wire and a name of a thousand each. */
Test(elasticsearch_large, a_long_name_around_very_many_values)
{
    char name[1001];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    WEIR_FREE char *before =
        weir_format(BEFORE_ATTRIBUTES "{\"key\":\"%s\",\"value\":{\"kvlistValue\":{\"values\":[", name);
    weir_buffer request = request_of(WEIR_OTLP_LOGS, before, 100000, STRING("%d", "v"), "]}}}" AFTER_ATTRIBUTES);
    for (es_mode mode = ES_MODE_OTEL; mode < ES_MODE_BODYMAP; mode++) {
        WEIR_BUFFER out = {0};
        documents_write(mode, WEIR_OTLP_LOGS, (weir_bytes){request.data, request.len}, NULL, &out);
        cr_assert_lt(out.len, 3 * request.len, "%s: %zu bytes of %zu", es_mode_name(mode), out.len, request.len);
        const char *text = weir_buffer_string(&out);
        cr_assert(strstr(text, mode == ES_MODE_OTEL ? "\"99999\":\"v\"" : "\\\"99999\\\":\\\"v\\\""),
                  "%s: a value is lost", es_mode_name(mode));
    }
    weir_buffer_done(&request);
}

/* But for what `out` has. The sanitizers' allocator cannot be asked: there nothing ever grows. */
static int64_t allocated(const weir_buffer *out)
{
    return (int64_t)mallinfo2().uordblks - (int64_t)malloc_usable_size(out->data);
}

Test(elasticsearch_large, what_a_huge_span_took_is_given_back)
{
    enum { KEPT_MAX = 4 * 1024 * 1024 };
#define MANY_MEMBERS "{\"kvlistValue\":{\"values\":[" STRING("a%d", "b") "," STRING(" ", "%d") "]}}"
    weir_buffer request =
        request_of(WEIR_OTLP_TRACES, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":[", 50000,
                   ANY("key%d", MANY_MEMBERS) "," STRING("elasticsearch.index", "i"), "]}]}]}]}");
    WEIR_BUFFER out = {0};
    es_encoder *encoder = es_encoder_new();
    es_router *router = es_router_new(&(es_routing){0});
    for (es_mode mode = ES_MODE_OTEL; mode < ES_MODE_BODYMAP; mode++) {
        const int64_t before = allocated(&out);
        write_all(encoder, router, mode, (weir_bytes){request.data, request.len}, &out);
        const int64_t after = allocated(&out);
        cr_assert_leq(after, before + KEPT_MAX, "%s: %lld bytes are kept", es_mode_name(mode),
                      (long long)(after - before));
    }
    es_encoder_free(encoder);
    es_router_free(router);
    weir_buffer_done(&request);
}
