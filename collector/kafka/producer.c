/* SPDX-License-Identifier: Apache-2.0
 *
 *     produce ─► flight ─► librdkafka ─► its queue ─► eventfd ─► on_wake ─► report_flight ─► on_report
 *
 * Everything here is on the loop's thread. One eventfd wakes it, for whatever there is: events of the library's in the
 * queue of a session, a query that was answered, a session that was destroyed. Nothing is polled.
 */
#include "kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/memory.h"
#include "kafka/query.h"
#include "kafka/session.h"
#include "telemetry/log.h"

enum {
    EVENTS_PER_TURN_MAX = 64, /* each may carry many reports; then others have their turn */
    ASK_AGAIN_FIRST_MS = 100,
    ASK_AGAIN_MAX_MS = 10 * 1000,
    UNREACHABLE_PAUSE_MS = 1000,
    REPLACE_PAUSE_MS = 2000,   /* between two replacements */
    TELL_AGAIN_MS = 10 * 1000, /* the same trouble is told once in so long */
    /* What the library allocates for a message beside what is borrowed, and for each header. */
    MESSAGE_COST = 512,
    HEADER_COST = 96,
    /* Threads, connections and their buffers; a request that is built, and one that is compressed, come on top. */
    LIBRARY_COST = 1024 * 1024,
};

/* A message that is with the library. */
typedef struct rd_flight {
    struct rd_flight *next, **link; /* the producer's list */
    weir_kafka_session *session;    /* NULL: the library has refused it, and `code` says why */
    rd_kafka_resp_err_t code;
    void *user;
    uint64_t start_ns;
    size_t cost;
} rd_flight;

typedef struct watched_topic {
    struct watched_topic *next;
    int32_t partitions; /* 0: not known yet */
    char name[];
} watched_topic;

typedef struct rd_producer {
    weir_kafka_producer super;
    const weir_worker *worker;
    weir_kafka_producer_settings settings;
    const weir_kafka_producer_handlers *handlers;
    weir_kafka_session *session;
    weir_kafka_session *retired;
    rd_flight *flights;
    rd_flight *refused; /* to be reported in the next turn */
    size_t reserved_bytes;

    int wake_fd;
    weir_watch *watch;

    watched_topic *topics;
    weir_kafka_query query;
    weir_kafka_session *query_session;
    weir_timer *ask_timer;
    uint64_t ask_again_ms;
    bool ask_when_done; /* something has changed while a query was running */

    bool is_up;
    bool has_been_up;
    rd_kafka_resp_err_t told_code; /* the trouble that on_state was last told … */
    uint64_t told_ns;              /* … and when */
    rd_kafka_resp_err_t why_code;  /* what the last connection that failed for a reason of its own failed for … */
    char why[200];                 /* … in words */
    uint64_t replacements;
    uint64_t replaced_ns; /* when the last of them was made */
    weir_timer *replace_timer;
} rd_producer;

static const weir_kafka_producer_ops producer_ops;

static uint64_t now_ns(const rd_producer *self)
{
    return weir_loop_now_ns(self->worker->loop);
}

static void wake(const rd_producer *self)
{
    eventfd_write(self->wake_fd, 1);
}

/* ---- whether brokers can be reached ---- */

static void tell(rd_producer *self, const weir_error *error)
{
    if (self->handlers->on_state)
        self->handlers->on_state(self->handlers->user, self->is_up, error);
}

static void brokers_answer(rd_producer *self)
{
    bool was_up = self->is_up;
    self->is_up = true;
    self->has_been_up = true;
    self->why_code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!was_up) {
        self->told_code = RD_KAFKA_RESP_ERR_NO_ERROR;
        tell(self, NULL);
    }
}

/* Trouble that goes on is not told at each attempt to connect. */
static void trouble(rd_producer *self, bool is_down, rd_kafka_resp_err_t code, const char *what, const char *detail)
{
    bool is_news = code != self->told_code || now_ns(self) - self->told_ns >= (uint64_t)TELL_AGAIN_MS * 1000000;
    bool was_up = self->is_up;
    self->is_up = self->is_up && !is_down;
    if (!is_news && was_up == self->is_up)
        return;
    self->told_code = code;
    self->told_ns = now_ns(self);
    weir_error error;
    weir_kafka_error(code, what, detail, &error);
    tell(self, &error);
}

