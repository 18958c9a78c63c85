/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http2_client.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"

enum {
    OUT_BYTES_MAX = 256 * 1024, /* what one connection gathers for one write */
    READ_BYTES = 16 * 1024,     /* answers are small */
};

static const uint64_t ns_per_ms = 1000000;

typedef struct http2_connection {
    struct http2_connection *next;
    weir_http2_client *client;
    nghttp2_session *session;
    weir_socket *socket;
    weir_timer *timer; /* call deadlines and keepalive */
    weir_task task;    /* a failure that must not be reported from inside a call */
    bool is_task_posted;
    bool is_connected;
    bool has_received;
    bool is_leaving;    /* takes no new calls: had a GOAWAY, or is silent */
    bool is_in_session; /* inside nghttp2: no sending, no callbacks to calls */
    bool is_dispatching;
    bool is_broken;
    weir_error why_broken;
    weir_http2_call *calls;    /* open */
    weir_http2_call *finished; /* to be reported once nghttp2 has returned */
    weir_buffer out;
    size_t out_sent;
    uint64_t last_read_ns;
    uint64_t ping_sent_ns; /* 0: none is out */
} http2_connection;

struct weir_http2_client {
    weir_loop *loop;
    weir_http2_client_options options;
    http2_connection *current;     /* for new calls; NULL: none */
    http2_connection *connections; /* all */
};

static void run(http2_connection *connection);

/* ---- calls of a connection ---- */

static weir_http2_call *find_call(http2_connection *connection, int32_t stream_id)
{
    for (weir_http2_call *call = connection->calls; call; call = call->next) {
        if (call->stream_id == stream_id)
            return call;
    }
    return NULL;
}

static bool remove_call(weir_http2_call **list, weir_http2_call *call)
{
    for (weir_http2_call **link = list; *link; link = &(*link)->next) {
        if (*link != call)
            continue;
        *link = call->next;
        call->next = NULL;
        return true;
    }
    return false;
}

static void append_call(weir_http2_call **list, weir_http2_call *call)
{
    while (*list)
        list = &(*list)->next;
    call->next = NULL;
    *list = call;
}

/* Open no longer; reported as soon as nghttp2 has returned. */
static void finish_call(http2_connection *connection, weir_http2_call *call)
{
    bool was_open = remove_call(&connection->calls, call);
    WEIR_ASSERT(was_open);
    append_call(&connection->finished, call);
}

static void fail_call(http2_connection *connection, weir_http2_call *call, const weir_error *error)
{
    call->error = *error;
    finish_call(connection, call);
}

/* ---- nghttp2's callbacks ---- */

/* The parts of the body that are still to be sent: how much, up to `max`. */
static size_t body_left(const weir_http2_call *call, size_t max, bool *ret_is_all)
{
    size_t left = 0;
    size_t offset = call->body_offset;
    for (size_t i = call->body_index; i < call->body_count; i++) {
        left += call->body[i].iov_len - offset;
        offset = 0;
        if (left > max) {
            *ret_is_all = false;
            return max;
        }
    }
    *ret_is_all = true;
    return left;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t length, uint32_t *data_flags,
                         nghttp2_data_source *source, void *user_data)
{
    (void)session, (void)buf, (void)source;
    const weir_http2_call *call = find_call(user_data, stream_id);
    if (!call)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* cancelled: the stream is reset */
    bool is_all;
    size_t len = body_left(call, length, &is_all);
    *data_flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (is_all)
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static void append_body(http2_connection *connection, weir_http2_call *call, size_t len)
{
    while (len > 0) {
        WEIR_ASSERT(call->body_index < call->body_count);
        const struct iovec *part = &call->body[call->body_index];
        size_t left = part->iov_len - call->body_offset;
        size_t now = left < len ? left : len;
        weir_buffer_append(&connection->out, (const uint8_t *)part->iov_base + call->body_offset, now);
        len -= now;
        call->body_offset += now;
        if (call->body_offset == part->iov_len) {
            call->body_index++;
            call->body_offset = 0;
        }
    }
}

static int send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd, size_t length,
                     nghttp2_data_source *source, void *user_data)
{
    (void)session, (void)source;
    http2_connection *connection = user_data;
    if (connection->out.len >= OUT_BYTES_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    weir_http2_call *call = find_call(connection, frame->hd.stream_id);
    if (!call)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    WEIR_ASSERT(frame->data.padlen == 0);
    weir_buffer_append(&connection->out, framehd, 9); /* RFC 9113 §4.1 */
    append_body(connection, call, length);
    return 0;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t length, int flags, void *user_data)
{
    (void)session, (void)flags;
    http2_connection *connection = user_data;
    if (connection->out.len >= OUT_BYTES_MAX)
        return NGHTTP2_ERR_WOULDBLOCK;
    weir_buffer_append(&connection->out, data, length);
    return (ssize_t)length;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
    (void)session, (void)flags;
    weir_http2_call *call = find_call(user_data, frame->hd.stream_id);
    if (call)
        call->ops->on_header(call, (weir_text){(const char *)name, name_len},
                             (weir_text){(const char *)value, value_len});
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
                   void *user_data)
{
    (void)session, (void)flags;
    weir_http2_call *call = find_call(user_data, stream_id);
    if (call)
        call->ops->on_data(call, data, len);
    return 0;
}

/* A server that has answered before it read the whole request is done with it (RFC 9113 §8.1). Whatever becomes of the
 * stream or the connection from now on, the call has its answer. */
static void response_ended(http2_connection *connection, weir_http2_call *call)
{
    bool is_all;
    if (body_left(call, SIZE_MAX - 1, &is_all) > 0)
        nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id, NGHTTP2_NO_ERROR);
    finish_call(connection, call);
}

