/* SPDX-License-Identifier: Apache-2.0
 *
 * `weir replay`: sends what lies in a queue on disk, and lets go of what was taken.
 *
 *     dead letters   read beside a running weir, each released with a note in the segment's .done file
 *     other queues   opened as weir itself opens them, so only while no weir holds them
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "tools/send.h"
#include "tools/text.h"
#include "tools/tools.h"

enum {
    ATTEMPTS_MAX = 5,
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 30 * 1000,
    SEGMENT_BYTES = 64 * 1024 * 1024,
};

static const char help[] =
    "usage: weir replay DIRECTORY --to HOST:PORT [options]\n"
    "\n"
    "Sends dead letters again, by OTLP/gRPC in clear text (for TLS send to a weir that has it), one record a request.\n"
    "What the endpoint takes is released: it will not be sent again. Everything else stays.\n"
    "\n"
    "DIRECTORY is the `directory` of a file_storage: then its dead letters are sent, beside a running weir or without\n"
    "one. Or it is the folder of one queue in it, such as one that has lost its exporter: then no weir may have it "
    "open.\n"
    "\n"
    "  --to HOST:PORT     where to: a backend, a Collector, or a weir\n"
    "  --origin EXPORTER  only dead letters of this exporter\n"
    "  --signal S         only traces, metrics or logs\n"
    "  --limit N          so many records at most\n"
    "  --header K=V       sent with every request; may be repeated\n"
    "  --timeout 10s      how long to wait for one answer\n"
    "  --dry-run          only say what would be sent\n"
    "  --help             this text\n"
    "\n"
    "An endpoint that cannot be reached or asks to wait is tried five times, then replay stops. What it refuses for "
    "good\n"
    "is listed and stays. Ctrl-C ends replay after the request under way. A request whose answer was lost is sent "
    "again\n"
    "by the next replay, so the endpoint may have it twice.\n"
    "\n"
    "Files: a segment whose records are all released is removed, of dead letters by the weir that has them open or by\n"
    "the next one that starts.\n"
    "\n"
    "Exit code: 0 if everything that was asked for was sent, 1 if something is left, 2 for a mistake on the command "
    "line.\n";

typedef struct replay {
    const tool_arguments *arguments;
    const tool_log *log;
    tool_sender *sender; /* NULL: a dry run */
    uint64_t started_ns; /* what was written later is not touched: it may be what we have just sent, refused again */
    bool is_stopped;
    uint64_t tried; /* records */
    uint64_t sent;
    uint64_t sent_items[WEIR_SIGNALS];
    uint64_t refused;
    uint64_t left; /* not tried, or not taken in time */
    uint64_t rejected_items;
    uint64_t not_noted; /* sent, but the release could not be written */
    weir_error stopped_by;
} replay;

/* Set by the first signal; a second one ends the process. */
static volatile sig_atomic_t is_interrupted;

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Returns early when a signal comes. */
static void wait_ms(uint64_t ms)
{
    struct timespec delay = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    if (!is_interrupted)
        nanosleep(&delay, NULL);
}

/* ---- one record ---- */

static void print_record(const char *what, const weir_record *record, const char *why, FILE *to)
{
    uint64_t items[WEIR_SIGNALS] = {0};
    WEIR_BUFFER line = {0};
    items[record->signal] = record->items;
    tool_print_amount(1, items, &line);
    if (record->origin)
        weir_buffer_printf(&line, " of %s", record->origin);
    weir_buffer_append_text(&line, " from ");
    tool_print_time(record->wall_ns, &line);
    weir_buffer_append_text(&line, *why ? ": " : "");
    weir_buffer_append_plain(&line, why); /* a backend's words */
    fprintf(to, "%s: %s\n", what, weir_buffer_string(&line));
}

/* Tries until the answer is final or the attempts are used up. */
static void send_record(replay *self, const weir_record *record, weir_error *ret_outcome)
{
    uint64_t backoff_ms = BACKOFF_FIRST_MS;
    for (unsigned attempt = 1;; attempt++) {
        tool_sender_send(self->sender, record, ret_outcome);
        if (!weir_error_is_retryable(ret_outcome) || attempt == ATTEMPTS_MAX || is_interrupted)
            return;
        uint64_t asked_ms = ret_outcome->retry_after_ms;
        uint64_t wait = asked_ms > backoff_ms ? asked_ms : backoff_ms;
        wait_ms(wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS);
        backoff_ms *= 2;
    }
}

