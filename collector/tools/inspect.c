/* SPDX-License-Identifier: Apache-2.0
 *
 * `weir queue ls|cat` and `weir deadletter ls|cat`: they read, and change nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "otlp/json.h"
#include "tools/arguments.h"
#include "tools/text.h"
#include "tools/tools.h"

enum { PIECE_BYTES = 64 * 1024, GROUPS_MAX = 1000 };

static const char queue_help[] =
    "usage: weir queue ls DIRECTORY [--json]\n"
    "       weir queue cat DIRECTORY [--limit N] [--signal S] [--meta]\n"
    "\n"
    "Shows what waits in disk queues. DIRECTORY is the `directory` of a file_storage, or the folder of one queue in "
    "it.\n"
    "Works beside a running weir as well as without one, and changes nothing.\n"
    "\n"
    "ls   one line for each queue, and one for the dead letters: whose it is, what waits in it, what it takes on "
    "disk,\n"
    "     how old the oldest record is, what could not be read, and which process has it open\n"
    "cat  every record that has not been delivered, oldest first, as one line of OTLP/JSON\n"
    "\n"
    "  --json      ls: one JSON object a line\n"
    "  --limit N   cat: so many records at most\n"
    "  --signal S  cat: only traces, metrics or logs\n"
    "  --meta      cat: each line is an object with exporter, signal, time, slice ids and metadata, the data in "
    "\"data\"\n"
    "  --help      this text\n"
    "\n"
    "Exit code: 0, 1 if something could not be read, 2 for a mistake on the command line.\n";

static const char deadletter_help[] =
    "usage: weir deadletter ls DIRECTORY [--json] [--origin EXPORTER] [--signal S]\n"
    "       weir deadletter cat DIRECTORY [--limit N] [--origin EXPORTER] [--signal S] [--meta]\n"
    "\n"
    "Shows what backends have refused for good. DIRECTORY is the `directory` of a file_storage, or `deadletter` in "
    "it.\n"
    "Works beside a running weir as well as without one, and changes nothing; weir replay sends dead letters again.\n"
    "\n"
    "ls   one line for each exporter and reason, with counts\n"
    "cat  every dead letter, oldest first, as one line of OTLP/JSON\n"
    "\n"
    "  --json             ls: one JSON object a line\n"
    "  --limit N          cat: so many records at most\n"
    "  --origin EXPORTER  only what this exporter could not deliver\n"
    "  --signal S         only traces, metrics or logs\n"
    "  --meta             cat: each line is an object with origin, reason, signal, time, slice ids and metadata, the "
    "data\n"
    "                     in \"data\"\n"
    "  --help             this text\n"
    "\n"
    "Exit code: 0, 1 if something could not be read, 2 for a mistake on the command line.\n";

/* One of the two commands. */
typedef struct inspection {
    const char *command; /* "weir queue" */
    const char *help;
    bool of_dead_letters;
} inspection;

static bool is_wanted(const tool_arguments *arguments, const weir_record *record)
{
    bool is_of_signal = !arguments->has_signal || record->signal == arguments->signal;
    bool is_of_origin = !arguments->origin || (record->origin && strcmp(record->origin, arguments->origin) == 0);
    return is_of_signal && is_of_origin;
}

static void print(weir_buffer *text)
{
    fwrite(text->data, 1, text->len, stdout);
    text->len = 0;
}

/* ---- ls of queues ---- */

static bool go_on(void *user, const weir_record *record, weir_disk_position position)
{
    (void)user, (void)record, (void)position;
    return true;
}

static weir_status list_queue(const tool_log *log, const tool_arguments *arguments, weir_error *ret_error)
{
    weir_disk_log_counts counts = {0};
    weir_status status = tool_log_visit(log, go_on, NULL, &counts, ret_error);
    if (status != WEIR_OK)
        return status;
    WEIR_BUFFER line = {0};
    (arguments->is_json ? tool_print_log_json : tool_print_log)(log, &counts, tool_wall_now_ns(), &line);
    print(&line);
    return WEIR_OK;
}

/* ---- ls of dead letters ---- */

typedef struct dead_group {
    char *origin;
    char *reason;
    uint64_t records;
    uint64_t items[WEIR_SIGNALS];
    uint64_t oldest_ns, newest_ns;
} dead_group;

typedef struct dead_groups {
    const tool_arguments *arguments;
    dead_group *items;
    size_t count;
} dead_groups;

