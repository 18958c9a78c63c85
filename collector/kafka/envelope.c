/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/envelope.h"

#include <endian.h>
#include <string.h>

#include "core/assert.h"
#include "core/sha256.h"
#include "otlp/rewrite.h"
#include "otlp/scatter.h"

/* The header's value, byte by byte in docs/kafka.md:
 *
 *     version  count × (origin  sequence  length  2 × items + is_listed  [runs of ordinals])
 *
 * The origin is a fixed number, everything else a varint. */
enum {
    VERSION = 1,
    VARINT_BYTES_MAX = 10,
    ORDINALS_ARE_LISTED = 1, /* in the lowest bit of the items */
    RUN_IS_LONG = 1,         /* in the lowest bit of a run's distance: more than one ordinal */
};

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put_u64(weir_buffer *out, uint64_t value)
{
    value = htole64(value);
    weir_buffer_append(out, &value, sizeof value);
}

/* Each run of ordinals without a gap: how far it is from the end of the one before, and, if it is not just one, how
 * long. Items that were scattered over partitions are single ones mostly, and take a byte each. */
static void put_runs(weir_buffer *out, const weir_ordinals *ordinals)
{
    uint32_t expected = 0;
    for (uint32_t i = 0; i < ordinals->count;) {
        const uint32_t first = ordinals->kept[i];
        WEIR_ASSERT(first >= expected);
        uint32_t len = 1;
        while (i + len < ordinals->count && ordinals->kept[i + len] == first + len)
            len++;
        weir_otlp_put_varint(out, (uint64_t)(first - expected) << 1 | (len > 1 ? RUN_IS_LONG : 0));
        if (len > 1)
            weir_otlp_put_varint(out, len - 2);
        expected = first + len;
        i += len;
    }
}

void weir_kafka_envelope_write(const weir_slice *slices, uint32_t count, bool without_lengths, weir_buffer *out)
{
    weir_buffer_append_byte(out, VERSION);
    for (uint32_t i = 0; i < count; i++) {
        const weir_slice *slice = &slices[i];
        WEIR_ASSERT(slice->items > 0 && slice->len > 0);
        WEIR_ASSERT(!slice->ordinals || slice->ordinals->count == slice->items);
        put_u64(out, slice->id.origin);
        weir_otlp_put_varint(out, slice->id.sequence);
        weir_otlp_put_varint(out, without_lengths ? 0 : slice->len);
        weir_otlp_put_varint(out, (uint64_t)slice->items << 1 | (slice->ordinals ? ORDINALS_ARE_LISTED : 0));
        if (slice->ordinals)
            put_runs(out, slice->ordinals);
    }
}

/* ---- Reading the header ------------------------------------------------------------------------------------------ */

/* Once `bad` is set every further value is 0 and nothing moves. */
typedef struct header_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
} header_reader;

/* What is said about one slice. */
typedef struct entry {
    weir_slice_id id;
    uint64_t len; /* 0: without lengths */
    uint32_t items;
    bool is_listed; /* its ordinals follow */
} entry;

static const uint8_t *get_bytes(header_reader *reader, size_t len)
{
    reader->bad |= (size_t)(reader->end - reader->at) < len;
    if (reader->bad)
        return NULL;
    reader->at += len;
    return reader->at - len;
}

/* At most `max`, or the header is bad. */
static uint64_t get_varint(header_reader *reader, uint64_t max)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        const uint8_t *byte = get_bytes(reader, 1);
        if (!byte)
            return 0;
        value |= (uint64_t)(*byte & 0x7F) << 7 * i;
        reader->bad |= i == VARINT_BYTES_MAX - 1 && *byte > 1;
        if (*byte < 0x80) {
            reader->bad |= value > max;
            return reader->bad ? 0 : value;
        }
    }
    reader->bad = true;
    return 0;
}

/* Reads as many ordinals as there are items, into `ordinals` unless that is NULL. Ascending by construction; one that
 * does not fit in 32 bits is bad. */
