/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2 (RFC 9113), the server's side, on nghttp2. Frames are parsed straight out of the server's read buffer and
 * gathered into one output. Windows are wide (below), so that a client never waits for them: what must not come in is
 * refused by an early answer of the handler, and bounded per stream and by max_concurrent_streams.
 *
 * A graceful end takes three steps (RFC 9113 §6.8): GOAWAY with the highest stream id and a PING; when the PING is
 * back no request can be on its way any more that the client thinks accepted, so GOAWAY with the last id; when the
 * last stream is answered, close.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/http_connection.h"

#define NS_PER_MS UINT64_C(1000000)

enum {
    STREAM_WINDOW_BYTES = 16 * 1024 * 1024, /* any usual message (4 MiB by default in SDKs) without a round trip */
    CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024,
    /* Resets by the client: a burst of these, then so many a second (CVE-2023-44487). */
    RESET_BURST_MAX = 1000,
    RESETS_PER_SECOND_MAX = 100,
    /* Pings too early that are forgiven between two answers, and the interval without streams: gRPC's A8 proposal. */
    PING_STRIKES_MAX = 2,
    PING_INTERVAL_WITHOUT_STREAM_MS = 2 * 60 * 60 * 1000,
};

typedef enum drain_step { NOT_DRAINING, NOTICE_SENT, LAST_ID_SENT } drain_step;

typedef struct http2 {
    weir__connection *connection;
    nghttp2_session *session;
    bool is_broken;  /* the client has left, or nghttp2 cannot go on */
    bool is_leaving; /* GOAWAY with an error was queued: close once it is sent */
    drain_step drain_step;
    uint64_t drain_due_ns;      /* the notice's PING is no longer waited for */
    uint64_t keepalive_sent_ns; /* 0: no keepalive PING is outstanding */
    uint64_t last_ping_ns;      /* the client's */
    unsigned ping_strikes;
} http2;

static const uint8_t drain_ping[8] = {'w', 'e', 'i', 'r', 'd', 'r', 'n', 0};
static const uint8_t keepalive_ping[8] = {'w', 'e', 'i', 'r', 'l', 'i', 'v', 0};

static uint64_t now_of(const http2 *self)
{
    return weir_loop_now_ns(self->connection->server->loop);
}

static weir_text text_of(const uint8_t *data, size_t len)
{
    return (weir_text){(const char *)data, len};
}

static nghttp2_nv nv_of(weir_text name, weir_text value)
{
    /* nghttp2 takes mutable pointers, and copies unless told otherwise. */
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.len, value.len,
                        NGHTTP2_NV_FLAG_NONE};
}

static weir__exchange *exchange_of(nghttp2_session *session, int32_t stream_id)
{
    return nghttp2_session_get_stream_user_data(session, stream_id);
}

/* ---- requests ---- */

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    http2 *self = user;
    if (!is_request(frame))
        return 0;
    weir__exchange *exchange = weir__exchange_begin(self->connection);
    exchange->stream_id = frame->hd.stream_id;
    exchange->request.is_http2 = true;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, exchange);
    return 0;
}

/* nghttp2 has checked that these are complete, unique and in front (RFC 9113 §8.3). */
static void add_pseudo_header(weir__exchange *exchange, weir_text name, weir_text value)
{
    weir_http_request *request = &exchange->request;
    exchange->header_bytes += name.len + value.len;
    if (exchange->header_bytes > exchange->connection->server->options.header_list_bytes_max)
        exchange->is_overflowing = true;
    else if (weir_text_is(name, ":method"))
        request->method = weir__exchange_copy(exchange, value);
    else if (weir_text_is(name, ":path"))
        weir__exchange_set_target(exchange, weir__exchange_copy(exchange, value));
    else if (weir_text_is(name, ":authority"))
        request->authority = weir__exchange_copy(exchange, value);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                     const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)flags;
    (void)user;
    if (!is_request(frame))
        return 0; /* trailers of a request mean nothing to us */
    weir__exchange *exchange = exchange_of(session, frame->hd.stream_id);
    if (!exchange)
        return 0;
    if (name_len > 0 && name[0] == ':')
        add_pseudo_header(exchange, text_of(name, name_len), text_of(value, value_len));
    else
        weir__exchange_add_header(exchange, text_of(name, name_len), text_of(value, value_len));
    return 0;
}

