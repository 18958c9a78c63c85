/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk queue in front of a sender: what is consumed is written and synced first, then answered, then sent.
 *
 *     consume ─► image ─► append (storage thread) ─► the source hears DELIVERED
 *                                   │
 *          still next, and the      │ otherwise the memory is dropped
 *          window has room          ▼
 *              │                 on disk ◄─────────────────── stays there: RETRY_LATER, at shutdown only
 *              │                    │ read when the window has room          ▲
 *              ▼                    ▼                                        │
 *            window: the sender in memory (sender.c) ─► push ─► outcome ─────┤
 *                                                                           ├─► delivered ─► released
 *                                                                           └─► rejected, expired ─► dead letter
 *                                                                                written ─► released
 *
 * Everything here belongs to the worker's thread. Several workers share a log: each appends, reads what it has room
 * for, and releases what it has sent. Whoever leaves a record unread reads on as soon as it has room, so none is
 * forgotten.
 *
 * How much the windows hold. They only have to keep the backend busy, so all windows of one storage share a quarter of
 * the memory account, at most 64 MiB for each log, and at least one record each: with every backend dead, three
 * quarters of the memory are left for receiving what goes to the disk. That one record is read even when the account
 * refuses: it may be larger than the limit of this run, and requests that wait for room in the queue may hold all of
 * the memory until something is read and sent.
 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/sender/internal.h"
#include "telemetry/log.h"

enum {
    READ_BYTES_MAX = 1024 * 1024,
    WINDOW_SHARE = 4,
    WINDOW_BYTES_MAX = 64 * 1024 * 1024,
    /* When the account refuses memory for reading, or the disk fails. */
    READ_AGAIN_MS = 100,
    READ_FAILED_MS = 1000,
    BURY_AGAIN_MS = 1000,
    /* While draining: a backend that has answered nothing for so long will not. What it has not got is on disk. */
    DRAIN_SILENCE_MS = 2000,
    DRAIN_LOOK_MS = 100,
    /* What a source is told when the disk does not take its data. */
    DISK_FAILED_RETRY_MS = 5000,
    /* How often the window is searched for what has become too old: a share of max_age, at most a minute. */
    AGE_LOOK_SHARE = 10,
    AGE_LOOK_MS_MAX = 60 * 1000,
};

static const uint64_t ns_per_ms = 1000000;

typedef struct burial burial;

typedef struct stored {
    weir_exporter super;
    weir_sender *window;
    weir_loop *loop;
    const weir_host *host;
    weir_storage *storage;
    weir_storage_log *log;
    weir_storage_port *port;
    weir_room *room;
    weir_room_waiter *waiter;

    uint64_t appending_items;
    uint64_t window_bytes; /* of records that are in the window, or promised to it */
    uint64_t window_bytes_max;
    weir_storage_read_request read;
    bool is_reading;
    weir_timer *read_timer;
    burial *unburied; /* dead letters that could not be written, to be tried again */
    uint64_t burying_items;
    weir_timer *bury_timer;
    weir_timer *age_timer; /* NULL without max_age */
    weir_timer *drain_timer;
    uint64_t answered_ns; /* when the window last let go of a record */
    bool is_draining;     /* nothing is read any more */
    bool is_closed;       /* nothing is sent any more */
} stored;

/* A record in the window. */
typedef struct stored_entry {
    weir_ack ack;
    stored *stage;
    weir_disk_position position;
    uint64_t bytes; /* of the window */
    uint64_t items;
    uint64_t dead_items; /* of those: in the dead letters */
    uint64_t wall_ns;    /* when it was stored */
} stored_entry;

typedef struct stored_append {
    weir_storage_append_request request;
    stored *stage;
    weir_batch *batch;
    weir_record_image image;
    bool is_in_window; /* room for it is taken */
} stored_append;

/* A dead letter on its way; `batch` may be a part of a record only. */
struct burial {
    weir_storage_append_request request;
    stored *stage;
    weir_batch *batch;
    weir_record_image image;
    char *text;
    weir_dead_reason reason;
    struct burial *next;
};

static void stored_consume(weir_consumer *self, weir_batch *takes_batch);
static void look(stored *stage);

static stored *stored_of(const weir_exporter *exporter)
{
    return WEIR_CONTAINER((void *)(uintptr_t)exporter, stored, super);
}

/* ---- the window ---- */

