/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON to wire: thousands of random requests against protobuf-c and through the writer and back, then what is read and
 * what is refused, form by form.
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
#include "otlp/rewrite.h"
#include "strict_json.h"

enum { REQUESTS_PER_KIND = 2000, JSON_DEPTH_MAX = 8 * WEIR_OTLP_NESTING_MAX };

static const weir_otlp_kind all_kinds[] = {WEIR_OTLP_TRACES, WEIR_OTLP_METRICS, WEIR_OTLP_LOGS};

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* Reads a copy that ends where the text ends, so that a sanitizer sees every byte read too far. What is accepted must
 * be valid and hold as many items as it says. */
static weir_status read_copy(weir_otlp_kind kind, const void *json, size_t len, weir_buffer *ret_wire,
                             weir_error *ret_error)
{
    WEIR_FREE uint8_t *copy = weir_alloc(len + 1, 1);
    memcpy(copy + 1, json, len);
    weir_chunk *chunk = NULL;
    uint64_t items = 0, items_found = 0;
    *ret_error = (weir_error){0};
    const weir_status status = weir_otlp_from_json(kind, copy + 1, len, NULL, &chunk, &items, ret_error);
    if (status != WEIR_OK) {
        cr_assert_null(chunk);
        return status;
    }
    weir_error error = {0};
    cr_assert_eq(weir_otlp_validate(kind, chunk->data, chunk->size, &items_found, &error), WEIR_OK, "%s: %.*s",
                 error.text, (int)len, (const char *)json);
    cr_assert_eq(items, items_found, "%" PRIu64 " items, not %" PRIu64 ": %.*s", items_found, items, (int)len,
                 (const char *)json);
    ret_wire->len = 0;
    weir_buffer_append(ret_wire, chunk->data, chunk->size);
    weir_chunk_unref(chunk);
    return WEIR_OK;
}

static void read_text(weir_otlp_kind kind, const char *json, weir_buffer *ret_wire)
{
    weir_error error;
    cr_assert_eq(read_copy(kind, json, strlen(json), ret_wire, &error), WEIR_OK, "%s: %s", json, error.text);
}

static void assert_bytes(const weir_buffer *found, const weir_buffer *expected, const char *what)
{
    if (found->len == expected->len && (found->len == 0 || memcmp(found->data, expected->data, found->len) == 0))
        return;
    WEIR_FREE char *left = weir_alloc(2 * found->len + 1, 1), *right = weir_alloc(2 * expected->len + 1, 1);
    weir_hex(found->data, found->len, left);
    weir_hex(expected->data, expected->len, right);
    cr_assert_str_eq(left, right, "%s", what);
}

/* Both texts mean the same, byte for byte on the wire. */
static void assert_same(weir_otlp_kind kind, const char *json, const char *as)
{
    WEIR_BUFFER found = {0}, expected = {0};
    read_text(kind, json, &found);
    read_text(kind, as, &expected);
    assert_bytes(&found, &expected, json);
}

static void assert_refused(weir_otlp_kind kind, const char *json, const char *expected)
{
    WEIR_BUFFER wire = {0};
    weir_error error;
    cr_assert_eq(read_copy(kind, json, strlen(json), &wire, &error), WEIR_INVALID, "accepted: %s", json);
    cr_assert_str_eq(error.text, expected, "%s", json);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_eq(error.status, WEIR_INVALID);
    unsigned long long offset;
    cr_assert_eq(sscanf(error.text, "offset %llu:", &offset), 1);
    cr_assert_eq(error.offset, offset);
}

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
    read_text(kind, weir_buffer_string(&json), &wire);
    message = oracle_parse_raw(kind, wire.data, wire.len);
    oracle_pack(message, &packed);
    oracle_json(message, &again);
    protobuf_c_message_free_unpacked(message, NULL);
    assert_bytes(&wire, &packed, what);
    assert_bytes(&again, &json, what);
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
    read_text(kind, weir_buffer_string(&json), &wire);
    weir_otlp_to_json(kind, &(weir_bytes){wire.data, wire.len}, 1, &again);
    canonical(&json, &left);
    canonical(&again, &right);
    assert_bytes(&right, &left, what);
    read_text(kind, weir_buffer_string(&again), &wire_again);
    assert_bytes(&wire_again, &wire, what);
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
    assert_same(WEIR_OTLP_TRACES, weir_buffer_string(&spread_text), trace_text);
}

