/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender under random scripts: random settings, batches, answers of every class and answers for some items only,
 * sources that stop waiting or keep what is refused, time. After each step the books balance; at the end every source
 * has heard exactly once, each item of what was said to be delivered ended in one way, and nothing is held.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/sender/internal.h"
#include "otlp/rewrite.h"
#include "telemetry/log.h"
#include "sender_fixture.h"
#include "traces.h"

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

/* ---- what ended otherwise than by being taken ---- */

enum { BURIALS_MAX = 4096 };

static unsigned char refused[BENCH_SPANS_MAX], kept[BENCH_SPANS_MAX], set_aside[BENCH_SPANS_MAX];
static weir_batch *burials[BURIALS_MAX]; /* not written yet */
static unsigned burial_count;

static void note(void *user, uint32_t number)
{
    unsigned char *counts = user;
    counts[number]++;
}

static void bury(weir_ack *ack, weir_batch *takes_refused, const weir_error *error)
{
    (void)ack;
    cr_assert_gt(error->text[0], 0);
    cr_assert_lt(burial_count, BURIALS_MAX);
    burials[burial_count++] = takes_refused;
}

static void write_burials(void)
{
    while (burial_count > 0) {
        weir_batch *batch = burials[--burial_count];
        for (uint32_t i = 0; i < batch->slice_count; i++)
            traces_each(batch->slices[i].data, batch->slices[i].len, note, kept);
        weir_batch_complete(batch, &weir_outcome_delivered);
    }
}

/* ---- steps ---- */

static void offer(void)
{
    test_witness *witness = &witnesses[witness_count++];
    uint32_t slices = 1 + random_below(4);
    witness->source = source_new();
    witness->source->ack.replays = random_below(4) == 0;
    if (witness->source->ack.replays && random_below(2))
        witness->source->ack.bury = bury;
    witness->is_answered_by_queue = !lab.config.queue.wait_for_result && !witness->source->ack.replays;
    witness->first = lab.next_span;
    weir_batch *batch = bench_batch_of(&lab, witness->source, slices, 1 + random_below(30));
    witness->count = lab.next_span - witness->first;
    weir_consume(&lab.exporter->super, batch);
}

typedef enum verdict { TAKEN, AGAIN, EXPIRED, REFUSED, SET_ASIDE, VERDICTS } verdict;

/* Verdicts over the items of a slice: in runs, as a hash of the run's number says. */
typedef struct verdicts {
    uint64_t seed;
    uint32_t run;
    verdict wanted;
} verdicts;

static bool is_wanted(void *context, const weir_otlp_items *at)
{
    const verdicts *self = context;
    return ((self->seed + at->index / self->run) * 0x9E3779B97F4A7C15u >> 32) % VERDICTS == self->wanted;
}

static weir_error error_of(verdict of)
{
    weir_error error = {.class_ = WEIR_ERROR_PERMANENT, .text = "so"};
    if (of == AGAIN || of == EXPIRED)
        error.class_ = random_below(2) ? WEIR_ERROR_THROTTLED : WEIR_ERROR_ENDPOINT;
    else if (of == SET_ASIDE)
        error.class_ = WEIR_ERROR_NONE;
    else if (random_below(2))
        error.class_ = WEIR_ERROR_TOO_LARGE;
    return error;
}

/* Whether its source keeps it by itself is known only when it is asked. */
static void note_rest(const weir_slice *slice, verdict of)
{
    unsigned char *counts = of == TAKEN ? lab.taken : of == SET_ASIDE ? set_aside : of == REFUSED ? refused : NULL;
    if (counts)
        traces_each(slice->data, slice->len, note, counts);
}

static void answer_in_part(unsigned index)
{
    weir_push *push = lab.open[index];
    weir_push_rest *rests = calloc((size_t)push->slice_count * VERDICTS, sizeof *rests);
    size_t count = 0;
    for (uint32_t i = 0; i < push->slice_count; i++) {
        verdicts of = {.seed = random_below(1000), .run = 1 + random_below(8)};
        for (of.wanted = TAKEN; of.wanted < VERDICTS; of.wanted++) {
            weir_slice part = {0};
            cr_assert(weir_otlp_filter(WEIR_OTLP_TRACES, push->slices[i], is_wanted, &of, &part) == WEIR_OK);
            note_rest(&part, of.wanted);
            if (of.wanted == TAKEN || part.items == 0)
                weir_slice_done(&part);
            else
                rests[count++] =
                    (weir_push_rest){.slice = part, .error = error_of(of.wanted), .again = of.wanted == AGAIN};
        }
    }
    lab.open_count--;
    for (unsigned i = index; i < lab.open_count; i++)
        lab.open[i] = lab.open[i + 1];
    weir_push_done_but(push, rests, count);
    free(rests);
}

static void put_off(unsigned index)
{
    weir_push *push = lab.open[index];
    weir_error error = {.class_ = (weir_error_class[]){WEIR_ERROR_RETRYABLE, WEIR_ERROR_THROTTLED,
                                                       WEIR_ERROR_ENDPOINT}[random_below(3)],
                        .text = "so"};
    lab.open_count--;
    memmove(&lab.open[index], &lab.open[index + 1], (lab.open_count - index) * sizeof lab.open[0]);
    weir_push_put_off(push, &error);
}

static void answer(void)
{
    static const weir_error_class classes[] = {WEIR_ERROR_NONE,      WEIR_ERROR_NONE,      WEIR_ERROR_NONE,
                                               WEIR_ERROR_RETRYABLE, WEIR_ERROR_THROTTLED, WEIR_ERROR_ENDPOINT,
                                               WEIR_ERROR_TOO_LARGE, WEIR_ERROR_PERMANENT};
    if (lab.open_count == 0)
        return;
    if (random_below(3) == 0) {
        answer_in_part(random_below(lab.open_count));
        return;
    }
    if (random_below(6) == 0) {
        put_off(random_below(lab.open_count));
        return;
    }
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
    switch (random_below(9)) {
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
    case 8:
        write_burials();
        break;
    }
    check_books(seed);
}

/* DELIVERED promises that every span ended, in one way; nothing promises that what was given back was not taken as
 * well. What was refused was told to the client, or kept by the source. */
static void check_witness(const test_witness *witness, uint64_t seed)
{
    cr_assert_eq(witness->source->completions, 1, "seed %llu: heard %u times", (unsigned long long)seed,
                 witness->source->completions);
    if (witness->source->outcome.kind != WEIR_DELIVERED || witness->is_answered_by_queue)
        return;
    uint64_t told = 0;
    for (uint32_t i = witness->first; i < witness->first + witness->count; i++) {
        unsigned is_kept = kept[i], is_told = witness->source->ack.bury ? 0 : refused[i];
        cr_assert_eq(lab.taken[i] + set_aside[i] + is_kept + is_told, 1,
                     "seed %llu: span %u taken %d, set aside %d, kept %u, told %u", (unsigned long long)seed, i,
                     lab.taken[i], set_aside[i], is_kept, is_told);
        told += is_told;
    }
    cr_assert_eq(witness->source->outcome.error.rejected_items, told, "seed %llu", (unsigned long long)seed);
}

static void finish(uint64_t seed)
{
    if (random_below(2))
        lab.exporter->drain(lab.exporter);
    for (unsigned i = 0; i < 20; i++)
        step(seed);
    lab.exporter->abandon(lab.exporter);
    write_burials();
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
    memset(refused, 0, sizeof refused);
    memset(kept, 0, sizeof kept);
    memset(set_aside, 0, sizeof set_aside);
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
