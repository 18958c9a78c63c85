/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/gRPC for the demo, on an nghttp2 client session over a blocking socket. All exports of an exchange travel at
 * the same time, each as a stream of its own.
 */
#include "demo/client.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "net/grpc.h"
#include "net/rpc_status.h"

enum { NO_GRPC_STATUS = UINT16_MAX, HEADER_MAX = 8192 };

/* One export on its way. */
typedef struct grpc_call {
    const weir_shop_export *export;
    weir_demo_outcome *outcome;
    uint8_t prefix[WEIR_GRPC_PREFIX_LEN];
    size_t sent; /* of prefix and body together */
    weir_grpc_reader reader;
    bool is_answer_bad; /* malformed or too long */
    unsigned http_status;
    unsigned grpc_status;
    weir_buffer answer;
    weir_buffer message; /* grpc-message */
    weir_buffer details; /* grpc-status-details-bin */
} grpc_call;

typedef struct grpc_session {
    nghttp2_session *nghttp2;
    int fd;
    const char *authority;
    size_t open_count; /* calls without an outcome */
    grpc_call calls[WEIR_DEMO_EXCHANGE_MAX];
} grpc_session;

/* ---- what nghttp2 asks and tells ------------------------------------------------------------------------------- */

static ssize_t read_body(nghttp2_session *nghttp2, int32_t stream_id, uint8_t *buffer, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user_data)
{
    (void)nghttp2, (void)stream_id, (void)user_data;
    grpc_call *call = source->ptr;
    size_t written = 0;
    if (call->sent < WEIR_GRPC_PREFIX_LEN) {
        written = WEIR_GRPC_PREFIX_LEN - call->sent < size ? WEIR_GRPC_PREFIX_LEN - call->sent : size;
        memcpy(buffer, call->prefix + call->sent, written);
        call->sent += written;
    }
    if (call->sent >= WEIR_GRPC_PREFIX_LEN) {
        size_t at = call->sent - WEIR_GRPC_PREFIX_LEN;
        size_t left = call->export->len - at;
        size_t piece = left < size - written ? left : size - written;
        memcpy(buffer + written, call->export->body + at, piece);
        call->sent += piece;
        written += piece;
    }
    if (call->sent == WEIR_GRPC_PREFIX_LEN + call->export->len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)written;
}

static void keep_header(weir_buffer *buffer, weir_text value)
{
    buffer->len = 0;
    weir_buffer_append(buffer, value.data, value.len < HEADER_MAX ? value.len : HEADER_MAX);
}

static unsigned number_of(weir_text value, unsigned otherwise)
{
    uint64_t number;
    return weir_text_to_uint(value, UINT16_MAX - 1, &number) ? (unsigned)number : otherwise;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name_bytes, size_t name_len,
                     const uint8_t *value_bytes, size_t value_len, uint8_t flags, void *user_data)
{
    (void)flags, (void)user_data;
    grpc_call *call = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
    if (!call)
        return 0;
    weir_text name = {(const char *)name_bytes, name_len};
    weir_text value = {(const char *)value_bytes, value_len};
    if (weir_text_is(name, ":status"))
        call->http_status = number_of(value, 0);
    else if (weir_text_is(name, "grpc-status"))
        call->grpc_status = number_of(value, WEIR_GRPC_UNKNOWN);
    else if (weir_text_is(name, "grpc-message"))
        keep_header(&call->message, value);
    else if (weir_text_is(name, "grpc-status-details-bin"))
        keep_header(&call->details, value);
    return 0;
}

