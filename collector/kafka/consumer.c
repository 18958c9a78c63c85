/* SPDX-License-Identifier: Apache-2.0
 *
 * The consumer on librdkafka. The library has one queue of events for messages, rebalances, errors and answers; it wakes
 * the loop by an eventfd, and read_events takes them out in the order they came.
 *
 * On assignment the group's committed offsets are asked for first, all of them: so that the receiver can tell a partition
 * that is new from a group that is, and begin where it wants to. Meanwhile the library waits for rd_kafka_assign.
 *
 * A broker answers the requests of a connection one after the other, and a request to join only when all members have
 * sent theirs: seconds later. A commit behind it would arrive when the group is a generation further, which costs the
 * member all its partitions (librdkafka 2.0.2 takes them for lost). So nothing is committed between what makes the
 * library join again (a revocation, and with cooperation the assignment that ends it) and the next rebalance, for some
 * seconds at most: not every such assignment is followed by one.
 */
#include "kafka/consumer.h"

#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "kafka/client_conf.h"
#include "kafka/thread.h"
#include "telemetry/log.h"

enum {
    EVENTS_PER_TURN = 64,       /* then the loop has its turn */
    POLL_AT_LEAST_MS = 20000,   /* max.poll.interval.ms is above that by far */
    ASK_AGAIN_MS = 500,         /* for the committed offsets, after an error */
    ASK_TIMEOUT_MS = 10000,     /* for them to be answered */
    QUEUED_MESSAGES_MIN = 2000, /* held ready, as long as queued_bytes_max allows it */
    MAX_POLL_INTERVAL_MS = 300000,
    JOINING_MS_MAX = 5000,               /* above heartbeat_interval's default, within which all members hear of it */
    REFRESH_MS_MAX = 10000,              /* a topic that is not there yet is found so soon, and so are new partitions */
    DESTROY_S_MAX = 3,                   /* then the library is left behind */
    LIBRARY_MESSAGE_BYTES_MAX = 1000000, /* message.max.bytes, which fetch.max.bytes must not be below */
};

/* The library's client, shared with the messages that came from it: it ends with the last of them. */
typedef struct kafka_library {
    _Atomic uint32_t refs;
    char *id; /* the component's, for the library's log, which may outlive the component's configuration */
    weir_kafka_client client;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    char *cluster_id; /* NULL: not asked for yet; "": the brokers have none */
    int wake_fd;
} kafka_library;

typedef struct kafka_consumer {
    weir_kafka_consumer super;
    kafka_library *library;
    weir_kafka_consumer_handlers handlers;
    char *group_id;
    weir_watch *watch;
    weir_timer *turn; /* reads events: at once if there are more, later if there are none */
    weir_timer *ask_again;
    rd_kafka_topic_partition_list_t *assigning; /* given to this member, and committed offsets being asked for */
    rd_kafka_topic_partition_list_t *revoking;  /* until revoke_done */
    weir_loop *loop;
    uint64_t joining_until_ns; /* nothing is committed before; 0: it is not joining */
    bool joins_after_assign;   /* cooperation: the assignment that comes ends a revocation */
    bool is_held;
    bool is_closing;
    bool is_down;
} kafka_consumer;

typedef struct library_message {
    weir_kafka_message super;
    kafka_library *library;
    rd_kafka_event_t *event; /* owns all that `super` points to */
    const rd_kafka_message_t *message;
} library_message;

/* ---- the library, and messages ---- */

