/* SPDX-License-Identifier: Apache-2.0
 *
 * The seam between weir and the world: clock, timers, sockets and messages between threads, behind one table of
 * functions. net/loop_uv.c implements it on libuv and real sockets; a simulator implements it on simulated ones.
 *
 * A loop belongs to the thread that runs it. Every function here must be called on that thread, except weir_loop_post.
 *
 * Sockets are non-blocking streams with readiness callbacks. Lifecycle rules:
 *  1. `weir_socket_watch` says which events are wanted; it may be called at any time, also inside `on_event`.
 *  2. `on_event` runs from the loop only, never from inside weir_socket_recv, weir_socket_send or weir_socket_watch.
 *  3. After `weir_socket_close` the socket is gone and `on_event` is not called again, even if an event was pending.
 *  4. recv and send never block and never raise a signal.
 */
#ifndef WEIR_NET_LOOP_H
#define WEIR_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/status.h"
#include "core/text.h"

typedef struct weir_loop weir_loop;
typedef struct weir_timer weir_timer;
typedef struct weir_socket weir_socket;
typedef struct weir_listener weir_listener;
typedef struct weir_watch weir_watch;

/* A message to a loop. Embedded in what it is about; it must stay valid until `run` is called. Posted at most once
 * at a time. */
typedef struct weir_task {
    void (*run)(struct weir_task *task);
    struct weir_task *next; /* the loop's, while posted */
} weir_task;

enum {
    WEIR_SOCKET_READABLE = 1, /* data, end of stream or an error: recv tells */
    WEIR_SOCKET_WRITABLE = 2, /* also: a connect has succeeded or failed: the next send tells */
};

typedef void (*weir_timer_fn)(void *user);
typedef void (*weir_socket_fn)(void *user, unsigned events);
/* `accepted` is owned by the callee, who hands it to a loop with weir_loop_adopt (on any loop) or closes it with
 * weir_accepted_close. */
typedef void (*weir_accept_fn)(void *user, int accepted);

/* The table. Use the inline functions below, which carry the contracts. */
typedef struct weir_loop_ops {
    void (*run)(weir_loop *loop);
    void (*stop)(weir_loop *loop);
    void (*free)(weir_loop *loop);
    uint64_t (*now_ns)(weir_loop *loop);
    uint64_t (*wall_ns)(weir_loop *loop);
    void (*post)(weir_loop *loop, weir_task *task);
    weir_timer *(*timer_new)(weir_loop *loop, weir_timer_fn fire, void *user);
    void (*timer_start)(weir_timer *timer, uint64_t delay_ms);
    void (*timer_stop)(weir_timer *timer);
    void (*timer_free)(weir_timer *timer);
    weir_status (*listen)(weir_loop *loop, const char *endpoint, weir_accept_fn on_accept, void *user,
                          weir_listener **ret_listener, weir_error *ret_error);
    void (*listener_close)(weir_listener *listener);
    weir_status (*adopt)(weir_loop *loop, int accepted, weir_socket_fn on_event, void *user, weir_socket **ret_socket);
    weir_status (*connect)(weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                           weir_socket **ret_socket, weir_error *ret_error);
    weir_watch *(*watch_new)(weir_loop *loop, int fd, weir_socket_fn on_event, void *user);
    void (*watch_set)(weir_watch *watch, unsigned events);
    void (*watch_free)(weir_watch *watch);
} weir_loop_ops;

/* An implementation embeds this as its first member. */
struct weir_loop {
    const weir_loop_ops *ops;
};

/* Sockets carry a table of their own, so that TLS can be a socket over a socket. */
typedef struct weir_socket_ops {
    ssize_t (*recv)(weir_socket *socket, void *buffer, size_t size);
    ssize_t (*send)(weir_socket *socket, const struct iovec *parts, int count);
    void (*watch)(weir_socket *socket, unsigned events);
    void (*close)(weir_socket *socket);
    void (*peer)(weir_socket *socket, char *ret_text, size_t size);
} weir_socket_ops;

struct weir_socket {
    const weir_socket_ops *ops;
};

/* A loop on libuv. Never NULL. Freed with weir_loop_free after weir_loop_run has returned. */
weir_loop *weir_loop_new_uv(void);
/* Runs callbacks until weir_loop_stop. */
static inline void weir_loop_run(weir_loop *loop)
{
    loop->ops->run(loop);
}
/* Makes weir_loop_run return after the current callback. On the loop's thread; from others post a task that calls
 * it. */
static inline void weir_loop_stop(weir_loop *loop)
{
    loop->ops->stop(loop);
}
/* Everything opened on the loop must have been closed before. */
static inline void weir_loop_free(weir_loop *loop)
{
    loop->ops->free(loop);
}

/* Monotonic time in ns, as of the start of this turn of the loop: free to call. */
static inline uint64_t weir_loop_now_ns(weir_loop *loop)
{
    return loop->ops->now_ns(loop);
}
/* Wall-clock time in ns since 1970, read now. */
static inline uint64_t weir_loop_wall_ns(weir_loop *loop)
{
    return loop->ops->wall_ns(loop);
}

/* Any thread. Runs `task` on the loop's thread, in the order posted; wake-ups are coalesced. Borrows `task` until
 * run. */
