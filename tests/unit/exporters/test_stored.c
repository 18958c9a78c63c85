/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender behind a queue on disk, with a real storage in a folder of its own and a real loop: what becomes of the
 * records of which a backend takes some items only.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "core/file.h"
#include "core/memory.h"
#include "exporters/sender/sender.h"
#include "../queue/fixtures.h"
#include "otlp/rewrite.h"
#include "queue/storage.h"
#include "traces.h"

enum { PUSHES_MAX = 8, SPANS = 10, PATIENCE_MS = 10000 };

typedef struct disk_bench {
    char *folder;
    weir_account account;
    weir_metrics *metrics;
    weir_loop *loop;
    weir_timer *look, *patience;
    bool (*is_over)(void);
    bool has_waited_in_vain;
    weir_host host;
    weir_worker worker;
    weir_sender_config config;
    weir_storage *storage;
    weir_sender_shared *shared;
    weir_exporter *exporter;
    weir_push *pushes[PUSHES_MAX]; /* under way */
    unsigned push_count;
    weir_ack ack;
    unsigned answers;
} disk_bench;

static disk_bench disk;

static void take_push(void *exporter, weir_push *push)
{
    (void)exporter;
    disk.pushes[disk.push_count++] = push;
}

static void cancel_push(void *exporter, weir_push *push)
{
    (void)exporter, (void)push;
    disk.push_count = 0;
}

static const weir_sender_ops ops = {.push = take_push, .cancel = cancel_push};

static weir_storage *the_storage(const weir_host *host, const char *id, weir_error *ret_error)
{
    (void)host, (void)id, (void)ret_error;
    return disk.storage;
}

static void source_hears(weir_ack *ack, const weir_outcome *outcome)
{
    (void)ack;
    cr_assert(eq(int, (int)outcome->kind, WEIR_DELIVERED), "%s", outcome->error.text);
    disk.answers++;
}

static void look(void *user)
{
    disk_bench *self = user;
    if (self->is_over())
        weir_loop_stop(self->loop);
    else
        weir_timer_start(self->look, 1);
}

static void stop_waiting(void *user)
{
    disk_bench *self = user;
    self->has_waited_in_vain = true;
    weir_loop_stop(self->loop);
}

static void wait_until(bool (*is_over)(void))
{
    disk.is_over = is_over;
    weir_timer_start(disk.look, 0);
    weir_timer_start(disk.patience, PATIENCE_MS);
    weir_loop_run(disk.loop);
    weir_timer_stop(disk.patience);
    cr_assert(not(disk.has_waited_in_vain));
}

static weir_storage *storage_new(void)
{
    const weir_storage_settings settings = {.id = "file_storage",
                                            .directory = disk.folder,
                                            .files = &weir_files_real,
                                            .account = &disk.account,
                                            .metrics = disk.metrics,
                                            .bytes_max = 1 << 20,
                                            .free_bytes = 1 << 30,
                                            .segment_bytes = 1 << 16,
                                            .dead_letters_bytes_max = 1 << 18};
    return weir_storage_new(&settings);
}

static void begin(void)
{
    disk = (disk_bench){.folder = new_folder(), .metrics = weir_metrics_new(), .loop = weir_loop_new_uv()};
    weir_account_init(&disk.account, 1 << 26, 1 << 25);
    disk.look = weir_timer_new(disk.loop, look, &disk);
    disk.patience = weir_timer_new(disk.loop, stop_waiting, &disk);
    disk.host = (weir_host){
        .control = disk.loop, .account = &disk.account, .metrics = disk.metrics, .workers = 1, .storage = the_storage};
    disk.worker = (weir_worker){.loop = disk.loop, .host = &disk.host};
    disk.config = (weir_sender_config){
        .queue = {.enabled = true, .num_consumers = 4, .queue_size = 1000, .storage = (char[]){"file_storage"}},
        .retry = {.enabled = true, .initial_interval_ms = 20, .multiplier = 1.5, .max_interval_ms = 100}};
    disk.storage = storage_new();
    disk.shared = weir_sender_shared_new(&disk.host, "test/1", &disk.config, NULL, 0);
    disk.exporter = weir_sender_new(disk.shared, &disk.worker, WEIR_TRACES, NULL, &ops, NULL);
    weir_error error = {0};
    cr_assert(weir_storage_start(disk.storage, &error) == WEIR_OK, "%s", error.text);
}

