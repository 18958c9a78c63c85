/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "core/assert.h"
#include "core/memory.h"
#include "queue/storage_internal.h"
#include "telemetry/log.h"

/* ---- what workers ask for ---- */

/* The lock is held. */
static void queue_log(weir_storage_log *log)
{
    weir_storage *storage = log->storage;
    if (log->is_queued)
        return;
    bool was_idle = storage->queued == NULL;
    log->is_queued = true;
    log->next_queued = NULL;
    *storage->queued_end = log;
    storage->queued_end = &log->next_queued;
    if (was_idle)
        pthread_cond_signal(&storage->wake);
}

static void submit(weir_storage_port *port, weir_storage_log *log, request_list *list, weir_storage_request *request)
{
    WEIR_ASSERT(request->done != NULL && port->storage == log->storage);
    request->port = port;
    pthread_mutex_lock(&port->storage->lock);
    port->open_count++;
    request_list_append(list, request);
    queue_log(log);
    pthread_mutex_unlock(&port->storage->lock);
}

void weir_storage_append(weir_storage_port *port, weir_storage_log *log, weir_storage_append_request *request)
{
    request->has_it = false;
    submit(port, log, &log->work.appends, &request->super);
}

void weir_storage_read(weir_storage_port *port, weir_storage_log *log, weir_storage_read_request *request)
{
    request->records = NULL;
    submit(port, log, &log->work.reads, &request->super);
}

static void release_list_add(release_list *list, weir_disk_position position)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->positions = weir_realloc(list->positions, list->capacity, sizeof list->positions[0]);
    }
    list->positions[list->count++] = position;
}

void weir_storage_release(weir_storage_log *log, weir_disk_position position, uint64_t items, uint64_t dead_items)
{
    WEIR_ASSERT(dead_items <= items);
    atomic_fetch_add(&log->releasing_items, items);
    pthread_mutex_lock(&log->storage->lock);
    release_list_add(&log->work.releases, position);
    log->work.releases.items += items;
    log->work.releases.dead_items += dead_items;
    queue_log(log);
    pthread_mutex_unlock(&log->storage->lock);
}

/* ---- ports ---- */

static request_list take_done(weir_storage_port *port)
{
    request_list done = port->done;
    port->done = (request_list){0};
    return done;
}

static void tell_all(request_list done)
{
    weir_storage_request *request;
    while ((request = request_list_pop(&done)))
        request->done(request);
}

static void port_run(weir_task *task)
{
    weir_storage_port *port = WEIR_CONTAINER(task, weir_storage_port, task);
    pthread_mutex_lock(&port->storage->lock);
    port->is_posted = false;
    bool is_freed = port->is_freed;
    request_list done = take_done(port);
    pthread_mutex_unlock(&port->storage->lock);
    if (is_freed)
        free(port);
    else
        tell_all(done);
}

weir_storage_port *weir_storage_port_new(weir_storage *storage, weir_loop *loop)
{
    weir_storage_port *port = WEIR_NEW(weir_storage_port);
    port->task.run = port_run;
    port->storage = storage;
    port->loop = loop;
    return port;
}

void weir_storage_port_settle(weir_storage_port *port)
{
    weir_storage *storage = port->storage;
    pthread_mutex_lock(&storage->lock);
    while (port->open_count > 0 || port->done.head) {
        while (port->open_count > 0)
            pthread_cond_wait(&storage->settled, &storage->lock);
        request_list done = take_done(port);
        pthread_mutex_unlock(&storage->lock);
        tell_all(done);
        pthread_mutex_lock(&storage->lock);
    }
    pthread_mutex_unlock(&storage->lock);
}

void weir_storage_port_free(weir_storage_port *port)
{
    if (!port)
        return;
    weir_storage *storage = port->storage;
    pthread_mutex_lock(&storage->lock);
    WEIR_ASSERT(port->open_count == 0 && port->done.head == NULL);
    port->is_freed = true;
    bool is_posted = port->is_posted;
    pthread_mutex_unlock(&storage->lock);
    if (!is_posted)
        free(port);
}

/* The lock is held. */
static void complete_all(weir_storage *storage, request_list served)
{
    weir_storage_request *request;
    while ((request = request_list_pop(&served))) {
        weir_storage_port *port = request->port;
        WEIR_ASSERT(port->open_count > 0);
        port->open_count--;
        request_list_append(&port->done, request);
        if (!port->is_posted) {
            port->is_posted = true;
            weir_loop_post(port->loop, &port->task);
        }
    }
    pthread_cond_broadcast(&storage->settled);
}

/* ---- what the owner and the meters are told ---- */

uint64_t storage_items(const weir_disk_log_counts *counts)
{
    uint64_t items = 0;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        items += counts->items[signal];
    return items;
}

static void tell(weir_storage_log *log, int64_t records, int64_t items, int64_t bytes)
{
    if (log->on_change)
        log->on_change(log->on_change_user, records, items, bytes);
}

