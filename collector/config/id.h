/* SPDX-License-Identifier: Apache-2.0
 *
 * "type/name" ids of components and pipelines, by the Collector's rules (component/identifiable.go): the type is
 * [a-zA-Z][0-9a-zA-Z_]{0,62}, the name 1 to 1024 bytes without space, control characters and symbols; space around
 * both is dropped.
 */
#ifndef WEIR_CONFIG_ID_H
#define WEIR_CONFIG_ID_H

#include "config/node.h"

typedef struct weir_id {
    const char *type;
    const char *name; /* "" if there is none */
    const char *text; /* "type/name" or "type" */
} weir_id;

/* Reads `text` into `*ret_id`, whose texts lie in the tree. NULL if it is well formed, else what is wrong with it. */
const char *weir_id_parse(weir_tree *tree, const char *text, weir_id *ret_id);

#endif
