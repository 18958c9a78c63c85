/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 (RFC 9112), the server's side, on http-parser. One request at a time: while an answer is outstanding the
 * parser is paused behind the request, and what a pipelining client has already sent is held. So answers are in order
 * by nature.
 *
 *     bytes ─► parse ─► exchange ─► handler ─► respond ─► output
 *               │  paused behind a request that is not answered,
 *               └► held   or while too much output waits
 *
 * A client that closes its sending side after a request still gets its answer.
 */
#include <http_parser.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/http_connection.h"

enum { STATUS_NONE = 0 };

typedef struct http1 {
    weir__connection *connection;
    http_parser parser;
    weir__exchange *exchange; /* being read or answered; NULL between requests */
    weir_buffer target, name, value;
    size_t head_bytes; /* of the request line and headers at hand */
    bool is_in_value;
    bool is_in_trailers;  /* of a chunked body: read and ignored */
    bool is_keep_alive;   /* of the request at hand */
    bool is_continue_due; /* the client waits for "100 Continue" */
    bool is_last;         /* draining: no request after the one at hand */
    bool is_ended;        /* the client sends no more */
    bool is_finished;
    bool is_interrupting;
    unsigned refusal; /* the status a parser callback has stopped with */
    weir_buffer held;
} http1;

/* ---- answering ---- */

