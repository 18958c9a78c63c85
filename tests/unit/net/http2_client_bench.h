/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP/2 client against nghttp2's server on sockets without an operating system. What the callbacks of the calls and
 * the servers hear is written down as text, so that a test reads as the conversation it expects.
 */
#ifndef WEIR_TESTS_HTTP2_CLIENT_BENCH_H
#define WEIR_TESTS_HTTP2_CLIENT_BENCH_H

#include <criterion/criterion.h>

#include <nghttp2/nghttp2.h>

#include "core/memory.h"
#include "fake_net.h"
#include "net/http2_client.h"

enum { PEERS_MAX = 4, BODY_BYTES = 200 * 1000, MS = 1000000 };

typedef struct client_bench client_bench;

/* The server's side of one connection. */
typedef struct peer {
    fake_socket *socket;
    nghttp2_session *session;
    weir_buffer *heard;
    weir_buffer body;   /* of all requests */
    weir_text download; /* of the answers to come */
} peer;

typedef struct test_call {
    weir_http2_call super;
    const char *name;
    client_bench *bench;
    unsigned ends;
    const char *act_at;              /* "header", "data" or "end": then `act` is called */
    void (*act)(struct test_call *); /* as a callback of the caller would */
    struct test_call *other;         /* for `act` */
} test_call;

struct client_bench {
    fake_net *net;
    weir_http2_client *client;
    weir_buffer heard;     /* by calls: "a: :status 200; a: data hello; a: end; " */
    weir_buffer served;    /* by the servers: "1: request; 1: end; " */
    peer peers[PEERS_MAX]; /* in the order in which connections were made */
    unsigned peer_count;
    nghttp2_settings_entry setting; /* of every server; id 0: none */
};

extern char body_bytes[BODY_BYTES];
extern const struct iovec hello_body; /* what start_call sends */

/* A client of "t:1", or with `options`. */
void client_bench_open(client_bench *bench);
void client_bench_open_with(client_bench *bench, const weir_http2_client_options *options);
void client_bench_close(client_bench *bench);

/* `call` may have been used before, when it has ended. timeout_ms 0: no deadline. */
void start_call(client_bench *bench, test_call *call, const char *name);
void start_call_with(client_bench *bench, test_call *call, const char *name, const struct iovec *body, size_t count,
                     uint64_t timeout_ms);

/* Until neither side has anything to say. */
void talk(client_bench *bench);
/* As above, after time has passed. */
void pass_ms(client_bench *bench, uint64_t ms);

/* What a server says; all but the first talk afterwards. */
void submit_answer(peer *self, int32_t stream_id);
void answer_call(client_bench *bench, unsigned peer_index, int32_t stream_id);
void reset_call(client_bench *bench, unsigned peer_index, int32_t stream_id, uint32_t code);
void go_away(client_bench *bench, unsigned peer_index, int32_t last_id);
/* What a library for servers would not send, from the first one. */
void feed_raw(client_bench *bench, const void *bytes, size_t len);
/* Takes what the client has sent. False if there was nothing. */
bool peer_hear(peer *self);

/* What `transcript` has had since the last call. */
const char *taken(weir_buffer *transcript);

#define EXPECT_HEARD(bench, expected) cr_expect_str_eq(taken(&(bench)->heard), expected)
#define EXPECT_SERVED(bench, expected) cr_expect_str_eq(taken(&(bench)->served), expected)
#define ANSWER(name) name ": :status 200; " name ": data hello; " name ": grpc-status 0; " name ": end; "

#endif
