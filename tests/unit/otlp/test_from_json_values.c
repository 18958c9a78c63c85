/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON to wire, value by value: every form that is read, and what is refused with which words.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "otlp/rewrite.h"
#include "reading_json.h"

/* ---- Numbers, enums, ids, bytes ------------------------------------------------------------------------------------ */

static void assert_int(const char *json, int64_t expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"intValue\":%s}", json);
    json_assert_body(weir_buffer_string(&text), (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = expected});
}

Test(otlp_from_json_values, integers_are_strings_or_numbers)
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

Test(otlp_from_json_values, what_is_no_integer_of_64_bits_is_refused)
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
        json_assert_record_refused(weir_buffer_string(&member), sizeof BODY_INT - 1,
                                   ".body.intValue must be a whole number of 64 bits");
    }
    json_assert_record_refused(BODY_INT "true}", sizeof BODY_INT - 1,
                               ".body.intValue must be a whole number of 64 bits, not a boolean");
}

Test(otlp_from_json_values, numbers_of_other_sizes)
{
    JSON_ASSERT_RECORD("\"timeUnixNano\":\"18446744073709551615\"", "\x09\xff\xff\xff\xff\xff\xff\xff\xff");
    JSON_ASSERT_RECORD("\"timeUnixNano\":18446744073709551615", "\x09\xff\xff\xff\xff\xff\xff\xff\xff");
    JSON_ASSERT_RECORD("\"timeUnixNano\":1.8e19", "\x09\x00\x00\x08\xc5\xa1\xd8\xcc\xf9"); /* 18 * 10^18 */
    JSON_ASSERT_RECORD("\"observedTimeUnixNano\":1", "\x59\x01\0\0\0\0\0\0\0");
    JSON_ASSERT_RECORD("\"flags\":4294967295", "\x45\xff\xff\xff\xff");
    JSON_ASSERT_RECORD("\"flags\":\"1\"", "\x45\x01\0\0\0");
    JSON_ASSERT_RECORD("\"droppedAttributesCount\":300", "\x38\xac\x02");
    JSON_ASSERT_RECORD("\"severityNumber\":-1", "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    json_assert_record_refused("\"flags\":4294967296", 8, ".flags must be a whole number from 0 to 4294967295");
    json_assert_record_refused("\"flags\":-1", 8, ".flags must be a whole number from 0 to 4294967295");
    json_assert_record_refused("\"timeUnixNano\":-1", 15,
                               ".timeUnixNano must be a whole number from 0 to 18446744073709551615");
    json_assert_record_refused("\"timeUnixNano\":18446744073709551616", 15,
                               ".timeUnixNano must be a whole number from 0 to 18446744073709551615");
    json_assert_record_refused("\"severityNumber\":2147483648", 17,
                               ".severityNumber must be a whole number of 32 bits");
}

Test(otlp_from_json_values, what_json_does_not_call_a_number_is_refused)
{
    static const char *const rows[] = {"01", "-", "1.", "-.5", "1e", "1e+", "-x", "1.e1"};
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member, "\"flags\":%s", rows[i]);
        json_assert_record_refused(weir_buffer_string(&member), 8, ".flags is not a number as JSON writes it");
    }
    json_assert_record_refused(
        "\"flags\":+1", 8, ".flags must be a whole number from 0 to 4294967295; no JSON value begins with byte 0x2b");
    json_assert_record_refused("\"flags\":1x", 9, ".flags needs a comma or the end of the object behind it");
}

static void assert_double(const char *json, double expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"doubleValue\":%s}", json);
    json_assert_body(weir_buffer_string(&text), (weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = expected});
}

Test(otlp_from_json_values, doubles)
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
        {"9007199254740995", 9007199254740996},
        {"9999999999999999999", 1e19},
        {"1234567890123456789.0", 1234567890123456789.0},
        {"12345678901234567890.5", 12345678901234567890.5},
        {"1e23", 1e23},
        {"1e-320", 1e-320},
        {"2.4703282292062328e-324", 5e-324},
        {"2.4703282292062327e-324", 0},
        {"-1.5e-400", -0.0},
        {"0e999", 0},
        {"\"007\"", 7},
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

