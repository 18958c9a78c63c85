/* SPDX-License-Identifier: Apache-2.0
 *
 * The disk log while nothing goes wrong: order, take and read, release and reopen, segments, the lock.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/memory.h"
#include "fixtures.h"
#include "queue/names.h"

enum { SEGMENT_BYTES = 2000, NAME_LEN = 50 };

static char *folder;

static void make(void)
{
    folder = new_folder();
}

static void clear(void)
{
    remove_folder(folder);
    free(folder);
}

TestSuite(disk_log, .init = make, .fini = clear);

static bool exists(uint64_t number, weir_segment_file kind)
{
    WEIR_FREE char *path = weir_segment_path(folder, number, kind);
    return access(path, F_OK) == 0;
}

Test(disk_log, gives_back_what_was_appended_in_order)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    for (uint64_t i = 0; i < 100; i++)
        append(log, i, NAME_LEN);
    for (uint64_t i = 0; i < 100; i++)
        read_expecting(log, i, NAME_LEN);
    cr_assert_eq(weir_disk_log_next_bytes(log), 0);
    weir_disk_log_close(log);
}

Test(disk_log, finds_the_unreleased_again)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_position positions[100];
    for (uint64_t i = 0; i < 100; i++)
        append(log, i, NAME_LEN);
    for (uint64_t i = 0; i < 100; i++)
        positions[i] = read_expecting(log, i, NAME_LEN);
    for (uint64_t i = 0; i < 100; i++) {
        if (i % 7 != 3)
            release(log, positions[i]);
    }
    cr_assert_eq(weir_disk_log_count(log).records, 14);
    weir_disk_log_close(log);
    log = open_log(folder, SEGMENT_BYTES);
    cr_assert_eq(weir_disk_log_count(log).records, 14);
    for (uint64_t i = 3; i < 100; i += 7)
        read_expecting(log, i, NAME_LEN);
    cr_assert_eq(weir_disk_log_next_bytes(log), 0);
    weir_disk_log_close(log);
}

Test(disk_log, takes_from_memory_only_what_is_next)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_position first = append(log, 0, NAME_LEN);
    weir_disk_position second = append(log, 1, NAME_LEN);
    cr_assert_not(weir_disk_log_take(log, second));
    cr_assert(weir_disk_log_take(log, first));
    cr_assert_not(weir_disk_log_take(log, first));
    cr_assert(weir_disk_log_take(log, second));
    weir_disk_position third = append(log, 2, NAME_LEN);
    cr_assert_gt(weir_disk_log_next_bytes(log), NAME_LEN);
    cr_assert(weir_disk_log_take(log, third));
    cr_assert_eq(weir_disk_log_next_bytes(log), 0);
    append(log, 3, NAME_LEN);
    weir_disk_position fifth = append(log, 4, NAME_LEN);
    read_expecting(log, 3, NAME_LEN);
    cr_assert(weir_disk_log_take(log, fifth));
    weir_disk_log_close(log);
}

Test(disk_log, removes_a_segment_with_its_last_record)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_position positions[40];
    for (uint64_t i = 0; i < 40; i++) {
        positions[i] = append(log, i, NAME_LEN);
        cr_assert(weir_disk_log_take(log, positions[i]));
    }
    uint64_t segments = positions[39].segment;
    cr_assert_geq(segments, 3);
    cr_assert_geq(weir_disk_log_count(log).file_bytes, (segments - 1) * SEGMENT_BYTES);
    for (uint64_t i = 1; i < 40; i++)
        release(log, positions[i]);
    cr_assert(exists(1, WEIR_FILE_LOG), "its first record is not released");
    cr_assert_not(exists(2, WEIR_FILE_LOG));
    cr_assert_not(exists(2, WEIR_FILE_DONE));
    release(log, positions[0]);
    cr_assert_not(exists(1, WEIR_FILE_LOG));
    cr_assert(exists(segments, WEIR_FILE_LOG), "the newest stays");
    cr_assert_eq(weir_disk_log_count(log).records, 0);
    cr_assert_leq(weir_disk_log_count(log).file_bytes, SEGMENT_BYTES + 500);
    weir_disk_log_close(log);
}

/* ---- counts ---- */

Test(disk_log, counts_what_is_not_released)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_position first = append(log, 0, NAME_LEN);
    weir_disk_position second = append(log, 1, NAME_LEN);
    weir_disk_log_counts counts = weir_disk_log_count(log);
    cr_assert_eq(counts.records, 2);
    cr_assert_eq(counts.items[WEIR_TRACES], 2);
    cr_assert_eq(counts.items[WEIR_LOGS], 0);
    cr_assert_gt(counts.record_bytes, 2 * NAME_LEN);
    cr_assert_gt(counts.file_bytes, counts.record_bytes);
    cr_assert_eq(counts.oldest_wall_ns, 1000);
    cr_assert(weir_disk_log_take(log, first) && weir_disk_log_take(log, second));
    cr_assert_eq(weir_disk_log_count(log).records, 2, "handed out is not released");
    release(log, first);
    counts = weir_disk_log_count(log);
    cr_assert_eq(counts.records, 1);
    cr_assert_eq(counts.oldest_wall_ns, 1001);
    release(log, second);
    counts = weir_disk_log_count(log);
    cr_assert_eq(counts.records + counts.items[WEIR_TRACES] + counts.record_bytes + counts.oldest_wall_ns, 0);
    weir_disk_log_close(log);
}

