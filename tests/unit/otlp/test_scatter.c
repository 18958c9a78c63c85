/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting into groups: laws that hold for all requests, tried on random ones against protobuf-c, and the borders of the
 * limits. A failure names the seed; the same seed makes the same requests.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "generator.h"
#include "oracle.h"
#include "otlp/rewrite.h"
#include "otlp/scatter.h"

enum { SLICES_MAX = 3, BUCKETS_MAX = 5, SEEDS = 300 };

/* What a bucket has received, or is to receive, in order. */
typedef struct contents {
    weir_buffer identities; /* of each item: the sequence of its slice's id, and its ordinal */
    weir_buffer described;
} contents;

typedef struct trial {
    weir_otlp_kind kind;
    uint64_t seed;
    weir_slice slices[SLICES_MAX];
    uint32_t slice_count;
    weir_otlp_scattering how;
    uint32_t asked;  /* of all items */
    uint32_t source; /* the slice that is asked about, and how many of its items were */
    uint32_t asked_of_source;
    contents expected[BUCKETS_MAX];
    contents found[BUCKETS_MAX];
} trial;

/* The bucket of an item, at random; in every fifth trial all items of a slice have the same. */
static uint32_t bucket_of_item(const trial *self, uint32_t source, uint32_t index)
{
    generator random = {.state = self->seed * 1000003 + source * 1009 + (self->seed % 5 == 0 ? 0 : index + 1)};
    return (uint32_t)generator_below(&random, self->how.buckets);
}

static uint32_t ask(void *context, const weir_otlp_items *at)
{
    trial *self = context;
    while (self->asked_of_source == self->slices[self->source].items) {
        self->source++;
        self->asked_of_source = 0;
    }
    cr_assert_eq(at->index, self->asked_of_source, "each item once, in order");
    self->asked++;
    return bucket_of_item(self, self->source, self->asked_of_source++);
}

static void add_identity(contents *to, const weir_slice *slice, uint32_t index)
{
    const uint32_t ordinal = weir_slice_ordinal(slice, index);
    weir_buffer_append(&to->identities, &slice->id.sequence, sizeof slice->id.sequence);
    weir_buffer_append(&to->identities, &ordinal, sizeof ordinal);
}

/* ---- What is expected -------------------------------------------------------------------------------------------- */

typedef struct chosen {
    const trial *self;
    uint32_t source;
    uint32_t bucket;
} chosen;

static bool is_chosen(void *context, uint32_t index)
{
    const chosen *choice = context;
    uint32_t bucket = choice->self->how.bucket_of ? bucket_of_item(choice->self, choice->source, index) : 0;
    return bucket == choice->bucket;
}

/* What protobuf-c leaves of each slice when the items of other buckets are taken away. */
static void expect(trial *self, uint32_t bucket)
{
    contents *expected = &self->expected[bucket];
    for (uint32_t source = 0; source < self->slice_count; source++) {
        const weir_slice *slice = &self->slices[source];
        chosen choice = {self, source, bucket};
        ProtobufCMessage *message = oracle_parse(self->kind, slice->data, slice->len);
        oracle_filter(self->kind, message, is_chosen, &choice);
        oracle_describe(self->kind, message, &expected->described);
        protobuf_c_message_free_unpacked(message, NULL);
        for (uint32_t i = 0; i < slice->items; i++)
            if (is_chosen(&choice, i))
                add_identity(expected, slice, i);
    }
}

/* ---- What comes -------------------------------------------------------------------------------------------------- */

static void assert_valid(weir_otlp_kind kind, const uint8_t *data, size_t len, uint64_t expected)
{
    uint64_t items = 0;
    weir_error error;
    cr_assert_eq(weir_otlp_validate(kind, data, len, &items, &error), WEIR_OK, "%s", error.text);
    cr_assert_eq(items, expected);
}

