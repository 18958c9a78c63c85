/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_kafka.h"

#include <criterion/criterion.h>

void mock_kafka_open(mock_kafka *mock, int brokers)
{
    char reason[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
    mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    cr_assert(mock->rk, "%s", reason);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, brokers);
    cr_assert(mock->cluster);
    mock->brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
    mock->count = brokers;
}

void mock_kafka_topic(mock_kafka *mock, const char *name, int partitions)
{
    cr_assert_eq(rd_kafka_mock_topic_create(mock->cluster, name, partitions, 1), 0);
}

void mock_kafka_all_down(mock_kafka *mock)
{
    for (int i = 1; i <= mock->count; i++)
        rd_kafka_mock_broker_set_down(mock->cluster, i);
}

void mock_kafka_all_up(mock_kafka *mock)
{
    for (int i = 1; i <= mock->count; i++)
        rd_kafka_mock_broker_set_up(mock->cluster, i);
}

void mock_kafka_close(mock_kafka *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
}
