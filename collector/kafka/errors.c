/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/client_conf.h"

/* What is not simply worth another try. Everything else (timeouts, lost connections, elections) is. */
typedef struct error_row {
    rd_kafka_resp_err_t code;
    weir_error_class class_;
    weir_status status;
    const char *remedy; /* or NULL */
} error_row;

#define TOPIC_REMEDY "make the topic, or let the brokers make it (auto.create.topics.enable)"

static const error_row rows[] = {
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, WEIR_ERROR_ENDPOINT, WEIR_DENIED, "look at the key auth"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, WEIR_ERROR_ENDPOINT, WEIR_DENIED, "look at the key auth"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
     "write an auth.sasl.mechanism that the brokers have"},
    {RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, WEIR_ERROR_ENDPOINT, WEIR_DENIED, "look at the key auth"},
    {RD_KAFKA_RESP_ERR__SSL, WEIR_ERROR_ENDPOINT, WEIR_DENIED, "look at the key tls"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
     "let weir's user write to and describe the topic (receivers: read it)"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
     "let weir's user read with this group_id"},
    {RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
     "the group's other members share partitions another way: write their group_rebalance_strategies, or a group_id of "
     "weir's own"},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
     "write a session_timeout that the brokers allow (group.min.session.timeout.ms, group.max.session.timeout.ms)"},
    {RD_KAFKA_RESP_ERR_INVALID_GROUP_ID, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "write another group_id"},
    {RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
     "the brokers allow no more members (group.max.size); each of weir's workers is one"},
    {RD_KAFKA_RESP_ERR__BAD_COMPRESSION, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
     "the topic has messages that nobody can read: its partition waits for them to expire"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, WEIR_ERROR_ENDPOINT, WEIR_DENIED,
     "let weir's user write idempotently (IdempotentWrite on the cluster)"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, WEIR_ERROR_ENDPOINT, WEIR_DENIED, NULL},
    {RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED, WEIR_ERROR_ENDPOINT, WEIR_DENIED, NULL},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, WEIR_ERROR_ENDPOINT, WEIR_NOT_FOUND, TOPIC_REMEDY},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, WEIR_ERROR_ENDPOINT, WEIR_NOT_FOUND, TOPIC_REMEDY},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, WEIR_ERROR_RETRYABLE, WEIR_NOT_FOUND, NULL},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "name a topic that Kafka allows"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, WEIR_ERROR_ENDPOINT, WEIR_DENIED, "a policy of the brokers forbids it"},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, WEIR_ERROR_RETRYABLE, WEIR_AGAIN,
     "fewer replicas are in sync than the topic's min.insync.replicas"},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, WEIR_ERROR_RETRYABLE, WEIR_AGAIN,
     "fewer replicas are in sync than the topic's min.insync.replicas"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, WEIR_ERROR_ENDPOINT, WEIR_UNSUPPORTED,
     "write a producer.compression that the brokers know"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, WEIR_ERROR_ENDPOINT, WEIR_UNSUPPORTED,
     "the topic's message.format.version is too old"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, WEIR_ERROR_ENDPOINT, WEIR_UNSUPPORTED,
     "brokers older than Kafka 0.11 cannot do this"},
    {RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
     "write another producer.required_acks"},
    /* Records are well formed: what brokers refuse as invalid are records without a key, for a compacted topic. */
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
     "a compacted topic takes no records without key: set its cleanup.policy to delete"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, WEIR_ERROR_ENDPOINT, WEIR_INVALID,
     "this machine's clock and the broker's differ by more than the topic's message.timestamp.difference.max.ms"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
     "raise the topic's max.message.bytes, or lower producer.max_message_bytes"},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, NULL},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, NULL},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, WEIR_ERROR_RETRYABLE, WEIR_TIMEOUT, NULL},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, WEIR_ERROR_ENDPOINT, WEIR_CLOSED,
     "are they up, and is the key brokers right?"},
    {RD_KAFKA_RESP_ERR__RESOLVE, WEIR_ERROR_ENDPOINT, WEIR_NOT_FOUND, "is the key brokers right?"},
};

weir_status weir_kafka_error(rd_kafka_resp_err_t code, const char *what, const char *detail, weir_error *ret_error)
{
    error_row row = {code, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, NULL};
    for (size_t i = 0; i < WEIR_COUNT_OF(rows); i++)
        if (rows[i].code == code)
            row = rows[i];
    const char *text = detail && *detail ? detail : rd_kafka_err2str(code);
    return weir_error_set(ret_error, row.class_, row.status, "%s%s (%s)%s%s", what, text, rd_kafka_err2name(code),
                          row.remedy ? ": " : "", row.remedy ? row.remedy : "");
}
