/* SPDX-License-Identifier: Apache-2.0 */
#include "sender_fixture.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "traces.h"

static const uint64_t client_patience_ns = 9000000000;

weir_sender_config bench_config(void)
{
    return (weir_sender_config){
        .queue = {.enabled = true, .num_consumers = 10, .queue_size = 1000, .wait_for_result = true},
        .retry = {.enabled = true, .initial_interval_ms = 5000, .multiplier = 1.5, .max_interval_ms = 30000},
        .timeout_ms = 5000,
    };
}

static void note_span(void *user, uint32_t number)
{
    sender_bench *bench = user;
    WEIR_ASSERT(number < BENCH_SPANS_MAX);
    bench->taken[number]++;
}

static void note_taken(sender_bench *bench, const weir_push *push)
{
    for (uint32_t i = 0; i < push->slice_count; i++)
        traces_each(push->slices[i]->data, push->slices[i]->len, note_span, bench);
}

static void finish(sender_bench *bench, weir_push *push, const weir_error *error)
{
    if (!error || error->class_ == WEIR_ERROR_NONE)
        note_taken(bench, push);
    weir_push_done(push, error);
}

static void take_push(void *exporter, weir_push *push)
{
    sender_bench *bench = exporter;
    uint64_t items = 0, bytes = 0;
    for (uint32_t i = 0; i < push->slice_count; i++) {
        items += push->slices[i]->items;
        bytes += push->slices[i]->len;
    }
    WEIR_ASSERT(push->slice_count > 0 && items == push->items && bytes == push->bytes);
    bench->sent_count++;
    weir_error error = {0};
    if (bench->answer && bench->answer(bench, push, &error)) {
        finish(bench, push, &error);
        return;
    }
    WEIR_ASSERT(bench->open_count < BENCH_PUSHES_MAX);
    bench->open[bench->open_count++] = push;
}

static void remove_open(sender_bench *bench, unsigned index)
{
    bench->open_count--;
    for (unsigned i = index; i < bench->open_count; i++)
        bench->open[i] = bench->open[i + 1];
}

static void cancel_push(void *exporter, weir_push *push)
{
    sender_bench *bench = exporter;
    unsigned index = 0;
    while (bench->open[index] != push)
        index++;
    remove_open(bench, index);
    bench->cancelled_count++;
}

static const weir_sender_ops bench_ops = {.push = take_push, .cancel = cancel_push};

void bench_open(sender_bench *bench, weir_sender_config config, const weir_batch_shape *shape)
{
    fake_loop_init(&bench->loop);
    weir_account_init(&bench->account, 1 << 30, 1 << 29);
    bench->metrics = weir_metrics_new();
    bench->host =
        (weir_host){.control = &bench->loop.super, .account = &bench->account, .metrics = bench->metrics, .workers = 1};
    bench->worker = (weir_worker){.loop = &bench->loop.super, .host = &bench->host};
    bench->config = config;
    bench->shared = weir_sender_shared_new(&bench->host, "test/1", &bench->config, NULL, 0);
    bench->exporter = weir_sender_new(bench->shared, &bench->worker, WEIR_TRACES, shape, &bench_ops, bench);
}

void bench_close(sender_bench *bench)
{
    WEIR_ASSERT(bench->exporter->held(bench->exporter) == 0);
    weir_sender_free(bench->exporter);
    weir_sender_shared_free(bench->shared);
    weir_metrics_free(bench->metrics);
    fake_loop_done(&bench->loop);
}

static void source_hears(weir_ack *ack, const weir_outcome *outcome)
{
    sender_source *source = WEIR_CONTAINER(ack, struct sender_source, ack);
    source->completions++;
    source->outcome = *outcome;
}

sender_source *source_new(void)
{
    sender_source *made = WEIR_NEW(sender_source);
    made->ack.complete = source_hears;
    return made;
}

weir_batch *bench_batch_of(sender_bench *bench, sender_source *source, uint32_t slices, uint32_t spans_each)
{
    weir_slice slice = traces_slice(bench->next_span, spans_each);
    bench->next_span += spans_each;
    weir_batch *batch = weir_batch_new(WEIR_TRACES, &slice, &source->ack);
    batch->deadline_ns = bench->loop.now_ns + client_patience_ns;
    if (slices == 1)
        return batch;
    batch->slices = weir_alloc(slices, sizeof(weir_slice));
    batch->slices[0] = batch->first;
    for (uint32_t i = 1; i < slices; i++) {
        batch->slices[i] = traces_slice(bench->next_span, spans_each);
        bench->next_span += spans_each;
        batch->items += spans_each;
        batch->bytes += batch->slices[i].len;
        batch->slice_count++;
    }
    return batch;
}

weir_batch *bench_batch(sender_bench *bench, sender_source *source, uint32_t spans)
{
    return bench_batch_of(bench, source, 1, spans);
}

sender_source *bench_offer(sender_bench *bench, uint32_t spans)
{
    sender_source *source = source_new();
    weir_consume(&bench->exporter->super, bench_batch(bench, source, spans));
    return source;
}

void bench_answer(sender_bench *bench, unsigned index, const weir_error *error)
{
    WEIR_ASSERT(index < bench->open_count);
    weir_push *push = bench->open[index];
    remove_open(bench, index);
    finish(bench, push, error);
}

void bench_deliver(sender_bench *bench)
{
    bench_answer(bench, 0, NULL);
}

void bench_fail(sender_bench *bench, weir_error_class class_, uint32_t retry_after_ms)
{
    weir_error error = {0};
    weir_error_set(&error, class_, WEIR_IO, "the test says no");
    error.retry_after_ms = retry_after_ms;
    bench_answer(bench, 0, &error);
}

weir_exporter_books bench_books(const sender_bench *bench)
{
    return weir_exporter_books_read(bench->metrics, "test/1", WEIR_TRACES);
}

int64_t bench_count(const sender_bench *bench, const char *name, const char *reason)
{
    const weir_label label = {"reason", reason};
    return weir_metrics_sum(bench->metrics, name, &label, 1);
}

typedef struct span_search {
    uint32_t number;
    bool found;
} span_search;

static void look_for(void *user, uint32_t number)
{
    span_search *search = user;
    search->found = search->found || search->number == number;
}

bool push_has_span(const weir_push *push, uint32_t number)
{
    span_search search = {.number = number};
    for (uint32_t i = 0; i < push->slice_count; i++)
        traces_each(push->slices[i]->data, push->slices[i]->len, look_for, &search);
    return search.found;
}
