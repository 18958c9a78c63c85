/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "batch/batch.h"
#include "core/assert.h"
#include "core/memory.h"

const weir_outcome weir_outcome_delivered = {.kind = WEIR_DELIVERED};

/* One acknowledgement that stands for the parts of another. */
typedef struct split_ack {
    weir_ack super;
    weir_ack *whole;
    unsigned parts_left;
    weir_outcome worst;
    uint64_t rejected_items;
} split_ack;

static int severity(weir_outcome_kind kind)
{
    switch (kind) {
    case WEIR_DELIVERED:
        return 0;
    case WEIR_REJECTED:
        return 1;
    case WEIR_RETRY_LATER:
        return 2;
    }
    WEIR_UNREACHABLE("all outcomes are listed");
}

static void split_complete(weir_ack *ack, const weir_outcome *outcome)
{
    split_ack *split = WEIR_CONTAINER(ack, split_ack, super);
    WEIR_ASSERT(split->parts_left > 0);
    split->rejected_items += outcome->error.rejected_items;
    bool is_worse = severity(outcome->kind) > severity(split->worst.kind);
    bool is_silent = split->worst.error.text[0] == '\0';
    if (is_worse && outcome->error.text[0] == '\0' && !is_silent)
        split->worst.kind = outcome->kind; /* what a milder part said is better than nothing */
    else if (is_worse || (outcome->kind == split->worst.kind && is_silent))
        split->worst = *outcome;
    if (--split->parts_left > 0)
        return;
    split->worst.error.rejected_items = split->rejected_items;
    weir_ack_complete(split->whole, &split->worst);
    free(split);
}

weir_ack *weir_ack_split(weir_ack *takes, unsigned parts)
{
    WEIR_ASSERT(parts > 0);
    split_ack *split = WEIR_NEW(split_ack);
    split->super = (weir_ack){.complete = split_complete, .replays = takes->replays};
    split->whole = takes;
    split->parts_left = parts;
    return &split->super;
}

const weir_ack *weir_ack_whole(const weir_ack *ack)
{
    while (ack->complete == split_complete)
        ack = WEIR_CONTAINER(ack, split_ack, super)->whole;
    return ack;
}

bool weir_ack_abandoned(const weir_ack *ack)
{
    return weir_ack_whole(ack)->abandoned;
}
