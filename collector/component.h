/* SPDX-License-Identifier: Apache-2.0
 *
 * What a component is. Receivers, processors, exporters and extensions describe themselves in one constant
 * `weir_component_type`; components.c lists them, pipeline.c builds the graph out of them.
 *
 * A configured component ("otlp/jaeger") has one part for the whole process, made by `open` from its configuration, and
 * instances, one per worker (and signal), made from that. Instances of one worker run on that worker's thread only, so
 * they need no locks; what they share through the process part is counters, and what the component itself guards.
 *
 *     open ─► create (per worker) ─► start ─► … ─► drain ─► free (per worker) ─► close
 *
 * Building goes from the exporters back to the receivers, ending from the receivers on to the exporters.
 */
#ifndef WEIR_COMPONENT_H
#define WEIR_COMPONENT_H

#include "batch/batch.h"
#include "config/option.h"
#include "core/account.h"
#include "core/status.h"
#include "net/headers.h"
#include "net/loop.h"
#include "net/tls.h"
#include "telemetry/metrics.h"

/* Bumped whenever a structure in this header changes; a module built for another version is not loaded. */
enum { WEIR_COMPONENT_ABI = 4 };

typedef enum weir_component_kind { WEIR_RECEIVER, WEIR_PROCESSOR, WEIR_EXPORTER, WEIR_EXTENSION } weir_component_kind;

enum {
    WEIR_ON_TRACES = 1 << WEIR_TRACES,
    WEIR_ON_METRICS = 1 << WEIR_METRICS,
    WEIR_ON_LOGS = 1 << WEIR_LOGS,
    WEIR_ON_ALL = WEIR_ON_TRACES | WEIR_ON_METRICS | WEIR_ON_LOGS
};

/* How healthy the process is: set by the pipeline, read by the health check. Any thread. */
typedef struct weir_health weir_health; /* telemetry/health.h */

/* ---- what extensions lend to other components ---- */

/* The folder and thread of a disk queue (`sending_queue.storage`); queue/storage.h. */
typedef struct weir_storage weir_storage;

/* The client's side of `auth.authenticator`: what outgoing requests carry. */
typedef struct weir_client_auth {
    /* Adds, changes or removes headers of one request. `metadata` is of the data in it, or NULL. On the worker's
     * thread (any thread with NULL, also before the extension was started), for every attempt; does not block. An error is the endpoint's: the attempt fails and is repeated.
     * One of the class PERMANENT is the data's: no header can be made of this metadata, now or later. */
    weir_status (*decorate)(struct weir_client_auth *self, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error);
    /* True if it proves who sends with a secret that gRPC lets nobody send in clear text. Any thread, once all
     * extensions are open. NULL: it does not. */
    bool (*needs_encryption)(struct weir_client_auth *self);
} weir_client_auth;

/* The server's side: who may send. */
typedef struct weir_server_auth {
    /* True if the request's headers prove who sends; `ret_attributes` then has what is known of the sender
     * ("username", "raw", …), which goes into the data's metadata as ":auth.NAME". On the worker's thread, before the
     * body is read; must not block. */
    bool (*authenticate)(struct weir_server_auth *self, const weir_http_request *request, weir_headers *ret_attributes,
                         weir_error *ret_error);
    const char *challenge; /* the WWW-Authenticate of a refusal; static */
} weir_server_auth;

/* What a component may use; outlives it. */
typedef struct weir_host {
    weir_loop *control; /* the main thread's loop: listeners, signals, telemetry */
    weir_account *account;
    weir_metrics *metrics;
    weir_health *health;
    unsigned workers;
    const struct weir_lending *lending; /* of the functions below; lending.h */
    /* What the extension `id` lends; extensions are opened before all other components and closed after them. NULL and
     * an error if it lends no such thing (options of type WEIR_OPTION_EXTENSION have been checked by then). */
    weir_storage *(*storage)(const struct weir_host *host, const char *id, weir_error *ret_error);
    weir_client_auth *(*client_auth)(const struct weir_host *host, const char *id, weir_error *ret_error);
    weir_server_auth *(*server_auth)(const struct weir_host *host, const char *id, weir_error *ret_error);
    /* The TLS module, opened when it is first asked for. NULL and an error if it cannot be. */
    const weir_tls_provider *(*tls)(const struct weir_host *host, weir_error *ret_error);
} weir_host;

typedef struct weir_worker {
    unsigned index;
    weir_loop *loop;
    const weir_host *host;
} weir_worker;

/* Where batches go: a processor, a fan-out or an exporter. Implementations embed it first. */
typedef struct weir_consumer {
    /* Takes the batch, always; see batch/batch.h. */
    void (*consume)(struct weir_consumer *self, weir_batch *takes_batch);
} weir_consumer;

static inline void weir_consume(weir_consumer *consumer, weir_batch *takes_batch)
{
    consumer->consume(consumer, takes_batch);
}

/* Where a receiver hands its batches over: the start of every pipeline it feeds for one signal. */
typedef struct weir_entry weir_entry;

/* Takes the batch. Reserves room in every exporter behind the entry first, and completes the batch at once with
 * WEIR_RETRY_LATER (error and delay filled in) if one has none; otherwise nothing is refused half-way any more.
 * Implemented in pipeline.c. */
void weir_entry_offer(weir_entry *entry, weir_batch *takes_batch);

/* How a batch processor in front asks exporters to form what they send. Zero: not set. */
typedef struct weir_batch_shape {
    bool is_set;
    uint64_t min_items;         /* send when so many wait … */
    uint64_t max_items;         /* … and never more than these in one request; 0: no limit */
    uint64_t timeout_ms;        /* … or when the oldest has waited so long */
    weir_strings metadata_keys; /* borrowed; batches that differ in these are never put together */
    uint64_t metadata_cardinality_limit;
} weir_batch_shape;

