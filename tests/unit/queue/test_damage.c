/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are not as they were written: a tail torn at every byte, every bit flipped, notes that are wrong, files
 * missing or of a newer version. What is good is found, what is wrong is never handed out.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "core/memory.h"
#include "faulty_files.h"
#include "fixtures.h"
#include "queue/format.h"
#include "queue/little_endian.h"
#include "queue/crc32c.h"

enum { RECORDS = 5, NAME_LEN = 37, NUMBERS_MAX = 32 };

#define FOLDER "/log"
#define FIRST FOLDER "/0000000000000001.log"
#define FIRST_DONE FOLDER "/0000000000000001.done"
#define FIRST_DAMAGED FOLDER "/0000000000000001.damaged"
#define SECOND FOLDER "/0000000000000002.log"

static faulty_files faulty;

static void make(void)
{
    faulty_files_init(&faulty);
    faulty_put(&faulty, FOLDER, NULL, 0);
}

static void clear(void)
{
    faulty_files_done(&faulty);
}

TestSuite(damage, .init = make, .fini = clear);

static weir_disk_log *open_here(uint64_t segment_bytes)
{
    weir_disk_log_settings settings = settings_of(&faulty.super, FOLDER, segment_bytes);
    weir_disk_log *log = NULL;
    weir_error error;
    weir_status status = weir_disk_log_open(&settings, &log, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
    return log;
}

/* RECORDS records in one segment, 0 …; with `another`, one more in a second segment. */
static void write_log(bool another)
{
    weir_disk_log *log = open_here(1 << 20);
    for (unsigned i = 0; i < RECORDS; i++)
        append(log, i, NAME_LEN);
    weir_disk_log_close(log);
    if (!another)
        return;
    log = open_here(1 << 20);
    append(log, RECORDS, NAME_LEN);
    weir_disk_log_close(log);
}

static weir_buffer copy_of(const char *path)
{
    weir_buffer copy = {0};
    const weir_buffer *bytes = faulty_get(&faulty, path);
    weir_buffer_append(&copy, bytes->data, bytes->len);
    return copy;
}

static void forget(const char *path)
{
    (void)!faulty.super.unlink(&faulty.super, path);
}

static uint64_t record_bytes(void)
{
    const weir_buffer *bytes = faulty_get(&faulty, FIRST);
    return (bytes->len - WEIR_SEGMENT_HEADER_BYTES) / RECORDS;
}

/* Reads everything; each record must be right, and come once, in order. Gives a set of the numbers. */
static uint32_t read_set(weir_disk_log *log)
{
    uint32_t set = 0;
    for (;;) {
        weir_record record;
        weir_disk_position position;
        weir_error error;
        weir_status status = weir_disk_log_read(log, NULL, &record, &position, &error);
        if (status == WEIR_NOT_FOUND)
            return set;
        cr_assert_eq(status, WEIR_OK);
        uint64_t number = number_of(&record);
        cr_assert_lt(number, NUMBERS_MAX);
        cr_assert(is_record_of(&record, WEIR_TRACES, number, 1, NAME_LEN));
        cr_assert_lt(set, 1u << number, "twice or out of order");
        set |= 1u << number;
        weir_record_done(&record);
        release(log, position);
    }
}

/* ---- torn tails ---- */

static void assert_torn_tail_is_cut(uint32_t expected, bool is_torn)
{
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_eq(weir_disk_log_count(log).torn_bytes > 0, is_torn);
    cr_assert_eq(weir_disk_log_count(log).records, __builtin_popcount(expected));
    append(log, RECORDS, NAME_LEN);
    weir_disk_log_close(log);
    log = open_here(1 << 20);
    weir_disk_log_counts counts = weir_disk_log_count(log);
    cr_assert_eq(counts.torn_bytes, 0);
    cr_assert_eq(counts.damaged_bytes, 0, "what was cut off must not be found again as damage");
    cr_assert_eq(read_set(log), expected | 1u << RECORDS);
    weir_disk_log_close(log);
}

static void tear(const weir_buffer *good, size_t cut, bool zeroes)
{
    weir_buffer torn = {0};
    weir_buffer_append(&torn, good->data, good->len);
    if (zeroes)
        memset(torn.data + cut, 0, good->len - cut);
    else
        torn.len = cut;
    clear();
    make();
    faulty_put(&faulty, FIRST, torn.data, torn.len);
    weir_buffer_done(&torn);
}

Test(damage, a_tail_torn_at_any_byte_is_cut_off)
{
    write_log(false);
    uint64_t size = record_bytes();
    weir_buffer good = copy_of(FIRST);
    size_t payload_end = good.len;
    while (good.data[payload_end - 1] == 0)
        payload_end--;
    for (size_t cut = WEIR_SEGMENT_HEADER_BYTES; cut < payload_end; cut++) {
        uint32_t whole = (1u << (cut - WEIR_SEGMENT_HEADER_BYTES) / size) - 1;
        bool at_border = (cut - WEIR_SEGMENT_HEADER_BYTES) % size == 0;
        for (size_t record = 1; record <= RECORDS; record++) { /* a record that lacks only padding is whole */
            size_t end = WEIR_SEGMENT_HEADER_BYTES + record * size;
            if (cut < end && cut >= end - (good.len - payload_end)) {
                whole |= 1u << (record - 1);
                at_border = true;
            }
        }
        tear(&good, cut, false);
        assert_torn_tail_is_cut(whole, !at_border);
        tear(&good, cut, true);
        assert_torn_tail_is_cut(whole, cut < payload_end);
    }
    weir_buffer_done(&good);
}

Test(damage, a_file_that_never_got_its_header_is_removed)
{
    write_log(false);
    weir_buffer good = copy_of(FIRST);
    for (size_t len = 0; len < WEIR_SEGMENT_HEADER_BYTES; len++) {
        faulty_put(&faulty, SECOND, good.data, len);
        weir_disk_log *log = open_here(1 << 20);
        cr_assert_null(faulty_get(&faulty, SECOND));
        cr_assert_eq(weir_disk_log_count(log).records, RECORDS);
        weir_disk_log_close(log);
    }
    weir_buffer_done(&good);
}

/* ---- flipped bits ---- */

typedef void (*damage_checker)(size_t offset);

static void flip_every_bit(const char *path, damage_checker check)
{
    weir_buffer first = copy_of(FIRST);
    weir_buffer bytes = copy_of(path);
    weir_buffer second = {0};
    if (faulty_get(&faulty, SECOND))
        second = copy_of(SECOND);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        clear();
        make();
        faulty_put(&faulty, FIRST, first.data, first.len);
        if (second.len > 0)
            faulty_put(&faulty, SECOND, second.data, second.len);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        faulty_put(&faulty, path, bytes.data, bytes.len);
        bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check(bit / 8);
    }
    weir_buffer_done(&first);
    weir_buffer_done(&bytes);
    weir_buffer_done(&second);
}

