/* SPDX-License-Identifier: Apache-2.0
 *
 * From the results of documents to the fate of items, and to what the sender is told.
 */
#include <criterion/criterion.h>

#include <stdio.h>

#include "exporters/elasticsearch/fates.h"
#include "../exporters/traces.h"

static es_result result_of(es_fate fate, unsigned status, const char *type, const char *reason)
{
    return (es_result){
        .fate = fate,
        .status = status,
        .index = WEIR_TEXT("logs-x-y"),
        .type = type ? weir_text_of(type) : (weir_text){0},
        .reason = reason ? weir_text_of(reason) : (weir_text){0},
    };
}

static void add(es_fates *fates, uint32_t item, es_fate fate, const char *type, const char *reason)
{
    static const unsigned statuses[ES_FATES] = {
        [ES_STORED] = 201, [ES_THERE] = 409, [ES_SET_ASIDE] = 201, [ES_LATER] = 503, [ES_REFUSED] = 400};
    es_result result = result_of(fate, statuses[fate], type, reason);
    es_fates_add(fates, item, &result);
}

/* ---- texts ---- */

static weir_error error_of(es_result result)
{
    weir_error error = {0};
    es_result_error(&result, &error);
    return error;
}

Test(elasticsearch_fates, the_text_has_type_reason_cause_and_index)
{
    es_result result =
        result_of(ES_REFUSED, 400, "document_parsing_exception",
                  "[1:57] failed to parse field [n] of type [long] in document with id 'AAEC'. Preview of "
                  "field's value: 'x'");
    result.cause_type = WEIR_TEXT("illegal_argument_exception");
    result.cause_reason = WEIR_TEXT("For input string: \\\"x\\\"");
    weir_error error = error_of(result);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_str_eq(
        error.text,
        "document_parsing_exception: failed to parse field [n] of type [long]. Preview of field's value: 'x' "
        "(illegal_argument_exception: For input string: \"x\") [logs-x-y]");
}

Test(elasticsearch_fates, a_long_text_is_cut_and_keeps_its_index)
{
    char reason[1000];
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    weir_error error = error_of(result_of(ES_REFUSED, 400, "some_exception", reason));
    cr_assert_eq(strlen(error.text), WEIR_ERROR_TEXT_SIZE - 1);
    cr_assert_str_eq(error.text + strlen(error.text) - strlen("rr [logs-x-y]"), "rr [logs-x-y]");
}

Test(elasticsearch_fates, a_text_cut_in_a_character_is_utf8)
{
    char reason[602] = "x";
    for (int i = 1; i < 601; i += 3)
        memcpy(reason + i, "\xe2\x82\xac", 3);
    for (size_t pad = 0; pad < 3; pad++) {
        weir_error error = error_of(result_of(ES_REFUSED, 400, "some_exception", reason + (pad ? pad * 3 - 2 : 0)));
        cr_assert(weir_utf8_valid((const uint8_t *)error.text, strlen(error.text)));
    }
}

Test(elasticsearch_fates, without_a_type_the_status_is_told)
{
    cr_assert_str_eq(error_of(result_of(ES_REFUSED, 418, NULL, NULL)).text, "status 418 [logs-x-y]");
}

Test(elasticsearch_fates, a_data_stream_without_a_template_has_a_remedy)
{
    es_result result =
        result_of(ES_LATER, 404, "index_not_found_exception",
                  "no such index [logs-x-y] and the index creation request requires a data stream, but no "
                  "matching index template with data stream template was found for it");
    result.is_of_index = true;
    weir_error error = error_of(result);
    cr_assert_eq(error.class_, WEIR_ERROR_ENDPOINT);
    cr_assert(strstr(error.text, "weir setup elasticsearch"));
    cr_assert(strstr(error.text, "[logs-x-y]"));
}

