/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/send.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "core/memory.h"
#include "demo/client.h"
#include "demo/options.h"
#include "demo/random.h"
#include "demo/shop.h"

enum {
    VISITS_AT_ONCE_MAX = WEIR_DEMO_EXCHANGE_MAX / WEIR_SHOP_EXPORTS_MAX,
    REPORT_EVERY_MS = 5000,
    BACKOFF_FIRST_MS = 100,
    BACKOFF_MAX_MS = 5000,
    BEHIND_MAX_MS = 1000, /* after a longer pause the missed visits are not made up for */
};

/* Spans or log records; indexed by weir_shop_signal in demo_sender. */
typedef struct demo_totals {
    uint64_t sent;
    uint64_t refused;
    uint64_t failed;
} demo_totals;

typedef struct demo_sender {
    weir_demo_options options;
    weir_shop *shop;
    weir_demo_client client;
    weir_demo_random random; /* spreads the retries of several senders */
    int signal_fd;           /* readable once SIGINT or SIGTERM came */
    bool is_stopping;
    demo_totals totals[WEIR_SHOP_SIGNALS];
    uint64_t repeated; /* exports sent more than once */
    uint64_t start_ms;
    uint64_t reported_ms;
    uint64_t backoff_ms;                  /* the next wait without advice from the server */
    char complaint[WEIR_ERROR_TEXT_SIZE]; /* what was printed last */
} demo_sender;

/* The visits being delivered, and their exports that have no final outcome yet. */
typedef struct demo_delivery {
    size_t visit_count;
    weir_shop_visit visits[VISITS_AT_ONCE_MAX];
    size_t open_count;
    const weir_shop_export *open[WEIR_DEMO_EXCHANGE_MAX];
    weir_demo_outcome outcomes[WEIR_DEMO_EXCHANGE_MAX];
} demo_delivery;

/* ---- what a person sees ---------------------------------------------------------------------------------------- */

static void print_totals(const demo_sender *sender)
{
    const demo_totals *spans = &sender->totals[WEIR_SHOP_TRACES], *logs = &sender->totals[WEIR_SHOP_LOGS];
    printf("%7.1f s  sent %" PRIu64 " spans %" PRIu64 " logs, refused %" PRIu64 " spans %" PRIu64
           " logs, failed %" PRIu64 " spans %" PRIu64 " logs, repeated %" PRIu64 " requests\n",
           (double)(weir_demo_clock_ms() - sender->start_ms) / 1000, spans->sent, logs->sent, spans->refused,
           logs->refused, spans->failed, logs->failed, sender->repeated);
    fflush(stdout);
}

static void report_when_due(demo_sender *sender)
{
    uint64_t now_ms = weir_demo_clock_ms();
    if (sender->options.is_quiet || now_ms - sender->reported_ms < REPORT_EVERY_MS)
        return;
    sender->reported_ms = now_ms;
    print_totals(sender);
}

/* Words of a server must not steer the terminal: control characters, and bytes that are not UTF-8, become '?'. */
static void make_printable(char *text)
{
    bool is_utf8 = weir_utf8_valid((const uint8_t *)text, strlen(text));
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8))
            *text = '?';
    }
}