static unsigned record_at(size_t offset)
{
    return (unsigned)((offset - WEIR_SEGMENT_HEADER_BYTES) / record_bytes());
}

/* In the first of two segments: nothing but the record that was hit is missing, and the file is kept for a person. */
static void check_sealed(size_t offset)
{
    uint32_t all = (1u << (RECORDS + 1)) - 1;
    bool in_header = offset < WEIR_SEGMENT_HEADER_BYTES;
    uint32_t hit = in_header ? 0 : 1u << record_at(offset);
    weir_disk_log *log = open_here(1 << 20);
    uint32_t found = read_set(log);
    cr_assert(found == all || found == (all & ~hit), "offset %zu: found %x", offset, found);
    weir_disk_log_counts counts = weir_disk_log_count(log);
    cr_assert_eq(counts.records, 0);
    if (found != all)
        cr_assert_gt(counts.damaged_bytes, 0);
    cr_assert_eq(faulty_get(&faulty, FIRST_DAMAGED) != NULL, in_header || found != all, "offset %zu", offset);
    cr_assert_null(faulty_get(&faulty, FIRST));
    weir_disk_log_close(log);
}

Test(damage, a_flipped_bit_in_a_sealed_segment_costs_one_record)
{
    write_log(true);
    flip_every_bit(FIRST, check_sealed);
}

static void check_newest(size_t offset)
{
    uint32_t all = (1u << RECORDS) - 1;
    uint32_t hit = offset < WEIR_SEGMENT_HEADER_BYTES ? 0 : 1u << record_at(offset);
    weir_disk_log *log = open_here(1 << 20);
    uint32_t found = read_set(log);
    cr_assert(found == all || found == (all & ~hit), "offset %zu: found %x", offset, found);
    append(log, RECORDS, NAME_LEN);
    cr_assert_eq(read_set(log), 1u << RECORDS);
    weir_disk_log_close(log);
}

