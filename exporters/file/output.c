/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/file/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "exporters/file/backups.h"

enum {
    FILE_MODE = 0644, /* as the Collector's, less the umask */
    FRAME_HEADER = 4,
    FRAME_MAX = 1 << 29, /* no record of ours comes near; a length above it was never one */
};

struct file_output {
    const file_output_settings *settings;
    char *path;
    int fd;
    bool is_regular; /* otherwise a device such as /dev/null, which has no size and no lock */
    uint64_t start;  /* of the record begun last */
    bool has_rest;   /* what is behind `start` should be cut off, but could not be yet */
};

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

/* True if no waiting helps: the name itself is wrong. */
static bool is_about_the_name(int error)
{
    return error == EINVAL || error == ENAMETOOLONG || error == ENOTDIR || error == EISDIR || error == ELOOP;
}

static weir_status system_error(const char *what, const char *path, weir_error *ret_error)
{
    weir_error_class class_ = is_about_the_name(errno) ? WEIR_ERROR_PERMANENT : WEIR_ERROR_RETRYABLE;
    return weir_error_set(ret_error, class_, WEIR_IO, "cannot %s %s: %s", what, path, strerror(errno));
}

/* ---- Torn ends --------------------------------------------------------------------------------------------------- */

static weir_status end_torn_line(file_output *self, uint64_t size, weir_error *ret_error)
{
    const weir_files *files = self->settings->files;
    char last;
    if (files->pread(files, self->fd, &last, 1, size - 1) != 1)
        return system_error("read", self->path, ret_error);
    if (last == '\n')
        return WEIR_OK;
    struct iovec line_end = {.iov_base = (char[]){'\n'}, .iov_len = 1};
    if (files->pwritev(files, self->fd, &line_end, 1, size) != 1)
        return system_error("write to", self->path, ret_error);
    return WEIR_OK;
}

static weir_status cut_torn_frame(file_output *self, uint64_t size, weir_error *ret_error)
{
    const weir_files *files = self->settings->files;
    uint64_t at = 0;
    while (at < size) {
        uint8_t header[FRAME_HEADER] = {0};
        if (files->pread(files, self->fd, header, sizeof header, at) < 0)
            return system_error("read", self->path, ret_error);
        uint32_t len = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
        if (size - at >= FRAME_HEADER && len > FRAME_MAX)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                                  "%s was written in another format: move it away, or write the format it has",
                                  self->path);
        if (size - at < FRAME_HEADER || size - at - FRAME_HEADER < len)
            break;
        at += FRAME_HEADER + len;
    }
    if (at < size && files->ftruncate(files, self->fd, at) != 0)
        return system_error("cut off a torn record of", self->path, ret_error);
    return WEIR_OK;
}

static weir_status repair(file_output *self, uint64_t size, weir_error *ret_error)
{
    if (size == 0)
        return WEIR_OK;
    return self->settings->framing == FILE_LINES ? end_torn_line(self, size, ret_error)
                                                 : cut_torn_frame(self, size, ret_error);
}

/* A file's name, too, is lost in a power cut unless its folder is synced. */
static weir_status sync_name(const file_output *self, weir_error *ret_error)
{
    const weir_files *files = self->settings->files;
    const char *slash = strrchr(self->path, '/');
    WEIR_FREE char *folder = slash ? weir_strndup(self->path, (size_t)(slash - self->path) + 1) : weir_strdup(".");
    if (!self->settings->syncs || files->sync_folder(files, folder) == 0)
        return WEIR_OK;
    return system_error("sync the folder of", self->path, ret_error);
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static int open_to_append(const weir_files *files, const char *path)
{
    return files->open(files, path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK, FILE_MODE);
}

static weir_status lock_file(const weir_files *files, int fd, const char *path, weir_error *ret_error)
{
    /* Some file systems know no locks; two of ours on one file are then the user's affair. */
    if (files->lock(files, fd) == 0 || errno != EWOULDBLOCK)
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_IO,
                          "another process or exporter writes to %s: give each a path of its own", path);
}

static weir_status prepare(file_output *self, bool empties, weir_error *ret_error)
{
    const weir_files *files = self->settings->files;
    struct stat stat;
    if (files->fstat(files, self->fd, &stat) != 0)
        return system_error("look at", self->path, ret_error);
    self->is_regular = S_ISREG(stat.st_mode);
    if (!self->is_regular && files->pwritev(files, self->fd, NULL, 0, 0) < 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED,
                              "%s is a terminal or a pipe, which might stop weir; to see data use the debug exporter",
                              self->path);
    if (!self->is_regular)
        return WEIR_OK;
    weir_status status = lock_file(files, self->fd, self->path, ret_error);
    if (status != WEIR_OK)
        return status;
    if (empties && stat.st_size > 0 && files->ftruncate(files, self->fd, 0) != 0)
        return system_error("empty", self->path, ret_error);
    status = repair(self, empties ? 0 : (uint64_t)stat.st_size, ret_error);
    return status == WEIR_OK ? sync_name(self, ret_error) : status;
}