static void check_slices(const trial *self, const weir_otlp_group *group, contents *found)
{
    const uint8_t *at = group->bytes.data;
    uint64_t items = 0;
    for (uint32_t i = 0; i < group->slice_count; i++) {
        const weir_slice *slice = &group->slices[i];
        cr_assert_eq(slice->chunk, group->chunk);
        cr_assert_eq(slice->data, at, "one slice after the other");
        assert_valid(self->kind, slice->data, slice->len, slice->items);
        cr_assert_gt(slice->items, 0);
        for (uint32_t item = 0; item < slice->items; item++)
            add_identity(found, slice, item);
        at += slice->len;
        items += slice->items;
    }
    cr_assert_eq(at, group->bytes.data + group->bytes.len);
    cr_assert_eq(items, group->items);
}

static weir_status take_group(void *context, weir_otlp_group *takes)
{
    trial *self = context;
    contents *found = &self->found[takes->bucket];
    cr_assert_lt(takes->bucket, self->how.buckets);
    check_slices(self, takes, found);
    assert_valid(self->kind, takes->bytes.data, takes->bytes.len, takes->items);
    bool is_over = self->how.bytes_max > 0 && takes->bytes.len > self->how.bytes_max;
    cr_assert_eq(is_over, takes->is_too_large, "seed %llu", (unsigned long long)self->seed);
    cr_assert(!is_over || takes->items == 1);
    cr_assert(self->how.items_max == 0 || takes->items <= self->how.items_max);
    ProtobufCMessage *message = oracle_parse(self->kind, takes->bytes.data, takes->bytes.len);
    oracle_describe(self->kind, message, &found->described);
    protobuf_c_message_free_unpacked(message, NULL);
    weir_otlp_group_done(takes);
    return WEIR_OK;
}

static void assert_same(const weir_buffer *expected, const weir_buffer *found, const trial *self, const char *what)
{
    cr_assert(expected->len == found->len &&
                  (expected->len == 0 || memcmp(expected->data, found->data, found->len) == 0),
              "%s: kind %d seed %llu, %zu and %zu bytes", what, (int)self->kind, (unsigned long long)self->seed,
              expected->len, found->len);
}

static void contents_done(contents *self)
{
    weir_buffer_done(&self->identities);
    weir_buffer_done(&self->described);
}

/* Scatters as self->how says and compares. */
static void scatter_and_compare(trial *self)
{
    weir_account account;
    weir_account_init(&account, 1, 1);
    const weir_slice *input[SLICES_MAX] = {0};
    uint32_t items = 0;
    for (uint32_t i = 0; i < self->slice_count; i++) {
        input[i] = &self->slices[i];
        items += self->slices[i].items;
    }
    self->asked = self->source = self->asked_of_source = 0;
    cr_assert_eq(weir_otlp_scatter(self->kind, input, self->slice_count, &self->how, &account), WEIR_OK);
    cr_assert_eq(self->asked, self->how.bucket_of ? items : 0);
    cr_assert_eq(weir_account_used(&account), 0);
    for (uint32_t bucket = 0; bucket < self->how.buckets; bucket++) {
        expect(self, bucket);
        assert_same(&self->expected[bucket].identities, &self->found[bucket].identities, self, "identities");
        assert_same(&self->expected[bucket].described, &self->found[bucket].described, self, "items");
        contents_done(&self->expected[bucket]);
        contents_done(&self->found[bucket]);
    }
}

static bool keep_most(void *context, const weir_otlp_items *at)
{
    (void)context;
    return at->index % 3 != 1;
}

/* A request of random items; every second has lost some before. */
static weir_slice random_slice(generator *random, weir_otlp_kind kind, uint64_t sequence)
{
    WEIR_BUFFER request = {0};
    generator_make(random, kind, &request);
    weir_slice slice = generator_slice(kind, &request);
    slice.id = (weir_slice_id){7, sequence};
    if (sequence % 2 == 0)
        return slice;
    weir_slice left;
    cr_assert_eq(weir_otlp_filter(kind, &slice, keep_most, NULL, &left), WEIR_OK);
    weir_slice_done(&slice);
    return left;
}

