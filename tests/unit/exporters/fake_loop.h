/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop whose clock stands still until the test moves it: timers fire in order, posted tasks run when it is moved.
 * No sockets.
 */
#ifndef TESTS_UNIT_EXPORTERS_FAKE_LOOP_H
#define TESTS_UNIT_EXPORTERS_FAKE_LOOP_H

#include "net/loop.h"

typedef struct fake_timer {
    weir_timer super;
    weir_timer_fn fire;
    void *user;
    uint64_t at_ns; /* 0: stopped */
    struct fake_timer *next;
} fake_timer;

typedef struct fake_loop {
    weir_loop super;
    uint64_t now_ns;
    fake_timer *timers;
    weir_task *posted, **posted_end;
} fake_loop;

void fake_loop_init(fake_loop *loop);
/* Runs posted tasks, and timers that come due within `ms`. */
void fake_loop_advance(fake_loop *loop, uint64_t ms);
/* Asserts that every timer was freed. */
void fake_loop_done(fake_loop *loop);

#endif
