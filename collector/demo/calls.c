/* SPDX-License-Identifier: Apache-2.0 */
#include "demo/calls.h"

#include "core/assert.h"

enum {
    LAN_US = 400,            /* one way between two pods */
    BROWSER_US = 18000,      /* one way between a customer and us */
    WORK_US = 900,           /* what a service computes before it answers */
    SLOW_QUERY_US = 2200000, /* a query without an index */
    POSTGRES_PORT = 5432,
    REDIS_PORT = 6379,
    HTTPS_PORT = 443,
    PARTITIONS = 6,
};

/* ---- HTTP ------------------------------------------------------------------------------------------------------ */

static uint64_t network_us(weir_shop_service caller)
{
    return caller == WEIR_SHOP_WEB ? BROWSER_US : LAN_US;
}

/* Semantic conventions, "HTTP spans": a client fails from 400 on, a server from 500 on. */
static void end_http(weir_visit *visit, weir_demo_span *span, int status, int fails_from)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span_int(recorder, span, "http.response.status_code", status);
    if (status >= fails_from) {
        weir_demo_span_text(recorder, span, "error.type", weir_recorder_format(recorder, "%d", status));
        /* An exception that was recorded before has said more. */
        if (!span->status)
            weir_demo_span_fail(recorder, span, NULL);
    }
    weir_demo_span_end(recorder, span);
}

static void access_log(weir_visit *visit, weir_shop_service service, const weir_demo_span *server,
                       const weir_route *route, const char *path, int status)
{
    weir_recorder *recorder = visit->recorder;
    double duration_ms = (double)(recorder->time_ns - server->start_time_unix_nano) / 1e6;
    weir_demo_log_record *log = weir_recorder_log(recorder, service, server,
                                                  status >= 500 ? WEIR_DEMO_SEVERITY(ERROR) : WEIR_DEMO_SEVERITY(INFO),
                                                  "%s %s %d %.1fms", route->method, path, status, duration_ms);
    weir_demo_log_text(recorder, log, "http.request.method", route->method);
    weir_demo_log_text(recorder, log, "http.route", route->route);
    weir_demo_log_int(recorder, log, "http.response.status_code", status);
    weir_demo_log_text(recorder, log, "client.address", visit->client_address);
    weir_demo_log_double(recorder, log, "duration_ms", duration_ms);
}

static int serve_http(weir_visit *visit, weir_shop_service callee, const weir_demo_span *client,
                      const weir_route *route, const char *path)
{
    weir_recorder *recorder = visit->recorder;
    char *name = weir_recorder_format(recorder, "%s %s", route->method, route->route);
    weir_demo_span *server = weir_recorder_span(recorder, callee, client, WEIR_DEMO_KIND(SERVER), name);
    weir_demo_span_text(recorder, server, "http.request.method", route->method);
    weir_demo_span_text(recorder, server, "http.route", route->route);
    weir_demo_span_text(recorder, server, "url.path", path);
    weir_demo_span_text(recorder, server, "url.scheme", callee == WEIR_SHOP_GATEWAY ? "https" : "http");
    weir_demo_span_text(recorder, server, "server.address", weir_shop_service_get(callee)->name);
    weir_demo_span_text(recorder, server, "client.address", visit->client_address);
    weir_demo_span_text(recorder, server, "user_agent.original", visit->user_agent);
    weir_demo_span_text(recorder, server, "network.protocol.version", "1.1");
    weir_recorder_spend(recorder, WORK_US);
    int status = route->handle(visit, server);
    weir_recorder_spend(recorder, WORK_US / 3);
    if (callee == WEIR_SHOP_GATEWAY)
        access_log(visit, callee, server, route, path, status);
    end_http(visit, server, status, 500);
    return status;
}

