/* SPDX-License-Identifier: Apache-2.0
 *
 * One batch as it lies on disk: its slices with their ids and kept ordinals, its metadata, and, of a dead letter, where
 * it came from and why it could not be delivered. The bytes are described in docs/disk-format.md. Bytes in, bytes out:
 * no files here.
 */
#ifndef WEIR_QUEUE_RECORD_H
#define WEIR_QUEUE_RECORD_H

#include <sys/uio.h>

#include "batch/batch.h"

/* What is stored. */
typedef struct weir_record {
    weir_signal signal;
    uint32_t slice_count;
    uint64_t items;
    uint64_t wall_ns;        /* when it was appended, by the wall clock, as read back */
    weir_metadata *metadata; /* owned reference or NULL */
    weir_slice *slices;      /* owned; their data lies in one chunk, charged to the account of the read */
    char *origin;            /* owned; of a dead letter: the exporter's id; otherwise NULL */
    char *reason;            /* owned; of a dead letter: what the backend said */
} weir_record;

/* Releases what the record owns and zeroes it. */
void weir_record_done(weir_record *record);

/* A payload ready to be written: parts[0] is `head`, the others are the slices' own bytes, in order. */
typedef struct weir_record_image {
    weir_buffer head;
    struct iovec *parts;
    int part_count;
    uint64_t payload_bytes;
    uint32_t payload_crc32c;
    weir_signal signal;
    uint64_t items;
} weir_record_image;

/* Makes the image of a batch; `origin` and `reason` are NULL but for dead letters. Borrows the batch's slices until
 * weir_record_image_done. Costs one pass over the bytes (the checksum). Any thread. */
void weir_record_image_init(weir_record_image *image, const weir_batch *batch, const char *origin, const char *reason);
void weir_record_image_done(weir_record_image *image);

/* Reads a payload whose checksum was right. Takes `*chunk` (sets it to NULL, also on failure) with the payload at
 * `data`; the slices refer to it. Their bytes are validated again (otlp/validate.h): a file may have been changed by
 * something that knows checksums. `wall_ns` is left 0: it stands in the frame. WEIR_INVALID with offset: not a record
 * of `signal`. Any thread. */
WEIR_MUST_USE weir_status weir_record_decode(weir_signal signal, weir_chunk **chunk, const uint8_t *data, size_t len,
                                             weir_record *ret_record, weir_error *ret_error);

/* A batch of the record's slices; takes them and the metadata out of `record`, and borrows `ack`. Its received_ns and
 * deadline_ns are the caller's to set. */
weir_batch *weir_record_take_batch(weir_record *record, weir_ack *ack);

#endif
