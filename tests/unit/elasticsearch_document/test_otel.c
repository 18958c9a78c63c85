/* SPDX-License-Identifier: Apache-2.0
 *
 * The mode otel, feature by feature, as the Collector's serializer writes it; then what only Elasticsearch minds.
 */
#include <criterion/criterion.h>

#include "documents.h"

#define MAP(members) "{\"kvlistValue\":{\"values\":[" members "]}}"
#define ARRAY(elements) "{\"arrayValue\":{\"values\":[" elements "]}}"
#define DOUBLE(key, number) ANY(key, "{\"doubleValue\":" number "}")

#define STREAM "\"data_stream\":{\"type\":\"T\",\"dataset\":\"D\",\"namespace\":\"N\"}"
#define NOTHING_AROUND "\"resource\":{},\"scope\":{}"
/* The document of a log record of which only `members` are known. */
#define LOG_DOCUMENT(members) \
    "{\"@timestamp\":\"0.0\",\"observed_timestamp\":\"0.0\"," STREAM members "," NOTHING_AROUND "}"
#define SPAN_DOCUMENT(members) "{\"@timestamp\":\"0.0\"," STREAM ",\"links\":[]" members "," NOTHING_AROUND "}"
#define EMPTY_SPAN ",\"kind\":\"Unspecified\",\"duration\":0,\"status\":{}"

static void assert_log(const char *request, const char *expected)
{
    documents_assert(ES_MODE_OTEL, WEIR_OTLP_LOGS, request, expected);
}

static void assert_span(const char *request, const char *expected)
{
    documents_assert(ES_MODE_OTEL, WEIR_OTLP_TRACES, request, expected);
}

Test(elasticsearch_otel, an_empty_record)
{
    assert_log(LOG(""), LOG_DOCUMENT(""));
}

Test(elasticsearch_otel, everything_a_record_has)
{
    assert_log(
        "{\"resourceLogs\":[{\"schemaUrl\":\"http://"
        "r\",\"resource\":{\"droppedAttributesCount\":2,\"attributes\":[" STRING(
            "service.name",
            "shop") "]},\"scopeLogs\":[{\"schemaUrl\":\"http://s\",\"scope\":{\"name\":\"lib\","
                    "\"version\":\"1\",\"droppedAttributesCount\":3,\"attributes\":[" STRING(
                        "x",
                        "y") "]},\"logRecords\":[{"
                             "\"timeUnixNano\":\"1700000000123000456\",\"observedTimeUnixNano\":"
                             "\"1700000001000000000\","
                             "\"severityNumber\":9,\"severityText\":\"INFO\",\"body\":{"
                             "\"stringValue\":\"hello\"},"
                             "\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":"
                             "\"0102030405060708\",\"flags\":1,"
                             "\"droppedAttributesCount\":4,\"eventName\":\"e\",\"attributes\":"
                             "[" STRING("a", "b") "," ANY("i", "{\"intValue\":\"-5\"}") "," DOUBLE("d", "2") "," ANY("t", "{\"boolValue\":true}") "," ANY(
                                 "n",
                                 "{}") "," ANY("x",
                                               "{\"bytesValue\":\"AP8=\"}") "," ANY("l",
                                                                                    ARRAY(
                                                                                        "{\"intVal"
                                                                                        "ue\":1},{"
                                                                                        "}")) "," ANY("m",
                                                                                                      MAP(STRING(
                                                                                                          "k",
                                                                                                          "v"))) "]}]}]"
                                                                                                                 "}]}",
        "{\"@timestamp\":\"1700000000123.000456\",\"observed_timestamp\":\"1700000001000.0\"," STREAM ","
        "\"severity_text\":\"INFO\",\"severity_number\":9,\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\","
        "\"span_id\":\"0102030405060708\",\"attributes\":{\"a\":\"b\",\"i\":-5,\"d\":2.0,\"t\":true,\"n\":null,"
        "\"x\":\"00ff\",\"l\":[1,null],\"m\":{\"k\":\"v\"}},\"dropped_attributes_count\":4,\"event_name\":\"e\","
        "\"resource\":{\"schema_url\":\"http://r\",\"attributes\":{\"service.name\":\"shop\"},"
        "\"dropped_attributes_count\":2},\"scope\":{\"schema_url\":\"http://s\",\"name\":\"lib\",\"version\":\"1\","
        "\"attributes\":{\"x\":\"y\"},\"dropped_attributes_count\":3},\"body\":{\"text\":\"hello\"}}");
}

