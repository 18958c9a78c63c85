/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/decimal.h"
#include "core/memory.h"
#include "exporters/debug/text.h"
#include "net/grpc.h"

/* ---- numbers ---- */

/* As JSON and JavaScript write numbers (ECMA-262, Number::toString). */
static void append_json_number(double finite, weir_buffer *out)
{
    out->len += weir_double_write((char *)weir_buffer_reserve(out, WEIR_DOUBLE_TEXT_MAX), finite, 1);
}

/* As Go's %g writes them: with an exponent of at least two digits from 1e+06 on and below 1e-04. */
static void append_go_number(double finite, weir_buffer *out)
{
    const weir_decimal number = weir_decimal_of(finite);
    int exponent = number.point - 1;
    if (exponent >= -4 && exponent < 6) {
        append_json_number(finite, out);
        return;
    }
    weir_buffer_printf(out, "%s%c", number.negative ? "-" : "", number.digits[0]);
    if (number.len > 1)
        weir_buffer_printf(out, ".%.*s", number.len - 1, number.digits + 1);
    weir_buffer_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

/* What is no number: `plus_infinity` as the form at hand writes it. */
static bool append_special(double value, const char *plus_infinity, weir_buffer *out)
{
    if (isnan(value))
        weir_buffer_append_text(out, "NaN");
    else if (isinf(value) && value > 0)
        weir_buffer_append_text(out, plus_infinity);
    else if (isinf(value))
        weir_buffer_printf(out, "-%s", plus_infinity[0] == '+' ? plus_infinity + 1 : plus_infinity);
    return !isfinite(value);
}

void debug_text_float(double value, weir_buffer *out)
{
    if (!append_special(value, "+Inf", out))
        append_go_number(value, out);
}

/* ---- JSON of maps and lists ---- */

static void append_base64(ProtobufCBinaryData bytes, weir_buffer *out)
{
    size_t start = out->len;
    weir_base64_encode((weir_bytes){bytes.data, bytes.len}, out);
    while ((out->len - start) % 4 != 0)
        weir_buffer_append_byte(out, '=');
}

static void append_json_string(const char *text, weir_buffer *out)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    weir_buffer_append_byte(out, '"');
    for (const char *at = text; *at; at++) {
        const char *escape = strchr(escaped, *at);
        if (escape)
            weir_buffer_printf(out, "\\%c", names[escape - escaped]);
        else if ((unsigned char)*at < 0x20)
            weir_buffer_printf(out, "\\u%04x", (unsigned)*at);
        else
            weir_buffer_append_byte(out, (uint8_t)*at);
    }
    weir_buffer_append_byte(out, '"');
}

static void append_json(const value_message *value, weir_buffer *out);

static int by_key(const void *a, const void *b)
{
    return strcmp((*(attribute_message *const *)a)->key, (*(attribute_message *const *)b)->key);
}

/* Go's maps are written in the order of their keys. */
static void append_json_map(attribute_message *const *attributes, size_t count, weir_buffer *out)
{
    WEIR_FREE attribute_message **sorted = weir_alloc(count + 1, sizeof *sorted);
    if (count > 0)
        memcpy(sorted, attributes, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_key);
    weir_buffer_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            weir_buffer_append_byte(out, ',');
        append_json_string(sorted[i]->key, out);
        weir_buffer_append_byte(out, ':');
        append_json(sorted[i]->value, out);
    }
    weir_buffer_append_byte(out, '}');
}

static void append_json_list(value_message *const *values, size_t count, weir_buffer *out)
{
    weir_buffer_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            weir_buffer_append_byte(out, ',');
        append_json(values[i], out);
    }
    weir_buffer_append_byte(out, ']');
}

static void append_json(const value_message *value, weir_buffer *out)
{
    switch (value ? value->value_case : 0) {
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
        append_json_string(value->string_value, out);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE:
        weir_buffer_append_byte(out, '"');
        append_base64(value->bytes_value, out);
        weir_buffer_append_byte(out, '"');
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE:
        if (isfinite(value->double_value))
            append_json_number(value->double_value, out);
        else
            weir_buffer_append_text(out, "null");
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET:
        weir_buffer_append_text(out, "null");
        break;
    default:
        debug_text_value(value, out);
    }
}

/* ---- values ---- */

void debug_text_value(const value_message *value, weir_buffer *out)
{
    switch (value ? value->value_case : 0) {
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
        weir_buffer_append_text(out, value->string_value);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE:
        weir_buffer_append_text(out, value->bool_value ? "true" : "false");
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE:
        weir_buffer_printf(out, "%" PRId64, value->int_value);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE:
        if (!append_special(value->double_value, "Infinity", out))
            append_json_number(value->double_value, out);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE:
        append_json_list(value->array_value->values, value->array_value->n_values, out);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE:
        append_json_map(value->kvlist_value->values, value->kvlist_value->n_values, out);
        break;
    case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE:
        append_base64(value->bytes_value, out);
        break;
    default:
        break;
    }
}

void debug_text_typed(const value_message *value, weir_buffer *out)
{
    static const char *const names[] = {
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET] = "Empty",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE] = "Str",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE] = "Bool",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE] = "Int",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE] = "Double",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE] = "Slice",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE] = "Map",
        [OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE] = "Bytes",
    };
    unsigned kind = value ? (unsigned)value->value_case : 0;
    weir_buffer_append_text(out, kind < WEIR_COUNT_OF(names) ? names[kind] : "Empty");
    weir_buffer_append_byte(out, '(');
    debug_text_value(value, out);
    weir_buffer_append_byte(out, ')');
}

void debug_text_time(uint64_t unix_nano, weir_buffer *out)
{
    time_t seconds = (time_t)(unix_nano / 1000000000);
    unsigned nanos = (unsigned)(unix_nano % 1000000000);
    struct tm utc;
    char date[32], fraction[16];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &utc);
    int len = snprintf(fraction, sizeof fraction, ".%09u", nanos);
    while (len > 0 && (fraction[len - 1] == '0' || fraction[len - 1] == '.'))
        fraction[--len] = '\0';
    weir_buffer_printf(out, "%s%s +0000 UTC", date, fraction);
}

void debug_text_id(ProtobufCBinaryData id, weir_buffer *out)
{
    char hex[33];
    bool is_zero = true;
    for (size_t i = 0; i < id.len; i++)
        is_zero = is_zero && id.data[i] == 0;
    if (is_zero || id.len > 16)
        return;
    weir_hex(id.data, id.len, hex);
    weir_buffer_append_text(out, hex);
}
