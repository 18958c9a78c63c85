/* SPDX-License-Identifier: Apache-2.0 */
#include "net/grpc_client.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"
#include "net/rpc_status.h"

struct weir_grpc_client {
    weir_loop *loop;
    weir_grpc_client_options options;
    weir_http2_client *http2;
};

struct weir_grpc_call {
    weir_http2_call super;
    weir_grpc_client *client;
    weir_grpc_done_fn done;
    void *user;

    uint8_t prefix[WEIR_GRPC_PREFIX_LEN];
    char timeout[WEIR_GRPC_TIMEOUT_SIZE];
    weir_http_header *headers;
    size_t header_count;
    struct iovec *parts; /* the prefix, then the message */

    /* The answer. */
    unsigned http_status;
    bool has_grpc_status;
    unsigned grpc_status;
    bool is_grpc;        /* by its content-type */
    weir_buffer message; /* grpc-message */
    weir_buffer details; /* grpc-status-details-bin */
    weir_grpc_reader reader;
    weir_encoding response_encoding;
    weir_buffer response;
    unsigned messages;
    weir_error broken; /* what is wrong with the answer; class NONE: nothing */
};

/* ---- the answer ---- */

static weir_grpc_call *call_of(weir_http2_call *call)
{
    return WEIR_CONTAINER(call, weir_grpc_call, super);
}

static void set_text(weir_buffer *buffer, weir_text value)
{
    buffer->len = 0;
    weir_buffer_append(buffer, value.data, value.len);
}

static weir_text text_in(const weir_buffer *buffer)
{
    return (weir_text){(const char *)buffer->data, buffer->len};
}

/* PERMANENT would blame the data; an answer that is no gRPC is the endpoint's fault. */
static void answer_is_broken(weir_grpc_call *call, const char *what)
{
    if (call->broken.class_ == WEIR_ERROR_NONE)
        weir_error_set(&call->broken, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "%s answers with %s",
                       call->client->options.authority, what);
}

static void on_header(weir_http2_call *http2, weir_text name, weir_text value)
{
    weir_grpc_call *call = call_of(http2);
    uint64_t number;
    if (weir_text_is(name, ":status")) {
        if (weir_text_to_uint(value, 999, &number))
            call->http_status = (unsigned)number;
    } else if (weir_text_is(name, "content-type")) {
        call->is_grpc = weir_text_starts(value, "application/grpc");
    } else if (weir_text_is(name, "grpc-status")) {
        /* A status that is no number counts as UNKNOWN. */
        call->has_grpc_status = true;
        call->grpc_status = weir_text_to_uint(value, UINT32_MAX, &number) ? (unsigned)number : WEIR_GRPC_UNKNOWN;
    } else if (weir_text_is(name, "grpc-message")) {
        set_text(&call->message, value);
    } else if (weir_text_is(name, "grpc-status-details-bin")) {
        set_text(&call->details, value);
    } else if (weir_text_is(name, "grpc-encoding")) {
        if (weir_encoding_parse(value, &call->response_encoding) != WEIR_OK)
            answer_is_broken(call, "an unknown grpc-encoding");
    }
}

static void on_message_start(weir_grpc_call *call)
{
    if (++call->messages > 1)
        answer_is_broken(call, "more than one message");
    if (call->reader.message_len > WEIR_GRPC_RESPONSE_BYTES_MAX)
        answer_is_broken(call, "a message that is too large");
    if (call->reader.is_compressed && call->response_encoding == WEIR_ENCODING_IDENTITY)
        answer_is_broken(call, "a compressed message without grpc-encoding");
}

static void on_data(weir_http2_call *http2, const uint8_t *data, size_t len)
{
    weir_grpc_call *call = call_of(http2);
    weir_bytes fragment = {data, len}, piece;
    if (!call->is_grpc) /* a proxy's error page, perhaps */
        return;
    while (call->broken.class_ == WEIR_ERROR_NONE) {
        switch (weir_grpc_read(&call->reader, &fragment, &piece)) {
        case WEIR_GRPC_NEED_MORE:
            return;
        case WEIR_GRPC_MESSAGE:
            on_message_start(call);
            break;
        case WEIR_GRPC_PIECE:
            weir_buffer_append(&call->response, piece.data, piece.len);
            break;
        case WEIR_GRPC_END:
            break;
        case WEIR_GRPC_MALFORMED:
            answer_is_broken(call, "something that is no gRPC message");
            break;
        }
    }
}

static void call_free(weir_grpc_call *call)
{
    free(call->headers);
    free(call->parts);
    weir_buffer_done(&call->message);
    weir_buffer_done(&call->details);
    weir_buffer_done(&call->response);
    free(call);
}

static void read_status(weir_grpc_call *call, weir_error *ret_error)
{
    if (call->has_grpc_status) {
        weir_error_from_grpc(call->grpc_status, text_in(&call->message), text_in(&call->details), ret_error);
        return;
    }
    char text[64];
    snprintf(text, sizeof text, "HTTP status %u without a gRPC status", call->http_status);
    unsigned code = call->http_status == 200 ? WEIR_GRPC_UNKNOWN : weir_grpc_code_from_http(call->http_status);
    weir_error_from_grpc(code, weir_text_of(text), (weir_text){0}, ret_error);
    /* Not speaking gRPC is the endpoint's fault, never the data's. */
    if (ret_error->class_ == WEIR_ERROR_PERMANENT)
        ret_error->class_ = WEIR_ERROR_ENDPOINT;
}

