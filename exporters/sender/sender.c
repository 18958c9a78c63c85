/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sender/sender.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/sender/cut.h"
#include "exporters/sender/internal.h"

static const uint64_t ns_per_ms = 1000000;

static weir_sender *sender_of(const weir_exporter *exporter)
{
    return WEIR_CONTAINER((void *)(uintptr_t)exporter, weir_sender, super);
}

/* ---- room ---- */

uint64_t weir_sender_delay_ms(const weir_sender *sender, uint64_t items)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    double delay_ms = (double)weir_backoff_left_ms(&sender->backoff, now);
    double speed = sender->items_per_second * weir_sender_shared_host(sender->shared)->workers;
    if (speed > 0)
        delay_ms += (double)items * 1000 / speed;
    if (delay_ms < WEIR_SENDER_DELAY_MS_MIN)
        return WEIR_SENDER_DELAY_MS_MIN;
    return delay_ms > WEIR_SENDER_DELAY_MS_MAX ? WEIR_SENDER_DELAY_MS_MAX : (uint64_t)delay_ms;
}

static void refuse(weir_sender *sender, uint64_t items, weir_error *ret_error)
{
    weir_metric_add(sender->meters.enqueue_failed, (int64_t)items);
    weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_AGAIN, "the queue of exporter %s is full", sender->id);
    ret_error->retry_after_ms = (uint32_t)weir_sender_delay_ms(sender, atomic_load(&sender->room->items));
}

static void sweep(weir_sender *sender);

static bool sender_reserve(weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error)
{
    weir_sender *sender = sender_of(self);
    if (weir_room_take(sender->room, items, bytes))
        return true;
    sweep(sender);
    if (weir_room_take(sender->room, items, bytes))
        return true;
    if (self->blocks_on_overflow) {
        weir_room_wait(sender->room, sender->waiter);
        /* Room given back between the two attempts would have woken nobody. */
        if (weir_room_take(sender->room, items, bytes))
            return true;
    }
    refuse(sender, items, ret_error);
    return false;
}

static void sender_unreserve(weir_exporter *self, uint64_t items, uint64_t bytes)
{
    weir_room_give(sender_of(self)->room, 1, items, bytes);
}

static void room_came(void *user)
{
    weir_sender *sender = user;
    if (sender->super.on_room)
        sender->super.on_room(sender->super.on_room_user);
}

/* ---- partitions ---- */

static bool is_same_partition(const weir_sender *sender, const sender_partition *partition, const weir_batch *batch)
{
    return !partition->is_alone &&
           weir_metadata_same(partition->metadata, batch->metadata, (const char *const *)sender->shape.keys.items,
                              sender->shape.keys.count);
}

static sender_partition *partition_new(weir_sender *sender, const weir_batch *batch)
{
    sender_partition *made = WEIR_NEW(sender_partition);
    made->metadata = batch->metadata ? weir_metadata_ref(batch->metadata) : NULL;
    made->is_alone = sender->shape.partitions_max > 0 && sender->partition_count >= sender->shape.partitions_max;
    made->next = sender->partitions;
    sender->partitions = made;
    sender->partition_count++;
    return made;
}

static sender_partition *partition_for(weir_sender *sender, const weir_batch *batch)
{
    for (sender_partition *at = sender->partitions; at; at = at->next) {
        if (is_same_partition(sender, at, batch))
            return at;
    }
    return partition_new(sender, batch);
}

static void partition_add(sender_partition *partition, weir_batch *batch)
{
    batch_list_append(&partition->waiting, batch);
    partition->items += batch->items;
    partition->bytes += batch->bytes;
}

static weir_batch *partition_pop(sender_partition *partition)
{
    weir_batch *batch = batch_list_pop(&partition->waiting);
    partition->items -= batch->items;
    partition->bytes -= batch->bytes;
    return batch;
}

static void free_idle_partitions(weir_sender *sender)
{
    sender_partition **link = &sender->partitions;
    while (*link) {
        sender_partition *at = *link;
        if (at->waiting.head || at->pushes > 0) {
            link = &at->next;
            continue;
        }
        *link = at->next;
        sender->partition_count--;
        weir_metadata_unref(at->metadata);
        free(at);
    }
}

/* ---- taking batches out again ---- */

