/* SPDX-License-Identifier: Apache-2.0
 *
 * The names in a log's folder: 16 hexadecimal digits, the segment's number, and an ending that says what the file is.
 */
#ifndef WEIR_QUEUE_NAMES_H
#define WEIR_QUEUE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "core/file.h"

typedef enum weir_segment_file {
    WEIR_FILE_LOG,
    WEIR_FILE_DONE,
    WEIR_FILE_DAMAGED,
    WEIR_FILE_OTHER, /* not ours, or `lock` */
} weir_segment_file;

/* The path of segment `number`'s file; free() it. `kind` is not WEIR_FILE_OTHER. */
char *weir_segment_path(const char *folder, uint64_t number, weir_segment_file kind);

/* What a name is; `*ret_number` is set unless it is WEIR_FILE_OTHER. */
weir_segment_file weir_segment_name_read(const char *name, uint64_t *ret_number);

/* The segments of a folder. Zero-initialised it is empty. */
typedef struct weir_segment_list {
    uint64_t *numbers; /* owned, ascending */
    size_t count;
} weir_segment_list;

typedef struct weir_folder_view {
    weir_segment_list logs;
    weir_segment_list dones;
    uint64_t number_last; /* the highest of any file, .damaged ones too; 0: there is none */
} weir_folder_view;

/* Errors: WEIR_NOT_FOUND (no such folder), WEIR_IO (errno). */
WEIR_MUST_USE weir_status weir_folder_view_read(const weir_files *files, const char *folder,
                                                weir_folder_view *ret_view);
void weir_folder_view_done(weir_folder_view *view);

bool weir_segment_list_has(const weir_segment_list *list, uint64_t number);

#endif
