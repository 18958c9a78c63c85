/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary bytes as what servers send to the HTTP/2 client, on sockets without an operating system. The first byte of
 * the input says in which pieces the rest arrives, always at the newest connection, and how much of the requests the
 * server takes; the second which call is cancelled, and when. Then time passes until everything has run out: each call
 * that was not cancelled must have ended exactly once, and the client must be free of calls.
 */
#include <string.h>

#include "../unit/net/fake_net.h"
#include "core/assert.h"
#include "net/http2_client.h"

enum {
    CALLS = 4,
    SLOW_SERVER = 0x80,
    PIECE_MASK = 0x7f,
    SLOW_ROOM_BYTES = 64,
    CANCELLED_MASK = 0x07, /* CALLS and above: none */
    AFTER_SHIFT = 3,       /* how many pieces arrive before the cancel */
    BODY_BYTES = 100 * 1000,
    ALL_TIMEOUTS_MS = 100 * 1000,
};

typedef struct fuzz_call {
    weir_http2_call super;
    unsigned ends;
    bool is_cancelled;
    struct fuzz_call *cancels; /* when a header of this call arrives */
    struct fuzz_call *starts;  /* when this call ends */
    weir_http2_client *client;
} fuzz_call;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t body_bytes[BODY_BYTES];

static void start(fuzz_call *call, weir_http2_client *client, uint64_t deadline_ns)
{
    static const weir_http_header headers[] = {
        {{":method", 7}, {"POST", 4}}, {{":scheme", 7}, {"http", 4}}, {{":path", 5}, {"/x", 2}}};
    static const struct iovec body[] = {{(void *)(uintptr_t)body_bytes, 5},
                                        {(void *)(uintptr_t)body_bytes, BODY_BYTES}};
    call->client = client;
    weir_http2_call_start(client, &call->super, headers, 3, body, 2, deadline_ns);
}

static void cancel(fuzz_call *call)
{
    if (call->super.connection)
        call->is_cancelled = true;
    weir_http2_call_cancel(&call->super);
}

static void on_header(weir_http2_call *super, weir_text name, weir_text value)
{
    const fuzz_call *call = WEIR_CONTAINER(super, fuzz_call, super);
    WEIR_ASSERT(!call->is_cancelled && call->ends == 0 && (name.len > 0 || value.len == 0 || value.data != NULL));
    if (call->cancels)
        cancel(call->cancels);
}

static void on_data(weir_http2_call *super, const uint8_t *data, size_t len)
{
    const fuzz_call *call = WEIR_CONTAINER(super, fuzz_call, super);
    WEIR_ASSERT(!call->is_cancelled && call->ends == 0 && (len == 0 || data != NULL));
}

static void on_end(weir_http2_call *super, const weir_error *error)
{
    fuzz_call *call = WEIR_CONTAINER(super, fuzz_call, super);
    WEIR_ASSERT(!call->is_cancelled && call->ends == 0);
    WEIR_ASSERT(error->class_ == WEIR_ERROR_NONE || *error->text);
    call->ends++;
    if (call->starts)
        start(call->starts, call->client, 0);
}

static const weir_http2_call_ops ops = {on_header, on_data, on_end};

static void feed(fake_net *net, fuzz_call *calls, const uint8_t *data, size_t len)
{
    size_t piece = (size_t)(data[0] & PIECE_MASK) + 1;
    size_t before_cancel = data[1] >> AFTER_SHIFT;
    for (size_t at = 2; at <= len; at += piece) {
        if (before_cancel-- == 0 && (data[1] & CANCELLED_MASK) < CALLS)
            cancel(&calls[data[1] & CANCELLED_MASK]);
        fake_socket *newest = fake_net_newest(net);
        newest->send_room = data[0] & SLOW_SERVER ? SLOW_ROOM_BYTES : SIZE_MAX;
        size_t now = len - at < piece ? len - at : piece;
        fake_socket_feed(newest, data + at, now, piece);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const weir_http2_client_options options = {
        .endpoint = "t:1", .keepalive_time_ms = 10000, .keepalive_timeout_ms = 5000};
    if (len < 2)
        return 0;
    fake_net *net = fake_net_new();
    weir_http2_client *client = weir_http2_client_new(fake_net_loop(net), &options);
    fuzz_call calls[CALLS] = {0};
    for (size_t i = 0; i < CALLS; i++)
        calls[i].super.ops = &ops;
    calls[0].starts = &calls[3];
    calls[1].cancels = &calls[2];
    for (size_t i = 0; i < 3; i++)
        start(&calls[i], client, i == 0 ? 0 : weir_loop_now_ns(fake_net_loop(net)) + i * 20 * 1000 * 1000 * 1000ULL);
    feed(net, calls, data, len);
    fake_net_newest(net)->send_room = SIZE_MAX;
    fake_net_run(net);
    fake_net_pass_ms(net, ALL_TIMEOUTS_MS);
    for (size_t i = 0; i < CALLS; i++) {
        WEIR_ASSERT(!calls[i].super.connection);
        WEIR_ASSERT(calls[i].ends == (calls[i].is_cancelled || !calls[i].client ? 0 : 1));
    }
    weir_http2_client_free(client);
    fake_net_free(net);
    return 0;
}
