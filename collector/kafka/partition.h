/* SPDX-License-Identifier: Apache-2.0
 *
 * Which partition a key belongs to: the hashes that Kafka's clients have agreed on, so that weir and whoever else
 * writes into a topic put the same key into the same partition. Pure functions; any thread.
 */
#ifndef WEIR_KAFKA_PARTITION_H
#define WEIR_KAFKA_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "core/text.h"

typedef enum weir_kafka_hasher {
    WEIR_KAFKA_SARAMA_COMPAT, /* 32-bit FNV-1a as the Go client Sarama uses it; the Collector's default */
    WEIR_KAFKA_MURMUR2,       /* as Kafka's own Java client does */
} weir_kafka_hasher;

/* In 0 … partitions-1; `partitions` is at least 1. */
int32_t weir_kafka_partition_of(weir_kafka_hasher hasher, weir_bytes key, int32_t partitions);

/* The same for the key that the Collector makes of a trace id: its 32 lower-case hex digits. `trace_id` has 16 bytes. */
int32_t weir_kafka_partition_of_trace(weir_kafka_hasher hasher, const uint8_t *trace_id, int32_t partitions);

#endif
