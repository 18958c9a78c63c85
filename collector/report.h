/* SPDX-License-Identifier: Apache-2.0
 *
 * What weir says at its end to those who look after it: one line for the terminal and the log, and in a pod the same
 * for Kubernetes, which shows a container's termination message (`kubectl describe pod`). Main thread.
 */
#ifndef WEIR_REPORT_H
#define WEIR_REPORT_H

#include "plan.h"

/* "12345 exported, 678 on disk": items sent since the start, and those that wait in disk queues; dead letters if there
 * are any. False, `out` untouched, for a service without a disk queue. */
bool weir_report_end(const weir_plan *plan, weir_metrics *metrics, weir_buffer *out);

/* Writes `text` as the termination message, cut to what Kubernetes takes: in a pod (KUBERNETES_SERVICE_HOST is set) to
 * /dev/termination-log; to the file that WEIR_TERMINATION_LOG names if that is set. Never fails: nobody could be
 * told. */
void weir_report_termination(const char *text);

#endif
