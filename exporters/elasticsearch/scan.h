/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads JSON in one pass, without a tree and without memory of its own: who reads says at each place what it wants, and
 * skips the rest. For answers of servers, which may be cut off anywhere and hold anything.
 *
 *     es_scan scan = es_scan_of(body);
 *     es_scan_level object;
 *     if (es_scan_enter(&scan, '{', &object))
 *         while (es_scan_member(&scan, &object, &key))
 *             if (weir_text_is(key, "status"))
 *                 number = es_scan_uint(&scan);
 *             else
 *                 es_scan_skip(&scan);
 *
 * Every member and element must be read or skipped, by exactly one call. What is asked for and is something else is
 * skipped. Once the text is no JSON any more, or ends, is_broken is set, and nothing more is given. Values that are
 * skipped need only have their brackets in number and their strings closed. Pure; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SCAN_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

typedef struct es_scan {
    const char *at, *end;
    bool is_broken;
} es_scan;

/* An object or array that is being read. */
typedef struct es_scan_level {
    bool has_begun; /* a comma stands before the next one */
} es_scan_level;

/* Borrows the bytes, and so do the texts given. */
es_scan es_scan_of(weir_bytes bytes);

/* `opening` is '{' or '['. False, the value skipped, if the value is something else. */
bool es_scan_enter(es_scan *scan, char opening, es_scan_level *ret_level);

/* The next member of an object; its value is to be read. False behind the last one. */
bool es_scan_member(es_scan *scan, es_scan_level *object, weir_text *ret_key);
/* The next element of an array, to be read. False behind the last one. */
bool es_scan_element(es_scan *scan, es_scan_level *array);

void es_scan_skip(es_scan *scan);
/* The inside of a string, with escapes as they stand; {NULL, 0} for anything else. */
weir_text es_scan_text(es_scan *scan);
/* 0 for anything but a whole number that fits. */
uint32_t es_scan_uint(es_scan *scan);

#endif
