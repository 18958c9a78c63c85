/* SPDX-License-Identifier: Apache-2.0 */
#include "traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/text.h"

enum { NAME_LEN = 8 };

static void append_varint(weir_buffer *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        weir_buffer_append_byte(out, (uint8_t)(value | 0x80));
    weir_buffer_append_byte(out, (uint8_t)value);
}

static void append_field(weir_buffer *out, unsigned number, const weir_buffer *value)
{
    append_varint(out, number << 3 | 2);
    append_varint(out, value->len);
    weir_buffer_append(out, value->data, value->len);
}

static void append_span(weir_buffer *scope_spans, uint32_t number)
{
    WEIR_BUFFER span = {0};
    char name[NAME_LEN + 1];
    snprintf(name, sizeof name, "%08u", number % 100000000);
    append_varint(&span, 5 << 3 | 2); /* Span.name */
    append_varint(&span, NAME_LEN);
    weir_buffer_append(&span, name, NAME_LEN);
    append_field(scope_spans, 2, &span); /* ScopeSpans.spans */
}

weir_slice traces_slice(uint32_t first, uint32_t count)
{
    WEIR_BUFFER scope_spans = {0};
    WEIR_BUFFER resource_spans = {0};
    WEIR_BUFFER request = {0};
    for (uint32_t i = 0; i < count; i++)
        append_span(&scope_spans, first + i);
    append_field(&resource_spans, 2, &scope_spans); /* ResourceSpans.scope_spans */
    append_field(&request, 1, &resource_spans);     /* ExportTraceServiceRequest.resource_spans */
    weir_chunk *chunk = weir_chunk_new(NULL, request.len);
    memcpy(chunk->data, request.data, request.len);
    return (weir_slice){
        .chunk = chunk, .data = chunk->data, .len = request.len, .items = count, .id = weir_slice_id_next()};
}

static uint64_t read_varint(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

/* The path to a span's name, one field number per level. */
static const unsigned path[] = {1, 2, 2, 5};

static uint32_t number_in(const uint8_t *name, uint64_t size)
{
    char digits[NAME_LEN + 1] = {0};
    WEIR_ASSERT(size == NAME_LEN);
    memcpy(digits, name, NAME_LEN);
    return (uint32_t)strtoul(digits, NULL, 10);
}

static void walk(const uint8_t *data, size_t len, unsigned level, void (*seen)(void *user, uint32_t number), void *user)
{
    const uint8_t *at = data, *end = data + len;
    while (at < end) {
        uint64_t tag = read_varint(&at);
        uint64_t size = read_varint(&at);
        WEIR_ASSERT(tag == (path[level] << 3 | 2) && at + size <= end);
        if (level == 3)
            seen(user, number_in(at, size));
        else
            walk(at, size, level + 1, seen, user);
        at += size;
    }
}

void traces_each(const uint8_t *data, size_t len, void (*seen)(void *user, uint32_t number), void *user)
{
    walk(data, len, 0, seen, user);
}
