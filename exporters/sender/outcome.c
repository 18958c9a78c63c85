/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/sender/cut.h"
#include "exporters/sender/internal.h"
#include "otlp/rewrite.h"
#include "telemetry/log.h"

static const uint64_t ns_per_ms = 1000000;
static const uint64_t ns_per_s = 1000000000;

/* ---- the end of a batch ---- */

static void measure_speed(weir_sender *sender, uint64_t items)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    sender->rate_items += items;
    if (now - sender->rate_since_ns < ns_per_s)
        return;
    double lately = (double)sender->rate_items * (double)ns_per_s / (double)(now - sender->rate_since_ns);
    sender->items_per_second = sender->items_per_second > 0 ? (sender->items_per_second + lately) / 2 : lately;
    sender->rate_since_ns = now;
    sender->rate_items = 0;
}

/* The batch is held no longer; what became of its items was counted before. */
static void let_go(weir_sender *sender, const weir_batch *batch)
{
    WEIR_ASSERT(sender->held_items >= batch->items);
    sender->held_items -= batch->items;
    weir_metric_add(sender->meters.held, -(int64_t)batch->items);
    weir_room_give(sender->room, 1, batch->items, batch->bytes);
}

static void complete(weir_sender *sender, weir_batch *batch, const weir_outcome *outcome)
{
    let_go(sender, batch);
    weir_batch_complete(batch, outcome);
}

/* True if somebody keeps what of `batch` will never be delivered: the disk queue, or the source. A source that hears of
 * all of its data at once is told instead, and keeps that as it was before any processor saw it. */
static bool is_kept(const weir_sender *sender, const weir_batch *batch)
{
    const weir_ack *whole = weir_ack_whole(batch->ack);
    return sender->bury || (whole != batch->ack && whole->bury);
}

/* Hands over what will never be delivered and is_kept. */
static void bury(weir_sender *sender, weir_batch *takes_batch, const weir_error *error)
{
    weir_ack *whole = (weir_ack *)(uintptr_t)weir_ack_whole(takes_batch->ack);
    let_go(sender, takes_batch);
    if (sender->bury)
        sender->bury(sender->bury_user, takes_batch, error);
    else
        whole->bury(whole, takes_batch, error);
}

/* The end of a batch that will never be delivered. */
static void complete_rejected(weir_sender *sender, weir_batch *batch, const weir_error *error)
{
    weir_outcome outcome = {.kind = WEIR_REJECTED, .error = *error};
    outcome.error.class_ = WEIR_ERROR_PERMANENT;
    outcome.error.rejected_items = batch->items;
    if (is_kept(sender, batch))
        bury(sender, batch, error);
    else
        complete(sender, batch, &outcome);
}

static void complete_all(weir_sender *sender, batch_list batches, const weir_outcome *outcome)
{
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches)))
        complete(sender, batch, outcome);
}

/* Nothing was taken of any of them. `outcome` is what those hear whose data nobody keeps. */
static void complete_all_refused(weir_sender *sender, batch_list batches, const weir_outcome *outcome,
                                 const weir_error *error)
{
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches))) {
        if (is_kept(sender, batch))
            complete_rejected(sender, batch, error);
        else
            complete(sender, batch, outcome);
    }
}

static void reject_all(weir_sender *sender, batch_list batches, weir_reject_reason reason, const weir_error *error)
{
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches))) {
        weir_metric_add(sender->meters.rejected[reason], (int64_t)batch->items);
        weir_metric_add(sender->meters.send_failed, (int64_t)batch->items);
        weir_log(WEIR_LOG_WARN, sender->id, "the backend refused data for good items=%llu error=\"%s\"",
                 (unsigned long long)batch->items, error->text);
        complete_rejected(sender, batch, error);
    }
}

static weir_error giveup_error(weir_giveup_reason reason)
{
    static const char *const texts[WEIR_GIVEUP_REASONS] = {"nobody waited for it any more",
                                                           "it was not delivered in time", "weir is shutting down"};
    weir_error error = {0};
    weir_error_set(&error, WEIR_ERROR_RETRYABLE, WEIR_CANCELLED, "%s", texts[reason]);
    return error;
}