static void filter_partition(weir_sender *sender, sender_partition *partition, batch_filter filter)
{
    batch_list waiting = partition->waiting;
    partition->waiting = (batch_list){0};
    partition->items = partition->bytes = 0;
    batch_list left = filter(sender, waiting, false);
    /* The filter tells sources, and a source may have sent something new meanwhile: that comes last. */
    batch_list newer = partition->waiting;
    partition->waiting = (batch_list){0};
    partition->items = partition->bytes = 0;
    weir_batch *batch;
    while ((batch = batch_list_pop(&left)))
        partition_add(partition, batch);
    while ((batch = batch_list_pop(&newer)))
        partition_add(partition, batch);
}

/* Each goes from the head to the tail. */
static void filter_pushes(weir_sender *sender, push_list *list, batch_filter filter)
{
    for (unsigned left = list->count; left > 0; left--) {
        sender_push *push = list->head;
        push_list_remove(list, push);
        push->batches = filter(sender, push->batches, push->attempts > 0);
        if (sender_push_recount(push))
            push_list_append(list, push);
        else
            sender_push_free(push);
    }
}

/* Nothing is sent and no partition is freed while it runs; what came in meanwhile is looked at afterwards. */
void weir_sender_filter(weir_sender *sender, batch_filter filter)
{
    WEIR_ASSERT(!sender->is_pumping);
    sender->is_pumping = true;
    for (sender_partition *at = sender->partitions; at; at = at->next)
        filter_partition(sender, at, filter);
    filter_pushes(sender, &sender->again, filter);
    filter_pushes(sender, &sender->put_off, filter);
    sender->is_pumping = false;
    if (sender->pump_again)
        weir_sender_pump(sender);
}

/* Gives up what nobody waits for any more. */
static void sweep(weir_sender *sender)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    if (sender->is_pumping || now - sender->swept_ns < WEIR_SENDER_SWEEP_MS * ns_per_ms)
        return;
    sender->swept_ns = now;
    weir_sender_filter(sender, weir_sender_drop_abandoned);
}

/* ---- forming a push ---- */

static uint64_t size_by(weir_sizer sizer, uint64_t items, uint64_t bytes)
{
    return sizer == WEIR_SIZE_BYTES ? bytes : items;
}

/* Only the head is looked at: behind one that nobody waits for, a batch waits for the timeout at most. */
static bool is_awaited(const sender_partition *partition)
{
    return partition->waiting.head->deadline_ns != 0;
}

static bool is_due(const weir_sender *sender, const sender_partition *partition, uint64_t now)
{
    return now - partition->waiting.head->received_ns >= sender->shape.timeout_ns;
}

static bool is_ready(const weir_sender *sender, const sender_partition *partition, uint64_t now)
{
    if (!partition->waiting.head)
        return false;
    return sender->is_draining ||
           size_by(sender->shape.sizer, partition->items, partition->bytes) >= sender->shape.min ||
           (partition->pushes == partition->put_off && is_awaited(partition)) || is_due(sender, partition, now) ||
           partition->is_alone || weir_account_over_soft_limit(sender->account);
}

typedef struct push_limits {
    uint64_t items, bytes; /* 0: none */
} push_limits;

static push_limits limits_of(const weir_sender *sender)
{
    push_limits limits = {0};
    if (sender->shape.sizer == WEIR_SIZE_BYTES)
        limits.bytes = sender->shape.max;
    else
        limits.items = sender->shape.max;
    if (sender->known_bytes_max > 0 && (limits.bytes == 0 || sender->known_bytes_max < limits.bytes))
        limits.bytes = sender->known_bytes_max;
    return limits;
}

static bool is_over(push_limits limits, uint64_t items, uint64_t bytes)
{
    return (limits.items > 0 && items > limits.items) || (limits.bytes > 0 && bytes > limits.bytes);
}

/* The next batch, cut if it is too large by itself; what was cut off stays first in line. */
static weir_batch *next_piece(weir_sender *sender, sender_partition *partition, push_limits limits)
{
    weir_batch *batch = partition_pop(partition);
    uint64_t bytes_before = batch->bytes;
    weir_batch *rest = weir_batch_cut_to_fit(batch, limits.items, limits.bytes);
    if (rest) {
        weir_room_force(sender->room, 1, 0, batch->bytes + rest->bytes - bytes_before);
        batch_list_prepend(&partition->waiting, rest);
        partition->items += rest->items;
        partition->bytes += rest->bytes;
    }
    return batch;
}

