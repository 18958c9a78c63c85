/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

typedef struct fake_timer {
    weir_timer super;
    struct fake_timer *next;
    weir_timer_fn fire;
    void *user;
    uint64_t due_ns; /* UINT64_MAX: stopped */
} fake_timer;

struct fake_net {
    weir_loop super;
    uint64_t now_ns;
    weir_task *first_task;
    weir_task **last_task;
    fake_timer *timers;
    fake_socket *sockets;
};

static fake_net *net_of(weir_loop *loop)
{
    return (fake_net *)(void *)loop;
}

/* ---- time and tasks ---- */

static uint64_t fake_now_ns(weir_loop *loop)
{
    return net_of(loop)->now_ns;
}

/* Starts in 1970, so that Date is the same in every run. */
static uint64_t fake_wall_ns(weir_loop *loop)
{
    (void)loop;
    return 0;
}

static void fake_post(weir_loop *loop, weir_task *task)
{
    fake_net *net = net_of(loop);
    task->next = NULL;
    *net->last_task = task;
    net->last_task = &task->next;
}

static weir_timer *fake_timer_new(weir_loop *loop, weir_timer_fn fire, void *user)
{
    fake_timer *timer = WEIR_NEW(fake_timer);
    *timer = (fake_timer){{loop}, net_of(loop)->timers, fire, user, UINT64_MAX};
    net_of(loop)->timers = timer;
    return &timer->super;
}

static void fake_timer_start(weir_timer *timer, uint64_t delay_ms)
{
    ((fake_timer *)(void *)timer)->due_ns = net_of(timer->loop)->now_ns + delay_ms * 1000000;
}

static void fake_timer_stop(weir_timer *timer)
{
    ((fake_timer *)(void *)timer)->due_ns = UINT64_MAX;
}

static void fake_timer_free(weir_timer *timer)
{
    fake_timer **link = &net_of(timer->loop)->timers;
    while (&(*link)->super != timer)
        link = &(*link)->next;
    *link = (*link)->next;
    free(timer);
}

/* ---- sockets ---- */

static fake_socket *socket_of(weir_socket *socket)
{
    fake_socket *self = (fake_socket *)(void *)socket;
    WEIR_ASSERT(!self->is_closed);
    return self;
}

static ssize_t fake_recv(weir_socket *socket, void *buffer, size_t size)
{
    fake_socket *self = socket_of(socket);
    if (self->failure) {
        errno = self->failure;
        return -1;
    }
    if (self->input.len == 0) {
        errno = EAGAIN;
        return self->is_input_ended ? 0 : -1;
    }
    size_t len = self->input.len < size ? self->input.len : size;
    memcpy(buffer, self->input.data, len);
    weir_buffer_consume(&self->input, len);
    return (ssize_t)len;
}

static ssize_t fake_send(weir_socket *socket, const struct iovec *parts, int count)
{
    fake_socket *self = socket_of(socket);
    size_t sent = 0;
    for (int i = 0; i < count && self->send_room > 0 && !self->failure; i++) {
        size_t len = parts[i].iov_len < self->send_room ? parts[i].iov_len : self->send_room;
        weir_buffer_append(&self->output, parts[i].iov_base, len);
        sent += len;
        if (self->send_room != SIZE_MAX)
            self->send_room -= len;
    }
    errno = self->failure ? self->failure : EAGAIN;
    return sent > 0 ? (ssize_t)sent : -1;
}

static void fake_watch(weir_socket *socket, unsigned events)
{
    socket_of(socket)->watched = events;
}

static void fake_close(weir_socket *socket)
{
    socket_of(socket)->is_closed = true;
}

static void fake_peer(weir_socket *socket, char *ret_text, size_t size)
{
    (void)socket;
    snprintf(ret_text, size, "192.0.2.1:1234");
}

static const weir_socket_ops fake_socket_ops = {fake_recv, fake_send, fake_watch, fake_close, fake_peer};

static weir_status fake_adopt(weir_loop *loop, int accepted, weir_socket_fn on_event, void *user,
                              weir_socket **ret_socket)
{
    if (accepted == -1)
        return WEIR_IO;
    fake_socket *self = WEIR_NEW(fake_socket);
    self->super.ops = &fake_socket_ops;
    self->net = net_of(loop);
    self->on_event = on_event;
    self->user = user;
    self->send_room = SIZE_MAX;
    self->next = self->net->sockets;
    self->net->sockets = self;
    *ret_socket = &self->super;
    return WEIR_OK;
}

