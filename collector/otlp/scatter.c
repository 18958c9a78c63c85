/* SPDX-License-Identifier: Apache-2.0
 *
 * The items are walked once. What goes into a group is noted as a list of parts, with the size it has so far; only when
 * a group is closed are its bytes written, into a chunk of exactly that size. So nothing is moved for a length that
 * became longer, and nothing is taken per item but a part (and where items that lie one after the other stay together,
 * one part for all of them).
 */
#include "otlp/scatter.h"

#include "core/assert.h"
#include "otlp/wire.h"

enum { TAG_BYTES = 1 }; /* of the fields that contain items: their numbers are all below 16 */

/* What lies between a request and its items, outermost first. */
enum depth { DEPTH_RESOURCE, DEPTH_SCOPE, DEPTH_METRIC, DEPTH_DATA, DEPTHS };

/* What a message has besides the items or containers in it; repeated in each group. Kept while the walk is inside that
 * message, so that one which ends up in a thousand groups is not searched a thousand times. */
typedef struct header {
    const uint8_t *of; /* the message's body; NULL: of none yet */
    size_t at;         /* in scatter.headers */
    size_t len;
} header;

typedef enum part_kind { PART_WHOLE, PART_SLICE, PART_CONTAINER, PART_ITEMS } part_kind;

/* A piece of a group, in the order of writing. */
typedef struct part {
    uint32_t next; /* the group's next part; nothing in its last */
    uint8_t kind;  /* part_kind */
    uint8_t field; /* of a container: its field's number */
    union {
        const uint8_t *items; /* PART_ITEMS: their fields */
        size_t header;        /* PART_SLICE, PART_CONTAINER: in scatter.headers */
    };
    size_t len; /* of those */
    union {
        size_t body_len; /* PART_CONTAINER: without what is still open inside */
        struct {
            uint32_t first; /* PART_ITEMS: index of the first; PART_WHOLE, PART_SLICE: which of the input's slices */
            uint32_t count; /* of items */
        };
    };
} part;

/* The group that is being gathered for a bucket; all zero when there is none. */
typedef struct bucket {
    size_t closed_len; /* of its bytes, but for what is still open */
    uint32_t items;
    uint32_t slices;
    uint32_t first_part, last_part;
    uint32_t slice;  /* the part that stands for the slice it had items of last */
    uint32_t source; /* and which of the input's slices that is */
    unsigned depth;  /* how many containers are open */
    uint32_t open[DEPTHS];
    const uint8_t *container[DEPTHS]; /* their bodies in the input */
    bool is_too_large;
} bucket;

typedef struct scatter {
    weir_otlp_kind kind;
    const weir_slice *const *slices;
    const weir_otlp_scattering *how;
    weir_account *account;
    bucket *buckets;
    part *parts;
    uint32_t part_count, part_capacity;
    weir_buffer headers;
    uint32_t source; /* the slice that is walked now */
    header request;
    header containers[DEPTHS];
} scatter;

void weir_otlp_group_done(weir_otlp_group *group)
{
    for (uint32_t i = 0; i < group->slice_count; i++)
        weir_slice_done(&group->slices[i]);
    free(group->slices);
    weir_chunk_unref(group->chunk);
    *group = (weir_otlp_group){0};
}

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

static const header *header_of(scatter *self, const weir_otlp_items *at, enum depth depth)
{
    header *kept = &self->containers[depth];
    weir_bytes container = container_of(at, depth);
    if (kept->of == container.data)
        return kept;
    kept->of = container.data;
    kept->at = self->headers.len;
    if (depth == DEPTH_DATA)
        put_data_others(&self->headers, at);
    else if (depth == DEPTH_METRIC)
        put_others(&self->headers, container, at->data, at->leaves.since);
    else
        put_others(&self->headers, container, 2, NULL);
    kept->len = self->headers.len - kept->at;
    return kept;
}

static unsigned depths_of(weir_otlp_kind kind)
{
    return kind == WEIR_OTLP_METRICS ? DEPTHS : DEPTH_METRIC;
}

/* ---- Writing a group --------------------------------------------------------------------------------------------- */

typedef struct writing {
    const scatter *self;
    uint8_t *at;
    weir_slice *slices; /* of the group */
    weir_slice *slice;  /* the one being written; NULL before the first */
    uint32_t kept;      /* of its ordinals, how many are set */
} writing;

