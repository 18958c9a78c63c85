/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire to JSON: every row of the tables against the .proto files, thousands of random requests against protobuf-c, and
 * lines written by hand for what no generator shows well.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/limits.h"
#include "generator.h"
#include "oracle.h"
#include "oracle_json.h"
#include "otlp/json.h"
#include "otlp/json_schema.h"
#include "otlp/rewrite.h"
#include "strict_json.h"

enum { REQUESTS_PER_KIND = 2000, JSON_DEPTH_MAX = 8 * WEIR_OTLP_NESTING_MAX };

static const weir_otlp_kind all_kinds[] = {WEIR_OTLP_TRACES, WEIR_OTLP_METRICS, WEIR_OTLP_LOGS};

/* ---- The tables -------------------------------------------------------------------------------------------------- */

static weir_otlp_json_form form_of_bytes(const char *name)
{
    if (strcmp(name, "bytes_value") == 0)
        return WEIR_JSON_BASE64;
    return strcmp(name, "trace_id") == 0 ? WEIR_JSON_TRACE_ID : WEIR_JSON_SPAN_ID;
}

static weir_otlp_json_form form_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return WEIR_JSON_STRING;
    case PROTOBUF_C_TYPE_BYTES:
        return form_of_bytes(field->name);
    case PROTOBUF_C_TYPE_BOOL:
        return WEIR_JSON_BOOL;
    case PROTOBUF_C_TYPE_INT32:
        return WEIR_JSON_INT32;
    case PROTOBUF_C_TYPE_ENUM:
        return WEIR_JSON_ENUM;
    case PROTOBUF_C_TYPE_UINT32:
        return WEIR_JSON_UINT32;
    case PROTOBUF_C_TYPE_SINT32:
        return WEIR_JSON_ZIGZAG32;
    case PROTOBUF_C_TYPE_INT64:
        return WEIR_JSON_QUOTED_INT64;
    case PROTOBUF_C_TYPE_UINT64:
        return WEIR_JSON_QUOTED_UINT64;
    case PROTOBUF_C_TYPE_FIXED32:
        return WEIR_JSON_FIXED32;
    case PROTOBUF_C_TYPE_FIXED64:
        return WEIR_JSON_QUOTED_FIXED64;
    case PROTOBUF_C_TYPE_SFIXED64:
        return WEIR_JSON_QUOTED_SFIXED64;
    case PROTOBUF_C_TYPE_DOUBLE:
        return WEIR_JSON_DOUBLE;
    case PROTOBUF_C_TYPE_MESSAGE:
        return WEIR_JSON_MESSAGE;
    default:
        return WEIR_JSON_UNKNOWN;
    }
}

/* protobuf-c shows an `optional` field as a oneof of its own. */
static bool is_alone_in_its_oneof(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field)
{
    unsigned members = 0;
    for (unsigned i = 0; i < type->n_fields; i++)
        members += type->fields[i].quantifier_offset == field->quantifier_offset;
    return members == 1;
}

static weir_otlp_json_presence presence_of(const ProtobufCMessageDescriptor *type,
                                           const ProtobufCFieldDescriptor *field)
{
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return is_alone_in_its_oneof(type, field) ? WEIR_JSON_OPTIONAL : WEIR_JSON_ONE_OF;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return WEIR_JSON_REPEATED;
    return oracle_json_is_always_written(type, field->name) ? WEIR_JSON_ALWAYS : WEIR_JSON_SINGLE;
}

static void check_names(const ProtobufCEnumDescriptor *type, const weir_otlp_json_names *names)
{
    cr_assert_eq(names->count, type->n_values);
    for (unsigned i = 0; i < type->n_values; i++) {
        cr_assert_eq(type->values[i].value, (int)i);
        cr_assert_str_eq(names->names[i], type->values[i].name);
    }
}

