/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole flow in one file. On every worker stands the same graph, and a batch stays on its worker from the socket it
 * came from to the socket it leaves by:
 *
 *     receiver ─► entry ─┬─► pipeline: processor ─► … ─► fan-out ─┬─► exporter (queue ─► batch ─► retry ─► push)
 *        ▲               └─► pipeline: …                          └─► exporter
 *        └──────────────────── acknowledgement ◄──────────────────────────┘
 *
 *     hop         thread   holds data            bound                         when it is full
 *     receiver    worker   request bodies        the memory account            refuses before reading the body
 *     entry       worker   nothing, or batches   every exporter's queue        refuses with a delay; with
 *                          parked for room                                     block_on_overflow parks
 *     processors  worker   nothing               –                             –
 *     exporter    worker   its queue             sending_queue, the account    the entry refuses
 *
 * Nothing is refused half-way: the entry reserves room in every exporter it leads to before any of them gets the batch.
 * The control thread builds (exporters back to receivers), starts, drains and ends the workers (receivers on to
 * exporters); while they run it touches none of their instances and talks to them by posted tasks.
 */
#include "pipeline.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"
#include "graph.h"
#include "lending.h"
#include "telemetry/health.h"
#include "telemetry/log.h"

enum {
    DRAIN_POLL_MS = 10,
    /* After the deadline what was held has been given back; so long may the answers take to get out. */
    DRAIN_ANSWER_MS = 1000,
};

struct weir_flow {
    const weir_plan *plan;
    weir_host host;
    weir_lending lending;
    weir_account account;
    void **shared;   /* [component] */
    bool *is_opened; /* [component] */
    size_t extensions_started;
    weir_graph *graphs;
    unsigned graph_count;
    bool receivers_started;

    uint64_t drain_timeout_ms;
    unsigned workers_draining;
    void (*on_drained)(void *user);
    void *on_drained_user;
};

/* ---- push: one hop after the other ---- */

/* Reserves room in every exporter behind the entry, or in none; then `*ret_full` is the one that has no room. */
static bool reserve_everywhere(weir_entry *entry, const weir_batch *batch, weir_exporter **ret_full,
                               weir_error *ret_error)
{
    for (size_t i = 0; i < entry->exporter_count; i++) {
        weir_exporter *exporter = entry->exporters[i];
        if (exporter->reserve(exporter, batch->items, batch->bytes, ret_error))
            continue;
        *ret_full = exporter;
        while (i-- > 0)
            entry->exporters[i]->unreserve(entry->exporters[i], batch->items, batch->bytes);
        return false;
    }
    return true;
}

/* Takes a batch for which room is reserved down every pipeline of the entry. */
static void pass_down(weir_entry *entry, weir_batch *takes_batch)
{
    const uint64_t items = takes_batch->items, bytes = takes_batch->bytes;
    size_t count = entry->branch_count;
    weir_ack *part = count > 1 ? weir_ack_split(takes_batch->ack, (unsigned)count) : takes_batch->ack;
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        weir_batch *batch = is_last ? takes_batch : weir_batch_share(takes_batch, part);
        batch->ack = part;
        weir_metric_add(entry->branches[i]->received_items, (int64_t)items);
        weir_consume(entry->branches[i]->head, batch);
    }
    for (size_t i = 0; i < entry->exporter_count; i++)
        entry->exporters[i]->unreserve(entry->exporters[i], items, bytes);
}

static void refuse(weir_batch *takes_batch, const weir_error *error)
{
    const weir_outcome outcome = {.kind = WEIR_RETRY_LATER, .error = *error};
    weir_batch_complete(takes_batch, &outcome);
}

static void park(weir_entry *entry, weir_batch *takes_batch)
{
    takes_batch->next = NULL;
    *entry->parked_end = takes_batch;
    entry->parked_end = &takes_batch->next;
}

static weir_batch *unpark(weir_entry *entry)
{
    weir_batch *batch = entry->parked;
    entry->parked = batch->next;
    if (!entry->parked)
        entry->parked_end = &entry->parked;
    batch->next = NULL;
    return batch;
}

