/* SPDX-License-Identifier: Apache-2.0 */
#include "http2_client_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- calls ---- */

static test_call *test_call_of(weir_http2_call *call)
{
    return WEIR_CONTAINER(call, test_call, super);
}

static void act_at(test_call *call, const char *place)
{
    if (call->act_at && strcmp(call->act_at, place) == 0)
        call->act(call);
}

static void on_header(weir_http2_call *super, weir_text name, weir_text value)
{
    test_call *call = test_call_of(super);
    weir_buffer_printf(&call->bench->heard, "%s: %.*s %.*s; ", call->name, WEIR_TEXT_ARG(name), WEIR_TEXT_ARG(value));
    act_at(call, "header");
}

static void on_data(weir_http2_call *super, const uint8_t *data, size_t len)
{
    test_call *call = test_call_of(super);
    weir_buffer_printf(&call->bench->heard, "%s: data %.*s; ", call->name, (int)len, (const char *)data);
    act_at(call, "data");
}

static void on_end(weir_http2_call *super, const weir_error *error)
{
    test_call *call = test_call_of(super);
    call->ends++;
    cr_assert_eq(call->ends, 1, "%s ended twice", call->name);
    static const char *const classes[] = {"end", "retryable", "throttled", "endpoint", "too large", "permanent"};
    weir_buffer_printf(&call->bench->heard, "%s: %s%s%s; ", call->name, classes[error->class_], *error->text ? " " : "",
                       error->text);
    act_at(call, "end");
}

static const weir_http2_call_ops call_ops = {on_header, on_data, on_end};

static const weir_http_header request_headers[] = {{{":method", 7}, {"POST", 4}},
                                                   {{":scheme", 7}, {"http", 4}},
                                                   {{":path", 5}, {"/x", 2}},
                                                   {{":authority", 10}, {"t:1", 3}}};

char body_bytes[BODY_BYTES];
const struct iovec hello_body = {(void *)(uintptr_t) "hello", 5};

void start_call_with(client_bench *bench, test_call *call, const char *name, const struct iovec *body, size_t count,
                     uint64_t timeout_ms)
{
    call->super.ops = &call_ops;
    call->name = name;
    call->bench = bench;
    call->ends = 0;
    uint64_t now = weir_loop_now_ns(fake_net_loop(bench->net));
    weir_http2_call_start(bench->client, &call->super, request_headers, WEIR_COUNT_OF(request_headers), body, count,
                          timeout_ms > 0 ? now + timeout_ms * MS : 0);
}

void start_call(client_bench *bench, test_call *call, const char *name)
{
    start_call_with(bench, call, name, &hello_body, 1, 0);
}

/* ---- servers ---- */

static int peer_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    weir_buffer *heard = ((peer *)user)->heard;
    if (frame->hd.type == NGHTTP2_HEADERS)
        weir_buffer_printf(heard, "%d: request; ", frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        weir_buffer_printf(heard, "%d: reset %s; ", frame->hd.stream_id,
                           nghttp2_http2_strerror(frame->rst_stream.error_code));
    if (frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
        weir_buffer_append_text(heard, "ping; ");
    if (frame->hd.type == NGHTTP2_GOAWAY)
        weir_buffer_printf(heard, "goaway %s; ", nghttp2_http2_strerror(frame->goaway.error_code));
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        weir_buffer_printf(heard, "%d: end; ", frame->hd.stream_id);
    return 0;
}

static int peer_on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
                        void *user)
{
    (void)session, (void)flags, (void)stream_id;
    weir_buffer_append(&((peer *)user)->body, data, len);
    return 0;
}

static ssize_t peer_read(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t size, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    (void)stream_id, (void)source;
    peer *self = user;
    size_t len = self->download.len < size ? self->download.len : size;
    memcpy(buffer, self->download.data, len);
    *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_nv trailer = {(uint8_t *)(uintptr_t) "grpc-status", (uint8_t *)(uintptr_t) "0", 11, 1,
                          NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_trailer(session, stream_id, &trailer, 1);
    return (ssize_t)len;
}

static void add_peer(client_bench *bench, fake_socket *socket)
{
    cr_assert_lt(bench->peer_count, PEERS_MAX);
    peer *self = &bench->peers[bench->peer_count++];
    self->socket = socket;
    self->heard = &bench->served;
    self->download = WEIR_TEXT("hello");
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, peer_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, peer_on_data);
    nghttp2_session_server_new(&self->session, callbacks, self);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(self->session, NGHTTP2_FLAG_NONE, &bench->setting, bench->setting.settings_id ? 1 : 0);
}

