/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a sender, for its own files: sender.c (life, taking batches, choosing what is sent when) and outcome.c
 * (what an answer does); with a storage, stored.c in front of it. Everything belongs to the worker's thread.
 *
 *     partition 1   batch ─ batch ─ batch        waiting, not yet formed into a request
 *     partition 2   batch
 *     again         push ─ push                  formed, to be sent before anything new: retries and halves
 *     put off       push ─ push                  formed, each waiting by itself: the backend answers, but does not take them yet
 *     under way     push ─ push                  with the exporter
 */
#ifndef WEIR_EXPORTERS_SENDER_INTERNAL_H
#define WEIR_EXPORTERS_SENDER_INTERNAL_H

#include "exporters/sender/backoff.h"
#include "exporters/sender/room.h"
#include "exporters/sender/sender.h"
#include "queue/storage.h"

enum {
    /* Pushes under way where no queue limits them (sending_queue.enabled: false): more than any backend wants at
     * once. */
    WEIR_SENDER_PUSHES_MAX = 1000,
    /* While draining, what nobody waits for is tried again this often until the pipeline's own deadline. */
    WEIR_SENDER_DRAIN_RETRY_MS = 250,
    /* How often the queue is searched for batches whose source has stopped waiting. */
    WEIR_SENDER_SWEEP_MS = 1000,
    WEIR_SENDER_DELAY_MS_MIN = 1000,
    WEIR_SENDER_DELAY_MS_MAX = 30 * 1000,
};

typedef struct batch_list {
    weir_batch *head, *tail;
} batch_list;

static inline void batch_list_append(batch_list *list, weir_batch *batch)
{
    batch->next = NULL;
    if (list->tail)
        list->tail->next = batch;
    else
        list->head = batch;
    list->tail = batch;
}

static inline weir_batch *batch_list_pop(batch_list *list)
{
    weir_batch *batch = list->head;
    if (!batch)
        return NULL;
    list->head = batch->next;
    if (!list->head)
        list->tail = NULL;
    batch->next = NULL;
    return batch;
}

static inline void batch_list_prepend(batch_list *list, weir_batch *batch)
{
    batch->next = list->head;
    list->head = batch;
    if (!list->tail)
        list->tail = batch;
}

/* Batches that may be put together: all have the same values of the metadata keys. */
typedef struct sender_partition {
    struct sender_partition *next;
    weir_metadata *metadata; /* owned reference or NULL */
    batch_list waiting;
    uint64_t items, bytes; /* of what waits */
    unsigned pushes;       /* formed from it and not finished */
    unsigned put_off;      /* those of them that wait, or waited, by themselves */
    bool is_alone;         /* over the cardinality limit: one batch, joined by no other */
} sender_partition;

typedef struct sender_push {
    weir_push super; /* what the exporter sees */
    struct weir_sender *sender;
    sender_partition *partition;
    struct sender_push *next, *previous; /* in the list it is in */
    batch_list batches;
    uint32_t batch_count;
    uint32_t attempts;
    uint32_t round;            /* of the backoff, when it was sent */
    uint64_t first_attempt_ns; /* 0: not tried yet */
    bool is_put_off;           /* by an answer, once at least */
    double interval_ms;        /* of its own backoff; 0: that begins anew */
    uint64_t due_ns;           /* put off until then */
} sender_push;

typedef struct push_list {
    sender_push *head, *tail;
    unsigned count;
} push_list;

/* How requests are formed. All zero: every batch by itself. */
typedef struct push_shape {
    weir_sizer sizer;  /* items or bytes, of min and max */
    uint64_t min, max; /* 0: no limit */
    uint64_t timeout_ns;
    weir_strings keys; /* borrowed */
    uint64_t partitions_max;
} push_shape;

/* Takes a batch that will never be delivered and completes its acknowledgement once that is safe to do. `error` is
 * borrowed. */
typedef void (*batch_burial)(void *user, weir_batch *takes_batch, const weir_error *error);

typedef struct weir_sender {
    weir_exporter super;
    batch_burial bury; /* NULL: whoever waits for the batch hears that it was rejected */
    void *bury_user;
    weir_sender_shared *shared;
    const weir_sender_config *config;
    weir_room *room;
    weir_loop *loop;
    weir_account *account;
    const char *id;
    weir_signal signal;
    unsigned worker; /* its index */
    const weir_sender_ops *ops;
    void *exporter;
    weir_exporter_meters meters;
    weir_histogram *push_sizes;
    push_shape shape;
    unsigned pushes_max;

    sender_partition *partitions;
    unsigned partition_count;
    push_list again;
    push_list put_off;       /* the oldest data first */
    uint64_t put_off_due_ns; /* none of them is due before */
    bool sent_put_off;       /* what was sent last had been put off: now it is another's turn */
    push_list under_way;
    uint64_t held_items;
    uint64_t known_bytes_max; /* requests of this size or more were too large for the backend; 0: none was */

    weir_backoff backoff;
    weir_room_waiter *waiter;
    weir_timer *timer;
    uint64_t timer_at_ns; /* 0: not running */
    uint64_t swept_ns;
    bool is_draining;
    bool return_to_sources; /* a failure while draining: what sources still have goes back to them, untried */
    bool is_abandoned;      /* nothing is taken any more */
    bool is_pumping;
    bool pump_again;

    /* How fast items leave, for the delay that refused callers are told. */
    uint64_t rate_since_ns;
    uint64_t rate_items;
    double items_per_second;
} weir_sender;

