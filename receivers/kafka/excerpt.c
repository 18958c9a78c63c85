/* SPDX-License-Identifier: Apache-2.0
 *
 * Of a message, the items that an exporter has refused, for a dead letter of their own. They are taken from the message as
 * it was read, not from what processors made of it: when the letter is read again it goes through them once more. Which
 * items they are tells their identity, which the letter's header keeps.
 */
#include <stdlib.h>

#include "core/memory.h"
#include "kafka/envelope.h"
#include "otlp/json.h"
#include "otlp/rewrite.h"
#include "otlp/scatter.h"
#include "receivers/kafka/instance.h"

static bool slice_has(const weir_slice *slice, uint32_t ordinal)
{
    uint32_t from = 0, to = slice->items;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (weir_slice_ordinal(slice, middle) < ordinal)
            from = middle + 1;
        else
            to = middle;
    }
    return from < slice->items && weir_slice_ordinal(slice, from) == ordinal;
}

/* What is being looked for: the refused items of a message. */
typedef struct refused_items {
    const weir_batch *batch;
    bool *is_found; /* [slice]: what it was made of is in the excerpt */
    const weir_slice *read;
} refused_items;

static bool is_made_of(const weir_slice *slice, const weir_slice *read)
{
    return slice->id.origin == read->id.origin && slice->id.sequence == read->id.sequence;
}

static bool is_refused(void *context, const weir_otlp_items *at)
{
    const refused_items *self = context;
    uint32_t ordinal = weir_slice_ordinal(self->read, at->index);
    for (uint32_t i = 0; i < self->batch->slice_count; i++)
        if (is_made_of(&self->batch->slices[i], self->read) && slice_has(&self->batch->slices[i], ordinal))
            return true;
    return false;
}

/* True if a refused slice was made of `read` and is not found yet; all of those are then. */
static bool find_slice(refused_items *refused, const weir_slice *read)
{
    bool is_new = false;
    for (uint32_t i = 0; i < refused->batch->slice_count; i++) {
        if (refused->is_found[i] || !is_made_of(&refused->batch->slices[i], read))
            continue;
        refused->is_found[i] = is_new = true;
    }
    return is_new;
}

/* A processor keeps the identity of what it edits. What has none of the message's goes into the excerpt as it is. */
static weir_status pick(weir_otlp_kind kind, const weir_slice *slices, uint32_t count, refused_items *refused,
                        weir_slice *ret_picked, uint32_t *ret_count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!find_slice(refused, &slices[i]))
            continue;
        refused->read = &slices[i];
        weir_status status = weir_otlp_filter(kind, &slices[i], is_refused, refused, &ret_picked[*ret_count]);
        if (status != WEIR_OK)
            return status;
        ++*ret_count;
    }
    for (uint32_t i = 0; i < refused->batch->slice_count; i++)
        if (!refused->is_found[i])
            ret_picked[(*ret_count)++] = weir_slice_ref(&refused->batch->slices[i]);
    return WEIR_OK;
}

typedef struct excerpt_writing {
    weir_otlp_kind kind;
    bool is_json;
    kafka_excerpt *excerpt;
} excerpt_writing;

static weir_status write_excerpt(void *context, weir_otlp_group *takes)
{
    const excerpt_writing *self = context;
    kafka_excerpt *excerpt = self->excerpt;
    weir_kafka_envelope_write(takes->slices, takes->slice_count, self->is_json, &excerpt->slices);
    excerpt->chunk = weir_chunk_ref(takes->chunk);
    excerpt->value = takes->bytes;
    if (self->is_json) {
        weir_otlp_to_json(self->kind, &takes->bytes, 1, &excerpt->json);
        excerpt->value = (weir_bytes){excerpt->json.data, excerpt->json.len};
        weir_account_force(excerpt->account, excerpt->json.len);
    }
    weir_otlp_group_done(takes);
    return WEIR_OK;
}

static weir_status put_together(const kafka_delivery *delivery, const weir_slice *slices, uint32_t count,
                                kafka_excerpt *excerpt)
{
    const kafka_shared *shared = delivery->partition->instance->shared;
    weir_signal signal = delivery->partition->signal;
    excerpt_writing writing = {.kind = (weir_otlp_kind)signal,
                               .is_json = shared->config->topics[signal].encoding == WEIR_KAFKA_OTLP_JSON,
                               .excerpt = excerpt};
    const weir_otlp_scattering into_one = {.buckets = 1, .give = write_excerpt, .context = &writing};
    excerpt->account = shared->host->account;
    const weir_slice **list = weir_alloc(count, sizeof *list);
    for (uint32_t i = 0; i < count; i++)
        list[i] = &slices[i];
    weir_status status = weir_otlp_scatter(writing.kind, list, count, &into_one, excerpt->account);
    free(list);
    return status;
}

weir_status weir__kafka_excerpt_make(const kafka_delivery *delivery, const weir_batch *refused,
                                     kafka_excerpt *ret_excerpt, weir_error *ret_error)
{
    weir_slice *slices = NULL;
    uint32_t count = 0, picked_count = 0;
    bool is_misfit;
    weir_status status = weir__kafka_slices_read(delivery, &slices, &count, &is_misfit, ret_error);
    if (status != WEIR_OK)
        return status;
    refused_items wanted = {.batch = refused, .is_found = weir_alloc(refused->slice_count, sizeof(bool))};
    weir_slice *picked = weir_alloc((size_t)count + refused->slice_count, sizeof *picked);
    status = pick((weir_otlp_kind)delivery->partition->signal, slices, count, &wanted, picked, &picked_count);
    if (status == WEIR_OK)
        status = put_together(delivery, picked, picked_count, ret_excerpt);
    if (status != WEIR_OK)
        weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, status, "no memory for a dead letter");
    weir__kafka_slices_free(picked, picked_count);
    weir__kafka_slices_free(slices, count);
    free(wanted.is_found);
    return status;
}

void weir__kafka_excerpt_done(kafka_excerpt *excerpt)
{
    weir_chunk_unref(excerpt->chunk);
    if (excerpt->json.len > 0)
        weir_account_release(excerpt->account, excerpt->json.len);
    weir_buffer_done(&excerpt->json);
    weir_buffer_done(&excerpt->slices);
    *excerpt = (kafka_excerpt){0};
}
