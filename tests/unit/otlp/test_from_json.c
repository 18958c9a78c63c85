/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON to wire: thousands of random requests against protobuf-c and through the writer and back, then what is read and
 * what is refused, member by member; values are in test_from_json_values.c.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "core/limits.h"
#include "generator.h"
#include "oracle.h"
#include "oracle_json.h"
#include "otlp/from_json.h"
#include "otlp/json.h"
#include "reading_json.h"
#include "strict_json.h"

enum { REQUESTS_PER_KIND = 2000, JSON_DEPTH_MAX = 8 * WEIR_OTLP_NESTING_MAX };

static const weir_otlp_kind all_kinds[] = {WEIR_OTLP_TRACES, WEIR_OTLP_METRICS, WEIR_OTLP_LOGS};

/* ---- Random requests --------------------------------------------------------------------------------------------- */

static void for_many(void (*check)(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request))
{
    for (unsigned k = 0; k < WEIR_COUNT_OF(all_kinds); k++) {
        for (uint64_t seed = 1; seed <= REQUESTS_PER_KIND; seed++) {
            WEIR_BUFFER request = {0};
            generator random = {.state = seed * 5 + k, .tame = seed % 4 == 0};
            generator_make(&random, all_kinds[k], &request);
            check(all_kinds[k], seed, &request);
        }
    }
}

static void canonical(const weir_buffer *json, weir_buffer *out)
{
    cr_assert(strict_json_canonical((weir_bytes){json->data, json->len}, JSON_DEPTH_MAX, out));
}

/* In JSON whose members stand in the order of their fields, the wire is what protobuf-c packs. */
static void check_against_protobuf_c(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    char what[64];
    snprintf(what, sizeof what, "kind %d seed %" PRIu64, (int)kind, seed);
    WEIR_BUFFER json = {0}, wire = {0}, packed = {0}, again = {0};
    ProtobufCMessage *message = oracle_parse(kind, request->data, request->len);
    oracle_json(message, &json);
    protobuf_c_message_free_unpacked(message, NULL);
    json_read_text(kind, weir_buffer_string(&json), &wire);
    message = oracle_parse_raw(kind, wire.data, wire.len);
    oracle_pack(message, &packed);
    oracle_json(message, &again);
    protobuf_c_message_free_unpacked(message, NULL);
    json_assert_bytes(&wire, &packed, what);
    json_assert_bytes(&again, &json, what);
}

Test(otlp_from_json, writes_what_protobuf_c_packs, .timeout = 120)
{
    for_many(check_against_protobuf_c);
}

static void check_round_trip(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    char what[64];
    snprintf(what, sizeof what, "kind %d seed %" PRIu64, (int)kind, seed);
    WEIR_BUFFER json = {0}, wire = {0}, again = {0}, wire_again = {0}, left = {0}, right = {0};
    weir_otlp_to_json(kind, &(weir_bytes){request->data, request->len}, 1, &json);
    json_read_text(kind, weir_buffer_string(&json), &wire);
    weir_otlp_to_json(kind, &(weir_bytes){wire.data, wire.len}, 1, &again);
    canonical(&json, &left);
    canonical(&again, &right);
    json_assert_bytes(&right, &left, what);
    json_read_text(kind, weir_buffer_string(&again), &wire_again);
    json_assert_bytes(&wire_again, &wire, what);
}

Test(otlp_from_json, reads_back_what_the_writer_writes, .timeout = 120)
{
    for_many(check_round_trip);
}

/* Blanks between all tokens, and keys in the schema's own form. */
static void spread(const weir_buffer *json, weir_buffer *out)
{
    bool in_string = false;
    for (size_t i = 0; i < json->len; i++) {
        const uint8_t byte = json->data[i];
        const bool is_quote = byte == '"' && (i == 0 || json->data[i - 1] != '\\' || !in_string);
        if (!in_string && strchr("{}[],:\"", byte))
            weir_buffer_append_text(out, " \n\t\r");
        weir_buffer_append_byte(out, byte);
        if (is_quote)
            in_string = !in_string;
        if (!in_string && strchr("{}[],:\"", byte))
            weir_buffer_append_text(out, "  ");
    }
}

