/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "core/assert.h"
#include "core/memory.h"
#include "queue/crc32c.h"

/* ---- index sets ---- */

static void index_set_init(weir_index_set *set, uint64_t bits)
{
    set->bits = bits < UINT32_MAX ? (uint32_t)bits : UINT32_MAX;
    set->words = weir_alloc(set->bits / 8 + 1, 1);
}

static void index_set_add(weir_index_set *set, uint32_t index)
{
    if (index < set->bits)
        set->words[index / 8] |= (uint8_t)(1u << index % 8);
}

bool weir_index_set_has(const weir_index_set *set, uint32_t index)
{
    return index < set->bits && (set->words[index / 8] >> index % 8 & 1);
}

void weir_index_set_done(weir_index_set *set)
{
    free(set->words);
    *set = (weir_index_set){0};
}

/* ---- records ---- */

/* The `WEIR_FRAME_BYTES` at `offset`, which end before reader->end, through the window. NULL: errno. */
static const uint8_t *look_at(weir_segment_reader *reader, uint64_t offset)
{
    uint64_t window_end = reader->window_offset + reader->window_len;
    if (offset < reader->window_offset || offset + WEIR_FRAME_BYTES > window_end) {
        uint64_t left = reader->end - offset;
        size_t len = left < sizeof reader->window ? (size_t)left : sizeof reader->window;
        reader->window_len = 0;
        if (weir_file_read_at(reader->files, reader->fd, reader->window, len, offset) != WEIR_OK)
            return NULL;
        reader->window_offset = offset;
        reader->window_len = len;
    }
    return reader->window + (offset - reader->window_offset);
}

/* The bounds of an index keep what is remembered of a crafted file within its size. */
static bool belongs_here(const weir_segment_reader *reader, const weir_frame *frame, uint64_t offset)
{
    return (!reader->has_tag || frame->tag == reader->tag) && frame->index >= reader->index_next &&
           frame->index < reader->end / WEIR_FRAME_BYTES &&
           WEIR_FRAME_BYTES + (uint64_t)frame->payload_bytes <= reader->end - offset;
}

weir_status weir_segment_find(weir_segment_reader *reader, weir_frame *ret_frame, uint64_t *ret_skipped)
{
    for (uint64_t at = reader->offset; at + WEIR_FRAME_BYTES <= reader->end; at += WEIR_FRAME_ALIGNMENT) {
        const uint8_t *bytes = look_at(reader, at);
        if (!bytes)
            return WEIR_IO;
        weir_frame frame;
        if (!weir_frame_read(bytes, &frame) || !belongs_here(reader, &frame, at))
            continue;
        reader->has_tag = true;
        reader->tag = frame.tag;
        *ret_frame = frame;
        *ret_skipped = at - reader->offset;
        reader->offset = at;
        return WEIR_OK;
    }
    return WEIR_NOT_FOUND;
}

void weir_segment_step(weir_segment_reader *reader, const weir_frame *frame)
{
    reader->offset += weir_frame_record_bytes(frame);
    reader->index_next = frame->index + 1;
}

void weir_segment_rewind(weir_segment_reader *reader)
{
    reader->offset = WEIR_SEGMENT_HEADER_BYTES;
    reader->index_next = 0;
}

uint64_t weir_segment_bytes_left(const weir_segment_reader *reader)
{
    /* The last record's padding may be missing. */
    return reader->end > reader->offset ? reader->end - reader->offset : 0;
}

weir_status weir_segment_read_payload(const weir_segment_reader *reader, const weir_frame *frame, uint8_t *ret_payload)
{
    weir_status status = weir_file_read_at(reader->files, reader->fd, ret_payload, frame->payload_bytes,
                                           reader->offset + WEIR_FRAME_BYTES);
    if (status == WEIR_OK && weir_crc32c(0, ret_payload, frame->payload_bytes) != frame->payload_crc32c)
        status = WEIR_INVALID;
    return status;
}

weir_status weir_segment_check_payload(const weir_segment_reader *reader, const weir_frame *frame)
{
    uint8_t bytes[16 * 1024];
    uint32_t crc = 0;
    for (uint64_t at = 0; at < frame->payload_bytes; at += sizeof bytes) {
        uint64_t left = frame->payload_bytes - at;
        size_t len = left < sizeof bytes ? (size_t)left : sizeof bytes;
        weir_status status =
            weir_file_read_at(reader->files, reader->fd, bytes, len, reader->offset + WEIR_FRAME_BYTES + at);
        if (status != WEIR_OK)
            return status;
        crc = weir_crc32c(crc, bytes, len);
    }
    return crc == frame->payload_crc32c ? WEIR_OK : WEIR_INVALID;
}

/* ---- the .done file ---- */

/* After a torn note the next one may begin anywhere: what is no note is passed over byte by byte. */
static void take_notes(weir_bytes bytes, uint64_t tag, weir_index_set *released)
{
    for (size_t at = 0; at + WEIR_DONE_ENTRY_BYTES <= bytes.len;) {
        uint32_t index;
        bool is_note = weir_done_read(tag, bytes.data + at, &index);
        if (is_note)
            index_set_add(released, index);
        at += is_note ? WEIR_DONE_ENTRY_BYTES : 1;
    }
}

