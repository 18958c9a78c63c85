/* SPDX-License-Identifier: Apache-2.0
 *
 * A consumer: a member of a consumer group. One per receiver and worker, on that worker's loop.
 *
 * This is the seam between weir and librdkafka: receivers use this table of functions only, so that tests can put
 * something else behind it. kafka/consumer.c implements it on librdkafka, which has threads of its own; all handlers are
 * called on the loop's thread, never from inside a function called here.
 *
 *     on_assigned ─► on_message, on_end … ─► on_revoked ─► (commit, on_committed) ─► weir_kafka_revoke_done
 *
 * Nothing is committed but what weir_kafka_commit is told. What the library holds ready is bounded by its settings, and
 * the loop turns between handfuls of messages.
 */
#ifndef WEIR_KAFKA_CONSUMER_H
#define WEIR_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "component.h"
#include "core/text.h"
#include "kafka/options.h"
#include "kafka/producer.h"

/* A message and the memory that its key, value and headers lie in. Belongs to one thread at a time, and may outlive the
 * consumer. */
typedef struct weir_kafka_message {
    const struct weir_kafka_message_ops *ops; /* an implementation embeds this struct first */
    weir_text cluster_id;                     /* of the cluster it was read from; {NULL, 0}: the brokers have none */
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* since 1970; -1: it has none */
    weir_bytes key;       /* {NULL, 0}: none */
    weir_bytes value;     /* {NULL, 0}: none, which compacted topics call a tombstone */
} weir_kafka_message;

typedef struct weir_kafka_message_ops {
    bool (*header)(const weir_kafka_message *message, size_t index, weir_kafka_header *ret_header);
    void (*free)(weir_kafka_message *message);
} weir_kafka_message_ops;

/* The `index`-th header, borrowed from the message; false if it has fewer. */
static inline bool weir_kafka_message_header(const weir_kafka_message *message, size_t index,
                                             weir_kafka_header *ret_header)
{
    return message->ops->header(message, index, ret_header);
}

/* Any thread. NULL is fine. */
static inline void weir_kafka_message_free(weir_kafka_message *message)
{
    if (message)
        message->ops->free(message);
}

/* A place in a partition. Offsets as in Kafka's protocol: the next message to be read. */
typedef struct weir_kafka_position {
    const char *topic;
    int32_t partition;
    int64_t offset;
} weir_kafka_position;

/* Offsets that stand for a place the broker knows. */
enum { WEIR_KAFKA_LATEST = -1, WEIR_KAFKA_EARLIEST = -2 };

/* A partition that this member has been given. */
typedef struct weir_kafka_assigned {
    const char *topic;
    int32_t partition;
    int64_t committed;     /* the group's committed offset; -1: none */
    bool is_topic_started; /* the group has a committed offset for some partition of the topic */
    int64_t start;         /* where to begin, for the handler to fill in: an offset, or one of the above */
} weir_kafka_assigned;

typedef struct weir_kafka_consumer_handlers {
    /* Takes the message. */
    void (*on_message)(void *user, weir_kafka_message *takes_message);
    /* The end of a partition was reached: `offset` is the next message that will be written there. */
    void (*on_end)(void *user, const char *topic, int32_t partition, int64_t offset);
    /* The messages of a batch that begins at `offset` are damaged (their checksum is wrong), and are passed over. */
    void (*on_damaged)(void *user, const char *topic, int32_t partition, int64_t offset, const char *text);
    /* Partitions were given to this member; it fills in their `start`. Borrowed for the call. */
    void (*on_assigned)(void *user, weir_kafka_assigned *partitions, size_t count);
    /* Partitions are to be given up. Unless they `are_lost` (others read them already, and nothing can be committed
     * any more) the group waits until weir_kafka_revoke_done. Borrowed for the call. */
    void (*on_revoked)(void *user, const weir_kafka_position *partitions, size_t count, bool are_lost);
    /* The answer to weir_kafka_commit; `error` is NULL if the offsets are committed. */
    void (*on_committed)(void *user, const weir_error *error);
    /* Brokers can be reached, or none can any more, or they refuse; `error` says why. */
    void (*on_state)(void *user, bool is_up, const weir_error *error);
    /* The library has given up for good (another member took this one's place, say): free the consumer, from a callback
     * of the loop's, and open another. */
    void (*on_fatal)(void *user, const weir_error *error);
    /* weir_kafka_close has come to its end. */
    void (*on_closed)(void *user);
    void *user;
} weir_kafka_consumer_handlers;

