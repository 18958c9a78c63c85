/* SPDX-License-Identifier: Apache-2.0
 *
 * A storage in a folder of its own, asked directly. Requests that are made before the start are served as one group,
 * which makes the tests of groups exact.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"
#include "fixtures.h"
#include "queue/storage.h"

enum { REQUESTS_MAX = 200 };

typedef struct a_request {
    weir_storage_append_request append;
    weir_batch *batch;
    weir_record_image image;
    bool is_done;
} a_request;

typedef struct bench {
    weir_files files; /* the system's, but for what the test replaces */
    weir_account account;
    weir_metrics *metrics;
    weir_loop *loop;
    weir_storage *storage;
    weir_storage_log *log;
    weir_storage_port *port;
    a_request requests[REQUESTS_MAX];
    size_t request_count;
    int64_t records; /* as on_change told */
    unsigned changes;
    weir_storage_settings settings;
} bench;

static bench it;

static void changed(void *user, int64_t records, int64_t items, int64_t bytes)
{
    bench *self = user;
    (void)items, (void)bytes;
    self->records += records;
    self->changes++;
}

static void begin(char *folder)
{
    it = (bench){.files = weir_files_real, .metrics = weir_metrics_new(), .loop = weir_loop_new_uv()};
    weir_account_init(&it.account, 1 << 26, 1 << 25);
    it.settings = (weir_storage_settings){
        .id = "file_storage",
        .directory = folder,
        .files = &it.files,
        .account = &it.account,
        .metrics = it.metrics,
        .bytes_max = 1 << 20,
        .free_bytes = 1 << 30,
        .segment_bytes = 1 << 16,
        .dead_letters_bytes_max = 1 << 18,
        .fsync = true,
    };
}

static void prepare(const char *owner)
{
    it.storage = weir_storage_new(&it.settings);
    it.log = weir_storage_log_add(it.storage, owner, WEIR_TRACES, changed, &it);
    it.port = weir_storage_port_new(it.storage, it.loop);
}

