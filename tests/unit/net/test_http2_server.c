/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2, the server's side, against nghttp2's client on a socket without an operating system. What the client hears is
 * written down as text, so that a test reads as the conversation it expects.
 */
#include <criterion/criterion.h>

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "core/memory.h"
#include "http_bench.h"
#include "net/http_connection.h"

enum { PIECE_BYTES = 1000 };

typedef struct http2_bench {
    http_bench server;
    nghttp2_session *client;
    weir_buffer heard; /* "1: :status 200; 1: data 5; 1: end; " */
    weir_text upload;  /* body of the requests to come */
    bool is_body_open; /* requests are left without an end */
} http2_bench;

/* ---- what the client hears ---- */

static int on_client_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
                            const uint8_t *value, size_t value_len, uint8_t flags, void *user)
{
    (void)session;
    (void)flags;
    weir_text name_text = {(const char *)name, name_len};
    if (weir_text_is(name_text, ":status") || weir_text_is(name_text, "grpc-status"))
        weir_buffer_printf(&((http2_bench *)user)->heard, "%d: %.*s %.*s; ", frame->hd.stream_id, (int)name_len, name,
                           (int)value_len, value);
    return 0;
}

static int on_client_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
                          void *user)
{
    (void)session;
    (void)flags;
    weir_buffer_printf(&((http2_bench *)user)->heard, "%d: data %.*s; ", stream_id, (int)(len < 40 ? len : 40), data);
    return 0;
}

static int on_client_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session;
    weir_buffer *heard = &((http2_bench *)user)->heard;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        weir_buffer_printf(heard, "goaway %d %s %.*s; ", frame->goaway.last_stream_id,
                           nghttp2_http2_strerror(frame->goaway.error_code), (int)frame->goaway.opaque_data_len,
                           frame->goaway.opaque_data);
    else if (frame->hd.type == NGHTTP2_RST_STREAM)
        weir_buffer_printf(heard, "%d: reset %s; ", frame->hd.stream_id,
                           nghttp2_http2_strerror(frame->rst_stream.error_code));
    else if (frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
        weir_buffer_append_text(heard, "ping; ");
    else if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
             (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
        weir_buffer_printf(heard, "%d: end; ", frame->hd.stream_id);
    return 0;
}

/* ---- the conversation ---- */

static void client_to_server(http2_bench *bench)
{
    const uint8_t *data;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(bench->client, &data)) > 0)
        fake_socket_feed(bench->server.socket, data, (size_t)len, PIECE_BYTES);
}

static void server_to_client(http2_bench *bench)
{
    weir_buffer *output = &bench->server.socket->output;
    if (output->len > 0)
        cr_assert_geq(nghttp2_session_mem_recv(bench->client, output->data, output->len), 0);
    output->len = 0;
}

static void talk(http2_bench *bench)
{
    do {
        client_to_server(bench);
        fake_net_run(bench->server.net);
        server_to_client(bench);
    } while (nghttp2_session_want_write(bench->client) && !bench->server.socket->is_closed);
}

/* What was heard since the last call. */
static const char *heard(http2_bench *bench)
{
    static char text[8192];
    talk(bench);
    snprintf(text, sizeof text, "%s", weir_buffer_string(&bench->heard));
    bench->heard.len = 0;
    return text;
}

static void bench_open(http2_bench *bench, weir_http_options options)
{
    *bench = (http2_bench){0};
    http_bench_open(&bench->server, &options);
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_client_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_client_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_client_frame);
    nghttp2_session_client_new(&bench->client, callbacks, bench);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(bench->client, NGHTTP2_FLAG_NONE, NULL, 0);
    talk(bench);
}

static void bench_close(http2_bench *bench)
{
    nghttp2_session_del(bench->client);
    http_bench_close(&bench->server);
    weir_buffer_done(&bench->heard);
}