Test(disk_log, remembers_its_id_and_its_numbers)
{
    uint8_t id[16], id_again[16];
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_position position = append(log, 0, NAME_LEN);
    cr_assert(weir_disk_log_take(log, position));
    release(log, position);
    weir_disk_log_id(log, id);
    weir_disk_log_close(log);
    log = open_log(folder, SEGMENT_BYTES);
    weir_disk_log_id(log, id_again);
    cr_assert_arr_eq(id, id_again, sizeof id);
    cr_assert_gt(append(log, 1, NAME_LEN).segment, position.segment);
    weir_disk_log_close(log);
}

Test(disk_log, has_an_id_of_its_own)
{
    uint8_t id[16], other_id[16];
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_log_id(log, id);
    weir_disk_log_close(log);
    char *other = new_folder();
    log = open_log(other, SEGMENT_BYTES);
    weir_disk_log_id(log, other_id);
    weir_disk_log_close(log);
    cr_assert_arr_neq(id, other_id, sizeof id);
    remove_folder(other);
    free(other);
}

/* ---- memory ---- */

Test(disk_log, waits_for_memory_and_goes_on)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    append(log, 0, NAME_LEN);
    weir_account account;
    weir_account_init(&account, 10, 10);
    weir_record record;
    weir_disk_position position;
    weir_error error;
    cr_assert_eq(weir_disk_log_read(log, &account, &record, &position, &error), WEIR_NO_MEMORY);
    weir_account_init(&account, 10000, 10000);
    cr_assert_eq(weir_disk_log_read(log, &account, &record, &position, &error), WEIR_OK);
    cr_assert_geq(weir_account_used(&account), NAME_LEN);
    weir_record_done(&record);
    cr_assert_eq(weir_account_used(&account), 0);
    weir_disk_log_close(log);
}

Test(disk_log, forgets_its_oldest_segment_when_told_to)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    for (uint64_t i = 0; i < 40; i++)
        append(log, i, NAME_LEN);
    read_expecting(log, 0, NAME_LEN);
    uint64_t before = weir_disk_log_count(log).records;
    uint64_t items = 0;
    cr_assert_eq(weir_disk_log_drop_oldest(log, &items), WEIR_OK);
    cr_assert_gt(items, 0);
    cr_assert_eq(weir_disk_log_count(log).records, before - items);
    cr_assert_eq(weir_disk_log_count(log).damaged_bytes, 0);
    cr_assert_not(exists(1, WEIR_FILE_LOG));
    cr_assert_not(exists(1, WEIR_FILE_DAMAGED));
    read_expecting(log, items, NAME_LEN);
    while (weir_disk_log_drop_oldest(log, &items) == WEIR_OK) {
    }
    cr_assert_gt(weir_disk_log_count(log).records, 0, "the newest stays");
    weir_disk_log_close(log);
}

/* ---- other processes ---- */

Test(disk_log, is_opened_once)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_log_settings settings = settings_of(&weir_files_real, folder, SEGMENT_BYTES);
    weir_disk_log *second;
    weir_error error;
    cr_assert_eq(weir_disk_log_open(&settings, &second, &error), WEIR_AGAIN);
    WEIR_FREE char *pid = weir_format("pid %ld", (long)getpid());
    cr_assert_not_null(strstr(error.text, folder), "%s", error.text);
    cr_assert_not_null(strstr(error.text, pid), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "a directory of its own"), "%s", error.text);
    weir_disk_log_close(log);
    log = open_log(folder, SEGMENT_BYTES);
    weir_disk_log_close(log);
}

Test(disk_log, makes_its_folder_but_not_the_one_above)
{
    WEIR_FREE char *inner = weir_format("%s/a", folder);
    weir_disk_log_close(open_log(inner, SEGMENT_BYTES));
    struct stat about;
    cr_assert(stat(inner, &about) == 0 && (about.st_mode & 0777) == 0700);
    WEIR_FREE char *deeper = weir_format("%s/b/c", folder);
    weir_disk_log_settings settings = settings_of(&weir_files_real, deeper, SEGMENT_BYTES);
    weir_disk_log *log;
    weir_error error;
    cr_assert_eq(weir_disk_log_open(&settings, &log, &error), WEIR_IO);
    cr_assert_not_null(strstr(error.text, deeper), "%s", error.text);
}