static void finish(weir_grpc_call *call, const weir_error *error, weir_bytes response)
{
    call->done(call->user, error, response);
    call_free(call);
}

static void finish_compressed(weir_grpc_call *call)
{
    weir_chunk *inflated = NULL;
    weir_error error = {0};
    if (weir_inflate(call->response_encoding, call->response.data, call->response.len, WEIR_GRPC_RESPONSE_BYTES_MAX,
                     NULL, &inflated, &error) != WEIR_OK) {
        error.class_ = WEIR_ERROR_ENDPOINT;
        finish(call, &error, (weir_bytes){0});
        return;
    }
    error = (weir_error){0};
    finish(call, &error, (weir_bytes){inflated->data, inflated->size});
    weir_chunk_unref(inflated);
}

static void on_end(weir_http2_call *http2, const weir_error *error)
{
    weir_grpc_call *call = call_of(http2);
    weir_error outcome = *error;
    if (outcome.class_ == WEIR_ERROR_NONE)
        read_status(call, &outcome);
    if (outcome.class_ == WEIR_ERROR_NONE)
        outcome = call->broken;
    if (outcome.class_ == WEIR_ERROR_NONE && (call->messages != 1 || !weir_grpc_reader_is_between(&call->reader))) {
        answer_is_broken(call, "a message cut short");
        outcome = call->broken;
    }
    if (outcome.class_ == WEIR_ERROR_NONE && call->reader.is_compressed)
        finish_compressed(call);
    else
        finish(call, &outcome, (weir_bytes){call->response.data, call->response.len});
}

static const weir_http2_call_ops call_ops = {.on_header = on_header, .on_data = on_data, .on_end = on_end};

/* ---- the request ---- */

static void add_header(weir_grpc_call *call, const char *name, const char *value)
{
    call->headers[call->header_count++] = (weir_http_header){weir_text_of(name), weir_text_of(value)};
}

static void make_headers(weir_grpc_call *call, const weir_grpc_request *request)
{
    const weir_grpc_client_options *options = &call->client->options;
    size_t count_max = WEIR_GRPC_CALL_HEADERS + options->header_count + request->header_count;
    WEIR_ASSERT(count_max <= WEIR_HEADERS_MAX);
    call->headers = weir_alloc(count_max, sizeof(weir_http_header));
    add_header(call, ":method", "POST");
    add_header(call, ":scheme", options->http2.tls ? "https" : "http");
    add_header(call, ":path", request->path);
    add_header(call, ":authority", options->authority);
    add_header(call, "te", "trailers");
    uint64_t now = weir_loop_now_ns(call->client->loop);
    if (request->deadline_ns > 0) {
        weir_grpc_timeout_format(request->deadline_ns > now ? request->deadline_ns - now : 1, call->timeout);
        add_header(call, "grpc-timeout", call->timeout);
    }
    add_header(call, "content-type", "application/grpc");
    if (request->encoding != WEIR_ENCODING_IDENTITY)
        add_header(call, "grpc-encoding", weir_encoding_name(request->encoding));
    add_header(call, "grpc-accept-encoding", "identity,deflate,gzip,zstd");
    add_header(call, "user-agent", options->user_agent);
    for (size_t i = 0; i < options->header_count; i++)
        call->headers[call->header_count++] = options->headers[i];
    for (size_t i = 0; i < request->header_count; i++)
        call->headers[call->header_count++] = request->headers[i];
}

static void make_body(weir_grpc_call *call, const weir_grpc_request *request)
{
    uint64_t len = 0;
    call->parts = weir_alloc(request->part_count + 1, sizeof(struct iovec));
    for (size_t i = 0; i < request->part_count; i++) {
        call->parts[i + 1] = request->parts[i];
        len += request->parts[i].iov_len;
    }
    WEIR_ASSERT(len <= UINT32_MAX);
    weir_grpc_prefix_write(request->encoding != WEIR_ENCODING_IDENTITY, (uint32_t)len, call->prefix);
    call->parts[0] = (struct iovec){call->prefix, sizeof call->prefix};
}

weir_grpc_call *weir_grpc_call_start(weir_grpc_client *client, const weir_grpc_request *request, weir_grpc_done_fn done,
                                     void *user)
{
    weir_grpc_call *call = WEIR_NEW(weir_grpc_call);
    call->super.ops = &call_ops;
    call->client = client;
    call->done = done;
    call->user = user;
    make_headers(call, request);
    make_body(call, request);
    weir_http2_call_start(client->http2, &call->super, call->headers, call->header_count, call->parts,
                          request->part_count + 1, request->deadline_ns);
    return call;
}

void weir_grpc_call_cancel(weir_grpc_call *call)
{
    weir_http2_call_cancel(&call->super);
    call_free(call);
}

/* ---- life ---- */

weir_grpc_client *weir_grpc_client_new(weir_loop *loop, const weir_grpc_client_options *options)
{
    weir_grpc_client *client = WEIR_NEW(weir_grpc_client);
    client->loop = loop;
    client->options = *options;
    client->http2 = weir_http2_client_new(loop, &options->http2);
    return client;
}

void weir_grpc_client_free(weir_grpc_client *client)
{
    if (!client)
        return;
    weir_http2_client_free(client->http2);
    free(client);
}
