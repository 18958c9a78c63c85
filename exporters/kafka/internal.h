/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a kafka exporter, for its own files. Everything belongs to one worker's thread but kafka_shared, which is
 * constant once it is open.
 *
 *     kafka_shared      one for the process
 *      └─ kafka_writer      one for each worker: the producer and the topics
 *          └─ kafka_exporter    one for each signal of that worker, behind its sender
 *              └─ kafka_request     a push under way
 *                  └─ kafka_message     a group of its items, bound for one partition
 *
 *     push ─► request: waits for the topics' partition counts ─► scattered into messages
 *     message:  unsent ─► flying (with the library) ─► report ─► acknowledged: done
 *                 ▲                                     │ ├────► refused, or expired: a rest of the push
 *                 └──────────── again ◄─────────────────┘ └────► too large: cut in two
 *
 * A request ends when none of its messages is left. What the library has cannot be taken back: a cancelled request keeps
 * the memory of its messages until their reports are in, detached from its exporter.
 */
#ifndef WEIR_EXPORTERS_KAFKA_INTERNAL_H
#define WEIR_EXPORTERS_KAFKA_INTERNAL_H

#include "exporters/kafka/config.h"
#include "exporters/sender/backoff.h"
#include "kafka/topic_check.h"
#include "otlp/scatter.h"

enum {
    /* Topics that the data itself names (topic_from_…): what names more is refused. */
    KAFKA_TOPICS_MAX = 1000,
    KAFKA_TOPIC_NAME_MAX = 249, /* Kafka's own limit */
};

typedef struct kafka_writer kafka_writer;
typedef struct kafka_exporter kafka_exporter;
typedef struct kafka_request kafka_request;

/* ---- topics (topics.c) ---- */

typedef struct kafka_meters {
    weir_metric *records;
    weir_metric *messages; /* the same, under the name it had before */
    weir_metric *bytes;
    weir_histogram *latency;
} kafka_meters;

typedef struct kafka_topic {
    struct kafka_topic *next;
    char *name;
    uint32_t turn;   /* partitions in turn */
    unsigned flying; /* messages that are with the library */
    /* A broker found messages too large. What it looks at are batches, which the library makes of several messages: so
     * they go one by one from then on. */
    bool is_narrow;
    kafka_meters meters[2]; /* of what failed, of what was acknowledged */
} kafka_topic;

/* The topic of that name, which lives as long as the writer. NULL if it cannot be one, or is one too many. */
kafka_topic *kafka_topic_find(kafka_writer *writer, weir_text name);
/* Counts a message of `bytes` (key, value and headers). */
void kafka_topic_count(kafka_topic *topic, const weir_kafka_report *report, uint64_t bytes);
void kafka_topics_free(kafka_writer *writer);

/* ---- where items go (route.c) ---- */

/* A topic that items of a push go to, and the buckets (weir_otlp_scatter) that stand for its partitions. */
typedef struct kafka_destination {
    kafka_topic *topic;    /* NULL: for the items whose topic cannot be used */
    int32_t partitions;    /* 0: they do not matter */
    int32_t partition;     /* of what is not told apart by its content; -1: the library's choice */
    uint32_t first_bucket; /* one for each partition if the content decides, otherwise a single one */
} kafka_destination;

/* Of one scattering; borrows everything. Zero-initialise it to start. */
typedef struct kafka_route {
    kafka_exporter *exporter;
    const weir_metadata *metadata;
    kafka_destination *destinations;
    size_t destination_count;
    uint32_t buckets;
    weir_bytes key;              /* of the messages */
    const uint8_t *resource;     /* the one that was looked at last, and … */
    const kafka_destination *at; /* … where its items go */
    uint32_t resource_bucket;
} kafka_route;

typedef struct kafka_target {
    kafka_topic *topic; /* NULL: see kafka_destination */
    int32_t partition;
} kafka_target;

