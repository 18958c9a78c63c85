/* SPDX-License-Identifier: Apache-2.0
 *
 * What people and editors are told about options, made from the option tables and nothing else: `weir components
 * NAME`, the pages in docs/, and a JSON Schema of the whole file. And a configuration printed back with its secrets
 * masked. Any thread.
 */
#ifndef WEIR_CONFIG_REFERENCE_H
#define WEIR_CONFIG_REFERENCE_H

#include "config/document.h"
#include "config/option.h"
#include "core/text.h"

typedef struct weir_reference {
    weir_section section;
    const char *name;
    const char *alias; /* NULL if there is none */
    const char *summary;
    const weir_option *options; /* NULL if there are none */
} weir_reference;

/* For the terminal. */
void weir_reference_text(const weir_reference *component, weir_buffer *out);
/* A page of Markdown with one table row per key. */
void weir_reference_markdown(const weir_reference *component, weir_buffer *out);
/* JSON Schema (draft 2020-12) of a configuration file with these components. */
void weir_reference_schema(const weir_reference *components, size_t count, weir_buffer *out);

/* The configuration as it is after merging and expanding, as YAML. What the tables of `components` call secret is
 * printed as [REDACTED]. */
void weir_reference_print(const weir_document *document, const weir_reference *components, size_t count,
                          weir_buffer *out);

#endif
