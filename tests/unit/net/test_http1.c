/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 by raw bytes: each exchange of the table is run with the input in one piece and cut in pieces of 1, 2, 3,
 * 7 and 13 bytes, and the output must be the same to the byte.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

#include "core/memory.h"
#include "http_bench.h"

#define DATE "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
#define TYPE "content-type: text/plain\r\n"
#define OK(length, body) "HTTP/1.1 200 OK\r\n" TYPE DATE "content-length: " length "\r\n\r\n" body
#define ENDING(line, length, body) \
    "HTTP/1.1 " line "\r\n" TYPE DATE "content-length: " length "\r\nconnection: close\r\n\r\n" body
#define BAD_REQUEST ENDING("400 Bad Request", "11", "Bad Request")

typedef struct exchange_case {
    const char *name;
    const char *input;
    const char *output;
    bool is_open; /* afterwards: another request may follow */
} exchange_case;

static const exchange_case cases[] = {
    {"get", "GET /echo?a=1&b HTTP/1.1\r\nHost: h\r\n\r\n", OK("16", "GET /echo?a=1&b "), true},
    {"length", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", OK("15", "POST /echo? abc"), true},
    {"chunked",
     "POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: "
     "t\r\n\r\n",
     OK("17", "POST /echo? abcde"), true},
    {"pipelined",
     "GET /echo?1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /none "
     "HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("12", "GET /echo?1 ") OK("13", "POST /echo? x") "HTTP/1.1 404 Not Found\r\n" TYPE DATE
                                                        "content-length: 0\r\n\r\n",
     true},
    {"empty lines in front", "\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\n", OK("11", "GET /echo? "), true},
    {"head", "HEAD /echo HTTP/1.1\r\nHost: h\r\n\r\n", OK("12", ""), true},
    {"absolute form", "GET http://example.com/echo?x HTTP/1.1\r\nHost: h\r\n\r\n", OK("12", "GET /echo?x "), true},
    {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
     "HTTP/1.1 404 Not Found\r\n" TYPE DATE "content-length: 0\r\n\r\n", true},
    {"connection: close", "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /echo HTTP/1.1\r\n",
     ENDING("200 OK", "11", "GET /echo? "), false},
    {"http/1.0", "GET /echo HTTP/1.0\r\n\r\n", ENDING("200 OK", "11", "GET /echo? "), false},
    {"http/1.0 keep-alive", "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "HTTP/1.1 200 OK\r\n" TYPE DATE "content-length: 11\r\nconnection: keep-alive\r\n\r\nGET /echo? ", true},
    {"h2c upgrade is ignored",
     "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n",
     OK("11", "GET /echo? "), true},
    {"continue", "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
     "HTTP/1.1 100 Continue\r\n\r\n" OK("14", "POST /echo? hi"), true},
    {"no continue without a body", "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n",
     OK("12", "POST /echo? "), true},
    {"refused instead of continue",
     "POST /refuse HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
     ENDING("429 Too Many Requests", "9", "slow down"), false},
    {"refused early, body thrown away",
     "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyGET /echo HTTP/1.1\r\nHost: h\r\n\r\n",
     "HTTP/1.1 429 Too Many Requests\r\n" TYPE DATE "content-length: 9\r\n\r\nslow down" OK("11", "GET /echo? "), true},
    {"unknown expectation", "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi",
     ENDING("417 Expectation Failed", "18", "Expectation Failed"), false},
    {"both lengths",
     "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD_REQUEST,
     false},
    {"both lengths, the other way round",
     "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", BAD_REQUEST,
     false},
    {"two different lengths", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     BAD_REQUEST, false},
    {"not only chunked", "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     ENDING("501 Not Implemented", "15", "Not Implemented"), false},
    {"chunked in http/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD_REQUEST, false},
    {"no host", "GET /echo HTTP/1.1\r\n\r\n", BAD_REQUEST, false},
    {"two hosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", BAD_REQUEST, false},
    {"garbage", "!!!\r\n\r\n", BAD_REQUEST, false},
    {"preface of http/2 on a port without it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD_REQUEST, false},
    {"space before colon", "GET /echo HTTP/1.1\r\nHost : h\r\n\r\n", BAD_REQUEST, false},
    {"bad length", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", BAD_REQUEST, false},
    {"connect", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", ENDING("501 Not Implemented", "15", "Not Implemented"),
     false},
};

static const weir_http_options http1_only = {.versions = WEIR_HTTP_1};

static void run_case(const exchange_case *test, size_t piece)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    fake_socket_feed(bench.socket, test->input, strlen(test->input), piece);
    cr_expect_str_eq(weir_buffer_string(&bench.socket->output), test->output, "%s, in pieces of %zu:\n%s", test->name,
                     piece, weir_buffer_string(&bench.socket->output));
    fake_socket_feed_end(bench.socket); /* the client closes; what lingers ends with it */
    cr_expect(bench.socket->is_closed, "%s", test->name);
    http_bench_close(&bench);
}

Test(http1, exchanges_to_the_byte_however_they_are_cut)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 2, 3, 7, 13};
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        for (size_t p = 0; p < WEIR_COUNT_OF(pieces); p++)
            run_case(&cases[i], pieces[p] == SIZE_MAX ? strlen(cases[i].input) : pieces[p]);
    }
}

Test(http1, a_connection_is_open_afterwards_or_not)
{
    static const char probe[] = "GET /echo?probe HTTP/1.1\r\nHost: h\r\n\r\n";
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        http_bench bench;
        http_bench_open(&bench, &http1_only);
        fake_socket_feed(bench.socket, cases[i].input, strlen(cases[i].input), strlen(cases[i].input));
        fake_socket_feed(bench.socket, probe, strlen(probe), strlen(probe));
        bool is_answered = strstr(weir_buffer_string(&bench.socket->output), "GET /echo?probe");
        cr_expect_eq(is_answered, cases[i].is_open, "%s", cases[i].name);
        fake_net_pass_ms(bench.net, 2000);
        cr_expect_eq(bench.socket->is_closed, !cases[i].is_open, "%s", cases[i].name);
        http_bench_close(&bench);
    }
}

static void feed(http_bench *bench, const char *text)
{
    fake_socket_feed(bench->socket, text, strlen(text), strlen(text));
}

Test(http1, pipelined_answers_keep_their_order_when_they_come_late)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\nGET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    cr_assert_eq(bench.socket->output.len, 0);
    cr_assert_str_eq(weir_buffer_string(&bench.events), "request /later; body 0; end; ");
    http_bench_answer(&bench);
    cr_assert_str_eq(weir_buffer_string(&bench.socket->output), OK("5", "later") OK("11", "GET /echo? "));
    http_bench_close(&bench);
}