static void *run_destroy(void *argument)
{
    kafka_library *library = argument;
    if (library->rk)
        rd_kafka_destroy_flags(library->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    close(library->wake_fd);
    free(library->cluster_id);
    free(library->id);
    free(library);
    return NULL;
}

/* librdkafka 2.0.2 waits without end for the member of a group that once had partitions of a topic that was deleted. So
 * it is destroyed in a thread that is left behind if that takes too long: the process ends anyway. */
static void library_unref(kafka_library *library)
{
    if (atomic_fetch_sub_explicit(&library->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_t thread;
    if (!weir_kafka_thread_start(&thread, run_destroy, library)) {
        run_destroy(library);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DESTROY_S_MAX;
    if (pthread_timedjoin_np(thread, NULL, &until) != 0)
        pthread_detach(thread);
}

/* The brokers have told it before they can send a message. */
static weir_text cluster_id(kafka_library *library)
{
    if (!library->cluster_id) {
        char *told = rd_kafka_clusterid(library->rk, 0);
        library->cluster_id = weir_strdup(told ? told : "");
        rd_kafka_mem_free(library->rk, told);
    }
    return *library->cluster_id ? weir_text_of(library->cluster_id) : (weir_text){NULL, 0};
}

static bool message_header(const weir_kafka_message *super, size_t index, weir_kafka_header *ret_header)
{
    const library_message *message = WEIR_CONTAINER(super, const library_message, super);
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_header_get_all(headers, index, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *ret_header = (weir_kafka_header){.key = weir_text_of(name), .value = {value, value ? size : 0}};
    return true;
}

static void message_free(weir_kafka_message *super)
{
    library_message *message = WEIR_CONTAINER(super, library_message, super);
    rd_kafka_event_destroy(message->event);
    library_unref(message->library);
    free(message);
}

static const weir_kafka_message_ops message_ops = {.header = message_header, .free = message_free};

/* Takes the event. NULL if it holds no message. */
static weir_kafka_message *message_new(kafka_library *library, rd_kafka_event_t *takes_event)
{
    const rd_kafka_message_t *from = rd_kafka_event_message_next(takes_event);
    if (!from) {
        rd_kafka_event_destroy(takes_event);
        return NULL;
    }
    library_message *message = WEIR_NEW(library_message);
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(from, &type);
    *message = (library_message){
        .super = {.ops = &message_ops,
                  .cluster_id = cluster_id(library),
                  .topic = rd_kafka_topic_name(from->rkt),
                  .partition = from->partition,
                  .offset = from->offset,
                  .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms,
                  .key = {from->key, from->key ? from->key_len : 0},
                  .value = {from->payload, from->payload ? from->len : 0}},
        .library = library,
        .event = takes_event,
        .message = from,
    };
    atomic_fetch_add_explicit(&library->refs, 1, memory_order_relaxed);
    return &message->super;
}

/* ---- state ---- */

static void report_up(kafka_consumer *consumer)
{
    if (!consumer->is_down)
        return;
    consumer->is_down = false;
    consumer->handlers.on_state(consumer->handlers.user, true, NULL);
}

static void report_down(kafka_consumer *consumer, const weir_error *error)
{
    consumer->is_down = true;
    consumer->handlers.on_state(consumer->handlers.user, false, error);
}

/* The library's own retries mend what is not listed here, and its log tells of it. */
static bool is_worth_telling(rd_kafka_resp_err_t code, const weir_error *error)
{
    return code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED ||
           code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error->class_ == WEIR_ERROR_ENDPOINT;
}

static void take_error(kafka_consumer *consumer, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    rd_kafka_topic_partition_t *place = rd_kafka_event_topic_partition(event);
    if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF && place) {
        report_up(consumer);
        consumer->handlers.on_end(consumer->handlers.user, place->topic, place->partition, place->offset);
    } else if (code == RD_KAFKA_RESP_ERR__BAD_MSG && place) {
        consumer->handlers.on_damaged(consumer->handlers.user, place->topic, place->partition, place->offset,
                                      rd_kafka_event_error_string(event));
    } else if (code != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        weir_error error = {0};
        weir_kafka_error(code, "", rd_kafka_event_error_string(event), &error);
        if (rd_kafka_event_error_is_fatal(event))
            consumer->handlers.on_fatal(consumer->handlers.user, &error);
        else if (is_worth_telling(code, &error))
            report_down(consumer, &error);
    }
    if (place)
        rd_kafka_topic_partition_destroy(place);
}

/* ---- rebalances ---- */

static bool is_cooperative(const kafka_consumer *consumer)
{
    const char *protocol = rd_kafka_rebalance_protocol(consumer->library->rk);
    return protocol && strcmp(protocol, "COOPERATIVE") == 0;
}

static void log_failure(const kafka_consumer *consumer, const char *what, rd_kafka_error_t *takes_error)
{
    if (!takes_error)
        return;
    weir_log(WEIR_LOG_WARN, consumer->library->client.log.id, "%s error=\"%s\"", what,
             rd_kafka_error_string(takes_error));
    rd_kafka_error_destroy(takes_error);
}

static void begin_joining(kafka_consumer *consumer)
{
    consumer->joining_until_ns = weir_loop_now_ns(consumer->loop) + (uint64_t)JOINING_MS_MAX * 1000000;
}

/* NULL is fine for nothing. */
static void assign(kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_t *rk = consumer->library->rk;
    if (consumer->joins_after_assign)
        begin_joining(consumer);
    consumer->joins_after_assign = false;
    if (is_cooperative(consumer))
        log_failure(consumer, "partitions could not be taken", rd_kafka_incremental_assign(rk, partitions));
    else
        rd_kafka_assign(rk, partitions);
}

static void unassign(kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions, bool are_lost)
{
    rd_kafka_t *rk = consumer->library->rk;
    consumer->joins_after_assign = is_cooperative(consumer) && !are_lost;
    if (!consumer->joins_after_assign)
        begin_joining(consumer);
    if (is_cooperative(consumer))
        log_failure(consumer, "partitions could not be given up", rd_kafka_incremental_unassign(rk, partitions));
    else
        rd_kafka_assign(rk, NULL);
}

static void ask_for_committed(void *user)
{
    kafka_consumer *consumer = user;
    kafka_library *library = consumer->library;
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(library->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    char reason[200];
    rd_kafka_AdminOptions_set_request_timeout(options, ASK_TIMEOUT_MS, reason, sizeof reason);
    rd_kafka_ListConsumerGroupOffsets_t *all = rd_kafka_ListConsumerGroupOffsets_new(consumer->group_id, NULL);
    rd_kafka_ListConsumerGroupOffsets(library->rk, &all, 1, options, library->queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(all);
    rd_kafka_AdminOptions_destroy(options);
}

static void end_assigning(kafka_consumer *consumer)
{
    weir_timer_stop(consumer->ask_again);
    if (consumer->assigning)
        rd_kafka_topic_partition_list_destroy(WEIR_TAKE(consumer->assigning));
}

static int64_t committed_in(const rd_kafka_topic_partition_list_t *committed, const char *topic, int32_t partition)
{
    const rd_kafka_topic_partition_t *found = rd_kafka_topic_partition_list_find(committed, topic, partition);
    return found && found->offset >= 0 ? found->offset : -1;
}

static bool is_topic_in(const rd_kafka_topic_partition_list_t *committed, const char *topic)
{
    for (int i = 0; i < committed->cnt; i++)
        if (committed->elems[i].offset >= 0 && strcmp(committed->elems[i].topic, topic) == 0)
            return true;
    return false;
}

static void begin_at(kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *committed)
{
    rd_kafka_topic_partition_list_t *list = WEIR_TAKE(consumer->assigning);
    weir_kafka_assigned *partitions = weir_alloc((size_t)list->cnt + 1, sizeof *partitions);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *given = &list->elems[i];
        partitions[i] = (weir_kafka_assigned){.topic = given->topic,
                                              .partition = given->partition,
                                              .committed = committed_in(committed, given->topic, given->partition),
                                              .is_topic_started = is_topic_in(committed, given->topic),
                                              .start = WEIR_KAFKA_EARLIEST};
    }
    consumer->handlers.on_assigned(consumer->handlers.user, partitions, (size_t)list->cnt);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = partitions[i].start;
    assign(consumer, list);
    free(partitions);
    rd_kafka_topic_partition_list_destroy(list);
}

/* The answer to ask_for_committed. An error is asked again: to begin without knowing would lose or repeat. */
static void take_committed(kafka_consumer *consumer, rd_kafka_event_t *event)
{
    if (!consumer->assigning)
        return;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    const rd_kafka_topic_partition_list_t *committed = NULL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count = 0;
        const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
        WEIR_ASSERT(count == 1);
        const rd_kafka_error_t *error = rd_kafka_group_result_error(groups[0]);
        code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
        text = error ? rd_kafka_error_string(error) : NULL;
        committed = rd_kafka_group_result_partitions(groups[0]);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && committed) {
        report_up(consumer);
        begin_at(consumer, committed);
        return;
    }
    weir_error error = {0};
    weir_kafka_error(code, "the group's committed offsets cannot be read: ", text, &error);
    report_down(consumer, &error);
    weir_timer_start(consumer->ask_again, ASK_AGAIN_MS);
}

static void take_revocation(kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    bool are_lost = rd_kafka_assignment_lost(consumer->library->rk) != 0;
    weir_kafka_position *partitions = weir_alloc((size_t)list->cnt + 1, sizeof *partitions);
    for (int i = 0; i < list->cnt; i++)
        partitions[i] = (weir_kafka_position){.topic = list->elems[i].topic, .partition = list->elems[i].partition};
    WEIR_ASSERT(!consumer->revoking);
    if (!are_lost)
        consumer->revoking = rd_kafka_topic_partition_list_copy(list);
    consumer->handlers.on_revoked(consumer->handlers.user, partitions, (size_t)list->cnt, are_lost);
    if (are_lost)
        unassign(consumer, list, true);
    free(partitions);
}

static void take_rebalance(kafka_consumer *consumer, rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    end_assigning(consumer);
    consumer->joining_until_ns = 0;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        take_revocation(consumer, list);
    } else if (list->cnt == 0 || consumer->is_closing) {
        assign(consumer, list);
    } else {
        consumer->assigning = rd_kafka_topic_partition_list_copy(list);
        ask_for_committed(consumer);
    }
}

static void consumer_revoke_done(weir_kafka_consumer *super)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    if (!consumer->revoking)
        return;
    rd_kafka_topic_partition_list_t *list = WEIR_TAKE(consumer->revoking);
    unassign(consumer, list, false);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- events ---- */

static void take_commit_answer(kafka_consumer *consumer, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; list && i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        code = list->elems[i].err;
    weir_error error = {0};
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        report_up(consumer);
    else
        weir_kafka_error(code, "", NULL, &error);
    consumer->handlers.on_committed(consumer->handlers.user, code == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : &error);
}

static void take_event(kafka_consumer *consumer, rd_kafka_event_t *takes_event)
{
    switch (rd_kafka_event_type(takes_event)) {
    case RD_KAFKA_EVENT_FETCH: {
        weir_kafka_message *message = message_new(consumer->library, takes_event);
        report_up(consumer);
        if (message)
            consumer->handlers.on_message(consumer->handlers.user, message);
        return;
    }
    case RD_KAFKA_EVENT_REBALANCE:
        take_rebalance(consumer, takes_event);
        break;
    case RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT:
        take_committed(consumer, takes_event);
        break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        take_commit_answer(consumer, takes_event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        take_error(consumer, takes_event);
        break;
    default:
        weir_kafka_client_serve(&consumer->library->client, consumer->library->rk, takes_event);
        break;
    }
    rd_kafka_event_destroy(takes_event);
}

static void check_closed(kafka_consumer *consumer)
{
    if (!consumer->is_closing || !rd_kafka_consumer_closed(consumer->library->rk))
        return;
    consumer->is_closing = false;
    consumer->handlers.on_closed(consumer->handlers.user);
}

static void read_events(void *user)
{
    kafka_consumer *consumer = user;
    int left = EVENTS_PER_TURN;
    for (; left > 0 && !consumer->is_held; left--) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(consumer->library->queue, 0);
        if (!event)
            break;
        take_event(consumer, event);
    }
    if (!consumer->is_held)
        weir_timer_start(consumer->turn, left > 0 ? POLL_AT_LEAST_MS : 0);
    check_closed(consumer);
}

static void woken(void *user, unsigned events)
{
    (void)events;
    kafka_consumer *consumer = user;
    uint64_t count;
    if (read(consumer->library->wake_fd, &count, sizeof count) < 0)
        WEIR_ASSERT(errno == EAGAIN || errno == EINTR);
    read_events(consumer);
}

/* ---- the table ---- */

static void consumer_hold(weir_kafka_consumer *super, bool is_held)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    consumer->is_held = is_held;
    weir_watch_set(consumer->watch, is_held ? 0 : WEIR_SOCKET_READABLE);
    if (is_held)
        weir_timer_stop(consumer->turn);
    else
        weir_timer_start(consumer->turn, 0);
}

static rd_kafka_topic_partition_list_t *list_of(const weir_kafka_position *partitions, size_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, partitions[i].topic, partitions[i].partition)->offset =
            partitions[i].offset;
    return list;
}

static void consumer_pause(weir_kafka_consumer *super, const weir_kafka_position *partitions, size_t count,
                           bool is_paused)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    rd_kafka_topic_partition_list_t *list = list_of(partitions, count);
    if (is_paused)
        rd_kafka_pause_partitions(consumer->library->rk, list);
    else
        rd_kafka_resume_partitions(consumer->library->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

static weir_status consumer_commit(weir_kafka_consumer *super, const weir_kafka_position *offsets, size_t count)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    if (weir_loop_now_ns(consumer->loop) < consumer->joining_until_ns)
        return WEIR_AGAIN;
    rd_kafka_topic_partition_list_t *list = list_of(offsets, count);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(consumer->library->rk, list, consumer->library->queue, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? WEIR_OK : WEIR_AGAIN;
}

static bool consumer_watermarks(weir_kafka_consumer *super, const char *topic, int32_t partition, int64_t *ret_low,
                                int64_t *ret_high)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    int64_t low, high;
    if (rd_kafka_get_watermark_offsets(consumer->library->rk, topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        low < 0 || high < 0)
        return false;
    *ret_low = low;
    *ret_high = high;
    return true;
}

static void consumer_close(weir_kafka_consumer *super)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    consumer->is_closing = true;
    consumer_hold(super, false);
    if (consumer->assigning) {
        end_assigning(consumer);
        assign(consumer, NULL);
    }
    log_failure(consumer, "the group could not be left",
                rd_kafka_consumer_close_queue(consumer->library->rk, consumer->library->queue));
}

static void consumer_free(weir_kafka_consumer *super)
{
    kafka_consumer *consumer = WEIR_CONTAINER(super, kafka_consumer, super);
    kafka_library *library = consumer->library;
    weir_watch_free(consumer->watch);
    weir_timer_free(consumer->turn);
    weir_timer_free(consumer->ask_again);
    if (consumer->assigning)
        rd_kafka_topic_partition_list_destroy(consumer->assigning);
    if (consumer->revoking)
        rd_kafka_topic_partition_list_destroy(consumer->revoking);
    rd_kafka_queue_io_event_enable(library->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(library->queue);
    library_unref(library);
    free(consumer->group_id);
    free(consumer);
}

static const weir_kafka_consumer_ops consumer_ops = {
    .hold = consumer_hold,
    .pause = consumer_pause,
    .commit = consumer_commit,
    .watermarks = consumer_watermarks,
    .revoke_done = consumer_revoke_done,
    .close = consumer_close,
    .free = consumer_free,
};

/* ---- opening ---- */

typedef struct property {
    const char *name;
    const char *value; /* or NULL: `number` */
    uint64_t number;
} property;

static weir_status set_properties(rd_kafka_conf_t *conf, const weir_kafka_consumer_settings *settings,
                                  weir_error *ret_error)
{
    uint64_t fetch_max = settings->fetch_bytes_max;
    uint64_t session_ms = settings->session_timeout_ms;
    uint64_t refresh_ms = settings->client->metadata.refresh_interval_ms;
    const property properties[] = {
        {"group.id", settings->group_id, 0},
        {"group.instance.id", settings->group_instance_id ? settings->group_instance_id : "", 0},
        {"partition.assignment.strategy", settings->strategies, 0},
        {"topic.blacklist", settings->topics_left_out ? settings->topics_left_out : "", 0},
        {"session.timeout.ms", NULL, session_ms},
        {"heartbeat.interval.ms", NULL, settings->heartbeat_interval_ms},
        {"max.poll.interval.ms", NULL, session_ms > MAX_POLL_INTERVAL_MS ? session_ms : MAX_POLL_INTERVAL_MS},
        {"topic.metadata.refresh.interval.ms", NULL, refresh_ms < REFRESH_MS_MAX ? refresh_ms : REFRESH_MS_MAX},
        {"enable.auto.commit", "false", 0},
        {"enable.auto.offset.store", "false", 0},
        {"auto.offset.reset", "earliest", 0},
        {"enable.partition.eof", "true", 0},
        {"check.crcs", "true", 0},
        {"message.max.bytes", NULL, fetch_max < LIBRARY_MESSAGE_BYTES_MAX ? fetch_max : LIBRARY_MESSAGE_BYTES_MAX},
        {"fetch.min.bytes", NULL, settings->fetch_bytes_min},
        {"fetch.max.bytes", NULL, fetch_max},
        {"max.partition.fetch.bytes", NULL, settings->partition_fetch_bytes_max},
        {"fetch.wait.max.ms", NULL, settings->fetch_wait_ms},
        {"queued.min.messages", NULL, QUEUED_MESSAGES_MIN},
        {"queued.max.messages.kbytes", NULL, (settings->queued_bytes_max + 1023) / 1024},
    };
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < WEIR_COUNT_OF(properties) && status == WEIR_OK; i++) {
        const property *at = &properties[i];
        if (at->value && !*at->value)
            continue;
        status = at->value ? weir_kafka_conf_set(conf, at->name, at->value, ret_error)
                           : weir_kafka_conf_set_int(conf, at->name, (int64_t)at->number, ret_error);
    }
    return status;
}

static weir_status make_conf(kafka_library *library, const weir_kafka_consumer_settings *settings,
                             rd_kafka_conf_t **ret_conf, weir_error *ret_error)
{
    rd_kafka_conf_t *conf = NULL;
    weir_status status = weir_kafka_conf_new(&library->client, &conf, ret_error);
    if (status != WEIR_OK)
        return status;
    status = set_properties(conf, settings, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set_map(conf, settings->client, ret_error);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_events(conf, WEIR_KAFKA_CLIENT_EVENTS | RD_KAFKA_EVENT_REBALANCE);
    *ret_conf = conf;
    return WEIR_OK;
}

static weir_status subscribe(rd_kafka_t *rk, const weir_kafka_consumer_settings *settings, weir_error *ret_error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)settings->topic_count);
    for (size_t i = 0; i < settings->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, settings->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "the topics cannot be subscribed to: %s",
                          rd_kafka_err2str(code));
}