static void log_dropped(const weir_sender *sender, const weir_batch *batch, const weir_error *error)
{
    weir_log(WEIR_LOG_ERROR, sender->id, "dropped data that nobody waited for items=%llu error=\"%s\"",
             (unsigned long long)batch->items, error->text);
}

/* A source that can replay would only send it again: for it, what was not delivered in time is refused for good. */
static void expire(weir_sender *sender, weir_batch *batch, const weir_error *error, bool was_tried)
{
    weir_error expired = {0};
    weir_error_set(&expired, WEIR_ERROR_PERMANENT, WEIR_TIMEOUT, "expired: %s", error->text);
    weir_metric_add(sender->meters.rejected[WEIR_REJECT_EXPIRED], (int64_t)batch->items);
    if (was_tried)
        weir_metric_add(sender->meters.send_failed, (int64_t)batch->items);
    weir_log(WEIR_LOG_WARN, sender->id, "data was not delivered in time items=%llu error=\"%s\"",
             (unsigned long long)batch->items, error->text);
    complete_rejected(sender, batch, &expired);
}

void weir_sender_give_up(weir_sender *sender, weir_batch *takes_batch, weir_giveup_reason reason,
                         const weir_error *error, bool was_tried)
{
    weir_batch *batch = takes_batch;
    weir_outcome outcome = {.kind = WEIR_RETRY_LATER, .error = error ? *error : giveup_error(reason)};
    if (reason == WEIR_GIVEUP_EXPIRED && batch->ack->replays) {
        expire(sender, batch, &outcome.error, was_tried);
        return;
    }
    bool is_lost = batch->ack == &weir_ack_nobody;
    if (is_lost)
        log_dropped(sender, batch, &outcome.error);
    weir_metric_add((is_lost ? sender->meters.dropped : sender->meters.returned)[reason], (int64_t)batch->items);
    if (was_tried)
        weir_metric_add(sender->meters.send_failed, (int64_t)batch->items);
    complete(sender, batch, &outcome);
}

batch_list weir_sender_drop_abandoned(weir_sender *sender, batch_list batches, bool was_tried)
{
    batch_list left = {0};
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches))) {
        if (weir_ack_abandoned(batch->ack))
            weir_sender_give_up(sender, batch, WEIR_GIVEUP_ABANDONED, NULL, was_tried);
        else
            batch_list_append(&left, batch);
    }
    return left;
}

batch_list weir_sender_return_to_sources(weir_sender *sender, batch_list batches, bool was_tried)
{
    batch_list left = {0};
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches))) {
        if (batch->ack == &weir_ack_nobody)
            batch_list_append(&left, batch);
        else
            weir_sender_give_up(sender, batch, WEIR_GIVEUP_SHUTDOWN, NULL, was_tried);
    }
    return left;
}

/* ---- delivered ---- */

/* Which batch the refused items of a partial success belong to is known only if there is one. */
static weir_outcome outcome_of_partial(const sender_push *push, const weir_error *error, uint64_t rejected)
{
    weir_outcome outcome = weir_outcome_delivered;
    if (rejected == 0 || push->batch_count > 1)
        return outcome;
    outcome.kind = rejected == push->super.items ? WEIR_REJECTED : WEIR_DELIVERED;
    outcome.error = *error;
    outcome.error.rejected_items = rejected;
    return outcome;
}

static void delivered(weir_sender *sender, sender_push *push, const weir_error *error)
{
    uint64_t items = push->super.items;
    uint64_t rejected = error->rejected_items < items ? error->rejected_items : items;
    weir_outcome outcome = outcome_of_partial(push, error, rejected);
    weir_backoff_succeeded(&sender->backoff);
    weir_metric_add(sender->meters.sent, (int64_t)(items - rejected));
    weir_metric_add(sender->meters.rejected[WEIR_REJECT_PARTIAL_SUCCESS], (int64_t)rejected);
    weir_metric_add(sender->meters.send_failed, (int64_t)rejected);
    if (error->text[0] != '\0')
        weir_log(WEIR_LOG_WARN, sender->id, "the backend took a part only rejected=%llu items=%llu message=\"%s\"",
                 (unsigned long long)rejected, (unsigned long long)items, error->text);
    measure_speed(sender, items);
    batch_list batches = sender_push_free(push);
    if (rejected == items)
        complete_all_refused(sender, batches, &outcome, error);
    else
        complete_all(sender, batches, &outcome);
}

