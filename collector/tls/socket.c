/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/limits.h"
#include "net/endpoint.h"
#include "tls/reason.h"

enum {
    RECORD_BYTES_MAX = 16 * 1024, /* of plain text; RFC 8446 §5.1 */
    ERROR_SIZE = WEIR_ERROR_TEXT_SIZE,
};

typedef struct tls_socket {
    weir_socket super;
    weir_tls *tls;
    weir_loop *loop;
    weir_socket *inner;
    SSL *ssl;
    weir_socket_fn on_event;
    void *user;
    weir_task task;      /* data is here already, so the inner socket will not tell */
    char *endpoint;      /* of a client; NULL: accepted */
    char *name;          /* of a client: what the server's certificate is to be for */
    char *error;         /* NULL: none */
    int broken_errno;    /* 0: not broken; EPROTO: TLS failed; else the inner socket's */
    int inner_errno;     /* of the BIO's last failure during this call */
    unsigned watched;    /* what the caller wants to hear of … */
    uint8_t read_wants;  /* … and what the inner socket must become for recv to get on */
    uint8_t write_wants; /* … and for send */
    uint8_t callback_depth;
    bool is_established;
    bool has_received;
    bool has_written;    /* during this call; after a failure: whether the client was told of it */
    bool is_inner_empty; /* during one call: reading again would only say EAGAIN */
    bool is_inner_ended;
    bool is_pending; /* recv has something to say, without the inner socket becoming readable */
    bool is_task_posted;
    bool is_closed;
} tls_socket;

static tls_socket *self_of(weir_socket *socket)
{
    tls_socket *self = (tls_socket *)(void *)socket;
    WEIR_ASSERT(!self->is_closed);
    return self;
}

/* ---- the BIO: OpenSSL's way to the inner socket ---- */

static int bio_read(BIO *bio, char *buffer, int size)
{
    tls_socket *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = -1;
    errno = EAGAIN;
    if (!self->is_inner_empty)
        got = weir_socket_recv(self->inner, buffer, (size_t)size);
    self->has_received |= got > 0;
    self->is_inner_ended |= got == 0;
    /* A short read has emptied the socket: it saves the call that would only say EAGAIN. */
    self->is_inner_empty = got < size;
    if (got < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    else if (got < 0)
        self->inner_errno = errno;
    return (int)got;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    tls_socket *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    struct iovec part = {(void *)(uintptr_t)bytes, (size_t)len};
    ssize_t sent = weir_socket_send(self->inner, &part, 1);
    self->has_written |= sent > 0;
    if (sent < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    else if (sent < 0)
        self->inner_errno = errno;
    return (int)sent;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number, (void)pointer;
    const tls_socket *self = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH: /* nothing is held back */
        return 1;
    case BIO_CTRL_EOF:
        return self->is_inner_ended;
    default:
        return 0;
    }
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir_socket");
    WEIR_ASSERT(bio_method);
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static BIO *bio_new(tls_socket *self)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_bio_method);
    BIO *bio = BIO_new(bio_method);
    WEIR_ASSERT(bio);
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    return bio;
}

/* ---- events ---- */

static void release(tls_socket *self)
{
    if (!self->is_closed || self->is_task_posted || self->callback_depth > 0)
        return;
    free(self->endpoint);
    free(self->name);
    free(self->error);
    free(self);
}

/* False: the socket was closed in the callback, and is gone. */
static bool deliver(tls_socket *self, unsigned events)
{
    if (events == 0)
        return true;
    self->callback_depth++;
    self->on_event(self->user, events);
    self->callback_depth--;
    bool is_alive = !self->is_closed;
    release(self);
    return is_alive;
}

static void post_if_pending(tls_socket *self)
{
    if (!self->is_pending || !(self->watched & WEIR_SOCKET_READABLE) || self->is_task_posted)
        return;
    self->is_task_posted = true;
    weir_loop_post(self->loop, &self->task);
}

static void run_task(weir_task *task)
{
    tls_socket *self = WEIR_CONTAINER(task, tls_socket, task);
    self->is_task_posted = false;
    if (self->is_closed) {
        release(self);
        return;
    }
    bool is_wanted = self->is_pending && (self->watched & WEIR_SOCKET_READABLE);
    if (deliver(self, is_wanted ? WEIR_SOCKET_READABLE : 0))
        post_if_pending(self);
}

static void on_inner_event(void *user, unsigned events)
{
    tls_socket *self = user;
    unsigned happened = 0;
    if (events & self->read_wants)
        happened |= WEIR_SOCKET_READABLE;
    if (events & self->write_wants)
        happened |= WEIR_SOCKET_WRITABLE;
    deliver(self, happened & self->watched);
}

