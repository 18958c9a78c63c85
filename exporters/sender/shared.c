/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/sender/internal.h"
#include "telemetry/health.h"

/* What has been held longest, for the age that is exposed. */
typedef struct oldest_held {
    const weir_sender_shared *shared;
    _Atomic uint64_t *since_ns; /* of each worker; 0: it holds nothing */
    weir_storage_log *log;      /* NULL: the queue is in memory */
} oldest_held;

/* One for the process and exporter; rooms are made when the first worker asks for them. */
struct weir_sender_shared {
    const weir_host *host;
    const char *id;
    const weir_sender_config *config;
    const weir_label *labels;
    size_t label_count;
    weir_health_part *health; /* NULL without health */
    weir_storage *storage;    /* NULL: the queue is in memory only */
    pthread_mutex_t lock;     /* of what is made when it is first asked for */
    bool has_room[WEIR_SIGNALS];
    weir_room rooms[WEIR_SIGNALS]; /* what is in memory */
    weir_storage_log *logs[WEIR_SIGNALS];
    weir_room disk_rooms[WEIR_SIGNALS]; /* what is on disk or about to be */
    oldest_held oldest[WEIR_SIGNALS];   /* in memory; not counted where the queue is on disk */
    _Atomic int reported;               /* 0 nothing yet, 1 well, 2 failed: success is told only when it is news */
};

weir_sender_shared *weir_sender_shared_new(const weir_host *host, const char *id, const weir_sender_config *config,
                                           const weir_label *labels, size_t label_count)
{
    weir_sender_shared *shared = WEIR_NEW(weir_sender_shared);
    shared->host = host;
    shared->id = id;
    shared->config = config;
    shared->labels = labels;
    shared->label_count = label_count;
    shared->health = host->health ? weir_health_part_new(host->health, id) : NULL;
    if (config->queue.enabled && config->queue.storage) {
        weir_error error;
        shared->storage = host->storage(host, config->queue.storage, &error);
        WEIR_ASSERT(shared->storage != NULL); /* the option was checked, and extensions are open by now */
    }
    pthread_mutex_init(&shared->lock, NULL);
    return shared;
}

static void free_room(weir_sender_shared *shared, weir_room *room)
{
    weir_metrics_forget(shared->host->metrics, room);
    weir_room_done(room);
}

void weir_sender_shared_free(weir_sender_shared *shared)
{
    if (!shared)
        return;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        weir_metrics_forget(shared->host->metrics, &shared->oldest[signal]);
        free(shared->oldest[signal].since_ns);
        if (shared->has_room[signal])
            free_room(shared, &shared->rooms[signal]);
        if (!shared->logs[signal])
            continue;
        weir_storage_log_leave(shared->logs[signal]);
        free_room(shared, &shared->disk_rooms[signal]);
    }
    pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static int64_t read_used(void *user)
{
    return (int64_t)weir_room_used(user);
}

static int64_t read_capacity(void *user)
{
    const weir_room *room = user;
    return room->size_max > INT64_MAX ? INT64_MAX : (int64_t)room->size_max;
}

/* In milliseconds. */
static int64_t read_oldest_age(void *user)
{
    const oldest_held *oldest = user;
    weir_loop *loop = oldest->shared->host->control;
    uint64_t now = oldest->log ? weir_loop_wall_ns(loop) : weir_loop_now_ns(loop);
    uint64_t since = oldest->log ? weir_storage_log_oldest_ns(oldest->log) : 0;
    for (unsigned worker = 0; !oldest->log && worker < oldest->shared->host->workers; worker++) {
        uint64_t its = atomic_load_explicit(&oldest->since_ns[worker], memory_order_relaxed);
        if (its > 0 && (since == 0 || its < since))
            since = its;
    }
    return since > 0 && since < now ? (int64_t)((now - since) / 1000000) : 0;
}

/* `log` is NULL for a queue in memory. */
static void register_oldest(weir_sender_shared *shared, weir_signal signal, weir_storage_log *log)
{
    const weir_label labels[] = {{"exporter", shared->id}, {"data_type", weir_signal_name(signal)}};
    shared->oldest[signal].shared = shared;
    shared->oldest[signal].log = log;
    weir_metrics_register_gauge(shared->host->metrics, "weir_queue_oldest_item_age",
                                "How long what has been held longest has been held.", "s", labels, 2, read_oldest_age,
                                &shared->oldest[signal]);
}

