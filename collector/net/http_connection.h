/* SPDX-License-Identifier: Apache-2.0
 *
 * What http_server.c, http_connection.c, http_exchange.c and the two protocols (http1.c, http2_server.c) share. Nobody
 * else includes this.
 *
 *     weir_http_server ── connections ──► weir__connection ── exchanges ──► weir__exchange (a weir_http_request first)
 *                                           │  socket, output, timer
 *                                           └─ protocol + state: bytes in, callbacks of the handler and bytes out
 *
 * A protocol knows no socket: it is given bytes, calls weir__exchange_…, and appends to the connection's output. The
 * connection sends, watches the clock, and closes. Closing and sending never happen inside a callback of a handler or a
 * parser: they wait for weir__connection_settle, which runs after every event. An answer given outside of an event
 * marks its connection and posts one task for all marked connections of the server, so that a burst of answers leaves
 * with one send for each connection.
 */
#ifndef WEIR_NET_HTTP_CONNECTION_H
#define WEIR_NET_HTTP_CONNECTION_H

#include <stdatomic.h>

#include "core/limits.h"
#include "net/endpoint.h"
#include "net/http.h"

enum {
    /* A client that takes nothing of what we have for it in this time is cut off. */
    WEIR_HTTP_WRITE_TIMEOUT_MS = 30 * 1000,
    /* After an answer that ends the connection early, how long the client may go on sending: closing at once would
     * reset the connection and could destroy the answer on its way (RFC 9112 §9.6). */
    WEIR_HTTP_LINGER_MS = 1000,
    /* After an answer that comes before the request's end, how long an HTTP/2 client has to end the stream by itself. */
    WEIR_HTTP_STOP_MS = 100,
    /* The client's acknowledgement of the shutdown notice is waited for so long. */
    WEIR_HTTP_DRAIN_ROUND_TRIP_MS = 2000,
    /* Output gathered and not yet sent; beyond it no further answer is produced on this connection. */
    WEIR_HTTP_OUT_BYTES_MAX = 256 * 1024,
    /* Exchanges kept for reuse by each server; more are freed. */
    WEIR_HTTP_POOL_MAX = 256,
    WEIR_HTTP_RESPONSE_HEADERS_MAX = 32,
    WEIR_HTTP_DATE_SIZE = 30,
};

#define WEIR_HTTP_NEVER UINT64_MAX

typedef struct weir__connection weir__connection;
typedef struct weir__arena_block weir__arena_block;

/* ---- one request and its answer (http_exchange.c) ---- */

/* Memory of one request's text; freed whole. */
typedef struct weir__arena {
    weir__arena_block *newest;
} weir__arena;

typedef struct weir__exchange {
    weir_http_request request; /* first: the handler's pointer is ours */
    weir__connection *connection;
    struct weir__exchange *previous, *next; /* of the same connection, oldest first; in the pool: `next` only */
    weir__arena arena;
    weir_http_header *headers; /* what request.headers points to */
    size_t header_capacity;
    size_t header_bytes; /* as HPACK counts them: name, value and 32 */
    uint64_t started_ns;
    uint64_t answered_ns;
    bool is_overflowing; /* more headers than allowed: some are missing */
    bool is_announced;   /* on_request was called */
    bool is_complete;    /* the whole request has arrived */
    bool is_answered;    /* no callback any more */

    /* HTTP/2 only: the stream, and what is left of the answer. */
    int32_t stream_id;
    uint64_t stop_due_ns; /* when the client is told to stop sending; 0: it need not be */
    const uint8_t *body;  /* in the arena */
    size_t body_left;
    const weir_http_header *trailers; /* in the arena */
    size_t trailer_count;
} weir__exchange;

/* A new exchange at the end of the connection's list; its deadline runs from now on. */
weir__exchange *weir__exchange_begin(weir__connection *connection);

/* Copies a header. Over the limits it is dropped and the exchange marked as overflowing. */
void weir__exchange_add_header(weir__exchange *exchange, weir_text name, weir_text value);

/* `text` in the exchange's arena. */
weir_text weir__exchange_copy(weir__exchange *exchange, weir_text text);
void *weir__exchange_alloc(weir__exchange *exchange, size_t size);

/* Sets request.path and request.query from a target that starts with '/' or is "*" (RFC 9112 §3.2). The text must
 * stay. */
void weir__exchange_set_target(weir__exchange *exchange, weir_text target);

/* The request's life, as the protocol sees it; each calls the handler only as long as the exchange is unanswered. */
void weir__exchange_announce(weir__exchange *exchange);
void weir__exchange_body(weir__exchange *exchange, const uint8_t *data, size_t len);
void weir__exchange_complete(weir__exchange *exchange);
void weir__exchange_abort(weir__exchange *exchange);

/* Answers in the server's own name with a line of text (400, 408, 431, …), after on_abort if the handler knew of it. */
void weir__exchange_refuse(weir__exchange *exchange, unsigned status);

/* Takes it off the connection and back to the pool. */
void weir__exchange_end(weir__exchange *exchange);

/* Frees the memory for good; for the server's pool. */
void weir__exchange_free(weir__exchange *exchange);

/* The phrase of a status ("Not Found"), never NULL. */
const char *weir__http_phrase(unsigned status);