/* Connections are made one at a time. */
static void meet(client_bench *bench)
{
    fake_socket *newest = fake_net_newest(bench->net);
    if (newest && (bench->peer_count == 0 || bench->peers[bench->peer_count - 1].socket != newest))
        add_peer(bench, newest);
}

bool peer_hear(peer *self)
{
    weir_buffer *output = &self->socket->output;
    size_t len = output->len;
    if (len > 0)
        cr_assert_geq(nghttp2_session_mem_recv(self->session, output->data, len), 0);
    output->len = 0;
    return len > 0;
}

static bool say(peer *self)
{
    const uint8_t *data;
    ssize_t len;
    bool is_any = false;
    while ((len = nghttp2_session_mem_send(self->session, &data)) > 0) {
        is_any = true;
        fake_socket_feed(self->socket, data, (size_t)len, (size_t)len);
    }
    return is_any;
}

void talk(client_bench *bench)
{
    bool is_any;
    do {
        fake_net_run(bench->net);
        meet(bench);
        is_any = false;
        for (unsigned i = 0; i < bench->peer_count; i++)
            is_any |= peer_hear(&bench->peers[i]) | say(&bench->peers[i]);
    } while (is_any);
}

void pass_ms(client_bench *bench, uint64_t ms)
{
    fake_net_pass_ms(bench->net, ms);
    talk(bench);
}

void submit_answer(peer *self, int32_t stream_id)
{
    nghttp2_nv status = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "200", 7, 3, NGHTTP2_NV_FLAG_NONE};
    const nghttp2_data_provider data = {.read_callback = peer_read};
    cr_assert_eq(nghttp2_submit_response(self->session, stream_id, &status, 1, &data), 0);
}

void answer_call(client_bench *bench, unsigned peer_index, int32_t stream_id)
{
    submit_answer(&bench->peers[peer_index], stream_id);
    talk(bench);
}

void reset_call(client_bench *bench, unsigned peer_index, int32_t stream_id, uint32_t code)
{
    nghttp2_submit_rst_stream(bench->peers[peer_index].session, NGHTTP2_FLAG_NONE, stream_id, code);
    talk(bench);
}

void go_away(client_bench *bench, unsigned peer_index, int32_t last_id)
{
    nghttp2_submit_goaway(bench->peers[peer_index].session, NGHTTP2_FLAG_NONE, last_id, NGHTTP2_NO_ERROR, NULL, 0);
    talk(bench);
}

void feed_raw(client_bench *bench, const void *bytes, size_t len)
{
    fake_socket_feed(bench->peers[0].socket, bytes, len, len);
    talk(bench);
}

const char *taken(weir_buffer *transcript)
{
    static char text[8192];
    snprintf(text, sizeof text, "%s", weir_buffer_string(transcript));
    transcript->len = 0;
    return text;
}

/* ---- the bench ---- */

void client_bench_open_with(client_bench *bench, const weir_http2_client_options *options)
{
    *bench = (client_bench){.net = fake_net_new()};
    bench->client = weir_http2_client_new(fake_net_loop(bench->net), options);
}

void client_bench_open(client_bench *bench)
{
    client_bench_open_with(bench, &(weir_http2_client_options){.endpoint = "t:1"});
}

void client_bench_close(client_bench *bench)
{
    weir_http2_client_free(bench->client);
    fake_net_free(bench->net);
    for (unsigned i = 0; i < bench->peer_count; i++) {
        nghttp2_session_del(bench->peers[i].session);
        weir_buffer_done(&bench->peers[i].body);
    }
    weir_buffer_done(&bench->heard);
    weir_buffer_done(&bench->served);
}
