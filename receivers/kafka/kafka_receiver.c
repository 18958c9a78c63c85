/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/kafka/kafka_receiver.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "receivers/kafka/instance.h"
#include "telemetry/log.h"

enum {
    /* That the library holds ready. Once it holds more it looks again only after up to a second, so this decides how fast
     * a backlog is read; and it is most of the memory that reading one takes. */
    READY_BYTES_MAX = 16 * 1024 * 1024,    /* of all workers together … */
    READY_SHARE = 8,                       /* … and at most this part of the memory limit */
    READY_BYTES_MIN = 4 * 1024 * 1024,     /* of each worker: well above what one answer comes to once it is inflated */
    IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024, /* of all workers together … */
    IN_FLIGHT_SHARE = 4,                   /* … and at most this part of the memory limit */
    IN_FLIGHT_BYTES_MIN = 512 * 1024,      /* of each worker */
    OPEN_AGAIN_MS = 10000,
    DRAIN_MS = 10000, /* then the group is left: others read again what is still on its way */
};

/* ---- the process part ---- */

static const kafka_library_ops librdkafka = {.consumer_open = weir_kafka_consumer_open,
                                             .producer_open = weir_kafka_producer_open};

static void close_receiver(void *shared_part)
{
    kafka_shared *shared = shared_part;
    if (!shared)
        return;
    weir_account_release(shared->host->account, shared->reserved_bytes);
    free(shared->instances);
    free(shared);
}

/* What the library may hold ready for each worker. */
static size_t ready_bytes(const weir_host *host)
{
    size_t share = host->account->limit_bytes / READY_SHARE;
    size_t of_all = share < READY_BYTES_MAX ? share : READY_BYTES_MAX;
    size_t of_each = of_all / host->workers;
    return of_each > READY_BYTES_MIN ? of_each : READY_BYTES_MIN;
}

/* What the library holds: an answer that is being read and one that is being made messages of, and what is ready. */
static size_t library_bytes(const kafka_config *config, const weir_host *host)
{
    return (size_t)config->max_fetch_size * 2 + ready_bytes(host);
}

static weir_status open_receiver(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                 weir_error *ret_error)
{
    kafka_shared *shared = WEIR_NEW(kafka_shared);
    *shared = (kafka_shared){.host = host, .id = id, .config = config, .library = &librdkafka};
    shared->reserved_bytes = library_bytes(config, host) * host->workers;
    if (!weir_account_reserve(host->account, shared->reserved_bytes)) {
        size_t needed = shared->reserved_bytes;
        free(shared);
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_NO_MEMORY,
                              "the memory limit has no room for %zu bytes of messages in the Kafka library: raise it, "
                              "or lower max_fetch_size",
                              needed);
    }
    weir__kafka_counters_init(&shared->counters, host->metrics, id);
    WEIR_FREE char *health_id = weir_format("%s (receiver)", id);
    shared->health = host->health ? weir_health_part_new(host->health, health_id) : NULL;
    shared->instances = weir_alloc(host->workers, sizeof *shared->instances);
    *ret_shared = shared;
    return WEIR_OK;
}

/* ---- the consumer ---- */

/* The topics of all signals that a pipeline takes. Gives an array of borrowed names. */
static const char **topics_of(const kafka_instance *instance, size_t *ret_count)
{
    const kafka_config *config = instance->shared->config;
    const char **topics = NULL;
    size_t count = 0;
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++) {
        const char *topic;
        for (size_t i = 0; instance->entries[signal] && (topic = weir__kafka_topic(config, signal, i)); i++) {
            topics = weir_realloc(topics, count + 1, sizeof *topics);
            topics[count++] = topic;
        }
    }
    *ret_count = count;
    return topics;
}

/* The expressions of all those signals, as librdkafka's topic.blacklist. Gives ownership; NULL if there are none. */
static char *topics_left_out(const kafka_instance *instance)
{
    WEIR_BUFFER all = {0};
    for (weir_signal signal = 0; signal < WEIR_SIGNALS; signal++) {
        const char *topic;
        for (size_t i = 0;
             instance->entries[signal] && (topic = weir__kafka_topic_left_out(instance->shared->config, signal, i));
             i++)
            weir_buffer_printf(&all, "%s%s", all.len ? "," : "", topic);
    }
    return all.len ? weir_strdup(weir_buffer_string(&all)) : NULL;
}

