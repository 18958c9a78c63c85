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
