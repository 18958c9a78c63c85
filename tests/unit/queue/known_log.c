/* SPDX-License-Identifier: Apache-2.0 */
#include "known_log.h"

#include <string.h>

#include "fixtures.h"

/* Traces, metrics and logs, of one to three slices. */
static weir_signal signal_of(unsigned number)
{
    return (weir_signal)(number % WEIR_SIGNALS);
}

static uint32_t slices_of(unsigned number)
{
    return number / 2 + 1;
}

weir_batch *known_batch(unsigned number)
{
    weir_batch *batch = a_batch(signal_of(number), number * 100, slices_of(number), 30 + number);
    if (number % 2 == 0) {
        const weir_metadata_entry entries[] = {{WEIR_TEXT("x-tenant"), WEIR_TEXT("green")},
                                               {WEIR_TEXT("x-tenant"), WEIR_TEXT("blue")}};
        batch->metadata = weir_metadata_new(entries, 2, "10.0.0.1:4000");
    }
    if (number == 4) {
        batch->slices[1].ordinals = weir_ordinals_new(1);
        batch->slices[1].ordinals->kept[0] = 70000;
    }
    return batch;
}

const char *known_origin(unsigned number)
{
    return number == 3 ? "otlp/backend" : NULL;
}

const char *known_reason(unsigned number)
{
    return number == 3 ? "400: no such tenant" : NULL;
}

bool known_released(unsigned number)
{
    return number == 1;
}

uint64_t known_wall_ns(unsigned number)
{
    return 1700000000000000000u + number;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool is_known_record(const weir_record *record, unsigned number)
{
    bool has_tenants = weir_text_is(weir_metadata_get(record->metadata, WEIR_TEXT("x-tenant"), 0), "green") &&
                       weir_text_is(weir_metadata_get(record->metadata, WEIR_TEXT("x-tenant"), 1), "blue") &&
                       strcmp(weir_metadata_peer(record->metadata), "10.0.0.1:4000") == 0;
    return is_record_of(record, signal_of(number), number * 100, slices_of(number), 30 + number) &&
           (number % 2 == 0 ? has_tenants : record->metadata == NULL) &&
           (number != 4 || weir_slice_ordinal(&record->slices[1], 0) == 70000) &&
           weir_slice_ordinal(&record->slices[0], 0) == 0 && same_text(record->origin, known_origin(number)) &&
           same_text(record->reason, known_reason(number)) && record->wall_ns == known_wall_ns(number);
}
