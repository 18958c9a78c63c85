/* SPDX-License-Identifier: Apache-2.0
 *
 * The header that says which slices a message is made of: what is written is read again, and what does not fit the
 * message is not believed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "../otlp/generator.h"
#include "core/sha256.h"
#include "kafka/envelope.h"
#include "otlp/rewrite.h"

enum { SLICES_MAX = 4, SEEDS = 300 };

static const weir_kafka_place place = {
    .cluster_id = {"MkU3OEVBNTcwNTJENDM2Qk", 22},
    .topic = {"otlp_spans", 10},
    .partition = 5,
    .offset = 1234567,
    .timestamp_ms = 1790000000000,
};

static weir_bytes bytes_of(const weir_buffer *buffer)
{
    return (weir_bytes){buffer->data, buffer->len};
}

/* ---- A message ----------------------------------------------------------------------------------------------------- */

/* A message as a consumer holds it: in memory that is not weir's. */
typedef struct message {
    weir_otlp_kind kind;
    weir_slice sent[SLICES_MAX];
    uint32_t sent_count;
    weir_buffer value;
    weir_buffer header;
    unsigned releases;
    weir_account account;
} message;

static void count_release(void *owner)
{
    ((message *)owner)->releases++;
}

static weir_chunk *chunk_of(message *self)
{
    return weir_chunk_new_foreign(&self->account, self->value.len, count_release, self);
}

static bool keep_some(void *context, const weir_otlp_items *at)
{
    generator random = {.state = *(uint64_t *)context * 1000003 + at->index};
    return at->index == 0 || generator_below(&random, 3) != 0;
}

/* A slice with items, of which some may be gone. */
static weir_slice random_slice(generator *random, weir_otlp_kind kind, uint64_t seed)
{
    weir_slice slice = {0};
    while (slice.items == 0) {
        WEIR_BUFFER request = {0};
        weir_slice_done(&slice);
        generator_make(random, kind, &request);
        slice = generator_slice(kind, &request);
    }
    slice.id = (weir_slice_id){0x8877665544332211 + seed, seed << seed % 60};
    weir_slice left;
    cr_assert_eq(weir_otlp_filter(kind, &slice, keep_some, &seed, &left), WEIR_OK);
    weir_slice_done(&slice);
    return left;
}

static void message_make(message *self, uint64_t seed, bool without_lengths)
{
    *self = (message){.kind = seed % 3, .sent_count = (uint32_t)(seed % SLICES_MAX) + 1};
    generator random = {.state = seed, .tame = seed % 4 == 0};
    weir_account_init(&self->account, 1, 1);
    for (uint32_t i = 0; i < self->sent_count; i++) {
        self->sent[i] = random_slice(&random, self->kind, seed + i);
        weir_buffer_append(&self->value, self->sent[i].data, self->sent[i].len);
    }
    weir_kafka_envelope_write(self->sent, self->sent_count, without_lengths, &self->header);
}

static void message_done(message *self)
{
    for (uint32_t i = 0; i < self->sent_count; i++)
        weir_slice_done(&self->sent[i]);
    weir_buffer_done(&self->value);
    weir_buffer_done(&self->header);
    cr_assert_eq(weir_account_used(&self->account), 0);
}

/* What weir_kafka_envelope_read has given. */
typedef struct received {
    weir_status status;
    weir_slice *slices;
    uint32_t count;
    bool is_misfit;
    weir_error error;
} received;

static received read_message(message *self, weir_bytes header)
{
    received result = {0};
    weir_chunk *chunk = chunk_of(self);
    result.status = weir_kafka_envelope_read(self->kind, chunk, bytes_of(&self->value), header, &place, &result.slices,
                                             &result.count, &result.is_misfit, &result.error);
    weir_chunk_unref(chunk);
    for (uint32_t i = 0; i < result.count; i++) {
        uint64_t items;
        weir_error error;
        const weir_slice *slice = &result.slices[i];
        cr_assert_eq(weir_otlp_validate(self->kind, slice->data, slice->len, &items, &error), WEIR_OK);
        cr_assert_eq(items, slice->items);
        for (uint32_t item = 1; item < slice->items; item++)
            cr_assert_lt(weir_slice_ordinal(slice, item - 1), weir_slice_ordinal(slice, item));
    }
    return result;
}

static void received_done(received *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        weir_slice_done(&self->slices[i]);
    free(self->slices);
    *self = (received){0};
}

