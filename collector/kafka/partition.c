/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/partition.h"

#include "core/assert.h"

/* http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint32_t fnv1a(weir_bytes key)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ key.data[i]) * 16777619u;
    return hash;
}

/* MurmurHash2 with the seed of Kafka's Utils.murmur2. */
static uint32_t murmur2(weir_bytes key)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t hash = 0x9747b28cu ^ (uint32_t)key.len;
    const uint8_t *at = key.data;
    size_t left = key.len;
    for (; left >= 4; left -= 4, at += 4) {
        uint32_t word = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        word *= m;
        word ^= word >> 24;
        hash = hash * m ^ word * m;
    }
    for (size_t i = left; i > 0; i--)
        hash ^= (uint32_t)at[i - 1] << (8 * (i - 1));
    if (left > 0)
        hash *= m;
    hash ^= hash >> 13;
    hash *= m;
    return hash ^ hash >> 15;
}

int32_t weir_kafka_partition_of(weir_kafka_hasher hasher, weir_bytes key, int32_t partitions)
{
    WEIR_ASSERT(partitions > 0);
    if (hasher == WEIR_KAFKA_MURMUR2)
        return (int32_t)((murmur2(key) & 0x7fffffff) % (uint32_t)partitions);
    /* Sarama's modulus keeps the sign, which it then drops. */
    int32_t signed_partition = (int32_t)fnv1a(key) % partitions;
    return signed_partition < 0 ? -signed_partition : signed_partition;
}

/* Without a table, so that the compiler makes all digits at once. */
static uint8_t hex_digit(unsigned value)
{
    return (uint8_t)(value + (value > 9 ? 'a' - 10 : '0'));
}

int32_t weir_kafka_partition_of_trace(weir_kafka_hasher hasher, const uint8_t *trace_id, int32_t partitions)
{
    uint8_t key[32];
    for (int i = 0; i < 16; i++) {
        key[2 * i] = hex_digit(trace_id[i] >> 4);
        key[2 * i + 1] = hex_digit(trace_id[i] & 15);
    }
    return weir_kafka_partition_of(hasher, (weir_bytes){key, sizeof key}, partitions);
}
