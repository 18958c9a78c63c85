/* SPDX-License-Identifier: Apache-2.0
 *
 * Handing out a disk log's records in order, and releasing them.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "queue/disk_log_state.h"
#include "telemetry/log.h"

/* ---- damage ---- */

/* Bytes that the open has seen already are not counted again. */
static void note_damage(weir_disk_log *log, uint64_t offset, uint64_t bytes)
{
    weir_disk_segment *segment = log->cursor.segment;
    uint64_t known = bytes < segment->damaged_bytes ? bytes : segment->damaged_bytes;
    segment->damaged_bytes -= known;
    if (bytes == known)
        return;
    segment->is_damaged = true;
    log->damaged_bytes += bytes - known;
    WEIR_FREE char *path = weir_segment_path(log->folder, segment->number, WEIR_FILE_LOG);
    weir_log(WEIR_LOG_ERROR, NULL, "the disk queue skips damaged bytes path=%s offset=%" PRIu64 " bytes=%" PRIu64, path,
             offset, bytes);
}

/* ---- the cursor ---- */

static weir_disk_left outstanding(const weir_handed *handed)
{
    weir_disk_left sum = {0};
    for (uint32_t i = handed->first; i < handed->count; i++) {
        const weir_handed_record *record = &handed->records[i];
        if (record->payload_bytes == 0)
            continue;
        weir_disk_left one = weir_disk_left_of(record->signal, record->items, record->payload_bytes);
        weir_disk_left_add(&sum, &one);
    }
    return sum;
}

void weir_disk_cursor_rewind(weir_disk_log *log)
{
    weir_segment_close(&log->cursor.reader);
    log->cursor.is_open = log->cursor.has_frame = false;
}

void weir_disk_cursor_leave(weir_disk_log *log)
{
    weir_disk_cursor_rewind(log);
    log->cursor.segment = log->cursor.segment->next;
}

/* No good record is left in the cursor's segment: those that were counted and not found are lost. */
static void give_up_rest(weir_disk_log *log)
{
    weir_disk_cursor *cursor = &log->cursor;
    weir_disk_segment *segment = cursor->segment;
    if (cursor->is_open && weir_segment_bytes_left(&cursor->reader) > 0)
        note_damage(log, cursor->reader.offset, weir_segment_bytes_left(&cursor->reader));
    weir_disk_left kept = outstanding(&segment->handed);
    weir_disk_left lost = segment->left;
    weir_disk_left_subtract(&lost, &kept);
    weir_disk_left_subtract(&log->left, &lost);
    log->damaged_records += lost.records;
    segment->left = kept;
}

static weir_status read_error(const weir_disk_log *log, weir_error *ret_error)
{
    int read_errno = errno;
    WEIR_FREE char *path = weir_segment_path(log->folder, log->cursor.segment->number, WEIR_FILE_LOG);
    weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_IO, "cannot read %s at offset %" PRIu64 ": %s", path,
                   log->cursor.reader.offset, strerror(read_errno));
    errno = read_errno;
    return WEIR_IO;
}

/* The cursor's segment has records that nobody was handed. */
static bool has_unread(const weir_disk_segment *segment)
{
    return segment->left.records > outstanding(&segment->handed).records;
}

/* A file that somebody has taken away holds the log up no longer than its records are missed. */
static weir_status open_segment(weir_disk_log *log, weir_error *ret_error)
{
    weir_disk_cursor *cursor = &log->cursor;
    weir_status status =
        weir_segment_open(&cursor->reader, log->files, log->folder, cursor->segment->number, ret_error);
    if (status == WEIR_NOT_FOUND && has_unread(cursor->segment))
        weir_log(WEIR_LOG_ERROR, NULL, "a file of the disk queue is gone, and its records with it: %s",
                 ret_error->text);
    if (status != WEIR_OK)
        return status;
    cursor->is_open = true;
    if (weir_disk_segment_recount(log, cursor->segment, &cursor->reader) == WEIR_OK)
        return WEIR_OK;
    read_error(log, ret_error);
    weir_disk_cursor_rewind(log);
    return WEIR_IO;
}

