/* SPDX-License-Identifier: Apache-2.0
 *
 * The open files of one exporter, by path. When one more is needed than may be open, the one used longest ago is
 * closed. Belongs to one thread at a time; the exporter has a lock for that.
 */
#ifndef WEIR_EXPORTERS_FILE_OUTPUTS_H
#define WEIR_EXPORTERS_FILE_OUTPUTS_H

#include "exporters/file/output.h"

typedef struct file_outputs file_outputs;

/* Borrows `settings`. With `makes_folders` those of a new file are made, with rights `folder_mode`. */
file_outputs *file_outputs_new(const file_output_settings *settings, size_t open_max, bool makes_folders,
                               unsigned folder_mode);
void file_outputs_free(file_outputs *outputs); /* NULL is fine */

/* The output for `path`, opened to be continued (or emptied, if `empties`) unless it is open; borrowed until the next
 * call. Errors as of file_output_open. */
WEIR_MUST_USE weir_status file_outputs_get(file_outputs *outputs, const char *path, bool empties,
                                           file_output **ret_output, weir_error *ret_error);

#endif
