/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/query.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "kafka/thread.h"

/* Each try waits longer; the longest is what stopping may take. */
static const int waits_ms[] = {1000, 2000, 4000};

/* ---- in the thread ---- */

static rd_kafka_resp_err_t ask(weir_kafka_query *query, rd_kafka_topic_t *topic, const struct rd_kafka_metadata **ret)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (size_t i = 0; i < WEIR_COUNT_OF(waits_ms) && !atomic_load(&query->is_stopped); i++) {
        error = rd_kafka_metadata(query->rk, 0, topic, ret, waits_ms[i]);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            break;
    }
    return error;
}

/* A topic that was made just now has no leaders yet: it counts as known all the same. */
static void take_answer(weir_kafka_query_topic *topic, const struct rd_kafka_metadata *answer)
{
    if (answer->topic_cnt != 1) {
        topic->error = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        return;
    }
    topic->partitions = answer->topics[0].partition_cnt;
    topic->error = answer->topics[0].err;
}

static void ask_about(weir_kafka_query *query, weir_kafka_query_topic *topic)
{
    const struct rd_kafka_metadata *answer;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(query->rk, topic->name, NULL);
    if (!handle) {
        topic->error = rd_kafka_last_error();
        return;
    }
    query->error = topic->error = ask(query, handle, &answer);
    if (topic->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        take_answer(topic, answer);
        rd_kafka_metadata_destroy(answer);
    }
    rd_kafka_topic_destroy(handle);
}

static void look_for_a_broker(weir_kafka_query *query)
{
    const struct rd_kafka_metadata *answer;
    query->error = ask(query, NULL, &answer);
    if (query->error == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(answer);
}

static void *run(void *argument)
{
    weir_kafka_query *query = argument;
    for (size_t i = 0; i < query->topic_count && query->error == 0; i++)
        ask_about(query, &query->topics[i]);
    if (query->topic_count == 0)
        look_for_a_broker(query);
    atomic_store(&query->is_done, true);
    eventfd_write(query->wake_fd, 1);
    return NULL;
}

/* ---- on the loop ---- */

void weir_kafka_query_add(weir_kafka_query *query, const char *topic)
{
    WEIR_ASSERT(!query->is_running);
    query->topics = weir_realloc(query->topics, query->topic_count + 1, sizeof *query->topics);
    query->topics[query->topic_count++] = (weir_kafka_query_topic){.name = weir_strdup(topic)};
}

bool weir_kafka_query_start(weir_kafka_query *query, rd_kafka_t *rk, int wake_fd)
{
    WEIR_ASSERT(!query->is_running);
    query->rk = rk;
    query->wake_fd = wake_fd;
    query->error = RD_KAFKA_RESP_ERR_NO_ERROR;
    atomic_store(&query->is_done, false);
    atomic_store(&query->is_stopped, false);
    query->is_running = weir_kafka_thread_start(&query->thread, run, query);
    return query->is_running;
}

void weir_kafka_query_join(weir_kafka_query *query)
{
    if (!query->is_running)
        return;
    atomic_store(&query->is_stopped, true);
    pthread_join(query->thread, NULL);
    query->is_running = false;
}

void weir_kafka_query_clear(weir_kafka_query *query)
{
    WEIR_ASSERT(!query->is_running);
    for (size_t i = 0; i < query->topic_count; i++)
        free(query->topics[i].name);
    free(query->topics);
    query->topics = NULL;
    query->topic_count = 0;
}
