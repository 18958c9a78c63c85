/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP/2 client with servers that refuse, are silent, break the protocol or go away.
 */
#include <errno.h>

#include "http2_client_bench.h"

/* ---- servers that refuse ---- */

Test(net_http2_client_faults, calls_above_a_goaway_are_moved_once)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    talk(&bench);
    taken(&bench.served);
    go_away(&bench, 0, 1);
    EXPECT_HEARD(&bench, "");
    EXPECT_SERVED(&bench, "1: request; 1: end; ");
    cr_assert_eq(bench.peer_count, 2);
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    cr_expect(bench.peers[0].socket->is_closed);
    go_away(&bench, 1, 0);
    EXPECT_HEARD(&bench, "b: retryable the server refused the request: GOAWAY; ");
    cr_expect(bench.peers[1].socket->is_closed);
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_goaway_without_calls_ends_the_connection)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    answer_call(&bench, 0, 1);
    go_away(&bench, 0, 1);
    cr_expect(bench.peers[0].socket->is_closed);
    start_call(&bench, &a, "a");
    talk(&bench);
    taken(&bench.heard);
    answer_call(&bench, 1, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_refused_call_is_moved_once)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    reset_call(&bench, 0, 1, NGHTTP2_REFUSED_STREAM);
    EXPECT_HEARD(&bench, "");
    EXPECT_SERVED(&bench, "1: request; 1: end; 3: request; 3: end; ");
    reset_call(&bench, 0, 3, NGHTTP2_REFUSED_STREAM);
    EXPECT_HEARD(&bench, "a: retryable the server reset the request: REFUSED_STREAM; ");
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_call_that_was_reset_is_not_moved)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    talk(&bench);
    reset_call(&bench, 0, 1, NGHTTP2_INTERNAL_ERROR);
    EXPECT_HEARD(&bench, "a: retryable the server reset the request: INTERNAL_ERROR; ");
    answer_call(&bench, 0, 3);
    EXPECT_HEARD(&bench, ANSWER("b"));
    client_bench_close(&bench);
}

/* ---- more calls than the server takes ---- */

static void open_for_one_call(client_bench *bench, test_call *a, test_call *b, uint64_t b_timeout_ms)
{
    client_bench_open(bench);
    bench->setting = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1};
    start_call(bench, a, "a");
    talk(bench);
    start_call_with(bench, b, "b", &hello_body, 1, b_timeout_ms);
    talk(bench);
    EXPECT_SERVED(bench, "1: request; 1: end; ");
}

Test(net_http2_client_faults, calls_wait_for_their_turn)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    open_for_one_call(&bench, &a, &b, 0);
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    EXPECT_SERVED(&bench, "3: request; 3: end; ");
    answer_call(&bench, 0, 3);
    EXPECT_HEARD(&bench, ANSWER("b"));
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_deadline_counts_while_a_call_waits)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    open_for_one_call(&bench, &a, &b, 100);
    pass_ms(&bench, 100);
    EXPECT_HEARD(&bench, "b: retryable t:1 did not answer in time; ");
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    EXPECT_SERVED(&bench, "");
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_call_that_waits_may_be_cancelled)
{
    client_bench bench;
    test_call a = {0}, b = {0}, c = {0};
    open_for_one_call(&bench, &a, &b, 0);
    start_call(&bench, &c, "c");
    weir_http2_call_cancel(&b.super);
    talk(&bench);
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    EXPECT_SERVED(&bench, "5: request; 5: end; ");
    answer_call(&bench, 0, 5);
    EXPECT_HEARD(&bench, ANSWER("c"));
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_call_that_waits_does_not_wait_behind_a_goaway)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    open_for_one_call(&bench, &a, &b, 0);
    go_away(&bench, 0, 1);
    EXPECT_SERVED(&bench, "1: request; 1: end; ");
    cr_assert_eq(bench.peer_count, 2);
    answer_call(&bench, 1, 1);
    EXPECT_HEARD(&bench, ANSWER("b"));
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

/* ---- time ---- */

Test(net_http2_client_faults, a_silent_server_loses_its_connection_to_the_next_call)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call_with(&bench, &a, "a", &hello_body, 1, 0);
    talk(&bench);
    pass_ms(&bench, 10);
    start_call_with(&bench, &b, "b", &hello_body, 1, 100);
    talk(&bench);
    pass_ms(&bench, 99);
    EXPECT_HEARD(&bench, "");
    taken(&bench.served);
    pass_ms(&bench, 1);
    EXPECT_HEARD(&bench, "b: retryable t:1 did not answer in time; ");
    EXPECT_SERVED(&bench, "3: reset CANCEL; ");
    start_call(&bench, &b, "b");
    talk(&bench);
    EXPECT_SERVED(&bench, "1: request; 1: end; ");
    answer_call(&bench, 1, 1);
    EXPECT_HEARD(&bench, ANSWER("b"));
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_slow_server_keeps_its_connection)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call(&bench, &b, "b");
    talk(&bench);
    pass_ms(&bench, 1);
    start_call_with(&bench, &a, "a", &hello_body, 1, 100);
    talk(&bench);
    pass_ms(&bench, 50);
    answer_call(&bench, 0, 1);
    taken(&bench.heard);
    pass_ms(&bench, 50);
    EXPECT_HEARD(&bench, "a: retryable t:1 did not answer in time; ");
    start_call(&bench, &a, "a");
    talk(&bench);
    cr_expect_eq(bench.peer_count, 1);
    answer_call(&bench, 0, 5);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_connection_that_does_not_come_about)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call_with(&bench, &a, "a", &hello_body, 1, 100);
    start_call_with(&bench, &b, "b", &hello_body, 1, 0);
    fake_net_newest(bench.net)->send_room = 0;
    fake_net_run(bench.net);
    fake_net_pass_ms(bench.net, 100);
    EXPECT_HEARD(&bench, "a: retryable t:1 did not answer in time; b: endpoint t:1 cannot be reached: timed out; ");
    cr_expect(fake_net_newest(bench.net)->is_closed);
    client_bench_close(&bench);
}

