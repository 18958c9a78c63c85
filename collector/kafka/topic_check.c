/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of its own in a thread of its own, so that the answer is waited for where nobody else has to wait: how many
 * replicas partitions have is in the metadata, the rest is asked with DescribeConfigs.
 */
#include "kafka/topic_check.h"

#include <stdlib.h>
#include <time.h>

#include "core/memory.h"
#include "kafka/client_conf.h"
#include "kafka/thread.h"
#include "kafka/topic_judge.h"
#include "telemetry/log.h"

enum { TRYING_S = 60, ANSWER_MS = 2000, FIRST_PAUSE_MS = 100, PAUSE_MS = 1000 };

struct weir_kafka_topic_check {
    weir_kafka_client client;
    const char *id;
    const char *const *topics;
    size_t topic_count;
    uint64_t message_bytes_max;
    bool *is_judged; /* of each topic */
    rd_kafka_resp_err_t error;
    rd_kafka_t *rk;
    _Atomic bool is_stopped;
    bool is_running;
    pthread_t thread;
};

/* ---- facts ---- */

static int64_t replicas_of(const struct rd_kafka_metadata_topic *topic)
{
    int64_t fewest = WEIR_KAFKA_NOT_KNOWN;
    for (int i = 0; i < topic->partition_cnt; i++)
        if (fewest < 0 || topic->partitions[i].replica_cnt < fewest)
            fewest = topic->partitions[i].replica_cnt;
    return fewest;
}

static rd_kafka_resp_err_t ask_metadata(weir_kafka_topic_check *self, const char *name, int64_t *ret_replicas)
{
    const struct rd_kafka_metadata *answer;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(self->rk, name, NULL);
    if (!handle)
        return rd_kafka_last_error();
    rd_kafka_resp_err_t error = rd_kafka_metadata(self->rk, 0, handle, &answer, ANSWER_MS);
    rd_kafka_topic_destroy(handle);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error;
    error = answer->topic_cnt == 1 ? answer->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        *ret_replicas = replicas_of(&answer->topics[0]);
    rd_kafka_metadata_destroy(answer);
    return error;
}

static void take_entry(weir_kafka_topic_facts *facts, const char *name, const char *value)
{
    const struct {
        const char *name;
        int64_t *fact;
    } numbers[] = {{"min.insync.replicas", &facts->min_insync_replicas},
                   {"retention.ms", &facts->retention_ms},
                   {"retention.bytes", &facts->retention_bytes},
                   {"max.message.bytes", &facts->message_bytes_max}};
    for (size_t i = 0; i < WEIR_COUNT_OF(numbers); i++)
        if (strcmp(numbers[i].name, name) == 0)
            *numbers[i].fact = strtoll(value, NULL, 10);
    if (strcmp(name, "cleanup.policy") == 0) {
        facts->compacts = strstr(value, "compact") != NULL;
        facts->deletes = strstr(value, "delete") != NULL;
    }
}

static rd_kafka_resp_err_t take_configs(rd_kafka_event_t *event, weir_kafka_topic_facts *facts)
{
    size_t count = 0, entry_count;
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    const rd_kafka_ConfigResource_t **resources =
        error || !result ? NULL : rd_kafka_DescribeConfigs_result_resources(result, &count);
    if (count != 1)
        return error ? error : RD_KAFKA_RESP_ERR__BAD_MSG;
    error = rd_kafka_ConfigResource_error(resources[0]);
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &entry_count);
    for (size_t i = 0; i < entry_count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value)
            take_entry(facts, rd_kafka_ConfigEntry_name(entries[i]), value);
    }
    return error;
}

static rd_kafka_resp_err_t ask_configs(weir_kafka_topic_check *self, weir_kafka_topic_facts *facts)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(self->rk);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, facts->topic);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(self->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, NULL, 0);
    rd_kafka_DescribeConfigs(self->rk, &resource, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * ANSWER_MS);
    rd_kafka_resp_err_t error = event ? take_configs(event, facts) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_queue_destroy(queue);
    return error;
}

/* ---- the thread ---- */

static void warn(void *user, const char *sentence)
{
    weir_kafka_topic_check *self = user;
    weir_log(WEIR_LOG_WARN, self->id, "%s", sentence);
}