/* shared.c */
weir_room *weir_sender_shared_room(weir_sender_shared *shared, weir_signal signal, const push_shape *shape);
/* The log of the disk queue and the room in it; NULL, and nothing set, without a storage. */
weir_storage_log *weir_sender_shared_log(weir_sender_shared *shared, weir_signal signal, const push_shape *shape,
                                         weir_room **ret_room);
weir_storage *weir_sender_shared_storage(const weir_sender_shared *shared); /* NULL: none */
const weir_host *weir_sender_shared_host(const weir_sender_shared *shared);
const char *weir_sender_shared_id(const weir_sender_shared *shared);
const weir_sender_config *weir_sender_shared_config(const weir_sender_shared *shared);
void weir_sender_shared_meters(weir_sender_shared *shared, weir_signal signal, weir_exporter_meters *ret_meters);
/* When the oldest batch that this worker holds of the signal came, by the loop's clock; 0: it holds none. For the
 * metric. */
void weir_sender_shared_report_oldest(weir_sender_shared *shared, weir_signal signal, unsigned worker,
                                      uint64_t oldest_ns);
/* The backend answered, or failed: for /status. */
void weir_sender_shared_report(weir_sender_shared *shared, const weir_error *error);
/* What waits and is under way now: for /status. */
void weir_sender_shared_report_queue(weir_sender_shared *shared);

/* push.c: requests, made of batches */
void push_list_append(push_list *list, sender_push *push);
void push_list_prepend(push_list *list, sender_push *push);
/* By the age of their data. */
void push_list_insert(push_list *list, sender_push *push);
void push_list_remove(push_list *list, sender_push *push);
/* Of `takes_batches` (not empty), all of `partition`. */
sender_push *sender_push_new(weir_sender *sender, sender_partition *partition, batch_list takes_batches);
/* Takes the batches out, and ends the push. */
batch_list sender_push_free(sender_push *push);
/* Cuts a push in about two; the second half is given and has the same history. NULL if it has one slice only. */
sender_push *sender_push_halve(sender_push *push);
/* As push_halve, and a single slice is cut between its items. */
sender_push *sender_push_split(sender_push *push);
/* Recounts after batches were taken out; false if none is left. */
bool sender_push_recount(sender_push *push);

/* Ends some of the batches and returns the rest. */
typedef batch_list (*batch_filter)(weir_sender *sender, batch_list batches, bool was_tried);

/* sender.c */
void weir_sender_pump(weir_sender *sender);
/* From now on the push waits by itself, until due_ns. */
void weir_sender_put_off(weir_sender *sender, sender_push *push);
/* The sender of what weir_sender_new gave: that may be the stage in front of it. */
weir_sender *weir_sender_window(const weir_exporter *exporter);
/* Passes everything that is not under way through `filter`. Not while pumping. */
void weir_sender_filter(weir_sender *sender, batch_filter filter);
/* How long it takes until `items` have left, from the speed at which they have left lately: for refused callers. */
uint64_t weir_sender_delay_ms(const weir_sender *sender, uint64_t items);

/* stored.c: a queue on disk in front of `window`, which it takes. */
weir_exporter *weir_stored_new(weir_sender *window, weir_storage_log *log, weir_room *room, const weir_worker *worker);
/* The window behind an exporter of weir_stored_new; NULL if it is not one. */
weir_sender *weir_stored_window(const weir_exporter *exporter);
void weir_stored_free(weir_exporter *exporter);

/* outcome.c: how batches end. `error` may be NULL where the reason says enough. */
void weir_sender_give_up(weir_sender *sender, weir_batch *takes_batch, weir_giveup_reason reason,
                         const weir_error *error, bool was_tried);
/* Gives up what nobody waits for any more in `batches`; returns the rest. */
batch_list weir_sender_drop_abandoned(weir_sender *sender, batch_list batches, bool was_tried);
/* At shutdown: gives back what a source still has; returns the rest, which only we have. */
batch_list weir_sender_return_to_sources(weir_sender *sender, batch_list batches, bool was_tried);

#endif