/* Gathers batches until min is reached. Batches stay whole where they can: only one that is over the limit by itself
 * is cut. */
static sender_push *form_push(weir_sender *sender, sender_partition *partition)
{
    push_limits limits = limits_of(sender);
    batch_list gathered = {0};
    uint64_t items = 0, bytes = 0;
    while (partition->waiting.head) {
        const weir_batch *head = partition->waiting.head;
        if (weir_ack_abandoned(head->ack)) {
            weir_sender_give_up(sender, partition_pop(partition), WEIR_GIVEUP_ABANDONED, NULL, false);
            continue;
        }
        if (gathered.head && is_over(limits, items + head->items, bytes + head->bytes))
            break;
        weir_batch *piece = next_piece(sender, partition, limits);
        items += piece->items;
        bytes += piece->bytes;
        batch_list_append(&gathered, piece);
        if (size_by(sender->shape.sizer, items, bytes) >= sender->shape.min)
            break;
    }
    return gathered.head ? sender_push_new(sender, partition, gathered) : NULL;
}

/* The next partition that may send goes last, so that all have their turn. */
static void move_last(weir_sender *sender, sender_partition *partition)
{
    struct sender_partition **link = &sender->partitions;
    while (*link != partition)
        link = &(*link)->next;
    *link = partition->next;
    partition->next = NULL;
    while (*link)
        link = &(*link)->next;
    *link = partition;
}

static sender_push *next_formed(weir_sender *sender, uint64_t now)
{
    for (sender_partition *at = sender->partitions; at; at = at->next) {
        if (!is_ready(sender, at, now))
            continue;
        sender_push *push = form_push(sender, at);
        move_last(sender, at);
        return push;
    }
    return NULL;
}

/* ---- sending ---- */

/* Out of its list; false if nobody waits for it any more, and it is gone. */
static bool take_out(weir_sender *sender, push_list *list, sender_push *push)
{
    push_list_remove(list, push);
    push->batches = weir_sender_drop_abandoned(sender, push->batches, push->attempts > 0);
    if (sender_push_recount(push))
        return true;
    sender_push_free(push);
    return false;
}

static sender_push *next_again(weir_sender *sender)
{
    sender_push *push;
    while ((push = sender->again.head)) {
        if (take_out(sender, &sender->again, push))
            return push;
    }
    return NULL;
}

void weir_sender_put_off(weir_sender *sender, sender_push *push)
{
    if (!sender->put_off.head || push->due_ns < sender->put_off_due_ns)
        sender->put_off_due_ns = push->due_ns;
    push->partition->put_off += !push->is_put_off;
    push->is_put_off = true;
    push_list_insert(&sender->put_off, push);
}

/* The backend may be slow to say that it does not take them: half of what may be under way is left to others. */
static bool may_send_put_off(const weir_sender *sender)
{
    unsigned under_way = 0;
    for (const sender_push *at = sender->under_way.head; at; at = at->next)
        under_way += at->is_put_off;
    return under_way == 0 || under_way < sender->pushes_max / 2;
}

static sender_push *next_put_off(weir_sender *sender, uint64_t now)
{
    if (!sender->put_off.head || now < sender->put_off_due_ns || !may_send_put_off(sender))
        return NULL;
    uint64_t due_ns = UINT64_MAX;
    for (sender_push *push = sender->put_off.head, *next; push; push = next) {
        next = push->next;
        if (push->due_ns > now)
            due_ns = push->due_ns < due_ns ? push->due_ns : due_ns;
        else if (take_out(sender, &sender->put_off, push))
            return push;
    }
    sender->put_off_due_ns = due_ns;
    return NULL;
}

/* What was put off has its turn before what is new, but not twice running. */
static sender_push *next_push(weir_sender *sender, uint64_t now)
{
    sender_push *push = next_again(sender);
    if (!push && !sender->sent_put_off)
        push = next_put_off(sender, now);
    if (!push)
        push = next_formed(sender, now);
    return push ? push : next_put_off(sender, now);
}

static void start(weir_sender *sender, sender_push *push, uint64_t now)
{
    if (push->attempts++ > 0)
        weir_metric_add(sender->meters.retries, 1);
    if (push->first_attempt_ns == 0)
        push->first_attempt_ns = now;
    push->round = sender->backoff.round;
    push->super.user = NULL;
    push->super.deadline_ns = sender->config->timeout_ms ? now + sender->config->timeout_ms * ns_per_ms : 0;
    if (sender->push_sizes)
        weir_histogram_record(sender->push_sizes, (double)push->super.items);
    sender->sent_put_off = push->is_put_off;
    push_list_append(&sender->under_way, push);
    sender->ops->push(sender->exporter, &push->super);
}

