/* SPDX-License-Identifier: Apache-2.0
 *
 * The modes none and raw: OpenTelemetry's names, dots left in them, as the Collector writes them.
 */
#include <criterion/criterion.h>

#include "documents.h"

#define STREAM                                                                                                 \
    "\"Attributes.data_stream.type\":\"T\",\"Attributes.data_stream.dataset\":\"D\",\"Attributes.data_stream." \
    "namespace\":\"N\""
#define RAW_STREAM "\"data_stream.type\":\"T\",\"data_stream.dataset\":\"D\",\"data_stream.namespace\":\"N\""
#define SCOPE "\"Scope.name\":\"\",\"Scope.version\":\"\""
#define START "\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\""
#define EMPTY_LOG START ",\"TraceFlags\":0,\"SeverityNumber\":0," SCOPE
#define EMPTY_SPAN                                                                                          \
    START ",\"EndTimestamp\":\"1970-01-01T00:00:00.000000000Z\",\"Duration\":0,\"TraceStatus\":0,\"Kind\":" \
          "\"SPAN_KIND_UNSPECIFIED\"," SCOPE
#define NO_LINK ",\"Link\":\"[]\""

static void assert_log(es_mode mode, const char *request, const char *expected)
{
    documents_assert(mode, WEIR_OTLP_LOGS, request, expected);
}

static void assert_span(es_mode mode, const char *request, const char *expected)
{
    documents_assert(mode, WEIR_OTLP_TRACES, request, expected);
}

/* ---- Logs -------------------------------------------------------------------------------------------------------- */

Test(elasticsearch_none, an_empty_record)
{
    assert_log(ES_MODE_NONE, LOG(""), "{" EMPTY_LOG "," STREAM "}");
    assert_log(ES_MODE_RAW, LOG(""), "{" EMPTY_LOG "," RAW_STREAM "}");
}

#define FULL_LOG                                                                                                    \
    "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" STRING(                                                    \
        "service.name",                                                                                             \
        "shop") "]},\"scopeLogs\":[{"                                                                               \
                "\"scope\":{\"name\":\"lib\",\"version\":\"1\",\"attributes\":[" STRING("s.a", "x") "," STRING(     \
                    "name", "other") "]},\"logRecords\":[{\"timeUnixNano\":\"1700000000123456789\","                \
                                     "\"severityNumber\":9,\"severityText\":\"INFO\","                              \
                                     "\"body\":{\"kvlistValue\":{\"values\":[" STRING(                              \
                                         "msg", "hello") "]}},\"flags\":1,"                                         \
                                                         "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\","        \
                                                         "\"spanId\":\"0102030405060708\",\"attributes\":[" STRING( \
                                                             "user.id", "7") "]}]}]}]}"
#define FULL_LOG_DOCUMENT                                                                                       \
    "\"@timestamp\":\"2023-11-14T22:13:20.123456789Z\",\"TraceId\":\"0102030405060708090a0b0c0d0e0f10\","       \
    "\"SpanId\":\"0102030405060708\",\"TraceFlags\":1,\"SeverityText\":\"INFO\",\"SeverityNumber\":9,"          \
    "\"Body.msg\":\"hello\",\"Resource.service.name\":\"shop\",\"Scope.name\":\"lib\",\"Scope.version\":\"1\"," \
    "\"Scope.s.a\":\"x\""

Test(elasticsearch_none, everything_a_record_has)
{
    assert_log(ES_MODE_NONE, FULL_LOG, "{" FULL_LOG_DOCUMENT ",\"Attributes.user.id\":\"7\"," STREAM "}");
    assert_log(ES_MODE_RAW, FULL_LOG, "{" FULL_LOG_DOCUMENT ",\"user.id\":\"7\"," RAW_STREAM "}");
}

Test(elasticsearch_none, a_record_without_a_time_has_the_observed_one)
{
    assert_log(ES_MODE_NONE, LOG("\"observedTimeUnixNano\":\"1\""),
               "{\"@timestamp\":\"1970-01-01T00:00:00.000000001Z\",\"TraceFlags\":0,\"SeverityNumber\":0," SCOPE
               "," STREAM "}");
}

