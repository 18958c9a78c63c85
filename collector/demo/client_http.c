/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/HTTP for the demo: HTTP/1.1 POSTs, one after the other on one connection, answers read by http-parser.
 */
#include "demo/client.h"

#include <http_parser.h>
#include <stdlib.h>
#include <time.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/rpc_status.h"

enum { HEADER_MAX = 8192 };

typedef struct http_session {
    http_parser parser;
    int fd;
    const char *authority;
    /* The answer being read. */
    bool is_complete;
    bool is_too_long;
    bool is_in_value;
    bool keeps_alive;
    weir_buffer name; /* of the header being read, with its value */
    weir_buffer value;
    weir_buffer content_type;
    weir_buffer retry_after;
    weir_buffer body;
} http_session;

/* ---- what the parser tells ------------------------------------------------------------------------------------- */

static void append(http_session *session, weir_buffer *buffer, const char *at, size_t len, size_t max)
{
    if (buffer->len + len > max)
        session->is_too_long = true;
    else
        weir_buffer_append(buffer, at, len);
}

static weir_text text_in(const weir_buffer *buffer)
{
    return (weir_text){(const char *)buffer->data, buffer->len};
}

/* A header is whole when the next one, or the body, begins. */
static void finish_header(http_session *session)
{
    if (!session->is_in_value)
        return;
    weir_text name = text_in(&session->name);
    weir_buffer *wanted = weir_text_equal_nocase(name, WEIR_TEXT("retry-after"))    ? &session->retry_after
                          : weir_text_equal_nocase(name, WEIR_TEXT("content-type")) ? &session->content_type
                                                                                    : NULL;
    if (wanted) {
        wanted->len = 0;
        weir_buffer_append(wanted, session->value.data, session->value.len);
    }
    session->name.len = session->value.len = 0;
    session->is_in_value = false;
}

static int on_header_field(http_parser *parser, const char *at, size_t len)
{
    http_session *session = parser->data;
    finish_header(session);
    append(session, &session->name, at, len, HEADER_MAX);
    return session->is_too_long;
}

static int on_header_value(http_parser *parser, const char *at, size_t len)
{
    http_session *session = parser->data;
    session->is_in_value = true;
    append(session, &session->value, at, len, HEADER_MAX);
    return session->is_too_long;
}

static int on_headers_complete(http_parser *parser)
{
    finish_header(parser->data);
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    http_session *session = parser->data;
    append(session, &session->body, at, len, WEIR_DEMO_ANSWER_MAX);
    return session->is_too_long;
}

static int on_message_complete(http_parser *parser)
{
    http_session *session = parser->data;
    session->is_complete = true;
    session->keeps_alive = http_should_keep_alive(parser);
    return 0;
}

static const http_parser_settings settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* ---- the life of a session ------------------------------------------------------------------------------------- */

static void *open_session(int fd, const char *authority)
{
    http_session *session = WEIR_NEW(http_session);
    session->fd = fd;
    session->authority = authority;
    return session;
}

static void close_session(void *pointer)
{
    http_session *session = pointer;
    weir_buffer_done(&session->name);
    weir_buffer_done(&session->value);
    weir_buffer_done(&session->content_type);
    weir_buffer_done(&session->retry_after);
    weir_buffer_done(&session->body);
    free(session);
}

/* ---- exchange -------------------------------------------------------------------------------------------------- */

static weir_status send_request(http_session *session, const weir_shop_export *export, weir_error *ret_error)
{
    WEIR_BUFFER request = {0};
    weir_buffer_printf(&request,
                       "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: weir-send/" WEIR_VERSION "\r\n"
                       "Content-Type: application/x-protobuf\r\nContent-Length: %zu\r\n\r\n",
                       export->signal == WEIR_SHOP_TRACES ? "/v1/traces" : "/v1/logs", session->authority, export->len);
    weir_buffer_append(&request, export->body, export->len);
    return weir_demo_send_all(session->fd, request.data, request.len, ret_error);
}

static void begin_answer(http_session *session)
{
    http_parser_init(&session->parser, HTTP_RESPONSE);
    session->parser.data = session;
    session->is_complete = session->is_too_long = session->is_in_value = session->keeps_alive = false;
    session->name.len = session->value.len = session->body.len = 0;
    session->content_type.len = session->retry_after.len = 0;
}

static weir_status parse(http_session *session, const char *bytes, size_t len, weir_error *ret_error)
{
    size_t used = http_parser_execute(&session->parser, &settings, bytes, len);
    enum http_errno code = HTTP_PARSER_ERRNO(&session->parser);
    if (code != HPE_OK)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "HTTP: %s",
                              session->is_too_long ? "the answer is too long" : http_errno_description(code));
    /* We send one request at a time, so nothing may follow its answer. */
    if (used < len)
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "HTTP: more came than one answer");
    return WEIR_OK;
}

static weir_status receive_answer(http_session *session, uint64_t deadline_ms, weir_error *ret_error)
{
    char bytes[16384];
    begin_answer(session);
    while (!session->is_complete) {
        if (weir_demo_clock_ms() > deadline_ms)
            return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "the answer was never complete");
        size_t len = 0;
        weir_status status = weir_demo_receive(session->fd, bytes, sizeof(bytes), &len, ret_error);
        if (status == WEIR_CLOSED) {
            /* A body without a length ends with the connection (RFC 9112 §6.3). */
            http_parser_execute(&session->parser, &settings, NULL, 0);
            return session->is_complete ? WEIR_OK : status;
        }
        if (status == WEIR_OK)
            status = parse(session, bytes, len, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void set_outcome(const http_session *session, weir_shop_signal signal, weir_demo_outcome *outcome)
{
    bool is_protobuf = weir_text_starts(text_in(&session->content_type), "application/x-protobuf");
    weir_bytes body = {session->body.data, session->body.len};
    weir_error_from_http(session->parser.status_code, text_in(&session->retry_after), wall_clock_ns(), body,
                         is_protobuf, outcome);
    if (outcome->class_ == WEIR_ERROR_NONE && is_protobuf)
        weir_demo_read_answer(signal, body, outcome);
}

static weir_status exchange(void *pointer, const weir_shop_export *const *exports, size_t count,
                            weir_demo_outcome *outcomes, weir_error *ret_error)
{
    http_session *session = pointer;
    for (size_t i = 0; i < count; i++) {
        uint64_t deadline_ms = weir_demo_clock_ms() + 2 * WEIR_DEMO_TIMEOUT_MS;
        weir_status status = send_request(session, exports[i], ret_error);
        if (status == WEIR_OK)
            status = receive_answer(session, deadline_ms, ret_error);
        if (status != WEIR_OK)
            return status;
        set_outcome(session, exports[i]->signal, &outcomes[i]);
        if (!session->keeps_alive)
            return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "the server closes each connection");
        /* Whoever asks us to wait means the next request too. */
        if (weir_error_is_retryable(&outcomes[i]))
            break;
    }
    return WEIR_OK;
}

const weir_demo_protocol weir_demo_http = {
    .name = "http",
    .default_endpoint = "127.0.0.1:4318",
    .open = open_session,
    .exchange = exchange,
    .close = close_session,
};