static void write_bytes(writing *group, const uint8_t *bytes, size_t len)
{
    memcpy(group->at, bytes, len);
    group->at += len;
}

static void write_header(writing *group, const part *from)
{
    if (from->len > 0)
        write_bytes(group, group->self->headers.data + from->header, from->len);
}

static void begin_slice(writing *group, const part *from, weir_chunk *chunk)
{
    const weir_slice *source = group->self->slices[from->first];
    group->slice = group->slice ? group->slice + 1 : group->slices;
    group->kept = 0;
    *group->slice = (weir_slice){
        .chunk = weir_chunk_ref(chunk),
        .data = group->at,
        .items = from->count,
        .id = source->id,
    };
    if (from->count < source->items)
        group->slice->ordinals = weir_ordinals_new(from->count);
    else if (source->ordinals)
        group->slice->ordinals = weir_ordinals_ref(source->ordinals);
}

static void write_items(writing *group, const part *items, const weir_slice *source)
{
    write_bytes(group, items->items, items->len);
    if (group->slice->items == source->items)
        return;
    for (uint32_t i = 0; i < items->count; i++)
        group->slice->ordinals->kept[group->kept++] = weir_slice_ordinal(source, items->first + i);
}

static void write_container(writing *group, const part *container)
{
    *group->at++ = (uint8_t)(container->field << 3 | WEIR_WIRE_LEN);
    group->at += weir_otlp_varint_write(group->at, container->body_len);
    write_header(group, container);
}

static void write_parts(writing *group, const bucket *from, weir_chunk *chunk)
{
    const weir_slice *source = NULL;
    for (uint32_t i = from->first_part;; i = group->self->parts[i].next) {
        const part *next = &group->self->parts[i];
        switch ((part_kind)next->kind) {
        case PART_WHOLE:
        case PART_SLICE:
            begin_slice(group, next, chunk);
            source = group->self->slices[next->first];
            if (next->kind == PART_WHOLE)
                write_bytes(group, source->data, source->len);
            else
                write_header(group, next);
            break;
        case PART_CONTAINER:
            write_container(group, next);
            break;
        case PART_ITEMS:
            write_items(group, next, source);
            break;
        }
        group->slice->len = (size_t)(group->at - group->slice->data);
        if (i == from->last_part)
            return;
    }
}

/* Fills in chunk, bytes and slices. */
static weir_status fill_group(const scatter *self, const bucket *from, weir_otlp_group *group)
{
    const part *first = &self->parts[from->first_part];
    const weir_slice *whole = self->slices[first->first];
    const bool is_whole = from->slices == 1 && first->kind == PART_WHOLE;
    weir_chunk *chunk = is_whole ? whole->chunk : weir_chunk_new_forced(self->account, from->closed_len);
    if (!chunk)
        return WEIR_NO_MEMORY;
    group->slices = weir_alloc(from->slices, sizeof group->slices[0]);
    group->slice_count = from->slices;
    if (is_whole) {
        group->chunk = weir_chunk_ref(chunk);
        group->slices[0] = weir_slice_ref(whole);
        group->bytes = (weir_bytes){whole->data, whole->len};
        return WEIR_OK;
    }
    writing written = {.self = self, .at = chunk->data, .slices = group->slices};
    write_parts(&written, from, chunk);
    WEIR_ASSERT(written.at == chunk->data + from->closed_len);
    group->chunk = chunk;
    group->bytes = (weir_bytes){chunk->data, from->closed_len};
    return WEIR_OK;
}

/* ---- Gathering --------------------------------------------------------------------------------------------------- */

static void close_to(scatter *self, bucket *into, unsigned depth)
{
    while (into->depth > depth) {
        size_t len = self->parts[into->open[--into->depth]].body_len;
        len += TAG_BYTES + weir_otlp_varint_size(len);
        if (into->depth > 0)
            self->parts[into->open[into->depth - 1]].body_len += len;
        else
            into->closed_len += len;
    }
}

/* Closes the group of a bucket, which has items, and gives it away. */
static weir_status give_group(scatter *self, bucket *from)
{
    close_to(self, from, 0);
    weir_otlp_group group = {
        .bucket = (uint32_t)(from - self->buckets),
        .is_too_large = from->is_too_large,
        .items = from->items,
    };
    weir_status status = fill_group(self, from, &group);
    *from = (bucket){0};
    return status == WEIR_OK ? self->how->give(self->how->context, &group) : status;
}

