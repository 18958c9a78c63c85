/* SPDX-License-Identifier: Apache-2.0
 *
 * A producer: messages in, acknowledgements out. One per exporter and worker, on that worker's loop.
 *
 * This is the seam between weir and librdkafka: exporters use this table of functions only, so that tests can put
 * something else behind it. kafka/producer.c implements it on librdkafka, which has threads of its own; all callbacks
 * come on the loop's thread, never from inside a function called here.
 *
 * The producer is idempotent with acks=all unless the configuration says otherwise, and a message never times out
 * unless it is told to (message_timeout_ms). A fatal error of the library does not end it: the library's producer is
 * replaced, and every message that was with it comes back as failed and retryable, to be produced again.
 */
#ifndef WEIR_KAFKA_PRODUCER_H
#define WEIR_KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component.h"
#include "core/text.h"
#include "kafka/options.h"

typedef struct weir_kafka_header {
    weir_text key;
    weir_bytes value;
} weir_kafka_header;

/* A message on its way. Key, value and headers are borrowed until its on_report. */
typedef struct weir_kafka_record {
    const char *topic;
    int32_t partition; /* -1: the library spreads (sticky, random) */
    weir_bytes key;    /* {NULL, 0}: none */
    weir_bytes value;
    const weir_kafka_header *headers;
    size_t header_count;
    void *user;
} weir_kafka_record;

/* What became of a message. */
typedef struct weir_kafka_report {
    void *user;                /* the record's */
    const weir_error *error;   /* NULL: acknowledged as required_acks asks */
    bool is_unknown_partition; /* the topic or partition is not there (any more): ask for the count again */
    int32_t partition;         /* of an acknowledged one */
    int64_t offset;            /* -1: not known (acks=0) */
    uint64_t latency_ns;       /* from produce to report */
} weir_kafka_report;

typedef struct weir_kafka_producer_handlers {
    /* Once for every record that produce took. The record's memory may be freed. */
    void (*on_report)(void *user, const weir_kafka_report *report);
    /* The number of partitions of a topic somebody asked for is known, or has changed. */
    void (*on_partitions)(void *user, const char *topic, int32_t partitions);
    /* Brokers can be reached, or none can any more; `error` says why. Also called, with `is_up` as it was, for what only
     * a person can mend: a wrong password, a certificate that does not verify, a topic that is not there. The same
     * trouble is told again at most every 10 s. */
    void (*on_state)(void *user, bool is_up, const weir_error *error);
    void *user;
} weir_kafka_producer_handlers;

typedef enum weir_kafka_compression {
    WEIR_KAFKA_NONE,
    WEIR_KAFKA_GZIP,
    WEIR_KAFKA_SNAPPY,
    WEIR_KAFKA_LZ4,
    WEIR_KAFKA_ZSTD
} weir_kafka_compression;

/* In the library's terms; the exporter fills it from its own keys. */
typedef struct weir_kafka_producer_settings {
    const weir_kafka_client_config *client;
    const char *id;            /* the component's, for logs */
    int required_acks;         /* -1 (all), 0 or 1 */
    int compression;           /* weir_kafka_compression */
    int64_t compression_level; /* -1: the codec's default */
    uint64_t message_bytes_max;
    uint64_t linger_ms;
    uint64_t messages_per_request_max;
    uint64_t request_timeout_ms;
    uint64_t message_timeout_ms; /* 0: never */
    uint64_t buffer_bytes_max;   /* of messages inside the library; one larger than that never gets in */
    uint64_t working_bytes;      /* charged for what the library works with; 0: two messages of message_bytes_max */
    bool allow_auto_topic_creation;
} weir_kafka_producer_settings;

typedef struct weir_kafka_producer weir_kafka_producer;

/* The table. Use the inline functions below, which carry the contracts. */
typedef struct weir_kafka_producer_ops {
    weir_status (*produce)(weir_kafka_producer *producer, const weir_kafka_record *record, weir_error *ret_error);
    int32_t (*partitions)(weir_kafka_producer *producer, const char *topic);
    bool (*is_up)(const weir_kafka_producer *producer);
    void (*free)(weir_kafka_producer *producer);
} weir_kafka_producer_ops;

struct weir_kafka_producer {
    const weir_kafka_producer_ops *ops; /* an implementation embeds this first */
};

/* Opens a producer on librdkafka; does not wait for a broker. Charges host->account, past the limit if need be, with the
 * library's working memory (1 MiB and working_bytes) until it is freed, and with 0.5 KiB and the headers for each message
 * that is under way; keys and values are borrowed and charged by their owner. Borrows `settings->client` and
 * `handlers` for as long as it lives. Errors: WEIR_INVALID, a setting that librdkafka does not take; its text names the key. */
WEIR_MUST_USE weir_status weir_kafka_producer_open(const weir_worker *worker,
                                                   const weir_kafka_producer_settings *settings,
                                                   const weir_kafka_producer_handlers *handlers,
                                                   weir_kafka_producer **ret_producer, weir_error *ret_error);

/* Checks the settings as weir_kafka_producer_open would, without making anything. Any thread. */
WEIR_MUST_USE weir_status weir_kafka_producer_check(const weir_kafka_producer_settings *settings,
                                                    weir_error *ret_error);

/* Hands a message to the library. WEIR_AGAIN: its buffer is full; come back after the next report. WEIR_TOO_LARGE: larger
 * than message_bytes_max. Otherwise exactly one on_report follows. */
WEIR_MUST_USE static inline weir_status weir_kafka_produce(weir_kafka_producer *producer,
                                                           const weir_kafka_record *record, weir_error *ret_error)
{
    return producer->ops->produce(producer, record, ret_error);
}

/* How many partitions the topic has; 0: not known yet, and on_partitions follows when it is. The first call for a topic
 * makes the producer watch it: the count is asked for again every metadata.refresh_interval, and whenever a report says
 * is_unknown_partition. */
static inline int32_t weir_kafka_partitions(weir_kafka_producer *producer, const char *topic)
{
    return producer->ops->partitions(producer, topic);
}

/* False while no broker can be reached. True before the first attempt has failed. */
static inline bool weir_kafka_producer_is_up(const weir_kafka_producer *producer)
{
    return producer->ops->is_up(producer);
}

/* Gives up what is still in flight: no handler is called any more, and the memory of records may be freed when this
 * returns. Not from inside a handler. It may take some 100 ms, and some seconds while brokers are away. NULL is fine. */
static inline void weir_kafka_producer_free(weir_kafka_producer *producer)
{
    if (producer)
        producer->ops->free(producer);
}

#endif
