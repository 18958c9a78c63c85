/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a disk log, shared by the disk_log*.c files only.
 *
 *     segments ──► 3 ──► 4 ──► 5 ──► 7        (oldest first; 6 was finished before the others and is gone)
 *                        ▲           ▲
 *                     cursor       newest, and `active` once this process has begun it
 *
 * A process appends only to segments it began itself: what an earlier one left, possibly torn, is only read. The newest
 * segment stays even when all of it is released: it remembers the log's id and the last number.
 */
#ifndef WEIR_QUEUE_DISK_LOG_STATE_H
#define WEIR_QUEUE_DISK_LOG_STATE_H

#include "queue/disk_log.h"
#include "queue/handed.h"
#include "queue/segment.h"

/* What is not released, of a segment or of the log. */
typedef struct weir_disk_left {
    uint64_t records;
    uint64_t items[WEIR_SIGNALS];
    uint64_t payload_bytes;
} weir_disk_left;

typedef struct weir_disk_segment {
    struct weir_disk_segment *next;
    uint64_t number;
    uint64_t tag;
    uint64_t end;            /* bytes of the file; behind them may lie what was never acknowledged */
    uint32_t records;        /* appended so far, which is the next one's index; of the active segment only */
    weir_disk_left left;     /* unread ones and outstanding ones */
    weir_handed handed;      /* the outstanding ones */
    uint64_t oldest_wall_ns; /* of the oldest unreleased record that is not in `handed`, or an earlier one's */
    uint64_t damaged_bytes;  /* found when the log was opened, and not passed by the cursor yet */
    uint64_t done_bytes;     /* of the .done file when it was last read */
    bool is_damaged;         /* goes to .damaged instead of being removed */
    int fd;                  /* of the active segment; otherwise -1 */
    int done_fd;             /* -1 until something is released */
} weir_disk_segment;

/* Where the next unread record is looked for. */
typedef struct weir_disk_cursor {
    weir_disk_segment *segment; /* NULL: the log has none yet */
    weir_segment_reader reader; /* of that segment, once something is to be read */
    bool is_open;
    bool has_frame; /* `frame` is the next unread record, at reader.offset */
    weir_frame frame;
} weir_disk_cursor;

struct weir_disk_log {
    const weir_files *files;
    char *folder;
    uint64_t segment_bytes;
    bool fsync;
    int lock_fd;
    uint8_t id[WEIR_LOG_ID_BYTES];
    bool has_id;
    uint64_t number_last; /* no segment, present or past, has a higher one */
    weir_disk_segment *oldest;
    weir_disk_segment *newest;
    weir_disk_segment *active; /* NULL, or the newest */
    weir_disk_cursor cursor;
    weir_disk_left left;
    uint64_t file_bytes;    /* of all segments */
    uint64_t damaged_bytes; /* these three as in weir_disk_log_counts */
    uint64_t damaged_records;
    uint64_t torn_bytes;
    struct iovec *parts; /* of the group being appended */
    size_t parts_capacity;
    uint8_t *frames; /* likewise, WEIR_FRAME_BYTES for each record */
    size_t frames_capacity;
};

/* disk_log.c */

void weir_disk_left_add(weir_disk_left *left, const weir_disk_left *more);
void weir_disk_left_subtract(weir_disk_left *left, const weir_disk_left *less);
/* Of one record. */
weir_disk_left weir_disk_left_of(weir_signal signal, uint32_t items, uint32_t payload_bytes);

/* A segment at the end of the list; `number` is higher than of all others. */
weir_disk_segment *weir_disk_segment_new(weir_disk_log *log, uint64_t number);
void weir_disk_segment_free(weir_disk_segment *segment, const weir_files *files);

/* Removes the file of `segment`, of which nothing is left, or sets it aside if it is damaged, and forgets it. What fails
 * is logged: at the next open the file is found again, and that it is released. */
void weir_disk_segment_finish(weir_disk_log *log, weir_disk_segment *segment);

/* Makes names in the folder survive a power cut, if the log syncs at all. WEIR_IO: errno. */
WEIR_MUST_USE weir_status weir_disk_log_sync_folder(const weir_disk_log *log);

/* disk_log_append.c */

/* Seals the active segment, if there is one, and begins the next; the one that was newest is finished if nothing is left
 * of it. WEIR_IO: there is no active segment then, and the next append tries again. */
WEIR_MUST_USE weir_status weir_disk_segment_begin(weir_disk_log *log, uint64_t wall_ns, weir_error *ret_error);

/* disk_log_open.c */

/* Counts anew what is left of `segment`, of which nothing was handed out, if its notes have changed since they were
 * last read; `reader` has just been opened on it, and stays at the start. WEIR_IO: errno. */
WEIR_MUST_USE weir_status weir_disk_segment_recount(weir_disk_log *log, weir_disk_segment *segment,
                                                    weir_segment_reader *reader);

/* disk_log_read.c */

/* Moves the cursor, which has passed no record of its segment, to the segment's start, to open it anew. */
void weir_disk_cursor_rewind(weir_disk_log *log);

/* Moves the cursor to the segment after its own, in which nothing is left to hand out. */
void weir_disk_cursor_leave(weir_disk_log *log);

#endif
