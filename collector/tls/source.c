/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/file.h"

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static weir__tls_source source_of(const char *file_key, const char *path, const char *pem_key, const char *pem)
{
    path = or_null(path);
    return (weir__tls_source){.key = path ? file_key : pem_key, .path = path, .pem = path ? NULL : or_null(pem)};
}

weir__tls_source weir__tls_source_of(const weir_tls_settings *settings, weir__tls_part part)
{
    switch (part) {
    case WEIR__TLS_CA:
        return source_of("ca_file", settings->ca_file, "ca_pem", settings->ca_pem);
    case WEIR__TLS_CERT:
        return source_of("cert_file", settings->cert_file, "cert_pem", settings->cert_pem);
    case WEIR__TLS_KEY:
        return source_of("key_file", settings->key_file, "key_pem", settings->key_pem);
    case WEIR__TLS_CLIENT_CA:
        return source_of("client_ca_file", settings->client_ca_file, NULL, NULL);
    case WEIR__TLS_PARTS:
        break;
    }
    return (weir__tls_source){0};
}

/* ---- stamps ---- */

static weir__tls_stamp stamp_of_fd(int fd)
{
    struct stat state;
    if (weir_files_real.fstat(&weir_files_real, fd, &state) != 0)
        return (weir__tls_stamp){0};
    return (weir__tls_stamp){.device = state.st_dev,
                             .inode = state.st_ino,
                             .size = state.st_size,
                             .modified = state.st_mtim,
                             .changed = state.st_ctim,
                             .mode = state.st_mode};
}

static int open_file(const char *path)
{
    return weir_files_real.open(&weir_files_real, path, O_RDONLY | O_NONBLOCK, 0);
}

weir__tls_stamp weir__tls_stamp_of(const weir__tls_source *source)
{
    int fd = source->path ? open_file(source->path) : -1;
    if (fd < 0)
        return (weir__tls_stamp){0};
    weir__tls_stamp stamp = stamp_of_fd(fd);
    weir_files_real.close(&weir_files_real, fd);
    return stamp;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool weir__tls_stamp_equal(const weir__tls_stamp *a, const weir__tls_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

/* ---- reading ---- */

static const char *remedy_for(int reason)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
        return "check the path, and that the file is mounted";
    case EACCES:
    case EPERM:
        return "let the user that weir runs as read it";
    default:
        return "check the file";
    }
}

weir_status weir__tls_source_read(const weir__tls_source *source, weir_buffer *out, weir__tls_stamp *ret_stamp,
                                  weir_error *ret_error)
{
    *ret_stamp = (weir__tls_stamp){0};
    if (!source->path) {
        weir_buffer_append_text(out, source->pem);
        return WEIR_OK;
    }
    int fd = open_file(source->path);
    weir_status status = WEIR_IO;
    if (fd >= 0) {
        *ret_stamp = stamp_of_fd(fd);
        status = weir_file_read_to_end(&weir_files_real, fd, WEIR__TLS_PEM_BYTES_MAX, out);
    }
    int reason = status == WEIR_TOO_LARGE ? EFBIG : errno;
    if (fd >= 0)
        weir_files_real.close(&weir_files_real, fd);
    if (status != WEIR_OK)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status, "%s %s cannot be read: %s: %s", source->key,
                       source->path, strerror(reason), remedy_for(reason));
    return status;
}
