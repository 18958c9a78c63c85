/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/uio.h>
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

static ssize_t real_pread(const weir_files *files, int fd, void *buffer, size_t size, uint64_t offset)
{
    (void)files;
    return pread(fd, buffer, size, (off_t)offset);
}

static ssize_t real_pwritev(const weir_files *files, int fd, const struct iovec *parts, int count, uint64_t offset)
{
    (void)files;
    return pwritev(fd, parts, count, (off_t)offset);
}

static int real_fdatasync(const weir_files *files, int fd)
{
    (void)files;
    return fdatasync(fd);
}

static int real_ftruncate(const weir_files *files, int fd, uint64_t size)
{
    (void)files;
    return ftruncate(fd, (off_t)size);
}

static int real_fstat(const weir_files *files, int fd, struct stat *ret_stat)
{
    (void)files;
    return fstat(fd, ret_stat);
}

static int real_lock(const weir_files *files, int fd)
{
    (void)files;
    return flock(fd, LOCK_EX | LOCK_NB);
}

static int real_close(const weir_files *files, int fd)
{
    (void)files;
    return close(fd);
}

static int real_rename(const weir_files *files, const char *from, const char *to)
{
    (void)files;
    return rename(from, to);
}

static int real_unlink(const weir_files *files, const char *path)
{
    (void)files;
    return unlink(path);
}

static int real_mkdir(const weir_files *files, const char *path, unsigned mode)
{
    (void)files;
    return mkdir(path, mode);
}

static int real_rmdir(const weir_files *files, const char *path)
{
    (void)files;
    return rmdir(path);
}

static int real_sync_folder(const weir_files *files, const char *path)
{
    (void)files;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int sync_errno = errno;
    close(fd);
    errno = sync_errno;
    return result;
}

static int real_list(const weir_files *files, const char *path, void (*on_name)(void *user, const char *name),
                     void *user)
{
    (void)files;
    DIR *folder = opendir(path);
    if (!folder)
        return -1;
    errno = 0; /* how readdir tells an error from the end */
    for (const struct dirent *entry; (entry = readdir(folder)); errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            on_name(user, entry->d_name);
    }
    int list_errno = errno;
    closedir(folder);
    errno = list_errno;
    return list_errno ? -1 : 0;
}

const weir_files weir_files_real = {
    .open = real_open,
    .read = real_read,
    .pread = real_pread,
    .pwritev = real_pwritev,
    .fdatasync = real_fdatasync,
    .ftruncate = real_ftruncate,
    .fstat = real_fstat,
    .lock = real_lock,
    .close = real_close,
    .rename = real_rename,
    .unlink = real_unlink,
    .mkdir = real_mkdir,
    .rmdir = real_rmdir,
    .sync_folder = real_sync_folder,
    .list = real_list,
};

weir_status weir_file_read_to_end(const weir_files *files, int fd, size_t size_max, weir_buffer *out)
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
    weir_status status = weir_file_read_to_end(files, fd, size_max, out);
    int read_errno = errno;
    files->close(files, fd);
    errno = read_errno;
    return status;
}

weir_status weir_file_read_at(const weir_files *files, int fd, void *ret_bytes, size_t size, uint64_t offset)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = files->pread(files, fd, (uint8_t *)ret_bytes + have, size - have, offset + have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got == 0)
            errno = EIO; /* the file was longer a moment ago */
        if (got <= 0)
            return WEIR_IO;
        have += (size_t)got;
    }
    return WEIR_OK;
}

/* Takes `len` written bytes, and parts that are empty, off the front. */
static void consume_parts(struct iovec **parts, size_t *count, size_t len)
{
    while (*count > 0 && len >= (*parts)->iov_len) {
        len -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (len > 0) {
        (*parts)->iov_base = (uint8_t *)(*parts)->iov_base + len;
        (*parts)->iov_len -= len;
    }
}

weir_status weir_file_write_at(const weir_files *files, int fd, struct iovec *parts, size_t count, uint64_t offset)
{
    consume_parts(&parts, &count, 0);
    while (count > 0) {
        ssize_t wrote = files->pwritev(files, fd, parts, count < IOV_MAX ? (int)count : IOV_MAX, offset);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote == 0)
            errno = ENOSPC; /* a file system that takes nothing and says nothing has no room */
        if (wrote <= 0)
            return WEIR_IO;
        offset += (uint64_t)wrote;
        consume_parts(&parts, &count, (size_t)wrote);
    }
    return WEIR_OK;
}
