/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations and sizes as people write them in a configuration, and back.
 */
#ifndef WEIR_CONFIG_QUANTITY_H
#define WEIR_CONFIG_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

/* Go's time.ParseDuration without a sign: "1m30s", "1.5h", "200ms", "0". Units ns, us, µs, ms, s, m, h. The result is
 * in milliseconds, rounded up, so that no duration above zero becomes zero. False for anything else and for more than
 * 290 years. */
bool weir_parse_duration(const char *text, uint64_t *ret_ms);

/* A number of bytes, alone or with B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024); case
 * counts for nothing, a space may stand between. False for anything else. */
bool weir_parse_bytes(const char *text, uint64_t *ret_bytes);

/* "90s" as "1m30s"; "0s". */
void weir_print_duration(uint64_t ms, weir_buffer *out);

#endif