Test(damage, a_flipped_bit_in_the_newest_segment_costs_one_record)
{
    write_log(false);
    flip_every_bit(FIRST, check_newest);
}

static bool add_to_set(void *user, const weir_record *record, weir_disk_position position)
{
    (void)position;
    *(uint32_t *)user |= 1u << number_of(record);
    return true;
}

static void check_visit(size_t offset)
{
    uint32_t all = (1u << (RECORDS + 1)) - 1;
    uint32_t hit = offset < WEIR_SEGMENT_HEADER_BYTES ? 0 : 1u << record_at(offset);
    uint32_t found = 0;
    weir_error error;
    cr_assert_eq(weir_disk_log_visit(&faulty.super, FOLDER, add_to_set, &found, NULL, &error), WEIR_OK);
    cr_assert(found == all || found == (all & ~hit), "offset %zu: found %x", offset, found);
}

Test(damage, a_flipped_bit_costs_a_visitor_one_record)
{
    write_log(true);
    flip_every_bit(FIRST, check_visit);
}

/* Records 1 and 3 are noted as released: a wrong note may lose the release, never a record. */
static void check_done(size_t offset)
{
    (void)offset;
    weir_disk_log *log = open_here(1 << 20);
    uint32_t found = read_set(log);
    cr_assert_eq(found & ~0xAu, (1u << (RECORDS + 1)) - 1 - 0xA);
    cr_assert_eq(__builtin_popcount(found), RECORDS + 1 - 1);
    weir_disk_log_close(log);
}

Test(damage, a_flipped_bit_in_a_note_brings_one_record_back)
{
    write_log(true);
    for (uint32_t index = 1; index <= 3; index += 2) {
        weir_error error;
        weir_disk_position position = {.segment = 1, .index = index};
        cr_assert_eq(weir_disk_log_release_foreign(&faulty.super, FOLDER, position, &error), WEIR_OK);
    }
    flip_every_bit(FIRST_DONE, check_done);
}

Test(damage, notes_after_a_torn_one_count)
{
    write_log(true);
    weir_error error;
    weir_disk_position position = {.segment = 1, .index = 1};
    cr_assert_eq(weir_disk_log_release_foreign(&faulty.super, FOLDER, position, &error), WEIR_OK);
    weir_buffer notes = copy_of(FIRST_DONE);
    for (size_t len = 0; len <= WEIR_DONE_ENTRY_BYTES; len++) {
        WEIR_BUFFER torn = {0};
        weir_buffer_append(&torn, notes.data, len);
        faulty_put(&faulty, FIRST_DONE, torn.data ? torn.data : (uint8_t *)"", torn.len);
        position.index = 3;
        cr_assert_eq(weir_disk_log_release_foreign(&faulty.super, FOLDER, position, &error), WEIR_OK);
        uint32_t found = 0;
        cr_assert_eq(weir_disk_log_visit(&faulty.super, FOLDER, add_to_set, &found, NULL, &error), WEIR_OK);
        cr_assert_eq(found, len == WEIR_DONE_ENTRY_BYTES ? 0x35u : 0x37u, "%zu bytes: %x", len, found);
    }
    weir_buffer_done(&notes);
}

/* ---- bytes from elsewhere ---- */

/* The log's file with record `to` replaced by record `from` of `source`. */
static void transplant(const weir_buffer *source, unsigned from, unsigned to)
{
    uint64_t size = record_bytes();
    weir_buffer bytes = copy_of(FIRST);
    memcpy(bytes.data + WEIR_SEGMENT_HEADER_BYTES + to * size, source->data + WEIR_SEGMENT_HEADER_BYTES + from * size,
           size);
    faulty_put(&faulty, FIRST, bytes.data, bytes.len);
    weir_buffer_done(&bytes);
}

Test(damage, a_record_of_another_segment_is_not_taken_for_one)
{
    write_log(true);
    weir_buffer other = copy_of(FIRST);
    clear();
    make();
    write_log(true);
    transplant(&other, 2, 2);
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_eq(read_set(log), ((1u << (RECORDS + 1)) - 1) & ~(1u << 2));
    weir_disk_log_close(log);
    weir_buffer_done(&other);
}