static void take_no_more_calls(http2_connection *connection)
{
    connection->is_leaving = true;
    if (connection->client->current == connection)
        connection->client->current = NULL;
}

/* nghttp2 closes the streams above the last id, but knows nothing yet of calls that wait for a stream: those would wait
 * until an open one ends. */
static void server_goes_away(http2_connection *connection, int32_t last_stream_id)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_AGAIN, "the server refused the request: GOAWAY");
    take_no_more_calls(connection);
    weir_http2_call *next;
    for (weir_http2_call *call = connection->calls; call; call = next) {
        next = call->next;
        if (call->stream_id > last_stream_id)
            fail_call(connection, call, &error);
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
    (void)session;
    http2_connection *connection = user_data;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        server_goes_away(connection, frame->goaway.last_stream_id);
    bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        weir_http2_call *call = find_call(connection, frame->hd.stream_id);
        if (call)
            response_ended(connection, call);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *user_data)
{
    (void)session;
    http2_connection *connection = user_data;
    weir_http2_call *call = find_call(connection, stream_id);
    if (!call)
        return 0;
    weir_status status = error_code == NGHTTP2_REFUSED_STREAM ? WEIR_AGAIN /* surely not looked at */ : WEIR_CLOSED;
    weir_error_set(&call->error, WEIR_ERROR_RETRYABLE, status, "the server reset the request: %s",
                   nghttp2_http2_strerror(error_code));
    finish_call(connection, call);
    return 0;
}

/* A request that nghttp2 could not send because the session is ending: never seen by the server. */
static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error_code, void *user_data)
{
    (void)session;
    http2_connection *connection = user_data;
    weir_http2_call *call = frame->hd.type == NGHTTP2_HEADERS ? find_call(connection, frame->hd.stream_id) : NULL;
    if (!call)
        return 0;
    weir_error_set(&call->error, WEIR_ERROR_RETRYABLE, WEIR_AGAIN, "the request could not be sent: %s",
                   nghttp2_strerror(error_code));
    finish_call(connection, call);
    return 0;
}

static nghttp2_session *session_new(http2_connection *connection)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    int failed = nghttp2_session_callbacks_new(&callbacks);
    WEIR_ASSERT(failed == 0);
    nghttp2_session_callbacks_set_send_callback(callbacks, send_bytes);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    failed = nghttp2_session_client_new(&session, callbacks, connection);
    WEIR_ASSERT(failed == 0);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                               {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, WEIR_HEADER_LIST_BYTES_MAX}};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, WEIR_COUNT_OF(settings));
    return session;
}

/* ---- the connection ---- */

static void break_connection(http2_connection *connection, weir_error_class class_, weir_status status,
                             const char *what, const char *why)
{
    if (connection->is_broken)
        return;
    connection->is_broken = true;
    weir_error_set(&connection->why_broken, class_, status, "%s %s: %s", connection->client->options.endpoint, what,
                   why);
}

/* Servers that refuse a client's certificate should say so; some only close (gRPC's C core). */
static void break_silent(http2_connection *connection)
{
    break_connection(
        connection, WEIR_ERROR_ENDPOINT, WEIR_CLOSED, "cannot be reached",
        "TLS: closed after the handshake without a word: does the server want (another) client certificate?");
}