static void check_table(const ProtobufCMessageDescriptor *type, const weir_otlp_json_message *table, unsigned depth)
{
    if (depth == 0)
        return;
    cr_assert_str_eq(table->name, type->short_name);
    unsigned rows = 0;
    uint32_t always = 0;
    for (unsigned number = 0; number <= WEIR_JSON_FIELDS_MAX; number++)
        rows += table->fields[number].form != WEIR_JSON_UNKNOWN;
    cr_assert_eq(rows, type->n_fields, "%s", type->name);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        cr_assert_leq(field->id, WEIR_JSON_FIELDS_MAX);
        const weir_otlp_json_field *row = &table->fields[field->id];
        char name[64], key[70];
        oracle_json_name(field->name, name);
        snprintf(key, sizeof key, "\"%s\":", name);
        cr_assert_str_eq(row->key, key);
        cr_assert_eq(row->key_len, strlen(key), "%s", key);
        cr_assert_eq(row->form, form_of(field), "%s.%s", type->name, name);
        cr_assert_eq(row->presence, presence_of(type, field), "%s.%s", type->name, name);
        if (row->presence == WEIR_JSON_ALWAYS)
            always |= 1u << field->id;
        if (row->form == WEIR_JSON_ENUM)
            check_names(field->descriptor, row->names);
        if (row->form == WEIR_JSON_MESSAGE)
            check_table(field->descriptor, row->message, depth - 1);
    }
    cr_assert_eq(table->always, always, "%s", type->name);
}

Test(otlp_json, the_tables_say_what_the_schemas_say)
{
    enum { DEPTH = 12 };
    for (size_t i = 0; i < WEIR_COUNT_OF(all_kinds); i++)
        check_table(generator_request(all_kinds[i]), weir_otlp__json_request(all_kinds[i]), DEPTH);
}

/* ---- Random requests --------------------------------------------------------------------------------------------- */

static void assert_same(const weir_buffer *expected, const weir_buffer *found, weir_otlp_kind kind, uint64_t seed)
{
    WEIR_BUFFER left = {0}, right = {0};
    cr_assert(strict_json_canonical((weir_bytes){expected->data, expected->len}, JSON_DEPTH_MAX, &left));
    cr_assert(strict_json_canonical((weir_bytes){found->data, found->len}, JSON_DEPTH_MAX, &right),
              "kind %d seed %llu is not JSON: %.*s", (int)kind, (unsigned long long)seed, (int)found->len,
              (const char *)found->data);
    if (left.len != right.len || memcmp(left.data, right.data, left.len) != 0)
        cr_assert_str_eq(weir_buffer_string(&right), weir_buffer_string(&left), "kind %d seed %llu", (int)kind,
                         (unsigned long long)seed);
}

static void for_many(void (*check)(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request))
{
    for (unsigned k = 0; k < WEIR_COUNT_OF(all_kinds); k++) {
        for (uint64_t seed = 1; seed <= REQUESTS_PER_KIND; seed++) {
            WEIR_BUFFER request = {0};
            generator random = {.state = seed * 3 + k, .tame = seed % 4 == 0};
            generator_make(&random, all_kinds[k], &request);
            check(all_kinds[k], seed, &request);
        }
    }
}

static void check_against_protobuf_c(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    WEIR_BUFFER expected = {0}, found = {0};
    ProtobufCMessage *message = oracle_parse(kind, request->data, request->len);
    oracle_json(message, &expected);
    protobuf_c_message_free_unpacked(message, NULL);
    weir_otlp_to_json(kind, &(weir_bytes){request->data, request->len}, 1, &found);
    assert_same(&expected, &found, kind, seed);
}

Test(otlp_json, says_what_protobuf_c_reads, .timeout = 120)
{
    for_many(check_against_protobuf_c);
}

/* Cut between fields of the request, the parts are the whole. */
static void check_parts(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    WEIR_BUFFER twice = {0}, expected = {0}, found = {0};
    weir_buffer_append(&twice, request->data, request->len);
    weir_buffer_append(&twice, request->data, request->len);
    weir_otlp_to_json(kind, &(weir_bytes){twice.data, twice.len}, 1, &expected);
    const weir_bytes parts[] = {{request->data, request->len}, {NULL, 0}, {request->data, request->len}};
    weir_otlp_to_json(kind, parts, 3, &found);
    cr_assert(expected.len == found.len && memcmp(expected.data, found.data, found.len) == 0, "kind %d seed %llu",
              (int)kind, (unsigned long long)seed);
}

