/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a running receiver, and who owns what.
 *
 *     kafka_shared (process) ◄─ kafka_instance (worker) ─► consumer: a member of the group
 *                                   │ owns
 *                                   ▼
 *                               kafka_partition ─► window: what is settled
 *                                   │ owns
 *                                   ▼
 *                               kafka_delivery: a message on its way, from arrival to acknowledgement
 *
 * A partition that is taken away leaves the instance's list and lives on until its last delivery is back: what is
 * acknowledged for it then counts for nothing. The same partition, given again, is another kafka_partition; that is its
 * generation.
 */
#ifndef WEIR_RECEIVERS_KAFKA_INSTANCE_H
#define WEIR_RECEIVERS_KAFKA_INSTANCE_H

#include "component.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "receivers/kafka/config.h"
#include "receivers/kafka/counters.h"
#include "receivers/kafka/window.h"
#include "telemetry/health.h"

/* The seams: librdkafka, or what a test puts in its place. */
typedef struct kafka_library_ops {
    weir_status (*consumer_open)(const weir_worker *worker, const weir_kafka_consumer_settings *settings,
                                 const weir_kafka_consumer_handlers *handlers, weir_kafka_consumer **ret_consumer,
                                 weir_error *ret_error);
    weir_status (*producer_open)(const weir_worker *worker, const weir_kafka_producer_settings *settings,
                                 const weir_kafka_producer_handlers *handlers, weir_kafka_producer **ret_producer,
                                 weir_error *ret_error);
} kafka_library_ops;

typedef struct kafka_shared {
    const weir_host *host;
    const char *id;
    const kafka_config *config;
    const kafka_library_ops *library;
    kafka_counters counters;
    weir_health_part *health;          /* NULL without health */
    size_t reserved_bytes;             /* of the account, for what librdkafka holds, until the end */
    struct kafka_instance **instances; /* [worker]; NULL: none */
} kafka_shared;

typedef struct kafka_instance kafka_instance;
typedef struct kafka_dead_letter kafka_dead_letter;

typedef struct kafka_partition {
    struct kafka_partition *next;
    kafka_instance *instance;
    char *topic;
    int32_t number;
    weir_signal signal;
    kafka_window window;
    int64_t next_offset;     /* of the next message to arrive; -1: not known yet */
    int64_t committed;       /* as the brokers know it; -1: nothing */
    int64_t being_committed; /* -1: nothing */
    struct kafka_delivery *deliveries;
    bool is_paused;   /* by us */
    bool is_revoking; /* the group waits for it */
    bool is_gone;     /* taken away: in no list, freed with its last delivery */
    kafka_partition_counters counters;
} kafka_partition;

/* A message from its arrival until it is settled, or dropped because its partition is gone. */
typedef struct kafka_delivery {
    weir_ack ack;
    struct kafka_delivery *previous, *next;                 /* in the partition */
    struct kafka_delivery *previous_waiting, *next_waiting; /* among those to be offered again */
    kafka_partition *partition;
    kafka_window_entry *entry;
    const weir_kafka_message *message; /* the chunk's */
    weir_chunk *chunk;                 /* stands for the message's memory */
    size_t cost;                       /* bytes in flight */
    uint64_t items;
    uint64_t refused_items; /* of those, in dead letters of their own */
    bool is_in_pipeline;
    bool is_waiting;                /* to be offered again */
    kafka_dead_letter *dead_letter; /* of the whole message; NULL: there is none */
} kafka_delivery;

typedef struct kafka_delivery_list {
    kafka_delivery *first, *last;
} kafka_delivery_list;

/* Of the letters in it; dead_letter.c. */
typedef struct kafka_letter_list {
    kafka_dead_letter *first, *last;
} kafka_letter_list;

/* How messages are held back: see flow.c. */
typedef enum kafka_flow { KAFKA_READING, KAFKA_HOLDING, KAFKA_PAUSED } kafka_flow;

/* A revocation goes through these, in order. */
typedef enum kafka_revocation {
    KAFKA_NOT_REVOKING,
    KAFKA_WAITING_FOR_DELIVERIES,
    KAFKA_WAITING_FOR_COMMIT /* of what was settled by then */
} kafka_revocation;

