/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/json.h"

#include <math.h>

#include "core/assert.h"
#include "core/decimal.h"
#include "exporters/elasticsearch/document/date.h"
#include "exporters/elasticsearch/document/memory_kept.h"

void es_json_init(es_json *json)
{
    *json = (es_json){0};
    es_keys_init(&json->keys);
}

void es_json_done(es_json *json)
{
    es_keys_done(&json->keys);
    weir_buffer_done(&json->deep);
    es_text_arena_done(&json->names);
}

void es_json_give_back(es_json *json)
{
    es_keys_give_back(&json->keys);
    es_buffer_give_back(&json->deep);
    es_text_arena_give_back(&json->names);
}

void es_json_begin(es_json *json, weir_buffer *out)
{
    json->writer = weir_otlp_json_writer_of(out, NULL);
    es_keys_clear(&json->keys);
    es_text_arena_clear(&json->names);
}

/* ---- Members ----------------------------------------------------------------------------------------------------- */

es_json_object es_json_object_open(es_json *json, unsigned depth)
{
    return (es_json_object){.number = es_keys_open(&json->keys), .depth = depth};
}

bool es_json_member(es_json *json, es_json_object *object, weir_text key)
{
    weir_buffer *out = json->writer.out;
    const size_t start = out->len;
    if (object->has_members)
        weir_otlp_json_put_char(&json->writer, ',');
    const size_t key_start = out->len;
    es_json_string(json, es_name_fix(&json->names, key, object->depth));
    if (!es_keys_add(&json->keys, object->number, out->data, key_start, out->len - key_start)) {
        out->len = start;
        return false;
    }
    weir_otlp_json_put_char(&json->writer, ':');
    object->has_members = true;
    return true;
}

/* ---- Numbers and bytes ------------------------------------------------------------------------------------------- */

void es_json_double(es_json *json, double number)
{
    enum { EXPONENT_DIGITS = 2 };
    if (!isfinite(number)) {
        ES_JSON_PUT(json, "null");
        return;
    }
    char digits[WEIR_DOUBLE_TEXT_MAX];
    const size_t len = weir_double_write(digits, number, EXPONENT_DIGITS);
    const char *exponent = memchr(digits, 'e', len);
    const size_t before = exponent ? (size_t)(exponent - digits) : len;
    weir_otlp_json_put(&json->writer, digits, before);
    if (!memchr(digits, '.', before))
        ES_JSON_PUT(json, ".0");
    weir_otlp_json_put(&json->writer, digits + before, len - before);
}

void es_json_hex(es_json *json, weir_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *out = weir_otlp_json_room(&json->writer, 2 * bytes.len + 2);
    *out++ = '"';
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[bytes.data[i] >> 4];
        *out++ = digits[bytes.data[i] & 15];
    }
    *out = '"';
    json->writer.out->len += 2 * bytes.len + 2;
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

/* `count` decimal digits of `number`, with zeros before it. Returns their end. */
static char *put_digits(char *out, unsigned number, int count)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
    return out + count;
}

void es_json_epoch_millis(es_json *json, uint64_t time_ns)
{
    enum { NS_PER_MS = 1000000, NS_DIGITS = 6 };
    time_ns = time_ns < INT64_MAX ? time_ns : INT64_MAX;
    char *const start = weir_otlp_json_room(&json->writer, 2 * WEIR_UINT_TEXT_MAX + 3), *out = start;
    *out++ = '"';
    out += weir_uint_write(out, time_ns / NS_PER_MS);
    *out++ = '.';
    out = put_digits(out, (unsigned)(time_ns % NS_PER_MS), time_ns % NS_PER_MS ? NS_DIGITS : 1);
    *out++ = '"';
    json->writer.out->len += (size_t)(out - start);
}

