/* SPDX-License-Identifier: Apache-2.0
 *
 * Which logs lie in a folder: that of a file_storage (queue/storage.h), or one log in it. Reads names and the lock
 * table of the kernel, and changes nothing. Reading what is in them is queue/disk_log.h's.
 */
#ifndef WEIR_TOOLS_LOGS_H
#define WEIR_TOOLS_LOGS_H

#include <stdbool.h>
#include <sys/types.h>

#include "queue/disk_log.h"

typedef struct tool_log {
    char *path;
    char *owner;          /* the exporter's id; "" if nothing says whose it is, and of dead letters */
    bool is_dead_letters; /* of all exporters and signals */
    bool has_signal;
    weir_signal signal;
    pid_t holder; /* the process that has it open; 0: none that can be seen from here */
} tool_log;

typedef struct tool_logs {
    tool_log *items; /* sorted by path, dead letters last */
    size_t count;
} tool_logs;

/* Finds the logs of `directory`. Errors, with a text that says what to do: WEIR_NOT_FOUND, WEIR_IO. */
WEIR_MUST_USE weir_status tool_logs_find(const char *directory, tool_logs *ret_logs, weir_error *ret_error);
void tool_logs_done(tool_logs *logs);

/* weir_disk_log_visit, for which a log that has no records yet is just empty. */
WEIR_MUST_USE weir_status tool_log_visit(const tool_log *log,
                                         bool (*on_record)(void *user, const weir_record *record,
                                                           weir_disk_position position),
                                         void *user, weir_disk_log_counts *ret_counts, weir_error *ret_error);

/* The process that holds the lock of the log at `path`, by /proc/locks; 0: none that can be seen from here. */
pid_t tool_log_holder(const char *path);

#endif
