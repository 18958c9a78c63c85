/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/lock_file.h"
#include "core/memory.h"
#include "queue/storage_internal.h"
#include "telemetry/log.h"

/* Names the owner of a log for people and tools: "exporter otlp/backend traces\n". */
#define OWNER_FILE "owner"
enum { OWNER_BYTES_MAX = 512 };

/* ---- names ---- */

/* As the Collector names its storage clients: kind, type, name and signal, joined by '_'. So that two owners never
 * share a folder, a '_' of an id is written as "~5F", like every other character that is not plain. */
char *storage_folder_name(const char *owner, weir_signal signal)
{
    WEIR_BUFFER name = {0};
    weir_buffer_append_text(&name, "exporter_");
    for (const char *at = owner; *at; at++) {
        if (*at == '/')
            weir_buffer_append_byte(&name, '_');
        else if (isalnum((unsigned char)*at) || *at == '-' || *at == '.')
            weir_buffer_append_byte(&name, (uint8_t)*at);
        else
            weir_buffer_printf(&name, "~%02X", (unsigned char)*at);
    }
    weir_buffer_printf(&name, "_%s", weir_signal_name(signal));
    return weir_strdup(weir_buffer_string(&name));
}

static void write_owner(const weir_storage_log *log)
{
    const weir_files *files = log->storage->settings.files;
    WEIR_FREE char *path = weir_format("%s/%s", log->folder, OWNER_FILE);
    WEIR_FREE char *text = log->owner ? weir_format("exporter %s %s\n", log->owner, weir_signal_name(log->signal))
                                      : weir_strdup("dead letters\n");
    int fd = files->open(files, path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        return; /* a name for people: the log works without it */
    struct iovec part = {text, strlen(text)};
    if (files->pwritev(files, fd, &part, 1, 0) < 0)
        weir_log(WEIR_LOG_WARN, log->storage->settings.id, "cannot write path=%s error=\"%s\"", path, strerror(errno));
    files->close(files, fd);
}

/* The first line of the owner file; NULL if there is none: then it is not a log of ours. */
static char *read_owner(const weir_files *files, const char *folder)
{
    WEIR_FREE char *path = weir_format("%s/%s", folder, OWNER_FILE);
    char text[OWNER_BYTES_MAX + 1];
    int fd = files->open(files, path, O_RDONLY, 0);
    if (fd < 0)
        return NULL;
    ssize_t len = files->read(files, fd, text, OWNER_BYTES_MAX);
    files->close(files, fd);
    if (len <= 0)
        return NULL;
    text[len] = '\0';
    return weir_strndup(text, strcspn(text, "\n"));
}

/* ---- opening ---- */

static weir_disk_log_settings disk_settings(const weir_storage *storage, const char *folder, uint64_t segment_bytes)
{
    return (weir_disk_log_settings){
        .files = storage->settings.files,
        .folder = folder,
        .folder_mode = 0700,
        .segment_bytes = segment_bytes,
        .fsync = storage->settings.fsync,
    };
}

static bool is_a_file(const weir_files *files, const char *path)
{
    struct stat info;
    int fd = files->open(files, path, O_RDONLY, 0);
    if (fd < 0)
        return false;
    bool is_file = files->fstat(files, fd, &info) == 0 && S_ISREG(info.st_mode);
    files->close(files, fd);
    return is_file;
}

weir_status storage_log_open(weir_storage_log *log, weir_error *ret_error)
{
    weir_storage *storage = log->storage;
    weir_disk_log_settings settings = disk_settings(storage, log->folder, storage_log_segment_bytes(log));
    if (is_a_file(settings.files, log->folder))
        return weir_error_set(
            ret_error, WEIR_ERROR_PERMANENT, WEIR_IO,
            "%s is a file of the OpenTelemetry Collector's file_storage, which weir does not read: let "
            "the Collector empty it, or give weir another directory",
            log->folder);
    weir_status status = weir_disk_log_open(&settings, &log->disk, ret_error);
    if (status != WEIR_OK)
        return status;
    write_owner(log);
    weir_disk_log_counts found = weir_disk_log_count(log->disk);
    log->items_expected = storage_items(&found);
    log->told.damaged_records = found.damaged_records;
    if (log->owner)
        weir_metric_add(log->meters.recovered, (int64_t)log->items_expected);
    storage_log_publish(log);
    return WEIR_OK;
}

/* ---- the directory ---- */

#define LOCK_FILE "storage.lock"

weir_status storage_lock_directory(weir_storage *storage, weir_error *ret_error)
{
    const weir_storage_settings *settings = &storage->settings;
    WEIR_FREE char *path = weir_format("%s/%s", settings->directory, LOCK_FILE);
    char holder[WEIR_LOCK_HOLDER_SIZE];
    weir_status status = weir_lock_file_take(settings->files, path, &storage->lock_fd, holder);
    if (status == WEIR_AGAIN)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status,
                              "%s: another process holds it%s%s, or another storage of this configuration; give each a "
                              "directory of its own",
                              settings->directory, holder[0] ? ", pid " : "", holder);
    if (status != WEIR_OK)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status, "cannot lock %s: %s", path, strerror(errno));
    if (!weir_lock_file_sign(settings->files, storage->lock_fd))
        weir_log(WEIR_LOG_DEBUG, settings->id, "the lock does not name this process directory=%s", settings->directory);
    return WEIR_OK;
}