static void start(void)
{
    weir_error error = {0};
    weir_status status = weir_storage_start(it.storage, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
}

static void end(void)
{
    weir_storage_port_settle(it.port);
    weir_storage_port_free(it.port);
    weir_storage_free(it.storage);
    weir_loop_free(it.loop);
    weir_metrics_free(it.metrics);
    for (size_t i = 0; i < it.request_count; i++) {
        weir_record_image_done(&it.requests[i].image);
        weir_batch_free(it.requests[i].batch);
    }
    cr_assert_eq(weir_account_used(&it.account), 0);
}

static void was_appended(weir_storage_request *request)
{
    WEIR_CONTAINER(request, a_request, append.super)->is_done = true;
}

/* A record of one item to `log`; `settle` waits for its outcome. */
static a_request *ask_append(weir_storage_log *log, uint64_t number, size_t name_len, bool wants_it)
{
    cr_assert_lt(it.request_count, REQUESTS_MAX);
    a_request *request = &it.requests[it.request_count++];
    request->batch = a_batch(WEIR_TRACES, number, 1, name_len);
    weir_record_image_init(&request->image, request->batch, NULL, NULL);
    request->append = (weir_storage_append_request){
        .super.done = was_appended, .image = &request->image, .wall_ns = 1000 + number, .wants_it = wants_it};
    weir_storage_append(it.port, log, &request->append);
    return request;
}

static weir_status append_now(weir_storage_log *log, uint64_t number, size_t name_len)
{
    a_request *request = ask_append(log, number, name_len, false);
    weir_storage_port_settle(it.port);
    cr_assert(request->is_done);
    return request->append.super.status;
}

static void was_read(weir_storage_request *request)
{
    (void)request;
}

/* Reads what is unread, checks that it is records `first` and so on, and releases them: how many there were. */
static unsigned read_and_release(uint64_t first, size_t name_len)
{
    weir_storage_read_request read = {.super.done = was_read, .bytes_max = UINT64_MAX};
    weir_storage_read(it.port, it.log, &read);
    weir_storage_port_settle(it.port);
    cr_assert_eq(read.super.status, WEIR_OK);
    unsigned count = 0;
    weir_stored_record *next;
    for (weir_stored_record *at = read.records; at; at = next) {
        next = at->next;
        cr_assert(is_record_of(&at->record, WEIR_TRACES, first + count, 1, name_len));
        weir_storage_release(it.log, at->position, 1, 0);
        weir_record_done(&at->record);
        free(at);
        count++;
    }
    weir_storage_read(it.port, it.log, &read); /* comes after the releases: they are served when it is */
    weir_storage_port_settle(it.port);
    cr_assert_null(read.records);
    return count;
}

static weir_queue_books books(void)
{
    return weir_queue_books_read(it.metrics, "otlp/a", WEIR_TRACES);
}

Test(storage, finds_again_what_was_not_released)
{
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    start();
    for (uint64_t number = 0; number < 3; number++)
        cr_assert_eq(append_now(it.log, number, 10), WEIR_OK);
    cr_assert_eq(it.records, 3);
    cr_assert_eq(books().on_disk, 3);
    end();

    begin(folder);
    prepare("otlp/a");
    start();
    cr_assert_eq(it.records, 3);
    cr_assert_eq(books().recovered, 3);
    cr_assert_eq(read_and_release(0, 10), 3);
    cr_assert_eq(it.records, 0);
    cr_assert_eq(books().released, 3);
    cr_assert_eq(books().on_disk, 0);
    end();

    begin(folder);
    prepare("otlp/a");
    start();
    cr_assert_eq(books().recovered, 0);
    end();
    remove_folder(folder);
}

Test(storage, what_waits_together_is_synced_once)
{
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    for (uint64_t number = 0; number < 100; number++)
        ask_append(it.log, number, 10, false);
    start();
    weir_storage_port_settle(it.port);
    for (size_t i = 0; i < 100; i++)
        cr_assert(it.requests[i].is_done && it.requests[i].append.super.status == WEIR_OK);
    cr_assert_eq(weir_metrics_sum(it.metrics, "weir_storage_appends", NULL, 0), 1);
    int64_t disk_free = weir_metrics_sum(it.metrics, "weir_storage_disk_free_bytes", NULL, 0);
    cr_assert_gt(disk_free, 0);
    cr_assert_geq(weir_metrics_sum(it.metrics, "weir_storage_disk_bytes", NULL, 0), disk_free);
    cr_assert_eq(read_and_release(0, 10), 100);
    end();
    remove_folder(folder);
}

Test(storage, memory_is_used_only_while_nothing_in_front_is_unread)
{
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    a_request *first = ask_append(it.log, 0, 10, true);
    a_request *second = ask_append(it.log, 1, 10, false);
    a_request *third = ask_append(it.log, 2, 10, true);
    start();
    weir_storage_port_settle(it.port);
    cr_assert(first->append.has_it && !second->append.has_it && !third->append.has_it);
    cr_assert(weir_storage_log_has_unread(it.log));
    cr_assert_eq(read_and_release(1, 10), 2);
    cr_assert_not(weir_storage_log_has_unread(it.log));
    cr_assert_eq(books().on_disk, 1, "the first is still with its owner");
    a_request *fourth = ask_append(it.log, 3, 10, true);
    weir_storage_port_settle(it.port);
    cr_assert(fourth->append.has_it, "caught up again");
    end();
    remove_folder(folder);
}

static weir_status start_as(const char *owner, weir_error *ret_error)
{
    prepare(owner);
    weir_status status = weir_storage_start(it.storage, ret_error);
    end();
    return status;
}

Test(storage, refuses_to_start_beside_a_log_of_nobody)
{
    WEIR_FREE char *folder = new_folder();
    weir_error error = {0};
    begin(folder);
    prepare("otlp/a");
    start();
    cr_assert_eq(append_now(it.log, 0, 10), WEIR_OK);
    end();

    begin(folder);
    cr_assert_eq(start_as("otlp/b", &error), WEIR_INVALID);
    cr_assert(strstr(error.text, "1 items of exporter otlp/a traces"), "%s", error.text);

    begin(folder);
    prepare("otlp/a");
    start();
    cr_assert_eq(read_and_release(0, 10), 1);
    end();

    begin(folder);
    cr_assert_eq(start_as("otlp/b", &error), WEIR_OK, "%s", error.text);
    WEIR_FREE char *gone = weir_format("%s/exporter_otlp_a_traces", folder);
    cr_assert_eq(weir_files_real.open(&weir_files_real, gone, 0, 0), -1, "an empty log of nobody is removed");
    remove_folder(folder);
}

/* What it has would pass for queues of nobody after a crash. */
Test(storage, shares_its_directory_with_no_other)
{
    WEIR_FREE char *folder = new_folder();
    weir_error error = {0};
    begin(folder);
    prepare("otlp/a");
    start();
    weir_storage *second = weir_storage_new(&it.settings);
    weir_storage_log_add(second, "otlp/b", WEIR_TRACES, changed, &it);
    cr_assert_eq(weir_storage_start(second, &error), WEIR_AGAIN);
    cr_assert(strstr(error.text, folder) && strstr(error.text, "another process holds it"), "%s", error.text);
    weir_storage_free(second);
    end();
    remove_folder(folder);
}

/* The newest file of each stays although nothing is left in it. */
Test(storage, many_idle_queues_leave_room_for_a_busy_one)
{
    enum { QUEUES = 20, NAME_BYTES = 60000, EACH = 9 };
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    it.settings.bytes_max = 8 << 20;
    it.settings.segment_bytes = 16 << 20;
    prepare("otlp/0");
    weir_storage_log *logs[QUEUES] = {it.log};
    for (unsigned i = 1; i < QUEUES; i++) {
        WEIR_FREE char *owner = weir_format("otlp/%u", i);
        logs[i] = weir_storage_log_add(it.storage, owner, WEIR_TRACES, changed, &it);
    }
    start();
    for (unsigned i = 0; i < QUEUES * EACH; i++) {
        it.log = logs[i % QUEUES];
        cr_assert_eq(append_now(it.log, i, NAME_BYTES), WEIR_OK);
        cr_assert_eq(read_and_release(i, NAME_BYTES), 1);
    }
    cr_assert_eq(append_now(it.log, 1000, NAME_BYTES), WEIR_OK);
    cr_assert(weir_storage_log_reserve(it.log, 1 << 20));
    weir_storage_log_unreserve(it.log, 1 << 20);
    end();
    remove_folder(folder);
}

static void count_segment(void *user, const char *name)
{
    *(unsigned *)user += strstr(name, ".log") != NULL;
}

/* What the limits are shares of is then what the files have themselves, which is known only when they are open. */
Test(storage, a_start_on_a_full_disk_makes_no_crumbs)
{
    enum { NAME_BYTES = 60000, RECORDS = 100, LETTERS = 50 };
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    it.settings.bytes_max = 0;
    prepare("otlp/a");
    start();
    for (unsigned i = 0; i < RECORDS; i++)
        cr_assert_eq(append_now(it.log, i, NAME_BYTES), WEIR_OK);
    cr_assert_eq(append_now(weir_storage_dead_letters(it.storage), 0, 10), WEIR_OK);
    end();

    begin(folder);
    it.settings.bytes_max = it.settings.free_bytes = 0;
    prepare("otlp/a");
    start();
    for (unsigned i = 0; i < LETTERS; i++)
        cr_assert_eq(append_now(weir_storage_dead_letters(it.storage), i, 10), WEIR_OK);
    WEIR_FREE char *letters = weir_format("%s/deadletter", folder);
    unsigned segments = 0;
    cr_assert_eq(weir_files_real.list(&weir_files_real, letters, count_segment, &segments), 0);
    cr_assert_leq(segments, 2);
    end();
    remove_folder(folder);
}

Test(storage, is_full_at_its_limit_and_goes_on_when_space_comes)
{
    enum { NAME_BYTES = 20000 };
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    weir_storage_log *other = weir_storage_log_add(it.storage, "otlp/other", WEIR_TRACES, changed, &it);
    start();
    unsigned count = 0;
    for (; weir_storage_log_reserve(it.log, NAME_BYTES); count++) {
        cr_assert_lt(count, 100);
        cr_assert_eq(append_now(it.log, count, NAME_BYTES), WEIR_OK);
        weir_storage_log_unreserve(it.log, NAME_BYTES);
    }
    cr_assert_gt(count, 30);
    cr_assert_leq(weir_metrics_sum(it.metrics, "weir_storage_bytes", NULL, 0), 1 << 20);
    cr_assert(weir_storage_log_reserve(other, NAME_BYTES), "an empty log takes a record whatever others hold");
    cr_assert_not(weir_storage_log_reserve(other, NAME_BYTES), "one");
    weir_storage_log_unreserve(other, NAME_BYTES);

    unsigned changes = it.changes;
    cr_assert_eq(read_and_release(0, NAME_BYTES), count);
    cr_assert_gt(it.changes, changes, "who waits for room is told");
    cr_assert(weir_storage_log_reserve(it.log, NAME_BYTES));
    weir_storage_log_unreserve(it.log, NAME_BYTES);
    end();
    remove_folder(folder);
}

Test(storage, dead_letters_forget_the_oldest)
{
    enum { NAME_BYTES = 20000, LETTERS = 60 };
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    start();
    weir_storage_log *letters = weir_storage_dead_letters(it.storage);
    for (uint64_t number = 0; number < LETTERS; number++)
        cr_assert_eq(append_now(letters, number, NAME_BYTES), WEIR_OK);
    int64_t discarded = weir_metrics_sum(it.metrics, "weir_deadletter_discarded_items", NULL, 0);
    cr_assert(discarded > 0 && discarded < LETTERS);
    cr_assert_leq(weir_metrics_sum(it.metrics, "weir_storage_bytes", NULL, 0), (1 << 18) + (1 << 16));
    end();

    begin(folder);
    prepare("otlp/a");
    start();
    cr_assert_gt(weir_metrics_sum(it.metrics, "weir_storage_bytes", NULL, 0), 0, "they are found again");
    end();
    remove_folder(folder);
}

typedef struct replayed {
    const char *folder;
    unsigned count;
} replayed;

static bool replay_one(void *user, const weir_record *record, weir_disk_position position)
{
    (void)record;
    replayed *self = user;
    weir_error error = {0};
    self->count++;
    cr_assert_eq(weir_disk_log_release_foreign(&weir_files_real, self->folder, position, &error), WEIR_OK, "%s",
                 error.text);
    return true;
}

Test(storage, dead_letters_that_were_replayed_are_not_forgotten)
{
    enum { NAME_BYTES = 20000, LETTERS = 60, ROUND = 6 };
    WEIR_FREE char *folder = new_folder();
    WEIR_FREE char *letters_folder = weir_format("%s/deadletter", folder);
    begin(folder);
    prepare("otlp/a");
    start();
    weir_storage_log *letters = weir_storage_dead_letters(it.storage);
    replayed seen = {.folder = letters_folder};
    for (uint64_t number = 0; number < LETTERS; number++) {
        weir_error error = {0};
        cr_assert_eq(append_now(letters, number, NAME_BYTES), WEIR_OK);
        if (number % ROUND == ROUND - 1)
            cr_assert_eq(weir_disk_log_visit(&weir_files_real, letters_folder, replay_one, &seen, NULL, &error),
                         WEIR_OK, "%s", error.text);
    }
    cr_assert_eq(seen.count, LETTERS, "each is replayed once");
    cr_assert_eq(weir_metrics_sum(it.metrics, "weir_deadletter_discarded_items", NULL, 0), 0);
    cr_assert_leq(weir_metrics_sum(it.metrics, "weir_storage_bytes", NULL, 0), (1 << 18) + (1 << 16));
    end();
    remove_folder(folder);
}

static ssize_t disk_is_full(const weir_files *files, int fd, const struct iovec *parts, int count, uint64_t offset)
{
    (void)files, (void)fd, (void)parts, (void)count, (void)offset;
    errno = ENOSPC;
    return -1;
}

Test(storage, a_full_disk_is_told_and_goes_on_by_itself)
{
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    start();
    cr_assert_eq(append_now(it.log, 0, 10), WEIR_OK);
    it.files.pwritev = disk_is_full; /* the thread sleeps */
    cr_assert_eq(append_now(it.log, 1, 10), WEIR_IO);
    cr_assert(strstr(it.requests[1].append.super.error.text, "No space left"));
    cr_assert_eq(weir_metrics_sum(it.metrics, "weir_storage_errors", NULL, 0), 1);
    it.files.pwritev = weir_files_real.pwritev;
    cr_assert_eq(append_now(it.log, 1, 10), WEIR_OK);
    cr_assert_eq(read_and_release(0, 10), 2);
    cr_assert_eq(books().stored, 2);
    end();
    remove_folder(folder);
}

Test(storage, stops_before_it_was_started)
{
    WEIR_FREE char *folder = new_folder();
    begin(folder);
    prepare("otlp/a");
    weir_storage_stop(it.storage);
    weir_storage_stop(it.storage);
    end();
    remove_folder(folder);
}