static void break_by_errno(http2_connection *connection)
{
    const weir_http2_client_options *options = &connection->client->options;
    int reason = errno;
    const char *tls_error = options->tls ? options->tls_provider->error(connection->socket) : "";
    char text[WEIR_ERROR_TEXT_SIZE];
    snprintf(text, sizeof text, "TLS: %s", tls_error);
    if (*tls_error) /* also on a connection that stood: TLS 1.3 servers refuse a client's certificate that late */
        break_connection(connection, WEIR_ERROR_ENDPOINT, WEIR_IO, "cannot be reached", text);
    else if (options->tls && connection->is_connected && !connection->has_received)
        break_silent(connection);
    else if (connection->is_connected)
        break_connection(connection, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "has closed the connection", strerror(reason));
    else
        break_connection(connection, WEIR_ERROR_ENDPOINT, WEIR_IO, "cannot be reached", strerror(reason));
}

/* Writes what is there. True if nghttp2 may have more to say. */
static bool flush_out(http2_connection *connection)
{
    while (connection->out_sent < connection->out.len) {
        struct iovec rest = {connection->out.data + connection->out_sent, connection->out.len - connection->out_sent};
        ssize_t sent = weir_socket_send(connection->socket, &rest, 1);
        if (sent < 0) {
            if (errno != EAGAIN)
                break_by_errno(connection);
            return false;
        }
        connection->is_connected = true;
        connection->out_sent += (size_t)sent;
    }
    connection->out.len = connection->out_sent = 0;
    return true;
}

static void send_pending(http2_connection *connection)
{
    while (!connection->is_broken) {
        connection->is_in_session = true;
        int failed = nghttp2_session_send(connection->session);
        connection->is_in_session = false;
        if (failed)
            break_connection(connection, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "was sent nothing",
                             nghttp2_strerror(failed));
        if (connection->out.len == 0 || !flush_out(connection))
            break;
    }
    if (connection->calls && !nghttp2_session_want_read(connection->session)) /* it has found an error, and said so */
        break_connection(connection, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "does not speak HTTP/2", "broken protocol");
    bool wants_to_write = connection->out.len > 0 || !connection->is_connected;
    weir_socket_watch(connection->socket, WEIR_SOCKET_READABLE | (wants_to_write ? WEIR_SOCKET_WRITABLE : 0));
}

static void receive(http2_connection *connection)
{
    uint8_t bytes[READ_BYTES];
    for (int reads = 0; reads < WEIR_READS_PER_TURN && !connection->is_broken; reads++) {
        ssize_t got = weir_socket_recv(connection->socket, bytes, sizeof bytes);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got < 0) {
            break_by_errno(connection);
            return;
        }
        if (got == 0 && connection->client->options.tls && !connection->has_received) {
            break_silent(connection);
            return;
        }
        if (got == 0) {
            break_connection(connection, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "has closed the connection",
                             "end of stream");
            return;
        }
        connection->is_connected = connection->has_received = true;
        connection->last_read_ns = weir_loop_now_ns(connection->client->loop);
        connection->ping_sent_ns = 0;
        connection->is_in_session = true;
        ssize_t used = nghttp2_session_mem_recv(connection->session, bytes, (size_t)got);
        connection->is_in_session = false;
        if (used < 0)
            break_connection(connection, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "does not speak HTTP/2",
                             nghttp2_strerror((int)used));
    }
}

static void on_socket(void *user, unsigned events)
{
    http2_connection *connection = user;
    if (events & WEIR_SOCKET_READABLE)
        receive(connection);
    run(connection);
}

static void connection_free(http2_connection *connection)
{
    weir_http2_client *client = connection->client;
    http2_connection **link = &client->connections;
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    if (client->current == connection)
        client->current = NULL;
    weir_timer_free(connection->timer);
    weir_socket_close(connection->socket);
    nghttp2_session_del(connection->session);
    weir_buffer_done(&connection->out);
    if (connection->is_task_posted)
        connection->client = NULL; /* the task frees it */
    else
        free(connection);
}

/* ---- deadlines and keepalive ---- */

static void expire_calls(http2_connection *connection, uint64_t now)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "%s did not answer in time",
                   connection->client->options.endpoint);
    weir_http2_call *next;
    for (weir_http2_call *call = connection->calls; call; call = next) {
        next = call->next;
        if (call->deadline_ns == 0 || call->deadline_ns > now)
            continue;
        nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id, NGHTTP2_CANCEL);
        fail_call(connection, call, &error);
        /* Whoever comes next shall not wait behind a connection that does not come about, or has become silent. */
        if (!connection->is_connected)
            break_connection(connection, WEIR_ERROR_ENDPOINT, WEIR_TIMEOUT, "cannot be reached", "timed out");
        else if (connection->last_read_ns <= call->started_ns)
            take_no_more_calls(connection);
    }
}

