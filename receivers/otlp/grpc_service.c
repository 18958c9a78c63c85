/* SPDX-License-Identifier: Apache-2.0
 *
 * gRPC over HTTP/2 ("PROTOCOL-HTTP2.md" of gRPC): the three Export methods of OTLP and grpc.health.v1.Health/Check.
 * All are unary: one message in, one out. What is refused, and in which order, is as in grpc-go, which the Collector
 * uses.
 */
#include "receivers/otlp/service.h"

#include "core/memory.h"
#include "grpc/health/v1/health.pb-c.h"
#include "receivers/otlp/answer.h"
#include "receivers/otlp/authenticate.h"
#include "telemetry/health.h"

typedef struct grpc_method {
    const char *service;
    const char *method;
    otlp_target target;
    weir_signal signal; /* of OTLP_EXPORT */
} grpc_method;

static const grpc_method methods[] = {
    {"opentelemetry.proto.collector.trace.v1.TraceService", "Export", OTLP_EXPORT, WEIR_TRACES},
    {"opentelemetry.proto.collector.metrics.v1.MetricsService", "Export", OTLP_EXPORT, WEIR_METRICS},
    {"opentelemetry.proto.collector.logs.v1.LogsService", "Export", OTLP_EXPORT, WEIR_LOGS},
    {"grpc.health.v1.Health", "Check", OTLP_HEALTH_CHECK, 0},
};

/* ---- headers ---- */

bool weir__otlp_is_grpc(weir_text content_type)
{
    const size_t len = sizeof "application/grpc" - 1;
    if (content_type.len < len ||
        !weir_text_equal_nocase((weir_text){content_type.data, len}, WEIR_TEXT("application/grpc")))
        return false;
    return content_type.len == len || content_type.data[len] == '+' || content_type.data[len] == ';';
}

/* False if the request was refused. */
static bool check_protocol(otlp_request *request)
{
    const weir_http_request *http = request->http;
    weir_text content_type = weir_http_request_header(http, "content-type");
    weir_text timeout = weir_http_request_header(http, "grpc-timeout");
    uint64_t timeout_ns = 0;
    bool timeout_is_bad = timeout.data && weir_grpc_timeout_parse(timeout, &timeout_ns) != WEIR_OK;
    if (!weir__otlp_is_grpc(content_type))
        weir__otlp_refuse(request, OTLP_REFUSED_CONTENT_TYPE, "invalid gRPC request content-type \"%.*s\"",
                          WEIR_TEXT_ARG(content_type));
    else if (timeout_is_bad)
        weir__otlp_refuse(request, OTLP_REFUSED_HEADER, "malformed grpc-timeout: \"%.*s\"", WEIR_TEXT_ARG(timeout));
    else if (!weir_text_is(http->method, "POST"))
        weir__otlp_refuse(request, OTLP_REFUSED_METHOD, "the HTTP method is %.*s and should be POST",
                          WEIR_TEXT_ARG(http->method));
    else if (timeout.data && timeout_ns == 0)
        weir__otlp_refuse(request, OTLP_REFUSED_DEADLINE, "the client's timeout is 0");
    else {
        if (timeout.data)
            weir__otlp_request_set_timeout(request, timeout_ns);
        return true;
    }
    return false;
}

/* Splits "/service/method" at the last slash. */
static bool split_path(weir_text path, weir_text *ret_service, weir_text *ret_method)
{
    if (path.len < 2 || path.data[0] != '/')
        return false;
    const char *slash = memrchr(path.data + 1, '/', path.len - 1);
    if (!slash)
        return false;
    *ret_service = (weir_text){path.data + 1, (size_t)(slash - path.data) - 1};
    *ret_method = (weir_text){slash + 1, path.len - (size_t)(slash - path.data) - 1};
    return true;
}

/* The method called, or NULL; *ret_service_known says whether at least the service is here. */
static const grpc_method *find_method(weir_text service, weir_text method, bool *ret_service_known)
{
    *ret_service_known = false;
    for (size_t i = 0; i < WEIR_COUNT_OF(methods); i++) {
        if (!weir_text_is(service, methods[i].service))
            continue;
        *ret_service_known = true;
        if (weir_text_is(method, methods[i].method))
            return &methods[i];
    }
    return NULL;
}

static bool check_method(otlp_request *request)
{
    weir_text path = request->http->path;
    weir_text service, method;
    if (!split_path(path, &service, &method)) {
        weir__otlp_refuse(request, OTLP_REFUSED_NOT_FOUND, "malformed method name: \"%.*s\"", WEIR_TEXT_ARG(path));
        return false;
    }
    bool service_known;
    const grpc_method *found = find_method(service, method, &service_known);
    if (!service_known) {
        weir__otlp_refuse(request, OTLP_REFUSED_NOT_FOUND, "unknown service %.*s", WEIR_TEXT_ARG(service));
    } else if (!found) {
        weir__otlp_refuse(request, OTLP_REFUSED_NOT_FOUND, "unknown method %.*s for service %.*s",
                          WEIR_TEXT_ARG(method), WEIR_TEXT_ARG(service));
    } else if (found->target == OTLP_EXPORT && !request->port->instance->entries[found->signal]) {
        weir__otlp_refuse(request, OTLP_REFUSED_NOT_FOUND, "unknown service %.*s: no pipeline for %s has this receiver",
                          WEIR_TEXT_ARG(service), weir_signal_name(found->signal));
    } else {
        request->target = found->target;
        request->signal = found->signal;
        return true;
    }
    return false;
}