int weir_visit_http(weir_visit *visit, weir_shop_service caller, const weir_demo_span *parent, weir_shop_service callee,
                    const weir_route *route, const char *path)
{
    weir_recorder *recorder = visit->recorder;
    const weir_shop_service_facts *facts = weir_shop_service_get(callee);
    weir_demo_span *client = weir_recorder_span(recorder, caller, parent, WEIR_DEMO_KIND(CLIENT), route->method);
    weir_demo_span_text(recorder, client, "http.request.method", route->method);
    weir_demo_span_text(recorder, client, "url.full",
                        weir_recorder_format(recorder, "http://%s:%d%s", facts->name, facts->port, path));
    weir_demo_span_text(recorder, client, "server.address", facts->name);
    weir_demo_span_int(recorder, client, "server.port", facts->port);
    weir_recorder_spend(recorder, network_us(caller));
    int status = serve_http(visit, callee, client, route, path);
    weir_recorder_spend(recorder, network_us(caller));
    end_http(visit, client, status, 400);
    return status;
}

weir_demo_span *weir_visit_outside(weir_visit *visit, weir_shop_service caller, const weir_demo_span *parent,
                                   const char *host, const char *path, uint64_t typical_us)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span *client = weir_recorder_span(recorder, caller, parent, WEIR_DEMO_KIND(CLIENT), "POST");
    weir_demo_span_text(recorder, client, "http.request.method", "POST");
    weir_demo_span_text(recorder, client, "url.full", weir_recorder_format(recorder, "https://%s%s", host, path));
    weir_demo_span_text(recorder, client, "server.address", host);
    weir_demo_span_int(recorder, client, "server.port", HTTPS_PORT);
    weir_recorder_spend(recorder, typical_us);
    return client;
}

void weir_visit_outside_end(weir_visit *visit, weir_demo_span *client, int status)
{
    end_http(visit, client, status, 400);
}

/* ---- gRPC ------------------------------------------------------------------------------------------------------ */

static void describe_rpc(weir_visit *visit, weir_demo_span *span, weir_shop_service callee, const char *rpc_service,
                         const char *method)
{
    const weir_shop_service_facts *facts = weir_shop_service_get(callee);
    weir_demo_span_text(visit->recorder, span, "rpc.system", "grpc");
    weir_demo_span_text(visit->recorder, span, "rpc.service", rpc_service);
    weir_demo_span_text(visit->recorder, span, "rpc.method", method);
    weir_demo_span_text(visit->recorder, span, "server.address", facts->name);
    weir_demo_span_int(visit->recorder, span, "server.port", facts->port);
}

static void end_rpc(weir_visit *visit, weir_demo_span *span, int status)
{
    weir_demo_span_int(visit->recorder, span, "rpc.grpc.status_code", status);
    if (status != 0 && !span->status)
        weir_demo_span_fail(visit->recorder, span, NULL);
    weir_demo_span_end(visit->recorder, span);
}

int weir_visit_grpc(weir_visit *visit, weir_shop_service caller, const weir_demo_span *parent, weir_shop_service callee,
                    const char *rpc_service, const char *method, weir_handler *handle)
{
    weir_recorder *recorder = visit->recorder;
    char *name = weir_recorder_format(recorder, "%s/%s", rpc_service, method);
    weir_demo_span *client = weir_recorder_span(recorder, caller, parent, WEIR_DEMO_KIND(CLIENT), name);
    describe_rpc(visit, client, callee, rpc_service, method);
    weir_recorder_spend(recorder, LAN_US);
    weir_demo_span *server = weir_recorder_span(recorder, callee, client, WEIR_DEMO_KIND(SERVER), name);
    describe_rpc(visit, server, callee, rpc_service, method);
    weir_recorder_spend(recorder, WORK_US);
    int status = handle(visit, server);
    end_rpc(visit, server, status);
    weir_recorder_spend(recorder, LAN_US);
    end_rpc(visit, client, status);
    return status;
}

/* ---- databases ------------------------------------------------------------------------------------------------- */

static void slow_query_log(weir_visit *visit, weir_shop_service service, const weir_demo_span *span,
                           const weir_statement *statement)
{
    double duration_ms = (double)(visit->recorder->time_ns - span->start_time_unix_nano) / 1e6;
    weir_demo_log_record *log = weir_recorder_log(visit->recorder, service, span, WEIR_DEMO_SEVERITY(WARN),
                                                  "slow query on %s: %.0f ms", statement->table, duration_ms);
    weir_demo_log_text(visit->recorder, log, "db.query.text", statement->text);
    weir_demo_log_double(visit->recorder, log, "duration_ms", duration_ms);
}