static void try_all_limits(trial *self)
{
    const size_t bytes_max[] = {0, 1, 200, 700, 3000};
    const uint32_t items_max[] = {0, 0, 3};
    for (unsigned i = 0; i < WEIR_COUNT_OF(bytes_max) * WEIR_COUNT_OF(items_max); i++) {
        const uint64_t choice = self->seed + i;
        self->how = (weir_otlp_scattering){
            .buckets = (uint32_t)(choice % BUCKETS_MAX) + 1,
            .bytes_max = bytes_max[i / WEIR_COUNT_OF(items_max)],
            .items_max = items_max[i % WEIR_COUNT_OF(items_max)],
            .bucket_of = choice % 7 == 0 ? NULL : ask,
            .give = take_group,
            .context = self,
        };
        scatter_and_compare(self);
    }
}

static void try_random_requests(weir_otlp_kind kind)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        generator random = {.state = seed * 3 + kind, .tame = seed % 4 == 0};
        trial self = {.kind = kind, .seed = seed, .slice_count = (uint32_t)(seed % SLICES_MAX) + 1};
        for (uint32_t i = 0; i < self.slice_count; i++)
            self.slices[i] = random_slice(&random, kind, seed * SLICES_MAX + i);
        try_all_limits(&self);
        for (uint32_t i = 0; i < self.slice_count; i++)
            weir_slice_done(&self.slices[i]);
    }
}

Test(otlp_scatter, every_span_comes_once_in_its_bucket_in_order_with_all_around_it, .timeout = 300)
{
    try_random_requests(WEIR_OTLP_TRACES);
}

Test(otlp_scatter, every_data_point_comes_once_in_its_bucket_in_order_with_all_around_it, .timeout = 300)
{
    try_random_requests(WEIR_OTLP_METRICS);
}

Test(otlp_scatter, every_log_record_comes_once_in_its_bucket_in_order_with_all_around_it, .timeout = 300)
{
    try_random_requests(WEIR_OTLP_LOGS);
}

/* ---- Requests made by hand --------------------------------------------------------------------------------------- */

enum { GROUPS_MAX = 8 };

/* The groups as they came. */
typedef struct gathered {
    weir_otlp_group groups[GROUPS_MAX];
    unsigned count;
    unsigned refuse_from; /* the groups from here on are refused; 0: none */
} gathered;

static weir_status gather(void *context, weir_otlp_group *takes)
{
    gathered *self = context;
    cr_assert_lt(self->count, GROUPS_MAX);
    self->groups[self->count++] = *takes;
    return self->refuse_from > 0 && self->count >= self->refuse_from ? WEIR_TIMEOUT : WEIR_OK;
}

static void gathered_done(gathered *self)
{
    for (unsigned i = 0; i < self->count; i++)
        weir_otlp_group_done(&self->groups[i]);
    *self = (gathered){0};
}

static uint32_t by_parity(void *context, const weir_otlp_items *at)
{
    (void)context;
    return at->index % 2;
}

/* One resource, one scope, `count` spans whose only field is a name of `name_len` letters. On each level a field that we
 * do not know: after the resource in the request, and before and after the spans. */
static weir_slice spans_named(unsigned count, size_t name_len, bool with_unknown)
{
    char name[300];
    WEIR_BUFFER span = {0};
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    WEIR_BUFFER request = {0};
    memset(name, 'n', sizeof name);
    weir_otlp_put_bytes(&span, 5, name, name_len);
    if (with_unknown)
        weir_otlp_put_bytes(&scope, 1000, "in scope", 8);
    for (unsigned i = 0; i < count; i++)
        weir_otlp_put_bytes(&scope, 2, span.data, span.len);
    weir_otlp_put_bytes(&scope, 3, "url", 3);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    if (with_unknown)
        weir_otlp_put_bytes(&resource, 1001, "in resource", 11);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    if (with_unknown)
        weir_otlp_put_bytes(&request, 1002, "in request", 10);
    weir_slice slice = generator_slice(WEIR_OTLP_TRACES, &request);
    slice.id = weir_slice_id_next();
    return slice;
}

