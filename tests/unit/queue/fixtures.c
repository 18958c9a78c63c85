/* SPDX-License-Identifier: Apache-2.0 */
#include "fixtures.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/file.h"
#include "core/memory.h"

enum { LETTERS_MAX = 100000, LEVELS_MAX = 5, LENGTH_BYTES = 5 };

/* Field numbers from the request down to the item's text, ended by 0. */
static const uint8_t paths[WEIR_SIGNALS][LEVELS_MAX + 1] = {
    [WEIR_TRACES] = {1, 2, 2, 5},     /* resource_spans, scope_spans, spans, name */
    [WEIR_METRICS] = {1, 2, 2, 5, 1}, /* resource_metrics, scope_metrics, metrics, gauge, data_points */
    [WEIR_LOGS] = {1, 2, 2, 3},       /* resource_logs, scope_logs, log_records, severity_text */
};

/* Puts a field header before `inner`: a tag, and the length as a varint of LENGTH_BYTES. */
static void wrap(weir_buffer *inner, uint8_t field)
{
    WEIR_BUFFER outer = {0};
    weir_buffer_append_byte(&outer, (uint8_t)(field << 3 | 2));
    for (int i = 0; i < LENGTH_BYTES; i++)
        weir_buffer_append_byte(&outer, (uint8_t)((inner->len >> (7 * i) & 0x7F) | (i + 1 < LENGTH_BYTES ? 0x80 : 0)));
    weir_buffer_append(&outer, inner->data, inner->len);
    weir_buffer swap = *inner;
    *inner = outer;
    outer = swap;
}

weir_slice a_slice(weir_signal signal, uint64_t number, size_t name_len)
{
    WEIR_BUFFER bytes = {0};
    WEIR_ASSERT(name_len > 0 && name_len <= LETTERS_MAX);
    if (signal != WEIR_METRICS) {
        for (size_t i = 0; i < name_len; i++)
            weir_buffer_append_byte(&bytes, (uint8_t)('a' + (number + i) % 26));
    } else { /* the data point's exemplars, a repeated field of empty messages, carry the length */
        for (size_t i = 0; i < name_len; i++)
            weir_buffer_append(&bytes, "\x2a\x00", 2);
    }
    int levels = (int)strlen((const char *)paths[signal]);
    for (int level = levels - 1; level >= 0; level--)
        wrap(&bytes, paths[signal][level]);
    weir_slice slice = {.chunk = weir_chunk_new(NULL, bytes.len), .len = bytes.len, .items = 1, .id = {7, number}};
    memcpy(slice.chunk->data, bytes.data, bytes.len);
    slice.data = slice.chunk->data;
    return slice;
}

static void complete_nothing(weir_ack *ack, const weir_outcome *outcome)
{
    (void)ack, (void)outcome;
}

static weir_ack nobody = {.complete = complete_nothing};

weir_batch *a_batch(weir_signal signal, uint64_t number, uint32_t slices, size_t name_len)
{
    weir_record record = {.signal = signal, .slice_count = slices, .items = slices};
    record.slices = weir_alloc(slices, sizeof record.slices[0]);
    for (uint32_t i = 0; i < slices; i++)
        record.slices[i] = a_slice(signal, number + i, name_len);
    weir_batch *batch = weir_record_take_batch(&record, &nobody);
    weir_record_done(&record);
    return batch;
}

bool is_record_of(const weir_record *record, weir_signal signal, uint64_t number, uint32_t slices, size_t name_len)
{
    bool same = record->signal == signal && record->slice_count == slices && record->items == slices;
    for (uint32_t i = 0; same && i < slices; i++) {
        weir_slice expected = a_slice(signal, number + i, name_len);
        const weir_slice *found = &record->slices[i];
        same = found->id.origin == 7 && found->id.sequence == number + i && found->items == 1 &&
               found->len == expected.len && memcmp(found->data, expected.data, expected.len) == 0;
        weir_slice_done(&expected);
    }
    return same;
}

