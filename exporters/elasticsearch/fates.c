/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/fates.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "otlp/scatter.h"

/* ---- what a result says ---- */

/* JSON's escapes of what needs none in a log line; others stay as they are. */
static void append_unescaped(weir_buffer *out, weir_text text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool is_escape = text.data[i] == '\\' && i + 1 < text.len;
        if (is_escape && (text.data[i + 1] == '"' || text.data[i + 1] == '\\' || text.data[i + 1] == '/'))
            i++;
        weir_buffer_append_byte(out, (uint8_t)text.data[i]);
    }
}

static size_t find(weir_text text, const char *what)
{
    const char *found = text.len > 0 ? memmem(text.data, text.len, what, strlen(what)) : NULL;
    return found ? (size_t)(found - text.data) : text.len;
}

/* Without what differs from document to document and helps nobody: "[1:57] " in front (the place in the document), and
 * " in document with id 'X'". So that documents refused for the same reason have the same text. */
static void append_reason(weir_buffer *out, weir_text reason)
{
    static const char id_prefix[] = " in document with id '";
    if (reason.len > 1 && reason.data[0] == '[' && reason.data[1] >= '0' && reason.data[1] <= '9') {
        size_t end = find(reason, "] ");
        if (end < reason.len)
            reason = (weir_text){reason.data + end + 2, reason.len - end - 2};
    }
    size_t before = find(reason, id_prefix);
    append_unescaped(out, (weir_text){reason.data, before});
    if (before == reason.len)
        return;
    weir_text rest = {reason.data + before + strlen(id_prefix), reason.len - before - strlen(id_prefix)};
    size_t quote = find(rest, "'");
    if (quote < rest.len)
        append_unescaped(out, (weir_text){rest.data + quote + 1, rest.len - quote - 1});
}

static void append_cause(weir_buffer *out, const es_result *result)
{
    if (result->cause_type.len == 0 && result->cause_reason.len == 0)
        return;
    weir_buffer_append_text(out, " (");
    append_unescaped(out, result->cause_type);
    if (result->cause_type.len > 0 && result->cause_reason.len > 0)
        weir_buffer_append_text(out, ": ");
    append_reason(out, result->cause_reason);
    weir_buffer_append_text(out, ")");
}

/* require_data_stream, and the index would have to be made as a plain one. */
static bool lacks_template(const es_result *result)
{
    return weir_text_is(result->type, "index_not_found_exception") &&
           find(result->reason, "no matching index template") < result->reason.len;
}

/* The index stands at the end, and is kept when the rest has to be cut. */
static void write_text(const es_result *result, char *ret_text, size_t size)
{
    WEIR_BUFFER text = {0};
    if (lacks_template(result))
        weir_buffer_append_text(&text,
                                "no template makes this a data stream (weir setup elasticsearch installs one): ");
    if (result->type.len > 0)
        append_unescaped(&text, result->type);
    else
        weir_buffer_printf(&text, "status %u", result->status);
    if (result->reason.len > 0) {
        weir_buffer_append_text(&text, ": ");
        append_reason(&text, result->reason);
    }
    append_cause(&text, result);
    enum { INDEX_MAX = 100 };
    int index_len = result->index.len < INDEX_MAX ? (int)result->index.len : INDEX_MAX;
    size_t index_space = index_len > 0 ? (size_t)index_len + strlen(" []") : 0;
    size_t text_max = size - 1 - index_space;
    int text_len = (int)(text.len < text_max ? text.len : text_max);
    if (index_len > 0)
        snprintf(ret_text, size, "%.*s [%.*s]", text_len, (const char *)text.data, index_len, result->index.data);
    else
        snprintf(ret_text, size, "%.*s", text_len, (const char *)text.data);
    weir_utf8_repair(ret_text);
}

static weir_error_class class_of(const es_result *result)
{
    switch (result->fate) {
    case ES_LATER:
        if (result->is_of_index)
            return WEIR_ERROR_ENDPOINT;
        return result->status == 429 ? WEIR_ERROR_THROTTLED : WEIR_ERROR_RETRYABLE;
    case ES_UNKNOWN:
        return WEIR_ERROR_RETRYABLE;
    case ES_REFUSED:
        return WEIR_ERROR_PERMANENT;
    default:
        return WEIR_ERROR_NONE;
    }
}

