/* SPDX-License-Identifier: Apache-2.0 */
#include "faulty_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "core/assert.h"
#include "core/memory.h"

const char *faulty_call_name(faulty_call call)
{
    static const char *const names[FAULTY_CALLS] = {"open",   "pread",  "pwritev", "fdatasync",   "ftruncate", "fstat",
                                                    "rename", "unlink", "mkdir",   "sync_folder", "list",      "read"};
    return names[call];
}

static faulty_files *self_of(const weir_files *files)
{
    return (faulty_files *)(uintptr_t)files; /* super is the first member, and what tests hand out is not const */
}

/* True if this call is the one to fail. */
static bool is_due(faulty_files *self, faulty_call call)
{
    unsigned number = ++self->calls[call];
    if (call == self->also_call && self->fail_at > 0 && self->calls[self->fail_call] >= self->fail_at)
        return true;
    if (self->fail_at == 0 || call != self->fail_call || number < self->fail_at)
        return false;
    unsigned last = self->fail_at + (self->failure.part != FAULTY_NOTHING && self->failure.error != 0);
    return self->forever || number <= last;
}

static bool fails(faulty_files *self, faulty_call call)
{
    if (!is_due(self, call) || self->failure.error == 0)
        return false;
    errno = self->failure.error;
    return true;
}

/* ---- files and names ---- */

static void drop_link(faulty_file *file)
{
    if (--file->links > 0)
        return;
    weir_buffer_done(&file->seen);
    weir_buffer_done(&file->on_disk);
    free(file);
}

static faulty_name *find_name(faulty_names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->entries[i].path, path) == 0)
            return &names->entries[i];
    }
    return NULL;
}

static void add_name(faulty_names *names, const char *path, faulty_file *file)
{
    WEIR_ASSERT(names->count < FAULTY_FILES_MAX && strlen(path) < FAULTY_PATH_MAX);
    faulty_name *name = &names->entries[names->count++];
    snprintf(name->path, sizeof name->path, "%s", path);
    name->file = file;
    file->links++;
}

static void remove_name(faulty_names *names, faulty_name *name)
{
    drop_link(name->file);
    *name = names->entries[--names->count];
}

static void clear_names(faulty_names *names)
{
    while (names->count > 0)
        remove_name(names, &names->entries[0]);
}

static void copy_names(faulty_names *to, const faulty_names *from)
{
    for (size_t i = 0; i < from->count; i++)
        add_name(to, from->entries[i].path, from->entries[i].file);
}

static void copy_bytes(weir_buffer *to, const weir_buffer *from)
{
    to->len = 0;
    if (from->len > 0)
        weir_buffer_append(to, from->data, from->len);
}

static bool is_in(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

/* ---- the table ---- */

static int faulty_open(const weir_files *files, const char *path, int flags, unsigned mode)
{
    faulty_files *self = self_of(files);
    (void)mode;
    if (fails(self, FAULTY_OPEN))
        return -1;
    faulty_name *name = find_name(&self->seen, path);
    errno = name ? EEXIST : ENOENT;
    if (name ? (flags & O_EXCL) != 0 : (flags & O_CREAT) == 0)
        return -1;
    if (!name) {
        add_name(&self->seen, path, WEIR_NEW(faulty_file));
        name = find_name(&self->seen, path);
    }
    int fd = 0;
    while (self->handles[fd].file)
        WEIR_ASSERT(++fd < FAULTY_HANDLES_MAX);
    self->handles[fd] = (faulty_handle){.file = name->file, .flags = flags};
    name->file->links++;
    return fd;
}

static ssize_t read_at(const faulty_file *file, void *buffer, size_t size, uint64_t offset)
{
    if (offset >= file->seen.len)
        return 0;
    size_t len = file->seen.len - offset < size ? file->seen.len - (size_t)offset : size;
    memcpy(buffer, file->seen.data + offset, len);
    return (ssize_t)len;
}

static ssize_t faulty_read(const weir_files *files, int fd, void *buffer, size_t size)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_READ))
        return -1;
    faulty_handle *handle = &self->handles[fd];
    ssize_t got = read_at(handle->file, buffer, size, handle->position);
    handle->position += (uint64_t)got;
    return got;
}

static ssize_t faulty_pread(const weir_files *files, int fd, void *buffer, size_t size, uint64_t offset)
{
    faulty_files *self = self_of(files);
    return fails(self, FAULTY_PREAD) ? -1 : read_at(self->handles[fd].file, buffer, size, offset);
}