/* While the backend fails only one push at a time goes out, to see whether it is back. */
static bool may_send(const weir_sender *sender, uint64_t now)
{
    bool is_short_of_memory = sender->ops->makes_copies && weir_account_over_soft_limit(sender->account);
    unsigned at_once = sender->backoff.is_failing || is_short_of_memory ? 1 : sender->pushes_max;
    return sender->under_way.count < at_once && weir_backoff_left_ms(&sender->backoff, now) == 0;
}

static bool send_one(weir_sender *sender, uint64_t now)
{
    if (!may_send(sender, now))
        return false;
    sender_push *push = next_push(sender, now);
    if (!push)
        return false;
    start(sender, push, now);
    return true;
}

/* ---- when to look again ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || b < a ? b : a;
}

static uint64_t next_look_ns(const weir_sender *sender, uint64_t now)
{
    bool anything_waits = sender->again.head || sender->put_off.head;
    uint64_t at = 0;
    if (sender->put_off.head && sender->put_off_due_ns > now)
        at = sender->put_off_due_ns;
    for (const sender_partition *partition = sender->partitions; partition; partition = partition->next) {
        if (!partition->waiting.head)
            continue;
        anything_waits = true;
        uint64_t due = partition->waiting.head->received_ns + sender->shape.timeout_ns;
        if (due > now)
            at = earlier(at, due);
    }
    if (!anything_waits)
        return 0;
    if (sender->backoff.until_ns > now)
        at = earlier(at, sender->backoff.until_ns);
    return earlier(at, now + WEIR_SENDER_SWEEP_MS * ns_per_ms);
}

/* A timer that would fire too early is left alone: it looks again and sets itself. */
static void set_timer(weir_sender *sender)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    uint64_t at = next_look_ns(sender, now);
    if (at == 0 || (sender->timer_at_ns > 0 && sender->timer_at_ns <= at))
        return;
    sender->timer_at_ns = at;
    weir_timer_start(sender->timer, (at - now + ns_per_ms - 1) / ns_per_ms);
}

static void look_again(void *user)
{
    weir_sender *sender = user;
    sender->timer_at_ns = 0;
    sweep(sender);
    weir_sender_pump(sender);
}

/* Batches come and go first in, first out but for what is sent again, so the oldest is at the head of a list; that of
 * `under_way` is the push that takes longest. */
static uint64_t oldest_ns(const weir_sender *sender)
{
    uint64_t oldest = 0;
    for (const sender_partition *at = sender->partitions; at; at = at->next) {
        if (at->waiting.head)
            oldest = earlier(oldest, at->waiting.head->received_ns);
    }
    if (sender->again.head)
        oldest = earlier(oldest, sender->again.head->batches.head->received_ns);
    if (sender->put_off.head)
        oldest = earlier(oldest, sender->put_off.head->batches.head->received_ns);
    if (sender->under_way.head)
        oldest = earlier(oldest, sender->under_way.head->batches.head->received_ns);
    return oldest;
}

/* Sends what may be sent. Exporters and acknowledgements called from here may come back: they find is_pumping and
 * leave a note. */
void weir_sender_pump(weir_sender *sender)
{
    sender->pump_again = true;
    if (sender->is_pumping)
        return;
    sender->is_pumping = true;
    uint64_t now = weir_loop_now_ns(sender->loop);
    while (sender->pump_again) {
        sender->pump_again = false;
        while (send_one(sender, now))
            ;
    }
    free_idle_partitions(sender);
    sender->is_pumping = false;
    /* A source may have been told after the last look (a failure while draining): then look once more. */
    if (sender->return_to_sources) {
        sender->return_to_sources = false;
        weir_sender_filter(sender, weir_sender_return_to_sources);
    }
    weir_sender_shared_report_queue(sender->shared);
    weir_sender_shared_report_oldest(sender->shared, sender->signal, sender->worker, oldest_ns(sender));
    set_timer(sender);
}

/* ---- taking batches ---- */

