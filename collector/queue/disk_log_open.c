/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a disk log: the lock, what the segments hold, and then what has to be put right. Everything is read before
 * anything is changed, so that a folder of a newer version stays as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/assert.h"
#include "core/lock_file.h"
#include "core/memory.h"
#include "queue/disk_log_state.h"
#include "telemetry/log.h"

static weir_status io_error(const char *what, const char *path, weir_error *ret_error)
{
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* ---- folder and lock ---- */

static char *parent_of(const char *folder)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    while (len > 0 && folder[len - 1] != '/')
        len--;
    return len > 0 ? weir_strndup(folder, len) : weir_strdup(".");
}

/* A folder that is there already may be one whose name an earlier start could not sync. */
static weir_status make_folder(const weir_disk_log *log, unsigned mode, weir_error *ret_error)
{
    if (log->files->mkdir(log->files, log->folder, mode) != 0 && errno != EEXIST)
        return io_error("make the folder", log->folder, ret_error);
    WEIR_FREE char *parent = parent_of(log->folder);
    if (log->fsync && log->files->sync_folder(log->files, parent) != 0)
        return io_error("sync the folder", parent, ret_error);
    return WEIR_OK;
}

static weir_status take_lock(weir_disk_log *log, weir_error *ret_error)
{
    WEIR_FREE char *path = weir_format("%s/lock", log->folder);
    char holder[WEIR_LOCK_HOLDER_SIZE];
    weir_status status = weir_lock_file_take(log->files, path, &log->lock_fd, holder);
    if (status == WEIR_AGAIN)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status,
                              "%s: another process holds it%s%s; give every weir a directory of its own", path,
                              holder[0] ? ", pid " : "", holder);
    return status == WEIR_OK ? status : io_error("lock", path, ret_error);
}

/* ---- what the segments hold ---- */

/* One pass over a segment's frames. */
typedef struct segment_scan {
    weir_disk_left left;     /* not released */
    uint64_t oldest_wall_ns; /* of the first of them */
    uint64_t damaged_bytes;  /* skipped before good_end */
    uint64_t good_end;       /* behind the last good record */
} segment_scan;

static void scan_record(segment_scan *scan, const weir_segment_reader *reader, const weir_frame *frame)
{
    if (weir_index_set_has(&reader->released, frame->index))
        return;
    weir_disk_left one = weir_disk_left_of(frame->signal, frame->items, frame->payload_bytes);
    if (scan->left.records == 0)
        scan->oldest_wall_ns = frame->wall_ns;
    weir_disk_left_add(&scan->left, &one);
}

/* With `check_payloads` records at the end whose payload is wrong are behind good_end; such a record before a good one
 * counts as if it were good, and is found out when it is read. */
static weir_status scan_segment(weir_segment_reader *reader, bool check_payloads, segment_scan *ret_scan)
{
    segment_scan scan = {.good_end = reader->offset};
    segment_scan last_good = scan;
    for (;;) {
        weir_frame frame;
        uint64_t skipped;
        weir_status status = weir_segment_find(reader, &frame, &skipped);
        if (status == WEIR_OK && check_payloads)
            status = weir_segment_check_payload(reader, &frame);
        if (status == WEIR_IO)
            return status;
        if (status == WEIR_NOT_FOUND)
            break;
        scan_record(&scan, reader, &frame);
        scan.damaged_bytes += skipped;
        weir_segment_step(reader, &frame);
        scan.good_end = reader->offset;
        if (status == WEIR_OK)
            last_good = scan;
    }
    *ret_scan = last_good;
    return WEIR_OK;
}

static void log_damage(const weir_disk_log *log, const char *what, const weir_disk_segment *segment, uint64_t offset,
                       uint64_t bytes)
{
    WEIR_FREE char *path = weir_segment_path(log->folder, segment->number, WEIR_FILE_LOG);
    weir_log(WEIR_LOG_WARN, NULL, "%s path=%s offset=%" PRIu64 " bytes=%" PRIu64, what, path, offset, bytes);
}

/* What is wrong at the end of the newest segment was being written when the process or the machine stopped: it is cut
 * off later. What is wrong anywhere else was good once. */
static void judge_damage(weir_disk_log *log, weir_disk_segment *segment, const segment_scan *scan,
                         const weir_segment_reader *reader, bool is_last)
{
    uint64_t tail = reader->end > scan->good_end ? reader->end - scan->good_end : 0;
    bool is_torn = is_last && tail > 0;
    segment->end = is_torn ? scan->good_end : reader->end;
    log->torn_bytes = is_torn ? tail : 0;
    segment->damaged_bytes = scan->damaged_bytes + (is_torn ? 0 : tail);
    segment->is_damaged =
        segment->damaged_bytes > 0 || (!reader->has_header && segment->end > WEIR_SEGMENT_HEADER_BYTES);
    log->damaged_bytes += segment->damaged_bytes;
    if (segment->damaged_bytes > 0)
        log_damage(log, "a file of the disk queue is damaged, and what is readable of it will be sent", segment, 0,
                   segment->damaged_bytes);
}