static void finish(void)
{
    weir_sender_free(disk.exporter);
    weir_sender_shared_free(disk.shared);
    weir_storage_free(disk.storage);
    weir_timer_free(disk.look);
    weir_timer_free(disk.patience);
    weir_loop_free(disk.loop);
    weir_metrics_free(disk.metrics);
    cr_assert(eq(sz, weir_account_used(&disk.account), 0));
    remove_folder(disk.folder);
    free(disk.folder);
}

TestSuite(stored, .init = begin, .fini = finish);

static bool is_a_push_under_way(void)
{
    return disk.push_count > 0;
}

static bool is_nothing_held(void)
{
    return disk.exporter->held(disk.exporter) == 0;
}

static void offer_spans(void)
{
    weir_slice slice = traces_slice(0, SPANS);
    disk.ack.complete = source_hears;
    weir_consume(&disk.exporter->super, weir_batch_new(WEIR_TRACES, &slice, &disk.ack));
    wait_until(is_a_push_under_way);
    cr_assert(eq(uint, disk.answers, 1));
}

typedef struct range {
    uint32_t first, items;
} range;

static bool is_in_range(void *context, const weir_otlp_items *at)
{
    const range *kept = context;
    return at->index >= kept->first && at->index - kept->first < kept->items;
}

static weir_push_rest rest_of(uint32_t first, uint32_t items, weir_error_class class_)
{
    weir_push_rest rest = {.again = class_ == WEIR_ERROR_THROTTLED};
    range kept = {first, items};
    cr_assert(weir_otlp_filter(WEIR_OTLP_TRACES, disk.pushes[0]->slices[0], is_in_range, &kept, &rest.slice) ==
              WEIR_OK);
    weir_error_set(&rest.error, class_, WEIR_IO, "the test says no");
    return rest;
}

static void answer_but(weir_push_rest *rests, size_t count)
{
    disk.push_count--;
    weir_push_done_but(disk.pushes[0], rests, count);
}

static void expect_books(weir_queue_books queue)
{
    weir_exporter_books sent = weir_exporter_books_read(disk.metrics, "test/1", WEIR_TRACES);
    cr_assert(eq(long, sent.taken, sent.sent + sent.rejected + sent.returned + sent.dropped + sent.held));
    weir_queue_books found = weir_queue_books_read(disk.metrics, "test/1", WEIR_TRACES);
    cr_assert(eq(long, found.stored, SPANS));
    cr_assert(eq(long, found.released, queue.released));
    cr_assert(eq(long, found.dead_lettered, queue.dead_lettered));
    cr_assert(eq(long, found.on_disk, queue.on_disk));
}

Test(stored, a_record_is_released_once_its_rests_were_sent_again_set_aside_or_became_dead_letters)
{
    offer_spans();
    weir_push_rest rests[] = {rest_of(1, 2, WEIR_ERROR_THROTTLED), rest_of(4, 1, WEIR_ERROR_PERMANENT),
                              rest_of(6, 3, WEIR_ERROR_NONE)};
    answer_but(rests, 3);
    expect_books((weir_queue_books){.on_disk = SPANS});
    wait_until(is_a_push_under_way);
    cr_assert(eq(u64, disk.pushes[0]->items, 2));
    expect_books((weir_queue_books){.on_disk = SPANS});
    disk.push_count = 0;
    weir_push_done(disk.pushes[0], NULL);
    wait_until(is_nothing_held);
    expect_books((weir_queue_books){.released = SPANS - 1, .dead_lettered = 1});
    weir_exporter_books sent = weir_exporter_books_read(disk.metrics, "test/1", WEIR_TRACES);
    cr_assert(eq(long, sent.sent, SPANS - 4));
    const weir_label refused = {"reason", "refused"};
    cr_assert(eq(long, weir_metrics_sum(disk.metrics, "weir_deadletter_items", &refused, 1), 1));
    cr_assert(eq(uint, disk.answers, 1), "the source heard when it was stored");
}

Test(stored, a_record_whose_rest_was_not_sent_again_in_time_stays_on_disk)
{
    offer_spans();
    weir_push_rest rests[] = {rest_of(0, 2, WEIR_ERROR_THROTTLED)};
    answer_but(rests, 1);
    disk.exporter->abandon(disk.exporter);
    cr_assert(eq(u64, disk.exporter->held(disk.exporter), 0));
    expect_books((weir_queue_books){.on_disk = SPANS});
}
