/* SPDX-License-Identifier: Apache-2.0
 *
 * A Kafka cluster inside the test: the one that librdkafka brings along, on loopback sockets.
 */
#ifndef TESTS_UNIT_KAFKA_MOCK_KAFKA_H
#define TESTS_UNIT_KAFKA_MOCK_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/* Kafka's numbers of the requests that errors are pushed for. */
enum { MOCK_PRODUCE = 0, MOCK_METADATA = 3, MOCK_INIT_PRODUCER_ID = 22 };

typedef struct mock_kafka {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    const char *brokers; /* "127.0.0.1:1234,…" */
    int count;
} mock_kafka;

void mock_kafka_open(mock_kafka *mock, int brokers);
void mock_kafka_topic(mock_kafka *mock, const char *name, int partitions);
void mock_kafka_all_down(mock_kafka *mock);
void mock_kafka_all_up(mock_kafka *mock);
void mock_kafka_close(mock_kafka *mock);

#endif
