/* SPDX-License-Identifier: Apache-2.0
 *
 * How far a partition is read for good: the messages between the first that is not settled and the last that was read.
 *
 *     position ─► [settled?] [settled] [open] [settled] [open] ◄─ last read
 *
 * Messages are settled in any order; the position moves only behind those at the front. It is the offset to commit: the
 * next message a successor has to read. Pure bookkeeping, without a clock and without Kafka.
 */
#ifndef WEIR_RECEIVERS_KAFKA_WINDOW_H
#define WEIR_RECEIVERS_KAFKA_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kafka_window_entry {
    struct kafka_window_entry *next;
    int64_t offset;
    uint64_t read_ns;   /* monotonic */
    int64_t written_ms; /* the message's timestamp, of the wall clock; -1: it has none */
    bool is_settled;
} kafka_window_entry;

/* Zero-initialise it but for `position`. */
typedef struct kafka_window {
    kafka_window_entry *first, *last;
    size_t count;     /* of entries, settled ones behind an open one too */
    int64_t position; /* -1: not known yet, nothing was read */
    int64_t end;      /* nothing is to be read between the last entry and this; 0: not known */
} kafka_window;

/* A message was read; offsets ascend. The entry is the window's, for weir__kafka_window_settle. */
kafka_window_entry *weir__kafka_window_add(kafka_window *window, int64_t offset, uint64_t read_ns);

/* The message is delivered, or a dead letter. The entry is gone afterwards. */
void weir__kafka_window_settle(kafka_window *window, kafka_window_entry *entry);

/* There is nothing more to read before `offset` (the end of the partition, or a gap): the position moves there once
 * nothing is open before it. */
void weir__kafka_window_skip_to(kafka_window *window, int64_t offset);

/* When the oldest open message was read; 0: none is open. */
uint64_t weir__kafka_window_oldest_ns(const kafka_window *window);

/* Frees the entries. */
void weir__kafka_window_done(kafka_window *window);

#endif
