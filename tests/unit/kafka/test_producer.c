/* SPDX-License-Identifier: Apache-2.0
 *
 * The producer against librdkafka's mock cluster: reports, partitions, errors, a library that ends, brokers that go and
 * come back, bounds, and what is given back at the end.
 */
#include <criterion/criterion.h>

#include "core/memory.h"
#include "kafka/producer.h"
#include "mock_kafka.h"

enum { STEP_MS = 5, GUARD_MS = 30 * 1000, RECORDS_MAX = 64 };

/* ---- fixture ---- */

typedef struct outcome {
    int reports;
    bool is_delivered;
    weir_error error;
    weir_kafka_report report; /* the last; its error is not to be looked at */
} outcome;

typedef struct fixture {
    mock_kafka mock;
    weir_account account;
    weir_host host;
    weir_worker worker;
    weir_kafka_client_config client;
    weir_kafka_producer_settings settings;
    weir_kafka_producer_handlers handlers;
    weir_kafka_producer *producer;
    outcome outcomes[RECORDS_MAX];
    int reports, delivered;
    int32_t partitions;
    int partitions_told;
    bool is_up;
    int states_told, downs_told, troubles_told;
    weir_error trouble;
    char *brokers[1];
    uint64_t waited_ms;
    bool (*is_done)(struct fixture *);
    weir_timer *step;
} fixture;

static void on_report(void *user, const weir_kafka_report *report)
{
    (void)user;
    outcome *at = report->user;
    at->reports++;
    at->is_delivered = !report->error;
    at->report = *report;
    if (report->error)
        at->error = *report->error;
}

static void on_partitions(void *user, const char *topic, int32_t partitions)
{
    fixture *self = user;
    cr_assert_str_eq(topic, "spans");
    self->partitions = partitions;
    self->partitions_told++;
}

static void on_state(void *user, bool is_up, const weir_error *error)
{
    fixture *self = user;
    self->is_up = is_up;
    self->states_told++;
    self->downs_told += !is_up;
    self->troubles_told += error != NULL;
    if (error)
        self->trouble = *error;
}

static void open_producer(fixture *self)
{
    weir_error error;
    cr_assert_eq(weir_kafka_producer_open(&self->worker, &self->settings, &self->handlers, &self->producer, &error),
                 WEIR_OK, "%s", error.text);
}

/* Tests change the settings before open_producer. */
static void prepare(fixture *self, int brokers)
{
    *self = (fixture){.is_up = true};
    mock_kafka_open(&self->mock, brokers);
    mock_kafka_topic(&self->mock, "spans", 6);
    weir_account_init(&self->account, (size_t)1 << 30, (size_t)1 << 30);
    self->host = (weir_host){.account = &self->account};
    self->worker = (weir_worker){.loop = weir_loop_new_uv(), .host = &self->host};
    self->brokers[0] = (char *)(uintptr_t)self->mock.brokers;
    self->client = (weir_kafka_client_config){.brokers = {self->brokers, 1},
                                              .client_id = (char *)(uintptr_t) "test",
                                              .conn_idle_timeout_ms = 60 * 1000,
                                              .metadata = {.refresh_interval_ms = 60 * 1000}};
    self->settings = (weir_kafka_producer_settings){.client = &self->client,
                                                    .id = "kafka/test",
                                                    .required_acks = -1,
                                                    .compression_level = -1,
                                                    .message_bytes_max = 100000,
                                                    .linger_ms = 1,
                                                    .messages_per_request_max = 1000,
                                                    .request_timeout_ms = 5000,
                                                    .buffer_bytes_max = 1024 * 1024,
                                                    .allow_auto_topic_creation = true};
    self->handlers = (weir_kafka_producer_handlers){on_report, on_partitions, on_state, self};
}

static void finish(fixture *self)
{
    weir_kafka_producer_free(self->producer);
    cr_expect_eq(weir_account_used(&self->account), 0, "the account was given back what was taken");
    weir_loop_free(self->worker.loop);
    mock_kafka_close(&self->mock);
}

static void count_outcomes(fixture *self)
{
    self->reports = self->delivered = 0;
    for (int i = 0; i < RECORDS_MAX; i++) {
        self->reports += self->outcomes[i].reports;
        self->delivered += self->outcomes[i].is_delivered;
    }
}

static void on_step(void *user)
{
    fixture *self = user;
    count_outcomes(self);
    self->waited_ms += STEP_MS;
    cr_assert_lt(self->waited_ms, GUARD_MS, "the scenario did not end in time");
    if (self->is_done(self))
        weir_loop_stop(self->worker.loop);
    else
        weir_timer_start(self->step, STEP_MS);
}