/* How many logs share the memory is known only when all are there. */
static uint64_t window_bytes_max(stored *stage)
{
    if (stage->window_bytes_max > 0)
        return stage->window_bytes_max;
    uint64_t share = stage->host->account->limit_bytes / WINDOW_SHARE / weir_storage_log_count(stage->storage);
    share = (share < WINDOW_BYTES_MAX ? share : WINDOW_BYTES_MAX) / stage->host->workers;
    stage->window_bytes_max = share > 0 ? share : 1;
    return stage->window_bytes_max;
}

/* A record's share of the window: its bytes, and what stands around them in memory. With small requests that is most of
 * it: entry, batch, chunk, and what malloc adds to each. */
static uint64_t window_bytes_of(uint64_t bytes)
{
    enum { MALLOC_OVERHEAD_BYTES = 16, BLOCKS = 3 };
    return bytes + sizeof(stored_entry) + sizeof(weir_batch) + sizeof(weir_chunk) + BLOCKS * MALLOC_OVERHEAD_BYTES;
}

static uint64_t window_room(stored *stage)
{
    uint64_t max = window_bytes_max(stage);
    return stage->window_bytes < max ? max - stage->window_bytes : 0;
}

static void entry_done(weir_ack *ack, const weir_outcome *outcome)
{
    stored_entry *entry = WEIR_CONTAINER(ack, stored_entry, ack);
    stored *stage = entry->stage;
    WEIR_ASSERT(outcome->kind != WEIR_REJECTED); /* those are buried first */
    WEIR_ASSERT(stage->window_bytes >= entry->bytes);
    stage->window_bytes -= entry->bytes;
    if (outcome->kind == WEIR_DELIVERED) {
        stage->answered_ns = weir_loop_now_ns(stage->loop);
        weir_storage_release(stage->log, entry->position, entry->items, entry->dead_items);
    }
    free(entry);
    look(stage);
}

/* Room in the window for `window_bytes` is taken. */
static stored_entry *entry_new(stored *stage, weir_disk_position position, uint64_t window_bytes, uint64_t items,
                               uint64_t wall_ns)
{
    stored_entry *entry = WEIR_NEW(stored_entry);
    entry->ack = (weir_ack){.complete = entry_done, .replays = true};
    entry->stage = stage;
    entry->position = position;
    entry->bytes = window_bytes;
    entry->items = items;
    entry->wall_ns = wall_ns;
    return entry;
}

static bool is_too_old(const stored_entry *entry)
{
    uint64_t age_max_ms = weir_storage_age_max_ms(entry->stage->storage);
    uint64_t now_ns = weir_loop_wall_ns(entry->stage->loop);
    /* A clock that was set back makes records younger, never older. */
    return age_max_ms > 0 && now_ns > entry->wall_ns && (now_ns - entry->wall_ns) / ns_per_ms > age_max_ms;
}

static weir_error age_error(const stored *stage, const char *prefix)
{
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_PERMANENT, WEIR_TIMEOUT, "%solder than max_age (%llu ms) of the storage", prefix,
                   (unsigned long long)weir_storage_age_max_ms(stage->storage));
    return error;
}

/* ---- dead letters ---- */

static void burial_free(burial *grave)
{
    weir_record_image_done(&grave->image);
    free(grave->text);
    free(grave);
}

static void burial_end(burial *grave, const weir_outcome *outcome)
{
    stored *stage = grave->stage;
    weir_batch *batch = grave->batch;
    WEIR_ASSERT(stage->burying_items >= batch->items);
    stage->burying_items -= batch->items;
    burial_free(grave);
    weir_batch_complete(batch, outcome);
}

static void burial_give_up(burial *grave)
{
    weir_outcome outcome = {.kind = WEIR_RETRY_LATER};
    weir_error_set(&outcome.error, WEIR_ERROR_RETRYABLE, WEIR_IO, "the dead letter could not be written");
    burial_end(grave, &outcome);
}

/* Only what is safe in the dead letters is taken out of the queue. */
static void burial_written(weir_storage_request *request)
{
    burial *grave = WEIR_CONTAINER(request, burial, request.super);
    stored *stage = grave->stage;
    if (request->status == WEIR_OK) {
        const weir_ack *whole = weir_ack_whole(grave->batch->ack);
        WEIR_CONTAINER((void *)(uintptr_t)whole, stored_entry, ack)->dead_items += grave->batch->items;
        weir_metric_add(stage->window->meters.dead_letters[grave->reason], (int64_t)grave->batch->items);
        burial_end(grave, &weir_outcome_delivered);
    } else if (stage->is_draining) {
        burial_give_up(grave);
    } else {
        grave->next = stage->unburied;
        stage->unburied = grave;
        weir_timer_start(stage->bury_timer, BURY_AGAIN_MS);
    }
}