Test(http1, a_client_that_closes_its_side_still_gets_its_answer)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_socket_feed_end(bench.socket);
    http_bench_answer(&bench);
    cr_assert_str_eq(weir_buffer_string(&bench.socket->output), OK("5", "later"));
    cr_assert(bench.socket->is_closed);
    http_bench_close(&bench);
}

Test(http1, a_request_cut_off_is_aborted)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    feed(&bench, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    fake_socket_feed_end(bench.socket);
    cr_assert_str_eq(weir_buffer_string(&bench.events), "request /echo; abort; ");
    cr_assert(bench.socket->is_closed);
    http_bench_close(&bench);
}

Test(http1, a_broken_chunk_aborts_the_request)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    feed(&bench, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n");
    cr_assert_str_eq(weir_buffer_string(&bench.events), "request /echo; abort; ");
    cr_assert_str_eq(weir_buffer_string(&bench.socket->output), BAD_REQUEST);
    cr_assert_eq(weir_http_server_counts(bench.server).protocol_errors, 1);
    http_bench_close(&bench);
}

static void expect_431(const weir_http_options *options, const char *input)
{
    http_bench bench;
    http_bench_open(&bench, options);
    feed(&bench, input);
    cr_assert_eq(strncmp(weir_buffer_string(&bench.socket->output), "HTTP/1.1 431 ", 13), 0);
    cr_assert_eq(bench.events.len, 0, "the handler must not hear of it");
    http_bench_close(&bench);
}

