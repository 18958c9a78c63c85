/* SPDX-License-Identifier: Apache-2.0
 *
 * The one pass over a received request after which every other reader may trust its bytes.
 *
 * Checked: every length lies inside its message; fields of the OTLP schema have their wire type; trace ids have 0 or 16
 * bytes and span ids 0 or 8; arrays and maps in values nest at most WEIR_OTLP_NESTING_MAX deep. Fields we do not know
 * are skipped, whatever their legal wire type. Not checked: UTF-8 (Go's and C's parsers do not either; a reader that
 * needs it asks weir_utf8_valid) and enum values (proto3 enums are open).
 *
 * Where protobuf's parsers differ we take the common ground of C++ and Python:
 *   - a varint value has at most 10 bytes, bits above 64 are dropped; over-long forms are fine
 *   - a tag or a length has at most 5 bytes (Go takes 10); a field number is 1 … 2^29-1
 *   - groups (wire types 3 and 4) of unknown fields are skipped when start and end match, nested at most
 *     WEIR_OTLP_NESTING_MAX deep (protobuf-c refuses all groups)
 *   - repeated numbers may come packed or one by one
 *   - a known field with another wire type is refused, as Go and protobuf-c do (C++ and Python take it for unknown)
 */
#ifndef WEIR_OTLP_VALIDATE_H
#define WEIR_OTLP_VALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* Which request a slice holds. In the order of weir_signal (batch/batch.h), so that a cast converts. */
typedef enum weir_otlp_kind { WEIR_OTLP_TRACES, WEIR_OTLP_METRICS, WEIR_OTLP_LOGS } weir_otlp_kind;

/* Checks `len` bytes (borrowed) of an Export{Trace,Metrics,Logs}ServiceRequest. `*ret_items`: its spans, metric data
 * points or log records. Data points of a `Metric.data` that a later member of the oneof replaces do not count.
 * WEIR_INVALID: `*ret_error` is permanent, has the offset of the bad value (just behind its tag), and its text names
 * both: "offset 1234: Span.trace_id must be 0 or 16 bytes, not 7". Any thread; nothing is allocated. */
WEIR_MUST_USE weir_status weir_otlp_validate(weir_otlp_kind kind, const uint8_t *data, size_t len, uint64_t *ret_items,
                                             weir_error *ret_error);

#endif
