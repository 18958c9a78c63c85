/* SPDX-License-Identifier: Apache-2.0
 *
 * The seam to the file system: everything weir reads or writes goes through this table, so that a test can make each
 * operation fail and a simulator can keep its own disk. `weir_files_real` is the operating system. Any thread.
 */
#ifndef WEIR_CORE_FILE_H
#define WEIR_CORE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/status.h"
#include "core/text.h"

struct iovec;

/* Each behaves as the Linux system call of its name: -1 and errno on failure; pwritev on a file opened with O_APPEND
 * appends, whatever the offset. Calls that name a path take it relative to the working directory. Any thread. */
typedef struct weir_files {
    int (*open)(const struct weir_files *files, const char *path, int flags, unsigned mode); /* O_CLOEXEC is added */
    ssize_t (*read)(const struct weir_files *files, int fd, void *buffer, size_t size);
    ssize_t (*pread)(const struct weir_files *files, int fd, void *buffer, size_t size, uint64_t offset);
    ssize_t (*pwritev)(const struct weir_files *files, int fd, const struct iovec *parts, int count, uint64_t offset);
    int (*fdatasync)(const struct weir_files *files, int fd);
    int (*ftruncate)(const struct weir_files *files, int fd, uint64_t size);
    int (*fstat)(const struct weir_files *files, int fd, struct stat *ret_stat);
    int (*lock)(const struct weir_files *files, int fd); /* flock(2), exclusive, not waiting */
    int (*close)(const struct weir_files *files, int fd);
    int (*rename)(const struct weir_files *files, const char *from, const char *to);
    int (*unlink)(const struct weir_files *files, const char *path);
    int (*mkdir)(const struct weir_files *files, const char *path, unsigned mode);
    int (*rmdir)(const struct weir_files *files, const char *path);
    int (*sync_folder)(const struct weir_files *files, const char *path); /* names in the folder survive a power cut */
    /* Calls `on_name` for every entry but "." and "..", in no order. */
    int (*list)(const struct weir_files *files, const char *path, void (*on_name)(void *user, const char *name),
                void *user);
} weir_files;

extern const weir_files weir_files_real;

/* Appends the whole file to `out`, up to `size_max` bytes. Errors: WEIR_NOT_FOUND, WEIR_TOO_LARGE, WEIR_IO (errno). */
WEIR_MUST_USE weir_status weir_file_read_all(const weir_files *files, const char *path, size_t size_max,
                                             weir_buffer *out);

/* The same of an open file, from where it stands. */
WEIR_MUST_USE weir_status weir_file_read_to_end(const weir_files *files, int fd, size_t size_max, weir_buffer *out);

/* Reads exactly `size` bytes. WEIR_IO: errno; EIO also if the file ends too early. */
WEIR_MUST_USE weir_status weir_file_read_at(const weir_files *files, int fd, void *ret_bytes, size_t size,
                                            uint64_t offset);

/* Writes all of the parts, which it changes, however little the system takes at once. WEIR_IO: errno; any number of
 * the bytes may be written then. */
WEIR_MUST_USE weir_status weir_file_write_at(const weir_files *files, int fd, struct iovec *parts, size_t count,
                                             uint64_t offset);

#endif