static bool are_several(const char *const *topics, size_t count)
{
    return count > 1 || topics[0][0] == '^';
}

/* A static member's name must be its own. */
static char *instance_id_of(const kafka_instance *instance)
{
    const char *written = instance->shared->config->group_instance_id;
    if (!written || !*written)
        return NULL;
    return instance->worker.host->workers == 1 ? weir_strdup(written)
                                               : weir_format("%s-%u", written, instance->worker.index);
}

static void on_state(void *user, bool is_up, const weir_error *error)
{
    const kafka_shared *shared = ((kafka_instance *)user)->shared;
    if (is_up)
        weir_log(WEIR_LOG_INFO, shared->id, "the brokers answer again");
    else
        weir_log(WEIR_LOG_WARN, shared->id, "nothing can be read error=\"%s\"", error->text);
    if (!shared->health)
        return;
    if (is_up)
        weir_health_part_ok(shared->health);
    else
        weir_health_part_failed(shared->health, error->text);
}

static void on_fatal(void *user, const weir_error *error)
{
    kafka_instance *instance = user;
    weir_log(WEIR_LOG_ERROR, instance->shared->id, "the group's member is no more: joining anew in 10s error=\"%s\"",
             error->text);
    if (instance->shared->health)
        weir_health_part_failed(instance->shared->health, error->text);
    if (!instance->is_draining)
        weir_timer_start(instance->open_timer, OPEN_AGAIN_MS);
}

static void leave_is_over(kafka_instance *instance)
{
    void (*on_drained)(void *user) = instance->on_drained;
    instance->on_drained = NULL;
    if (on_drained)
        on_drained(instance->on_drained_user);
}

static void on_closed(void *user)
{
    leave_is_over(user);
}

static weir_status open_consumer(kafka_instance *instance, weir_error *ret_error)
{
    const kafka_config *config = instance->shared->config;
    const weir_kafka_consumer_handlers handlers = {.on_message = weir__kafka_on_message,
                                                   .on_end = weir__kafka_on_end,
                                                   .on_damaged = weir__kafka_on_damaged,
                                                   .on_assigned = weir__kafka_on_assigned,
                                                   .on_revoked = weir__kafka_on_revoked,
                                                   .on_committed = weir__kafka_on_committed,
                                                   .on_state = on_state,
                                                   .on_fatal = on_fatal,
                                                   .on_closed = on_closed,
                                                   .user = instance};
    size_t topic_count = 0;
    const char **topics = topics_of(instance, &topic_count);
    WEIR_FREE char *left_out = topics_left_out(instance);
    WEIR_FREE char *strategies = weir__kafka_strategies(config, are_several(topics, topic_count));
    WEIR_FREE char *instance_id = instance_id_of(instance);
    const weir_kafka_consumer_settings settings = {.client = &config->client,
                                                   .id = instance->shared->id,
                                                   .group_id = config->group_id,
                                                   .group_instance_id = instance_id,
                                                   .strategies = strategies,
                                                   .topics = topics,
                                                   .topic_count = topic_count,
                                                   .topics_left_out = left_out,
                                                   .session_timeout_ms = config->session_timeout_ms,
                                                   .heartbeat_interval_ms = config->heartbeat_interval_ms,
                                                   .fetch_bytes_min = config->min_fetch_size,
                                                   .fetch_bytes_max = config->max_fetch_size,
                                                   .partition_fetch_bytes_max = config->max_partition_fetch_size,
                                                   .fetch_wait_ms = config->max_fetch_wait_ms,
                                                   .queued_bytes_max = ready_bytes(instance->shared->host)};
    weir_status status = instance->shared->library->consumer_open(&instance->worker, &settings, &handlers,
                                                                  &instance->consumer, ret_error);
    free(topics);
    return status;
}

