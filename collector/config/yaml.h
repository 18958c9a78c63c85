/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML text into a tree, on libyaml. One document; anchors, aliases and merge keys ("<<") are supported; a key
 * written twice is an error; keys with "::" in them are taken apart into nested mappings, as the Collector does
 * ("a::b: 1" is "a: {b: 1}").
 */
#ifndef WEIR_CONFIG_YAML_H
#define WEIR_CONFIG_YAML_H

#include "config/node.h"

/* Where the text stands. */
typedef struct weir_place {
    const char *file; /* outlives the tree (or lies in it) */
    bool is_fixed;    /* all of it is said to stand at line:column, because it has been inserted there */
    unsigned line, column;
} weir_place;

typedef struct weir_yaml_error {
    unsigned line, column;
    char text[160];
} weir_yaml_error;

/* The root node; a null node if the text is empty. WEIR_INVALID: not YAML; WEIR_TOO_LARGE: over one of the limits in
 * config/node.h. */
WEIR_MUST_USE weir_status weir_yaml_parse(weir_tree *tree, weir_text text, const weir_place *place,
                                          weir_node **ret_root, weir_yaml_error *ret_error);

#endif
