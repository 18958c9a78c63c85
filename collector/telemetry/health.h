/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of the process as others may ask for it: readiness (listening, not stopping, no worker stuck), and per
 * exporter how its backend and its queue are. The pipeline and exporters write it, the health_check extension reads
 * it. Any thread.
 */
#ifndef WEIR_TELEMETRY_HEALTH_H
#define WEIR_TELEMETRY_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "net/loop.h"

typedef struct weir_health weir_health;
typedef struct weir_health_part weir_health_part; /* one exporter */

typedef enum weir_phase { WEIR_STARTING, WEIR_RUNNING, WEIR_STOPPING } weir_phase;

weir_health *weir_health_new(unsigned workers);
void weir_health_free(weir_health *health);

void weir_health_set_phase(weir_health *health, weir_phase phase);

/* Whether workers are alive is found out by asking them: weir_health_ask posts a question to each worker's loop that
 * does not owe an answer already, and a worker that owes one for WEIR_WORKER_STUCK_MS is stuck. Nobody wakes up while
 * nobody asks. weir_health_watch is called before the workers run. `now_ms` is monotonic. */
enum { WEIR_WORKER_STUCK_MS = 10 * 1000 };
void weir_health_watch(weir_health *health, unsigned worker, weir_loop *loop);
void weir_health_ask(weir_health *health, uint64_t now_ms);
/* The index of a stuck worker, or -1. */
int weir_health_stuck_worker(const weir_health *health, uint64_t now_ms);

/* Registers an exporter (id copied); lives as long as the health. */
weir_health_part *weir_health_part_new(weir_health *health, const char *id);
/* The backend answered; or failed, for the reason in `text` (copied, cut). */
void weir_health_part_ok(weir_health_part *part);
void weir_health_part_failed(weir_health_part *part, const char *text);
/* What waits in the exporter's queue now, and what fits. */
void weir_health_part_queue(weir_health_part *part, uint64_t items, uint64_t bytes);

/* True, with HTTP 200, while running and no worker is stuck. */
bool weir_health_ready(const weir_health *health, uint64_t now_ms);
/* The body of /status as JSON: status, phase, uptime, stuck worker, exporters with state, last error, queue. */
void weir_health_report(weir_health *health, uint64_t now_ms, weir_buffer *out);

#endif