/* Without a limit of the count there is no capacity to tell: weir_storage_capacity_bytes is what bounds it. */
static void register_gauges(weir_sender_shared *shared, weir_signal signal, weir_room *room)
{
    static const char *const units[] = {"{batch}", "{item}", "By"};
    const weir_label labels[] = {{"exporter", shared->id}, {"data_type", weir_signal_name(signal)}};
    weir_metrics_register_gauge(shared->host->metrics, "otelcol_exporter_queue_size", "What waits or is under way.",
                                units[room->sizer], labels, 2, read_used, room);
    if (room->size_max < UINT64_MAX)
        weir_metrics_register_gauge(shared->host->metrics, "otelcol_exporter_queue_capacity",
                                    "What fits into the queue.", units[room->sizer], labels, 2, read_capacity, room);
}

weir_room *weir_sender_shared_room(weir_sender_shared *shared, weir_signal signal, const push_shape *shape)
{
    const weir_sender_queue_config *queue = &shared->config->queue;
    weir_room *room = &shared->rooms[signal];
    pthread_mutex_lock(&shared->lock);
    if (!shared->has_room[signal]) {
        bool is_limited = queue->enabled && !shared->storage;
        weir_room_init(room, (weir_sizer)queue->sizer, is_limited ? weir_sender_queue_size(queue) : UINT64_MAX,
                       shared->host->account->limit_bytes / 2, shape->min, shape->sizer);
        if (is_limited)
            register_gauges(shared, signal, room);
        shared->oldest[signal].since_ns = weir_alloc(shared->host->workers, sizeof *shared->oldest[signal].since_ns);
        if (!shared->storage)
            register_oldest(shared, signal, NULL);
        shared->has_room[signal] = true;
    }
    pthread_mutex_unlock(&shared->lock);
    return room;
}

/* On the storage's thread. */
static void disk_changed(void *user, int64_t records, int64_t items, int64_t bytes)
{
    weir_room *room = user;
    if (records > 0)
        weir_room_force(room, (uint64_t)records, (uint64_t)items, (uint64_t)bytes);
    else
        weir_room_give(room, (uint64_t)-records, (uint64_t)-items, (uint64_t)-bytes);
}

weir_storage_log *weir_sender_shared_log(weir_sender_shared *shared, weir_signal signal, const push_shape *shape,
                                         weir_room **ret_room)
{
    const weir_sender_queue_config *queue = &shared->config->queue;
    weir_room *room = &shared->disk_rooms[signal];
    if (!shared->storage)
        return NULL;
    pthread_mutex_lock(&shared->lock);
    if (!shared->logs[signal]) {
        weir_room_init(room, (weir_sizer)queue->sizer, weir_sender_queue_size(queue), UINT64_MAX, shape->min,
                       shape->sizer);
        register_gauges(shared, signal, room);
        shared->logs[signal] = weir_storage_log_add(shared->storage, shared->id, signal, disk_changed, room);
        register_oldest(shared, signal, shared->logs[signal]);
    }
    pthread_mutex_unlock(&shared->lock);
    *ret_room = room;
    return shared->logs[signal];
}

weir_storage *weir_sender_shared_storage(const weir_sender_shared *shared)
{
    return shared->storage;
}

const weir_host *weir_sender_shared_host(const weir_sender_shared *shared)
{
    return shared->host;
}

const char *weir_sender_shared_id(const weir_sender_shared *shared)
{
    return shared->id;
}

const weir_sender_config *weir_sender_shared_config(const weir_sender_shared *shared)
{
    return shared->config;
}

void weir_sender_shared_meters(weir_sender_shared *shared, weir_signal signal, weir_exporter_meters *ret_meters)
{
    weir_exporter_meters_init(ret_meters, shared->host->metrics, shared->id, signal, shared->labels,
                              shared->label_count);
}

void weir_sender_shared_report_oldest(weir_sender_shared *shared, weir_signal signal, unsigned worker,
                                      uint64_t oldest_ns)
{
    atomic_store_explicit(&shared->oldest[signal].since_ns[worker], oldest_ns, memory_order_relaxed);
}

void weir_sender_shared_report_queue(weir_sender_shared *shared)
{
    if (!shared->health)
        return;
    uint64_t items = 0, bytes = 0;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        const weir_room *room = shared->storage ? &shared->disk_rooms[signal] : &shared->rooms[signal];
        items += atomic_load(&room->items);
        bytes += atomic_load(&room->bytes);
    }
    weir_health_part_queue(shared->health, items, bytes);
}

/* An answer of any kind means that the backend is there. */
void weir_sender_shared_report(weir_sender_shared *shared, const weir_error *error)
{
    if (!shared->health)
        return;
    bool has_failed = weir_error_is_retryable(error);
    int state = has_failed ? 2 : 1;
    bool is_news = atomic_exchange(&shared->reported, state) != state;
    if (has_failed)
        weir_health_part_failed(shared->health, error->text);
    else if (is_news)
        weir_health_part_ok(shared->health);
}