static bool wants_keepalive(const http2_connection *connection)
{
    const weir_http2_client_options *options = &connection->client->options;
    return options->keepalive_time_ms > 0 && connection->is_connected &&
           (connection->calls != NULL || options->keepalive_without_calls);
}

static void keep_alive(http2_connection *connection, uint64_t now)
{
    const weir_http2_client_options *options = &connection->client->options;
    if (!wants_keepalive(connection))
        return;
    if (connection->ping_sent_ns > 0 && now - connection->ping_sent_ns >= options->keepalive_timeout_ms * ns_per_ms) {
        break_connection(connection, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "is silent", "no answer to a ping");
    } else if (connection->ping_sent_ns == 0 &&
               now - connection->last_read_ns >= options->keepalive_time_ms * ns_per_ms) {
        nghttp2_submit_ping(connection->session, NGHTTP2_FLAG_NONE, NULL);
        connection->ping_sent_ns = now;
    }
}

static uint64_t next_look_ns(const http2_connection *connection)
{
    const weir_http2_client_options *options = &connection->client->options;
    uint64_t at = UINT64_MAX;
    for (const weir_http2_call *call = connection->calls; call; call = call->next) {
        if (call->deadline_ns > 0 && call->deadline_ns < at)
            at = call->deadline_ns;
    }
    if (wants_keepalive(connection)) {
        uint64_t ping = connection->ping_sent_ns > 0
                            ? connection->ping_sent_ns + options->keepalive_timeout_ms * ns_per_ms
                            : connection->last_read_ns + options->keepalive_time_ms * ns_per_ms;
        at = ping < at ? ping : at;
    }
    return at;
}

static void set_timer(http2_connection *connection)
{
    uint64_t now = weir_loop_now_ns(connection->client->loop);
    uint64_t at = next_look_ns(connection);
    if (at == UINT64_MAX)
        weir_timer_stop(connection->timer);
    else
        weir_timer_start(connection->timer, at > now ? (at - now + ns_per_ms - 1) / ns_per_ms : 0);
}

static void on_timer(void *user)
{
    http2_connection *connection = user;
    uint64_t now = weir_loop_now_ns(connection->client->loop);
    expire_calls(connection, now);
    keep_alive(connection, now);
    run(connection);
}

/* ---- reporting ---- */

static http2_connection *connection_for_calls(weir_http2_client *client);
static void submit(http2_connection *connection, weir_http2_call *call);

/* Surely not looked at by the server: once more, on a connection that is not leaving. */
static bool move_call(http2_connection *connection, weir_http2_call *call)
{
    if (call->error.status != WEIR_AGAIN || call->was_moved)
        return false;
    call->was_moved = true;
    call->error = (weir_error){0};
    submit(connection_for_calls(connection->client), call);
    return true;
}

/* Reports finished calls. Callbacks may start and cancel others. */
static void dispatch(http2_connection *connection)
{
    while (connection->finished) {
        weir_http2_call *call = connection->finished;
        connection->finished = call->next;
        call->next = NULL;
        call->connection = NULL;
        if (move_call(connection, call))
            continue;
        weir_error error = call->error;
        call->ops->on_end(call, &error);
    }
}

/* After everything that may have changed something: sends, reports, and ends what is over. Reports may come back
 * here. */
static void run(http2_connection *connection)
{
    if (connection->is_in_session || connection->is_dispatching)
        return;
    connection->is_dispatching = true;
    do {
        if (!connection->is_broken)
            send_pending(connection);
        if (connection->is_broken) {
            if (connection->client->current == connection)
                connection->client->current = NULL;
            while (connection->calls)
                fail_call(connection, connection->calls, &connection->why_broken);
        }
        dispatch(connection);
    } while (connection->finished || (!connection->is_broken && nghttp2_session_want_write(connection->session) &&
                                      connection->out.len == 0 && connection->is_connected));
    connection->is_dispatching = false;
    bool is_over = !connection->calls && (connection->is_leaving || !nghttp2_session_want_read(connection->session));
    if (connection->is_broken || is_over)
        connection_free(connection);
    else
        set_timer(connection);
}

/* ---- starting ---- */

static void run_task(weir_task *task)
{
    http2_connection *connection = WEIR_CONTAINER(task, http2_connection, task);
    connection->is_task_posted = false;
    if (connection->client)
        run(connection);
    else
        free(connection);
}

static void run_later(http2_connection *connection)
{
    if (connection->is_task_posted || connection->is_in_session || connection->is_dispatching)
        return; /* whoever is at work looks again */
    connection->is_task_posted = true;
    weir_loop_post(connection->client->loop, &connection->task);
}

