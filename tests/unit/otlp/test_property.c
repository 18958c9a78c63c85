/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold for every request, tried on thousands of random ones against protobuf-c.
 * A failure names the seed; the same seed makes the same request.
 */
#include <criterion/criterion.h>

#include "generator.h"
#include "oracle.h"
#include "otlp/rewrite.h"

enum { REQUESTS_PER_KIND = 2000 };

static const weir_otlp_kind all_kinds[] = {WEIR_OTLP_TRACES, WEIR_OTLP_METRICS, WEIR_OTLP_LOGS};

/* Calls `check` for many requests of each kind, every fourth as tame as an SDK's. */
static void for_many(void (*check)(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request))
{
    for (unsigned k = 0; k < 3; k++) {
        for (uint64_t seed = 1; seed <= REQUESTS_PER_KIND; seed++) {
            WEIR_BUFFER request = {0};
            generator random = {.state = seed * 3 + k, .tame = seed % 4 == 0};
            generator_make(&random, all_kinds[k], &request);
            check(all_kinds[k], seed, &request);
        }
    }
}

static void assert_same(const weir_buffer *expected, const weir_buffer *found, weir_otlp_kind kind, uint64_t seed,
                        const char *what)
{
    size_t at = 0;
    while (at < expected->len && at < found->len && expected->data[at] == found->data[at])
        at++;
    cr_assert(expected->len == found->len && at == found->len, "%s: kind %d seed %llu differs at %zu of %zu and %zu",
              what, (int)kind, (unsigned long long)seed, at, expected->len, found->len);
}

/* protobuf-c's serialization of what it reads. */
static void canonical(weir_otlp_kind kind, const uint8_t *data, size_t len, weir_buffer *out)
{
    ProtobufCMessage *message = oracle_parse(kind, data, len);
    oracle_pack(message, out);
    protobuf_c_message_free_unpacked(message, NULL);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static void check_view(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    WEIR_BUFFER expected = {0};
    WEIR_BUFFER found = {0};
    weir_slice slice = generator_slice(kind, request);
    ProtobufCMessage *message = oracle_parse(kind, request->data, request->len);
    oracle_describe(kind, message, &expected);
    view_describe(kind, slice.data, slice.len, &found);
    if (expected.len != found.len || (found.len && memcmp(expected.data, found.data, found.len) != 0))
        cr_assert_str_eq(weir_buffer_string(&found), weir_buffer_string(&expected), "kind %d seed %llu", (int)kind,
                         (unsigned long long)seed);
    protobuf_c_message_free_unpacked(message, NULL);
    weir_slice_done(&slice);
}

Test(otlp_property, views_read_what_protobuf_c_reads)
{
    for_many(check_view);
}

static void check_count(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    weir_slice slice = generator_slice(kind, request);
    weir_otlp_items at = weir_otlp_items_of(kind, (weir_bytes){slice.data, slice.len});
    uint32_t count = 0;
    for (; weir_otlp_items_next(&at); count++)
        cr_assert_eq(at.index, count);
    cr_assert_eq(count, slice.items, "kind %d seed %llu", (int)kind, (unsigned long long)seed);
    weir_slice_done(&slice);
}

Test(otlp_property, the_validator_counts_the_items_that_the_view_shows)
{
    for_many(check_count);
}

static void check_concatenation(weir_otlp_kind kind, uint64_t seed, const weir_buffer *first)
{
    WEIR_BUFFER second = {0};
    generator random = {.state = ~seed};
    generator_make(&random, kind, &second);
    weir_slice slice_a = generator_slice(kind, first);
    weir_slice slice_b = generator_slice(kind, &second);
    WEIR_BUFFER both = {0};
    weir_buffer_append(&both, first->data, first->len);
    weir_buffer_append(&both, second.data, second.len);
    weir_slice joined = generator_slice(kind, &both);
    cr_assert_eq(joined.items, slice_a.items + slice_b.items);

    WEIR_BUFFER apart = {0};
    WEIR_BUFFER together = {0};
    view_describe(kind, slice_a.data, slice_a.len, &apart);
    view_describe(kind, slice_b.data, slice_b.len, &apart);
    ProtobufCMessage *message = oracle_parse(kind, joined.data, joined.len);
    oracle_describe(kind, message, &together);
    assert_same(&apart, &together, kind, seed, "concatenation");
    protobuf_c_message_free_unpacked(message, NULL);
    weir_slice_done(&slice_a);
    weir_slice_done(&slice_b);
    weir_slice_done(&joined);
}

Test(otlp_property, two_requests_one_after_the_other_are_their_merge)
{
    for_many(check_concatenation);
}

/* ---- Filtering --------------------------------------------------------------------------------------------------- */

static bool keep_all(void *context, const weir_otlp_items *at)
{
    (void)context;
    (void)at;
    return true;
}

static void check_keep_all(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    (void)seed;
    weir_slice slice = generator_slice(kind, request);
    weir_slice kept;
    cr_assert_eq(weir_otlp_filter(kind, &slice, keep_all, NULL, &kept), WEIR_OK);
    cr_assert_eq(kept.chunk, slice.chunk, "not copied");
    cr_assert_eq(kept.data, slice.data);
    cr_assert_eq(kept.len, slice.len);
    cr_assert_eq(kept.items, slice.items);
    cr_assert_null(kept.ordinals);
    weir_slice_done(&kept);
    weir_slice_done(&slice);
}

Test(otlp_property, keeping_all_items_keeps_the_very_bytes)
{
    for_many(check_keep_all);
}

/* A fixed choice per seed and index; in every seventh request all items go. */
static bool keep_index(void *context, uint32_t index)
{
    generator random = {.state = *(uint64_t *)context * 1000003 + index};
    return *(uint64_t *)context % 7 != 0 && generator_below(&random, 3) != 0;
}

static bool keep_at(void *context, const weir_otlp_items *at)
{
    return keep_index(context, at->index);
}

static void check_ordinals(const weir_slice *slice, const weir_slice *kept, uint64_t seed)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < slice->items; i++)
        if (keep_index(&seed, i))
            cr_assert_eq(weir_slice_ordinal(kept, left++), weir_slice_ordinal(slice, i));
    cr_assert_eq(left, kept->items);
    cr_assert_eq(kept->id.sequence, slice->id.sequence);
}