static inline void weir_loop_post(weir_loop *loop, weir_task *task)
{
    loop->ops->post(loop, task);
}

/* One-shot timers; cheap enough for one per request. A started timer that is started again moves. Never NULL. */
static inline weir_timer *weir_timer_new(weir_loop *loop, weir_timer_fn fire, void *user)
{
    return loop->ops->timer_new(loop, fire, user);
}
/* The loop-independent part of every timer: implementations embed it first. */
struct weir_timer {
    weir_loop *loop;
};
static inline void weir_timer_start(weir_timer *timer, uint64_t delay_ms)
{
    timer->loop->ops->timer_start(timer, delay_ms);
}
static inline void weir_timer_stop(weir_timer *timer)
{
    timer->loop->ops->timer_stop(timer);
}
/* Stops it; `fire` is not called any more. NULL is fine. */
static inline void weir_timer_free(weir_timer *timer)
{
    if (timer)
        timer->loop->ops->timer_free(timer);
}

/* Listens on "host:port" ("0.0.0.0:4317", "[::1]:4317", "localhost:4317", ":4317" = all addresses; port 0 = any).
 * Resolves names synchronously (start-up only). Errors: WEIR_INVALID (not an endpoint), WEIR_IO (in use, not
 * permitted). */
WEIR_MUST_USE static inline weir_status weir_loop_listen(weir_loop *loop, const char *endpoint,
                                                         weir_accept_fn on_accept, void *user,
                                                         weir_listener **ret_listener, weir_error *ret_error)
{
    return loop->ops->listen(loop, endpoint, on_accept, user, ret_listener, ret_error);
}
struct weir_listener {
    weir_loop *loop;
    char address[64]; /* what it is bound to, with the real port, as "127.0.0.1:4317" */
};
static inline void weir_listener_close(weir_listener *listener)
{
    if (listener)
        listener->loop->ops->listener_close(listener);
}

/* Makes a socket of an accepted connection, on any loop; takes `accepted` also on failure. TCP_NODELAY is set.
 * Nothing is watched yet. */
WEIR_MUST_USE static inline weir_status weir_loop_adopt(weir_loop *loop, int accepted, weir_socket_fn on_event,
                                                        void *user, weir_socket **ret_socket)
{
    return loop->ops->adopt(loop, accepted, on_event, user, ret_socket);
}
void weir_accepted_close(int accepted);

/* Starts to connect to "host:port"; names are resolved without blocking the loop. Watch for WRITABLE, then send: its
 * result tells whether the connection stands. TCP_NODELAY is set. Errors at once only for a malformed endpoint. */
WEIR_MUST_USE static inline weir_status weir_loop_connect(weir_loop *loop, const char *endpoint,
                                                          weir_socket_fn on_event, void *user, weir_socket **ret_socket,
                                                          weir_error *ret_error)
{
    return loop->ops->connect(loop, endpoint, on_event, user, ret_socket, ret_error);
}

/* Bytes read; 0 at the end of the stream; -1 with errno: EAGAIN (come back when READABLE) or the socket's error. */
static inline ssize_t weir_socket_recv(weir_socket *socket, void *buffer, size_t size)
{
    return socket->ops->recv(socket, buffer, size);
}
/* Bytes taken, maybe fewer than offered; -1 with errno: EAGAIN (come back when WRITABLE) or the socket's error. */
static inline ssize_t weir_socket_send(weir_socket *socket, const struct iovec *parts, int count)
{
    return socket->ops->send(socket, parts, count);
}
static inline void weir_socket_watch(weir_socket *socket, unsigned events)
{
    socket->ops->watch(socket, events);
}
static inline void weir_socket_close(weir_socket *socket)
{
    if (socket)
        socket->ops->close(socket);
}
/* The other side's address, as "127.0.0.1:5432" or "[::1]:5432". */
static inline void weir_socket_peer(weir_socket *socket, char *ret_text, size_t size)
{
    socket->ops->peer(socket, ret_text, size);
}

/* Watches a descriptor that a library opened and reads and writes itself (a socket of libcurl's). The library stays its
 * owner and must not close it before weir_watch_free; no other watch of this loop may have it. Nothing is watched yet.
 * NULL if it cannot be watched (a regular file). Events mean what they mean for sockets, and come from the loop only;
 * an error of the descriptor counts as every event that is watched. */
static inline weir_watch *weir_watch_new(weir_loop *loop, int fd, weir_socket_fn on_event, void *user)
{
    return loop->ops->watch_new(loop, fd, on_event, user);
}
/* The loop-independent part of every watch: implementations embed it first. */
struct weir_watch {
    weir_loop *loop;
};
/* `events`: WEIR_SOCKET_…, or 0 for none. Also inside `on_event`. */
static inline void weir_watch_set(weir_watch *watch, unsigned events)
{
    watch->loop->ops->watch_set(watch, events);
}
/* `on_event` is not called any more, and the descriptor may be closed. Also inside `on_event`. NULL is fine. */
static inline void weir_watch_free(weir_watch *watch)
{
    if (watch)
        watch->loop->ops->watch_free(watch);
}

#endif
