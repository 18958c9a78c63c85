/* SPDX-License-Identifier: Apache-2.0
 *
 * The programs the shop consists of, as their resources describe them. One row per program; nothing here changes.
 */
#ifndef WEIR_DEMO_SERVICES_H
#define WEIR_DEMO_SERVICES_H

#include "demo/recorder.h"

typedef enum weir_shop_service {
    WEIR_SHOP_WEB, /* the page in the customer's browser */
    WEIR_SHOP_GATEWAY,
    WEIR_SHOP_BFF, /* "backend for frontend": puts together what a page needs */
    WEIR_SHOP_USERS,
    WEIR_SHOP_ORDERS,
    WEIR_SHOP_PAYMENTS,
    WEIR_SHOP_SERVICES /* how many there are */
} weir_shop_service;

typedef struct weir_shop_service_facts {
    const char *name;     /* service.name */
    const char *version;  /* service.version */
    const char *language; /* telemetry.sdk.language */
    const char *sdk;      /* telemetry.sdk.version */
    const char *runtime;  /* process.runtime.name, NULL in the browser */
    const char *scope;    /* the name of the instrumentation library */
    int port;             /* where it listens, 0 in the browser */
    unsigned replicas;    /* how many run, at least 1 */
} weir_shop_service_facts;

/* Static storage. */
const weir_shop_service_facts *weir_shop_service_get(weir_shop_service service);

/* The resource of one replica (0 … replicas - 1) in the recorder's block. */
weir_demo_resource *weir_shop_service_resource(weir_recorder *recorder, weir_shop_service service, unsigned replica);

#endif