void weir__kafka_instance_start(kafka_instance *instance)
{
    weir_error error = {0};
    if (open_consumer(instance, &error) == WEIR_OK) {
        instance->flow = KAFKA_READING;
        weir_timer_start(instance->tick, instance->shared->config->autocommit.interval_ms);
        return;
    }
    on_fatal(instance, &error);
}

static void open_again(void *user)
{
    kafka_instance *instance = user;
    weir__kafka_assignment_drop(instance);
    weir_kafka_consumer_free(WEIR_TAKE(instance->consumer));
    weir__kafka_instance_start(instance);
}

static void tick(void *user)
{
    kafka_instance *instance = user;
    weir_timer_start(instance->tick, instance->shared->config->autocommit.interval_ms);
    if (!instance->consumer)
        return;
    if (instance->revocation == KAFKA_NOT_REVOKING)
        weir__kafka_commit(instance);
    weir__kafka_partitions_measure(instance);
    weir__kafka_flow_update(instance);
}

/* ---- an instance on a worker ---- */

static void drain_timed_out(void *user);

static size_t in_flight_bytes_max(const weir_host *host)
{
    size_t all = host->account->limit_bytes / IN_FLIGHT_SHARE;
    size_t share = (all < IN_FLIGHT_BYTES_MAX ? all : IN_FLIGHT_BYTES_MAX) / host->workers;
    return share < IN_FLIGHT_BYTES_MIN ? IN_FLIGHT_BYTES_MIN : share;
}

kafka_instance *weir__kafka_instance_new(kafka_shared *shared, const weir_worker *worker,
                                         weir_entry *const entries[WEIR_SIGNALS])
{
    kafka_instance *instance = WEIR_NEW(kafka_instance);
    *instance = (kafka_instance){.super.type = &weir_receiver_kafka,
                                 .shared = shared,
                                 .worker = *worker,
                                 .in_flight_bytes_max = in_flight_bytes_max(shared->host)};
    for (int signal = 0; signal < WEIR_SIGNALS; signal++)
        instance->entries[signal] = entries[signal];
    instance->open_timer = weir_timer_new(worker->loop, open_again, instance);
    instance->waiting_timer = weir_timer_new(worker->loop, weir__kafka_offer_waiting, instance);
    instance->hold_timer = weir_timer_new(worker->loop, weir__kafka_flow_hold_is_over, instance);
    instance->drain_timer = weir_timer_new(worker->loop, drain_timed_out, instance);
    instance->tick = weir_timer_new(worker->loop, tick, instance);
    instance->revocation_timer = weir_timer_new(worker->loop, weir__kafka_revocation_timed_out, instance);
    instance->unwritten_timer = weir_timer_new(worker->loop, weir__kafka_dead_letters_retry, instance);
    return instance;
}

static weir_receiver *create_instance(void *shared_part, const weir_worker *worker,
                                      weir_entry *const entries[WEIR_SIGNALS])
{
    kafka_shared *shared = shared_part;
    kafka_instance *instance = weir__kafka_instance_new(shared, worker, entries);
    shared->instances[worker->index] = instance;
    return &instance->super;
}

static void start_instance(weir_task *task)
{
    kafka_instance *instance = WEIR_CONTAINER(task, kafka_instance, start_task);
    if (!instance->is_draining)
        weir__kafka_instance_start(instance);
}

static weir_status start_receiver(void *shared_part, weir_error *ret_error)
{
    (void)ret_error;
    kafka_shared *shared = shared_part;
    for (unsigned i = 0; i < shared->host->workers; i++) {
        kafka_instance *instance = shared->instances[i];
        instance->start_task.run = start_instance;
        weir_loop_post(instance->worker.loop, &instance->start_task);
    }
    return WEIR_OK;
}

/* Reading ends in drain_instance, on the workers, where it must. */
static void stop_receiver(void *shared_part)
{
    (void)shared_part;
}

/* ---- the end ---- */

static void leave(kafka_instance *instance)
{
    if (instance->is_closing)
        return;
    instance->is_closing = true;
    weir_timer_stop(instance->drain_timer);
    if (instance->consumer)
        weir_kafka_close(instance->consumer);
    else
        leave_is_over(instance);
}