Test(elasticsearch_otel, the_time_observed_stands_in_for_the_time)
{
    assert_log(LOG("\"observedTimeUnixNano\":\"2000001\""),
               "{\"@timestamp\":\"2.000001\",\"observed_timestamp\":\"2.000001\"," STREAM "," NOTHING_AROUND "}");
}

Test(elasticsearch_otel, a_document_elsewhere_says_no_data_stream)
{
    WEIR_BUFFER request = {0}, out = {0};
    const es_target target = {.index = WEIR_TEXT("mine")};
    documents_request(WEIR_OTLP_LOGS, LOG(""), &request);
    documents_write(ES_MODE_OTEL, WEIR_OTLP_LOGS, (weir_bytes){request.data, request.len}, &target, &out);
    cr_assert_str_eq(weir_buffer_string(&out),
                     "{\"@timestamp\":\"0.0\",\"observed_timestamp\":\"0.0\"," NOTHING_AROUND "}\n");
}

Test(elasticsearch_otel, bodies)
{
    assert_log(LOG("\"body\":{\"stringValue\":\"\"}"), LOG_DOCUMENT(",\"body\":{\"text\":\"\"}"));
    assert_log(LOG("\"body\":{\"intValue\":5}"), LOG_DOCUMENT(",\"body\":{\"text\":5}"));
    assert_log(LOG("\"body\":{}"), LOG_DOCUMENT(""));
    assert_log(LOG("\"body\":" MAP(STRING("a", "b"))), LOG_DOCUMENT(",\"body\":{\"structured\":{\"a\":\"b\"}}"));
    assert_log(LOG("\"body\":" ARRAY(MAP(STRING("a", "b")) "," MAP(""))),
               LOG_DOCUMENT(",\"body\":{\"structured\":[{\"a\":\"b\"},{}]}"));
    assert_log(LOG("\"body\":" ARRAY("")), LOG_DOCUMENT(",\"body\":{\"structured\":[]}"));
    assert_log(LOG("\"body\":" ARRAY(MAP("") ",{\"stringValue\":\"x\"}")),
               LOG_DOCUMENT(",\"body\":{\"structured\":{\"value\":[{},\"x\"]}}"));
}

Test(elasticsearch_otel, the_name_of_an_event_may_be_an_attribute)
{
    assert_log(LOG("\"attributes\":[" STRING("event.name", "a") "]"),
               LOG_DOCUMENT(",\"attributes\":{\"event.name\":\"a\"},\"event_name\":\"a\""));
    assert_log(LOG("\"eventName\":\"b\",\"attributes\":[" STRING("event.name", "a") "]"),
               LOG_DOCUMENT(",\"attributes\":{\"event.name\":\"a\"},\"event_name\":\"b\""));
    assert_log(LOG("\"attributes\":[" ANY("event.name", "{\"intValue\":1}") "]"),
               LOG_DOCUMENT(",\"attributes\":{\"event.name\":1}"));
}

Test(elasticsearch_otel, attributes_that_route_are_not_in_the_document)
{
    assert_log(
        LOG("\"attributes\":[" STRING("data_stream.type", "t") "," STRING("data_stream.dataset", "d") "," STRING(
            "data_stream.namespace",
            "n") "," STRING("elasticsearch.index",
                            "i") "," STRING("elasticsearch.document_id",
                                            "1") "," STRING("elasticsearch.ingest_pipeline",
                                                            "p") "," STRING("elasticsearch.mapping.hints",
                                                                            "h") "," STRING("elastic.mapping.mode",
                                                                                            "ecs") "," STRING("elastics"
                                                                                                              "earch."
                                                                                                              "indices",
                                                                                                              "stays") "]"),
        LOG_DOCUMENT(",\"attributes\":{\"elasticsearch.indices\":\"stays\"}"));
    assert_log(LOG("\"attributes\":[" STRING("data_stream.type", "t") "]"), LOG_DOCUMENT(",\"attributes\":{}"));
}

