/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor for a gRPC receiver: a server on nghttp2 that takes every request, never looks at its body and answers
 * with an empty message and grpc-status 0. What weir costs is given as a multiple of what this costs in the same run.
 *
 *     bare_receiver PORT        one thread, epoll, 127.0.0.1; ends on SIGTERM
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, STREAMS_MAX = 1000, STREAM_WINDOW = 16 << 20, CONNECTION_WINDOW = 64 << 20 };

typedef struct connection {
    int fd;
    nghttp2_session *session;
} connection;

#define HEADER(name, value)                                                                              \
    {                                                                                                    \
        (uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, NGHTTP2_NV_FLAG_NONE \
    }

static ssize_t give_answer(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t size, uint32_t *flags,
                           nghttp2_data_source *source, void *user)
{
    (void)source, (void)user;
    nghttp2_nv trailer[] = {HEADER("grpc-status", "0")};
    if (size < 5)
        return NGHTTP2_ERR_DEFERRED;
    for (int i = 0; i < 5; i++)
        buffer[i] = 0;
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, stream, trailer, 1);
    return 5;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    bool is_request = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (is_request && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        nghttp2_nv headers[] = {HEADER(":status", "200"), HEADER("content-type", "application/grpc")};
        nghttp2_data_provider body = {.read_callback = give_answer};
        nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &body);
    }
    return 0;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t len, int flags, void *user)
{
    (void)session, (void)flags;
    ssize_t sent = send(((connection *)user)->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
    return sent;
}

static int listen_on(uint16_t port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128))
        err(1, "port %u", port);
    return fd;
}

static void take_connection(int epoll, int listener, nghttp2_session_callbacks *callbacks)
{
    int one = 1;
    connection *c = calloc(1, sizeof *c);
    c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (c->fd < 0)
        err(1, "accept");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    nghttp2_session_server_new(&c->session, callbacks, c);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
                                         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW}};
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    nghttp2_session_send(c->session);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &wanted);
}

/* False once the connection is over. The answers are small enough for the socket's buffer, so writability is not
 * waited for. */
static bool serve(connection *c)
{
    static uint8_t buffer[READ_SIZE];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        return false;
    if (got > 0 && nghttp2_session_mem_recv(c->session, buffer, (size_t)got) < 0)
        return false;
    return nghttp2_session_send(c->session) == 0;
}

static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "usage: bare_receiver PORT");
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = end}, NULL);
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
    int listener = listen_on((uint16_t)atoi(argv[1])), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN}, events[64];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted);
    while (!ended) {
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            connection *c = events[i].data.ptr;
            if (!c) {
                take_connection(epoll, listener, callbacks);
            } else if (!serve(c)) {
                close(c->fd);
                nghttp2_session_del(c->session);
                free(c);
            }
        }
    }
    return 0;
}