Test(otlp_from_json_values, what_is_no_double_is_refused)
{
    static const char *const rows[] = {"1e309",  "\"1e309\"", "\"\"",       "\"x\"",
                                       "\"1x\"", "\"0x10\"",  "\"nan(1)\"", "\" 1\""};
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++) {
        WEIR_BUFFER member = {0};
        weir_buffer_printf(&member, BODY_DOUBLE "%s}", rows[i]);
        json_assert_record_refused(weir_buffer_string(&member), sizeof BODY_DOUBLE - 1,
                                   ".body.doubleValue is not a number, or larger than a double can be");
    }
    json_assert_record_refused(BODY_DOUBLE "NaN}", sizeof BODY_DOUBLE - 1,
                               ".body.doubleValue must be a number; no JSON value begins with byte 0x4e");
}

/* A number of 100,000 digits is a number. */
Test(otlp_from_json_values, huge_numbers)
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
    json_assert_record_refused(weir_buffer_string(&member), sizeof BODY_INT - 1,
                               ".body.intValue must be a whole number of 64 bits");
    WEIR_BUFFER zeros = {0};
    weir_buffer_append_text(&zeros, "1.");
    for (size_t i = 0; i < DIGITS; i++)
        weir_buffer_append_byte(&zeros, '0');
    assert_int(weir_buffer_string(&zeros), 1);
}

Test(otlp_from_json_values, booleans)
{
    json_assert_body("{\"boolValue\":true}", (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = true});
    json_assert_body("{\"boolValue\":false}", (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = false});
    json_assert_record_refused("\"body\":{\"boolValue\":\"true\"}", 20,
                               ".body.boolValue must be true or false, not a string");
    json_assert_record_refused("\"body\":{\"boolValue\":1}", 20, ".body.boolValue must be true or false, not a number");
    json_assert_record_refused("\"body\":{\"boolValue\":tru}", 20,
                               ".body.boolValue has a word that JSON does not know; did you mean true?");
}

Test(otlp_from_json_values, enums_are_numbers_or_names)
{
    JSON_ASSERT_RECORD("\"severityNumber\":9", "\x10\x09");
    JSON_ASSERT_RECORD("\"severityNumber\":\"SEVERITY_NUMBER_INFO\"", "\x10\x09");
    JSON_ASSERT_RECORD("\"severityNumber\":\"SEVERITY_NUMBER_\\u0049NFO\"", "\x10\x09");
    JSON_ASSERT_RECORD("\"severityNumber\":\"SEVERITY_NUMBER_TRACE\"", "\x10\x01");
    JSON_ASSERT_RECORD("\"severityNumber\":\"SEVERITY_NUMBER_TRACE \"", "\x10\x01"); /* as pdata spells it */
    JSON_ASSERT_RECORD("\"severityNumber\":\"SEVERITY_NUMBER_FATAL4\"", "\x10\x18");
    JSON_ASSERT_RECORD("\"severityNumber\":77", "\x10\x4d"); /* enums are open */
    JSON_ASSERT_RECORD("\"severityNumber\":0", "");
    json_assert_record_refused("\"severityNumber\":\"INFO\"", 17,
                               ".severityNumber must be a number or a name like SEVERITY_NUMBER_TRACE");
    json_assert_record_refused("\"severityNumber\":\"9\"", 17,
                               ".severityNumber must be a number or a name like SEVERITY_NUMBER_TRACE");
    json_assert_same(
        WEIR_OTLP_TRACES,
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"kind\":\"SPAN_KIND_SERVER\",\"status\":{\"code\":"
        "\"STATUS_CODE_ERROR\"}}]}]}]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"kind\":2,\"status\":{\"code\":2}}]}]}]}");
    json_assert_same(
        WEIR_OTLP_METRICS,
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"sum\":{\"aggregationTemporality\":"
        "\"AGGREGATION_TEMPORALITY_DELTA\"}}]}]}]}",
        "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"sum\":{\"aggregationTemporality\":1}}]}]}]}");
}

Test(otlp_from_json_values, ids_are_hex_of_either_case)
{
    JSON_ASSERT_RECORD("\"spanId\":\"00f067aa0ba902b7\"", "\x52\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7");
    JSON_ASSERT_RECORD("\"spanId\":\"00F067Aa0Ba902B7\"", "\x52\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7");
    JSON_ASSERT_RECORD("\"spanId\":\"00f067aa0ba902\\u00627\"", "\x52\x08\x00\xf0\x67\xaa\x0b\xa9\x02\xb7");
    JSON_ASSERT_RECORD("\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\"",
                       "\x4a\x10\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36");
    JSON_ASSERT_RECORD("\"traceId\":\"\",\"spanId\":null", "");
    JSON_ASSERT_RECORD("\"traceId\":\"00000000000000000000000000000000\"", "");
    json_assert_record_refused("\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e473\"", 10,
                               ".traceId must be 32 hex digits, not 31");
    json_assert_record_refused("\"spanId\":\"4bf92f3577b34da6a3ce929d0e0e4736\"", 9,
                               ".spanId must be 16 hex digits, not 32");
    json_assert_record_refused("\"spanId\":\"00f067aa0ba902bg\"", 9,
                               ".spanId must be 16 hex digits; another character is among them");
    json_assert_record_refused("\"spanId\":7", 9, ".spanId must be a string of hex digits, not a number");
}