Test(otlp_json, several_parts_read_as_one_request, .timeout = 120)
{
    for_many(check_parts);
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

typedef struct collected {
    weir_buffer text;
    size_t piece_max;
    unsigned pieces_left;
} collected;

static bool collect(void *context, weir_buffer *piece)
{
    collected *self = context;
    cr_assert_leq(piece->len, self->piece_max);
    weir_buffer_append(&self->text, piece->data, piece->len);
    piece->len = 0;
    return self->pieces_left-- > 1;
}

static void check_pieces(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    WEIR_BUFFER expected = {0}, piece = {0};
    collected found = {.piece_max = WEIR_OTLP_JSON_PIECE_MIN, .pieces_left = UINT32_MAX};
    const weir_otlp_json_spill spill = {.spill = collect, .context = &found, .piece_max = found.piece_max};
    const weir_bytes whole = {request->data, request->len};
    weir_otlp_to_json(kind, &whole, 1, &expected);
    cr_assert(weir_otlp_to_json_in_pieces(kind, &whole, 1, &piece, &spill));
    cr_assert_leq(piece.len, found.piece_max);
    weir_buffer_append(&found.text, piece.data, piece.len);
    cr_assert(expected.len == found.text.len && memcmp(expected.data, found.text.data, expected.len) == 0,
              "kind %d seed %llu", (int)kind, (unsigned long long)seed);
    weir_buffer_done(&found.text);
}

Test(otlp_json, pieces_are_the_whole, .timeout = 120)
{
    for_many(check_pieces);
}

/* A log record whose body is `text`. */
static void put_log(weir_buffer *out, weir_otlp_value body)
{
    WEIR_BUFFER value = {0}, record = {0}, scope = {0}, resource = {0};
    weir_otlp_put_value(&value, &body);
    weir_otlp_put_bytes(&record, 5, value.data, value.len);
    weir_otlp_put_bytes(&scope, 2, record.data, record.len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(out, 1, resource.data, resource.len);
}

Test(otlp_json, one_huge_string_never_fills_more_than_a_piece)
{
    enum { LEN = 1 << 20 };
    WEIR_BUFFER request = {0}, piece = {0};
    WEIR_FREE char *text = weir_alloc(LEN, 1);
    put_log(&request, (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = {text, LEN}});
    collected found = {.piece_max = WEIR_OTLP_JSON_PIECE_MIN, .pieces_left = UINT32_MAX};
    const weir_otlp_json_spill spill = {.spill = collect, .context = &found, .piece_max = found.piece_max};
    const weir_bytes whole = {request.data, request.len};
    cr_assert(weir_otlp_to_json_in_pieces(WEIR_OTLP_LOGS, &whole, 1, &piece, &spill));
    cr_assert_gt(found.text.len, 6 * (LEN - 1000)); /* each byte is \u0000 */
    weir_buffer_done(&found.text);
}

Test(otlp_json, stops_when_the_rest_is_not_wanted)
{
    enum { LEN = 1 << 20 };
    WEIR_BUFFER request = {0}, piece = {0};
    WEIR_FREE char *text = weir_alloc(LEN, 1);
    put_log(&request, (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = {text, LEN}});
    collected found = {.piece_max = WEIR_OTLP_JSON_PIECE_MIN, .pieces_left = 2};
    const weir_otlp_json_spill spill = {.spill = collect, .context = &found, .piece_max = found.piece_max};
    const weir_bytes whole = {request.data, request.len};
    cr_assert_not(weir_otlp_to_json_in_pieces(WEIR_OTLP_LOGS, &whole, 1, &piece, &spill));
    cr_assert_eq(found.pieces_left, 0);
    cr_assert_leq(piece.len, found.piece_max);
    weir_buffer_done(&found.text);
}

/* ---- Lines written by hand --------------------------------------------------------------------------------------- */

static void assert_json(weir_otlp_kind kind, const weir_buffer *request, const char *expected)
{
    uint64_t items;
    weir_error error = {0};
    cr_assert_eq(weir_otlp_validate(kind, request->data, request->len, &items, &error), WEIR_OK, "%s", error.text);
    WEIR_BUFFER found = {0};
    weir_otlp_to_json(kind, &(weir_bytes){request->data, request->len}, 1, &found);
    cr_assert_str_eq(weir_buffer_string(&found), expected);
}

static void assert_body(weir_otlp_value body, const char *expected)
{
    WEIR_BUFFER request = {0}, line = {0};
    put_log(&request, body);
    weir_buffer_printf(&line,
                       "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":%s}],\"scope\":{}}],"
                       "\"resource\":{}}]}",
                       expected);
    assert_json(WEIR_OTLP_LOGS, &request, weir_buffer_string(&line));
}

