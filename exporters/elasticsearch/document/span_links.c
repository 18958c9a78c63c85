/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/span_links.h"

#include <math.h>
#include <stdlib.h>

#include "core/decimal.h"
#include "exporters/elasticsearch/document/memory_kept.h"
#include "otlp/json_writer.h"
#include "otlp/view.h"

typedef struct es_link_member {
    weir_text key;
    weir_otlp_value value;
    size_t index; /* keeps equal keys in order */
} es_link_member;

void es_span_links_done(es_span_links *links)
{
    weir_buffer_done(&links->text);
    free(links->members);
    *links = (es_span_links){0};
}

void es_span_links_give_back(es_span_links *links)
{
    if (es_is_too_much_to_keep(links->capacity, sizeof *links->members) ||
        es_is_too_much_to_keep(links->text.capacity, 1))
        es_span_links_done(links);
}

/* ---- Strings ----------------------------------------------------------------------------------------------------- */

static void put_escaped(weir_buffer *out, uint8_t byte)
{
    static const char letters[] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (byte == '"' || byte == '\\')
        weir_buffer_append(out, (const char[]){'\\', (char)byte}, 2);
    else if (byte < sizeof letters && letters[byte])
        weir_buffer_append(out, (const char[]){'\\', letters[byte]}, 2);
    else
        weir_buffer_printf(out, "\\u%04x", byte);
}

/* U+2028 and U+2029 end a line in JavaScript. */
static bool is_line_end(const uint8_t *at, size_t len)
{
    return len == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9);
}

