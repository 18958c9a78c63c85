/* SPDX-License-Identifier: Apache-2.0
 *
 * `include` and `exclude`: which items a processor acts on, by the properties the Collector knows (match_type strict
 * or regexp). All properties that are given must match; of a list of names, one is enough; of attributes, all.
 * Compiled once per worker; belongs to one thread.
 */
#ifndef WEIR_PROCESSORS_FILTER_H
#define WEIR_PROCESSORS_FILTER_H

#include "batch/batch.h"
#include "config/option.h"
#include "otlp/view.h"

/* What one of `include` and `exclude` says. */
typedef struct weir_filter_config {
    char *match_type;
    weir_strings services;
    weir_strings span_names;
    weir_strings span_kinds;
    weir_strings log_bodies;
    weir_strings log_severity_texts;
    struct weir_severity_config *log_severity_number; /* NULL: any */
    weir_strings metric_names;
    weir_list attributes; /* of weir_attribute_config */
    weir_list resources;  /* of weir_attribute_config */
    weir_list libraries;  /* of weir_library_config */
} weir_filter_config;

typedef struct weir_severity_config {
    int64_t min;
    bool match_undefined;
} weir_severity_config;

typedef struct weir_attribute_config {
    char *key;
    const weir_node *value; /* NULL: any value */
} weir_attribute_config;

typedef struct weir_library_config {
    char *name;
    char *version; /* NULL: any */
} weir_library_config;

extern const weir_option weir_filter_options[];

/* Reports what is missing, malformed or without meaning for all signals together. `config` may be NULL (not
 * written). */
void weir_filter_check(const weir_filter_config *config, const weir_node *node, weir_diagnostics *diagnostics);

typedef struct weir_filter weir_filter;

/* Compiles what `config` (checked, outlives the result) says about `signal`; gives ownership. NULL, for NULL:
 * everything matches. */
weir_filter *weir_filter_new(const weir_filter_config *config, weir_signal signal);
void weir_filter_free(weir_filter *filter); /* NULL is fine */

/* Whether the item the walk stands at matches; for data points, whether their metric does. */
bool weir_filter_matches(weir_filter *filter, const weir_otlp_items *at);

#endif
