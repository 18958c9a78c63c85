/* SPDX-License-Identifier: Apache-2.0
 *
 * Two ends of TLS on sockets without an operating system: every byte passes through the test's hands.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../net/fake_net.h"
#include "issue.h"
#include "tls/context.h"
#include "tls/provider.h"

enum { RECV_BYTES = 64 * 1024 };

/* One end, and what happened to it. */
typedef struct side {
    weir_socket *socket;
    fake_socket *wire;
    weir_buffer to_send, received;
    size_t recv_size; /* what is asked of recv, once for each event */
    unsigned events;
    int reason; /* errno of the failure; 0: none */
    bool has_ended;
    bool closes_in_event;
    char error[256];
} side;

typedef struct pair {
    fake_net *net;
    issued authority, server_identity, client_identity;
    weir_tls_settings server_settings, client_settings;
    weir_tls *server_tls, *client_tls;
    side server, client;
} pair;

static void watch(side *self)
{
    bool is_over = self->reason != 0 || self->has_ended;
    weir_socket_watch(self->socket, is_over ? 0
                                            : (unsigned)WEIR_SOCKET_READABLE |
                                                  (self->to_send.len > 0 ? (unsigned)WEIR_SOCKET_WRITABLE : 0));
}

static void failed(side *self)
{
    if (errno == EAGAIN)
        return;
    self->reason = errno;
    snprintf(self->error, sizeof self->error, "%s", weir_tls_openssl.error(self->socket));
}

static void receive(side *self)
{
    static uint8_t bytes[RECV_BYTES];
    ssize_t got = weir_socket_recv(self->socket, bytes, self->recv_size);
    if (got > 0)
        weir_buffer_append(&self->received, bytes, (size_t)got);
    else if (got == 0)
        self->has_ended = true;
    else
        failed(self);
}

/* In three parts, so that records are gathered. */
static void transmit(side *self)
{
    if (self->to_send.len == 0 || self->reason != 0)
        return;
    uint8_t *data = self->to_send.data;
    size_t len = self->to_send.len, third = len / 3;
    struct iovec parts[] = {
        {data, third}, {data + third, 0}, {data + third, third}, {data + 2 * third, len - 2 * third}};
    ssize_t sent = weir_socket_send(self->socket, parts, 4);
    if (sent > 0)
        weir_buffer_consume(&self->to_send, (size_t)sent);
    else
        failed(self);
}

static void on_event(void *user, unsigned events)
{
    side *self = user;
    self->events++;
    cr_assert_not_null(self->socket, "an event after the close");
    if (self->closes_in_event) {
        weir_socket_close(self->socket);
        self->socket = NULL;
        return;
    }
    if (events & WEIR_SOCKET_READABLE)
        receive(self);
    if (events & WEIR_SOCKET_WRITABLE)
        transmit(self);
    watch(self);
}