static void assert_same_identities(const weir_slice *expected, const weir_slice *found, uint64_t seed)
{
    cr_assert_eq(found->id.origin, expected->id.origin);
    cr_assert_eq(found->id.sequence, expected->id.sequence);
    cr_assert_eq(found->items, expected->items);
    for (uint32_t i = 0; i < expected->items; i++)
        cr_assert_eq(weir_slice_ordinal(found, i), weir_slice_ordinal(expected, i), "seed %llu item %u",
                     (unsigned long long)seed, i);
}

/* ---- What was written is read ------------------------------------------------------------------------------------ */

Test(kafka_envelope, the_slices_of_a_message_come_back_with_their_identities_and_are_not_copied)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        message sent;
        message_make(&sent, seed, false);
        received got = read_message(&sent, bytes_of(&sent.header));
        cr_assert_eq(got.status, WEIR_OK);
        cr_assert_not(got.is_misfit);
        cr_assert_eq(got.count, sent.sent_count);
        const uint8_t *at = sent.value.data;
        for (uint32_t i = 0; i < got.count; i++) {
            assert_same_identities(&sent.sent[i], &got.slices[i], seed);
            cr_assert_eq(got.slices[i].data, at);
            cr_assert_eq(got.slices[i].len, sent.sent[i].len);
            at += got.slices[i].len;
        }
        cr_assert_eq(sent.releases, 0);
        received_done(&got);
        cr_assert_eq(sent.releases, 1, "the library's memory goes with the last slice");
        message_done(&sent);
    }
}

static bool items_differ(weir_otlp_kind kind, const weir_slice *a, const weir_slice *b)
{
    weir_otlp_items in_a = weir_otlp_items_of(kind, (weir_bytes){a->data, a->len});
    weir_otlp_items in_b = weir_otlp_items_of(kind, (weir_bytes){b->data, b->len});
    while (weir_otlp_items_next(&in_a)) {
        if (!weir_otlp_items_next(&in_b) || in_a.item.len != in_b.item.len ||
            (in_a.item.len > 0 && memcmp(in_a.item.data, in_b.item.data, in_a.item.len) != 0))
            return true;
    }
    return weir_otlp_items_next(&in_b);
}

Test(kafka_envelope, without_lengths_the_message_is_cut_by_items)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        message sent;
        message_make(&sent, seed, true);
        received got = read_message(&sent, bytes_of(&sent.header));
        cr_assert_eq(got.status, WEIR_OK);
        cr_assert_not(got.is_misfit);
        cr_assert_eq(got.count, sent.sent_count);
        for (uint32_t i = 0; i < got.count; i++) {
            assert_same_identities(&sent.sent[i], &got.slices[i], seed);
            cr_assert_not(items_differ(sent.kind, &sent.sent[i], &got.slices[i]));
        }
        received_done(&got);
        cr_assert_eq(sent.releases, 1);
        message_done(&sent);
    }
}

Test(kafka_envelope, the_header_is_what_the_documentation_shows)
{
    static const uint8_t documented[] = {1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0xC1, 2, 9, 4, 5, 1};
    weir_slice slice = {.len = 321, .items = 4, .id = {0x0807060504030201, 0}, .ordinals = weir_ordinals_new(4)};
    const uint32_t kept[] = {2, 5, 6, 7};
    memcpy(slice.ordinals->kept, kept, sizeof kept);
    WEIR_BUFFER header = {0};
    weir_kafka_envelope_write(&slice, 1, false, &header);
    cr_assert_eq(header.len, sizeof documented);
    cr_assert_eq(memcmp(header.data, documented, header.len), 0);
    weir_slice_done(&slice);
}

/* ---- What does not fit is not believed --------------------------------------------------------------------------- */

/* One span per name, in one resource and scope. */
static void append_request(weir_buffer *out, const char *names)
{
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    for (const char *name = names; *name; name++) {
        WEIR_BUFFER span = {0};
        weir_otlp_put_bytes(&span, 5, name, 1);
        weir_otlp_put_bytes(&scope, 2, span.data, span.len);
    }
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(out, 1, resource.data, resource.len);
}

/* Of two slices: "ab", 14 bytes, and "c", 9 bytes. */
static void two_slices(message *self)
{
    *self = (message){.kind = WEIR_OTLP_TRACES};
    weir_account_init(&self->account, 1, 1);
    append_request(&self->value, "ab");
    append_request(&self->value, "c");
    cr_assert_eq(self->value.len, 14 + 9);
}

