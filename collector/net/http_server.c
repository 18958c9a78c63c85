/* SPDX-License-Identifier: Apache-2.0
 *
 * The server: its connections, its counts, its end. One for each worker and listening port.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <http_parser.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/http_connection.h"

enum { DEFAULT_MAX_CONCURRENT_STREAMS = 1000 };

/* ---- settling in bulk ---- */

static void free_if_unused(weir_http_server *server)
{
    if (!server->is_freed || server->is_settle_posted || atomic_load(&server->hand_overs) > 0)
        return;
    while (server->pool) {
        weir__exchange *exchange = server->pool;
        server->pool = exchange->next;
        weir__exchange_free(exchange);
    }
    weir_buffer_done(&server->spare_out);
    weir__http2_shared_free(server->http2_shared);
    free(server);
}

static void run_settle(weir_task *task)
{
    weir_http_server *self = WEIR_CONTAINER(task, weir_http_server, settle_task);
    /* Still "posted" while it runs: what is marked meanwhile is settled here too, and the server is not freed under
     * us. */
    while (self->marked) {
        weir__connection *connection = self->marked;
        self->marked = connection->next_marked;
        connection->is_marked = false;
        weir__connection_settle(connection);
    }
    self->is_settle_posted = false;
    free_if_unused(self);
}

void weir__http_server_mark(weir_http_server *server, weir__connection *connection)
{
    connection->is_marked = true;
    connection->next_marked = server->marked;
    server->marked = connection;
    if (server->is_settle_posted)
        return;
    server->is_settle_posted = true;
    weir_loop_post(server->loop, &server->settle_task);
}

static void unmark(weir_http_server *server, weir__connection *connection)
{
    weir__connection **link = &server->marked;
    while (*link && *link != connection)
        link = &(*link)->next_marked;
    if (*link)
        *link = connection->next_marked;
}

static void report_drained(weir_http_server *server)
{
    if (!server->is_draining || server->connections || !server->on_drained)
        return;
    void (*on_drained)(void *user) = WEIR_TAKE(server->on_drained);
    on_drained(server->drained_user);
}

void weir__http_server_forget(weir_http_server *server, weir__connection *connection)
{
    if (connection->is_marked)
        unmark(server, connection);
    server->counts.connections_open--;
    atomic_fetch_sub_explicit(&server->load, 1, memory_order_relaxed);
    report_drained(server);
}

/* ---- dates and phrases ---- */

weir_text weir__http_server_date(weir_http_server *server)
{
    uint64_t second = weir_loop_wall_ns(server->loop) / 1000000000;
    if (second != server->date_second) {
        time_t now = (time_t)second;
        struct tm parts;
        gmtime_r(&now, &parts);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        server->date_second = second;
    }
    return (weir_text){server->date, WEIR_HTTP_DATE_SIZE - 1};
}

const char *weir__http_phrase(unsigned status)
{
    return http_status_str((enum http_status)status);
}

/* ---- connections ---- */

void weir_http_server_serve(weir_http_server *server, int accepted)
{
    WEIR_ASSERT(!server->is_freed);
    uint32_t max = server->options.max_connections;
    if (server->is_draining || (max > 0 && server->counts.connections_open >= max)) {
        if (!server->is_draining)
            server->counts.connections_refused++;
        weir_accepted_close(accepted);
        return;
    }
    server->counts.connections_accepted++;
    server->counts.connections_open++;
    atomic_fetch_add_explicit(&server->load, 1, memory_order_relaxed);
    if (!weir__connection_open(server, accepted)) {
        server->counts.connections_open--;
        atomic_fetch_sub_explicit(&server->load, 1, memory_order_relaxed);
    }
}

typedef struct hand_over {
    weir_task task;
    weir_http_server *server;
    int accepted;
} hand_over;

static void run_hand_over(weir_task *task)
{
    hand_over *self = WEIR_CONTAINER(task, hand_over, task);
    weir_http_server *server = self->server;
    atomic_fetch_sub_explicit(&server->load, 1, memory_order_relaxed); /* serving counts it again */
    if (server->is_freed)
        weir_accepted_close(self->accepted);
    else
        weir_http_server_serve(server, self->accepted);
    free(self);
    atomic_fetch_sub(&server->hand_overs, 1);
    free_if_unused(server);
}

void weir__http_server_hand_over(weir_http_server *server, int accepted)
{
    hand_over *self = WEIR_NEW(hand_over);
    self->task.run = run_hand_over;
    self->server = server;
    self->accepted = accepted;
    atomic_fetch_add(&server->hand_overs, 1);
    atomic_fetch_add_explicit(&server->load, 1, memory_order_relaxed);
    weir_loop_post(server->loop, &self->task);
}

unsigned weir_http_server_load(const weir_http_server *server)
{
    return atomic_load_explicit(&server->load, memory_order_relaxed);
}

weir_http_counts weir_http_server_counts(const weir_http_server *server)
{
    return server->counts;
}

/* ---- life ---- */

static void fill_defaults(weir_http_options *options)
{
    if (options->max_concurrent_streams == 0)
        options->max_concurrent_streams = DEFAULT_MAX_CONCURRENT_STREAMS;
    if (options->read_header_timeout_ms == 0)
        options->read_header_timeout_ms = WEIR_REQUEST_TIMEOUT_MS;
    if (options->request_timeout_ms == 0)
        options->request_timeout_ms = WEIR_REQUEST_TIMEOUT_MS;
    if (options->header_list_bytes_max == 0)
        options->header_list_bytes_max = WEIR_HEADER_LIST_BYTES_MAX;
}

weir_http_server *weir_http_server_new(weir_loop *loop, const weir_http_options *options,
                                       const weir_http_handler *handler_ops, void *handler)
{
    weir_http_server *self = WEIR_NEW(weir_http_server);
    self->loop = loop;
    self->options = *options;
    fill_defaults(&self->options);
    self->ops = *handler_ops;
    self->handler = handler;
    self->settle_task.run = run_settle;
    self->date_second = UINT64_MAX; /* none formatted yet */
    self->jitter_state = weir_loop_wall_ns(loop) ^ (uint64_t)(uintptr_t)self;
    self->http2_shared = weir__http2_shared_new();
    return self;
}

void weir_http_server_drain(weir_http_server *server, void (*on_drained)(void *user), void *user)
{
    server->is_draining = true;
    server->on_drained = on_drained;
    server->drained_user = user;
    weir__connection *next;
    for (weir__connection *connection = server->connections; connection; connection = next) {
        next = connection->next;
        weir__connection_drain(connection);
    }
    report_drained(server);
}

void weir_http_server_free(weir_http_server *server)
{
    if (!server)
        return;
    server->on_drained = NULL;
    while (server->connections)
        weir__connection_close(server->connections);
    server->is_freed = true;
    free_if_unused(server);
}