static void run_until(fixture *self, bool (*is_done)(fixture *))
{
    self->is_done = is_done;
    self->waited_ms = 0;
    self->step = weir_timer_new(self->worker.loop, on_step, self);
    weir_timer_start(self->step, STEP_MS);
    weir_loop_run(self->worker.loop);
    weir_timer_free(self->step);
}

static weir_status produce(fixture *self, int index, const char *value, size_t len, weir_error *ret_error)
{
    static const weir_kafka_header header = {{"name", 4}, {(const uint8_t *)"value", 5}};
    self->outcomes[index] = (outcome){0};
    const weir_kafka_record record = {.topic = "spans",
                                      .partition = index % 6,
                                      .value = {(const uint8_t *)value, len},
                                      .headers = &header,
                                      .header_count = 1,
                                      .user = &self->outcomes[index]};
    return weir_kafka_produce(self->producer, &record, ret_error);
}

static void produce_ok(fixture *self, int index)
{
    weir_error error;
    cr_assert_eq(produce(self, index, "hello", 5, &error), WEIR_OK, "%s", error.text);
}

static bool one_report(fixture *self)
{
    return self->reports == 1;
}
static bool is_down(fixture *self)
{
    return !self->is_up;
}
static bool is_up_again(fixture *self)
{
    return self->is_up && self->downs_told > 0;
}
static bool knows_partitions(fixture *self)
{
    return self->partitions > 0;
}

/* ---- delivery ---- */

static bool all_delivered(fixture *self)
{
    return self->delivered == 12;
}

Test(kafka_producer, reports_what_was_acknowledged)
{
    fixture self;
    prepare(&self, 3);
    open_producer(&self);
    for (int i = 0; i < 12; i++)
        produce_ok(&self, i);
    cr_expect_eq(self.outcomes[0].reports, 0, "never from inside produce");
    run_until(&self, all_delivered);
    for (int i = 0; i < 12; i++) {
        cr_expect_eq(self.outcomes[i].reports, 1);
        cr_expect_eq(self.outcomes[i].report.partition, i % 6);
        cr_expect_eq(self.outcomes[i].report.offset, i / 6);
        cr_expect_gt(self.outcomes[i].report.latency_ns, 0);
    }
    finish(&self);
}

/* ---- tokens ---- */

static int tokens_fetched;

static weir_status no_token(weir_client_auth *self, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error)
{
    (void)self, (void)metadata, (void)headers;
    tokens_fetched++;
    return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_DENIED, "the test has none");
}

static weir_client_auth token_source = {.decorate = no_token};

static weir_client_auth *lend_token_source(const weir_host *host, const char *id, weir_error *ret_error)
{
    (void)host, (void)id, (void)ret_error;
    return &token_source;
}

static bool has_asked_for_a_token(fixture *self)
{
    (void)self;
    return tokens_fetched > 0;
}

/* The library asks while it is being opened, before anybody listens; and nothing is produced that would wake anyone. */
Test(kafka_producer, gives_the_library_its_token_at_once)
{
    fixture self;
    weir_kafka_sasl sasl = {.mechanism = WEIR_KAFKA_OAUTHBEARER,
                            .oauthbearer_token_source = (char *)(uintptr_t) "bearertokenauth"};
    prepare(&self, 1);
    self.client.auth.sasl = &sasl;
    self.host.client_auth = lend_token_source;
    open_producer(&self);
    run_until(&self, has_asked_for_a_token);
    cr_assert_lt(self.waited_ms, 1000);
    finish(&self);
}

Test(kafka_producer, delivers_without_acknowledgement)
{
    fixture self;
    prepare(&self, 1);
    self.settings.required_acks = 0;
    open_producer(&self);
    produce_ok(&self, 0);
    run_until(&self, one_report);
    cr_expect(self.outcomes[0].is_delivered);
    finish(&self);
}

/* ---- partitions ---- */

Test(kafka_producer, learns_the_number_of_partitions)
{
    fixture self;
    prepare(&self, 1);
    open_producer(&self);
    cr_expect_eq(weir_kafka_partitions(self.producer, "spans"), 0);
    run_until(&self, knows_partitions);
    cr_expect_eq(self.partitions, 6);
    cr_expect_eq(self.partitions_told, 1);
    cr_expect_eq(weir_kafka_partitions(self.producer, "spans"), 6);
    finish(&self);
}

static bool told_trouble(fixture *self)
{
    return self->troubles_told > 0;
}

/* As an exporter does whose push has waited for the first topic only to find that it needs a second. */
static void on_partitions_ask_on(void *user, const char *topic, int32_t partitions)
{
    fixture *self = user;
    if (strcmp(topic, "spans") == 0)
        weir_kafka_partitions(self->producer, "more");
    else
        self->partitions = partitions;
}

