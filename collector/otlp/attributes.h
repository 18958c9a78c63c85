/* SPDX-License-Identifier: Apache-2.0
 *
 * Editing the attributes of one message: load them, change them by key in any number of steps, store the message again.
 *
 *     weir_otlp_attributes_load(&list, at->item, weir_otlp_item_attributes(at->kind, at->data));
 *     weir_otlp_attributes_set(&list, WEIR_TEXT("env"), &value);
 *     weir_otlp_attributes_remove(&list, WEIR_TEXT("password"));
 *     if (!list.changed) return WEIR_OTLP_KEEP;
 *     weir_otlp_attributes_store(&list, out);
 *     return WEIR_OTLP_REPLACE;
 *
 * Untouched attributes and all other fields stay byte for byte and in order; a changed attribute keeps its place, a new
 * one comes last. Where a key stands twice the first one counts, as in the Collector's maps; remove takes away all.
 * One list may serve any number of messages, one after the other, and keeps its memory; it grows with the number of
 * attributes, which the size of a request bounds. Zero-initialise it to start. One thread at a time.
 */
#ifndef WEIR_OTLP_ATTRIBUTES_H
#define WEIR_OTLP_ATTRIBUTES_H

#include "core/text.h"
#include "otlp/view.h"

typedef struct weir_otlp_attribute_entry {
    weir_bytes pair;   /* the KeyValue's body as it stood in the message; {NULL, 0} for a new attribute */
    weir_text key;     /* of that */
    size_t own_offset; /* of the KeyValue's new body in `own`, if it was changed or is new */
    size_t own_len;
    bool changed;
    bool removed;
} weir_otlp_attribute_entry;

typedef struct weir_otlp_attributes {
    bool changed;       /* since the load */
    weir_bytes message; /* borrowed */
    uint32_t number;
    weir_otlp_attribute_entry *entries;
    size_t count; /* with the removed ones */
    size_t capacity;
    weir_buffer own;     /* bodies of changed and new KeyValues */
    weir_buffer scratch; /* a body while it is written: its value may lie in `own` */
} weir_otlp_attributes;

void weir_otlp_attributes_done(weir_otlp_attributes *list);

/* Starts over with the attributes in field `number` of `message`, which is borrowed until the store. */
void weir_otlp_attributes_load(weir_otlp_attributes *list, weir_bytes message, uint32_t number);

/* False, result untouched, if there is no such key. The value is borrowed until the next change of the list. */
bool weir_otlp_attributes_get(const weir_otlp_attributes *list, weir_text key, weir_otlp_value *ret_value);

/* The attribute at `index` < list->count, for walks over all. False if it was removed. Borrowed likewise. */
bool weir_otlp_attributes_at(const weir_otlp_attributes *list, size_t index, weir_otlp_attribute *ret_attribute);

/* Sets the value of `key`, adding it if need be. Key and value are copied; the value may be one that the list gave. */
void weir_otlp_attributes_set(weir_otlp_attributes *list, weir_text key, const weir_otlp_value *value);

/* True if there was such a key. */
bool weir_otlp_attributes_remove(weir_otlp_attributes *list, weir_text key);
/* Removes the attribute at `index`. */
void weir_otlp_attributes_remove_at(weir_otlp_attributes *list, size_t index);

/* Appends the message with its attributes as they are now. */
void weir_otlp_attributes_store(const weir_otlp_attributes *list, weir_buffer *out);

#endif
