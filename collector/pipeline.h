/* SPDX-License-Identifier: Apache-2.0
 *
 * The running service: workers with their instances of every pipeline, built from a plan. See the drawing in pipeline.c.
 */
#ifndef WEIR_PIPELINE_H
#define WEIR_PIPELINE_H

#include "component.h"
#include "plan.h"

typedef struct weir_service weir_service;

/* Opens every component of the plan and builds `workers` instances of the graph. Nothing runs yet. `plan` and `control`
 * must outlive the service. Control thread, as everything here. */
WEIR_MUST_USE weir_status weir_service_new(const weir_plan *plan, weir_loop *control, unsigned workers, weir_service **ret_service,
                                           weir_error *ret_error);

/* Starts extensions, workers, and then receivers: from now on clients are served. On failure call weir_service_free. */
WEIR_MUST_USE weir_status weir_service_start(weir_service *service, weir_error *ret_error);

/* Stops accepting, finishes what is held without batching or backoff delays until `timeout_ms`, gives the rest back to its
 * clients, and calls `on_drained` on the control loop. Once. */
void weir_service_drain(weir_service *service, uint64_t timeout_ms, void (*on_drained)(void *user), void *user);

/* Ends the workers and closes everything. NULL is fine. */
void weir_service_free(weir_service *service);

weir_metrics *weir_service_metrics(weir_service *service);
const weir_account *weir_service_account(const weir_service *service);

/* The books of every pipeline and exporter, one line each, exact when nothing is in flight. True if they balance. */
bool weir_service_books(weir_service *service, weir_buffer *out);

/* One short line: items received and sent so far, and held now. */
void weir_service_totals(weir_service *service, weir_buffer *out);

#endif