/* In the library's terms; the receiver fills it from its own keys. */
typedef struct weir_kafka_consumer_settings {
    const weir_kafka_client_config *client;
    const char *id; /* the component's, for logs */
    const char *group_id;
    const char *group_instance_id; /* NULL: a member like any other */
    const char *strategies;        /* as librdkafka's partition.assignment.strategy */
    const char *const *topics;     /* names, and regular expressions that begin with ^ */
    size_t topic_count;
    const char *topics_left_out; /* regular expressions, comma-separated; NULL: none */
    uint64_t session_timeout_ms;
    uint64_t heartbeat_interval_ms;
    uint64_t fetch_bytes_min;
    uint64_t fetch_bytes_max;           /* of one answer of a broker */
    uint64_t partition_fetch_bytes_max; /* of one partition in it */
    uint64_t fetch_wait_ms;
    uint64_t queued_bytes_max; /* of messages that the library holds ready, before it stops to ask for more */
} weir_kafka_consumer_settings;

typedef struct weir_kafka_consumer weir_kafka_consumer;

/* The table. Use the inline functions below, which carry the contracts. */
typedef struct weir_kafka_consumer_ops {
    void (*hold)(weir_kafka_consumer *consumer, bool is_held);
    void (*pause)(weir_kafka_consumer *consumer, const weir_kafka_position *partitions, size_t count, bool is_paused);
    weir_status (*commit)(weir_kafka_consumer *consumer, const weir_kafka_position *offsets, size_t count);
    bool (*watermarks)(weir_kafka_consumer *consumer, const char *topic, int32_t partition, int64_t *ret_low,
                       int64_t *ret_high);
    void (*revoke_done)(weir_kafka_consumer *consumer);
    void (*close)(weir_kafka_consumer *consumer);
    void (*free)(weir_kafka_consumer *consumer);
} weir_kafka_consumer_ops;

struct weir_kafka_consumer {
    const weir_kafka_consumer_ops *ops; /* an implementation embeds this first */
};

/* Joins the group with a member on librdkafka; does not wait for a broker. Borrows `settings->client`, `->id` and
 * `handlers` for as long as it lives, the rest of the settings for the call. Errors: WEIR_INVALID, a setting that
 * librdkafka does not take; its text names the property. */
WEIR_MUST_USE weir_status weir_kafka_consumer_open(const weir_worker *worker,
                                                   const weir_kafka_consumer_settings *settings,
                                                   const weir_kafka_consumer_handlers *handlers,
                                                   weir_kafka_consumer **ret_consumer, weir_error *ret_error);

/* While held no handler is called; messages wait in the library. For a moment only (a second): the group hears nothing
 * from this member's rebalances meanwhile. */
static inline void weir_kafka_hold(weir_kafka_consumer *consumer, bool is_held)
{
    consumer->ops->hold(consumer, is_held);
}

/* Messages of paused partitions are not asked for, and those that the library held ready are dropped and asked for again
 * later; everything else goes on. */
static inline void weir_kafka_pause(weir_kafka_consumer *consumer, const weir_kafka_position *partitions, size_t count,
                                    bool is_paused)
{
    consumer->ops->pause(consumer, partitions, count, is_paused);
}

/* Commits offsets for the group; on_committed follows. WEIR_AGAIN: cannot be asked for now, and nothing follows. */
WEIR_MUST_USE static inline weir_status weir_kafka_commit(weir_kafka_consumer *consumer,
                                                          const weir_kafka_position *offsets, size_t count)
{
    return consumer->ops->commit(consumer, offsets, count);
}

/* The first offset that is still there and the one after the last, as of the last answer of the broker. False: not known
 * yet. Does not wait. */
static inline bool weir_kafka_watermarks(weir_kafka_consumer *consumer, const char *topic, int32_t partition,
                                         int64_t *ret_low, int64_t *ret_high)
{
    return consumer->ops->watermarks(consumer, topic, partition, ret_low, ret_high);
}

/* After on_revoked with partitions that were not lost: others may have them now. */
static inline void weir_kafka_revoke_done(weir_kafka_consumer *consumer)
{
    consumer->ops->revoke_done(consumer);
}

/* Leaves the group, so that others take over at once: on_revoked as usual, then on_closed. */
static inline void weir_kafka_close(weir_kafka_consumer *consumer)
{
    consumer->ops->close(consumer);
}

/* No handler is called any more. Without weir_kafka_close before it, the group finds out after its session timeout.
 * It may take some 100 ms, and a few seconds at most. NULL is fine. */
static inline void weir_kafka_consumer_free(weir_kafka_consumer *consumer)
{
    if (consumer)
        consumer->ops->free(consumer);
}

#endif