static void burial_write(burial *grave)
{
    stored *stage = grave->stage;
    grave->request.wall_ns = weir_loop_wall_ns(stage->loop);
    weir_storage_append(stage->port, weir_storage_dead_letters(stage->storage), &grave->request);
}

static weir_dead_reason reason_of(const weir_error *error)
{
    if (error->class_ == WEIR_ERROR_TOO_LARGE || error->status == WEIR_TOO_LARGE)
        return WEIR_DEAD_TOO_LARGE;
    return error->status == WEIR_TIMEOUT ? WEIR_DEAD_EXPIRED : WEIR_DEAD_REFUSED;
}

static void bury(void *user, weir_batch *takes_batch, const weir_error *error)
{
    stored *stage = user;
    burial *grave = WEIR_NEW(burial);
    grave->stage = stage;
    grave->batch = takes_batch;
    grave->text = weir_strdup(error->text);
    grave->reason = reason_of(error);
    grave->request = (weir_storage_append_request){.super.done = burial_written, .image = &grave->image};
    weir_record_image_init(&grave->image, takes_batch, stage->window->id, grave->text);
    stage->burying_items += takes_batch->items;
    burial_write(grave);
}

static burial *take_unburied(stored *stage)
{
    return WEIR_TAKE(stage->unburied);
}

static void bury_again(void *user)
{
    burial *next;
    for (burial *grave = take_unburied(user); grave; grave = next) {
        next = grave->next;
        burial_write(grave);
    }
}

static void give_up_burials(stored *stage)
{
    burial *next;
    for (burial *grave = take_unburied(stage); grave; grave = next) {
        next = grave->next;
        burial_give_up(grave);
    }
}

/* ---- from disk to the window ---- */

/* Nobody waits for it any more: its source has its answer. */
static void pass_on(stored *stage, weir_batch *batch, const stored_entry *entry)
{
    batch->deadline_ns = 0;
    if (is_too_old(entry)) {
        weir_error error = age_error(stage, "expired: ");
        bury(stage, batch, &error);
    } else {
        weir_consume(&stage->window->super.super, batch);
    }
}

/* The batch that holds a record read from disk. Once draining it is left where it is, and found again at the next
 * start. */
static void pass_on_record(stored *stage, weir_stored_record *read)
{
    weir_record *record = &read->record;
    if (stage->is_draining) {
        weir_record_done(record);
        return;
    }
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < record->slice_count; i++)
        bytes += record->slices[i].len;
    uint64_t window_bytes = window_bytes_of(bytes);
    stored_entry *entry = entry_new(stage, read->position, window_bytes, record->items, record->wall_ns);
    stage->window_bytes += window_bytes;
    weir_batch *batch = weir_record_take_batch(record, &entry->ack);
    weir_record_done(record);
    pass_on(stage, batch, entry);
}

static void was_read(weir_storage_request *request)
{
    stored *stage = WEIR_CONTAINER(request, stored, read.super);
    weir_stored_record *next;
    for (weir_stored_record *at = stage->read.records; at; at = next) {
        next = at->next;
        pass_on_record(stage, at);
        free(at);
    }
    stage->read.records = NULL;
    stage->is_reading = false;
    if (request->status == WEIR_OK)
        look(stage);
    else if (!stage->is_draining)
        weir_timer_start(stage->read_timer, request->status == WEIR_NO_MEMORY ? READ_AGAIN_MS : READ_FAILED_MS);
}

/* Asks for more if there is any, and room for it. */
static void look(stored *stage)
{
    if (stage->is_reading || stage->is_draining || !weir_storage_log_has_unread(stage->log))
        return;
    uint64_t room = window_room(stage);
    if (room == 0)
        return;
    stage->is_reading = true;
    stage->read = (weir_storage_read_request){
        .super.done = was_read,
        .bytes_max = room < READ_BYTES_MAX ? room : READ_BYTES_MAX,
        .needs_one = stage->window_bytes == 0,
    };
    weir_storage_read(stage->port, stage->log, &stage->read);
}

static void look_again(void *user)
{
    look(user);
}

/* ---- consume ---- */

static void refuse(stored *stage, weir_batch *batch, const weir_error *error)
{
    weir_outcome outcome = {.kind = WEIR_RETRY_LATER};
    weir_metric_add(stage->window->meters.enqueue_failed, (int64_t)batch->items);
    weir_error_set(&outcome.error, WEIR_ERROR_THROTTLED, WEIR_IO, "the disk queue cannot be written: %s", error->text);
    outcome.error.retry_after_ms = DISK_FAILED_RETRY_MS;
    weir_batch_complete(batch, &outcome);
}

