/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/diagnostics.h"
#include "core/assert.h"
#include "core/memory.h"
#include "exporters/kafka/kafka_exporter.h"
#include "kafka/topic_check.h"
#include "otlp/rewrite.h"
#include "otlp/view.h"

kafka_bench kafka_lab;

/* ---- memory ---- */

weir_chunk *__real_weir_chunk_new_forced(weir_account *account, size_t size);
weir_chunk *__wrap_weir_chunk_new_forced(weir_account *account, size_t size);

/* The linker puts this in the place of weir_chunk_new_forced. */
weir_chunk *__wrap_weir_chunk_new_forced(weir_account *account, size_t size)
{
    return kafka_lab.has_no_memory ? NULL : __real_weir_chunk_new_forced(account, size);
}

/* ---- the producer ---- */

static weir_status fake_produce(weir_kafka_producer *producer, const weir_kafka_record *record, weir_error *ret_error)
{
    (void)producer;
    cr_assert(record->value.len <= kafka_lab.config.producer.max_message_bytes);
    if (kafka_lab.room == 0)
        return weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_AGAIN, "full");
    kafka_lab.room--;
    cr_assert(kafka_lab.flying_count < KAFKA_BENCH_RECORDS_MAX);
    kafka_lab.flying[kafka_lab.flying_count++] = *record;
    kafka_lab.produced_count++;
    return WEIR_OK;
}

static int32_t fake_partitions(weir_kafka_producer *producer, const char *topic)
{
    (void)producer, (void)topic;
    return kafka_lab.partitions;
}

static bool fake_is_up(const weir_kafka_producer *producer)
{
    (void)producer;
    return !kafka_lab.is_down;
}

static void fake_free(weir_kafka_producer *producer)
{
    free(producer);
    kafka_lab.handlers = NULL;
}

static const weir_kafka_producer_ops fake_ops = {fake_produce, fake_partitions, fake_is_up, fake_free};

weir_status weir_kafka_producer_open(const weir_worker *worker, const weir_kafka_producer_settings *settings,
                                     const weir_kafka_producer_handlers *handlers, weir_kafka_producer **ret_producer,
                                     weir_error *ret_error)
{
    (void)worker, (void)settings;
    if (kafka_lab.cannot_open)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "no threads left");
    *ret_producer = WEIR_NEW(weir_kafka_producer);
    (*ret_producer)->ops = &fake_ops;
    kafka_lab.handlers = handlers;
    return WEIR_OK;
}

weir_status weir_kafka_producer_check(const weir_kafka_producer_settings *settings, weir_error *ret_error)
{
    (void)settings, (void)ret_error;
    return WEIR_OK;
}

weir_kafka_topic_check *weir_kafka_topic_check_start(const weir_host *host, const char *id,
                                                     const weir_kafka_client_config *client, const char *const *topics,
                                                     size_t topic_count, uint64_t message_bytes_max)
{
    (void)host, (void)id, (void)client, (void)topics, (void)topic_count, (void)message_bytes_max;
    return NULL;
}

void weir_kafka_topic_check_free(weir_kafka_topic_check *check)
{
    (void)check;
}

static void report(unsigned index, const weir_error *error, bool is_unknown_partition)
{
    cr_assert(index < kafka_lab.flying_count);
    weir_kafka_report told = {
        .user = kafka_lab.flying[index].user,
        .error = error,
        .is_unknown_partition = is_unknown_partition,
        .partition = kafka_lab.flying[index].partition,
    };
    kafka_lab.flying_count--;
    memmove(&kafka_lab.flying[index], &kafka_lab.flying[index + 1],
            (kafka_lab.flying_count - index) * sizeof kafka_lab.flying[0]);
    kafka_lab.room++;
    kafka_lab.handlers->on_report(kafka_lab.handlers->user, &told);
}

void kafka_acknowledge(unsigned index)
{
    report(index, NULL, false);
}

void kafka_acknowledge_all(void)
{
    while (kafka_lab.flying_count > 0)
        kafka_acknowledge(0);
}

void kafka_fail(unsigned index, weir_error_class class_, bool is_unknown_partition)
{
    weir_error error = {0};
    weir_error_set(&error, class_, WEIR_IO, "the test says no");
    report(index, &error, is_unknown_partition);
}

void kafka_state(bool is_up)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "connection refused");
    kafka_lab.is_down = !is_up;
    kafka_lab.handlers->on_state(kafka_lab.handlers->user, is_up, is_up ? NULL : &error);
}

void kafka_partitions_are(int32_t partitions)
{
    kafka_lab.partitions = partitions;
    kafka_lab.handlers->on_partitions(kafka_lab.handlers->user, "otlp_spans", partitions);
}

/* ---- the exporter ---- */

void kafka_bench_defaults(void)
{
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    kafka_lab = (kafka_bench){.partitions = 6, .room = UINT32_MAX / 2};
    cr_assert(weir_options_read(kafka_options, NULL, &kafka_lab.config, diagnostics));
    weir_diagnostics_free(diagnostics);
}

void kafka_bench_open(weir_signal signal)
{
    weir_error error;
    fake_loop_init(&kafka_lab.loop);
    weir_account_init(&kafka_lab.account, 1 << 30, 1 << 29);
    kafka_lab.metrics = weir_metrics_new();
    kafka_lab.host = (weir_host){
        .control = &kafka_lab.loop.super, .account = &kafka_lab.account, .metrics = kafka_lab.metrics, .workers = 1};
    kafka_lab.worker = (weir_worker){.loop = &kafka_lab.loop.super, .host = &kafka_lab.host};
    kafka_lab.signal = signal;
    cr_assert(weir_exporter_kafka.open(&kafka_lab.host, "kafka/test", &kafka_lab.config, &kafka_lab.shared, &error) ==
              WEIR_OK);
    kafka_lab.exporter = weir_exporter_kafka.exporter_create(kafka_lab.shared, &kafka_lab.worker, signal, NULL);
}