/* Whatever is missing at the end, it is said to be missing, at an offset inside the text. */
Test(otlp_from_json, no_part_of_a_request_is_a_request)
{
    WEIR_BUFFER wire = {0};
    weir_error error;
    for (size_t len = 0; len < sizeof trace_text - 1; len++) {
        cr_assert_eq(read_copy(WEIR_OTLP_TRACES, trace_text, len, &wire, &error), WEIR_INVALID, "%zu bytes", len);
        cr_assert_leq(error.offset, len);
    }
}

/* One byte is another: read or refused, but never more than that (read_copy checks what was read). */
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
            refused += read_copy(WEIR_OTLP_TRACES, damaged, sizeof damaged - 1, &wire, &error) == WEIR_INVALID;
        }
    }
    cr_assert_gt(refused, 1000);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

#define LOG_BEGIN "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
#define LOG_END "]}]}]}"

static void wrap_log(weir_buffer *out, const weir_buffer *record)
{
    WEIR_BUFFER scope = {0}, resource = {0};
    weir_otlp_put_bytes(&scope, 2, record->data, record->len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(out, 1, resource.data, resource.len);
}

/* `json` as a log's body is `value`. */
static void assert_body(const char *json, weir_otlp_value value)
{
    WEIR_BUFFER text = {0}, found = {0}, body = {0}, record = {0}, expected = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{\"body\":%s}" LOG_END, json);
    read_text(WEIR_OTLP_LOGS, weir_buffer_string(&text), &found);
    weir_otlp_put_value(&body, &value);
    weir_otlp_put_bytes(&record, 5, body.data, body.len);
    wrap_log(&expected, &record);
    assert_bytes(&found, &expected, json);
}

/* `member` of a log record is this field. */
static void assert_record(const char *member, const char *field, size_t len)
{
    WEIR_BUFFER text = {0}, found = {0}, record = {0}, expected = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{%s}" LOG_END, member);
    read_text(WEIR_OTLP_LOGS, weir_buffer_string(&text), &found);
    weir_buffer_append(&record, field, len);
    wrap_log(&expected, &record);
    assert_bytes(&found, &expected, member);
}
#define assert_record(member, field) assert_record(member, field, sizeof field - 1)

/* `member` of a log record is refused; `problem` is the end of the sentence, `at` the offset inside the member. */
static void assert_record_refused(const char *member, size_t at, const char *problem)
{
    WEIR_BUFFER text = {0}, expected = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{%s}" LOG_END, member);
    weir_buffer_printf(&expected, "offset %zu: resourceLogs[0].scopeLogs[0].logRecords[0]%s",
                       sizeof LOG_BEGIN - 1 + 1 + at, problem);
    assert_refused(WEIR_OTLP_LOGS, weir_buffer_string(&text), weir_buffer_string(&expected));
}

static void assert_int(const char *json, int64_t expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"intValue\":%s}", json);
    assert_body(weir_buffer_string(&text), (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = expected});
}

Test(otlp_from_json, integers_are_strings_or_numbers)
{
    static const struct {
        const char *json;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"\"7\"", 7},
        {"-7", -7},
        {"\"-7\"", -7},
        {"\"+7\"", 7},
        {"\"007\"", 7},
        {"12345678", 12345678},
        {"1234567890123456", 1234567890123456},
        {"9223372036854775807", INT64_MAX},
        {"\"9223372036854775807\"", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"\"-9223372036854775808\"", INT64_MIN},
        {"\"\\u0031\\u0032\"", 12},
        {"1e3", 1000},
        {"1E+3", 1000},
        {"1.5e1", 15},
        {"1.0", 1},
        {"100e-2", 1},
        {"\"1.20e2\"", 120},
        {"0e999999999999", 0},
        {"0.000e5", 0},
        {"9.223372036854775807e18", INT64_MAX},
        {"9223372036854775807.000", INT64_MAX},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++)
        assert_int(rows[i].json, rows[i].value);
}

#define BODY_INT "\"body\":{\"intValue\":"

