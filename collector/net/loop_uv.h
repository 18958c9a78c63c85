/* SPDX-License-Identifier: Apache-2.0
 *
 * What loop_uv.c, socket_uv.c, listener_uv.c and watch_uv.c share: the loop on libuv and the real operating system.
 * Nobody else includes this.
 */
#ifndef WEIR_NET_LOOP_UV_H
#define WEIR_NET_LOOP_UV_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/loop.h"

typedef struct uv_backed_timer uv_backed_timer;

typedef struct uv_backed_loop {
    weir_loop super;
    uv_loop_t uv;
    uint64_t now_ns; /* cached for the turn whose uv_now() is now_key_ms */
    uint64_t now_key_ms;

    pthread_t thread; /* who runs the loop; meaningful while is_running */
    atomic_bool is_running;

    pthread_mutex_t inbox_lock; /* guards the two fields below; held for a few instructions only */
    weir_task *inbox_first;
    weir_task **inbox_end;
    uv_async_t inbox_wake; /* rung by other threads */
    uv_idle_t inbox_turn;  /* for tasks from the loop's own thread: one more turn without a system call */

    uv_backed_timer *free_timers;
    size_t timers_in_use;
} uv_backed_loop;

static inline uv_backed_loop *weir__loop_uv(weir_loop *loop)
{
    return (uv_backed_loop *)(void *)loop;
}

/* The table's entries that live in the other files. */
weir_status weir__uv_listen(weir_loop *loop, const char *endpoint, weir_accept_fn on_accept, void *user,
                            weir_listener **ret_listener, weir_error *ret_error);
void weir__uv_listener_close(weir_listener *listener);
weir_status weir__uv_adopt(weir_loop *loop, int accepted, weir_socket_fn on_event, void *user,
                           weir_socket **ret_socket);
weir_status weir__uv_connect(weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                             weir_socket **ret_socket, weir_error *ret_error);

weir_watch *weir__uv_watch_new(weir_loop *loop, int fd, weir_socket_fn on_event, void *user);
void weir__uv_watch_set(weir_watch *watch, unsigned events);
void weir__uv_watch_free(weir_watch *watch);

#endif