/* Finds the topics of all items. WEIR_AGAIN: how many partitions `*ret_topic` has is not known yet. */
WEIR_MUST_USE weir_status kafka_route_plan(kafka_route *route, const weir_slice *const *slices, uint32_t slice_count,
                                           const kafka_topic **ret_topic);
/* For weir_otlp_scattering.bucket_of; `route` is a planned kafka_route. */
uint32_t kafka_route_bucket(kafka_route *route, const weir_otlp_items *at);
kafka_target kafka_route_target(const kafka_route *route, uint32_t bucket);
void kafka_route_done(kafka_route *route);

/* ---- messages (message.c) ---- */

typedef enum kafka_message_place { KAFKA_UNSENT, KAFKA_AGAIN, KAFKA_FLYING } kafka_message_place;

typedef struct kafka_message {
    struct kafka_message *next, *previous; /* of its request */
    struct kafka_message *queue_next;      /* while it is made, unsent or to be sent again */
    kafka_request *request;
    kafka_message_place place;
    kafka_topic *topic;
    int32_t partition;
    weir_otlp_group group; /* its items, and the value if that is protobuf */
    weir_chunk *json;      /* the value, if it is JSON */
    weir_bytes value;
    weir_buffer slices; /* the header that names them */
    weir_kafka_header *headers;
    size_t header_count;
    uint64_t bytes;    /* of key, value and headers */
    uint32_t round;    /* of the backoff, when it was sent */
    bool is_misplaced; /* its partition is not there (any more) */
    bool is_alone;     /* no other was on its way to the topic, or could join it */
} kafka_message;

/* Takes the group; on failure it is left as it is. WEIR_TOO_LARGE: the message would be larger than max_message_bytes.
 * WEIR_NO_MEMORY: for its text, if it is JSON. */
WEIR_MUST_USE weir_status kafka_message_new(kafka_request *request, weir_otlp_group *takes_group, kafka_target target,
                                            kafka_message **ret_message);
void kafka_message_free(kafka_message *message);
/* How large groups may be so that messages are not; the first guess, kafka_message_new has the last word. */
size_t kafka_message_group_max(const kafka_request *request);

typedef struct kafka_message_queue {
    kafka_message *head, *tail;
} kafka_message_queue;

/* ---- pushes (request.c) ---- */

struct kafka_request {
    kafka_request *next, *previous; /* in the exporter's list, or in the writer's of detached ones */
    kafka_writer *writer;
    kafka_exporter *exporter; /* NULL once it is detached, as the next one */
    weir_push *push;
    weir_metadata *metadata;    /* owned reference or NULL */
    weir_bytes key;             /* of its messages, in the metadata; {NULL, 0}: none */
    weir_kafka_header *headers; /* of its messages, but for the slices'; in the configuration and the metadata */
    size_t header_count;
    uint64_t header_bytes; /* of names and values, and of the key */
    uint64_t started_ns;
    bool is_scattered;
    kafka_message *messages; /* not resolved yet */
    weir_push_rest *rests;
    size_t rest_count;
};

kafka_request *kafka_request_new(kafka_exporter *exporter, weir_push *push);
/* Scatters the push if it can be done now; ends the push if it has waited for too long. */
void kafka_request_scatter(kafka_request *request);
/* The message is resolved: acknowledged. Frees it, and ends the push if it was the last. */
void kafka_request_acknowledged(kafka_request *request, kafka_message *message);
/* … not delivered: `error` is PERMANENT or TOO_LARGE, or why it expired. */
void kafka_request_rest(kafka_request *request, kafka_message *message, const weir_error *error);
/* Too large for the broker: two messages in its place. Otherwise nothing has changed: WEIR_TOO_LARGE, it is a single item;
 * WEIR_NO_MEMORY. */
WEIR_MUST_USE weir_status kafka_request_cut(kafka_request *request, kafka_message *message);
/* Its partition has gone: its items go where they belong by the count of today. False, and nothing changed, if that is
 * not known yet, or there is no memory for it. */