/* Says what is wrong, once until something else is. */
static void complain(demo_sender *sender, const char *text)
{
    char printable[WEIR_ERROR_TEXT_SIZE];
    snprintf(printable, sizeof(printable), "%s", text);
    make_printable(printable);
    if (strcmp(sender->complaint, printable) == 0)
        return;
    memcpy(sender->complaint, printable, sizeof(printable));
    fprintf(stderr, "weir send: %s\n", printable);
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

/* Waits, reports meanwhile, and returns early when told to stop. Zero only looks. */
static void wait_or_stop(demo_sender *sender, uint64_t wait_ms)
{
    uint64_t end_ms = weir_demo_clock_ms() + wait_ms;
    while (!sender->is_stopping) {
        report_when_due(sender);
        uint64_t now_ms = weir_demo_clock_ms();
        uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
        struct pollfd stop = {.fd = sender->signal_fd, .events = POLLIN};
        if (poll(&stop, 1, (int)(left_ms < REPORT_EVERY_MS / 5 ? left_ms : REPORT_EVERY_MS / 5)) > 0)
            sender->is_stopping = true;
        if (left_ms == 0)
            return;
    }
}

/* Doubles from try to try; between half and all of it, so that many senders do not come back together. */
static uint64_t next_backoff_ms(demo_sender *sender)
{
    uint64_t wait_ms = weir_demo_random_range(&sender->random, sender->backoff_ms / 2, sender->backoff_ms);
    sender->backoff_ms = sender->backoff_ms * 2 < BACKOFF_MAX_MS ? sender->backoff_ms * 2 : BACKOFF_MAX_MS;
    return wait_ms;
}

/* ---- delivering ------------------------------------------------------------------------------------------------ */

/* Later, and only that: for a demo a wrong address or a service the server does not have is final for the export. */
static bool is_to_be_repeated(const weir_demo_outcome *outcome)
{
    return outcome->class_ == WEIR_ERROR_RETRYABLE || outcome->class_ == WEIR_ERROR_THROTTLED;
}

static bool was_answered(const weir_demo_outcome *outcome)
{
    return outcome->status != WEIR_CLOSED;
}

static void book(demo_sender *sender, const weir_shop_export *export, const weir_demo_outcome *outcome)
{
    demo_totals *totals = &sender->totals[export->signal];
    if (outcome->class_ != WEIR_ERROR_NONE) {
        totals->refused += export->items;
        complain(sender, outcome->text);
        return;
    }
    uint64_t rejected = outcome->rejected_items < export->items ? outcome->rejected_items : export->items;
    totals->refused += rejected;
    totals->sent += export->items - rejected;
    if (outcome->text[0])
        complain(sender, outcome->text);
}

/* What one exchange came to, besides the totals. */
typedef struct demo_progress {
    size_t final_count;      /* exports that need no other try */
    bool is_asked_to_wait;   /* some answer said "later" */
    uint32_t retry_after_ms; /* the longest delay an answer named */
} demo_progress;

/* Books what is final and keeps the rest in `delivery->open`. */
static demo_progress sort_outcomes(demo_sender *sender, demo_delivery *delivery)
{
    demo_progress progress = {0};
    size_t kept = 0;
    for (size_t i = 0; i < delivery->open_count; i++) {
        const weir_demo_outcome *outcome = &delivery->outcomes[i];
        if (!is_to_be_repeated(outcome)) {
            book(sender, delivery->open[i], outcome);
            progress.final_count++;
            continue;
        }
        delivery->open[kept++] = delivery->open[i];
        if (!was_answered(outcome))
            continue;
        progress.is_asked_to_wait = true;
        if (outcome->retry_after_ms > progress.retry_after_ms)
            progress.retry_after_ms = outcome->retry_after_ms;
        complain(sender, outcome->text);
    }
    delivery->open_count = kept;
    return progress;
}

/* One try for all that is open. Returns how long to wait before the next one. */
static uint64_t try_once(demo_sender *sender, demo_delivery *delivery)
{
    weir_error error;
    weir_status status =
        weir_demo_client_exchange(&sender->client, delivery->open, delivery->open_count, delivery->outcomes, &error);
    demo_progress progress = sort_outcomes(sender, delivery);
    if (progress.final_count > 0)
        sender->backoff_ms = BACKOFF_FIRST_MS;
    if (delivery->open_count == 0)
        return 0;
    if (progress.retry_after_ms > 0)
        return progress.retry_after_ms;
    if (progress.is_asked_to_wait)
        return next_backoff_ms(sender);
    /* The rest was never answered. A server that closes a connection after some answers may do so. */
    if (progress.final_count > 0)
        return 0;
    if (status != WEIR_OK)
        complain(sender, error.text);
    return next_backoff_ms(sender);
}

static void give_up(demo_sender *sender, demo_delivery *delivery)
{
    for (size_t i = 0; i < delivery->open_count; i++)
        sender->totals[delivery->open[i]->signal].failed += delivery->open[i]->items;
    delivery->open_count = 0;
}

static void deliver(demo_sender *sender, demo_delivery *delivery)
{
    while (delivery->open_count > 0) {
        wait_or_stop(sender, try_once(sender, delivery));
        if (sender->is_stopping)
            give_up(sender, delivery);
        sender->repeated += delivery->open_count;
    }
}

/* ---- visits ---------------------------------------------------------------------------------------------------- */

static uint64_t wall_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void make_visits(demo_sender *sender, size_t count, demo_delivery *delivery)
{
    delivery->visit_count = count;
    delivery->open_count = 0;
    for (size_t v = 0; v < count; v++) {
        weir_shop_visit *visit = &delivery->visits[v];
        weir_shop_next(sender->shop, wall_clock_ns(), visit);
        for (size_t e = 0; e < visit->export_count; e++)
            delivery->open[delivery->open_count++] = &visit->exports[e];
    }
}

static void free_visits(demo_delivery *delivery)
{
    for (size_t v = 0; v < delivery->visit_count; v++)
        weir_shop_visit_done(&delivery->visits[v]);
}

/* When visits come: number n at start + n / rate. */
typedef struct demo_schedule {
    double every_ms; /* 0: at once */
    double next_ms;
} demo_schedule;

/* How many visits are due now, up to `max`; waits for the first one. Zero when told to stop. */
static size_t wait_for_visits(demo_sender *sender, demo_schedule *schedule, size_t max)
{
    wait_or_stop(sender, 0);
    if (sender->is_stopping || schedule->every_ms <= 0)
        return sender->is_stopping ? 0 : max;
    double now_ms = (double)weir_demo_clock_ms();
    if (schedule->next_ms > now_ms) {
        wait_or_stop(sender, (uint64_t)(schedule->next_ms - now_ms + 0.999));
        now_ms = (double)weir_demo_clock_ms();
    } else if (schedule->next_ms < now_ms - BEHIND_MAX_MS) {
        schedule->next_ms = now_ms;
    }
    size_t due = 0;
    while (!sender->is_stopping && due < max && schedule->next_ms <= now_ms) {
        schedule->next_ms += schedule->every_ms;
        due++;
    }
    return due;
}

static void run(demo_sender *sender)
{
    demo_delivery *delivery = WEIR_NEW(demo_delivery);
    const double rate = sender->options.rate;
    demo_schedule schedule = {.every_ms = rate > 0 ? 1000 / rate : 0, .next_ms = (double)sender->start_ms};
    uint64_t left = sender->options.visits;
    while (left > 0 && !sender->is_stopping) {
        size_t max = left < VISITS_AT_ONCE_MAX ? (size_t)left : VISITS_AT_ONCE_MAX;
        size_t count = wait_for_visits(sender, &schedule, max);
        make_visits(sender, count, delivery);
        deliver(sender, delivery);
        free_visits(delivery);
        left -= count;
    }
    free(delivery);
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

/* From here on SIGINT and SIGTERM wait in the descriptor until somebody looks: what is in flight is finished first. */
static int signals_as_descriptor(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool is_all_delivered(const demo_sender *sender)
{
    for (int signal = 0; signal < WEIR_SHOP_SIGNALS; signal++) {
        if (sender->totals[signal].refused > 0 || sender->totals[signal].failed > 0)
            return false;
    }
    return true;
}

static int send_with(const weir_demo_options *options)
{
    demo_sender sender = {
        .options = *options,
        .random = {options->seed},
        .signal_fd = signals_as_descriptor(),
        .start_ms = weir_demo_clock_ms(),
        .reported_ms = weir_demo_clock_ms(),
        .backoff_ms = BACKOFF_FIRST_MS,
    };
    if (sender.signal_fd < 0) {
        fprintf(stderr, "weir send: signals cannot be waited for: %s\n", strerror(errno));
        return 1;
    }
    sender.shop = weir_shop_new(options->seed);
    weir_demo_client_init(&sender.client, options->protocol, &options->endpoint);
    if (!options->is_quiet) {
        printf("sending to %s by %s, seed %" PRIu64 "; Ctrl-C ends it\n", sender.client.authority,
               options->protocol->name, options->seed);
        fflush(stdout);
    }
    run(&sender);
    print_totals(&sender);
    weir_demo_client_done(&sender.client);
    weir_shop_free(sender.shop);
    close(sender.signal_fd);
    return sender.is_stopping || is_all_delivered(&sender) ? 0 : 1;
}

int weir_send_main(int argc, char **argv)
{
    weir_demo_options options;
    switch (weir_demo_options_parse(argc, argv, &options)) {
    case WEIR_DEMO_RUN:
        return send_with(&options);
    case WEIR_DEMO_HELP:
        return 0;
    case WEIR_DEMO_WRONG:
        break;
    }
    return 2;
}
