/* SPDX-License-Identifier: Apache-2.0
 *
 * Files put aside by rotation: data.json becomes data-2026-01-31T12-00-00.000-size.json, as the Collector names them.
 */
#ifndef WEIR_EXPORTERS_FILE_BACKUPS_H
#define WEIR_EXPORTERS_FILE_BACKUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/file.h"

/* The name for `path` at `wall_ns` (since 1970) at which nothing stands yet: the time goes up by a millisecond until it
 * is free. Gives ownership. */
char *file_backups_name(const weir_files *files, const char *path, uint64_t wall_ns, bool local);

/* Deletes what was put aside from `path` and is too old or too much; 0 is no limit. Also files of older Collectors,
 * whose names lack the "-size". What cannot be deleted is tried again the next time. */
void file_backups_prune(const weir_files *files, const char *path, uint64_t max_days, uint64_t max_backups,
                        uint64_t wall_ns, bool local);

#endif