static weir_tls *make(bool is_server, const weir_tls_settings *settings)
{
    static const char *const alpn[] = {"h2", NULL};
    weir_tls *tls = NULL;
    weir_error error = {0};
    weir_status status = is_server ? weir_tls_openssl.server_new(settings, alpn, &tls, &error)
                                   : weir_tls_openssl.client_new(settings, alpn, &tls, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
    return tls;
}

static void pair_init(pair *self)
{
    *self = (pair){.net = fake_net_new()};
    self->authority = issue("authority", NULL, 2);
    self->server_identity = issue("server.example", &self->authority, 1);
    self->client_identity = issue("client", &self->authority, 1);
    self->server_settings =
        (weir_tls_settings){.cert_pem = self->server_identity.cert, .key_pem = self->server_identity.key};
    self->client_settings = (weir_tls_settings){.ca_pem = self->authority.cert};
}

static void connect_sides(pair *self)
{
    weir_loop *loop = fake_net_loop(self->net);
    weir_error error = {0};
    self->server = (side){.recv_size = RECV_BYTES};
    self->client = (side){.recv_size = RECV_BYTES};
    cr_assert_eq(weir_tls_openssl.adopt(self->server_tls, loop, 1, on_event, &self->server, &self->server.socket),
                 WEIR_OK);
    self->server.wire = fake_net_newest(self->net);
    cr_assert_eq(weir_tls_openssl.connect(self->client_tls, loop, "server.example:4317", on_event, &self->client,
                                          &self->client.socket, &error),
                 WEIR_OK);
    self->client.wire = fake_net_newest(self->net);
    watch(&self->server);
}

static void pair_open(pair *self)
{
    self->server_tls = make(true, &self->server_settings);
    self->client_tls = make(false, &self->client_settings);
    connect_sides(self);
}

static void side_done(side *self)
{
    if (self->socket)
        weir_socket_close(self->socket);
    self->socket = NULL;
    weir_buffer_done(&self->to_send);
    weir_buffer_done(&self->received);
}

static void pair_done(pair *self)
{
    side_done(&self->server);
    side_done(&self->client);
    fake_net_run(self->net);
    weir_tls_openssl.free(self->server_tls);
    weir_tls_openssl.free(self->client_tls);
    issued_done(&self->authority);
    issued_done(&self->server_identity);
    issued_done(&self->client_identity);
    fake_net_free(self->net);
}

/* Moves up to `piece` bytes; true if there were any. */
static bool carry(fake_socket *from, fake_socket *to, size_t piece)
{
    size_t len = from->output.len < piece ? from->output.len : piece;
    if (len == 0)
        return false;
    if (!to->is_closed)
        weir_buffer_append(&to->input, from->output.data, len);
    weir_buffer_consume(&from->output, len);
    fake_net_run(from->net);
    return true;
}

/* Until nothing moves any more. Each wire takes `room` bytes at a time (SIZE_MAX: all). */
static void pump(pair *self, size_t piece, size_t room)
{
    bool is_moving;
    do {
        self->server.wire->send_room = self->client.wire->send_room = room;
        fake_net_run(self->net);
        is_moving = carry(self->client.wire, self->server.wire, piece);
        is_moving |= carry(self->server.wire, self->client.wire, piece);
    } while (is_moving);
}

static void say(side *self, const char *fill, size_t len)
{
    for (size_t i = 0; i < len; i++)
        weir_buffer_append_byte(&self->to_send, (uint8_t)fill[i % strlen(fill)]);
    watch(self);
}

static void heard(const side *self, const char *fill, size_t len)
{
    cr_assert_eq(self->received.len, len, "%zu of %zu bytes, errno %d %s", self->received.len, len, self->reason,
                 self->error);
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(self->received.data[i], (uint8_t)fill[i % strlen(fill)], "byte %zu", i);
}

Test(tls_socket, both_ways_in_pieces_of_any_size)
{
    static const size_t pieces[] = {1, 2, 3, 5, 6, 17, 100, 1000, 16 * 1024, SIZE_MAX};
    for (size_t i = 0; i < WEIR_COUNT_OF(pieces); i++) {
        pair ends;
        pair_init(&ends);
        pair_open(&ends);
        say(&ends.client, "request ", 40000);
        say(&ends.server, "answer ", 50000);
        pump(&ends, pieces[i], SIZE_MAX);
        heard(&ends.server, "request ", 40000);
        heard(&ends.client, "answer ", 50000);
        pair_done(&ends);
    }
}

Test(tls_socket, a_socket_that_takes_little)
{
    static const size_t rooms[] = {1, 2, 7, 1000, 20000};
    for (size_t i = 0; i < WEIR_COUNT_OF(rooms); i++) {
        pair ends;
        pair_init(&ends);
        pair_open(&ends);
        say(&ends.client, "request ", 40000);
        say(&ends.server, "answer ", 40000);
        pump(&ends, SIZE_MAX, rooms[i]);
        heard(&ends.server, "request ", 40000);
        heard(&ends.client, "answer ", 40000);
        pair_done(&ends);
    }
}

/* The inner socket will not become readable again: the events come from the TLS socket itself. */
Test(tls_socket, data_that_is_decrypted_already_causes_events)
{
    pair ends;
    pair_init(&ends);
    pair_open(&ends);
    ends.client.recv_size = 10;
    say(&ends.client, "x", 1);
    say(&ends.server, "0123456789", 50005);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    heard(&ends.client, "0123456789", 50005);
    cr_assert_geq(ends.client.events, 5001u);
    pair_done(&ends);
}

Test(tls_socket, events_come_only_while_they_are_watched)
{
    pair ends;
    pair_init(&ends);
    pair_open(&ends);
    ends.client.recv_size = 10;
    say(&ends.client, "x", 1);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    weir_socket_watch(ends.client.socket, 0);
    unsigned events = ends.client.events;
    say(&ends.server, "0123456789", 100);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    cr_assert_eq(ends.client.events, events);
    watch(&ends.client);
    fake_net_run(ends.net);
    heard(&ends.client, "0123456789", 100);
    pair_done(&ends);
}

Test(tls_socket, closing_inside_an_event)
{
    pair ends;
    pair_init(&ends);
    pair_open(&ends);
    ends.client.recv_size = 10;
    say(&ends.client, "x", 1);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    say(&ends.server, "0123456789", 30);
    fake_net_run(ends.net);
    ends.client.closes_in_event = true;
    pump(&ends, SIZE_MAX, SIZE_MAX);
    cr_assert_null(ends.client.socket);
    cr_assert(ends.server.has_ended, "close_notify has arrived");
    pair_done(&ends);
}

/* A task is posted for data at hand, and the socket is closed before it runs. */
Test(tls_socket, closing_while_an_event_is_pending)
{
    pair ends;
    pair_init(&ends);
    pair_open(&ends);
    ends.client.recv_size = 10;
    say(&ends.client, "x", 1);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    say(&ends.server, "0123456789", 30);
    fake_net_run(ends.net);
    weir_buffer_append(&ends.client.wire->input, ends.server.wire->output.data, ends.server.wire->output.len);
    uint8_t bytes[10];
    cr_assert_eq(weir_socket_recv(ends.client.socket, bytes, sizeof bytes), 10);
    unsigned events = ends.client.events;
    weir_socket_close(WEIR_TAKE(ends.client.socket));
    fake_net_run(ends.net);
    cr_assert_eq(ends.client.events, events);
    pair_done(&ends);
}

Test(tls_socket, an_end_with_and_without_farewell)
{
    for (int is_abrupt = 0; is_abrupt < 2; is_abrupt++) {
        pair ends;
        pair_init(&ends);
        pair_open(&ends);
        say(&ends.client, "last words", 10);
        pump(&ends, SIZE_MAX, SIZE_MAX);
        if (is_abrupt)
            fake_socket_feed_end(ends.server.wire);
        else
            weir_socket_close(WEIR_TAKE(ends.client.socket));
        pump(&ends, SIZE_MAX, SIZE_MAX);
        heard(&ends.server, "last words", 10);
        cr_assert(ends.server.has_ended);
        cr_assert_eq(ends.server.reason, 0);
        pair_done(&ends);
    }
}

Test(tls_socket, the_second_connection_resumes_the_session_of_the_first)
{
    char *const versions[] = {(char[]){"1.2"}, (char[]){"1.3"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(versions); i++) {
        pair ends;
        pair_init(&ends);
        ends.client_settings.max_version = versions[i];
        pair_open(&ends);
        for (int connection = 0; connection < 2; connection++) {
            say(&ends.client, "request", 7);
            say(&ends.server, "answer", 6);
            pump(&ends, SIZE_MAX, SIZE_MAX);
            heard(&ends.server, "request", 7);
            heard(&ends.client, "answer", 6);
            cr_assert_eq(SSL_CTX_sess_hits(ends.server_tls->current), connection, "TLS %s", versions[i]);
            side_done(&ends.client);
            side_done(&ends.server);
            connect_sides(&ends);
        }
        pair_done(&ends);
    }
}

/* ---- failures ---- */

static void expect_failure(const side *self, const char *text)
{
    cr_assert_eq(self->reason, EPROTO, "errno %d: %s", self->reason, strerror(self->reason));
    cr_assert_not_null(strstr(self->error, text), "%s", self->error);
}

Test(tls_socket, a_server_that_is_not_trusted)
{
    pair ends;
    pair_init(&ends);
    issued stranger = issue("stranger", NULL, 1);
    ends.client_settings.ca_pem = stranger.cert;
    pair_open(&ends);
    say(&ends.client, "secret", 6);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    expect_failure(&ends.client, "certificate verify failed: unable to get local issuer certificate");
    expect_failure(&ends.server, "the other side refuses: unknown ca");
    cr_assert_eq(ends.server.received.len, 0);
    cr_assert_eq(weir_tls_openssl.failures(ends.server_tls), 1);
    issued_done(&stranger);
    pair_done(&ends);
}

Test(tls_socket, a_server_of_another_name)
{
    pair ends;
    pair_init(&ends);
    ends.client_settings.server_name_override = (char[]){"other.example"};
    pair_open(&ends);
    say(&ends.client, "secret", 6);
    pump(&ends, SIZE_MAX, SIZE_MAX);
    expect_failure(&ends.client, "hostname mismatch, the certificate is not for \"other.example\"");
    pair_done(&ends);
}

Test(tls_socket, an_address_is_verified_as_an_address)
{
    for (int is_right = 0; is_right < 2; is_right++) {
        pair ends;
        pair_init(&ends);
        issued identity = issue(is_right ? "IP:192.0.2.7" : "IP:192.0.2.8", &ends.authority, 1);
        ends.server_settings = (weir_tls_settings){.cert_pem = identity.cert, .key_pem = identity.key};
        ends.client_settings.server_name_override = (char[]){"192.0.2.7"};
        pair_open(&ends);
        say(&ends.client, "hello", 5);
        pump(&ends, SIZE_MAX, SIZE_MAX);
        if (is_right)
            heard(&ends.server, "hello", 5);
        else
            expect_failure(&ends.client, "IP address mismatch");
        issued_done(&identity);
        pair_done(&ends);
    }
}

Test(tls_socket, a_client_without_a_certificate)
{
    pair ends;
    pair_init(&ends);
    char path[] = "/tmp/weir_test_ca_XXXXXX";
    int fd = mkstemp(path);
    cr_assert_gt(dprintf(fd, "%s", ends.authority.cert), 0);
    close(fd);
    ends.server_settings.client_ca_file = path;
    for (int has_one = 0; has_one < 2; has_one++) {
        if (has_one) {
            ends.client_settings.cert_pem = ends.client_identity.cert;
            ends.client_settings.key_pem = ends.client_identity.key;
        }
        pair_open(&ends);
        say(&ends.client, "hello", 5);
        pump(&ends, SIZE_MAX, SIZE_MAX);
        if (has_one) {
            heard(&ends.server, "hello", 5);
        } else {
            expect_failure(&ends.server, "peer did not return a certificate");
            expect_failure(&ends.client, "the other side refuses: certificate required");
            side_done(&ends.server);
            side_done(&ends.client);
            weir_tls_openssl.free(ends.server_tls);
            weir_tls_openssl.free(ends.client_tls);
        }
    }
    unlink(path);
    pair_done(&ends);
}

Test(tls_socket, clear_text_to_a_server)
{
    pair ends;
    pair_init(&ends);
    pair_open(&ends);
    static const char request[] = "POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n";
    fake_socket_feed(ends.server.wire, request, sizeof request - 1, SIZE_MAX);
    expect_failure(&ends.server, "the other side speaks clear text");
    cr_assert_eq(memcmp(ends.server.wire->output.data, "HTTP/1.1 400 ", 13), 0);
    pair_done(&ends);
}

/* What the client says until its request is out, as the server saw it. */
static void record(pair *ends, weir_buffer *out)
{
    bool is_moving;
    do {
        fake_net_run(ends->net);
        weir_buffer_append(out, ends->client.wire->output.data, ends->client.wire->output.len);
        is_moving = carry(ends->client.wire, ends->server.wire, SIZE_MAX);
        is_moving |= carry(ends->server.wire, ends->client.wire, SIZE_MAX);
    } while (is_moving);
}

/* Up to where nothing of the answer depends on the server's random numbers: the first flight. */
Test(tls_socket, a_client_that_goes_away_at_any_byte)
{
    pair ends;
    pair_init(&ends);
    pair_open(&ends);
    watch(&ends.client);
    say(&ends.client, "hello", 5);
    fake_net_run(ends.net);
    WEIR_BUFFER hello = {0};
    weir_buffer_append(&hello, ends.client.wire->output.data, ends.client.wire->output.len);
    cr_assert_gt(hello.len, 100);
    for (size_t len = 0; len <= hello.len; len++) {
        side server = {.recv_size = RECV_BYTES};
        cr_assert_eq(
            weir_tls_openssl.adopt(ends.server_tls, fake_net_loop(ends.net), 1, on_event, &server, &server.socket),
            WEIR_OK);
        server.wire = fake_net_newest(ends.net);
        watch(&server);
        fake_socket_feed(server.wire, hello.data, len, len);
        fake_socket_feed_end(server.wire);
        if (len == 0)
            cr_assert(server.has_ended, "a probe of the port is no failure");
        else
            expect_failure(&server, "closed during the handshake");
        side_done(&server);
    }
    pair_done(&ends);
}

/* Whatever byte of the stream is damaged, no wrong byte comes out. A length that was damaged makes the server wait for
 * what never comes; everything else is told. */
Test(tls_socket, damage_is_noticed)
{
    pair first;
    pair_init(&first);
    pair_open(&first);
    say(&first.client, "important", 90);
    WEIR_BUFFER stream = {0};
    record(&first, &stream);
    size_t tries = 0, noticed = 0;
    for (size_t at = 0; at < stream.len; at += 3) {
        pair ends = first;
        connect_sides(&ends);
        say(&ends.client, "important", 90);
        size_t passed = 0;
        do {
            fake_net_run(ends.net);
            weir_buffer *output = &ends.client.wire->output;
            if (passed <= at && at < passed + output->len)
                output->data[at - passed] ^= 0x20;
            passed += output->len;
        } while (carry(ends.client.wire, ends.server.wire, SIZE_MAX) |
                 carry(ends.server.wire, ends.client.wire, SIZE_MAX));
        cr_assert(ends.server.received.len == 0 || ends.server.received.len == 90);
        if (ends.server.received.len == 90)
            heard(&ends.server, "important", 90);
        noticed += ends.server.reason == EPROTO || ends.client.reason == EPROTO;
        tries++;
        side_done(&ends.server);
        side_done(&ends.client);
    }
    cr_assert_gt(noticed * 10, tries * 8, "%zu of %zu", noticed, tries);
    pair_done(&first);
}
