/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/logs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/file.h"
#include "core/memory.h"

enum { SEGMENT_NAME_LEN = 16, OWNER_BYTES_MAX = 4096, LOCKS_BYTES_MAX = 4 * 1024 * 1024 };

static const char dead_letters_folder[] = "deadletter";

/* ---- what a folder is ---- */

typedef struct folder_names {
    weir_strings names;
    bool is_log;
} folder_names;

static void names_done(folder_names *folder)
{
    for (size_t i = 0; i < folder->names.count; i++)
        free(folder->names.items[i]);
    free(folder->names.items);
}

/* "lock", or "0000000000000001.log" and the like (queue/disk_log.h). */
static bool is_file_of_log(const char *name)
{
    size_t digits = 0;
    while (isxdigit((unsigned char)name[digits]))
        digits++;
    return strcmp(name, "lock") == 0 || (digits == SEGMENT_NAME_LEN && (strcmp(name + digits, ".log") == 0 ||
                                                                        strcmp(name + digits, ".damaged") == 0));
}

static void note_name(void *user, const char *name)
{
    folder_names *folder = user;
    folder->is_log = folder->is_log || is_file_of_log(name);
    folder->names.items = weir_realloc(folder->names.items, folder->names.count + 1, sizeof(char *));
    folder->names.items[folder->names.count++] = weir_strdup(name);
}

static weir_status cannot_read(const char *path, weir_error *ret_error)
{
    if (errno == ENOENT)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND, "there is no folder %s", path);
    const char *remedy = errno == EACCES ? "; run this as the user that weir runs as" : "";
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "%s cannot be read: %s%s", path, strerror(errno),
                          remedy);
}

static weir_status read_names(const char *path, folder_names *ret_folder, weir_error *ret_error)
{
    if (weir_files_real.list(&weir_files_real, path, note_name, ret_folder) < 0)
        return cannot_read(path, ret_error);
    return WEIR_OK;
}

/* ---- who holds it ---- */

/* A line of /proc/locks (proc(5)): "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF". A holder in another pid
 * namespace has no number here, or 0. */
static pid_t holder_in_line(const char *line, const struct stat *lock)
{
    int pid;
    unsigned major_number, minor_number;
    unsigned long inode;
    if (sscanf(line, "%*u: FLOCK %*s WRITE %d %x:%x:%lu", &pid, &major_number, &minor_number, &inode) != 4)
        return 0;
    bool is_it = inode == lock->st_ino && makedev(major_number, minor_number) == lock->st_dev;
    return is_it && pid > 0 ? pid : 0;
}

pid_t tool_log_holder(const char *path)
{
    WEIR_FREE char *lock_path = weir_format("%s/lock", path);
    struct stat lock;
    WEIR_BUFFER locks = {0};
    if (stat(lock_path, &lock) < 0 ||
        weir_file_read_all(&weir_files_real, "/proc/locks", LOCKS_BYTES_MAX, &locks) != WEIR_OK)
        return 0;
    pid_t holder = 0;
    for (const char *line = weir_buffer_string(&locks); line && !holder; line = strchr(line, '\n')) {
        line += *line == '\n';
        holder = holder_in_line(line, &lock);
    }
    return holder;
}

/* ---- one log ---- */

/* What the file `owner` says: "exporter otlp/backend traces", or "dead letters" (queue/storage_folder.c). */
static void read_owner(tool_log *log)
{
    static const char kind[] = "exporter ";
    WEIR_FREE char *owner_path = weir_format("%s/owner", log->path);
    WEIR_BUFFER owner = {0};
    log->owner = weir_strdup("");
    if (weir_file_read_all(&weir_files_real, owner_path, OWNER_BYTES_MAX, &owner) != WEIR_OK)
        return;
    const char *text = weir_buffer_string(&owner);
    const char *end = text + strcspn(text, "\n");
    const char *last_space = memrchr(text, ' ', (size_t)(end - text));
    if (strncmp(text, kind, strlen(kind)) != 0 || last_space < text + strlen(kind))
        return;
    free(log->owner);
    text += strlen(kind);
    log->owner = weir_strndup(text, (size_t)(last_space - text));
    WEIR_FREE char *signal = weir_strndup(last_space + 1, (size_t)(end - last_space - 1));
    log->has_signal = weir_signal_find(signal, &log->signal);
}