static void resize(weir_buffer *bytes, size_t size)
{
    if (size > bytes->len)
        memset(weir_buffer_reserve(bytes, size - bytes->len), 0, size - bytes->len);
    bytes->len = size;
}

static void write_at(weir_buffer *bytes, const void *data, size_t len, uint64_t offset)
{
    if (len == 0)
        return;
    if (bytes->len < offset + len)
        resize(bytes, (size_t)offset + len);
    memcpy(bytes->data + offset, data, len);
}

static ssize_t faulty_pwritev(const weir_files *files, int fd, const struct iovec *parts, int count, uint64_t offset)
{
    faulty_files *self = self_of(files);
    size_t asked = 0;
    for (int i = 0; i < count; i++)
        asked += parts[i].iov_len;
    size_t len = asked;
    if (is_due(self, FAULTY_PWRITEV)) {
        bool is_first = self->calls[FAULTY_PWRITEV] == self->fail_at;
        errno = self->failure.error;
        if (self->failure.part == FAULTY_NOTHING || !is_first)
            return -1;
        len = self->failure.part == FAULTY_HALF ? (asked + 1) / 2 : 1;
    }
    weir_buffer *bytes = &self->handles[fd].file->seen;
    if (self->handles[fd].flags & O_APPEND)
        offset = bytes->len;
    for (size_t wrote = 0, i = 0; wrote < len; i++) {
        size_t step = parts[i].iov_len < len - wrote ? parts[i].iov_len : len - wrote;
        write_at(bytes, parts[i].iov_base, step, offset + wrote);
        wrote += step;
    }
    return (ssize_t)len;
}

static int faulty_fdatasync(const weir_files *files, int fd)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_FDATASYNC))
        return -1;
    faulty_file *file = self->handles[fd].file;
    copy_bytes(&file->on_disk, &file->seen);
    return 0;
}

static int faulty_ftruncate(const weir_files *files, int fd, uint64_t size)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_FTRUNCATE))
        return -1;
    resize(&self->handles[fd].file->seen, (size_t)size);
    return 0;
}

static int faulty_fstat(const weir_files *files, int fd, struct stat *ret_stat)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_FSTAT))
        return -1;
    const faulty_file *file = self->handles[fd].file;
    *ret_stat = (struct stat){.st_size = (off_t)file->seen.len};
    for (size_t i = 0; i < self->seen.count; i++)
        ret_stat->st_nlink += self->seen.entries[i].file == file;
    return 0;
}

static int faulty_lock(const weir_files *files, int fd)
{
    faulty_file *file = self_of(files)->handles[fd].file;
    errno = EWOULDBLOCK;
    if (file->is_locked)
        return -1;
    file->is_locked = true;
    return 0;
}

/* Closing any handle gives the lock up: tests have no second one of a lock file. */
static int faulty_close(const weir_files *files, int fd)
{
    faulty_handle *handle = &self_of(files)->handles[fd];
    handle->file->is_locked = false;
    drop_link(handle->file);
    *handle = (faulty_handle){0};
    return 0;
}

static int faulty_rename(const weir_files *files, const char *from, const char *to)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_RENAME))
        return -1;
    faulty_name *name = find_name(&self->seen, from);
    errno = ENOENT;
    if (!name)
        return -1;
    WEIR_ASSERT(!find_name(&self->seen, to));
    snprintf(name->path, sizeof name->path, "%s", to);
    return 0;
}

static int faulty_unlink(const weir_files *files, const char *path)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_UNLINK))
        return -1;
    faulty_name *name = find_name(&self->seen, path);
    errno = ENOENT;
    if (!name)
        return -1;
    remove_name(&self->seen, name);
    return 0;
}

static int faulty_mkdir(const weir_files *files, const char *path, unsigned mode)
{
    faulty_files *self = self_of(files);
    (void)mode;
    if (fails(self, FAULTY_MKDIR))
        return -1;
    errno = EEXIST;
    if (find_name(&self->seen, path))
        return -1;
    faulty_file *folder = WEIR_NEW(faulty_file);
    folder->is_folder = true;
    add_name(&self->seen, path, folder);
    return 0;
}

