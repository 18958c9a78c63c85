/* SPDX-License-Identifier: Apache-2.0
 *
 * A slice is cut in one walk over its items: `plan_piece` looks ahead how many fit, `write_piece` writes them. Each
 * item is looked at twice, whatever the number of pieces.
 */
#include "core/assert.h"
#include "otlp/rewrite.h"
#include "otlp/wire.h"
#include "otlp/writer.h"

enum { TAG_BYTES = 1 }; /* of the fields that contain items: their numbers are all below 16 */

enum depth { DEPTH_RESOURCE, DEPTH_SCOPE, DEPTH_METRIC, DEPTH_DATA, DEPTHS };

/* What a container has besides the items or containers in it; repeated in each piece. Kept while the walk is inside
 * that container, so that one which ends up in a thousand pieces is not searched a thousand times. */
typedef struct header {
    const uint8_t *of; /* the container's body; NULL: of none yet */
    weir_buffer bytes;
} header;

typedef struct split {
    weir_otlp_kind kind;
    const weir_slice *slice;
    uint32_t items_max;
    size_t bytes_max;
    header request;
    header headers[DEPTHS];
} split;

/* ---- Headers ----------------------------------------------------------------------------------------------------- */

/* Appends the fields of `message` that are not field `child`, as far as that one stands at `since` or later. */
static void put_others(weir_buffer *out, weir_bytes message, uint32_t child, const uint8_t *since)
{
    const uint8_t *at = message.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(message), &field);) {
        bool is_child = field.number == child && field.wire == WEIR_WIRE_LEN && (!since || field.start >= since);
        if (!is_child)
            weir_buffer_append(out, field.start, (size_t)(field.end - field.start));
    }
}

/* The data of a metric, all its occurrences as one, without the data points. */
static void put_data_others(weir_buffer *out, const weir_otlp_items *at)
{
    weir_otlp_walk walk = weir_otlp_walk_in(at->metric, at->data);
    walk.since = at->leaves.since;
    for (weir_bytes data; weir_otlp_walk_next(&walk, &data);)
        put_others(out, data, 1, NULL);
}

/* The input message on `depth` around the item at `at`. Data, which may stand in pieces, goes by its metric. */
static weir_bytes container_of(const weir_otlp_items *at, enum depth depth)
{
    if (depth == DEPTH_RESOURCE)
        return at->resource;
    return depth == DEPTH_SCOPE ? at->scope : at->metric;
}

static weir_bytes header_of(split *self, const weir_otlp_items *at, enum depth depth)
{
    header *kept = &self->headers[depth];
    weir_bytes container = container_of(at, depth);
    if (kept->of != container.data) {
        kept->of = container.data;
        kept->bytes.len = 0;
        if (depth == DEPTH_DATA)
            put_data_others(&kept->bytes, at);
        else if (depth == DEPTH_METRIC)
            put_others(&kept->bytes, container, at->data, at->leaves.since);
        else
            put_others(&kept->bytes, container, 2, NULL);
    }
    return (weir_bytes){kept->bytes.data, kept->bytes.len};
}

static unsigned depths_of(weir_otlp_kind kind)
{
    return kind == WEIR_OTLP_METRICS ? DEPTHS : DEPTH_METRIC;
}

/* The item's field, with tag and length. */
static weir_bytes field_of(const weir_otlp_items *at)
{
    return (weir_bytes){at->leaves.start, (size_t)(weir_otlp_end(at->item) - at->leaves.start)};
}

/* ---- Planning ---------------------------------------------------------------------------------------------------- */

/* How many bytes at most the item at `at` adds to a piece whose last item is at `before` (NULL: to an empty piece). */
static size_t item_cost(split *self, const weir_otlp_items *before, const weir_otlp_items *at)
{
    size_t cost = field_of(at).len;
    if (!before)
        cost += self->request.bytes.len;
    for (enum depth depth = 0; depth < depths_of(self->kind); depth++) {
        weir_bytes container = container_of(at, depth);
        if (before && container_of(before, depth).data == container.data)
            continue;
        /* No part of a container is longer than all of it, so neither is the length before it. */
        cost += TAG_BYTES + weir_otlp_varint_size(container.len) + header_of(self, at, depth).len;
    }
    return cost;
}