struct kafka_instance {
    weir_receiver super;
    kafka_shared *shared;
    weir_worker worker;
    weir_entry *entries[WEIR_SIGNALS];
    weir_kafka_consumer *consumer; /* NULL: not open (yet) */
    weir_task start_task;
    weir_timer *open_timer; /* to open the consumer again */
    kafka_partition *partitions;

    size_t delivery_count;
    size_t window_entries; /* of all partitions that this member has */
    size_t in_flight_bytes;
    size_t in_flight_bytes_max;

    kafka_delivery_list waiting; /* to be offered again */
    weir_timer *waiting_timer;
    uint32_t backoff_ms;
    size_t in_pipeline_count;    /* deliveries */
    size_t in_pipeline_to_offer; /* when no more than these are in it, what waits is offered again */

    kafka_flow flow;
    weir_timer *hold_timer;

    weir_timer *tick;     /* every autocommit.interval */
    unsigned commits_out; /* without an answer: one, or two if a revocation did not wait for the first */
    bool commit_again;

    kafka_revocation revocation;
    weir_timer *revocation_timer;

    weir_kafka_producer *dead_letter_producer; /* NULL until the first dead letter */
    weir_kafka_producer_handlers dead_letter_handlers;
    kafka_letter_list unwritten; /* dead letters that the producer does not have */
    kafka_letter_list written;   /* those that it has; their memory must stay */
    weir_timer *unwritten_timer;

    weir_timer *drain_timer;
    bool is_draining;
    bool is_closing;
    bool is_freed; /* lives on until its last delivery is back */
    void (*on_drained)(void *user);
    void *on_drained_user;
};

/* ---- kafka_receiver.c ---- */

/* An instance and its timers; nothing is opened yet. Never NULL. */
kafka_instance *weir__kafka_instance_new(kafka_shared *shared, const weir_worker *worker,
                                         weir_entry *const entries[WEIR_SIGNALS]);
/* Opens the consumer, and again later if that fails. On the worker's thread. */
void weir__kafka_instance_start(kafka_instance *instance);
void weir__kafka_instance_drain(kafka_instance *instance, void (*on_drained)(void *user), void *user);
void weir__kafka_instance_free(kafka_instance *instance);
/* A delivery is back: ends what waited for it. The instance may be gone afterwards. */
void weir__kafka_instance_check(kafka_instance *instance);

/* ---- assignment.c: partitions come and go, offsets are committed ---- */

/* The partition, if this member has it; NULL otherwise. */
kafka_partition *weir__kafka_partition_find(kafka_instance *instance, const char *topic, int32_t number);
/* The next message is at `offset`, or the end is: counts what was lost before it. Returns the partition to go on with:
 * another one if the topic was made again. */
kafka_partition *weir__kafka_partition_advance(kafka_partition *partition, int64_t offset);
/* Frees the partition if it is gone and nothing of it is under way. */
void weir__kafka_partition_check(kafka_partition *partition);
/* Drops all partitions: the consumer is gone. */
void weir__kafka_assignment_drop(kafka_instance *instance);
/* Commits what is settled and not committed yet. */
void weir__kafka_commit(kafka_instance *instance);
/* Goes on with a revocation if nothing is in its way any more. */
void weir__kafka_revocation_check(kafka_instance *instance);
/* Gauges that time changes. */
void weir__kafka_partitions_measure(kafka_instance *instance);

/* Handlers; `user` is the instance. */
void weir__kafka_on_assigned(void *user, weir_kafka_assigned *partitions, size_t count);
void weir__kafka_on_revoked(void *user, const weir_kafka_position *partitions, size_t count, bool are_lost);
void weir__kafka_on_end(void *user, const char *topic, int32_t number, int64_t offset);
void weir__kafka_on_damaged(void *user, const char *topic, int32_t number, int64_t offset, const char *text);
void weir__kafka_on_committed(void *user, const weir_error *error);
void weir__kafka_revocation_timed_out(void *user);

/* ---- delivery.c: a message on its way ---- */