void es_result_error(const es_result *result, weir_error *ret_error)
{
    char text[WEIR_ERROR_TEXT_SIZE];
    if (result->fate == ES_UNKNOWN)
        snprintf(text, sizeof text, "the answer ended before it told what became of the document");
    else if (result->fate == ES_SET_ASIDE)
        snprintf(text, sizeof text, "Elasticsearch put the document into the failure store");
    else
        write_text(result, text, sizeof text);
    weir_error_set(ret_error, class_of(result), WEIR_OK, "%s", text);
    ret_error->status = ret_error->class_ == WEIR_ERROR_PERMANENT ? WEIR_INVALID : WEIR_AGAIN;
}

/* ---- gathering ---- */

void es_fates_init(es_fates *fates, uint32_t items)
{
    *fates = (es_fates){.items = items, .group_count = 1};
}

void es_fates_done(es_fates *fates)
{
    free(fates->group_of);
    free(fates->groups);
    *fates = (es_fates){0};
}

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, weir_text text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.data[i]) * 0x100000001b3;
    return hash;
}

static uint64_t key_of(es_item_state state, const weir_error *error, weir_text reason)
{
    uint64_t hash = 0xcbf29ce484222325;
    hash = (hash ^ (uint64_t)state) * 0x100000001b3;
    hash = (hash ^ (uint64_t)error->class_) * 0x100000001b3;
    return hash_text(hash, reason);
}

static uint32_t group_add(es_fates *fates, es_item_state state, uint64_t key, const weir_error *error)
{
    fates->groups = weir_realloc(fates->groups, fates->group_count + 1, sizeof *fates->groups);
    if (!fates->group_of) {
        fates->group_of = weir_alloc(fates->items, sizeof *fates->group_of);
        fates->groups[0] = (es_fate_group){0};
    }
    fates->groups[fates->group_count] = (es_fate_group){.state = state, .key = key, .error = *error};
    return fates->group_count++;
}

static weir_error one_of_many(const weir_error *error)
{
    weir_error made = *error;
    weir_error_set(&made, error->class_, error->status, "for one of many different reasons, as: %.200s", error->text);
    return made;
}

/* Those refused for reasons that are too many to be told apart have key 0. */
static uint32_t group_for(es_fates *fates, es_item_state state, weir_text reason, const weir_error *error)
{
    uint64_t key = key_of(state, error, reason);
    uint32_t others = 0;
    for (uint32_t i = 1; i < fates->group_count; i++) {
        if (fates->groups[i].key == key)
            return i;
        if (fates->groups[i].key == 0)
            others = i;
    }
    if (fates->group_count < ES_FATE_GROUPS_MAX || state != ES_ITEM_REFUSED)
        return group_add(fates, state, key, error);
    if (others > 0)
        return others;
    weir_error shared = one_of_many(error);
    return group_add(fates, state, 0, &shared);
}

static void put(es_fates *fates, uint32_t item, es_item_state state, weir_text reason, const weir_error *error)
{
    WEIR_ASSERT(item < fates->items);
    uint32_t before = fates->group_of ? fates->group_of[item] : 0;
    if (before > 0 && fates->groups[before].state >= state)
        return;
    uint32_t group = group_for(fates, state, reason, error);
    if (before > 0)
        fates->groups[before].items--;
    fates->groups[group].items++;
    fates->group_of[item] = group;
}

void es_fates_add(es_fates *fates, uint32_t item, const es_result *result)
{
    weir_error error = {0};
    switch (result->fate) {
    case ES_STORED:
    case ES_THERE:
        return;
    case ES_SET_ASIDE:
        es_result_error(result, &error);
        put(fates, item, ES_ITEM_SET_ASIDE, (weir_text){0}, &error);
        return;
    case ES_LATER:
    case ES_UNKNOWN:
        es_result_error(result, &error);
        put(fates, item, ES_ITEM_AGAIN, result->type, &error);
        return;
    default:
        es_result_error(result, &error);
        put(fates, item, ES_ITEM_REFUSED, weir_text_of(error.text), &error);
        return;
    }
}

void es_fates_refuse(es_fates *fates, uint32_t item, const weir_error *error)
{
    WEIR_ASSERT(error->class_ == WEIR_ERROR_PERMANENT || error->class_ == WEIR_ERROR_TOO_LARGE);
    put(fates, item, ES_ITEM_REFUSED, weir_text_of(error->text), error);
}

