/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the known log (known_log.h) with the format version of today: write_format FOLDER. Run once when a version is
 * new, as FOLDER = tests/unit/queue/format-N; the files are stored and never written again.
 */
#include <stdio.h>

#include "known_log.h"

static weir_status write_record(weir_disk_log *log, unsigned number, weir_error *ret_error)
{
    weir_batch *batch = known_batch(number);
    weir_record_image image;
    weir_record_image_init(&image, batch, known_origin(number), known_reason(number));
    const weir_record_image *images[] = {&image};
    weir_disk_position position;
    weir_status status = weir_disk_log_append(log, images, 1, known_wall_ns(number), &position, ret_error);
    if (status == WEIR_OK && weir_disk_log_take(log, position) && known_released(number))
        status = weir_disk_log_release(log, &position, 1, ret_error);
    weir_record_image_done(&image);
    weir_batch_free(batch);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    const weir_disk_log_settings settings = {.files = &weir_files_real,
                                             .folder = argv[1],
                                             .folder_mode = 0755,
                                             .segment_bytes = KNOWN_SEGMENT_BYTES,
                                             .fsync = true};
    weir_disk_log *log = NULL;
    weir_error error;
    weir_status status = weir_disk_log_open(&settings, &log, &error);
    for (unsigned number = 0; status == WEIR_OK && number < KNOWN_RECORDS; number++)
        status = write_record(log, number, &error);
    weir_disk_log_close(log);
    if (status != WEIR_OK)
        fprintf(stderr, "%s\n", error.text);
    return status != WEIR_OK;
}
