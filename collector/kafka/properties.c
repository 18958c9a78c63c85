/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/properties.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"

#define NO_LOSS "weir sets it, so that nothing acknowledged is lost"
#define OWN_OFFSETS "weir stores an offset once every exporter has the data"
#define OWN_MEMORY "weir sets it, so that its memory stays bounded"

/* What is not a person's to set, and what to do instead. */
static const struct {
    const char *name;
    const char *instead;
} owned[] = {
    {"bootstrap.servers", "write the key brokers"},
    {"metadata.broker.list", "write the key brokers"},
    {"client.id", "write the key client_id"},
    {"client.rack", "write the key rack_id"},
    {"connections.max.idle.ms", "write the key conn_idle_timeout"},
    {"topic.metadata.refresh.interval.ms", "write the key metadata.refresh_interval"},
    {"security.protocol", "it follows from the keys tls and auth"},
    {"sasl.username", "write the key auth.sasl.username"},
    {"sasl.password", "write the key auth.sasl.password"},
    {"ssl.ca.location", "write the key tls.ca_file"},
    {"ssl.ca.pem", "write the key tls.ca_pem"},
    {"ssl.certificate.location", "write the key tls.cert_file"},
    {"ssl.certificate.pem", "write the key tls.cert_pem"},
    {"ssl.key.location", "write the key tls.key_file"},
    {"ssl.key.pem", "write the key tls.key_pem"},
    {"ssl.cipher.suites", "write the key tls.cipher_suites"},
    {"ssl.curves.list", "write the key tls.curve_preferences"},
    {"enable.ssl.certificate.verification", "write the key tls.insecure_skip_verify"},
    {"acks", "write the key producer.required_acks"},
    {"request.required.acks", "write the key producer.required_acks"},
    {"request.timeout.ms", "write the key timeout"},
    {"message.max.bytes", "write the key producer.max_message_bytes"},
    {"compression.codec", "write the key producer.compression"},
    {"compression.type", "write the key producer.compression"},
    {"compression.level", "write the key producer.compression_params.level"},
    {"linger.ms", "write the key producer.linger"},
    {"queue.buffering.max.ms", "write the key producer.linger"},
    {"batch.num.messages", "write the key producer.flush_max_messages"},
    {"enable.idempotence", NO_LOSS ", unless the key producer.required_acks says otherwise"},
    {"enable.gapless.guarantee", NO_LOSS},
    {"message.timeout.ms", "messages wait until Kafka has them; retry_on_failure.max_elapsed_time ends it"},
    {"delivery.timeout.ms", "messages wait until Kafka has them; retry_on_failure.max_elapsed_time ends it"},
    {"delivery.report.only.error", NO_LOSS},
    {"transactional.id", "weir writes no transactions"},
    {"queue.buffering.max.messages", OWN_MEMORY},
    {"queue.buffering.max.kbytes", OWN_MEMORY},
    {"queued.min.messages", OWN_MEMORY},
    {"queued.max.messages.kbytes", OWN_MEMORY},
    {"receive.message.max.bytes", OWN_MEMORY},
    {"fetch.min.bytes", "write the key min_fetch_size"},
    {"fetch.max.bytes", "write the key max_fetch_size"},
    {"fetch.wait.max.ms", "write the key max_fetch_wait"},
    {"fetch.message.max.bytes", "write the key max_partition_fetch_size"},
    {"max.partition.fetch.bytes", "write the key max_partition_fetch_size"},
    {"group.id", "write the key group_id"},
    {"group.instance.id", "write the key group_instance_id"},
    {"session.timeout.ms", "write the key session_timeout"},
    {"heartbeat.interval.ms", "write the key heartbeat_interval"},
    {"partition.assignment.strategy", "write the key group_rebalance_strategies"},
    {"auto.offset.reset", "write the key initial_offset"},
    {"enable.auto.commit", OWN_OFFSETS},
    {"auto.commit.enable", OWN_OFFSETS},
    {"auto.commit.interval.ms", OWN_OFFSETS},
    {"enable.auto.offset.store", OWN_OFFSETS},
    {"offset.store.method", OWN_OFFSETS},
    {"enable.partition.eof", "weir tells the end of a partition by its offsets"},
    {"statistics.interval.ms", "weir has metrics of its own"},
    {"enabled_events", "weir sets it"},
    {"log.queue", "weir sets it"},
    {"plugin.library.paths", "weir loads no other code"},
    {"test.mock.num.brokers", "what it is told would be lost"},
    {"test.mock.broker.rtt", "what it is told would be lost"},
};

static const char *instead_of(const char *name)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(owned); i++)
        if (strcmp(owned[i].name, name) == 0)
            return owned[i].instead;
    return NULL;
}

/* The library's messages about a wrong value may quote it: a password that was put under the wrong name, say. */
static weir_status refuse(const char *name, rd_kafka_conf_res_t result, weir_error *ret_error)
{
    const char *why = result == RD_KAFKA_CONF_UNKNOWN ? "librdkafka " : "librdkafka does not take this value for ";
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s%s%s%s: see its CONFIGURATION.md", why,
                          result == RD_KAFKA_CONF_UNKNOWN ? rd_kafka_version_str() : "",
                          result == RD_KAFKA_CONF_UNKNOWN ? " has no property " : "", name);
}

weir_status weir_kafka_check_property(const char *name, const char *value, weir_error *ret_error)
{
    const char *instead = instead_of(name);
    if (instead)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s is not to be set here: %s", name,
                              instead);
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, reason, sizeof reason);
    rd_kafka_conf_destroy(conf);
    return result == RD_KAFKA_CONF_OK ? WEIR_OK : refuse(name, result, ret_error);
}
