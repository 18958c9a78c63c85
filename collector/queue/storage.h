/* SPDX-License-Identifier: Apache-2.0
 *
 * One directory of disk logs and the one thread that does all their input and output.
 *
 *     directory/  exporter_otlp_backend_traces/   one log for each exporter and signal, with a file `owner`
 *                 exporter_otlp_backend_logs/
 *                 deadletter/                     what can never be delivered, of all exporters; opened when needed
 *
 *     worker                                        storage thread
 *     weir_storage_append ──► list of the log ──┐
 *     weir_storage_append ──► list of the log ──┼──► one weir_disk_log_append, one fdatasync   (group commit)
 *     weir_storage_release ─► list of the log ──┘
 *     request->done ◄── the port's loop ◄─────────── completions, one wake-up for many
 *
 * A log per signal, because a backend may take one signal and not the other: data of a dead one must not stand in front
 * of the rest. Queue sizes are per signal in the Collector, too.
 *
 * Life, on the control thread: weir_storage_new, weir_storage_log_add for everything that will be used,
 * weir_storage_start (opens the logs, looks for orphans, starts the thread), …, weir_storage_stop, weir_storage_free.
 * Logs live as long as the storage. While nothing is asked for, the thread sleeps without a timer.
 *
 * Requests are embedded in what they are about, so their number is bounded by what the memory account admits (appends),
 * by one for each port (reads), and by what was handed out (releases).
 *
 * What fills the disk: appends stop being admitted at the storage's size limit (weir_storage_log_reserve). The limit is
 * for all logs together; dead letters have their own, taken off it. A log without unreleased records takes a record
 * whatever the others hold, so that each can always go on.
 */
#ifndef WEIR_QUEUE_STORAGE_H
#define WEIR_QUEUE_STORAGE_H

#include "core/account.h"
#include "net/loop.h"
#include "queue/disk_log.h"
#include "telemetry/metrics.h"

typedef struct weir_storage weir_storage;
typedef struct weir_storage_log weir_storage_log;
typedef struct weir_storage_port weir_storage_port;

typedef struct weir_storage_settings {
    const char *id;        /* of the extension, for messages and metrics */
    const char *directory; /* exists */
    const weir_files *files;
    weir_account *account; /* charged with what is read */
    weir_metrics *metrics;
    uint64_t bytes_max;              /* of all files; 0: half of what is free at the start and of what they have */
    uint64_t free_bytes;             /* free space on the disk at the start */
    uint64_t segment_bytes;          /* at most; smaller where bytes_max or the disk is small */
    uint64_t dead_letters_bytes_max; /* at most; never more than a quarter of bytes_max */
    uint64_t age_max_ms;             /* what is older is not sent any more; 0: no limit */
    bool fsync;
} weir_storage_settings;

/* Copies `settings`, borrows what they point to. Never NULL. */
weir_storage *weir_storage_new(const weir_storage_settings *settings);

/* What changed in a log: records, items and payload bytes that are in it and not released. Called for every change,
 * also with zeros when space in the directory came free. On the storage thread (or in weir_storage_start), with a lock
 * held: it must only count and post. */
typedef void (*weir_storage_change_fn)(void *user, int64_t records, int64_t items, int64_t bytes);

/* The log of `owner` ("otlp/backend", copied) for `signal`. Opened by weir_storage_start, so before that. */
weir_storage_log *weir_storage_log_add(weir_storage *storage, const char *owner, weir_signal signal,
                                       weir_storage_change_fn on_change, void *user);
/* The owner's end: on_change is not called any more when this returns. */
void weir_storage_log_leave(weir_storage_log *log);

/* Opens the logs that were added and starts the thread. Fails if one of them cannot be opened, if another storage has
 * the directory, or if the directory has
 * a log with unreleased records that nobody added (its exporter left the configuration): the text says what to do.
 * Empty ones of that kind are removed; those that another process has open are left alone. */
WEIR_MUST_USE weir_status weir_storage_start(weir_storage *storage, weir_error *ret_error);
/* Serves what was requested, ends the thread and closes the logs. Safe twice, and before start. */
void weir_storage_stop(weir_storage *storage);
void weir_storage_free(weir_storage *storage); /* NULL is fine */