/* As an accepted one: it stands at once. */
static weir_status fake_connect(weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                                weir_socket **ret_socket, weir_error *ret_error)
{
    if (!strchr(endpoint, ':'))
        return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "%s has no port", endpoint);
    return fake_adopt(loop, 0, on_event, user, ret_socket);
}

/* ---- running ---- */

static bool run_tasks(fake_net *net)
{
    weir_task *task = net->first_task;
    net->first_task = NULL;
    net->last_task = &net->first_task;
    bool is_any = task != NULL;
    while (task) {
        weir_task *next = task->next;
        task->run(task);
        task = next;
    }
    return is_any;
}

static bool run_events(fake_socket *socket)
{
    if (socket->is_closed)
        return false;
    unsigned events = 0;
    if (socket->input.len > 0 || socket->is_input_ended || socket->failure)
        events |= WEIR_SOCKET_READABLE;
    if (socket->send_room > 0 || socket->failure)
        events |= WEIR_SOCKET_WRITABLE;
    events &= socket->watched;
    if (events)
        socket->on_event(socket->user, events);
    return events != 0;
}

void fake_net_run(fake_net *net)
{
    bool is_busy;
    do {
        is_busy = run_tasks(net);
        for (fake_socket *socket = net->sockets; socket; socket = socket->next)
            is_busy |= run_events(socket);
    } while (is_busy);
}

static fake_timer *next_due(fake_net *net, uint64_t until_ns)
{
    fake_timer *earliest = NULL;
    for (fake_timer *timer = net->timers; timer; timer = timer->next) {
        if (timer->due_ns <= until_ns && (!earliest || timer->due_ns < earliest->due_ns))
            earliest = timer;
    }
    return earliest;
}

void fake_net_pass_ms(fake_net *net, uint64_t ms)
{
    uint64_t until_ns = net->now_ns + ms * 1000000;
    fake_timer *timer;
    while ((timer = next_due(net, until_ns))) {
        net->now_ns = timer->due_ns > net->now_ns ? timer->due_ns : net->now_ns;
        timer->due_ns = UINT64_MAX;
        timer->fire(timer->user);
        fake_net_run(net);
    }
    net->now_ns = until_ns;
}

void fake_socket_feed(fake_socket *socket, const void *bytes, size_t len, size_t piece)
{
    for (size_t done = 0; done < len && !socket->is_closed; done += piece) {
        size_t now = len - done < piece ? len - done : piece;
        weir_buffer_append(&socket->input, (const char *)bytes + done, now);
        fake_net_run(socket->net);
    }
}

void fake_socket_feed_end(fake_socket *socket)
{
    socket->is_input_ended = true;
    fake_net_run(socket->net);
}

/* ---- life ---- */

static const weir_loop_ops fake_loop_ops = {
    .now_ns = fake_now_ns,
    .wall_ns = fake_wall_ns,
    .post = fake_post,
    .timer_new = fake_timer_new,
    .timer_start = fake_timer_start,
    .timer_stop = fake_timer_stop,
    .timer_free = fake_timer_free,
    .adopt = fake_adopt,
    .connect = fake_connect,
};

fake_net *fake_net_new(void)
{
    fake_net *net = WEIR_NEW(fake_net);
    net->super.ops = &fake_loop_ops;
    net->now_ns = 1000000000;
    net->last_task = &net->first_task;
    return net;
}

weir_loop *fake_net_loop(fake_net *net)
{
    return &net->super;
}

fake_socket *fake_net_newest(fake_net *net)
{
    return net->sockets;
}

void fake_net_free(fake_net *net)
{
    run_tasks(net);
    WEIR_ASSERT(!net->timers);
    while (net->sockets) {
        fake_socket *socket = net->sockets;
        WEIR_ASSERT(socket->is_closed);
        net->sockets = socket->next;
        weir_buffer_done(&socket->input);
        weir_buffer_done(&socket->output);
        free(socket);
    }
    free(net);
}
