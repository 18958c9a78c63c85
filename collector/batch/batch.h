/* SPDX-License-Identifier: Apache-2.0
 *
 * What flows through a pipeline: a batch of slices, and the acknowledgement that flows back.
 *
 *     receiver ── batch ──► processors ──► exporter's queue ──► push
 *        ▲                                                       │
 *        └───────────────── acknowledgement ◄────────────────────┘
 *
 * Passing a batch on always passes ownership, and nothing is returned: whoever holds a batch last completes its
 * acknowledgement exactly once and frees it. Batches and acknowledgements belong to one worker's thread; code on
 * other threads posts to that worker's loop.
 */
#ifndef WEIR_BATCH_BATCH_H
#define WEIR_BATCH_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/status.h"
#include "core/text.h"

typedef enum weir_signal { WEIR_TRACES, WEIR_METRICS, WEIR_LOGS, WEIR_SIGNALS } weir_signal;

/* "traces", "metrics", "logs". */
const char *weir_signal_name(weir_signal signal);
/* The signal of that name; false, `*ret_signal` untouched, for any other name. */
bool weir_signal_find(const char *name, weir_signal *ret_signal);
/* What the signal's items are called in metric names: "spans", "metric_points", "log_records". */
const char *weir_signal_items(weir_signal signal);

/* What became of a batch. */
typedef enum weir_outcome_kind {
    WEIR_DELIVERED,   /* safe with the next owner. error.rejected_items > 0: all but those, which it refused for good */
    WEIR_RETRY_LATER, /* nothing was kept; the source may send it again after error.retry_after_ms */
    WEIR_REJECTED,    /* refused for good: error says how many and why */
} weir_outcome_kind;

typedef struct weir_outcome {
    weir_outcome_kind kind;
    weir_error error;
} weir_outcome;

extern const weir_outcome weir_outcome_delivered;

struct weir_batch;

/* Embedded in whatever waits for a batch. `complete` is called exactly once, on the worker's thread, possibly before
 * the call that passed the batch on has returned; `ack` is the callee's to free then. */
typedef struct weir_ack {
    void (*complete)(struct weir_ack *ack, const weir_outcome *outcome);
    /* Set by the waiting side when it has stopped waiting (client gone, deadline near). Data that nobody has taken yet
     * is then given up with WEIR_RETRY_LATER instead of being pushed; data on its way goes on. */
    bool abandoned;
    /* The source can replay (Kafka, disk log): it must hear of the push itself, never of a queue in between. */
    bool replays;
    /* Keeps what an exporter refused for good while it delivered the rest, somewhere a person finds it (a dead-letter
     * topic): takes a batch of just that, which ends in this acknowledgement, and completes it as delivered once it is
     * safe there, or as WEIR_RETRY_LATER. `error` is borrowed. NULL: the one who waits hears of it as rejected items.
     * For the acknowledgement at the end of a chain of splits (weir_ack_whole). */
    void (*bury)(struct weir_ack *ack, struct weir_batch *takes_refused, const weir_error *error);
} weir_ack;

static inline void weir_ack_complete(weir_ack *ack, const weir_outcome *outcome)
{
    ack->complete(ack, outcome);
}

/* An acknowledgement for each of `parts` pieces of one batch (a fan-out to several exporters, or a batch cut in two):
 * `takes` is completed once all parts are, with the worst of their outcomes (retry later, then rejected, then
 * delivered), rejected items added up. The returned one is completed `parts` times; its `abandoned` is not copied:
 * ask weir_ack_abandoned. */
weir_ack *weir_ack_split(weir_ack *takes, unsigned parts);

/* The acknowledgement at the end of the chain of splits: of the one who waits for the whole. */
const weir_ack *weir_ack_whole(const weir_ack *ack);

/* True if the one who waits at the end of the chain has stopped waiting. */
bool weir_ack_abandoned(const weir_ack *ack);

/* Request headers and connection facts kept with the data (include_metadata): immutable, refcounted, any thread. */
typedef struct weir_metadata weir_metadata;
typedef struct weir_metadata_entry {
    weir_text key; /* lower case */
    weir_text value;
} weir_metadata_entry;
/* Copies the entries; gives ownership. */
weir_metadata *weir_metadata_new(const weir_metadata_entry *entries, size_t count, const char *peer);
weir_metadata *weir_metadata_ref(weir_metadata *metadata);
void weir_metadata_unref(weir_metadata *metadata); /* NULL is fine */
/* The `index`-th value of `key` (any case); {NULL, 0} if there is none. NULL metadata has no values. */
weir_text weir_metadata_get(const weir_metadata *metadata, weir_text key, unsigned index);
/* "127.0.0.1:5432", or "" . */
const char *weir_metadata_peer(const weir_metadata *metadata);
/* All entries, in the order given: how many, and the `index`-th (borrowed). NULL metadata has none. */
size_t weir_metadata_count(const weir_metadata *metadata);
weir_metadata_entry weir_metadata_at(const weir_metadata *metadata, size_t index);
/* True if both have the same values for every key of `keys`. */
bool weir_metadata_same(const weir_metadata *a, const weir_metadata *b, const char *const *keys, size_t key_count);

typedef struct weir_batch {
    struct weir_batch *next; /* for whoever holds it in a list */
    weir_signal signal;
    uint32_t slice_count;
    uint64_t items;          /* of all slices */
    uint64_t bytes;          /* of all slices */
    uint64_t received_ns;    /* monotonic */
    uint64_t deadline_ns;    /* monotonic; when the client stops waiting; 0: nobody waits */
    weir_ack *ack;           /* never NULL */
    weir_metadata *metadata; /* owned reference or NULL; the same for all slices */
    weir_slice *slices;
    weir_slice first; /* storage of a batch of one */
} weir_batch;

/* A batch of one slice; takes `*slice` (zeroed), borrows `ack` until it is completed. Never NULL. */
weir_batch *weir_batch_new(weir_signal signal, weir_slice *slice, weir_ack *ack);

/* A batch of `count` (at least 1) slices: takes the array, which was allocated with malloc's family, and the slices. */
weir_batch *weir_batch_new_of(weir_signal signal, weir_slice *takes_slices, uint32_t count, weir_ack *ack);

/* A second batch over the same slices (references taken) with its own acknowledgement, for a fan-out. */
weir_batch *weir_batch_share(const weir_batch *batch, weir_ack *ack);

/* Puts `*slice` (takes, zeroed) in place of slice `index`; counts are kept right. An empty slice (0 items) is
 * removed. */
void weir_batch_replace(weir_batch *batch, uint32_t index, weir_slice *slice);

/* Completes the acknowledgement and frees the batch. */
void weir_batch_complete(weir_batch *takes, const weir_outcome *outcome);

/* Frees the batch without completing its acknowledgement, for one who has taken that over. */
void weir_batch_free(weir_batch *takes);

#endif
