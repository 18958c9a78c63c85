/* SPDX-License-Identifier: Apache-2.0
 *
 * Key names and defaults are those of the Collector's extension (storage/filestorage); where a default differs, the row
 * says so.
 */
#include "extensions/file_storage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/file.h"
#include "core/memory.h"
#include "queue/storage.h"
#include "telemetry/log.h"

typedef struct dead_letters_config {
    uint64_t bytes_max;
} dead_letters_config;

typedef struct file_storage_config {
    char *directory;
    uint64_t bytes_max;
    uint64_t age_max_ms;
    uint64_t segment_bytes;
    bool fsync;
    bool create_directory;
    char *directory_permissions;
    dead_letters_config dead_letters;
} file_storage_config;

static const weir_option dead_letters_options[] = {
    {.name = "max_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(dead_letters_config, bytes_max),
     .default_text = "256MiB",
     .min = 1 << 20,
     .max = 1e15,
     .summary = "What dead letters may take of max_size, at most a quarter of it; the oldest make room for new ones."},
    {0}};

#define COMPACTED "weir keeps segments, and removes each as soon as what is in it has been delivered"
#define COMPACTION(key, kind, text)                                                                      \
    {                                                                                                    \
        .name = (key), .type = (kind), .standing = WEIR_SUBSUMED, .remark = COMPACTED, .summary = (text) \
    }

static const weir_option compaction_options[] = {
    COMPACTION("on_start", WEIR_OPTION_BOOL, "Whether the file is compacted at start."),
    COMPACTION("on_rebound", WEIR_OPTION_BOOL, "Whether the file is compacted while in use."),
    COMPACTION("directory", WEIR_OPTION_STRING, "Where the compacted copy is written."),
    COMPACTION("rebound_needed_threshold_mib", WEIR_OPTION_UINT, "From which size on compaction may be needed."),
    COMPACTION("rebound_trigger_threshold_mib", WEIR_OPTION_UINT, "Below which amount of data it begins."),
    COMPACTION("max_transaction_size", WEIR_OPTION_UINT, "How many entries are copied at once."),
    COMPACTION("check_interval", WEIR_OPTION_DURATION, "How often it is looked whether compaction is needed."),
    COMPACTION("cleanup_on_start", WEIR_OPTION_BOOL, "Whether half-made copies are removed at start."),
    {0}};

static const weir_option file_storage_options[] = {
    {.name = "directory",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(file_storage_config, directory),
     .default_text = "/var/lib/otelcol/file_storage",
     .summary = "Where the queues lie; on a disk that survives what they are to survive."},
    {.name = "create_directory",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_storage_config, create_directory),
     .default_text = "false",
     .summary = "Whether the directory is made, with those above it, if it is not there."},
    {.name = "directory_permissions",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(file_storage_config, directory_permissions),
     .default_text = "0750",
     .summary = "The permissions of a directory that is made, as an octal number. Of the queues in it: 0700, always."},
    {.name = "fsync",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_storage_config, fsync),
     .default_text = "true",
     .otel_default = "false",
     .remark = "an OK is a promise: without it what was answered OK is lost when the machine loses power",
     .summary = "Whether data is synced to the disk before it is answered OK; one sync serves all that wait for it."},
    {.name = "max_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(file_storage_config, bytes_max),
     .default_text = "0",
     .max = 1e15,
     .summary = "What all files together may take, dead letters included; then data is refused. 0: half of what is "
                "free at start, own files counted as free."},
    {.name = "max_age",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(file_storage_config, age_max_ms),
     .default_text = "0",
     .summary = "What has been stored for longer goes to the dead letters instead of being sent; 0 means no limit."},
    {.name = "segment_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(file_storage_config, segment_bytes),
     .default_text = "16MiB",
     .min = 64 << 10,
     .max = 1 << 30,
     .summary =
         "The size at which a new file is begun, at most a sixteenth of max_size, and less where more than four queues "
         "share it; space comes free file by file."},
    {.name = "dead_letters",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(file_storage_config, dead_letters),
     .group = dead_letters_options,
     .group_size = sizeof(dead_letters_config),
     .summary = "What can never be delivered and was answered OK."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .standing = WEIR_SUBSUMED,
     .remark = "a queue that another process has open is an error at once, which says so",
     .summary = "How long to wait for the lock of a file."},
    {.name = "recreate",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "a damaged file never stops weir: what can be read is delivered, and the file is set aside",
     .summary = "Whether a file that cannot be opened is replaced."},
    {.name = "compaction",
     .type = WEIR_OPTION_GROUP,
     .standing = WEIR_SUBSUMED,
     .remark = COMPACTED,
     .group = compaction_options,
     .summary = "How space of delivered data is given back."},
    {0}};

/* ---- the directory ---- */