static rd_kafka_resp_err_t check_topic(weir_kafka_topic_check *self, const char *name)
{
    weir_kafka_topic_facts facts = {.topic = name,
                                    .replicas = WEIR_KAFKA_NOT_KNOWN,
                                    .min_insync_replicas = WEIR_KAFKA_NOT_KNOWN,
                                    .retention_ms = WEIR_KAFKA_NOT_KNOWN,
                                    .retention_bytes = WEIR_KAFKA_NOT_KNOWN,
                                    .message_bytes_max = WEIR_KAFKA_NOT_KNOWN};
    rd_kafka_resp_err_t error = ask_metadata(self, name, &facts.replicas);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = ask_configs(self, &facts);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        weir_kafka_topic_judge(&facts, self->message_bytes_max, warn, self);
    return error;
}

/* True if there is nothing left to ask. */
static bool check_topics(weir_kafka_topic_check *self)
{
    bool is_all = true;
    for (size_t i = 0; i < self->topic_count && !atomic_load(&self->is_stopped); i++) {
        if (self->is_judged[i])
            continue;
        rd_kafka_resp_err_t error = check_topic(self, self->topics[i]);
        self->is_judged[i] = error == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            self->error = error;
        is_all &= self->is_judged[i];
    }
    return is_all;
}

static void give_up(const weir_kafka_topic_check *self)
{
    for (size_t i = 0; i < self->topic_count; i++)
        if (!self->is_judged[i])
            weir_log(
                WEIR_LOG_WARN, self->id,
                "topic %s could not be described, so how safe messages are in it is not known: %s: let weir's user "
                "describe topics and their configuration",
                self->topics[i], rd_kafka_err2str(self->error));
}

/* The events of this client: all that matters is that it is given its token. */
static void serve_events(weir_kafka_topic_check *self, int wait_ms)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(self->rk);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, wait_ms);
    if (event) {
        weir_kafka_client_serve(&self->client, self->rk, event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

static void *run(void *argument)
{
    weir_kafka_topic_check *self = argument;
    struct timespec now, start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    bool is_done = false;
    serve_events(self, FIRST_PAUSE_MS);
    do {
        is_done = check_topics(self);
        if (!is_done)
            serve_events(self, PAUSE_MS);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (!is_done && !atomic_load(&self->is_stopped) && now.tv_sec - start.tv_sec < TRYING_S);
    if (!is_done && !atomic_load(&self->is_stopped))
        give_up(self);
    rd_kafka_destroy(self->rk);
    return NULL;
}

/* ---- life ---- */

static weir_status open_client(weir_kafka_topic_check *self, const weir_host *host,
                               const weir_kafka_client_config *config, weir_error *ret_error)
{
    rd_kafka_conf_t *conf;
    weir_status status = weir_kafka_client_init(&self->client, host, self->id, config, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_new(&self->client, &conf, ret_error);
    if (status != WEIR_OK)
        return status;
    status = weir_kafka_conf_set(conf, "allow.auto.create.topics", "false", ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set_map(conf, config, ret_error);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    return weir_kafka_client_new(&self->client, RD_KAFKA_PRODUCER, conf, &self->rk, ret_error);
}

weir_kafka_topic_check *weir_kafka_topic_check_start(const weir_host *host, const char *id,
                                                     const weir_kafka_client_config *client, const char *const *topics,
                                                     size_t topic_count, uint64_t message_bytes_max)
{
    weir_error error;
    weir_kafka_topic_check *self = WEIR_NEW(weir_kafka_topic_check);
    self->id = id;
    self->topics = topics;
    self->topic_count = topic_count;
    self->message_bytes_max = message_bytes_max;
    self->is_judged = weir_alloc(topic_count + 1, sizeof(bool));
    if (open_client(self, host, client, &error) != WEIR_OK) {
        weir_log(WEIR_LOG_WARN, id, "topics could not be described: %s", error.text);
        return self;
    }
    self->is_running = weir_kafka_thread_start(&self->thread, run, self);
    if (!self->is_running)
        rd_kafka_destroy(self->rk);
    return self;
}

void weir_kafka_topic_check_free(weir_kafka_topic_check *check)
{
    if (!check)
        return;
    atomic_store(&check->is_stopped, true);
    if (check->is_running)
        pthread_join(check->thread, NULL);
    free(check->is_judged);
    free(check);
}