static const weir_http2_client_options keepalive_options = {
    .endpoint = "t:1", .keepalive_time_ms = 1000, .keepalive_timeout_ms = 200};

Test(net_http2_client_faults, a_ping_that_is_answered_keeps_the_connection)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open_with(&bench, &keepalive_options);
    start_call(&bench, &a, "a");
    talk(&bench);
    taken(&bench.served);
    for (int i = 0; i < 3; i++) {
        pass_ms(&bench, 1000);
        EXPECT_SERVED(&bench, "ping; ");
    }
    answer_call(&bench, 0, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    pass_ms(&bench, 5000);
    EXPECT_SERVED(&bench, "");
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_ping_without_an_answer_ends_the_connection)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open_with(&bench, &keepalive_options);
    start_call(&bench, &a, "a");
    talk(&bench);
    fake_net_pass_ms(bench.net, 1199);
    EXPECT_HEARD(&bench, "");
    fake_net_pass_ms(bench.net, 1);
    EXPECT_HEARD(&bench, "a: retryable t:1 is silent: no answer to a ping; ");
    cr_expect(bench.peers[0].socket->is_closed);
    client_bench_close(&bench);
}

Test(net_http2_client_faults, pings_without_calls_where_they_are_wanted)
{
    weir_http2_client_options options = keepalive_options;
    options.keepalive_without_calls = true;
    client_bench bench;
    test_call a = {0};
    client_bench_open_with(&bench, &options);
    start_call(&bench, &a, "a");
    talk(&bench);
    answer_call(&bench, 0, 1);
    taken(&bench.served);
    pass_ms(&bench, 1000);
    EXPECT_SERVED(&bench, "ping; ");
    fake_net_pass_ms(bench.net, 1200);
    cr_expect(bench.peers[0].socket->is_closed);
    client_bench_close(&bench);
}

/* ---- connections that are lost ---- */

Test(net_http2_client_faults, a_connection_that_is_refused)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    fake_net_newest(bench.net)->failure = ECONNREFUSED;
    fake_net_run(bench.net);
    EXPECT_HEARD(&bench, "a: endpoint t:1 cannot be reached: Connection refused; "
                         "b: endpoint t:1 cannot be reached: Connection refused; ");
    client_bench_close(&bench);
}

Test(net_http2_client_faults, an_endpoint_that_is_none)
{
    client_bench bench;
    test_call a = {0}, b = {0};
    client_bench_open_with(&bench, &(weir_http2_client_options){.endpoint = "nowhere"});
    start_call(&bench, &a, "a");
    start_call(&bench, &b, "b");
    weir_http2_call_cancel(&b.super);
    EXPECT_HEARD(&bench, ""); /* never from inside weir_http2_call_start */
    fake_net_run(bench.net);
    EXPECT_HEARD(&bench, "a: endpoint nowhere cannot be reached: nowhere has no port; ");
    start_call(&bench, &a, "a");
    weir_http2_call_cancel(&a.super);
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_server_that_closes_amid_its_answer)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    static const char half[] = "\0\0\1\1\4\0\0\0\1\x88" /* HEADERS: :status 200 */
                               "\0\0\5\0\0\0\0\0\1hel"; /* DATA, cut */
    feed_raw(&bench, half, sizeof half - 1);
    fake_socket_feed_end(bench.peers[0].socket);
    EXPECT_HEARD(&bench, "a: :status 200; a: data hel; a: retryable t:1 has closed the connection: end of stream; ");
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_connection_that_breaks)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    bench.peers[0].socket->failure = ECONNRESET;
    fake_net_run(bench.net);
    EXPECT_HEARD(&bench, "a: retryable t:1 has closed the connection: Connection reset by peer; ");
    client_bench_close(&bench);
}

Test(net_http2_client_faults, a_server_of_http_1)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    fake_net_run(bench.net);
    static const char refusal[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    fake_socket_feed(fake_net_newest(bench.net), refusal, sizeof refusal - 1, sizeof refusal - 1);
    EXPECT_HEARD(&bench, "a: endpoint t:1 does not speak HTTP/2: broken protocol; ");
    cr_expect(fake_net_newest(bench.net)->is_closed);
    client_bench_close(&bench);
}

/* Also a server that leaves the connection open: nghttp2 reads nothing after it has found the error. */
Test(net_http2_client_faults, a_server_that_breaks_the_protocol)
{
    client_bench bench;
    test_call a = {0};
    client_bench_open(&bench);
    start_call(&bench, &a, "a");
    talk(&bench);
    taken(&bench.served);
    feed_raw(&bench, "\0\0\4\3\0\0\0\0\0\0\0\0\0", 13); /* RST_STREAM of no stream */
    EXPECT_HEARD(&bench, "a: endpoint t:1 does not speak HTTP/2: broken protocol; ");
    EXPECT_SERVED(&bench, "goaway PROTOCOL_ERROR; ");
    cr_expect(bench.peers[0].socket->is_closed);
    start_call(&bench, &a, "a");
    talk(&bench);
    answer_call(&bench, 1, 1);
    EXPECT_HEARD(&bench, ANSWER("a"));
    client_bench_close(&bench);
}
