/* SPDX-License-Identifier: Apache-2.0
 *
 * Dead letters: messages as they were read, in a topic of their own, with headers that say where they lay and why they
 * are there. Of a message that was delivered but for some items the letter has those items (excerpt.c); there may be
 * several such letters. Only the broker's acknowledgement settles such a message; until then writing it is tried again,
 * and the receiver reads nothing new while there is one that even the producer does not have.
 *
 * A message that is larger than the topic takes would be tried for ever, and hold up everything behind it. Its letter has
 * the headers only: they say where the message lies, and its own topic keeps it for a while.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "kafka/envelope.h"
#include "receivers/kafka/instance.h"
#include "telemetry/log.h"

enum {
    RETRY_MS = 1000,
    OWN_HEADERS = 7,
    HEADERS_MAX = 256,                      /* of the message, which keeps the first of them */
    MESSAGE_BYTES_MAX = 1000 * 1000 * 1000, /* as librdkafka; the topic's max.message.bytes decides */
    WORKING_BYTES = 2 * 1024 * 1024,        /* messages are borrowed, and poison is rare and mostly small */
    REQUEST_TIMEOUT_MS = 30 * 1000,
};

struct kafka_dead_letter {
    kafka_dead_letter *previous, *next;
    bool is_listed;
    kafka_delivery *delivery;
    kafka_reason reason;
    weir_batch *refused;   /* owned: what was refused of the message; NULL: the letter is about all of it */
    kafka_excerpt excerpt; /* of those items */
    weir_kafka_record record;
    char partition[24], offset[24];
    char error[WEIR_ERROR_TEXT_SIZE];
    char left_out[24];
    size_t kept_headers; /* of the message, in front of weir's own */
    weir_kafka_header headers[];
};

/* ---- lists ---- */

static void list_append(kafka_letter_list *list, kafka_dead_letter *letter)
{
    letter->is_listed = true;
    letter->previous = list->last;
    letter->next = NULL;
    if (list->last)
        list->last->next = letter;
    else
        list->first = letter;
    list->last = letter;
}

static void list_remove(kafka_letter_list *list, kafka_dead_letter *letter)
{
    if (letter->previous)
        letter->previous->next = letter->next;
    else
        list->first = letter->next;
    if (letter->next)
        letter->next->previous = letter->previous;
    else
        list->last = letter->previous;
    letter->previous = letter->next = NULL;
    letter->is_listed = false;
}

static kafka_dead_letter *list_pop(kafka_letter_list *list)
{
    kafka_dead_letter *letter = list->first;
    if (letter)
        list_remove(list, letter);
    return letter;
}

/* ---- the end of a letter ---- */

void weir__kafka_dead_letter_free(kafka_dead_letter *letter)
{
    if (!letter)
        return;
    WEIR_ASSERT(!letter->is_listed && !letter->refused);
    weir__kafka_excerpt_done(&letter->excerpt);
    free(letter);
}

/* Ends the letter of a part with what became of it; its message goes on. */
static void end_part(kafka_dead_letter *letter, const weir_outcome *outcome)
{
    weir_batch *refused = WEIR_TAKE(letter->refused);
    weir__kafka_dead_letter_free(letter);
    weir_batch_complete(refused, outcome);
}

static weir_outcome not_written(void)
{
    weir_outcome outcome = {.kind = WEIR_RETRY_LATER};
    weir_error_set(&outcome.error, WEIR_ERROR_RETRYABLE, WEIR_CANCELLED, "the dead letter was not written");
    return outcome;
}

static void give_up(kafka_dead_letter *letter)
{
    const weir_outcome outcome = not_written();
    if (letter->refused)
        end_part(letter, &outcome);
    else
        weir__kafka_delivery_drop(letter->delivery);
}

static void is_written(kafka_dead_letter *letter)
{
    kafka_delivery *delivery = letter->delivery;
    weir_metric_add(delivery->partition->instance->shared->counters.dead_letters[letter->reason], 1);
    if (!letter->refused) {
        weir__kafka_delivery_settle(delivery);
        return;
    }
    delivery->refused_items += letter->refused->items;
    end_part(letter, &weir_outcome_delivered);
}

