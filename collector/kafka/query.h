/* SPDX-License-Identifier: Apache-2.0
 *
 * How many partitions topics have, asked in a thread that lives as long as the question: librdkafka 2.0 can only be
 * asked by waiting for the answer. It also tells whether any broker can be reached.
 *
 * One question at a time. The thread writes nothing but the query's own members, then sets is_done and wakes the loop
 * through a descriptor; everything else is the loop's.
 */
#ifndef WEIR_KAFKA_QUERY_H
#define WEIR_KAFKA_QUERY_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct weir_kafka_query_topic {
    char *name;
    int32_t partitions;        /* 0: not known */
    rd_kafka_resp_err_t error; /* why it is not known */
} weir_kafka_query_topic;

typedef struct weir_kafka_query {
    rd_kafka_t *rk; /* borrowed while it runs */
    weir_kafka_query_topic *topics;
    size_t topic_count;
    rd_kafka_resp_err_t error; /* 0: a broker has answered */
    int wake_fd;
    bool is_running;
    _Atomic bool is_done;
    _Atomic bool is_stopped;
    pthread_t thread;
} weir_kafka_query;

/* Asks about the topics added with weir_kafka_query_add; without any it only looks for a broker. `wake_fd` (an eventfd)
 * is written to when it is done. False: there is no thread to be had. */
bool weir_kafka_query_start(weir_kafka_query *query, rd_kafka_t *rk, int wake_fd);
/* Before the start. Copies the name. */
void weir_kafka_query_add(weir_kafka_query *query, const char *topic);
/* Ends the thread: at once if it is done, else after at most some seconds; the answers are there until
 * weir_kafka_query_clear. Fine if it does not run. */
void weir_kafka_query_join(weir_kafka_query *query);
void weir_kafka_query_clear(weir_kafka_query *query);

#endif