Test(otlp_from_json, what_is_no_integer_of_64_bits_is_refused)
{
    static const char *const rows[] = {
        "1.5",
        "1e-1",
        "\"\"",
        "\"x\"",
        "\" 1\"",
        "\"1 \"",
        "\"1e\"",
        "\"--1\"",
        "\"0x10\"",
        "\"NaN\"",
        "9223372036854775808",
        "-9223372036854775809",
        "1e19",
        "\"18446744073709551616\"",
        "100000000000000000000000000000000000000000",
        "1e999999999999999999999",
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member, BODY_INT "%s}", rows[i]);
        assert_record_refused(weir_buffer_string(&member), sizeof BODY_INT - 1,
                              ".body.intValue must be a whole number of 64 bits");
    }
    assert_record_refused(BODY_INT "true}", sizeof BODY_INT - 1,
                          ".body.intValue must be a whole number of 64 bits, not a boolean");
}

Test(otlp_from_json, numbers_of_other_sizes)
{
    assert_record("\"timeUnixNano\":\"18446744073709551615\"", "\x09\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_record("\"timeUnixNano\":18446744073709551615", "\x09\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_record("\"timeUnixNano\":1.8e19", "\x09\x00\x00\x08\xc5\xa1\xd8\xcc\xf9"); /* 18 * 10^18 */
    assert_record("\"observedTimeUnixNano\":1", "\x59\x01\0\0\0\0\0\0\0");
    assert_record("\"flags\":4294967295", "\x45\xff\xff\xff\xff");
    assert_record("\"flags\":\"1\"", "\x45\x01\0\0\0");
    assert_record("\"droppedAttributesCount\":300", "\x38\xac\x02");
    assert_record("\"severityNumber\":-1", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_record_refused("\"flags\":4294967296", 8, ".flags must be a whole number from 0 to 4294967295");
    assert_record_refused("\"flags\":-1", 8, ".flags must be a whole number from 0 to 4294967295");
    assert_record_refused("\"timeUnixNano\":-1", 15,
                          ".timeUnixNano must be a whole number from 0 to 18446744073709551615");
    assert_record_refused("\"timeUnixNano\":18446744073709551616", 15,
                          ".timeUnixNano must be a whole number from 0 to 18446744073709551615");
    assert_record_refused("\"severityNumber\":2147483648", 17, ".severityNumber must be a whole number of 32 bits");
}

Test(otlp_from_json, what_json_does_not_call_a_number_is_refused)
{
    static const char *const rows[] = {"01", "-", "1.", "-.5", "1e", "1e+", "-x", "1.e1"};
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member, "\"flags\":%s", rows[i]);
        assert_record_refused(weir_buffer_string(&member), 8, ".flags is not a number as JSON writes it");
    }
    assert_record_refused("\"flags\":+1", 8,
                          ".flags must be a whole number from 0 to 4294967295; no JSON value begins with byte 0x2b");
    assert_record_refused("\"flags\":1x", 9, ".flags needs a comma or the end of the object behind it");
}

static void assert_double(const char *json, double expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"doubleValue\":%s}", json);
    assert_body(weir_buffer_string(&text), (weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = expected});
}

Test(otlp_from_json, doubles)
{
    static const struct {
        const char *json;
        double value;
    } rows[] = {
        {"0", 0},
        {"-0", -0.0},
        {"-0.0", -0.0},
        {"1", 1},
        {"0.1", 0.1},
        {"-12.25", -12.25},
        {"123456789012345", 123456789012345},
        {"0.000000000000001", 1e-15},
        {"1234567890.12345678", 1234567890.12345678},
        {"1e22", 1e22},
        {"1E-7", 1e-7},
        {"5e-324", 5e-324},
        {"1e-400", 0},
        {"1.7976931348623157e+308", 1.7976931348623157e308},
        {"9007199254740993", 9007199254740992},
        {"\"2.5\"", 2.5},
        {"\"+2.5\"", 2.5},
        {"\".5\"", 0.5},
        {"\"5.\"", 5},
        {"\"1e2\"", 100},
        {"\"\\u0031\"", 1},
        {"\"Infinity\"", __builtin_inf()},
        {"\"-Infinity\"", -__builtin_inf()},
        {"\"inf\"", __builtin_inf()},
        {"\"NaN\"", __builtin_nan("")},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++)
        assert_double(rows[i].json, rows[i].value);
}

#define BODY_DOUBLE "\"body\":{\"doubleValue\":"

