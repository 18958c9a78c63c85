/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration as a tree of nodes, each with its place in the file, so that every message can point there.
 *
 * All nodes and texts of a configuration are owned by one `weir_tree` and freed with it; nothing is freed alone. The
 * rooms above get `const weir_node *` and read the fields. A tree is built on one thread and may be read by any once
 * it is complete.
 *
 * Bounded: bytes of a source, nodes of a tree, its height, its memory. Aliases are copied, so a small file that would
 * grow into billions of nodes runs into these limits and is refused.
 */
#ifndef WEIR_CONFIG_NODE_H
#define WEIR_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "core/status.h"
#include "core/text.h"

enum {
    WEIR_CONFIG_BYTES_MAX = 4 * 1024 * 1024,       /* of one file, variable or inline text */
    WEIR_CONFIG_NODES_MAX = 50 * 1000,             /* of one tree; the Collector's own examples stay under 1,000 */
    WEIR_CONFIG_HEIGHT_MAX = 64,                   /* mappings and sequences inside each other; bounds recursion */
    WEIR_CONFIG_TREE_BYTES_MAX = 64 * 1024 * 1024, /* nodes and texts together */
};

typedef enum weir_node_kind {
    WEIR_NODE_NULL, /* nothing, `null` or `~` */
    WEIR_NODE_SCALAR,
    WEIR_NODE_SEQUENCE,
    WEIR_NODE_MAPPING
} weir_node_kind;

/* What a scalar is by YAML's core schema, as the Collector's YAML library reads it. */
typedef enum weir_scalar_type {
    WEIR_SCALAR_TEXT,
    WEIR_SCALAR_BOOL,
    WEIR_SCALAR_INT,
    WEIR_SCALAR_FLOAT
} weir_scalar_type;

struct weir_node {
    weir_node_kind kind;
    bool is_text;          /* a scalar in quotes, a block, or put together around ${…}: never a number or a boolean */
    bool has_reference;    /* some of it came out of ${…} */
    bool is_expanded;      /* the whole value came out of ${…}: it serves as what it looks like, or as its text */
    const char *file;      /* path or name of the source; NULL if made by weir itself */
    unsigned line, column; /* from 1; line 0: the source has no lines worth naming */
    const char *text;      /* of a scalar and of null, as written; NUL-terminated; else NULL */
    const char *original;  /* of what is_expanded and is no text: the text it was read from; else NULL */
    const char *key;       /* under which it stands in a mapping; NULL for roots and items of sequences */
    const weir_node *parent;
    weir_node **keys;  /* of a mapping: scalars, in the order of the file */
    weir_node **items; /* of a mapping: the values; of a sequence: the items */
    size_t count, capacity;
    unsigned height; /* 1 for a leaf */
};

typedef struct weir_tree weir_tree;

weir_tree *weir_tree_new(void);
void weir_tree_free(weir_tree *tree); /* NULL is fine */

/* The value of `key` in a mapping, or NULL; also NULL if `node` is NULL or no mapping. */
const weir_node *weir_node_get(const weir_node *node, const char *key);
/* The node of that key itself, for messages about the key. */
const weir_node *weir_node_get_key(const weir_node *node, const char *key);

/* True if the node can serve as a text, which is then in `*ret_text` (borrowed from the tree): a text in quotes or of
 * letters, or anything that came whole out of ${…}. A plain number, boolean or null cannot. */
bool weir_node_text(const weir_node *node, const char **ret_text);

/* Of a scalar node. */
weir_scalar_type weir_node_scalar_type(const weir_node *node);
/* What YAML makes of an unquoted scalar. */
weir_scalar_type weir_scalar_type_of(const char *text);
/* The value of a scalar of type INT ("12", "-1", "0x1f", "1_000"); false if it does not fit. */
bool weir_scalar_to_int(const char *text, int64_t *ret_value);
bool weir_scalar_to_uint(const char *text, uint64_t *ret_value);
/* The value of a scalar of type INT or FLOAT. */
bool weir_scalar_to_double(const char *text, double *ret_value);
/* The value of a scalar of type BOOL. */
bool weir_scalar_to_bool(const char *text);

/* "receivers.otlp.protocols.grpc" into `out`, from the root; nothing for the root itself. */
void weir_node_path(const weir_node *node, weir_buffer *out);

/* "a mapping", "a list", "the number 5", "nothing" … for messages; cut after 60 bytes. Into `out`. */
void weir_node_describe(const weir_node *node, weir_buffer *out);

/* ---- building, for this room only ---- */

/* Memory of the tree. Never NULL: what may be asked for is bounded before. */
void *weir_tree_alloc(weir_tree *tree, size_t size);
char *weir_tree_text(weir_tree *tree, const char *text, size_t len);
/* True once the tree holds more memory than WEIR_CONFIG_TREE_BYTES_MAX. */
bool weir_tree_is_full(const weir_tree *tree);

/* A node in the place of `like` (NULL: nowhere). NULL if the tree has too many. */
weir_node *weir_node_new(weir_tree *tree, weir_node_kind kind, const weir_node *like);
/* A copy with all that is below; NULL if the tree has too many nodes. */
weir_node *weir_node_copy(weir_tree *tree, const weir_node *node);
/* Appends to a sequence, or to a mapping under `key`, without looking for duplicates. WEIR_TOO_LARGE: too high. */
WEIR_MUST_USE weir_status weir_node_append(weir_tree *tree, weir_node *parent, weir_node *key, weir_node *child);
/* Lays `over` on `base`, both mappings, by the Collector's rules: mappings merge deeply, everything else (null too)
 * replaces. */
WEIR_MUST_USE weir_status weir_node_merge(weir_tree *tree, weir_node *base, weir_node *over);

#endif