/* ---- what lies in the directory ---- */

typedef struct name_list {
    char **names;
    size_t count;
} name_list;

static void add_name(void *user, const char *name)
{
    name_list *list = user;
    list->names = weir_realloc(list->names, list->count + 1, sizeof list->names[0]);
    list->names[list->count++] = weir_strdup(name);
}

static void name_list_done(name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
}

static weir_status list_names(const weir_files *files, const char *path, name_list *list, weir_error *ret_error)
{
    if (files->list(files, path, add_name, list) == 0)
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "cannot read the directory %s: %s", path,
                          strerror(errno));
}

/* Opens the dead letters if there are any. Another process may have them: then they are opened when they are needed. */
weir_status storage_find_dead_letters(weir_storage *storage, weir_error *ret_error)
{
    weir_storage_log *log = storage->dead_letters;
    WEIR_FREE char *owner = read_owner(storage->settings.files, log->folder);
    if (!owner)
        return WEIR_OK;
    weir_status status = storage_log_open(log, ret_error);
    return status == WEIR_AGAIN ? WEIR_OK : status;
}

/* ---- orphans ---- */

static bool is_ours(const weir_storage *storage, const char *folder)
{
    for (const weir_storage_log *log = storage->logs; log; log = log->next) {
        if (strcmp(log->folder, folder) == 0)
            return true;
    }
    return strcmp(storage->dead_letters->folder, folder) == 0;
}

/* A file set aside as damaged is for a person to look at, and keeps the folder. */
static void remove_empty(const weir_storage *storage, const char *folder)
{
    const weir_files *files = storage->settings.files;
    WEIR_CLEANUP(name_list_done) name_list list = {0};
    weir_error error;
    if (list_names(files, folder, &list, &error) != WEIR_OK)
        return;
    for (size_t i = 0; i < list.count; i++) {
        if (strstr(list.names[i], ".damaged"))
            return;
    }
    for (size_t i = 0; i < list.count; i++) {
        WEIR_FREE char *path = weir_format("%s/%s", folder, list.names[i]);
        files->unlink(files, path);
    }
    files->rmdir(files, folder);
}

static weir_status check_orphan(const weir_storage *storage, const char *folder, const char *owner,
                                weir_error *ret_error)
{
    weir_disk_log_settings settings = disk_settings(storage, folder, storage->segment_bytes);
    weir_disk_log *disk;
    weir_status status = weir_disk_log_open(&settings, &disk, ret_error);
    if (status != WEIR_OK)
        return status == WEIR_AGAIN ? WEIR_OK : status;
    weir_disk_log_counts counts = weir_disk_log_count(disk);
    weir_disk_log_close(disk);
    if (counts.records == 0) {
        remove_empty(storage, folder);
        return WEIR_OK;
    }
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                          "%llu items of %s are left and not in the configuration: put it back, or weir replay them, "
                          "or delete %s",
                          (unsigned long long)storage_items(&counts), owner, folder);
}

weir_status storage_check_orphans(weir_storage *storage, weir_error *ret_error)
{
    const weir_files *files = storage->settings.files;
    WEIR_CLEANUP(name_list_done) name_list list = {0};
    weir_status status = list_names(files, storage->settings.directory, &list, ret_error);
    for (size_t i = 0; status == WEIR_OK && i < list.count; i++) {
        WEIR_FREE char *folder = weir_format("%s/%s", storage->settings.directory, list.names[i]);
        if (is_ours(storage, folder))
            continue;
        WEIR_FREE char *owner = read_owner(files, folder);
        if (owner)
            status = check_orphan(storage, folder, owner, ret_error);
    }
    return status;
}