Test(elasticsearch_otel, of_a_key_that_comes_twice_the_first_stays)
{
    assert_log(LOG("\"attributes\":[" STRING("a", "1") "," STRING("b", "2") "," ANY("a", MAP("")) "]"),
               LOG_DOCUMENT(",\"attributes\":{\"a\":\"1\",\"b\":\"2\"}"));
    assert_log(LOG("\"body\":" MAP(STRING("a", "1") "," STRING("a", "2"))),
               LOG_DOCUMENT(",\"body\":{\"structured\":{\"a\":\"1\"}}"));
}

Test(elasticsearch_otel, latitude_and_longitude_are_a_point)
{
    assert_log(
        LOG("\"attributes\":[" DOUBLE("geo.location.lat", "1.5") "," DOUBLE("a.geo.location.lon", "2.5") "," DOUBLE(
            "geo.location.lon",
            "3.5") "," DOUBLE("a.geo.location.lat",
                              "4.5") "," DOUBLE("b.geo.location.lat",
                                                "5.5") "," DOUBLE("xgeo.location.lat",
                                                                  "6.5") "," ANY("c.geo.location.lat",
                                                                                 "{\"intValue\":7}") "]"),
        LOG_DOCUMENT(",\"attributes\":{\"geo.location\":[3.5,1.5],\"a.geo.location\":[2.5,4.5],"
                     "\"b.geo.location.lat\":5.5,\"xgeo.location.lat\":6.5,\"c.geo.location.lat\":7}"));
}

Test(elasticsearch_otel, what_is_no_place_on_earth_is_no_point)
{
    assert_log(LOG("\"attributes\":[" DOUBLE("geo.location.lat", "91") "," DOUBLE("geo.location.lon", "1") "," DOUBLE(
                   "a.geo.location.lat", "\"NaN\"") "," DOUBLE("a.geo.location.lon", "1") "]"),
               LOG_DOCUMENT(",\"attributes\":{\"geo.location.lat\":91.0,\"geo.location.lon\":1.0,"
                            "\"a.geo.location.lat\":null,\"a.geo.location.lon\":1.0}"));
}

Test(elasticsearch_otel, keys_without_a_name)
{
    assert_log(LOG("\"attributes\":[" STRING("", "1") "," STRING(" ", "2") "," STRING("a..b", "3") "]"),
               LOG_DOCUMENT(",\"attributes\":{\"_\":\"1\",\"a._.b\":\"3\"}"));
}

Test(elasticsearch_otel, numbers_that_are_none)
{
    assert_log(LOG("\"attributes\":[" DOUBLE("a", "\"NaN\"") "," DOUBLE("b", "\"-Infinity\"") "]"),
               LOG_DOCUMENT(",\"attributes\":{\"a\":null,\"b\":null}"));
}

Test(elasticsearch_otel, a_severity_no_byte_can_hold_is_left_out)
{
    assert_log(LOG("\"severityNumber\":300"), LOG_DOCUMENT(""));
    assert_log(LOG("\"severityNumber\":127"), LOG_DOCUMENT(",\"severity_number\":127"));
}