/* The source is answered first; then the data goes on from memory, or its memory is given back. */
static void was_stored(stored *stage, stored_append *append)
{
    weir_batch *batch = append->batch;
    if (!append->request.has_it) {
        weir_batch_complete(batch, &weir_outcome_delivered);
        return;
    }
    stored_entry *entry = entry_new(stage, append->request.position, window_bytes_of(batch->bytes), batch->items,
                                    append->request.wall_ns);
    weir_ack *source = batch->ack;
    batch->ack = &entry->ack;
    weir_ack_complete(source, &weir_outcome_delivered);
    pass_on(stage, batch, entry);
}

static void was_appended(weir_storage_request *request)
{
    stored_append *append = WEIR_CONTAINER(request, stored_append, request.super);
    stored *stage = append->stage;
    uint64_t items = append->batch->items, bytes = append->batch->bytes;
    weir_record_image_done(&append->image);
    stage->appending_items -= items;
    weir_storage_log_unreserve(stage->log, bytes);
    weir_room_give(stage->room, 1, items, bytes);
    if (append->is_in_window && !append->request.has_it)
        stage->window_bytes -= window_bytes_of(bytes);
    if (request->status == WEIR_OK)
        was_stored(stage, append);
    else
        refuse(stage, append->batch, &request->error);
    free(append);
    look(stage);
}

static void stored_consume(weir_consumer *self, weir_batch *takes_batch)
{
    stored *stage = WEIR_CONTAINER(self, stored, super.super);
    weir_batch *batch = takes_batch;
    WEIR_ASSERT(batch->signal == stage->window->signal);
    if (batch->slice_count == 0) {
        weir_batch_complete(batch, &weir_outcome_delivered);
        return;
    }
    stored_append *append = WEIR_NEW(stored_append);
    append->stage = stage;
    append->batch = batch;
    append->is_in_window = !stage->is_closed && window_room(stage) > 0;
    append->request = (weir_storage_append_request){
        .super.done = was_appended,
        .image = &append->image,
        .wall_ns = weir_loop_wall_ns(stage->loop),
        .wants_it = append->is_in_window,
    };
    weir_record_image_init(&append->image, batch, NULL, NULL);
    stage->window_bytes += append->is_in_window ? window_bytes_of(batch->bytes) : 0;
    stage->appending_items += batch->items;
    weir_room_force(stage->room, 1, batch->items, batch->bytes);
    weir_storage_log_force(stage->log, batch->bytes);
    weir_storage_append(stage->port, stage->log, &append->request);
}

/* ---- room ---- */

static bool take_room(stored *stage, uint64_t items, uint64_t bytes)
{
    if (!weir_room_take(stage->room, items, bytes))
        return false;
    if (weir_storage_log_reserve(stage->log, bytes))
        return true;
    weir_room_give(stage->room, 1, items, bytes);
    return false;
}

static bool stored_reserve(weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error)
{
    stored *stage = stored_of(self);
    if (take_room(stage, items, bytes))
        return true;
    if (self->blocks_on_overflow) {
        weir_room_wait(stage->room, stage->waiter);
        /* Room given back between the two attempts would have woken nobody. */
        if (take_room(stage, items, bytes))
            return true;
    }
    weir_metric_add(stage->window->meters.enqueue_failed, (int64_t)items);
    weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_AGAIN, "the disk queue of exporter %s is full",
                   stage->window->id);
    ret_error->retry_after_ms = (uint32_t)weir_sender_delay_ms(stage->window, atomic_load(&stage->room->items));
    return false;
}

static void stored_unreserve(weir_exporter *self, uint64_t items, uint64_t bytes)
{
    stored *stage = stored_of(self);
    weir_storage_log_unreserve(stage->log, bytes);
    weir_room_give(stage->room, 1, items, bytes);
}

static void room_came(void *user)
{
    stored *stage = user;
    if (stage->super.on_room)
        stage->super.on_room(stage->super.on_room_user);
}

/* ---- age ---- */

static batch_list bury_old(weir_sender *window, batch_list batches, bool was_tried)
{
    batch_list left = {0};
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches))) {
        const weir_ack *whole = weir_ack_whole(batch->ack);
        const stored_entry *entry = WEIR_CONTAINER((void *)(uintptr_t)whole, stored_entry, ack);
        weir_error error = age_error(entry->stage, "");
        if (is_too_old(entry))
            weir_sender_give_up(window, batch, WEIR_GIVEUP_EXPIRED, &error, was_tried);
        else
            batch_list_append(&left, batch);
    }
    return left;
}

