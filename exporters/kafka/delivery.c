/* SPDX-License-Identifier: Apache-2.0 */
#include "core/assert.h"
#include "exporters/kafka/internal.h"
#include "telemetry/log.h"

enum {
    BLOCKED_MS = 100,      /* when the library is full and no report comes that would tell of room */
    DRAIN_AGAIN_MS = 250,  /* at the end nothing is put off for long */
    REFUSED_MS_MIN = 1000, /* what clients are told while no broker can be reached: as long as that has lasted */
    REFUSED_MS_MAX = 30 * 1000,
};

static const uint64_t ns_per_ms = 1000000;

static weir_loop *loop_of(const kafka_exporter *exporter)
{
    return exporter->writer->worker->loop;
}

static const weir_sender_retry_config *retry_of(const kafka_exporter *exporter)
{
    return &exporter->writer->shared->config->sender.retry;
}

static const char *id_of(const kafka_exporter *exporter)
{
    return exporter->writer->shared->id;
}

/* ---- queues ---- */

static void queue_append(kafka_message_queue *queue, kafka_message *message)
{
    message->queue_next = NULL;
    if (queue->tail)
        queue->tail->queue_next = message;
    else
        queue->head = message;
    queue->tail = message;
}

static kafka_message *queue_pop(kafka_message_queue *queue)
{
    kafka_message *message = queue->head;
    if (!message)
        return NULL;
    queue->head = message->queue_next;
    if (!queue->head)
        queue->tail = NULL;
    return message;
}

void kafka_queue_message(kafka_exporter *exporter, kafka_message *message)
{
    message->place = KAFKA_UNSENT;
    queue_append(&exporter->unsent, message);
}

static void queue_again(kafka_exporter *exporter, kafka_message *message)
{
    message->place = KAFKA_AGAIN;
    queue_append(&exporter->again, message);
}

static void drop_messages_of(kafka_message_queue *queue, const kafka_request *request)
{
    kafka_message_queue all = *queue;
    *queue = (kafka_message_queue){0};
    for (kafka_message *message; (message = queue_pop(&all));) {
        if (message->request != request)
            queue_append(queue, message);
    }
}

void kafka_unqueue_messages(kafka_exporter *exporter, const kafka_request *request)
{
    drop_messages_of(&exporter->unsent, request);
    drop_messages_of(&exporter->again, request);
    drop_messages_of(&exporter->held, request);
}

/* ---- what was not acknowledged ---- */

static bool has_expired(const kafka_exporter *exporter, const kafka_message *message, uint64_t next_attempt_ns)
{
    const weir_sender_retry_config *retry = retry_of(exporter);
    uint64_t elapsed_max_ns = retry->max_elapsed_time_ms * ns_per_ms;
    return !retry->enabled || (elapsed_max_ns > 0 && next_attempt_ns > message->request->started_ns + elapsed_max_ns);
}

static void log_failure(const kafka_exporter *exporter, const kafka_message *message, const weir_error *error,
                        uint64_t delay_ms)
{
    if (error->class_ == WEIR_ERROR_ENDPOINT)
        weir_log(WEIR_LOG_ERROR, id_of(exporter),
                 "the topic cannot be written: check it and the rights on it topic=%s error=\"%s\" retry_ms=%llu",
                 message->topic->name, error->text, (unsigned long long)delay_ms);
    else
        weir_log(WEIR_LOG_WARN, id_of(exporter),
                 "a message was not delivered topic=%s partition=%d error=\"%s\" retry_ms=%llu", message->topic->name,
                 message->partition, error->text, (unsigned long long)delay_ms);
}

static void send_again(kafka_exporter *exporter, kafka_message *message, const weir_error *error)
{
    uint64_t now = weir_loop_now_ns(loop_of(exporter));
    uint64_t delay_ms = weir_backoff_failed(&exporter->backoff, now, message->round, error->retry_after_ms);
    if (exporter->is_draining) {
        delay_ms = DRAIN_AGAIN_MS;
        exporter->backoff.until_ns = now + delay_ms * ns_per_ms;
    }
    log_failure(exporter, message, error, delay_ms);
    if (has_expired(exporter, message, now + delay_ms * ns_per_ms)) {
        kafka_request_rest(message->request, message, error);
        return;
    }
    queue_again(exporter, message);
    weir_sender_report(exporter->sender, error);
}