static void get_runs(header_reader *reader, uint32_t items, weir_ordinals *ordinals)
{
    const uint64_t end = (uint64_t)UINT32_MAX + 1;
    uint64_t next = 0;
    for (uint32_t count = 0; count < items;) {
        const uint64_t run = get_varint(reader, end << 1);
        const uint64_t len = run & RUN_IS_LONG ? get_varint(reader, UINT32_MAX) + 2 : 1;
        next += run >> 1;
        reader->bad |= len > items - count || next + len > end;
        if (reader->bad)
            return;
        for (uint64_t i = 0; ordinals && i < len; i++)
            ordinals->kept[count + i] = (uint32_t)(next + i);
        next += len;
        count += (uint32_t)len;
    }
}

/* The ordinals, if there are any, are to be read next. */
static entry get_entry(header_reader *reader)
{
    entry read = {0};
    const uint8_t *origin = get_bytes(reader, sizeof read.id.origin);
    if (!origin)
        return read;
    memcpy(&read.id.origin, origin, sizeof read.id.origin);
    read.id.origin = le64toh(read.id.origin);
    read.id.sequence = get_varint(reader, UINT64_MAX);
    read.len = get_varint(reader, UINT64_MAX);
    const uint64_t items = get_varint(reader, (uint64_t)UINT32_MAX << 1 | ORDINALS_ARE_LISTED);
    read.items = (uint32_t)(items >> 1);
    read.is_listed = items & ORDINALS_ARE_LISTED;
    reader->bad |= read.items == 0;
    return read;
}

static bool has_items(weir_otlp_kind kind, const uint8_t *data, size_t len, uint64_t expected)
{
    uint64_t items;
    weir_error error;
    return weir_otlp_validate(kind, data, len, &items, &error) == WEIR_OK && items == expected;
}

/* True if the header says about the request what is so. Takes no memory. `*ret_count`: of slices; `*ret_cut`: their
 * lengths are not said. */
static bool header_fits(weir_otlp_kind kind, weir_bytes request, weir_bytes header, uint32_t *ret_count, bool *ret_cut)
{
    header_reader reader = {.at = header.data, .end = header.data + header.len};
    const uint8_t *version = get_bytes(&reader, 1);
    uint32_t count = 0;
    uint32_t without_len = 0;
    size_t at = 0;
    uint64_t items = 0;
    reader.bad |= !version || *version != VERSION;
    for (; !reader.bad && reader.at < reader.end; count++) {
        entry next = get_entry(&reader);
        if (next.is_listed)
            get_runs(&reader, next.items, NULL);
        reader.bad |= next.len > request.len - at;
        reader.bad |= next.len > 0 && !reader.bad && !has_items(kind, request.data + at, next.len, next.items);
        at += reader.bad ? 0 : next.len;
        without_len += next.len == 0;
        items += next.items;
    }
    *ret_count = count;
    *ret_cut = without_len == count;
    if (reader.bad || count == 0)
        return false;
    if (*ret_cut)
        return has_items(kind, request.data, request.len, items);
    return without_len == 0 && at == request.len;
}

/* ---- Making the slices ------------------------------------------------------------------------------------------- */

/* Fills in what the header, which fits, says about the slices; and where their bytes are, if it says that. */
static void read_entries(weir_bytes request, weir_bytes header, weir_slice *slices, uint32_t count)
{
    header_reader reader = {.at = header.data + 1, .end = header.data + header.len};
    const uint8_t *data = request.data;
    for (uint32_t i = 0; i < count; i++) {
        entry next = get_entry(&reader);
        slices[i] = (weir_slice){.data = data, .len = next.len, .items = next.items, .id = next.id};
        if (next.is_listed) {
            slices[i].ordinals = weir_ordinals_new(next.items);
            get_runs(&reader, next.items, slices[i].ordinals);
        }
        data += next.len;
    }
    WEIR_ASSERT(!reader.bad && reader.at == reader.end);
}

typedef struct cutting {
    weir_slice *slices;
    uint32_t current;
    uint32_t taken; /* of its items */
} cutting;

static uint32_t slice_of_next(void *context, const weir_otlp_items *at)
{
    (void)at;
    cutting *self = context;
    if (self->taken == self->slices[self->current].items) {
        self->current++;
        self->taken = 0;
    }
    self->taken++;
    return self->current;
}

static weir_status take_cut(void *context, weir_otlp_group *takes)
{
    cutting *self = context;
    weir_slice *slice = &self->slices[takes->bucket];
    WEIR_ASSERT(takes->slice_count == 1 && takes->items == slice->items);
    slice->chunk = WEIR_TAKE(takes->slices[0].chunk);
    slice->data = takes->slices[0].data;
    slice->len = takes->slices[0].len;
    weir_otlp_group_done(takes);
    return WEIR_OK;
}