bool kafka_request_scatter_again(kafka_request *request, kafka_message *message);
/* The push is the sender's again: nothing will be reported to it. */
void kafka_request_detach(kafka_request *request);
/* After a report for a detached request. */
void kafka_request_forget(kafka_request *request, kafka_message *message);
/* Frees it with all its messages, none of which may be with the library any more. */
void kafka_request_free(kafka_request *request);

/* ---- an exporter (delivery.c) ---- */

struct kafka_exporter {
    kafka_writer *writer;
    weir_signal signal;
    kafka_rule rule;
    weir_exporter *sender;
    bool (*sender_reserve)(weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error);
    void (*sender_drain)(weir_exporter *self);
    weir_metric *enqueue_failed;
    kafka_request *requests;
    unsigned unscattered; /* of those */
    kafka_message_queue unsent, again;
    kafka_message_queue held; /* of unsent, those for narrow topics that are busy; empty between two looks */
    weir_backoff backoff;
    weir_timer *timer;
    bool is_blocked; /* the library is full */
    bool is_draining;
    bool is_advancing;
    bool advance_again;
};

extern const weir_sender_ops kafka_sender_ops;
/* Does what can be done now: scatters, produces, sets the timer. Reports and pushes that come from inside are seen to
 * before it returns. */
void kafka_advance(kafka_exporter *exporter);
/* The timer's. */
void kafka_look_again(void *exporter);
void kafka_queue_message(kafka_exporter *exporter, kafka_message *message);
/* Takes all messages of the request out of the queues. */
void kafka_unqueue_messages(kafka_exporter *exporter, const kafka_request *request);
/* A message of this exporter was reported, or could not be handed to the library. */
void kafka_reported(kafka_exporter *exporter, kafka_message *message, const weir_kafka_report *report);
/* The number of partitions of the topic is known. */
void kafka_partitions_known(kafka_exporter *exporter, const char *topic);
/* Nothing is put off any more; with no broker at hand the sources get back what they still have. */
void kafka_drain(weir_exporter *self);
/* Puts refusing at once in front of the sender's own rules while no broker can be reached. */
bool kafka_reserve(weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error);
/* `error`: no broker can be reached, or they refuse what only a person can mend. NULL: they can be reached again. */
void kafka_state_changed(kafka_exporter *exporter, const weir_error *error);

/* ---- a worker's producer (writer.c) ---- */

typedef struct kafka_shared {
    const kafka_config *config;
    const weir_host *host;
    const char *id;
    weir_sender_config sender_config;
    weir_sender_shared *sender;
    kafka_writer **writers; /* by worker; NULL: none yet */
    weir_kafka_topic_check *checks[WEIR_SIGNALS];
    _Atomic unsigned writers_down; /* that reach no broker; for saying it once */
} kafka_shared;

struct kafka_writer {
    kafka_shared *shared;
    const weir_worker *worker;
    weir_kafka_producer *producer; /* NULL: could not be opened yet */
    weir_kafka_producer_handlers handlers;
    kafka_exporter *exporters[WEIR_SIGNALS]; /* NULL: not there */
    kafka_topic *topics;
    unsigned topic_count;
    kafka_request *detached;
    uint64_t down_since_ns; /* 0: brokers can be reached */
    weir_error down_error;
};

/* The worker's writer, made for the first exporter. Never NULL. */
kafka_writer *kafka_writer_join(kafka_shared *shared, const weir_worker *worker, kafka_exporter *exporter);
/* Freed with the last one. */
void kafka_writer_leave(kafka_writer *writer, kafka_exporter *exporter);
/* True if there is a producer; tries again to open one if there is not. */
bool kafka_writer_is_open(kafka_writer *writer, weir_error *ret_error);
bool kafka_writer_is_up(const kafka_writer *writer);

#endif
