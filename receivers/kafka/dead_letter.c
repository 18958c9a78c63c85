/* SPDX-License-Identifier: Apache-2.0
 *
 * Dead letters: messages as they were read, in a topic of their own, with headers that say where they lay and why they
 * are there. Only the broker's acknowledgement settles such a message; until then writing it is tried again, and the
 * receiver reads nothing new while there is one that even the producer does not have.
 *
 * A message that is larger than the topic takes would be tried for ever, and hold up everything behind it. Its letter has
 * the headers only: they say where the message lies, and its own topic keeps it for a while.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "receivers/kafka/instance.h"
#include "telemetry/log.h"

enum {
    RETRY_MS = 1000,
    OWN_HEADERS = 6,
    HEADERS_MAX = 256,                      /* of the message, which keeps the first of them */
    MESSAGE_BYTES_MAX = 1000 * 1000 * 1000, /* as librdkafka; the topic's max.message.bytes decides */
    WORKING_BYTES = 2 * 1024 * 1024,        /* messages are borrowed, and poison is rare and mostly small */
    REQUEST_TIMEOUT_MS = 30 * 1000,
};

struct kafka_dead_letter {
    kafka_delivery *delivery;
    kafka_reason reason;
    weir_kafka_record record;
    char partition[24], offset[24];
    char error[WEIR_ERROR_TEXT_SIZE];
    char left_out[24];
    size_t kept_headers; /* of the message, in front of weir's own */
    weir_kafka_header headers[];
};
typedef struct kafka_dead_letter kafka_dead_letter;

static void try_again_later(kafka_delivery *delivery)
{
    kafka_instance *instance = delivery->partition->instance;
    delivery->is_unwritten = true;
    weir__kafka_list_append(&instance->unwritten, delivery);
    weir_timer_start(instance->unwritten_timer, RETRY_MS);
}

static void add_header(kafka_dead_letter *letter, const char *name, const char *value)
{
    letter->headers[letter->record.header_count++] =
        (weir_kafka_header){weir_text_of(name), {(const uint8_t *)value, strlen(value)}};
}

/* Nothing that is left is large: a letter without its message is tried as it is. */
static void leave_out_message(kafka_dead_letter *letter)
{
    weir_kafka_record *record = &letter->record;
    if (letter->left_out[0])
        return;
    snprintf(letter->left_out, sizeof letter->left_out, "%zu", record->value.len);
    add_header(letter, "weir.left_out", letter->left_out);
    record->headers += letter->kept_headers;
    record->header_count -= letter->kept_headers;
    record->key = record->value = (weir_bytes){NULL, 0};
    kafka_instance *instance = letter->delivery->partition->instance;
    weir_metric_add(instance->shared->counters.dead_letters_left_out, 1);
    weir_log(WEIR_LOG_ERROR, instance->shared->id,
             "the dead-letter topic does not take so large a message: only where it lies is written "
             "dead_letter_topic=%s bytes=%s remedy=\"raise that topic's max.message.bytes\"",
             record->topic, letter->left_out);
}

/* ---- the producer ---- */

static void on_report(void *user, const weir_kafka_report *report)
{
    kafka_instance *instance = user;
    kafka_dead_letter *letter = report->user;
    kafka_delivery *delivery = letter->delivery;
    const kafka_counters *counters = &instance->shared->counters;
    weir__kafka_list_remove(&instance->written, delivery);
    if (!report->error) {
        weir_metric_add(counters->dead_letters[letter->reason], 1);
        weir__kafka_delivery_settle(delivery);
        return;
    }
    weir_metric_add(counters->dead_letters_failed, 1);
    weir_log(WEIR_LOG_ERROR, instance->shared->id,
             "a dead letter could not be written: its partition waits for it dead_letter_topic=%s error=\"%s\"",
             letter->record.topic, report->error->text);
    if (delivery->partition->is_gone || delivery->partition->is_revoking || instance->is_draining) {
        weir__kafka_delivery_drop(delivery);
        return;
    }
    if (report->error->status == WEIR_TOO_LARGE)
        leave_out_message(letter);
    try_again_later(delivery);
    weir__kafka_flow_update(instance);
}

static void on_partitions(void *user, const char *topic, int32_t partitions)
{
    (void)user, (void)topic, (void)partitions;
}

static void on_state(void *user, bool is_up, const weir_error *error)
{
    (void)user, (void)is_up, (void)error; /* reports say what becomes of letters, and consumers how the brokers are */
}

