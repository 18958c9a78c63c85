/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths made of what clients send. Whatever the value, the path begins with what stands before the * in the
 * configuration: "../" leads nowhere.
 */
#ifndef WEIR_EXPORTERS_FILE_PATH_H
#define WEIR_EXPORTERS_FILE_PATH_H

#include "core/file.h"

/* "a/./b//../c" to "a/c", as Go's path.Clean. Gives ownership. */
char *file_path_clean(weir_text path);

/* `pattern` (with one *) with `segment` in place of the *, inside the part before it. NULL if `segment` has a NUL.
 * Gives ownership. */
char *file_path_of_group(const char *pattern, weir_text segment);

/* Makes the folders in front of the last name, where they are missing. Error: WEIR_IO (errno). */
WEIR_MUST_USE weir_status file_path_make_folders(const weir_files *files, const char *path, unsigned mode);

#endif