/* The bytes of slices of which only the items are known: one after the other. */
static weir_status cut(weir_otlp_kind kind, weir_chunk *chunk, weir_bytes request, weir_slice *slices, uint32_t count)
{
    weir_slice whole = {.chunk = chunk, .data = request.data, .len = request.len};
    for (uint32_t i = 0; i < count; i++)
        whole.items += slices[i].items;
    cutting self = {.slices = slices};
    const weir_slice *input = &whole;
    const weir_otlp_scattering by_slice = {
        .buckets = count, .bucket_of = slice_of_next, .give = take_cut, .context = &self};
    return weir_otlp_scatter(kind, &input, 1, &by_slice, chunk->account);
}

static weir_slice_id foreign_id(const weir_kafka_place *place)
{
    WEIR_BUFFER text = {0};
    put_u64(&text, place->cluster_id.len);
    weir_buffer_append(&text, place->cluster_id.data, place->cluster_id.len);
    put_u64(&text, place->topic.len);
    weir_buffer_append(&text, place->topic.data, place->topic.len);
    put_u64(&text, (uint64_t)place->partition);
    put_u64(&text, (uint64_t)place->timestamp_ms);
    uint8_t digest[WEIR_SHA256_BYTES];
    weir_sha256(text.data, text.len, digest);
    weir_slice_id id = {.sequence = (uint64_t)place->offset};
    memcpy(&id.origin, digest, sizeof id.origin);
    id.origin = le64toh(id.origin);
    return id;
}

/* The whole message as one slice. */
static weir_status read_foreign(weir_otlp_kind kind, weir_chunk *chunk, weir_bytes request,
                                const weir_kafka_place *place, weir_slice **ret_slices, uint32_t *ret_count,
                                weir_error *ret_error)
{
    uint64_t items;
    weir_status status = weir_otlp_validate(kind, request.data, request.len, &items, ret_error);
    if (status != WEIR_OK)
        return status;
    weir_slice *slice = WEIR_NEW(weir_slice);
    *slice = (weir_slice){
        .chunk = weir_chunk_ref(chunk),
        .data = request.data,
        .len = request.len,
        .items = (uint32_t)items,
        .id = foreign_id(place),
    };
    *ret_slices = slice;
    *ret_count = 1;
    return WEIR_OK;
}

static weir_status read_own(weir_otlp_kind kind, weir_chunk *chunk, weir_bytes request, weir_bytes header,
                            uint32_t count, bool needs_cut, weir_slice **ret_slices)
{
    weir_slice *slices = weir_alloc(count, sizeof *slices);
    read_entries(request, header, slices, count);
    weir_status status = WEIR_OK;
    if (needs_cut)
        status = cut(kind, chunk, request, slices, count);
    else
        for (uint32_t i = 0; i < count; i++)
            slices[i].chunk = weir_chunk_ref(chunk);
    if (status == WEIR_OK) {
        *ret_slices = slices;
        return WEIR_OK;
    }
    for (uint32_t i = 0; i < count; i++)
        weir_slice_done(&slices[i]);
    free(slices);
    return status;
}

weir_status weir_kafka_envelope_read(weir_otlp_kind kind, weir_chunk *chunk, weir_bytes request, weir_bytes header,
                                     const weir_kafka_place *place, weir_slice **ret_slices, uint32_t *ret_count,
                                     bool *ret_is_misfit, weir_error *ret_error)
{
    WEIR_ASSERT(request.len <= UINT32_MAX); /* Kafka's messages have 31 bits, and an item takes two bytes or more */
    uint32_t count = 0;
    bool needs_cut = false;
    *ret_is_misfit = false;
    if (header.data && header_fits(kind, request, header, &count, &needs_cut)) {
        weir_status status = read_own(kind, chunk, request, header, count, needs_cut, ret_slices);
        if (status == WEIR_OK)
            *ret_count = count;
        else
            weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, status, "no memory to cut a message of %zu bytes",
                           request.len);
        return status;
    }
    *ret_is_misfit = header.data != NULL;
    return read_foreign(kind, chunk, request, place, ret_slices, ret_count, ret_error);
}