uint64_t number_of(const weir_record *record)
{
    return record->slices[0].id.sequence;
}

char *new_folder(void)
{
    char pattern[] = "/tmp/weir-queue-XXXXXX";
    cr_assert_not_null(mkdtemp(pattern));
    return weir_strdup(pattern);
}

static void remove_entry(void *user, const char *name)
{
    WEIR_FREE char *path = weir_format("%s/%s", (const char *)user, name);
    if (weir_files_real.unlink(&weir_files_real, path) != 0)
        remove_folder(path);
}

void remove_folder(const char *folder)
{
    weir_files_real.list(&weir_files_real, folder, remove_entry, (void *)(uintptr_t)folder);
    weir_files_real.rmdir(&weir_files_real, folder);
}

weir_disk_log_settings settings_of(const weir_files *files, const char *folder, uint64_t segment_bytes)
{
    return (weir_disk_log_settings){
        .files = files, .folder = folder, .folder_mode = 0700, .segment_bytes = segment_bytes, .fsync = true};
}

weir_disk_log *open_log(const char *folder, uint64_t segment_bytes)
{
    weir_disk_log_settings settings = settings_of(&weir_files_real, folder, segment_bytes);
    weir_disk_log *log = NULL;
    weir_error error;
    weir_status status = weir_disk_log_open(&settings, &log, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
    return log;
}

weir_status try_append(weir_disk_log *log, uint64_t number, size_t name_len, weir_disk_position *ret_position)
{
    weir_batch *batch = a_batch(WEIR_TRACES, number, 1, name_len);
    weir_record_image image;
    weir_record_image_init(&image, batch, NULL, NULL);
    const weir_record_image *images[] = {&image};
    weir_error error;
    weir_status status = weir_disk_log_append(log, images, 1, 1000 + number, ret_position, &error);
    weir_record_image_done(&image);
    weir_batch_free(batch);
    return status;
}

weir_disk_position append(weir_disk_log *log, uint64_t number, size_t name_len)
{
    weir_disk_position position = {0};
    cr_assert_eq(try_append(log, number, name_len, &position), WEIR_OK);
    return position;
}

weir_disk_position read_expecting(weir_disk_log *log, uint64_t number, size_t name_len)
{
    weir_record record;
    weir_disk_position position = {0};
    weir_error error;
    weir_status status = weir_disk_log_read(log, NULL, &record, &position, &error);
    cr_assert_eq(status, WEIR_OK, "record %llu: status %d", (unsigned long long)number, status);
    cr_assert(is_record_of(&record, WEIR_TRACES, number, 1, name_len), "found %llu instead of %llu",
              (unsigned long long)number_of(&record), (unsigned long long)number);
    cr_assert_eq(record.wall_ns, 1000 + number);
    weir_record_done(&record);
    return position;
}

size_t read_all(weir_disk_log *log, uint64_t *ret_numbers, size_t max)
{
    size_t count = 0;
    for (;;) {
        weir_record record;
        weir_disk_position position;
        weir_error error;
        weir_status status = weir_disk_log_read(log, NULL, &record, &position, &error);
        if (status == WEIR_NOT_FOUND)
            return count;
        cr_assert_eq(status, WEIR_OK);
        cr_assert_lt(count, max);
        ret_numbers[count++] = number_of(&record);
        weir_record_done(&record);
    }
}

void release(weir_disk_log *log, weir_disk_position position)
{
    weir_error error;
    weir_status status = weir_disk_log_release(log, &position, 1, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
}

uint8_t *load_file(const char *path, size_t *ret_size)
{
    weir_buffer bytes = {0};
    weir_buffer_reserve(&bytes, 1);
    weir_status status = weir_file_read_all(&weir_files_real, path, 1 << 30, &bytes);
    cr_assert_eq(status, WEIR_OK, "%s", path);
    *ret_size = bytes.len;
    return bytes.data;
}

void save_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, "%s", path);
}
