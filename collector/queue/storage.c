/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/storage.h"

#include "core/assert.h"
#include "core/memory.h"
#include "queue/storage_internal.h"

/* ---- life ---- */

static weir_storage_log *log_new(weir_storage *storage, const char *owner, weir_signal signal)
{
    weir_storage_log *log = WEIR_NEW(weir_storage_log);
    WEIR_FREE char *name = owner ? storage_folder_name(owner, signal) : weir_strdup(STORAGE_DEAD_LETTERS);
    log->storage = storage;
    log->owner = owner ? weir_strdup(owner) : NULL;
    log->signal = signal;
    log->folder = weir_format("%s/%s", storage->settings.directory, name);
    return log;
}

weir_storage *weir_storage_new(const weir_storage_settings *settings)
{
    weir_storage *storage = WEIR_NEW(weir_storage);
    storage->settings = *settings;
    storage->queued_end = &storage->queued;
    storage->lock_fd = -1;
    pthread_mutex_init(&storage->lock, NULL);
    pthread_cond_init(&storage->wake, NULL);
    pthread_cond_init(&storage->settled, NULL);
    storage->dead_letters = log_new(storage, NULL, WEIR_TRACES);
    storage_meters_register(storage);
    return storage;
}

weir_storage_log *weir_storage_log_add(weir_storage *storage, const char *owner, weir_signal signal,
                                       weir_storage_change_fn on_change, void *user)
{
    WEIR_ASSERT(!storage->is_running);
    weir_storage_log *log = log_new(storage, owner, signal);
    log->on_change = on_change;
    log->on_change_user = user;
    log->next = storage->logs;
    storage->logs = log;
    storage->log_count++;
    storage_log_meters_register(log);
    return log;
}

void weir_storage_log_leave(weir_storage_log *log)
{
    pthread_mutex_lock(&log->storage->lock);
    log->on_change = NULL;
    pthread_mutex_unlock(&log->storage->lock);
}

static uint64_t at_most(uint64_t value, uint64_t max)
{
    return value < max ? value : max;
}

/* Limits that depend on each other. `own` is what the files have by now. The disk may have less than the limit says. */
static void share_out(weir_storage *storage, uint64_t own)
{
    uint64_t available = storage->settings.free_bytes + own;
    uint64_t whole = storage->settings.bytes_max ? storage->settings.bytes_max : available / 2;
    storage->dead_letters_bytes_max =
        at_most(storage->settings.dead_letters_bytes_max, whole / STORAGE_DEAD_LETTER_SHARE);
    storage->bytes_max = whole - storage->dead_letters_bytes_max;
    uint64_t shares = storage->log_count * STORAGE_NEWEST_SHARE;
    uint64_t share = at_most(whole, available) / (shares > STORAGE_SEGMENT_SHARE ? shares : STORAGE_SEGMENT_SHARE);
    share = share > STORAGE_SEGMENT_BYTES_MIN ? share : STORAGE_SEGMENT_BYTES_MIN;
    storage->segment_bytes = at_most(storage->settings.segment_bytes, share);
}

uint64_t storage_log_segment_bytes(const weir_storage_log *log)
{
    const weir_storage *storage = log->storage;
    if (log->owner)
        return storage->segment_bytes;
    uint64_t share = storage->dead_letters_bytes_max / STORAGE_DEAD_LETTER_SHARE;
    return at_most(storage->segment_bytes, share > STORAGE_SEGMENT_BYTES_MIN ? share : STORAGE_SEGMENT_BYTES_MIN);
}

/* The limits, once it is known what the files have: on a full disk that is all there is to share out. */
static void share_out_again(weir_storage *storage)
{
    share_out(storage, atomic_load(&storage->file_bytes) + atomic_load(&storage->dead_letters_bytes));
    for (weir_storage_log *log = storage->logs; log; log = log->next)
        weir_disk_log_resize_segments(log->disk, storage_log_segment_bytes(log));
    if (storage->dead_letters->disk)
        weir_disk_log_resize_segments(storage->dead_letters->disk, storage_log_segment_bytes(storage->dead_letters));
}

