/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/kafka/window.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"

kafka_window_entry *weir__kafka_window_add(kafka_window *window, int64_t offset, uint64_t read_ns)
{
    WEIR_ASSERT(!window->last || offset > window->last->offset);
    kafka_window_entry *entry = WEIR_NEW(kafka_window_entry);
    *entry = (kafka_window_entry){.offset = offset, .read_ns = read_ns};
    if (window->last)
        window->last->next = entry;
    else
        window->first = entry;
    window->last = entry;
    window->end = 0;
    window->count++;
    if (window->count == 1)
        window->position = offset;
    return entry;
}

static void drop_first(kafka_window *window)
{
    kafka_window_entry *entry = window->first;
    window->first = entry->next;
    if (!window->first)
        window->last = NULL;
    window->count--;
    free(entry);
}

void weir__kafka_window_settle(kafka_window *window, kafka_window_entry *entry)
{
    WEIR_ASSERT(!entry->is_settled);
    entry->is_settled = true;
    while (window->first && window->first->is_settled) {
        window->position = window->first->next ? window->first->next->offset : window->first->offset + 1;
        drop_first(window);
    }
    if (!window->first && window->end > window->position)
        window->position = window->end;
}

void weir__kafka_window_skip_to(kafka_window *window, int64_t offset)
{
    if (window->first)
        window->end = offset;
    else if (offset > window->position)
        window->position = offset;
}

uint64_t weir__kafka_window_oldest_ns(const kafka_window *window)
{
    return window->first ? window->first->read_ns : 0;
}

void weir__kafka_window_done(kafka_window *window)
{
    while (window->first)
        drop_first(window);
}
