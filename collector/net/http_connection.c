/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection: its socket, its output, its deadlines. What the bytes mean is the protocol's.
 */
#include "net/http_connection.h"

#include <errno.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

#define NS_PER_MS UINT64_C(1000000)

/* The preface of HTTP/2 is "PRI * HTTP/2.0…" (RFC 9113 §3.4); no method of HTTP/1.1 starts with "PRI". */
static const uint8_t preface_start[3] = {'P', 'R', 'I'};

static uint64_t now_of(const weir__connection *self)
{
    return weir_loop_now_ns(self->server->loop);
}

/* ---- reading ---- */

static void protocol_open(weir__connection *self, const weir__http_protocol *protocol)
{
    self->protocol = protocol;
    self->state = protocol->open(self);
}

/* Gathers first bytes until they decide the version, then gives them to it. True once decided. */
static bool sniff(weir__connection *self, const uint8_t *data, size_t len)
{
    weir_http_versions versions = self->server->options.versions;
    if (versions != WEIR_HTTP_1_AND_2) {
        protocol_open(self, versions == WEIR_HTTP_2 ? &weir__http2 : &weir__http1);
        return true;
    }
    for (size_t i = 0; i < len && self->sniffed_len < sizeof self->sniffed; i++)
        self->sniffed[self->sniffed_len++] = data[i];
    bool is_preface = memcmp(self->sniffed, preface_start, self->sniffed_len) == 0;
    if (is_preface && self->sniffed_len < sizeof self->sniffed)
        return false;
    protocol_open(self, is_preface ? &weir__http2 : &weir__http1);
    return true;
}

static void received(weir__connection *self, const uint8_t *data, size_t len)
{
    self->last_read_ns = now_of(self);
    if (self->is_lingering)
        return;
    if (!self->protocol) {
        uint8_t held_len = self->sniffed_len; /* bytes of earlier reads */
        if (!sniff(self, data, len))
            return;
        if (held_len > 0)
            self->protocol->read(self->state, self->sniffed, held_len);
    }
    self->protocol->read(self->state, data, len);
}

static bool wants_input(const weir__connection *self)
{
    return self->is_lingering || !self->protocol || self->protocol->wants_input(self->state);
}

static void linger(weir__connection *self)
{
    self->is_lingering = true;
    self->close_due_ns = now_of(self) + WEIR_HTTP_LINGER_MS * NS_PER_MS;
    weir__connection_arm(self, self->close_due_ns);
}

/* TLS has told the client why not, and that must arrive. */
static bool is_refusal(weir__connection *self, int reason)
{
    bool is_refused = reason == EPROTO && self->exchange_count == 0;
    if (is_refused)
        linger(self);
    return is_refused;
}

/* False: the connection is broken or over. */
static bool receive(weir__connection *self)
{
    weir_http_server *server = self->server;
    for (int i = 0; i < WEIR_READS_PER_TURN && wants_input(self); i++) {
        ssize_t got = weir_socket_recv(self->socket, server->read_buffer, sizeof server->read_buffer);
        if (got < 0)
            return errno == EAGAIN || is_refusal(self, errno);
        if (got == 0) {
            if (!self->protocol || self->is_lingering)
                return false;
            self->protocol->read_end(self->state);
            return true;
        }
        received(self, server->read_buffer, (size_t)got);
        if ((size_t)got < sizeof server->read_buffer)
            return true; /* the socket is empty: save the call that would only say EAGAIN */
    }
    return true;
}

/* ---- writing ---- */

static weir_buffer buffer_take(weir_buffer *buffer)
{
    weir_buffer taken = *buffer;
    *buffer = (weir_buffer){0};
    return taken;
}

/* Output is empty most of the time, and then a connection should hold no memory for it: the server lends one buffer. */
weir_buffer *weir__connection_out(weir__connection *connection)
{
    if (!connection->out.data)
        connection->out = buffer_take(&connection->server->spare_out);
    return &connection->out;
}

