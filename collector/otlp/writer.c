/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/writer.h"

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/wire.h"

void weir_otlp__writer_reserve(weir_otlp_writer *writer, size_t len)
{
    if (writer->failed || (writer->chunk && writer->chunk->size - writer->len >= len))
        return;
    size_t size = writer->len + len;
    if (writer->chunk && size < writer->chunk->size + writer->chunk->size / 2)
        size = writer->chunk->size + writer->chunk->size / 2;
    weir_chunk *larger = weir_chunk_new_forced(writer->account, size);
    if (!larger) {
        writer->failed = true;
        return;
    }
    if (writer->chunk)
        memcpy(larger->data, writer->chunk->data, writer->len);
    weir_chunk_unref(writer->chunk);
    writer->chunk = larger;
}

void weir_otlp__writer_append(weir_otlp_writer *writer, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return;
    weir_otlp__writer_reserve(writer, len);
    if (writer->failed)
        return;
    memcpy(writer->chunk->data + writer->len, bytes, len);
    writer->len += len;
}

void weir_otlp__writer_varint(weir_otlp_writer *writer, uint64_t value)
{
    uint8_t bytes[WEIR_VARINT_BYTES_MAX];
    weir_otlp__writer_append(writer, bytes, weir_otlp_varint_write(bytes, value));
}

void weir_otlp__writer_field(weir_otlp_writer *writer, uint32_t number, weir_bytes body)
{
    weir_otlp__writer_varint(writer, (uint64_t)number << 3 | WEIR_WIRE_LEN);
    weir_otlp__writer_varint(writer, body.len);
    weir_otlp__writer_append(writer, body.data, body.len);
}

weir_otlp_open weir_otlp__writer_open(weir_otlp_writer *writer, uint32_t number, size_t body_len)
{
    weir_otlp_open open = {.field = writer->len};
    weir_otlp__writer_varint(writer, (uint64_t)number << 3 | WEIR_WIRE_LEN);
    open.length = writer->len;
    weir_otlp__writer_varint(writer, body_len);
    open.body = writer->len;
    return open;
}

void weir_otlp__writer_close(weir_otlp_writer *writer, weir_otlp_open open)
{
    if (writer->failed)
        return;
    WEIR_ASSERT(open.length < open.body && open.body <= writer->len);
    size_t body_len = writer->len - open.body;
    size_t room = open.body - open.length;
    size_t needed = weir_otlp_varint_size(body_len);
    if (needed > room)
        weir_otlp__writer_reserve(writer, needed - room);
    if (writer->failed)
        return;
    uint8_t *length = writer->chunk->data + open.length;
    if (needed != room)
        memmove(length + needed, length + room, body_len);
    writer->len = open.length + needed + body_len;
    weir_otlp_varint_write(length, body_len);
}

weir_chunk *weir_otlp__writer_take(weir_otlp_writer *writer)
{
    if (writer->failed)
        return NULL;
    weir_otlp__writer_reserve(writer, 0); /* an empty result has a chunk too */
    if (writer->failed)
        return NULL;
    weir_chunk *chunk = WEIR_TAKE(writer->chunk);
    chunk = chunk->size == writer->len ? chunk : weir_chunk_shrink(chunk, writer->len);
    writer->len = 0;
    return chunk;
}

void weir_otlp__writer_done(weir_otlp_writer *writer)
{
    weir_chunk_unref(writer->chunk);
    *writer = (weir_otlp_writer){0};
}
