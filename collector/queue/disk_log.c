/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of a disk log share: its segments, their counts and their end. Opening is in disk_log_open.c,
 * appending in disk_log_append.c, reading and releasing in disk_log_read.c.
 */
#include "queue/disk_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "queue/disk_log_state.h"
#include "telemetry/log.h"

/* ---- what is left ---- */

void weir_disk_left_add(weir_disk_left *left, const weir_disk_left *more)
{
    left->records += more->records;
    left->payload_bytes += more->payload_bytes;
    for (int i = 0; i < WEIR_SIGNALS; i++)
        left->items[i] += more->items[i];
}

void weir_disk_left_subtract(weir_disk_left *left, const weir_disk_left *less)
{
    WEIR_ASSERT(left->records >= less->records && left->payload_bytes >= less->payload_bytes);
    left->records -= less->records;
    left->payload_bytes -= less->payload_bytes;
    for (int i = 0; i < WEIR_SIGNALS; i++)
        left->items[i] -= less->items[i];
}

weir_disk_left weir_disk_left_of(weir_signal signal, uint32_t items, uint32_t payload_bytes)
{
    weir_disk_left left = {.records = 1, .payload_bytes = payload_bytes};
    left.items[signal] = items;
    return left;
}

/* ---- segments ---- */

weir_disk_segment *weir_disk_segment_new(weir_disk_log *log, uint64_t number)
{
    WEIR_ASSERT(!log->newest || log->newest->number < number);
    weir_disk_segment *segment = WEIR_NEW(weir_disk_segment);
    segment->number = number;
    segment->fd = segment->done_fd = -1;
    if (log->newest)
        log->newest->next = segment;
    else
        log->oldest = log->cursor.segment = segment;
    log->newest = segment;
    return segment;
}

void weir_disk_segment_free(weir_disk_segment *segment, const weir_files *files)
{
    if (segment->fd >= 0)
        files->close(files, segment->fd);
    if (segment->done_fd >= 0)
        files->close(files, segment->done_fd);
    weir_handed_done(&segment->handed);
    free(segment);
}

static void unlink_from_list(weir_disk_log *log, weir_disk_segment *segment)
{
    weir_disk_segment *before = NULL;
    for (weir_disk_segment *at = log->oldest; at != segment; at = at->next)
        before = at;
    if (before)
        before->next = segment->next;
    else
        log->oldest = segment->next;
    if (log->newest == segment)
        log->newest = before;
}

static void report(const char *what, const char *path)
{
    weir_log(WEIR_LOG_WARN, NULL, "the disk queue could not %s a file it is done with path=%s error=%s", what, path,
             strerror(errno));
}

/* The notes go after the segment: without their segment they mean nothing, the other way round it would come again. */
void weir_disk_segment_finish(weir_disk_log *log, weir_disk_segment *segment)
{
    WEIR_ASSERT(segment->left.records == 0 && segment != log->active);
    const weir_files *files = log->files;
    WEIR_FREE char *path = weir_segment_path(log->folder, segment->number, WEIR_FILE_LOG);
    WEIR_FREE char *done = weir_segment_path(log->folder, segment->number, WEIR_FILE_DONE);
    WEIR_FREE char *aside = weir_segment_path(log->folder, segment->number, WEIR_FILE_DAMAGED);
    if (log->cursor.segment == segment)
        weir_disk_cursor_leave(log);
    if (segment->is_damaged && files->rename(files, path, aside) == 0)
        weir_log(WEIR_LOG_WARN, NULL, "what was readable of a damaged segment is delivered; the file is kept path=%s",
                 aside);
    else if (segment->is_damaged)
        report("rename", path);
    else if (files->unlink(files, path) != 0)
        report("remove", path);
    else if (files->unlink(files, done) != 0 && errno != ENOENT)
        report("remove", done);
    if (weir_disk_log_sync_folder(log) != WEIR_OK)
        report("sync the name of", path);
    log->file_bytes -= segment->end;
    unlink_from_list(log, segment);
    weir_disk_segment_free(segment, files);
}

weir_status weir_disk_log_drop_oldest(weir_disk_log *log, uint64_t *ret_items)
{
    weir_disk_segment *segment = log->oldest;
    if (!segment || segment == log->newest)
        return WEIR_NOT_FOUND;
    *ret_items = 0;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        *ret_items += segment->left.items[signal];
    weir_disk_left_subtract(&log->left, &segment->left);
    segment->left = (weir_disk_left){0};
    weir_handed_done(&segment->handed);
    weir_disk_segment_finish(log, segment);
    return WEIR_OK;
}

weir_status weir_disk_log_sync_folder(const weir_disk_log *log)
{
    return log->fsync && log->files->sync_folder(log->files, log->folder) != 0 ? WEIR_IO : WEIR_OK;
}

/* ---- the log ---- */

void weir_disk_log_close(weir_disk_log *log)
{
    if (!log)
        return;
    weir_segment_close(&log->cursor.reader);
    while (log->oldest) {
        weir_disk_segment *segment = log->oldest;
        log->oldest = segment->next;
        weir_disk_segment_free(segment, log->files);
    }
    if (log->lock_fd >= 0)
        log->files->close(log->files, log->lock_fd);
    free(log->parts);
    free(log->frames);
    free(log->folder);
    free(log);
}

static uint64_t oldest_wall_ns(const weir_disk_log *log)
{
    for (const weir_disk_segment *segment = log->oldest; segment; segment = segment->next) {
        const weir_handed_record *outstanding = weir_handed_oldest(&segment->handed);
        if (outstanding)
            return outstanding->wall_ns;
        if (segment->left.records > 0)
            return segment == log->cursor.segment && log->cursor.has_frame ? log->cursor.frame.wall_ns
                                                                           : segment->oldest_wall_ns;
    }
    return 0;
}

weir_disk_log_counts weir_disk_log_count(const weir_disk_log *log)
{
    weir_disk_log_counts counts = {
        .records = log->left.records,
        .record_bytes = log->left.payload_bytes,
        .file_bytes = log->file_bytes,
        .oldest_wall_ns = oldest_wall_ns(log),
        .damaged_bytes = log->damaged_bytes,
        .damaged_records = log->damaged_records,
        .torn_bytes = log->torn_bytes,
    };
    memcpy(counts.items, log->left.items, sizeof counts.items);
    return counts;
}

void weir_disk_log_id(const weir_disk_log *log, uint8_t ret_id[WEIR_LOG_ID_BYTES])
{
    memcpy(ret_id, log->id, sizeof log->id);
}