Test(otlp_from_json, what_is_no_double_is_refused)
{
    static const char *const rows[] = {"1e309",  "\"1e309\"", "\"\"",       "\"x\"",
                                       "\"1x\"", "\"0x10\"",  "\"nan(1)\"", "\" 1\""};
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member, BODY_DOUBLE "%s}", rows[i]);
        assert_record_refused(weir_buffer_string(&member), sizeof BODY_DOUBLE - 1,
                              ".body.doubleValue is not a number, or larger than a double can be");
    }
    assert_record_refused(BODY_DOUBLE "NaN}", sizeof BODY_DOUBLE - 1,
                          ".body.doubleValue must be a number; no JSON value begins with byte 0x4e");
}

/* A number of 100,000 digits is a number. */
Test(otlp_from_json, huge_numbers)
{
    enum { DIGITS = 100000 };
    WEIR_BUFFER text = {0};
    weir_buffer_append_text(&text, "0.");
    for (size_t i = 0; i < DIGITS; i++)
        weir_buffer_append_byte(&text, '3');
    assert_double(weir_buffer_string(&text), 1.0 / 3);
    weir_buffer_consume(&text, 2);
    WEIR_BUFFER member = {0};
    weir_buffer_printf(&member, BODY_INT "%s}", weir_buffer_string(&text));
    assert_record_refused(weir_buffer_string(&member), sizeof BODY_INT - 1,
                          ".body.intValue must be a whole number of 64 bits");
    WEIR_BUFFER zeros = {0};
    weir_buffer_append_text(&zeros, "1.");
    for (size_t i = 0; i < DIGITS; i++)
        weir_buffer_append_byte(&zeros, '0');
    assert_int(weir_buffer_string(&zeros), 1);
}

Test(otlp_from_json, booleans)
{
    assert_body("{\"boolValue\":true}", (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = true});
    assert_body("{\"boolValue\":false}", (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = false});
    assert_record_refused("\"body\":{\"boolValue\":\"true\"}", 20,
                          ".body.boolValue must be true or false, not a string");
    assert_record_refused("\"body\":{\"boolValue\":1}", 20, ".body.boolValue must be true or false, not a number");
    assert_record_refused("\"body\":{\"boolValue\":tru}", 20,
                          ".body.boolValue has a word that JSON does not know; did you mean true?");
}

Test(otlp_from_json, enums_are_numbers_or_names)
{
    assert_record("\"severityNumber\":9", "\x10\x09");
    assert_record("\"severityNumber\":\"SEVERITY_NUMBER_INFO\"", "\x10\x09");
    assert_record("\"severityNumber\":\"SEVERITY_NUMBER_\\u0049NFO\"", "\x10\x09");
    assert_record("\"severityNumber\":\"SEVERITY_NUMBER_TRACE\"", "\x10\x01");
    assert_record("\"severityNumber\":\"SEVERITY_NUMBER_TRACE \"", "\x10\x01"); /* as pdata spells it */
    assert_record("\"severityNumber\":\"SEVERITY_NUMBER_FATAL4\"", "\x10\x18");
    assert_record("\"severityNumber\":77", "\x10\x4d"); /* enums are open */
    assert_record("\"severityNumber\":0", "");
    assert_record_refused("\"severityNumber\":\"INFO\"", 17,
                          ".severityNumber must be a number or a name like SEVERITY_NUMBER_TRACE");
    assert_record_refused("\"severityNumber\":\"9\"", 17,
                          ".severityNumber must be a number or a name like SEVERITY_NUMBER_TRACE");
    assert_same(WEIR_OTLP_TRACES,
                "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"kind\":\"SPAN_KIND_SERVER\",\"status\":{\"code\":"
                "\"STATUS_CODE_ERROR\"}}]}]}]}",
                "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"kind\":2,\"status\":{\"code\":2}}]}]}]}");
    assert_same(
        WEIR_OTLP_METRICS,
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"sum\":{\"aggregationTemporality\":"
        "\"AGGREGATION_TEMPORALITY_DELTA\"}}]}]}]}",
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"sum\":{\"aggregationTemporality\":1}}]}]}]}");
}