void weir__kafka_on_message(void *user, weir_kafka_message *takes_message);
/* The message is delivered, or a dead letter: frees the delivery. */
void weir__kafka_delivery_settle(kafka_delivery *takes);
/* Its partition is gone, or weir ends: frees the delivery without settling it. */
void weir__kafka_delivery_drop(kafka_delivery *takes);
/* Drops those of the partition that nobody has: neither the pipeline nor the dead letters' producer. The partition may be
 * gone with the last of them. */
void weir__kafka_deliveries_drop_waiting(kafka_partition *partition);
/* Offers again what waits; a timer's. */
void weir__kafka_offer_waiting(void *user);

/* Lists through previous_waiting and next_waiting. */
void weir__kafka_list_append(kafka_delivery_list *list, kafka_delivery *delivery);
void weir__kafka_list_remove(kafka_delivery_list *list, kafka_delivery *delivery);

/* ---- content.c: from a message to a batch ---- */

/* Reads the message. Gives a batch that is acknowledged to the delivery; NULL, with WEIR_OK, if there is nothing in it.
 * WEIR_INVALID: it is not what the topic's encoding says. WEIR_NO_MEMORY: come back later. */
WEIR_MUST_USE weir_status weir__kafka_content_read(kafka_delivery *delivery, weir_batch **ret_batch,
                                                   weir_error *ret_error);

/* The slices of a message, some maybe without items; gives them. As weir__kafka_content_read otherwise. */
WEIR_MUST_USE weir_status weir__kafka_slices_read(const kafka_delivery *delivery, weir_slice **ret_slices,
                                                  uint32_t *ret_count, bool *ret_is_misfit, weir_error *ret_error);
void weir__kafka_slices_free(weir_slice *slices, uint32_t count);

/* ---- excerpt.c: of a message, what was refused ---- */

typedef struct kafka_excerpt {
    weir_account *account; /* charged with the JSON */
    weir_chunk *chunk;     /* owned; keeps the value unless that is JSON */
    weir_buffer json;      /* owned */
    weir_buffer slices;    /* owned: the value of WEIR_KAFKA_SLICES_HEADER */
    weir_bytes value;      /* in the encoding of the topic */
} kafka_excerpt;

/* The items of `refused` (borrowed) as the message holds them, before any processor. WEIR_NO_MEMORY: come back later. */
WEIR_MUST_USE weir_status weir__kafka_excerpt_make(const kafka_delivery *delivery, const weir_batch *refused,
                                                   kafka_excerpt *ret_excerpt, weir_error *ret_error);
void weir__kafka_excerpt_done(kafka_excerpt *excerpt); /* a zeroed one is fine */

/* ---- flow.c: back pressure ---- */

/* Looks whether more may be read, and holds the consumer or lets it go. */
void weir__kafka_flow_update(kafka_instance *instance);
/* A message of `partition` has come although all were paused: it was assigned since. */
void weir__kafka_flow_pause_late(kafka_partition *partition);
void weir__kafka_flow_hold_is_over(void *user);

/* ---- dead_letter.c ---- */

/* Writes the message, which cannot be read, to the dead-letter topic, until that is acknowledged, and settles the
 * delivery then. */
void weir__kafka_dead_letter_write_unread(kafka_delivery *delivery, const weir_error *error);
/* Likewise what an exporter has refused as a whole. */
void weir__kafka_dead_letter_write_refused(kafka_delivery *delivery, const weir_error *error);
/* weir_ack.bury of a delivery: writes a message of just these items to the dead-letter topic, until that is acknowledged.
 * WEIR_RETRY_LATER, and the whole message is read again, if weir ends or the partition goes before. */
void weir__kafka_dead_letter_bury(weir_ack *ack, weir_batch *takes_refused, const weir_error *error);
/* NULL is fine. Not while the producer has it. */
void weir__kafka_dead_letter_free(kafka_dead_letter *letter);
/* Tries those again that the producer did not take; a timer's. */
void weir__kafka_dead_letters_retry(void *user);
/* Takes out the partition's (NULL: all) that the producer does not have … */
kafka_letter_list weir__kafka_dead_letters_take(kafka_instance *instance, const kafka_partition *partition);
/* … and gives them up: their messages are read again. */
void weir__kafka_dead_letters_give_up(kafka_letter_list takes);

/* Ends the producer and gives up what it had. */
void weir__kafka_dead_letters_close(kafka_instance *instance);

#endif
