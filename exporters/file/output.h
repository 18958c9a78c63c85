/* SPDX-License-Identifier: Apache-2.0
 *
 * One file that records are appended to: a record is in it as a whole or not at all.
 *
 * A record may be written in several pieces (begin, write …, end); when one fails, what is there of it is cut off
 * again. If even that fails, the next record begins with it. The file is locked (flock(2)): a second process or
 * exporter that would mix its records with ours is refused. What somebody else does to it (truncates it, or moves it
 * away) is noticed at the next record, as far as its size shows it.
 *
 * An output belongs to one thread at a time; the exporter has a lock for that.
 */
#ifndef WEIR_EXPORTERS_FILE_OUTPUT_H
#define WEIR_EXPORTERS_FILE_OUTPUT_H

#include <sys/uio.h>

#include "core/file.h"

/* What ends a record, by which a torn one is known when a file is continued. */
typedef enum file_framing {
    FILE_LINES, /* a line end. A torn line gets one, so that it spoils no other */
    FILE_FRAMES /* nothing: its length stands in front of it in four bytes, big-endian. A torn record is cut off */
} file_framing;

typedef struct file_output_settings {
    const weir_files *files;
    file_framing framing;
    bool syncs; /* records reach the disk before file_output_end returns, not only the operating system */
    bool rotates;
    bool localtime;
    uint64_t bytes_max; /* these three count only if it rotates */
    uint64_t days_max;
    uint64_t backups_max;
} file_output_settings;

typedef struct file_output file_output;

/* Opens or creates the file and locks it; `empties` cuts it to nothing first. Borrows `settings`. Error: the class is
 * permanent if the path can never be written to, retryable otherwise. */
WEIR_MUST_USE weir_status file_output_open(const file_output_settings *settings, const char *path, bool empties,
                                           file_output **ret_output, weir_error *ret_error);
void file_output_close(file_output *output); /* NULL is fine */
const char *file_output_path(const file_output *output);

/* Begins a record of at least `expected_len` bytes; puts the file aside first if that would make it too large. */
WEIR_MUST_USE weir_status file_output_begin(file_output *output, uint64_t expected_len, uint64_t wall_ns,
                                            weir_error *ret_error);
/* Appends to the record begun last. After an error the record is gone. `parts` is used up. */
WEIR_MUST_USE weir_status file_output_write(file_output *output, struct iovec *parts, size_t count,
                                            weir_error *ret_error);
/* The record is complete. After an error it is gone, as far as the disk lets one say that. */
WEIR_MUST_USE weir_status file_output_end(file_output *output, weir_error *ret_error);

#endif
