/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the disk log share: small valid requests, batches of them, a log in a folder of its own, and
 * comparing what comes back.
 */
#ifndef WEIR_TEST_QUEUE_FIXTURES_H
#define WEIR_TEST_QUEUE_FIXTURES_H

#include "queue/disk_log.h"

/* A request with one item, whose name is `name_len` letters that follow from `number`. */
weir_slice a_slice(weir_signal signal, uint64_t number, size_t name_len);

/* A batch of such slices with the ids {7, number}, {7, number + 1}, …; nobody waits for it. */
weir_batch *a_batch(weir_signal signal, uint64_t number, uint32_t slices, size_t name_len);

/* True if the record's slices are those of a_batch(…). */
bool is_record_of(const weir_record *record, weir_signal signal, uint64_t number, uint32_t slices, size_t name_len);

/* The id of the record's first slice. */
uint64_t number_of(const weir_record *record);

/* A new folder under /tmp for `name`/log; free() it. */
char *new_folder(void);
/* Removes the folder, with the files in it and in folders one level down. */
void remove_folder(const char *folder);

weir_disk_log_settings settings_of(const weir_files *files, const char *folder, uint64_t segment_bytes);

/* Opens the log in `folder` with the real files and small segments; stops the test if that fails. */
weir_disk_log *open_log(const char *folder, uint64_t segment_bytes);

/* Appends a_batch(WEIR_TRACES, number, 1, name_len) as a group of one. */
weir_status try_append(weir_disk_log *log, uint64_t number, size_t name_len, weir_disk_position *ret_position);
weir_disk_position append(weir_disk_log *log, uint64_t number, size_t name_len);

/* Reads one record, checks that it is the one of `number`, and gives its position. */
weir_disk_position read_expecting(weir_disk_log *log, uint64_t number, size_t name_len);
/* Reads to the end: how many records; `ret_numbers` has room for `max`. */
size_t read_all(weir_disk_log *log, uint64_t *ret_numbers, size_t max);
void release(weir_disk_log *log, weir_disk_position position);

/* A whole file; free() it. */
uint8_t *load_file(const char *path, size_t *ret_size);
void save_file(const char *path, const void *bytes, size_t size);

#endif