/* The next frame of the cursor's segment that is not released. WEIR_NOT_FOUND: there is none (now). */
static weir_status find_in_segment(weir_disk_log *log, weir_error *ret_error)
{
    weir_disk_cursor *cursor = &log->cursor;
    weir_status status = cursor->is_open ? WEIR_OK : open_segment(log, ret_error);
    if (status != WEIR_OK)
        return status;
    cursor->reader.end = cursor->segment->end;
    for (;;) {
        uint64_t offset = cursor->reader.offset;
        uint64_t skipped = 0;
        status = weir_segment_find(&cursor->reader, &cursor->frame, &skipped);
        if (status == WEIR_IO)
            return read_error(log, ret_error);
        if (status != WEIR_OK)
            return status;
        if (skipped > 0)
            note_damage(log, offset, skipped);
        if (!weir_index_set_has(&cursor->reader.released, cursor->frame.index))
            return WEIR_OK;
        weir_segment_step(&cursor->reader, &cursor->frame);
    }
}

static void leave_segment(weir_disk_log *log)
{
    weir_disk_segment *left = log->cursor.segment;
    give_up_rest(log);
    weir_disk_cursor_leave(log);
    if (left->left.records == 0)
        weir_disk_segment_finish(log, left);
}

/* Makes cursor.frame the next unread record. Errors as weir_disk_log_read. */
static weir_status find_next(weir_disk_log *log, weir_error *ret_error)
{
    weir_disk_cursor *cursor = &log->cursor;
    while (cursor->segment && !cursor->has_frame) {
        weir_status status = find_in_segment(log, ret_error);
        cursor->has_frame = status == WEIR_OK;
        if (status == WEIR_IO || status == WEIR_UNSUPPORTED)
            return WEIR_IO;
        if (status == WEIR_NOT_FOUND && cursor->segment->next) {
            leave_segment(log);
        } else if (status == WEIR_NOT_FOUND) {
            if (!cursor->is_open) /* it was taken away, and maybe no other can be begun */
                give_up_rest(log);
            return WEIR_NOT_FOUND;
        }
    }
    return cursor->segment ? WEIR_OK : WEIR_NOT_FOUND;
}

static void step(weir_disk_log *log)
{
    weir_segment_step(&log->cursor.reader, &log->cursor.frame);
    log->cursor.has_frame = false;
}

static weir_disk_position hand_out(weir_disk_log *log)
{
    weir_disk_cursor *cursor = &log->cursor;
    weir_disk_position position = {.segment = cursor->segment->number, .index = cursor->frame.index};
    weir_handed_add(&cursor->segment->handed, &cursor->frame);
    cursor->segment->oldest_wall_ns = cursor->frame.wall_ns;
    step(log);
    return position;
}

bool weir_disk_log_take(weir_disk_log *log, weir_disk_position position)
{
    weir_error error;
    if (find_next(log, &error) != WEIR_OK) /* then it will be read, and that tells what is wrong */
        return false;
    if (log->cursor.segment->number != position.segment || log->cursor.frame.index != position.index)
        return false;
    hand_out(log);
    return true;
}

/* ---- reading ---- */

uint64_t weir_disk_log_next_bytes(weir_disk_log *log)
{
    weir_error error;
    weir_status status = find_next(log, &error);
    if (status == WEIR_NOT_FOUND)
        return 0;
    return status == WEIR_OK ? log->cursor.frame.payload_bytes : 1;
}

/* Gives the record under the cursor up. It is not noted in the .done file: whoever opens the log next finds the damage
 * again, and sets the file aside in the end. */
static void skip_damaged(weir_disk_log *log)
{
    weir_disk_cursor *cursor = &log->cursor;
    const weir_frame *frame = &cursor->frame;
    weir_disk_left one = weir_disk_left_of(frame->signal, frame->items, frame->payload_bytes);
    uint64_t offset = cursor->reader.offset;
    weir_disk_left_subtract(&cursor->segment->left, &one);
    weir_disk_left_subtract(&log->left, &one);
    log->damaged_records++;
    note_damage(log, offset, weir_frame_record_bytes(frame));
    cursor->segment->is_damaged = true;
    step(log);
}

/* weir_chunk_new or weir_chunk_new_forced. */
typedef weir_chunk *(*make_chunk_fn)(weir_account *account, size_t size);