static bool is_over(const scatter *self, uint64_t items, size_t len)
{
    const weir_otlp_scattering *how = self->how;
    return (how->items_max > 0 && items > how->items_max) || (how->bytes_max > 0 && len > how->bytes_max);
}

static part *add_part(scatter *self, bucket *into, part_kind kind)
{
    if (self->part_count == self->part_capacity) {
        size_t before = self->part_capacity * sizeof(part);
        self->part_capacity = self->part_capacity ? self->part_capacity * 2 : 256;
        self->parts = weir_realloc(self->parts, self->part_capacity, sizeof(part));
        if (self->account)
            weir_account_force(self->account, self->part_capacity * sizeof(part) - before);
    }
    if (into->slices > 0)
        self->parts[into->last_part].next = self->part_count;
    else
        into->first_part = self->part_count;
    into->last_part = self->part_count++;
    part *added = &self->parts[into->last_part];
    *added = (part){.kind = (uint8_t)kind};
    return added;
}

/* A slice as it stands, all of whose items go into the same bucket; it is within the limits alone. */
static weir_status add_whole(scatter *self, bucket *into, const weir_slice *slice)
{
    close_to(self, into, 0);
    if (into->items > 0 && is_over(self, (uint64_t)into->items + slice->items, into->closed_len + slice->len)) {
        weir_status status = give_group(self, into);
        if (status != WEIR_OK)
            return status;
    }
    part *whole = add_part(self, into, PART_WHOLE);
    whole->first = self->source;
    whole->count = slice->items;
    into->slices++;
    into->source = self->source;
    into->items += slice->items;
    into->closed_len += slice->len;
    return WEIR_OK;
}

/* The item's field, with tag and length. */
static weir_bytes field_of(const weir_otlp_items *at)
{
    return (weir_bytes){at->leaves.start, (size_t)(weir_otlp_end(at->item) - at->leaves.start)};
}

/* True if the group has items of the slice that is walked now. */
static bool is_in_slice(const scatter *self, const bucket *into)
{
    return into->items > 0 && into->source == self->source;
}

/* Closes the containers that the item at `at` is not in. */
static void leave(scatter *self, bucket *into, const weir_otlp_items *at)
{
    unsigned depth = 0;
    if (is_in_slice(self, into))
        while (depth < into->depth && into->container[depth] == container_of(at, depth).data)
            depth++;
    close_to(self, into, depth);
}

/* How long the group is with the item at `at`, all lengths and headers counted. What that one is not in is closed. */
static size_t len_with(scatter *self, const bucket *into, const weir_otlp_items *at)
{
    size_t len = field_of(at).len;
    for (unsigned depth = depths_of(self->kind); depth-- > 0;) {
        len += depth < into->depth ? self->parts[into->open[depth]].body_len : header_of(self, at, depth)->len;
        len += TAG_BYTES + weir_otlp_varint_size(len);
    }
    return into->closed_len + len + (is_in_slice(self, into) ? 0 : self->request.len);
}

/* Opens the slice and the containers that the item at `at` is in and the group is not. */
static void enter(scatter *self, bucket *into, const weir_otlp_items *at)
{
    const uint32_t fields[DEPTHS] = {1, 2, 2, (uint32_t)at->data};
    if (!is_in_slice(self, into)) {
        part *slice = add_part(self, into, PART_SLICE);
        slice->header = self->request.at;
        slice->len = self->request.len;
        slice->first = self->source;
        into->slice = into->last_part;
        into->source = self->source;
        into->slices++;
        into->closed_len += slice->len;
    }
    for (; into->depth < depths_of(self->kind); into->depth++) {
        const header *others = header_of(self, at, into->depth);
        part *container = add_part(self, into, PART_CONTAINER);
        container->field = (uint8_t)fields[into->depth];
        container->header = others->at;
        container->len = container->body_len = others->len;
        into->open[into->depth] = into->last_part;
        into->container[into->depth] = container_of(at, into->depth).data;
    }
}

