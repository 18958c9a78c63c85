/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/format.h"

#include <string.h>

#include "core/assert.h"
#include "queue/crc32c.h"
#include "queue/little_endian.h"

/* Where the fields lie. The first 16 bytes of a header stay as they are in every future version. */
enum {
    HEADER_MAGIC = 0,
    HEADER_VERSION = 8,
    HEADER_VERSION_CRC = 12, /* of bytes 0 … 11: tells a newer version from damage */
    HEADER_LOG_ID = 16,
    HEADER_NUMBER = 32,
    HEADER_TAG = 40,
    HEADER_WALL = 48,
    HEADER_ZERO = 56,
    HEADER_CRC = 60, /* of bytes 0 … 59 */

    FRAME_MAGIC = 0,
    FRAME_PAYLOAD_BYTES = 4,
    FRAME_TAG = 8,
    FRAME_WALL = 16,
    FRAME_INDEX = 24,
    FRAME_ITEMS = 28,
    FRAME_SIGNAL = 32,
    FRAME_ZERO = 36,
    FRAME_PAYLOAD_CRC = 40,
    FRAME_CRC = 44, /* of bytes 0 … 43 */

    DONE_INDEX = 0,
    DONE_CHECK = 4,
};

static const uint8_t header_magic[8] = {'w', 'e', 'i', 'r', 's', 'e', 'g', '\n'};
static const uint8_t frame_magic[4] = {'w', 'R', 'e', 'c'};

void weir_segment_header_write(const weir_segment_header *header, uint8_t ret_bytes[WEIR_SEGMENT_HEADER_BYTES])
{
    memcpy(ret_bytes + HEADER_MAGIC, header_magic, sizeof header_magic);
    weir_put_u32(ret_bytes + HEADER_VERSION, WEIR_DISK_FORMAT_VERSION);
    weir_put_u32(ret_bytes + HEADER_VERSION_CRC, weir_crc32c(0, ret_bytes, HEADER_VERSION_CRC));
    memcpy(ret_bytes + HEADER_LOG_ID, header->log_id, sizeof header->log_id);
    weir_put_u64(ret_bytes + HEADER_NUMBER, header->number);
    weir_put_u64(ret_bytes + HEADER_TAG, header->tag);
    weir_put_u64(ret_bytes + HEADER_WALL, header->wall_ns);
    weir_put_u32(ret_bytes + HEADER_ZERO, 0);
    weir_put_u32(ret_bytes + HEADER_CRC, weir_crc32c(0, ret_bytes, HEADER_CRC));
}

weir_status weir_segment_header_read(const uint8_t bytes[WEIR_SEGMENT_HEADER_BYTES], weir_segment_header *ret_header,
                                     uint32_t *ret_version)
{
    if (memcmp(bytes + HEADER_MAGIC, header_magic, sizeof header_magic) != 0 ||
        weir_get_u32(bytes + HEADER_VERSION_CRC) != weir_crc32c(0, bytes, HEADER_VERSION_CRC))
        return WEIR_INVALID;
    uint32_t version = weir_get_u32(bytes + HEADER_VERSION);
    if (version > WEIR_DISK_FORMAT_VERSION) {
        *ret_version = version;
        return WEIR_UNSUPPORTED;
    }
    if (version == 0 || weir_get_u32(bytes + HEADER_CRC) != weir_crc32c(0, bytes, HEADER_CRC))
        return WEIR_INVALID;
    memcpy(ret_header->log_id, bytes + HEADER_LOG_ID, sizeof ret_header->log_id);
    ret_header->number = weir_get_u64(bytes + HEADER_NUMBER);
    ret_header->tag = weir_get_u64(bytes + HEADER_TAG);
    ret_header->wall_ns = weir_get_u64(bytes + HEADER_WALL);
    return WEIR_OK;
}

void weir_frame_write(const weir_frame *frame, uint8_t ret_bytes[WEIR_FRAME_BYTES])
{
    WEIR_ASSERT(frame->payload_bytes > 0 && frame->payload_bytes <= WEIR_PAYLOAD_BYTES_MAX);
    memcpy(ret_bytes + FRAME_MAGIC, frame_magic, sizeof frame_magic);
    weir_put_u32(ret_bytes + FRAME_PAYLOAD_BYTES, frame->payload_bytes);
    weir_put_u64(ret_bytes + FRAME_TAG, frame->tag);
    weir_put_u64(ret_bytes + FRAME_WALL, frame->wall_ns);
    weir_put_u32(ret_bytes + FRAME_INDEX, frame->index);
    weir_put_u32(ret_bytes + FRAME_ITEMS, frame->items);
    weir_put_u32(ret_bytes + FRAME_SIGNAL, frame->signal);
    weir_put_u32(ret_bytes + FRAME_ZERO, 0);
    weir_put_u32(ret_bytes + FRAME_PAYLOAD_CRC, frame->payload_crc32c);
    weir_put_u32(ret_bytes + FRAME_CRC, weir_crc32c(0, ret_bytes, FRAME_CRC));
}

bool weir_frame_read(const uint8_t bytes[WEIR_FRAME_BYTES], weir_frame *ret_frame)
{
    if (memcmp(bytes + FRAME_MAGIC, frame_magic, sizeof frame_magic) != 0 ||
        weir_get_u32(bytes + FRAME_CRC) != weir_crc32c(0, bytes, FRAME_CRC))
        return false;
    uint32_t payload_bytes = weir_get_u32(bytes + FRAME_PAYLOAD_BYTES);
    uint32_t signal = weir_get_u32(bytes + FRAME_SIGNAL);
    uint32_t index = weir_get_u32(bytes + FRAME_INDEX);
    if (payload_bytes == 0 || payload_bytes > WEIR_PAYLOAD_BYTES_MAX || signal >= WEIR_SIGNALS || index == UINT32_MAX)
        return false;
    *ret_frame = (weir_frame){
        .tag = weir_get_u64(bytes + FRAME_TAG),
        .wall_ns = weir_get_u64(bytes + FRAME_WALL),
        .index = index,
        .payload_bytes = payload_bytes,
        .payload_crc32c = weir_get_u32(bytes + FRAME_PAYLOAD_CRC),
        .items = weir_get_u32(bytes + FRAME_ITEMS),
        .signal = (weir_signal)signal,
    };
    return true;
}

uint64_t weir_frame_record_bytes(const weir_frame *frame)
{
    return weir_aligned(WEIR_FRAME_BYTES + (uint64_t)frame->payload_bytes);
}

/* The tag is in the check, so that neither a segment's stale note nor garbage ever releases a record. */
static uint32_t done_check(uint64_t tag, uint32_t index)
{
    uint8_t bytes[12];
    weir_put_u64(bytes, tag);
    weir_put_u32(bytes + 8, index);
    return weir_crc32c(0, bytes, sizeof bytes);
}

void weir_done_write(uint64_t tag, uint32_t index, uint8_t ret_bytes[WEIR_DONE_ENTRY_BYTES])
{
    weir_put_u32(ret_bytes + DONE_INDEX, index);
    weir_put_u32(ret_bytes + DONE_CHECK, done_check(tag, index));
}

bool weir_done_read(uint64_t tag, const uint8_t bytes[WEIR_DONE_ENTRY_BYTES], uint32_t *ret_index)
{
    uint32_t index = weir_get_u32(bytes + DONE_INDEX);
    if (weir_get_u32(bytes + DONE_CHECK) != done_check(tag, index))
        return false;
    *ret_index = index;
    return true;
}
