/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/session.h"

#include <stdlib.h>
#include <sys/eventfd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "kafka/thread.h"

/* Order of weir_kafka_compression. */
static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};

enum {
    SOCKET_TIMEOUT_MIN_MS = 10 * 1000,
    SOCKET_TIMEOUT_MAX_MS = 300 * 1000,
    DRAIN_TRIES = 50,
    DRAIN_STEP_MS = 10,
    MESSAGES_MIN = 1000, /* that may be inside the library, however few go into one request */
};

/* ---- configuration ---- */

/* A property that follows from a key of weir's, which the error is to name. */
static weir_status set(rd_kafka_conf_t *conf, const char *property, uint64_t value, const char *key,
                       weir_error *ret_error)
{
    weir_error error;
    int64_t number = value > INT64_MAX ? INT64_MAX : (int64_t)value;
    weir_status status = weir_kafka_conf_set_int(conf, property, number, &error);
    if (status != WEIR_OK)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, status, "%s: %s", key, error.text);
    return status;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static weir_status set_promise(rd_kafka_conf_t *conf, const weir_kafka_producer_settings *settings,
                               weir_error *ret_error)
{
    WEIR_ASSERT(settings->required_acks >= -1 && settings->required_acks <= 1);
    weir_status status = weir_kafka_conf_set_int(conf, "acks", settings->required_acks, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set(conf, "enable.idempotence", settings->required_acks == -1 ? "true" : "false",
                                     ret_error);
    if (status == WEIR_OK)
        status = set(conf, "message.timeout.ms", min_of(settings->message_timeout_ms, INT32_MAX),
                     "retry_on_failure.max_elapsed_time", ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set(conf, "allow.auto.create.topics",
                                     settings->allow_auto_topic_creation ? "true" : "false", ret_error);
    return status;
}

static weir_status set_bounds(rd_kafka_conf_t *conf, const weir_kafka_producer_settings *settings,
                              weir_error *ret_error)
{
    uint64_t kbytes = max_of(settings->buffer_bytes_max / 1024, 1);
    weir_status status = set(conf, "queue.buffering.max.kbytes", kbytes, "buffer", ret_error);
    if (status == WEIR_OK)
        status = set(conf, "queue.buffering.max.messages", max_of(settings->messages_per_request_max, MESSAGES_MIN),
                     "producer.flush_max_messages", ret_error);
    if (status == WEIR_OK)
        status = set(conf, "message.max.bytes", settings->message_bytes_max, "producer.max_message_bytes", ret_error);
    if (status == WEIR_OK)
        status = set(conf, "batch.size", settings->message_bytes_max, "producer.max_message_bytes", ret_error);
    if (status == WEIR_OK)
        status = set(conf, "batch.num.messages", settings->messages_per_request_max, "producer.flush_max_messages",
                     ret_error);
    return status;
}

/* `timeout` is how long a broker may take to have the message replicated; one that says nothing at all is given up
 * some time after that. */
static weir_status set_times(rd_kafka_conf_t *conf, const weir_kafka_producer_settings *settings, weir_error *ret_error)
{
    uint64_t silence_ms =
        min_of(max_of(settings->request_timeout_ms * 2, SOCKET_TIMEOUT_MIN_MS), SOCKET_TIMEOUT_MAX_MS);
    weir_status status = set(conf, "request.timeout.ms", settings->request_timeout_ms, "timeout", ret_error);
    if (status == WEIR_OK)
        status = set(conf, "socket.timeout.ms", silence_ms, "timeout", ret_error);
    if (status == WEIR_OK)
        status = set(conf, "linger.ms", settings->linger_ms, "producer.linger", ret_error);
    return status;
}

static weir_status set_compression(rd_kafka_conf_t *conf, const weir_kafka_producer_settings *settings,
                                   weir_error *ret_error)
{
    WEIR_ASSERT((size_t)settings->compression < WEIR_COUNT_OF(codecs));
    weir_status status = weir_kafka_conf_set(conf, "compression.codec", codecs[settings->compression], ret_error);
    weir_error error;
    if (status == WEIR_OK &&
        weir_kafka_conf_set_int(conf, "compression.level", settings->compression_level, &error) != WEIR_OK)
        status = weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "producer.compression_params.level: %s",
                                error.text);
    return status;
}

weir_status weir_kafka_session_conf(weir_kafka_client *client, const weir_kafka_producer_settings *settings,
                                    rd_kafka_conf_t **ret_conf, weir_error *ret_error)
{
    rd_kafka_conf_t *conf;
    weir_status status = weir_kafka_conf_new(client, &conf, ret_error);
    if (status != WEIR_OK)
        return status;
    status = set_promise(conf, settings, ret_error);
    if (status == WEIR_OK)
        status = set_bounds(conf, settings, ret_error);
    if (status == WEIR_OK)
        status = set_times(conf, settings, ret_error);
    if (status == WEIR_OK)
        status = set_compression(conf, settings, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set_map(conf, settings->client, ret_error);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_events(conf, WEIR_KAFKA_CLIENT_EVENTS | RD_KAFKA_EVENT_DR);
    *ret_conf = conf;
    return WEIR_OK;
}

/* ---- life ---- */

weir_status weir_kafka_session_open(const weir_host *host, const weir_kafka_producer_settings *settings, int wake_fd,
                                    weir_kafka_session **ret_session, weir_error *ret_error)
{
    static const uint64_t one = 1; /* what librdkafka writes into the eventfd */
    weir_kafka_session *session = WEIR_NEW(weir_kafka_session);
    rd_kafka_conf_t *conf;
    session->wake_fd = wake_fd;
    weir_status status = weir_kafka_client_init(&session->client, host, settings->id, settings->client, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_session_conf(&session->client, settings, &conf, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_client_new(&session->client, RD_KAFKA_PRODUCER, conf, &session->rk, ret_error);
    if (status != WEIR_OK) {
        free(session);
        return status;
    }
    session->queue = rd_kafka_queue_get_main(session->rk);
    rd_kafka_queue_io_event_enable(session->queue, wake_fd, &one, sizeof one);
    *ret_session = session;
    return WEIR_OK;
}

void weir_kafka_session_retire(weir_kafka_session *session)
{
    session->is_retired = true;
    rd_kafka_purge(session->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static void destroy(weir_kafka_session *session)
{
    rd_kafka_queue_io_event_enable(session->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(session->queue);
    rd_kafka_destroy(session->rk);
    session->queue = NULL;
    session->rk = NULL;
}

static void *run_destroy(void *argument)
{
    weir_kafka_session *session = argument;
    destroy(session);
    atomic_store(&session->is_destroyed, true);
    eventfd_write(session->wake_fd, 1);
    return NULL;
}

void weir_kafka_session_bury(weir_kafka_session *session)
{
    WEIR_ASSERT(session->is_retired && session->in_flight == 0 && !session->is_buried);
    session->is_buried = weir_kafka_thread_start(&session->thread, run_destroy, session);
}

/* Lets the library give back what it has, so that it has nothing to complain of at its end. */
static void drain(weir_kafka_session *session)
{
    for (int i = 0; i < DRAIN_TRIES && rd_kafka_outq_len(session->rk) > 0; i++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(session->queue, DRAIN_STEP_MS);
        if (event)
            rd_kafka_event_destroy(event);
    }
}

void weir_kafka_session_free(weir_kafka_session *session)
{
    if (!session)
        return;
    if (session->is_buried) {
        pthread_join(session->thread, NULL);
    } else {
        weir_kafka_session_retire(session);
        drain(session);
        destroy(session);
    }
    free(session);
}