/* RFC 9110 §10.1.1; few clients ask for it over HTTP/2. */
static void send_continue(weir__exchange *exchange)
{
    http2 *self = exchange->connection->state;
    nghttp2_nv status = nv_of(WEIR_TEXT(":status"), WEIR_TEXT("100"));
    nghttp2_submit_headers(self->session, NGHTTP2_FLAG_NONE, exchange->stream_id, NULL, &status, 1, NULL);
}

static void on_request_head(weir__exchange *exchange)
{
    weir_http_request *request = &exchange->request;
    if (exchange->is_overflowing) {
        weir__exchange_refuse(exchange, 431);
        return;
    }
    if (request->authority.len == 0)
        request->authority = weir_http_request_header(request, "host");
    uint64_t length;
    if (weir_text_to_uint(weir_http_request_header(request, "content-length"), INT64_MAX, &length))
        request->content_length = (int64_t)length;
    weir__exchange_announce(exchange);
    if (!exchange->is_answered &&
        weir_text_equal_nocase(weir_http_request_header(request, "expect"), WEIR_TEXT("100-continue")))
        send_continue(exchange);
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
                         void *user)
{
    (void)flags;
    (void)user;
    weir__exchange *exchange = exchange_of(session, stream_id);
    if (exchange)
        weir__exchange_body(exchange, data, len);
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *user)
{
    (void)error_code;
    (void)user;
    weir__exchange *exchange = exchange_of(session, stream_id);
    if (!exchange)
        return 0;
    nghttp2_session_set_stream_user_data(session, stream_id, NULL);
    weir__exchange_abort(exchange);
    weir__exchange_end(exchange);
    return 0;
}

/* ---- pings and draining ---- */

static void leave(http2 *self, uint32_t error_code, const char *why)
{
    nghttp2_submit_goaway(self->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(self->session),
                          error_code, (const uint8_t *)why, strlen(why));
    self->is_leaving = true;
    self->connection->server->counts.protocol_errors++;
}

/* The interval the client owes us, 0 if any will do. */
static uint64_t ping_interval_ns(const http2 *self)
{
    const weir_http_options *options = &self->connection->server->options;
    bool is_idle = self->connection->exchange_count == 0;
    if (options->min_ping_interval_ms > 0 && is_idle && !options->permit_ping_without_stream)
        return PING_INTERVAL_WITHOUT_STREAM_MS * NS_PER_MS;
    return options->min_ping_interval_ms * NS_PER_MS;
}

