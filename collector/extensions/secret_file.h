/* SPDX-License-Identifier: Apache-2.0
 *
 * A small file with a secret in it, read at the start and again when its contents have changed: tokens are rotated by
 * writing the file anew, in place or (as Kubernetes does) behind a symbolic link. It is read once a second, on the
 * control thread. While it cannot be read, or what it says is no use, the last good contents stay in use and the log
 * says so. Bounded: 1 MiB.
 */
#ifndef WEIR_EXTENSIONS_SECRET_FILE_H
#define WEIR_EXTENSIONS_SECRET_FILE_H

#include "core/file.h"
#include "net/loop.h"

typedef struct weir_secret_file weir_secret_file;

enum { WEIR_SECRET_FILE_BYTES_MAX = 1024 * 1024, WEIR_SECRET_FILE_PERIOD_MS = 1000 };

typedef struct weir_secret_file_options {
    const weir_files *files;
    weir_loop *loop;  /* the control thread's */
    const char *id;   /* of the extension, for the log; borrowed, as path is */
    const char *path; /* must not be NULL */
    /* New contents, without white space around them; never empty. An error refuses them. On the loop's thread. */
    weir_status (*on_change)(void *user, weir_text contents, weir_error *ret_error);
    void *user;
} weir_secret_file_options;

/* Reads it for the first time, which must succeed, calls on_change, and warns of a file that others may read or write. */
WEIR_MUST_USE weir_status weir__secret_file_open(const weir_secret_file_options *options, weir_secret_file **ret_file,
                                                 weir_error *ret_error);
void weir__secret_file_close(weir_secret_file *file); /* NULL is fine */

#endif
