/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "exporters/debug/text.h"

/* ---- numbers ---- */

/* The fewest significant digits that read back as the same number, as "d.ddde±xx". */
static int shortest_digits(double value, char *ret_text, size_t size)
{
    for (int precision = 0; precision < 17; precision++) {
        snprintf(ret_text, size, "%.*e", precision, value);
        if (strtod(ret_text, NULL) == value)
            return precision;
    }
    return 17;
}

/* Go's shortest form: with an exponent if that is below `exponent_min` or from `exponent_max` on. `pad`: exponents
 * have two digits. */
static void append_shortest(double value, int exponent_min, int exponent_max, bool pad, weir_buffer *out)
{
    char text[48];
    int precision = shortest_digits(value, text, sizeof text);
    int exponent = value == 0 ? 0 : atoi(strchr(text, 'e') + 1);
    if (exponent >= exponent_min && exponent < exponent_max) {
        int decimals = precision - exponent;
        weir_buffer_printf(out, "%.*f", decimals > 0 ? decimals : 0, value);
        return;
    }
    weir_buffer_append(out, text, (size_t)(strchr(text, 'e') - text));
    weir_buffer_printf(out, pad ? "e%c%02d" : "e%c%d", exponent < 0 ? '-' : '+', abs(exponent));
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
        append_shortest(value, -4, 6, true, out);
}

/* As JSON and JavaScript write numbers (ECMA-262, Number::toString). */
static void append_json_number(double value, weir_buffer *out)
{
    append_shortest(value, -6, 21, false, out);
}

/* ---- JSON of maps and lists ---- */

static void append_base64(ProtobufCBinaryData bytes, weir_buffer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.data[i + 2] : 0;
        weir_buffer_append_byte(out, (uint8_t)digits[group >> 18]);
        weir_buffer_append_byte(out, (uint8_t)digits[group >> 12 & 63]);
        weir_buffer_append_byte(out, left > 1 ? (uint8_t)digits[group >> 6 & 63] : '=');
        weir_buffer_append_byte(out, left > 2 ? (uint8_t)digits[group & 63] : '=');
    }
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
