/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"

struct weir_health_part {
    char *id;
    weir_health *health;
    bool failing;
    char last_error[160];
    _Atomic uint64_t queued_items;
    _Atomic uint64_t queued_bytes;
    struct weir_health_part *next;
};

/* A question to a worker's loop, posted when somebody asks how it is. */
typedef struct watched_worker {
    weir_task task;
    weir_loop *loop;
    _Atomic uint64_t asked_ms; /* of the question that is still open; 0: none is */
} watched_worker;

struct weir_health {
    pthread_mutex_t lock; /* guards parts and their texts */
    weir_health_part *parts;
    _Atomic int phase;
    time_t started;
    unsigned workers;
    watched_worker watched[WEIR_WORKERS_MAX];
};

weir_health *weir_health_new(unsigned workers)
{
    WEIR_ASSERT(workers <= WEIR_WORKERS_MAX);
    weir_health *health = WEIR_NEW(weir_health);
    pthread_mutex_init(&health->lock, NULL);
    health->workers = workers;
    health->started = time(NULL);
    return health;
}

void weir_health_free(weir_health *health)
{
    if (!health)
        return;
    while (health->parts) {
        weir_health_part *part = health->parts;
        health->parts = part->next;
        free(part->id);
        free(part);
    }
    pthread_mutex_destroy(&health->lock);
    free(health);
}

void weir_health_set_phase(weir_health *health, weir_phase phase)
{
    atomic_store(&health->phase, (int)phase);
}

void weir_health_watch(weir_health *health, unsigned worker, weir_loop *loop)
{
    WEIR_ASSERT(worker < health->workers);
    health->watched[worker].loop = loop;
}

static void answer(weir_task *task)
{
    watched_worker *watched = WEIR_CONTAINER(task, watched_worker, task);
    atomic_store(&watched->asked_ms, 0);
}

void weir_health_ask(weir_health *health, uint64_t now_ms)
{
    for (unsigned i = 0; i < health->workers; i++) {
        watched_worker *watched = &health->watched[i];
        uint64_t none = 0;
        if (!watched->loop || !atomic_compare_exchange_strong(&watched->asked_ms, &none, now_ms ? now_ms : 1))
            continue;
        watched->task.run = answer;
        weir_loop_post(watched->loop, &watched->task);
    }
}

int weir_health_stuck_worker(const weir_health *health, uint64_t now_ms)
{
    for (unsigned i = 0; i < health->workers; i++) {
        uint64_t asked = atomic_load(&health->watched[i].asked_ms);
        if (asked != 0 && now_ms > asked && now_ms - asked > WEIR_WORKER_STUCK_MS)
            return (int)i;
    }
    return -1;
}

weir_health_part *weir_health_part_new(weir_health *health, const char *id)
{
    weir_health_part *part = WEIR_NEW(weir_health_part);
    part->id = weir_strdup(id);
    part->health = health;
    pthread_mutex_lock(&health->lock);
    part->next = health->parts;
    health->parts = part;
    pthread_mutex_unlock(&health->lock);
    return part;
}

void weir_health_part_ok(weir_health_part *part)
{
    pthread_mutex_lock(&part->health->lock);
    part->failing = false;
    pthread_mutex_unlock(&part->health->lock);
}

void weir_health_part_failed(weir_health_part *part, const char *text)
{
    pthread_mutex_lock(&part->health->lock);
    part->failing = true;
    snprintf(part->last_error, sizeof part->last_error, "%s", text);
    pthread_mutex_unlock(&part->health->lock);
}

void weir_health_part_queue(weir_health_part *part, uint64_t items, uint64_t bytes)
{
    atomic_store_explicit(&part->queued_items, items, memory_order_relaxed);
    atomic_store_explicit(&part->queued_bytes, bytes, memory_order_relaxed);
}

bool weir_health_ready(const weir_health *health, uint64_t now_ms)
{
    return atomic_load(&health->phase) == WEIR_RUNNING && weir_health_stuck_worker(health, now_ms) < 0;
}

static void append_part(const weir_health_part *part, weir_buffer *out)
{
    weir_buffer_append_text(out, "{\"id\":");
    weir_buffer_append_json_string(out, part->id);
    weir_buffer_printf(out, ",\"backend\":\"%s\",\"queued_items\":%llu,\"queued_bytes\":%llu",
                       part->failing ? "failing" : "ok", (unsigned long long)atomic_load(&part->queued_items),
                       (unsigned long long)atomic_load(&part->queued_bytes));
    if (part->last_error[0]) {
        weir_buffer_append_text(out, ",\"last_error\":");
        weir_buffer_append_json_string(out, part->last_error);
    }
    weir_buffer_append_byte(out, '}');
}

void weir_health_report(weir_health *health, uint64_t now_ms, weir_buffer *out)
{
    static const char *const phases[] = {"starting", "running", "stopping"};
    weir_buffer_printf(out,
                       "{\"ready\":%s,\"phase\":\"%s\",\"uptime_seconds\":%lld,\"stuck_worker\":%d,\"exporters\":[",
                       weir_health_ready(health, now_ms) ? "true" : "false", phases[atomic_load(&health->phase)],
                       (long long)(time(NULL) - health->started), weir_health_stuck_worker(health, now_ms));
    pthread_mutex_lock(&health->lock);
    for (const weir_health_part *part = health->parts; part; part = part->next) {
        append_part(part, out);
        if (part->next)
            weir_buffer_append_byte(out, ',');
    }
    pthread_mutex_unlock(&health->lock);
    weir_buffer_append_text(out, "]}\n");
}
