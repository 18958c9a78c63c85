/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening sockets of the libuv loop.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/endpoint.h"
#include "net/loop_uv.h"

enum {
    ACCEPTS_PER_TURN = 64, /* so that a flood of connections leaves time for those that stand */
    ACCEPT_PAUSE_MS = 100, /* after running out of file descriptors: the queue in the kernel holds the clients */
};

typedef struct uv_backed_listener {
    weir_listener super;
    uv_poll_t poll;
    int fd;
    weir_accept_fn on_accept;
    void *user;
    weir_timer *pause; /* running while accepting is suspended */
    bool is_closed;
} uv_backed_listener;

static void on_acceptable(uv_poll_t *poll, int status, int events);

static void accept_resume(void *user)
{
    uv_backed_listener *self = user;
    uv_poll_start(&self->poll, UV_READABLE, on_acceptable);
}

/* The listening socket stays readable while we have no descriptor to accept with; polling on would spin. */
static void accept_pause(uv_backed_listener *self)
{
    uv_poll_stop(&self->poll);
    weir_timer_start(self->pause, ACCEPT_PAUSE_MS);
}

static bool is_out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_backed_listener *self = poll->data;
    for (int i = 0; i < ACCEPTS_PER_TURN && !self->is_closed; i++) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            self->on_accept(self->user, fd);
        } else if (is_out_of_resources(errno)) {
            accept_pause(self);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
        /* Anything else (ECONNABORTED, EINTR, …) concerns one connection that is gone already: accept(2). */
    }
}

void weir_accepted_close(int accepted)
{
    close(accepted);
}

/* Of several addresses of a name an IPv4 one is taken, as Go's net.Listen does; without a host, all addresses of both
 * families (a dual-stack socket) where the system has IPv6. */
static const struct addrinfo *choose_address(const struct addrinfo *list, bool prefers_v6)
{
    for (const struct addrinfo *info = list; info; info = info->ai_next) {
        if ((info->ai_family == AF_INET6) == prefers_v6)
            return info;
    }
    return list;
}

static int open_listening(const struct addrinfo *info)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* As open_listening for the best address of `list`; a host without IPv6 may still resolve the empty name to [::]. */
static int open_listening_any(const struct addrinfo *list, bool is_wildcard)
{
    int fd = open_listening(choose_address(list, is_wildcard));
    if (fd < 0 && is_wildcard && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        fd = open_listening(choose_address(list, false));
    return fd;
}

static weir_status listening_socket(const char *text, int *ret_fd, weir_error *ret_error)
{
    weir_endpoint endpoint;
    weir_status status = weir_endpoint_parse(text, &endpoint, ret_error);
    if (status != WEIR_OK)
        return status;
    char port[8];
    snprintf(port, sizeof port, "%u", endpoint.port);
    bool is_wildcard = endpoint.host[0] == '\0';
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list;
    int result = getaddrinfo(is_wildcard ? NULL : endpoint.host, port, &hints, &list);
    if (result != 0)
        return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_IO, "cannot listen on %s: %s", text,
                              gai_strerror(result));
    int fd = open_listening_any(list, is_wildcard);
    freeaddrinfo(list);
    if (fd < 0)
        return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_IO, "cannot listen on %s: %s", text,
                              strerror(errno));
    *ret_fd = fd;
    return WEIR_OK;
}

weir_status weir__uv_listen(weir_loop *loop, const char *endpoint, weir_accept_fn on_accept, void *user,
                            weir_listener **ret_listener, weir_error *ret_error)
{
    int fd = -1;
    weir_status status = listening_socket(endpoint, &fd, ret_error);
    if (status != WEIR_OK)
        return status;
    uv_backed_listener *self = WEIR_NEW(uv_backed_listener);
    int result = uv_poll_init(&weir__loop_uv(loop)->uv, &self->poll, fd);
    WEIR_ASSERT(result == 0); /* a socket of our own can be polled */
    self->super.loop = loop;
    self->poll.data = self;
    self->fd = fd;
    self->on_accept = on_accept;
    self->user = user;
    self->pause = weir_timer_new(loop, accept_resume, self);
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        weir_address_format((struct sockaddr *)&address, self->super.address, sizeof self->super.address);
    uv_poll_start(&self->poll, UV_READABLE, on_acceptable);
    *ret_listener = &self->super;
    return WEIR_OK;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void weir__uv_listener_close(weir_listener *listener)
{
    uv_backed_listener *self = (uv_backed_listener *)(void *)listener;
    WEIR_ASSERT(!self->is_closed);
    self->is_closed = true;
    weir_timer_free(self->pause);
    uv_close((uv_handle_t *)&self->poll, on_listener_closed);
    close(self->fd); /* uv_close has taken it out of epoll */
}
