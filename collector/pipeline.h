/* SPDX-License-Identifier: Apache-2.0
 *
 * The flow: workers with their instances of every pipeline, built from a plan. See the drawing in pipeline.c.
 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include "component.h"
#include "plan.h"

typedef struct weir_flow weir_flow;

/* Opens every component of the plan and builds `workers` instances of the graph. Nothing runs yet. `plan` and `control`
 * must outlive it. Control thread, as everything here. */
WEIR_MUST_USE weir_status weir_flow_new(const weir_plan *plan, weir_loop *control, unsigned workers,
                                        weir_flow **ret_flow, weir_error *ret_error);

/* Starts extensions, workers, and then receivers: from now on clients are served. On failure call weir_flow_free. */
WEIR_MUST_USE weir_status weir_flow_start(weir_flow *flow, weir_error *ret_error);

/* Stops accepting, finishes what is held without batching or backoff delays until `timeout_ms`, gives the rest back
 * to its clients, and calls `on_drained` on the control loop. Once; weir_flow_free must
 * wait for on_drained then. */
void weir_flow_drain(weir_flow *flow, uint64_t timeout_ms, void (*on_drained)(void *user), void *user);

/* During a drain: its time is up now. Any number of times. */
void weir_flow_hurry(weir_flow *flow);

/* Ends the workers and closes everything. NULL is fine. */
void weir_flow_free(weir_flow *flow);

weir_metrics *weir_flow_metrics(weir_flow *flow);
const weir_account *weir_flow_account(const weir_flow *flow);

#endif
