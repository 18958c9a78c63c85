/* SPDX-License-Identifier: Apache-2.0
 *
 * ${…} in the values of a tree, by the rules of the Collector's confmap (confmap/expand.go):
 *
 *   ${env:NAME}  ${env:NAME:-default}  ${NAME}  ${file:path}  ${yaml:text}
 *
 * A value that is one ${…} and nothing else becomes what the YAML behind it is: a number, a list, a mapping. Inside
 * other text it is replaced by its text, and the whole is a text. Expansions may nest. "$$" is "$", so "$${NAME}"
 * stays "${NAME}". A variable that is not set is empty, with a warning. http: and https: are refused: weir does not
 * fetch its configuration.
 *
 * Bounded: rounds per value, expansions inside expansions, bytes of a text, and the tree's own limits.
 */
#ifndef WEIR_CONFIG_EXPAND_H
#define WEIR_CONFIG_EXPAND_H

#include "config/node.h"
#include "core/file.h"

enum {
    WEIR_EXPAND_ROUNDS_MAX = 1000, /* per value, as in the Collector */
    WEIR_EXPAND_LEVELS_MAX = 16,   /* values out of values out of … */
    WEIR_EXPAND_TEXT_BYTES_MAX = 1024 * 1024,
};

/* Where values come from. */
typedef struct weir_expand_world {
    const weir_files *files;
    /* The value of a variable, NULL if it is not set; borrowed. */
    const char *(*environment)(void *user, const char *name);
    void *user;
} weir_expand_world;

/* True if `name` may be an environment variable: [a-zA-Z_][a-zA-Z0-9_]*. */
bool weir_is_variable_name(weir_text name);

/* Expands every value under `root`, in place. Mistakes become diagnostics. */
void weir_expand(weir_tree *tree, weir_node *root, const weir_expand_world *world, weir_diagnostics *diagnostics);

#endif
