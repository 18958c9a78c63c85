/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/attributes.h"

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/rewrite.h"
#include "otlp/wire.h"

typedef weir_otlp_attribute_entry entry_of_list;

static weir_text key_of(weir_bytes key_value)
{
    weir_text key = {NULL, 0};
    weir_otlp_walk walk = weir_otlp_walk_in(key_value, 1);
    for (weir_bytes bytes; weir_otlp_walk_next(&walk, &bytes);)
        key = (weir_text){(const char *)bytes.data, bytes.len};
    return key;
}

void weir_otlp_attributes_done(weir_otlp_attributes *list)
{
    free(list->entries);
    weir_buffer_done(&list->own);
    weir_buffer_done(&list->scratch);
    *list = (weir_otlp_attributes){0};
}

static entry_of_list *add(weir_otlp_attributes *list)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->entries = weir_realloc(list->entries, list->capacity, sizeof *list->entries);
    }
    entry_of_list *entry = &list->entries[list->count++];
    *entry = (entry_of_list){0};
    return entry;
}

void weir_otlp_attributes_load(weir_otlp_attributes *list, weir_bytes message, uint32_t number)
{
    list->changed = false;
    list->message = message;
    list->number = number;
    list->count = 0;
    list->own.len = 0;
    weir_otlp_walk walk = weir_otlp_walk_in(message, number);
    for (weir_bytes pair; weir_otlp_walk_next(&walk, &pair);) {
        entry_of_list *entry = add(list);
        entry->pair = pair;
        entry->key = key_of(pair);
    }
}

/* The KeyValue's body as it is now. */
static weir_bytes pair_of(const weir_otlp_attributes *list, const entry_of_list *entry)
{
    if (entry->changed)
        return (weir_bytes){list->own.data + entry->own_offset, entry->own_len};
    return entry->pair;
}

/* A changed entry's own key is looked up again, because `own` moves as it grows. */
static weir_text entry_key(const weir_otlp_attributes *list, const entry_of_list *entry)
{
    return entry->pair.data ? entry->key : key_of(pair_of(list, entry));
}

static entry_of_list *find(const weir_otlp_attributes *list, weir_text key)
{
    for (size_t i = 0; i < list->count; i++) {
        entry_of_list *entry = &list->entries[i];
        if (!entry->removed && weir_text_equal(entry_key(list, entry), key))
            return entry;
    }
    return NULL;
}

bool weir_otlp_attributes_get(const weir_otlp_attributes *list, weir_text key, weir_otlp_value *ret_value)
{
    const entry_of_list *entry = find(list, key);
    if (!entry)
        return false;
    *ret_value = weir_otlp_value_in(pair_of(list, entry), 2);
    return true;
}

bool weir_otlp_attributes_at(const weir_otlp_attributes *list, size_t index, weir_otlp_attribute *ret_attribute)
{
    WEIR_ASSERT(index < list->count);
    const entry_of_list *entry = &list->entries[index];
    if (entry->removed)
        return false;
    ret_attribute->key = entry_key(list, entry);
    ret_attribute->value = weir_otlp_value_in(pair_of(list, entry), 2);
    return true;
}

void weir_otlp_attributes_set(weir_otlp_attributes *list, weir_text key, const weir_otlp_value *value)
{
    /* First aside: growing `own` would pull the value away if it lies there. */
    weir_buffer *pair = &list->scratch;
    pair->len = 0;
    weir_otlp_put_bytes(pair, 1, key.data, key.len);
    size_t before = pair->len;
    weir_otlp_put_value(pair, value);
    size_t value_len = pair->len - before;

    entry_of_list *entry = find(list, key);
    if (!entry)
        entry = add(list);
    entry->own_offset = list->own.len;
    weir_buffer_append(&list->own, pair->data, before);
    weir_otlp_put_bytes(&list->own, 2, pair->data + before, value_len);
    entry->own_len = list->own.len - entry->own_offset;
    entry->changed = true;
    list->changed = true;
}

void weir_otlp_attributes_remove_at(weir_otlp_attributes *list, size_t index)
{
    WEIR_ASSERT(index < list->count);
    list->entries[index].removed = true;
    list->changed = true;
}

bool weir_otlp_attributes_remove(weir_otlp_attributes *list, weir_text key)
{
    bool found = false;
    for (size_t i = 0; i < list->count; i++) {
        if (list->entries[i].removed || !weir_text_equal(entry_key(list, &list->entries[i]), key))
            continue;
        weir_otlp_attributes_remove_at(list, i);
        found = true;
    }
    return found;
}

void weir_otlp_attributes_store(const weir_otlp_attributes *list, weir_buffer *out)
{
    const uint8_t *at = list->message.data;
    const uint8_t *end = weir_otlp_end(list->message);
    const uint8_t *untouched = at; /* from here on nothing has been copied yet */
    size_t index = 0;
    for (weir_otlp_field field; weir_otlp_field_next(&at, end, &field);) {
        if (field.number != list->number || field.wire != WEIR_WIRE_LEN)
            continue;
        WEIR_ASSERT(index < list->count);
        const entry_of_list *entry = &list->entries[index++];
        if (!entry->changed && !entry->removed)
            continue;
        weir_buffer_append(out, untouched, (size_t)(field.start - untouched));
        untouched = field.end;
        if (!entry->removed)
            weir_otlp_put_bytes(out, list->number, list->own.data + entry->own_offset, entry->own_len);
    }
    weir_buffer_append(out, untouched, (size_t)(end - untouched));
    for (; index < list->count; index++) {
        const entry_of_list *entry = &list->entries[index];
        if (!entry->removed)
            weir_otlp_put_bytes(out, list->number, list->own.data + entry->own_offset, entry->own_len);
    }
}
