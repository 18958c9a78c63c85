/* SPDX-License-Identifier: Apache-2.0
 *
 * Several workers on one log of a storage: each appends, goes on from memory where it may, reads what others left, and
 * releases everything it has. In the end every record was handed out once, and nothing is left on disk.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/file.h"
#include "core/memory.h"
#include "queue/storage.h"
#include "traces.h"

enum { WORKERS = 3, APPENDS_EACH = 400, AT_ONCE = 20, LOOK_MS = 1 };

static weir_storage *storage;
static weir_storage_log *queue;
static _Atomic unsigned seen[WORKERS * APPENDS_EACH];
static _Atomic unsigned released;
static _Atomic int64_t changes;

typedef struct worker {
    pthread_t thread;
    weir_loop *loop;
    weir_timer *timer;
    weir_storage_port *port;
    weir_storage_read_request read;
    bool is_reading;
    unsigned first, appended, under_way;
} worker;

typedef struct append {
    weir_storage_append_request request;
    worker *worker;
    weir_batch *batch;
    weir_record_image image;
    unsigned number;
} append;

static void nobody_hears(weir_ack *ack, const weir_outcome *outcome)
{
    (void)ack, (void)outcome;
}

static weir_ack nobody = {.complete = nobody_hears};

static void note(void *user, uint32_t number)
{
    (void)user;
    WEIR_ASSERT(number < WORKERS * APPENDS_EACH);
    atomic_fetch_add(&seen[number], 1);
}

static void was_appended(weir_storage_request *request)
{
    append *done = WEIR_CONTAINER(request, append, request.super);
    WEIR_ASSERT(request->status == WEIR_OK);
    if (done->request.has_it) {
        note(NULL, done->number);
        weir_storage_release(queue, done->request.position, 1, 0);
        atomic_fetch_add(&released, 1);
    }
    done->worker->under_way--;
    weir_record_image_done(&done->image);
    weir_batch_free(done->batch);
    free(done);
}

static void append_one(worker *self)
{
    append *made = WEIR_NEW(append);
    made->worker = self;
    made->number = self->first + self->appended++;
    weir_slice slice = traces_slice(made->number, 1);
    made->batch = weir_batch_new(WEIR_TRACES, &slice, &nobody);
    weir_record_image_init(&made->image, made->batch, NULL, NULL);
    made->request = (weir_storage_append_request){
        .super.done = was_appended, .image = &made->image, .wall_ns = 1, .wants_it = made->number % 3 != 0};
    self->under_way++;
    weir_storage_append(self->port, queue, &made->request);
}

static void was_read(weir_storage_request *request)
{
    worker *self = WEIR_CONTAINER(request, worker, read.super);
    weir_stored_record *next;
    for (weir_stored_record *at = self->read.records; at; at = next) {
        next = at->next;
        traces_each(at->record.slices[0].data, at->record.slices[0].len, note, NULL);
        weir_storage_release(queue, at->position, 1, 0);
        atomic_fetch_add(&released, 1);
        weir_record_done(&at->record);
        free(at);
    }
    self->is_reading = false;
}

static void turn(void *user)
{
    worker *self = user;
    while (self->under_way < AT_ONCE && self->appended < APPENDS_EACH)
        append_one(self);
    if (!self->is_reading && weir_storage_log_has_unread(queue)) {
        self->is_reading = true;
        self->read = (weir_storage_read_request){.super.done = was_read, .bytes_max = 500};
        weir_storage_read(self->port, queue, &self->read);
    }
    if (atomic_load(&released) == WORKERS * APPENDS_EACH)
        weir_loop_stop(self->loop);
    else
        weir_timer_start(self->timer, LOOK_MS);
}

static void *run(void *argument)
{
    worker *self = argument;
    weir_timer_start(self->timer, 0);
    weir_loop_run(self->loop);
    weir_storage_port_settle(self->port);
    weir_storage_port_free(self->port);
    weir_timer_free(self->timer);
    return NULL;
}

static void changed(void *user, int64_t records, int64_t items, int64_t bytes)
{
    (void)user, (void)items, (void)bytes;
    atomic_fetch_add(&changes, records);
}

static void start(worker workers[WORKERS])
{
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.loop = weir_loop_new_uv(), .first = i * APPENDS_EACH};
        workers[i].timer = weir_timer_new(workers[i].loop, turn, &workers[i]);
        workers[i].port = weir_storage_port_new(storage, workers[i].loop);
        pthread_create(&workers[i].thread, NULL, run, &workers[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        weir_loop_free(workers[i].loop);
    }
}

static bool all_seen_once(void)
{
    for (unsigned i = 0; i < WORKERS * APPENDS_EACH; i++) {
        if (atomic_load(&seen[i]) != 1) {
            printf("record %u was handed out %u times\n", i, atomic_load(&seen[i]));
            return false;
        }
    }
    return true;
}

int main(void)
{
    char folder[] = "/tmp/weir-storage-XXXXXX";
    weir_account account;
    weir_error error;
    worker workers[WORKERS];
    weir_account_init(&account, 1 << 26, 1 << 25);
    weir_metrics *metrics = weir_metrics_new();
    const weir_storage_settings settings = {.id = "file_storage",
                                            .directory = mkdtemp(folder),
                                            .files = &weir_files_real,
                                            .account = &account,
                                            .metrics = metrics,
                                            .bytes_max = 1 << 24,
                                            .free_bytes = 1 << 24,
                                            .segment_bytes = 1 << 16,
                                            .dead_letters_bytes_max = 1 << 20};
    storage = weir_storage_new(&settings);
    queue = weir_storage_log_add(storage, "otlp/a", WEIR_TRACES, changed, NULL);
    weir_status status = weir_storage_start(storage, &error);
    WEIR_ASSERT(status == WEIR_OK);
    start(workers);
    weir_storage_stop(storage);
    weir_queue_books books = weir_queue_books_read(metrics, "otlp/a", WEIR_TRACES);
    bool balanced = books.stored == WORKERS * APPENDS_EACH && books.released == books.stored && books.on_disk == 0;
    if (!balanced)
        printf("stored %lld, released %lld, on disk %lld\n", (long long)books.stored, (long long)books.released,
               (long long)books.on_disk);
    weir_storage_free(storage);
    weir_metrics_free(metrics);
    WEIR_FREE char *remove = weir_format("rm -r %s", folder);
    return system(remove) == 0 && all_seen_once() && balanced && atomic_load(&changes) == 0 ? 0 : 1;
}
