/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/node.h"
#include "core/memory.h"
#include "otlp/rewrite.h"
#include "processors/number_text.h"

/* ArrayValue.values and KeyValueList.values; KeyValue.key and .value; where a constant keeps its value. */
enum { VALUES_FIELD = 1, KEY_FIELD = 1, VALUE_FIELD = 2, CONSTANT_FIELD = 1 };

/* ---- from the configuration ---- */

static weir_otlp_value scalar_of_node(const weir_node *node)
{
    weir_otlp_value value = {.type = WEIR_OTLP_INT};
    weir_scalar_type type = weir_node_scalar_type(node);
    uint64_t large;
    if (type == WEIR_SCALAR_BOOL)
        return (weir_otlp_value){.type = WEIR_OTLP_BOOL, .boolean = weir_scalar_to_bool(node->text)};
    if (type == WEIR_SCALAR_INT && weir_scalar_to_int(node->text, &value.integer))
        return value;
    if (type == WEIR_SCALAR_INT && weir_scalar_to_uint(node->text, &large)) /* wraps, as in the Collector */
        return (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = (int64_t)large};
    value.type = WEIR_OTLP_DOUBLE;
    if (type != WEIR_SCALAR_TEXT && weir_scalar_to_double(node->text, &value.number))
        return value;
    return (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = weir_text_of(node->text)};
}

/* Appends the body of an AnyValue. The depth is bounded by the configuration's (WEIR_CONFIG_HEIGHT_MAX). */
static void append_node(const weir_node *node, weir_buffer *out)
{
    WEIR_BUFFER list = {0};
    if (node->kind == WEIR_NODE_NULL)
        return;
    if (node->kind == WEIR_NODE_SCALAR) {
        weir_otlp_value value = scalar_of_node(node);
        weir_otlp_put_value(out, &value);
        return;
    }
    bool is_mapping = node->kind == WEIR_NODE_MAPPING;
    for (size_t i = 0; i < node->count; i++) {
        WEIR_BUFFER value = {0}, pair = {0};
        append_node(node->items[i], &value);
        if (is_mapping) {
            weir_otlp_put_bytes(&pair, KEY_FIELD, node->keys[i]->text, strlen(node->keys[i]->text));
            weir_otlp_put_bytes(&pair, VALUE_FIELD, value.data, value.len);
        }
        const weir_buffer *element = is_mapping ? &pair : &value;
        weir_otlp_put_bytes(&list, VALUES_FIELD, element->data, element->len);
    }
    weir_otlp_put_bytes(out, is_mapping ? WEIR_OTLP_MAP : WEIR_OTLP_ARRAY, list.data, list.len);
}

void weir_constant_init(weir_constant *constant, const weir_node *node)
{
    if (!node || node->kind == WEIR_NODE_NULL)
        return;
    WEIR_BUFFER any_value = {0};
    append_node(node, &any_value);
    weir_otlp_put_bytes(&constant->wire, CONSTANT_FIELD, any_value.data, any_value.len);
    constant->is_set = true;
    constant->value = weir_otlp_value_in((weir_bytes){constant->wire.data, constant->wire.len}, CONSTANT_FIELD);
}

void weir_constant_done(weir_constant *constant)
{
    weir_buffer_done(&constant->wire);
    *constant = (weir_constant){0};
}

/* ---- as text ---- */

static void append_base64(weir_bytes bytes, weir_buffer *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;
        group |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes.data[i + 2] : 0;
        const char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                              left > 1 ? alphabet[group >> 6 & 63] : '=', left > 2 ? alphabet[group & 63] : '='};
        weir_buffer_append(out, text, sizeof text);
    }
}

/* Bytes of the UTF-8 character at the start of `text`; 0 if there is none. */
static size_t character_len(weir_text text)
{
    size_t len_max = text.len < 4 ? text.len : 4;
    for (size_t len = 1; len <= len_max; len++)
        if (weir_utf8_valid((const uint8_t *)text.data, len))
            return len;
    return 0;
}

