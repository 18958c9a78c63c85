/* SPDX-License-Identifier: Apache-2.0
 *
 * What `--config` and `--set` name, read, merged in order and expanded into one tree (as the Collector's
 * confmap.Resolver does):
 *
 *   --config=path  --config=file:path  --config=env:NAME  --config=yaml:exporters::debug::verbosity: detailed
 *   --set=processors.batch.timeout=2s      after all --config; "." and "::" both separate keys
 *
 * Mappings merge deeply; lists, scalars and null replace what was there before. Then ${…} is expanded
 * (config/expand.h).
 */
#ifndef WEIR_CONFIG_SOURCE_H
#define WEIR_CONFIG_SOURCE_H

#include "config/node.h"
#include "core/file.h"

typedef struct weir_sources {
    const char *const *configs; /* values of --config */
    size_t config_count;
    const char *const *sets; /* values of --set */
    size_t set_count;
    const weir_files *files; /* NULL: the real ones */
    /* The value of an environment variable, borrowed, or NULL. NULL here: the process's environment. */
    const char *(*environment)(void *user, const char *name);
    void *user;
} weir_sources;

/* The merged and expanded root, a mapping in `tree`. Mistakes become diagnostics; what could be read is given all the
 * same, so that more mistakes can be found. Never NULL. */
const weir_node *weir_sources_load(const weir_sources *sources, weir_tree *tree, weir_diagnostics *diagnostics);

#endif
