/* SPDX-License-Identifier: Apache-2.0 */
#include "graph.h"

#include <stdlib.h>

#include "core/memory.h"
#include "telemetry/health.h"

static weir_exporter *exporter_of(weir_graph *graph, size_t component, weir_signal signal)
{
    return graph->exporters[component * WEIR_SIGNALS + signal];
}

/* What the batch processors in front of this exporter ask of it; the first pipeline that has one decides. */
static weir_batch_shape shape_for(const weir_plan *plan, size_t exporter, weir_signal signal)
{
    weir_batch_shape shape = {0};
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        const weir_planned_pipeline *pipeline = &plan->pipelines[i];
        bool leads_here = false;
        for (size_t e = 0; e < pipeline->exporters.count; e++)
            leads_here = leads_here || pipeline->exporters.items[e] == exporter;
        for (size_t p = 0; leads_here && pipeline->signal == signal && p < pipeline->processors.count; p++) {
            const weir_planned_component *processor = &plan->components[pipeline->processors.items[p]];
            if (processor->type->processor_shape)
                processor->type->processor_shape(processor->config, &shape);
        }
        if (shape.is_set)
            break;
    }
    return shape;
}

static void build_exporters(weir_graph *graph, const weir_planned_pipeline *pipeline)
{
    const weir_plan *plan = graph->plan;
    for (size_t i = 0; i < pipeline->exporters.count; i++) {
        size_t component = pipeline->exporters.items[i];
        weir_exporter **place = &graph->exporters[component * WEIR_SIGNALS + pipeline->signal];
        if (*place)
            continue;
        weir_batch_shape shape = shape_for(plan, component, pipeline->signal);
        const weir_component_type *type = plan->components[component].type;
        *place = type->exporter_create(graph->shared[component], &graph->worker, pipeline->signal, &shape);
        (*place)->on_room = graph->on_room;
        (*place)->on_room_user = graph;
    }
}

static void build_branch(weir_graph *graph, weir_branch *built, const weir_planned_pipeline *pipeline)
{
    const weir_plan *plan = graph->plan;
    weir_metrics *metrics = graph->worker.host->metrics;
    const weir_label labels[] = {{"pipeline", pipeline->id}};
    built->plan = pipeline;
    built->received_items = weir_metrics_register(metrics, WEIR_COUNTER, "weir_pipeline_received_items",
                                                  "Items that entered the pipeline.", "{items}", labels, 1);
    built->end.super.consume = graph->fan_out_consume;
    built->end.handed_items =
        weir_metrics_register(metrics, WEIR_COUNTER, "weir_pipeline_handed_items",
                              "Items that reached the pipeline's exporters.", "{items}", labels, 1);
    built->end.exporter_count = pipeline->exporters.count;
    built->end.exporters = weir_alloc(pipeline->exporters.count, sizeof(weir_exporter *));
    for (size_t i = 0; i < pipeline->exporters.count; i++)
        built->end.exporters[i] = exporter_of(graph, pipeline->exporters.items[i], pipeline->signal);

    built->head = &built->end.super;
    built->processors = weir_alloc(pipeline->processors.count, sizeof(weir_consumer *));
    for (size_t i = pipeline->processors.count; i-- > 0;) {
        size_t component = pipeline->processors.items[i];
        const weir_component_type *type = plan->components[component].type;
        if (!type->processor_create)
            continue;
        built->processors[i] = type->processor_create(graph->shared[component], &graph->worker, pipeline->signal,
                                                      pipeline->id, built->head);
        built->head = built->processors[i];
    }
}

static void entry_add_exporter(weir_entry *entry, weir_exporter *exporter)
{
    for (size_t i = 0; i < entry->exporter_count; i++) {
        if (entry->exporters[i] == exporter)
            return;
    }
    entry->exporters = weir_realloc(entry->exporters, entry->exporter_count + 1, sizeof(weir_exporter *));
    entry->exporters[entry->exporter_count++] = exporter;
}

