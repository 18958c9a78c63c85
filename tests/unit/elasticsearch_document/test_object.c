/* SPDX-License-Identifier: Apache-2.0
 *
 * The object model behind ecs, none and raw: how names that contradict each other are resolved, and what becomes of
 * names and values that Elasticsearch does not take. Each rule is tried on attributes of a log record.
 */
#include <criterion/criterion.h>

#include "documents.h"

#define STREAM "\"data_stream\":{\"type\":\"T\",\"dataset\":\"D\",\"namespace\":\"N\"}"
#define START "\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\""
#define MAP(members) "{\"kvlistValue\":{\"values\":[" members "]}}"
#define ARRAY(elements) "{\"arrayValue\":{\"values\":[" elements "]}}"
#define BYTES "{\"bytesValue\":\"AP8=\"}"
#define TEXT(text) "{\"stringValue\":\"" text "\"}"

/* A record with these attributes becomes a document with these members, dots as objects. */
static void assert_nested(const char *attributes, const char *members)
{
    WEIR_FREE char *request = weir_format(LOG("\"attributes\":[%s]"), attributes);
    WEIR_FREE char *expected = weir_format("{" START "," STREAM "%s}", members);
    documents_assert(ES_MODE_ECS, WEIR_OTLP_LOGS, request, expected);
}

/* ... with dots in names. */
static void assert_flat(const char *attributes, const char *members)
{
    WEIR_FREE char *request = weir_format(LOG("\"attributes\":[%s]"), attributes);
    WEIR_FREE char *expected =
        weir_format("{" START ",\"TraceFlags\":0,\"SeverityNumber\":0,\"Scope.name\":\"\",\"Scope.version\":\"\","
                    "\"data_stream.type\":\"T\",\"data_stream.dataset\":\"D\",\"data_stream.namespace\":\"N\"%s}",
                    members);
    documents_assert(ES_MODE_RAW, WEIR_OTLP_LOGS, request, expected);
}

/* ---- Objects ----------------------------------------------------------------------------------------------------- */

Test(elasticsearch_object, dots_lead_into_objects)
{
    assert_nested(
        STRING("a.b.c", "1") "," STRING("z", "2") "," STRING("a.b.d", "3") "," STRING("a.e", "4") "," STRING("ab", "5"),
        ",\"a\":{\"b\":{\"c\":\"1\",\"d\":\"3\"},\"e\":\"4\"},\"ab\":\"5\",\"z\":\"2\"");
}

Test(elasticsearch_object, objects_stay_together_whatever_sorts_between_them)
{
    assert_nested(STRING("a.b", "1") "," STRING("a-b", "2") "," STRING("a!b.c", "3") "," STRING("a.c", "4"),
                  ",\"a\":{\"b\":\"1\",\"c\":\"4\"},\"a-b\":\"2\",\"a!b\":{\"c\":\"3\"}");
}

Test(elasticsearch_object, maps_are_flattened_and_meet_dotted_names)
{
    static const char attributes[] = ANY("a", MAP(ANY("b", MAP(STRING("c", "1"))))) "," STRING("a.b.d", "2");
    assert_nested(attributes, ",\"a\":{\"b\":{\"c\":\"1\",\"d\":\"2\"}}");
    assert_flat(attributes, ",\"a.b.c\":\"1\",\"a.b.d\":\"2\"");
}

Test(elasticsearch_object, the_members_of_a_map_without_a_name_are_those_of_the_map_around_it)
{
    assert_flat(ANY("", MAP(STRING("a", "1"))) "," STRING("b", "2"), ",\"a\":\"1\",\"b\":\"2\"");
}

Test(elasticsearch_object, nothing_is_written_of_what_is_not_there)
{
    assert_flat(ANY("a", "{}") "," ANY("b", BYTES) "," ANY("c", ARRAY("")) "," ANY("d", MAP("")) "," ANY(
                    "e", MAP(ANY("f", "{}"))),
                "");
    assert_nested(ANY("a.b", BYTES), "");
}

