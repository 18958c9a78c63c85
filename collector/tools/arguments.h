/* SPDX-License-Identifier: Apache-2.0
 *
 * The command lines of the tools, which share most of their options.
 */
#ifndef WEIR_TOOLS_ARGUMENTS_H
#define WEIR_TOOLS_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "batch/batch.h"
#include "net/http.h"

enum { TOOL_HEADERS_MAX = 32, TOOL_TIMEOUT_MS = 10 * 1000 };

typedef struct tool_arguments {
    const char *directory;
    bool is_json;
    bool with_meta;
    bool is_dry_run;
    bool has_signal;
    weir_signal signal;
    uint64_t limit;     /* records; UINT64_MAX: all */
    const char *origin; /* an exporter's id, or NULL */
    const char *to;     /* "host:port", or NULL */
    uint64_t timeout_ms;
    weir_http_header headers[TOOL_HEADERS_MAX]; /* names in lower case, in memory of the arguments */
    size_t header_count;
    char *header_names[TOOL_HEADERS_MAX]; /* owned */
} tool_arguments;

typedef enum tool_parsed { TOOL_RUN, TOOL_HELP, TOOL_WRONG } tool_parsed;

/* Reads argv[1] … of `command` ("weir queue ls"). `allowed` has the letters of the options it takes (see arguments.c).
 * TOOL_HELP: `help` was printed. TOOL_WRONG: what is wrong was printed to stderr. Borrows `argv`; tool_arguments_done
 * in all three cases. */
tool_parsed tool_arguments_parse(int argc, char **argv, const char *command, const char *allowed, const char *help,
                                 tool_arguments *ret_arguments);
void tool_arguments_done(tool_arguments *arguments);

#endif