/* True if the record was taken and is to be released. */
static bool book(replay *self, const weir_record *record, const weir_error *outcome)
{
    if (weir_error_is_retryable(outcome)) {
        self->left++;
        self->is_stopped = true;
        self->stopped_by = *outcome;
        return false;
    }
    if (outcome->class_ != WEIR_ERROR_NONE) {
        self->refused++;
        print_record("refused", record, outcome->text, stderr);
        return false;
    }
    self->sent++;
    self->sent_items[record->signal] += record->items;
    if (outcome->rejected_items > 0) {
        self->rejected_items += outcome->rejected_items;
        WEIR_FREE char *why =
            weir_format("%" PRIu64 " items of it refused: %s", outcome->rejected_items, outcome->text);
        print_record("taken in part", record, why, stderr);
    }
    return true;
}

static bool is_wanted(const replay *self, const weir_record *record)
{
    const tool_arguments *arguments = self->arguments;
    if (record->wall_ns > self->started_ns || (arguments->has_signal && record->signal != arguments->signal))
        return false;
    return !arguments->origin || (record->origin && strcmp(record->origin, arguments->origin) == 0);
}

/* True if the record is to be released. */
static bool take_record(replay *self, const weir_record *record)
{
    if (!is_wanted(self, record) || self->tried + self->left >= self->arguments->limit)
        return false;
    self->is_stopped = self->is_stopped || is_interrupted;
    if (self->is_stopped) {
        self->left++;
        return false;
    }
    weir_error outcome = {0};
    if (!self->sender) {
        self->tried++;
        self->sent++;
        self->sent_items[record->signal] += record->items;
        print_record("would send", record, record->reason ? record->reason : "", stdout);
        return false;
    }
    send_record(self, record, &outcome);
    self->tried += !weir_error_is_retryable(&outcome);
    return book(self, record, &outcome);
}

static void note_released(replay *self, weir_status status, const weir_error *error)
{
    if (status == WEIR_OK)
        return;
    if (self->not_noted++ == 0)
        fprintf(stderr, "weir replay: sent, but it stays in the queue: %s\n", error->text);
}

/* ---- dead letters: beside whoever has them open ---- */

static bool replay_dead_letter(void *user, const weir_record *record, weir_disk_position position)
{
    replay *self = user;
    if (take_record(self, record)) {
        weir_error error = {0};
        note_released(self, weir_disk_log_release_foreign(&weir_files_real, self->log->path, position, &error), &error);
    }
    return true;
}

static weir_status replay_dead_letters(replay *self, weir_error *ret_error)
{
    return tool_log_visit(self->log, replay_dead_letter, self, NULL, ret_error);
}

/* ---- a queue that nobody holds ---- */

static bool count_record(void *user, const weir_record *record, weir_disk_position position)
{
    (void)position;
    take_record(user, record);
    return true;
}

static weir_status open_queue(const replay *self, weir_disk_log **ret_queue, weir_error *ret_error)
{
    const weir_disk_log_settings settings = {.files = &weir_files_real,
                                             .folder = self->log->path,
                                             .folder_mode = 0700,
                                             .segment_bytes = SEGMENT_BYTES,
                                             .fsync = true};
    weir_status status = weir_disk_log_open(&settings, ret_queue, ret_error);
    if (status == WEIR_AGAIN)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_AGAIN,
                       "%s is open in another process (%d): end that weir first; only dead letters can be replayed "
                       "beside it",
                       self->log->path, (int)tool_log_holder(self->log->path));
    return status;
}

static weir_status replay_queue(replay *self, weir_error *ret_error)
{
    if (!self->sender) /* a dry run needs no lock */
        return tool_log_visit(self->log, count_record, self, NULL, ret_error);
    weir_disk_log *queue;
    weir_status status = open_queue(self, &queue, ret_error);
    if (status != WEIR_OK)
        return status;
    weir_account account;
    weir_account_init(&account, SIZE_MAX, SIZE_MAX);
    weir_record record = {0};
    weir_disk_position position;
    while ((status = weir_disk_log_read(queue, &account, &record, &position, ret_error)) == WEIR_OK) {
        if (take_record(self, &record)) {
            weir_error error = {0};
            note_released(self, weir_disk_log_release(queue, &position, 1, &error), &error);
        }
        weir_record_done(&record);
    }
    weir_disk_log_close(queue);
    return status == WEIR_NOT_FOUND ? WEIR_OK : status; /* NOT_FOUND: everything was handed out */
}

/* ---- the command ---- */

