/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender: queue, batch, retry and push, once for all exporters. An exporter supplies only how one request is sent.
 *
 *     consume ─► waiting batches (per partition) ─► push formed ─► exporter's push ─► weir_push_done
 *                                                      ▲                                  │
 *                                                      └── retry, split, halve ◄──────────┤
 *                                                                                         └─► acknowledgements
 *
 * One sender serves one signal on one worker and lives on that worker's thread. How much may wait is counted for all
 * workers together, in the part they share (weir_sender_shared).
 *
 * What leaves when. Without batching every batch is a push of its own. With batching (`sending_queue.batch`, or a batch
 * processor in front) a push leaves when min_size is reached, when the oldest part has waited for the timeout, and
 * for a batch somebody waits for also as soon as no other push of its partition is under way. Past the memory
 * account's soft limit, and while draining, everything leaves at once. At most num_consumers pushes are under way
 * (divided by the workers, rounded up).
 *
 * What an answer does:
 *
 * - delivered: the acknowledgements hear of it; items the backend refused (partial success) are booked as rejected.
 * - retryable, throttled, endpoint: the same push is sent again after a backoff. That is one for the whole sender: while
 *   it lasts nothing is sent, then one push probes; when it succeeds the others follow. A dead backend thus sees one
 *   attempt per interval, not num_consumers.
 * - not yet (weir_push_put_off, and rests to be sent again): that push alone waits, with a backoff of its own, and others
 *   go on. Only if nothing of a new push was taken the sender has its backoff too, until something of another is.
 * - too large: cut in two and both sent; a single item that is too large is rejected. The size is remembered, and later
 *   pushes are formed below it.
 * - permanent: a push of several slices is halved until the guilty slice stands alone; that one is rejected.
 *
 * What nobody waits for any more (weir_ack_abandoned) and is not under way is given back instead of being sent.
 *
 * With `sending_queue.storage` what is consumed is written to disk and answered first (stored.c); the above is then the
 * window between the disk and the backend. What is rejected or expires goes to the dead letters.
 *
 * Bounds: the queue's size by its sizer, and always half of the memory account in bytes, so that one dead backend
 * leaves room for the others. An empty queue takes a batch of any size.
 */
#ifndef WEIR_EXPORTERS_SENDER_SENDER_H
#define WEIR_EXPORTERS_SENDER_SENDER_H

#include "component.h"
#include "exporters/sender/meters.h"

/* ---- configuration, embedded in every exporter's ---- */

typedef enum weir_sizer { WEIR_SIZE_REQUESTS, WEIR_SIZE_ITEMS, WEIR_SIZE_BYTES } weir_sizer;

/* `sending_queue.batch.sizer`: as the queue's if that counts items or bytes, or one of its own. */
typedef enum weir_batch_sizer { WEIR_BATCH_SIZE_AUTO, WEIR_BATCH_SIZE_ITEMS, WEIR_BATCH_SIZE_BYTES } weir_batch_sizer;

typedef struct weir_sender_partition_config {
    weir_strings metadata_keys;
} weir_sender_partition_config;

typedef struct weir_sender_batch_config {
    uint64_t flush_timeout_ms;
    int sizer; /* weir_batch_sizer */
    uint64_t min_size;
    uint64_t max_size; /* 0: no limit */
    weir_sender_partition_config partition;
} weir_sender_batch_config;

typedef struct weir_sender_queue_config {
    bool enabled;
    uint64_t num_consumers;
    uint64_t queue_size; /* 0: not written; ask weir_sender_queue_size */
    int sizer;           /* weir_sizer */
    bool block_on_overflow;
    bool wait_for_result;
    char *storage;                   /* the id of an extension; NULL: the queue is in memory */
    weir_sender_batch_config *batch; /* NULL: not written */
} weir_sender_queue_config;

typedef struct weir_sender_retry_config {
    bool enabled;
    uint64_t initial_interval_ms;
    double randomization_factor;
    double multiplier;
    uint64_t max_interval_ms;
    uint64_t max_elapsed_time_ms; /* 0: no end */
} weir_sender_retry_config;

typedef struct weir_sender_config {
    weir_sender_queue_config queue;
    weir_sender_retry_config retry;
    uint64_t timeout_ms; /* of one attempt; 0: none */
} weir_sender_config;

extern const weir_option weir_sender_queue_options[];
extern const weir_option weir_sender_retry_options[];

/* The rows of an exporter's option table; `member` is the weir_sender_config inside `config`. */
#define WEIR_SENDER_QUEUE_OPTION(config, member)                                                      \
    {                                                                                                 \
        .name = "sending_queue", .type = WEIR_OPTION_GROUP, .offset = offsetof(config, member.queue), \
        .group = weir_sender_queue_options, .group_size = sizeof(weir_sender_queue_config),           \
        .summary = "The window of data between the pipeline and the backend."                         \
    }
#define WEIR_SENDER_RETRY_OPTION(config, member)                                                         \
    {                                                                                                    \
        .name = "retry_on_failure", .type = WEIR_OPTION_GROUP, .offset = offsetof(config, member.retry), \
        .group = weir_sender_retry_options, .group_size = sizeof(weir_sender_retry_config),              \
        .summary = "What happens when the backend does not take a request."                              \
    }
