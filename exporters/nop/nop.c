/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/nop/nop.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/sender/meters.h"

typedef struct nop_config {
    char unused;
} nop_config;

static const weir_option nop_options[] = {{0}};

/* The process part: all that an instance needs to name its counters. */
typedef struct nop_shared {
    const weir_host *host;
    const char *id;
} nop_shared;

typedef struct nop_exporter {
    weir_exporter super;
    weir_exporter_meters meters;
} nop_exporter;

static weir_status nop_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                            weir_error *ret_error)
{
    (void)config, (void)ret_error;
    nop_shared *shared = WEIR_NEW(nop_shared);
    *shared = (nop_shared){.host = host, .id = id};
    *ret_shared = shared;
    return WEIR_OK;
}

static void nop_consume(weir_consumer *self, weir_batch *takes_batch)
{
    nop_exporter *nop = WEIR_CONTAINER(self, nop_exporter, super.super);
    weir_metric_add(nop->meters.taken, (int64_t)takes_batch->items);
    weir_metric_add(nop->meters.sent, (int64_t)takes_batch->items);
    weir_batch_complete(takes_batch, &weir_outcome_delivered);
}

static bool nop_reserve(weir_exporter *self, uint64_t items, uint64_t bytes, weir_error *ret_error)
{
    (void)self, (void)items, (void)bytes, (void)ret_error;
    return true;
}

static void nop_unreserve(weir_exporter *self, uint64_t items, uint64_t bytes)
{
    (void)self, (void)items, (void)bytes;
}

static void nop_nothing_held(weir_exporter *self)
{
    (void)self;
}

static uint64_t nop_held(const weir_exporter *self)
{
    (void)self;
    return 0;
}

static weir_exporter *nop_create(void *shared, const weir_worker *worker, weir_signal signal,
                                 const weir_batch_shape *shape)
{
    (void)worker, (void)shape;
    const nop_shared *nop = shared;
    nop_exporter *exporter = WEIR_NEW(nop_exporter);
    exporter->super = (weir_exporter){
        .super.consume = nop_consume,
        .type = &weir_exporter_nop,
        .reserve = nop_reserve,
        .unreserve = nop_unreserve,
        .drain = nop_nothing_held,
        .abandon = nop_nothing_held,
        .held = nop_held,
    };
    weir_exporter_meters_init(&exporter->meters, nop->host->metrics, nop->id, signal, NULL, 0);
    return &exporter->super;
}

static void nop_free(weir_exporter *exporter)
{
    free(exporter);
}

static void nop_promise(const void *config, char *ret_text, size_t size)
{
    (void)config;
    snprintf(ret_text, size, "OK means nothing: `nop` throws everything away");
}

const weir_component_type weir_exporter_nop = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXPORTER,
    .name = "nop",
    .summary = "Takes everything and keeps nothing; for measuring what stands in front of it.",
    .signals = WEIR_ON_ALL,
    .options = nop_options,
    .config_size = sizeof(nop_config),
    .open = nop_open,
    .close = free,
    .exporter_create = nop_create,
    .exporter_free = nop_free,
    .exporter_promise = nop_promise,
};