static weir_status scan_error(const weir_disk_log *log, uint64_t number, weir_error *ret_error)
{
    int read_errno = errno;
    WEIR_FREE char *path = weir_segment_path(log->folder, number, WEIR_FILE_LOG);
    errno = read_errno;
    return io_error("read", path, ret_error);
}

static void add_segment(weir_disk_log *log, uint64_t number, const weir_segment_reader *reader,
                        const segment_scan *scan, bool is_last)
{
    weir_disk_segment *segment = weir_disk_segment_new(log, number);
    segment->tag = reader->tag;
    segment->left = scan->left;
    segment->oldest_wall_ns = scan->oldest_wall_ns;
    segment->done_bytes = reader->done_bytes;
    judge_damage(log, segment, scan, reader, is_last);
    log->file_bytes += segment->end;
    weir_disk_left_add(&log->left, &scan->left);
    if (reader->has_header)
        memcpy(log->id, reader->log_id, sizeof log->id);
    log->has_id |= reader->has_header;
}

static weir_status load_segment(weir_disk_log *log, uint64_t number, bool is_last, weir_error *ret_error)
{
    weir_segment_reader reader;
    weir_status status = weir_segment_open(&reader, log->files, log->folder, number, ret_error);
    if (status != WEIR_OK)
        return status == WEIR_UNSUPPORTED ? status : WEIR_IO;
    segment_scan scan;
    status = scan_segment(&reader, is_last, &scan);
    if (status == WEIR_OK)
        add_segment(log, number, &reader, &scan, is_last);
    else
        scan_error(log, number, ret_error);
    weir_segment_close(&reader);
    return status;
}

