/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary bytes as the files of a disk log. Byte 0: how long the .done file at the end is; byte 1: bit 0 asks for
 * checksums that are right, so that what lies behind them is reached, bit 1 for a second segment behind this one.
 * The log must open, hand out what it can, and be empty in the end.
 */
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "queue/crc32c.h"
#include "queue/disk_log.h"
#include "queue/format.h"
#include "queue/little_endian.h"
#include "tests/unit/queue/faulty_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair_header(uint8_t *bytes)
{
    weir_put_u32(bytes + 12, weir_crc32c(0, bytes, 12));
    weir_put_u32(bytes + 60, weir_crc32c(0, bytes, 60));
}

/* Gives where the next frame would be. */
static size_t repair_frame(uint8_t *bytes, size_t size)
{
    size_t payload_bytes = weir_get_u32(bytes + 4) % (size - WEIR_FRAME_BYTES + 1);
    weir_put_u32(bytes + 40, weir_crc32c(0, bytes + WEIR_FRAME_BYTES, payload_bytes));
    weir_put_u32(bytes + 44, weir_crc32c(0, bytes, 44));
    return (size_t)weir_aligned(WEIR_FRAME_BYTES + payload_bytes);
}

static void repair(uint8_t *bytes, size_t size)
{
    if (size >= WEIR_SEGMENT_HEADER_BYTES)
        repair_header(bytes);
    for (size_t at = WEIR_SEGMENT_HEADER_BYTES; at + WEIR_FRAME_BYTES <= size;)
        at += repair_frame(bytes + at, size - at);
}

static bool go_on(void *user, const weir_record *record, weir_disk_position position)
{
    (void)user, (void)position;
    WEIR_ASSERT(record->slice_count > 0);
    return true;
}

static void read_and_release(weir_disk_log *log)
{
    weir_record record;
    weir_disk_position position;
    weir_error error;
    weir_status status;
    while ((status = weir_disk_log_read(log, NULL, &record, &position, &error)) == WEIR_OK) {
        weir_record_done(&record);
        WEIR_ASSERT(weir_disk_log_release(log, &position, 1, &error) == WEIR_OK);
    }
    WEIR_ASSERT(status == WEIR_NOT_FOUND);
}

static void open_and_read(faulty_files *faulty)
{
    const weir_disk_log_settings settings = {
        .files = &faulty->super, .folder = "/log", .folder_mode = 0700, .segment_bytes = 1 << 16};
    weir_disk_log *log = NULL;
    weir_error error;
    weir_status status = weir_disk_log_open(&settings, &log, &error);
    WEIR_ASSERT(status == WEIR_OK || status == WEIR_UNSUPPORTED);
    if (status == WEIR_OK) {
        read_and_release(log);
        weir_disk_log_counts counts = weir_disk_log_count(log);
        WEIR_ASSERT(counts.record_bytes == 0 || counts.records > 0);
    }
    weir_disk_log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 < data[0])
        return 0;
    WEIR_BUFFER segment = {0};
    weir_buffer_append(&segment, data + 2, size - 2 - data[0]);
    if (data[1] & 1)
        repair(segment.data, segment.len);
    faulty_files faulty;
    faulty_files_init(&faulty);
    faulty_put(&faulty, "/log", NULL, 0);
    faulty_put(&faulty, "/log/0000000000000001.log", segment.data ? segment.data : data, segment.len);
    faulty_put(&faulty, "/log/0000000000000001.done", data + size - data[0], data[0]);
    if (data[1] & 2)
        faulty_put(&faulty, "/log/0000000000000002.log", segment.data ? segment.data : data, segment.len);
    weir_error error;
    (void)!weir_disk_log_visit(&faulty.super, "/log", go_on, NULL, NULL, &error);
    open_and_read(&faulty);
    open_and_read(&faulty);
    faulty_files_done(&faulty);
    return 0;
}
