/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP/2 client's calls with servers that do as they should: answers, bodies and windows, starting and cancelling.
 */
#include <errno.h>
#include <string.h>

#include "http2_client_bench.h"

/* ---- answers ---- */

Test(net_http2_client, calls_share_a_connection)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    talk(&bench);
    EXPECT_SERVED(&bench, "1: request; 3: request; 1: end; 3: end; ");
    answer_call(&bench, 0, 3);
    EXPECT_HEARD(&bench, ANSWER("b"));
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    start_call(&bench, &a, "a");
    talk(&bench);
    answer_call(&bench, 0, 5);
    EXPECT_HEARD(&bench, ANSWER("a"));
    cr_expect_eq(bench.peer_count, 1);
    cr_expect_eq(bench.peers[0].body.len, 15);
    client_bench_close(&bench);
}

Test(net_http2_client, an_answer_may_come_byte_by_byte)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    submit_answer(&bench.peers[0], 1);
    const uint8_t *data;
    ssize_t len;
    while ((len = nghttp2_session_mem_send(bench.peers[0].session, &data)) > 0)
        fake_socket_feed(bench.peers[0].socket, data, (size_t)len, 1);
    EXPECT_HEARD(&bench, "a: :status 200; a: data h; a: data e; a: data l; a: data l; a: data o; a: grpc-status 0; "
                         "a: end; ");
    client_bench_close(&bench);
}

Test(net_http2_client, an_answer_before_the_request_is_over_ends_it)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    bench.setting = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    start_call(&bench, &a, "a");
    fake_net_run(bench.net); /* the server's window is not known yet: the small body goes at once */
    talk(&bench);
    EXPECT_SERVED(&bench, "1: request; 1: end; ");
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    start_call(&bench, &a, "a");
    talk(&bench);
    EXPECT_SERVED(&bench, "3: request; ");
    answer_call(&bench, 0, 3);
    EXPECT_HEARD(&bench, ANSWER("a"));
    EXPECT_SERVED(&bench, "3: reset NO_ERROR; ");
    client_bench_close(&bench);
}

Test(net_http2_client, a_request_without_a_body_needs_no_window)
{
    client_bench bench;
    test_call a = {0};
    const struct iovec nothing = {NULL, 0};
    client_bench_open(&bench);
    bench.setting = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    start_call(&bench, &a, "a");
    talk(&bench);
    answer_call(&bench, 0, 1);
    taken(&bench.heard), taken(&bench.served);
    start_call_with(&bench, &a, "a", &nothing, 1, 0);
    talk(&bench);
    EXPECT_SERVED(&bench, "3: request; 3: end; ");
    answer_call(&bench, 0, 3);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

Test(net_http2_client, a_complete_answer_counts_whatever_follows_it)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    talk(&bench);
    taken(&bench.served);
    static const char answer_and_garbage[] = "\0\0\1\1\5\0\0\0\1\x88" /* HEADERS: :status 200, end of stream */
                                             "\0\0\1\1\5\0\0\0\0\x88" /* HEADERS of no stream */;
    feed_raw(&bench, answer_and_garbage, sizeof answer_and_garbage - 1);
    EXPECT_HEARD(&bench, "a: :status 200; a: end; b: endpoint t:1 does not speak HTTP/2: broken protocol; ");
    cr_expect(bench.peers[0].socket->is_closed);
    client_bench_close(&bench);
}

/* ---- bodies ---- */

static void expect_body(const client_bench *bench)
{
    const weir_buffer *body = &bench->peers[0].body;
    cr_assert_eq(body->len, BODY_BYTES);
    cr_expect_arr_eq(body->data, body_bytes, BODY_BYTES);
}

/* Parts of 0, 1, 2 … bytes. */
static size_t split_body(struct iovec *parts, size_t max)
{
    size_t at = 0;
    size_t count = 0;
    for (; at < BODY_BYTES && count < max - 1; at += count, count++)
        parts[count] = (struct iovec){body_bytes + at, count};
    parts[count] = (struct iovec){body_bytes + at, BODY_BYTES - at};
    return count + 1;
}

