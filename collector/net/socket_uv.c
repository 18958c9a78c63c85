/* SPDX-License-Identifier: Apache-2.0
 *
 * Stream sockets of the libuv loop. libuv only tells when a socket is ready (uv_poll); reading and writing are ours, so
 * that there is one receive buffer for each worker instead of one for each connection.
 *
 *     connect:  RESOLVING ─► CONNECTING ─► READY
 *                   │           │  ▲
 *                   │           └──┘ next address
 *                   └──────────► FAILED (errno kept for send and recv)
 *     adopt:    READY
 *
 * A socket that was closed by its user is freed when nothing of libuv's points at it any more: `pending` counts the
 * open poll handle, a running name look-up and a posted task.
 */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/endpoint.h"
#include "net/loop_uv.h"

typedef enum socket_state { RESOLVING, CONNECTING, READY, FAILED } socket_state;

typedef struct uv_backed_socket {
    weir_socket super;
    uv_backed_loop *loop;
    weir_socket_fn on_event;
    void *user;
    socket_state state;
    bool is_closed;
    unsigned pending;
    unsigned watched; /* what the user wants to hear of */
    int fd;           /* -1: none at the moment */
    uv_poll_t poll;

    /* Only while connecting. */
    int connect_errno;
    weir_task task; /* the deferred start, later the report of a failure */
    bool is_task_posted;
    uv_getaddrinfo_t *look_up; /* heap: it would be half of the structure */
    struct addrinfo *addresses;
    const struct addrinfo *address_next;
    weir_endpoint *endpoint;
} uv_backed_socket;

static uv_backed_socket *socket_of(weir_socket *socket)
{
    return (uv_backed_socket *)(void *)socket;
}

static void drop_connect_state(uv_backed_socket *self)
{
    if (self->addresses)
        freeaddrinfo(self->addresses);
    self->addresses = NULL;
    self->address_next = NULL;
    free(WEIR_TAKE(self->endpoint));
}

static void release(uv_backed_socket *self)
{
    WEIR_ASSERT(self->pending > 0);
    self->pending--;
    if (self->pending == 0 && self->is_closed) {
        drop_connect_state(self);
        free(self);
    }
}

/* ---- readiness ---- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void poll_update(uv_backed_socket *self)
{
    int events = ((self->watched & WEIR_SOCKET_READABLE) ? UV_READABLE : 0) |
                 ((self->watched & WEIR_SOCKET_WRITABLE) ? UV_WRITABLE : 0);
    if (events)
        uv_poll_start(&self->poll, events, on_ready);
    else
        uv_poll_stop(&self->poll);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    uv_backed_socket *self = poll->data;
    unsigned happened = 0;
    if (status < 0) {
        /* The socket has an error; libuv has stopped to poll it. Reading or writing tells which. */
        happened = self->watched;
        poll_update(self);
    } else {
        if (events & UV_READABLE)
            happened |= WEIR_SOCKET_READABLE;
        if (events & UV_WRITABLE)
            happened |= WEIR_SOCKET_WRITABLE;
    }
    happened &= self->watched;
    if (happened)
        self->on_event(self->user, happened);
}

static bool poll_open(uv_backed_socket *self, int fd)
{
    if (uv_poll_init(&self->loop->uv, &self->poll, fd) != 0)
        return false;
    self->poll.data = self;
    self->fd = fd;
    self->pending++;
    return true;
}

static void on_poll_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* uv_close takes the descriptor out of epoll at once, so it may be closed here; only the handle's memory must wait. */
static void poll_close(uv_backed_socket *self, uv_close_cb on_closed)
{
    uv_close((uv_handle_t *)&self->poll, on_closed);
    close(self->fd);
    self->fd = -1;
}

/* ---- the table ---- */

/* True if the socket can be used; otherwise errno says why not. */
static bool is_usable(const uv_backed_socket *self)
{
    if (self->state == READY)
        return true;
    errno = self->state == FAILED ? self->connect_errno : EAGAIN;
    return false;
}