/* False if the text is no octal number of permission bits. */
static bool read_permissions(const char *text, unsigned *ret_mode)
{
    char *end;
    errno = 0;
    unsigned long mode = strtoul(text, &end, 8);
    if (errno != 0 || end == text || *end != '\0' || mode > 0777 || text[0] == '-')
        return false;
    *ret_mode = (unsigned)mode;
    return true;
}

/* What is wrong with a directory that others may use beyond `mode`: empty if nothing is. */
static void describe_rights(const char *path, unsigned mode, char *ret_text, size_t size)
{
    struct stat info;
    ret_text[0] = '\0';
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return;
    unsigned beyond = info.st_mode & 077 & ~mode;
    if (beyond)
        snprintf(ret_text, size, "%s has permissions %03o: others than directory_permissions (%04o) says can %s it",
                 path, info.st_mode & 0777, mode, beyond & 022 ? "write to" : "read");
}

static void file_storage_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const file_storage_config *storage = config;
    unsigned mode;
    char text[512];
    if (!read_permissions(storage->directory_permissions, &mode)) {
        weir_diagnostics_error(diagnostics, weir_node_find(node, "directory_permissions"),
                               "directory_permissions must be an octal number of permission bits, as \"0750\"");
        return;
    }
    describe_rights(storage->directory, mode, text, sizeof text);
    if (text[0] != '\0')
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "directory"), "%s", text);
    if (!storage->fsync)
        weir_diagnostics_warning(
            diagnostics, weir_node_find(node, "fsync"),
            "with fsync: false an OK means \"written to a file\": it survives a kill of weir, not a "
            "power cut or a crash of the machine");
    if (storage->bytes_max > 0 && storage->bytes_max < 1 << 20)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "max_size"), "max_size must be at least 1 MiB, or 0");
}

/* Makes the directory and those above it; the ones above get the same permissions. */
static int make_directories(const char *path, unsigned mode)
{
    WEIR_FREE char *part = weir_strdup(path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (weir_files_real.mkdir(&weir_files_real, part, mode) != 0 && errno != EEXIST)
            return -1;
        *at = '/';
    }
    return weir_files_real.mkdir(&weir_files_real, part, mode) != 0 && errno != EEXIST ? -1 : 0;
}

static weir_status find_directory(const char *id, const file_storage_config *config, weir_error *ret_error)
{
    struct stat info;
    unsigned mode = 0;
    if (read_permissions(config->directory_permissions, &mode) && config->create_directory &&
        make_directories(config->directory, mode) != 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "%s: cannot make the directory %s: %s", id,
                              config->directory, strerror(errno));
    if (stat(config->directory, &info) != 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO,
                              "%s: directory %s: %s (with create_directory: true it is made)", id, config->directory,
                              strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "%s: %s is not a directory", id,
                              config->directory);
    return WEIR_OK;
}

static uint64_t free_bytes(const char *directory)
{
    struct statvfs info;
    return statvfs(directory, &info) == 0 ? (uint64_t)info.f_bavail * info.f_frsize : 0;
}

/* ---- life ---- */

static weir_status file_storage_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                     weir_error *ret_error)
{
    const file_storage_config *storage = config;
    unsigned mode = 0;
    char text[512] = "";
    weir_status status = find_directory(id, storage, ret_error);
    if (status != WEIR_OK)
        return status;
    if (read_permissions(storage->directory_permissions, &mode))
        describe_rights(storage->directory, mode, text, sizeof text);
    if (text[0] != '\0')
        weir_log(WEIR_LOG_WARN, id, "%s", text);
    const weir_storage_settings settings = {
        .id = id,
        .directory = storage->directory,
        .files = &weir_files_real,
        .account = host->account,
        .metrics = host->metrics,
        .bytes_max = storage->bytes_max,
        .free_bytes = free_bytes(storage->directory),
        .segment_bytes = storage->segment_bytes,
        .dead_letters_bytes_max = storage->dead_letters.bytes_max,
        .age_max_ms = storage->age_max_ms,
        .fsync = storage->fsync,
    };
    *ret_shared = weir_storage_new(&settings);
    return WEIR_OK;
}

static weir_status file_storage_start(void *shared, weir_error *ret_error)
{
    return weir_storage_start(shared, ret_error);
}

static void file_storage_stop(void *shared)
{
    weir_storage_stop(shared);
}

static void file_storage_close(void *shared)
{
    weir_storage_free(shared);
}

static weir_storage *file_storage_lend(void *shared)
{
    return shared;
}

const weir_component_type weir_extension_file_storage = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXTENSION,
    .name = "file_storage",
    .summary = "Keeps the queues of exporters on disk, and what can never be delivered as dead letters.",
    .signals = WEIR_ON_ALL,
    .options = file_storage_options,
    .config_size = sizeof(file_storage_config),
    .check = file_storage_check,
    .open = file_storage_open,
    .close = file_storage_close,
    .extension_start = file_storage_start,
    .extension_stop = file_storage_stop,
    .lends = WEIR_LENDS_STORAGE,
    .extension_storage = file_storage_lend,
};