Test(otlp_from_json, ids_are_hex_of_either_case)
{
    assert_record("\"spanId\":\"00f067aa0ba902b7\"", "\x52\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7");
    assert_record("\"spanId\":\"00F067Aa0Ba902B7\"", "\x52\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7");
    assert_record("\"spanId\":\"00f067aa0ba902\\u00627\"", "\x52\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7");
    assert_record("\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\"",
                  "\x4a\x10\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36");
    assert_record("\"traceId\":\"\",\"spanId\":null", "");
    assert_record("\"traceId\":\"00000000000000000000000000000000\"", "");
    assert_record_refused("\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e473\"", 10,
                          ".traceId must be 32 hex digits, not 31");
    assert_record_refused("\"spanId\":\"4bf92f3577b34da6a3ce929d0e0e4736\"", 9,
                          ".spanId must be 16 hex digits, not 32");
    assert_record_refused("\"spanId\":\"00f067aa0ba902bg\"", 9,
                          ".spanId must be 16 hex digits; another character is among them");
    assert_record_refused("\"spanId\":7", 9, ".spanId must be a string of hex digits, not a number");
}

static void assert_base64(const char *json, const char *expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"bytesValue\":\"%s\"}", json);
    assert_body(weir_buffer_string(&text),
                (weir_otlp_value){.type = WEIR_OTLP_BYTES, .bytes = {(const uint8_t *)expected, strlen(expected)}});
}

Test(otlp_from_json, bytes_are_base64)
{
    assert_base64("", "");
    assert_base64("YQ==", "a");
    assert_base64("YWI=", "ab");
    assert_base64("YWJj", "abc");
    assert_base64("+/8=", "\xfb\xff");
    assert_base64("+\\/8=", "\xfb\xff"); /* as PHP writes it */
    assert_base64("-_8=", "\xfb\xff");
    assert_base64("-_8", "\xfb\xff");
    assert_base64("YQ", "a");
    static const char *const rows[] = {"Y", "YWJjZ", "Y===", "YQ=", "YW=j", "YQ==YQ==", "YWJ!", "====", "="};
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member, "\"body\":{\"bytesValue\":\"%s\"}", rows[i]);
        assert_record_refused(weir_buffer_string(&member), 21, ".body.bytesValue is not base64");
    }
}

Test(otlp_from_json, long_bytes_keep_their_length)
{
    for (size_t len = 100; len < 140; len++) {
        WEIR_BUFFER text = {0};
        char expected[150] = {0};
        memset(expected, 0, sizeof expected);
        for (size_t i = 0; i < len; i++) {
            weir_buffer_append_text(&text, "YWJj");
            if (i < 48)
                memcpy(expected + 3 * i, "abc", 3);
        }
        WEIR_BUFFER found = {0};
        WEIR_BUFFER json = {0};
        weir_buffer_printf(&json, LOG_BEGIN "{\"body\":{\"bytesValue\":\"%s\"}}" LOG_END, weir_buffer_string(&text));
        read_text(WEIR_OTLP_LOGS, weir_buffer_string(&json), &found);
        cr_assert_geq(found.len, 3 * len);
        cr_assert_eq(memcmp(found.data + found.len - 3, "abc", 3), 0);
    }
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

static void assert_string(const char *json, weir_text expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"stringValue\":%s}", json);
    assert_body(weir_buffer_string(&text), (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = expected});
}

#define REPLACEMENT "\xef\xbf\xbd"