static void look_for_old(void *user)
{
    stored *stage = user;
    uint64_t pause_ms = weir_storage_age_max_ms(stage->storage) / AGE_LOOK_SHARE + 1;
    if (stage->is_draining)
        return;
    if (stage->window_bytes > 0)
        weir_sender_filter(stage->window, bury_old);
    weir_timer_start(stage->age_timer, pause_ms < AGE_LOOK_MS_MAX ? pause_ms : AGE_LOOK_MS_MAX);
}

/* ---- the end ---- */

static uint64_t in_memory(const stored *stage)
{
    return stage->appending_items + stage->burying_items + stage->window->super.held(&stage->window->super);
}

/* As long as the backend takes data it gets what is in memory; when it is silent, that stays on disk. */
static void look_while_draining(void *user)
{
    stored *stage = user;
    weir_exporter *window = &stage->window->super;
    uint64_t now_ns = weir_loop_now_ns(stage->loop);
    give_up_burials(stage);
    if (in_memory(stage) == 0) /* nobody is asked; a request that is still being received may come yet */
        stage->answered_ns = now_ns;
    if (now_ns - stage->answered_ns >= DRAIN_SILENCE_MS * ns_per_ms) {
        stage->is_closed = true;
        window->abandon(window);
    }
    if (!stage->is_closed || in_memory(stage) > 0)
        weir_timer_start(stage->drain_timer, DRAIN_LOOK_MS);
}

static void stored_drain(weir_exporter *self)
{
    stored *stage = stored_of(self);
    stage->is_draining = true;
    stage->answered_ns = weir_loop_now_ns(stage->loop);
    stage->window->super.drain(&stage->window->super);
    weir_timer_start(stage->drain_timer, DRAIN_LOOK_MS);
}

static void stored_abandon(weir_exporter *self)
{
    stored *stage = stored_of(self);
    stage->is_draining = stage->is_closed = true;
    stage->window->super.abandon(&stage->window->super);
    give_up_burials(stage);
    weir_storage_port_settle(stage->port);
    give_up_burials(stage);
    WEIR_ASSERT(in_memory(stage) == 0);
}

/* What is being released counts, so that the books are read when it is noted. */
static uint64_t stored_held(const weir_exporter *self)
{
    const stored *stage = stored_of(self);
    return in_memory(stage) + weir_storage_log_releasing(stage->log);
}

/* ---- life ---- */

/* Nothing can be asked of the storage before it has started; by the time the loop runs, it has. */
static void begin(stored *stage)
{
    weir_timer_start(stage->read_timer, 0);
    if (weir_storage_age_max_ms(stage->storage) == 0)
        return;
    stage->age_timer = weir_timer_new(stage->loop, look_for_old, stage);
    weir_timer_start(stage->age_timer, 0);
}

weir_exporter *weir_stored_new(weir_sender *window, weir_storage_log *log, weir_room *room, const weir_worker *worker)
{
    stored *stage = WEIR_NEW(stored);
    stage->super = (weir_exporter){
        .super.consume = stored_consume,
        .reserve = stored_reserve,
        .unreserve = stored_unreserve,
        .blocks_on_overflow = window->super.blocks_on_overflow,
        .drain = stored_drain,
        .abandon = stored_abandon,
        .held = stored_held,
    };
    stage->window = window;
    stage->loop = worker->loop;
    stage->host = worker->host;
    stage->storage = weir_sender_shared_storage(window->shared);
    stage->log = log;
    stage->port = weir_storage_port_new(stage->storage, worker->loop);
    stage->room = room;
    stage->waiter = weir_room_waiter_new(room, worker->loop, room_came, stage);
    stage->read_timer = weir_timer_new(worker->loop, look_again, stage);
    stage->bury_timer = weir_timer_new(worker->loop, bury_again, stage);
    stage->drain_timer = weir_timer_new(worker->loop, look_while_draining, stage);
    window->bury = bury;
    window->bury_user = stage;
    begin(stage);
    return &stage->super;
}

weir_sender *weir_stored_window(const weir_exporter *exporter)
{
    return exporter->super.consume == stored_consume ? stored_of(exporter)->window : NULL;
}

void weir_stored_free(weir_exporter *exporter)
{
    stored *stage = stored_of(exporter);
    WEIR_ASSERT(in_memory(stage) == 0 && !stage->is_reading);
    weir_timer_free(stage->read_timer);
    weir_timer_free(stage->bury_timer);
    weir_timer_free(stage->age_timer);
    weir_timer_free(stage->drain_timer);
    weir_room_waiter_free(stage->room, stage->waiter);
    weir_storage_port_free(stage->port);
    free(stage);
}