static weir_status load_segments(weir_disk_log *log, const weir_folder_view *view, weir_error *ret_error)
{
    log->number_last = view->number_last;
    for (size_t i = 0; i < view->logs.count; i++) {
        weir_status status = load_segment(log, view->logs.numbers[i], i + 1 == view->logs.count, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

/* ---- what other processes released ---- */

static bool is_untouched(const weir_disk_log *log, const weir_disk_segment *segment)
{
    const weir_disk_cursor *cursor = &log->cursor;
    bool is_behind_cursor = segment->number < cursor->segment->number;
    bool was_read = segment == cursor->segment && cursor->is_open && cursor->reader.index_next > 0;
    return !is_behind_cursor && !was_read;
}

weir_status weir_disk_segment_recount(weir_disk_log *log, weir_disk_segment *segment, weir_segment_reader *reader)
{
    segment_scan scan;
    reader->end = segment->end;
    if (reader->done_bytes == segment->done_bytes)
        return WEIR_OK;
    weir_status status = scan_segment(reader, false, &scan);
    if (status != WEIR_OK)
        return status;
    weir_disk_left_subtract(&log->left, &segment->left);
    weir_disk_left_add(&log->left, &scan.left);
    segment->left = scan.left;
    segment->oldest_wall_ns = scan.oldest_wall_ns;
    segment->done_bytes = reader->done_bytes;
    weir_segment_rewind(reader);
    return WEIR_OK;
}

static weir_status refresh_segment(weir_disk_log *log, weir_disk_segment *segment, weir_error *ret_error)
{
    weir_segment_reader reader;
    weir_status status = weir_segment_open(&reader, log->files, log->folder, segment->number, ret_error);
    if (status != WEIR_OK)
        return WEIR_IO;
    status = weir_disk_segment_recount(log, segment, &reader);
    if (status != WEIR_OK)
        scan_error(log, segment->number, ret_error);
    weir_segment_close(&reader);
    if (segment == log->cursor.segment)
        weir_disk_cursor_rewind(log);
    if (status == WEIR_OK && segment->left.records == 0 && segment != log->newest)
        weir_disk_segment_finish(log, segment);
    return status;
}

weir_status weir_disk_log_refresh(weir_disk_log *log, weir_error *ret_error)
{
    weir_status status = WEIR_OK;
    for (weir_disk_segment *segment = log->oldest, *next; status == WEIR_OK && segment; segment = next) {
        next = segment->next;
        if (is_untouched(log, segment))
            status = refresh_segment(log, segment, ret_error);
    }
    return status;
}

/* ---- putting it right ---- */

static weir_status cut_tail(const weir_disk_log *log, const weir_disk_segment *segment, weir_error *ret_error)
{
    const weir_files *files = log->files;
    log_damage(log, "a write to the disk queue had not finished, and its rest is cut off", segment, segment->end,
               log->torn_bytes);
    WEIR_FREE char *path = weir_segment_path(log->folder, segment->number, WEIR_FILE_LOG);
    int fd = files->open(files, path, O_WRONLY, 0);
    if (fd < 0)
        return io_error("open", path, ret_error);
    weir_status status = WEIR_OK;
    if (files->ftruncate(files, fd, segment->end) != 0 || (log->fsync && files->fdatasync(files, fd) != 0))
        status = io_error("cut", path, ret_error);
    files->close(files, fd);
    return status;
}

/* A file that was begun, and no record acknowledged in it: it holds neither records nor the log's id. */
static bool is_stillborn(const weir_disk_segment *segment)
{
    return segment->end < WEIR_SEGMENT_HEADER_BYTES;
}

static void remove_notes_without_segment(const weir_disk_log *log, const weir_folder_view *view)
{
    for (size_t i = 0; i < view->dones.count; i++) {
        if (weir_segment_list_has(&view->logs, view->dones.numbers[i]))
            continue;
        WEIR_FREE char *path = weir_segment_path(log->folder, view->dones.numbers[i], WEIR_FILE_DONE);
        if (log->files->unlink(log->files, path) != 0)
            weir_log(WEIR_LOG_WARN, NULL, "the disk queue could not remove a file path=%s error=%s", path,
                     strerror(errno));
    }
}

/* The newest segment stays, because it remembers the id and the last number. So that a damaged one can be set aside once
 * what is readable of it is released, a new one takes its place. If that fails, the next append does it. */
static void replace_damaged_newest(weir_disk_log *log)
{
    struct timespec now;
    weir_error error;
    if (!log->newest || !log->newest->is_damaged)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t wall_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    if (weir_disk_segment_begin(log, wall_ns, &error) != WEIR_OK)
        weir_log(WEIR_LOG_WARN, NULL, "a damaged file of the disk queue is set aside later: %s", error.text);
}

static weir_status repair(weir_disk_log *log, const weir_folder_view *view, weir_error *ret_error)
{
    if (!weir_lock_file_sign(log->files, log->lock_fd))
        weir_log(WEIR_LOG_DEBUG, NULL, "the lock of the disk queue does not name this process folder=%s", log->folder);
    if (log->torn_bytes > 0) {
        weir_status status = cut_tail(log, log->newest, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    remove_notes_without_segment(log, view);
    if (log->newest && is_stillborn(log->newest))
        weir_disk_segment_finish(log, log->newest);
    for (weir_disk_segment *segment = log->oldest, *next; segment && segment != log->newest; segment = next) {
        next = segment->next;
        if (segment->left.records == 0)
            weir_disk_segment_finish(log, segment);
    }
    replace_damaged_newest(log);
    return WEIR_OK;
}

/* ---- the log ---- */

static weir_disk_log *new_log(const weir_disk_log_settings *settings)
{
    weir_disk_log *log = WEIR_NEW(weir_disk_log);
    log->files = settings->files;
    log->folder = weir_strdup(settings->folder);
    log->segment_bytes = settings->segment_bytes;
    log->fsync = settings->fsync;
    log->lock_fd = -1;
    log->cursor.reader = WEIR_SEGMENT_READER_CLOSED;
    return log;
}

static weir_status open_log(weir_disk_log *log, unsigned folder_mode, weir_folder_view *view, weir_error *ret_error)
{
    weir_status status = make_folder(log, folder_mode, ret_error);
    if (status == WEIR_OK)
        status = take_lock(log, ret_error);
    if (status == WEIR_OK && weir_folder_view_read(log->files, log->folder, view) != WEIR_OK)
        status = io_error("list", log->folder, ret_error);
    if (status == WEIR_OK)
        status = load_segments(log, view, ret_error);
    while (status == WEIR_OK && !log->has_id)
        log->has_id = getrandom(log->id, sizeof log->id, 0) == (ssize_t)sizeof log->id;
    if (status == WEIR_OK)
        status = repair(log, view, ret_error);
    return status;
}

weir_status weir_disk_log_open(const weir_disk_log_settings *settings, weir_disk_log **ret_log, weir_error *ret_error)
{
    weir_disk_log *log = new_log(settings);
    weir_folder_view view = {0};
    weir_status status = open_log(log, settings->folder_mode, &view, ret_error);
    weir_folder_view_done(&view);
    if (status != WEIR_OK) {
        weir_disk_log_close(log);
        return status;
    }
    *ret_log = log;
    return WEIR_OK;
}