static void out_give_back(weir__connection *self)
{
    self->out.len = 0;
    self->out_sent = 0;
    self->stalled_since_ns = 0;
    weir_buffer *spare = &self->server->spare_out;
    if (!spare->data && self->out.capacity <= 2 * WEIR_HTTP_OUT_BYTES_MAX)
        *spare = buffer_take(&self->out);
    else
        weir_buffer_done(&self->out);
}

bool weir__connection_is_out_full(const weir__connection *connection)
{
    return weir__connection_unsent(connection) >= WEIR_HTTP_OUT_BYTES_MAX;
}

/* One send for what has gathered. False: the connection is broken. */
static bool send_out(weir__connection *self)
{
    size_t unsent = weir__connection_unsent(self);
    if (unsent == 0)
        return true;
    struct iovec part = {self->out.data + self->out_sent, unsent};
    ssize_t sent = weir_socket_send(self->socket, &part, 1);
    if (sent < 0 && errno != EAGAIN)
        return false;
    if (sent > 0)
        self->out_sent += (size_t)sent;
    if (self->out_sent == self->out.len) {
        out_give_back(self);
    } else if (sent > 0 || self->stalled_since_ns == 0) {
        self->stalled_since_ns = now_of(self);
        weir__connection_arm(self, self->stalled_since_ns + WEIR_HTTP_WRITE_TIMEOUT_MS * NS_PER_MS);
    }
    return true;
}

/* Sends until nothing is left or the socket is full. */
static bool flush(weir__connection *self)
{
    bool was_full;
    do {
        if (self->protocol)
            self->protocol->advance(self->state);
        was_full = weir__connection_is_out_full(self);
        if (!send_out(self))
            return false;
    } while (was_full && weir__connection_unsent(self) == 0);
    return true;
}

/* ---- settling ---- */

/* True if the connection is over and may be closed. */
static bool is_over(weir__connection *self)
{
    if (self->is_lingering || !self->protocol || !self->protocol->is_finished(self->state) ||
        weir__connection_unsent(self) > 0)
        return false;
    if (!self->protocol->is_interrupting(self->state))
        return true;
    linger(self);
    return false;
}

static void watch(weir__connection *self)
{
    unsigned events = wants_input(self) ? WEIR_SOCKET_READABLE : 0;
    if (weir__connection_unsent(self) > 0 && !self->is_lingering)
        events |= WEIR_SOCKET_WRITABLE;
    weir_socket_watch(self->socket, events);
}

static uint64_t idle_due_ns(const weir__connection *self)
{
    uint64_t idle_ms = self->server->options.idle_timeout_ms;
    if (idle_ms == 0 || self->exchange_count > 0 || self->is_draining)
        return WEIR_HTTP_NEVER;
    return self->idle_since_ns + idle_ms * NS_PER_MS;
}

void weir__connection_settle(weir__connection *connection)
{
    WEIR_ASSERT(!connection->is_closing);
    connection->is_busy = true; /* advancing may call the handler */
    bool is_alive = connection->is_lingering || flush(connection);
    connection->is_busy = false;
    if (!is_alive || is_over(connection)) {
        weir__connection_close(connection);
        return;
    }
    weir__connection_arm(connection, idle_due_ns(connection));
    watch(connection);
}

void weir__connection_mark(weir__connection *connection)
{
    if (!connection->is_busy && !connection->is_closing && !connection->is_marked)
        weir__http_server_mark(connection->server, connection);
}

static void on_event(void *user, unsigned events)
{
    weir__connection *self = user;
    bool is_alive = true;
    self->is_busy = true;
    if (events & WEIR_SOCKET_READABLE)
        is_alive = receive(self);
    self->is_busy = false;
    if (is_alive)
        weir__connection_settle(self);
    else
        weir__connection_close(self);
}