static void append_json_text(weir_text text, weir_buffer *out)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    weir_buffer_append_byte(out, '"');
    while (text.len > 0) {
        size_t len = character_len(text);
        const char *found = *text.data ? strchr(escaped, *text.data) : NULL;
        if (found)
            weir_buffer_printf(out, "\\%c", letters[found - escaped]);
        else if (len == 1 && (uint8_t)*text.data < ' ')
            weir_buffer_printf(out, "\\u%04x", (unsigned)*text.data);
        else if (len == 3 && (memcmp(text.data, "\u2028", 3) == 0 || memcmp(text.data, "\u2029", 3) == 0))
            weir_buffer_append_text(out, text.data[2] == '\xa8' ? "\\u2028" : "\\u2029");
        else if (len > 0)
            weir_buffer_append(out, text.data, len);
        else
            weir_buffer_append_text(out, "\\ufffd");
        len = len > 0 ? len : 1;
        text = (weir_text){text.data + len, text.len - len};
    }
    weir_buffer_append_byte(out, '"');
}

typedef struct map_entry {
    weir_otlp_attribute attribute;
    size_t order; /* in the message */
} map_entry;

static int compare_entries(const void *left, const void *right)
{
    const map_entry *a = left, *b = right;
    weir_text one = a->attribute.key, other = b->attribute.key;
    size_t len = one.len < other.len ? one.len : other.len;
    int order = len > 0 ? memcmp(one.data, other.data, len) : 0;
    if (order == 0)
        order = (one.len > other.len) - (one.len < other.len);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* The entries of a map by key; of several with the same key only the last. Gives ownership. */
static map_entry *sorted_entries(const weir_otlp_value *map, size_t *ret_count)
{
    map_entry *entries = NULL;
    size_t count = 0, kept = 0;
    weir_otlp_walk walk = weir_otlp_elements(map);
    weir_otlp_attribute attribute;
    while (weir_otlp_attribute_next(&walk, &attribute)) {
        if ((count & (count - 1)) == 0) /* full at every power of two */
            entries = weir_realloc(entries, count ? 2 * count : 1, sizeof *entries);
        entries[count] = (map_entry){.attribute = attribute, .order = count};
        count++;
    }
    if (count > 1)
        qsort(entries, count, sizeof *entries, compare_entries);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || !weir_text_equal(entries[i].attribute.key, entries[i + 1].attribute.key))
            entries[kept++] = entries[i];
    *ret_count = kept;
    return entries;
}

/* False if the value has no JSON form (NaN and infinities). */
static bool append_json(const weir_otlp_value *value, weir_buffer *out);

static bool append_json_map(const weir_otlp_value *map, weir_buffer *out)
{
    size_t count;
    WEIR_FREE map_entry *entries = sorted_entries(map, &count);
    bool valid = true;
    weir_buffer_append_byte(out, '{');
    for (size_t i = 0; i < count && valid; i++) {
        if (i > 0)
            weir_buffer_append_byte(out, ',');
        append_json_text(entries[i].attribute.key, out);
        weir_buffer_append_byte(out, ':');
        valid = append_json(&entries[i].attribute.value, out);
    }
    weir_buffer_append_byte(out, '}');
    return valid;
}

static bool append_json_array(const weir_otlp_value *array, weir_buffer *out)
{
    weir_otlp_walk walk = weir_otlp_elements(array);
    weir_otlp_value element;
    bool valid = true, first = true;
    weir_buffer_append_byte(out, '[');
    while (valid && weir_otlp_element_next(&walk, &element)) {
        if (!first)
            weir_buffer_append_byte(out, ',');
        first = false;
        valid = append_json(&element, out);
    }
    weir_buffer_append_byte(out, ']');
    return valid;
}

