/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop on libuv: time, timers and tasks. Sockets are in socket_uv.c and listener_uv.c,
 * descriptors of other libraries in watch_uv.c.
 */
#include "net/loop_uv.h"

#include <time.h>

#include "core/assert.h"
#include "core/memory.h"

enum { NS_PER_MS = 1000 * 1000 };

/* ---- time ---- */

/* libuv keeps the time of a turn in whole milliseconds. We read the finer clock once for each of these, so that asking
 * is free and two askers in one callback agree. */
static uint64_t loop_now_ns(weir_loop *loop)
{
    uv_backed_loop *self = weir__loop_uv(loop);
    uint64_t key_ms = uv_now(&self->uv);
    if (key_ms != self->now_key_ms) {
        self->now_key_ms = key_ms;
        self->now_ns = uv_hrtime();
    }
    return self->now_ns;
}

static uint64_t loop_wall_ns(weir_loop *loop)
{
    (void)loop;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

/* ---- timers ---- */

/* libuv closes a handle asynchronously, which would cost an allocation and a callback for each request. So freed timers
 * are stopped and kept for the next weir_timer_new; they are closed with the loop. */
struct uv_backed_timer {
    weir_timer super;
    uv_timer_t uv;
    weir_timer_fn fire;
    void *user;
    uv_backed_timer *next_free;
};

static uv_backed_timer *timer_of(weir_timer *timer)
{
    return (uv_backed_timer *)(void *)timer;
}

static void on_uv_timer(uv_timer_t *uv)
{
    uv_backed_timer *timer = uv->data;
    timer->fire(timer->user);
}

static uv_backed_timer *timer_make(uv_backed_loop *loop)
{
    uv_backed_timer *timer = WEIR_NEW(uv_backed_timer);
    timer->super.loop = &loop->super;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    return timer;
}

static weir_timer *timer_new(weir_loop *loop, weir_timer_fn fire, void *user)
{
    uv_backed_loop *self = weir__loop_uv(loop);
    uv_backed_timer *timer = self->free_timers;
    if (timer)
        self->free_timers = timer->next_free;
    else
        timer = timer_make(self);
    timer->fire = fire;
    timer->user = user;
    self->timers_in_use++;
    return &timer->super;
}

/* A timer never fires early by weir_loop_now_ns: its due time is rounded up to libuv's milliseconds. This also keeps
 * a timer that is started with 0 from inside its own callback from running again in the same turn. */
static void timer_start(weir_timer *timer, uint64_t delay_ms)
{
    uv_backed_timer *self = timer_of(timer);
    uv_backed_loop *loop = weir__loop_uv(timer->loop);
    uint64_t due_ms = loop_now_ns(timer->loop) / NS_PER_MS + delay_ms + 1;
    uv_timer_start(&self->uv, on_uv_timer, due_ms - uv_now(&loop->uv), 0);
}

static void timer_stop(weir_timer *timer)
{
    uv_timer_stop(&timer_of(timer)->uv);
}

static void timer_free(weir_timer *timer)
{
    uv_backed_loop *loop = weir__loop_uv(timer->loop);
    uv_backed_timer *self = timer_of(timer);
    uv_timer_stop(&self->uv);
    self->next_free = loop->free_timers;
    loop->free_timers = self;
    WEIR_ASSERT(loop->timers_in_use > 0);
    loop->timers_in_use--;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_free_timers(uv_backed_loop *loop)
{
    WEIR_ASSERT(loop->timers_in_use == 0);
    while (loop->free_timers) {
        uv_backed_timer *timer = loop->free_timers;
        loop->free_timers = timer->next_free;
        uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
    }
}

/* ---- tasks ---- */

static void on_inbox_turn(uv_idle_t *turn);

/* Rings only when the inbox was empty: whoever filled it first has rung already. */
static void loop_post(weir_loop *loop, weir_task *task)
{
    uv_backed_loop *self = weir__loop_uv(loop);
    task->next = NULL;
    pthread_mutex_lock(&self->inbox_lock);
    bool was_empty = !self->inbox_first;
    *self->inbox_end = task;
    self->inbox_end = &task->next;
    pthread_mutex_unlock(&self->inbox_lock);
    if (!was_empty)
        return;
    /* is_running is read first: `thread` is only written before it becomes true. */
    if (atomic_load_explicit(&self->is_running, memory_order_acquire) && pthread_equal(self->thread, pthread_self()))
        uv_idle_start(&self->inbox_turn, on_inbox_turn);
    else
        uv_async_send(&self->inbox_wake);
}

/* What tasks post themselves waits for the next turn, so that tasks cannot starve the sockets. */
static void run_inbox(uv_backed_loop *loop)
{
    pthread_mutex_lock(&loop->inbox_lock);
    weir_task *task = loop->inbox_first;
    loop->inbox_first = NULL;
    loop->inbox_end = &loop->inbox_first;
    pthread_mutex_unlock(&loop->inbox_lock);
    while (task) {
        weir_task *next = task->next; /* `run` may free or repost the task */
        task->run(task);
        task = next;
    }
}

static void on_inbox_wake(uv_async_t *wake)
{
    run_inbox(wake->loop->data);
}

static void on_inbox_turn(uv_idle_t *turn)
{
    uv_idle_stop(turn); /* first: a task that posts starts it again */
    run_inbox(turn->loop->data);
}

/* ---- life ---- */

static void loop_run(weir_loop *loop)
{
    uv_backed_loop *self = weir__loop_uv(loop);
    self->thread = pthread_self();
    atomic_store_explicit(&self->is_running, true, memory_order_release);
    uv_run(&self->uv, UV_RUN_DEFAULT);
    atomic_store_explicit(&self->is_running, false, memory_order_release);
}

static void loop_stop(weir_loop *loop)
{
    uv_stop(&weir__loop_uv(loop)->uv);
}

static void loop_free(weir_loop *loop)
{
    uv_backed_loop *self = weir__loop_uv(loop);
    /* What was posted after the loop stopped still runs: a task owns what it carries, and would leak otherwise. */
    while (self->inbox_first)
        run_inbox(self);
    close_free_timers(self);
    uv_close((uv_handle_t *)&self->inbox_wake, NULL);
    uv_close((uv_handle_t *)&self->inbox_turn, NULL);
    uv_run(&self->uv, UV_RUN_DEFAULT); /* also ends what sockets have left to close */
    int result = uv_loop_close(&self->uv);
    WEIR_ASSERT(result == 0); /* UV_EBUSY: a socket or listener was left open */
    pthread_mutex_destroy(&self->inbox_lock);
    free(self);
}

static const weir_loop_ops uv_loop_ops = {
    .run = loop_run,
    .stop = loop_stop,
    .free = loop_free,
    .now_ns = loop_now_ns,
    .wall_ns = loop_wall_ns,
    .post = loop_post,
    .timer_new = timer_new,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .timer_free = timer_free,
    .listen = weir__uv_listen,
    .listener_close = weir__uv_listener_close,
    .adopt = weir__uv_adopt,
    .connect = weir__uv_connect,
    .watch_new = weir__uv_watch_new,
    .watch_set = weir__uv_watch_set,
    .watch_free = weir__uv_watch_free,
};

weir_loop *weir_loop_new_uv(void)
{
    uv_backed_loop *self = WEIR_NEW(uv_backed_loop);
    self->super.ops = &uv_loop_ops;
    self->inbox_end = &self->inbox_first;
    pthread_mutex_init(&self->inbox_lock, NULL);
    /* These fail only when the process is out of file descriptors at start: there is nothing to go on with. */
    int result = uv_loop_init(&self->uv);
    WEIR_ASSERT(result == 0);
    self->uv.data = self;
    result = uv_async_init(&self->uv, &self->inbox_wake, on_inbox_wake);
    WEIR_ASSERT(result == 0);
    uv_idle_init(&self->uv, &self->inbox_turn);
    return &self->super;
}