/* ---- not now ---- */

static bool has_expired(const weir_sender *sender, const sender_push *push, uint64_t next_attempt_ns)
{
    uint64_t elapsed_max_ns = sender->config->retry.max_elapsed_time_ms * ns_per_ms;
    return elapsed_max_ns > 0 && next_attempt_ns > push->first_attempt_ns + elapsed_max_ns;
}

static void give_up_push(weir_sender *sender, sender_push *push, weir_giveup_reason reason, const weir_error *error)
{
    batch_list batches = sender_push_free(push);
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches)))
        weir_sender_give_up(sender, batch, reason, error, true);
}

static void log_failure(const weir_sender *sender, const weir_error *error, uint64_t delay_ms)
{
    if (error->class_ == WEIR_ERROR_ENDPOINT)
        weir_log(WEIR_LOG_ERROR, sender->id,
                 "the backend cannot be used: check the endpoint and its settings error=\"%s\" retry_ms=%llu",
                 error->text, (unsigned long long)delay_ms);
    else
        weir_log(WEIR_LOG_WARN, sender->id, "sending failed error=\"%s\" retry_ms=%llu", error->text,
                 (unsigned long long)delay_ms);
}

/* False if the push has ended. At the end of weir, a source that still has its data gets it back at once; what only we
 * have is tried until the last moment. */
static bool may_try_again(weir_sender *sender, sender_push *push, const weir_error *error, uint64_t delay_ms)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    weir_error told = *error;
    bool is_retried = sender->config->retry.enabled;
    log_failure(sender, error, is_retried ? delay_ms : 0);
    told.retry_after_ms = is_retried ? (uint32_t)delay_ms : error->retry_after_ms;
    if (!is_retried || has_expired(sender, push, now + delay_ms * ns_per_ms)) {
        give_up_push(sender, push, WEIR_GIVEUP_EXPIRED, &told);
        return false;
    }
    if (!sender->is_draining)
        return true;
    push->batches = weir_sender_return_to_sources(sender, push->batches, true);
    if (sender_push_recount(push))
        return true;
    (void)sender_push_free(push);
    return false;
}

static void failed(weir_sender *sender, sender_push *push, const weir_error *error)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    if (!sender->config->retry.enabled) {
        (void)may_try_again(sender, push, error, 0);
        return;
    }
    uint64_t delay_ms = weir_backoff_failed(&sender->backoff, now, push->round, error->retry_after_ms);
    if (sender->is_draining) {
        delay_ms = WEIR_SENDER_DRAIN_RETRY_MS;
        sender->backoff.until_ns = now + delay_ms * ns_per_ms;
    }
    sender->return_to_sources |= sender->is_draining;
    if (may_try_again(sender, push, error, delay_ms))
        push_list_append(&sender->again, push);
}

/* The backend answered that it does not take these items yet. Others may be for an index, or a node, that does: they do
 * not wait. But if nothing of a new push was taken the next one should tell whether anything is. */
static void put_off(weir_sender *sender, sender_push *push, const weir_error *error, bool is_any_taken)
{
    uint64_t now = weir_loop_now_ns(sender->loop);
    if (is_any_taken) {
        push->interval_ms = 0;
        weir_backoff_succeeded(&sender->backoff);
    } else if (!push->is_put_off && sender->config->retry.enabled && !sender->is_draining) {
        (void)weir_backoff_failed(&sender->backoff, now, push->round, 0);
    }
    push->due_ns = weir_backoff_alone(&sender->backoff, now, &push->interval_ms, error->retry_after_ms);
    if (sender->is_draining)
        push->due_ns = now + WEIR_SENDER_DRAIN_RETRY_MS * ns_per_ms;
    if (may_try_again(sender, push, error, (push->due_ns - now) / ns_per_ms))
        weir_sender_put_off(sender, push);
}

