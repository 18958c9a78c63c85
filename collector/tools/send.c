/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/send.h"

#include <inttypes.h>

#include "core/memory.h"
#include "exporters/support/otlp_response.h"
#include "net/grpc_client.h"

struct tool_sender {
    weir_loop *loop;
    weir_grpc_client *client;
    uint64_t timeout_ms;
    weir_signal signal; /* of the call under way */
    weir_error outcome;
    weir_timer *turn; /* starts the call from inside the loop, whose clock is of no use before it runs */
    weir_grpc_request request;
};

static void on_answer(void *user, const weir_error *error, weir_bytes response)
{
    tool_sender *sender = user;
    sender->outcome = *error;
    if (error->class_ == WEIR_ERROR_NONE)
        weir_otlp_response_read(sender->signal, response, &sender->outcome);
    weir_loop_stop(sender->loop);
}

static void start_call(void *user)
{
    tool_sender *sender = user;
    sender->request.deadline_ns = weir_loop_now_ns(sender->loop) + sender->timeout_ms * 1000000;
    weir_grpc_call_start(sender->client, &sender->request, on_answer, sender);
}

tool_sender *tool_sender_new(const tool_arguments *arguments)
{
    tool_sender *sender = WEIR_NEW(tool_sender);
    const weir_grpc_client_options options = {.http2.endpoint = arguments->to,
                                              .authority = arguments->to,
                                              .user_agent = "weir-replay/" WEIR_VERSION,
                                              .headers = arguments->headers,
                                              .header_count = arguments->header_count};
    sender->timeout_ms = arguments->timeout_ms;
    sender->loop = weir_loop_new_uv();
    sender->client = weir_grpc_client_new(sender->loop, &options);
    sender->turn = weir_timer_new(sender->loop, start_call, sender);
    return sender;
}

void tool_sender_free(tool_sender *sender)
{
    if (!sender)
        return;
    weir_timer_free(sender->turn);
    weir_grpc_client_free(sender->client);
    weir_loop_free(sender->loop);
    free(sender);
}

void tool_sender_send(tool_sender *sender, const weir_record *record, weir_error *ret_outcome)
{
    WEIR_FREE struct iovec *parts = weir_alloc(record->slice_count, sizeof *parts);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < record->slice_count; i++) {
        parts[i] = (struct iovec){(void *)(uintptr_t)record->slices[i].data, record->slices[i].len};
        bytes += record->slices[i].len;
    }
    if (bytes > INT32_MAX) {
        weir_error_set(ret_outcome, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                       "a request of %" PRIu64 " bytes is more than gRPC can carry", bytes);
        return;
    }
    sender->signal = record->signal;
    sender->request = (weir_grpc_request){
        .path = weir_otlp_method(record->signal), .parts = parts, .part_count = record->slice_count};
    weir_timer_start(sender->turn, 0);
    weir_loop_run(sender->loop);
    *ret_outcome = sender->outcome;
}
