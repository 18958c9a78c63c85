/* SPDX-License-Identifier: Apache-2.0
 *
 * Where certificates and keys come from: PEM files, looked at again now and then, or PEM text in the configuration.
 * Files are opened by name each time, so that a symbolic link that was set to another file counts as a change (this is
 * how Kubernetes renews mounted secrets).
 */
#ifndef WEIR_TLS_SOURCE_H
#define WEIR_TLS_SOURCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/status.h"
#include "core/text.h"
#include "net/tls.h"

enum {
    /* A bundle of all the system's certificates has about 250 KiB. */
    WEIR__TLS_PEM_BYTES_MAX = 4 * 1024 * 1024,
};

typedef enum weir__tls_part {
    WEIR__TLS_CA,
    WEIR__TLS_CERT,
    WEIR__TLS_KEY,
    WEIR__TLS_CLIENT_CA,
    WEIR__TLS_PARTS
} weir__tls_part;

/* A file's identity and state; zero for one that cannot be opened, and for text. */
typedef struct weir__tls_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed; /* also by chmod and chown: a file may have become readable */
    unsigned mode;
} weir__tls_stamp;

typedef struct weir__tls_source {
    const char *key;  /* of the configuration: "cert_file", or "cert_pem" */
    const char *path; /* NULL: not a file */
    const char *pem;  /* NULL: not a text */
} weir__tls_source;

/* Borrows the texts of `settings`. Both `path` and `pem` are NULL for what is not written. */
weir__tls_source weir__tls_source_of(const weir_tls_settings *settings, weir__tls_part part);

static inline bool weir__tls_source_is_written(const weir__tls_source *source)
{
    return source->path || source->pem;
}

/* What the file is like now; zero if it cannot be opened. */
weir__tls_stamp weir__tls_stamp_of(const weir__tls_source *source);
bool weir__tls_stamp_equal(const weir__tls_stamp *a, const weir__tls_stamp *b);

/* Appends the PEM text to `out`; `*ret_stamp` is of the very file that was read. An error names the key and the
 * file. */
WEIR_MUST_USE weir_status weir__tls_source_read(const weir__tls_source *source, weir_buffer *out,
                                                weir__tls_stamp *ret_stamp, weir_error *ret_error);

#endif