static weir_status scatter_one(const weir_slice *slice, weir_otlp_scattering how, gathered *groups)
{
    how.give = gather;
    how.context = groups;
    return weir_otlp_scatter(WEIR_OTLP_TRACES, &slice, 1, &how, NULL);
}

static bool contains(weir_bytes bytes, const char *text)
{
    return memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
}

Test(otlp_scatter, fields_we_do_not_know_come_along_in_every_group)
{
    gathered groups = {0};
    weir_slice slice = spans_named(5, 4, true);
    cr_assert_eq(scatter_one(&slice, (weir_otlp_scattering){.buckets = 2, .bucket_of = by_parity}, &groups), WEIR_OK);
    cr_assert_eq(groups.count, 2);
    for (unsigned i = 0; i < groups.count; i++) {
        const weir_bytes bytes = groups.groups[i].bytes;
        cr_assert(contains(bytes, "in scope") && contains(bytes, "in resource") && contains(bytes, "in request"));
        cr_assert(contains(bytes, "url"));
        cr_assert_eq(groups.groups[i].items, 3 - i);
    }
    gathered_done(&groups);
    weir_slice_done(&slice);
}

static weir_bytes metric_of_group(const weir_otlp_group *group)
{
    weir_otlp_items at = weir_otlp_items_of(WEIR_OTLP_METRICS, group->bytes);
    cr_assert(weir_otlp_items_next(&at));
    return at.metric;
}

