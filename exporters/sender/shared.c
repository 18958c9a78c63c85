/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/sender/internal.h"
#include "telemetry/health.h"

/* One for the process and exporter; rooms are made when the first worker asks for them. */
struct weir_sender_shared {
    const weir_host *host;
    const char *id;
    const weir_sender_config *config;
    const weir_label *labels;
    size_t label_count;
    weir_health_part *health; /* NULL without health */
    pthread_mutex_t lock;     /* of has_room */
    bool has_room[WEIR_SIGNALS];
    weir_room rooms[WEIR_SIGNALS];
    _Atomic int reported; /* 0 nothing yet, 1 well, 2 failed: success is told only when it is news */
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
    pthread_mutex_init(&shared->lock, NULL);
    return shared;
}

void weir_sender_shared_free(weir_sender_shared *shared)
{
    if (!shared)
        return;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (!shared->has_room[signal])
            continue;
        weir_metrics_forget(shared->host->metrics, &shared->rooms[signal]);
        weir_room_done(&shared->rooms[signal]);
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

static void register_gauges(weir_sender_shared *shared, weir_signal signal)
{
    static const char *const units[] = {"{batch}", "{item}", "By"};
    weir_room *room = &shared->rooms[signal];
    const weir_label labels[] = {{"exporter", shared->id}, {"data_type", weir_signal_name(signal)}};
    weir_metrics_register_gauge(shared->host->metrics, "otelcol_exporter_queue_size", "What waits or is under way.",
                                units[room->sizer], labels, 2, read_used, room);
    weir_metrics_register_gauge(shared->host->metrics, "otelcol_exporter_queue_capacity", "What fits into the queue.",
                                units[room->sizer], labels, 2, read_capacity, room);
}

weir_room *weir_sender_shared_room(weir_sender_shared *shared, weir_signal signal, const push_shape *shape)
{
    weir_room *room = &shared->rooms[signal];
    pthread_mutex_lock(&shared->lock);
    if (!shared->has_room[signal]) {
        weir_room_init(room, shared->host->account, &shared->config->queue, shape->min, shape->sizer);
        if (shared->config->queue.enabled)
            register_gauges(shared, signal);
        shared->has_room[signal] = true;
    }
    pthread_mutex_unlock(&shared->lock);
    return room;
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

void weir_sender_shared_report_queue(weir_sender_shared *shared)
{
    if (!shared->health)
        return;
    uint64_t items = 0, bytes = 0;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        items += atomic_load(&shared->rooms[signal].items);
        bytes += atomic_load(&shared->rooms[signal].bytes);
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