uint32_t es_fates_count(const es_fates *fates, es_item_state state)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i < fates->group_count; i++) {
        if (fates->groups[i].state == state)
            count += fates->groups[i].items;
    }
    return count;
}

static int gravity(weir_error_class class_)
{
    return class_ == WEIR_ERROR_ENDPOINT ? 3 : class_ == WEIR_ERROR_THROTTLED ? 2 : class_ == WEIR_ERROR_RETRYABLE;
}

weir_error es_fates_why_again(const es_fates *fates)
{
    weir_error gravest = {0};
    for (uint32_t i = 1; i < fates->group_count; i++) {
        const es_fate_group *group = &fates->groups[i];
        if (group->state == ES_ITEM_AGAIN && group->items > 0 && gravity(group->error.class_) > gravity(gravest.class_))
            gravest = group->error;
    }
    return gravest;
}

/* ---- rests ---- */

typedef struct rest_cutting {
    const es_fates *fates;
    uint32_t *group_of; /* of the items of the slices that are cut, one after the other */
    size_t next;
    weir_push_rest *rests;
    size_t rest_count;
} rest_cutting;

static uint32_t bucket_of(void *context, const weir_otlp_items *at)
{
    rest_cutting *cutting = context;
    (void)at;
    return cutting->group_of[cutting->next++];
}

static weir_status take_group(void *context, weir_otlp_group *takes)
{
    rest_cutting *cutting = context;
    const es_fate_group *group = &cutting->fates->groups[takes->bucket];
    if (takes->bucket > 0) {
        cutting->rests = weir_realloc(cutting->rests, cutting->rest_count + takes->slice_count, sizeof *cutting->rests);
        for (uint32_t i = 0; i < takes->slice_count; i++) {
            cutting->rests[cutting->rest_count++] = (weir_push_rest){
                .slice = takes->slices[i], .error = group->error, .again = group->state == ES_ITEM_AGAIN};
            takes->slices[i] = (weir_slice){0};
        }
    }
    weir_otlp_group_done(takes);
    return WEIR_OK;
}

static void cutting_done(rest_cutting *cutting)
{
    for (size_t i = 0; i < cutting->rest_count; i++)
        weir_slice_done(&cutting->rests[i].slice);
    free(cutting->rests);
    free(cutting->group_of);
}

static bool is_all_done(const uint32_t *group_of, uint32_t items)
{
    for (uint32_t i = 0; i < items; i++) {
        if (group_of[i] > 0)
            return false;
    }
    return true;
}

/* The slices that have items with a fate, and those items' groups: what is wholly stored is not even looked at. */
static uint32_t choose_slices(rest_cutting *cutting, const weir_push *push, const weir_slice **ret_slices)
{
    const uint32_t *group_of = cutting->fates->group_of;
    uint32_t count = 0;
    size_t items = 0;
    for (uint32_t i = 0; i < push->slice_count; i++) {
        const weir_slice *slice = push->slices[i];
        if (!is_all_done(group_of, slice->items)) {
            memcpy(cutting->group_of + items, group_of, slice->items * sizeof *group_of);
            items += slice->items;
            ret_slices[count++] = slice;
        }
        group_of += slice->items;
    }
    return count;
}

weir_status es_fates_rests(const es_fates *fates, const weir_push *push, weir_account *account,
                           weir_push_rest **ret_rests, size_t *ret_count)
{
    WEIR_ASSERT(fates->group_of && fates->items == push->items);
    WEIR_CLEANUP(cutting_done)
    rest_cutting cutting = {.fates = fates, .group_of = weir_alloc(fates->items, sizeof *fates->group_of)};
    WEIR_FREE const weir_slice **slices = weir_alloc(push->slice_count, sizeof *slices);
    uint32_t slice_count = choose_slices(&cutting, push, slices);
    const weir_otlp_scattering scattering = {
        .buckets = fates->group_count, .bucket_of = bucket_of, .give = take_group, .context = &cutting};
    weir_status status = weir_otlp_scatter((weir_otlp_kind)push->signal, slices, slice_count, &scattering, account);
    if (status != WEIR_OK)
        return status;
    *ret_rests = WEIR_TAKE(cutting.rests);
    *ret_count = cutting.rest_count;
    cutting.rest_count = 0;
    return WEIR_OK;
}