static const char trace_text[] =
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}}"
    "]},"
    "\"scopeSpans\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1\"},\"spans\":[{"
    "\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\",\"parentSpanId\":"
    "\"eee19b7ec3c1b173\","
    "\"traceState\":\"a=b\",\"name\":\"work\",\"kind\":2,\"startTimeUnixNano\":\"1544712660000000000\","
    "\"endTimeUnixNano\":\"1544712661000000000\",\"attributes\":[{\"key\":\"n\",\"value\":{\"intValue\":\"-7\"}},"
    "{\"key\":\"l\",\"value\":{\"arrayValue\":{\"values\":[{\"doubleValue\":0.5},{\"boolValue\":true},"
    "{\"bytesValue\":\"YWJj\"},{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":{}}]}}]}}}],"
    "\"droppedAttributesCount\":3,\"events\":[{\"timeUnixNano\":\"1\",\"name\":\"e\"}],"
    "\"links\":[{\"traceId\":\"5B8EFFF798038103D269B633813FC60C\",\"spanId\":\"EEE19B7EC3C1B174\",\"flags\":257}],"
    "\"status\":{\"message\":\"m\",\"code\":2},\"flags\":256},{\"name\":\"second\"}],\"schemaUrl\":\"u\"}]}]}";

Test(otlp_from_json, blanks_may_stand_between_all_tokens)
{
    WEIR_BUFFER text = {0}, spread_text = {0};
    weir_buffer_append_text(&text, trace_text);
    spread(&text, &spread_text);
    json_assert_same(WEIR_OTLP_TRACES, weir_buffer_string(&spread_text), trace_text);
}

Test(otlp_from_json, blanks_of_all_lengths)
{
    static const char blanks[] = " \n\t\r";
    for (size_t len = 0; len < 50; len++) {
        WEIR_BUFFER run = {0}, text = {0}, cut = {0};
        for (size_t i = 0; i < len; i++)
            weir_buffer_append_byte(&run, (uint8_t)blanks[(i + len) % 4]);
        const char *blank = weir_buffer_string(&run);
        weir_buffer_printf(&text, LOG_BEGIN "%s{%s\"flags\"%s:%s7%s}%s" LOG_END "%s", blank, blank, blank, blank, blank,
                           blank, blank);
        json_assert_same(WEIR_OTLP_LOGS, weir_buffer_string(&text), LOG_BEGIN "{\"flags\":7}" LOG_END);
        weir_buffer_printf(&cut, "{%s\v}", blank);
        WEIR_BUFFER wire = {0};
        weir_error error;
        cr_assert_eq(json_read(WEIR_OTLP_LOGS, cut.data, cut.len, &wire, &error), WEIR_INVALID);
        cr_assert_eq(error.offset, len + 1);
    }
}

/* Whatever is missing at the end, it is said to be missing, at an offset inside the text. */
Test(otlp_from_json, no_part_of_a_request_is_a_request)
{
    WEIR_BUFFER wire = {0};
    weir_error error;
    for (size_t len = 0; len < sizeof trace_text - 1; len++) {
        cr_assert_eq(json_read(WEIR_OTLP_TRACES, trace_text, len, &wire, &error), WEIR_INVALID, "%zu bytes", len);
        cr_assert_leq(error.offset, len);
    }
}

/* A text that ends in the middle of a number has nothing behind it that ends it. */
Test(otlp_from_json, a_text_that_ends_in_a_number_is_not_read_further)
{
    static const char *const numbers[] = {"1", "-0.123456789012345678901234567890", "12345678901234567890e5"};
    for (size_t i = 0; i < WEIR_COUNT_OF(numbers); i++) {
        WEIR_BUFFER text = {0}, wire = {0}, unknown = {0};
        weir_error error;
        weir_buffer_printf(&text, LOG_BEGIN "{\"body\":{\"doubleValue\":%s", numbers[i]);
        cr_assert_eq(json_read(WEIR_OTLP_LOGS, text.data, text.len, &wire, &error), WEIR_INVALID);
        cr_assert_eq(error.offset, text.len);
        cr_assert(strstr(error.text, "doubleValue is cut off"), "%s", error.text);
        weir_buffer_printf(&unknown, "{\"x\":%s", numbers[i]);
        cr_assert_eq(json_read(WEIR_OTLP_LOGS, unknown.data, unknown.len, &wire, &error), WEIR_INVALID);
        cr_assert_eq(error.offset, unknown.len);
    }
}