static ssize_t read_upload(nghttp2_session *session, int32_t stream_id, uint8_t *buffer, size_t size, uint32_t *flags,
                           nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)stream_id;
    (void)source;
    http2_bench *bench = user;
    size_t len = bench->upload.len < size ? bench->upload.len : size;
    memcpy(buffer, bench->upload.data, len);
    bench->upload = (weir_text){bench->upload.data + len, bench->upload.len - len};
    if (bench->upload.len > 0)
        return (ssize_t)len;
    if (bench->is_body_open)
        return len > 0 ? (ssize_t)len : NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value), 0};
}

static int32_t request(http2_bench *bench, const char *path, const char *body)
{
    nghttp2_nv nvs[] = {nv(":method", "POST"), nv(":scheme", "http"), nv(":path", path), nv(":authority", "h")};
    nghttp2_data_provider provider = {.read_callback = read_upload};
    bench->upload = weir_text_of(body);
    int32_t id = nghttp2_submit_request(bench->client, NULL, nvs, WEIR_COUNT_OF(nvs), &provider, NULL);
    client_to_server(bench);
    return id;
}

#define OK_ON(id, body) id ": :status 200; " id ": data " body "; " id ": grpc-status 0; " id ": end; "

static const weir_http_options both = {.versions = WEIR_HTTP_1_AND_2};

Test(http2_server, answers_with_data_and_trailers)
{
    http2_bench bench;
    bench_open(&bench, both);
    request(&bench, "/echo?q", "abc");
    cr_assert_str_eq(heard(&bench), OK_ON("1", "POST /echo?q abc"));
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /echo; body 3; end; ");
    bench_close(&bench);
}

Test(http2_server, without_a_body_trailers_join_the_headers)
{
    http2_bench bench;
    bench_open(&bench, both);
    request(&bench, "/none", "");
    cr_assert_str_eq(heard(&bench), "1: :status 404; 1: grpc-status 0; 1: end; ");
    bench_close(&bench);
}

Test(http2_server, streams_are_answered_independently)
{
    http2_bench bench;
    bench_open(&bench, both);
    request(&bench, "/later", "");
    request(&bench, "/echo", "x");
    cr_assert_str_eq(heard(&bench), OK_ON("3", "POST /echo? x"));
    http_bench_answer(&bench.server);
    cr_assert_str_eq(heard(&bench), OK_ON("1", "later"));
    bench_close(&bench);
}

Test(http2_server, an_early_answer_stops_the_upload)
{
    http2_bench bench;
    bench_open(&bench, both);
    bench.is_body_open = true;
    request(&bench, "/refuse", "first part");
    cr_assert_str_eq(heard(&bench), "1: :status 429; 1: data slow down; 1: grpc-status 0; 1: end; ");
    fake_net_pass_ms(bench.server.net, WEIR_HTTP_STOP_MS);
    cr_assert_str_eq(heard(&bench), "1: reset NO_ERROR; ", "not in one read with the answer");
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /refuse; ");
    bench_close(&bench);
}

