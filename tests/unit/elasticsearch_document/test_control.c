/* SPDX-License-Identifier: Apache-2.0
 *
 * Where documents go by what attributes, scopes and the configuration say, and what names become.
 */
#include <criterion/criterion.h>

#include "documents.h"
#include "exporters/elasticsearch/document/control.h"
#include "exporters/elasticsearch/document/date_format.h"
#include "exporters/elasticsearch/document/stream_name.h"

#define STREAM(dataset, name_space) \
    STRING("data_stream.dataset", dataset) "," STRING("data_stream.namespace", name_space)
#define LOGS(resource, scope, record)                                                                    \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" resource "]},\"scopeLogs\":[{\"scope\":{" scope \
    "},\"logRecords\":[{" record "}]}]}]}"
#define ATTRIBUTES(attributes) "\"attributes\":[" attributes "]"

typedef struct fixture {
    es_router *router;
    weir_buffer request;
    weir_otlp_items items;
    es_control control;
    weir_error error;
} fixture;

/* Stands before the first item of the request. */
static fixture begin(es_routing routing, es_mode mode, weir_otlp_kind kind, const char *request)
{
    fixture self = {.router = es_router_new(&routing)};
    documents_request(kind, request, &self.request);
    self.items = weir_otlp_items_of(kind, (weir_bytes){self.request.data, self.request.len});
    cr_assert(weir_otlp_items_next(&self.items));
    es_router_enter(self.router, mode, self.items.resource, self.items.scope);
    return self;
}

static void end(fixture *self)
{
    es_router_free(self->router);
    weir_buffer_done(&self->request);
}

static bool route(fixture *self)
{
    return self->items.kind == WEIR_OTLP_LOGS
               ? es_route_log(self->router, self->items.item, &self->control, &self->error)
               : es_route_span(self->router, self->items.item, &self->control, &self->error);
}

static void assert_text(weir_text found, const char *expected)
{
    cr_assert(weir_text_is(found, expected), "\"%.*s\" is not \"%s\"", WEIR_TEXT_ARG(found), expected);
}

static void assert_index_by(es_routing routing, es_mode mode, weir_otlp_kind kind, const char *request,
                            const char *expected)
{
    fixture self = begin(routing, mode, kind, request);
    cr_assert(route(&self), "%s", self.error.text);
    assert_text(self.control.target.index, expected);
    end(&self);
}

static void assert_index(es_mode mode, const char *request, const char *expected)
{
    assert_index_by((es_routing){0}, mode, WEIR_OTLP_LOGS, request, expected);
}

static void assert_refused_by(es_routing routing, es_mode mode, weir_otlp_kind kind, const char *request,
                              const char *expected)
{
    fixture self = begin(routing, mode, kind, request);
    cr_assert_not(route(&self));
    cr_assert_str_eq(self.error.text, expected);
    cr_assert_eq(self.error.class_, WEIR_ERROR_PERMANENT);
    end(&self);
}

Test(elasticsearch_control, without_a_word_a_data_stream)
{
    fixture self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS, LOG(""));
    cr_assert(route(&self));
    assert_text(self.control.target.index, "logs-generic.otel-default");
    assert_text(self.control.target.type, "logs");
    assert_text(self.control.target.dataset, "generic.otel");
    assert_text(self.control.target.name_space, "default");
    cr_assert(es_target_is_data_stream(&self.control.target));
    cr_assert(!self.control.is_hidden && self.control.id.len == 0 && self.control.pipeline.len == 0);
    end(&self);
    assert_index(ES_MODE_ECS, LOG(""), "logs-generic-default");
    assert_index_by((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_TRACES, SPAN(""), "traces-generic.otel-default");
}

Test(elasticsearch_control, the_nearest_attribute_counts)
{
    assert_index(ES_MODE_ECS, LOGS(STREAM("r", "rn"), "", ""), "logs-r-rn");
    assert_index(ES_MODE_ECS, LOGS(STREAM("r", "rn"), ATTRIBUTES(STREAM("s", "sn")), ""), "logs-s-sn");
    assert_index(ES_MODE_ECS, LOGS(STREAM("r", "rn"), ATTRIBUTES(STREAM("s", "sn")), ATTRIBUTES(STREAM("i", "in"))),
                 "logs-i-in");
    assert_index(ES_MODE_ECS,
                 LOGS(STRING("data_stream.namespace", "rn"), "", ATTRIBUTES(STRING("data_stream.dataset", "i"))),
                 "logs-i-rn");
}

