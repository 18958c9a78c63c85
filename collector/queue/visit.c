/* SPDX-License-Identifier: Apache-2.0
 *
 * A log seen from another process: reading without lock or change, and releasing by a note.
 */
#include <errno.h>
#include <string.h>

#include "core/memory.h"
#include "queue/disk_log.h"
#include "queue/segment.h"

typedef struct log_visitor {
    const weir_files *files;
    const char *folder;
    bool (*on_record)(void *user, const weir_record *record, weir_disk_position position);
    void *user;
    weir_disk_log_counts counts;
    bool stopped;
} log_visitor;

static void count_record(log_visitor *visitor, const weir_frame *frame)
{
    weir_disk_log_counts *counts = &visitor->counts;
    if (counts->records == 0)
        counts->oldest_wall_ns = frame->wall_ns;
    counts->records++;
    counts->record_bytes += frame->payload_bytes;
    counts->items[frame->signal] += frame->items;
}

/* WEIR_INVALID: damaged. */
static weir_status decode(const weir_segment_reader *reader, const weir_frame *frame, weir_record *ret_record)
{
    weir_error error;
    weir_chunk *chunk = weir_chunk_new(NULL, frame->payload_bytes);
    if (!chunk)
        return WEIR_NO_MEMORY;
    weir_status status = weir_segment_read_payload(reader, frame, chunk->data);
    if (status == WEIR_OK)
        status = weir_record_decode(frame->signal, &chunk, chunk->data, frame->payload_bytes, ret_record, &error);
    weir_chunk_unref(chunk);
    return status;
}

static weir_status visit_record(log_visitor *visitor, const weir_segment_reader *reader, const weir_frame *frame,
                                uint64_t segment)
{
    if (weir_index_set_has(&reader->released, frame->index))
        return WEIR_OK;
    weir_record record;
    weir_status status = decode(reader, frame, &record);
    if (status == WEIR_INVALID) {
        visitor->counts.damaged_records++;
        visitor->counts.damaged_bytes += weir_frame_record_bytes(frame);
        return WEIR_OK;
    }
    if (status != WEIR_OK)
        return status;
    record.wall_ns = frame->wall_ns;
    count_record(visitor, frame);
    visitor->stopped =
        !visitor->on_record(visitor->user, &record, (weir_disk_position){.segment = segment, .index = frame->index});
    weir_record_done(&record);
    return WEIR_OK;
}

static weir_status visit_records(log_visitor *visitor, weir_segment_reader *reader, uint64_t segment)
{
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && !visitor->stopped) {
        weir_frame frame;
        uint64_t skipped;
        status = weir_segment_find(reader, &frame, &skipped);
        if (status != WEIR_OK)
            break;
        visitor->counts.damaged_bytes += skipped;
        status = visit_record(visitor, reader, &frame, segment);
        weir_segment_step(reader, &frame);
    }
    return status == WEIR_NOT_FOUND ? WEIR_OK : status;
}

/* A segment that its owner has removed meanwhile has nothing left to see. What is behind the last good record is being
 * written, or torn, or damaged; from here that cannot be told apart. */
static weir_status visit_segment(log_visitor *visitor, uint64_t number, bool is_last, weir_error *ret_error)
{
    weir_segment_reader reader;
    weir_status status = weir_segment_open(&reader, visitor->files, visitor->folder, number, ret_error);
    if (status == WEIR_NOT_FOUND)
        return WEIR_OK;
    if (status != WEIR_OK)
        return status;
    visitor->counts.file_bytes += reader.end;
    status = visit_records(visitor, &reader, number);
    uint64_t *tail = is_last ? &visitor->counts.torn_bytes : &visitor->counts.damaged_bytes;
    if (!visitor->stopped)
        *tail += weir_segment_bytes_left(&reader);
    weir_segment_close(&reader);
    if (status != WEIR_OK) {
        WEIR_FREE char *path = weir_segment_path(visitor->folder, number, WEIR_FILE_LOG);
        weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, status, "cannot read %s: %s", path,
                       status == WEIR_IO ? strerror(errno) : weir_status_text(status));
    }
    return status;
}

static weir_status view_folder(const weir_files *files, const char *folder, weir_folder_view *ret_view,
                               weir_error *ret_error)
{
    weir_status status = weir_folder_view_read(files, folder, ret_view);
    if (status == WEIR_OK && ret_view->number_last == 0)
        status = WEIR_NOT_FOUND;
    if (status == WEIR_NOT_FOUND)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status, "%s is not the folder of a disk queue", folder);
    else if (status != WEIR_OK)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status, "cannot list %s: %s", folder, strerror(errno));
    return status;
}

weir_status weir_disk_log_visit(const weir_files *files, const char *folder,
                                bool (*on_record)(void *user, const weir_record *record, weir_disk_position position),
                                void *user, weir_disk_log_counts *ret_counts, weir_error *ret_error)
{
    log_visitor visitor = {.files = files, .folder = folder, .on_record = on_record, .user = user};
    weir_folder_view view = {0};
    weir_status status = view_folder(files, folder, &view, ret_error);
    for (size_t i = 0; status == WEIR_OK && !visitor.stopped && i < view.logs.count; i++)
        status = visit_segment(&visitor, view.logs.numbers[i], i + 1 == view.logs.count, ret_error);
    weir_folder_view_done(&view);
    if (status == WEIR_OK && ret_counts)
        *ret_counts = visitor.counts;
    return status;
}

weir_status weir_disk_log_release_foreign(const weir_files *files, const char *folder, weir_disk_position position,
                                          weir_error *ret_error)
{
    weir_segment_reader reader;
    weir_status status = weir_segment_open(&reader, files, folder, position.segment, ret_error);
    if (status != WEIR_OK)
        return status;
    uint64_t tag = reader.tag;
    weir_segment_close(&reader);
    int done_fd = weir_segment_open_done(files, folder, position.segment);
    status = done_fd >= 0 ? weir_segment_note_released(files, done_fd, tag, &position.index, 1) : WEIR_IO;
    if (status != WEIR_OK) {
        WEIR_FREE char *path = weir_segment_path(folder, position.segment, WEIR_FILE_DONE);
        weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, status, "cannot write %s: %s", path, strerror(errno));
    }
    if (done_fd >= 0)
        files->close(files, done_fd);
    return status;
}
