/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"
#include "core/memory.h"
#include "exporters/kafka/internal.h"
#include "telemetry/log.h"

/* ---- the producer's calls ---- */

static void on_report(void *user, const weir_kafka_report *report)
{
    (void)user;
    kafka_message *message = report->user;
    kafka_exporter *exporter = message->request->exporter;
    kafka_topic_count(message->topic, report, message->bytes);
    message->topic->flying--;
    if (!exporter) {
        kafka_request_forget(message->request, message);
        return;
    }
    kafka_reported(exporter, message, report);
}

/* After a report there is room in the library, for the messages of any signal. */
static void on_report_advance(void *user, const weir_kafka_report *report)
{
    const kafka_writer *writer = user;
    on_report(user, report);
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        kafka_exporter *exporter = writer->exporters[signal];
        if (!exporter)
            continue;
        exporter->is_blocked = false;
        kafka_advance(exporter);
    }
}

static void on_partitions(void *user, const char *topic, int32_t partitions)
{
    const kafka_writer *writer = user;
    if (partitions <= 0)
        return;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (writer->exporters[signal])
            kafka_partitions_known(writer->exporters[signal], topic);
    }
}

/* Each worker notices by itself; the first and the last are news. */
static void log_state(kafka_shared *shared, bool is_up, const weir_error *error)
{
    if (is_up) {
        if (atomic_fetch_sub(&shared->writers_down, 1) == 1)
            weir_log(WEIR_LOG_INFO, shared->id, "brokers can be reached again");
    } else if (atomic_fetch_add(&shared->writers_down, 1) == 0) {
        bool has_storage = shared->config->sender.queue.enabled && shared->config->sender.queue.storage;
        weir_log(WEIR_LOG_ERROR, shared->id, "no broker can be reached: %s error=\"%s\"",
                 has_storage ? "data is kept on disk"
                             : "data is refused until one can (sending_queue.storage would keep it on disk)",
                 error->text);
    }
}

static void on_state(void *user, bool is_up, const weir_error *error)
{
    kafka_writer *writer = user;
    bool was_up = writer->down_since_ns == 0;
    weir_error unknown = {0};
    weir_error_set(&unknown, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "no connection");
    const weir_error *why = error || is_up ? error : &unknown;
    if (was_up != is_up)
        log_state(writer->shared, is_up, why);
    if (is_up)
        writer->down_since_ns = 0;
    else if (was_up)
        writer->down_since_ns = weir_loop_now_ns(writer->worker->loop);
    if (!is_up)
        writer->down_error = *why;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (writer->exporters[signal])
            kafka_state_changed(writer->exporters[signal], why);
    }
}

/* ---- life ---- */

bool kafka_writer_is_open(kafka_writer *writer, weir_error *ret_error)
{
    if (writer->producer)
        return true;
    const kafka_shared *shared = writer->shared;
    const weir_kafka_producer_settings settings = kafka_producer_settings(shared->config, shared->id, shared->host);
    weir_status status =
        weir_kafka_producer_open(writer->worker, &settings, &writer->handlers, &writer->producer, ret_error);
    if (status == WEIR_OK)
        return true;
    ret_error->class_ = WEIR_ERROR_ENDPOINT; /* the settings were checked; what is missing now may come */
    return false;
}

bool kafka_writer_is_up(const kafka_writer *writer)
{
    return !writer->producer || weir_kafka_producer_is_up(writer->producer);
}

static kafka_writer *writer_new(kafka_shared *shared, const weir_worker *worker)
{
    kafka_writer *writer = WEIR_NEW(kafka_writer);
    weir_error error = {0};
    writer->shared = shared;
    writer->worker = worker;
    writer->handlers = (weir_kafka_producer_handlers){
        .on_report = on_report_advance, .on_partitions = on_partitions, .on_state = on_state, .user = writer};
    if (!kafka_writer_is_open(writer, &error))
        weir_log(WEIR_LOG_ERROR, shared->id, "the Kafka client could not be started: it is tried again error=\"%s\"",
                 error.text);
    return writer;
}

kafka_writer *kafka_writer_join(kafka_shared *shared, const weir_worker *worker, kafka_exporter *exporter)
{
    kafka_writer **place = &shared->writers[worker->index];
    if (!*place)
        *place = writer_new(shared, worker);
    WEIR_ASSERT(!(*place)->exporters[exporter->signal]);
    (*place)->exporters[exporter->signal] = exporter;
    return *place;
}

static void writer_free(kafka_writer *writer)
{
    weir_kafka_producer_free(writer->producer);
    kafka_request *next;
    for (kafka_request *request = writer->detached; request; request = next) {
        next = request->next;
        kafka_request_free(request);
    }
    kafka_topics_free(writer);
    free(writer);
}

void kafka_writer_leave(kafka_writer *writer, kafka_exporter *exporter)
{
    WEIR_ASSERT(writer->exporters[exporter->signal] == exporter && !exporter->requests);
    writer->exporters[exporter->signal] = NULL;
    for (int signal = 0; signal < WEIR_SIGNALS; signal++) {
        if (writer->exporters[signal])
            return;
    }
    writer->shared->writers[writer->worker->index] = NULL;
    writer_free(writer);
}
