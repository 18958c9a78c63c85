/* SPDX-License-Identifier: Apache-2.0
 *
 * What a topic's own settings make of the promise that an acknowledged message is safe: replication factor,
 * min.insync.replicas, retention and max.message.bytes, read from the brokers once and warned about in weir's log.
 */
#ifndef WEIR_KAFKA_TOPIC_CHECK_H
#define WEIR_KAFKA_TOPIC_CHECK_H

#include "component.h"
#include "kafka/options.h"

typedef struct weir_kafka_topic_check weir_kafka_topic_check;

/* Asks about `topics` (borrowed until it is freed) in a thread of its own, which ends with the answer or after a minute
 * of trying; what weakens the promise is logged under `id` with the remedy. `message_bytes_max`: what the exporter
 * sends at most; 0 for receivers. Does not fail: a topic that may not be described is logged as that. */
weir_kafka_topic_check *weir_kafka_topic_check_start(const weir_host *host, const char *id,
                                                     const weir_kafka_client_config *client, const char *const *topics,
                                                     size_t topic_count, uint64_t message_bytes_max);
/* Waits for the thread (at most some seconds). NULL is fine. */
void weir_kafka_topic_check_free(weir_kafka_topic_check *check);

#endif
