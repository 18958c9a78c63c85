/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch/batch.h"
#include "core/assert.h"
#include "core/memory.h"

/* One allocation: the entries, then the bytes they point to. */
struct weir_metadata {
    _Atomic uint32_t refs;
    size_t count;
    char peer[64];
    weir_metadata_entry entries[];
};

static weir_text place(char **at, weir_text text)
{
    weir_text placed = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.data, text.len);
    *at += text.len;
    return placed;
}

weir_metadata *weir_metadata_new(const weir_metadata_entry *entries, size_t count, const char *peer)
{
    size_t text_bytes = 0;
    for (size_t i = 0; i < count; i++)
        text_bytes += entries[i].key.len + entries[i].value.len;
    weir_metadata *metadata = weir_alloc(1, sizeof *metadata + count * sizeof entries[0] + text_bytes);
    atomic_init(&metadata->refs, 1);
    metadata->count = count;
    snprintf(metadata->peer, sizeof metadata->peer, "%s", peer);
    char *at = (char *)&metadata->entries[count];
    for (size_t i = 0; i < count; i++) {
        metadata->entries[i].key = place(&at, entries[i].key);
        metadata->entries[i].value = place(&at, entries[i].value);
    }
    return metadata;
}

weir_metadata *weir_metadata_ref(weir_metadata *metadata)
{
    atomic_fetch_add_explicit(&metadata->refs, 1, memory_order_relaxed);
    return metadata;
}

void weir_metadata_unref(weir_metadata *metadata)
{
    if (metadata && atomic_fetch_sub_explicit(&metadata->refs, 1, memory_order_acq_rel) == 1)
        free(metadata);
}

weir_text weir_metadata_get(const weir_metadata *metadata, weir_text key, unsigned index)
{
    for (size_t i = 0; metadata && i < metadata->count; i++) {
        if (weir_text_equal_nocase(metadata->entries[i].key, key) && index-- == 0)
            return metadata->entries[i].value;
    }
    return (weir_text){NULL, 0};
}

const char *weir_metadata_peer(const weir_metadata *metadata)
{
    return metadata ? metadata->peer : "";
}

size_t weir_metadata_count(const weir_metadata *metadata)
{
    return metadata ? metadata->count : 0;
}

weir_metadata_entry weir_metadata_at(const weir_metadata *metadata, size_t index)
{
    WEIR_ASSERT(index < weir_metadata_count(metadata));
    return metadata->entries[index];
}

static bool same_values(const weir_metadata *a, const weir_metadata *b, weir_text key)
{
    for (unsigned i = 0;; i++) {
        weir_text value_a = weir_metadata_get(a, key, i);
        weir_text value_b = weir_metadata_get(b, key, i);
        if ((value_a.data == NULL) != (value_b.data == NULL) || !weir_text_equal(value_a, value_b))
            return false;
        if (value_a.data == NULL)
            return true;
    }
}

bool weir_metadata_same(const weir_metadata *a, const weir_metadata *b, const char *const *keys, size_t key_count)
{
    for (size_t i = 0; a != b && i < key_count; i++) {
        if (!same_values(a, b, weir_text_of(keys[i])))
            return false;
    }
    return true;
}