void es_json_iso_time(es_json *json, uint64_t time_ns)
{
    enum { NS_PER_S = 1000000000, TEXT_LEN = sizeof "\"2006-01-02T15:04:05.000000000Z\"" - 1 };
    time_ns = time_ns < INT64_MAX ? time_ns : INT64_MAX;
    const es_date date = es_date_of(time_ns / ES_DAY_NS);
    const unsigned second = (unsigned)(time_ns % ES_DAY_NS / NS_PER_S);
    char *out = weir_otlp_json_room(&json->writer, TEXT_LEN);
    memcpy(out, "\"0000-00-00T00:00:00.000000000Z\"", TEXT_LEN);
    put_digits(out + 1, date.year, 4);
    put_digits(out + 6, date.month, 2);
    put_digits(out + 9, date.day, 2);
    put_digits(out + 12, second / 3600, 2);
    put_digits(out + 15, second / 60 % 60, 2);
    put_digits(out + 18, second % 60, 2);
    put_digits(out + 21, (unsigned)(time_ns % NS_PER_S), 9);
    json->writer.out->len += TEXT_LEN;
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/* Deeper than this everything is in a text already. */
enum { TEXT_DEPTH = ES_JSON_DEPTH_MAX + 1 };

static void put_value(es_json *json, const weir_otlp_value *value, unsigned depth);

static void put_array(es_json *json, const weir_otlp_value *array, unsigned depth)
{
    bool has_elements = false;
    weir_otlp_value element;
    weir_otlp_json_put_char(&json->writer, '[');
    for (weir_otlp_walk walk = weir_otlp_elements(array); weir_otlp_element_next(&walk, &element);) {
        if (has_elements)
            weir_otlp_json_put_char(&json->writer, ',');
        has_elements = true;
        put_value(json, &element, depth);
    }
    weir_otlp_json_put_char(&json->writer, ']');
}

/* `depth` is the number of names around those in the map. */
static void put_map(es_json *json, const weir_otlp_value *map, unsigned depth)
{
    es_json_object object = es_json_object_open(json, depth < TEXT_DEPTH ? depth : TEXT_DEPTH);
    weir_otlp_attribute member;
    weir_otlp_json_put_char(&json->writer, '{');
    for (weir_otlp_walk walk = weir_otlp_elements(map); weir_otlp_attribute_next(&walk, &member);) {
        if (es_json_member(json, &object, member.key))
            put_value(json, &member.value, depth);
    }
    weir_otlp_json_put_char(&json->writer, '}');
}

/* A map as a string with its JSON. Maps in it are no deeper to Elasticsearch, so that this happens once in a value. */
static void put_map_as_text(es_json *json, const weir_otlp_value *map)
{
    const weir_otlp_json_writer outer = json->writer;
    json->deep.len = 0;
    json->writer = weir_otlp_json_writer_of(&json->deep, NULL);
    put_map(json, map, TEXT_DEPTH);
    json->writer = outer;
    weir_otlp_json_string(&json->writer, (weir_bytes){json->deep.data, json->deep.len});
}

/* `depth` is the number of maps around the value. */
static void put_value(es_json *json, const weir_otlp_value *value, unsigned depth)
{
    switch (value->type) {
    case WEIR_OTLP_STRING:
        es_json_string(json, value->string);
        break;
    case WEIR_OTLP_BOOL:
        es_json_bool(json, value->boolean);
        break;
    case WEIR_OTLP_INT:
        weir_otlp_json_signed(&json->writer, value->integer);
        break;
    case WEIR_OTLP_DOUBLE:
        es_json_double(json, value->number);
        break;
    case WEIR_OTLP_BYTES:
        es_json_hex(json, value->bytes);
        break;
    case WEIR_OTLP_ARRAY:
        put_array(json, value, depth);
        break;
    case WEIR_OTLP_MAP:
        if (depth == ES_JSON_DEPTH_MAX)
            put_map_as_text(json, value);
        else
            put_map(json, value, depth + 1);
        break;
    case WEIR_OTLP_EMPTY:
    case WEIR_OTLP_STRING_INDEX: /* refers to a table that only profiles have */
        ES_JSON_PUT(json, "null");
        break;
    }
}

void es_json_document(es_json *json, const weir_otlp_value *map)
{
    WEIR_ASSERT(map->type == WEIR_OTLP_MAP);
    put_map(json, map, 0);
}

void es_json_value(es_json *json, const weir_otlp_value *value)
{
    put_value(json, value, 0);
}
