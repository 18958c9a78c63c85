/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire form to OTLP/JSON, in one walk and without a tree in between.
 *
 * The text says what pdata's JSON marshaler of the Collector says for the same request (keys may stand in another
 * order): lowerCamelCase names, ids in hex, 64-bit integers as strings, enums as numbers, bytes in base64, NaN and
 * infinities as strings, defaults left out. It is one line: line ends in strings are escaped. Two differences:
 *   - bytes in a string that are not UTF-8 become U+FFFD each; the Collector writes them as they are, which is not JSON
 *   - a member of a oneof given twice merges, as protobuf's rules and our views say; the Collector takes the last one
 *
 * Fields we do not know have no name in JSON and are left out. Any thread; nothing is kept.
 */
#ifndef WEIR_OTLP_JSON_H
#define WEIR_OTLP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/text.h"
#include "otlp/validate.h"

/* Appends one JSON object, without a line end, to `out`. `parts` (borrowed) are Export…ServiceRequests that have passed
 * weir_otlp_validate; several of them read as one request. The text is up to 16 times as long as the parts: for data
 * whose size others decide use weir_otlp_to_json_in_pieces. */
void weir_otlp_to_json(weir_otlp_kind kind, const weir_bytes *parts, size_t part_count, weir_buffer *out);

/* Where text goes that is not kept in memory as a whole. */
typedef struct weir_otlp_json_spill {
    /* Takes what `piece` holds and sets its length to 0. False: stop, the rest is not wanted. */
    bool (*spill)(void *context, weir_buffer *piece);
    void *context;
    size_t piece_max; /* bytes; spill is called before more would be held. At least WEIR_OTLP_JSON_PIECE_MIN */
} weir_otlp_json_spill;

enum { WEIR_OTLP_JSON_PIECE_MIN = 4096 };

/* As weir_otlp_to_json, but `piece` never grows much beyond piece_max: whenever it is full it is spilled. What is left
 * in it at the end (all of it, if it is short enough) is the caller's to use. False if `spill` said stop; `piece` is
 * then empty. */
bool weir_otlp_to_json_in_pieces(weir_otlp_kind kind, const weir_bytes *parts, size_t part_count, weir_buffer *piece,
                                 const weir_otlp_json_spill *spill);

#endif
