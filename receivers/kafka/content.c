/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "kafka/envelope.h"
#include "otlp/attributes.h"
#include "otlp/from_json.h"
#include "otlp/rewrite.h"
#include "receivers/kafka/instance.h"

enum { METADATA_ENTRIES_MAX = 128 };

/* The first header of that name; {NULL, 0} if there is none. */
static weir_bytes header_of(const weir_kafka_message *message, const char *name)
{
    weir_kafka_header header;
    for (size_t i = 0; weir_kafka_message_header(message, i, &header); i++)
        if (weir_text_is(header.key, name))
            return header.value;
    return (weir_bytes){NULL, 0};
}

/* ---- metadata ---- */

static weir_text number_text(char *buffer, size_t size, int64_t number)
{
    snprintf(buffer, size, "%lld", (long long)number);
    return weir_text_of(buffer);
}

/* As the Collector's client.Metadata: where the message lay, and all of its headers. Names are compared in any case, so
 * that they need not be lower case here. */
static weir_metadata *metadata_of(const weir_kafka_message *message)
{
    char partition[24], offset[24];
    weir_metadata_entry entries[METADATA_ENTRIES_MAX] = {
        {WEIR_TEXT("kafka.topic"), weir_text_of(message->topic)},
        {WEIR_TEXT("kafka.partition"), number_text(partition, sizeof partition, message->partition)},
        {WEIR_TEXT("kafka.offset"), number_text(offset, sizeof offset, message->offset)},
    };
    size_t count = 3;
    weir_kafka_header header;
    for (size_t i = 0; count < METADATA_ENTRIES_MAX && weir_kafka_message_header(message, i, &header); i++)
        if (!weir_text_is(header.key, WEIR_KAFKA_SLICES_HEADER))
            entries[count++] = (weir_metadata_entry){header.key, {(const char *)header.value.data, header.value.len}};
    return weir_metadata_new(entries, count, "");
}

/* ---- headers as resource attributes ---- */

typedef struct extraction {
    const weir_strings *names;
    const weir_kafka_message *message;
    weir_otlp_attributes list;
} extraction;

static weir_otlp_verdict add_headers(void *context, weir_bytes resource, weir_buffer *out)
{
    extraction *extracted = context;
    weir_otlp_attributes_load(&extracted->list, resource, WEIR_OTLP_RESOURCE_ATTRIBUTES);
    for (size_t i = 0; i < extracted->names->count; i++) {
        weir_bytes value = header_of(extracted->message, extracted->names->items[i]);
        if (!value.data)
            continue;
        WEIR_FREE char *key = weir_format("kafka.header.%s", extracted->names->items[i]);
        const weir_otlp_value text = {.type = WEIR_OTLP_STRING, .string = {(const char *)value.data, value.len}};
        weir_otlp_attributes_set(&extracted->list, weir_text_of(key), &text);
    }
    if (!extracted->list.changed)
        return WEIR_OTLP_KEEP;
    weir_otlp_attributes_store(&extracted->list, out);
    return WEIR_OTLP_REPLACE;
}

static weir_status extract_headers(const kafka_delivery *delivery, weir_slice *slices, uint32_t count)
{
    const kafka_partition *partition = delivery->partition;
    const kafka_extraction_config *config = &partition->instance->shared->config->header_extraction;
    if (!config->extract_headers || config->headers.count == 0)
        return WEIR_OK;
    extraction extracted = {.names = &config->headers, .message = delivery->message};
    const weir_otlp_editor editor = {.context = &extracted, .on_resource = add_headers};
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < count && status == WEIR_OK; i++) {
        weir_slice edited;
        status = weir_otlp_edit((weir_otlp_kind)partition->signal, &slices[i], &editor, &edited);
        if (status != WEIR_OK)
            break;
        weir_slice_done(&slices[i]);
        slices[i] = edited;
    }
    weir_otlp_attributes_done(&extracted.list);
    return status;
}

/* ---- slices ---- */

void weir__kafka_slices_free(weir_slice *slices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        weir_slice_done(&slices[i]);
    free(slices);
}

/* Puts the slices that have items first; returns how many do. */
static uint32_t drop_empty(weir_slice *slices, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (slices[i].items == 0)
            weir_slice_done(&slices[i]);
        else
            slices[kept++] = slices[i];
    }
    return kept;
}

weir_status weir__kafka_slices_read(const kafka_delivery *delivery, weir_slice **ret_slices, uint32_t *ret_count,
                                    bool *ret_is_misfit, weir_error *ret_error)
{
    const kafka_partition *partition = delivery->partition;
    const kafka_shared *shared = partition->instance->shared;
    const weir_kafka_message *message = delivery->message;
    const weir_otlp_kind kind = (weir_otlp_kind)partition->signal;
    const weir_kafka_place place = {.cluster_id = message->cluster_id,
                                    .topic = weir_text_of(message->topic),
                                    .partition = message->partition,
                                    .offset = message->offset,
                                    .timestamp_ms = message->timestamp_ms};
    weir_chunk *chunk = delivery->chunk;
    weir_bytes request = message->value;
    if (shared->config->topics[partition->signal].encoding == WEIR_KAFKA_OTLP_JSON) {
        uint64_t items;
        weir_status status =
            weir_otlp_from_json(kind, request.data, request.len, shared->host->account, &chunk, &items, ret_error);
        if (status != WEIR_OK)
            return status;
        request = (weir_bytes){chunk->data, chunk->size};
    }
    weir_status status = weir_kafka_envelope_read(kind, chunk, request, header_of(message, WEIR_KAFKA_SLICES_HEADER),
                                                  &place, ret_slices, ret_count, ret_is_misfit, ret_error);
    if (chunk != delivery->chunk)
        weir_chunk_unref(chunk); /* the slices have references of their own */
    return status;
}

weir_status weir__kafka_content_read(kafka_delivery *delivery, weir_batch **ret_batch, weir_error *ret_error)
{
    if (!delivery->message->value.data)
        return WEIR_OK; /* a tombstone: nothing was ever in it */
    weir_slice *slices = NULL;
    uint32_t count = 0;
    bool is_misfit = false;
    weir_status status = weir__kafka_slices_read(delivery, &slices, &count, &is_misfit, ret_error);
    if (status != WEIR_OK)
        return status;
    weir_metric_add(delivery->partition->instance->shared->counters.misfits, is_misfit);
    count = drop_empty(slices, count);
    status = extract_headers(delivery, slices, count);
    if (status != WEIR_OK || count == 0) {
        weir__kafka_slices_free(slices, count);
        return status;
    }
    *ret_batch = weir_batch_new_of(delivery->partition->signal, slices, count, &delivery->ack);
    (*ret_batch)->metadata = metadata_of(delivery->message);
    (*ret_batch)->received_ns = delivery->entry->read_ns;
    return WEIR_OK;
}
