/* SPDX-License-Identifier: Apache-2.0
 *
 * One queue on disk: records appended to segment files, read in order, released one by one, a segment's file removed
 * once all of its records are.
 *
 *     folder/  lock                     held while a process has the log open (flock)
 *              0000000000000001.log     header, record, record, …        sealed: full, or closed by an error
 *              0000000000000001.done    which of its records are released, appended as they are
 *              0000000000000002.log     the newest: records are appended here
 *              0000000000000000.damaged set aside: its good records were delivered, the file is for a person to look at
 *
 *     released ◄──── handed out ◄──── unread ◄──── appended
 *                                 ▲
 *                              cursor: weir_disk_log_take (from memory) and weir_disk_log_read move it
 *
 * What holds after any crash, by kill or by power cut, with `fsync`: every record whose append returned OK and that was
 * not released is found again, in order, unchanged; nothing is found that was not appended. A release that was not yet
 * on disk is forgotten: that record comes again. Without `fsync` the same holds for a kill, not for a power cut.
 *
 * The format (version 1) is described in docs/disk-format.md. Records carry a CRC32C each for header and payload,
 * segments a version and the log's random id. A segment of an older version is read; one of a newer version makes the
 * open fail and touches nothing. At open a torn tail (an append that never returned OK) is cut off; bytes that are
 * wrong anywhere else are skipped to the next good record, reported, and make the file `.damaged` in the end. A file
 * that the system cannot read (EIO) is not taken for damaged: it may be readable the next time.
 *
 * Bounded: what is kept in memory grows with the number of segments and of records handed out, not with those waiting
 * (README.md). Who appends bounds the disk.
 *
 * A log belongs to one thread at a time (queue/storage.h gives it one). All file access goes through `files`.
 */
#ifndef WEIR_QUEUE_DISK_LOG_H
#define WEIR_QUEUE_DISK_LOG_H

#include "core/file.h"
#include "queue/record.h"

typedef struct weir_disk_log weir_disk_log;

typedef struct weir_disk_log_settings {
    const weir_files *files;
    const char *folder;     /* of this log alone; made if it is not there */
    unsigned folder_mode;   /* 0700 */
    uint64_t segment_bytes; /* a segment is sealed once it is this large; it may pass this by one group of records */
    bool fsync;             /* fdatasync before an append is OK */
} weir_disk_log_settings;

/* Where a record lies: unique in the log, ascending in the order of appends. */
typedef struct weir_disk_position {
    uint64_t segment;
    uint32_t index; /* of the record in its segment */
} weir_disk_position;

/* What a log holds, now. */
typedef struct weir_disk_log_counts {
    uint64_t records;             /* not released */
    uint64_t items[WEIR_SIGNALS]; /* of those records */
    uint64_t record_bytes;        /* payload bytes of those records */
    uint64_t file_bytes;          /* of all segment files, which is what counts against a size limit */
    uint64_t oldest_wall_ns;      /* when the oldest unreleased record was appended; 0: there is none */
    uint64_t damaged_bytes;       /* skipped as unreadable since the log was opened, with what the open found */
    uint64_t damaged_records;     /* of those whose header could still be read */
    uint64_t torn_bytes;          /* cut off the tail by the open */
} weir_disk_log_counts;

/* Opens or makes the log and takes its lock. Copies `settings` but not `files`, which it borrows. Errors: WEIR_AGAIN
 * (another process holds it), WEIR_UNSUPPORTED (a newer format), WEIR_IO; the text names the path and the remedy. */
WEIR_MUST_USE weir_status weir_disk_log_open(const weir_disk_log_settings *settings, weir_disk_log **ret_log,
                                             weir_error *ret_error);
/* Gives up the lock. Unreleased records stay. NULL is fine. */
void weir_disk_log_close(weir_disk_log *log);

/* Changes settings.segment_bytes, from the next segment on. */
void weir_disk_log_resize_segments(weir_disk_log *log, uint64_t segment_bytes);

/* Appends `count` records in this order, then syncs once. All or nothing: after an error none of them will be handed
 * out by this process, and the log goes on with a new segment if the old one cannot be trusted any more (fdatasync
 * that failed is never tried again on the same file). Errors: WEIR_IO, errno kept and in the text (ENOSPC, EIO, …);
 * WEIR_TOO_LARGE: a record of more than 1 GiB. */