static const char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_log(tool_logs *logs, char *takes_path)
{
    logs->items = weir_realloc(logs->items, logs->count + 1, sizeof logs->items[0]);
    tool_log *log = &logs->items[logs->count++];
    *log = (tool_log){.path = takes_path, .holder = tool_log_holder(takes_path)};
    log->is_dead_letters = strcmp(name_of_path(takes_path), dead_letters_folder) == 0;
    read_owner(log);
}

static int compare_logs(const void *a, const void *b)
{
    const tool_log *left = a, *right = b;
    if (left->is_dead_letters != right->is_dead_letters)
        return left->is_dead_letters ? 1 : -1;
    return strcmp(left->path, right->path);
}

/* ---- all of them ---- */

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static weir_status add_logs_below(const char *directory, const folder_names *folder, tool_logs *logs,
                                  weir_error *ret_error)
{
    for (size_t i = 0; i < folder->names.count; i++) {
        WEIR_FREE char *path = weir_format("%s/%s", directory, folder->names.items[i]);
        if (!is_folder(path))
            continue;
        WEIR_CLEANUP(names_done) folder_names below = {0};
        weir_status status = read_names(path, &below, ret_error);
        if (status != WEIR_OK)
            return status;
        if (below.is_log)
            add_log(logs, WEIR_TAKE(path));
    }
    return WEIR_OK;
}

weir_status tool_logs_find(const char *directory, tool_logs *ret_logs, weir_error *ret_error)
{
    WEIR_FREE char *path = weir_strdup(directory);
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    WEIR_CLEANUP(names_done) folder_names folder = {0};
    weir_status status = read_names(path, &folder, ret_error);
    if (status != WEIR_OK)
        return status;
    tool_logs logs = {0};
    if (folder.is_log)
        add_log(&logs, WEIR_TAKE(path));
    else
        status = add_logs_below(path, &folder, &logs, ret_error);
    /* The state folder of a weir without a configuration has its storage in "queue". */
    WEIR_FREE char *queue_path = weir_format("%s/queue", directory);
    if (status == WEIR_OK && logs.count == 0 && !folder.is_log && is_folder(queue_path))
        return tool_logs_find(queue_path, ret_logs, ret_error);
    if (status == WEIR_OK && logs.count == 0)
        status =
            weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NOT_FOUND,
                           "%s holds no queue: name the `directory` of a file_storage, or a folder in it", directory);
    if (status != WEIR_OK) {
        tool_logs_done(&logs);
        return status;
    }
    qsort(logs.items, logs.count, sizeof logs.items[0], compare_logs);
    *ret_logs = logs;
    return WEIR_OK;
}

weir_status tool_log_visit(const tool_log *log,
                           bool (*on_record)(void *user, const weir_record *record, weir_disk_position position),
                           void *user, weir_disk_log_counts *ret_counts, weir_error *ret_error)
{
    weir_disk_log_counts counts = {0};
    weir_status status = weir_disk_log_visit(&weir_files_real, log->path, on_record, user, &counts, ret_error);
    if (status != WEIR_OK && status != WEIR_NOT_FOUND)
        return status;
    if (ret_counts)
        *ret_counts = counts;
    return WEIR_OK;
}

void tool_logs_done(tool_logs *logs)
{
    for (size_t i = 0; i < logs->count; i++) {
        free(logs->items[i].path);
        free(logs->items[i].owner);
    }
    free(logs->items);
    *logs = (tool_logs){0};
}
