/* SPDX-License-Identifier: Apache-2.0
 *
 * The records of the stored folders format-1/, …: what a log of each format version must be read as.
 */
#ifndef WEIR_TEST_QUEUE_KNOWN_LOG_H
#define WEIR_TEST_QUEUE_KNOWN_LOG_H

#include "queue/disk_log.h"

enum { KNOWN_RECORDS = 6, KNOWN_SEGMENT_BYTES = 600 };

/* Record `number`, as a batch with metadata, ordinals or a dead letter's texts, each in some of them. */
weir_batch *known_batch(unsigned number);
const char *known_origin(unsigned number);
const char *known_reason(unsigned number);
/* Record 1 is noted as released. */
bool known_released(unsigned number);
uint64_t known_wall_ns(unsigned number);

/* True if the record is what was written as `number`. */
bool is_known_record(const weir_record *record, unsigned number);

#endif
