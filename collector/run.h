/* SPDX-License-Identifier: Apache-2.0
 *
 * `weir` itself: reads a plan, runs the service until a signal, drains, and says how the books stand. Main thread.
 */
#ifndef WEIR_RUN_H
#define WEIR_RUN_H

#include "plan.h"

typedef struct weir_run_options {
    unsigned workers;             /* 0: as many as the control group allows */
    uint64_t shutdown_timeout_ms; /* how long a drain may take */
    uint64_t totals_interval_ms;  /* a line of totals so often while they change; 0: none */
} weir_run_options;

/* Takes `plan`. Gives the exit code: 0 after a clean end, 1 if it could not start. A second signal
 * shortens the drain, a third ends the process as it stands. */
int weir_run(weir_plan *plan, const weir_run_options *options);

#endif