Test(elasticsearch_fates, classes)
{
    es_result blocked = result_of(ES_LATER, 403, "cluster_block_exception", "index blocked");
    blocked.is_of_index = true;
    cr_assert_eq(error_of(blocked).class_, WEIR_ERROR_ENDPOINT);
    cr_assert_eq(error_of(result_of(ES_LATER, 429, "es_rejected_execution_exception", "")).class_,
                 WEIR_ERROR_THROTTLED);
    cr_assert_eq(error_of(result_of(ES_LATER, 503, "unavailable_shards_exception", "")).class_, WEIR_ERROR_RETRYABLE);
    cr_assert_eq(error_of(result_of(ES_UNKNOWN, 0, NULL, NULL)).class_, WEIR_ERROR_RETRYABLE);
    cr_assert_eq(error_of(result_of(ES_SET_ASIDE, 201, NULL, NULL)).class_, WEIR_ERROR_NONE);
}

/* ---- items ---- */

Test(elasticsearch_fates, what_is_stored_or_there_takes_no_memory)
{
    WEIR_CLEANUP(es_fates_done) es_fates fates;
    es_fates_init(&fates, 2);
    add(&fates, 0, ES_STORED, NULL, NULL);
    add(&fates, 1, ES_THERE, "version_conflict_engine_exception", "there");
    cr_assert_null(fates.group_of);
    cr_assert_eq(es_fates_why_again(&fates).class_, WEIR_ERROR_NONE);
}

Test(elasticsearch_fates, an_item_is_as_its_worst_document)
{
    static const es_fate ascending[] = {ES_STORED, ES_SET_ASIDE, ES_LATER, ES_REFUSED};
    static const es_item_state states[] = {ES_ITEM_DONE, ES_ITEM_SET_ASIDE, ES_ITEM_AGAIN, ES_ITEM_REFUSED};
    for (int a = 0; a < 4; a++) {
        for (int b = 0; b < 4; b++) {
            WEIR_CLEANUP(es_fates_done) es_fates fates;
            es_fates_init(&fates, 1);
            add(&fates, 0, ascending[a], "t", "r");
            add(&fates, 0, ascending[b], "t", "r");
            int worst = a > b ? a : b;
            for (int state = 1; state < 4; state++)
                cr_assert_eq(es_fates_count(&fates, states[state]), worst == state, "%d and %d", a, b);
        }
    }
}

Test(elasticsearch_fates, the_gravest_reason_to_send_again_is_told)
{
    WEIR_CLEANUP(es_fates_done) es_fates fates;
    es_fates_init(&fates, 3);
    add(&fates, 0, ES_LATER, "unavailable_shards_exception", "a");
    cr_assert_eq(es_fates_why_again(&fates).class_, WEIR_ERROR_RETRYABLE);
    es_result block = result_of(ES_LATER, 403, "cluster_block_exception", "read-only");
    block.is_of_index = true;
    es_fates_add(&fates, 1, &block);
    add(&fates, 2, ES_REFUSED, "t", "never");
    cr_assert_eq(es_fates_why_again(&fates).class_, WEIR_ERROR_ENDPOINT);
    cr_assert_eq(es_fates_count(&fates, ES_ITEM_AGAIN), 2);
}

/* ---- rests ---- */

enum { SLICES = 3, SLICE_ITEMS = 4, ITEMS = SLICES * SLICE_ITEMS };

typedef struct fixture {
    weir_slice slices[SLICES];
    const weir_slice *pointers[SLICES];
    weir_push push;
    es_fates fates;
    weir_push_rest *rests;
    size_t count;
} fixture;

static void fixture_init(fixture *self)
{
    *self = (fixture){.push = {.signal = WEIR_TRACES, .slices = self->pointers, .slice_count = SLICES, .items = ITEMS}};
    for (uint32_t i = 0; i < SLICES; i++) {
        self->slices[i] = traces_slice(i * SLICE_ITEMS, SLICE_ITEMS);
        self->pointers[i] = &self->slices[i];
    }
    es_fates_init(&self->fates, ITEMS);
}

static void fixture_done(fixture *self)
{
    for (size_t i = 0; i < self->count; i++)
        weir_slice_done(&self->rests[i].slice);
    free(self->rests);
    for (int i = 0; i < SLICES; i++)
        weir_slice_done(&self->slices[i]);
    es_fates_done(&self->fates);
}

static void make_rests(fixture *self)
{
    cr_assert_eq(es_fates_rests(&self->fates, &self->push, NULL, &self->rests, &self->count), WEIR_OK);
}

typedef struct seen_numbers {
    uint32_t numbers[ITEMS];
    size_t count;
} seen_numbers;

