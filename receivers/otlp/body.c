/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/body.h"

#include <string.h>

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/from_json.h"

/* What the first bytes of a body of unknown length reserve. */
enum { GROWING_BODY_BYTES_MIN = 16 * 1024 };

void weir__otlp_body_init(otlp_body *body, weir_account *account, size_t bytes_max)
{
    *body = (otlp_body){.account = account, .bytes_max = bytes_max};
}

/* Moves what has arrived into a chunk of `size` bytes. */
static weir_status resize(otlp_body *body, size_t size)
{
    WEIR_ASSERT(size >= body->len);
    weir_chunk *chunk = weir_chunk_new(body->account, size);
    if (!chunk)
        return WEIR_NO_MEMORY;
    if (body->len)
        memcpy(chunk->data, body->chunk->data, body->len);
    weir_chunk_unref(body->chunk);
    body->chunk = chunk;
    return WEIR_OK;
}

weir_status weir__otlp_body_expect(otlp_body *body, size_t len)
{
    if (len > body->bytes_max)
        return WEIR_TOO_LARGE;
    return len ? resize(body, len) : WEIR_OK;
}

static weir_status grow(otlp_body *body, size_t needed)
{
    if (needed > body->bytes_max)
        return WEIR_TOO_LARGE;
    size_t size = needed > GROWING_BODY_BYTES_MIN ? needed * 2 : GROWING_BODY_BYTES_MIN;
    return resize(body, size < body->bytes_max ? size : body->bytes_max);
}

weir_status weir__otlp_body_append(otlp_body *body, const uint8_t *data, size_t len)
{
    size_t capacity = body->chunk ? body->chunk->size : 0;
    if (len > capacity - body->len) {
        weir_status status = grow(body, body->len + len);
        if (status != WEIR_OK)
            return status;
    }
    if (len)
        memcpy(body->chunk->data + body->len, data, len);
    body->len += len;
    return WEIR_OK;
}

weir_bytes weir__otlp_body_bytes(const otlp_body *body)
{
    return (weir_bytes){body->len ? body->chunk->data : (const uint8_t *)"", body->len};
}

/* Takes `chunk`: the whole of it is the body from now on. */
static void replace(otlp_body *body, weir_chunk *chunk)
{
    weir_chunk_unref(body->chunk);
    body->chunk = chunk;
    body->len = chunk->size;
}

weir_status weir__otlp_body_inflate(otlp_body *body, weir_encoding encoding, weir_error *ret_error)
{
    weir_bytes came = weir__otlp_body_bytes(body);
    weir_chunk *inflated;
    weir_status status =
        weir_inflate(encoding, came.data, came.len, body->bytes_max, body->account, &inflated, ret_error);
    if (status == WEIR_OK)
        replace(body, inflated);
    return status;
}

weir_status weir__otlp_body_from_json(otlp_body *body, weir_otlp_kind kind, uint64_t *ret_items, weir_error *ret_error)
{
    weir_bytes text = weir__otlp_body_bytes(body);
    weir_chunk *wire;
    weir_status status = weir_otlp_from_json(kind, text.data, text.len, body->account, &wire, ret_items, ret_error);
    if (status == WEIR_OK)
        replace(body, wire);
    return status;
}

weir_chunk *weir__otlp_body_take(otlp_body *body)
{
    weir_chunk *chunk = WEIR_TAKE(body->chunk);
    if (chunk && chunk->size > body->len)
        chunk = weir_chunk_shrink(chunk, body->len);
    body->len = 0;
    return chunk;
}

void weir__otlp_body_done(otlp_body *body)
{
    weir_chunk_unref(WEIR_TAKE(body->chunk));
    body->len = 0;
}
