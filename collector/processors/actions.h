/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of actions that `attributes` and `resource` share: insert, update, upsert, delete, hash, extract, convert,
 * each with the meaning it has in the Collector. Compiled once per worker, applied to one attribute list after the
 * other.
 */
#ifndef WEIR_PROCESSORS_ACTIONS_H
#define WEIR_PROCESSORS_ACTIONS_H

#include "batch/batch.h"
#include "config/option.h"
#include "otlp/attributes.h"

/* One entry of the list in a configuration. */
typedef struct weir_action_config {
    char *key;
    char *action;
    const weir_node *value;
    const weir_node *default_value;
    char *pattern;
    char *from_attribute;
    char *from_context;
    char *converted_type;
} weir_action_config;

extern const weir_option weir_action_options[];

/* Reports what is missing or contradictory. `actions` is a list of weir_action_config, `node` the sequence in the
 * file. */
void weir_actions_check(const weir_list *actions, const weir_node *node, weir_diagnostics *diagnostics);

typedef struct weir_actions weir_actions;

/* Compiles a checked list; `configs` and the nodes in it must outlive the result. Gives ownership. */
weir_actions *weir_actions_new(const weir_list *configs);
void weir_actions_free(weir_actions *actions); /* NULL is fine */

/* Applies all actions in order. `metadata` (borrowed; NULL: none) is for from_context and must live until the list is
 * written. */
void weir_actions_apply(weir_actions *actions, weir_otlp_attributes *list, const weir_metadata *metadata);

#endif