static void assert_string(weir_text text, const char *expected)
{
    WEIR_BUFFER body = {0};
    weir_buffer_printf(&body, "{\"stringValue\":%s}", expected);
    assert_body((weir_otlp_value){.type = WEIR_OTLP_STRING, .string = text}, weir_buffer_string(&body));
}

Test(otlp_json, strings)
{
    assert_string(WEIR_TEXT(""), "\"\"");
    assert_string(WEIR_TEXT("plain"), "\"plain\"");
    assert_string(WEIR_TEXT("a \"quoted\" \\ text"), "\"a \\\"quoted\\\" \\\\ text\"");
    assert_string(WEIR_TEXT("line\nend\r\ttab"), "\"line\\nend\\r\\ttab\"");
    assert_string(WEIR_TEXT("nul\0bell\a\x1f\x7f"), "\"nul\\u0000bell\\u0007\\u001f\x7f\"");
    assert_string(WEIR_TEXT("</script>&"), "\"</script>&\"");
    assert_string(WEIR_TEXT("h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xa8"),
                  "\"h\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xa8\"");
    assert_string(WEIR_TEXT("\xc3\xa4 then \"quotes\" and \n"), "\"\xc3\xa4 then \\\"quotes\\\" and \\n\"");
}

#define REPLACEMENT "\xef\xbf\xbd"

Test(otlp_json, bytes_that_are_not_utf8_are_replaced_one_by_one)
{
    assert_string(WEIR_TEXT("a\xffz"), "\"a" REPLACEMENT "z\"");
    assert_string(WEIR_TEXT("\xc3"), "\"" REPLACEMENT "\"");
    assert_string(WEIR_TEXT("\xed\xa0\x80"), "\"" REPLACEMENT REPLACEMENT REPLACEMENT "\"");
    assert_string(WEIR_TEXT("\xc3\xa4\x80\"\n"), "\"\xc3\xa4" REPLACEMENT "\\\"\\n\"");
}

/* Each place in a block of eight must be looked at. */
Test(otlp_json, what_needs_an_escape_is_found_wherever_it_stands)
{
    for (size_t at = 0; at < 24; at++) {
        char text[24], expected[40];
        memset(text, 'x', sizeof text);
        text[at] = '"';
        snprintf(expected, sizeof expected, "\"%.*s\\%.*s\"", (int)at, text, (int)(sizeof text - at), text + at);
        assert_string((weir_text){text, sizeof text}, expected);
    }
}

