/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers, hex and base64 as OTLP/JSON writes them. Pure functions, inside the room only.
 */
#ifndef WEIR_OTLP_FROM_JSON_NUMBER_H
#define WEIR_OTLP_FROM_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

typedef struct weir_json_integer {
    bool negative;
    uint64_t magnitude;
} weir_json_integer;

/* Digits at `at`, up to `end`: at most 19, so that they fit. Returns the first byte that is none. */
const uint8_t *weir_otlp__parse_digits(const uint8_t *at, const uint8_t *end, uint64_t *ret_value);

/* The whole number that fills `text`: an optional sign, digits, and also 1.0 or 15e2, as protobuf's JSON takes them.
 * False if it is none, or larger than a uint64_t. */
bool weir_otlp__parse_integer(weir_bytes text, weir_json_integer *ret_integer);

/* The number that fills `text`, rounded to the nearest double: what a JSON number is, or, if `is_quoted`, also what
 * Go's ParseFloat takes ("NaN", "-Infinity", "+1", ".5"; but no hexadecimal digits). One byte behind `text` must be
 * readable and belong to no number. False if it is none, or too large for a double. */
bool weir_otlp__parse_double(weir_bytes text, bool is_quoted, double *ret_number);

/* Exactly `len` bytes, of twice as many hex digits in either case. */
bool weir_otlp__parse_hex(const uint8_t *hex, size_t len, uint8_t *ret_bytes);

/* Standard or URL-safe base64, padded or not. `out` may be the text itself. Returns the end of what was written (at most
 * 3/4 of the text), NULL if it is no base64. */
uint8_t *weir_otlp__parse_base64(weir_bytes text, uint8_t *out);

#endif