Test(elasticsearch_object, more_fields_than_fit_the_first_list)
{
    enum { COUNT = 1000 };
    WEIR_BUFFER attributes = {0}, members = {0};
    for (int i = 0; i < COUNT; i++) {
        weir_buffer_printf(&attributes, "%s" STRING("k%d.v", "x"), i ? "," : "", i * 7 % COUNT);
        weir_buffer_printf(&members, ",\"k%d.v\":\"x\"", i);
    }
    assert_flat(weir_buffer_string(&attributes), weir_buffer_string(&members));
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

Test(elasticsearch_object, maps_in_arrays_are_objects_in_every_mode)
{
    static const char attributes[] =
        ANY("l", ARRAY(MAP(STRING("a.b", "1") "," STRING("a.c", "2")) "," MAP(STRING("a.b", "3"))));
    assert_flat(attributes, ",\"l\":[{\"a\":{\"b\":\"1\",\"c\":\"2\"}},{\"a\":{\"b\":\"3\"}}]");
    assert_nested(attributes, ",\"l\":[{\"a\":{\"b\":\"1\",\"c\":\"2\"}},{\"a\":{\"b\":\"3\"}}]");
}

Test(elasticsearch_object, contradictions_in_maps_in_arrays)
{
    assert_flat(ANY("l", ARRAY(MAP(STRING("a", "1") "," STRING("a.b", "2") "," STRING("c", "3") "," STRING("c", "4")))),
                ",\"l\":[{\"a\":{\"value\":\"1\",\"b\":\"2\"},\"c\":\"4\"}]");
}

Test(elasticsearch_object, arrays_in_arrays_and_what_is_not_there_in_them)
{
    assert_flat(ANY("l", ARRAY(ARRAY(TEXT("a")) "," ARRAY("") "," BYTES ",{}," MAP("") "," MAP(
                             ANY("x", BYTES)) "," ARRAY(MAP(ANY("m", ARRAY(MAP(STRING("n", "o")))))))),
                ",\"l\":[[\"a\"],[],null,null,null,{},[{\"m\":[{\"n\":\"o\"}]}]]");
}

/* ---- Contradictions ---------------------------------------------------------------------------------------------- */

Test(elasticsearch_object, of_fields_with_one_name_the_last_is_written)
{
    assert_flat(STRING("a", "1") "," STRING("a", "2") "," ANY("a", "{\"intValue\":\"3\"}"), ",\"a\":3");
    assert_flat(STRING("a", "1") "," ANY("a", BYTES), "");
}

Test(elasticsearch_object, a_value_beside_an_object_of_its_name)
{
    assert_nested(STRING("a", "1") "," STRING("a.b", "2"), ",\"a\":{\"value\":\"1\",\"b\":\"2\"}");
    assert_flat(STRING("a.b", "1") "," STRING("a", "2"), ",\"a.value\":\"2\",\"a.b\":\"1\"");
}

Test(elasticsearch_object, the_object_has_such_a_value_already)
{
    assert_nested(STRING("a", "1") "," STRING("a.value", "2"), ",\"a\":{\"value\":\"2\"}");
}

Test(elasticsearch_object, what_is_not_written_stands_in_the_way_all_the_same)
{
    assert_nested(STRING("a", "1") "," ANY("a.b", BYTES), ",\"a\":{\"value\":\"1\"}");
}

/* From here on Elasticsearch refuses what the Collector writes. */
Test(elasticsearch_object, names_that_sort_between_a_value_and_the_object)
{
    assert_nested(STRING("app", "1") "," STRING("app-x", "2") "," STRING("app.y", "3"),
                  ",\"app\":{\"value\":\"1\",\"y\":\"3\"},\"app-x\":\"2\"");
}

Test(elasticsearch_object, several_values_beside_an_object)
{
    assert_nested(STRING("a", "1") "," STRING("a", "2") "," STRING("a.b", "3"), ",\"a\":{\"value\":\"2\",\"b\":\"3\"}");
}

Test(elasticsearch_object, the_new_name_of_a_value_is_an_object_again)
{
    assert_nested(STRING("a", "1") "," STRING("a.value.b", "2"), ",\"a\":{\"value\":{\"value\":\"1\",\"b\":\"2\"}}");
    assert_flat(STRING("a", "1") "," STRING("a.value", "2") "," STRING("a.value.value", "3"),
                ",\"a.value.value\":\"3\"");
}

/* The resource's fields are made once for all its records. */
Test(elasticsearch_object, a_contradiction_with_one_record_does_not_outlast_it)
{
    documents_assert(
        ES_MODE_ECS, WEIR_OTLP_LOGS,
        "{\"resourceLogs\":[{\"resource\":{\"attributes\":[" STRING(
            "a", "1") "]},\"scopeLogs\":[{\"logRecords\":"
                      "[{\"attributes\":[" STRING("a.b", "2") "]},{},{\"attributes\":[" STRING("a", "3") "]}]}]}]}",
        "{" START "," STREAM ",\"a\":{\"value\":\"1\",\"b\":\"2\"}}\n"
        "{" START "," STREAM ",\"a\":\"1\"}\n"
        "{" START "," STREAM ",\"a\":\"3\"}");
}

/* ---- Protected names --------------------------------------------------------------------------------------------- */

Test(elasticsearch_object, fields_of_the_schema_keep_their_name_and_lose_what_lies_beneath)
{
    assert_nested(STRING("error.type", "T") "," STRING("error.type.a", "1") "," STRING(
                      "error.type.b.c", "2") "," STRING("error.types", "3"),
                  ",\"error\":{\"type\":\"T\",\"types\":\"3\"}");
    assert_flat(STRING("error.type", "T") "," STRING("error.type.a", "1"),
                ",\"error.type.value\":\"T\",\"error.type.a\":\"1\"");
}

Test(elasticsearch_object, what_data_streams_need_keeps_its_name)
{
    assert_nested(STRING("@timestamp.a", "1") "," STRING("data_stream.type.a", "2") "," STRING(
                      "data_stream.dataset.a", "3") "," STRING("data_stream.namespace.a", "4"),
                  "");
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

Test(elasticsearch_object, parts_without_a_name)
{
    assert_flat(STRING("", "1"), ",\"_\":\"1\"");
    assert_flat(STRING(".", "1"), ",\"_._\":\"1\"");
    assert_nested(STRING("a..b", "1") "," STRING(".c", "2") "," STRING("d.", "3") "," STRING(
                      "e. \\t.f", "4") "," STRING("\\u3000\\u2003", "5"),
                  ",\"a\":{\"_\":{\"b\":\"1\"}},\"_\":{\"c\":\"2\",\"value\":\"5\"},\"d\":{\"_\":\"3\"},"
                  "\"e\":{\"_\":{\"f\":\"4\"}}");
    assert_flat(STRING("\\u00a0", "1"), ",\"\u00a0\":\"1\"");
}

Test(elasticsearch_object, names_of_metadata_fields)
{
    assert_flat(STRING("_id", "1") "," STRING("_source.a", "2") "," STRING("_other", "3") "," STRING("a._id", "4"),
                ",\"__id\":\"1\",\"__source.a\":\"2\",\"_other\":\"3\",\"a._id\":\"4\"");
    assert_flat(ANY("l", ARRAY(MAP(STRING("_id", "1")))), ",\"l\":[{\"_id\":\"1\"}]");
}

Test(elasticsearch_object, names_with_too_many_parts)
{
    assert_flat(STRING("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20", "x"),
                ",\"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20\":\"x\"");
    assert_flat(STRING("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22", "x"),
                ",\"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20_21_22\":\"x\"");
}

Test(elasticsearch_object, maps_in_arrays_that_are_too_deep)
{
    assert_flat(ANY("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19", ARRAY(MAP(STRING("20.21", "x")))),
                ",\"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19\":[{\"20_21\":\"x\"}]");
    assert_flat(ANY("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20", ARRAY(MAP(STRING("21", "x")))),
                ",\"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20\":[\"{\\\"21\\\":\\\"x\\\"}\"]");
}

Test(elasticsearch_object, names_that_differ_in_bytes_that_are_not_text)
{
    assert_flat(STRING("a\xff", "1") "," STRING("a\xfe", "2") "," STRING("\xe2\x82", "3"),
                ",\"a\ufffd\":\"2\",\"\ufffd\ufffd\":\"3\"");
}

static char *repeated(char c, size_t count)
{
    char *text = weir_alloc(count + 1, 1);
    memset(text, c, count);
    return text;
}

Test(elasticsearch_object, names_that_are_too_long_stay_different)
{
    enum { LONG = 1024, KEPT = LONG - 17 };
    WEIR_FREE char *longest = repeated('k', LONG), *kept = repeated('k', KEPT);
    WEIR_FREE char *attributes =
        weir_format(STRING("%s", "1") "," STRING("%sa", "2") "," STRING("%sb", "3"), longest, longest, longest);
    WEIR_FREE char *request = weir_format(LOG("\"attributes\":[%s]"), attributes);
    WEIR_BUFFER wire = {0}, out = {0};
    documents_request(WEIR_OTLP_LOGS, request, &wire);
    documents_write(ES_MODE_ECS, WEIR_OTLP_LOGS, (weir_bytes){wire.data, wire.len}, NULL, &out);
    const char *document = weir_buffer_string(&out);
    WEIR_FREE char *whole = weir_format("\"%s\":\"1\"", longest), *cut = weir_format("\"%s_", kept);
    cr_assert(strstr(document, whole), "1024 bytes are not too long");
    const char *first = strstr(document, cut);
    cr_assert(first);
    const char *second = strstr(first + 1, cut);
    cr_assert(second);
    cr_assert_neq(memcmp(first + 1, second + 1, LONG), 0, "they end with hashes of different names");
    cr_assert_eq(first[1 + LONG], '"', "no longer than 1024 bytes");
}

/* 60 maps in each other with long names, and many values in the innermost. */
Test(elasticsearch_object, names_around_many_values_do_not_grow_without_bound)
{
    enum { DEPTH = 60, VALUES = 500, NAME_LEN = 2000 };
    WEIR_FREE char *name = repeated('n', NAME_LEN);
    WEIR_BUFFER request = {0}, wire = {0}, out = {0};
    weir_buffer_append_text(&request, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"attributes\":[");
    for (int i = 0; i < DEPTH; i++)
        weir_buffer_printf(&request, "{\"key\":\"%s\",\"value\":{\"kvlistValue\":{\"values\":[", name);
    for (int i = 0; i < VALUES; i++)
        weir_buffer_printf(&request, "%s" STRING("%d", "x"), i ? "," : "", i);
    for (int i = 0; i < DEPTH; i++)
        weir_buffer_append_text(&request, "]}}}");
    weir_buffer_append_text(&request, "]}]}]}]}");
    documents_request(WEIR_OTLP_LOGS, weir_buffer_string(&request), &wire);
    documents_write(ES_MODE_NONE, WEIR_OTLP_LOGS, (weir_bytes){wire.data, wire.len}, NULL, &out);
    cr_assert_lt(out.len, VALUES * 1100 + 1000);
    size_t values = 0;
    for (const char *at = weir_buffer_string(&out); (at = strstr(at, ":\"x\"")) != NULL; at++)
        values++;
    cr_assert_eq(values, VALUES, "none is lost");
}
