/* SPDX-License-Identifier: Apache-2.0
 *
 * A server on a fake net, with a handler that answers by path and writes down what it was told:
 *   /echo    at the end of the request, with "<method> <path>?<query> <body>"
 *   /refuse  at once, 429
 *   /later   when the test says so, with `bench.waiting`
 *   else     404 at the end
 * Answers on HTTP/2 carry the trailer "grpc-status: 0".
 */
#ifndef WEIR_TESTS_HTTP_BENCH_H
#define WEIR_TESTS_HTTP_BENCH_H

#include "fake_net.h"
#include "net/http.h"

enum { HTTP_BENCH_WAITING_MAX = 64 };

typedef struct http_bench {
    fake_net *net;
    weir_http_server *server;
    fake_socket *socket;
    weir_buffer body;   /* of the request at hand */
    weir_buffer events; /* "request /x; body 3; end; abort; " */
    weir_http_request *waiting[HTTP_BENCH_WAITING_MAX];
    size_t waiting_count;
    unsigned drained;
} http_bench;

void http_bench_open(http_bench *bench, const weir_http_options *options);
/* A connection; becomes bench->socket. */
void http_bench_connect(http_bench *bench);
/* Answers what waits, oldest first, with "later". */
void http_bench_answer(http_bench *bench);
void http_bench_drain(http_bench *bench);
void http_bench_close(http_bench *bench);

#endif
