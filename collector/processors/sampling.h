/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of probability sampling: 56-bit randomness and thresholds as in OpenTelemetry's "TraceState:
 * Probability Sampling" specification, and the older hash of trace ids.
 *
 * An item is kept if its threshold is less than or equal to its randomness: threshold 0 keeps everything, 2^56
 * nothing. In text, a threshold has 1 to 14 hex digits without trailing zeros ("th:c" keeps a quarter), randomness
 * has exactly 14. Pure functions; any thread.
 */
#ifndef WEIR_PROCESSORS_SAMPLING_H
#define WEIR_PROCESSORS_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

#define WEIR_SAMPLING_ALWAYS UINT64_C(0)
#define WEIR_SAMPLING_NEVER (UINT64_C(1) << 56)
/* Randomness that every threshold but "never" keeps. */
#define WEIR_RANDOMNESS_MAX (WEIR_SAMPLING_NEVER - 1)

enum {
    WEIR_SAMPLING_DIGITS = 14,
    WEIR_SAMPLING_TEXT_SIZE = WEIR_SAMPLING_DIGITS + 1 /* with NUL */
};

/* FNV-1a, 32 bits, over the four little-endian bytes of `seed` and then `bytes`. */
uint32_t weir_fnv1a32(uint32_t seed, const uint8_t *bytes, size_t len);

/* Randomness whose 14 highest bits order hashes as the Collector's hash_seed mode does; the rest is filled from the
 * same hash. */
uint64_t weir_randomness_of_hash(uint32_t hash);

/* The rejecting threshold of hash_seed mode for a percentage, which is rounded down to a multiple of 1/16384 in
 * single precision, as the Collector does. Never for less than one such step. */
uint64_t weir_threshold_of_percentage(float percentage);

/* The 56 lowest bits of a 16-byte trace id. */
uint64_t weir_randomness_of_trace_id(const uint8_t trace_id[16]);

/* The threshold that keeps `probability`, rounded to `precision` hex digits (1 to 14), more where the probability is
 * close to 0 or 1. False if the probability is not in 2^-56 … 1. */
bool weir_threshold_of_probability(double probability, unsigned precision, uint64_t *ret_threshold);
double weir_probability_of_threshold(uint64_t threshold);

/* Parse; false for anything but 1 to 14, or exactly 14, hex digits of either case. */
bool weir_threshold_parse(weir_text text, uint64_t *ret_threshold);
bool weir_randomness_parse(weir_text text, uint64_t *ret_randomness);

/* Lower-case hex, NUL-terminated, into `ret_text` of WEIR_SAMPLING_TEXT_SIZE; give the length. "0" for always, "" for
 * never. */
size_t weir_threshold_format(uint64_t threshold, char *ret_text);
size_t weir_randomness_format(uint64_t randomness, char *ret_text);

#endif
