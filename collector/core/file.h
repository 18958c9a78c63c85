/* SPDX-License-Identifier: Apache-2.0
 *
 * The seam to the file system: everything weir reads or writes goes through this table, so that a test can make each
 * operation fail and a simulator can keep its own disk. `weir_files_real` is the operating system. Any thread.
 */
#ifndef WEIR_CORE_FILE_H
#define WEIR_CORE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/status.h"
#include "core/text.h"

typedef struct weir_files {
    int (*open)(const struct weir_files *files, const char *path, int flags, unsigned mode); /* as open(2) */
    ssize_t (*read)(const struct weir_files *files, int fd, void *buffer, size_t size);
    int (*close)(const struct weir_files *files, int fd);
} weir_files;

extern const weir_files weir_files_real;

/* Appends the whole file to `out`, up to `size_max` bytes. Errors: WEIR_NOT_FOUND, WEIR_TOO_LARGE, WEIR_IO (errno). */
WEIR_MUST_USE weir_status weir_file_read_all(const weir_files *files, const char *path, size_t size_max,
                                             weir_buffer *out);

#endif