weir_status file_output_open(const file_output_settings *settings, const char *path, bool empties,
                             file_output **ret_output, weir_error *ret_error)
{
    int fd = open_to_append(settings->files, path);
    if (fd < 0)
        return system_error("open", path, ret_error);
    file_output *self = WEIR_NEW(file_output);
    *self = (file_output){.settings = settings, .path = weir_strdup(path), .fd = fd};
    weir_status status = prepare(self, empties, ret_error);
    if (status != WEIR_OK) {
        file_output_close(self);
        return status;
    }
    *ret_output = self;
    return WEIR_OK;
}

void file_output_close(file_output *self)
{
    if (!self)
        return;
    self->settings->files->close(self->settings->files, self->fd);
    free(self->path);
    free(self);
}

const char *file_output_path(const file_output *self)
{
    return self->path;
}

/* ---- Rotation ---------------------------------------------------------------------------------------------------- */

/* Puts the file aside and goes on in a new one. On failure everything is as before. */
static weir_status rotate(file_output *self, uint64_t wall_ns, weir_error *ret_error)
{
    const file_output_settings *settings = self->settings;
    const weir_files *files = settings->files;
    WEIR_FREE char *aside = file_backups_name(files, self->path, wall_ns, settings->localtime);
    if (files->rename(files, self->path, aside) != 0)
        return system_error("put aside", self->path, ret_error);
    int fd = open_to_append(files, self->path);
    if (fd < 0) {
        weir_status status = system_error("open a new", self->path, ret_error);
        files->rename(files, aside, self->path);
        return status;
    }
    weir_status status = lock_file(files, fd, self->path, ret_error);
    files->close(files, self->fd);
    self->fd = fd;
    if (status == WEIR_OK)
        status = sync_name(self, ret_error);
    file_backups_prune(files, self->path, settings->days_max, settings->backups_max, wall_ns, settings->localtime);
    return status;
}

/* ---- Records ----------------------------------------------------------------------------------------------------- */

/* Takes away what there is of the record begun last. */
static void undo(file_output *self)
{
    const weir_files *files = self->settings->files;
    self->has_rest = self->is_regular && files->ftruncate(files, self->fd, self->start) != 0;
}

weir_status file_output_begin(file_output *self, uint64_t expected_len, uint64_t wall_ns, weir_error *ret_error)
{
    const file_output_settings *settings = self->settings;
    const weir_files *files = settings->files;
    if (!self->is_regular)
        return WEIR_OK;
    if (self->has_rest)
        undo(self);
    if (self->has_rest)
        return system_error("cut off a torn record of", self->path, ret_error);
    struct stat stat;
    if (files->fstat(files, self->fd, &stat) != 0)
        return system_error("look at", self->path, ret_error);
    self->start = (uint64_t)stat.st_size;
    if (!settings->rotates || self->start == 0 || self->start + expected_len <= settings->bytes_max)
        return WEIR_OK;
    weir_status status = rotate(self, wall_ns, ret_error);
    if (status == WEIR_OK)
        self->start = 0;
    return status;
}

/* Takes `len` bytes off the front of the parts. Returns how many parts are used up. */
static size_t advance(struct iovec *parts, size_t count, size_t len)
{
    size_t used = 0;
    while (used < count && len >= parts[used].iov_len)
        len -= parts[used++].iov_len;
    if (used < count && len > 0) {
        parts[used].iov_base = (char *)parts[used].iov_base + len;
        parts[used].iov_len -= len;
    }
    return used;
}

weir_status file_output_write(file_output *self, struct iovec *parts, size_t count, weir_error *ret_error)
{
    const weir_files *files = self->settings->files;
    for (size_t at = advance(parts, count, 0); at < count;) {
        size_t step = count - at < IOV_MAX ? count - at : IOV_MAX;
        /* The file was opened to append: the offset does not matter. */
        ssize_t written = files->pwritev(files, self->fd, parts + at, (int)step, 0);
        if (written < 0 && errno == EINTR)
            continue;
        if (written == 0)
            errno = EIO;
        if (written <= 0) {
            weir_status status = system_error("write to", self->path, ret_error);
            undo(self);
            return status;
        }
        at += advance(parts + at, count - at, (size_t)written);
    }
    return WEIR_OK;
}

weir_status file_output_end(file_output *self, weir_error *ret_error)
{
    const weir_files *files = self->settings->files;
    if (!self->settings->syncs || !self->is_regular || files->fdatasync(files, self->fd) == 0)
        return WEIR_OK;
    weir_status status = system_error("sync", self->path, ret_error);
    undo(self);
    return status;
}