Test(http1, too_many_header_bytes_are_431)
{
    static const weir_http_options small = {.versions = WEIR_HTTP_1, .header_list_bytes_max = 200};
    WEIR_BUFFER input = {0};
    weir_buffer_append_text(&input, "GET /echo HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 300; i++)
        weir_buffer_append_byte(&input, 'x');
    weir_buffer_append_text(&input, "\r\n\r\n");
    expect_431(&small, weir_buffer_string(&input));
}

Test(http1, too_many_headers_are_431)
{
    WEIR_BUFFER input = {0};
    weir_buffer_append_text(&input, "GET /echo HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 128; i++)
        weir_buffer_printf(&input, "x%d: y\r\n", i);
    weir_buffer_append_text(&input, "\r\n");
    expect_431(&http1_only, weir_buffer_string(&input));
}

/* ---- time ---- */

Test(http1, a_request_that_does_not_arrive_in_time_is_408)
{
    weir_http_options options = http1_only;
    options.read_header_timeout_ms = 1000;
    options.request_timeout_ms = 5000;
    static const struct {
        const char *input;
        unsigned patience_ms;
        const char *events;
    } late[] = {
        {"GET /echo HTTP/1.1\r\nHo", 1000, ""},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", 5000, "request /echo; abort; "},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(late); i++) {
        http_bench bench;
        http_bench_open(&bench, &options);
        feed(&bench, late[i].input);
        fake_net_pass_ms(bench.net, late[i].patience_ms - 10);
        cr_assert_eq(bench.socket->output.len, 0);
        fake_net_pass_ms(bench.net, 20);
        cr_assert_eq(strncmp(weir_buffer_string(&bench.socket->output), "HTTP/1.1 408 ", 13), 0);
        cr_assert_str_eq(weir_buffer_string(&bench.events), late[i].events);
        fake_net_pass_ms(bench.net, 2000);
        cr_assert(bench.socket->is_closed);
        http_bench_close(&bench);
    }
}

Test(http1, an_idle_connection_is_closed)
{
    weir_http_options options = http1_only;
    options.idle_timeout_ms = 1000;
    http_bench bench;
    http_bench_open(&bench, &options);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_net_pass_ms(bench.net, 3000);
    cr_assert(!bench.socket->is_closed, "a request in flight is not idle");
    http_bench_answer(&bench);
    fake_net_pass_ms(bench.net, 900);
    cr_assert(!bench.socket->is_closed);
    fake_net_pass_ms(bench.net, 200);
    cr_assert(bench.socket->is_closed);
    http_bench_close(&bench);
}

Test(http1, a_connection_that_says_nothing_is_closed)
{
    weir_http_options options = {.versions = WEIR_HTTP_1_AND_2, .read_header_timeout_ms = 1000};
    http_bench bench;
    http_bench_open(&bench, &options);
    feed(&bench, "P"); /* POST or PRI: not decided */
    fake_net_pass_ms(bench.net, 1100);
    cr_assert(bench.socket->is_closed);
    http_bench_close(&bench);
}

Test(http1, a_client_that_takes_nothing_is_cut_off)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    bench.socket->send_room = 10;
    feed(&bench, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_net_pass_ms(bench.net, 29000);
    cr_assert(!bench.socket->is_closed);
    fake_net_pass_ms(bench.net, 2000);
    cr_assert(bench.socket->is_closed);
    http_bench_close(&bench);
}

Test(http1, a_client_that_takes_nothing_is_not_read_from_without_end)
{
    static const char request[] = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n";
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    bench.socket->send_room = 0;
    for (int i = 0; i < 10000; i++)
        weir_buffer_append(&bench.socket->input, request, strlen(request));
    fake_net_run(bench.net);
    uint64_t served = weir_http_server_counts(bench.server).requests;
    cr_assert_lt(served, 3000, "%llu answers pile up", (unsigned long long)served);
    bench.socket->send_room = SIZE_MAX;
    fake_net_run(bench.net);
    cr_assert_eq(weir_http_server_counts(bench.server).requests, 10000);
    cr_assert_eq(bench.socket->output.len, 10000 * strlen(OK("11", "GET /echo? ")));
    http_bench_close(&bench);
}

Test(http1, max_age_ends_after_the_answer_in_hand_and_grace_without_it)
{
    weir_http_options options = http1_only;
    options.max_connection_age_ms = 10000;
    options.max_connection_age_grace_ms = 5000;
    http_bench bench;
    http_bench_open(&bench, &options);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_net_pass_ms(bench.net, 11001);
    cr_assert(!bench.socket->is_closed);
    http_bench_answer(&bench);
    cr_assert_str_eq(weir_buffer_string(&bench.socket->output), ENDING("200 OK", "5", "later"));
    cr_assert(bench.socket->is_closed);
    http_bench_connect(&bench);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_net_pass_ms(bench.net, 11001 + 5000);
    cr_assert(bench.socket->is_closed);
    cr_assert(strstr(weir_buffer_string(&bench.events), "abort; "));
    http_bench_close(&bench);
}

/* ---- the server ---- */

Test(http_server, draining_waits_for_the_answer_in_hand_only)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    fake_socket *idle = bench.socket;
    feed(&bench, "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    http_bench_connect(&bench);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    http_bench_drain(&bench);
    cr_assert(idle->is_closed);
    cr_assert(!bench.socket->is_closed);
    cr_assert_eq(bench.drained, 0);
    http_bench_answer(&bench);
    cr_assert_eq(bench.drained, 1);
    cr_assert_str_eq(weir_buffer_string(&bench.socket->output), ENDING("200 OK", "5", "later"));
    cr_assert_eq(weir_http_server_load(bench.server), 0);
    http_bench_close(&bench);
}

Test(http_server, an_empty_server_is_drained_at_once)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    fake_socket_feed_end(bench.socket);
    http_bench_drain(&bench);
    cr_assert_eq(bench.drained, 1);
    http_bench_close(&bench);
}

Test(http_server, counts_and_the_limit_of_connections)
{
    weir_http_options options = http1_only;
    options.max_connections = 1;
    http_bench bench;
    http_bench_open(&bench, &options);
    fake_socket *first = bench.socket;
    int refused = dup(0); /* a descriptor of ours that the server may close */
    weir_http_server_serve(bench.server, refused);
    weir_http_counts counts = weir_http_server_counts(bench.server);
    cr_assert_eq(fake_net_newest(bench.net), first);
    cr_assert_eq(counts.connections_accepted, 1);
    cr_assert_eq(counts.connections_open, 1);
    cr_assert_eq(counts.connections_refused, 1);
    cr_assert_eq(weir_http_server_load(bench.server), 1);
    http_bench_close(&bench);
}

Test(http_server, freeing_aborts_what_is_in_flight)
{
    http_bench bench;
    http_bench_open(&bench, &http1_only);
    feed(&bench, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    weir_http_server_free(bench.server);
    bench.server = NULL;
    cr_assert(strstr(weir_buffer_string(&bench.events), "abort; "));
    http_bench_close(&bench);
}
