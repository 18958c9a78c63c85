/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/statvfs.h>

#include "core/memory.h"
#include "queue/storage_internal.h"

static int64_t read_bytes(void *user)
{
    weir_storage *storage = user;
    return (int64_t)(atomic_load(&storage->file_bytes) + atomic_load(&storage->dead_letters_bytes));
}

static int64_t read_bytes_max(void *user)
{
    weir_storage *storage = user;
    return (int64_t)(storage->bytes_max + storage->dead_letters_bytes_max);
}

/* Zeros where nobody can tell: the directory is gone. On the thread that reads the metrics. */
static struct statvfs file_system_of(const weir_storage *storage)
{
    struct statvfs info;
    return statvfs(storage->settings.directory, &info) == 0 ? info : (struct statvfs){0};
}

static int64_t read_disk_free(void *user)
{
    struct statvfs info = file_system_of(user);
    return (int64_t)(info.f_bavail * info.f_frsize);
}

static int64_t read_disk_bytes(void *user)
{
    struct statvfs info = file_system_of(user);
    return (int64_t)(info.f_blocks * info.f_frsize);
}

static weir_metric *register_errors(weir_storage *storage, const char *operation)
{
    const weir_label labels[] = {{"storage", storage->settings.id}, {"operation", operation}};
    return weir_metrics_register(storage->settings.metrics, WEIR_COUNTER, "weir_storage_errors",
                                 "Operations on the disk that failed.", "{error}", labels, 2);
}

void storage_meters_register(weir_storage *storage)
{
    static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
    weir_metrics *metrics = storage->settings.metrics;
    const weir_label label = {"storage", storage->settings.id};
    weir_metrics_register_gauge(metrics, "weir_storage_bytes", "Size of all files of the disk queues and dead letters.",
                                "By", &label, 1, read_bytes, storage);
    weir_metrics_register_gauge(metrics, "weir_storage_capacity_bytes", "What these files may grow to.", "By", &label,
                                1, read_bytes_max, storage);
    weir_metrics_register_gauge(metrics, "weir_storage_disk_free_bytes",
                                "What the file system under the storage has free for weir; 0 if that is not known.",
                                "By", &label, 1, read_disk_free, storage);
    weir_metrics_register_gauge(metrics, "weir_storage_disk_bytes", "What that file system holds in all.", "By", &label,
                                1, read_disk_bytes, storage);
    storage->appends = weir_metrics_register(metrics, WEIR_COUNTER, "weir_storage_appends",
                                             "Groups of records written, each with one sync unless fsync is false.",
                                             "{append}", &label, 1);
    storage->append_seconds = weir_metrics_register_histogram(metrics, "weir_storage_append_duration",
                                                              "How long it takes to write and sync a group of records, "
                                                              "or to write it where fsync is false.",
                                                              "s", &label, 1, bounds, WEIR_COUNT_OF(bounds));
    storage->errors_append = register_errors(storage, "append");
    storage->errors_read = register_errors(storage, "read");
    storage->errors_release = register_errors(storage, "release");
    storage->dead_letters_discarded = weir_metrics_register(
        metrics, WEIR_COUNTER, "weir_deadletter_discarded_items",
        "Dead letters thrown away, oldest first, because they had no more room.", "{item}", &label, 1);
}

void storage_log_meters_register(weir_storage_log *log)
{
    weir_metrics *metrics = log->storage->settings.metrics;
    const weir_label labels[] = {{"exporter", log->owner}, {"data_type", weir_signal_name(log->signal)}};
    storage_meters *meters = &log->meters;
    meters->stored = weir_metrics_register(metrics, WEIR_COUNTER, "weir_queue_stored_items",
                                           "Items written to the disk queue.", "{item}", labels, 2);
    meters->recovered = weir_metrics_register(metrics, WEIR_COUNTER, "weir_queue_recovered_items",
                                              "Items found in the disk queue at start.", "{item}", labels, 2);
    meters->released = weir_metrics_register(metrics, WEIR_COUNTER, "weir_queue_released_items",
                                             "Items that left the disk queue because the backend answered for them.",
                                             "{item}", labels, 2);
    meters->dead_lettered =
        weir_metrics_register(metrics, WEIR_COUNTER, "weir_queue_dead_lettered_items",
                              "Items that left the disk queue for the dead letters.", "{item}", labels, 2);
    meters->damaged =
        weir_metrics_register(metrics, WEIR_COUNTER, "weir_queue_damaged_items",
                              "Items of the disk queue that could not be read any more.", "{item}", labels, 2);
    meters->on_disk =
        weir_metrics_register(metrics, WEIR_GAUGE, "weir_queue_disk_items",
                              "Items in the disk queue, delivered ones not counted.", "{item}", labels, 2);
}

weir_queue_books weir_queue_books_read(weir_metrics *metrics, const char *id, weir_signal signal)
{
    const weir_label labels[] = {{"exporter", id}, {"data_type", weir_signal_name(signal)}};
    return (weir_queue_books){
        .stored = weir_metrics_sum(metrics, "weir_queue_stored_items", labels, 2),
        .recovered = weir_metrics_sum(metrics, "weir_queue_recovered_items", labels, 2),
        .released = weir_metrics_sum(metrics, "weir_queue_released_items", labels, 2),
        .dead_lettered = weir_metrics_sum(metrics, "weir_queue_dead_lettered_items", labels, 2),
        .damaged = weir_metrics_sum(metrics, "weir_queue_damaged_items", labels, 2),
        .on_disk = weir_metrics_sum(metrics, "weir_queue_disk_items", labels, 2),
    };
}