static void groups_done(dead_groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->items[i].origin);
        free(groups->items[i].reason);
    }
    free(groups->items);
}

/* The group of these two, made if need be; what comes after GROUPS_MAX different ones shares the last. */
static dead_group *group_of(dead_groups *groups, const char *origin, const char *reason)
{
    if (groups->count >= GROUPS_MAX)
        origin = reason = "others";
    for (size_t i = 0; i < groups->count; i++) {
        if (strcmp(groups->items[i].origin, origin) == 0 && strcmp(groups->items[i].reason, reason) == 0)
            return &groups->items[i];
    }
    groups->items = weir_realloc(groups->items, groups->count + 1, sizeof groups->items[0]);
    dead_group *group = &groups->items[groups->count++];
    *group = (dead_group){.origin = weir_strdup(origin), .reason = weir_strdup(reason), .oldest_ns = UINT64_MAX};
    return group;
}

static bool group_record(void *user, const weir_record *record, weir_disk_position position)
{
    (void)position;
    dead_groups *groups = user;
    if (!is_wanted(groups->arguments, record))
        return true;
    dead_group *group = group_of(groups, record->origin ? record->origin : "", record->reason ? record->reason : "");
    group->records++;
    group->items[record->signal] += record->items;
    group->oldest_ns = record->wall_ns < group->oldest_ns ? record->wall_ns : group->oldest_ns;
    group->newest_ns = record->wall_ns > group->newest_ns ? record->wall_ns : group->newest_ns;
    return true;
}

static void print_group(const dead_group *group, weir_buffer *out)
{
    weir_buffer_printf(out, "%s: ", group->origin);
    tool_print_amount(group->records, group->items, out);
    weir_buffer_append_text(out, ", last ");
    tool_print_time(group->newest_ns, out);
    weir_buffer_append_text(out, ": ");
    weir_buffer_append_plain(out, group->reason);
    weir_buffer_append_byte(out, '\n');
}

static void print_group_json(const dead_group *group, weir_buffer *out)
{
    weir_buffer_append_text(out, "{\"origin\":");
    weir_buffer_append_json_string(out, group->origin);
    weir_buffer_append_text(out, ",\"reason\":");
    weir_buffer_append_json_string(out, group->reason);
    weir_buffer_printf(out, ",\"records\":%" PRIu64 ",\"items\":", group->records);
    tool_print_items_json(group->items, out);
    weir_buffer_append_text(out, ",\"oldest\":\"");
    tool_print_time(group->oldest_ns, out);
    weir_buffer_append_text(out, "\",\"newest\":\"");
    tool_print_time(group->newest_ns, out);
    weir_buffer_append_text(out, "\"}\n");
}

static weir_status list_dead_letters(const tool_log *log, const tool_arguments *arguments, weir_error *ret_error)
{
    WEIR_CLEANUP(groups_done) dead_groups groups = {.arguments = arguments};
    weir_status status = tool_log_visit(log, group_record, &groups, NULL, ret_error);
    WEIR_BUFFER line = {0};
    for (size_t i = 0; i < groups.count; i++) {
        (arguments->is_json ? print_group_json : print_group)(&groups.items[i], &line);
        print(&line);
    }
    return status;
}

/* ---- cat ---- */

typedef struct cat_state {
    const tool_log *log;
    const tool_arguments *arguments;
    uint64_t left;    /* records that may still be printed */
    unsigned strange; /* records that are no OTLP */
} cat_state;

static bool spill_to_stdout(void *context, weir_buffer *piece)
{
    (void)context;
    print(piece);
    return !ferror(stdout);
}

static void print_record(const cat_state *state, const weir_record *record)
{
    WEIR_BUFFER line = {0};
    WEIR_FREE weir_bytes *parts = weir_alloc(record->slice_count, sizeof *parts);
    for (uint32_t i = 0; i < record->slice_count; i++)
        parts[i] = (weir_bytes){record->slices[i].data, record->slices[i].len};
    if (state->arguments->with_meta) {
        weir_buffer_append_byte(&line, '{');
        tool_print_meta_json(state->log, record, &line);
        weir_buffer_append_text(&line, "\"data\":");
        print(&line);
    }
    const weir_otlp_json_spill spill = {.spill = spill_to_stdout, .piece_max = PIECE_BYTES};
    weir_otlp_to_json_in_pieces((weir_otlp_kind)record->signal, parts, record->slice_count, &line, &spill);
    weir_buffer_append_text(&line, state->arguments->with_meta ? "}\n" : "\n");
    print(&line);
}