static void assert_is_whole(message *self, received *got)
{
    cr_assert_eq(got->status, WEIR_OK);
    cr_assert_eq(got->count, 1);
    cr_assert_eq(got->slices[0].data, self->value.data);
    cr_assert_eq(got->slices[0].len, self->value.len);
    cr_assert_null(got->slices[0].ordinals);
    cr_assert_eq(got->slices[0].id.sequence, (uint64_t)place.offset);
}

#define ID "\1\2\3\4\5\6\7\x8\x9"

Test(kafka_envelope, a_header_that_does_not_fit_is_as_none_and_told)
{
    static const struct {
        const char *what;
        weir_text header;
    } misfits[] = {
        {"empty", {"", 0}},
        {"no slices", WEIR_TEXT("\1")},
        {"another version", WEIR_TEXT("\2" ID "\x0e\4" ID "\x09\2")},
        {"lengths too small", WEIR_TEXT("\1" ID "\x0e\4")},
        {"lengths too large", WEIR_TEXT("\1" ID "\x0e\4" ID "\x0a\2")},
        {"a length out of all bounds", WEIR_TEXT("\1" ID "\x0e\4" ID "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\2")},
        {"cut in the middle of an item", WEIR_TEXT("\1" ID "\x0d\4" ID "\x0a\2")},
        {"a length for one only", WEIR_TEXT("\1" ID "\x17\4" ID "\0\2")},
        {"no items", WEIR_TEXT("\1" ID "\x0e\4" ID "\x09\0")},
        {"no items to be cut by, first", WEIR_TEXT("\1" ID "\0\0" ID "\0\6")},
        {"no items to be cut by, last", WEIR_TEXT("\1" ID "\0\6" ID "\0\0")},
        {"too many items", WEIR_TEXT("\1" ID "\x0e\6" ID "\x09\2")},
        {"the items of the other", WEIR_TEXT("\1" ID "\x0e\2" ID "\x09\4")},
        {"too many items to be cut by", WEIR_TEXT("\1" ID "\0\4" ID "\0\4")},
        {"more items than 32 bits count", WEIR_TEXT("\1" ID "\0\x86\x80\x80\x80\x20")},
        {"more ordinals than items", WEIR_TEXT("\1" ID "\x0e\5\1\1" ID "\x09\2")},
        {"fewer ordinals than items", WEIR_TEXT("\1" ID "\x0e\4" ID "\x09\3")},
        {"an ordinal over 32 bits", WEIR_TEXT("\1" ID "\x0e\4" ID "\x09\3\x80\x80\x80\x80\x20")},
        {"a run over 32 bits", WEIR_TEXT("\1" ID "\x0e\5\xff\xff\xff\xff\x1f\0" ID "\x09\2")},
        {"a number that never ends", WEIR_TEXT("\1\1\2\3\4\5\6\7\x8\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80")},
        {"a number over 64 bits",
         WEIR_TEXT("\1\1\2\3\4\5\6\7\x8\x80\x80\x80\x80\x80\x80\x80\x80\x80\2\x0e\4" ID "\x09\2")},
        {"something behind", WEIR_TEXT("\1" ID "\x0e\4" ID "\x09\2\0")},
    };
    message sent;
    two_slices(&sent);
    for (size_t i = 0; i < WEIR_COUNT_OF(misfits); i++) {
        const weir_text header = misfits[i].header;
        received got = read_message(&sent, (weir_bytes){(const uint8_t *)header.data, header.len});
        cr_assert(got.is_misfit, "%s", misfits[i].what);
        assert_is_whole(&sent, &got);
        received_done(&got);
    }
    message_done(&sent);
}

Test(kafka_envelope, a_header_that_fits_is_believed)
{
    static const weir_text fits[] = {
        WEIR_TEXT("\1" ID "\x0e\4" ID "\x09\2"),
        WEIR_TEXT("\1" ID "\x0e\5\1\0" ID "\x09\3\xfe\xff\xff\xff\x1f"), /* the highest ordinal there is */
        WEIR_TEXT("\1" ID "\0\4" ID "\0\2"),
        WEIR_TEXT("\1" ID "\0\2" ID "\0\4"), /* other slices than it is made of, but cut by items they are */
    };
    message sent;
    two_slices(&sent);
    for (size_t i = 0; i < WEIR_COUNT_OF(fits); i++) {
        received got = read_message(&sent, (weir_bytes){(const uint8_t *)fits[i].data, fits[i].len});
        cr_assert_not(got.is_misfit, "%zu", i);
        cr_assert_eq(got.count, 2);
        cr_assert_eq(got.slices[1].id.origin, 0x0807060504030201);
        cr_assert_eq(got.slices[1].id.sequence, 9);
        received_done(&got);
    }
    message_done(&sent);
}