static weir_status add_item(scatter *self, bucket *into, const weir_otlp_items *at)
{
    leave(self, into, at);
    size_t len = len_with(self, into, at);
    if (into->items > 0 && is_over(self, (uint64_t)into->items + 1, len)) {
        weir_status status = give_group(self, into);
        if (status != WEIR_OK)
            return status;
        len = len_with(self, into, at);
    }
    enter(self, into, at);
    into->is_too_large = is_over(self, 0, len);
    into->items++;
    self->parts[into->slice].count++;
    const weir_bytes field = field_of(at);
    self->parts[into->open[into->depth - 1]].body_len += field.len;
    part *items = &self->parts[into->last_part];
    if (items->kind != PART_ITEMS || items->items + items->len != field.data) {
        items = add_part(self, into, PART_ITEMS);
        items->items = field.data;
        items->first = at->index;
    }
    items->len += field.len;
    items->count++;
    return WEIR_OK;
}

/* ---- The walk ---------------------------------------------------------------------------------------------------- */

static bucket *bucket_of(const scatter *self, const weir_otlp_items *at)
{
    uint32_t number = self->how->bucket_of ? self->how->bucket_of(self->how->context, at) : 0;
    WEIR_ASSERT(number < self->how->buckets);
    return &self->buckets[number];
}

/* Moves `*at`, which stands on an item that belongs to `into`, to the first one that does not. Returns its bucket, NULL
 * at the end. */
static bucket *skip_same(const scatter *self, const bucket *into, weir_otlp_items *at)
{
    while (weir_otlp_items_next(at)) {
        bucket *found = bucket_of(self, at);
        if (found != into)
            return found;
    }
    return NULL;
}

/* Adds the first `count` items of a slice, or all if it has fewer. */
static weir_status add_first(scatter *self, bucket *into, weir_bytes request, uint32_t count)
{
    weir_otlp_items at = weir_otlp_items_of(self->kind, request);
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < count && weir_otlp_items_next(&at); i++)
        status = add_item(self, into, &at);
    return status;
}

static void enter_slice(scatter *self, uint32_t source, weir_bytes request)
{
    self->source = source;
    self->request.at = self->headers.len;
    put_others(&self->headers, request, 1, NULL);
    self->request.len = self->headers.len - self->request.at;
    for (unsigned depth = 0; depth < DEPTHS; depth++)
        self->containers[depth].of = NULL;
}

/* First it is tried how many items from the first on belong together. Mostly that is all of them, and nothing is copied,
 * or just the one. */
static weir_status scatter_slice(scatter *self, uint32_t source)
{
    const weir_slice *slice = self->slices[source];
    const weir_bytes request = {slice->data, slice->len};
    weir_otlp_items at = weir_otlp_items_of(self->kind, request);
    bucket *first = self->buckets;
    bucket *next = NULL;
    if (self->how->bucket_of) {
        if (!weir_otlp_items_next(&at))
            return WEIR_OK;
        first = bucket_of(self, &at);
        next = skip_same(self, first, &at);
    }
    enter_slice(self, source, request);
    if (!next && !is_over(self, slice->items, slice->len))
        return add_whole(self, first, slice);
    weir_status status = add_first(self, first, request, next ? at.index : slice->items);
    while (status == WEIR_OK && next) {
        status = add_item(self, next, &at);
        next = weir_otlp_items_next(&at) ? bucket_of(self, &at) : NULL;
    }
    return status;
}

weir_status weir_otlp_scatter(weir_otlp_kind kind, const weir_slice *const *slices, uint32_t slice_count,
                              const weir_otlp_scattering *scattering, weir_account *account)
{
    WEIR_ASSERT(scattering->buckets > 0);
    scatter self = {.kind = kind, .slices = slices, .how = scattering, .account = account};
    self.buckets = weir_alloc(scattering->buckets, sizeof self.buckets[0]);
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < slice_count; i++)
        if (slices[i]->items > 0)
            status = scatter_slice(&self, i);
    for (uint32_t i = 0; status == WEIR_OK && i < scattering->buckets; i++)
        if (self.buckets[i].items > 0)
            status = give_group(&self, &self.buckets[i]);
    if (account)
        weir_account_release(account, self.part_capacity * sizeof(part));
    free(self.parts);
    free(self.buckets);
    weir_buffer_done(&self.headers);
    return status;
}
