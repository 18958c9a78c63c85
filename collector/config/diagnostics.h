/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a configuration, gathered so that a user sees every mistake at once, each with its place:
 *
 *     config.yaml:12:7: error: exporters.otlp.endpont: unknown key; did you mean "endpoint"?
 *
 * Messages are printed in the order of the sources and of the lines in them, whatever order they were found in. At
 * most WEIR_DIAGNOSTICS_MAX are kept, the rest is counted. weir_diagnostics_error and weir_diagnostics_warning are
 * declared in config/option.h. One thread at a time.
 */
#ifndef WEIR_CONFIG_DIAGNOSTICS_H
#define WEIR_CONFIG_DIAGNOSTICS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/option.h"
#include "core/text.h"

enum { WEIR_DIAGNOSTICS_MAX = 200 };

typedef enum weir_severity {
    WEIR_SEVERITY_ERROR,   /* weir does not start */
    WEIR_SEVERITY_WARNING, /* it starts, but somebody should look */
    WEIR_SEVERITY_NOTE     /* good to know; shown by `weir validate` only */
} weir_severity;

weir_diagnostics *weir_diagnostics_new(void);
void weir_diagnostics_free(weir_diagnostics *diagnostics); /* NULL is fine */

/* How many of that severity there are, those over the limit included. */
size_t weir_diagnostics_count(const weir_diagnostics *diagnostics, weir_severity severity);

/* As weir_diagnostics_error: `node` is where, and its dotted path begins the message. */
void weir_diagnostics_note(weir_diagnostics *diagnostics, const weir_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A message about a place that has no node (yet): `file` may be NULL, `line` 0. */
void weir_diagnostics_at(weir_diagnostics *diagnostics, weir_severity severity, const char *file, unsigned line,
                         unsigned column, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Appends all messages, one a line, down to `least` (WEIR_SEVERITY_NOTE: all). */
void weir_diagnostics_print(const weir_diagnostics *diagnostics, weir_severity least, weir_buffer *out);

/* The candidate that a person most probably meant by `name`: the one with the fewest letters to change, swap, add or
 * take away, if those are few for its length. NULL if none is near. Case counts for nothing. */
const char *weir_nearest(const char *name, const char *const *candidates, size_t count);

#endif