static bool check_encoding(otlp_request *request)
{
    weir_text name = weir_http_request_header(request->http, "grpc-encoding");
    if (weir__otlp_read_encoding(request, name))
        return true;
    weir__otlp_refuse(request, OTLP_REFUSED_ENCODING, "grpc-encoding \"%.*s\" is not supported: send gzip or zstd",
                      WEIR_TEXT_ARG(name));
    return false;
}

/* Probes have no credentials, and a health check carries no data. */
static bool check_client(otlp_request *request)
{
    return request->target == OTLP_HEALTH_CHECK || weir__otlp_authenticate(request);
}

static void on_request(void *handler, weir_http_request *http)
{
    otlp_request *request = weir__otlp_request_begin(handler, http, OTLP_GRPC);
    if (check_protocol(request) && check_method(request) && check_encoding(request))
        (void)check_client(request);
}

/* ---- the message ---- */

/* A prefix has arrived. False if the request was refused. */
static bool begin_message(otlp_request *request)
{
    request->is_compressed = request->reader.is_compressed;
    if (request->has_message) {
        weir__otlp_refuse(request, OTLP_REFUSED_CARDINALITY, "a unary call has one message; more was sent");
        return false;
    }
    request->has_message = true;
    weir_status status = weir__otlp_body_expect(&request->body, request->reader.message_len);
    if (status != WEIR_OK)
        weir__otlp_refuse_body(request, status);
    else if (request->is_compressed && request->encoding == WEIR_ENCODING_IDENTITY)
        weir__otlp_refuse(request, OTLP_REFUSED_FRAMING, "compressed flag set with identity or empty encoding");
    else
        return true;
    return false;
}

static bool add_piece(otlp_request *request, weir_bytes piece)
{
    weir_status status = weir__otlp_body_append(&request->body, piece.data, piece.len);
    if (status != WEIR_OK)
        weir__otlp_refuse_body(request, status);
    return status == WEIR_OK;
}

static void on_body(void *handler, weir_http_request *http, const uint8_t *data, size_t len)
{
    (void)handler;
    otlp_request *request = http->user;
    weir_bytes fragment = {data, len};
    weir_bytes piece;
    bool goes_on = true;
    while (goes_on) {
        switch (weir_grpc_read(&request->reader, &fragment, &piece)) {
        case WEIR_GRPC_NEED_MORE:
            goes_on = false;
            break;
        case WEIR_GRPC_MESSAGE:
            goes_on = begin_message(request);
            break;
        case WEIR_GRPC_PIECE:
            goes_on = add_piece(request, piece);
            break;
        case WEIR_GRPC_END:
            break;
        case WEIR_GRPC_MALFORMED:
            weir__otlp_refuse(request, OTLP_REFUSED_FRAMING, "the message's prefix begins with neither 0 nor 1");
            goes_on = false;
            break;
        }
    }
}

/* True if `service` may be asked about: the whole server ("") and each service that is here. */
static bool health_is_known(const char *service)
{
    bool known = *service == '\0';
    if (!known)
        (void)find_method(weir_text_of(service), WEIR_TEXT(""), &known);
    return known;
}

static void check_health(otlp_request *request)
{
    const uint8_t *data = request->body.len ? request->body.chunk->data : (const uint8_t *)"";
    Grpc__Health__V1__HealthCheckRequest *question =
        grpc__health__v1__health_check_request__unpack(NULL, request->body.len, data);
    const otlp_instance *instance = request->port->instance;
    uint64_t now_ms = weir_loop_now_ns(instance->loop) / (1000 * 1000);
    if (!question)
        weir__otlp_refuse(request, OTLP_REFUSED_MALFORMED, "not a HealthCheckRequest");
    else if (!health_is_known(question->service))
        weir__otlp_refuse(request, OTLP_REFUSED_UNKNOWN_SERVICE, "unknown service");
    else
        weir__otlp_answer_health(request, weir_health_ready(instance->host->health, now_ms));
    if (question)
        grpc__health__v1__health_check_request__free_unpacked(question, NULL);
}

static void on_end(void *handler, weir_http_request *http)
{
    (void)handler;
    otlp_request *request = http->user;
    if (!weir_grpc_reader_is_between(&request->reader))
        weir__otlp_refuse(request, OTLP_REFUSED_FRAMING, "the message ends before its announced length");
    else if (!request->has_message)
        weir__otlp_refuse(request, OTLP_REFUSED_CARDINALITY, "a unary call has one message; none was sent");
    else if (request->is_compressed && !weir__otlp_inflate(request))
        return;
    else if (request->target == OTLP_HEALTH_CHECK)
        check_health(request);
    else
        weir__otlp_request_deliver(request);
}

static void on_abort(void *handler, weir_http_request *http)
{
    (void)handler;
    weir__otlp_request_abort(http->user);
}

const weir_http_handler weir__otlp_grpc_handler = {
    .on_request = on_request, .on_body = on_body, .on_end = on_end, .on_abort = on_abort};