static void assert_base64(const char *json, const char *expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"bytesValue\":\"%s\"}", json);
    json_assert_body(
        weir_buffer_string(&text),
        (weir_otlp_value){.type = WEIR_OTLP_BYTES, .bytes = {(const uint8_t *)expected, strlen(expected)}});
}

Test(otlp_from_json_values, bytes_are_base64)
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
        json_assert_record_refused(weir_buffer_string(&member), 21, ".body.bytesValue is not base64");
    }
}

Test(otlp_from_json_values, long_bytes_keep_their_length)
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
        json_read_text(WEIR_OTLP_LOGS, weir_buffer_string(&json), &found);
        cr_assert_geq(found.len, 3 * len);
        cr_assert_eq(memcmp(found.data + found.len - 3, "abc", 3), 0);
    }
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

static void assert_string(const char *json, weir_text expected)
{
    WEIR_BUFFER text = {0};
    weir_buffer_printf(&text, "{\"stringValue\":%s}", json);
    json_assert_body(weir_buffer_string(&text), (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = expected});
}

#define REPLACEMENT "\xef\xbf\xbd"

Test(otlp_from_json_values, escapes)
{
    assert_string("\"\"", WEIR_TEXT(""));
    assert_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", WEIR_TEXT("\"\\/\b\f\n\r\t"));
    assert_string("\"\\u0000\\u0041\\u007f\"", WEIR_TEXT("\0A\x7f"));
    assert_string("\"\\u00e4\\u20AC\\uffff\"", WEIR_TEXT("\xc3\xa4\xe2\x82\xac\xef\xbf\xbf"));
    assert_string("\"\\ud83d\\ude00\"", WEIR_TEXT("\xf0\x9f\x98\x80"));
    assert_string("\"\\udbff\\udfff\"", WEIR_TEXT("\xf4\x8f\xbf\xbf"));
    assert_string("\"h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", WEIR_TEXT("h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
}

Test(otlp_from_json_values, half_a_surrogate_pair_is_replaced)
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

Test(otlp_from_json_values, bytes_that_are_not_utf8_stay_as_they_are)
{
    assert_string("\"a\xff\xc3z\"", WEIR_TEXT("a\xff\xc3z"));
}

Test(otlp_from_json_values, an_escape_is_found_wherever_it_stands)
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

Test(otlp_from_json_values, strings_of_all_lengths)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 126, 127, 128, 129, 255, 256, 16383, 16384, 16385, 100000};
    for (size_t i = 0; i < WEIR_COUNT_OF(lengths); i++) {
        WEIR_FREE char *json = weir_alloc(lengths[i] + 3, 1);
        memset(json + 1, 'x', lengths[i]);
        json[0] = json[lengths[i] + 1] = '"';
        assert_string(json, (weir_text){json + 1, lengths[i]});
    }
}

