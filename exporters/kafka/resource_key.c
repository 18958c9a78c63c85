/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/kafka/resource_key.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "otlp/view.h"

/* What stands in front of (and behind) the parts of a value while it is hashed. */
enum mark {
    MARK_SECOND_HALF = 0xf3,
    MARK_KEY,
    MARK_EMPTY,
    MARK_BYTES,
    MARK_STRING,
    MARK_TRUE,
    MARK_FALSE,
    MARK_INT,
    MARK_DOUBLE,
    MARK_MAP,
    MARK_MAP_END,
    MARK_ARRAY,
    MARK_ARRAY_END,
};

static void write_map(weir_buffer *out, weir_otlp_walk pairs);

static void write_number(weir_buffer *out, enum mark mark, uint64_t bits)
{
    weir_buffer_append_byte(out, (uint8_t)mark);
    for (int i = 0; i < 8; i++, bits >>= 8)
        weir_buffer_append_byte(out, (uint8_t)bits);
}

static void write_marked(weir_buffer *out, enum mark mark, const void *bytes, size_t len)
{
    weir_buffer_append_byte(out, (uint8_t)mark);
    weir_buffer_append(out, bytes, len);
}

static void write_value(weir_buffer *out, const weir_otlp_value *value);

static void write_array(weir_buffer *out, const weir_otlp_value *array)
{
    weir_otlp_walk elements = weir_otlp_elements(array);
    weir_otlp_value element;
    weir_buffer_append_byte(out, MARK_ARRAY);
    while (weir_otlp_element_next(&elements, &element))
        write_value(out, &element);
    weir_buffer_append_byte(out, MARK_ARRAY_END);
}

/* Values are nested no deeper than weir_otlp_validate allows. */
static void write_value(weir_buffer *out, const weir_otlp_value *value)
{
    uint64_t bits;
    switch (value->type) {
    case WEIR_OTLP_STRING:
        write_marked(out, MARK_STRING, value->string.data, value->string.len);
        break;
    case WEIR_OTLP_BYTES:
        write_marked(out, MARK_BYTES, value->bytes.data, value->bytes.len);
        break;
    case WEIR_OTLP_BOOL:
        weir_buffer_append_byte(out, value->boolean ? MARK_TRUE : MARK_FALSE);
        break;
    case WEIR_OTLP_INT:
        write_number(out, MARK_INT, (uint64_t)value->integer);
        break;
    case WEIR_OTLP_DOUBLE:
        memcpy(&bits, &value->number, sizeof bits);
        write_number(out, MARK_DOUBLE, bits);
        break;
    case WEIR_OTLP_MAP:
        weir_buffer_append_byte(out, MARK_MAP);
        write_map(out, weir_otlp_elements(value));
        weir_buffer_append_byte(out, MARK_MAP_END);
        break;
    case WEIR_OTLP_ARRAY:
        write_array(out, value);
        break;
    default:
        weir_buffer_append_byte(out, MARK_EMPTY);
    }
}

/* ---- maps ---- */

static int by_key(const void *left, const void *right)
{
    const weir_otlp_attribute *a = left, *b = right;
    size_t shorter = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = shorter > 0 ? memcmp(a->key.data, b->key.data, shorter) : 0;
    if (order != 0)
        return order;
    return a->key.len < b->key.len ? -1 : a->key.len > b->key.len;
}

typedef struct pairs {
    weir_otlp_attribute *items;
    size_t count, capacity;
} pairs;

static void pairs_done(pairs *list)
{
    free(list->items);
}

static void pairs_add(pairs *list, const weir_otlp_attribute *pair)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->items = weir_realloc(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = *pair;
}

/* A key that stands twice is hashed twice, each time with its first value: so does the Collector. */
static void write_map(weir_buffer *out, weir_otlp_walk walk)
{
    WEIR_CLEANUP(pairs_done) pairs sorted = {0};
    weir_otlp_attribute pair;
    for (weir_otlp_walk at = walk; weir_otlp_attribute_next(&at, &pair);)
        pairs_add(&sorted, &pair);
    if (sorted.count > 1)
        qsort(sorted.items, sorted.count, sizeof *sorted.items, by_key);
    for (size_t i = 0; i < sorted.count; i++) {
        weir_otlp_value value = sorted.items[i].value;
        bool is_repeated = (i > 0 && by_key(&sorted.items[i - 1], &sorted.items[i]) == 0) ||
                           (i + 1 < sorted.count && by_key(&sorted.items[i], &sorted.items[i + 1]) == 0);
        if (is_repeated)
            (void)weir_otlp_attribute_find(walk, sorted.items[i].key, &value);
        write_marked(out, MARK_KEY, sorted.items[i].key.data, sorted.items[i].key.len);
        write_value(out, &value);
    }
}

static void put_hash(const weir_buffer *bytes, uint8_t *ret_half)
{
    uint64_t hash = XXH64(bytes->data, bytes->len, 0);
    for (int i = 0; i < 8; i++, hash >>= 8)
        ret_half[i] = (uint8_t)hash;
}

void kafka_resource_key(weir_bytes resource, uint8_t ret_key[KAFKA_RESOURCE_KEY_BYTES])
{
    WEIR_BUFFER bytes = {0};
    memset(ret_key, 0, KAFKA_RESOURCE_KEY_BYTES);
    write_map(&bytes, weir_otlp_resource_attributes(resource));
    if (bytes.len == 0) /* without attributes */
        return;
    put_hash(&bytes, ret_key);
    weir_buffer_append_byte(&bytes, MARK_SECOND_HALF);
    put_hash(&bytes, ret_key + KAFKA_RESOURCE_KEY_BYTES / 2);
}
