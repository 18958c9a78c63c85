/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "kafka/partition.h"

static weir_bytes key_of(const char *text)
{
    return (weir_bytes){(const uint8_t *)text, strlen(text)};
}

/* With 2^31-1 partitions the hash itself shows. The values of murmur2 are those of Kafka's own UtilsTest, masked to 31
 * bits. */
Test(kafka_partition, murmur2_is_the_java_clients)
{
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_MURMUR2, key_of("21"), INT32_MAX), -973932308 & 0x7fffffff);
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_MURMUR2, key_of("foobar"), INT32_MAX), -790332482 & 0x7fffffff);
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_MURMUR2, key_of("a-little-bit-long-string"), INT32_MAX),
                 -985981536 & 0x7fffffff);
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_MURMUR2, key_of("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"),
                                         INT32_MAX),
                 -58897971 & 0x7fffffff);
}

/* The published test vectors of FNV-1a: "a" is 0xe40c292c, "foobar" 0xbf9cf968, both negative as int32_t. */
Test(kafka_partition, sarama_drops_the_sign_after_the_modulus)
{
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_SARAMA_COMPAT, key_of("a"), 6), -((int32_t)0xe40c292cu % 6));
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_SARAMA_COMPAT, key_of("foobar"), 24), -((int32_t)0xbf9cf968u % 24));
    cr_assert_eq(weir_kafka_partition_of(WEIR_KAFKA_SARAMA_COMPAT, key_of(""), INT32_MAX),
                 -((int32_t)2166136261u % INT32_MAX));
}

Test(kafka_partition, a_traces_key_is_its_id_in_lower_case_hex)
{
    const uint8_t id[16] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
                            0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c};
    for (int hasher = WEIR_KAFKA_SARAMA_COMPAT; hasher <= WEIR_KAFKA_MURMUR2; hasher++)
        cr_assert_eq(
            weir_kafka_partition_of_trace((weir_kafka_hasher)hasher, id, 96),
            weir_kafka_partition_of((weir_kafka_hasher)hasher, key_of("0af7651916cd43dd8448eb211c80319c"), 96));
}