static weir_status open_producer(kafka_instance *instance, weir_error *ret_error)
{
    if (instance->dead_letter_producer)
        return WEIR_OK;
    static const weir_kafka_producer_handlers handlers = {
        .on_report = on_report, .on_partitions = on_partitions, .on_state = on_state};
    weir_kafka_producer_handlers own = handlers;
    own.user = instance;
    instance->dead_letter_handlers = own;
    const kafka_shared *shared = instance->shared;
    const weir_kafka_producer_settings settings = {.client = &shared->config->client,
                                                   .id = shared->id,
                                                   .required_acks = -1,
                                                   .compression = WEIR_KAFKA_LZ4,
                                                   .compression_level = -1,
                                                   .message_bytes_max = MESSAGE_BYTES_MAX,
                                                   .messages_per_request_max = 1000,
                                                   .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                                   .buffer_bytes_max = 2 * (uint64_t)MESSAGE_BYTES_MAX,
                                                   .working_bytes = WORKING_BYTES,
                                                   .allow_auto_topic_creation = true};
    return shared->library->producer_open(&instance->worker, &settings, &instance->dead_letter_handlers,
                                          &instance->dead_letter_producer, ret_error);
}

/* ---- a letter ---- */

static kafka_dead_letter *letter_new(kafka_delivery *delivery, kafka_reason reason, const weir_error *error)
{
    const weir_kafka_message *message = delivery->message;
    const kafka_partition *partition = delivery->partition;
    weir_kafka_header header;
    size_t count = 0;
    while (count < HEADERS_MAX && weir_kafka_message_header(message, count, &header))
        count++;
    kafka_dead_letter *letter = weir_alloc(1, sizeof *letter + (count + OWN_HEADERS) * sizeof letter->headers[0]);
    letter->delivery = delivery;
    letter->reason = reason;
    letter->left_out[0] = '\0';
    letter->record = (weir_kafka_record){.topic = partition->instance->shared->config->dead_letter_topic,
                                         .partition = -1,
                                         .key = message->key,
                                         .value = message->value,
                                         .headers = letter->headers,
                                         .user = letter};
    for (size_t i = 0; i < count; i++)
        if (weir_kafka_message_header(message, i, &header))
            letter->headers[letter->record.header_count++] = header;
    letter->kept_headers = letter->record.header_count;
    snprintf(letter->partition, sizeof letter->partition, "%d", message->partition);
    snprintf(letter->offset, sizeof letter->offset, "%lld", (long long)message->offset);
    snprintf(letter->error, sizeof letter->error, "%s", error->text);
    add_header(letter, "weir.topic", message->topic);
    add_header(letter, "weir.partition", letter->partition);
    add_header(letter, "weir.offset", letter->offset);
    add_header(letter, "weir.signal", weir_signal_name(partition->signal));
    add_header(letter, "weir.error", letter->error);
    return letter;
}

static void write_letter(kafka_dead_letter *letter)
{
    kafka_delivery *delivery = letter->delivery;
    kafka_instance *instance = delivery->partition->instance;
    weir_error error = {0};
    weir_status status = open_producer(instance, &error);
    if (status == WEIR_OK)
        status = weir_kafka_produce(instance->dead_letter_producer, &letter->record, &error);
    if (status == WEIR_OK) {
        weir__kafka_list_append(&instance->written, delivery);
        return;
    }
    if (status != WEIR_AGAIN) {
        weir_metric_add(instance->shared->counters.dead_letters_failed, 1);
        weir_log(WEIR_LOG_ERROR, instance->shared->id,
                 "a dead letter could not be written: its partition waits for it dead_letter_topic=%s error=\"%s\"",
                 letter->record.topic, error.text);
    }
    if (status == WEIR_TOO_LARGE)
        leave_out_message(letter);
    try_again_later(delivery);
}

void weir__kafka_dead_letter_write(kafka_delivery *delivery, kafka_reason reason, const weir_error *error)
{
    const kafka_partition *partition = delivery->partition;
    weir_log(WEIR_LOG_WARN, partition->instance->shared->id,
             "a message becomes a dead letter topic=%s partition=%d offset=%lld reason=%s error=\"%s\"",
             partition->topic, partition->number, (long long)delivery->message->offset, weir__kafka_reason_name(reason),
             error->text);
    delivery->dead_letter = letter_new(delivery, reason, error);
    write_letter(delivery->dead_letter);
}

void weir__kafka_dead_letters_retry(void *user)
{
    kafka_instance *instance = user;
    kafka_delivery_list due = instance->unwritten;
    instance->unwritten = (kafka_delivery_list){0};
    while (due.first) {
        kafka_delivery *delivery = due.first;
        weir__kafka_list_remove(&due, delivery);
        delivery->is_unwritten = false;
        write_letter(delivery->dead_letter);
    }
    weir__kafka_flow_update(instance);
}

void weir__kafka_dead_letter_free(kafka_dead_letter *letter)
{
    free(letter);
}

void weir__kafka_dead_letters_close(kafka_instance *instance)
{
    weir_kafka_producer_free(WEIR_TAKE(instance->dead_letter_producer));
    while (instance->written.first) {
        kafka_delivery *delivery = instance->written.first;
        weir__kafka_list_remove(&instance->written, delivery);
        weir__kafka_delivery_drop(delivery);
    }
}