/* A NUL is a byte like any other: nothing ends there. */
Test(otlp_from_json, a_nul_byte_is_not_taken_for_the_end)
{
    static const struct {
        const char *before, *problem;
    } cases[] = {
        {"{\"resourceLogs\":[{}", "offset 19: resourceLogs[0] needs a comma or the end of the array behind it"},
        {"{\"resourceLogs\":[]", "offset 18: resourceLogs needs a comma or the end of the object behind it"},
        {"{", "offset 1: the request must have a string as key for each value"},
        {"{\"x\":[1", "offset 7: the request has a value without a comma behind it"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        WEIR_BUFFER text = {0}, wire = {0};
        weir_error error;
        weir_buffer_append(&text, cases[i].before, strlen(cases[i].before));
        weir_buffer_append(&text, "\0]}", 3);
        cr_assert_eq(json_read(WEIR_OTLP_LOGS, text.data, text.len, &wire, &error), WEIR_INVALID);
        cr_assert_str_eq(error.text, cases[i].problem);
    }
}

/* One byte is another: read or refused, but never more than that (json_read checks what was read). */
Test(otlp_from_json, a_damaged_request_is_read_right_or_refused, .timeout = 120)
{
    static const char instead[] = "\"\\{}[],:0-9.e nt\x01\xff";
    WEIR_BUFFER wire = {0};
    unsigned refused = 0;
    for (size_t at = 0; at < sizeof trace_text - 1; at++) {
        for (size_t i = 0; i < sizeof instead - 1; i++) {
            char damaged[sizeof trace_text];
            memcpy(damaged, trace_text, sizeof damaged);
            damaged[at] = instead[i];
            weir_error error;
            refused += json_read(WEIR_OTLP_TRACES, damaged, sizeof damaged - 1, &wire, &error) == WEIR_INVALID;
        }
    }
    cr_assert_gt(refused, 1000);
}

/* ---- Members ----------------------------------------------------------------------------------------------------- */

Test(otlp_from_json, keys_in_the_form_of_the_schema_are_known_too)
{
    json_assert_same(
        WEIR_OTLP_TRACES,
        "{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[{\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
        "\"start_time_unix_nano\":1}],\"schema_url\":\"u\"}]}]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
        "\"startTimeUnixNano\":1}],\"schemaUrl\":\"u\"}]}]}");
    JSON_ASSERT_RECORD("\"severity\\u0054ext\":\"x\"", "\x1a\x01x");
    JSON_ASSERT_RECORD("\"severity_text\":\"x\"", "\x1a\x01x");
    JSON_ASSERT_RECORD(
        "\"Severity_text\":\"x\",\"severity_Text\":\"x\",\"severity__text\":\"x\",\"severitytext\":\"x\"", "");
    JSON_ASSERT_RECORD("\"_severityText\":\"x\",\"severityText_\":\"x\",\"severityText\\u0000\":\"x\"", "");
}

Test(otlp_from_json, members_we_do_not_know_are_ignored_whatever_they_hold)
{
    static const char *const values[] = {
        "1",
        "-1.5e+7",
        "true",
        "false",
        "null",
        "\"\\u00e4\\\"\"",
        "[]",
        "{}",
        "[1,[2,[]],{}]",
        "{\"a\":{\"b\":[{\"c\":null}]},\"d\":\"\"}",
        "[ ]",
        "{ }",
        "[\n1 , 2\n]",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(values); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member,
                           "\"unknown\":%s,\"\":%s,\"flags\":1,\"a key that is longer than any that we know\":%s",
                           values[i], values[i], values[i]);
        JSON_ASSERT_RECORD(weir_buffer_string(&member), "\x45\x01\0\0\0");
    }
    json_assert_record_refused("\"x\":[1,]", 7, " must be a JSON value; no JSON value begins with byte 0x5d");
    json_assert_record_refused("\"x\":[1}", 6, " has a value without a comma behind it");
    json_assert_record_refused("\"x\":{\"a\" 1}", 9, " has a key without a colon behind it");
    json_assert_record_refused("\"x\":{1:1}", 5, " must be an object whose keys are strings, not a number");
    json_assert_record_refused("\"x\":nul", 4, " has a word that JSON does not know; did you mean null?");
    json_assert_record_refused("\"x\":01", 4, " is not a number as JSON writes it");
}