Test(otlp_from_json, escapes)
{
    assert_string("\"\"", WEIR_TEXT(""));
    assert_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", WEIR_TEXT("\"\\/\b\f\n\r\t"));
    assert_string("\"\\u0000\\u0041\\u007f\"", WEIR_TEXT("\0A\x7f"));
    assert_string("\"\\u00e4\\u20AC\\uffff\"", WEIR_TEXT("\xc3\xa4\xe2\x82\xac\xef\xbf\xbf"));
    assert_string("\"\\ud83d\\ude00\"", WEIR_TEXT("\xf0\x9f\x98\x80"));
    assert_string("\"\\udbff\\udfff\"", WEIR_TEXT("\xf4\x8f\xbf\xbf"));
    assert_string("\"h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", WEIR_TEXT("h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
}

Test(otlp_from_json, half_a_surrogate_pair_is_replaced)
{
    assert_string("\"\\ud83d\"", WEIR_TEXT(REPLACEMENT));
    assert_string("\"\\ude00x\"", WEIR_TEXT(REPLACEMENT "x"));
    assert_string("\"\\ud83dx\"", WEIR_TEXT(REPLACEMENT "x"));
    assert_string("\"\\ud83d\\n\"", WEIR_TEXT(REPLACEMENT "\n"));
    assert_string("\"\\ud83d\\u0041\"", WEIR_TEXT(REPLACEMENT "A"));
    assert_string("\"\\ude00\\ud83d\"", WEIR_TEXT(REPLACEMENT REPLACEMENT));
    /* As the Collector: the second half is used up by the first pair that is none. */
    assert_string("\"\\ud83d\\ud83d\\ude00\"", WEIR_TEXT(REPLACEMENT REPLACEMENT REPLACEMENT));
}

Test(otlp_from_json, bytes_that_are_not_utf8_stay_as_they_are)
{
    assert_string("\"a\xff\xc3z\"", WEIR_TEXT("a\xff\xc3z"));
}

Test(otlp_from_json, an_escape_is_found_wherever_it_stands)
{
    for (size_t len = 0; len < 40; len++) {
        for (size_t at = 0; at <= len; at++) {
            char json[96], expected[96];
            const int before = (int)at, after = (int)(len - at);
            snprintf(json, sizeof json, "\"%.*s\\n%.*s\"", before, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST",
                     after, "0123456789012345678901234567890123456789");
            snprintf(expected, sizeof expected, "%.*s\n%.*s", before, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST",
                     after, "0123456789012345678901234567890123456789");
            assert_string(json, weir_text_of(expected));
        }
    }
}

Test(otlp_from_json, strings_of_all_lengths)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 126, 127, 128, 129, 255, 256, 16383, 16384, 16385, 100000};
    for (size_t i = 0; i < WEIR_COUNT_OF(lengths); i++) {
        WEIR_FREE char *json = weir_alloc(lengths[i] + 3, 1);
        memset(json + 1, 'x', lengths[i]);
        json[0] = json[lengths[i] + 1] = '"';
        assert_string(json, (weir_text){json + 1, lengths[i]});
    }
}

Test(otlp_from_json, what_json_does_not_allow_in_a_string_is_refused)
{
    assert_record_refused("\"severityText\":\"a\nb\"", 17,
                          ".severityText has a bare control character: write byte 0x0a as \\u000a");
    assert_record_refused("\"severityText\":\"\\\"a\tb\"", 19,
                          ".severityText has a bare control character: write byte 0x09 as \\u0009");
    assert_record_refused("\"severityText\":\"a\\x41\"", 17,
                          ".severityText has an escape that JSON does not know: a backslash before byte 0x78");
    assert_record_refused("\"severityText\":\"\\u00g0\"", 20,
                          ".severityText has an escape \\u without four hex digits");
    assert_record_refused("\"severityText\":'a'", 15,
                          ".severityText must be a string; no JSON value begins with byte 0x27");
    assert_record_refused("\"severityText\":7", 15, ".severityText must be a string, not a number");
}

/* ---- Members ----------------------------------------------------------------------------------------------------- */

Test(otlp_from_json, keys_in_the_form_of_the_schema_are_known_too)
{
    assert_same(WEIR_OTLP_TRACES,
                "{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[{\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
                "\"start_time_unix_nano\":1}],\"schema_url\":\"u\"}]}]}",
                "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
                "\"startTimeUnixNano\":1}],\"schemaUrl\":\"u\"}]}]}");
    assert_record("\"severity\\u0054ext\":\"x\"", "\x1a\x01x");
    assert_record("\"severity_text\":\"x\"", "\x1a\x01x");
    assert_record("\"Severity_text\":\"x\",\"severity_Text\":\"x\",\"severity__text\":\"x\",\"severitytext\":\"x\"",
                  "");
    assert_record("\"_severityText\":\"x\",\"severityText_\":\"x\",\"severityText\\u0000\":\"x\"", "");
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
        assert_record(weir_buffer_string(&member), "\x45\x01\0\0\0");
    }
    assert_record_refused("\"x\":[1,]", 7, " must be a JSON value; no JSON value begins with byte 0x5d");
    assert_record_refused("\"x\":[1}", 6, " has a value without a comma behind it");
    assert_record_refused("\"x\":{\"a\" 1}", 9, " has a key without a colon behind it");
    assert_record_refused("\"x\":{1:1}", 5, " must be an object whose keys are strings, not a number");
    assert_record_refused("\"x\":nul", 4, " has a word that JSON does not know; did you mean null?");
    assert_record_refused("\"x\":01", 4, " is not a number as JSON writes it");
}

