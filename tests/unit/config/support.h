/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations from a string, and what weir says about them.
 */
#ifndef WEIR_TESTS_UNIT_CONFIG_SUPPORT_H
#define WEIR_TESTS_UNIT_CONFIG_SUPPORT_H

#include "config/diagnostics.h"
#include "config/document.h"
#include "config/source.h"
#include "core/file.h"

/* Variables and files as a test wants them: NULL-terminated lists of name, content, name, content … */
typedef struct fake_world {
    weir_files files; /* first, so that the functions find the rest */
    const char *const *variables;
    const char *const *contents;
    int open_file; /* index into contents while a file is open */
    size_t position;
} fake_world;

void fake_world_init(fake_world *world, const char *const *variables, const char *const *contents);

/* Loads "config.yaml" with that text. `ret_diagnostics` gets every message, one a line. */
const weir_node *load_text(const char *text, const char *const *variables, weir_tree *tree, weir_buffer *ret_messages);

/* Checks a whole configuration against a catalogue of otlp, kafka / batch, attributes / otlp, debug, nop /
 * health_check. */
weir_document *load_document(const char *text, weir_buffer *ret_messages);

/* The node as one line of flow YAML: {a: [1, "x", null]}; texts in quotes. */
void print_flow(const weir_node *node, weir_buffer *out);

#endif