void kafka_bench_close(void)
{
    weir_exporter *exporter = kafka_lab.exporter;
    cr_assert(exporter->held(exporter) == 0);
    weir_exporter_books books = weir_exporter_books_read(kafka_lab.metrics, "kafka/test", kafka_lab.signal);
    cr_assert(books.taken == books.sent + books.rejected + books.returned + books.dropped);
    weir_exporter_kafka.exporter_free(exporter);
    weir_exporter_kafka.close(kafka_lab.shared);
    weir_metrics_free(kafka_lab.metrics);
    fake_loop_done(&kafka_lab.loop);
    cr_assert(weir_account_used(&kafka_lab.account) == 0, "%zu bytes are still charged",
              weir_account_used(&kafka_lab.account));
    weir_options_free(kafka_options, &kafka_lab.config);
}

/* ---- telemetry ---- */

void kafka_trace_id(uint32_t number, uint8_t ret_id[16])
{
    memset(ret_id, 0xab, 16);
    for (int i = 0; i < 4; i++)
        ret_id[i] = (uint8_t)(number * 2654435761u >> (8 * i));
}

static void append_field(weir_buffer *out, unsigned number, const void *bytes, size_t len)
{
    weir_otlp_put_varint(out, number << 3 | 2);
    weir_otlp_put_varint(out, len);
    weir_buffer_append(out, bytes, len);
}

static void append_item(weir_buffer *scope, weir_signal signal, uint32_t number, size_t padding)
{
    enum { SPAN_TRACE_ID = 1, SPAN_NAME = 5, LOG_TRACE_ID = 9, LOG_SEVERITY_TEXT = 3, ITEMS = 2 };
    WEIR_BUFFER item = {0};
    WEIR_FREE char *text = weir_alloc(padding + 1, 1);
    uint8_t id[16];
    kafka_trace_id(number, id);
    memset(text, 'x', padding);
    append_field(&item, signal == WEIR_LOGS ? LOG_SEVERITY_TEXT : SPAN_NAME, text, padding);
    append_field(&item, signal == WEIR_LOGS ? LOG_TRACE_ID : SPAN_TRACE_ID, id, sizeof id);
    append_field(scope, ITEMS, item.data, item.len);
}

static void append_attribute(weir_buffer *resource, const char *value)
{
    WEIR_BUFFER any = {0};
    WEIR_BUFFER pair = {0};
    append_field(&any, 1, value, strlen(value));
    append_field(&pair, 1, "topic", 5);
    append_field(&pair, 2, any.data, any.len);
    append_field(resource, WEIR_OTLP_RESOURCE_ATTRIBUTES, pair.data, pair.len);
}

weir_slice kafka_slice(weir_signal signal, uint32_t first, uint32_t count, size_t padding, const char *attribute)
{
    enum { RESOURCE = 1, SCOPES = 2, RESOURCES = 1 };
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    WEIR_BUFFER entry = {0};
    WEIR_BUFFER request = {0};
    uint64_t items;
    weir_error error;
    for (uint32_t i = 0; i < count; i++)
        append_item(&scope, signal, first + i, padding);
    if (attribute)
        append_attribute(&resource, attribute);
    append_field(&entry, RESOURCE, resource.data, resource.len);
    append_field(&entry, SCOPES, scope.data, scope.len);
    append_field(&request, RESOURCES, entry.data, entry.len);
    weir_chunk *chunk = weir_chunk_new(&kafka_lab.account, request.len);
    memcpy(chunk->data, request.data, request.len);
    cr_assert(weir_otlp_validate((weir_otlp_kind)signal, chunk->data, request.len, &items, &error) == WEIR_OK);
    cr_assert(items == count);
    return (weir_slice){
        .chunk = chunk, .data = chunk->data, .len = request.len, .items = count, .id = weir_slice_id_next()};
}

static void source_hears(weir_ack *ack, const weir_outcome *outcome)
{
    kafka_source *source = WEIR_CONTAINER(ack, kafka_source, ack);
    source->completions++;
    source->outcome = *outcome;
}

kafka_source *kafka_offer(weir_slice slice, weir_metadata *metadata)
{
    kafka_source *source = WEIR_NEW(kafka_source);
    source->ack.complete = source_hears;
    weir_batch *batch = weir_batch_new(kafka_lab.signal, &slice, &source->ack);
    batch->metadata = metadata;
    batch->deadline_ns = kafka_lab.loop.now_ns + 9000000000;
    weir_consume(&kafka_lab.exporter->super, batch);
    return source;
}

kafka_source *kafka_offer_items(uint32_t first, uint32_t count)
{
    return kafka_offer(kafka_slice(kafka_lab.signal, first, count, 10, NULL), NULL);
}

int64_t kafka_items_of(const weir_kafka_record *record)
{
    uint64_t items;
    weir_error error;
    weir_status status =
        weir_otlp_validate((weir_otlp_kind)kafka_lab.signal, record->value.data, record->value.len, &items, &error);
    return status == WEIR_OK ? (int64_t)items : -1;
}

uint64_t kafka_items_flying(void)
{
    uint64_t items = 0;
    for (unsigned i = 0; i < kafka_lab.flying_count; i++)
        items += (uint64_t)kafka_items_of(&kafka_lab.flying[i]);
    return items;
}

const weir_kafka_header *kafka_header_of(const weir_kafka_record *record, const char *key)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (weir_text_is(record->headers[i].key, key))
            return &record->headers[i];
    }
    return NULL;
}
