/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/kafka/kafka_exporter.h"

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/kafka/internal.h"

/* ---- the process part ---- */

static void kafka_close(void *self)
{
    kafka_shared *shared = self;
    if (!shared)
        return;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        weir_kafka_topic_check_free(shared->checks[signal]);
    weir_sender_shared_free(shared->sender);
    free(shared->writers);
    free(shared);
}

static weir_status kafka_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                              weir_error *ret_error)
{
    const weir_kafka_producer_settings settings = kafka_producer_settings(config, id, host);
    weir_status status = weir_kafka_producer_check(&settings, ret_error);
    if (status != WEIR_OK)
        return status;
    kafka_shared *shared = WEIR_NEW(kafka_shared);
    shared->config = config;
    shared->host = host;
    shared->id = id;
    shared->sender_config = kafka_sender_config(config);
    shared->sender = weir_sender_shared_new(host, id, &shared->sender_config, NULL, 0);
    shared->writers = weir_alloc(host->workers, sizeof *shared->writers);
    *ret_shared = shared;
    return WEIR_OK;
}

/* Once for the topic of each signal that is sent. */
static void check_topic(kafka_shared *shared, weir_signal signal)
{
    const kafka_config *config = shared->config;
    const char *const *topic = (const char *const *)&config->signals[signal].topic;
    if (!shared->checks[signal])
        shared->checks[signal] = weir_kafka_topic_check_start(shared->host, shared->id, &config->client, topic, 1,
                                                              config->producer.max_message_bytes);
}

/* ---- an instance ---- */

static bool is_on_disk(const kafka_shared *shared)
{
    return shared->config->sender.queue.enabled && shared->config->sender.queue.storage;
}

/* What the exporter adds to its sender: while no broker can be reached nothing is taken, unless it goes to a disk. */
static void wrap_sender(kafka_exporter *exporter, const kafka_shared *shared)
{
    exporter->sender_reserve = exporter->sender->reserve;
    exporter->sender_drain = exporter->sender->drain;
    exporter->sender->drain = kafka_drain;
    if (!is_on_disk(shared))
        exporter->sender->reserve = kafka_reserve;
}

static weir_exporter *kafka_create(void *self, const weir_worker *worker, weir_signal signal,
                                   const weir_batch_shape *shape)
{
    kafka_shared *shared = self;
    kafka_exporter *exporter = WEIR_NEW(kafka_exporter);
    weir_exporter_meters meters;
    exporter->signal = signal;
    exporter->rule = kafka_rule_of(shared->config, signal);
    exporter->writer = kafka_writer_join(shared, worker, exporter);
    exporter->timer = weir_timer_new(worker->loop, kafka_look_again, exporter);
    weir_backoff_init(&exporter->backoff, &shared->config->sender.retry,
                      weir_loop_wall_ns(worker->loop) ^ (uintptr_t)exporter);
    exporter->sender = weir_sender_new(shared->sender, worker, signal, shape, &kafka_sender_ops, exporter);
    exporter->sender->type = &weir_exporter_kafka;
    weir_exporter_meters_init(&meters, shared->host->metrics, shared->id, signal, NULL, 0);
    exporter->enqueue_failed = meters.enqueue_failed;
    wrap_sender(exporter, shared);
    if (worker->index == 0)
        check_topic(shared, signal);
    return exporter->sender;
}

static void kafka_free(weir_exporter *sender)
{
    kafka_exporter *exporter = weir_sender_exporter(sender);
    weir_sender_free(sender);
    weir_timer_free(exporter->timer);
    kafka_writer_leave(exporter->writer, exporter);
    free(exporter);
}

const weir_component_type weir_exporter_kafka = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "kafka",
    .summary = "Writes traces, metrics and logs into Kafka topics.",
    .signals = WEIR_ON_ALL,
    .options = kafka_options,
    .config_size = sizeof(kafka_config),
    .check = kafka_check,
    .open = kafka_open,
    .close = kafka_close,
    .exporter_create = kafka_create,
    .exporter_free = kafka_free,
    .exporter_promise = kafka_promise,
};