void weir_visit_sql(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                    const weir_statement *statement, uint64_t typical_us)
{
    weir_recorder *recorder = visit->recorder;
    char *name = weir_recorder_format(recorder, "%s %s", statement->operation, statement->table);
    weir_demo_span *span = weir_recorder_span(recorder, service, parent, WEIR_DEMO_KIND(CLIENT), name);
    weir_demo_span_text(recorder, span, "db.system.name", "postgresql");
    weir_demo_span_text(recorder, span, "db.namespace", "shop");
    weir_demo_span_text(recorder, span, "db.collection.name", statement->table);
    weir_demo_span_text(recorder, span, "db.operation.name", statement->operation);
    weir_demo_span_text(recorder, span, "db.query.text", statement->text);
    weir_demo_span_text(recorder, span, "server.address", "postgres");
    weir_demo_span_int(recorder, span, "server.port", POSTGRES_PORT);
    if (visit->trouble == WEIR_TROUBLE_SLOW_QUERY) {
        visit->trouble = WEIR_TROUBLE_NONE; /* once is enough */
        weir_recorder_spend(recorder, SLOW_QUERY_US);
        slow_query_log(visit, service, span, statement);
    } else {
        weir_recorder_spend(recorder, typical_us);
    }
    weir_demo_span_end(recorder, span);
}

void weir_visit_redis(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent, const char *command,
                      const char *text)
{
    weir_recorder *recorder = visit->recorder;
    weir_demo_span *span = weir_recorder_span(recorder, service, parent, WEIR_DEMO_KIND(CLIENT), command);
    weir_demo_span_text(recorder, span, "db.system.name", "redis");
    weir_demo_span_text(recorder, span, "db.namespace", "0");
    weir_demo_span_text(recorder, span, "db.operation.name", command);
    weir_demo_span_text(recorder, span, "db.query.text", text);
    weir_demo_span_text(recorder, span, "server.address", "redis");
    weir_demo_span_int(recorder, span, "server.port", REDIS_PORT);
    weir_recorder_spend(recorder, 2 * LAN_US);
    weir_demo_span_end(recorder, span);
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

/* `operation` is the name the client library uses, `type` the one of the conventions that is closest. */
static weir_demo_span *message_span(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                                    weir_demo_kind kind, const char *operation, const char *topic, const char *key)
{
    weir_recorder *recorder = visit->recorder;
    char *name = weir_recorder_format(recorder, "%s %s", operation, topic);
    weir_demo_span *span = weir_recorder_span(recorder, service, parent, kind, name);
    weir_demo_span_text(recorder, span, "messaging.system", "kafka");
    weir_demo_span_text(recorder, span, "messaging.operation.name", operation);
    weir_demo_span_text(recorder, span, "messaging.operation.type", operation);
    weir_demo_span_text(recorder, span, "messaging.destination.name", topic);
    weir_demo_span_text(recorder, span, "messaging.destination.partition.id",
                        weir_recorder_format(recorder, "%u", visit->customer % PARTITIONS));
    weir_demo_span_text(recorder, span, "messaging.kafka.message.key", key);
    weir_demo_span_text(recorder, span, "server.address", "kafka");
    return span;
}

weir_demo_span *weir_visit_send(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                                const char *topic, const char *key)
{
    return message_span(visit, service, parent, WEIR_DEMO_KIND(PRODUCER), "send", topic, key);
}

weir_demo_span *weir_visit_process(weir_visit *visit, weir_shop_service service, const weir_demo_span *parent,
                                   const char *topic, const char *key)
{
    weir_demo_span *span = message_span(visit, service, parent, WEIR_DEMO_KIND(CONSUMER), "process", topic, key);
    weir_demo_span_text(visit->recorder, span, "messaging.consumer.group.name", weir_shop_service_get(service)->name);
    return span;
}
