/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one segment file: its records one after the other past whatever is damaged, and its .done file. The
 * segment file itself is never changed here.
 *
 *     reader.offset ──► next good frame, or NOT_FOUND before reader.end
 *                       what lies between is damage: told, never returned
 *
 * A reader belongs to one thread.
 */
#ifndef WEIR_QUEUE_SEGMENT_H
#define WEIR_QUEUE_SEGMENT_H

#include "core/file.h"
#include "queue/format.h"
#include "queue/names.h"

/* A set of record indices, all below `bits`. Zero-initialised it is empty. */
typedef struct weir_index_set {
    uint8_t *words; /* owned; one bit per index */
    uint32_t bits;
} weir_index_set;

bool weir_index_set_has(const weir_index_set *set, uint32_t index);
void weir_index_set_done(weir_index_set *set);

enum { WEIR_SEGMENT_WINDOW_BYTES = 4096 };

typedef struct weir_segment_reader {
    const weir_files *files;
    int fd;                            /* owned; -1: not open */
    bool has_header;                   /* the header was good */
    bool has_tag;                      /* the tag is known: from the header or, if that is damaged, from a frame */
    uint8_t log_id[WEIR_LOG_ID_BYTES]; /* zeroes without a header */
    uint64_t tag;                      /* of all frames */
    uint64_t end;                      /* bytes of the file that may be read; the caller may lower and raise it */
    uint64_t offset;                   /* the next record is looked for from here */
    uint32_t index_next;               /* that record's index is at least this */
    weir_index_set released;           /* as the .done file had it when this was opened */
    uint64_t done_bytes;               /* size of that file; 0: there is none */
    uint64_t window_offset;
    size_t window_len;
    uint8_t window[WEIR_SEGMENT_WINDOW_BYTES];
} weir_segment_reader;

#define WEIR_SEGMENT_READER_CLOSED ((weir_segment_reader){.fd = -1})

/* Opens segment `number` and its .done file, at its first record. A damaged header is fine: the records are still
 * found. Errors, with the path in the text: WEIR_NOT_FOUND, WEIR_UNSUPPORTED (a newer version), WEIR_IO (errno); the
 * reader is closed then. */
WEIR_MUST_USE weir_status weir_segment_open(weir_segment_reader *reader, const weir_files *files, const char *folder,
                                            uint64_t number, weir_error *ret_error);
void weir_segment_close(weir_segment_reader *reader);

/* Moves `offset` to the next good frame and reads it; `*ret_skipped` is how far it moved over damage. WEIR_NOT_FOUND:
 * none before `end`, `offset` stays. WEIR_IO: errno. Only the frame is checked, not the payload. */
WEIR_MUST_USE weir_status weir_segment_find(weir_segment_reader *reader, weir_frame *ret_frame, uint64_t *ret_skipped);

/* Moves behind the record just found. */
void weir_segment_step(weir_segment_reader *reader, const weir_frame *frame);

/* Moves back to the first record. */
void weir_segment_rewind(weir_segment_reader *reader);

/* The bytes from `offset` to `end`. */
uint64_t weir_segment_bytes_left(const weir_segment_reader *reader);

/* Reads the payload of the record just found into `ret_payload` (frame->payload_bytes). WEIR_INVALID: its checksum is
 * wrong. WEIR_IO: errno. */
WEIR_MUST_USE weir_status weir_segment_read_payload(const weir_segment_reader *reader, const weir_frame *frame,
                                                    uint8_t *ret_payload);
/* The same without keeping the bytes. */
WEIR_MUST_USE weir_status weir_segment_check_payload(const weir_segment_reader *reader, const weir_frame *frame);

enum { WEIR_NOTES_AT_ONCE = 128 };

/* Opens the .done file of a segment for notes, made if it is not there; every write goes to its end, so that several
 * processes may have it open. -1: errno. */
int weir_segment_open_done(const weir_files *files, const char *folder, uint64_t number);

/* Notes up to WEIR_NOTES_AT_ONCE records as released, without a sync. WEIR_IO: errno. */
WEIR_MUST_USE weir_status weir_segment_note_released(const weir_files *files, int done_fd, uint64_t tag,
                                                     const uint32_t *indices, size_t count);

#endif