static bool has_no_body(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

static void write_header(weir_buffer *out, weir_text name, weir_text value)
{
    weir_buffer_append(out, name.data, name.len);
    weir_buffer_append(out, ": ", 2);
    weir_buffer_append(out, value.data, value.len);
    weir_buffer_append(out, "\r\n", 2);
}

/* `is_head`: the headers of an answer to HEAD tell the length of a body that is not sent (RFC 9110 §9.3.2). */
static void write_response(http1 *self, const weir_http_response *response, bool is_head, bool is_closing)
{
    weir_buffer *out = weir__connection_out(self->connection);
    weir_buffer_printf(out, "HTTP/1.1 %u %s\r\n", response->status, weir__http_phrase(response->status));
    for (size_t i = 0; i < response->header_count; i++)
        write_header(out, response->headers[i].name, response->headers[i].value);
    write_header(out, WEIR_TEXT("date"), weir__http_server_date(self->connection->server));
    if (!has_no_body(response->status))
        weir_buffer_printf(out, "content-length: %zu\r\n", response->body_len);
    if (is_closing)
        weir_buffer_append_text(out, "connection: close\r\n");
    else if (self->parser.http_minor == 0)
        weir_buffer_append_text(out, "connection: keep-alive\r\n");
    weir_buffer_append(out, "\r\n", 2);
    if (!is_head && !has_no_body(response->status))
        weir_buffer_append(out, response->body, response->body_len);
}

static void finish(http1 *self, bool is_interrupting)
{
    self->is_finished = true;
    self->is_interrupting = is_interrupting;
}

/* The exchange has been read and answered. */
static void end_exchange(http1 *self)
{
    weir__exchange_end(WEIR_TAKE(self->exchange));
    if (!self->is_keep_alive || self->is_last)
        finish(self, false);
}

static void http1_respond(weir__exchange *exchange, const weir_http_response *response)
{
    http1 *self = exchange->connection->state;
    /* A client told by an early answer not to send its body may send it or not: the two cannot be told apart. */
    if (self->is_continue_due || self->is_last)
        self->is_keep_alive = false;
    write_response(self, response, weir_text_is(exchange->request.method, "HEAD"), !self->is_keep_alive);
    if (exchange->is_complete)
        end_exchange(self);
    else if (!self->is_keep_alive)
        finish(self, true);
    /* Otherwise the rest of the body is read and thrown away. */
}

/* Answers a request that could not be read, and ends the connection: where the next one starts is unknown. */
static void refuse(http1 *self, unsigned status)
{
    self->is_keep_alive = false;
    if (self->exchange && self->exchange->is_answered) {
        finish(self, true);
    } else if (self->exchange) {
        weir__exchange_refuse(self->exchange, status);
    } else {
        const char *phrase = weir__http_phrase(status);
        weir_http_header type = {WEIR_TEXT("content-type"), WEIR_TEXT("text/plain")};
        weir_http_response response = {
            .status = status, .headers = &type, .header_count = 1, .body = phrase, .body_len = strlen(phrase)};
        self->connection->server->counts.protocol_errors++;
        write_response(self, &response, false, true);
        finish(self, true);
    }
}

/* ---- parser callbacks: the head ---- */

static http1 *state_of(http_parser *parser)
{
    return parser->data;
}

/* Makes the parser stop with a callback error; `parse` answers with `status`. */
static int stop_with(http1 *self, unsigned status)
{
    self->refusal = status;
    return -1;
}

static int on_message_begin(http_parser *parser)
{
    http1 *self = state_of(parser);
    if (self->is_finished)
        return -1;
    WEIR_ASSERT(!self->exchange);
    self->exchange = weir__exchange_begin(self->connection);
    self->target.len = self->name.len = self->value.len = 0;
    self->head_bytes = 0;
    self->is_in_value = self->is_in_trailers = self->is_continue_due = false;
    self->is_keep_alive = true;
    return 0;
}

/* Text of the head may come in fragments. Its sum is bounded here, so that the buffers are. */
static int gather(http1 *self, weir_buffer *buffer, const char *data, size_t len)
{
    self->head_bytes += len;
    if (self->head_bytes > self->connection->server->options.header_list_bytes_max)
        return stop_with(self, 431);
    weir_buffer_append(buffer, data, len);
    return 0;
}

static int on_target(http_parser *parser, const char *data, size_t len)
{
    return gather(state_of(parser), &state_of(parser)->target, data, len);
}

static weir_text text_of(const weir_buffer *buffer)
{
    return (weir_text){(const char *)buffer->data, buffer->len};
}

static weir_text trimmed(weir_text text)
{
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static void flush_header(http1 *self)
{
    if (self->is_in_value && !self->is_in_trailers) {
        for (size_t i = 0; i < self->name.len; i++) {
            if (self->name.data[i] >= 'A' && self->name.data[i] <= 'Z')
                self->name.data[i] |= 0x20;
        }
        weir__exchange_add_header(self->exchange, text_of(&self->name), trimmed(text_of(&self->value)));
    }
    self->name.len = self->value.len = 0;
    self->is_in_value = false;
}

static int on_header_field(http_parser *parser, const char *data, size_t len)
{
    http1 *self = state_of(parser);
    if (self->is_in_value)
        flush_header(self);
    return gather(self, &self->name, data, len);
}

static int on_header_value(http_parser *parser, const char *data, size_t len)
{
    http1 *self = state_of(parser);
    self->is_in_value = true;
    return gather(self, &self->value, data, len);
}

/* The four forms of RFC 9112 §3.2; the absolute form names the authority, whatever Host says (§3.2.2). */
static unsigned read_target(weir__exchange *exchange, weir_text target)
{
    if (target.len == 0)
        return 400;
    if (target.data[0] == '/' || weir_text_is(target, "*")) {
        weir__exchange_set_target(exchange, target);
        return STATUS_NONE;
    }
    const char *scheme_end = memmem(target.data, target.len, "://", 3);
    if (!scheme_end)
        return 400;
    weir_text rest = {scheme_end + 3, (size_t)(target.data + target.len - scheme_end - 3)};
    const char *slash = memchr(rest.data, '/', rest.len);
    size_t authority_len = slash ? (size_t)(slash - rest.data) : rest.len;
    exchange->request.authority = (weir_text){rest.data, authority_len};
    weir__exchange_set_target(exchange, slash ? (weir_text){slash, rest.len - authority_len} : WEIR_TEXT("/"));
    return STATUS_NONE;
}

static size_t count_headers(const weir_http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        count += weir_text_is(request->headers[i].name, name);
    return count;
}

/* Exactly one Host in HTTP/1.1 (RFC 9112 §3.2). */
static unsigned check_host(weir_http_request *request)
{
    size_t count = count_headers(request, "host");
    if (count > 1 || (count == 0 && !request->is_http1_0))
        return 400;
    if (request->authority.len == 0)
        request->authority = weir_http_request_header(request, "host");
    return STATUS_NONE;
}

/* Whatever makes the length of the body ambiguous is refused (RFC 9112 §6.1, §6.3): it is how requests are smuggled. */
static unsigned check_body_length(const weir_http_request *request)
{
    weir_text coding = weir_http_request_header(request, "transfer-encoding");
    if (!coding.data)
        return STATUS_NONE;
    if (request->is_http1_0 || count_headers(request, "content-length") > 0)
        return 400;
    bool is_chunked_only =
        count_headers(request, "transfer-encoding") == 1 && weir_text_equal_nocase(coding, WEIR_TEXT("chunked"));
    return is_chunked_only ? STATUS_NONE : 501;
}

static bool has_body(const http1 *self)
{
    return (self->parser.flags & F_CHUNKED) || self->exchange->request.content_length > 0;
}

/* RFC 9110 §10.1.1. */
static unsigned check_expect(http1 *self)
{
    const weir_http_request *request = &self->exchange->request;
    weir_text expect = weir_http_request_header(request, "expect");
    if (!expect.data || request->is_http1_0)
        return STATUS_NONE;
    if (!weir_text_equal_nocase(expect, WEIR_TEXT("100-continue")))
        return 417;
    self->is_continue_due = has_body(self);
    return STATUS_NONE;
}

static unsigned read_head(http1 *self)
{
    weir__exchange *exchange = self->exchange;
    weir_http_request *request = &exchange->request;
    if (exchange->is_overflowing)
        return 431;
    if (self->parser.http_major != 1)
        return 505;
    if (self->parser.method == HTTP_CONNECT)
        return 501;
    request->is_http1_0 = self->parser.http_minor == 0;
    request->method = weir_text_of(http_method_str((enum http_method)self->parser.method));
    if (self->parser.flags & F_CONTENTLENGTH)
        request->content_length = (int64_t)self->parser.content_length;
    unsigned status = read_target(exchange, weir__exchange_copy(exchange, text_of(&self->target)));
    if (status == STATUS_NONE)
        status = check_host(request);
    if (status == STATUS_NONE)
        status = check_body_length(request);
    return status == STATUS_NONE ? check_expect(self) : status;
}

static int on_headers_complete(http_parser *parser)
{
    http1 *self = state_of(parser);
    flush_header(self);
    self->is_in_trailers = true;
    self->is_keep_alive = http_should_keep_alive(parser) != 0;
    unsigned status = read_head(self);
    if (status != STATUS_NONE)
        return stop_with(self, status);
    parser->upgrade = 0; /* no protocol to switch to, h2c included: the request is answered as it is (RFC 9110 §7.8) */
    weir__exchange_announce(self->exchange);
    if (self->is_continue_due && !self->exchange->is_answered) {
        weir_buffer_append_text(weir__connection_out(self->connection), "HTTP/1.1 100 Continue\r\n\r\n");
        self->is_continue_due = false;
    }
    return 0;
}

/* ---- parser callbacks: the body ---- */

static int on_body(http_parser *parser, const char *data, size_t len)
{
    weir__exchange_body(state_of(parser)->exchange, (const uint8_t *)data, len);
    return 0;
}

/* The parser is always paused here, so that `parse` decides whether the next request may be read yet. */
static int on_message_complete(http_parser *parser)
{
    http1 *self = state_of(parser);
    flush_header(self);
    http_parser_pause(parser, 1);
    bool was_answered = self->exchange->is_answered;
    weir__exchange_complete(self->exchange); /* answered in here, the exchange is gone */
    if (was_answered)
        end_exchange(self);
    return 0;
}

static const http_parser_settings parser_settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_target,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- bytes in ---- */

static unsigned status_of_parser_error(const http1 *self, enum http_errno error)
{
    if (self->refusal != STATUS_NONE)
        return self->refusal;
    return error == HPE_HEADER_OVERFLOW ? 431 : 400;
}

/* Behind a complete request that is not answered yet, or with output that the client does not take. */
static bool is_blocked(const http1 *self)
{
    return (self->exchange && self->exchange->is_complete) || weir__connection_is_out_full(self->connection);
}

/* Parses until the bytes are used up or the connection is blocked or finished; returns how many were used. */
static size_t parse(http1 *self, const uint8_t *data, size_t len)
{
    size_t used = 0;
    while (used < len && !self->is_finished && !is_blocked(self)) {
        http_parser_pause(&self->parser, 0);
        used += http_parser_execute(&self->parser, &parser_settings, (const char *)data + used, len - used);
        enum http_errno error = HTTP_PARSER_ERRNO(&self->parser);
        if (error != HPE_OK && error != HPE_PAUSED && !self->is_finished)
            refuse(self, status_of_parser_error(self, error));
    }
    return self->is_finished ? len : used;
}

/* wants_input keeps what is held to what one turn of reading brings. */
static void http1_read(void *state, const uint8_t *data, size_t len)
{
    http1 *self = state;
    size_t used = self->held.len > 0 ? 0 : parse(self, data, len);
    if (used < len)
        weir_buffer_append(&self->held, data + used, len - used);
}

static void http1_advance(void *state)
{
    http1 *self = state;
    if (self->held.len > 0) {
        weir_buffer_consume(&self->held, parse(self, self->held.data, self->held.len));
        if (self->held.len == 0)
            weir_buffer_done(&self->held);
    }
    /* Draining or after the client's end, nothing is left to wait for between two requests. */
    bool is_between = !self->exchange && self->held.len == 0;
    if ((self->is_ended || self->is_last) && is_between)
        self->is_finished = true;
    /* A request that was cut off is never completed. */
    if (self->is_ended && self->held.len == 0 && self->exchange && !self->exchange->is_complete)
        self->is_finished = true;
}

static void http1_read_end(void *state)
{
    http1 *self = state;
    self->is_ended = true;
}

static bool http1_wants_input(const void *state)
{
    const http1 *self = state;
    return !self->is_ended && !self->is_finished && self->held.len == 0 &&
           !weir__connection_is_out_full(self->connection);
}

static bool http1_is_finished(const void *state)
{
    return ((const http1 *)state)->is_finished;
}

static bool http1_is_interrupting(const void *state)
{
    return ((const http1 *)state)->is_interrupting;
}

/* ---- time and life ---- */

static void http1_time_out(weir__exchange *exchange)
{
    refuse(exchange->connection->state, 408);
}

static void http1_drain(void *state)
{
    ((http1 *)state)->is_last = true;
}

static uint64_t http1_due_ns(const void *state)
{
    (void)state;
    return WEIR_HTTP_NEVER;
}

static void http1_on_due(void *state)
{
    (void)state;
}

static void *http1_open(weir__connection *connection)
{
    http1 *self = WEIR_NEW(http1);
    self->connection = connection;
    self->is_keep_alive = true;
    http_parser_init(&self->parser, HTTP_REQUEST);
    self->parser.data = self;
    return self;
}

static void http1_free(void *state)
{
    http1 *self = state;
    weir_buffer_done(&self->target);
    weir_buffer_done(&self->name);
    weir_buffer_done(&self->value);
    weir_buffer_done(&self->held);
    free(self);
}

const weir__http_protocol weir__http1 = {
    .open = http1_open,
    .read = http1_read,
    .read_end = http1_read_end,
    .advance = http1_advance,
    .wants_input = http1_wants_input,
    .is_finished = http1_is_finished,
    .is_interrupting = http1_is_interrupting,
    .respond = http1_respond,
    .time_out = http1_time_out,
    .drain = http1_drain,
    .due_ns = http1_due_ns,
    .on_due = http1_on_due,
    .free = http1_free,
};