/* ---- deadlines ---- */

void weir__connection_arm(weir__connection *connection, uint64_t due_ns)
{
    if (connection->is_closing || due_ns >= connection->timer_due_ns)
        return;
    uint64_t now = now_of(connection);
    connection->timer_due_ns = due_ns;
    weir_timer_start(connection->timer, due_ns > now ? (due_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0);
}

static uint64_t first_byte_due_ns(const weir__connection *self)
{
    if (self->last_read_ns > 0 && self->protocol)
        return WEIR_HTTP_NEVER;
    return self->opened_ns + self->server->options.read_header_timeout_ms * NS_PER_MS;
}

static uint64_t close_due_ns(const weir__connection *self)
{
    return self->close_due_ns;
}

static uint64_t stall_due_ns(const weir__connection *self)
{
    if (self->stalled_since_ns == 0)
        return WEIR_HTTP_NEVER;
    return self->stalled_since_ns + WEIR_HTTP_WRITE_TIMEOUT_MS * NS_PER_MS;
}

static uint64_t age_due_ns(const weir__connection *self)
{
    return self->age_due_ns;
}

/* When this exchange is late; the request's arrival first, then the client's taking of the answer. Between the two
 * the time is the handler's. */
static uint64_t exchange_due_ns(const weir__exchange *exchange)
{
    const weir_http_options *options = &exchange->connection->server->options;
    if (exchange->is_answered)
        return exchange->answered_ns + WEIR_HTTP_WRITE_TIMEOUT_MS * NS_PER_MS;
    if (exchange->is_complete)
        return WEIR_HTTP_NEVER;
    uint32_t allowed_ms = options->request_timeout_ms;
    if (!exchange->is_announced && options->read_header_timeout_ms < allowed_ms)
        allowed_ms = options->read_header_timeout_ms;
    return exchange->started_ns + allowed_ms * NS_PER_MS;
}

static uint64_t exchanges_due_ns(const weir__connection *self)
{
    uint64_t due_ns = WEIR_HTTP_NEVER;
    for (const weir__exchange *exchange = self->oldest; exchange; exchange = exchange->next) {
        uint64_t own_ns = exchange_due_ns(exchange);
        due_ns = own_ns < due_ns ? own_ns : due_ns;
    }
    return due_ns;
}

static uint64_t protocol_due_ns(const weir__connection *self)
{
    return self->protocol ? self->protocol->due_ns(self->state) : WEIR_HTTP_NEVER;
}

static void start_grace(weir__connection *self)
{
    uint64_t grace_ms = self->server->options.max_connection_age_grace_ms;
    self->age_due_ns = WEIR_HTTP_NEVER;
    if (grace_ms > 0)
        self->close_due_ns = now_of(self) + grace_ms * NS_PER_MS;
    weir__connection_drain(self);
}

/* False: a client does not take its answer, and the connection is to be closed. */
static bool time_out_exchanges(weir__connection *self)
{
    uint64_t now = now_of(self);
    weir__exchange *next;
    for (weir__exchange *exchange = self->oldest; exchange; exchange = next) {
        next = exchange->next;
        if (exchange_due_ns(exchange) > now)
            continue;
        if (exchange->is_answered)
            return false;
        self->protocol->time_out(exchange);
    }
    return true;
}

static uint64_t next_due_ns(const weir__connection *self)
{
    uint64_t (*const sources[])(const weir__connection *) = {
        first_byte_due_ns, close_due_ns, stall_due_ns, idle_due_ns, age_due_ns, exchanges_due_ns, protocol_due_ns,
    };
    uint64_t due_ns = WEIR_HTTP_NEVER;
    for (size_t i = 0; i < WEIR_COUNT_OF(sources); i++) {
        uint64_t own_ns = sources[i](self);
        due_ns = own_ns < due_ns ? own_ns : due_ns;
    }
    return due_ns;
}

/* False: the connection is to be closed at once. */
static bool act_on_time(weir__connection *self)
{
    uint64_t now = now_of(self);
    if (close_due_ns(self) <= now || stall_due_ns(self) <= now || first_byte_due_ns(self) <= now)
        return false;
    if (age_due_ns(self) <= now)
        start_grace(self);
    if (idle_due_ns(self) <= now)
        weir__connection_drain(self);
    if (exchanges_due_ns(self) <= now && !time_out_exchanges(self))
        return false;
    if (protocol_due_ns(self) <= now)
        self->protocol->on_due(self->state);
    return true;
}

static void on_timer(void *user)
{
    weir__connection *self = user;
    self->timer_due_ns = WEIR_HTTP_NEVER;
    self->is_busy = true;
    bool is_alive = act_on_time(self);
    self->is_busy = false;
    if (!is_alive) {
        weir__connection_close(self);
        return;
    }
    uint64_t due_ns = next_due_ns(self);
    if (due_ns != WEIR_HTTP_NEVER)
        weir__connection_arm(self, due_ns);
    weir__connection_settle(self);
}

/* ---- life ---- */

/* Ages differ by a tenth either way, so that connections opened together do not end together. */
static uint64_t jittered_age_ns(weir_http_server *server)
{
    server->jitter_state = server->jitter_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    uint64_t age_ns = server->options.max_connection_age_ms * NS_PER_MS;
    uint64_t per_mille = 900 + (server->jitter_state >> 33) % 201;
    return age_ns / 1000 * per_mille;
}

static weir_status adopt(weir__connection *self, weir_http_server *server, int accepted)
{
    const weir_http_options *options = &server->options;
    if (!options->tls)
        return weir_loop_adopt(server->loop, accepted, on_event, self, &self->socket);
    return options->tls_provider->adopt(options->tls, server->loop, accepted, on_event, self, &self->socket);
}

bool weir__connection_open(weir_http_server *server, int accepted)
{
    weir__connection *self = WEIR_NEW(weir__connection);
    if (adopt(self, server, accepted) != WEIR_OK) {
        free(self);
        return false;
    }
    self->server = server;
    self->timer = weir_timer_new(server->loop, on_timer, self);
    self->timer_due_ns = WEIR_HTTP_NEVER;
    self->opened_ns = self->idle_since_ns = now_of(self);
    self->close_due_ns = WEIR_HTTP_NEVER;
    self->age_due_ns = WEIR_HTTP_NEVER;
    weir_socket_peer(self->socket, self->peer, sizeof self->peer);
    self->next = server->connections;
    if (self->next)
        self->next->previous = self;
    server->connections = self;
    if (server->options.max_connection_age_ms > 0)
        self->age_due_ns = self->opened_ns + jittered_age_ns(server);
    if (server->options.versions == WEIR_HTTP_2)
        protocol_open(self, &weir__http2); /* its SETTINGS may leave before the client has said anything */
    weir__connection_arm(self, next_due_ns(self));
    weir__connection_settle(self);
    return true;
}

void weir__connection_drain(weir__connection *connection)
{
    connection->is_draining = true;
    if (connection->protocol)
        connection->protocol->drain(connection->state);
    else
        connection->close_due_ns = 0;
    weir__connection_arm(connection, next_due_ns(connection));
    weir__connection_mark(connection);
}

void weir__connection_close(weir__connection *connection)
{
    weir_http_server *server = connection->server;
    WEIR_ASSERT(!connection->is_busy && !connection->is_closing);
    connection->is_closing = true;
    while (connection->oldest) {
        weir__exchange_abort(connection->oldest);
        weir__exchange_end(connection->oldest);
    }
    if (connection->protocol)
        connection->protocol->free(connection->state);
    weir_timer_free(connection->timer);
    weir_socket_close(connection->socket);
    out_give_back(connection);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    weir__http_server_forget(server, connection);
    free(connection);
}