static void tell_of_space(weir_storage *storage)
{
    for (weir_storage_log *log = storage->logs; log; log = log->next)
        tell(log, 0, 0, 0);
}

void storage_log_publish(weir_storage_log *log)
{
    weir_storage *storage = log->storage;
    if (!log->disk)
        return;
    bool is_queue = log->owner != NULL;
    bool has_unread = is_queue && weir_disk_log_next_bytes(log->disk) > 0; /* may find damage, so before counting */
    weir_disk_log_counts now = weir_disk_log_count(log->disk);
    weir_disk_log_counts before = log->told;
    log->told = now;
    atomic_fetch_add(is_queue ? &storage->file_bytes : &storage->dead_letters_bytes,
                     now.file_bytes - before.file_bytes);
    atomic_store(&log->records, now.records);
    atomic_store(&log->oldest_wall_ns, now.oldest_wall_ns);
    atomic_store(&log->has_unread, has_unread);
    if (!is_queue)
        return;
    weir_metric_set(log->meters.on_disk, (int64_t)storage_items(&now));
    if (now.damaged_records > before.damaged_records)
        weir_metric_add(log->meters.damaged, (int64_t)(log->items_expected - storage_items(&now)));
    log->items_expected = storage_items(&now);
    pthread_mutex_lock(&storage->lock);
    tell(log, (int64_t)(now.records - before.records), (int64_t)(storage_items(&now) - storage_items(&before)),
         (int64_t)(now.record_bytes - before.record_bytes));
    if (now.file_bytes < before.file_bytes)
        tell_of_space(storage);
    pthread_mutex_unlock(&storage->lock);
}

/* ---- serving ---- */

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One group: one write and one sync for all of them. */
typedef struct append_group {
    weir_storage_append_request *requests[STORAGE_GROUP_MAX];
    const weir_record_image *images[STORAGE_GROUP_MAX];
    weir_disk_position positions[STORAGE_GROUP_MAX];
    size_t count;
    uint64_t wall_ns;
    uint64_t items;
} append_group;

static void gather(append_group *group, request_list *appends)
{
    group->count = group->items = group->wall_ns = 0;
    while (appends->head && group->count < STORAGE_GROUP_MAX) {
        weir_storage_append_request *request =
            WEIR_CONTAINER(request_list_pop(appends), weir_storage_append_request, super);
        group->requests[group->count] = request;
        group->images[group->count] = request->image;
        group->items += request->image->items;
        if (request->wall_ns > group->wall_ns)
            group->wall_ns = request->wall_ns;
        group->count++;
    }
}