static weir_status read_done(weir_segment_reader *reader, const char *path)
{
    uint64_t records_max = reader->end / WEIR_FRAME_BYTES;
    /* A record may be noted more than once: by the log's owner and by other processes. */
    size_t size_max = (size_t)(records_max + 1) * WEIR_DONE_ENTRY_BYTES * 4;
    WEIR_BUFFER bytes = {0};
    weir_status status = weir_file_read_all(reader->files, path, size_max, &bytes);
    if (status == WEIR_NOT_FOUND)
        return WEIR_OK;
    if (status == WEIR_IO)
        return status;
    reader->done_bytes = bytes.len;
    index_set_init(&reader->released, records_max);
    take_notes((weir_bytes){bytes.data, bytes.len}, reader->tag, &reader->released);
    return WEIR_OK;
}

int weir_segment_open_done(const weir_files *files, const char *folder, uint64_t number)
{
    WEIR_FREE char *path = weir_segment_path(folder, number, WEIR_FILE_DONE);
    return files->open(files, path, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

weir_status weir_segment_note_released(const weir_files *files, int done_fd, uint64_t tag, const uint32_t *indices,
                                       size_t count)
{
    uint8_t notes[WEIR_NOTES_AT_ONCE * WEIR_DONE_ENTRY_BYTES];
    WEIR_ASSERT(count <= WEIR_NOTES_AT_ONCE);
    for (size_t i = 0; i < count; i++)
        weir_done_write(tag, indices[i], notes + i * WEIR_DONE_ENTRY_BYTES);
    struct iovec part = {.iov_base = notes, .iov_len = count * WEIR_DONE_ENTRY_BYTES};
    return weir_file_write_at(files, done_fd, &part, 1, 0);
}

/* ---- opening ---- */

static weir_status read_header(weir_segment_reader *reader, uint64_t number, uint32_t *ret_version)
{
    uint8_t bytes[WEIR_SEGMENT_HEADER_BYTES];
    if (reader->end < sizeof bytes)
        return WEIR_OK;
    weir_segment_header header;
    weir_status status = weir_file_read_at(reader->files, reader->fd, bytes, sizeof bytes, 0);
    if (status == WEIR_OK)
        status = weir_segment_header_read(bytes, &header, ret_version);
    if (status == WEIR_INVALID || (status == WEIR_OK && header.number != number))
        return WEIR_OK;
    if (status != WEIR_OK)
        return status;
    reader->has_header = reader->has_tag = true;
    reader->tag = header.tag;
    memcpy(reader->log_id, header.log_id, sizeof reader->log_id);
    return WEIR_OK;
}

/* Without the header's tag, the first good frame's is taken. */
static weir_status learn_tag(weir_segment_reader *reader)
{
    weir_frame frame;
    uint64_t skipped;
    if (reader->has_tag)
        return WEIR_OK;
    weir_status status = weir_segment_find(reader, &frame, &skipped);
    weir_segment_rewind(reader);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

static weir_status open_file(weir_segment_reader *reader, const char *path)
{
    reader->fd = reader->files->open(reader->files, path, O_RDONLY, 0);
    if (reader->fd < 0)
        return errno == ENOENT ? WEIR_NOT_FOUND : WEIR_IO;
    struct stat about;
    if (reader->files->fstat(reader->files, reader->fd, &about) != 0)
        return WEIR_IO;
    reader->end = (uint64_t)about.st_size;
    weir_segment_rewind(reader);
    return WEIR_OK;
}

static weir_status open_error(weir_status status, const char *path, uint32_t version, weir_error *ret_error)
{
    if (status == WEIR_UNSUPPORTED)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status,
                              "%s is of format version %u, and this weir knows versions up to %d: start the newer weir "
                              "that wrote it, or move the folder away",
                              path, version, WEIR_DISK_FORMAT_VERSION);
    return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, status, "cannot read %s: %s", path, strerror(errno));
}

weir_status weir_segment_open(weir_segment_reader *reader, const weir_files *files, const char *folder, uint64_t number,
                              weir_error *ret_error)
{
    *reader = WEIR_SEGMENT_READER_CLOSED;
    reader->files = files;
    WEIR_FREE char *path = weir_segment_path(folder, number, WEIR_FILE_LOG);
    WEIR_FREE char *done_path = weir_segment_path(folder, number, WEIR_FILE_DONE);
    uint32_t version = 0;
    weir_status status = open_file(reader, path);
    if (status == WEIR_OK)
        status = read_header(reader, number, &version);
    if (status == WEIR_OK)
        status = learn_tag(reader);
    if (status == WEIR_OK)
        status = read_done(reader, done_path);
    if (status == WEIR_OK)
        return WEIR_OK;
    open_error(status, path, version, ret_error);
    weir_segment_close(reader);
    return status;
}

void weir_segment_close(weir_segment_reader *reader)
{
    if (reader->fd >= 0)
        reader->files->close(reader->files, reader->fd);
    weir_index_set_done(&reader->released);
    *reader = WEIR_SEGMENT_READER_CLOSED;
}
