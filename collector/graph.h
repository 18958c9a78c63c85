/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph of one worker: its instance of every receiver, pipeline and exporter of the plan. graph.c puts it
 * together and takes it apart; what flows through it is pipeline.c's business, and both know its inside.
 */
#ifndef WEIR_GRAPH_H
#define WEIR_GRAPH_H

#include <pthread.h>

#include "component.h"
#include "plan.h"

/* The end of a pipeline. */
typedef struct weir_fan_out {
    weir_consumer super;
    weir_exporter **exporters;
    size_t exporter_count;
    weir_metric *handed_items;
} weir_fan_out;

/* A pipeline on one worker. */
typedef struct weir_branch {
    const weir_planned_pipeline *plan;
    weir_consumer *head;
    weir_consumer **processors; /* processors[i] is NULL for one that is not in the way of data */
    weir_fan_out end;
    weir_metric *received_items;
} weir_branch;

struct weir_entry {
    struct weir_graph *graph;
    weir_branch **branches;
    size_t branch_count;
    weir_exporter **exporters; /* of all branches, each once */
    size_t exporter_count;
    weir_batch *parked, **parked_end; /* waiting for room, oldest first */
};

typedef struct weir_graph {
    weir_worker worker;
    struct weir_flow *flow;
    const weir_plan *plan;
    void *const *shared; /* [component] */
    void (*fan_out_consume)(weir_consumer *self, weir_batch *takes_batch);
    void (*on_room)(void *user);
    pthread_t thread;
    bool is_running;
    weir_exporter **exporters; /* [component * WEIR_SIGNALS + signal]; NULL where not used */
    weir_receiver **receivers; /* [component] */
    weir_entry *entries;       /* [component * WEIR_SIGNALS + signal] */
    weir_branch *branches;     /* [pipeline] */

    weir_task task;       /* from control to the worker: drain, end */
    weir_task hurry_task; /* from control to the worker, once, while it drains */
    bool was_hurried;     /* control's */
    weir_task done_task;  /* from the worker to control */
    weir_timer *drain_timer;
    uint64_t drain_deadline_ns;
    size_t receivers_draining;
    bool gave_up;
} weir_graph;

/* True if some pipeline or the service uses the component; others are checked, never built. */
static inline bool weir_plan_uses(const weir_plan *plan, size_t component)
{
    return plan->document->components[component].is_used;
}

/* Builds everything from the exporters back to the receivers, for worker `index`. `shared` are the components'
 * process parts. `consume` ends every pipeline, `on_room` is told when an exporter has room again. `graph` is zeroed
 * by the caller and does not move. Control thread. */
void weir_graph_build(weir_graph *graph, const weir_plan *plan, const weir_host *host, void *const *shared,
                      unsigned index, void (*consume)(weir_consumer *self, weir_batch *takes_batch),
                      void (*on_room)(void *user));

/* Takes the instances apart, from the receivers on to the exporters, which hold nothing any more. On the worker's
 * thread, or before it runs. */
void weir_graph_free_instances(weir_graph *graph);

/* Frees what is left: the loop, which does not run any more, and the lists. Control thread. */
void weir_graph_done(weir_graph *graph);

#endif
