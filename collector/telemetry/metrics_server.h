/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics on an address of its own: the Prometheus pull reader of service.telemetry.metrics. On the control
 * thread.
 */
#ifndef WEIR_TELEMETRY_METRICS_SERVER_H
#define WEIR_TELEMETRY_METRICS_SERVER_H

#include "net/loop.h"
#include "telemetry/metrics.h"

typedef struct weir_metrics_server weir_metrics_server;

/* Listens on `endpoint` ("localhost:8888"). `metrics` must outlive it. `refresh`, if given, is called before each
 * exposition, for figures that are only worth collecting when asked for. */
WEIR_MUST_USE weir_status weir_metrics_server_start(weir_loop *loop, const char *endpoint, weir_metrics *metrics,
                                                    weir_exposition exposition, void (*refresh)(void *user), void *user,
                                                    weir_metrics_server **ret_server, weir_error *ret_error);
void weir_metrics_server_stop(weir_metrics_server *server); /* NULL is fine */

#endif