typedef struct visited {
    uint64_t count;
    uint64_t stop_after;
    uint64_t numbers[64];
    weir_disk_position positions[64];
} visited;

static bool note_visit(void *user, const weir_record *record, weir_disk_position position)
{
    visited *seen = user;
    seen->positions[seen->count] = position;
    seen->numbers[seen->count++] = number_of(record);
    return seen->count < seen->stop_after;
}

Test(disk_log, is_visited_while_it_is_open)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    for (uint64_t i = 0; i < 40; i++)
        append(log, i, NAME_LEN);
    release(log, read_expecting(log, 0, NAME_LEN));
    read_expecting(log, 1, NAME_LEN);
    visited seen = {.stop_after = 64};
    weir_disk_log_counts counts;
    weir_error error;
    cr_assert_eq(weir_disk_log_visit(&weir_files_real, folder, note_visit, &seen, &counts, &error), WEIR_OK);
    cr_assert_eq(seen.count, 39);
    for (uint64_t i = 0; i < 39; i++)
        cr_assert_eq(seen.numbers[i], i + 1);
    weir_disk_log_counts own = weir_disk_log_count(log);
    cr_assert_eq(counts.records, own.records);
    cr_assert_eq(counts.items[WEIR_TRACES], own.items[WEIR_TRACES]);
    cr_assert_eq(counts.record_bytes, own.record_bytes);
    cr_assert_eq(counts.file_bytes, own.file_bytes);
    cr_assert_eq(counts.oldest_wall_ns, 1001);
    seen = (visited){.stop_after = 3};
    cr_assert_eq(weir_disk_log_visit(&weir_files_real, folder, note_visit, &seen, NULL, &error), WEIR_OK);
    cr_assert_eq(seen.count, 3);
    weir_disk_log_close(log);
}

Test(disk_log, is_not_found_where_there_is_none)
{
    weir_error error;
    visited seen = {.stop_after = 1};
    cr_assert_eq(weir_disk_log_visit(&weir_files_real, folder, note_visit, &seen, NULL, &error), WEIR_NOT_FOUND);
    cr_assert_eq(weir_disk_log_visit(&weir_files_real, "/nowhere", note_visit, &seen, NULL, &error), WEIR_NOT_FOUND);
    weir_disk_position position = {.segment = 1};
    cr_assert_eq(weir_disk_log_release_foreign(&weir_files_real, folder, position, &error), WEIR_NOT_FOUND);
}

Test(disk_log, hears_of_what_others_released)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    for (uint64_t i = 0; i < 40; i++)
        append(log, i, NAME_LEN);
    cr_assert_gt(weir_disk_log_next_bytes(log), 0);
    visited seen = {.stop_after = 64};
    weir_error error;
    cr_assert_eq(weir_disk_log_visit(&weir_files_real, folder, note_visit, &seen, NULL, &error), WEIR_OK);
    for (uint64_t i = 0; i < 40; i++) {
        if (i % 20 == 19)
            continue;
        cr_assert_eq(weir_disk_log_release_foreign(&weir_files_real, folder, seen.positions[i], &error), WEIR_OK);
    }
    cr_assert_eq(weir_disk_log_count(log).records, 40);
    cr_assert_eq(weir_disk_log_refresh(log, &error), WEIR_OK);
    weir_disk_log_counts counts = weir_disk_log_count(log);
    cr_assert_eq(counts.records, 2);
    cr_assert_eq(counts.items[WEIR_TRACES], 2);
    cr_assert_eq(counts.oldest_wall_ns, 1019);
    cr_assert_not(exists(1, WEIR_FILE_LOG));
    read_expecting(log, 19, NAME_LEN);
    release(log, read_expecting(log, 39, NAME_LEN));
    cr_assert_eq(weir_disk_log_refresh(log, &error), WEIR_OK);
    cr_assert_eq(weir_disk_log_next_bytes(log), 0);
    cr_assert_eq(weir_disk_log_count(log).records, 1);
    weir_disk_log_close(log);
}

Test(disk_log, passes_over_what_others_released_before_it_came_there)
{
    weir_disk_log *log = open_log(folder, SEGMENT_BYTES);
    weir_disk_position positions[40];
    for (uint64_t i = 0; i < 40; i++)
        positions[i] = append(log, i, NAME_LEN);
    read_expecting(log, 0, NAME_LEN);
    weir_error error;
    cr_assert_eq(weir_disk_log_release_foreign(&weir_files_real, folder, positions[20], &error), WEIR_OK);
    cr_assert(positions[20].segment > 1 && positions[20].segment < positions[39].segment);
    for (uint64_t i = 1; i < 40; i++) {
        if (i != 20)
            read_expecting(log, i, NAME_LEN);
    }
    cr_assert_eq(weir_disk_log_next_bytes(log), 0);
    cr_assert_eq(weir_disk_log_count(log).records, 39);
    cr_assert_eq(weir_disk_log_count(log).damaged_records, 0);
    weir_disk_log_close(log);
}
