/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/JSON to wire form, in one pass over the text and without a tree in between.
 *
 * What the text means is what the Collector makes of it (pdata's JSON unmarshaler) and what the OTLP specification says
 * of JSON (protocol/otlp.md, "JSON Protobuf Encoding"): lowerCamelCase names (the schema's snake_case ones too), ids in
 * hex of either case, 64-bit integers as strings or numbers, enums as numbers and, leniently, as names, bytes in
 * base64, "NaN" and "Infinity" as strings, null as absent, members in any order, members we do not know ignored
 * whatever they hold. In the corners:
 *   - a member given twice: the last number or string, the elements of both lists, the members of both objects; of a
 *     oneof only the last member given
 *   - null is an empty string where a string is read, an empty message as an element or in a oneof
 *   - half a surrogate pair becomes U+FFFD; bytes that are not UTF-8 stay as they are, as on the wire
 *   - an id of zeros is no id; a default value is not written
 *   - integers may be written 1.0 or 1e3, base64 URL-safe and without padding, as protobuf's JSON mapping says
 *   - refused: what is not JSON (bare control characters, a byte order mark, anything behind the object), values nested
 *     deeper than on the wire, unknown members nested deeper than 10,000, hexadecimal floats in strings
 * docs/differences.md has what of this the Collector does otherwise.
 *
 * The result needs no weir_otlp_validate: it has what that promises (ids of the right length, nesting within
 * WEIR_OTLP_NESTING_MAX, every length in bounds).
 */
#ifndef WEIR_OTLP_FROM_JSON_H
#define WEIR_OTLP_FROM_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/status.h"
#include "otlp/validate.h"

/* Reads `len` bytes of JSON (borrowed, UTF-8): one object, an Export…ServiceRequest of `kind`. Gives one chunk that
 * holds exactly the wire form, charged to `account` (may be NULL), and says how many spans, data points or log records
 * are in it. The wire form is about half as long as the text, and hardly ever longer; at worst, in long lists of short
 * numbers (bucket counts, bounds), four times as long. While reading, the account is charged with the text's length and
 * a little more, and with more only when such a list asks for it (eight times the text at worst, while what is written
 * moves to a larger chunk); afterwards with the result. Time is linear in the text.
 * WEIR_INVALID: `*ret_error` is permanent, has the offset of the bad byte or value, and its text names both place and
 * remedy: "offset 123: resourceSpans[0].scopeSpans[0].spans[2].traceId must be 32 hex digits, not 31".
 * WEIR_NO_MEMORY: the account refuses; `*ret_error` is of class THROTTLED. Any thread; nothing is kept. */
WEIR_MUST_USE weir_status weir_otlp_from_json(weir_otlp_kind kind, const uint8_t *json, size_t len,
                                              weir_account *account, weir_chunk **ret_chunk, uint64_t *ret_items,
                                              weir_error *ret_error);

#endif