/* ---- receivers ---- */

typedef struct weir_receiver {
    const struct weir_component_type *type;
} weir_receiver; /* an instance embeds it first */

/* ---- exporters ---- */

/* An exporter's instance for one signal on one worker; embeds the consumer first. */
typedef struct weir_exporter {
    weir_consumer super;
    const struct weir_component_type *type;
    /* Reserves room for a batch that is about to come. False: no room; `*ret_error` then says THROTTLED with a delay
     * computed from the backlog. Every success is followed by exactly one unreserve with the same numbers, after the
     * batch was consumed or given up. */
    bool (*reserve)(struct weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error);
    void (*unreserve)(struct weir_exporter *self, uint64_t items, uint64_t bytes);
    /* True if a full queue makes callers wait (`block_on_overflow`) instead of refusing them: weir_entry_offer then
     * keeps the batch until `on_room` is called. */
    bool blocks_on_overflow;
    void (*on_room)(void *user); /* set by the pipeline; may be NULL */
    void *on_room_user;
    /* From now on nothing is held back for batching or backing off. */
    void (*drain)(struct weir_exporter *self);
    /* Gives up what is still held: every batch is completed with WEIR_RETRY_LATER. */
    void (*abandon)(struct weir_exporter *self);
    /* Items taken and not yet completed. */
    uint64_t (*held)(const struct weir_exporter *self);
} weir_exporter;

/* ---- the description ---- */

enum { WEIR_LENDS_SECRETS = 1 << 8 }; /* beside WEIR_LENDS_…; see extension_lends */

typedef struct weir_component_type {
    unsigned abi; /* WEIR_COMPONENT_ABI */
    weir_component_kind kind;
    const char *name;
    const char *alias; /* another name for the same thing, or NULL */
    const char *summary;
    unsigned signals; /* WEIR_ON_… */
    const weir_option *options;
    size_t config_size;

    /* Checks across options, and what only the component knows; may be NULL. `config` was read without errors. */
    void (*check)(const void *config, const weir_node *node, weir_diagnostics *diagnostics);

    /* Makes the process part. `id` is "type/name"; `id` and `config` outlive the component. May be NULL if there is
     * none. */
    weir_status (*open)(const weir_host *host, const char *id, const void *config, void **ret_shared,
                        weir_error *ret_error);
    void (*close)(void *shared);

    /* Exporters: an instance for one signal on one worker. `shape` is what the batch processor in front asked for. */
    weir_exporter *(*exporter_create)(void *shared, const weir_worker *worker, weir_signal signal,
                                      const weir_batch_shape *shape);
    void (*exporter_free)(weir_exporter *exporter); /* held() is 0 by then */
    /* The part of `signals` that this configuration can send; NULL: all of them. */
    unsigned (*exporter_signals)(const void *config);
    /* One sentence for `weir validate`: what an OK means once this exporter has taken the data. Written to
     * `ret_text`. */
    void (*exporter_promise)(const void *config, char *ret_text, size_t size);
    /* True if no authenticator that needs_encryption may be used with this configuration; may be NULL. */
    bool (*exporter_bars_secrets)(const void *config);

    /* Processors: a node in front of `next` for one signal of one pipeline on one worker. NULL create: the processor
     * only shapes what others do (memory_limiter, batch) and is not in the way of data. `pipeline` is the pipeline's
     * id, for metrics. */
    weir_consumer *(*processor_create)(void *shared, const weir_worker *worker, weir_signal signal,
                                       const char *pipeline, weir_consumer *next);
    void (*processor_free)(weir_consumer *processor);
    /* batch: what it asks of the exporters behind it. */
    void (*processor_shape)(const void *config, weir_batch_shape *ret_shape);
    /* memory_limiter: bytes of the account, from the configuration. False if it sets none. */
    bool (*processor_limit)(const void *config, uint64_t *ret_limit_bytes, uint64_t *ret_soft_limit_bytes);

    /* Receivers: entries[signal] is NULL where no pipeline listens. */
    weir_receiver *(*receiver_create)(void *shared, const weir_worker *worker, weir_entry *const entries[WEIR_SIGNALS]);
    /* On the control thread, once all workers have their instances: begin to accept. */
    weir_status (*receiver_start)(void *shared, weir_error *ret_error);
    /* On the control thread: stop accepting new work. */
    void (*receiver_stop)(void *shared);
    /* On the worker: finish what is in flight, then call on_drained (maybe at once). */
    void (*receiver_drain)(weir_receiver *receiver, void (*on_drained)(void *user), void *user);
    void (*receiver_free)(weir_receiver *receiver);
    /* One sentence for `weir validate`, of receivers that answer nobody but read again what is not acknowledged (Kafka).
     * NULL: its clients hear the exporters' promise. */
    void (*receiver_promise)(const void *config, char *ret_text, size_t size);

    /* Extensions: on the control thread, before anything else starts and after everything else has stopped. */
    weir_status (*extension_start)(void *shared, weir_error *ret_error);
    void (*extension_stop)(void *shared);
    /* What it lends, as long as it is open; NULL if it has nothing of the kind. `lends` says which (WEIR_LENDS_…). */
    unsigned lends;
    /* The part of `lends` that this configuration is for, and WEIR_LENDS_SECRETS if what it lends to exporters
     * needs_encryption; NULL: all of `lends`. For `weir validate`, which opens nothing. */
    unsigned (*extension_lends)(const void *config);
    weir_storage *(*extension_storage)(void *shared);
    weir_client_auth *(*extension_client_auth)(void *shared); /* NULL if this one is configured for servers only */
    weir_server_auth *(*extension_server_auth)(void *shared);
} weir_component_type;

#endif