/* With wait_for_result: false the source hears at once, unless it can replay: then only the push may answer it. */
static bool answers_at_once(const weir_sender *sender, const weir_batch *batch)
{
    return !sender->config->queue.wait_for_result && sender->config->queue.enabled && !batch->ack->replays;
}

static void sender_consume(weir_consumer *self, weir_batch *takes_batch)
{
    weir_sender *sender = WEIR_CONTAINER(self, weir_sender, super.super);
    weir_batch *batch = takes_batch;
    WEIR_ASSERT(batch->signal == sender->signal);
    if (batch->slice_count == 0) {
        weir_batch_complete(batch, &weir_outcome_delivered);
        return;
    }
    weir_metric_add(sender->meters.taken, (int64_t)batch->items);
    weir_metric_add(sender->meters.held, (int64_t)batch->items);
    sender->held_items += batch->items;
    weir_room_force(sender->room, 1, batch->items, batch->bytes);
    if (sender->is_abandoned) {
        weir_sender_give_up(sender, batch, WEIR_GIVEUP_SHUTDOWN, NULL, false);
        return;
    }
    batch->received_ns = weir_loop_now_ns(sender->loop); /* from here on its age in the queue is what matters */
    weir_ack *answered = NULL;
    if (answers_at_once(sender, batch)) {
        answered = batch->ack;
        batch->ack = &weir_ack_nobody;
        batch->deadline_ns = 0;
    }
    partition_add(partition_for(sender, batch), batch);
    if (answered)
        weir_ack_complete(answered, &weir_outcome_delivered);
    weir_sender_pump(sender);
}

/* ---- the end ---- */

static void sender_drain(weir_exporter *self)
{
    weir_sender *sender = sender_of(self);
    sender->is_draining = true;
    weir_backoff_succeeded(&sender->backoff);
    for (sender_push *push = sender->put_off.head; push; push = push->next)
        push->due_ns = 0;
    sender->put_off_due_ns = 0;
    weir_sender_pump(sender);
}

static void give_up_all(weir_sender *sender, batch_list batches, bool was_tried)
{
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches)))
        weir_sender_give_up(sender, batch, WEIR_GIVEUP_SHUTDOWN, NULL, was_tried);
}

static void give_up_pushes(weir_sender *sender, push_list *list)
{
    sender_push *push;
    while ((push = list->head)) {
        push_list_remove(list, push);
        bool was_tried = push->attempts > 0;
        give_up_all(sender, sender_push_free(push), was_tried);
    }
}

static void give_up_waiting(weir_sender *sender, sender_partition *partition)
{
    while (partition->waiting.head)
        weir_sender_give_up(sender, partition_pop(partition), WEIR_GIVEUP_SHUTDOWN, NULL, false);
}

static void sender_abandon(weir_exporter *self)
{
    weir_sender *sender = sender_of(self);
    sender->is_draining = sender->is_abandoned = true;
    sender->is_pumping = true; /* nothing new is sent meanwhile */
    sender_push *push;
    while ((push = sender->under_way.head)) {
        sender->ops->cancel(sender->exporter, &push->super);
        push_list_remove(&sender->under_way, push);
        give_up_all(sender, sender_push_free(push), true);
    }
    give_up_pushes(sender, &sender->again);
    give_up_pushes(sender, &sender->put_off);
    for (sender_partition *at = sender->partitions; at; at = at->next)
        give_up_waiting(sender, at);
    free_idle_partitions(sender);
    sender->is_pumping = false;
}

static uint64_t sender_held(const weir_exporter *self)
{
    return sender_of(self)->held_items;
}

/* ---- life ---- */

static push_shape shape_of(const weir_sender_queue_config *queue, const weir_batch_shape *asked)
{
    const weir_sender_batch_config *batch = queue->enabled ? queue->batch : NULL;
    if (batch) {
        bool by_bytes = batch->sizer == WEIR_BATCH_SIZE_BYTES ||
                        (batch->sizer == WEIR_BATCH_SIZE_AUTO && queue->sizer == WEIR_SIZE_BYTES);
        return (push_shape){
            .sizer = by_bytes ? WEIR_SIZE_BYTES : WEIR_SIZE_ITEMS,
            .min = batch->min_size,
            .max = batch->max_size,
            .timeout_ns = batch->flush_timeout_ms * ns_per_ms,
            .keys = batch->partition.metadata_keys,
        };
    }
    if (!asked || !asked->is_set)
        return (push_shape){.sizer = WEIR_SIZE_ITEMS};
    return (push_shape){
        .sizer = WEIR_SIZE_ITEMS,
        .min = asked->timeout_ms > 0 ? asked->min_items : 0, /* the batch processor: a zero timeout sends at once */
        .max = asked->max_items,
        .timeout_ns = asked->timeout_ms * ns_per_ms,
        .keys = asked->metadata_keys,
        .partitions_max = asked->metadata_cardinality_limit,
    };
}