/* Elasticsearch's `flattened` takes 20 maps in each other. */
Test(elasticsearch_otel, deep_maps_become_text)
{
    enum { MAPS = 60 };
    WEIR_BUFFER request = {0}, expected = {0};
    weir_buffer_append_text(&request, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":");
    for (int i = 0; i < MAPS; i++)
        weir_buffer_append_text(&request, "{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":");
    weir_buffer_append_text(&request, "{\"stringValue\":\"v\"}");
    for (int i = 0; i < MAPS; i++)
        weir_buffer_append_text(&request, "}]}}");
    weir_buffer_append_text(&request, "}]}]}]}");
    weir_buffer_append_text(&expected, "{\"@timestamp\":\"0.0\",\"observed_timestamp\":\"0.0\"," STREAM
                                       ",\"body\":{\"structured\":");
    for (int i = 0; i < 16; i++)
        weir_buffer_append_text(&expected, "{\"k\":");
    weir_buffer_append_text(&expected, "\"");
    for (int i = 16; i < MAPS; i++)
        weir_buffer_append_text(&expected, "{\\\"k\\\":");
    weir_buffer_append_text(&expected, "\\\"v\\\"");
    for (int i = 16; i < MAPS; i++)
        weir_buffer_append_text(&expected, "}");
    weir_buffer_append_text(&expected, "\"");
    for (int i = 0; i < 16; i++)
        weir_buffer_append_text(&expected, "}");
    weir_buffer_append_text(&expected, "}," NOTHING_AROUND "}");
    assert_log(weir_buffer_string(&request), weir_buffer_string(&expected));
}

/* Not UTF-8, in every place that has a text: each byte that belongs to no character becomes U+FFFD. */
Test(elasticsearch_otel, bytes_that_are_not_utf_8)
{
    assert_log(LOG("\"severityText\":\"a\xff\",\"body\":{\"stringValue\":\"\xc3\"},\"attributes\":[" STRING(
                   "\xfe", "\xe2\x82") "," STRING("\xff", "the same key") "]"),
               LOG_DOCUMENT(",\"severity_text\":\"a\xef\xbf\xbd\",\"body\":{\"text\":\"\xef\xbf\xbd\"},"
                            "\"attributes\":{\"\xef\xbf\xbd\":\"\xef\xbf\xbd\xef\xbf\xbd\"}"));
}

Test(elasticsearch_otel, an_empty_span)
{
    assert_span(SPAN(""), SPAN_DOCUMENT(EMPTY_SPAN));
}

Test(elasticsearch_otel, everything_a_span_has)
{
    assert_span(SPAN("\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
                     "\"parentSpanId\":\"1112131415161718\",\"traceState\":\"a=b\",\"name\":\"GET /\",\"kind\":2,"
                     "\"startTimeUnixNano\":\"1000000\",\"endTimeUnixNano\":\"1000042\",\"attributes\":[" STRING(
                         "a", "b") "],\"droppedAttributesCount\":1,\"droppedEventsCount\":2,\"droppedLinksCount\":3,"
                                   "\"status\":{\"code\":2,"
                                   "\"message\":\"no\"},\"links\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f11\","
                                   "\"spanId\":\"0102030405060709\",\"traceState\":\"c=d\",\"droppedAttributesCount\":"
                                   "4,\"attributes\":[" STRING("e", "f") "]},{}]"),
                "{\"@timestamp\":\"1.0\"," STREAM ",\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\","
                "\"span_id\":\"0102030405060708\",\"parent_span_id\":\"1112131415161718\",\"trace_state\":\"a=b\","
                "\"name\":\"GET /\",\"kind\":\"Server\",\"duration\":42,\"attributes\":{\"a\":\"b\"},"
                "\"dropped_attributes_count\":1,\"dropped_events_count\":2,\"dropped_links_count\":3,"
                "\"status\":{\"code\":\"Error\",\"message\":\"no\"},\"links\":[{\"trace_id\":"
                "\"0102030405060708090a0b0c0d0e0f11\",\"span_id\":\"0102030405060709\",\"trace_state\":\"c=d\","
                "\"attributes\":{\"e\":\"f\"},\"dropped_attributes_count\":4},{}]," NOTHING_AROUND "}");
}

Test(elasticsearch_otel, kinds_and_statuses_that_nobody_knows)
{
    assert_span(SPAN("\"kind\":6,\"status\":{\"code\":1}"),
                SPAN_DOCUMENT(",\"duration\":0,\"status\":{\"code\":\"Ok\"}"));
    assert_span(SPAN("\"kind\":-1,\"status\":{\"code\":3}"), SPAN_DOCUMENT(",\"duration\":0,\"status\":{}"));
}

Test(elasticsearch_otel, durations_stay_within_a_long)
{
    assert_span(SPAN("\"endTimeUnixNano\":\"18446744073709551615\""),
                SPAN_DOCUMENT(",\"kind\":\"Unspecified\",\"duration\":9223372036854775807,\"status\":{}"));
    assert_span(SPAN("\"startTimeUnixNano\":\"1000000\",\"endTimeUnixNano\":\"999999\""),
                "{\"@timestamp\":\"1.0\"," STREAM ",\"links\":[]" EMPTY_SPAN "," NOTHING_AROUND "}");
}

Test(elasticsearch_otel, events_are_documents_of_their_own)
{
    assert_span(
        SPAN("\"traceId\":\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\",\"events\":[{"
             "\"timeUnixNano\":\"7\",\"name\":\"exception\",\"droppedAttributesCount\":1,\"attributes\":[" STRING(
                 "event.name", "other") "," STRING("a",
                                                   "b") "]},{\"attributes\":[" STRING("event.name",
                                                                                      "x") "]},{\"name\":\"bare\"}]"),
        "{\"@timestamp\":\"0.0\"," STREAM ",\"links\":[],\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\","
        "\"span_id\":\"0102030405060708\"" EMPTY_SPAN "," NOTHING_AROUND "}\n"
        "{\"@timestamp\":\"0.000007\"," STREAM ",\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\","
        "\"span_id\":\"0102030405060708\",\"dropped_attributes_count\":1,\"event_name\":\"exception\","
        "\"attributes\":{\"event.name\":\"exception\",\"a\":\"b\"}," NOTHING_AROUND "}\n"
        "{\"@timestamp\":\"0.0\"," STREAM ",\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\","
        "\"span_id\":\"0102030405060708\",\"attributes\":{\"event.name\":\"x\"}," NOTHING_AROUND "}\n"
        "{\"@timestamp\":\"0.0\"," STREAM ",\"trace_id\":\"0102030405060708090a0b0c0d0e0f10\","
        "\"span_id\":\"0102030405060708\",\"event_name\":\"bare\",\"attributes\":{\"event.name\":\"bare\"}"
        "," NOTHING_AROUND "}");
}

/* One encoder, requests that lie where others lay: leave says so. */
Test(elasticsearch_otel, what_is_around_changes_with_the_request)
{
    WEIR_BUFFER first = {0}, second = {0}, out = {0};
    weir_error error;
    es_encoder *encoder = es_encoder_new();
    const es_target target = {.index = WEIR_TEXT("mine")};
    documents_request(WEIR_OTLP_LOGS,
                      "{\"resourceLogs\":[{\"scopeLogs\":[{\"scope\":{\"name\":\"a\"},\"logRecords\":[{}]}]}]}",
                      &first);
    documents_request(WEIR_OTLP_LOGS,
                      "{\"resourceLogs\":[{\"scopeLogs\":[{\"scope\":{\"name\":\"b\"},\"logRecords\":[{}]}]}]}",
                      &second);
    cr_assert_eq(first.len, second.len);
    for (int turn = 0; turn < 2; turn++) {
        weir_otlp_items items = weir_otlp_items_of(WEIR_OTLP_LOGS, (weir_bytes){first.data, first.len});
        cr_assert(weir_otlp_items_next(&items));
        es_encoder_enter(encoder, ES_MODE_OTEL, items.resource, items.scope);
        cr_assert(es_encode_log(encoder, items.item, &target, &out, &error));
        es_encoder_leave(encoder);
        memcpy(first.data, second.data, first.len);
    }
    cr_assert_not_null(strstr(weir_buffer_string(&out), "\"scope\":{\"name\":\"a\"}"));
    cr_assert_not_null(strstr(weir_buffer_string(&out), "\"scope\":{\"name\":\"b\"}"));
    es_encoder_free(encoder);
}