Test(elasticsearch_control, an_index_goes_before_data_streams_and_the_configuration_before_both)
{
    const char *const request = LOGS(STRING("elasticsearch.index", "mine"), "", ATTRIBUTES(STREAM("i", "in")));
    fixture self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS, request);
    cr_assert(route(&self));
    assert_text(self.control.target.index, "mine");
    cr_assert_not(es_target_is_data_stream(&self.control.target));
    end(&self);
    assert_index_by((es_routing){.logs_index = "fixed"}, ES_MODE_OTEL, WEIR_OTLP_LOGS, request, "fixed");
    assert_index_by((es_routing){.logs_index = "fixed"}, ES_MODE_OTEL, WEIR_OTLP_TRACES, SPAN(""),
                    "traces-generic.otel-default");
    assert_index_by((es_routing){.traces_index = "t"}, ES_MODE_OTEL, WEIR_OTLP_TRACES, SPAN(""), "t");
}

Test(elasticsearch_control, scopes_of_the_collector)
{
    assert_index(ES_MODE_OTEL, LOGS("", "\"name\":\"github.com/x/receiver/hostmetricsreceiver/internal\"", ""),
                 "logs-hostmetricsreceiver.otel-default");
    assert_index(ES_MODE_OTEL, LOGS("", "\"name\":\"x/connector/spanmetricsconnector\"", ""),
                 "logs-spanmetricsconnector.otel-default");
    assert_index(ES_MODE_OTEL, LOGS("", "\"name\":\"go.opentelemetry.io/collector/service\"", ""),
                 "logs-collectortelemetry.otel-default");
    assert_index(ES_MODE_OTEL,
                 LOGS("", "\"name\":\"x/receiver/areceiver\"," ATTRIBUTES(STRING("encoding.format", "aws.elb")), ""),
                 "logs-aws.elb.otel-default");
    assert_index(ES_MODE_OTEL, LOGS("", "\"name\":\"x/receiver/receiver\"", ""), "logs-generic.otel-default");
    assert_index(ES_MODE_OTEL, LOGS("", "\"name\":\"/receiver/x/receiver/areceiverb\"", ""),
                 "logs-areceiver.otel-default");
    assert_index(ES_MODE_OTEL, LOGS(STRING("data_stream.dataset", "d"), "\"name\":\"x/receiver/areceiver\"", ""),
                 "logs-d.otel-default");
}

Test(elasticsearch_control, what_a_data_stream_must_not_have)
{
    assert_index(ES_MODE_ECS, LOGS(STREAM("A-b/c*d?e f,g#h:i<j>k|l", "N-s\\\\\\\"x"), "", ""),
                 "logs-a_b_c_d_e_f_g_h_i_j_k_l-n-s__x");
    assert_index(ES_MODE_ECS, LOGS(STREAM("\xc3\x84\xce\xa9\xd0\x96", "\xff"), "", ""),
                 "logs-\xc3\xa4\xcf\x89\xd0\xb6-\xef\xbf\xbd");
    assert_index(ES_MODE_ECS, LOGS(STRING("data_stream.dataset", ""), "", ""), "logs-generic-default");
}

Test(elasticsearch_control, parts_are_cut_between_characters)
{
    WEIR_BUFFER part = {0}, name = {0};
    for (int i = 0; i < 60; i++)
        weir_buffer_append_text(&part, "\xe2\x82\xac");
    es_stream_part_append(ES_PART_DATASET, (weir_text){(const char *)part.data, part.len}, ".otel", &name);
    cr_assert_eq(name.len, 31 * 3 + 5);
    cr_assert(weir_utf8_valid(name.data, name.len));
}

Test(elasticsearch_control, attributes_that_are_no_strings_are_read_as_text)
{
    assert_index(
        ES_MODE_ECS,
        LOGS(ANY("data_stream.dataset", "{\"intValue\":7}") "," ANY("data_stream.namespace", "{\"doubleValue\":1.5}"),
             "", ""),
        "logs-7-1.5");
    assert_index(
        ES_MODE_ECS,
        LOGS(ANY("data_stream.dataset", "{\"boolValue\":true}") "," ANY("data_stream.namespace", "{}"), "", ""),
        "logs-true-default");
}

Test(elasticsearch_control, the_type_of_a_data_stream_in_bodymap)
{
    assert_index(ES_MODE_BODYMAP, LOGS(STRING("data_stream.type", "metrics"), "", ""), "metrics-generic-default");
    assert_index(ES_MODE_BODYMAP, LOG(""), "logs-generic-default");
    assert_index(ES_MODE_ECS, LOGS(STRING("data_stream.type", "metrics"), "", ""), "logs-generic-default");
    assert_refused_by((es_routing){0}, ES_MODE_BODYMAP, WEIR_OTLP_LOGS,
                      LOGS(STRING("data_stream.type", "traces"), "", ""),
                      "data_stream.type must be logs or metrics in the mapping mode bodymap");
}