#define WEIR_SENDER_TIMEOUT_OPTION(config, member)                                                      \
    {                                                                                                   \
        .name = "timeout", .type = WEIR_OPTION_DURATION, .offset = offsetof(config, member.timeout_ms), \
        .default_text = "5s", .summary = "How long one attempt to send may take; 0 means without end."  \
    }

/* In units of the sizer; UINT64_MAX: no limit. */
uint64_t weir_sender_queue_size(const weir_sender_queue_config *queue);

/* Rules across the options of the sender; called from an exporter's check with the exporter's node. */
void weir_sender_check(const weir_sender_config *config, const weir_node *node, weir_diagnostics *diagnostics);

/* What an OK means behind a sender to `destination` ("the backend"): for an exporter's exporter_promise. */
void weir_sender_promise(const weir_sender_config *config, const char *destination, char *ret_text, size_t size);

/* ---- what an exporter sends ---- */

/* One request: slices of one signal, to be concatenated in this order. The exporter borrows it until it calls
 * weir_push_done. */
typedef struct weir_push {
    weir_signal signal;
    const weir_slice **slices;
    uint32_t slice_count; /* at least 1 */
    uint64_t items;
    uint64_t bytes;
    const weir_metadata *metadata; /* NULL if the slices have different ones */
    uint64_t deadline_ns;          /* monotonic: the attempt should have ended by then; 0: never */
    void *user;                    /* the exporter's; NULL at first */
} weir_push;

/* How one exporter sends; called on the worker's thread. */
typedef struct weir_sender_ops {
    /* Starts to send. Exactly one weir_push_done follows, maybe before push returns, unless the push is cancelled. */
    void (*push)(void *exporter, weir_push *push);
    /* Stops sending: the push is gone when this returns, and weir_push_done is not called for it. */
    void (*cancel)(void *exporter, weir_push *push);
    /* A request takes memory of its own, beside the push: past the memory account's soft limit one is under way at a
     * time. */
    bool makes_copies;
} weir_sender_ops;

/* Ends an attempt. `error` NULL or of class NONE: delivered, all but error->rejected_items (partial success).
 * Otherwise the class decides, see above. `push` is gone when this returns. */
void weir_push_done(weir_push *push, const weir_error *error);

/* Items of one of a push's slices (told by its id and their ordinals) that were not delivered, and why: PERMANENT or
 * TOO_LARGE: they never will be; NONE: the backend keeps them, but not where they were to be (Elasticsearch's failure
 * store): counted as "set_aside", and done with; otherwise they are to be sent again (`again`), or were not delivered
 * within max_elapsed_time. */
typedef struct weir_push_rest {
    weir_slice slice;
    weir_error error;
    bool again; /* of an error that is retryable */
} weir_push_rest;

/* Ends an attempt that delivered everything but `takes_rests` (of which the slices are taken, not the array; each item
 * stands in one of them at most). For exporters that hear of each item by itself. A rest that is refused becomes a dead
 * letter of the disk queue, or of the source that read it (weir_ack's `bury`); otherwise who waits hears of a partial
 * success. Those to be sent again become one push, which waits by itself while others go on (see above), and expires as
 * the push it was in. A rest that expired is what it is for other exporters, and the rest of its batch counts as
 * delivered all the same. */
void weir_push_done_but(weir_push *push, weir_push_rest *takes_rests, size_t count);
/* Ends an attempt before anything was sent: the request would be too large. As if the backend had said so (`error` is of a
 * single item, which is rejected), but the size is not remembered: it is due to what is in this push. */
void weir_push_cut(weir_push *push, const weir_error *error);
/* Ends an attempt of which all would be rests to be sent again: the backend answered, and takes none of these items yet.
 * `error` is retryable. */
void weir_push_put_off(weir_push *push, const weir_error *error);

/* ---- the sender ---- */

/* What the senders of all workers share for one exporter: room and counters. Made in the exporter's `open`. Any
 * thread. */
typedef struct weir_sender_shared weir_sender_shared;

/* Borrows all arguments for as long as it lives. `labels` (of the backend, "server_address") go with the counters of
 * what was sent. */
weir_sender_shared *weir_sender_shared_new(const weir_host *host, const char *id, const weir_sender_config *config,
                                           const weir_label *labels, size_t label_count);
/* All senders of it must have been freed. NULL is fine. */
void weir_sender_shared_free(weir_sender_shared *shared);

/* A sender for one signal on one worker. `shape` is what a batch processor in front asks for, or NULL; it is used
 * unless `sending_queue.batch` is written. `exporter` is passed to `ops`. Gives an exporter whose `type` the caller
 * sets. */
weir_exporter *weir_sender_new(weir_sender_shared *shared, const weir_worker *worker, weir_signal signal,
                               const weir_batch_shape *shape, const weir_sender_ops *ops, void *exporter);
/* The `exporter` given to weir_sender_new. */
void *weir_sender_exporter(weir_exporter *sender);
/* What an exporter has learned of its backend between pushes, for /status. NULL: it can be reached; then what was put
 * off by a backoff is sent now. On the worker's thread; pushes may start before it returns. */
void weir_sender_report(weir_exporter *sender, const weir_error *error);
/* held() must be 0. NULL is fine. */
void weir_sender_free(weir_exporter *sender);

#endif