Test(elasticsearch_none, bodies_of_all_types)
{
    static const char *const rows[][2] = {
        {"{}", ""},
        {"{\"stringValue\":\"\"}", ",\"Body\":\"\""},
        {"{\"intValue\":\"-9223372036854775808\"}", ",\"Body\":-9223372036854775808"},
        {"{\"doubleValue\":1}", ",\"Body\":1.0"},
        {"{\"doubleValue\":\"NaN\"}", ",\"Body\":null"},
        {"{\"doubleValue\":\"-Infinity\"}", ",\"Body\":null"},
        {"{\"boolValue\":false}", ",\"Body\":false"},
        {"{\"bytesValue\":\"AP8=\"}", ""},
        {"{\"arrayValue\":{}}", ""},
        {"{\"kvlistValue\":{}}", ""},
        {"{\"arrayValue\":{\"values\":[{\"bytesValue\":\"AP8=\"},{},{\"arrayValue\":{}},{\"kvlistValue\":{}}]}}",
         ",\"Body\":[null,null,[],null]"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_FREE char *request = weir_format(LOG("\"body\":%s"), rows[i][0]);
        WEIR_FREE char *expected = weir_format("{" EMPTY_LOG "," STREAM "%s}", rows[i][1]);
        assert_log(ES_MODE_NONE, request, expected);
    }
}

Test(elasticsearch_none, in_raw_an_attribute_takes_the_place_of_a_field)
{
    assert_log(ES_MODE_RAW, LOG("\"severityText\":\"INFO\",\"attributes\":[" STRING("SeverityText", "mine") "]"),
               "{" EMPTY_LOG "," RAW_STREAM ",\"SeverityText\":\"mine\"}");
}

Test(elasticsearch_none, in_raw_nothing_lies_beneath_what_data_streams_need)
{
    assert_log(ES_MODE_RAW,
               LOG("\"attributes\":[" STRING("@timestamp.x", "a") "," STRING("data_stream.type.x", "b") "]"),
               "{" EMPTY_LOG "," RAW_STREAM "}");
}

/* ---- Spans ------------------------------------------------------------------------------------------------------- */

Test(elasticsearch_none, an_empty_span)
{
    assert_span(ES_MODE_NONE, SPAN(""), "{" EMPTY_SPAN NO_LINK "," STREAM "}");
    assert_span(ES_MODE_RAW, SPAN(""), "{" EMPTY_SPAN NO_LINK "," RAW_STREAM "}");
}

Test(elasticsearch_none, everything_a_span_has)
{
    assert_span(ES_MODE_NONE,
                SPAN("\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
                     "\"parentSpanId\":\"1112131415161718\",\"name\":\"GET /\",\"kind\":3,"
                     "\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":\"1000002999\","
                     "\"status\":{\"code\":2,\"message\":\"bad\"},\"attributes\":[" STRING("a.b", "c") "]"),
                "{\"@timestamp\":\"1970-01-01T00:00:01.000000000Z\","
                "\"EndTimestamp\":\"1970-01-01T00:00:01.000002999Z\",\"Duration\":2,\"TraceStatus\":2,"
                "\"TraceStatusDescription\":\"bad\",\"Kind\":\"SPAN_KIND_CLIENT\",\"Name\":\"GET /\","
                "\"TraceId\":\"0102030405060708090a0b0c0d0e0f10\",\"SpanId\":\"0102030405060708\","
                "\"ParentSpanId\":\"1112131415161718\",\"Attributes.a.b\":\"c\"," SCOPE NO_LINK "," STREAM "}");
}

Test(elasticsearch_none, a_span_that_ends_before_it_starts)
{
    assert_span(ES_MODE_NONE, SPAN("\"startTimeUnixNano\":\"2999\""),
                "{\"@timestamp\":\"1970-01-01T00:00:00.000002999Z\","
                "\"EndTimestamp\":\"1970-01-01T00:00:00.000000000Z\",\"Duration\":-2,\"TraceStatus\":0,\"Kind\":"
                "\"SPAN_KIND_UNSPECIFIED\"," SCOPE NO_LINK "," STREAM "}");
}

#define EVENTS                                                                                                  \
    SPAN("\"events\":[{\"name\":\"e\",\"timeUnixNano\":\"1\",\"attributes\":[" STRING("a", "first") "," STRING( \
        "b", "first") "]},{\"name\":\"e\",\"timeUnixNano\":\"2\",\"attributes\":[" STRING("a", "last") "]}]")

Test(elasticsearch_none, events_are_in_the_document_of_the_span_the_last_of_a_name_wins)
{
    assert_span(ES_MODE_NONE, EVENTS,
                "{" EMPTY_SPAN NO_LINK "," STREAM ",\"Events.e.time\":\"1970-01-01T00:00:00.000000002Z\","
                "\"Events.e.a\":\"last\",\"Events.e.b\":\"first\"}");
    assert_span(ES_MODE_RAW, EVENTS,
                "{" EMPTY_SPAN NO_LINK "," RAW_STREAM ",\"e.time\":\"1970-01-01T00:00:00.000000002Z\","
                "\"e.a\":\"last\",\"e.b\":\"first\"}");
}

Test(elasticsearch_none, an_event_without_a_name)
{
    static const char request[] = SPAN("\"events\":[{\"attributes\":[" STRING("a", "x") "]}]");
    assert_span(ES_MODE_NONE, request,
                "{" EMPTY_SPAN NO_LINK "," STREAM ",\"Events._.time\":\"1970-01-01T00:00:00.000000000Z\","
                "\"Events._.a\":\"x\"}");
    assert_span(ES_MODE_RAW, request,
                "{" EMPTY_SPAN NO_LINK "," RAW_STREAM ",\"_.time\":\"1970-01-01T00:00:00.000000000Z\",\"_.a\":\"x\"}");
}

/* ---- Links ------------------------------------------------------------------------------------------------------- */

static void assert_link_attribute(const char *value, const char *expected)
{
    WEIR_FREE char *request = weir_format(SPAN("\"links\":[{\"attributes\":[{\"key\":\"k\",\"value\":%s}]}]"), value);
    WEIR_FREE char *link = weir_format("[{\"attribute\":{\"k\":%s},\"spanID\":\"\",\"traceID\":\"\"}]", expected);
    WEIR_BUFFER document = {0};
    weir_buffer_append_text(&document, "{" EMPTY_SPAN "," STREAM ",\"Link\":");
    weir_buffer_append_json_string(&document, link);
    weir_buffer_append_text(&document, "}");
    assert_span(ES_MODE_NONE, request, weir_buffer_string(&document));
}

Test(elasticsearch_none, values_in_links_are_written_as_go_writes_json)
{
    assert_link_attribute("{}", "null");
    assert_link_attribute("{\"stringValue\":\"<a&b>\\u2028\\b\\f\\n\\u0001\\\"\"}",
                          "\"\\u003ca\\u0026b\\u003e\\u2028\\b\\f\\n\\u0001\\\"\"");
    assert_link_attribute("{\"intValue\":\"-5\"}", "-5");
    assert_link_attribute("{\"doubleValue\":1}", "1");
    assert_link_attribute("{\"doubleValue\":1e21}", "1e+21");
    assert_link_attribute("{\"doubleValue\":1e-7}", "1e-7");
    assert_link_attribute("{\"doubleValue\":\"NaN\"}", "null");
    assert_link_attribute("{\"boolValue\":true}", "true");
    assert_link_attribute("{\"bytesValue\":\"AP8=\"}", "\"AP8=\"");
    assert_link_attribute("{\"bytesValue\":\"\"}", "null");
    assert_link_attribute("{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{\"arrayValue\":{}}]}}", "[1,[]]");
    assert_link_attribute(
        "{\"kvlistValue\":{\"values\":[" STRING("b", "1") "," STRING("a", "2") "," STRING("b", "3") "]}}",
        "{\"a\":\"2\",\"b\":\"3\"}");
}

Test(elasticsearch_none, links_are_one_text)
{
    assert_span(
        ES_MODE_RAW,
        SPAN("\"links\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\"},{}]"),
        "{" EMPTY_SPAN "," RAW_STREAM ",\"Link\":\"[{\\\"attribute\\\":{},\\\"spanID\\\":\\\"0102030405060708\\\","
        "\\\"traceID\\\":\\\"0102030405060708090a0b0c0d0e0f10\\\"},{\\\"attribute\\\":{},\\\"spanID\\\":\\\"\\\","
        "\\\"traceID\\\":\\\"\\\"}]\"}");
}