static void check_filter(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    weir_slice slice = generator_slice(kind, request);
    weir_slice kept;
    cr_assert_eq(weir_otlp_filter(kind, &slice, keep_at, &seed, &kept), WEIR_OK);
    check_ordinals(&slice, &kept, seed);
    uint64_t items = 0;
    weir_error error;
    cr_assert_eq(weir_otlp_validate(kind, kept.data, kept.len, &items, &error), WEIR_OK, "%s", error.text);
    cr_assert_eq(items, kept.items);

    WEIR_BUFFER expected = {0};
    WEIR_BUFFER found = {0};
    if (kept.items > 0 || slice.items == 0) {
        ProtobufCMessage *message = oracle_parse(kind, request->data, request->len);
        oracle_filter(kind, message, keep_index, &seed);
        oracle_pack(message, &expected);
        protobuf_c_message_free_unpacked(message, NULL);
        canonical(kind, kept.data, kept.len, &found);
    } else {
        cr_assert_eq(kept.len, 0);
    }
    assert_same(&expected, &found, kind, seed, "filter");
    weir_slice_done(&kept);
    weir_slice_done(&slice);
}

Test(otlp_property, dropping_items_does_what_protobuf_c_does)
{
    for_many(check_filter);
}

static bool drop_first(void *context, const weir_otlp_items *at)
{
    (void)context;
    return at->index > 0;
}

static void check_repeated_rewrites(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    (void)seed;
    weir_slice slice = generator_slice(kind, request);
    const uint32_t all = slice.items;
    for (uint32_t dropped = 1; dropped < all; dropped++) {
        weir_slice next;
        cr_assert_eq(weir_otlp_filter(kind, &slice, drop_first, NULL, &next), WEIR_OK);
        weir_slice_done(&slice);
        slice = next;
        cr_assert_eq(slice.items, all - dropped);
        for (uint32_t i = 0; i < slice.items; i++)
            cr_assert_eq(weir_slice_ordinal(&slice, i), dropped + i);
    }
    weir_slice_done(&slice);
}

Test(otlp_property, ordinals_survive_many_rewrites)
{
    for_many(check_repeated_rewrites);
}

/* ---- Splitting --------------------------------------------------------------------------------------------------- */

typedef struct pieces {
    weir_otlp_kind kind;
    const weir_slice *slice;
    uint32_t items_max;
    size_t bytes_max;
    uint32_t items; /* so far */
    weir_buffer described;
} pieces;

static weir_status take_piece(void *context, weir_slice *takes)
{
    pieces *self = context;
    uint64_t items = 0;
    weir_error error;
    cr_assert_eq(weir_otlp_validate(self->kind, takes->data, takes->len, &items, &error), WEIR_OK, "%s", error.text);
    cr_assert_eq(items, takes->items);
    cr_assert(self->items_max == 0 || items <= self->items_max);
    cr_assert(self->bytes_max == 0 || takes->len <= self->bytes_max || items <= 1);
    cr_assert_eq(takes->id.sequence, self->slice->id.sequence);
    for (uint32_t i = 0; i < takes->items; i++)
        cr_assert_eq(weir_slice_ordinal(takes, i), weir_slice_ordinal(self->slice, self->items + i));
    self->items += takes->items;
    view_describe(self->kind, takes->data, takes->len, &self->described);
    weir_slice_done(takes);
    return WEIR_OK;
}

static void check_split(weir_otlp_kind kind, uint64_t seed, const weir_buffer *request)
{
    weir_slice slice = generator_slice(kind, request);
    WEIR_BUFFER whole = {0};
    view_describe(kind, slice.data, slice.len, &whole);
    const uint32_t items_max[] = {0, 1, 2, 5};
    const size_t bytes_max[] = {0, 1, 300, 2000};
    for (unsigned i = 0; i < 16; i++) {
        pieces taken = {.kind = kind, .slice = &slice, .items_max = items_max[i % 4], .bytes_max = bytes_max[i / 4]};
        cr_assert_eq(weir_otlp_split(kind, &slice, taken.items_max, taken.bytes_max, take_piece, &taken), WEIR_OK);
        cr_assert_eq(taken.items, slice.items);
        assert_same(&whole, &taken.described, kind, seed, "split");
        weir_buffer_done(&taken.described);
    }
    weir_slice_done(&slice);
}

Test(otlp_property, split_pieces_hold_all_items_in_order_with_all_around_them)
{
    for_many(check_split);
}