static int on_data(nghttp2_session *nghttp2, uint8_t flags, int32_t stream_id, const uint8_t *bytes, size_t len,
                   void *user_data)
{
    (void)flags, (void)user_data;
    grpc_call *call = nghttp2_session_get_stream_user_data(nghttp2, stream_id);
    if (!call || call->is_answer_bad)
        return 0;
    weir_bytes fragment = {bytes, len}, piece;
    weir_grpc_event event;
    while ((event = weir_grpc_read(&call->reader, &fragment, &piece)) != WEIR_GRPC_NEED_MORE) {
        /* We offer no compression, so a compressed answer cannot be meant for us. */
        if (event == WEIR_GRPC_MALFORMED || call->reader.is_compressed ||
            call->reader.message_len > WEIR_DEMO_ANSWER_MAX) {
            call->is_answer_bad = true;
            return 0;
        }
        if (event == WEIR_GRPC_PIECE && call->answer.len + piece.len <= WEIR_DEMO_ANSWER_MAX)
            weir_buffer_append(&call->answer, piece.data, piece.len);
    }
    return 0;
}

/* Decides what became of the call, by what the trailers said or, without them, by how the stream ended. */
static void set_outcome(grpc_call *call, uint32_t stream_error)
{
    weir_text message = {(const char *)call->message.data, call->message.len};
    weir_text details = {(const char *)call->details.data, call->details.len};
    if (call->grpc_status != NO_GRPC_STATUS)
        weir_error_from_grpc(call->grpc_status, message, details, call->outcome);
    else if (call->http_status != 0 && call->http_status != 200)
        weir_error_from_grpc(weir_grpc_code_from_http(call->http_status), WEIR_TEXT("an answer that is not gRPC"),
                             (weir_text){0}, call->outcome);
    else if (stream_error == NGHTTP2_REFUSED_STREAM)
        return; /* not processed: it stays "not answered" */
    else
        (void)weir_error_set(call->outcome, WEIR_ERROR_RETRYABLE, WEIR_AGAIN, "the stream was reset (%s)",
                             nghttp2_http2_strerror(stream_error));
    if (call->outcome->class_ == WEIR_ERROR_NONE && !call->is_answer_bad)
        weir_demo_read_answer(call->export->signal, (weir_bytes){call->answer.data, call->answer.len}, call->outcome);
}

/* Also told of requests that could not leave because the server said GOAWAY meanwhile. */
static int on_stream_close(nghttp2_session *nghttp2, int32_t stream_id, uint32_t error_code, void *user_data)
{
    grpc_session *session = user_data;
    grpc_call *call = nghttp2_session_get_stream_user_data(nghttp2, stream_id);
    if (!call)
        return 0;
    set_outcome(call, error_code);
    WEIR_ASSERT(session->open_count > 0);
    session->open_count--;
    return 0;
}

/* ---- the life of a session ------------------------------------------------------------------------------------- */

static nghttp2_session *new_nghttp2(grpc_session *session)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        abort(); /* out of memory */
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session *nghttp2;
    if (nghttp2_session_client_new(&nghttp2, callbacks, session) != 0)
        abort();
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};
    if (nghttp2_submit_settings(nghttp2, NGHTTP2_FLAG_NONE, settings, WEIR_COUNT_OF(settings)) != 0)
        abort();
    return nghttp2;
}

static void *open_session(int fd, const char *authority)
{
    grpc_session *session = WEIR_NEW(grpc_session);
    session->fd = fd;
    session->authority = authority;
    session->nghttp2 = new_nghttp2(session);
    return session;
}

static void close_session(void *pointer)
{
    grpc_session *session = pointer;
    nghttp2_session_del(session->nghttp2);
    free(session);
}

/* ---- exchange -------------------------------------------------------------------------------------------------- */

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static const char *path_of(weir_shop_signal signal)
{
    return signal == WEIR_SHOP_TRACES ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
                                      : "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
}

