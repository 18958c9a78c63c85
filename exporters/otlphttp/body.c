/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/otlphttp/body.h"

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/json.h"

enum { PIECE_BYTES = 256 * 1024, PARTS_MIN = 8 };

static void add_part(otlphttp_body *body, const void *data, size_t len)
{
    if (body->part_count == body->part_capacity) {
        body->part_capacity = body->part_capacity ? body->part_capacity * 2 : PARTS_MIN;
        body->parts = weir_realloc(body->parts, body->part_capacity, sizeof *body->parts);
    }
    body->parts[body->part_count++] = (struct iovec){(void *)(uintptr_t)data, len};
}

void otlphttp_body_of_protobuf(otlphttp_body *body, const weir_push *push)
{
    for (uint32_t i = 0; i < push->slice_count; i++)
        add_part(body, push->slices[i]->data, push->slices[i]->len);
}

/* ---- JSON ---- */

typedef struct json_maker {
    otlphttp_body *body;
    weir_account *account;
} json_maker;

static bool keep_piece(void *context, weir_buffer *piece)
{
    json_maker *maker = context;
    otlphttp_body *body = maker->body;
    weir_chunk *chunk = weir_chunk_new_forced(maker->account, piece->len);
    WEIR_ASSERT(chunk); /* out of memory */
    memcpy(chunk->data, piece->data, piece->len);
    add_part(body, chunk->data, chunk->size);
    body->pieces = weir_realloc(body->pieces, body->part_capacity, sizeof(weir_chunk *));
    body->pieces[body->part_count - 1] = chunk;
    piece->len = 0;
    return true;
}

void otlphttp_body_of_json(otlphttp_body *body, const weir_push *push, weir_account *account)
{
    json_maker maker = {body, account};
    const weir_otlp_json_spill spill = {keep_piece, &maker, PIECE_BYTES};
    WEIR_BUFFER piece = {0};
    WEIR_FREE weir_bytes *slices = weir_alloc(push->slice_count, sizeof *slices);
    for (uint32_t i = 0; i < push->slice_count; i++)
        slices[i] = (weir_bytes){push->slices[i]->data, push->slices[i]->len};
    bool is_whole =
        weir_otlp_to_json_in_pieces((weir_otlp_kind)push->signal, slices, push->slice_count, &piece, &spill);
    WEIR_ASSERT(is_whole); /* keep_piece never says stop */
    (void)keep_piece(&maker, &piece);
}

void otlphttp_body_done(otlphttp_body *body)
{
    for (size_t i = 0; body->pieces && i < body->part_count; i++)
        weir_chunk_unref(body->pieces[i]);
    free(body->pieces);
    free(body->parts);
    *body = (otlphttp_body){0};
}