static ssize_t socket_recv(weir_socket *socket, void *buffer, size_t size)
{
    uv_backed_socket *self = socket_of(socket);
    WEIR_ASSERT(!self->is_closed);
    if (!is_usable(self))
        return -1;
    ssize_t got;
    do
        got = recv(self->fd, buffer, size, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

static ssize_t socket_send(weir_socket *socket, const struct iovec *parts, int count)
{
    uv_backed_socket *self = socket_of(socket);
    WEIR_ASSERT(!self->is_closed);
    if (!is_usable(self))
        return -1;
    struct msghdr message = {.msg_iov = (struct iovec *)parts,
                             .msg_iovlen = (size_t)(count < IOV_MAX ? count : IOV_MAX)};
    ssize_t sent;
    do
        sent = sendmsg(self->fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

static void post_task(uv_backed_socket *self)
{
    if (self->is_task_posted)
        return;
    self->is_task_posted = true;
    self->pending++;
    weir_loop_post(&self->loop->super, &self->task);
}

static void socket_watch(weir_socket *socket, unsigned events)
{
    uv_backed_socket *self = socket_of(socket);
    WEIR_ASSERT(!self->is_closed);
    if (self->watched == events)
        return;
    self->watched = events;
    if (self->state == READY)
        poll_update(self);
    else if (self->state == FAILED && events)
        post_task(self); /* the failure came before anyone was watching */
}

static void socket_close(weir_socket *socket)
{
    uv_backed_socket *self = socket_of(socket);
    WEIR_ASSERT(!self->is_closed);
    self->is_closed = true;
    self->watched = 0;
    self->pending++; /* our own, so that the socket is freed in one place */
    if (self->look_up)
        uv_cancel((uv_req_t *)self->look_up); /* best effort: on_resolved comes in any case */
    if (self->fd >= 0)
        poll_close(self, on_poll_closed);
    release(self);
}

static void socket_peer(weir_socket *socket, char *ret_text, size_t size)
{
    uv_backed_socket *self = socket_of(socket);
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    ret_text[0] = '\0';
    if (self->fd >= 0 && getpeername(self->fd, (struct sockaddr *)&address, &len) == 0)
        weir_address_format((struct sockaddr *)&address, ret_text, size);
}

static const weir_socket_ops uv_socket_ops = {
    .recv = socket_recv,
    .send = socket_send,
    .watch = socket_watch,
    .close = socket_close,
    .peer = socket_peer,
};

static uv_backed_socket *socket_make(weir_loop *loop, socket_state state, weir_socket_fn on_event, void *user)
{
    uv_backed_socket *self = WEIR_NEW(uv_backed_socket);
    self->super.ops = &uv_socket_ops;
    self->loop = weir__loop_uv(loop);
    self->state = state;
    self->on_event = on_event;
    self->user = user;
    self->fd = -1;
    return self;
}

/* Answers are small and wait for nobody: they leave at once (TCP_NODELAY). Fails only on sockets that are not TCP. */
static void set_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

weir_status weir__uv_adopt(weir_loop *loop, int accepted, weir_socket_fn on_event, void *user, weir_socket **ret_socket)
{
    uv_backed_socket *self = socket_make(loop, READY, on_event, user);
    if (!poll_open(self, accepted)) {
        close(accepted);
        free(self);
        return WEIR_IO;
    }
    set_no_delay(accepted);
    *ret_socket = &self->super;
    return WEIR_OK;
}

/* ---- connecting ---- */

static void connect_next(uv_backed_socket *self);

/* Runs as a task: callbacks come from the loop only. */
static void connect_failed(uv_backed_socket *self, int reason)
{
    self->state = FAILED;
    self->connect_errno = reason;
    drop_connect_state(self);
    if (self->watched)
        self->on_event(self->user, self->watched);
}

static void connect_done(uv_backed_socket *self)
{
    self->state = READY;
    drop_connect_state(self);
    set_no_delay(self->fd);
    poll_update(self);
    unsigned happened = self->watched & WEIR_SOCKET_WRITABLE;
    if (happened)
        self->on_event(self->user, happened);
}

/* libuv ties a poll handle to one descriptor, so the next address waits for the handle to be closed. */
static void on_attempt_closed(uv_handle_t *handle)
{
    uv_backed_socket *self = handle->data;
    if (!self->is_closed)
        connect_next(self);
    release(self);
}

static void on_attempt(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_backed_socket *self = poll->data;
    int reason = 0;
    socklen_t len = sizeof reason;
    if (getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &reason, &len) != 0)
        reason = errno;
    if (reason == 0) {
        connect_done(self);
        return;
    }
    self->connect_errno = reason;
    poll_close(self, on_attempt_closed);
}

/* True if an attempt is under way; otherwise connect_errno says why not. */
static bool attempt_start(uv_backed_socket *self, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        self->connect_errno = errno;
        return false;
    }
    bool is_started = connect(fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS;
    self->connect_errno = errno;
    if (is_started && poll_open(self, fd)) {
        uv_poll_start(&self->poll, UV_WRITABLE, on_attempt);
        return true;
    }
    close(fd);
    return false;
}

static void connect_next(uv_backed_socket *self)
{
    self->state = CONNECTING;
    while (self->address_next) {
        const struct addrinfo *address = self->address_next;
        self->address_next = address->ai_next;
        if (attempt_start(self, address))
            return;
    }
    connect_failed(self, self->connect_errno);
}

static void connect_to_list(uv_backed_socket *self, struct addrinfo *list)
{
    self->addresses = list;
    self->address_next = list;
    connect_next(self);
}

/* getaddrinfo's reasons have no errno; "No such device or address" comes nearest. */
enum { ERRNO_NOT_RESOLVED = ENXIO };

static void on_resolved(uv_getaddrinfo_t *look_up, int status, struct addrinfo *list)
{
    uv_backed_socket *self = look_up->data;
    free(WEIR_TAKE(self->look_up));
    if (self->is_closed) {
        if (list)
            uv_freeaddrinfo(list);
    } else if (status != 0) {
        connect_failed(self, ERRNO_NOT_RESOLVED);
    } else {
        connect_to_list(self, list);
    }
    release(self);
}

static void connect_start(uv_backed_socket *self)
{
    char port[8];
    snprintf(port, sizeof port, "%u", self->endpoint->port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    /* An address needs no look-up, and so no thread of libuv's pool. */
    if (getaddrinfo(self->endpoint->host, port, &hints, &list) == 0) {
        connect_to_list(self, list);
        return;
    }
    hints.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG;
    self->look_up = WEIR_NEW(uv_getaddrinfo_t);
    self->look_up->data = self;
    int result = uv_getaddrinfo(&self->loop->uv, self->look_up, on_resolved, self->endpoint->host, port, &hints);
    if (result == 0) {
        self->pending++;
        return;
    }
    free(WEIR_TAKE(self->look_up));
    connect_failed(self, ERRNO_NOT_RESOLVED);
}

static void run_task(weir_task *task)
{
    uv_backed_socket *self = WEIR_CONTAINER(task, uv_backed_socket, task);
    self->is_task_posted = false;
    if (!self->is_closed) {
        if (self->state == RESOLVING)
            connect_start(self);
        else if (self->state == FAILED && self->watched)
            self->on_event(self->user, self->watched);
    }
    release(self);
}

weir_status weir__uv_connect(weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                             weir_socket **ret_socket, weir_error *ret_error)
{
    weir_endpoint parsed;
    weir_status status = weir_endpoint_parse(endpoint, &parsed, ret_error);
    if (status != WEIR_OK)
        return status;
    if (parsed.host[0] == '\0' || parsed.port == 0)
        return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
                              "endpoint \"%s\": host and port are needed to connect", endpoint);
    uv_backed_socket *self = socket_make(loop, RESOLVING, on_event, user);
    self->endpoint = WEIR_NEW(weir_endpoint);
    *self->endpoint = parsed;
    self->task.run = run_task;
    post_task(self);
    *ret_socket = &self->super;
    return WEIR_OK;
}