Test(otlp_from_json, null_is_absent)
{
    assert_record(
        "\"timeUnixNano\":null,\"severityNumber\":null,\"severityText\":null,\"body\":null,\"attributes\":null,"
        "\"flags\":null,\"traceId\":null",
        "");
    assert_same(WEIR_OTLP_TRACES, "null", "{}");
    assert_same(WEIR_OTLP_TRACES, "{\"resourceSpans\":null}", "{}");
    assert_body("{\"intValue\":null,\"boolValue\":null,\"bytesValue\":null}",
                (weir_otlp_value){.type = WEIR_OTLP_EMPTY});
    /* What the Collector makes of a null where it reads a string, the object of a oneof, or an element. */
    assert_body("{\"stringValue\":null}", (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = WEIR_TEXT("")});
    assert_record("\"body\":{\"arrayValue\":null}", "\x2a\x02\x2a\x00");
    assert_record("\"body\":{\"arrayValue\":{\"values\":[null]}}", "\x2a\x04\x2a\x02\x0a\x00");
    assert_record("\"attributes\":[null,{}]", "\x32\x00\x32\x00");
    assert_record("\"severityText\":\"x\",\"severityText\":null", "\x1a\x01x\x1a\x00");
}

Test(otlp_from_json, of_a_member_given_twice_the_last_one_counts)
{
    WEIR_BUFFER wire = {0}, json = {0};
    read_text(
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
    assert_body("{\"stringValue\":\"x\",\"intValue\":1}", (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 1});
    assert_body("{\"intValue\":1,\"boolValue\":null}", (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 1});
    assert_record("\"body\":{\"arrayValue\":{\"values\":[{}]},\"unknown\":1,\"arrayValue\":{}}", "\x2a\x02\x2a\x00");
    assert_same(
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
    read_text(WEIR_OTLP_METRICS, histogram, &wire);
    weir_otlp_to_json(WEIR_OTLP_METRICS, &(weir_bytes){wire.data, wire.len}, 1, &json);
    cr_assert(strstr(weir_buffer_string(&json), "{\"bucketCounts\":[\"1\",\"2\",\"3\"],\"explicitBounds\":[0.5]}"),
              "%s", weir_buffer_string(&json));
    assert_refused(WEIR_OTLP_METRICS,
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
        read_text(all_kinds[i], " {} \r\n", &wire);
        cr_assert_eq(wire.len, 0);
    }
}

Test(otlp_from_json, what_is_no_json_object_is_refused)
{
    assert_refused(WEIR_OTLP_LOGS, "", "offset 0: the request is cut off: the text ends here");
    assert_refused(WEIR_OTLP_LOGS, " ", "offset 1: the request is cut off: the text ends here");
    assert_refused(WEIR_OTLP_LOGS, "[]", "offset 0: the request must be an object, not an array");
    assert_refused(WEIR_OTLP_LOGS, "\xef\xbb\xbf{}",
                   "offset 0: the request begins with a byte order mark: send UTF-8 without it");
    assert_refused(WEIR_OTLP_LOGS, "{}{}", "offset 2: the request has something behind its end: send one JSON object");
    assert_refused(WEIR_OTLP_LOGS, "{} x", "offset 3: the request has something behind its end: send one JSON object");
    assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":{}}", "offset 16: resourceLogs must be an array, not an object");
    assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[7]}",
                   "offset 17: resourceLogs[0] must be an object, not a number");
    assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[{}{}]}",
                   "offset 19: resourceLogs[0] needs a comma or the end of the array behind it");
    assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\" []}", "offset 16: resourceLogs needs a colon behind its key");
    assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[],}",
                   "offset 19: the request must have a string as key for each value");
    assert_refused(WEIR_OTLP_LOGS, "{\"resourceLogs\":[", "offset 17: resourceLogs[0] is cut off: the text ends here");
    assert_refused(WEIR_OTLP_LOGS, "{", "offset 1: the request is cut off: the text ends in an object");
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
    read_text(WEIR_OTLP_LOGS, weir_buffer_string(&deepest), &wire);
    put_nested(&too_deep, WEIR_OTLP_NESTING_MAX + 1);
    weir_error error;
    cr_assert_eq(read_copy(WEIR_OTLP_LOGS, too_deep.data, too_deep.len, &wire, &error), WEIR_INVALID);
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
        const weir_status status = read_copy(WEIR_OTLP_LOGS, text.data, text.len, &wire, &error);
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