void weir_entry_offer(weir_entry *entry, weir_batch *takes_batch)
{
    weir_error error = {0};
    weir_exporter *full = NULL;
    if (!entry->parked && reserve_everywhere(entry, takes_batch, &full, &error))
        pass_down(entry, takes_batch);
    else if ((entry->parked || full->blocks_on_overflow) && !entry->graph->gave_up)
        park(entry, takes_batch);
    else
        refuse(takes_batch, &error);
}

/* Passes on what was parked, as far as there is room now. */
static void offer_parked(weir_entry *entry)
{
    while (entry->parked) {
        weir_error error = {0};
        weir_exporter *full = NULL;
        if (weir_ack_abandoned(entry->parked->ack)) {
            weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_CANCELLED, "the client stopped waiting");
            refuse(unpark(entry), &error);
        } else if (reserve_everywhere(entry, entry->parked, &full, &error)) {
            pass_down(entry, unpark(entry));
        } else {
            return;
        }
    }
}

static void on_room(void *user)
{
    weir_graph *graph = user;
    size_t entry_count = graph->plan->component_count * WEIR_SIGNALS;
    for (size_t i = 0; i < entry_count; i++) {
        if (graph->entries[i].parked)
            offer_parked(&graph->entries[i]);
    }
}

static void fan_out_consume(weir_consumer *self, weir_batch *takes_batch)
{
    weir_fan_out *end = WEIR_CONTAINER(self, weir_fan_out, super);
    weir_metric_add(end->handed_items, (int64_t)takes_batch->items);
    weir_ack *part =
        end->exporter_count > 1 ? weir_ack_split(takes_batch->ack, (unsigned)end->exporter_count) : takes_batch->ack;
    for (size_t i = 0; i + 1 < end->exporter_count; i++)
        weir_consume(&end->exporters[i]->super, weir_batch_share(takes_batch, part));
    takes_batch->ack = part;
    weir_consume(&end->exporters[end->exporter_count - 1]->super, takes_batch);
}

/* ---- build ---- */

/* Opens the extensions, or everything else. */
static weir_status open_components(weir_flow *flow, bool extensions, weir_error *ret_error)
{
    for (size_t i = 0; i < flow->plan->component_count; i++) {
        const weir_planned_component *component = &flow->plan->components[i];
        if (!weir_plan_uses(flow->plan, i) || (component->type->kind == WEIR_EXTENSION) != extensions)
            continue;
        weir_status status = WEIR_OK;
        if (component->type->open)
            status = component->type->open(&flow->host, component->id, component->config, &flow->shared[i], ret_error);
        if (status != WEIR_OK)
            return status;
        flow->is_opened[i] = true;
    }
    return WEIR_OK;
}

weir_status weir_flow_new(const weir_plan *plan, weir_loop *control, unsigned workers, weir_flow **ret_flow,
                          weir_error *ret_error)
{
    WEIR_ASSERT(workers >= 1 && workers <= WEIR_WORKERS_MAX);
    weir_flow *flow = WEIR_NEW(weir_flow);
    flow->plan = plan;
    weir_account_init(&flow->account, plan->memory_limit_bytes, plan->memory_soft_limit_bytes);
    flow->host = (weir_host){.control = control,
                             .account = &flow->account,
                             .metrics = weir_metrics_new(),
                             .health = weir_health_new(workers),
                             .workers = workers};
    flow->shared = weir_alloc(plan->component_count, sizeof(void *));
    weir_lending_init(&flow->lending, &flow->host, plan, flow->shared);
    flow->is_opened = weir_alloc(plan->component_count, sizeof(bool));
    weir_status status = open_components(flow, true, ret_error);
    if (status == WEIR_OK)
        status = open_components(flow, false, ret_error);
    if (status != WEIR_OK) {
        weir_flow_free(flow);
        return status;
    }
    flow->graphs = weir_alloc(workers, sizeof(weir_graph));
    flow->graph_count = workers;
    for (unsigned i = 0; i < workers; i++) {
        flow->graphs[i].flow = flow;
        weir_graph_build(&flow->graphs[i], plan, &flow->host, flow->shared, i, fan_out_consume, on_room);
    }
    *ret_flow = flow;
    return WEIR_OK;
}

/* ---- start ---- */