/* One queue for all events: of the group, its partitions and the client. */
static void gather_events(kafka_library *library)
{
    static const uint64_t one = 1;
    library->queue = rd_kafka_queue_new(library->rk);
    rd_kafka_poll_set_consumer(library->rk);
    rd_kafka_queue_t *of_group = rd_kafka_queue_get_consumer(library->rk);
    rd_kafka_queue_forward(of_group, library->queue);
    rd_kafka_queue_destroy(of_group);
    rd_kafka_queue_io_event_enable(library->queue, library->wake_fd, &one, sizeof one);
}

static weir_status open_library(const weir_worker *worker, const weir_kafka_consumer_settings *settings,
                                kafka_library **ret_library, weir_error *ret_error)
{
    kafka_library *library = WEIR_NEW(kafka_library);
    atomic_init(&library->refs, 1);
    library->id = weir_strdup(settings->id);
    library->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rd_kafka_conf_t *conf = NULL;
    weir_status status =
        library->wake_fd < 0
            ? weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_IO, "no file descriptor is left")
            : weir_kafka_client_init(&library->client, worker->host, library->id, settings->client, ret_error);
    if (status == WEIR_OK)
        status = make_conf(library, settings, &conf, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_client_new(&library->client, RD_KAFKA_CONSUMER, conf, &library->rk, ret_error);
    if (status == WEIR_OK) {
        gather_events(library);
        status = subscribe(library->rk, settings, ret_error);
    }
    if (status != WEIR_OK) {
        if (library->queue)
            rd_kafka_queue_destroy(library->queue);
        library_unref(library);
        return status;
    }
    *ret_library = library;
    return WEIR_OK;
}

weir_status weir_kafka_consumer_open(const weir_worker *worker, const weir_kafka_consumer_settings *settings,
                                     const weir_kafka_consumer_handlers *handlers, weir_kafka_consumer **ret_consumer,
                                     weir_error *ret_error)
{
    kafka_library *library = NULL;
    weir_status status = open_library(worker, settings, &library, ret_error);
    if (status != WEIR_OK)
        return status;
    kafka_consumer *consumer = WEIR_NEW(kafka_consumer);
    *consumer = (kafka_consumer){.super.ops = &consumer_ops,
                                 .library = library,
                                 .loop = worker->loop,
                                 .handlers = *handlers,
                                 .group_id = weir_strdup(settings->group_id)};
    consumer->watch = weir_watch_new(worker->loop, library->wake_fd, woken, consumer);
    WEIR_ASSERT(consumer->watch);
    consumer->turn = weir_timer_new(worker->loop, read_events, consumer);
    consumer->ask_again = weir_timer_new(worker->loop, ask_for_committed, consumer);
    consumer_hold(&consumer->super, false);
    *ret_consumer = &consumer->super;
    return WEIR_OK;
}
