/* SPDX-License-Identifier: Apache-2.0
 *
 * What the `file` exporter can be told: the keys of the Collector's, and weir's queue in front of it.
 */
#ifndef WEIR_EXPORTERS_FILE_CONFIG_H
#define WEIR_EXPORTERS_FILE_CONFIG_H

#include "exporters/sender/sender.h"

typedef enum file_format { FILE_JSON, FILE_PROTO } file_format;
typedef enum file_compression { FILE_NOT_COMPRESSED, FILE_ZSTD } file_compression;

typedef struct file_rotation_config {
    uint64_t max_megabytes; /* 0: as the default */
    uint64_t max_days;      /* 0: no limit */
    uint64_t max_backups;   /* 0: no limit */
    bool localtime;
} file_rotation_config;

typedef struct file_group_config {
    bool enabled;
    char *resource_attribute;
    uint64_t max_open_files;
} file_group_config;

typedef struct file_compression_params {
    int64_t level; /* 0: the usual one */
} file_compression_params;

typedef struct file_config {
    weir_sender_queue_config *queue; /* NULL: not written */
    weir_sender_retry_config retry;
    char *path;
    file_rotation_config *rotation; /* NULL: not written */
    int format;                     /* file_format */
    int compression;                /* file_compression */
    file_compression_params compression_params;
    bool append;
    bool fsync;
    file_group_config group_by;
    bool create_directory;
    char *directory_permissions;
} file_config;

extern const weir_option file_options[];

/* The sender's view of it: without a `sending_queue` there is none. */
weir_sender_config file_config_sender(const file_config *config);

/* The bits of directory_permissions; 0755 if it is not written. False if it is not octal, or has other bits. */
bool file_config_permissions(const file_config *config, unsigned *ret_mode);

/* Rules across keys. */
void file_config_check(const file_config *config, const weir_node *node, weir_diagnostics *diagnostics);

#endif