static void drain_timed_out(void *user)
{
    kafka_instance *instance = user;
    weir_log(WEIR_LOG_WARN, instance->shared->id,
             "leaving the group while messages are on their way: they may be sent again messages=%zu",
             instance->delivery_count);
    leave(instance);
}

static void drop_waiting(kafka_instance *instance)
{
    while (instance->waiting.first)
        weir__kafka_delivery_drop(instance->waiting.first);
    weir__kafka_dead_letters_give_up(weir__kafka_dead_letters_take(instance, NULL));
}

static void pause_all(kafka_instance *instance)
{
    for (kafka_partition *at = instance->partitions; at; at = at->next)
        if (!at->is_revoking)
            weir__kafka_flow_pause_late(at);
    weir_kafka_hold(instance->consumer, false);
}

void weir__kafka_instance_drain(kafka_instance *instance, void (*on_drained)(void *user), void *user)
{
    instance->is_draining = true;
    instance->on_drained = on_drained;
    instance->on_drained_user = user;
    weir_timer_stop(instance->open_timer);
    weir_timer_stop(instance->hold_timer);
    weir_timer_stop(instance->waiting_timer);
    weir_timer_stop(instance->unwritten_timer);
    if (instance->consumer)
        pause_all(instance);
    weir_timer_start(instance->drain_timer, DRAIN_MS);
    drop_waiting(instance);
    weir__kafka_instance_check(instance);
}

static void drain_instance(weir_receiver *receiver, void (*on_drained)(void *user), void *user)
{
    weir__kafka_instance_drain((kafka_instance *)receiver, on_drained, user);
}

static void release(kafka_instance *instance)
{
    if (instance->is_freed && instance->delivery_count == 0)
        free(instance);
}

void weir__kafka_instance_check(kafka_instance *instance)
{
    if (instance->is_freed) {
        release(instance);
        return;
    }
    if (instance->is_draining && instance->delivery_count == 0)
        leave(instance);
    weir__kafka_revocation_check(instance);
    weir__kafka_flow_update(instance);
}

void weir__kafka_instance_free(kafka_instance *instance)
{
    instance->is_draining = true;
    instance->is_closing = true; /* the group has been left, or finds out by itself */
    instance->revocation = KAFKA_NOT_REVOKING;
    drop_waiting(instance);
    weir__kafka_dead_letters_close(instance);
    weir__kafka_assignment_drop(instance);
    weir_kafka_consumer_free(WEIR_TAKE(instance->consumer));
    weir_timer_free(instance->open_timer);
    weir_timer_free(instance->waiting_timer);
    weir_timer_free(instance->hold_timer);
    weir_timer_free(instance->drain_timer);
    weir_timer_free(instance->tick);
    weir_timer_free(instance->revocation_timer);
    weir_timer_free(instance->unwritten_timer);
    instance->is_freed = true;
    release(instance);
}

static void free_instance(weir_receiver *receiver)
{
    if (receiver)
        weir__kafka_instance_free((kafka_instance *)receiver);
}

static void promise(const void *config_part, char *ret_text, size_t size)
{
    const kafka_config *config = config_part;
    snprintf(ret_text, size,
             "offsets of group %s move only behind the exporters; what they refuse for good goes to the topic %s",
             config->group_id, config->dead_letter_topic);
}

const weir_component_type weir_receiver_kafka = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_RECEIVER,
    .name = "kafka",
    .summary = "Reads traces, metrics and logs from Kafka, as a member of a consumer group.",
    .signals = WEIR_ON_ALL,
    .options = weir__kafka_options,
    .config_size = sizeof(kafka_config),
    .check = weir__kafka_config_check,
    .open = open_receiver,
    .close = close_receiver,
    .receiver_create = create_instance,
    .receiver_start = start_receiver,
    .receiver_stop = stop_receiver,
    .receiver_drain = drain_instance,
    .receiver_free = free_instance,
    .receiver_promise = promise,
};