static bool cat_record(void *user, const weir_record *record, weir_disk_position position)
{
    cat_state *state = user;
    weir_error error = {0};
    if (!is_wanted(state->arguments, record))
        return true;
    if (tool_check_record(record, &error) != WEIR_OK) {
        fprintf(stderr, "weir: %s: record %" PRIu32 " of segment %" PRIu64 " is not OTLP: %s\n", state->log->path,
                position.index, position.segment, error.text);
        state->strange++;
        return true;
    }
    print_record(state, record);
    return --state->left > 0 && !ferror(stdout);
}

/* `*left` is shared by all logs of the directory. */
static weir_status cat_log(const tool_log *log, const tool_arguments *arguments, uint64_t *left, weir_error *ret_error)
{
    cat_state state = {.log = log, .arguments = arguments, .left = *left};
    weir_disk_log_counts counts = {0};
    weir_status status = tool_log_visit(log, cat_record, &state, &counts, ret_error);
    *left = state.left;
    if (status == WEIR_OK && counts.damaged_bytes > 0)
        fprintf(stderr, "weir: %s: %" PRIu64 " damaged bytes were passed over\n", log->path, counts.damaged_bytes);
    if (status == WEIR_OK && state.strange > 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s: %u records are not OTLP", log->path,
                              state.strange);
    return status;
}

/* ---- the commands ---- */

typedef enum verb { LS, CAT } verb;

static weir_status inspect_log(const inspection *self, verb what, const tool_log *log, const tool_arguments *arguments,
                               uint64_t *left, weir_error *ret_error)
{
    if (what == CAT)
        return *left > 0 ? cat_log(log, arguments, left, ret_error) : WEIR_OK;
    return self->of_dead_letters ? list_dead_letters(log, arguments, ret_error) : list_queue(log, arguments, ret_error);
}

static int inspect(const inspection *self, verb what, const tool_arguments *arguments)
{
    weir_error error = {0};
    WEIR_CLEANUP(tool_logs_done) tool_logs logs = {0};
    if (tool_logs_find(arguments->directory, &logs, &error) != WEIR_OK) {
        fprintf(stderr, "%s: %s\n", self->command, error.text);
        return 1;
    }
    int code = 0;
    uint64_t left = arguments->limit;
    for (size_t i = 0; i < logs.count; i++) {
        const tool_log *log = &logs.items[i];
        bool is_of_other_signal = arguments->has_signal && log->has_signal && log->signal != arguments->signal;
        /* The list of queues also has a line that says how many dead letters there are. */
        bool is_of_this_kind = log->is_dead_letters == self->of_dead_letters || (what == LS && !self->of_dead_letters);
        if (!is_of_this_kind || is_of_other_signal)
            continue;
        if (inspect_log(self, what, log, arguments, &left, &error) == WEIR_OK)
            continue;
        fprintf(stderr, "%s: %s\n", self->command, error.text);
        code = 1;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write: %s\n", self->command, strerror(errno));
        code = 1;
    }
    return code;
}

static int run(const inspection *self, int argc, char **argv)
{
    bool is_ls = argc > 1 && strcmp(argv[1], "ls") == 0, is_cat = argc > 1 && strcmp(argv[1], "cat") == 0;
    if (!is_ls && !is_cat) {
        bool is_help = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
        fputs(self->help, is_help ? stdout : stderr);
        return is_help ? 0 : 2;
    }
    WEIR_CLEANUP(tool_arguments_done) tool_arguments arguments;
    const char *allowed = self->of_dead_letters ? (is_ls ? "jos" : "losm") : (is_ls ? "j" : "lsm");
    WEIR_FREE char *command = weir_format("%s %s", self->command, argv[1]);
    switch (tool_arguments_parse(argc - 1, argv + 1, command, allowed, self->help, &arguments)) {
    case TOOL_RUN:
        return inspect(self, is_ls ? LS : CAT, &arguments);
    case TOOL_HELP:
        return 0;
    case TOOL_WRONG:
        break;
    }
    return 2;
}

int weir_tool_queue(int argc, char **argv)
{
    static const inspection queues = {.command = "weir queue", .help = queue_help};
    return run(&queues, argc, argv);
}

int weir_tool_deadletter(int argc, char **argv)
{
    static const inspection dead_letters = {
        .command = "weir deadletter", .help = deadletter_help, .of_dead_letters = true};
    return run(&dead_letters, argc, argv);
}
