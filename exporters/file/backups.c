/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/file/backups.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"

enum {
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    S_PER_DAY = 24 * 3600,
    TIME_LEN = 23, /* 2026-01-31T12-00-00.000 */
    TIME_SIZE = 64 /* with room for what a wrong clock may show */
};

/* A path's folder (with its slash, or empty), its name up to the extension, and the extension with its point. */
typedef struct path_parts {
    weir_text folder;
    weir_text stem;
    const char *extension;
} path_parts;

static path_parts parts_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *point = strrchr(name, '.');
    const char *extension = point ? point : name + strlen(name);
    return (path_parts){{path, (size_t)(name - path)}, {name, (size_t)(extension - name)}, extension};
}

static void format_time(uint64_t wall_ns, bool local, char text[TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm broken;
    if (local)
        localtime_r(&seconds, &broken);
    else
        gmtime_r(&seconds, &broken);
    size_t len = strftime(text, TIME_SIZE, "%Y-%m-%dT%H-%M-%S", &broken);
    snprintf(text + len, TIME_SIZE - len, ".%03u", (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
}

static bool exists(const weir_files *files, const char *path)
{
    int fd = files->open(files, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd >= 0)
        files->close(files, fd);
    return fd >= 0;
}

char *file_backups_name(const weir_files *files, const char *path, uint64_t wall_ns, bool local)
{
    const path_parts parts = parts_of(path);
    for (;; wall_ns += NS_PER_MS) {
        char time_text[TIME_SIZE];
        format_time(wall_ns, local, time_text);
        char *name = weir_format("%.*s%.*s-%s-size%s", WEIR_TEXT_ARG(parts.folder), WEIR_TEXT_ARG(parts.stem),
                                 time_text, parts.extension);
        if (!exists(files, name))
            return name;
        free(name);
    }
}

/* ---- Pruning ----------------------------------------------------------------------------------------------------- */

typedef struct backup {
    char *name;
    char time[TIME_LEN + 1];
} backup;

typedef struct backup_list {
    path_parts parts;
    backup *items;
    size_t count;
} backup_list;

/* Times sort as texts. */
static bool is_time(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd-dd-dd.ddd";
    for (size_t i = 0; i < TIME_LEN; i++) {
        bool fits = form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
        if (!fits)
            return false;
    }
    return true;
}

/* STEM-TIME[-REASON]EXTENSION. A reason has no hyphen. */
static void add_if_backup(void *user, const char *name)
{
    backup_list *self = user;
    const weir_text stem = self->parts.stem;
    const size_t len = strlen(name), extension_len = strlen(self->parts.extension);
    if (len < stem.len + 1 + TIME_LEN + extension_len || memcmp(name, stem.data, stem.len) != 0 ||
        name[stem.len] != '-' || strcmp(name + len - extension_len, self->parts.extension) != 0)
        return;
    const char *time_text = name + stem.len + 1;
    const char *reason = time_text + TIME_LEN;
    const size_t reason_len = (size_t)(name + len - extension_len - reason);
    if (!is_time(time_text) || (reason_len > 0 && (reason[0] != '-' || memchr(reason + 1, '-', reason_len - 1))))
        return;
    self->items = weir_realloc(self->items, self->count + 1, sizeof *self->items);
    backup *added = &self->items[self->count++];
    *added = (backup){.name = weir_strdup(name)};
    memcpy(added->time, time_text, TIME_LEN);
}

static int newest_first(const void *a, const void *b)
{
    return strcmp(((const backup *)b)->time, ((const backup *)a)->time);
}

static void delete_backup(const weir_files *files, const backup_list *list, const backup *old)
{
    WEIR_FREE char *path = weir_format("%.*s%s", WEIR_TEXT_ARG(list->parts.folder), old->name);
    files->unlink(files, path);
}

void file_backups_prune(const weir_files *files, const char *path, uint64_t max_days, uint64_t max_backups,
                        uint64_t wall_ns, bool local)
{
    if (max_days == 0 && max_backups == 0)
        return;
    backup_list list = {.parts = parts_of(path)};
    WEIR_FREE char *folder = weir_format("%.*s.", WEIR_TEXT_ARG(list.parts.folder));
    files->list(files, folder, add_if_backup, &list);
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, newest_first);
    const uint64_t age_max_ns = max_days * S_PER_DAY * NS_PER_S;
    char oldest[TIME_SIZE] = "";
    if (max_days > 0 && age_max_ns < wall_ns)
        format_time(wall_ns - age_max_ns, local, oldest);
    for (size_t i = 0; i < list.count; i++) {
        bool too_many = max_backups > 0 && i >= max_backups;
        if (too_many || strcmp(list.items[i].time, oldest) < 0)
            delete_backup(files, &list, &list.items[i]);
        free(list.items[i].name);
    }
    free(list.items);
}