/* ---- writing ---- */

static void try_again_later(kafka_dead_letter *letter)
{
    kafka_instance *instance = letter->delivery->partition->instance;
    list_append(&instance->unwritten, letter);
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

/* True if there is no point in writing for it any more: whoever reads the partition next reads the message too. */
static bool is_over(const kafka_delivery *delivery)
{
    const kafka_partition *partition = delivery->partition;
    return partition->is_gone || partition->is_revoking || partition->instance->is_draining ||
           partition->instance->is_freed;
}

static void on_report(void *user, const weir_kafka_report *report)
{
    kafka_instance *instance = user;
    kafka_dead_letter *letter = report->user;
    list_remove(&instance->written, letter);
    if (!report->error) {
        is_written(letter);
        return;
    }
    weir_metric_add(instance->shared->counters.dead_letters_failed, 1);
    weir_log(WEIR_LOG_ERROR, instance->shared->id,
             "a dead letter could not be written: its partition waits for it dead_letter_topic=%s error=\"%s\"",
             letter->record.topic, report->error->text);
    if (is_over(letter->delivery)) {
        give_up(letter);
        return;
    }
    if (report->error->status == WEIR_TOO_LARGE)
        leave_out_message(letter);
    try_again_later(letter);
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

static kafka_reason reason_of(const weir_error *error)
{
    if (error->class_ == WEIR_ERROR_TOO_LARGE || error->status == WEIR_TOO_LARGE)
        return KAFKA_LARGE;
    return error->status == WEIR_TIMEOUT ? KAFKA_EXPIRED : KAFKA_REFUSED;
}

/* The message's headers, but for `left_out` (NULL: all of them). */
static void add_headers_of(kafka_dead_letter *letter, const weir_kafka_message *message, const char *left_out)
{
    weir_kafka_header header;
    for (size_t i = 0; i < HEADERS_MAX && weir_kafka_message_header(message, i, &header); i++)
        if (!left_out || !weir_text_is(header.key, left_out))
            letter->headers[letter->record.header_count++] = header;
}

static void add_reason(kafka_dead_letter *letter, const weir_error *error)
{
    const weir_kafka_message *message = letter->delivery->message;
    letter->kept_headers = letter->record.header_count;
    snprintf(letter->partition, sizeof letter->partition, "%d", message->partition);
    snprintf(letter->offset, sizeof letter->offset, "%lld", (long long)message->offset);
    snprintf(letter->error, sizeof letter->error, "%s", error->text);
    add_header(letter, "weir.topic", message->topic);
    add_header(letter, "weir.partition", letter->partition);
    add_header(letter, "weir.offset", letter->offset);
    add_header(letter, "weir.signal", weir_signal_name(letter->delivery->partition->signal));
    add_header(letter, "weir.error", letter->error);
}

/* About the whole message; its headers and value are to be added. */
static kafka_dead_letter *letter_new(kafka_delivery *delivery, kafka_reason reason)
{
    const weir_kafka_message *message = delivery->message;
    weir_kafka_header header;
    size_t count = 0;
    while (count < HEADERS_MAX && weir_kafka_message_header(message, count, &header))
        count++;
    kafka_dead_letter *letter = weir_alloc(1, sizeof *letter + (count + OWN_HEADERS) * sizeof letter->headers[0]);
    letter->delivery = delivery;
    letter->reason = reason;
    letter->record = (weir_kafka_record){.topic = delivery->partition->instance->shared->config->dead_letter_topic,
                                         .partition = -1,
                                         .key = message->key,
                                         .value = message->value,
                                         .headers = letter->headers,
                                         .user = letter};
    return letter;
}

static void write_letter(kafka_dead_letter *letter)
{
    kafka_instance *instance = letter->delivery->partition->instance;
    weir_error error = {0};
    weir_status status = open_producer(instance, &error);
    if (status == WEIR_OK)
        status = weir_kafka_produce(instance->dead_letter_producer, &letter->record, &error);
    if (status == WEIR_OK) {
        list_append(&instance->written, letter);
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
    try_again_later(letter);
}

/* `items` 0: of all. */
static void log_letter(const kafka_delivery *delivery, uint64_t items, kafka_reason reason, const weir_error *error)
{
    const kafka_partition *partition = delivery->partition;
    WEIR_FREE char *count = items > 0 ? weir_format(" items=%llu", (unsigned long long)items) : weir_strdup("");
    weir_log(WEIR_LOG_WARN, partition->instance->shared->id,
             "%s a dead letter topic=%s partition=%d offset=%lld%s reason=%s error=\"%s\"",
             items > 0 ? "items of a message become" : "a message becomes", partition->topic, partition->number,
             (long long)delivery->message->offset, count, weir__kafka_reason_name(reason), error->text);
}

static void write_whole(kafka_delivery *delivery, kafka_reason reason, const weir_error *error)
{
    log_letter(delivery, 0, reason, error);
    kafka_dead_letter *letter = letter_new(delivery, reason);
    add_headers_of(letter, delivery->message, NULL);
    add_reason(letter, error);
    delivery->dead_letter = letter;
    write_letter(letter);
}

void weir__kafka_dead_letter_write_refused(kafka_delivery *delivery, const weir_error *error)
{
    write_whole(delivery, reason_of(error), error);
}

void weir__kafka_dead_letter_write_unread(kafka_delivery *delivery, const weir_error *error)
{
    write_whole(delivery, KAFKA_NOT_OTLP, error);
}

void weir__kafka_dead_letter_bury(weir_ack *ack, weir_batch *takes_refused, const weir_error *error)
{
    kafka_delivery *delivery = WEIR_CONTAINER(ack, kafka_delivery, ack);
    kafka_excerpt excerpt = {0};
    weir_error failure;
    if (is_over(delivery) || weir__kafka_excerpt_make(delivery, takes_refused, &excerpt, &failure) != WEIR_OK) {
        const weir_outcome outcome = not_written();
        weir_batch_complete(takes_refused, &outcome);
        return;
    }
    kafka_reason reason = reason_of(error);
    log_letter(delivery, takes_refused->items, reason, error);
    kafka_dead_letter *letter = letter_new(delivery, reason);
    letter->refused = takes_refused;
    letter->excerpt = excerpt;
    letter->record.value = excerpt.value;
    add_headers_of(letter, delivery->message, WEIR_KAFKA_SLICES_HEADER);
    letter->headers[letter->record.header_count++] = (weir_kafka_header){
        WEIR_TEXT(WEIR_KAFKA_SLICES_HEADER), {letter->excerpt.slices.data, letter->excerpt.slices.len}};
    add_reason(letter, error);
    write_letter(letter);
    weir__kafka_flow_update(delivery->partition->instance);
}

void weir__kafka_dead_letters_retry(void *user)
{
    kafka_instance *instance = user;
    kafka_letter_list due = instance->unwritten;
    instance->unwritten = (kafka_letter_list){0};
    kafka_dead_letter *letter;
    while ((letter = list_pop(&due)))
        write_letter(letter);
    weir__kafka_flow_update(instance);
}

kafka_letter_list weir__kafka_dead_letters_take(kafka_instance *instance, const kafka_partition *partition)
{
    kafka_letter_list taken = {0};
    kafka_dead_letter *next;
    for (kafka_dead_letter *letter = instance->unwritten.first; letter; letter = next) {
        next = letter->next;
        if (partition && letter->delivery->partition != partition)
            continue;
        list_remove(&instance->unwritten, letter);
        list_append(&taken, letter);
    }
    return taken;
}

void weir__kafka_dead_letters_give_up(kafka_letter_list takes)
{
    kafka_dead_letter *letter;
    while ((letter = list_pop(&takes)))
        give_up(letter);
}

void weir__kafka_dead_letters_close(kafka_instance *instance)
{
    weir_kafka_producer_free(WEIR_TAKE(instance->dead_letter_producer));
    kafka_letter_list written = instance->written;
    instance->written = (kafka_letter_list){0};
    weir__kafka_dead_letters_give_up(written);
}