Test(otlp_scatter, data_points_keep_their_metric_and_what_it_says_of_them)
{
    /* A sum called "m" with two points; temporality (2) and unknown fields stand behind them. */
    static const char sum[] = "\x0a\x09\x21\x01\x00\x00\x00\x00\x00\x00\x00"
                              "\x0a\x09\x21\x02\x00\x00\x00\x00\x00\x00\x00"
                              "\x10\x02\x18\x01\xc2\x3e\x06"
                              "in sum";
    WEIR_BUFFER metric = {0};
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    WEIR_BUFFER request = {0};
    weir_otlp_put_bytes(&metric, WEIR_OTLP_SUM, sum, sizeof sum - 1);
    weir_otlp_put_bytes(&metric, 1, "m", 1);
    weir_otlp_put_bytes(&metric, 1000, "in metric", 9);
    weir_otlp_put_bytes(&scope, 2, metric.data, metric.len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    weir_slice slice = generator_slice(WEIR_OTLP_METRICS, &request);
    gathered groups = {0};
    const weir_slice *input = &slice;
    const weir_otlp_scattering how = {.buckets = 2, .bucket_of = by_parity, .give = gather, .context = &groups};
    cr_assert_eq(weir_otlp_scatter(WEIR_OTLP_METRICS, &input, 1, &how, NULL), WEIR_OK);
    cr_assert_eq(groups.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        weir_otlp_metric read = weir_otlp_metric_read(metric_of_group(&groups.groups[i]));
        cr_assert(weir_text_is(read.name, "m"));
        cr_assert(read.data == WEIR_OTLP_SUM && read.temporality == 2 && read.monotonic);
        cr_assert(contains(groups.groups[i].bytes, "in sum") && contains(groups.groups[i].bytes, "in metric"));
    }
    gathered_done(&groups);
    weir_slice_done(&slice);
}

Test(otlp_scatter, a_slice_that_stays_together_alone_is_not_copied)
{
    gathered groups = {0};
    weir_slice slice = spans_named(3, 4, true);
    cr_assert_eq(scatter_one(&slice, (weir_otlp_scattering){.buckets = 1, .bucket_of = NULL}, &groups), WEIR_OK);
    cr_assert_eq(groups.count, 1);
    cr_assert_eq(groups.groups[0].chunk, slice.chunk);
    cr_assert_eq(groups.groups[0].bytes.data, slice.data);
    cr_assert_eq(groups.groups[0].slices[0].len, slice.len);
    cr_assert_null(groups.groups[0].slices[0].ordinals);
    gathered_done(&groups);
    weir_slice_done(&slice);
}

/* With names from short to long, so that each length around them passes from one byte to two. */
Test(otlp_scatter, a_group_is_filled_to_its_last_byte)
{
    for (size_t name_len = 1; name_len < 150; name_len++) {
        gathered groups = {0};
        weir_slice slice = spans_named(3, name_len, true);
        cr_assert_eq(scatter_one(&slice, (weir_otlp_scattering){.buckets = 1, .items_max = 2}, &groups), WEIR_OK);
        cr_assert_eq(groups.count, 2);
        const size_t len_of_two = groups.groups[0].bytes.len;
        gathered_done(&groups);
        cr_assert_eq(scatter_one(&slice, (weir_otlp_scattering){.buckets = 1, .bytes_max = len_of_two}, &groups),
                     WEIR_OK);
        cr_assert_eq(groups.count, 2, "name of %zu", name_len);
        cr_assert(groups.groups[0].items == 2 && groups.groups[0].bytes.len == len_of_two);
        gathered_done(&groups);
        cr_assert_eq(scatter_one(&slice, (weir_otlp_scattering){.buckets = 1, .bytes_max = len_of_two - 1}, &groups),
                     WEIR_OK);
        cr_assert_eq(groups.count, 3, "name of %zu", name_len);
        gathered_done(&groups);
        weir_slice_done(&slice);
    }
}

Test(otlp_scatter, an_item_over_the_limit_comes_alone_and_marked)
{
    gathered groups = {0};
    weir_slice small = spans_named(1, 4, false);
    weir_slice large = spans_named(1, 250, false);
    const weir_slice *input[] = {&small, &large, &small};
    const weir_otlp_scattering how = {.buckets = 1, .bytes_max = 200, .give = gather, .context = &groups};
    cr_assert_eq(weir_otlp_scatter(WEIR_OTLP_TRACES, input, 3, &how, NULL), WEIR_OK);
    cr_assert_eq(groups.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(groups.groups[i].items, 1);
        cr_assert_eq(groups.groups[i].is_too_large, i == 1);
    }
    gathered_done(&groups);
    weir_slice_done(&small);
    weir_slice_done(&large);
}

Test(otlp_scatter, slices_without_items_make_no_group)
{
    gathered groups = {0};
    weir_slice none = spans_named(0, 0, true);
    const weir_slice *input[] = {&none, &none};
    const weir_otlp_scattering how = {.buckets = 1, .give = gather, .context = &groups};
    cr_assert_eq(weir_otlp_scatter(WEIR_OTLP_TRACES, input, 2, &how, NULL), WEIR_OK);
    cr_assert_eq(groups.count, 0);
    weir_slice_done(&none);
}

Test(otlp_scatter, an_error_of_the_taker_stops_it_and_is_returned)
{
    gathered groups = {.refuse_from = 2};
    weir_slice slice = spans_named(5, 4, false);
    cr_assert_eq(scatter_one(&slice, (weir_otlp_scattering){.buckets = 1, .items_max = 1}, &groups), WEIR_TIMEOUT);
    cr_assert_eq(groups.count, 2);
    gathered_done(&groups);
    weir_slice_done(&slice);
}

Test(otlp_scatter, a_group_is_charged_for_its_bytes_past_the_limit_if_need_be)
{
    gathered groups = {0};
    weir_account account;
    weir_account_init(&account, 1, 1);
    weir_slice slice = spans_named(4, 4, false);
    const weir_slice *input = &slice;
    const weir_otlp_scattering how = {.buckets = 2, .bucket_of = by_parity, .give = gather, .context = &groups};
    cr_assert_eq(weir_otlp_scatter(WEIR_OTLP_TRACES, &input, 1, &how, &account), WEIR_OK);
    cr_assert_eq(groups.count, 2);
    cr_assert_eq(weir_account_used(&account),
                 weir_chunk_cost(groups.groups[0].bytes.len) + weir_chunk_cost(groups.groups[1].bytes.len));
    gathered_done(&groups);
    cr_assert_eq(weir_account_used(&account), 0);
    weir_slice_done(&slice);
}