Test(otlp_json, values)
{
    assert_body((weir_otlp_value){.type = WEIR_OTLP_EMPTY}, "{}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = false}, "{\"boolValue\":false}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = true}, "{\"boolValue\":true}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_INT, .integer = 0}, "{\"intValue\":\"0\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_INT, .integer = INT64_MIN},
                "{\"intValue\":\"-9223372036854775808\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = 0.1}, "{\"doubleValue\":0.1}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = -0.0}, "{\"doubleValue\":-0}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = 1e-7}, "{\"doubleValue\":1e-07}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = __builtin_nan("")}, "{\"doubleValue\":\"NaN\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = -__builtin_inf()},
                "{\"doubleValue\":\"-Infinity\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_BYTES, .bytes = {NULL, 0}}, "{\"bytesValue\":\"\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_BYTES, .bytes = {(const uint8_t *)"\xff", 1}},
                "{\"bytesValue\":\"/w==\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_BYTES, .bytes = {(const uint8_t *)"\xfb\xff", 2}},
                "{\"bytesValue\":\"+/8=\"}");
    assert_body((weir_otlp_value){.type = WEIR_OTLP_BYTES, .bytes = {(const uint8_t *)"abc", 3}},
                "{\"bytesValue\":\"YWJj\"}");
}

Test(otlp_json, an_empty_request_is_an_empty_object)
{
    WEIR_BUFFER nothing = {0};
    assert_json(WEIR_OTLP_TRACES, &nothing, "{}");
    WEIR_BUFFER found = {0};
    weir_otlp_to_json(WEIR_OTLP_METRICS, NULL, 0, &found);
    cr_assert_str_eq(weir_buffer_string(&found), "{}");
}

static void put(weir_buffer *out, uint32_t number, const char *bytes, size_t len)
{
    weir_otlp_put_bytes(out, number, bytes, len);
}

/* A request with one span of these bytes. */
static void put_span(weir_buffer *out, const weir_buffer *span)
{
    WEIR_BUFFER scope = {0}, resource = {0};
    weir_otlp_put_bytes(&scope, 2, span->data, span->len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(out, 1, resource.data, resource.len);
}

static void assert_span(const weir_buffer *span, const char *expected)
{
    WEIR_BUFFER request = {0}, line = {0};
    put_span(&request, span);
    weir_buffer_printf(&line, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[%s],\"scope\":{}}],\"resource\":{}}]}",
                       expected);
    assert_json(WEIR_OTLP_TRACES, &request, weir_buffer_string(&line));
}

static void assert_attribute(weir_text key, weir_otlp_value value, const char *expected)
{
    WEIR_BUFFER span = {0}, line = {0};
    weir_otlp_put_attribute(&span, 9, key, &value);
    weir_buffer_printf(&line, "{\"attributes\":[{\"key\":\"%.*s\",\"value\":%s}],\"status\":{}}", WEIR_TEXT_ARG(key),
                       expected);
    assert_span(&span, weir_buffer_string(&line));
}

/* The usual form has a short cut, with lengths of one byte in mind. */
Test(otlp_json, attributes_of_all_lengths)
{
    char letters[300];
    memset(letters, 'x', sizeof letters);
    for (size_t key_len = 1; key_len <= 130; key_len += key_len < 110 ? 9 : 1) {
        const weir_text key = {letters, key_len};
        for (size_t len = 0; len < 140; len++) {
            const weir_text string = {letters, len};
            WEIR_BUFFER json = {0};
            weir_buffer_printf(&json, "{\"stringValue\":\"%.*s\"}", WEIR_TEXT_ARG(string));
            assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = string},
                             weir_buffer_string(&json));
        }
        assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = INT64_MAX},
                         "{\"intValue\":\"9223372036854775807\"}");
        assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = -1}, "{\"intValue\":\"-1\"}");
        assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = true}, "{\"boolValue\":true}");
        assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_BOOL}, "{\"boolValue\":false}");
        assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = 0.5}, "{\"doubleValue\":0.5}");
        assert_attribute(key, (weir_otlp_value){.type = WEIR_OTLP_EMPTY}, "{}");
    }
}

Test(otlp_json, what_needs_an_escape_in_an_attribute_is_found_wherever_it_stands)
{
    for (size_t len = 1; len < 40; len++) {
        for (size_t at = 0; at < len; at++) {
            char text[40], expected[100];
            memset(text, 'x', sizeof text);
            text[at] = '\\';
            const int after = (int)(len - at - 1);
            snprintf(expected, sizeof expected, "{\"stringValue\":\"%.*s\\\\%.*s\"}", (int)at, text, after,
                     text + at + 1);
            assert_attribute(WEIR_TEXT("k"), (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = {text, len}},
                             expected);
        }
    }
    WEIR_BUFFER span = {0};
    weir_otlp_put_attribute(&span, 9, WEIR_TEXT("a\"b"), &(weir_otlp_value){.type = WEIR_OTLP_BOOL});
    weir_otlp_put_attribute(&span, 9, WEIR_TEXT(""), &(weir_otlp_value){.type = WEIR_OTLP_BOOL});
    assert_span(&span, "{\"attributes\":[{\"key\":\"a\\\"b\",\"value\":{\"boolValue\":false}},"
                       "{\"value\":{\"boolValue\":false}}],\"status\":{}}");
}