/* ---- not like this ---- */

/* Both halves go before everything else, in their order. */
static void send_halves(weir_sender *sender, sender_push *first, sender_push *second)
{
    push_list_prepend(&sender->again, second);
    push_list_prepend(&sender->again, first);
}

static void cut_and_send(weir_sender *sender, sender_push *push, const weir_error *error)
{
    sender_push *second = sender_push_split(push);
    if (second)
        send_halves(sender, push, second);
    else
        reject_all(sender, sender_push_free(push), WEIR_REJECT_TOO_LARGE, error);
}

static void too_large(weir_sender *sender, sender_push *push, const weir_error *error)
{
    weir_backoff_succeeded(&sender->backoff);
    uint64_t bytes_max = push->super.bytes / 2;
    if (sender->known_bytes_max == 0 || bytes_max < sender->known_bytes_max)
        sender->known_bytes_max = bytes_max > 0 ? bytes_max : 1;
    cut_and_send(sender, push, error);
}

static void refused(weir_sender *sender, sender_push *push, const weir_error *error)
{
    weir_backoff_succeeded(&sender->backoff);
    sender_push *second = sender_push_halve(push);
    if (second)
        send_halves(sender, push, second);
    else
        reject_all(sender, sender_push_free(push), WEIR_REJECT_PERMANENT, error);
}

/* ---- all but some ---- */

/* A slice of a push, and what of its items is settled. */
typedef struct slice_left {
    weir_batch *batch;
    const weir_slice *slice;
    uint32_t items; /* not parted off yet */
    uint32_t told;  /* parted off, refused, and kept by nobody: the one who waits was told */
} slice_left;

typedef struct slices_left {
    slice_left *items;
    uint32_t count;
} slices_left;

static void slices_left_done(slices_left *left)
{
    free(left->items);
}

static slices_left slices_of(batch_list batches, uint32_t slice_count)
{
    slices_left left = {.items = weir_alloc(slice_count, sizeof(slice_left))};
    for (weir_batch *batch = batches.head; batch; batch = batch->next) {
        for (uint32_t i = 0; i < batch->slice_count; i++)
            left.items[left.count++] = (slice_left){batch, &batch->slices[i], batch->slices[i].items, 0};
    }
    WEIR_ASSERT(left.count == slice_count);
    return left;
}

static bool is_same_slice(const weir_slice *a, const weir_slice *b)
{
    return a->id.origin == b->id.origin && a->id.sequence == b->id.sequence;
}

static bool slice_has(const weir_slice *slice, uint32_t ordinal)
{
    uint32_t from = 0, to = slice->items;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (weir_slice_ordinal(slice, middle) < ordinal)
            from = middle + 1;
        else
            to = middle;
    }
    return from < slice->items && weir_slice_ordinal(slice, from) == ordinal;
}

static slice_left *fuller(slice_left *a, slice_left *b)
{
    return a && a->items >= b->items ? a : b;
}

/* The slice that `part` was taken from. A slice may be there twice, when its source repeated itself: which of the two
 * hears of which part does not matter, as long as neither hears of more items than it has. */
static slice_left *slice_of(const slices_left *left, const weir_slice *part)
{
    slice_left *with_item = NULL, *with_id = NULL;
    for (uint32_t i = 0; i < left->count; i++) {
        slice_left *at = &left->items[i];
        if (at->items == 0 || !is_same_slice(at->slice, part))
            continue;
        with_id = fuller(with_id, at);
        if (slice_has(at->slice, weir_slice_ordinal(part, 0)))
            with_item = fuller(with_item, at);
    }
    return with_item ? with_item : with_id;
}