Test(kafka_producer, learns_of_a_topic_that_is_named_while_another_is_told)
{
    fixture self;
    prepare(&self, 1);
    mock_kafka_topic(&self.mock, "more", 4);
    self.handlers.on_partitions = on_partitions_ask_on;
    open_producer(&self);
    weir_kafka_partitions(self.producer, "spans");
    run_until(&self, knows_partitions);
    cr_expect_eq(self.partitions, 4);
    finish(&self);
}

Test(kafka_producer, says_that_a_topic_is_not_there)
{
    fixture self;
    prepare(&self, 1);
    open_producer(&self);
    rd_kafka_mock_topic_set_error(self.mock.cluster, "spans", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    weir_kafka_partitions(self.producer, "spans");
    run_until(&self, told_trouble);
    cr_expect_eq(self.trouble.class_, WEIR_ERROR_ENDPOINT);
    cr_expect(strstr(self.trouble.text, "topic spans"), "%s", self.trouble.text);
    cr_expect(self.is_up, "the brokers are there");
    rd_kafka_mock_topic_set_error(self.mock.cluster, "spans", RD_KAFKA_RESP_ERR_NO_ERROR);
    run_until(&self, knows_partitions);
    finish(&self);
}

/* ---- errors ---- */

static void expect_class(rd_kafka_resp_err_t code, weir_error_class class_, bool is_unknown_partition)
{
    fixture self;
    prepare(&self, 1);
    open_producer(&self);
    rd_kafka_mock_push_request_errors(self.mock.cluster, MOCK_PRODUCE, 1, code);
    produce_ok(&self, 0);
    run_until(&self, one_report);
    cr_expect_not(self.outcomes[0].is_delivered, "%s", rd_kafka_err2name(code));
    cr_expect_eq(self.outcomes[0].error.class_, class_, "%s: %s", rd_kafka_err2name(code), self.outcomes[0].error.text);
    cr_expect_eq(self.outcomes[0].report.is_unknown_partition, is_unknown_partition);
    finish(&self);
}

Test(kafka_producer, tells_what_an_error_means)
{
    expect_class(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, WEIR_ERROR_TOO_LARGE, false);
    expect_class(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, WEIR_ERROR_ENDPOINT, false);
    expect_class(RD_KAFKA_RESP_ERR_INVALID_RECORD, WEIR_ERROR_ENDPOINT, false);
}

static bool is_delivered(fixture *self)
{
    return self->delivered == 1;
}

/* The library repeats these on its own. */
Test(kafka_producer, waits_out_what_passes)
{
    fixture self;
    prepare(&self, 1);
    open_producer(&self);
    rd_kafka_mock_push_request_errors(self.mock.cluster, MOCK_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR__TRANSPORT);
    produce_ok(&self, 0);
    run_until(&self, is_delivered);
    cr_expect_eq(self.outcomes[0].reports, 1);
    finish(&self);
}

/* ---- a library that ends ---- */

static bool one_step(fixture *self)
{
    (void)self;
    return true;
}

static bool both_reported(fixture *self)
{
    return self->reports == 2;
}

/* Two requests under way to one partition: the first is refused, the second acknowledged. */
Test(kafka_producer, does_not_take_the_librarys_conclusion_for_an_acknowledgement)
{
    fixture self;
    prepare(&self, 1);
    open_producer(&self);
    produce_ok(&self, 6);
    run_until(&self, one_report);
    rd_kafka_mock_broker_set_rtt(self.mock.cluster, 1, 300);
    rd_kafka_mock_push_request_errors(self.mock.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    produce_ok(&self, 0);
    run_until(&self, one_step);
    produce_ok(&self, 6);
    run_until(&self, both_reported);
    cr_expect_not(self.outcomes[0].is_delivered, "no broker has said so");
    cr_expect_eq(self.outcomes[0].error.class_, WEIR_ERROR_RETRYABLE);
    cr_expect(self.outcomes[6].is_delivered);
    finish(&self);
}

Test(kafka_producer, survives_a_fatal_error)
{
    fixture self;
    prepare(&self, 1);
    rd_kafka_mock_push_request_errors(self.mock.cluster, MOCK_INIT_PRODUCER_ID, 1,
                                      RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    open_producer(&self);
    produce_ok(&self, 0);
    run_until(&self, one_report);
    cr_expect_not(self.outcomes[0].is_delivered);
    cr_expect(weir_error_is_retryable(&self.outcomes[0].error), "%s", self.outcomes[0].error.text);
    cr_expect_eq(self.troubles_told, 1);
    cr_expect_eq(self.trouble.class_, WEIR_ERROR_ENDPOINT, "%s", self.trouble.text);
    produce_ok(&self, 0);
    run_until(&self, one_report);
    cr_expect(self.outcomes[0].is_delivered, "%s", self.outcomes[0].error.text);
    finish(&self);
}

/* Every new producer ends as well: there is a pause between them, and all the while records come back. */
Test(kafka_producer, does_not_spin_on_fatal_errors)
{
    fixture self;
    prepare(&self, 1);
    rd_kafka_resp_err_t denied = RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    rd_kafka_mock_push_request_errors(self.mock.cluster, MOCK_INIT_PRODUCER_ID, 3, denied, denied, denied);
    open_producer(&self);
    int attempts = 0;
    do {
        produce_ok(&self, 0);
        run_until(&self, one_report);
        cr_expect(self.outcomes[0].is_delivered || weir_error_is_retryable(&self.outcomes[0].error));
        cr_assert_lt(++attempts, 2000);
    } while (!self.outcomes[0].is_delivered);
    cr_expect_gt(attempts, 2);
    finish(&self);
}

/* ---- brokers that go ---- */

Test(kafka_producer, keeps_messages_while_brokers_are_away)
{
    fixture self;
    prepare(&self, 2);
    open_producer(&self);
    produce_ok(&self, 0);
    run_until(&self, is_delivered);
    mock_kafka_all_down(&self.mock);
    produce_ok(&self, 1);
    run_until(&self, is_down);
    cr_expect_not(weir_kafka_producer_is_up(self.producer));
    cr_expect_eq(self.outcomes[1].reports, 0, "a message does not time out");
    mock_kafka_all_up(&self.mock);
    run_until(&self, is_up_again);
    self.outcomes[0] = (outcome){0};
    run_until(&self, is_delivered);
    cr_expect_eq(self.outcomes[1].reports, 1);
    finish(&self);
}

Test(kafka_producer, learns_without_traffic_that_brokers_are_back)
{
    fixture self;
    prepare(&self, 1);
    mock_kafka_all_down(&self.mock);
    open_producer(&self);
    run_until(&self, is_down);
    cr_expect(weir_error_is_retryable(&self.trouble));
    mock_kafka_all_up(&self.mock);
    run_until(&self, is_up_again);
    finish(&self);
}

/* ---- bounds ---- */

Test(kafka_producer, takes_no_more_than_its_buffer)
{
    static char value[60000];
    fixture self;
    weir_error error;
    prepare(&self, 1);
    self.settings.buffer_bytes_max = 128 * 1024;
    mock_kafka_all_down(&self.mock);
    open_producer(&self);
    size_t before = weir_account_used(&self.account);
    int taken = 0;
    weir_status status;
    while ((status = produce(&self, taken, value, sizeof value, &error)) == WEIR_OK)
        cr_assert_lt(++taken, 10);
    cr_expect_eq(status, WEIR_AGAIN);
    cr_expect_eq(taken, 2);
    cr_expect_gt(weir_account_used(&self.account), before, "what the library adds is charged");
    cr_expect_lt(weir_account_used(&self.account), before + 2 * 4096, "what it borrows is not");
    finish(&self);
    for (int i = 0; i < RECORDS_MAX; i++)
        cr_expect_eq(self.outcomes[i].reports, 0, "nothing is reported by free");
}

Test(kafka_producer, refuses_what_is_too_large)
{
    static char value[100001];
    fixture self;
    weir_error error;
    prepare(&self, 1);
    open_producer(&self);
    cr_expect_eq(produce(&self, 0, value, sizeof value, &error), WEIR_TOO_LARGE);
    cr_expect_eq(error.class_, WEIR_ERROR_TOO_LARGE);
    finish(&self);
}

/* ---- settings ---- */

/* Forty days, which the library cannot count in milliseconds. */
Test(kafka_producer, takes_a_time_that_is_too_long_for_the_library)
{
    fixture self;
    weir_error error;
    prepare(&self, 1);
    self.settings.message_timeout_ms = (uint64_t)40 * 24 * 3600 * 1000;
    cr_assert_eq(weir_kafka_producer_check(&self.settings, &error), WEIR_OK, "%s", error.text);
    finish(&self);
}

Test(kafka_producer, checks_settings_without_opening_anything)
{
    fixture self;
    weir_error error;
    prepare(&self, 1);
    cr_expect_eq(weir_kafka_producer_check(&self.settings, &error), WEIR_OK);
    self.settings.message_bytes_max = 10;
    cr_expect_eq(weir_kafka_producer_check(&self.settings, &error), WEIR_INVALID);
    cr_expect(strstr(error.text, "producer.max_message_bytes"), "%s", error.text);
    cr_expect_eq(weir_kafka_producer_open(&self.worker, &self.settings, &self.handlers, &self.producer, &error),
                 WEIR_INVALID);
    finish(&self);
}