/* The log of dead letters. */
weir_storage_log *weir_storage_dead_letters(weir_storage *storage);
uint64_t weir_storage_age_max_ms(const weir_storage *storage);
/* How many logs were added: those who share memory among them. */
size_t weir_storage_log_count(const weir_storage *storage);

/* ---- room; any thread ---- */

/* Reserves space on disk for a record of `bytes` payload. False: the storage is full. Every success is followed by one
 * weir_storage_log_unreserve with the same number, after the append or instead of it. */
bool weir_storage_log_reserve(weir_storage_log *log, uint64_t bytes);
/* The same past the limit, for what was reserved before and is about to be appended. */
void weir_storage_log_force(weir_storage_log *log, uint64_t bytes);
void weir_storage_log_unreserve(weir_storage_log *log, uint64_t bytes);
/* True if records are on disk that nobody was handed yet. */
bool weir_storage_log_has_unread(const weir_storage_log *log);
/* When the oldest unreleased record was stored, by the wall clock; 0: there is none. */
uint64_t weir_storage_log_oldest_ns(const weir_storage_log *log);
/* Items whose release was requested and is not noted on disk yet. */
uint64_t weir_storage_log_releasing(const weir_storage_log *log);

/* ---- requests; made on the thread of the port's loop ---- */

typedef struct weir_storage_request {
    struct weir_storage_request *next;
    weir_storage_port *port;
    void (*done)(struct weir_storage_request *request); /* on the port's loop; the request is the callee's again */
    weir_status status;
    weir_error error; /* unless status is WEIR_OK */
} weir_storage_request;

typedef struct weir_storage_append_request {
    weir_storage_request super;
    const weir_record_image *image; /* borrowed until done */
    uint64_t wall_ns;               /* now */
    bool wants_it;                  /* the caller would go on with the data it has in memory … */
    bool has_it;                    /* … and may: nothing in front of it is unread */
    weir_disk_position position;
} weir_storage_append_request;

typedef struct weir_stored_record {
    struct weir_stored_record *next;
    weir_record record; /* owned */
    weir_disk_position position;
} weir_stored_record;

typedef struct weir_storage_read_request {
    weir_storage_request super;
    uint64_t bytes_max;          /* of payload and what each record costs beside it; one is read whatever its size */
    bool needs_one;              /* the account cannot refuse the first: the caller has nothing to go on with */
    weir_stored_record *records; /* given, with free() for each; there may be some although status is an error */
} weir_storage_read_request;

/* Where completions for one user arrive. Never NULL. */
weir_storage_port *weir_storage_port_new(weir_storage *storage, weir_loop *loop);
/* Waits until every request of the port is served, and calls their `done`. Blocks: for the end only. */
void weir_storage_port_settle(weir_storage_port *port);
/* No request may be open. NULL is fine. */
void weir_storage_port_free(weir_storage_port *port);

/* `request` is borrowed until its `done` is called; `super.done` is set by the caller. */
void weir_storage_append(weir_storage_port *port, weir_storage_log *log, weir_storage_append_request *request);
/* Status: WEIR_OK, also when there was nothing to read; WEIR_NO_MEMORY: the account refuses, come back; WEIR_IO. */
void weir_storage_read(weir_storage_port *port, weir_storage_log *log, weir_storage_read_request *request);
/* The record at `position` with `items` is done with; `dead_items` of them are dead letters, the others delivered.
 * Any thread; nobody is told. */
void weir_storage_release(weir_storage_log *log, weir_disk_position position, uint64_t items, uint64_t dead_items);

/* ---- the books ---- */

/* stored + recovered = released + dead_lettered + damaged + on_disk, exact whenever nothing is being moved. */
typedef struct weir_queue_books {
    int64_t stored, recovered, released, dead_lettered, damaged, on_disk;
} weir_queue_books;

/* Read from the metrics of exporter `id`; all zero if it has no storage. */
weir_queue_books weir_queue_books_read(weir_metrics *metrics, const char *id, weir_signal signal);

#endif
