/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/sender/room.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"

void weir_room_init(weir_room *room, weir_sizer sizer, uint64_t size_max, uint64_t bytes_max, uint64_t request_min,
                    weir_sizer request_sizer)
{
    *room = (weir_room){
        .sizer = sizer,
        .size_max = size_max,
        .bytes_max = bytes_max,
        .request_min = request_min,
        .request_sizer = request_sizer,
    };
    pthread_mutex_init(&room->lock, NULL);
}

void weir_room_done(weir_room *room)
{
    WEIR_ASSERT(room->waiters == NULL);
    pthread_mutex_destroy(&room->lock);
}

static uint64_t divide_up(uint64_t amount, uint64_t by)
{
    return amount / by + (amount % by > 0);
}

static uint64_t units(const weir_room *room, uint64_t requests, uint64_t items, uint64_t bytes)
{
    if (room->sizer == WEIR_SIZE_ITEMS)
        return items;
    if (room->sizer == WEIR_SIZE_BYTES)
        return bytes;
    if (room->request_min == 0)
        return requests;
    return divide_up(room->request_sizer == WEIR_SIZE_BYTES ? bytes : items, room->request_min);
}

uint64_t weir_room_used(const weir_room *room)
{
    return units(room, atomic_load(&room->requests), atomic_load(&room->items), atomic_load(&room->bytes));
}

bool weir_room_take(weir_room *room, uint64_t items, uint64_t bytes)
{
    uint64_t requests_before = atomic_fetch_add(&room->requests, 1);
    uint64_t items_after = atomic_fetch_add(&room->items, items) + items;
    uint64_t bytes_after = atomic_fetch_add(&room->bytes, bytes) + bytes;
    bool fits =
        units(room, requests_before + 1, items_after, bytes_after) <= room->size_max && bytes_after <= room->bytes_max;
    if (fits || requests_before == 0)
        return true;
    /* Nobody is woken by this: what was refused here left no room behind. */
    atomic_fetch_sub(&room->requests, 1);
    atomic_fetch_sub(&room->items, items);
    atomic_fetch_sub(&room->bytes, bytes);
    return false;
}

void weir_room_force(weir_room *room, uint64_t requests, uint64_t items, uint64_t bytes)
{
    atomic_fetch_add(&room->requests, requests);
    atomic_fetch_add(&room->items, items);
    atomic_fetch_add(&room->bytes, bytes);
}

static void waiter_run(weir_task *task)
{
    weir_room_waiter *waiter = WEIR_CONTAINER(task, weir_room_waiter, task);
    if (!waiter->on_room) {
        free(waiter);
        return;
    }
    atomic_store(&waiter->is_posted, false);
    waiter->on_room(waiter->user);
}

static void wake(weir_room *room)
{
    pthread_mutex_lock(&room->lock);
    for (weir_room_waiter *waiter = room->waiters; waiter; waiter = waiter->next) {
        if (!atomic_exchange(&waiter->is_waiting, false))
            continue;
        atomic_fetch_sub(&room->waiting, 1);
        if (!atomic_exchange(&waiter->is_posted, true))
            weir_loop_post(waiter->loop, &waiter->task);
    }
    pthread_mutex_unlock(&room->lock);
}

void weir_room_give(weir_room *room, uint64_t requests, uint64_t items, uint64_t bytes)
{
    atomic_fetch_sub(&room->requests, requests);
    atomic_fetch_sub(&room->items, items);
    atomic_fetch_sub(&room->bytes, bytes);
    if (atomic_load(&room->waiting) > 0)
        wake(room);
}

weir_room_waiter *weir_room_waiter_new(weir_room *room, weir_loop *loop, void (*on_room)(void *user), void *user)
{
    weir_room_waiter *waiter = WEIR_NEW(weir_room_waiter);
    waiter->task.run = waiter_run;
    waiter->loop = loop;
    waiter->on_room = on_room;
    waiter->user = user;
    pthread_mutex_lock(&room->lock);
    waiter->next = room->waiters;
    room->waiters = waiter;
    pthread_mutex_unlock(&room->lock);
    return waiter;
}

void weir_room_wait(weir_room *room, weir_room_waiter *waiter)
{
    if (!atomic_exchange(&waiter->is_waiting, true))
        atomic_fetch_add(&room->waiting, 1);
}

void weir_room_waiter_free(weir_room *room, weir_room_waiter *waiter)
{
    pthread_mutex_lock(&room->lock);
    weir_room_waiter **link = &room->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    pthread_mutex_unlock(&room->lock);
    if (atomic_exchange(&waiter->is_waiting, false))
        atomic_fetch_sub(&room->waiting, 1);
    /* A message on its way frees it when it arrives. */
    waiter->on_room = NULL;
    if (!atomic_load(&waiter->is_posted))
        free(waiter);
}
