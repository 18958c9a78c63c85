/* SPDX-License-Identifier: Apache-2.0
 *
 * A sender over a fake loop and a backend that the test plays: pushes are kept until the test answers them, or are
 * answered at once by a function of the test. The backend remembers which spans it has taken.
 */
#ifndef TESTS_UNIT_EXPORTERS_SENDER_FIXTURE_H
#define TESTS_UNIT_EXPORTERS_SENDER_FIXTURE_H

#include "exporters/sender/sender.h"
#include "fake_loop.h"

enum { BENCH_PUSHES_MAX = 4096, BENCH_SPANS_MAX = 100000 };

/* Somebody who waits for a batch. */
typedef struct sender_source {
    weir_ack ack;
    unsigned completions;
    weir_outcome outcome;
} sender_source;

typedef struct sender_bench {
    fake_loop loop;
    weir_account account;
    weir_metrics *metrics;
    weir_host host;
    weir_worker worker;
    weir_sender_config config;
    weir_sender_shared *shared;
    weir_exporter *exporter;
    weir_push *open[BENCH_PUSHES_MAX]; /* under way, in the order sent */
    unsigned open_count;
    unsigned sent_count; /* pushes ever */
    unsigned cancelled_count;
    /* Answers a push at once if it is set and says so. */
    bool (*answer)(struct sender_bench *bench, const weir_push *push, weir_error *ret_error);
    uint32_t next_span;
    uint32_t poisoned_span;               /* for answers of the test */
    unsigned char taken[BENCH_SPANS_MAX]; /* how often the backend took a span */
} sender_bench;

/* The Collector's defaults, with weir's differences. */
weir_sender_config bench_config(void);
void bench_open(sender_bench *bench, weir_sender_config config, const weir_batch_shape *shape);
/* Asserts that nothing is held. */
void bench_close(sender_bench *bench);

sender_source *source_new(void);
/* A batch of one slice with `spans` new spans that `source` waits for until its deadline. */
weir_batch *bench_batch(sender_bench *bench, sender_source *source, uint32_t spans);
/* … of `slices` slices. */
weir_batch *bench_batch_of(sender_bench *bench, sender_source *source, uint32_t slices, uint32_t spans_each);
/* Makes it and hands it to the sender. */
sender_source *bench_offer(sender_bench *bench, uint32_t spans);

/* Answers the oldest push under way. */
void bench_deliver(sender_bench *bench);
void bench_fail(sender_bench *bench, weir_error_class class_, uint32_t retry_after_ms);
void bench_answer(sender_bench *bench, unsigned index, const weir_error *error);

weir_exporter_books bench_books(const sender_bench *bench);
/* The value of weir_exporter_…_items{reason}. */
int64_t bench_count(const sender_bench *bench, const char *name, const char *reason);
bool push_has_span(const weir_push *push, uint32_t number);

#endif