static void police_ping(http2 *self)
{
    uint64_t now = now_of(self);
    bool is_early = self->last_ping_ns > 0 && now - self->last_ping_ns < ping_interval_ns(self);
    self->last_ping_ns = now;
    if (is_early && ++self->ping_strikes > PING_STRIKES_MAX && !self->is_leaving)
        leave(self, NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings"); /* the words gRPC clients look for */
}

static void send_last_id(http2 *self)
{
    self->drain_step = LAST_ID_SENT;
    nghttp2_submit_goaway(self->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(self->session),
                          NGHTTP2_NO_ERROR, NULL, 0);
}

static void on_ping(http2 *self, const nghttp2_frame *frame)
{
    if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
        police_ping(self);
    else if (memcmp(frame->ping.opaque_data, keepalive_ping, sizeof keepalive_ping) == 0)
        self->keepalive_sent_ns = 0;
    else if (self->drain_step == NOTICE_SENT && memcmp(frame->ping.opaque_data, drain_ping, sizeof drain_ping) == 0)
        send_last_id(self);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    if (frame->hd.type == NGHTTP2_PING) {
        on_ping(user, frame);
        return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    weir__exchange *exchange = exchange_of(session, frame->hd.stream_id);
    if (!exchange)
        return 0;
    if (is_request(frame))
        on_request_head(exchange);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        weir__exchange_complete(exchange);
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error_code, void *user)
{
    (void)session;
    (void)frame;
    (void)error_code;
    ((http2 *)user)->connection->server->counts.protocol_errors++;
    return 0;
}

/* ---- answers ---- */

static size_t fill_nvs(nghttp2_nv *nvs, size_t count, const weir_http_header *headers, size_t header_count)
{
    for (size_t i = 0; i < header_count; i++)
        nvs[count++] = nv_of(headers[i].name, headers[i].value);
    return count;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    (void)user;
    weir__exchange *exchange = source->ptr;
    size_t len = exchange->body_left < size ? exchange->body_left : size;
    memcpy(buffer, exchange->body, len);
    exchange->body += len;
    exchange->body_left -= len;
    if (exchange->body_left > 0)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (exchange->trailer_count > 0) {
        nghttp2_nv nvs[WEIR_HTTP_RESPONSE_HEADERS_MAX];
        size_t count = fill_nvs(nvs, 0, exchange->trailers, exchange->trailer_count);
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, stream_id, nvs, count);
    }
    return (ssize_t)len;
}

/* Body and trailers leave later, when frames are gathered. */
static void keep_for_later(weir__exchange *exchange, const weir_http_response *response)
{
    weir_text body = weir__exchange_copy(exchange, text_of(response->body, response->body_len));
    exchange->body = (const uint8_t *)body.data;
    exchange->body_left = body.len;
    if (response->trailer_count == 0)
        return;
    weir_http_header *trailers = weir__exchange_alloc(exchange, response->trailer_count * sizeof *trailers);
    for (size_t i = 0; i < response->trailer_count; i++) {
        trailers[i].name = weir__exchange_copy(exchange, response->trailers[i].name);
        trailers[i].value = weir__exchange_copy(exchange, response->trailers[i].value);
    }
    exchange->trailers = trailers;
    exchange->trailer_count = response->trailer_count;
}

/* Three digits and no NUL. */
static weir_text format_status(unsigned status, char ret_digits[3])
{
    for (int i = 2; i >= 0; i--, status /= 10)
        ret_digits[i] = (char)('0' + status % 10);
    return (weir_text){ret_digits, 3};
}

static void http2_respond(weir__exchange *exchange, const weir_http_response *response)
{
    http2 *self = exchange->connection->state;
    /* One each for :status, date and content-length. */
    nghttp2_nv nvs[WEIR_HTTP_RESPONSE_HEADERS_MAX + 3];
    char status[3], length[24];
    bool is_head = weir_text_is(exchange->request.method, "HEAD");
    bool has_body = response->body_len > 0 && !is_head;
    size_t count = 0;
    nvs[count++] = nv_of(WEIR_TEXT(":status"), format_status(response->status, status));
    count = fill_nvs(nvs, count, response->headers, response->header_count);
    if (response->trailer_count == 0) {
        /* gRPC's answers go without both, as other servers send them; they end with trailers. */
        nvs[count++] = nv_of(WEIR_TEXT("date"), weir__http_server_date(self->connection->server));
        int len = snprintf(length, sizeof length, "%zu", response->body_len);
        if (response->status != 204) /* RFC 9110 §8.6 */
            nvs[count++] = nv_of(WEIR_TEXT("content-length"), (weir_text){length, (size_t)len});
    } else if (!has_body) {
        count = fill_nvs(nvs, count, response->trailers, response->trailer_count);
    }
    nghttp2_data_provider provider = {.source.ptr = exchange, .read_callback = read_body};
    if (has_body)
        keep_for_later(exchange, response);
    /* Fails only for a stream that is closing, and then on_stream_close ends the exchange. */
    nghttp2_submit_response(self->session, exchange->stream_id, nvs, count, has_body ? &provider : NULL);
}

/* The notice's PING must leave behind it, and nghttp2 would send a PING first: so it is submitted when the notice is
 * out. */
static void on_goaway_sent(http2 *self)
{
    if (self->drain_step == NOTICE_SENT && !self->is_leaving)
        nghttp2_submit_ping(self->session, NGHTTP2_FLAG_NONE, drain_ping);
}

/* A client that still sends when its answer is complete is told to stop (RFC 9113 §8.1), but a moment later: clients that
 * find the answer and the reset in one read, as libcurl 7.88, take the request for failed and lose the answer. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    http2 *self = user;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        on_goaway_sent(self);
    if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    self->ping_strikes = 0;
    self->last_ping_ns = 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    weir__exchange *exchange = exchange_of(session, frame->hd.stream_id);
    if (exchange && !exchange->is_complete) {
        exchange->stop_due_ns = now_of(self) + WEIR_HTTP_STOP_MS * NS_PER_MS;
        weir__connection_arm(self->connection, exchange->stop_due_ns);
    }
    return 0;
}

/* ---- bytes in and out ---- */

static void http2_read(void *state, const uint8_t *data, size_t len)
{
    http2 *self = state;
    if (self->is_broken)
        return;
    ssize_t used = nghttp2_session_mem_recv(self->session, data, len);
    if (used >= 0)
        return;
    self->is_broken = true; /* not HTTP/2 at all, or a flood that nghttp2 cut off */
    self->connection->server->counts.protocol_errors++;
}

static void http2_read_end(void *state)
{
    ((http2 *)state)->is_broken = true;
}

static void http2_advance(void *state)
{
    http2 *self = state;
    while (!self->is_broken && !weir__connection_is_out_full(self->connection)) {
        const uint8_t *data;
        ssize_t len = nghttp2_session_mem_send(self->session, &data);
        if (len < 0)
            self->is_broken = true;
        if (len <= 0)
            return;
        weir_buffer_append(weir__connection_out(self->connection), data, (size_t)len);
    }
}

static bool http2_wants_input(const void *state)
{
    return !((const http2 *)state)->is_broken;
}

static bool http2_is_finished(const void *state)
{
    const http2 *self = state;
    if (self->is_broken)
        return true;
    if (nghttp2_session_want_write(self->session))
        return false;
    if (self->is_leaving || !nghttp2_session_want_read(self->session))
        return true;
    return self->drain_step == LAST_ID_SENT && self->connection->exchange_count == 0;
}

/* After GOAWAY with an error the client should get to read it. */
static bool http2_is_interrupting(const void *state)
{
    const http2 *self = state;
    return !self->is_broken && self->drain_step != LAST_ID_SENT;
}

/* ---- time ---- */

static void http2_time_out(weir__exchange *exchange)
{
    http2 *self = exchange->connection->state;
    if (exchange->is_announced) {
        weir__exchange_refuse(exchange, 408);
        return;
    }
    /* Inside a header block no other stream can go on either (RFC 9113 §6.2). */
    exchange->is_answered = true;
    exchange->answered_ns = now_of(self);
    leave(self, NGHTTP2_PROTOCOL_ERROR, "header block not completed in time");
}

static void http2_drain(void *state)
{
    http2 *self = state;
    if (self->drain_step != NOT_DRAINING)
        return;
    self->drain_step = NOTICE_SENT;
    self->drain_due_ns = now_of(self) + WEIR_HTTP_DRAIN_ROUND_TRIP_MS * NS_PER_MS;
    nghttp2_submit_shutdown_notice(self->session);
}

static uint64_t keepalive_due_ns(const http2 *self)
{
    const weir_http_options *options = &self->connection->server->options;
    if (options->keepalive_time_ms == 0 || self->is_leaving || self->is_broken)
        return WEIR_HTTP_NEVER;
    if (self->keepalive_sent_ns > 0)
        return self->keepalive_sent_ns + options->keepalive_timeout_ms * NS_PER_MS;
    uint64_t since_ns =
        self->connection->last_read_ns > 0 ? self->connection->last_read_ns : self->connection->opened_ns;
    return since_ns + options->keepalive_time_ms * NS_PER_MS;
}

static uint64_t drain_due_ns(const http2 *self)
{
    return self->drain_step == NOTICE_SENT ? self->drain_due_ns : WEIR_HTTP_NEVER;
}

static uint64_t stop_due_ns(const http2 *self)
{
    uint64_t due_ns = WEIR_HTTP_NEVER;
    for (const weir__exchange *exchange = self->connection->oldest; exchange; exchange = exchange->next)
        if (exchange->stop_due_ns > 0 && exchange->stop_due_ns < due_ns)
            due_ns = exchange->stop_due_ns;
    return due_ns;
}

/* Tells the clients of answered requests to stop; the streams are closed once that is sent. */
static void stop_streams(http2 *self, uint64_t now)
{
    for (weir__exchange *exchange = self->connection->oldest; exchange; exchange = exchange->next) {
        if (exchange->stop_due_ns == 0 || exchange->stop_due_ns > now)
            continue;
        exchange->stop_due_ns = 0;
        nghttp2_submit_rst_stream(self->session, NGHTTP2_FLAG_NONE, exchange->stream_id, NGHTTP2_NO_ERROR);
    }
}

static uint64_t http2_due_ns(const void *state)
{
    const uint64_t all[] = {keepalive_due_ns(state), drain_due_ns(state), stop_due_ns(state)};
    uint64_t due_ns = WEIR_HTTP_NEVER;
    for (size_t i = 0; i < WEIR_COUNT_OF(all); i++)
        due_ns = all[i] < due_ns ? all[i] : due_ns;
    return due_ns;
}

static void http2_on_due(void *state)
{
    http2 *self = state;
    uint64_t now = now_of(self);
    if (drain_due_ns(self) <= now)
        send_last_id(self);
    stop_streams(self, now);
    if (keepalive_due_ns(self) > now)
        return;
    if (self->keepalive_sent_ns > 0) {
        self->is_broken = true; /* nobody is there */
        return;
    }
    self->keepalive_sent_ns = now;
    nghttp2_submit_ping(self->session, NGHTTP2_FLAG_NONE, keepalive_ping);
}

/* ---- life ---- */

typedef struct http2_shared {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
} http2_shared;

void *weir__http2_shared_new(void)
{
    http2_shared *shared = WEIR_NEW(http2_shared);
    WEIR_ASSERT(nghttp2_session_callbacks_new(&shared->callbacks) == 0);
    WEIR_ASSERT(nghttp2_option_new(&shared->option) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(shared->callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(shared->callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(shared->callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(shared->callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(shared->callbacks, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(shared->callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(shared->callbacks, on_invalid_frame);
    nghttp2_option_set_no_closed_streams(shared->option, 1); /* kept for priorities only, which we do not use */
    nghttp2_option_set_stream_reset_rate_limit(shared->option, RESET_BURST_MAX, RESETS_PER_SECOND_MAX);
    return shared;
}

void weir__http2_shared_free(void *shared)
{
    http2_shared *self = shared;
    nghttp2_session_callbacks_del(self->callbacks);
    nghttp2_option_del(self->option);
    free(self);
}

static void *http2_open(weir__connection *connection)
{
    const weir_http_options *options = &connection->server->options;
    http2_shared *shared = connection->server->http2_shared;
    http2 *self = WEIR_NEW(http2);
    self->connection = connection;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->max_concurrent_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options->header_list_bytes_max},
    };
    /* These fail only without memory. */
    WEIR_ASSERT(nghttp2_session_server_new2(&self->session, shared->callbacks, self, shared->option) == 0);
    WEIR_ASSERT(nghttp2_submit_settings(self->session, NGHTTP2_FLAG_NONE, settings, WEIR_COUNT_OF(settings)) == 0);
    nghttp2_session_set_local_window_size(self->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW_BYTES);
    return self;
}

static void http2_free(void *state)
{
    http2 *self = state;
    nghttp2_session_del(self->session);
    free(self);
}

const weir__http_protocol weir__http2 = {
    .open = http2_open,
    .read = http2_read,
    .read_end = http2_read_end,
    .advance = http2_advance,
    .wants_input = http2_wants_input,
    .is_finished = http2_is_finished,
    .is_interrupting = http2_is_interrupting,
    .respond = http2_respond,
    .time_out = http2_time_out,
    .drain = http2_drain,
    .due_ns = http2_due_ns,
    .on_due = http2_on_due,
    .free = http2_free,
};