static bool submit(grpc_session *session, grpc_call *call)
{
    char timeout[WEIR_GRPC_TIMEOUT_SIZE];
    weir_grpc_timeout_format((uint64_t)WEIR_DEMO_TIMEOUT_MS * 1000000, timeout);
    const nghttp2_nv headers[] = {
        header(":method", "POST"),
        header(":scheme", "http"),
        header(":authority", session->authority),
        header(":path", path_of(call->export->signal)),
        header("te", "trailers"),
        header("content-type", "application/grpc"),
        header("grpc-timeout", timeout),
        header("user-agent", "weir-send/" WEIR_VERSION),
    };
    nghttp2_data_provider body = {.source = {.ptr = call}, .read_callback = read_body};
    return nghttp2_submit_request(session->nghttp2, NULL, headers, WEIR_COUNT_OF(headers), &body, call) > 0;
}

/* False when the connection takes no more requests. */
static bool submit_all(grpc_session *session, const weir_shop_export *const *exports, size_t count,
                       weir_demo_outcome *outcomes)
{
    for (size_t i = 0; i < count; i++) {
        session->calls[i] = (grpc_call){.export = exports[i], .outcome = &outcomes[i], .grpc_status = NO_GRPC_STATUS};
        weir_grpc_prefix_write(false, (uint32_t)exports[i]->len, session->calls[i].prefix);
        if (!submit(session, &session->calls[i]))
            return false;
        session->open_count++;
    }
    return true;
}

static void free_calls(grpc_session *session, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        weir_buffer_done(&session->calls[i].answer);
        weir_buffer_done(&session->calls[i].message);
        weir_buffer_done(&session->calls[i].details);
    }
}

static weir_status protocol_error(ssize_t code, weir_error *ret_error)
{
    return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "HTTP/2: %s", nghttp2_strerror((int)code));
}

static weir_status send_pending(grpc_session *session, weir_error *ret_error)
{
    const uint8_t *bytes;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(session->nghttp2, &bytes)) > 0) {
        weir_status status = weir_demo_send_all(session->fd, bytes, (size_t)len, ret_error);
        if (status != WEIR_OK)
            return status;
    }
    return len < 0 ? protocol_error(len, ret_error) : WEIR_OK;
}

static weir_status receive_some(grpc_session *session, weir_error *ret_error)
{
    uint8_t bytes[16384];
    size_t len;
    weir_status status = weir_demo_receive(session->fd, bytes, sizeof(bytes), &len, ret_error);
    if (status != WEIR_OK)
        return status;
    ssize_t used = nghttp2_session_mem_recv(session->nghttp2, bytes, len);
    return used < 0 ? protocol_error(used, ret_error) : WEIR_OK;
}

/* Until every call has its outcome. What we send is small beside a socket's buffer and what comes back is smaller
 * still, so sending everything before reading cannot lock both sides up. */
static weir_status run(grpc_session *session, weir_error *ret_error)
{
    uint64_t deadline_ms = weir_demo_clock_ms() + 2 * WEIR_DEMO_TIMEOUT_MS;
    for (;;) {
        weir_status status = send_pending(session, ret_error);
        if (status != WEIR_OK || session->open_count == 0)
            return status;
        if (weir_demo_clock_ms() > deadline_ms)
            return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, "some requests were never answered");
        status = receive_some(session, ret_error);
        if (status != WEIR_OK)
            return status;
    }
}

static weir_status exchange(void *pointer, const weir_shop_export *const *exports, size_t count,
                            weir_demo_outcome *outcomes, weir_error *ret_error)
{
    grpc_session *session = pointer;
    session->open_count = 0;
    bool is_open = submit_all(session, exports, count, outcomes);
    weir_status status = run(session, ret_error);
    /* On an error the streams still point to their calls; the client closes the session before anything moves. */
    free_calls(session, count);
    if (status == WEIR_OK && (!is_open || !nghttp2_session_check_request_allowed(session->nghttp2)))
        return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "the server is closing the connection");
    return status;
}

const weir_demo_protocol weir_demo_grpc = {
    .name = "grpc",
    .default_endpoint = "127.0.0.1:4317",
    .open = open_session,
    .exchange = exchange,
    .close = close_session,
};
