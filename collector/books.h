/* SPDX-License-Identifier: Apache-2.0
 *
 * The books: where every item went, read from the metrics. Exact when nothing is in flight and at the end; live
 * readings differ by what is just being moved. Any thread.
 */
#ifndef WEIR_BOOKS_H
#define WEIR_BOOKS_H

#include "plan.h"

/* A line for each pipeline and each exporter and signal. True if all of them balance. */
bool weir_books_write(const weir_plan *plan, weir_metrics *metrics, weir_buffer *out);

/* Items of a signal that exporters have delivered since the start; what goes to two of them counts twice. What `debug`
 * has shown counts only where nothing else takes the signal. */
int64_t weir_books_sent(const weir_plan *plan, weir_metrics *metrics, weir_signal signal);

/* One short line without an end: items received and sent so far, what is held, and memory. */
void weir_books_totals(const weir_plan *plan, weir_metrics *metrics, const weir_account *account, weir_buffer *out);

#endif