/* How many items after `*at` make the next piece (0 at the end of the request), and moves `*at` to the last of them. */
static uint32_t plan_piece(split *self, weir_otlp_items *at, size_t *ret_size)
{
    uint32_t count = 0;
    size_t size = 0;
    weir_otlp_items last = *at;
    weir_otlp_items next = *at;
    while (weir_otlp_items_next(&next)) {
        size_t cost = item_cost(self, count > 0 ? &last : NULL, &next);
        bool full =
            (self->items_max > 0 && count == self->items_max) || (self->bytes_max > 0 && size + cost > self->bytes_max);
        if (full && count > 0)
            break;
        count++;
        size += cost;
        last = next;
    }
    *at = last;
    *ret_size = size;
    return count;
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

/* The containers that are open in the piece being written, outermost first. */
typedef struct writing {
    weir_otlp_writer writer;
    const uint8_t *container[DEPTHS];
    weir_otlp_open open[DEPTHS];
    unsigned depth; /* how many are open */
} writing;

static void close_to(writing *piece, unsigned depth)
{
    while (piece->depth > depth)
        weir_otlp__writer_close(&piece->writer, piece->open[--piece->depth]);
}

static void write_item(split *self, writing *piece, const weir_otlp_items *at)
{
    const uint32_t numbers[DEPTHS] = {1, 2, 2, (uint32_t)at->data};
    for (enum depth depth = 0; depth < depths_of(self->kind); depth++) {
        weir_bytes container = container_of(at, depth);
        if (piece->depth > depth && piece->container[depth] == container.data)
            continue;
        close_to(piece, depth);
        weir_bytes others = header_of(self, at, depth);
        piece->open[depth] = weir_otlp__writer_open(&piece->writer, numbers[depth], container.len);
        piece->container[depth] = container.data;
        piece->depth = depth + 1;
        weir_otlp__writer_append(&piece->writer, others.data, others.len);
    }
    weir_otlp__writer_append(&piece->writer, at->leaves.start, field_of(at).len);
}

static weir_ordinals *ordinals_of(const weir_slice *slice, uint32_t first, uint32_t count)
{
    weir_ordinals *ordinals = weir_ordinals_new(count);
    for (uint32_t i = 0; i < count; i++)
        ordinals->kept[i] = weir_slice_ordinal(slice, first + i);
    return ordinals;
}

/* The `count` items after `at`, as a slice. */
static weir_status write_piece(split *self, weir_otlp_items at, uint32_t count, size_t size, weir_slice *ret_slice)
{
    const weir_slice *slice = self->slice;
    const uint32_t first = at.count;
    writing piece = {.writer = {.account = slice->chunk ? slice->chunk->account : NULL}};
    weir_otlp__writer_reserve(&piece.writer, size);
    weir_otlp__writer_append(&piece.writer, self->request.bytes.data, self->request.bytes.len);
    for (uint32_t i = 0; i < count && weir_otlp_items_next(&at); i++)
        write_item(self, &piece, &at);
    close_to(&piece, 0);
    WEIR_ASSERT(piece.writer.failed || piece.writer.len <= size);
    weir_chunk *chunk = weir_otlp__writer_take(&piece.writer);
    weir_otlp__writer_done(&piece.writer);
    if (!chunk)
        return WEIR_NO_MEMORY;
    *ret_slice = (weir_slice){
        .chunk = chunk,
        .data = chunk->data,
        .len = chunk->size,
        .items = count,
        .ordinals = ordinals_of(slice, first, count),
        .id = slice->id,
    };
    return WEIR_OK;
}

/* Cuts and gives until the end of the request. */
static weir_status give_pieces(split *self, weir_status (*give)(void *context, weir_slice *takes), void *context)
{
    weir_otlp_items at = weir_otlp_items_of(self->kind, (weir_bytes){self->slice->data, self->slice->len});
    for (;;) {
        weir_otlp_items begin = at;
        size_t size;
        uint32_t count = plan_piece(self, &at, &size);
        if (count == 0)
            return WEIR_OK;
        weir_slice piece;
        weir_status status = write_piece(self, begin, count, size, &piece);
        if (status == WEIR_OK)
            status = give(context, &piece);
        if (status != WEIR_OK)
            return status;
    }
}

weir_status weir_otlp_split(weir_otlp_kind kind, const weir_slice *slice, uint32_t items_max, size_t bytes_max,
                            weir_status (*give)(void *context, weir_slice *takes), void *context)
{
    const bool fits = (items_max == 0 || slice->items <= items_max) && (bytes_max == 0 || slice->len <= bytes_max);
    if (fits || slice->items <= 1) {
        weir_slice whole = weir_slice_ref(slice);
        return give(context, &whole);
    }
    split self = {.kind = kind, .slice = slice, .items_max = items_max, .bytes_max = bytes_max};
    put_others(&self.request.bytes, (weir_bytes){slice->data, slice->len}, 1, NULL);
    weir_status status = give_pieces(&self, give, context);
    weir_buffer_done(&self.request.bytes);
    for (unsigned depth = 0; depth < DEPTHS; depth++)
        weir_buffer_done(&self.headers[depth].bytes);
    return status;
}