Test(otlp_from_json_values, what_json_does_not_allow_in_a_string_is_refused)
{
    json_assert_record_refused("\"severityText\":\"a\nb\"", 17,
                               ".severityText has a bare control character: write byte 0x0a as \\u000a");
    json_assert_record_refused("\"severityText\":\"\\\"a\tb\"", 19,
                               ".severityText has a bare control character: write byte 0x09 as \\u0009");
    json_assert_record_refused("\"severityText\":\"a\\x41\"", 17,
                               ".severityText has an escape that JSON does not know: a backslash before byte 0x78");
    json_assert_record_refused("\"severityText\":\"\\u00g0\"", 20,
                               ".severityText has an escape \\u without four hex digits");
    json_assert_record_refused("\"severityText\":'a'", 15,
                               ".severityText must be a string; no JSON value begins with byte 0x27");
    json_assert_record_refused("\"severityText\":7", 15, ".severityText must be a string, not a number");
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

static void assert_attribute(weir_text key, const char *json, weir_otlp_value value)
{
    WEIR_BUFFER text = {0}, found = {0}, record = {0}, expected = {0}, scope = {0}, resource = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{\"attributes\":[{\"key\":\"%.*s\",\"value\":%s}]}" LOG_END,
                       WEIR_TEXT_ARG(key), json);
    json_read_text(WEIR_OTLP_LOGS, weir_buffer_string(&text), &found);
    weir_otlp_put_attribute(&record, 6, key, &value);
    weir_otlp_put_bytes(&scope, 2, record.data, record.len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&expected, 1, resource.data, resource.len);
    json_assert_bytes(&found, &expected, weir_buffer_string(&text));
}

/* The usual form has a short cut, with lengths of one byte in mind. */
Test(otlp_from_json_values, attributes_of_all_lengths)
{
    static const size_t key_lengths[] = {1, 15, 31, 32, 33, 112, 113, 114, 115, 116, 117, 126, 127, 128, 200};
    static const size_t string_lengths[] = {0,   1,   31,  32,  90,  100, 110, 117, 118,   119,   120,   121,  122,
                                            123, 124, 125, 126, 127, 128, 129, 130, 16370, 16380, 16384, 20000};
    WEIR_FREE char *letters = weir_alloc(20000, 1);
    memset(letters, 'x', 20000);
    for (size_t k = 0; k < WEIR_COUNT_OF(key_lengths); k++) {
        const weir_text key = {letters, key_lengths[k]};
        for (size_t i = 0; i < WEIR_COUNT_OF(string_lengths); i++) {
            const weir_text string = {letters, string_lengths[i]};
            WEIR_BUFFER json = {0};
            weir_buffer_printf(&json, "{\"stringValue\":\"%.*s\"}", WEIR_TEXT_ARG(string));
            assert_attribute(key, weir_buffer_string(&json),
                             (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = string});
        }
        assert_attribute(key, "{\"intValue\":\"9223372036854775807\"}",
                         (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = INT64_MAX});
        assert_attribute(key, "{\"boolValue\":false}", (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = false});
    }
}

Test(otlp_from_json_values, attributes_of_all_kinds)
{
    const weir_text key = WEIR_TEXT("k");
    assert_attribute(key, "{\"intValue\":7}", (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 7});
    assert_attribute(key, "{\"intValue\":\"-7\"}", (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = -7});
    assert_attribute(key, "{\"boolValue\":true}", (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = true});
    assert_attribute(key, "{\"doubleValue\":0.5}", (weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = 0.5});
    assert_attribute(key, "{\"stringValue\":\"a\\u0020b\"}",
                     (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = WEIR_TEXT("a b")});
    assert_attribute(key, "{ \"stringValue\" : \"x\" } ",
                     (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = WEIR_TEXT("x")});
    assert_attribute(key, "{\"stringValue\":\"x\",\"intValue\":1}",
                     (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 1});
    JSON_ASSERT_RECORD("\"attributes\":[{\"key\":\"\",\"value\":{\"intValue\":1}}]", "\x32\x04\x12\x02\x18\x01");
    JSON_ASSERT_RECORD("\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":1},\"key\":\"l\"}]",
                       "\x32\x0a\x0a\x01k\x12\x02\x18\x01\x0a\x01l");
}

Test(otlp_from_json_values, what_is_wrong_in_an_attribute_is_named)
{
    json_assert_record_refused("\"attributes\":[{\"key\":\"k\x01\"}]", 23,
                               ".attributes[0].key has a bare control character: write byte 0x01 as \\u0001");
    json_assert_record_refused(
        "\"attributes\":[{\"key\":\"k\",\"value\":{\"stringValue\":\"a\tb\"}}]", 50,
        ".attributes[0].value.stringValue has a bare control character: write byte 0x09 as \\u0009");
    json_assert_record_refused("\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":\"9223372036854775808\"}}]", 45,
                               ".attributes[0].value.intValue must be a whole number of 64 bits");
    json_assert_record_refused("\"attributes\":[{\"key\":\"k\",\"value\":{\"boolValue\":no}}]", 46,
                               ".attributes[0].value.boolValue has a word that JSON does not know; did you mean null?");
}

/* What looks like an attribute at first must be one to its end, also where two members have run into each other. */
Test(otlp_from_json_values, two_halves_of_values_are_no_value)
{
    json_assert_record_refused("\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":boolValue\":true}}]", 45,
                               ".attributes[0].value.intValue must be a whole number of 64 bits; no JSON value begins "
                               "with byte 0x62");
    json_assert_record_refused(
        "\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":\"9999999999999999999\"boolValue\":true}}]", 45,
        ".attributes[0].value.intValue must be a whole number of 64 bits");
}