Test(otlp_from_json, null_is_absent)
{
    JSON_ASSERT_RECORD(
        "\"timeUnixNano\":null,\"severityNumber\":null,\"severityText\":null,\"body\":null,\"attributes\":null,"
        "\"flags\":null,\"traceId\":null",
        "");
    json_assert_same(WEIR_OTLP_TRACES, "null", "{}");
    json_assert_same(WEIR_OTLP_TRACES, "{\"resourceSpans\":null}", "{}");
    json_assert_body("{\"intValue\":null,\"boolValue\":null,\"bytesValue\":null}",
                     (weir_otlp_value){.type = WEIR_OTLP_EMPTY});
    /* What the Collector makes of a null where it reads a string, the object of a oneof, or an element. */
    json_assert_body("{\"stringValue\":null}", (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = WEIR_TEXT("")});
    JSON_ASSERT_RECORD("\"body\":{\"arrayValue\":null}", "\x2a\x02\x2a\x00");
    JSON_ASSERT_RECORD("\"body\":{\"arrayValue\":{\"values\":[null]}}", "\x2a\x04\x2a\x02\x0a\x00");
    JSON_ASSERT_RECORD("\"attributes\":[null,{}]", "\x32\x00\x32\x00");
    JSON_ASSERT_RECORD("\"severityText\":\"x\",\"severityText\":null", "\x1a\x01x\x1a\x00");
}

Test(otlp_from_json, of_a_member_given_twice_the_last_one_counts)
{
    WEIR_BUFFER wire = {0}, json = {0};
    json_read_text(
        WEIR_OTLP_TRACES,
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\",\"name\":\"b\",\"kind\":3,\"kind\":0,"
        "\"spanId\":\"00f067aa0ba902b7\",\"spanId\":\"\",\"status\":{\"message\":\"m\",\"code\":1},\"events\":[{}],"
        "\"status\":{\"code\":2},\"events\":[{\"name\":\"e\"}]}]}]}]}",
        &wire);
    weir_otlp_to_json(WEIR_OTLP_TRACES, &(weir_bytes){wire.data, wire.len}, 1, &json);
    cr_assert_str_eq(
        weir_buffer_string(&json),
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"b\",\"events\":[{},{\"name\":\"e\"}],"
        "\"status\":{\"message\":\"m\",\"code\":2}}],\"scope\":{}}],\"resource\":{}}]}");
}

Test(otlp_from_json, of_a_oneof_only_the_last_member_is_left)
{
    json_assert_body("{\"stringValue\":\"x\",\"intValue\":1}", (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 1});
    json_assert_body("{\"intValue\":1,\"boolValue\":null}", (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 1});
    JSON_ASSERT_RECORD("\"body\":{\"arrayValue\":{\"values\":[{}]},\"unknown\":1,\"arrayValue\":{}}",
                       "\x2a\x02\x2a\x00");
    json_assert_same(
        WEIR_OTLP_METRICS,
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"gauge\":{\"dataPoints\":[{},{}]},\"name\":\"n\","
        "\"sum\":{\"dataPoints\":[{\"asInt\":1,\"flags\":1,\"asDouble\":2}]}}]}]}]}",
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"name\":\"n\",\"sum\":{\"dataPoints\":"
        "[{\"flags\":1,\"asDouble\":2}]}}]}]}]}");
}