static void see(void *user, uint32_t number)
{
    seen_numbers *seen = user;
    seen->numbers[seen->count++] = number;
}

/* The rest has exactly these spans, and each the identity it came with. */
static void expect_rest(const fixture *self, size_t at, const uint32_t *numbers, size_t count)
{
    const weir_slice *slice = &self->rests[at].slice;
    seen_numbers seen = {0};
    traces_each(slice->data, slice->len, see, &seen);
    cr_assert_eq(seen.count, count);
    for (uint32_t i = 0; i < count; i++) {
        const weir_slice *from = &self->slices[numbers[i] / SLICE_ITEMS];
        cr_assert_eq(seen.numbers[i], numbers[i]);
        cr_assert_eq(slice->id.sequence, from->id.sequence);
        cr_assert_eq(weir_slice_ordinal(slice, i), numbers[i] % SLICE_ITEMS);
    }
}

Test(elasticsearch_fates, rests_are_grouped_by_reason_and_keep_their_identity)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self);
    add(&self.fates, 1, ES_REFUSED, "mapper", "[1:2] failed in document with id 'a'. long");
    add(&self.fates, 3, ES_REFUSED, "mapper", "[1:5] failed in document with id 'b'. long");
    add(&self.fates, 5, ES_STORED, NULL, NULL);
    add(&self.fates, 9, ES_LATER, "es_rejected_execution_exception", "task 1");
    add(&self.fates, 10, ES_LATER, "es_rejected_execution_exception", "task 2");
    add(&self.fates, 11, ES_REFUSED, "mapper", "[1:5] failed in document with id 'b'. other");
    make_rests(&self);
    cr_assert_eq(self.count, 3);
    bool found[3] = {false};
    for (size_t i = 0; i < self.count; i++) {
        const weir_push_rest *rest = &self.rests[i];
        int which = rest->again ? 1 : strstr(rest->error.text, "other") ? 2 : 0;
        cr_assert(!found[which]);
        found[which] = true;
        static const uint32_t items[3][2] = {{1, 3}, {9, 10}, {11}};
        expect_rest(&self, i, items[which], which == 2 ? 1 : 2);
        cr_assert_eq(rest->error.class_, rest->again ? WEIR_ERROR_RETRYABLE : WEIR_ERROR_PERMANENT);
    }
}

Test(elasticsearch_fates, all_refused_are_rests_of_whole_slices)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    weir_error error = {0};
    fixture_init(&self);
    weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "no such mode");
    for (uint32_t i = 0; i < ITEMS; i++)
        es_fates_refuse(&self.fates, i, &error);
    make_rests(&self);
    cr_assert_eq(self.count, SLICES);
    cr_assert_eq(es_fates_count(&self.fates, ES_ITEM_REFUSED), ITEMS);
    cr_assert_str_eq(self.rests[2].error.text, "no such mode");
}

Test(elasticsearch_fates, set_aside_has_no_class_and_does_not_come_again)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self);
    add(&self.fates, 6, ES_SET_ASIDE, NULL, NULL);
    make_rests(&self);
    cr_assert_eq(self.count, 1);
    cr_assert_eq(self.rests[0].error.class_, WEIR_ERROR_NONE);
    cr_assert(!self.rests[0].again);
    expect_rest(&self, 0, (uint32_t[]){6}, 1);
}

Test(elasticsearch_fates, too_many_reasons_share_one)
{
    enum { REASONS = 2000 };
    WEIR_CLEANUP(es_fates_done) es_fates fates;
    es_fates_init(&fates, REASONS);
    for (uint32_t i = 0; i < REASONS; i++) {
        char reason[32];
        snprintf(reason, sizeof reason, "reason %u", i);
        add(&fates, i, ES_REFUSED, "mapper", reason);
    }
    cr_assert_leq(fates.group_count, (uint32_t)ES_FATE_GROUPS_MAX + 1);
    cr_assert_eq(es_fates_count(&fates, ES_ITEM_REFUSED), REASONS);
    const es_fate_group *last = &fates.groups[fates.group_of[REASONS - 1]];
    cr_assert(strstr(last->error.text, "one of many different reasons, as: mapper: reason"));
}
