/* SPDX-License-Identifier: Apache-2.0
 *
 * A message and its header, both arbitrary. Byte 0 chooses the kind, byte 1 is the header's length; the header comes
 * next, then the message. Whatever slices are made must be valid and have what the message has; and what they are
 * made of must be read again from a header written for them.
 */
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "kafka/envelope.h"

typedef struct reading {
    weir_slice *slices;
    uint32_t count;
    bool is_misfit;
} reading;

static weir_status read_message(weir_otlp_kind kind, weir_chunk *chunk, weir_bytes header, reading *ret_reading)
{
    static const weir_kafka_place place = {.topic = {"t", 1}, .offset = 5};
    weir_error error;
    return weir_kafka_envelope_read(kind, chunk, (weir_bytes){chunk->data, chunk->size}, header, &place,
                                    &ret_reading->slices, &ret_reading->count, &ret_reading->is_misfit, &error);
}

/* Returns the number of items. */
static uint64_t check(weir_otlp_kind kind, const reading *result)
{
    uint64_t sum = 0;
    WEIR_ASSERT(result->count > 0);
    for (uint32_t i = 0; i < result->count; i++) {
        const weir_slice *slice = &result->slices[i];
        uint64_t items;
        weir_error error;
        WEIR_ASSERT(weir_otlp_validate(kind, slice->data, slice->len, &items, &error) == WEIR_OK);
        WEIR_ASSERT(items == slice->items && (items > 0 || result->count == 1));
        for (uint32_t item = 1; item < slice->items; item++)
            WEIR_ASSERT(weir_slice_ordinal(slice, item) > weir_slice_ordinal(slice, item - 1));
        sum += items;
    }
    return sum;
}

static void done(reading *result)
{
    for (uint32_t i = 0; i < result->count; i++)
        weir_slice_done(&result->slices[i]);
    free(result->slices);
}

/* `result` came from a message of these bytes, with lengths or (cut by items) without. */
static void check_again(weir_otlp_kind kind, weir_chunk *chunk, const reading *result)
{
    const bool is_cut = result->slices[0].data != chunk->data || result->slices[0].chunk != chunk;
    WEIR_BUFFER header = {0};
    weir_kafka_envelope_write(result->slices, result->count, is_cut, &header);
    reading again = {0};
    WEIR_ASSERT(read_message(kind, chunk, (weir_bytes){header.data, header.len}, &again) == WEIR_OK);
    WEIR_ASSERT(!again.is_misfit && again.count == result->count);
    for (uint32_t i = 0; i < again.count; i++) {
        const weir_slice *a = &again.slices[i], *b = &result->slices[i];
        WEIR_ASSERT(a->id.origin == b->id.origin && a->id.sequence == b->id.sequence && a->items == b->items);
        for (uint32_t item = 0; item < a->items; item++)
            WEIR_ASSERT(weir_slice_ordinal(a, item) == weir_slice_ordinal(b, item));
    }
    done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 < data[1])
        return 0;
    const weir_otlp_kind kind = data[0] % 3;
    const weir_bytes header = {data + 2, data[1]};
    weir_chunk *chunk = weir_chunk_new(NULL, size - 2 - header.len);
    memcpy(chunk->data, data + 2 + header.len, chunk->size);
    reading result = {0};
    uint64_t items;
    weir_error error;
    const weir_status status = weir_otlp_validate(kind, chunk->data, chunk->size, &items, &error);
    WEIR_ASSERT(read_message(kind, chunk, header, &result) == status);
    if (status == WEIR_OK) {
        WEIR_ASSERT(check(kind, &result) == items);
        if (items > 0)
            check_again(kind, chunk, &result);
        done(&result);
    }
    weir_chunk_unref(chunk);
    return 0;
}
