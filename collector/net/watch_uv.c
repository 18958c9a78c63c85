/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors of other libraries on the libuv loop: readiness only, by uv_poll.
 */
#include "core/memory.h"
#include "net/loop_uv.h"

typedef struct uv_backed_watch {
    weir_watch super;
    uv_poll_t poll;
    weir_socket_fn on_event;
    void *user;
    unsigned events;
} uv_backed_watch;

static uv_backed_watch *watch_of(weir_watch *watch)
{
    return (uv_backed_watch *)(void *)watch;
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void poll_update(uv_backed_watch *self)
{
    int events = ((self->events & WEIR_SOCKET_READABLE) ? UV_READABLE : 0) |
                 ((self->events & WEIR_SOCKET_WRITABLE) ? UV_WRITABLE : 0);
    if (events)
        uv_poll_start(&self->poll, events, on_ready);
    else
        uv_poll_stop(&self->poll);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    uv_backed_watch *self = poll->data;
    unsigned happened;
    if (status < 0) {
        happened = self->events;
        poll_update(self); /* libuv has stopped to poll it */
    } else {
        happened = ((events & UV_READABLE) ? (unsigned)WEIR_SOCKET_READABLE : 0) |
                   ((events & UV_WRITABLE) ? (unsigned)WEIR_SOCKET_WRITABLE : 0);
    }
    happened &= self->events;
    if (happened)
        self->on_event(self->user, happened); /* may free the watch */
}

weir_watch *weir__uv_watch_new(weir_loop *loop, int fd, weir_socket_fn on_event, void *user)
{
    uv_backed_watch *self = WEIR_NEW(uv_backed_watch);
    self->super.loop = loop;
    self->on_event = on_event;
    self->user = user;
    if (uv_poll_init(&weir__loop_uv(loop)->uv, &self->poll, fd) != 0) {
        free(self);
        return NULL;
    }
    self->poll.data = self;
    return &self->super;
}

void weir__uv_watch_set(weir_watch *watch, unsigned events)
{
    uv_backed_watch *self = watch_of(watch);
    if (self->events == events)
        return;
    self->events = events;
    poll_update(self);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* uv_close takes the descriptor out of epoll at once; only the handle's memory must wait. */
void weir__uv_watch_free(weir_watch *watch)
{
    uv_backed_watch *self = watch_of(watch);
    self->events = 0;
    uv_close((uv_handle_t *)&self->poll, on_closed);
}
