/* SPDX-License-Identifier: Apache-2.0
 *
 * What programs do to each other in the shop: HTTP calls, a gRPC call, database queries, messages. Each function
 * records the spans of both sides, with the attributes OpenTelemetry's semantic conventions ask for, and lets time
 * pass. What happens inside a call is told by the handler it is given (story.c).
 */
#ifndef WEIR_DEMO_CALLS_H
#define WEIR_DEMO_CALLS_H

#include "demo/services.h"

/* What goes wrong in a visit; at most one thing. */
typedef enum weir_trouble {
    WEIR_TROUBLE_NONE,
    WEIR_TROUBLE_SLOW_QUERY,     /* the first statement takes seconds */
    WEIR_TROUBLE_WRONG_PASSWORD, /* the customer's fault: 401, not an error of the server */
    WEIR_TROUBLE_CARD_DECLINED,  /* likewise: 402 */
    WEIR_TROUBLE_NETWORK_DOWN,   /* the card network does not answer: exceptions, 503 all the way up */
} weir_trouble;

/* What is known throughout one visit. */
typedef struct weir_visit {
    weir_recorder *recorder; /* borrowed */
    weir_trouble trouble;
    unsigned customer;
    unsigned product;
    unsigned amount_cents;
    const char *session_id;
    const char *client_address;
    const char *user_agent;
    const char *order_id;
    /* The order placed before this one, in another trace; NULL when there was none. */
    const weir_demo_span_context *previous_order;
    /* Set by the story when an order was published. */
    const weir_demo_span *published_order;
} weir_visit;

/* Tells what a service does with a request, under `server`, its span. Returns the HTTP status (in a gRPC call the gRPC
 * status) it answers with. */
typedef int weir_handler(weir_visit *visit, weir_demo_span *server);

typedef struct weir_route {
    const char *method;
    const char *route; /* the pattern, such as "/users/{id}" */
    weir_handler *handle;
} weir_route;

/* `caller`, under its span `parent`, calls `route` of `callee`. Returns the HTTP status. */
int weir_visit_http(weir_visit *visit, weir_shop_service caller, const weir_demo_span *parent, weir_shop_service callee,
                    const weir_route *route, const char *path);

/* The same by gRPC; `rpc_service` as "shop.payments.v1.Payments". Returns the gRPC status. */
int weir_visit_grpc(weir_visit *visit, weir_shop_service caller, const weir_demo_span *parent, weir_shop_service callee,
                    const char *rpc_service, const char *method, weir_handler *handle);

/* An HTTP call to a machine outside of the shop, which sends us no spans: only the caller's side is recorded. The span
 * is open and the time of the call has passed; the caller of this ends it with weir_visit_outside_end, or fails it. */
weir_demo_span *weir_visit_outside(weir_visit *visit, weir_shop_service caller, const weir_demo_span *parent,
                                   const char *host, const char *path, uint64_t typical_us);
void weir_visit_outside_end(weir_visit *visit, weir_demo_span *client, int status);

/* A statement sent to PostgreSQL. */
typedef struct weir_statement {
    const char *operation; /* "SELECT" */
    const char *table;
    const char *text; /* without values, as drivers report it */
} weir_statement;
void weir_visit_sql(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                    const weir_statement *statement, uint64_t typical_us);

/* A command sent to Redis. */
void weir_visit_redis(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent, const char *command,
                      const char *text);

/* A message written to (read from) a topic in Kafka. The span is open; the caller ends it. For reading, `parent` is
 * the span that wrote the message. */
weir_demo_span *weir_visit_send(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                                const char *topic, const char *key);
weir_demo_span *weir_visit_process(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                                   const char *topic, const char *key);

#endif