Test(damage, a_record_that_stands_there_twice_comes_once)
{
    write_log(true);
    weir_buffer own = copy_of(FIRST);
    transplant(&own, 1, 3);
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_eq(read_set(log), ((1u << (RECORDS + 1)) - 1) & ~(1u << 3));
    weir_disk_log_close(log);
    weir_buffer_done(&own);
}

Test(damage, notes_of_another_segment_release_nothing)
{
    write_log(true);
    weir_error error;
    weir_disk_position position = {.segment = 1, .index = 1};
    cr_assert_eq(weir_disk_log_release_foreign(&faulty.super, FOLDER, position, &error), WEIR_OK);
    weir_buffer notes = copy_of(FIRST_DONE);
    clear();
    make();
    write_log(true);
    faulty_put(&faulty, FIRST_DONE, notes.data, notes.len);
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_eq(read_set(log), (1u << (RECORDS + 1)) - 1);
    weir_disk_log_close(log);
    weir_buffer_done(&notes);
}

/* ---- whole files ---- */

Test(damage, damaged_records_are_damaged_after_a_restart_too)
{
    write_log(true);
    weir_buffer bytes = copy_of(FIRST);
    bytes.data[WEIR_SEGMENT_HEADER_BYTES + WEIR_FRAME_BYTES + 20] ^= 1;
    faulty_put(&faulty, FIRST, bytes.data, bytes.len);
    weir_buffer_done(&bytes);
    weir_disk_log *log = open_here(1 << 20);
    weir_disk_position position = read_expecting(log, 1, NAME_LEN);
    cr_assert_eq(weir_disk_log_count(log).damaged_records, 1);
    release(log, position);
    weir_disk_log_close(log);
    log = open_here(1 << 20);
    read_set(log);
    cr_assert_eq(weir_disk_log_count(log).damaged_records, 1);
    cr_assert_not_null(faulty_get(&faulty, FIRST_DAMAGED));
    weir_disk_log_close(log);
}

Test(damage, a_file_that_cannot_be_set_aside_costs_nothing_else)
{
    write_log(true);
    weir_buffer bytes = copy_of(FIRST);
    bytes.data[WEIR_SEGMENT_HEADER_BYTES] ^= 1;
    faulty_put(&faulty, FIRST, bytes.data, bytes.len);
    weir_buffer_done(&bytes);
    faulty.fail_call = FAULTY_RENAME;
    faulty.fail_at = 1;
    faulty.failure.error = EIO;
    weir_disk_log *log = open_here(1 << 20);
    uint32_t found = read_set(log);
    cr_assert_eq(found, (1u << (RECORDS + 1)) - 2);
    weir_disk_log_close(log);
    log = open_here(1 << 20);
    cr_assert_eq(weir_disk_log_count(log).records, 0);
    cr_assert_not_null(faulty_get(&faulty, FIRST_DAMAGED), "set aside by the next open");
    weir_disk_log_close(log);
}

Test(damage, a_file_that_vanishes_takes_only_its_own_records)
{
    write_log(true);
    weir_disk_log *log = open_here(1 << 20);
    forget(FIRST);
    cr_assert_eq(read_set(log), 1u << RECORDS);
    cr_assert_eq(weir_disk_log_count(log).damaged_records, RECORDS);
    cr_assert_eq(weir_disk_log_count(log).records, 0);
    weir_disk_log_close(log);
}

/* Its records would be answered OK, and lost with the process. */
Test(damage, nothing_is_appended_to_a_file_that_was_removed)
{
    weir_disk_log *log = open_here(1 << 20);
    append(log, 0, NAME_LEN);
    forget(FIRST);
    append(log, 1, NAME_LEN);
    weir_disk_log_close(log);
    log = open_here(1 << 20);
    cr_assert_eq(read_set(log), 1u << 1);
    weir_disk_log_close(log);
}

/* Even where no other file can be begun, since the folder is gone too. */
Test(damage, the_newest_file_that_vanishes_takes_its_records_and_they_are_counted)
{
    weir_disk_log *log = open_here(1 << 20);
    append(log, 0, NAME_LEN);
    append(log, 1, NAME_LEN);
    forget(FIRST);
    cr_assert_eq(read_set(log), 0);
    cr_assert_eq(weir_disk_log_count(log).damaged_records, 2);
    cr_assert_eq(weir_disk_log_count(log).records, 0);
    append(log, 2, NAME_LEN);
    cr_assert_eq(read_set(log), 1u << 2);
    cr_assert_eq(weir_disk_log_count(log).damaged_records, 2);
    weir_disk_log_close(log);
}