/* A wrong password says more than that there is no connection. */
static void lose_brokers(rd_producer *self, const char *detail)
{
    if (self->why_code != RD_KAFKA_RESP_ERR_NO_ERROR)
        trouble(self, true, self->why_code, "no broker can be used: ", self->why);
    else
        trouble(self, true, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "no broker answers: ", detail);
}

/* ---- partitions ---- */

static void ask_in(rd_producer *self, uint64_t delay_ms)
{
    weir_timer_start(self->ask_timer, delay_ms);
}

static void ask(void *user)
{
    rd_producer *self = user;
    if (self->query.is_running) {
        self->ask_when_done = true;
        return;
    }
    weir_kafka_query_clear(&self->query);
    for (const watched_topic *topic = self->topics; topic; topic = topic->next)
        weir_kafka_query_add(&self->query, topic->name);
    self->ask_when_done = false;
    self->query_session = self->session;
    if (!weir_kafka_query_start(&self->query, self->session->rk, self->wake_fd))
        ask_in(self, ASK_AGAIN_MAX_MS);
}

/* Asked for out of turn; what goes wrong again and again is asked about less and less often. */
static void ask_soon(rd_producer *self)
{
    self->ask_again_ms = self->ask_again_ms ? self->ask_again_ms * 2 : ASK_AGAIN_FIRST_MS;
    if (self->ask_again_ms > ASK_AGAIN_MAX_MS)
        self->ask_again_ms = ASK_AGAIN_MAX_MS;
    ask_in(self, self->ask_again_ms);
}

static watched_topic *find_topic(const rd_producer *self, const char *name)
{
    for (watched_topic *topic = self->topics; topic; topic = topic->next)
        if (strcmp(topic->name, name) == 0)
            return topic;
    return NULL;
}

/* True if the number of its partitions is known. */
static bool take_answer(rd_producer *self, const weir_kafka_query_topic *answer)
{
    watched_topic *topic = find_topic(self, answer->name);
    WEIR_ASSERT(topic);
    if (answer->partitions > 0) {
        bool has_changed = topic->partitions != answer->partitions;
        topic->partitions = answer->partitions;
        if (has_changed)
            self->handlers->on_partitions(self->handlers->user, topic->name, topic->partitions);
        return true;
    }
    /* One that was made just now is the brokers' business; it is told if it stays so. */
    bool is_new =
        answer->error == RD_KAFKA_RESP_ERR_NO_ERROR || answer->error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    if (!is_new || self->ask_again_ms >= ASK_AGAIN_MAX_MS) {
        WEIR_FREE char *what = weir_format("topic %s: ", topic->name);
        trouble(self, false, is_new ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE : answer->error, what, NULL);
    }
    return false;
}

static void finish_query(rd_producer *self)
{
    weir_kafka_query_join(&self->query);
    self->query_session = NULL;
    bool is_reachable = self->query.error == RD_KAFKA_RESP_ERR_NO_ERROR;
    bool knows_all = is_reachable;
    if (is_reachable) {
        brokers_answer(self);
        for (size_t i = 0; i < self->query.topic_count; i++)
            knows_all &= take_answer(self, &self->query.topics[i]);
    } else {
        trouble(self, true, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                "no broker answers: ", rd_kafka_err2str(self->query.error));
    }
    if (!is_reachable) {
        ask_in(self, UNREACHABLE_PAUSE_MS); /* the query itself waits for a broker to come back */
    } else if (self->ask_when_done) {
        ask_in(self, 0);
    } else if (!knows_all) {
        ask_soon(self);
    } else {
        self->ask_again_ms = 0;
        ask_in(self, self->settings.client->metadata.refresh_interval_ms);
    }
}

static int32_t rd_partitions(weir_kafka_producer *producer, const char *name)
{
    rd_producer *self = WEIR_CONTAINER(producer, rd_producer, super);
    const watched_topic *found = find_topic(self, name);
    if (found)
        return found->partitions;
    size_t size = strlen(name) + 1;
    watched_topic *topic = weir_alloc(1, sizeof *topic + size);
    memcpy(topic->name, name, size);
    topic->next = self->topics;
    self->topics = topic;
    self->ask_when_done = true; /* a query is running, or its answers are being told: finish_query sees to it */
    if (!self->query.is_running)
        ask_in(self, 0);
    return 0;
}

/* ---- messages out ---- */

static size_t cost_of(const weir_kafka_record *record)
{
    size_t cost = MESSAGE_COST + record->header_count * HEADER_COST;
    for (size_t i = 0; i < record->header_count; i++)
        cost += record->headers[i].key.len + record->headers[i].value.len;
    return cost;
}