static weir_status write_group(weir_storage_log *log, append_group *group, weir_error *ret_error)
{
    weir_storage *storage = log->storage;
    if (!log->disk) {
        weir_status status = storage_log_open(log, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    double started = now_seconds();
    weir_status status =
        weir_disk_log_append(log->disk, group->images, group->count, group->wall_ns, group->positions, ret_error);
    weir_histogram_record(storage->append_seconds, now_seconds() - started);
    weir_metric_add(storage->appends, 1);
    return status;
}

static void serve_group(weir_storage_log *log, append_group *group, request_list *served)
{
    weir_error error = {0};
    weir_status status = write_group(log, group, &error);
    if (status != WEIR_OK) {
        weir_metric_add(log->storage->errors_append, 1);
        weir_log(WEIR_LOG_ERROR, log->storage->settings.id, "cannot write to the disk queue records=%zu error=\"%s\"",
                 group->count, error.text);
    } else if (log->owner) {
        log->items_expected += group->items;
        weir_metric_add(log->meters.stored, (int64_t)group->items);
    }
    for (size_t i = 0; i < group->count; i++) {
        weir_storage_append_request *request = group->requests[i];
        request->super.status = status;
        request->super.error = error;
        request->position = group->positions[i];
        request->has_it = status == WEIR_OK && request->wants_it && weir_disk_log_take(log->disk, group->positions[i]);
        request_list_append(served, &request->super);
    }
}

static weir_status read_one(weir_storage_log *log, weir_storage_read_request *request, weir_stored_record *read)
{
    weir_account *account = log->storage->settings.account;
    weir_error *error = &request->super.error;
    weir_status status = weir_disk_log_read(log->disk, account, &read->record, &read->position, error);
    if (status == WEIR_NO_MEMORY && request->needs_one && !request->records)
        status = weir_disk_log_read_forced(log->disk, account, &read->record, &read->position, error);
    return status;
}

static void read_some(weir_storage_log *log, weir_storage_read_request *request)
{
    weir_stored_record **end = &request->records;
    uint64_t bytes = 0, next;
    request->super.status = WEIR_OK;
    while ((next = weir_disk_log_next_bytes(log->disk)) > 0 && (bytes == 0 || bytes + next <= request->bytes_max)) {
        weir_stored_record *read = WEIR_NEW(weir_stored_record);
        weir_status status = read_one(log, request, read);
        if (status != WEIR_OK) {
            free(read);
            request->super.status = status == WEIR_NOT_FOUND ? WEIR_OK : status;
            return;
        }
        bytes += next + STORAGE_RECORD_OVERHEAD;
        *end = read;
        end = &read->next;
    }
}

static void serve_read(weir_storage_log *log, weir_storage_read_request *request, request_list *served)
{
    read_some(log, request);
    if (request->super.status == WEIR_IO) {
        weir_metric_add(log->storage->errors_read, 1);
        weir_log(WEIR_LOG_ERROR, log->storage->settings.id, "cannot read the disk queue error=\"%s\"",
                 request->super.error.text);
    }
    request_list_append(served, &request->super);
}

static void serve_releases(weir_storage_log *log, release_list *releases)
{
    weir_error error = {0};
    if (releases->count == 0)
        return;
    if (weir_disk_log_release(log->disk, releases->positions, releases->count, &error) != WEIR_OK) {
        weir_metric_add(log->storage->errors_release, 1);
        weir_log(
            WEIR_LOG_WARN, log->storage->settings.id,
            "cannot note on disk what was delivered; it may be sent again after a restart records=%zu error=\"%s\"",
            releases->count, error.text);
    }
    log->items_expected -= releases->items;
    weir_metric_add(log->meters.released, (int64_t)(releases->items - releases->dead_items));
    weir_metric_add(log->meters.dead_lettered, (int64_t)releases->dead_items);
}

static bool are_dead_letters_full(const weir_storage *storage)
{
    const weir_disk_log *disk = storage->dead_letters->disk;
    return disk && weir_disk_log_count(disk).file_bytes > storage->dead_letters_bytes_max;
}

/* What `weir replay` has sent meanwhile goes first. Then dead letters make room for newer ones: a person looks at the
 * newest first. */
static void bound_dead_letters(weir_storage *storage)
{
    weir_storage_log *log = storage->dead_letters;
    weir_error error = {0};
    if (are_dead_letters_full(storage) && weir_disk_log_refresh(log->disk, &error) != WEIR_OK)
        weir_log(WEIR_LOG_WARN, storage->settings.id, "cannot see which dead letters were replayed error=\"%s\"",
                 error.text);
    while (are_dead_letters_full(storage)) {
        uint64_t items = 0;
        if (weir_disk_log_drop_oldest(log->disk, &items) != WEIR_OK)
            return;
        weir_metric_add(storage->dead_letters_discarded, (int64_t)items);
        weir_log(WEIR_LOG_ERROR, storage->settings.id,
                 "the dead letters are full: the oldest were thrown away items=%llu limit_bytes=%llu",
                 (unsigned long long)items, (unsigned long long)storage->dead_letters_bytes_max);
    }
}

/* What was done is told: first to those who count room, so that nobody sees more of it than there is. */
static void complete(weir_storage_log *log, request_list served)
{
    storage_log_publish(log);
    pthread_mutex_lock(&log->storage->lock);
    complete_all(log->storage, served);
    pthread_mutex_unlock(&log->storage->lock);
}

/* Appends come first, and their clients are answered before anything else is done: removing a file may take long. */
static void serve(weir_storage_log *log, storage_work *work)
{
    append_group group;
    weir_storage_request *request;
    while (work->appends.head) {
        request_list served = {0};
        gather(&group, &work->appends);
        serve_group(log, &group, &served);
        complete(log, served);
    }
    if (!log->owner)
        bound_dead_letters(log->storage);
    request_list served = {0};
    while ((request = request_list_pop(&work->reads)))
        serve_read(log, WEIR_CONTAINER(request, weir_storage_read_request, super), &served);
    serve_releases(log, &work->releases);
    complete(log, served);
    atomic_fetch_sub(&log->releasing_items, work->releases.items);
    free(work->releases.positions);
}

/* The next log with work, its work moved out; NULL when everything is served and the storage stops. The lock is
 * held. */
static weir_storage_log *next_work(weir_storage *storage, storage_work *ret_work)
{
    while (!storage->queued && !storage->is_stopping)
        pthread_cond_wait(&storage->wake, &storage->lock);
    weir_storage_log *log = storage->queued;
    if (!log)
        return NULL;
    storage->queued = log->next_queued;
    if (!storage->queued)
        storage->queued_end = &storage->queued;
    log->is_queued = false;
    *ret_work = log->work;
    log->work = (storage_work){0};
    return log;
}

void *storage_run(void *argument)
{
    weir_storage *storage = argument;
    storage_work work;
    weir_storage_log *log;
    pthread_mutex_lock(&storage->lock);
    while ((log = next_work(storage, &work))) {
        pthread_mutex_unlock(&storage->lock);
        serve(log, &work);
        pthread_mutex_lock(&storage->lock);
    }
    pthread_mutex_unlock(&storage->lock);
    return NULL;
}