static void update_watch(tls_socket *self)
{
    unsigned events = 0;
    if (self->watched & WEIR_SOCKET_READABLE)
        events |= self->read_wants;
    if (self->watched & WEIR_SOCKET_WRITABLE)
        events |= self->write_wants;
    weir_socket_watch(self->inner, events);
}

static void tls_watch(weir_socket *socket, unsigned events)
{
    tls_socket *self = self_of(socket);
    self->watched = events;
    update_watch(self);
    post_if_pending(self);
}

/* ---- what OpenSSL says ---- */

static ssize_t fail(tls_socket *self, int reason)
{
    self->broken_errno = reason;
    errno = reason;
    return -1;
}

static bool is_clear_text_request(void)
{
    unsigned long code = ERR_peek_error();
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
}

/* Whoever sends http:// to this port would otherwise see nothing but a closed connection. */
static void answer_in_clear_text(tls_socket *self)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 37\r\n"
                                 "Connection: close\r\n\r\nThis port speaks TLS: send to https.\n";
    struct iovec part = {(void *)(uintptr_t)answer, sizeof answer - 1};
    self->has_written |= weir_socket_send(self->inner, &part, 1) > 0; /* best effort */
}

/* TLS has failed: remembers why and, on a server during the handshake, counts it. */
static ssize_t fail_with(tls_socket *self, const char *text)
{
    ERR_clear_error();
    self->read_wants = WEIR_SOCKET_READABLE;
    self->is_pending = true; /* discard has more to say */
    if (!self->error)
        self->error = weir_strdup(text);
    if (!self->endpoint && !self->is_established) {
        char peer[WEIR_ADDRESS_TEXT_SIZE];
        weir_socket_peer(self->inner, peer, sizeof peer);
        weir__tls_count_failure(self->tls, self->loop, peer, text);
    }
    return fail(self, EPROTO);
}

static ssize_t fail_by_queue(tls_socket *self)
{
    char text[ERROR_SIZE];
    if (!self->endpoint && is_clear_text_request())
        answer_in_clear_text(self);
    weir__tls_failure(self->ssl, self->name, text, sizeof text);
    return fail_with(self, text);
}

/* A server that refuses our certificate says so and closes; the closing may be noticed before the saying is read. */
static ssize_t fail_by_errno(tls_socket *self)
{
    int reason = self->inner_errno ? self->inner_errno : ECONNRESET;
    char byte;
    bool is_lost = reason == EPIPE || reason == ECONNRESET;
    if (is_lost && self->is_established && self->endpoint) {
        ERR_clear_error();
        int peeked = SSL_peek(self->ssl, &byte, 1);
        if (peeked <= 0 && SSL_get_error(self->ssl, peeked) == SSL_ERROR_SSL)
            return fail_by_queue(self);
    }
    ERR_clear_error();
    return fail(self, reason);
}

/* What a call that returned `result` means for its caller: 0 for the end of the stream, else -1 and errno. `wants` is
 * told what the inner socket must become. */
static ssize_t interpret(tls_socket *self, int result, uint8_t *wants)
{
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *wants = WEIR_SOCKET_READABLE;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        *wants = WEIR_SOCKET_WRITABLE;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return fail_by_errno(self);
    default:
        return fail_by_queue(self);
    }
}

/* What every call begins with. True if there is no failure to report again. */
static bool begin(tls_socket *self)
{
    ERR_clear_error();
    self->inner_errno = 0;
    self->is_inner_empty = false;
    self->has_written = false;
    errno = self->broken_errno;
    return self->broken_errno == 0;
}

/* 1 once the handshake is done; else as interpret. */
static ssize_t shake_hands(tls_socket *self)
{
    if (self->is_established)
        return 1;
    uint8_t wants = self->read_wants;
    int result = SSL_do_handshake(self->ssl);
    self->is_established = result == 1;
    if (self->is_established) {
        self->read_wants = WEIR_SOCKET_READABLE;
        self->write_wants = WEIR_SOCKET_WRITABLE;
        /* What came behind the handshake may have been read with it. */
        self->is_pending = SSL_has_pending(self->ssl);
        return 1;
    }
    ssize_t outcome = interpret(self, result, &wants);
    if (self->broken_errno == 0)
        self->read_wants = self->write_wants = wants;
    /* A connection that says nothing is a probe of the port, no failure. */
    if (outcome == 0 && (self->has_received || self->endpoint))
        return fail_with(self, "the connection was closed during the handshake");
    return outcome;
}

/* ---- recv ---- */