static rd_kafka_headers_t *headers_of(const weir_kafka_record *record)
{
    if (record->header_count == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const weir_kafka_header *header = &record->headers[i];
        rd_kafka_header_add(headers, header->key.data, (ssize_t)header->key.len, header->value.data,
                            (ssize_t)header->value.len);
    }
    return headers;
}

/* One attempt; the library takes the headers if it succeeds. Messages without RD_KAFKA_MSG_F_COPY are borrowed. */
static rd_kafka_resp_err_t hand_over(rd_producer *self, const weir_kafka_record *record, rd_flight *flight)
{
    rd_kafka_headers_t *headers = headers_of(record);
    rd_kafka_vu_t parts[7] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition < 0 ? RD_KAFKA_PARTITION_UA : record->partition},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)record->value.data, record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)record->key.data, record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = flight},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(self->session->rk, parts, headers ? 7 : 6);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && headers)
        rd_kafka_headers_destroy(headers);
    return code;
}

static void link_flight(rd_flight *flight, rd_flight **list)
{
    flight->next = *list;
    flight->link = list;
    if (flight->next)
        flight->next->link = &flight->next;
    *list = flight;
}

static void unlink_flight(rd_flight *flight)
{
    *flight->link = flight->next;
    if (flight->next)
        flight->next->link = flight->link;
}

static void free_flight(rd_producer *self, rd_flight *flight)
{
    unlink_flight(flight);
    weir_account_release(self->worker->host->account, flight->cost);
    free(flight);
}

static weir_status rd_produce(weir_kafka_producer *producer, const weir_kafka_record *record, weir_error *ret_error)
{
    rd_producer *self = WEIR_CONTAINER(producer, rd_producer, super);
    rd_flight *flight = WEIR_NEW(rd_flight);
    flight->user = record->user;
    flight->start_ns = now_ns(self);
    rd_kafka_resp_err_t code = hand_over(self, record, flight);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL || code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        free(flight);
        bool is_full = code == RD_KAFKA_RESP_ERR__QUEUE_FULL;
        return weir_error_set(ret_error, is_full ? WEIR_ERROR_RETRYABLE : WEIR_ERROR_TOO_LARGE,
                              is_full ? WEIR_AGAIN : WEIR_TOO_LARGE, "topic %s: %s", record->topic,
                              is_full ? "as many messages are under way as may be"
                                      : "the message is larger than producer.max_message_bytes");
    }
    flight->cost = cost_of(record);
    weir_account_force(self->worker->host->account, flight->cost);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        flight->session = self->session;
        flight->session->in_flight++;
        link_flight(flight, &self->flights);
    } else { /* a partition that is gone, or the library has ended: reported like everything else */
        flight->code = code;
        link_flight(flight, &self->refused);
        wake(self);
    }
    return WEIR_OK;
}

/* ---- reports in ---- */

static bool says_unknown_partition(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

/* librdkafka takes all messages before one that was acknowledged for acknowledged too, for a broker takes a producer's
 * sequence numbers in order only. It does not in a partition that knows nothing of the producer yet: there it takes any
 * number to begin with, and what was refused just before, while the partition was being made, is lost. Such messages
 * have no offset. They are sent again, also those that the broker has after all. */
static bool is_in_doubt(const rd_producer *self, rd_kafka_resp_err_t code, const rd_kafka_message_t *message)
{
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset < 0 && self->settings.required_acks != 0;
}

static void set_error(weir_error *error, rd_kafka_resp_err_t code, const rd_kafka_message_t *message)
{
    char what[128] = "";
    if (message && message->rkt)
        snprintf(what, sizeof what, "topic %s, partition %d: ", rd_kafka_topic_name(message->rkt),
                 (int)message->partition);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        weir_error_set(error, WEIR_ERROR_RETRYABLE, WEIR_AGAIN, "%sno broker has said where the message is", what);
    else
        weir_kafka_error(code, what, NULL, error);
}

/* Takes the flight. `message` is NULL if the library has refused it. */
static void report_flight(rd_producer *self, rd_flight *flight, rd_kafka_resp_err_t code,
                          const rd_kafka_message_t *message)
{
    weir_error error;
    weir_kafka_report report = {.user = flight->user,
                                .is_unknown_partition = says_unknown_partition(code),
                                .partition = message ? message->partition : -1,
                                .offset = message && message->offset >= 0 ? message->offset : -1,
                                .latency_ns = now_ns(self) - flight->start_ns};
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || is_in_doubt(self, code, message)) {
        set_error(&error, code, message);
        report.error = &error;
    }
    free_flight(self, flight);
    if (report.is_unknown_partition)
        ask_soon(self);
    self->handlers->on_report(self->handlers->user, &report);
}

