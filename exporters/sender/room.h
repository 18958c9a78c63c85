/* SPDX-License-Identifier: Apache-2.0
 *
 * How much one exporter may hold of one signal, counted for all workers together. A reservation made before a batch
 * comes and what is held afterwards are both counted; for the moment in which a batch is both, it counts twice.
 * Any thread, except where a waiter is concerned: that belongs to its loop.
 */
#ifndef WEIR_EXPORTERS_SENDER_ROOM_H
#define WEIR_EXPORTERS_SENDER_ROOM_H

#include <pthread.h>
#include <stdatomic.h>

#include "exporters/sender/sender.h"

/* One sender that may wait for room (block_on_overflow). On the heap, because a message to its loop may outlive the
 * sender. */
typedef struct weir_room_waiter {
    weir_task task;
    weir_loop *loop;
    void (*on_room)(void *user); /* NULL once the sender is gone */
    void *user;
    _Atomic bool is_waiting;
    _Atomic bool is_posted;
    struct weir_room_waiter *next;
} weir_room_waiter;

typedef struct weir_room {
    /* Set before use, then constant. */
    weir_sizer sizer;
    uint64_t size_max;  /* in units of the sizer */
    uint64_t bytes_max; /* whatever the sizer */
    /* With SIZE_REQUESTS and batching: how much of `request_sizer` makes one request. 0: batches are counted. */
    uint64_t request_min;
    weir_sizer request_sizer;

    _Atomic uint64_t requests; /* batches */
    _Atomic uint64_t items;
    _Atomic uint64_t bytes;

    _Atomic unsigned waiting; /* waiters that wait: lets weir_room_give stay without a lock */
    pthread_mutex_t lock;     /* of the list */
    weir_room_waiter *waiters;
} weir_room;

/* Room for `size_max` units of `sizer`, and never more than `bytes_max`; UINT64_MAX: no limit. */
void weir_room_init(weir_room *room, weir_sizer sizer, uint64_t size_max, uint64_t bytes_max, uint64_t request_min,
                    weir_sizer request_sizer);
void weir_room_done(weir_room *room);

/* Takes room if there is any. An empty room takes everything. */
bool weir_room_take(weir_room *room, uint64_t items, uint64_t bytes);
/* Takes room past the limits: for what was reserved before, grew while it was cut, or was found at start. */
void weir_room_force(weir_room *room, uint64_t requests, uint64_t items, uint64_t bytes);
/* Gives back, and wakes those who wait. */
void weir_room_give(weir_room *room, uint64_t requests, uint64_t items, uint64_t bytes);

/* In units of the sizer. */
uint64_t weir_room_used(const weir_room *room);

/* `on_room` is called on `loop` once after each weir_room_wait, when something was given back. */
weir_room_waiter *weir_room_waiter_new(weir_room *room, weir_loop *loop, void (*on_room)(void *user), void *user);
void weir_room_wait(weir_room *room, weir_room_waiter *waiter);
void weir_room_waiter_free(weir_room *room, weir_room_waiter *waiter);

#endif