static void build_entries(weir_graph *graph, weir_branch *target)
{
    const weir_planned_pipeline *pipeline = target->plan;
    for (size_t i = 0; i < pipeline->receivers.count; i++) {
        weir_entry *entry = &graph->entries[pipeline->receivers.items[i] * WEIR_SIGNALS + pipeline->signal];
        entry->branches = weir_realloc(entry->branches, entry->branch_count + 1, sizeof(weir_branch *));
        entry->branches[entry->branch_count++] = target;
        for (size_t e = 0; e < target->end.exporter_count; e++)
            entry_add_exporter(entry, target->end.exporters[e]);
    }
}

static void build_receivers(weir_graph *graph)
{
    const weir_plan *plan = graph->plan;
    for (size_t i = 0; i < plan->component_count; i++) {
        const weir_component_type *type = plan->components[i].type;
        if (!weir_plan_uses(plan, i) || type->kind != WEIR_RECEIVER)
            continue;
        weir_entry *entries[WEIR_SIGNALS] = {NULL};
        for (size_t signal = 0; signal < WEIR_SIGNALS; signal++) {
            weir_entry *entry = &graph->entries[i * WEIR_SIGNALS + signal];
            if (entry->branch_count > 0)
                entries[signal] = entry;
        }
        graph->receivers[i] = type->receiver_create(graph->shared[i], &graph->worker, entries);
    }
}

void weir_graph_build(weir_graph *graph, const weir_plan *plan, const weir_host *host, void *const *shared,
                      unsigned index, void (*consume)(weir_consumer *self, weir_batch *takes_batch),
                      void (*on_room)(void *user))
{
    graph->plan = plan;
    graph->shared = shared;
    graph->fan_out_consume = consume;
    graph->on_room = on_room;
    graph->worker = (weir_worker){.index = index, .loop = weir_loop_new_uv(), .host = host};
    weir_health_watch(host->health, index, graph->worker.loop);
    graph->exporters = weir_alloc(plan->component_count * WEIR_SIGNALS, sizeof(weir_exporter *));
    graph->receivers = weir_alloc(plan->component_count, sizeof(weir_receiver *));
    graph->entries = weir_alloc(plan->component_count * WEIR_SIGNALS, sizeof(weir_entry));
    graph->branches = weir_alloc(plan->pipeline_count, sizeof(weir_branch));
    for (size_t i = 0; i < plan->component_count * WEIR_SIGNALS; i++) {
        graph->entries[i].graph = graph;
        graph->entries[i].parked_end = &graph->entries[i].parked;
    }
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        build_exporters(graph, &plan->pipelines[i]);
        build_branch(graph, &graph->branches[i], &plan->pipelines[i]);
        build_entries(graph, &graph->branches[i]);
    }
    build_receivers(graph);
}

void weir_graph_free_instances(weir_graph *graph)
{
    const weir_plan *plan = graph->plan;
    for (size_t i = 0; i < plan->component_count; i++) {
        if (graph->receivers[i])
            plan->components[i].type->receiver_free(graph->receivers[i]);
    }
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        weir_branch *built = &graph->branches[i];
        for (size_t p = 0; p < built->plan->processors.count; p++) {
            if (built->processors[p])
                plan->components[built->plan->processors.items[p]].type->processor_free(built->processors[p]);
        }
        free(built->processors);
        free(built->end.exporters);
    }
    for (size_t i = 0; i < plan->component_count * WEIR_SIGNALS; i++) {
        if (graph->exporters[i])
            graph->exporters[i]->type->exporter_free(graph->exporters[i]);
        free(graph->entries[i].branches);
        free(graph->entries[i].exporters);
    }
}

void weir_graph_done(weir_graph *graph)
{
    weir_loop_free(graph->worker.loop);
    free(graph->exporters);
    free(graph->receivers);
    free(graph->entries);
    free(graph->branches);
}
