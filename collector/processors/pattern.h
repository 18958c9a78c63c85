/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions of the configuration, on PCRE2, set up to mean what the same text means in the Collector (Go's
 * RE2 syntax): `.` and `$` do not treat newlines specially, classes are ASCII, no expression runs without bound. What
 * PCRE2 has and RE2 has not (look-around, back-references) is accepted too. An attempt that passes the match limit
 * counts as no match.
 *
 * A pattern holds the result of its last match, so it belongs to one thread.
 */
#ifndef WEIR_PROCESSORS_PATTERN_H
#define WEIR_PROCESSORS_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

enum {
    WEIR_PATTERN_ERROR_SIZE = 192,
    /* Steps of one attempt. Ordinary expressions stay under a hundred; the bound keeps a bad one under about a
     * millisecond. */
    WEIR_PATTERN_STEPS_MAX = 100 * 1000
};

typedef struct weir_pattern weir_pattern;

/* Compiles; gives ownership. NULL if `expression` is malformed: `ret_error` (WEIR_PATTERN_ERROR_SIZE) then says why
 * and where. */
weir_pattern *weir_pattern_new(const char *expression, char *ret_error);
void weir_pattern_free(weir_pattern *pattern); /* NULL is fine */

/* True if the expression matches somewhere in `subject`. */
bool weir_pattern_matches(weir_pattern *pattern, weir_text subject);

/* How many groups in parentheses the expression has, and the name of group 1 … count: NULL if it has none. Borrowed
 * from the pattern. */
uint32_t weir_pattern_group_count(const weir_pattern *pattern);
const char *weir_pattern_group_name(const weir_pattern *pattern, uint32_t group);

/* What group 1 … count matched in the last successful weir_pattern_matches; borrowed from its subject; empty if it
 * took no part. */
weir_text weir_pattern_group(const weir_pattern *pattern, uint32_t group, weir_text subject);

#endif