static void cut(kafka_exporter *exporter, kafka_message *message, const weir_error *error)
{
    weir_error no_memory = {0};
    weir_status status = kafka_request_cut(message->request, message);
    if (status == WEIR_NO_MEMORY) {
        weir_error_set(&no_memory, WEIR_ERROR_RETRYABLE, status, "no memory to cut a message that is too large");
        send_again(exporter, message, &no_memory);
    } else if (status != WEIR_OK) {
        kafka_request_rest(message->request, message, error);
    }
}

/* Only of a message that was alone it is known that it is too large by itself. */
static void too_large(kafka_exporter *exporter, kafka_message *message, const weir_error *error)
{
    message->topic->is_narrow = true;
    if (!message->is_alone)
        kafka_queue_message(exporter, message);
    else
        cut(exporter, message, error);
}

static void failed(kafka_exporter *exporter, kafka_message *message, const weir_error *error)
{
    if (weir_error_is_retryable(error))
        send_again(exporter, message, error);
    else if (error->class_ == WEIR_ERROR_TOO_LARGE)
        too_large(exporter, message, error);
    else
        kafka_request_rest(message->request, message, error);
}

void kafka_reported(kafka_exporter *exporter, kafka_message *message, const weir_kafka_report *report)
{
    message->is_misplaced = report->error && report->is_unknown_partition;
    exporter->is_blocked = false;
    if (report->error) {
        failed(exporter, message, report->error);
        return;
    }
    weir_backoff_succeeded(&exporter->backoff);
    kafka_request_acknowledged(message->request, message);
}

/* ---- sending ---- */

static void scatter_requests(kafka_exporter *exporter)
{
    kafka_request *next;
    for (kafka_request *request = exporter->requests; request && exporter->unscattered > 0; request = next) {
        next = request->next;
        if (!request->is_scattered)
            kafka_request_scatter(request);
    }
}

static weir_status produce(kafka_exporter *exporter, kafka_message *message, weir_error *ret_error)
{
    const kafka_request *request = message->request;
    const weir_kafka_record record = {
        .topic = message->topic->name,
        .partition = message->partition,
        .key = request->key,
        .value = message->value,
        .headers = message->headers,
        .header_count = message->header_count,
        .user = message,
    };
    message->round = exporter->backoff.round;
    return weir_kafka_produce(exporter->writer->producer, &record, ret_error);
}

static bool is_held(const kafka_message *message)
{
    return message->topic->is_narrow && message->topic->flying > 0;
}

static bool send_elsewhere(kafka_exporter *exporter, kafka_message *message)
{
    if (!message->is_misplaced || exporter->rule == KAFKA_SPREAD)
        return false;
    if (!kafka_request_scatter_again(message->request, message))
        queue_again(exporter, message);
    return true;
}

/* False if the library has no room. The library's word on a message's size counts; it should never differ from ours. */
static bool send_one(kafka_exporter *exporter, kafka_message *message)
{
    weir_error error = {0};
    message->is_alone = message->topic->is_narrow;
    weir_status status = produce(exporter, message, &error);
    if (status == WEIR_AGAIN)
        return false;
    if (status == WEIR_OK) {
        message->place = KAFKA_FLYING;
        message->topic->flying++;
        return true;
    }
    message->is_alone = true;
    if (status == WEIR_TOO_LARGE)
        error.class_ = WEIR_ERROR_TOO_LARGE;
    failed(exporter, message, &error);
    return true;
}

/* Back in front of the queue. */
static void return_held(kafka_exporter *exporter)
{
    kafka_message_queue rest = exporter->unsent;
    exporter->unsent = exporter->held;
    exporter->held = (kafka_message_queue){0};
    for (kafka_message *message; (message = queue_pop(&rest));)
        queue_append(&exporter->unsent, message);
}

static void send_unsent(kafka_exporter *exporter)
{
    kafka_message *message;
    while (!exporter->is_blocked && (message = queue_pop(&exporter->unsent))) {
        if (is_held(message)) {
            queue_append(&exporter->held, message);
        } else if (!send_elsewhere(exporter, message) && !send_one(exporter, message)) {
            queue_append(&exporter->held, message);
            exporter->is_blocked = true;
        }
    }
    if (exporter->held.head)
        return_held(exporter);
}

static void release_again(kafka_exporter *exporter)
{
    for (kafka_message *message; (message = queue_pop(&exporter->again));)
        kafka_queue_message(exporter, message);
}