/* Reads records until `size` is filled or there is no whole one. */
static ssize_t read_records(tls_socket *self, char *buffer, size_t size)
{
    size_t total = 0;
    while (total < size) {
        size_t now = size - total < RECORD_BYTES_MAX ? size - total : RECORD_BYTES_MAX;
        int got = SSL_read(self->ssl, buffer + total, (int)now);
        if (got > 0) {
            total += (size_t)got;
            continue;
        }
        ssize_t outcome = interpret(self, got, &self->read_wants);
        /* An end or an error behind data is told by the next call. */
        self->is_pending = total > 0 && (outcome == 0 || errno != EAGAIN);
        return total > 0 ? (ssize_t)total : outcome;
    }
    self->is_pending = SSL_has_pending(self->ssl);
    return (ssize_t)total;
}

/* Throws away what a refused client still sends: closing before would reset the connection, and could destroy the
 * alert that says why on its way. Where none was sent (to something that is no TLS) the end has come. */
static ssize_t discard(tls_socket *self)
{
    if (!self->has_written)
        return 0;
    char scratch[4096];
    ssize_t got = -1;
    for (int reads = 0; reads < WEIR_READS_PER_TURN; reads++) {
        got = weir_socket_recv(self->inner, scratch, sizeof scratch);
        if (got <= 0)
            return got;
    }
    errno = EAGAIN;
    return -1;
}

static ssize_t tls_recv(weir_socket *socket, void *buffer, size_t size)
{
    tls_socket *self = self_of(socket);
    self->is_pending = false;
    if (self->broken_errno == EPROTO && !self->endpoint)
        return discard(self);
    if (!begin(self))
        return -1;
    ssize_t outcome = shake_hands(self);
    if (outcome > 0)
        outcome = read_records(self, buffer, size);
    int reason = errno;
    update_watch(self);
    post_if_pending(self);
    errno = reason;
    return outcome;
}

/* ---- send ---- */

/* Where in the caller's parts we are. */
typedef struct cursor {
    const struct iovec *part, *end;
    size_t offset;
} cursor;

static void advance(cursor *at, size_t len)
{
    while (len > 0) {
        size_t left = at->part->iov_len - at->offset;
        size_t now = left < len ? left : len;
        len -= now;
        at->offset += now;
        if (at->offset == at->part->iov_len) {
            at->part++;
            at->offset = 0;
        }
    }
}

/* Up to one record of what follows: in place where it lies together, else gathered in `scratch`. */
static weir_bytes next_record(cursor at, uint8_t scratch[RECORD_BYTES_MAX])
{
    while (at.part < at.end && at.part->iov_len == at.offset)
        at = (cursor){at.part + 1, at.end, 0};
    if (at.part == at.end)
        return (weir_bytes){0};
    const uint8_t *start = (const uint8_t *)at.part->iov_base + at.offset;
    size_t len = at.part->iov_len - at.offset;
    if (len >= RECORD_BYTES_MAX || at.part + 1 == at.end)
        return (weir_bytes){start, len < RECORD_BYTES_MAX ? len : RECORD_BYTES_MAX};
    size_t total = 0;
    for (; at.part < at.end && total < RECORD_BYTES_MAX; at = (cursor){at.part + 1, at.end, 0}) {
        len = at.part->iov_len - at.offset;
        size_t now = len < RECORD_BYTES_MAX - total ? len : RECORD_BYTES_MAX - total;
        memcpy(scratch + total, (const uint8_t *)at.part->iov_base + at.offset, now);
        total += now;
    }
    return (weir_bytes){scratch, total};
}

static ssize_t write_records(tls_socket *self, const struct iovec *parts, int count)
{
    uint8_t scratch[RECORD_BYTES_MAX];
    cursor at = {parts, parts + count, 0};
    size_t total = 0;
    for (;;) {
        weir_bytes record = next_record(at, scratch);
        if (record.len == 0)
            return (ssize_t)total;
        int sent = SSL_write(self->ssl, record.data, (int)record.len);
        if (sent <= 0) {
            ssize_t outcome = interpret(self, sent, &self->write_wants);
            if (total > 0)
                return (ssize_t)total; /* an error is told by the next call */
            return outcome == 0 ? fail(self, EPIPE) : outcome;
        }
        self->write_wants = WEIR_SOCKET_WRITABLE;
        advance(&at, (size_t)sent);
        total += (size_t)sent;
    }
}

