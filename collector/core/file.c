/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int real_open(const weir_files *files, const char *path, int flags, unsigned mode)
{
    (void)files;
    return open(path, flags | O_CLOEXEC, mode);
}

static ssize_t real_read(const weir_files *files, int fd, void *buffer, size_t size)
{
    (void)files;
    return read(fd, buffer, size);
}

static int real_close(const weir_files *files, int fd)
{
    (void)files;
    return close(fd);
}

const weir_files weir_files_real = {.open = real_open, .read = real_read, .close = real_close};

static weir_status read_to_end(const weir_files *files, int fd, size_t size_max, weir_buffer *out)
{
    enum { STEP_BYTES = 16 * 1024 };
    size_t start = out->len;
    for (;;) {
        uint8_t *end = weir_buffer_reserve(out, STEP_BYTES);
        ssize_t got = files->read(files, fd, end, STEP_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return WEIR_IO;
        if (got == 0)
            return WEIR_OK;
        out->len += (size_t)got;
        if (out->len - start > size_max)
            return WEIR_TOO_LARGE;
    }
}

weir_status weir_file_read_all(const weir_files *files, const char *path, size_t size_max, weir_buffer *out)
{
    int fd = files->open(files, path, O_RDONLY, 0);
    if (fd < 0)
        return errno == ENOENT ? WEIR_NOT_FOUND : WEIR_IO;
    weir_status status = read_to_end(files, fd, size_max, out);
    int read_errno = errno;
    files->close(files, fd);
    errno = read_errno;
    return status;
}