WEIR_MUST_USE weir_status weir_disk_log_append(weir_disk_log *log, const weir_record_image *const *images, size_t count,
                                               uint64_t wall_ns, weir_disk_position *ret_positions,
                                               weir_error *ret_error);

/* True if the record at `position`, just appended, is the next unread one; then it counts as handed out: the caller
 * still has it in memory. */
bool weir_disk_log_take(weir_disk_log *log, weir_disk_position position);

/* Payload bytes of the next unread record; 0: everything was handed out. 1 if the file cannot be read now:
 * weir_disk_log_read tells why. */
uint64_t weir_disk_log_next_bytes(weir_disk_log *log);

/* Hands out the next unread record, charged to `account`; gives it. Unreadable ones are skipped and counted.
 * WEIR_NOT_FOUND: everything was handed out. WEIR_NO_MEMORY: the account refuses, come back. WEIR_IO: the file cannot
 * be read now. */
WEIR_MUST_USE weir_status weir_disk_log_read(weir_disk_log *log, weir_account *account, weir_record *ret_record,
                                             weir_disk_position *ret_position, weir_error *ret_error);
/* The same past the account's limit, for a reader that has nothing else to go on with: a record may be larger than the
 * limit of this run. WEIR_NO_MEMORY: the system has none. */
WEIR_MUST_USE weir_status weir_disk_log_read_forced(weir_disk_log *log, weir_account *account, weir_record *ret_record,
                                                    weir_disk_position *ret_position, weir_error *ret_error);

/* The records at `positions`, handed out before, are done with. Their file is removed with the last of them, unless it
 * is the one appended to. A failure to note it is reported but costs only that a record may come again. */
WEIR_MUST_USE weir_status weir_disk_log_release(weir_disk_log *log, const weir_disk_position *positions, size_t count,
                                                weir_error *ret_error);

/* Takes note of what other processes released (weir_disk_log_release_foreign) in segments of which nothing was handed
 * out here; one of which nothing is left is removed. For logs that others empty: dead letters. WEIR_IO: the rest of the
 * notes is looked at next time. */
WEIR_MUST_USE weir_status weir_disk_log_refresh(weir_disk_log *log, weir_error *ret_error);

/* Throws the oldest segment away, whatever is in it; `*ret_items` is how many of its items were not released. What was
 * handed out of it must not be released any more. For logs that are bounded by forgetting. WEIR_NOT_FOUND: there is
 * only the newest one, which stays. */
WEIR_MUST_USE weir_status weir_disk_log_drop_oldest(weir_disk_log *log, uint64_t *ret_items);

weir_disk_log_counts weir_disk_log_count(const weir_disk_log *log);

/* The log's random id, made with it. */
void weir_disk_log_id(const weir_disk_log *log, uint8_t ret_id[16]);

/* Reads a log's unreleased records without lock and without changing anything, also while another process appends to
 * it, oldest first, until `on_record` (which borrows the record) returns false. Damage and torn tails are skipped;
 * `ret_counts` (may be NULL) tells what was seen. Errors: WEIR_NOT_FOUND (no log in this folder), WEIR_UNSUPPORTED,
 * WEIR_IO. */
WEIR_MUST_USE weir_status weir_disk_log_visit(const weir_files *files, const char *folder,
                                              bool (*on_record)(void *user, const weir_record *record,
                                                                weir_disk_position position),
                                              void *user, weir_disk_log_counts *ret_counts, weir_error *ret_error);

/* Notes a record of a log that another process may have open as released, without its lock (an append of one entry to
 * the segment's .done file): for `weir replay` on dead letters. The owner sees it at weir_disk_log_refresh, or when its
 * cursor enters the segment. Errors: WEIR_NOT_FOUND (the segment is gone), WEIR_UNSUPPORTED, WEIR_IO. */
WEIR_MUST_USE weir_status weir_disk_log_release_foreign(const weir_files *files, const char *folder,
                                                        weir_disk_position position, weir_error *ret_error);

#endif