Test(otlp_from_json, lists_of_numbers_are_packed)
{
    static const char histogram[] =
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":{\"dataPoints\":[{"
        "\"bucketCounts\":[1,\"2\"],\"explicitBounds\":[0.5],\"bucketCounts\":[],"
        "\"bucketCounts\":[3]}]}}]}]}]}";
    WEIR_BUFFER wire = {0}, json = {0};
    json_read_text(WEIR_OTLP_METRICS, histogram, &wire);
    weir_otlp_to_json(WEIR_OTLP_METRICS, &(weir_bytes){wire.data, wire.len}, 1, &json);
    cr_assert(strstr(weir_buffer_string(&json), "{\"bucketCounts\":[\"1\",\"2\",\"3\"],\"explicitBounds\":[0.5]}"),
              "%s", weir_buffer_string(&json));
    json_assert_refused(
        WEIR_OTLP_METRICS,
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":{\"dataPoints\":[{"
        "\"bucketCounts\":[1,2,null]}]}}]}]}]}",
        "offset 98: resourceMetrics[0].scopeMetrics[0].metrics[0].histogram.dataPoints[0].bucketCounts[2] "
        "must be a whole number from 0 to 18446744073709551615, not null");
}

/* ---- The frame --------------------------------------------------------------------------------------------------- */

Test(otlp_from_json, an_empty_object_is_an_empty_request)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(all_kinds); i++) {
        WEIR_BUFFER wire = {0};
        json_read_text(all_kinds[i], " {} \r\n", &wire);
        cr_assert_eq(wire.len, 0);
    }
}

Test(otlp_from_json, what_is_no_json_object_is_refused)
{
    json_assert_refused(WEIR_OTLP_LOGS, "", "offset 0: the request is cut off: the text ends here");
    json_assert_refused(WEIR_OTLP_LOGS, " ", "offset 1: the request is cut off: the text ends here");
    json_assert_refused(WEIR_OTLP_LOGS, "[]", "offset 0: the request must be an object, not an array");
    json_assert_refused(WEIR_OTLP_LOGS, "\xef\xbb\xbf{}",
                        "offset 0: the request begins with a byte order mark: send UTF-8 without it");
    json_assert_refused(WEIR_OTLP_LOGS, "{}{}",
                        "offset 2: the request has something behind its end: send one JSON object");
    json_assert_refused(WEIR_OTLP_LOGS, "{} x",
                        "offset 3: the request has something behind its end: send one JSON object");
    json_assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":{}}",
                        "offset 16: resourceLogs must be an array, not an object");
    json_assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[7]}",
                        "offset 17: resourceLogs[0] must be an object, not a number");
    json_assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[{}{}]}",
                        "offset 19: resourceLogs[0] needs a comma or the end of the array behind it");
    json_assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\" []}",
                        "offset 16: resourceLogs needs a colon behind its key");
    json_assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[],}",
                        "offset 19: the request must have a string as key for each value");
    json_assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[",
                        "offset 17: resourceLogs[0] is cut off: the text ends here");
    json_assert_refused(WEIR_OTLP_LOGS, "{", "offset 1: the request is cut off: the text ends in an object");
}

static void put_nested(weir_buffer *out, unsigned depth)
{
    weir_buffer_append_text(out, LOG_BEGIN "{\"body\":");
    for (unsigned i = 0; i < depth; i++)
        weir_buffer_append_text(out, "{\"kvlistValue\":{\"values\":[{\"value\":");
    weir_buffer_append_text(out, "{}");
    for (unsigned i = 0; i < depth; i++)
        weir_buffer_append_text(out, "}]}}");
    weir_buffer_append_text(out, "}" LOG_END);
}

Test(otlp_from_json, values_nest_as_deep_as_on_the_wire)
{
    WEIR_BUFFER deepest = {0}, too_deep = {0}, wire = {0};
    put_nested(&deepest, WEIR_OTLP_NESTING_MAX);
    json_read_text(WEIR_OTLP_LOGS, weir_buffer_string(&deepest), &wire);
    put_nested(&too_deep, WEIR_OTLP_NESTING_MAX + 1);
    weir_error error;
    cr_assert_eq(json_read(WEIR_OTLP_LOGS, too_deep.data, too_deep.len, &wire, &error), WEIR_INVALID);
    cr_assert(strstr(error.text, ".value.kvlistValue nests deeper than 64"), "%s", error.text);
    cr_assert(strstr(error.text, ": ..."), "%s", error.text); /* the end of a path too long to be shown */
}

