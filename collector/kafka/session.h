/* SPDX-License-Identifier: Apache-2.0
 *
 * One producer of librdkafka's, from rd_kafka_new to rd_kafka_destroy. A weir_kafka_producer has one at a time; after a
 * fatal error it retires that one and makes another.
 *
 *     open ─► … ─► retire: every message comes back ─► bury: destroyed in a thread of its own ─► free
 *
 * Retiring and burying never block the loop.
 */
#ifndef WEIR_KAFKA_SESSION_H
#define WEIR_KAFKA_SESSION_H

#include <pthread.h>

#include "kafka/client_conf.h"
#include "kafka/producer.h"

typedef struct weir_kafka_session {
    weir_kafka_client client;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    uint64_t in_flight; /* messages whose report has not come */
    int wake_fd;        /* an eventfd of the producer's: events wait in `queue`, or is_destroyed was set */
    bool is_retired;
    bool is_buried; /* the thread runs */
    _Atomic bool is_destroyed;
    pthread_t thread;
    struct weir_kafka_session *next; /* the producer's list of retired ones */
} weir_kafka_session;

/* The library's configuration for these settings. Gives ownership. Errors: WEIR_INVALID, the text names the key. */
WEIR_MUST_USE weir_status weir_kafka_session_conf(weir_kafka_client *client,
                                                  const weir_kafka_producer_settings *settings,
                                                  rd_kafka_conf_t **ret_conf, weir_error *ret_error);

/* Does not wait for a broker. Errors as above, and what the library says of certificates and the like. */
WEIR_MUST_USE weir_status weir_kafka_session_open(const weir_host *host, const weir_kafka_producer_settings *settings,
                                                  int wake_fd, weir_kafka_session **ret_session, weir_error *ret_error);

/* Makes the library give every message back, by reports of failure in `queue`. */
void weir_kafka_session_retire(weir_kafka_session *session);

/* Of a retired one with nothing in flight: begins to destroy it. */
void weir_kafka_session_bury(weir_kafka_session *session);

/* Ends it, whatever its state: waits until it is destroyed. What is in flight is given up. NULL is fine. */
void weir_kafka_session_free(weir_kafka_session *session);

#endif