static void report_refused(rd_producer *self)
{
    rd_flight *flight = self->refused;
    self->refused = NULL;
    if (flight)
        flight->link = &flight;
    while (flight)
        report_flight(self, flight, flight->code, NULL);
}

static void take_reports(rd_producer *self, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
        rd_flight *flight = message->_private;
        WEIR_ASSERT(flight->session->in_flight > 0);
        flight->session->in_flight--;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            brokers_answer(self);
        report_flight(self, flight, message->err, message);
    }
}

/* ---- trouble ---- */

static void replace_session(void *user);

/* The library gives up for good, which it does at some disconnects too: it cannot tell what became of a request. What
 * was with it comes back as retryable; the slices' ids tell its readers what they have already. Trouble that would end
 * the next one as well (a user that may not write idempotently) is told, and looked at again after a pause. */
static void end_session(rd_producer *self)
{
    char reason[200] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(self->session->rk, reason, sizeof reason);
    weir_log(WEIR_LOG_ERROR, self->settings.id,
             "librdkafka has ended its producer, another takes its messages: %s messages=%llu replacements=%llu",
             reason, (unsigned long long)self->session->in_flight, (unsigned long long)self->replacements);
    trouble(self, false, code, "", reason);
    weir_kafka_session_retire(self->session);
    uint64_t since_ns = now_ns(self) - self->replaced_ns;
    bool is_first = self->replacements == 0 || since_ns >= (uint64_t)REPLACE_PAUSE_MS * 1000000;
    if (is_first)
        replace_session(self);
    else
        weir_timer_start(self->replace_timer, REPLACE_PAUSE_MS);
}

static void replace_session(void *user)
{
    rd_producer *self = user;
    weir_error error;
    weir_kafka_session *fresh;
    if (weir_kafka_session_open(self->worker->host, &self->settings, self->wake_fd, &fresh, &error) != WEIR_OK) {
        /* A certificate that has gone since the start, say. The old one refuses everything, which is repeated. */
        weir_log(WEIR_LOG_ERROR, self->settings.id, "no producer could be opened, which is tried again: %s",
                 error.text);
        weir_timer_start(self->replace_timer, REPLACE_PAUSE_MS);
        return;
    }
    self->replacements++;
    self->replaced_ns = now_ns(self);
    self->session->next = self->retired;
    self->retired = self->session;
    self->session = fresh;
    wake(self); /* if nothing was in flight, nobody else would */
}

/* The last connection was lost. With nothing to send that may be because nobody needed it. */
static void all_brokers_down(rd_producer *self, const char *detail)
{
    if (!self->has_been_up || self->session->in_flight > 0)
        lose_brokers(self, detail);
    self->ask_again_ms = 0;
    ask_soon(self);
}

static void one_broker_fails(rd_producer *self, rd_kafka_resp_err_t code, const char *detail)
{
    self->why_code = code;
    snprintf(self->why, sizeof self->why, "%s", detail);
    trouble(self, false, code, "", detail);
}

static void take_error(rd_producer *self, weir_kafka_session *session, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *detail = rd_kafka_event_error_string(event);
    if (session->is_retired)
        return;
    if (code == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event))
        end_session(self);
    else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        all_brokers_down(self, detail);
    else if (code != RD_KAFKA_RESP_ERR__TRANSPORT) /* one broker, which the others stand in for; it is in the log */
        one_broker_fails(self, code, detail);
}

/* ---- the loop ---- */

static void take_event(rd_producer *self, weir_kafka_session *session, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
        take_reports(self, event);
    else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
        take_error(self, session, event);
    else
        weir_kafka_client_serve(&session->client, session->rk, event);
    rd_kafka_event_destroy(event);
}

/* False if there is more than one turn's worth. */
static bool take_events(rd_producer *self, weir_kafka_session *session)
{
    for (int i = 0; i < EVENTS_PER_TURN_MAX; i++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(session->queue, 0);
        if (!event)
            return true;
        take_event(self, session, event);
    }
    return false;
}