/* Damage of any kind: every prefix of a header, and every bit turned. read_message looks at what comes. */
Test(kafka_envelope, a_damaged_header_never_makes_slices_that_are_none)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        message sent;
        message_make(&sent, seed, seed % 5 == 0);
        for (size_t len = 0; len < sent.header.len; len++) {
            received got = read_message(&sent, (weir_bytes){sent.header.data, len});
            cr_assert(got.is_misfit);
            assert_is_whole(&sent, &got);
            received_done(&got);
        }
        for (size_t bit = 0; bit < 8 * sent.header.len; bit++) {
            sent.header.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            received got = read_message(&sent, bytes_of(&sent.header));
            cr_assert_eq(got.status, WEIR_OK);
            received_done(&got);
            sent.header.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        message_done(&sent);
    }
}

Test(kafka_envelope, a_value_that_is_no_otlp_is_an_error_whatever_the_header_says)
{
    message sent;
    two_slices(&sent);
    WEIR_BUFFER header = {0};
    weir_buffer_append(&header, "\1" ID "\x0e\4" ID "\x09\2", 1 + 9 + 2 + 9 + 2);
    sent.value.data[1]++;
    const weir_bytes headers[] = {{NULL, 0}, bytes_of(&header)};
    for (unsigned i = 0; i < 2; i++) {
        received got = read_message(&sent, headers[i]);
        cr_assert_eq(got.status, WEIR_INVALID);
        cr_assert_eq(got.error.class_, WEIR_ERROR_PERMANENT);
        cr_assert_null(got.slices);
        cr_assert_eq(got.is_misfit, i == 1);
    }
    cr_assert_eq(sent.releases, 2);
    message_done(&sent);
}

/* ---- Messages of others ------------------------------------------------------------------------------------------ */

static weir_slice_id foreign_id(const weir_kafka_place *where)
{
    static const uint8_t nothing[1];
    weir_chunk *chunk = weir_chunk_new(NULL, 0);
    weir_slice *slices;
    uint32_t count;
    bool is_misfit;
    weir_error error;
    cr_assert_eq(weir_kafka_envelope_read(WEIR_OTLP_LOGS, chunk, (weir_bytes){nothing, 0}, (weir_bytes){NULL, 0}, where,
                                          &slices, &count, &is_misfit, &error),
                 WEIR_OK);
    cr_assert(count == 1 && !is_misfit && slices[0].items == 0);
    weir_slice_id id = slices[0].id;
    weir_slice_done(&slices[0]);
    free(slices);
    weir_chunk_unref(chunk);
    return id;
}

Test(kafka_envelope, a_message_of_somebody_else_is_one_slice_whose_id_is_its_place)
{
    const weir_slice_id id = foreign_id(&place);
    cr_assert_eq(id.sequence, 1234567);
    cr_assert_eq(foreign_id(&place).origin, id.origin, "each time it is read");

    weir_kafka_place others[] = {place, place, place, place, place};
    others[0].cluster_id = WEIR_TEXT("other");
    others[1].topic = WEIR_TEXT("otlp_span");
    others[2].partition++;
    others[3].timestamp_ms++;
    others[4].cluster_id = (weir_text){NULL, 0};
    for (unsigned i = 0; i < WEIR_COUNT_OF(others); i++)
        cr_assert_neq(foreign_id(&others[i]).origin, id.origin, "%u", i);

    weir_kafka_place next = place;
    next.offset++;
    cr_assert_eq(foreign_id(&next).origin, id.origin);
    cr_assert_eq(foreign_id(&next).sequence, 1234568);
}

Test(kafka_envelope, the_id_of_a_place_is_what_the_documentation_says)
{
    static const uint8_t hashed[] = "\3\0\0\0\0\0\0\0abc\2\0\0\0\0\0\0\0xy\7\0\0\0\0\0\0\0\xe8\3\0\0\0\0\0";
    uint8_t digest[WEIR_SHA256_BYTES];
    uint64_t expected = 0;
    weir_sha256(hashed, sizeof hashed, digest); /* the literal's own NUL is the timestamp's last byte */
    for (unsigned i = 0; i < 8; i++)
        expected |= (uint64_t)digest[i] << 8 * i;
    const weir_kafka_place where = {
        .cluster_id = {"abc", 3}, .topic = {"xy", 2}, .partition = 7, .offset = 1, .timestamp_ms = 1000};
    cr_assert_eq(foreign_id(&where).origin, expected);
}
