/* SPDX-License-Identifier: Apache-2.0
 *
 * A span's tracestate as sampling needs it: the `rv` and `th` of OpenTelemetry's member ("ot=rv:…;th:…"), read and
 * written back with everything else kept (W3C Trace Context, and OpenTelemetry's "TraceState Handling").
 *
 * The parsed form borrows the text and holds no memory of its own. Any thread.
 */
#ifndef WEIR_PROCESSORS_TRACESTATE_H
#define WEIR_PROCESSORS_TRACESTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "processors/sampling.h"

enum {
    WEIR_TRACESTATE_BYTES_MAX = 1024,
    WEIR_TRACESTATE_MEMBERS_MAX = 31, /* as the Collector counts them */
    /* The longest text weir_tracestate_format writes: what was read, and "ot=rv:…;th:…," in front. */
    WEIR_TRACESTATE_TEXT_SIZE = WEIR_TRACESTATE_BYTES_MAX + 2 * WEIR_SAMPLING_DIGITS + 16
};

typedef struct weir_tracestate {
    weir_text text;          /* borrowed: what was parsed; empty if that is not a tracestate at all */
    weir_text opentelemetry; /* borrowed: the value of its "ot" member, or empty */
    bool has_randomness;
    bool has_threshold;
    uint64_t randomness;
    uint64_t threshold;
    /* Their digits as they are written, borrowed from `text` until they are set anew. */
    weir_text randomness_text;
    weir_text threshold_text;
    char randomness_digits[WEIR_SAMPLING_TEXT_SIZE];
    char threshold_digits[WEIR_SAMPLING_TEXT_SIZE];
} weir_tracestate;

/* Fills `*state` from `text` (borrowed; must outlive `state`). False if something in it is malformed or too long;
 * `state` then holds what could be used, as it will be written back if the span is kept all the same. */
bool weir_tracestate_parse(weir_tracestate *state, weir_text text);

void weir_tracestate_set_randomness(weir_tracestate *state, uint64_t randomness);
/* Never is written as no threshold at all. */
void weir_tracestate_set_threshold(weir_tracestate *state, uint64_t threshold);
void weir_tracestate_clear_threshold(weir_tracestate *state);

/* Writes the tracestate: "ot" first, with rv, th and the rest of it, then the other members in their order.
 * `ret_text` has room for WEIR_TRACESTATE_TEXT_SIZE; gives the length, not NUL-terminated. */
size_t weir_tracestate_format(const weir_tracestate *state, char *ret_text);

#endif