Test(damage, a_damaged_newest_file_is_set_aside_when_its_good_records_are_released)
{
    write_log(false);
    weir_buffer bytes = copy_of(FIRST);
    bytes.data[WEIR_SEGMENT_HEADER_BYTES] ^= 1;
    faulty_put(&faulty, FIRST, bytes.data, bytes.len);
    weir_buffer_done(&bytes);
    weir_disk_log *log = open_here(1 << 20);
    for (unsigned number = 1; number < RECORDS; number++)
        release(log, read_expecting(log, number, NAME_LEN));
    cr_assert_not_null(faulty_get(&faulty, FIRST_DAMAGED));
    weir_disk_log_close(log);
    log = open_here(1 << 20);
    cr_assert_eq(weir_disk_log_count(log).damaged_bytes, 0);
    append(log, RECORDS, NAME_LEN);
    cr_assert_eq(read_set(log), 1u << RECORDS);
    weir_disk_log_close(log);
}

Test(damage, zeroes_in_place_of_a_newest_file_that_was_not_synced_are_no_damage)
{
    static const uint8_t zeroes[4096];
    write_log(false);
    faulty_put(&faulty, SECOND, zeroes, sizeof zeroes);
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_eq(weir_disk_log_count(log).damaged_bytes, 0);
    cr_assert_eq(read_set(log), (1u << RECORDS) - 1);
    append(log, RECORDS, NAME_LEN);
    cr_assert_null(faulty_get(&faulty, FOLDER "/0000000000000002.damaged"));
    weir_disk_log_close(log);
}

Test(damage, a_file_without_one_good_record_is_set_aside)
{
    static const uint8_t garbage[500] = {1, 2, 3};
    write_log(true);
    faulty_put(&faulty, FIRST, garbage, sizeof garbage);
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_not_null(faulty_get(&faulty, FIRST_DAMAGED));
    cr_assert_eq(read_set(log), 1u << RECORDS);
    weir_disk_log_close(log);
}

Test(damage, a_note_without_its_segment_is_removed)
{
    write_log(true);
    faulty_put(&faulty, FOLDER "/00000000000000ff.done", "12345678", 8);
    weir_disk_log *log = open_here(1 << 20);
    cr_assert_null(faulty_get(&faulty, FOLDER "/00000000000000ff.done"));
    weir_disk_position position = append(log, RECORDS + 1, NAME_LEN);
    cr_assert_gt(position.segment, 0xff, "a number is never used twice");
    weir_disk_log_close(log);
}

/* ---- versions ---- */

Test(damage, a_newer_version_is_refused_and_left_as_it_is)
{
    write_log(true);
    weir_buffer first = copy_of(FIRST);
    weir_buffer newer = copy_of(SECOND);
    weir_put_u32(newer.data + 8, WEIR_DISK_FORMAT_VERSION + 1);
    weir_put_u32(newer.data + 12, weir_crc32c(0, newer.data, 12));
    weir_buffer_append_text(&newer, "a tail of another format");
    faulty_put(&faulty, SECOND, newer.data, newer.len);
    weir_disk_log_settings settings = settings_of(&faulty.super, FOLDER, 1 << 20);
    weir_disk_log *log;
    weir_error error;
    size_t names = faulty.seen.count;
    cr_assert_eq(weir_disk_log_open(&settings, &log, &error), WEIR_UNSUPPORTED);
    cr_assert_not_null(strstr(error.text, SECOND), "%s", error.text);
    cr_assert_not_null(strstr(error.text, "version 2"), "%s", error.text);
    const weir_buffer *now = faulty_get(&faulty, SECOND);
    cr_assert(now->len == newer.len && memcmp(now->data, newer.data, newer.len) == 0);
    now = faulty_get(&faulty, FIRST);
    cr_assert(now->len == first.len && memcmp(now->data, first.data, first.len) == 0);
    cr_assert_eq(faulty.seen.count, names);
    uint32_t found = 0;
    cr_assert_eq(weir_disk_log_visit(&faulty.super, FOLDER, add_to_set, &found, NULL, &error), WEIR_UNSUPPORTED);
    weir_buffer_done(&first);
    weir_buffer_done(&newer);
}
