/* SPDX-License-Identifier: Apache-2.0
 *
 * Appending to a disk log: a group of records in one write, one sync, and what happens when either fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "core/assert.h"
#include "core/memory.h"
#include "queue/disk_log_state.h"

/* Far below what an index can count, far above what a segment of sensible size holds. */
enum { SEGMENT_RECORDS_MAX = 1 << 28 };

/* ---- a new segment ---- */

static weir_status write_header(const weir_disk_log *log, int fd, const weir_segment_header *header)
{
    uint8_t bytes[WEIR_SEGMENT_HEADER_BYTES];
    weir_segment_header_write(header, bytes);
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    weir_status status = weir_file_write_at(log->files, fd, &part, 1, 0);
    return status == WEIR_OK ? weir_disk_log_sync_folder(log) : status;
}

/* An empty segment file. Its header is synced with the first group. -1: errno. */
static int create_file(const weir_disk_log *log, const char *path, const weir_segment_header *header)
{
    const weir_files *files = log->files;
    int fd = files->open(files, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write_header(log, fd, header) == WEIR_OK)
        return fd;
    int write_errno = errno;
    files->close(files, fd);
    files->unlink(files, path); /* if that fails too, the next open removes it */
    errno = write_errno;
    return -1;
}

static weir_segment_header new_header(weir_disk_log *log, uint64_t wall_ns)
{
    weir_segment_header header = {.number = ++log->number_last, .wall_ns = wall_ns};
    memcpy(header.log_id, log->id, sizeof header.log_id);
    while (getrandom(&header.tag, sizeof header.tag, 0) != (ssize_t)sizeof header.tag) {
    }
    return header;
}

/* Seals the active segment: nothing is written to it any more. */
static void seal(weir_disk_log *log)
{
    if (!log->active)
        return;
    log->files->close(log->files, log->active->fd);
    log->active->fd = -1;
    log->active = NULL;
}

weir_status weir_disk_segment_begin(weir_disk_log *log, uint64_t wall_ns, weir_error *ret_error)
{
    seal(log);
    weir_segment_header header = new_header(log, wall_ns);
    WEIR_FREE char *path = weir_segment_path(log->folder, header.number, WEIR_FILE_LOG);
    int fd = create_file(log, path, &header);
    if (fd < 0)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_IO, "cannot begin %s: %s", path, strerror(errno));
    weir_disk_segment *before = log->newest;
    log->active = weir_disk_segment_new(log, header.number);
    log->active->tag = header.tag;
    log->active->end = WEIR_SEGMENT_HEADER_BYTES;
    log->file_bytes += WEIR_SEGMENT_HEADER_BYTES;
    log->active->fd = fd;
    if (before && before->left.records == 0)
        weir_disk_segment_finish(log, before);
    return WEIR_OK;
}

/* A file that somebody has removed would take records and lose them with the process. */
static bool is_removed(const weir_disk_log *log, const weir_disk_segment *segment)
{
    struct stat about;
    return log->files->fstat(log->files, segment->fd, &about) == 0 && about.st_nlink == 0;
}

void weir_disk_log_resize_segments(weir_disk_log *log, uint64_t segment_bytes)
{
    log->segment_bytes = segment_bytes;
}

static bool needs_segment(const weir_disk_log *log, size_t count)
{
    const weir_disk_segment *active = log->active;
    return !active || active->end >= log->segment_bytes || active->records + count > SEGMENT_RECORDS_MAX ||
           is_removed(log, active);
}

/* ---- a group ---- */

/* Each record is its frame, the parts of its payload, and padding. */
static size_t group_part_count(const weir_record_image *const *images, size_t count)
{
    size_t parts = 0;
    for (size_t i = 0; i < count; i++)
        parts += (size_t)images[i]->part_count + 2;
    return parts;
}

static weir_frame frame_of(const weir_disk_log *log, const weir_record_image *image, size_t index, uint64_t wall_ns)
{
    WEIR_ASSERT(image->items <= UINT32_MAX); /* an item takes two bytes and more, a payload at most 2^30 */
    return (weir_frame){.tag = log->active->tag,
                        .wall_ns = wall_ns,
                        .index = log->active->records + (uint32_t)index,
                        .payload_bytes = (uint32_t)image->payload_bytes,
                        .payload_crc32c = image->payload_crc32c,
                        .items = (uint32_t)image->items,
                        .signal = image->signal};
}

