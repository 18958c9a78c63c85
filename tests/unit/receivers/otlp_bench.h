/* SPDX-License-Identifier: Apache-2.0
 *
 * A bench for the otlp receiver without sockets: an instance made by hand, a loop whose clock the test moves, an HTTP
 * server that is nothing but a note of what was answered, and a pipeline that does as the test says.
 */
#ifndef WEIR_TESTS_RECEIVERS_OTLP_BENCH_H
#define WEIR_TESTS_RECEIVERS_OTLP_BENCH_H

#include "receivers/otlp/instance.h"

enum { BENCH_HEADERS_MAX = 16, BENCH_BODY_MAX = 1024 };

typedef struct bench_answer {
    unsigned count; /* of answers given to this request */
    unsigned status;
    char names[BENCH_HEADERS_MAX][64]; /* headers, then trailers */
    char values[BENCH_HEADERS_MAX][640];
    size_t header_count;
    size_t trailer_count;
    uint8_t body[BENCH_BODY_MAX];
    size_t body_len;
} bench_answer;

typedef struct bench {
    weir_account account;
    weir_metrics *metrics;
    weir_health *health;
    weir_host host;
    otlp_counters counters[OTLP_PROTOCOLS];
    otlp_grpc_config grpc_config;
    otlp_http_config http_config;
    otlp_instance *instance;

    weir_http_request request; /* the one in hand */
    weir_http_header headers[BENCH_HEADERS_MAX];
    bench_answer answer;

    bool holds;           /* the pipeline keeps batches until bench_complete */
    weir_outcome outcome; /* else it answers this at once */
    weir_batch *held;
    unsigned offered;
    uint64_t offered_bytes;
    uint64_t offered_items;
} bench;

/* The one bench of the test that runs; ready to take requests with all three signals served. */
extern bench the_bench;

void bench_start(void);
/* Fails the test if memory is still reserved or a request was never given back. */
void bench_stop(void);

/* A request's headers: name, value, … NULL. Only POST /…; set the_bench.request.method before for others. */
void bench_request(const weir_http_handler *handler, otlp_port *port, const char *path, ...) __attribute__((sentinel));
/* Body bytes, unless the request has been answered; `end` ends the body. */
void bench_body(const weir_http_handler *handler, otlp_port *port, const void *data, size_t len, bool end);
/* What the client answers with a reset. */
void bench_abort(const weir_http_handler *handler, otlp_port *port);
void bench_complete(const weir_outcome *outcome);
/* Moves the clock, firing timers. */
void bench_advance(uint64_t ms);

/* A header or trailer of the answer, "" if absent. */
const char *bench_answered(const char *name);

#endif