/* What nobody keeps is told to the client as a partial success: the rest of its data is delivered. */
static void tell_rejected(weir_sender *sender, weir_batch *part, const weir_error *error)
{
    weir_outcome outcome = {.kind = WEIR_DELIVERED, .error = *error};
    outcome.error.class_ = WEIR_ERROR_PERMANENT;
    outcome.error.rejected_items = part->items;
    complete(sender, part, &outcome);
}

static void end_refused(weir_sender *sender, slice_left *from, weir_batch *part, const weir_error *error)
{
    weir_reject_reason reason = error->class_ == WEIR_ERROR_TOO_LARGE ? WEIR_REJECT_TOO_LARGE : WEIR_REJECT_PERMANENT;
    weir_metric_add(sender->meters.rejected[reason], (int64_t)part->items);
    weir_metric_add(sender->meters.send_failed, (int64_t)part->items);
    weir_log(WEIR_LOG_WARN, sender->id, "the backend refused data for good items=%llu error=\"%s\"",
             (unsigned long long)part->items, error->text);
    if (is_kept(sender, part)) {
        complete_rejected(sender, part, error);
        return;
    }
    from->told += (uint32_t)part->items;
    tell_rejected(sender, part, error);
}

/* The backend keeps it, elsewhere: its source need not. */
static void end_set_aside(weir_sender *sender, weir_batch *part, const weir_error *error)
{
    weir_metric_add(sender->meters.rejected[WEIR_REJECT_SET_ASIDE], (int64_t)part->items);
    weir_metric_add(sender->meters.send_failed, (int64_t)part->items);
    weir_log(WEIR_LOG_WARN, sender->id, "the backend set data aside items=%llu reason=\"%s\"",
             (unsigned long long)part->items, error->text);
    complete(sender, part, &weir_outcome_delivered);
}

/* What is to be sent once more, and why: the error that asks for the longest delay. */
typedef struct rests_again {
    batch_list batches;
    weir_error failure;
} rests_again;

static void add_again(rests_again *again, weir_batch *part, const weir_error *error)
{
    if (!again->batches.head || error->retry_after_ms > again->failure.retry_after_ms)
        again->failure = *error;
    batch_list_append(&again->batches, part);
}

typedef struct rest_ending {
    weir_sender *sender;
    const slices_left *left;
    const weir_push_rest *rest;
    rests_again *again;
} rest_ending;

static void end_rest(const rest_ending *self, slice_left *from, weir_batch *part)
{
    const weir_error *error = &self->rest->error;
    if (error->class_ == WEIR_ERROR_NONE)
        end_set_aside(self->sender, part, error);
    else if (!weir_error_is_retryable(error))
        end_refused(self->sender, from, part, error);
    else if (self->rest->again)
        add_again(self->again, part, error);
    else
        weir_sender_give_up(self->sender, part, WEIR_GIVEUP_EXPIRED, error, true);
}

/* What is more than the slice has left (it is there twice, and was not cut the same way both times) is cut once more. */
static weir_status part_off(void *context, weir_slice *takes_part)
{
    const rest_ending *self = context;
    slice_left *from = slice_of(self->left, takes_part);
    WEIR_ASSERT(from); /* the exporter names items of this push, each once */
    if (from->items < takes_part->items) {
        weir_otlp_kind kind = (weir_otlp_kind)self->sender->signal;
        weir_status status = weir_otlp_split(kind, takes_part, from->items, 0, part_off, context);
        WEIR_ASSERT(status == WEIR_OK); /* out of memory */
        weir_slice_done(takes_part);
        return WEIR_OK;
    }
    from->items -= takes_part->items;
    weir_batch *part = weir_batch_part_off(from->batch, takes_part);
    weir_room_force(self->sender->room, 1, 0, part->bytes);
    end_rest(self, from, part);
    return WEIR_OK;
}