/* ---- the two protocols ---- */

typedef struct weir__http_protocol {
    void *(*open)(weir__connection *connection);
    /* Bytes from the socket. */
    void (*read)(void *state, const uint8_t *data, size_t len);
    /* The client sends nothing any more. */
    void (*read_end)(void *state);
    /* Does what has become possible meanwhile (parses what was held back, gathers frames into the output). */
    void (*advance)(void *state);
    /* False: leave the bytes in the socket for now. */
    bool (*wants_input)(const void *state);
    /* True: once the output is sent, close. */
    bool (*is_finished)(const void *state);
    /* True: the client may still be sending when we close, so linger. */
    bool (*is_interrupting)(const void *state);
    void (*respond)(weir__exchange *exchange, const weir_http_response *response);
    /* The request did not arrive in time. */
    void (*time_out)(weir__exchange *exchange);
    /* Begins a graceful end; may be called again. */
    void (*drain)(void *state);
    /* A deadline of the protocol's own (keepalive, draining), and what to do then. */
    uint64_t (*due_ns)(const void *state);
    void (*on_due)(void *state);
    void (*free)(void *state);
} weir__http_protocol;

extern const weir__http_protocol weir__http1;
extern const weir__http_protocol weir__http2;

/* ---- a connection (http_connection.c) ---- */

struct weir__connection {
    weir_http_server *server;
    weir_socket *socket;
    weir__connection *previous, *next; /* of the same server */
    weir__connection *next_marked;
    const weir__http_protocol *protocol; /* NULL until the first bytes have decided */
    void *state;

    weir__exchange *oldest, *newest;
    unsigned exchange_count;

    weir_buffer out; /* out.data[out_sent … out.len) waits to be sent */
    size_t out_sent;

    uint8_t sniffed[3]; /* first bytes, while they do not decide */
    uint8_t sniffed_len;
    bool is_busy;    /* inside an event: settling comes at its end */
    bool is_marked;  /* on the server's list for settling */
    bool is_closing; /* being torn down: nothing is sent any more */
    bool is_draining;
    bool is_lingering; /* all is said; what still arrives is thrown away */

    weir_timer *timer;
    uint64_t timer_due_ns; /* WEIR_HTTP_NEVER: not running */
    uint64_t opened_ns;
    uint64_t last_read_ns; /* 0: nothing was received yet */
    uint64_t idle_since_ns;
    uint64_t age_due_ns;
    uint64_t close_due_ns;     /* a hard end: the grace after max_connection_age, or lingering */
    uint64_t stalled_since_ns; /* 0: no output waits */
    char peer[WEIR_ADDRESS_TEXT_SIZE];
};

/* Opens a connection on `accepted`, which it takes; false if that fails. It may be closed again on return. */
bool weir__connection_open(weir_http_server *server, int accepted);
/* Requests in flight get on_abort; frees. */
void weir__connection_close(weir__connection *connection);
/* Sends what is to be sent, closes what is finished, says what to watch. May free the connection. */
void weir__connection_settle(weir__connection *connection);
/* Something changed: settle at the end of the event at hand, or else in a task of the server. */
void weir__connection_mark(weir__connection *connection);
void weir__connection_drain(weir__connection *connection);
/* Makes the timer fire no later than `due_ns`. */
void weir__connection_arm(weir__connection *connection, uint64_t due_ns);
/* Where a protocol writes. */
weir_buffer *weir__connection_out(weir__connection *connection);
bool weir__connection_is_out_full(const weir__connection *connection);

static inline size_t weir__connection_unsent(const weir__connection *connection)
{
    return connection->out.len - connection->out_sent;
}

/* ---- the server (http_server.c) ---- */

struct weir_http_server {
    weir_loop *loop;
    weir_http_options options; /* with defaults filled in */
    weir_http_handler ops;
    void *handler;
    weir_http_counts counts;
    atomic_uint load;
    weir__connection *connections;

    weir_task settle_task;
    bool is_settle_posted;
    weir__connection *marked;
    atomic_uint hand_overs; /* connections on their way from the acceptor */
    bool is_freed;          /* gone but for tasks that are still posted */

    bool is_draining;
    void (*on_drained)(void *user);
    void *drained_user;

    weir__exchange *pool;
    unsigned pool_count;
    weir_buffer spare_out; /* lent to the connection that writes at the moment */
    uint64_t jitter_state;
    uint64_t date_second;
    char date[WEIR_HTTP_DATE_SIZE]; /* IMF-fixdate of that second */
    void *http2_shared;             /* http2_server.c's callbacks and options */
    uint8_t read_buffer[WEIR_READ_BUFFER_BYTES];
};

/* Now as the value of Date (RFC 9110 §5.6.7). */
weir_text weir__http_server_date(weir_http_server *server);
/* Settles connection `marked` soon. */
void weir__http_server_mark(weir_http_server *server, weir__connection *connection);
void weir__http_server_forget(weir_http_server *server, weir__connection *connection);
/* From the acceptor's thread: counts the connection at once, serves it on the server's thread. */
void weir__http_server_hand_over(weir_http_server *server, int accepted);
void *weir__http2_shared_new(void);
void weir__http2_shared_free(void *shared);

#endif
