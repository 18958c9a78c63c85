/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/handed.h"

#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

enum { CAPACITY_MIN = 16 };

static void make_room(weir_handed *handed, uint32_t count)
{
    uint32_t kept = handed->count - handed->first;
    if (handed->first > 0) {
        memmove(handed->records, handed->records + handed->first, kept * sizeof handed->records[0]);
        handed->base += handed->first;
        handed->count = kept;
        handed->first = 0;
    }
    /* Doubled while more than half is in use, so that moving stays rare. */
    uint32_t wanted = handed->capacity > CAPACITY_MIN ? handed->capacity : CAPACITY_MIN;
    while (wanted / 2 < kept + count)
        wanted *= 2;
    if (wanted > handed->capacity) {
        handed->records = weir_realloc(handed->records, wanted, sizeof handed->records[0]);
        handed->capacity = wanted;
    }
}

void weir_handed_add(weir_handed *handed, const weir_frame *frame)
{
    if (handed->first == handed->count) {
        handed->base = frame->index;
        handed->first = handed->count = 0;
    }
    uint32_t end = handed->base + handed->count;
    WEIR_ASSERT(frame->index >= end && frame->payload_bytes > 0);
    uint32_t added = frame->index - end + 1;
    if (handed->count + added > handed->capacity)
        make_room(handed, added);
    memset(handed->records + handed->count, 0, (added - 1) * sizeof handed->records[0]); /* lost to damage */
    handed->count += added;
    handed->records[handed->count - 1] = (weir_handed_record){.wall_ns = frame->wall_ns,
                                                              .payload_bytes = frame->payload_bytes,
                                                              .items = frame->items,
                                                              .signal = frame->signal};
}

weir_handed_record weir_handed_remove(weir_handed *handed, uint32_t index)
{
    WEIR_ASSERT(index >= handed->base && index - handed->base < handed->count);
    weir_handed_record *record = &handed->records[index - handed->base];
    WEIR_ASSERT(record->payload_bytes > 0);
    weir_handed_record removed = *record;
    *record = (weir_handed_record){0};
    while (handed->first < handed->count && handed->records[handed->first].payload_bytes == 0)
        handed->first++;
    return removed;
}

const weir_handed_record *weir_handed_oldest(const weir_handed *handed)
{
    return handed->first < handed->count ? &handed->records[handed->first] : NULL;
}

void weir_handed_done(weir_handed *handed)
{
    free(handed->records);
    *handed = (weir_handed){0};
}
