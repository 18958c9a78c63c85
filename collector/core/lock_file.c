/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

static void read_holder(const weir_files *files, int fd, char ret_holder[WEIR_LOCK_HOLDER_SIZE])
{
    ssize_t len = files->pread(files, fd, ret_holder, WEIR_LOCK_HOLDER_SIZE - 1, 0);
    ret_holder[len > 0 ? len : 0] = '\0';
    ret_holder[strspn(ret_holder, "0123456789")] = '\0';
}

weir_status weir_lock_file_take(const weir_files *files, const char *path, int *ret_fd,
                                char ret_holder[WEIR_LOCK_HOLDER_SIZE])
{
    ret_holder[0] = '\0';
    int fd = files->open(files, path, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return WEIR_IO;
    if (files->lock(files, fd) == 0) {
        *ret_fd = fd;
        return WEIR_OK;
    }
    int lock_errno = errno;
    if (lock_errno == EWOULDBLOCK)
        read_holder(files, fd, ret_holder);
    files->close(files, fd);
    errno = lock_errno;
    return lock_errno == EWOULDBLOCK ? WEIR_AGAIN : WEIR_IO;
}

bool weir_lock_file_sign(const weir_files *files, int fd)
{
    char pid[WEIR_LOCK_HOLDER_SIZE];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    struct iovec part = {.iov_base = pid, .iov_len = (size_t)len};
    return files->ftruncate(files, fd, 0) == 0 && weir_file_write_at(files, fd, &part, 1, 0) == WEIR_OK;
}
