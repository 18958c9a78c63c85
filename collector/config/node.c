/* SPDX-License-Identifier: Apache-2.0 */
#include "config/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"

/* Memory is taken in blocks and handed out from the newest one. */
typedef struct tree_block {
    struct tree_block *next;
    size_t used, size;
    max_align_t data[];
} tree_block;

struct weir_tree {
    tree_block *blocks;
    size_t bytes;
    size_t nodes;
};

enum { BLOCK_BYTES = 32 * 1024 };

weir_tree *weir_tree_new(void)
{
    return WEIR_NEW(weir_tree);
}

void weir_tree_free(weir_tree *tree)
{
    if (!tree)
        return;
    for (tree_block *block = tree->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(tree);
}

void *weir_tree_alloc(weir_tree *tree, size_t size)
{
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    tree_block *block = tree->blocks;
    if (!block || block->size - block->used < rounded) {
        size_t block_size = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = weir_alloc(1, sizeof(tree_block) + block_size);
        block->size = block_size;
        block->next = tree->blocks;
        tree->blocks = block;
        tree->bytes += block_size;
    }
    void *memory = (char *)block->data + block->used;
    block->used += rounded;
    return memory;
}

char *weir_tree_text(weir_tree *tree, const char *text, size_t len)
{
    char *copy = weir_tree_alloc(tree, len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

bool weir_tree_is_full(const weir_tree *tree)
{
    return tree->bytes > WEIR_CONFIG_TREE_BYTES_MAX;
}

/* ---- building ---- */

weir_node *weir_node_new(weir_tree *tree, weir_node_kind kind, const weir_node *like)
{
    if (tree->nodes >= WEIR_CONFIG_NODES_MAX || weir_tree_is_full(tree))
        return NULL;
    tree->nodes++;
    weir_node *node = weir_tree_alloc(tree, sizeof(*node));
    *node = (weir_node){.kind = kind, .height = 1};
    if (like) {
        node->file = like->file;
        node->line = like->line;
        node->column = like->column;
    }
    return node;
}

static void grow(weir_tree *tree, weir_node *parent)
{
    if (parent->count < parent->capacity)
        return;
    size_t capacity = parent->capacity ? parent->capacity * 2 : 4;
    weir_node **items = weir_tree_alloc(tree, capacity * sizeof(*items));
    weir_node **keys = parent->kind == WEIR_NODE_MAPPING ? weir_tree_alloc(tree, capacity * sizeof(*keys)) : NULL;
    if (parent->count > 0) {
        memcpy(items, parent->items, parent->count * sizeof(*items));
        if (keys)
            memcpy(keys, parent->keys, parent->count * sizeof(*keys));
    }
    parent->items = items;
    parent->keys = keys;
    parent->capacity = capacity;
}

/* Makes `child` the value at `index`; the height is kept for those above only as far as they are being built. */
static weir_status attach(weir_node *parent, size_t index, weir_node *child)
{
    if (child->height >= WEIR_CONFIG_HEIGHT_MAX)
        return WEIR_TOO_LARGE;
    parent->items[index] = child;
    child->parent = parent;
    child->key = parent->keys ? parent->keys[index]->text : NULL;
    if (parent->height <= child->height)
        parent->height = child->height + 1;
    return WEIR_OK;
}

weir_status weir_node_append(weir_tree *tree, weir_node *parent, weir_node *key, weir_node *child)
{
    WEIR_ASSERT(parent->kind == (key ? WEIR_NODE_MAPPING : WEIR_NODE_SEQUENCE));
    grow(tree, parent);
    if (key) {
        parent->keys[parent->count] = key;
        key->parent = parent;
        key->key = key->text;
    }
    weir_status status = attach(parent, parent->count, child);
    if (status == WEIR_OK)
        parent->count++;
    return status;
}

weir_node *weir_node_copy(weir_tree *tree, const weir_node *node)
{
    weir_node *copy = weir_node_new(tree, node->kind, node);
    if (!copy)
        return NULL;
    copy->is_text = node->is_text;
    copy->is_expanded = node->is_expanded;
    copy->text = node->text;
    copy->original = node->original;
    for (size_t i = 0; i < node->count; i++) {
        weir_node *key = node->keys ? weir_node_copy(tree, node->keys[i]) : NULL;
        weir_node *child = weir_node_copy(tree, node->items[i]);
        if (!child || (node->keys && !key) || weir_node_append(tree, copy, key, child) != WEIR_OK)
            return NULL;
    }
    return copy;
}

static size_t index_of(const weir_node *mapping, const char *key)
{
    for (size_t i = 0; i < mapping->count; i++) {
        if (strcmp(mapping->keys[i]->text, key) == 0)
            return i;
    }
    return SIZE_MAX;
}

weir_status weir_node_merge(weir_tree *tree, weir_node *base, weir_node *over)
{
    WEIR_ASSERT(base->kind == WEIR_NODE_MAPPING && over->kind == WEIR_NODE_MAPPING);
    for (size_t i = 0; i < over->count; i++) {
        size_t at = index_of(base, over->keys[i]->text);
        weir_status status = WEIR_OK;
        if (at == SIZE_MAX) {
            status = weir_node_append(tree, base, over->keys[i], over->items[i]);
        } else if (base->items[at]->kind == WEIR_NODE_MAPPING && over->items[i]->kind == WEIR_NODE_MAPPING) {
            status = weir_node_merge(tree, base->items[at], over->items[i]);
            if (status == WEIR_OK)
                status = attach(base, at, base->items[at]);
        } else {
            base->keys[at] = over->keys[i];
            base->keys[at]->parent = base;
            status = attach(base, at, over->items[i]);
        }
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* ---- reading ---- */

const weir_node *weir_node_get(const weir_node *node, const char *key)
{
    if (!node || node->kind != WEIR_NODE_MAPPING)
        return NULL;
    size_t at = index_of(node, key);
    return at == SIZE_MAX ? NULL : node->items[at];
}

const weir_node *weir_node_get_key(const weir_node *node, const char *key)
{
    if (!node || node->kind != WEIR_NODE_MAPPING)
        return NULL;
    size_t at = index_of(node, key);
    return at == SIZE_MAX ? NULL : node->keys[at];
}

const weir_node *weir_node_find(const weir_node *node, const char *dotted_path)
{
    while (node && *dotted_path) {
        size_t len = strcspn(dotted_path, ".");
        WEIR_FREE char *key = weir_strndup(dotted_path, len);
        node = weir_node_get(node, key);
        dotted_path += dotted_path[len] ? len + 1 : len;
    }
    return node;
}

bool weir_node_text(const weir_node *node, const char **ret_text)
{
    bool is_text = node->kind == WEIR_NODE_SCALAR && weir_node_scalar_type(node) == WEIR_SCALAR_TEXT;
    if (!is_text && !node->original)
        return false;
    *ret_text = is_text ? node->text : node->original;
    return true;
}

static size_t index_in_parent(const weir_node *node)
{
    for (size_t i = 0; i < node->parent->count; i++) {
        if (node->parent->items[i] == node)
            return i;
    }
    return 0;
}

void weir_node_path(const weir_node *node, weir_buffer *out)
{
    if (!node || !node->parent)
        return;
    weir_node_path(node->parent, out);
    if (!node->key)
        weir_buffer_printf(out, "[%zu]", index_in_parent(node));
    else
        weir_buffer_printf(out, "%s%s", out->len ? "." : "", node->key);
}

void weir_node_describe(const weir_node *node, weir_buffer *out)
{
    enum { SHOWN_MAX = 60 };
    if (node->kind != WEIR_NODE_SCALAR) {
        static const char *const names[] = {
            [WEIR_NODE_NULL] = "nothing", [WEIR_NODE_SEQUENCE] = "a list", [WEIR_NODE_MAPPING] = "a mapping"};
        weir_buffer_append_text(out, names[node->kind]);
        return;
    }
    weir_scalar_type type = weir_node_scalar_type(node);
    const char *quote = type == WEIR_SCALAR_TEXT ? "\"" : "";
    const char *what = type == WEIR_SCALAR_INT || type == WEIR_SCALAR_FLOAT ? "the number " : "";
    bool is_long = strlen(node->text) > SHOWN_MAX;
    weir_buffer_printf(out, "%s%s%.*s%s%s", what, quote, SHOWN_MAX, node->text, is_long ? "…" : "", quote);
}