static void *run_worker(void *argument)
{
    weir_graph *graph = argument;
    weir_loop_run(graph->worker.loop);
    return NULL;
}

static weir_status start_extensions(weir_flow *flow, weir_error *ret_error)
{
    const weir_plan *plan = flow->plan;
    for (; flow->extensions_started < plan->component_count; flow->extensions_started++) {
        size_t i = flow->extensions_started;
        const weir_component_type *type = plan->components[i].type;
        if (!weir_plan_uses(plan, i) || type->kind != WEIR_EXTENSION || !type->extension_start)
            continue;
        weir_status status = type->extension_start(flow->shared[i], ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

weir_status weir_flow_start(weir_flow *flow, weir_error *ret_error)
{
    weir_status status = start_extensions(flow, ret_error);
    if (status != WEIR_OK)
        return status;
    for (unsigned i = 0; i < flow->graph_count; i++) {
        weir_graph *graph = &flow->graphs[i];
        int failed = pthread_create(&graph->thread, NULL, run_worker, graph);
        if (failed)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "cannot start worker thread %u", i);
        graph->is_running = true;
    }
    flow->receivers_started = true;
    for (size_t i = 0; i < flow->plan->component_count; i++) {
        const weir_component_type *type = flow->plan->components[i].type;
        if (!weir_plan_uses(flow->plan, i) || type->kind != WEIR_RECEIVER)
            continue;
        status = type->receiver_start(flow->shared[i], ret_error);
        if (status != WEIR_OK)
            return status;
    }
    weir_health_set_phase(flow->host.health, WEIR_RUNNING);
    return WEIR_OK;
}

/* ---- drain ---- */

static void worker_is_drained(weir_task *task)
{
    weir_graph *graph = WEIR_CONTAINER(task, weir_graph, done_task);
    weir_flow *flow = graph->flow;
    WEIR_ASSERT(flow->workers_draining > 0);
    if (--flow->workers_draining == 0)
        flow->on_drained(flow->on_drained_user);
}

static uint64_t held_items(const weir_graph *graph)
{
    uint64_t held = 0;
    for (size_t i = 0; i < graph->plan->component_count * WEIR_SIGNALS; i++) {
        if (graph->exporters[i])
            held += graph->exporters[i]->held(graph->exporters[i]);
        for (const weir_batch *batch = graph->entries[i].parked; batch; batch = batch->next)
            held += batch->items;
    }
    return held;
}

/* Gives everything that is still held back to those who wait for it. */
static void give_up(weir_graph *graph)
{
    weir_error error;
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_CANCELLED, "weir is shutting down");
    graph->gave_up = true;
    for (size_t i = 0; i < graph->plan->component_count * WEIR_SIGNALS; i++) {
        while (graph->entries[i].parked)
            refuse(unpark(&graph->entries[i]), &error);
        if (graph->exporters[i])
            graph->exporters[i]->abandon(graph->exporters[i]);
    }
}

static void look_whether_drained(void *user)
{
    weir_graph *graph = user;
    uint64_t now_ns = weir_loop_now_ns(graph->worker.loop);
    bool is_empty = graph->receivers_draining == 0 && held_items(graph) == 0;
    if (!is_empty && !graph->gave_up && now_ns >= graph->drain_deadline_ns)
        give_up(graph);
    if (is_empty || now_ns >= graph->drain_deadline_ns + (uint64_t)DRAIN_ANSWER_MS * 1000000) {
        weir_loop_post(graph->flow->host.control, &graph->done_task);
        return;
    }
    weir_timer_start(graph->drain_timer, DRAIN_POLL_MS);
}

static void receiver_is_drained(void *user)
{
    weir_graph *graph = user;
    WEIR_ASSERT(graph->receivers_draining > 0);
    graph->receivers_draining--;
}

static void drain_worker(weir_task *task)
{
    weir_graph *graph = WEIR_CONTAINER(task, weir_graph, task);
    const weir_plan *plan = graph->plan;
    graph->drain_deadline_ns = weir_loop_now_ns(graph->worker.loop) + graph->flow->drain_timeout_ms * 1000000;
    for (size_t i = 0; i < plan->component_count * WEIR_SIGNALS; i++) {
        if (graph->exporters[i])
            graph->exporters[i]->drain(graph->exporters[i]);
    }
    for (size_t i = 0; i < plan->component_count; i++)
        graph->receivers_draining += graph->receivers[i] != NULL;
    for (size_t i = 0; i < plan->component_count; i++) {
        if (graph->receivers[i])
            plan->components[i].type->receiver_drain(graph->receivers[i], receiver_is_drained, graph);
    }
    graph->done_task.run = worker_is_drained;
    graph->drain_timer = weir_timer_new(graph->worker.loop, look_whether_drained, graph);
    look_whether_drained(graph);
}

static void stop_receivers(weir_flow *flow)
{
    if (!flow->receivers_started)
        return;
    flow->receivers_started = false;
    for (size_t i = 0; i < flow->plan->component_count; i++) {
        const weir_component_type *type = flow->plan->components[i].type;
        if (weir_plan_uses(flow->plan, i) && type->kind == WEIR_RECEIVER)
            type->receiver_stop(flow->shared[i]);
    }
}

void weir_flow_drain(weir_flow *flow, uint64_t timeout_ms, void (*on_drained)(void *user), void *user)
{
    weir_health_set_phase(flow->host.health, WEIR_STOPPING);
    stop_receivers(flow);
    flow->drain_timeout_ms = timeout_ms;
    flow->on_drained = on_drained;
    flow->on_drained_user = user;
    flow->workers_draining = flow->graph_count;
    for (unsigned i = 0; i < flow->graph_count; i++) {
        flow->graphs[i].task.run = drain_worker;
        weir_loop_post(flow->graphs[i].worker.loop, &flow->graphs[i].task);
    }
}

static void hurry_worker(weir_task *task)
{
    weir_graph *graph = WEIR_CONTAINER(task, weir_graph, hurry_task);
    graph->drain_deadline_ns = weir_loop_now_ns(graph->worker.loop);
}

void weir_flow_hurry(weir_flow *flow)
{
    for (unsigned i = 0; i < flow->graph_count; i++) {
        weir_graph *graph = &flow->graphs[i];
        if (graph->was_hurried)
            continue;
        graph->was_hurried = true;
        graph->hurry_task.run = hurry_worker;
        weir_loop_post(graph->worker.loop, &graph->hurry_task);
    }
}

/* ---- stop: receivers on to exporters ---- */

static void end_instances(weir_graph *graph)
{
    give_up(graph);
    weir_timer_free(graph->drain_timer);
    weir_graph_free_instances(graph);
}

static void end_worker(weir_task *task)
{
    weir_graph *graph = WEIR_CONTAINER(task, weir_graph, task);
    end_instances(graph);
    weir_loop_stop(graph->worker.loop);
}

static void free_graph(weir_graph *graph)
{
    if (graph->is_running) {
        graph->task.run = end_worker;
        weir_loop_post(graph->worker.loop, &graph->task);
        pthread_join(graph->thread, NULL);
    } else {
        end_instances(graph);
    }
    weir_graph_done(graph);
}

/* The reverse of open_components. */
static void close_components(weir_flow *flow, bool extensions)
{
    for (size_t i = flow->plan->component_count; i-- > 0;) {
        const weir_component_type *type = flow->plan->components[i].type;
        if (!flow->is_opened[i] || (type->kind == WEIR_EXTENSION) != extensions)
            continue;
        if (extensions && type->extension_stop && i < flow->extensions_started)
            type->extension_stop(flow->shared[i]);
        if (type->close)
            type->close(flow->shared[i]);
    }
}

void weir_flow_free(weir_flow *flow)
{
    if (!flow)
        return;
    stop_receivers(flow);
    for (unsigned i = 0; i < flow->graph_count; i++)
        free_graph(&flow->graphs[i]);
    close_components(flow, false);
    close_components(flow, true);
    free(flow->graphs);
    free(flow->is_opened);
    free(flow->shared);
    weir_metrics_free(flow->host.metrics);
    weir_health_free(flow->host.health);
    free(flow);
}

weir_metrics *weir_flow_metrics(weir_flow *flow)
{
    return flow->host.metrics;
}

const weir_account *weir_flow_account(const weir_flow *flow)
{
    return &flow->account;
}