static ssize_t tls_send(weir_socket *socket, const struct iovec *parts, int count)
{
    tls_socket *self = self_of(socket);
    if (!begin(self))
        return -1;
    ssize_t outcome = shake_hands(self);
    if (outcome > 0)
        outcome = write_records(self, parts, count);
    else if (outcome == 0)
        outcome = fail(self, ECONNRESET);
    int reason = errno;
    update_watch(self);
    post_if_pending(self);
    errno = reason;
    return outcome;
}

/* ---- the rest of the table ---- */

static void tls_close(weir_socket *socket)
{
    tls_socket *self = self_of(socket);
    if (self->is_established && begin(self))
        SSL_shutdown(self->ssl); /* our close_notify; best effort, and the other side's is not waited for */
    ERR_clear_error();
    self->is_closed = true;
    SSL_free(self->ssl);
    weir_socket_close(self->inner);
    release(self);
}

static void tls_peer(weir_socket *socket, char *ret_text, size_t size)
{
    weir_socket_peer(self_of(socket)->inner, ret_text, size);
}

const char *weir__tls_error(weir_socket *socket)
{
    const tls_socket *self = self_of(socket);
    return self->error ? self->error : "";
}

static const weir_socket_ops tls_socket_ops = {
    .recv = tls_recv,
    .send = tls_send,
    .watch = tls_watch,
    .close = tls_close,
    .peer = tls_peer,
};

/* ---- life ---- */

static tls_socket *socket_make(weir_tls *tls, weir_loop *loop, weir_socket_fn on_event, void *user)
{
    tls_socket *self = WEIR_NEW(tls_socket);
    self->super.ops = &tls_socket_ops;
    self->tls = tls;
    self->loop = loop;
    self->on_event = on_event;
    self->user = user;
    self->task.run = run_task;
    return self;
}

static void open_ssl(tls_socket *self, uint8_t first_wants)
{
    self->ssl = weir__tls_ssl_new(self->tls, self->loop);
    self->read_wants = self->write_wants = first_wants;
    BIO *bio = bio_new(self);
    SSL_set_bio(self->ssl, bio, bio); /* takes it */
    SSL_set_app_data(self->ssl, self);
}

weir_status weir__tls_adopt(weir_tls *tls, weir_loop *loop, int accepted, weir_socket_fn on_event, void *user,
                            weir_socket **ret_socket)
{
    tls_socket *self = socket_make(tls, loop, on_event, user);
    weir_status status = weir_loop_adopt(loop, accepted, on_inner_event, self, &self->inner);
    if (status != WEIR_OK) {
        free(self);
        return status;
    }
    open_ssl(self, WEIR_SOCKET_READABLE);
    SSL_set_accept_state(self->ssl);
    *ret_socket = &self->super;
    return WEIR_OK;
}

/* Asks the server for its certificate of that name, and verifies that it got it. An address is no server name
 * (RFC 6066 §3), but may stand in a certificate. */
static void expect_name(tls_socket *self)
{
    X509_VERIFY_PARAM *expected = SSL_get0_param(self->ssl);
    WEIR_ASSERT(*self->name); /* without a name OpenSSL would take any that the authority has signed */
    SSL_set_hostflags(self->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, self->name) == 1)
        return;
    ERR_clear_error();
    SSL_set_tlsext_host_name(self->ssl, self->name);
    int is_expected = SSL_set1_host(self->ssl, self->name);
    WEIR_ASSERT(is_expected); /* out of memory */
}

weir_status weir__tls_connect(weir_tls *tls, weir_loop *loop, const char *endpoint, weir_socket_fn on_event, void *user,
                              weir_socket **ret_socket, weir_error *ret_error)
{
    weir_endpoint parsed;
    weir_status status = weir_endpoint_parse(endpoint, &parsed, ret_error);
    if (status != WEIR_OK)
        return status;
    tls_socket *self = socket_make(tls, loop, on_event, user);
    status = weir_loop_connect(loop, endpoint, on_inner_event, self, &self->inner, ret_error);
    if (status != WEIR_OK) {
        free(self);
        return status;
    }
    const char *name = tls->settings.server_name_override;
    self->endpoint = weir_strdup(endpoint);
    self->name = weir_strdup(name && *name ? name : parsed.host);
    open_ssl(self, WEIR_SOCKET_WRITABLE);
    SSL_set_connect_state(self->ssl);
    expect_name(self);
    weir__tls_session_offer(tls, self->endpoint, self->ssl);
    *ret_socket = &self->super;
    return WEIR_OK;
}

int weir__tls_on_session(SSL *ssl, SSL_SESSION *takes_session)
{
    tls_socket *self = SSL_get_app_data(ssl);
    weir__tls_session_keep(self->tls, self->endpoint, SSL_get_SSL_CTX(ssl), takes_session);
    return 1;
}