/* Lays the group out in log->parts; gives how many parts, and the bytes they hold. */
static size_t lay_out_group(weir_disk_log *log, const weir_record_image *const *images, size_t count, uint64_t wall_ns,
                            uint64_t *ret_bytes)
{
    static uint8_t zeroes[WEIR_FRAME_ALIGNMENT];
    size_t parts_max = group_part_count(images, count);
    if (log->parts_capacity < parts_max)
        log->parts = weir_realloc(log->parts, log->parts_capacity = parts_max, sizeof log->parts[0]);
    if (log->frames_capacity < count)
        log->frames = weir_realloc(log->frames, log->frames_capacity = count, WEIR_FRAME_BYTES);
    struct iovec *part = log->parts;
    *ret_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        weir_frame frame = frame_of(log, images[i], i, wall_ns);
        uint8_t *frame_bytes = log->frames + i * WEIR_FRAME_BYTES;
        weir_frame_write(&frame, frame_bytes);
        *part++ = (struct iovec){.iov_base = frame_bytes, .iov_len = WEIR_FRAME_BYTES};
        memcpy(part, images[i]->parts, (size_t)images[i]->part_count * sizeof *part);
        part += images[i]->part_count;
        uint64_t record_bytes = weir_frame_record_bytes(&frame);
        *part++ = (struct iovec){.iov_base = zeroes, .iov_len = record_bytes - WEIR_FRAME_BYTES - frame.payload_bytes};
        *ret_bytes += record_bytes;
    }
    return (size_t)(part - log->parts);
}

/* What came of the write is cut off again, so that it is not found after a restart. If even that fails, or after a sync
 * that failed (the kernel may have dropped the pages and say OK the next time), the segment is not written to again. */
static weir_status write_group(weir_disk_log *log, size_t part_count)
{
    const weir_files *files = log->files;
    const weir_disk_segment *active = log->active;
    bool wrote = weir_file_write_at(files, active->fd, log->parts, part_count, active->end) == WEIR_OK;
    if (wrote && (!log->fsync || files->fdatasync(files, active->fd) == 0))
        return WEIR_OK;
    int write_errno = errno;
    if (wrote || files->ftruncate(files, active->fd, active->end) != 0)
        seal(log);
    errno = write_errno;
    return WEIR_IO;
}

static void accept_record(weir_disk_log *log, const weir_record_image *image, uint64_t wall_ns)
{
    weir_disk_segment *active = log->active;
    weir_disk_left one = weir_disk_left_of(image->signal, (uint32_t)image->items, (uint32_t)image->payload_bytes);
    if (active->left.records == 0)
        active->oldest_wall_ns = wall_ns;
    weir_disk_left_add(&active->left, &one);
    weir_disk_left_add(&log->left, &one);
    active->records++;
}

static weir_status check_sizes(const weir_record_image *const *images, size_t count, weir_error *ret_error)
{
    for (size_t i = 0; i < count; i++) {
        if (images[i]->payload_bytes > WEIR_PAYLOAD_BYTES_MAX)
            return weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                                  "a record of %llu bytes is over the disk queue's %d",
                                  (unsigned long long)images[i]->payload_bytes, WEIR_PAYLOAD_BYTES_MAX);
    }
    return WEIR_OK;
}

static weir_status append_error(const weir_disk_log *log, uint64_t number, weir_error *ret_error)
{
    int write_errno = errno;
    WEIR_FREE char *path = weir_segment_path(log->folder, number, WEIR_FILE_LOG);
    weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_IO, "cannot write %s: %s", path, strerror(write_errno));
    errno = write_errno;
    return WEIR_IO;
}

weir_status weir_disk_log_append(weir_disk_log *log, const weir_record_image *const *images, size_t count,
                                 uint64_t wall_ns, weir_disk_position *ret_positions, weir_error *ret_error)
{
    WEIR_ASSERT(count > 0);
    weir_status status = check_sizes(images, count, ret_error);
    if (status == WEIR_OK && needs_segment(log, count))
        status = weir_disk_segment_begin(log, wall_ns, ret_error);
    if (status != WEIR_OK)
        return status;
    weir_disk_segment *active = log->active;
    uint64_t group_bytes;
    size_t part_count = lay_out_group(log, images, count, wall_ns, &group_bytes);
    if (write_group(log, part_count) != WEIR_OK)
        return append_error(log, active->number, ret_error);
    active->end += group_bytes;
    log->file_bytes += group_bytes;
    for (size_t i = 0; i < count; i++) {
        ret_positions[i] = (weir_disk_position){.segment = active->number, .index = active->records};
        accept_record(log, images[i], wall_ns);
    }
    return WEIR_OK;
}
