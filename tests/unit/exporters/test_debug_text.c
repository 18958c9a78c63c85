/* SPDX-License-Identifier: Apache-2.0
 *
 * Values, times and a whole span as the Collector's debug exporter writes them. The expected texts were read off its
 * own tests and off Go's strconv; tests/compat compares whole outputs.
 */
#include <criterion/criterion.h>

#include "exporters/debug/text.h"

static const char *written(weir_buffer *out)
{
    return weir_buffer_string(out);
}

static void expect_float(double value, const char *text)
{
    WEIR_BUFFER out = {0};
    debug_text_float(value, &out);
    cr_assert_str_eq(written(&out), text);
}

Test(debug_text, floats_as_go_writes_them)
{
    expect_float(0, "0");
    expect_float(0.1, "0.1");
    expect_float(-1.5, "-1.5");
    expect_float(100000, "100000");
    expect_float(123456789, "1.23456789e+08");
    expect_float(1e6, "1e+06");
    expect_float(1e21, "1e+21");
    expect_float(0.0001, "0.0001");
    expect_float(0.00001, "1e-05");
    expect_float(1.0 / 3, "0.3333333333333333");
    expect_float(-1.25e-7, "-1.25e-07");
    expect_float(1.5e100, "1.5e+100");
    expect_float(1.0 / 0.0, "+Inf");
    expect_float(-1.0 / 0.0, "-Inf");
}

static void expect_double_value(double number, const char *text)
{
    WEIR_BUFFER out = {0};
    value_message value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE;
    value.double_value = number;
    debug_text_typed(&value, &out);
    cr_assert_str_eq(written(&out), text);
}

Test(debug_text, double_attributes_as_json_numbers)
{
    expect_double_value(1, "Double(1)");
    expect_double_value(123456789, "Double(123456789)");
    expect_double_value(1e21, "Double(1e+21)");
    expect_double_value(123456789012345678901.0, "Double(123456789012345680000)");
    expect_double_value(-0.0, "Double(-0)");
    expect_double_value(0.000001, "Double(0.000001)");
    expect_double_value(0.0000001, "Double(1e-7)");
    expect_double_value(-1.0 / 0.0, "Double(-Infinity)");
}

Test(debug_text, times)
{
    WEIR_BUFFER out = {0};
    debug_text_time(1581452773000000789, &out);
    cr_assert_str_eq(written(&out), "2020-02-11 20:26:13.000000789 +0000 UTC");
    out.len = 0;
    debug_text_time(0, &out);
    cr_assert_str_eq(written(&out), "1970-01-01 00:00:00 +0000 UTC");
    out.len = 0;
    debug_text_time(500000000, &out);
    cr_assert_str_eq(written(&out), "1970-01-01 00:00:00.5 +0000 UTC");
}

static value_message text_value(char *text)
{
    value_message value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
    value.string_value = text;
    return value;
}

Test(debug_text, maps_are_json_in_the_order_of_their_keys)
{
    char later[] = "b", earlier[] = "a", quoted[] = "say \"<hi>\"\n", plain[] = "x";
    value_message values[] = {text_value(quoted), text_value(plain)};
    attribute_message first = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;
    attribute_message second = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;
    first.key = later;
    first.value = &values[0];
    second.key = earlier;
    second.value = &values[1];
    attribute_message *both[] = {&first, &second};
    Opentelemetry__Proto__Common__V1__KeyValueList list = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE_LIST__INIT;
    list.n_values = 2;
    list.values = both;
    value_message map = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    map.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE;
    map.kvlist_value = &list;
    WEIR_BUFFER out = {0};
    debug_text_typed(&map, &out);
    cr_assert_str_eq(written(&out), "Map({\"a\":\"x\",\"b\":\"say \\\"<hi>\\\"\\n\"})");
}

Test(debug_text, bytes_are_base64_and_zero_ids_are_empty)
{
    uint8_t bytes[] = {0, 1, 2, 255}, zeros[8] = {0};
    value_message value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
    value.bytes_value = (ProtobufCBinaryData){sizeof bytes, bytes};
    WEIR_BUFFER out = {0};
    debug_text_typed(&value, &out);
    cr_assert_str_eq(written(&out), "Bytes(AAEC/w==)");
    out.len = 0;
    debug_text_id((ProtobufCBinaryData){sizeof zeros, zeros}, &out);
    cr_assert_eq(out.len, 0);
}

/* 2026-09-21T14:13:20.123Z */
#define START_NS 1790000000123456789ull

static void brief_trace(char *name, char *problem, weir_buffer *out)
{
    value_message service_value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    service_value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
    service_value.string_value = (char[]){"checkout"};
    attribute_message service = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;
    service.key = (char[]){"service.name"};
    service.value = &service_value;
    resource_message resource = OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
    resource.n_attributes = 1;
    resource.attributes = (attribute_message *[]){&service};

    Opentelemetry__Proto__Trace__V1__Status status = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__INIT;
    status.message = problem;
    status.code = *problem ? OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR : 0;
    span_message span = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
    span.name = name;
    span.status = &status;
    span.start_time_unix_nano = START_NS;
    span.end_time_unix_nano = START_NS + 12340000;
    span.trace_id = (ProtobufCBinaryData){2, (uint8_t[]){0xab, 0xcd}};
    scope_spans_message scope = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
    scope.n_spans = 1;
    scope.spans = (span_message *[]){&span};
    resource_spans_message group = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
    group.resource = &resource;
    group.n_scope_spans = 1;
    group.scope_spans = (scope_spans_message *[]){&scope};
    traces_message message = OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    message.n_resource_spans = 1;
    message.resource_spans = (resource_spans_message *[]){&group};
    debug_brief_traces(&message, out);
}

Test(debug_text, a_span_in_brief)
{
    WEIR_BUFFER out = {0};
    brief_trace((char[]){"POST /checkout"}, (char[]){""}, &out);
    cr_expect_str_eq(written(&out), "14:13:20.123 span  checkout         POST /checkout 12.3ms  abcd\n");
}

Test(debug_text, in_brief_nothing_ends_the_line_or_steers_the_terminal)
{
    WEIR_BUFFER out = {0};
    brief_trace((char[]){"a\nb"}, (char[]){"\033[2Jno"}, &out);
    cr_expect_str_eq(written(&out), "14:13:20.123 span  checkout         a b 12.3ms ERROR  [2Jno  abcd\n");
}
