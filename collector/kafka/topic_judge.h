/* SPDX-License-Identifier: Apache-2.0
 *
 * What a topic's settings make of weir's promise. Pure: facts in, sentences out.
 */
#ifndef WEIR_KAFKA_TOPIC_JUDGE_H
#define WEIR_KAFKA_TOPIC_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* Less than this is less than an outage that somebody has to be woken up for. */
    WEIR_KAFKA_RETENTION_SMALL_MS = 60 * 60 * 1000,
    WEIR_KAFKA_RETENTION_SMALL_BYTES = 64 * 1024 * 1024,
};

/* -1: no limit, as Kafka writes it; -2: not known. */
enum { WEIR_KAFKA_NOT_KNOWN = -2 };

typedef struct weir_kafka_topic_facts {
    const char *topic;
    int64_t replicas; /* of the partition that has the fewest */
    int64_t min_insync_replicas;
    int64_t retention_ms;
    int64_t retention_bytes; /* of one partition */
    int64_t message_bytes_max;
    bool deletes; /* by its retention */
    bool compacts;
} weir_kafka_topic_facts;

/* Calls `warn` with a sentence for everything that weakens the promise, the remedy in it. `message_bytes_max` is what
 * weir sends at most; 0 for receivers, who are told only what can take messages away before they are read. */
void weir_kafka_topic_judge(const weir_kafka_topic_facts *facts, uint64_t message_bytes_max,
                            void (*warn)(void *user, const char *sentence), void *user);

#endif
