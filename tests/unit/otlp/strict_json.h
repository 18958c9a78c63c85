/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader of JSON that takes nothing but RFC 8259: well-formed UTF-8, no control characters in strings, numbers by the
 * grammar, and no key twice in an object. For checking what weir writes, not for speed.
 */
#ifndef WEIR_TESTS_OTLP_STRICT_JSON_H
#define WEIR_TESTS_OTLP_STRICT_JSON_H

#include <stdbool.h>

#include "core/text.h"

/* Appends the one value in `text` in a form that is equal for equal values: keys sorted, no blanks, numbers with 17
 * digits. False if it is not JSON, or nests deeper than `depth_max`. */
bool strict_json_canonical(weir_bytes text, unsigned depth_max, weir_buffer *out);

#endif