static bool append_json(const weir_otlp_value *value, weir_buffer *out)
{
    switch (value->type) {
    case WEIR_OTLP_EMPTY:
    case WEIR_OTLP_STRING_INDEX:
        weir_buffer_append_text(out, "null");
        return true;
    case WEIR_OTLP_STRING:
        append_json_text(value->string, out);
        return true;
    case WEIR_OTLP_BYTES:
        weir_buffer_append_byte(out, '"');
        append_base64(value->bytes, out);
        weir_buffer_append_byte(out, '"');
        return true;
    case WEIR_OTLP_ARRAY:
        return append_json_array(value, out);
    case WEIR_OTLP_MAP:
        return append_json_map(value, out);
    case WEIR_OTLP_BOOL:
    case WEIR_OTLP_INT:
    case WEIR_OTLP_DOUBLE:
        break;
    }
    weir_value_to_text(value, out);
    return value->type != WEIR_OTLP_DOUBLE || isfinite(value->number);
}

void weir_value_to_text(const weir_otlp_value *value, weir_buffer *out)
{
    size_t start = out->len;
    bool valid = true;
    switch (value->type) {
    case WEIR_OTLP_EMPTY:
    case WEIR_OTLP_STRING_INDEX:
        break;
    case WEIR_OTLP_STRING:
        weir_buffer_append(out, value->string.data, value->string.len);
        break;
    case WEIR_OTLP_BOOL:
        weir_buffer_append_text(out, value->boolean ? "true" : "false");
        break;
    case WEIR_OTLP_INT:
        weir_buffer_printf(out, "%lld", (long long)value->integer);
        break;
    case WEIR_OTLP_DOUBLE:
        weir_double_to_text(value->number, out);
        break;
    case WEIR_OTLP_ARRAY:
        valid = append_json_array(value, out);
        break;
    case WEIR_OTLP_MAP:
        valid = append_json_map(value, out);
        break;
    case WEIR_OTLP_BYTES:
        append_base64(value->bytes, out);
        break;
    }
    if (!valid) /* the Collector's encoder gives nothing then */
        out->len = start;
}

/* ---- comparing ---- */

static bool maps_equal(const weir_otlp_value *left, const weir_otlp_value *right)
{
    size_t left_count, right_count;
    WEIR_FREE map_entry *a = sorted_entries(left, &left_count);
    WEIR_FREE map_entry *b = sorted_entries(right, &right_count);
    bool equal = left_count == right_count;
    for (size_t i = 0; i < left_count && equal; i++)
        equal = weir_text_equal(a[i].attribute.key, b[i].attribute.key) &&
                weir_value_equal(&a[i].attribute.value, &b[i].attribute.value);
    return equal;
}

static bool arrays_equal(const weir_otlp_value *left, const weir_otlp_value *right)
{
    weir_otlp_walk left_walk = weir_otlp_elements(left), right_walk = weir_otlp_elements(right);
    weir_otlp_value a, b;
    while (weir_otlp_element_next(&left_walk, &a))
        if (!weir_otlp_element_next(&right_walk, &b) || !weir_value_equal(&a, &b))
            return false;
    return !weir_otlp_element_next(&right_walk, &b);
}

bool weir_value_equal(const weir_otlp_value *value, const weir_otlp_value *other)
{
    if (value->type != other->type)
        return false;
    switch (value->type) {
    case WEIR_OTLP_EMPTY:
        return true;
    case WEIR_OTLP_STRING:
        return weir_text_equal(value->string, other->string);
    case WEIR_OTLP_BOOL:
        return value->boolean == other->boolean;
    case WEIR_OTLP_INT:
    case WEIR_OTLP_STRING_INDEX:
        return value->integer == other->integer;
    case WEIR_OTLP_DOUBLE:
        return value->number == other->number;
    case WEIR_OTLP_ARRAY:
        return arrays_equal(value, other);
    case WEIR_OTLP_MAP:
        return maps_equal(value, other);
    case WEIR_OTLP_BYTES:
        break;
    }
    size_t len = value->bytes.len;
    return len == other->bytes.len && (len == 0 || memcmp(value->bytes.data, other->bytes.data, len) == 0);
}