Test(otlp_json, ids_of_zeros_are_no_ids)
{
    WEIR_BUFFER span = {0};
    put(&span, 1, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    put(&span, 2, "\0\0\0\0\0\0\0\x1", 8);
    put(&span, 4, "", 0);
    assert_span(&span, "{\"spanId\":\"0000000000000001\",\"status\":{}}");
}

Test(otlp_json, a_single_message_in_pieces_is_merged)
{
    WEIR_BUFFER span = {0};
    put(&span, 15, "\x12\x03old\x18\x02", 7); /* Status: message and code */
    put(&span, 5, "work", 4);
    put(&span, 15, "\x12\x03new", 5); /* message only */
    assert_span(&span, "{\"name\":\"work\",\"status\":{\"message\":\"new\",\"code\":2}}");
}

Test(otlp_json, repeated_fields_that_are_scattered_are_one_array)
{
    WEIR_BUFFER span = {0};
    put(&span, 9,
        "\x0a\x01"
        "a",
        3);
    put(&span, 5, "old", 3);
    put(&span, 9,
        "\x0a\x01"
        "b\x12\x00",
        5);
    put(&span, 5, "new", 3);
    put(&span, 99, "unknown", 7);
    assert_span(&span, "{\"name\":\"new\",\"attributes\":[{\"key\":\"a\",\"value\":{}},{\"key\":\"b\",\"value\":{}}],"
                       "\"status\":{}}");
}

Test(otlp_json, numbers_packed_and_one_by_one_are_one_array)
{
    /* HistogramDataPoint.bucket_counts: packed [1, 2], empty, single 3; explicit_bounds: packed, empty only. */
    static const char point[] = "\x32\x10\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"
                                "\x32\x00"
                                "\x31\x03\0\0\0\0\0\0\0"
                                "\x3a\x00";
    WEIR_BUFFER data = {0}, metric = {0}, scope = {0}, resource = {0}, request = {0};
    put(&data, 1, point, sizeof point - 1);
    weir_otlp_put_bytes(&metric, 9, data.data, data.len);
    weir_otlp_put_bytes(&scope, 2, metric.data, metric.len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    assert_json(WEIR_OTLP_METRICS, &request,
                "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[{\"histogram\":{\"dataPoints\":"
                "[{\"bucketCounts\":[\"1\",\"2\",\"3\"]}]}}],\"scope\":{}}],\"resource\":{}}]}");
}

Test(otlp_json, the_last_member_of_a_oneof_counts)
{
    WEIR_BUFFER span = {0};
    /* KeyValue.value: an array, then a string, then an array of one int. */
    put(&span, 9, "\x12\x0d\x2a\x04\x0a\x02\x10\x01\x0a\x01s\x2a\x02\x0a\x00", 15);
    assert_span(&span, "{\"attributes\":[{\"value\":{\"arrayValue\":{\"values\":[{}]}}}],\"status\":{}}");
}

Test(otlp_json, nests_as_deep_as_the_validator_lets_it)
{
    WEIR_BUFFER value = {0}, expected = {0};
    for (int depth = 0; depth < WEIR_OTLP_NESTING_MAX; depth++) {
        WEIR_BUFFER array = {0}, outer = {0};
        weir_otlp_put_bytes(&array, 1, value.data, value.len);
        weir_otlp_put_bytes(&outer, 5, array.data, array.len);
        weir_buffer_done(&value);
        value = outer;
        outer = (weir_buffer){0};
        weir_buffer_append_text(&expected, "{\"arrayValue\":{\"values\":[");
    }
    weir_buffer_append_text(&expected, "{}");
    for (int depth = 0; depth < WEIR_OTLP_NESTING_MAX; depth++)
        weir_buffer_append_text(&expected, "]}}");
    WEIR_BUFFER span = {0}, attribute = {0}, line = {0};
    weir_otlp_put_bytes(&attribute, 2, value.data, value.len);
    weir_otlp_put_bytes(&span, 9, attribute.data, attribute.len);
    weir_buffer_printf(&line, "{\"attributes\":[{\"value\":%s}],\"status\":{}}", weir_buffer_string(&expected));
    assert_span(&span, weir_buffer_string(&line));
}