static weir_status connect_socket(http2_connection *connection, weir_error *ret_error)
{
    weir_http2_client *client = connection->client;
    const weir_http2_client_options *options = &client->options;
    if (!options->tls)
        return weir_loop_connect(client->loop, options->endpoint, on_socket, connection, &connection->socket,
                                 ret_error);
    return options->tls_provider->connect(options->tls, client->loop, options->endpoint, on_socket, connection,
                                          &connection->socket, ret_error);
}

static http2_connection *connection_new(weir_http2_client *client)
{
    http2_connection *connection = WEIR_NEW(http2_connection);
    connection->client = client;
    connection->task.run = run_task;
    connection->session = session_new(connection);
    connection->timer = weir_timer_new(client->loop, on_timer, connection);
    connection->last_read_ns = weir_loop_now_ns(client->loop);
    connection->next = client->connections;
    client->connections = connection;
    client->current = connection;
    weir_error error = {0};
    if (connect_socket(connection, &error) != WEIR_OK)
        break_connection(connection, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "cannot be reached", error.text);
    return connection;
}

static http2_connection *connection_for_calls(weir_http2_client *client)
{
    http2_connection *current = client->current;
    if (!current)
        return connection_new(client);
    if (nghttp2_session_get_next_stream_id(current->session) <= INT32_MAX)
        return current;
    take_no_more_calls(current); /* stream ids are used up (RFC 9113 §5.1.1) */
    run_later(current);
    return connection_new(client);
}

static void submit(http2_connection *connection, weir_http2_call *call)
{
    nghttp2_nv fields[WEIR_HEADERS_MAX];
    WEIR_ASSERT(call->header_count <= WEIR_HEADERS_MAX);
    for (size_t i = 0; i < call->header_count; i++) {
        const weir_http_header *header = &call->headers[i];
        fields[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)header->name.data, (uint8_t *)(uintptr_t)header->value.data,
                                 header->name.len, header->value.len, NGHTTP2_NV_FLAG_NONE};
    }
    const nghttp2_data_provider body = {.read_callback = read_body};
    call->connection = connection;
    call->body_index = call->body_offset = 0;
    bool is_all;
    bool has_body = body_left(call, SIZE_MAX - 1, &is_all) > 0; /* an empty one would wait for a window all the same */
    call->stream_id =
        nghttp2_submit_request(connection->session, NULL, fields, call->header_count, has_body ? &body : NULL, NULL);
    WEIR_ASSERT(call->stream_id > 0); /* ids are left, and weir does not go on without memory */
    append_call(&connection->calls, call);
    run_later(connection);
}

void weir_http2_call_start(weir_http2_client *client, weir_http2_call *call, const weir_http_header *headers,
                           size_t header_count, const struct iovec *body, size_t body_count, uint64_t deadline_ns)
{
    WEIR_ASSERT(call->connection == NULL);
    const weir_http2_call_ops *ops = call->ops;
    *call = (weir_http2_call){
        .ops = ops,
        .headers = headers,
        .header_count = header_count,
        .body = body,
        .body_count = body_count,
        .started_ns = weir_loop_now_ns(client->loop),
        .deadline_ns = deadline_ns,
    };
    submit(connection_for_calls(client), call);
}

void weir_http2_call_cancel(weir_http2_call *call)
{
    http2_connection *connection = call->connection;
    if (!connection)
        return;
    call->connection = NULL;
    if (remove_call(&connection->finished, call))
        return;
    bool was_open = remove_call(&connection->calls, call);
    WEIR_ASSERT(was_open);
    nghttp2_submit_rst_stream(connection->session, NGHTTP2_FLAG_NONE, call->stream_id, NGHTTP2_CANCEL);
    run_later(connection);
}

/* ---- life ---- */

weir_http2_client *weir_http2_client_new(weir_loop *loop, const weir_http2_client_options *options)
{
    weir_http2_client *client = WEIR_NEW(weir_http2_client);
    client->loop = loop;
    client->options = *options;
    return client;
}

void weir_http2_client_free(weir_http2_client *client)
{
    if (!client)
        return;
    while (client->connections) {
        http2_connection *connection = client->connections;
        WEIR_ASSERT(connection->calls == NULL && connection->finished == NULL);
        if (connection->socket && connection->is_connected) {
            nghttp2_session_terminate_session(connection->session, NGHTTP2_NO_ERROR);
            nghttp2_session_send(connection->session);
            flush_out(connection);
        }
        connection_free(connection);
    }
    free(client);
}
