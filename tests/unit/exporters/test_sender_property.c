/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender under random scripts: random settings, batches, answers of every class, sources that stop waiting, time.
 * After each step the books balance; at the end every source has heard exactly once, what was said to be delivered
 * was taken, and nothing is held.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "exporters/sender/internal.h"
#include "telemetry/log.h"
#include "sender_fixture.h"

enum { SCRIPTS = 300, STEPS = 200, SOURCES_MAX = STEPS };

static sender_bench lab;
static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

/* A source with the spans it has given. */
typedef struct test_witness {
    sender_source *source;
    uint32_t first, count;
    bool is_answered_by_queue; /* wait_for_result: false: the answer says nothing about delivery */
} test_witness;

static test_witness witnesses[SOURCES_MAX];
static unsigned witness_count;

static weir_sender_config random_config(void)
{
    weir_sender_config config = bench_config();
    config.queue.num_consumers = 1 + random_below(4);
    config.queue.wait_for_result = random_below(3) > 0;
    config.retry.enabled = random_below(5) > 0;
    config.retry.randomization_factor = 0.5;
    config.retry.initial_interval_ms = 100;
    config.retry.max_interval_ms = 1000;
    config.retry.max_elapsed_time_ms = random_below(2) ? 3000 : 0;
    return config;
}

static weir_batch_shape random_shape(void)
{
    return (weir_batch_shape){.is_set = random_below(2),
                              .min_items = 1 + random_below(40),
                              .max_items = 40 + random_below(40),
                              .timeout_ms = 200};
}

static void offer(void)
{
    test_witness *witness = &witnesses[witness_count++];
    uint32_t slices = 1 + random_below(4);
    witness->source = source_new();
    witness->source->ack.replays = random_below(4) == 0;
    witness->is_answered_by_queue = !lab.config.queue.wait_for_result && !witness->source->ack.replays;
    witness->first = lab.next_span;
    weir_batch *batch = bench_batch_of(&lab, witness->source, slices, 1 + random_below(30));
    witness->count = lab.next_span - witness->first;
    weir_consume(&lab.exporter->super, batch);
}

static void answer(void)
{
    static const weir_error_class classes[] = {WEIR_ERROR_NONE,      WEIR_ERROR_NONE,      WEIR_ERROR_NONE,
                                               WEIR_ERROR_RETRYABLE, WEIR_ERROR_THROTTLED, WEIR_ERROR_ENDPOINT,
                                               WEIR_ERROR_TOO_LARGE, WEIR_ERROR_PERMANENT};
    if (lab.open_count == 0)
        return;
    weir_error error = {.class_ = classes[random_below(8)], .text = "so"};
    error.retry_after_ms = error.class_ == WEIR_ERROR_THROTTLED ? random_below(2000) : 0;
    bench_answer(&lab, random_below(lab.open_count), &error);
}

static void stop_waiting(void)
{
    if (witness_count > 0)
        witnesses[random_below(witness_count)].source->ack.abandoned = true;
}

static void check_books(uint64_t seed)
{
    weir_exporter_books books = bench_books(&lab);
    cr_assert_eq(books.taken, books.sent + books.rejected + books.returned + books.dropped + books.held, "seed %llu",
                 (unsigned long long)seed);
    cr_assert_eq((uint64_t)books.held, lab.exporter->held(lab.exporter), "seed %llu", (unsigned long long)seed);
}

static void step(uint64_t seed)
{
    switch (random_below(8)) {
    case 0:
    case 1:
    case 2:
        if (witness_count < SOURCES_MAX)
            offer();
        break;
    case 3:
    case 4:
    case 5:
        answer();
        break;
    case 6:
        fake_loop_advance(&lab.loop, random_below(1500));
        break;
    case 7:
        stop_waiting();
        break;
    }
    check_books(seed);
}

/* DELIVERED promises every span; nothing promises that what was given back was not taken as well. */
static void check_witness(const test_witness *witness, uint64_t seed)
{
    cr_assert_eq(witness->source->completions, 1, "seed %llu: heard %u times", (unsigned long long)seed,
                 witness->source->completions);
    if (witness->source->outcome.kind != WEIR_DELIVERED || witness->is_answered_by_queue)
        return;
    for (uint32_t i = witness->first; i < witness->first + witness->count; i++)
        cr_assert_eq(lab.taken[i], 1, "seed %llu: span %u taken %d times", (unsigned long long)seed, i, lab.taken[i]);
}

static void finish(uint64_t seed)
{
    if (random_below(2))
        lab.exporter->drain(lab.exporter);
    for (unsigned i = 0; i < 20; i++)
        step(seed);
    lab.exporter->abandon(lab.exporter);
    check_books(seed);
    cr_assert_eq(lab.open_count, 0);
    const weir_room *room = weir_sender_shared_room(lab.shared, WEIR_TRACES, NULL);
    cr_assert(room->requests == 0 && room->items == 0 && room->bytes == 0, "seed %llu: room was not given back",
              (unsigned long long)seed);
    for (unsigned i = 0; i < witness_count; i++) {
        check_witness(&witnesses[i], seed);
        free(witnesses[i].source);
    }
}

static void run_script(uint64_t seed)
{
    random_state = seed * 0x9E3779B97F4A7C15u + 1;
    lab = (sender_bench){0};
    witness_count = 0;
    weir_batch_shape shape = random_shape();
    bench_open(&lab, random_config(), &shape);
    for (unsigned i = 0; i < STEPS - 20; i++)
        step(seed);
    finish(seed);
    bench_close(&lab);
}

/* WEIR_TEST_SEED repeats one script. */
Test(sender_property, books_balance_and_everyone_hears_once)
{
    weir_log_configure(WEIR_LOG_ERROR, false);
    const char *wanted = getenv("WEIR_TEST_SEED");
    if (wanted) {
        run_script(strtoull(wanted, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SCRIPTS; seed++)
        run_script(seed);
}
