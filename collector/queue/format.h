/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of a segment file: header, frames, entries of the .done file. Byte by byte in docs/disk-format.md.
 *
 *     offset 0             64            112
 *     +--------------------+-------------+---------------------+---------+-------------+----
 *     | header             | frame       | payload             | 0 … 7   | frame       | …
 *     | version, log id,   | length, tag,| (queue/record.h)    | zeroes, | (8-aligned) |
 *     | number, tag        | index, CRCs |                     | to 8    |             |
 *     +--------------------+-------------+---------------------+---------+-------------+----
 *
 * Pure functions over bytes; any thread. Integers are little endian.
 */
#ifndef WEIR_QUEUE_FORMAT_H
#define WEIR_QUEUE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch/batch.h"
#include "core/status.h"

enum {
    WEIR_DISK_FORMAT_VERSION = 1,
    WEIR_LOG_ID_BYTES = 16,
    WEIR_SEGMENT_HEADER_BYTES = 64,
    WEIR_FRAME_BYTES = 48,
    WEIR_FRAME_ALIGNMENT = 8,
    WEIR_DONE_ENTRY_BYTES = 8,
    /* Of one record. A bound for allocations; far above what receivers accept in one request. */
    WEIR_PAYLOAD_BYTES_MAX = 1 << 30,
};

typedef struct weir_segment_header {
    uint8_t log_id[WEIR_LOG_ID_BYTES]; /* random, the same in all segments of a log */
    uint64_t number;                   /* of the segment, as in its file's name */
    uint64_t tag;                      /* random, repeated in every frame of this segment */
    uint64_t wall_ns;                  /* when it was begun */
} weir_segment_header;

void weir_segment_header_write(const weir_segment_header *header, uint8_t ret_bytes[WEIR_SEGMENT_HEADER_BYTES]);
/* WEIR_UNSUPPORTED: of a newer version, `*ret_version` (set in this case only) says which. WEIR_INVALID: damaged. */
WEIR_MUST_USE weir_status weir_segment_header_read(const uint8_t bytes[WEIR_SEGMENT_HEADER_BYTES],
                                                   weir_segment_header *ret_header, uint32_t *ret_version);

/* What stands before a payload. */
typedef struct weir_frame {
    uint64_t tag;
    uint64_t wall_ns; /* when it was appended */
    uint32_t index;   /* of the record in its segment */
    uint32_t payload_bytes;
    uint32_t payload_crc32c;
    uint32_t items;
    weir_signal signal;
} weir_frame;

void weir_frame_write(const weir_frame *frame, uint8_t ret_bytes[WEIR_FRAME_BYTES]);
/* False if these bytes are not a frame, or a damaged one. */
bool weir_frame_read(const uint8_t bytes[WEIR_FRAME_BYTES], weir_frame *ret_frame);
/* Frame, payload and padding. */
uint64_t weir_frame_record_bytes(const weir_frame *frame);

/* The note that record `index` of the segment with `tag` is released. */
void weir_done_write(uint64_t tag, uint32_t index, uint8_t ret_bytes[WEIR_DONE_ENTRY_BYTES]);
/* False if these bytes are no such note, or one of another segment. */
bool weir_done_read(uint64_t tag, const uint8_t bytes[WEIR_DONE_ENTRY_BYTES], uint32_t *ret_index);

static inline uint64_t weir_aligned(uint64_t offset)
{
    return (offset + WEIR_FRAME_ALIGNMENT - 1) / WEIR_FRAME_ALIGNMENT * WEIR_FRAME_ALIGNMENT;
}

#endif