Test(http2_server, an_early_answer_to_a_client_that_ends_by_itself_is_all_there_is)
{
    http2_bench bench;
    bench_open(&bench, both);
    bench.is_body_open = true;
    int32_t id = request(&bench, "/refuse", "first part");
    (void)heard(&bench);
    nghttp2_submit_rst_stream(bench.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    talk(&bench);
    fake_net_pass_ms(bench.server.net, 2 * WEIR_HTTP_STOP_MS);
    cr_assert_str_eq(heard(&bench), "");
    bench_close(&bench);
}

Test(http2_server, large_bodies_need_no_window_updates_from_the_handler)
{
    static char large[20 * 1000 * 1000];
    memset(large, 'x', sizeof large - 1);
    http2_bench bench;
    bench_open(&bench, both);
    request(&bench, "/later", large);
    talk(&bench);
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /later; body 19999999; end; ");
    http_bench_answer(&bench.server);
    cr_assert_str_eq(heard(&bench), OK_ON("1", "later"));
    bench_close(&bench);
}

Test(http2_server, a_reset_by_the_client_aborts)
{
    http2_bench bench;
    bench_open(&bench, both);
    int32_t id = request(&bench, "/later", "");
    nghttp2_submit_rst_stream(bench.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    talk(&bench);
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /later; body 0; end; abort; ");
    request(&bench, "/echo", "");
    cr_assert_str_eq(heard(&bench), OK_ON("3", "POST /echo? "), "the connection lives on");
    bench_close(&bench);
}

Test(http2_server, a_lost_connection_aborts)
{
    http2_bench bench;
    bench_open(&bench, both);
    request(&bench, "/later", "");
    fake_socket_feed_end(bench.server.socket);
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /later; body 0; end; abort; ");
    cr_assert(bench.server.socket->is_closed);
    bench_close(&bench);
}

Test(http2_server, what_is_not_http2_is_cut_off)
{
    http_bench bench;
    http_bench_open(&bench, &(weir_http_options){.versions = WEIR_HTTP_2});
    fake_socket_feed(bench.socket, "GET / HTTP/1.1\r\n\r\n", 18, 18);
    cr_assert(bench.socket->is_closed);
    cr_assert_eq(weir_http_server_counts(bench.server).protocol_errors, 1);
    http_bench_close(&bench);
}

Test(http2_server, too_many_header_bytes_are_431)
{
    http2_bench bench;
    bench_open(&bench, (weir_http_options){.versions = WEIR_HTTP_2, .header_list_bytes_max = 200});
    char large[300];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    nghttp2_nv nvs[] = {nv(":method", "GET"), nv(":scheme", "http"), nv(":path", "/echo"), nv(":authority", "h"),
                        nv("x", large)};
    nghttp2_submit_request(bench.client, NULL, nvs, WEIR_COUNT_OF(nvs), NULL, NULL);
    cr_assert_str_eq(heard(&bench), "1: :status 431; 1: data Request Header Fields Too Large; 1: end; ");
    cr_assert_eq(bench.server.events.len, 0, "the handler must not hear of it");
    bench_close(&bench);
}

Test(http2_server, a_flood_of_resets_is_cut_off)
{
    http2_bench bench;
    bench_open(&bench, both);
    for (int i = 0; i < 5000 && !bench.server.socket->is_closed; i++) {
        int32_t id = request(&bench, "/later", "");
        nghttp2_submit_rst_stream(bench.client, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        talk(&bench);
    }
    fake_net_pass_ms(bench.server.net, 2000);
    cr_assert(bench.server.socket->is_closed);
    cr_assert_lt(weir_http_server_counts(bench.server.server).requests, 2000);
    bench_close(&bench);
}

/* ---- pings ---- */

static void ping(http2_bench *bench)
{
    nghttp2_submit_ping(bench->client, NGHTTP2_FLAG_NONE, (const uint8_t *)"12345678");
    talk(bench);
}

Test(http2_server, pings_too_often_are_sent_away)
{
    http2_bench bench;
    bench_open(&bench, (weir_http_options){
                           .versions = WEIR_HTTP_2, .min_ping_interval_ms = 1000, .permit_ping_without_stream = true});
    for (int i = 0; i < 5; i++) {
        ping(&bench);
        fake_net_pass_ms(bench.server.net, 1000);
    }
    cr_assert_str_eq(heard(&bench), "", "once a second is permitted");
    for (int i = 0; i < 4; i++)
        ping(&bench);
    cr_assert_str_eq(heard(&bench), "goaway 0 ENHANCE_YOUR_CALM too_many_pings; ");
    fake_net_pass_ms(bench.server.net, 1100);
    cr_assert(bench.server.socket->is_closed);
    bench_close(&bench);
}

Test(http2_server, without_a_stream_even_slow_pings_need_permission)
{
    http2_bench bench;
    bench_open(&bench, (weir_http_options){.versions = WEIR_HTTP_2, .min_ping_interval_ms = 1000});
    for (int i = 0; i < 4; i++) {
        ping(&bench);
        fake_net_pass_ms(bench.server.net, 2000);
    }
    cr_assert_str_eq(heard(&bench), "goaway 0 ENHANCE_YOUR_CALM too_many_pings; ");
    bench_close(&bench);
}

Test(http2_server, keepalive_asks_and_then_closes)
{
    http2_bench bench;
    bench_open(&bench,
               (weir_http_options){.versions = WEIR_HTTP_2, .keepalive_time_ms = 1000, .keepalive_timeout_ms = 500});
    fake_net_pass_ms(bench.server.net, 1100);
    cr_assert_str_eq(heard(&bench), "ping; "); /* and the client has acknowledged */
    fake_net_pass_ms(bench.server.net, 900);
    cr_assert(!bench.server.socket->is_closed);
    fake_net_pass_ms(bench.server.net, 700); /* the next one is not answered */
    cr_assert(bench.server.socket->is_closed);
    bench_close(&bench);
}

/* ---- graceful ends ---- */

Test(http2_server, draining_announces_then_answers_then_closes)
{
    http2_bench bench;
    bench_open(&bench, both);
    request(&bench, "/later", "");
    http_bench_drain(&bench.server);
    server_to_client(&bench);
    cr_assert_str_eq(weir_buffer_string(&bench.heard), "goaway 2147483647 NO_ERROR ; ping; ");
    bench.heard.len = 0;
    cr_assert_str_eq(heard(&bench), "goaway 1 NO_ERROR ; ");
    cr_assert(!bench.server.socket->is_closed);
    http_bench_answer(&bench.server);
    cr_assert_str_eq(heard(&bench), OK_ON("1", "later"));
    cr_assert(bench.server.socket->is_closed);
    cr_assert_eq(bench.server.drained, 1);
    bench_close(&bench);
}

Test(http2_server, draining_does_not_wait_for_a_client_that_is_silent)
{
    http2_bench bench;
    bench_open(&bench, both);
    http_bench_drain(&bench.server);
    fake_net_pass_ms(bench.server.net, 1900);
    cr_assert_eq(bench.server.drained, 0);
    fake_net_pass_ms(bench.server.net, 200);
    cr_assert_eq(bench.server.drained, 1);
    bench_close(&bench);
}

Test(http2_server, max_age_drains_and_grace_ends)
{
    http2_bench bench;
    bench_open(&bench, (weir_http_options){.versions = WEIR_HTTP_2,
                                           .max_connection_age_ms = 10000,
                                           .max_connection_age_grace_ms = 3000});
    request(&bench, "/later", "");
    fake_net_pass_ms(bench.server.net, 8900);
    cr_assert_str_eq(heard(&bench), "", "at least nine tenths of the age");
    fake_net_pass_ms(bench.server.net, 2200);
    cr_assert_neq(strstr(heard(&bench), "goaway 1 NO_ERROR"), NULL);
    fake_net_pass_ms(bench.server.net, 3100);
    cr_assert(bench.server.socket->is_closed);
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /later; body 0; end; abort; ");
    bench_close(&bench);
}

Test(http2_server, a_body_that_does_not_come_is_408)
{
    http2_bench bench;
    bench_open(&bench, (weir_http_options){.versions = WEIR_HTTP_2, .request_timeout_ms = 1000});
    bench.is_body_open = true;
    request(&bench, "/echo", "part");
    fake_net_pass_ms(bench.server.net, 1000);
    cr_assert_str_eq(heard(&bench), "1: :status 408; 1: data Request Timeout; 1: end; ");
    fake_net_pass_ms(bench.server.net, WEIR_HTTP_STOP_MS);
    cr_assert_str_eq(heard(&bench), "1: reset NO_ERROR; ");
    cr_assert_str_eq(weir_buffer_string(&bench.server.events), "request /echo; abort; ");
    bench_close(&bench);
}

Test(http2_server, answers_wait_for_a_slow_client)
{
    http2_bench bench;
    bench_open(&bench, both);
    for (int i = 0; i < 20; i++)
        request(&bench, "/later", "");
    talk(&bench);
    bench.server.socket->send_room = 0;
    http_bench_answer(&bench.server);
    cr_assert_eq(bench.server.socket->output.len, 0);
    bench.server.socket->send_room = SIZE_MAX;
    const char *text = heard(&bench);
    for (int i = 0; i < 20; i++) {
        WEIR_FREE char *end = weir_format(" %d: data later; ", 2 * i + 1);
        cr_assert_neq(strstr(text, end), NULL, "%s", end);
    }
    bench_close(&bench);
}