static unsigned pushes_max(const weir_sender_queue_config *queue, unsigned workers)
{
    if (!queue->enabled || queue->num_consumers >= WEIR_SENDER_PUSHES_MAX)
        return WEIR_SENDER_PUSHES_MAX;
    return ((unsigned)queue->num_consumers + workers - 1) / workers;
}

static weir_histogram *push_sizes_register(const weir_host *host, const char *id)
{
    static const double bounds[] = {10,   25,   50,   75,   100,  250,  500,   750,   1000,  2000,  3000,
                                    4000, 5000, 6000, 7000, 8000, 9000, 10000, 20000, 30000, 50000, 100000};
    const weir_label label = {"exporter", id};
    return weir_metrics_register_histogram(host->metrics, "otelcol_exporter_queue_batch_send_size",
                                           "Items in a request.", "{unit}", &label, 1, bounds, WEIR_COUNT_OF(bounds));
}

static weir_sender *window_new(weir_sender_shared *shared, const weir_worker *worker, weir_signal signal,
                               const weir_batch_shape *shape, const weir_sender_ops *ops, void *exporter)
{
    const weir_sender_config *config = weir_sender_shared_config(shared);
    weir_sender *sender = WEIR_NEW(weir_sender);
    sender->super = (weir_exporter){
        .super.consume = sender_consume,
        .reserve = sender_reserve,
        .unreserve = sender_unreserve,
        .blocks_on_overflow = config->queue.enabled && config->queue.block_on_overflow,
        .drain = sender_drain,
        .abandon = sender_abandon,
        .held = sender_held,
    };
    sender->shared = shared;
    sender->config = config;
    sender->loop = worker->loop;
    sender->account = worker->host->account;
    sender->id = weir_sender_shared_id(shared);
    sender->signal = signal;
    sender->worker = worker->index;
    sender->ops = ops;
    sender->exporter = exporter;
    sender->shape = shape_of(&config->queue, shape);
    sender->pushes_max = pushes_max(&config->queue, worker->host->workers);
    sender->room = weir_sender_shared_room(shared, signal, &sender->shape);
    weir_sender_shared_meters(shared, signal, &sender->meters);
    sender->push_sizes = push_sizes_register(worker->host, sender->id);
    weir_backoff_init(&sender->backoff, &config->retry, weir_loop_wall_ns(worker->loop) ^ (uintptr_t)sender);
    sender->waiter = weir_room_waiter_new(sender->room, worker->loop, room_came, sender);
    sender->timer = weir_timer_new(worker->loop, look_again, sender);
    sender->rate_since_ns = weir_loop_now_ns(worker->loop);
    return sender;
}

weir_exporter *weir_sender_new(weir_sender_shared *shared, const weir_worker *worker, weir_signal signal,
                               const weir_batch_shape *shape, const weir_sender_ops *ops, void *exporter)
{
    weir_sender *window = window_new(shared, worker, signal, shape, ops, exporter);
    weir_room *room = NULL;
    weir_storage_log *log = weir_sender_shared_log(shared, signal, &window->shape, &room);
    return log ? weir_stored_new(window, log, room, worker) : &window->super;
}

weir_sender *weir_sender_window(const weir_exporter *exporter)
{
    weir_sender *window = weir_stored_window(exporter);
    return window ? window : sender_of(exporter);
}

void *weir_sender_exporter(weir_exporter *sender)
{
    return weir_sender_window(sender)->exporter;
}

void weir_sender_free(weir_exporter *exporter)
{
    if (!exporter)
        return;
    weir_sender *sender = weir_sender_window(exporter);
    if (exporter != &sender->super)
        weir_stored_free(exporter);
    WEIR_ASSERT(sender->held_items == 0 && sender->under_way.head == NULL && sender->again.head == NULL &&
                sender->put_off.head == NULL);
    weir_timer_free(sender->timer);
    weir_room_waiter_free(sender->room, sender->waiter);
    free_idle_partitions(sender);
    free(sender);
}