Test(otlp_from_json, what_is_ignored_nests_as_deep_as_in_the_collector)
{
    enum { DEEPEST = 10000 };
    for (size_t depth = DEEPEST; depth <= DEEPEST + 1; depth++) {
        WEIR_BUFFER text = {0}, wire = {0};
        weir_buffer_append_text(&text, "{\"x\":");
        for (size_t i = 0; i < depth; i++)
            weir_buffer_append_text(&text, i % 3 ? "[" : "{\"k\":");
        weir_buffer_append_text(&text, "1");
        for (size_t i = depth; i-- > 0;)
            weir_buffer_append_text(&text, i % 3 ? "]" : "}");
        weir_buffer_append_text(&text, "}");
        weir_error error;
        const weir_status status = json_read(WEIR_OTLP_LOGS, text.data, text.len, &wire, &error);
        cr_assert_eq(status, depth == DEEPEST ? WEIR_OK : WEIR_INVALID, "%s", error.text);
        if (status != WEIR_OK)
            cr_assert(strstr(error.text, "the request nests deeper than 10000"), "%s", error.text);
    }
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* A histogram with `count` bucket counts of one digit: four times as long on the wire. */
static void put_many_numbers(weir_buffer *out, size_t count)
{
    weir_buffer_append_text(out,
                            "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":{\"dataPoints\":[{"
                            "\"bucketCounts\":[1");
    for (size_t i = 1; i < count; i++)
        weir_buffer_append_text(out, ",1");
    weir_buffer_append_text(out, "]}]}}]}]}]}");
}

Test(otlp_from_json, grows_where_the_wire_is_longer_than_the_text)
{
    enum { COUNT = 100000 };
    WEIR_BUFFER text = {0};
    put_many_numbers(&text, COUNT);
    weir_account account;
    weir_account_init(&account, SIZE_MAX / 2, SIZE_MAX / 2);
    weir_chunk *chunk;
    uint64_t items;
    weir_error error;
    cr_assert_eq(weir_otlp_from_json(WEIR_OTLP_METRICS, text.data, text.len, &account, &chunk, &items, &error),
                 WEIR_OK);
    cr_assert_eq(items, 1);
    cr_assert_geq(chunk->size, 8 * COUNT);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(chunk->size));
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
}

/* Also while the old chunk and the larger one are both there. */
Test(otlp_from_json, needs_no_more_than_eight_times_the_text)
{
    for (size_t count = 20000; count < 200000; count += 1777) {
        WEIR_BUFFER text = {0};
        put_many_numbers(&text, count);
        weir_account account;
        weir_account_init(&account, 8 * text.len, 8 * text.len);
        weir_chunk *chunk = NULL;
        uint64_t items;
        weir_error error = {0};
        cr_assert_eq(weir_otlp_from_json(WEIR_OTLP_METRICS, text.data, text.len, &account, &chunk, &items, &error),
                     WEIR_OK, "%zu counts", count);
        weir_chunk_unref(chunk);
    }
}

Test(otlp_from_json, gives_back_everything_when_memory_is_refused)
{
    WEIR_BUFFER text = {0};
    put_many_numbers(&text, 10000);
    unsigned refused = 0;
    for (size_t limit = 0; limit < 16 * text.len; limit += 1000) {
        weir_account account;
        weir_account_init(&account, limit, limit);
        weir_chunk *chunk = NULL;
        uint64_t items;
        weir_error error = {0};
        weir_status status =
            weir_otlp_from_json(WEIR_OTLP_METRICS, text.data, text.len, &account, &chunk, &items, &error);
        if (status != WEIR_OK) {
            refused++;
            cr_assert_eq(status, WEIR_NO_MEMORY);
            cr_assert_eq(error.class_, WEIR_ERROR_THROTTLED);
            cr_assert_null(chunk);
        }
        weir_chunk_unref(chunk);
        cr_assert_eq(weir_account_used(&account), 0);
    }
    cr_assert_gt(refused, 20);
    cr_assert_lt(refused, 16 * text.len / 1000);
}
