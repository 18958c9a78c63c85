/* SPDX-License-Identifier: Apache-2.0
 *
 * Key names and defaults are those of the Collector's fileexporter.
 */
#include "exporters/file/config.h"

#include <stdlib.h>
#include <string.h>

static const char *const format_names[] = {"json", "proto", NULL};
static const char *const compression_names[] = {"none", "zstd", NULL};

static const weir_option rotation_options[] = {
    {.name = "max_megabytes",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(file_rotation_config, max_megabytes),
     .default_text = "100",
     .max = 1e9,
     .unit = "MiB",
     .summary = "Before a file would become larger than this, it is put aside and a new one begun."},
    {.name = "max_days",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(file_rotation_config, max_days),
     .default_text = "0",
     .max = 1e6,
     .unit = "days",
     .summary = "Files put aside longer ago than this are deleted, when the next one is put aside; 0 means never."},
    {.name = "max_backups",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(file_rotation_config, max_backups),
     .default_text = "100",
     .max = 1e6,
     .unit = "files",
     .summary = "How many files put aside are kept, the oldest being deleted first; 0 means all."},
    {.name = "localtime",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_rotation_config, localtime),
     .default_text = "false",
     .summary = "Whether their names have the local time instead of UTC."},
    {0}};

static const weir_option compression_params_options[] = {
    {.name = "level",
     .type = WEIR_OPTION_INT,
     .offset = offsetof(file_compression_params, level),
     .default_text = "0",
     .min = -7,
     .max = 12,
     .summary = "How hard zstd tries, from -7 to 12; 0 means the level that saves most for its CPU."},
    {0}};

static const weir_option group_options[] = {
    {.name = "enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_group_config, enabled),
     .default_text = "false",
     .summary = "Whether every value of a resource attribute has a file of its own."},
    {.name = "resource_attribute",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(file_group_config, resource_attribute),
     .default_text = "fileexporter.path_segment",
     .summary = "The attribute whose value takes the place of the * in path. Resources without it are rejected."},
    {.name = "max_open_files",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(file_group_config, max_open_files),
     .default_text = "100",
     .min = 1,
     .max = 10000,
     .unit = "files",
     .summary = "How many files are open at the same time; the one written to longest ago is closed for another."},
    {0}};

const weir_option file_options[] = {
    {.name = "path",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(file_config, path),
     .required = true,
     .summary = "The file, relative to the working directory; with group_by it has one * in it."},
    {.name = "append",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_config, append),
     .default_text = "false",
     .summary = "Whether a file that exists is continued (true) or emptied (false) when weir starts. With rotation and "
                "with group_by files are always continued."},
    {.name = "rotation",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(file_config, rotation),
     .group = rotation_options,
     .group_size = sizeof(file_rotation_config),
     .summary = "When a file is put aside under a name with the time in it; never unless this is written."},
    {.name = "format",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(file_config, format),
     .default_text = "json",
     .enum_names = format_names,
     .summary = "OTLP/JSON, one request per line, or OTLP protobuf, each request behind its length in four bytes."},
    {.name = "encoding",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "leave the key out and choose `format: json` or `format: proto`: weir has no encoding extensions",
     .summary = "An extension that encodes the data."},
    {.name = "compression",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(file_config, compression),
     .default_text = "none",
     .enum_names = compression_names,
     .summary = "With zstd every request is compressed for itself and stands behind its length in four bytes."},
    {.name = "compression_params",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(file_config, compression_params),
     .group = compression_params_options,
     .group_size = sizeof(file_compression_params),
     .summary = "How it is compressed."},
    {.name = "flush_interval",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark =
         "every request is written through before it is answered: what waits in a buffer is lost when a process dies",
     .summary = "How long data may wait in a buffer."},
    {.name = "fsync",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_config, fsync),
     .default_text = "false",
     .summary =
         "weir's own: whether a request is answered only once it is synced to the disk, so that a power cut cannot "
         "undo it. It costs one sync per request, during which the worker waits."},
    {.name = "group_by",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(file_config, group_by),
     .group = group_options,
     .group_size = sizeof(file_group_config),
     .summary = "A file for every value of a resource attribute."},
    {.name = "create_directory",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(file_config, create_directory),
     .default_text = "false",
     .summary = "Whether the folders in path are made where they are missing; with group_by they always are."},
    {.name = "directory_permissions",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(file_config, directory_permissions),
     .summary = "The rights of folders that are made, in octal: \"0755\" if not written, less the umask."},
    {.name = "sending_queue",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(file_config, queue),
     .group = weir_sender_queue_options,
     .group_size = sizeof(weir_sender_queue_config),
     .summary =
         "A queue in front of the file, on disk or in memory. Off unless written, as the Collector's file exporter "
         "has none."},
    {.name = "retry_on_failure",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(file_config, retry),
     .group = weir_sender_retry_options,
     .group_size = sizeof(weir_sender_retry_config),
     .summary = "What happens when the file cannot be written, because the disk is full for example."},
    {0}};

weir_sender_config file_config_sender(const file_config *config)
{
    weir_sender_config sender = {.retry = config->retry};
    if (config->queue)
        sender.queue = *config->queue;
    else
        sender.queue = (weir_sender_queue_config){.num_consumers = 1, .queue_size = 1, .wait_for_result = true};
    return sender;
}

bool file_config_permissions(const file_config *config, unsigned *ret_mode)
{
    enum { OCTAL = 8, DEFAULT_MODE = 0755, MODE_BITS = 0777 };
    *ret_mode = DEFAULT_MODE;
    const char *text = config->directory_permissions;
    if (!text || !*text)
        return true;
    char *end;
    unsigned long mode = strtoul(text, &end, OCTAL);
    if (*end || text[0] < '0' || text[0] > '7' || mode > MODE_BITS)
        return false;
    *ret_mode = (unsigned)mode;
    return true;
}

static void check_group(const file_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_node *at = weir_node_find(node, "path");
    const char *star = strchr(config->path, '*');
    if (!star || strchr(star + 1, '*'))
        weir_diagnostics_error(diagnostics, at,
                               "with group_by the path must have exactly one *, as in \"data/*.json\"");
    else if (star == config->path)
        weir_diagnostics_error(diagnostics, at, "with group_by the path must not begin with the *");
    if (!config->group_by.resource_attribute || !*config->group_by.resource_attribute)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "group_by"), "resource_attribute must not be empty");
}

void file_config_check(const file_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    unsigned mode;
    if (config->path && !*config->path)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "path"), "path must not be empty");
    if (config->append && config->rotation)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "append"),
                               "append and rotation exclude each other; with rotation files are always continued");
    if (config->path && *config->path && config->group_by.enabled)
        check_group(config, node, diagnostics);
    const weir_node *permissions = weir_node_find(node, "directory_permissions");
    if (!file_config_permissions(config, &mode))
        weir_diagnostics_error(diagnostics, permissions, "expected octal rights such as \"0750\", found \"%s\"",
                               config->directory_permissions);
    else if (config->directory_permissions && *config->directory_permissions && !config->create_directory &&
             !config->group_by.enabled)
        weir_diagnostics_error(diagnostics, permissions, "directory_permissions needs `create_directory: true`");
    weir_sender_config sender = file_config_sender(config);
    weir_sender_check(&sender, node, diagnostics);
}
