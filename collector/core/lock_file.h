/* SPDX-License-Identifier: Apache-2.0
 *
 * A file that at most one process has locked, with that process's number in it for the message that others give.
 */
#ifndef WEIR_CORE_LOCK_FILE_H
#define WEIR_CORE_LOCK_FILE_H

#include "core/file.h"

enum { WEIR_LOCK_HOLDER_SIZE = 24 };

/* Opens or makes the file and locks it (flock(2)); the lock is held until `*ret_fd` is closed, and by nobody once the
 * process has ended. Nothing is written yet. Errors, with nothing left open: WEIR_AGAIN (somebody holds it: `ret_holder`
 * has the number of the process, or is empty if the file does not say), WEIR_IO (errno). */
WEIR_MUST_USE weir_status weir_lock_file_take(const weir_files *files, const char *path, int *ret_fd,
                                              char ret_holder[WEIR_LOCK_HOLDER_SIZE]);

/* Writes this process's number into the file. Only people read it, so a full disk is no reason not to go on: false then,
 * and the lock holds all the same. */
bool weir_lock_file_sign(const weir_files *files, int fd);

#endif