static void send_through_window(uint32_t window)
{
    client_bench bench;
    test_call a = {0};
    struct iovec parts[100];
    for (size_t i = 0; i < BODY_BYTES; i++)
        body_bytes[i] = (char)(i * 31 / 7);
    client_bench_open(&bench);
    bench.setting = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    start_call_with(&bench, &a, "a", parts, split_body(parts, WEIR_COUNT_OF(parts)), 0);
    talk(&bench);
    expect_body(&bench);
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

Test(net_http2_client, bodies_follow_the_servers_windows)
{
    static const uint32_t windows[] = {7, 1000, 65535, 1 << 30};
    for (size_t i = 0; i < WEIR_COUNT_OF(windows); i++)
        send_through_window(windows[i]);
}

/* More than the client gathers for one write, and more than the socket takes. */
Test(net_http2_client, bodies_larger_than_the_buffer_and_the_socket)
{
    static const struct iovec parts[] = {{body_bytes, BODY_BYTES}, {body_bytes, BODY_BYTES}, {body_bytes, BODY_BYTES}};
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    bench.setting = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30};
    start_call_with(&bench, &a, "a", parts, 3, 0);
    talk(&bench);
    nghttp2_submit_window_update(bench.peers[0].session, NGHTTP2_FLAG_NONE, 0, 1 << 29);
    bench.peers[0].socket->send_room = 0;
    for (int i = 0; i < 1000; i++) {
        talk(&bench);
        bench.peers[0].socket->send_room = 1001;
    }
    bench.peers[0].socket->send_room = SIZE_MAX;
    talk(&bench);
    cr_expect_eq(bench.peers[0].body.len, 3 * BODY_BYTES);
    EXPECT_SERVED(&bench, "1: request; 1: end; ");
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

/* Gives how many bytes the client sent. */
static size_t send_with_room(size_t room)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    fake_socket *socket = fake_net_newest(bench.net);
    socket->send_room = room;
    fake_net_run(bench.net);
    size_t sent = socket->output.len;
    cr_assert_leq(sent, room);
    talk(&bench);
    socket->send_room = SIZE_MAX;
    talk(&bench);
    EXPECT_SERVED(&bench, "1: request; 1: end; ");
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
    return sent;
}

Test(net_http2_client, writes_may_be_cut_at_every_byte)
{
    size_t all = send_with_room(SIZE_MAX);
    cr_assert_gt(all, 60);
    for (size_t room = 0; room < all; room++)
        send_with_room(room);
}

/* ---- cancelling and starting ---- */

Test(net_http2_client, cancelled_before_anything_was_sent)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    weir_http2_call_cancel(&a.super);
    weir_http2_call_cancel(&a.super);
    talk(&bench);
    EXPECT_HEARD(&bench, "");
    start_call(&bench, &a, "a");
    weir_http2_call_cancel(&a.super);
    client_bench_close(&bench); /* with a task under way */
}

Test(net_http2_client, cancelled_amid_its_body)
{
    static const struct iovec large = {body_bytes, BODY_BYTES};
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call_with(&bench, &a, "a", &large, 1, 0);
    fake_net_run(bench.net); /* as far as the window goes that a server has at first */
    cr_expect_lt(fake_net_newest(bench.net)->output.len, BODY_BYTES);
    weir_http2_call_cancel(&a.super);
    talk(&bench);
    EXPECT_SERVED(&bench, "1: request; 1: reset CANCEL; ");
    EXPECT_HEARD(&bench, "");
    client_bench_close(&bench);
}

/* The frame that was under way when the socket took no more is not sent: its bytes are the caller's again. */
Test(net_http2_client, cancelled_while_the_socket_is_full)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    struct iovec parts[10];
    client_bench_open(&bench);
    bench.setting = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 30};
    start_call(&bench, &b, "b");
    talk(&bench);
    nghttp2_submit_window_update(bench.peers[0].session, NGHTTP2_FLAG_NONE, 0, 1 << 29);
    talk(&bench);
    bench.peers[0].socket->send_room = 10;
    char *bytes = calloc(1, BODY_BYTES);
    for (size_t i = 0; i < WEIR_COUNT_OF(parts); i++)
        parts[i] = (struct iovec){bytes, BODY_BYTES};
    start_call_with(&bench, &a, "a", parts, WEIR_COUNT_OF(parts), 0);
    talk(&bench);
    weir_http2_call_cancel(&a.super);
    memset(bytes, 1, BODY_BYTES);
    free(bytes);
    talk(&bench);
    bench.peers[0].socket->send_room = SIZE_MAX;
    taken(&bench.served);
    talk(&bench);
    cr_expect_null(memchr(bench.peers[0].body.data, 1, bench.peers[0].body.len));
    cr_expect(strncmp(taken(&bench.served), "3: request; 3: reset ", 21) == 0);
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("b"));
    client_bench_close(&bench);
}