/* WEIR_INVALID: damaged. */
static weir_status read_record(weir_disk_log *log, weir_account *account, make_chunk_fn make_chunk,
                               weir_record *ret_record, weir_error *ret_error)
{
    const weir_frame *frame = &log->cursor.frame;
    weir_chunk *chunk = make_chunk(account, frame->payload_bytes);
    if (!chunk)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_NO_MEMORY, "no room for the next record");
    weir_status status = weir_segment_read_payload(&log->cursor.reader, frame, chunk->data);
    if (status == WEIR_IO)
        read_error(log, ret_error);
    if (status == WEIR_OK)
        status = weir_record_decode(frame->signal, &chunk, chunk->data, frame->payload_bytes, ret_record, ret_error);
    if (status == WEIR_OK)
        ret_record->wall_ns = frame->wall_ns;
    weir_chunk_unref(chunk);
    return status;
}

static weir_status read_next(weir_disk_log *log, weir_account *account, make_chunk_fn make_chunk,
                             weir_record *ret_record, weir_disk_position *ret_position, weir_error *ret_error)
{
    for (;;) {
        weir_status status = find_next(log, ret_error);
        if (status == WEIR_OK)
            status = read_record(log, account, make_chunk, ret_record, ret_error);
        if (status == WEIR_OK)
            *ret_position = hand_out(log);
        if (status != WEIR_INVALID)
            return status;
        skip_damaged(log);
    }
}

weir_status weir_disk_log_read(weir_disk_log *log, weir_account *account, weir_record *ret_record,
                               weir_disk_position *ret_position, weir_error *ret_error)
{
    return read_next(log, account, weir_chunk_new, ret_record, ret_position, ret_error);
}

weir_status weir_disk_log_read_forced(weir_disk_log *log, weir_account *account, weir_record *ret_record,
                                      weir_disk_position *ret_position, weir_error *ret_error)
{
    return read_next(log, account, weir_chunk_new_forced, ret_record, ret_position, ret_error);
}

/* ---- releasing ---- */

static weir_disk_segment *find_segment(const weir_disk_log *log, uint64_t number)
{
    weir_disk_segment *segment = log->oldest;
    while (segment && segment->number != number)
        segment = segment->next;
    WEIR_ASSERT(segment); /* a segment stays while one of its records is not released */
    return segment;
}

/* Notes the first positions, as far as they are of one segment and fit; `*ret_count` of them. */
static weir_status note_run(weir_disk_log *log, const weir_disk_position *positions, size_t count, size_t *ret_count)
{
    weir_disk_segment *segment = find_segment(log, positions[0].segment);
    uint32_t indices[WEIR_NOTES_AT_ONCE];
    size_t run = 0;
    for (; run < count && run < WEIR_NOTES_AT_ONCE && positions[run].segment == segment->number; run++)
        indices[run] = positions[run].index;
    *ret_count = run;
    if (segment->done_fd < 0)
        segment->done_fd = weir_segment_open_done(log->files, log->folder, segment->number);
    if (segment->done_fd < 0)
        return WEIR_IO;
    return weir_segment_note_released(log->files, segment->done_fd, segment->tag, indices, run);
}

static weir_status note_released(weir_disk_log *log, const weir_disk_position *positions, size_t count,
                                 weir_error *ret_error)
{
    weir_status worst = WEIR_OK;
    for (size_t at = 0, run; at < count; at += run) {
        if (note_run(log, positions + at, count - at, &run) == WEIR_OK)
            continue;
        WEIR_FREE char *path = weir_segment_path(log->folder, positions[at].segment, WEIR_FILE_DONE);
        worst = weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    return worst;
}

static void forget(weir_disk_log *log, weir_disk_position position)
{
    weir_disk_segment *segment = find_segment(log, position.segment);
    weir_handed_record record = weir_handed_remove(&segment->handed, position.index);
    weir_disk_left one = weir_disk_left_of(record.signal, record.items, record.payload_bytes);
    weir_disk_left_subtract(&segment->left, &one);
    weir_disk_left_subtract(&log->left, &one);
    if (segment->left.records == 0 && segment != log->newest)
        weir_disk_segment_finish(log, segment);
}

weir_status weir_disk_log_release(weir_disk_log *log, const weir_disk_position *positions, size_t count,
                                  weir_error *ret_error)
{
    weir_status status = note_released(log, positions, count, ret_error);
    for (size_t i = 0; i < count; i++)
        forget(log, positions[i]);
    return status;
}