static void sync_names(faulty_files *self, const char *folder)
{
    for (size_t i = self->on_disk.count; i-- > 0;) {
        if (is_in(self->on_disk.entries[i].path, folder))
            remove_name(&self->on_disk, &self->on_disk.entries[i]);
    }
    for (size_t i = 0; i < self->seen.count; i++) {
        if (is_in(self->seen.entries[i].path, folder))
            add_name(&self->on_disk, self->seen.entries[i].path, self->seen.entries[i].file);
    }
}

static int faulty_sync_folder(const weir_files *files, const char *path)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_SYNC_FOLDER))
        return -1;
    char folder[FAULTY_PATH_MAX];
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    snprintf(folder, sizeof folder, "%.*s", (int)len, path);
    sync_names(self, folder);
    return 0;
}

static int faulty_list(const weir_files *files, const char *path, void (*on_name)(void *user, const char *name),
                       void *user)
{
    faulty_files *self = self_of(files);
    if (fails(self, FAULTY_LIST))
        return -1;
    errno = ENOENT;
    if (!find_name(&self->seen, path))
        return -1;
    for (size_t i = 0; i < self->seen.count; i++) {
        if (is_in(self->seen.entries[i].path, path))
            on_name(user, self->seen.entries[i].path + strlen(path) + 1);
    }
    return 0;
}

void faulty_files_init(faulty_files *faulty)
{
    *faulty = (faulty_files){
        .also_call = FAULTY_CALLS,
        .super = {.open = faulty_open,
                  .read = faulty_read,
                  .pread = faulty_pread,
                  .pwritev = faulty_pwritev,
                  .fdatasync = faulty_fdatasync,
                  .ftruncate = faulty_ftruncate,
                  .fstat = faulty_fstat,
                  .lock = faulty_lock,
                  .close = faulty_close,
                  .rename = faulty_rename,
                  .unlink = faulty_unlink,
                  .mkdir = faulty_mkdir,
                  .sync_folder = faulty_sync_folder,
                  .list = faulty_list},
    };
}

/* ---- for tests ---- */

void faulty_put(faulty_files *faulty, const char *path, const void *bytes, size_t size)
{
    faulty_name *old = find_name(&faulty->seen, path);
    if (old)
        remove_name(&faulty->seen, old);
    old = find_name(&faulty->on_disk, path);
    if (old)
        remove_name(&faulty->on_disk, old);
    faulty_file *file = WEIR_NEW(faulty_file);
    file->is_folder = bytes == NULL;
    write_at(&file->seen, bytes, size, 0);
    copy_bytes(&file->on_disk, &file->seen);
    add_name(&faulty->seen, path, file);
    add_name(&faulty->on_disk, path, file);
}

const weir_buffer *faulty_get(faulty_files *faulty, const char *path)
{
    const faulty_name *name = find_name(&faulty->seen, path);
    return name ? &name->file->seen : NULL;
}

void faulty_heal(faulty_files *faulty)
{
    faulty->fail_at = 0;
}

void faulty_kill(faulty_files *faulty)
{
    for (int fd = 0; fd < FAULTY_HANDLES_MAX; fd++) {
        if (faulty->handles[fd].file)
            faulty_close(&faulty->super, fd);
    }
}

/* The file system may have written some of what a file was extended by. */
static void lose_unsynced(faulty_file *file, unsigned kept_percent)
{
    size_t synced = file->on_disk.len;
    size_t added = file->seen.len > synced ? file->seen.len - synced : 0;
    size_t kept = added * kept_percent / 100;
    if (kept > 0)
        weir_buffer_append(&file->on_disk, file->seen.data + synced, kept);
    copy_bytes(&file->seen, &file->on_disk);
}

/* A file whose folder's own name was not synced cannot be reached any more. */
static void lose_unreachable(faulty_names *names)
{
    for (size_t i = names->count; i-- > 0;) {
        char folder[FAULTY_PATH_MAX];
        const char *path = names->entries[i].path;
        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
        if (folder[0] != '\0' && !find_name(names, folder))
            remove_name(names, &names->entries[i]);
    }
}

void faulty_power_cut(faulty_files *faulty, unsigned kept_percent)
{
    faulty_kill(faulty);
    clear_names(&faulty->seen);
    copy_names(&faulty->seen, &faulty->on_disk);
    lose_unreachable(&faulty->seen);
    for (size_t i = 0; i < faulty->seen.count; i++)
        lose_unsynced(faulty->seen.entries[i].file, kept_percent);
}

void faulty_files_done(faulty_files *faulty)
{
    faulty_kill(faulty);
    clear_names(&faulty->seen);
    clear_names(&faulty->on_disk);
}