static void cancel_self(test_call *call)
{
    weir_http2_call_cancel(&call->super);
}

static void cancel_other(test_call *call)
{
    weir_http2_call_cancel(&call->other->super);
}

static void start_other(test_call *call)
{
    start_call(call->bench, call->other, "new");
}

Test(net_http2_client, cancelled_by_its_own_callbacks)
{
    client_bench bench;
    test_call a = {.act_at = "header", .act = cancel_self}, b = {.act_at = "data", .act = cancel_self},
              c = {.act_at = "end", .act = cancel_self};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    start_call(&bench, &c, "c");
    talk(&bench);
    for (int32_t id = 1; id <= 5; id += 2)
        answer_call(&bench, 0, id);
    EXPECT_HEARD(&bench, "a: :status 200; b: :status 200; b: data hello; " ANSWER("c"));
    client_bench_close(&bench);
}

/* `a` is reported while `b` is over too, and waits to be reported. */
Test(net_http2_client, cancelled_before_its_end_was_reported)
{
    client_bench bench;
    test_call b = {0}, a = {.act_at = "end", .act = cancel_other, .other = &b};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    talk(&bench);
    bench.peers[0].socket->failure = ECONNRESET;
    fake_net_run(bench.net);
    EXPECT_HEARD(&bench, "a: retryable t:1 has closed the connection: Connection reset by peer; ");
    client_bench_close(&bench);
}

/* The server must hear of it although nothing else is left to be sent. */
Test(net_http2_client, cancelled_by_the_end_of_another)
{
    client_bench bench;
    test_call b = {0}, a = {.act_at = "end", .act = cancel_other, .other = &b};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    talk(&bench);
    taken(&bench.served);
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    EXPECT_SERVED(&bench, "3: reset CANCEL; ");
    client_bench_close(&bench);
}

static void start_other_once(test_call *call)
{
    if (!call->other->bench)
        start_other(call);
}

Test(net_http2_client, started_by_callbacks)
{
    static const char *const places[] = {"header", "data", "end"};
    for (size_t i = 0; i < WEIR_COUNT_OF(places); i++) {
        client_bench bench;
        test_call new = {0}, a = {.act_at = places[i], .act = start_other_once, .other = &new};
        client_bench_open(&bench);
        start_call(&bench, &a, "a");
        talk(&bench);
        taken(&bench.served);
        answer_call(&bench, 0, 1);
        EXPECT_HEARD(&bench, ANSWER("a"));
        EXPECT_SERVED(&bench, "3: request; 3: end; ");
        answer_call(&bench, 0, 3);
        EXPECT_HEARD(&bench, ANSWER("new"));
        client_bench_close(&bench);
    }
}

Test(net_http2_client, started_when_the_connection_was_lost)
{
    client_bench bench;
    test_call new = {0}, a = {.act_at = "end", .act = start_other, .other = &new};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    fake_socket_feed_end(bench.peers[0].socket);
    talk(&bench);
    taken(&bench.heard);
    cr_assert_eq(bench.peer_count, 2);
    answer_call(&bench, 1, 1);
    EXPECT_HEARD(&bench, ANSWER("new"));
    client_bench_close(&bench);
}

Test(net_http2_client, the_server_hears_of_the_end)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    answer_call(&bench, 0, 1);
    taken(&bench.served);
    weir_http2_client_free(bench.client);
    bench.client = NULL;
    peer_hear(&bench.peers[0]);
    EXPECT_SERVED(&bench, "goaway NO_ERROR; ");
    cr_expect(bench.peers[0].socket->is_closed);
    client_bench_close(&bench);
}
