/* SPDX-License-Identifier: Apache-2.0
 *
 * A shop that exists only as telemetry. Customers look at products, log in and order; each visit is one trace through
 *
 *     web ─► api-gateway ─► bff ─┬─► user-service     (PostgreSQL, Redis)
 *                                └─► order-service    (PostgreSQL, Redis) ─► payment-service ─► a card network
 *                                          └─ Kafka "orders" ─► user-service (a receipt, loyalty points)
 *
 * with the log records written on the way, which carry the ids of the span they belong to. Some visits go wrong, as in
 * life: a slow query, a wrong password, a declined card, a card network that does not answer (an exception in one
 * service that becomes errors in those above it). Names of spans and attributes follow OpenTelemetry's semantic
 * conventions.
 *
 * The same seed and the same clock values give the same bytes. There is no input or output here. One thread.
 */
#ifndef WEIR_DEMO_SHOP_H
#define WEIR_DEMO_SHOP_H

#include <stddef.h>
#include <stdint.h>

#include "demo/services.h"

typedef struct weir_shop weir_shop;

typedef enum weir_shop_signal {
    WEIR_SHOP_TRACES,
    WEIR_SHOP_LOGS,
    WEIR_SHOP_SIGNALS /* how many there are */
} weir_shop_signal;

/* One request as a service would send it: an ExportTraceServiceRequest or an ExportLogsServiceRequest. */
typedef struct weir_shop_export {
    weir_shop_signal signal;
    weir_shop_service service;
    size_t items; /* spans or log records, at least 1 */
    uint8_t *body;
    size_t len;
} weir_shop_export;

enum { WEIR_SHOP_EXPORTS_MAX = WEIR_SHOP_SERVICES * WEIR_SHOP_SIGNALS };

/* Owned by the caller. */
typedef struct weir_shop_visit {
    size_t export_count;
    weir_shop_export exports[WEIR_SHOP_EXPORTS_MAX];
} weir_shop_visit;

/* Never NULL; freed with weir_shop_free. */
weir_shop *weir_shop_new(uint64_t seed);
void weir_shop_free(weir_shop *shop);

/* Makes the next visit, whose last moment is `now_unix_nano` (at least a minute after 1970 began, since a visit takes
 * time). Gives the exports: weir_shop_visit_done frees their bodies. */
void weir_shop_next(weir_shop *shop, uint64_t now_unix_nano, weir_shop_visit *ret_visit);
void weir_shop_visit_done(weir_shop_visit *visit);

#endif
