/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a storage, for its own files: storage.c (life and room), storage_thread.c (requests and the thread that
 * serves them), storage_folder.c (names, opening, orphans), storage_meters.c (what is counted).
 */
#ifndef WEIR_QUEUE_STORAGE_INTERNAL_H
#define WEIR_QUEUE_STORAGE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "queue/storage.h"

enum {
    /* Frame, ids and lengths of a record beside its payload, or what it costs in memory, as an estimate. */
    STORAGE_RECORD_OVERHEAD = 256,
    /* Records of one group commit. More have waited already: they are the next group. */
    STORAGE_GROUP_MAX = 1024,
    /* The newest segment of a log stays until it is sealed. So that these leave room for data, segments are a small
     * share of the limit, all newest ones together at most a quarter, but none is smaller than a page of records. */
    STORAGE_SEGMENT_SHARE = 16,
    STORAGE_NEWEST_SHARE = 4,
    STORAGE_SEGMENT_BYTES_MIN = 64 * 1024,
    STORAGE_DEAD_LETTER_SHARE = 4,
};

#define STORAGE_DEAD_LETTERS "deadletter"

typedef struct storage_meters {
    weir_metric *stored, *recovered, *released, *dead_lettered, *damaged; /* items */
    weir_metric *on_disk;                                                 /* items, a gauge */
} storage_meters;

typedef struct request_list {
    weir_storage_request *head, *tail;
} request_list;

static inline void request_list_append(request_list *list, weir_storage_request *request)
{
    request->next = NULL;
    if (list->tail)
        list->tail->next = request;
    else
        list->head = request;
    list->tail = request;
}

static inline weir_storage_request *request_list_pop(request_list *list)
{
    weir_storage_request *request = list->head;
    if (!request)
        return NULL;
    list->head = request->next;
    if (!list->head)
        list->tail = NULL;
    request->next = NULL;
    return request;
}

typedef struct release_list {
    weir_disk_position *positions;
    size_t count, capacity;
    uint64_t items, dead_items; /* of all of them */
} release_list;

/* What waits for the thread at one log. */
typedef struct storage_work {
    request_list appends;
    request_list reads;
    release_list releases;
} storage_work;

struct weir_storage_log {
    weir_storage *storage;
    struct weir_storage_log *next;
    char *owner; /* NULL: the dead letters */
    weir_signal signal;
    char *folder;
    weir_disk_log *disk; /* the storage thread's, once it runs; NULL: not open */
    storage_meters meters;

    /* Guarded by the storage's lock. */
    weir_storage_change_fn on_change; /* NULL once the owner has left */
    void *on_change_user;
    storage_work work;
    bool is_queued; /* in storage->queued */
    struct weir_storage_log *next_queued;

    /* The thread's. */
    weir_disk_log_counts told; /* what on_change and the meters know */
    uint64_t items_expected;   /* by what was appended and released; fewer are there only after damage */

    _Atomic uint64_t records;
    _Atomic uint64_t oldest_wall_ns; /* 0: there are no records */
    _Atomic uint64_t reserved_bytes;
    _Atomic uint64_t releasing_items;
    _Atomic bool has_unread;
};

struct weir_storage_port {
    weir_task task;
    weir_storage *storage;
    weir_loop *loop;
    /* Guarded by the storage's lock. */
    request_list done;
    size_t open_count; /* requests not yet in `done` */
    bool is_posted;
    bool is_freed; /* the task on its way frees it */
};

struct weir_storage {
    weir_storage_settings settings;
    weir_storage_log *logs;
    weir_storage_log *dead_letters;
    size_t log_count;
    uint64_t bytes_max; /* of the queues; set by the start */
    uint64_t dead_letters_bytes_max;
    uint64_t segment_bytes;
    int lock_fd; /* of the directory; -1: not held */

    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock;
    pthread_cond_t wake;    /* the thread waits here for work */
    pthread_cond_t settled; /* weir_storage_port_settle waits here */
    weir_storage_log *queued, **queued_end;
    bool is_stopping;

    _Atomic uint64_t file_bytes;         /* of the queues */
    _Atomic uint64_t dead_letters_bytes; /* of the dead letters */
    _Atomic uint64_t reserved_bytes;
    weir_metric *appends;
    weir_metric *errors_append, *errors_read, *errors_release;
    weir_metric *dead_letters_discarded;
    weir_histogram *append_seconds;
};

/* storage_thread.c */
void *storage_run(void *storage);
/* Tells the owner and the meters what changed since the last time. Thread, or before it runs. */
void storage_log_publish(weir_storage_log *log);

uint64_t storage_items(const weir_disk_log_counts *counts);

/* storage.c */

/* The size of the log's segments, by the limits known so far. */
uint64_t storage_log_segment_bytes(const weir_storage_log *log);

/* storage_folder.c */
char *storage_folder_name(const char *owner, weir_signal signal);
/* One storage for each directory: another one's queues would look like those of nobody after a crash. WEIR_AGAIN: it is
 * held. */
WEIR_MUST_USE weir_status storage_lock_directory(weir_storage *storage, weir_error *ret_error);
WEIR_MUST_USE weir_status storage_log_open(weir_storage_log *log, weir_error *ret_error);
/* Opens the dead letters if there are any. */
WEIR_MUST_USE weir_status storage_find_dead_letters(weir_storage *storage, weir_error *ret_error);
WEIR_MUST_USE weir_status storage_check_orphans(weir_storage *storage, weir_error *ret_error);

/* storage_meters.c */
void storage_meters_register(weir_storage *storage);
void storage_log_meters_register(weir_storage_log *log);

#endif
