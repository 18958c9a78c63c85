/* SPDX-License-Identifier: Apache-2.0
 *
 * Which records of one segment are handed out and not yet released.
 *
 *     index:    …  17  18  19  20  21  22  …
 *     released  ───┘   │   ×       └── not handed out yet
 *                      └── oldest outstanding; kept from here on, × is released out of order
 *
 * Memory grows with the distance from the oldest outstanding record to the newest, not with the segment. One thread.
 */
#ifndef WEIR_QUEUE_HANDED_H
#define WEIR_QUEUE_HANDED_H

#include <stdint.h>

#include "queue/format.h"

typedef struct weir_handed_record {
    uint64_t wall_ns;
    uint32_t payload_bytes; /* 0: not outstanding */
    uint32_t items;
    weir_signal signal;
} weir_handed_record;

/* Zero-initialised it is empty. */
typedef struct weir_handed {
    weir_handed_record *records; /* owned; records[i] is that of index base + i */
    uint32_t base;
    uint32_t first; /* position of the oldest outstanding one; == count: there is none */
    uint32_t count;
    uint32_t capacity;
} weir_handed;

/* Notes the record as outstanding; its index is higher than of all added before. */
void weir_handed_add(weir_handed *handed, const weir_frame *frame);
/* The outstanding record `index`, which must be one, is not any more. */
weir_handed_record weir_handed_remove(weir_handed *handed, uint32_t index);
/* The oldest outstanding record, or NULL. */
const weir_handed_record *weir_handed_oldest(const weir_handed *handed);
void weir_handed_done(weir_handed *handed);

#endif
