/* SPDX-License-Identifier: Apache-2.0
 *
 * Logs that were written by weirs of each format version, and stored: they are read as what they were.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "fixtures.h"
#include "known_log.h"
#include "queue/format.h"

typedef struct copy_job {
    const char *from;
    const char *to;
    unsigned files;
} copy_job;

static void copy_file(void *user, const char *name)
{
    copy_job *job = user;
    WEIR_FREE char *from = weir_format("%s/%s", job->from, name);
    WEIR_FREE char *to = weir_format("%s/%s", job->to, name);
    size_t size;
    WEIR_FREE uint8_t *bytes = load_file(from, &size);
    save_file(to, bytes, size);
    job->files++;
}

static void assert_reads_as_known(weir_disk_log *log)
{
    weir_account account;
    weir_account_init(&account, 1 << 20, 1 << 20);
    for (unsigned number = 0; number < KNOWN_RECORDS; number++) {
        if (known_released(number))
            continue;
        weir_record record;
        weir_disk_position position;
        weir_error error;
        cr_assert_eq(weir_disk_log_read(log, &account, &record, &position, &error), WEIR_OK);
        cr_assert(is_known_record(&record, number), "record %u", number);
        weir_record_done(&record);
    }
    cr_assert_eq(weir_disk_log_next_bytes(log), 0);
}

Test(disk_format, of_every_version_is_read)
{
    for (unsigned version = 1; version <= WEIR_DISK_FORMAT_VERSION; version++) {
        char *folder = new_folder();
        WEIR_FREE char *stored = weir_format("%s/tests/unit/queue/format-%u", WEIR_SOURCE_DIR, version);
        copy_job job = {.from = stored, .to = folder};
        cr_assert_eq(weir_files_real.list(&weir_files_real, stored, copy_file, &job), 0, "%s", stored);
        cr_assert_geq(job.files, 4, "three segments and the notes of one");
        weir_disk_log *log = open_log(folder, KNOWN_SEGMENT_BYTES);
        weir_disk_log_counts counts = weir_disk_log_count(log);
        cr_assert_eq(counts.records, KNOWN_RECORDS - 1);
        cr_assert_eq(counts.torn_bytes + counts.damaged_bytes + counts.damaged_records, 0);
        assert_reads_as_known(log);
        weir_disk_log_close(log);
        remove_folder(folder);
        free(folder);
    }
}
