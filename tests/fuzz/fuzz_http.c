/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary bytes as a client's side of a connection, on a socket without an operating system. The first byte of the
 * input says in which pieces the rest arrives and how much of the answers the client takes; whether it is HTTP/1.1 or
 * HTTP/2 the server finds out as usual. Requests to /later are answered after all has arrived. Then time passes until
 * everything has run out, and the connection must be closed: no input may hold one for ever.
 */
#include "../unit/net/http_bench.h"
#include "core/assert.h"

enum { SLOW_CLIENT = 0x80, PIECE_MASK = 0x7f, SLOW_ROOM_BYTES = 64, ALL_TIMEOUTS_MS = 1000 * 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const weir_http_options options = {
        .versions = WEIR_HTTP_1_AND_2,
        .max_concurrent_streams = HTTP_BENCH_WAITING_MAX,
        .idle_timeout_ms = 60000,
        .min_ping_interval_ms = 1000,
    };
    if (len == 0)
        return 0;
    http_bench bench;
    http_bench_open(&bench, &options);
    if (data[0] & SLOW_CLIENT)
        bench.socket->send_room = SLOW_ROOM_BYTES;
    size_t piece = (size_t)(data[0] & PIECE_MASK) + 1;
    fake_socket_feed(bench.socket, data + 1, len - 1, piece == PIECE_MASK + 1 ? len : piece);
    http_bench_answer(&bench);
    fake_net_pass_ms(bench.net, ALL_TIMEOUTS_MS);
    http_bench_answer(&bench);
    fake_net_pass_ms(bench.net, ALL_TIMEOUTS_MS);
    WEIR_ASSERT(bench.socket->is_closed);
    http_bench_close(&bench);
    return 0;
}