static void put_string(weir_buffer *out, weir_text text)
{
    const uint8_t *at = (const uint8_t *)text.data;
    weir_buffer_append_byte(out, '"');
    for (size_t left = text.len, step; left > 0; at += step, left -= step) {
        const size_t sequence = weir_utf8_sequence(at, left);
        step = sequence ? sequence : 1;
        if (sequence == 0)
            weir_buffer_append_text(out, "\\ufffd");
        else if (is_line_end(at, sequence))
            weir_buffer_append_text(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
        else if (*at < ' ' || *at == '"' || *at == '\\' || *at == '<' || *at == '>' || *at == '&')
            put_escaped(out, *at);
        else
            weir_buffer_append(out, at, sequence);
    }
    weir_buffer_append_byte(out, '"');
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static void put_value(es_span_links *self, const weir_otlp_value *value);

static int compare_members(const void *left, const void *right)
{
    const es_link_member *a = left, *b = right;
    const size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
    const int order = len ? memcmp(a->key.data, b->key.data, len) : 0;
    if (order != 0)
        return order;
    if (a->key.len != b->key.len)
        return a->key.len < b->key.len ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static void push_member(es_span_links *self, const weir_otlp_attribute *attribute)
{
    enum { CAPACITY_MIN = 16 };
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : CAPACITY_MIN;
        self->members = weir_realloc(self->members, self->capacity, sizeof *self->members);
    }
    self->members[self->count] = (es_link_member){attribute->key, attribute->value, self->count};
    self->count++;
}

static void put_attributes(es_span_links *self, weir_otlp_walk walk)
{
    const size_t first = self->count;
    weir_otlp_attribute attribute;
    while (weir_otlp_attribute_next(&walk, &attribute))
        push_member(self, &attribute);
    const size_t end = self->count;
    if (end > first)
        qsort(self->members + first, end - first, sizeof *self->members, compare_members);
    bool has_members = false;
    weir_buffer_append_byte(&self->text, '{');
    for (size_t i = first; i < end; i++) {
        const es_link_member member = self->members[i]; /* the array may move while its value is written */
        if (i + 1 < end && weir_text_equal(member.key, self->members[i + 1].key))
            continue;
        if (has_members)
            weir_buffer_append_byte(&self->text, ',');
        has_members = true;
        put_string(&self->text, member.key);
        weir_buffer_append_byte(&self->text, ':');
        put_value(self, &member.value);
    }
    weir_buffer_append_byte(&self->text, '}');
    self->count = first;
}

static void put_array(es_span_links *self, const weir_otlp_value *array)
{
    bool has_elements = false;
    weir_otlp_value element;
    weir_buffer_append_byte(&self->text, '[');
    for (weir_otlp_walk walk = weir_otlp_elements(array); weir_otlp_element_next(&walk, &element);) {
        if (has_elements)
            weir_buffer_append_byte(&self->text, ',');
        has_elements = true;
        put_value(self, &element);
    }
    weir_buffer_append_byte(&self->text, ']');
}

static void put_double(weir_buffer *out, double number)
{
    if (isfinite(number)) {
        char *room = (char *)weir_buffer_reserve(out, WEIR_DOUBLE_TEXT_MAX);
        out->len += weir_double_write(room, number, 1);
    } else {
        weir_buffer_append_text(out, "null");
    }
}

static void put_value(es_span_links *self, const weir_otlp_value *value)
{
    weir_otlp_json_writer writer = weir_otlp_json_writer_of(&self->text, NULL);
    switch (value->type) {
    case WEIR_OTLP_STRING:
        put_string(&self->text, value->string);
        return;
    case WEIR_OTLP_BOOL:
        weir_buffer_append_text(&self->text, value->boolean ? "true" : "false");
        return;
    case WEIR_OTLP_INT:
        weir_otlp_json_signed(&writer, value->integer);
        return;
    case WEIR_OTLP_DOUBLE:
        put_double(&self->text, value->number);
        return;
    case WEIR_OTLP_ARRAY:
        put_array(self, value);
        return;
    case WEIR_OTLP_MAP:
        put_attributes(self, weir_otlp_elements(value));
        return;
    case WEIR_OTLP_BYTES:
        if (value->bytes.len > 0) {
            weir_otlp_json_base64(&writer, value->bytes);
            return;
        }
        break; /* a slice of nothing is nil in Go */
    case WEIR_OTLP_EMPTY:
    case WEIR_OTLP_STRING_INDEX:
        break;
    }
    weir_buffer_append_text(&self->text, "null");
}

/* ---- Links ------------------------------------------------------------------------------------------------------- */

/* "" for zeros. */
static void put_id(weir_buffer *out, weir_bytes id)
{
    bool is_set = false;
    for (size_t i = 0; i < id.len; i++)
        is_set = is_set || id.data[i] != 0;
    weir_otlp_json_writer writer = weir_otlp_json_writer_of(out, NULL);
    weir_otlp_json_hex(&writer, is_set ? id : (weir_bytes){id.data, 0});
}

static void put_link(es_span_links *self, weir_bytes body)
{
    const weir_otlp_link link = weir_otlp_link_read(body);
    weir_buffer_append_text(&self->text, "{\"attribute\":");
    put_attributes(self, weir_otlp_walk_in(body, WEIR_OTLP_LINK_ATTRIBUTES));
    weir_buffer_append_text(&self->text, ",\"spanID\":");
    put_id(&self->text, link.span_id);
    weir_buffer_append_text(&self->text, ",\"traceID\":");
    put_id(&self->text, link.trace_id);
    weir_buffer_append_byte(&self->text, '}');
}

weir_text es_span_links_text(es_span_links *links, weir_bytes span)
{
    bool has_links = false;
    weir_bytes link;
    links->text.len = 0;
    weir_buffer_append_byte(&links->text, '[');
    for (weir_otlp_walk walk = weir_otlp_walk_in(span, WEIR_OTLP_SPAN_LINKS); weir_otlp_walk_next(&walk, &link);) {
        if (has_links)
            weir_buffer_append_byte(&links->text, ',');
        has_links = true;
        put_link(links, link);
    }
    weir_buffer_append_byte(&links->text, ']');
    return (weir_text){(const char *)links->text.data, links->text.len};
}