/* Retired sessions give back their messages, then end in a thread of their own. */
static bool serve_retired(rd_producer *self)
{
    bool is_all = true;
    for (weir_kafka_session **at = &self->retired; *at;) {
        weir_kafka_session *session = *at;
        if (atomic_load(&session->is_destroyed)) {
            *at = session->next;
            weir_kafka_session_free(session);
            continue;
        }
        if (!session->is_buried) {
            is_all &= take_events(self, session);
            if (session->in_flight == 0 && session != self->query_session)
                weir_kafka_session_bury(session);
        }
        at = &session->next;
    }
    return is_all;
}

static void on_wake(void *user, unsigned events)
{
    (void)events;
    rd_producer *self = user;
    eventfd_t count;
    eventfd_read(self->wake_fd, &count);
    report_refused(self);
    bool is_all = take_events(self, self->session);
    if (self->query.is_running && atomic_load(&self->query.is_done))
        finish_query(self);
    is_all &= serve_retired(self);
    if (!is_all)
        wake(self);
}

/* ---- life ---- */

static bool rd_is_up(const weir_kafka_producer *producer)
{
    return WEIR_CONTAINER(producer, rd_producer, super)->is_up;
}

weir_status weir_kafka_producer_check(const weir_kafka_producer_settings *settings, weir_error *ret_error)
{
    weir_kafka_client client = {.config = settings->client};
    rd_kafka_conf_t *conf;
    weir_status status = weir_kafka_session_conf(&client, settings, &conf, ret_error);
    if (status == WEIR_OK)
        rd_kafka_conf_destroy(conf);
    return status;
}

/* What is admitted must be able to leave: the library's working memory is taken out of the account beforehand. */
static void reserve(rd_producer *self)
{
    const weir_kafka_producer_settings *settings = &self->settings;
    uint64_t working_bytes = settings->working_bytes ? settings->working_bytes : 2 * settings->message_bytes_max;
    self->reserved_bytes = LIBRARY_COST + (size_t)working_bytes;
    weir_account_force(self->worker->host->account, self->reserved_bytes);
}

weir_status weir_kafka_producer_open(const weir_worker *worker, const weir_kafka_producer_settings *settings,
                                     const weir_kafka_producer_handlers *handlers, weir_kafka_producer **ret_producer,
                                     weir_error *ret_error)
{
    rd_producer *self = WEIR_NEW(rd_producer);
    self->super.ops = &producer_ops;
    self->worker = worker;
    self->settings = *settings;
    self->handlers = handlers;
    self->is_up = true;
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    weir_status status = WEIR_OK;
    if (self->wake_fd < 0)
        status = weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "no descriptor for a Kafka producer: %m");
    if (status == WEIR_OK)
        status = weir_kafka_session_open(worker->host, &self->settings, self->wake_fd, &self->session, ret_error);
    if (status != WEIR_OK) {
        if (self->wake_fd >= 0)
            close(self->wake_fd);
        free(self);
        return status;
    }
    self->watch = weir_watch_new(worker->loop, self->wake_fd, on_wake, self);
    WEIR_ASSERT(self->watch);
    weir_watch_set(self->watch, WEIR_SOCKET_READABLE);
    self->ask_timer = weir_timer_new(worker->loop, ask, self);
    self->replace_timer = weir_timer_new(worker->loop, replace_session, self);
    reserve(self);
    wake(self); /* for what the library asked while it was opened: nobody was listening yet */
    *ret_producer = &self->super;
    return WEIR_OK;
}

static void free_flights(rd_producer *self)
{
    while (self->flights)
        free_flight(self, self->flights);
    while (self->refused)
        free_flight(self, self->refused);
}

static void rd_free(weir_kafka_producer *producer)
{
    rd_producer *self = WEIR_CONTAINER(producer, rd_producer, super);
    weir_watch_free(self->watch);
    weir_timer_free(self->ask_timer);
    weir_timer_free(self->replace_timer);
    weir_kafka_query_join(&self->query);
    weir_kafka_query_clear(&self->query);
    while (self->retired) {
        weir_kafka_session *session = self->retired;
        self->retired = session->next;
        weir_kafka_session_free(session);
    }
    weir_kafka_session_free(self->session);
    free_flights(self);
    while (self->topics) {
        watched_topic *topic = self->topics;
        self->topics = topic->next;
        free(topic);
    }
    weir_account_release(self->worker->host->account, self->reserved_bytes);
    close(self->wake_fd);
    free(self);
}

static const weir_kafka_producer_ops producer_ops = {
    .produce = rd_produce,
    .partitions = rd_partitions,
    .is_up = rd_is_up,
    .free = rd_free,
};