Test(elasticsearch_control, names_no_index_can_have)
{
    static const struct {
        const char *name, *problem; /* NULL: none */
    } names[] = {
        {"logs", NULL},
        {".hidden", NULL},
        {"a+b-c_d", NULL},
        {"<logs-{now/d}>", NULL},
        {"\xc3\xa4", NULL},
        {"", "is empty"},
        {".", "is \".\" or \"..\""},
        {"..", "is \".\" or \"..\""},
        {"-a", "begins with '-', '_' or '+'"},
        {"_a", "begins with '-', '_' or '+'"},
        {"Logs", "has capital letters"},
        {"\xc3\x84", "has capital letters"},
        {"a b", "has one of \\ / * ? \" < > | , # : or a blank in it"},
        {"a,b", "has one of \\ / * ? \" < > | , # : or a blank in it"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        weir_error error = {0};
        cr_assert_eq(es_index_name_check(weir_text_of(names[i].name), &error), !names[i].problem, "%s", names[i].name);
        cr_assert(!names[i].problem || strstr(error.text, names[i].problem), "%s", error.text);
    }
    assert_refused_by((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                      LOG(ATTRIBUTES(STRING("elasticsearch.index", "A"))),
                      "no index can have the name \"A\": it has capital letters");
}

Test(elasticsearch_control, an_index_of_255_bytes_and_one_of_256)
{
    char name[257];
    weir_error error;
    memset(name, 'a', sizeof name);
    cr_assert(es_index_name_check((weir_text){name, 255}, &error));
    cr_assert_not(es_index_name_check((weir_text){name, 256}, &error));
}

Test(elasticsearch_control, ids_and_pipelines_where_they_are_wanted)
{
    const char *const request =
        LOG(ATTRIBUTES(STRING("elasticsearch.document_id", "7") "," STRING("elasticsearch.ingest_pipeline", "p")));
    fixture self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS, request);
    cr_assert(route(&self) && self.control.id.len == 0 && self.control.pipeline.len == 0);
    end(&self);
    self = begin((es_routing){.logs_dynamic_id = true, .logs_dynamic_pipeline = true}, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                 request);
    cr_assert(route(&self));
    assert_text(self.control.id, "7");
    assert_text(self.control.pipeline, "p");
    end(&self);
    self = begin((es_routing){.traces_dynamic_id = true}, ES_MODE_OTEL, WEIR_OTLP_TRACES,
                 SPAN(ATTRIBUTES(STRING("elasticsearch.document_id", "8"))));
    cr_assert(route(&self));
    assert_text(self.control.id, "8");
    end(&self);
}

Test(elasticsearch_control, a_record_that_is_not_to_be_indexed)
{
    fixture self =
        begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS,
              LOG(ATTRIBUTES(ANY("elasticsearch.mapping.hints",
                                 "{\"arrayValue\":{\"values\":[{\"intValue\":1},{\"stringValue\":\"_noindex\"}]}}"))));
    cr_assert(route(&self) && self.control.is_hidden);
    end(&self);
    self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                 LOG(ATTRIBUTES(STRING("elasticsearch.mapping.hints", "_noindex"))));
    cr_assert(route(&self) && !self.control.is_hidden, "only a list has hints");
    end(&self);
}

Test(elasticsearch_control, dates_are_those_of_the_record)
{
    const es_routing dated = {
        .logstash_format = true, .logstash_prefix_separator = "-", .logstash_date_format = "%Y.%m.%d"};
    fixture self = begin(dated, ES_MODE_OTEL, WEIR_OTLP_LOGS, LOG("\"timeUnixNano\":\"1709210096000000007\""));
    cr_assert(route(&self));
    assert_text(self.control.target.index, "logs-generic.otel-default-2024.02.29");
    cr_assert_not(es_target_is_data_stream(&self.control.target));
    end(&self);
    assert_index_by(dated, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                    LOG("\"observedTimeUnixNano\":\"86400000000000\"," ATTRIBUTES(STRING("elasticsearch.index", "x"))),
                    "x-1970.01.02");
    assert_index_by(dated, ES_MODE_OTEL, WEIR_OTLP_TRACES, SPAN("\"startTimeUnixNano\":\"86399999999999\""),
                    "traces-generic.otel-default-1970.01.01");
    assert_index_by(dated, ES_MODE_OTEL, WEIR_OTLP_LOGS, LOG("\"timeUnixNano\":\"18446744073709551615\""),
                    "logs-generic.otel-default-2262.04.11");
}

/* The second record's date is not the first one's. */
Test(elasticsearch_control, the_date_changes_with_the_record)
{
    const es_routing dated = {
        .logstash_format = true, .logstash_prefix_separator = "_", .logstash_date_format = "%H", .logs_index = "a"};
    fixture self = begin(dated, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                         "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"3600000000000\"},"
                         "{\"timeUnixNano\":\"7200000000000\"},{\"timeUnixNano\":\"7199999999999\"}]}]}]}");
    static const char *const expected[] = {"a_01", "a_02", "a_01"};
    for (int i = 0; i < 3; i++) {
        cr_assert(route(&self));
        assert_text(self.control.target.index, expected[i]);
        cr_assert_eq(weir_otlp_items_next(&self.items), i < 2);
    }
    end(&self);
}