/* The dead letters of a file_storage, or the one log that was named. NULL: a message was printed; `*ret_is_empty` if
 * that is because there are no dead letters. */
static const tool_log *choose_log(const tool_logs *logs, const tool_arguments *arguments, bool *ret_is_empty)
{
    const tool_log *last = &logs->items[logs->count - 1];
    char end_of_path = arguments->directory[strlen(arguments->directory) - 1];
    size_t directory_len = strlen(arguments->directory) - (end_of_path == '/');
    bool is_named = strlen(last->path) <= directory_len;
    *ret_is_empty = !last->is_dead_letters && !is_named;
    if (*ret_is_empty) {
        printf("there are no dead letters in %s\n", arguments->directory);
        return NULL;
    }
    if (arguments->origin && !last->is_dead_letters) {
        fprintf(stderr, "weir replay: --origin is for dead letters; %s is the queue of one exporter\n", last->path);
        return NULL;
    }
    return last;
}

/* Files that root makes in another user's folder would be in that user's way: act as the owner of the folder. */
static bool become_owner(const char *path)
{
    struct stat folder;
    if (geteuid() != 0 || stat(path, &folder) < 0 || folder.st_uid == 0)
        return true;
    if (setegid(folder.st_gid) == 0 && seteuid(folder.st_uid) == 0)
        return true;
    fprintf(stderr, "weir replay: cannot act as the owner of %s, user %u: %s\n", path, (unsigned)folder.st_uid,
            strerror(errno));
    return false;
}

static void print_stop(const weir_error *error)
{
    WEIR_BUFFER line = {0};
    weir_buffer_append_plain(&line, error->text);
    fprintf(stderr, "weir replay: stopped: %s\n", weir_buffer_string(&line));
}

static void print_result(const replay *self)
{
    WEIR_BUFFER line = {0};
    tool_print_amount(self->sent, self->sent_items, &line);
    printf("%s %s to %s", self->sender ? "sent" : "would send", weir_buffer_string(&line), self->arguments->to);
    if (self->rejected_items > 0)
        printf("; %" PRIu64 " items of them were refused", self->rejected_items);
    if (self->refused + self->left > 0)
        printf("; left: %" PRIu64 " refused for good, %" PRIu64 " not sent", self->refused, self->left);
    printf("\n");
    if (self->stopped_by.class_ != WEIR_ERROR_NONE)
        print_stop(&self->stopped_by);
    else if (is_interrupted)
        fprintf(stderr, "weir replay: stopped by a signal\n");
}

static int replay_log(const tool_log *log, const tool_arguments *arguments)
{
    replay self = {.arguments = arguments,
                   .log = log,
                   .sender = arguments->is_dry_run ? NULL : tool_sender_new(arguments),
                   .started_ns = tool_wall_now_ns()};
    weir_error error = {0};
    catch_signals();
    weir_status status = log->is_dead_letters ? replay_dead_letters(&self, &error) : replay_queue(&self, &error);
    if (status != WEIR_OK)
        fprintf(stderr, "weir replay: %s\n", error.text);
    if (status == WEIR_OK || self.tried > 0)
        print_result(&self);
    tool_sender_free(self.sender);
    bool is_all_sent = self.refused + self.left + self.rejected_items + self.not_noted == 0;
    return status == WEIR_OK && is_all_sent ? 0 : 1;
}

static int run(const tool_arguments *arguments)
{
    weir_error error = {0};
    WEIR_CLEANUP(tool_logs_done) tool_logs logs = {0};
    if (!arguments->to) {
        fprintf(stderr, "weir replay: where to? --to HOST:PORT (see weir replay --help)\n");
        return 2;
    }
    if (tool_logs_find(arguments->directory, &logs, &error) != WEIR_OK) {
        fprintf(stderr, "weir replay: %s\n", error.text);
        return 1;
    }
    bool is_empty;
    const tool_log *log = choose_log(&logs, arguments, &is_empty);
    if (!log)
        return is_empty ? 0 : 2;
    return become_owner(log->path) ? replay_log(log, arguments) : 1;
}

int weir_tool_replay(int argc, char **argv)
{
    WEIR_CLEANUP(tool_arguments_done) tool_arguments arguments;
    switch (tool_arguments_parse(argc, argv, "weir replay", "otlsHTd", help, &arguments)) {
    case TOOL_RUN:
        return run(&arguments);
    case TOOL_HELP:
        return 0;
    case TOOL_WRONG:
        break;
    }
    return 2;
}
