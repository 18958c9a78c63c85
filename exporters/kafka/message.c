/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"
#include "core/memory.h"
#include "exporters/kafka/internal.h"
#include "kafka/envelope.h"
#include "otlp/json.h"

enum {
    /* What a record has around key, value and headers, at most, and what a batch of one record has around that: both
     * count for the limits of the library and of the broker. */
    RECORD_OVERHEAD = 128,
    HEADER_OVERHEAD = 10, /* two lengths */
    /* The share of a message that is left for the header of slices: an ordinal may take a byte or two of an item. */
    SLICES_SHARE = 32,
    /* JSON is two to three times as long as what it is made of; what is longer still is cut once more. */
    JSON_FACTOR = 2,
};

static const kafka_config *config_of(const kafka_request *request)
{
    return request->writer->shared->config;
}

static bool is_json(const kafka_request *request)
{
    return config_of(request)->signals[request->exporter->signal].encoding == KAFKA_OTLP_JSON;
}

/* What is neither key nor value nor header. */
static uint64_t overhead_of(const kafka_request *request)
{
    return RECORD_OVERHEAD + (request->header_count + 1) * HEADER_OVERHEAD;
}

size_t kafka_message_group_max(const kafka_request *request)
{
    uint64_t max = config_of(request)->producer.max_message_bytes;
    uint64_t reserved = overhead_of(request) + request->header_bytes + max / SLICES_SHARE;
    uint64_t left = max > reserved ? max - reserved : 1;
    return left > JSON_FACTOR && is_json(request) ? left / JSON_FACTOR : left;
}

/* ---- JSON ---- */

static bool stop(void *context, weir_buffer *piece)
{
    (void)context;
    piece->len = 0;
    return false;
}

/* WEIR_TOO_LARGE: the text is longer than `max`. */
static weir_status json_of(weir_otlp_kind kind, weir_bytes request, uint64_t max, weir_account *account,
                           weir_chunk **ret_text)
{
    WEIR_BUFFER text = {0};
    size_t piece_max = max > WEIR_OTLP_JSON_PIECE_MIN ? max : WEIR_OTLP_JSON_PIECE_MIN;
    const weir_otlp_json_spill spill = {.spill = stop, .piece_max = piece_max};
    if (!weir_otlp_to_json_in_pieces(kind, &request, 1, &text, &spill) || text.len > max)
        return WEIR_TOO_LARGE;
    weir_chunk *chunk = weir_chunk_new_forced(account, text.len);
    if (!chunk)
        return WEIR_NO_MEMORY;
    memcpy(chunk->data, text.data, text.len);
    *ret_text = chunk;
    return WEIR_OK;
}

/* ---- a message ---- */

static void add_headers(kafka_message *message)
{
    const kafka_request *request = message->request;
    message->headers = weir_alloc(request->header_count + 1, sizeof *message->headers);
    if (request->header_count > 0)
        memcpy(message->headers, request->headers, request->header_count * sizeof *request->headers);
    weir_kafka_envelope_write(message->group.slices, message->group.slice_count, is_json(request), &message->slices);
    message->headers[request->header_count] = (weir_kafka_header){.key = WEIR_TEXT(WEIR_KAFKA_SLICES_HEADER),
                                                                  .value = {message->slices.data, message->slices.len}};
    message->header_count = request->header_count + 1;
    message->bytes = request->header_bytes + strlen(WEIR_KAFKA_SLICES_HEADER) + message->slices.len;
}

/* WEIR_TOO_LARGE: there is no room for it beside the headers. */
static weir_status add_value(kafka_message *message)
{
    const kafka_request *request = message->request;
    uint64_t max = config_of(request)->producer.max_message_bytes;
    uint64_t taken = message->bytes + overhead_of(request);
    uint64_t room = max > taken ? max - taken : 0;
    message->value = message->group.bytes;
    if (is_json(request)) {
        weir_status status = json_of((weir_otlp_kind)request->exporter->signal, message->group.bytes, room,
                                     request->writer->shared->host->account, &message->json);
        if (status != WEIR_OK)
            return status;
        message->value = (weir_bytes){message->json->data, message->json->size};
    }
    message->bytes += message->value.len;
    return message->value.len <= room ? WEIR_OK : WEIR_TOO_LARGE;
}

weir_status kafka_message_new(kafka_request *request, weir_otlp_group *takes_group, kafka_target target,
                              kafka_message **ret_message)
{
    kafka_message *message = WEIR_NEW(kafka_message);
    message->request = request;
    message->topic = target.topic;
    message->partition = target.partition;
    message->group = *takes_group;
    add_headers(message);
    weir_status status = add_value(message);
    if (status != WEIR_OK) {
        message->group = (weir_otlp_group){0}; /* it stays the caller's */
        kafka_message_free(message);
        return status;
    }
    *takes_group = (weir_otlp_group){0};
    *ret_message = message;
    return WEIR_OK;
}

void kafka_message_free(kafka_message *message)
{
    weir_otlp_group_done(&message->group);
    weir_chunk_unref(message->json);
    weir_buffer_done(&message->slices);
    free(message->headers);
    free(message);
}