static weir_status open_logs(weir_storage *storage, weir_error *ret_error)
{
    for (weir_storage_log *log = storage->logs; log; log = log->next) {
        weir_status status = storage_log_open(log, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return storage_find_dead_letters(storage, ret_error);
}

weir_status weir_storage_start(weir_storage *storage, weir_error *ret_error)
{
    const weir_storage_settings *settings = &storage->settings;
    share_out(storage, 0);
    weir_status status = storage_lock_directory(storage, ret_error);
    if (status == WEIR_OK)
        status = open_logs(storage, ret_error);
    if (status == WEIR_OK)
        status = storage_check_orphans(storage, ret_error);
    if (status != WEIR_OK)
        return status;
    share_out_again(storage);
    if (pthread_create(&storage->thread, NULL, storage_run, storage) != 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "cannot start the thread of %s", settings->id);
    storage->is_running = true;
    return WEIR_OK;
}

void weir_storage_stop(weir_storage *storage)
{
    if (storage->is_running) {
        pthread_mutex_lock(&storage->lock);
        storage->is_stopping = true;
        pthread_cond_signal(&storage->wake);
        pthread_mutex_unlock(&storage->lock);
        pthread_join(storage->thread, NULL);
        storage->is_running = false;
    }
    for (weir_storage_log *log = storage->logs; log; log = log->next)
        weir_disk_log_close(WEIR_TAKE(log->disk));
    weir_disk_log_close(WEIR_TAKE(storage->dead_letters->disk));
    if (storage->lock_fd >= 0)
        storage->settings.files->close(storage->settings.files, storage->lock_fd);
    storage->lock_fd = -1;
}

static void log_free(weir_storage_log *log)
{
    WEIR_ASSERT(!log->work.appends.head && !log->work.reads.head && log->work.releases.count == 0);
    free(log->work.releases.positions);
    free(log->owner);
    free(log->folder);
    free(log);
}

void weir_storage_free(weir_storage *storage)
{
    if (!storage)
        return;
    weir_storage_stop(storage);
    weir_metrics_forget(storage->settings.metrics, storage);
    while (storage->logs) {
        weir_storage_log *log = storage->logs;
        storage->logs = log->next;
        log_free(log);
    }
    log_free(storage->dead_letters);
    pthread_cond_destroy(&storage->wake);
    pthread_cond_destroy(&storage->settled);
    pthread_mutex_destroy(&storage->lock);
    free(storage);
}

weir_storage_log *weir_storage_dead_letters(weir_storage *storage)
{
    return storage->dead_letters;
}

uint64_t weir_storage_age_max_ms(const weir_storage *storage)
{
    return storage->settings.age_max_ms;
}

size_t weir_storage_log_count(const weir_storage *storage)
{
    return storage->log_count;
}

/* ---- room ---- */

bool weir_storage_log_reserve(weir_storage_log *log, uint64_t bytes)
{
    weir_storage *storage = log->storage;
    uint64_t wanted = bytes + STORAGE_RECORD_OVERHEAD;
    uint64_t own_before = atomic_fetch_add(&log->reserved_bytes, wanted);
    uint64_t all = atomic_fetch_add(&storage->reserved_bytes, wanted) + wanted;
    bool is_empty = own_before == 0 && atomic_load(&log->records) == 0;
    if (is_empty || atomic_load(&storage->file_bytes) + all <= storage->bytes_max)
        return true;
    weir_storage_log_unreserve(log, bytes);
    return false;
}

void weir_storage_log_force(weir_storage_log *log, uint64_t bytes)
{
    atomic_fetch_add(&log->reserved_bytes, bytes + STORAGE_RECORD_OVERHEAD);
    atomic_fetch_add(&log->storage->reserved_bytes, bytes + STORAGE_RECORD_OVERHEAD);
}

void weir_storage_log_unreserve(weir_storage_log *log, uint64_t bytes)
{
    atomic_fetch_sub(&log->reserved_bytes, bytes + STORAGE_RECORD_OVERHEAD);
    atomic_fetch_sub(&log->storage->reserved_bytes, bytes + STORAGE_RECORD_OVERHEAD);
}

bool weir_storage_log_has_unread(const weir_storage_log *log)
{
    return atomic_load(&log->has_unread);
}

uint64_t weir_storage_log_oldest_ns(const weir_storage_log *log)
{
    return atomic_load(&log->oldest_wall_ns);
}

uint64_t weir_storage_log_releasing(const weir_storage_log *log)
{
    return atomic_load(&log->releasing_items);
}