static void assert_date(const char *format, uint64_t second, const char *expected)
{
    WEIR_BUFFER text = {0};
    weir_error error;
    uint64_t step;
    cr_assert(es_date_format_check(format, &step, &error));
    es_date_format_write(format, second * 1000000000, &text);
    cr_assert_str_eq(weir_buffer_string(&text), expected);
}

Test(elasticsearch_control, conversions_of_dates)
{
    assert_date("%Y-%m-%dt%H:%M:%S %%", 1709210096, "2024-02-29t12:34:56 %");
    assert_date("%F %y %C %j", 1709210096, "2024-02-29 24 20 060");
    assert_date("%-m.%-d", 1709210096, "2.29");
    assert_date("%G.%V %g %u %w", 1609459200, "2020.53 20 5 5"); /* 2021-01-01 */
    assert_date("%G.%V %U %W", 1735516800, "2025.01 52 53");     /* 2024-12-30, a Monday */
    assert_date("%u %w %U %W", 1704585600, "7 0 01 01");         /* 2024-01-07, a Sunday */
}

Test(elasticsearch_control, how_long_a_date_stays_the_same)
{
    weir_error error;
    uint64_t step;
    cr_assert(es_date_format_check("%Y", &step, &error) && step == UINT64_C(86400000000000));
    cr_assert(es_date_format_check("%H", &step, &error) && step == UINT64_C(3600000000000));
    cr_assert(es_date_format_check("%S%H", &step, &error) && step == UINT64_C(1000000000));
    cr_assert_not(es_date_format_check("%Y%B", &step, &error));
    cr_assert_str_eq(error.text, "the date format \"%Y%B\" has %B, which is not supported");
    cr_assert_not(es_date_format_check("%", &step, &error));
    cr_assert_not(es_date_format_check("%-", &step, &error));
}

Test(elasticsearch_control, events_of_spans)
{
    const char *const request =
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[" STRING("service.name", "My-Shop") "," STRING(
            "data_stream.namespace", "n") "]},\"scopeSpans\":[{\"spans\":[{\"events\":[{\"name\":\"exception\","
                                          "\"attributes\":[" STRING("exception.type",
                                                                    "E") "]},{\"name\":\"exception\"}]}]}]}]}";
    static const char *const of_ecs[] = {"logs-apm.error-n", "logs-apm.app.my_shop-n"};
    for (int mode = ES_MODE_OTEL; mode <= ES_MODE_ECS; mode++) {
        fixture self = begin((es_routing){0}, (es_mode)mode, WEIR_OTLP_TRACES, request);
        weir_otlp_walk events = weir_otlp_walk_in(self.items.item, WEIR_OTLP_SPAN_EVENTS);
        int count = 0;
        for (weir_bytes event; weir_otlp_walk_next(&events, &event); count++) {
            cr_assert(es_route_span_event(self.router, self.items.item, event, &self.control, &self.error));
            assert_text(self.control.target.index, mode == ES_MODE_ECS ? of_ecs[count] : "logs-generic.otel-n");
        }
        cr_assert_eq(count, 2);
        end(&self);
    }
}

Test(elasticsearch_control, the_mode_a_scope_asks_for)
{
    fixture self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                         LOGS("", ATTRIBUTES(STRING("elastic.mapping.mode", "bodymap")), ""));
    assert_text(es_scope_mode(self.items.scope), "bodymap");
    end(&self);
    self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS, LOG(""));
    cr_assert_null(es_scope_mode(self.items.scope).data);
    end(&self);
    self = begin((es_routing){0}, ES_MODE_OTEL, WEIR_OTLP_LOGS,
                 LOGS("", ATTRIBUTES(ANY("elastic.mapping.mode", "{\"intValue\":1}")), ""));
    es_mode mode;
    cr_assert_not_null(es_scope_mode(self.items.scope).data);
    cr_assert_not(es_mode_find(es_scope_mode(self.items.scope), &mode));
    end(&self);
}

Test(elasticsearch_control, names_of_modes)
{
    es_mode mode;
    cr_assert(es_mode_find(WEIR_TEXT("ECS"), &mode) && mode == ES_MODE_ECS);
    cr_assert(es_mode_find(WEIR_TEXT("no"), &mode) && mode == ES_MODE_NONE);
    cr_assert(es_mode_find(WEIR_TEXT(""), &mode) && mode == ES_MODE_NONE);
    cr_assert_not(es_mode_find(WEIR_TEXT("otel2"), &mode));
}