/* A batch of which all was refused was not delivered. `left` has the slices in the order of the batches. */
static void complete_remainders(weir_sender *sender, batch_list batches, const slices_left *left)
{
    const slice_left *at = left->items;
    weir_batch *batch;
    while ((batch = batch_list_pop(&batches))) {
        weir_outcome outcome = weir_outcome_delivered;
        uint64_t items = 0, told = 0;
        for (uint32_t i = 0; i < batch->slice_count; i++, at++) {
            items += at->slice->items;
            told += at->told;
        }
        if (told == items)
            outcome.kind = WEIR_REJECTED;
        complete(sender, batch, &outcome);
    }
}

/* What is to be sent once more takes the push's place, with its history. */
static void send_rests_again(weir_sender *sender, sender_push *push, const rests_again *again)
{
    uint64_t items_before = push->super.items;
    push->batches = again->batches;
    if (sender_push_recount(push)) {
        put_off(sender, push, &again->failure, push->super.items < items_before);
        return;
    }
    weir_backoff_succeeded(&sender->backoff);
    (void)sender_push_free(push);
}

/* The push stays, in no list, until its batches have ended: its partition must not go while sources are told. */
void weir_push_done_but(weir_push *done, weir_push_rest *takes_rests, size_t count)
{
    sender_push *push = WEIR_CONTAINER(done, struct sender_push, super);
    weir_sender *sender = push->sender;
    uint64_t items_left = push->super.items;
    batch_list batches = push->batches;
    WEIR_CLEANUP(slices_left_done) slices_left left = slices_of(batches, push->super.slice_count);
    rests_again again = {0};
    weir_error failure = {0};
    push->batches = (batch_list){0};
    push_list_remove(&sender->under_way, push);
    for (size_t i = 0; i < count; i++) {
        weir_push_rest *rest = &takes_rests[i];
        rest_ending ending = {sender, &left, rest, &again};
        items_left -= rest->slice.items;
        if (weir_error_is_retryable(&rest->error))
            failure = rest->error;
        (void)part_off(&ending, &rest->slice);
    }
    weir_sender_shared_report(sender->shared, &failure);
    weir_metric_add(sender->meters.sent, (int64_t)items_left);
    measure_speed(sender, items_left);
    complete_remainders(sender, batches, &left);
    send_rests_again(sender, push, &again);
    weir_sender_pump(sender);
}

void weir_push_cut(weir_push *done, const weir_error *error)
{
    sender_push *push = WEIR_CONTAINER(done, struct sender_push, super);
    weir_sender *sender = push->sender;
    push_list_remove(&sender->under_way, push);
    cut_and_send(sender, push, error);
    weir_sender_pump(sender);
}

void weir_push_put_off(weir_push *done, const weir_error *error)
{
    sender_push *push = WEIR_CONTAINER(done, struct sender_push, super);
    weir_sender *sender = push->sender;
    WEIR_ASSERT(weir_error_is_retryable(error));
    push_list_remove(&sender->under_way, push);
    weir_sender_shared_report(sender->shared, error);
    put_off(sender, push, error, false);
    weir_sender_pump(sender);
}

void weir_sender_report(weir_exporter *exporter, const weir_error *error)
{
    weir_sender *sender = weir_sender_window(exporter);
    weir_sender_shared_report(sender->shared, error ? error : &(weir_error){0});
    if (error)
        return;
    weir_backoff_succeeded(&sender->backoff);
    weir_sender_pump(sender);
}

void weir_push_done(weir_push *done, const weir_error *error)
{
    sender_push *push = WEIR_CONTAINER(done, struct sender_push, super);
    weir_sender *sender = push->sender;
    weir_error none = {0};
    if (!error)
        error = &none;
    push_list_remove(&sender->under_way, push);
    weir_sender_shared_report(sender->shared, error);
    switch (error->class_) {
    case WEIR_ERROR_NONE:
        delivered(sender, push, error);
        break;
    case WEIR_ERROR_RETRYABLE:
    case WEIR_ERROR_THROTTLED:
    case WEIR_ERROR_ENDPOINT:
        failed(sender, push, error);
        break;
    case WEIR_ERROR_TOO_LARGE:
        too_large(sender, push, error);
        break;
    case WEIR_ERROR_PERMANENT:
        refused(sender, push, error);
        break;
    }
    weir_sender_pump(sender);
}