/* ---- when to look again ---- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void set_timer(kafka_exporter *exporter)
{
    uint64_t now = weir_loop_now_ns(loop_of(exporter));
    uint64_t delay_ms = UINT64_MAX;
    if (exporter->again.head)
        delay_ms = weir_backoff_left_ms(&exporter->backoff, now) + 1;
    if (exporter->unscattered > 0)
        delay_ms = sooner(delay_ms, exporter->writer->shared->config->sender.timeout_ms);
    if (exporter->is_blocked)
        delay_ms = sooner(delay_ms, BLOCKED_MS);
    if (delay_ms < UINT64_MAX)
        weir_timer_start(exporter->timer, delay_ms);
    else
        weir_timer_stop(exporter->timer);
}

void kafka_look_again(void *user)
{
    kafka_exporter *exporter = user;
    exporter->is_blocked = false;
    if (weir_backoff_left_ms(&exporter->backoff, weir_loop_now_ns(loop_of(exporter))) == 0)
        release_again(exporter);
    kafka_advance(exporter);
}

void kafka_advance(kafka_exporter *exporter)
{
    exporter->advance_again = true;
    if (exporter->is_advancing)
        return;
    exporter->is_advancing = true;
    while (exporter->advance_again) {
        exporter->advance_again = false;
        if (exporter->unscattered > 0)
            scatter_requests(exporter);
        send_unsent(exporter);
    }
    exporter->is_advancing = false;
    set_timer(exporter);
}

void kafka_partitions_known(kafka_exporter *exporter, const char *topic)
{
    kafka_message_queue waiting = exporter->again;
    exporter->again = (kafka_message_queue){0};
    for (kafka_message *message; (message = queue_pop(&waiting));) {
        if (message->is_misplaced && strcmp(message->topic->name, topic) == 0)
            kafka_queue_message(exporter, message);
        else
            queue_again(exporter, message);
    }
    kafka_advance(exporter);
}

/* ---- the sender's calls ---- */

/* True if the sources get back what they have: at the end, with no broker at hand. */
static bool gives_back(const kafka_exporter *exporter)
{
    return exporter->is_draining && !kafka_writer_is_up(exporter->writer);
}

static void unreachable(const kafka_exporter *exporter, weir_error *ret_error)
{
    weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_CLOSED, "no broker of exporter %s can be reached: %.150s",
                   id_of(exporter), exporter->writer->down_error.text);
}

static void kafka_push(void *self, weir_push *push)
{
    kafka_exporter *exporter = self;
    if (push->items == 0) {
        weir_push_done(push, NULL);
        return;
    }
    if (gives_back(exporter)) {
        weir_error error;
        unreachable(exporter, &error);
        weir_push_done(push, &error);
        return;
    }
    (void)kafka_request_new(exporter, push);
    kafka_advance(exporter);
}

static void kafka_cancel(void *self, weir_push *push)
{
    (void)self;
    kafka_request_detach(push->user);
}

const weir_sender_ops kafka_sender_ops = {.push = kafka_push, .cancel = kafka_cancel};

/* What the library has may still be delivered: then it is there twice, once more by its source. */
static void give_back(kafka_exporter *exporter)
{
    weir_error error;
    unreachable(exporter, &error);
    while (exporter->requests) {
        weir_push *push = exporter->requests->push;
        kafka_request_detach(exporter->requests);
        weir_push_done(push, &error);
    }
}

void kafka_drain(weir_exporter *self)
{
    kafka_exporter *exporter = weir_sender_exporter(self);
    exporter->is_draining = true;
    weir_backoff_succeeded(&exporter->backoff);
    release_again(exporter);
    kafka_advance(exporter);
    exporter->sender_drain(self);
    if (gives_back(exporter))
        give_back(exporter);
}

bool kafka_reserve(weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error)
{
    kafka_exporter *exporter = weir_sender_exporter(self);
    const kafka_writer *writer = exporter->writer;
    if (kafka_writer_is_up(writer))
        return exporter->sender_reserve(self, items, bytes, ret_error);
    uint64_t down_ms = (weir_loop_now_ns(writer->worker->loop) - writer->down_since_ns) / ns_per_ms;
    unreachable(exporter, ret_error);
    ret_error->retry_after_ms = down_ms < REFUSED_MS_MIN   ? REFUSED_MS_MIN
                                : down_ms > REFUSED_MS_MAX ? REFUSED_MS_MAX
                                                           : (uint32_t)down_ms;
    weir_metric_add(exporter->enqueue_failed, (int64_t)items);
    return false;
}

void kafka_state_changed(kafka_exporter *exporter, const weir_error *error)
{
    weir_exporter *sender = exporter->sender;
    weir_sender_report(sender, error);
    kafka_advance(exporter);
    /* Who was made to wait (block_on_overflow) when there was no broker waits for this. */
    if (!error && sender->blocks_on_overflow && sender->on_room)
        sender->on_room(sender->on_room_user);
    if (gives_back(exporter))
        give_back(exporter);
}
