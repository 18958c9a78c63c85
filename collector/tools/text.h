/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tools print: sizes, times and counts for people, and records as lines of JSON. Pure but for
 * tool_wall_now_ns.
 */
#ifndef WEIR_TOOLS_TEXT_H
#define WEIR_TOOLS_TEXT_H

#include "queue/disk_log.h"
#include "tools/logs.h"

/* Nanoseconds since 1970, by the clock that records carry. */
uint64_t tool_wall_now_ns(void);

/* "17 B", "1.2 MiB". */
void tool_print_bytes(uint64_t bytes, weir_buffer *out);
/* "2026-01-31T12:00:00.000Z"; "unknown" for 0. */
void tool_print_time(uint64_t wall_ns, weir_buffer *out);
/* "12 records (30 spans, 4 log records)". */
void tool_print_amount(uint64_t records, const uint64_t items[WEIR_SIGNALS], weir_buffer *out);
/* {"spans":30,"log_records":4}: what is there. */
void tool_print_items_json(const uint64_t items[WEIR_SIGNALS], weir_buffer *out);

/* What is said of one log, in one line, for people or as a JSON object. `now_ns` is the wall clock. */
void tool_print_log(const tool_log *log, const weir_disk_log_counts *counts, uint64_t now_ns, weir_buffer *out);
void tool_print_log_json(const tool_log *log, const weir_disk_log_counts *counts, uint64_t now_ns, weir_buffer *out);

/* What is known of a record besides its data, as the members of a JSON object that has begun, with a comma at the end:
 * exporter (or origin and reason of a dead letter), signal, time, items, slices with ids, metadata, peer. */
void tool_print_meta_json(const tool_log *log, const weir_record *record, weir_buffer *out);

/* WEIR_INVALID if what a record holds is not OTLP: then it must not be turned into JSON. */
WEIR_MUST_USE weir_status tool_check_record(const weir_record *record, weir_error *ret_error);

#endif
