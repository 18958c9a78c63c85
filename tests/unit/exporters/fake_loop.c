/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_loop.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"

static uint64_t fake_now(weir_loop *loop)
{
    return ((fake_loop *)loop)->now_ns;
}

static void fake_post(weir_loop *loop, weir_task *task)
{
    fake_loop *fake = (fake_loop *)loop;
    task->next = NULL;
    *fake->posted_end = task;
    fake->posted_end = &task->next;
}

static weir_timer *fake_timer_new(weir_loop *loop, weir_timer_fn fire, void *user)
{
    fake_loop *fake = (fake_loop *)loop;
    fake_timer *timer = WEIR_NEW(fake_timer);
    timer->super.loop = loop;
    timer->fire = fire;
    timer->user = user;
    timer->next = fake->timers;
    fake->timers = timer;
    return &timer->super;
}

static void fake_timer_start(weir_timer *timer, uint64_t delay_ms)
{
    ((fake_timer *)timer)->at_ns = fake_now(timer->loop) + delay_ms * 1000000;
}

static void fake_timer_stop(weir_timer *timer)
{
    ((fake_timer *)timer)->at_ns = 0;
}

static void fake_timer_free(weir_timer *timer)
{
    fake_timer **link = &((fake_loop *)timer->loop)->timers;
    while (&(*link)->super != timer)
        link = &(*link)->next;
    *link = (*link)->next;
    free(timer);
}

static const weir_loop_ops fake_ops = {
    .now_ns = fake_now,
    .wall_ns = fake_now,
    .post = fake_post,
    .timer_new = fake_timer_new,
    .timer_start = fake_timer_start,
    .timer_stop = fake_timer_stop,
    .timer_free = fake_timer_free,
};

void fake_loop_init(fake_loop *loop)
{
    *loop = (fake_loop){.super.ops = &fake_ops, .now_ns = 1000000000};
    loop->posted_end = &loop->posted;
}

static void run_posted(fake_loop *loop)
{
    while (loop->posted) {
        weir_task *task = loop->posted;
        loop->posted = task->next;
        if (!loop->posted)
            loop->posted_end = &loop->posted;
        task->run(task);
    }
}

static fake_timer *first_due(fake_loop *loop, uint64_t until_ns)
{
    fake_timer *first = NULL;
    for (fake_timer *timer = loop->timers; timer; timer = timer->next) {
        if (timer->at_ns > 0 && timer->at_ns <= until_ns && (!first || timer->at_ns < first->at_ns))
            first = timer;
    }
    return first;
}

void fake_loop_advance(fake_loop *loop, uint64_t ms)
{
    uint64_t until_ns = loop->now_ns + ms * 1000000;
    run_posted(loop);
    for (fake_timer *timer; (timer = first_due(loop, until_ns));) {
        loop->now_ns = timer->at_ns > loop->now_ns ? timer->at_ns : loop->now_ns;
        timer->at_ns = 0;
        timer->fire(timer->user);
        run_posted(loop);
    }
    loop->now_ns = until_ns;
}

void fake_loop_done(fake_loop *loop)
{
    WEIR_ASSERT(loop->timers == NULL);
    run_posted(loop);
}
