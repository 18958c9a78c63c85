/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/answer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/memory.h"
#include "grpc/health/v1/health.pb-c.h"
#include "net/compress.h"
#include "net/rpc_status.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

enum {
    NO_MEMORY_RETRY_MS = 1000, /* memory comes back as soon as something is delivered */
    AUTH_BUSY_RETRY_MS = 1000,
};

/* Codes as grpc-go answers (the cardinality as gRPC's statuscodes.md says) and HTTP statuses as the Collector's
 * receiver; docs/differences.md has the reasons where they are not. */
const otlp_refusal_rule weir__otlp_refusal_rules[OTLP_REFUSALS] = {
#define PERMANENT(status) WEIR_ERROR_PERMANENT, status, 0
    [OTLP_REFUSED_MALFORMED] = {WEIR_GRPC_INVALID_ARGUMENT, 200, 400, false, OTLP_MALFORMED, PERMANENT(WEIR_INVALID)},
    [OTLP_REFUSED_COMPRESSION] = {WEIR_GRPC_INTERNAL, 200, 400, false, OTLP_MALFORMED, PERMANENT(WEIR_INVALID)},
    [OTLP_REFUSED_FRAMING] = {WEIR_GRPC_INTERNAL, 200, 400, false, OTLP_MALFORMED, PERMANENT(WEIR_INVALID)},
    [OTLP_REFUSED_CARDINALITY] = {WEIR_GRPC_UNIMPLEMENTED, 200, 400, false, OTLP_MALFORMED, PERMANENT(WEIR_INVALID)},
    [OTLP_REFUSED_ENCODING] = {WEIR_GRPC_UNIMPLEMENTED, 200, 400, false, OTLP_NOT_SERVED, PERMANENT(WEIR_INVALID)},
    [OTLP_REFUSED_TOO_LARGE] = {WEIR_GRPC_RESOURCE_EXHAUSTED, 200, 413, false, OTLP_TOO_LARGE,
                                PERMANENT(WEIR_TOO_LARGE)},
    [OTLP_REFUSED_NO_MEMORY] = {WEIR_GRPC_UNAVAILABLE, 200, 503, false, OTLP_NO_MEMORY, WEIR_ERROR_THROTTLED,
                                WEIR_NO_MEMORY, NO_MEMORY_RETRY_MS},
    [OTLP_REFUSED_DEADLINE] = {WEIR_GRPC_DEADLINE_EXCEEDED, 200, 503, false, OTLP_TIMED_OUT, WEIR_ERROR_RETRYABLE,
                               WEIR_TIMEOUT, 0},
    [OTLP_REFUSED_OUTCOME_UNKNOWN] = {WEIR_GRPC_UNAVAILABLE, 200, 503, false, OTLP_TIMED_OUT, WEIR_ERROR_RETRYABLE,
                                      WEIR_TIMEOUT, 0},
    [OTLP_REFUSED_NOT_FOUND] = {WEIR_GRPC_UNIMPLEMENTED, 200, 404, true, OTLP_NOT_SERVED, PERMANENT(WEIR_NOT_FOUND)},
    [OTLP_REFUSED_UNKNOWN_SERVICE] = {WEIR_GRPC_NOT_FOUND, 200, 404, true, OTLP_HEALTH, PERMANENT(WEIR_NOT_FOUND)},
    [OTLP_REFUSED_METHOD] = {WEIR_GRPC_INTERNAL, 405, 405, true, OTLP_NOT_SERVED, PERMANENT(WEIR_UNSUPPORTED)},
    [OTLP_REFUSED_CONTENT_TYPE] = {WEIR_GRPC_INVALID_ARGUMENT, 415, 415, true, OTLP_NOT_SERVED,
                                   PERMANENT(WEIR_UNSUPPORTED)},
    [OTLP_REFUSED_HEADER] = {WEIR_GRPC_INTERNAL, 400, 400, false, OTLP_MALFORMED, PERMANENT(WEIR_INVALID)},
    [OTLP_REFUSED_UNAUTHENTICATED] = {WEIR_GRPC_UNAUTHENTICATED, 200, 401, false, OTLP_UNAUTHENTICATED,
                                      PERMANENT(WEIR_DENIED)},
    [OTLP_REFUSED_AUTH_BUSY] = {WEIR_GRPC_UNAVAILABLE, 200, 503, false, OTLP_RETRY_LATER, WEIR_ERROR_THROTTLED,
                                WEIR_AGAIN, AUTH_BUSY_RETRY_MS},
#undef PERMANENT
};

/* ---- gRPC ---- */

/* "Responses": headers, the length-prefixed message, trailers. */
static void grpc_succeed(otlp_request *request, const weir_buffer *message)
{
    static const weir_http_header headers[] = {{WEIR_TEXT("content-type"), WEIR_TEXT("application/grpc")}};
    static const weir_http_header trailers[] = {{WEIR_TEXT("grpc-status"), WEIR_TEXT("0")}};
    weir_http_respond(request->http, &(weir_http_response){.status = 200,
                                                           .headers = headers,
                                                           .header_count = 1,
                                                           .body = message->data,
                                                           .body_len = message->len,
                                                           .trailers = trailers,
                                                           .trailer_count = 1});
}

/* "Trailers-Only": everything in one header block. A delay travels as google.rpc.RetryInfo (OTLP/gRPC Throttling). */
static void grpc_fail(otlp_request *request, unsigned http_status, weir_grpc_code code, const weir_error *error)
{
    char code_text[12];
    int code_len = snprintf(code_text, sizeof code_text, "%u", (unsigned)code);
    WEIR_BUFFER message = {0};
    WEIR_BUFFER status = {0};
    WEIR_BUFFER details = {0};
    weir_grpc_message_encode(weir_text_of(error->text), &message);
    weir_http_header headers[5] = {
        {WEIR_TEXT("content-type"), WEIR_TEXT("application/grpc")},
        {WEIR_TEXT("grpc-status"), {code_text, (size_t)code_len}},
        {WEIR_TEXT("grpc-message"), {(const char *)message.data, message.len}},
    };
    size_t count = 3;
    if (error->retry_after_ms) {
        weir_rpc_status_encode(error, &status);
        weir_base64_encode((weir_bytes){status.data, status.len}, &details);
        headers[count++] =
            (weir_http_header){WEIR_TEXT("grpc-status-details-bin"), {(const char *)details.data, details.len}};
    }
    if (code == WEIR_GRPC_UNIMPLEMENTED)
        headers[count++] = (weir_http_header){WEIR_TEXT("grpc-accept-encoding"), WEIR_TEXT(WEIR_ENCODINGS_ACCEPTED)};
    weir_http_respond(request->http,
                      &(weir_http_response){.status = http_status, .headers = headers, .header_count = count});
}

/* ---- HTTP ---- */

/* Of what may be said once, the first counts; Vary is a list. */
static bool is_said(const weir_http_header *headers, size_t count, weir_text name)
{
    for (size_t i = 0; i < count; i++)
        if (weir_text_equal_nocase(headers[i].name, name))
            return !weir_text_equal_nocase(name, WEIR_TEXT("vary"));
    return false;
}

/* The configured headers, behind `count` others: a second Access-Control-Allow-Origin is an error to browsers. */
static size_t add_configured(const otlp_port *port, size_t count)
{
    const weir_string_map *configured = &port->http->response_headers;
    WEIR_ASSERT(configured->count <= OTLP_RESPONSE_HEADERS_MAX);
    size_t said = count;
    for (size_t i = 0; i < configured->count; i++) {
        weir_text name = weir_text_of(configured->keys[i]);
        if (!is_said(port->headers, said, name))
            port->headers[count++] = (weir_http_header){name, weir_text_of(configured->values[i])};
    }
    return count;
}

/* The headers of an answer are gathered in the port's array, the service's `own` first. */
static void http_respond(otlp_request *request, unsigned status, const weir_http_header *own, size_t own_count,
                         const weir_buffer *body)
{
    const otlp_port *port = request->port;
    WEIR_ASSERT(own_count <= OTLP_OWN_HEADERS_MAX);
    if (own_count)
        memcpy(port->headers, own, own_count * sizeof *own);
    size_t count = own_count;
    if (port->cors)
        count += weir__otlp_cors_answer(port->cors, request->http, port->headers + count);
    count = add_configured(port, count);
    weir_http_respond(request->http, &(weir_http_response){.status = status,
                                                           .headers = port->headers,
                                                           .header_count = count,
                                                           .body = body->data,
                                                           .body_len = body->len});
}

/* Whoever sends JSON is answered in JSON ("OTLP/HTTP Response"). */
static weir_http_header content_type_of(const otlp_request *request)
{
    weir_text type = request->is_json ? WEIR_TEXT("application/json") : WEIR_TEXT("application/x-protobuf");
    return (weir_http_header){WEIR_TEXT("content-type"), type};
}

static void http_succeed(otlp_request *request, const weir_buffer *message)
{
    const weir_http_header headers[] = {content_type_of(request)};
    http_respond(request, 200, headers, 1, message);
}

static void http_fail_as_text(otlp_request *request, unsigned status, const char *text)
{
    WEIR_BUFFER body = {0};
    weir_buffer_printf(&body, "%u %s\n", status, text);
    weir_http_header headers[2] = {{WEIR_TEXT("content-type"), WEIR_TEXT("text/plain")}};
    size_t count = 1;
    if (status == 405)
        headers[count++] = (weir_http_header){WEIR_TEXT("allow"), WEIR_TEXT("POST")};
    http_respond(request, status, headers, count, &body);
}

/* "Failures": the body is a google.rpc.Status. */
static void http_fail(otlp_request *request, unsigned status, const weir_error *error)
{
    WEIR_BUFFER body = {0};
    (request->is_json ? weir_rpc_status_encode_json : weir_rpc_status_encode)(error, &body);
    weir_http_header headers[3] = {content_type_of(request)};
    size_t count = 1;
    if (status == 401) /* RFC 9110 §11.6.1 */
        headers[count++] =
            (weir_http_header){WEIR_TEXT("www-authenticate"), weir_text_of(request->port->auth->challenge)};
    char seconds[12];
    if (error->retry_after_ms) {
        int len = snprintf(seconds, sizeof seconds, "%u", weir_retry_after_seconds(error));
        headers[count++] = (weir_http_header){WEIR_TEXT("retry-after"), {seconds, (size_t)len}};
    }
    http_respond(request, status, headers, count, &body);
}

/* ---- what is said ---- */

void weir__otlp_refuse(otlp_request *request, otlp_refusal refusal, const char *format, ...)
{
    const otlp_refusal_rule *rule = &weir__otlp_refusal_rules[refusal];
    weir_error error = {.class_ = rule->class_, .status = rule->status, .retry_after_ms = rule->retry_after_ms};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.text, sizeof error.text, format, arguments);
    va_end(arguments);
    if (request->protocol == OTLP_GRPC)
        grpc_fail(request, rule->grpc_http_status, rule->grpc_code, &error);
    else if (rule->is_plain_text)
        http_fail_as_text(request, rule->http_status, error.text);
    else
        http_fail(request, rule->http_status, &error);
    weir__otlp_request_answered(request, rule->result);
}

/* A pipeline that names no class, or one that contradicts what it did, is taken by what it did. */
static weir_error error_of(const weir_outcome *outcome)
{
    weir_error error = outcome->error;
    bool later = outcome->kind == WEIR_RETRY_LATER;
    if (later && !weir_error_is_retryable(&error)) {
        error.class_ = WEIR_ERROR_RETRYABLE;
    } else if (!later && (weir_error_is_retryable(&error) || error.class_ == WEIR_ERROR_NONE)) {
        error.class_ = WEIR_ERROR_PERMANENT;
        error.status = WEIR_INVALID;
    }
    if (!later)
        error.retry_after_ms = 0;
    return error;
}

void weir__otlp_answer_failed(otlp_request *request, const weir_outcome *outcome)
{
    WEIR_ASSERT(outcome->kind != WEIR_DELIVERED);
    weir_error error = error_of(outcome);
    if (request->protocol == OTLP_GRPC)
        grpc_fail(request, 200, weir_grpc_code_of(&error), &error);
    else
        http_fail(request, weir_http_status_of(&error), &error);
    weir__otlp_request_answered(request, outcome->kind == WEIR_RETRY_LATER ? OTLP_RETRY_LATER : OTLP_REJECTED);
}

static void succeed(otlp_request *request, const weir_buffer *message)
{
    if (request->protocol == OTLP_HTTP) {
        http_succeed(request, message);
        return;
    }
    /* Nearly every answer is the empty message: its frame needs no memory. */
    static uint8_t empty_frame[WEIR_GRPC_PREFIX_LEN];
    if (message->len == 0) {
        grpc_succeed(request, &(weir_buffer){.data = empty_frame, .len = sizeof empty_frame});
        return;
    }
    WEIR_BUFFER framed = {0};
    weir_grpc_prefix_write(false, (uint32_t)message->len, weir_buffer_reserve(&framed, WEIR_GRPC_PREFIX_LEN));
    framed.len += WEIR_GRPC_PREFIX_LEN;
    weir_buffer_append(&framed, message->data, message->len);
    grpc_succeed(request, &framed);
}

/* The responses of the three services have the same fields with the same numbers: that of traces stands for all. */
static void encode_partial_success(weir_buffer *out, uint64_t rejected_items, const char *text)
{
    Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess partial =
        OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_PARTIAL_SUCCESS__INIT;
    Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse response =
        OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_RESPONSE__INIT;
    char message[WEIR_ERROR_TEXT_SIZE];
    snprintf(message, sizeof message, "%s", text);
    weir_utf8_repair(message);
    partial.rejected_spans = (int64_t)rejected_items;
    partial.error_message = message;
    response.partial_success = &partial;
    size_t len = protobuf_c_message_get_packed_size(&response.base);
    out->len += protobuf_c_message_pack(&response.base, weir_buffer_reserve(out, len));
}

/* In JSON the three have different names. An int64 is a string there. */
static void write_partial_success(weir_buffer *out, weir_signal signal, uint64_t rejected_items, const char *text)
{
    static const char *const names[WEIR_SIGNALS] = {
        [WEIR_TRACES] = "rejectedSpans", [WEIR_METRICS] = "rejectedDataPoints", [WEIR_LOGS] = "rejectedLogRecords"};
    weir_buffer_printf(out, "{\"partialSuccess\":{\"%s\":\"%" PRIu64 "\",\"errorMessage\":", names[signal],
                       rejected_items);
    weir_buffer_append_json_string(out, text);
    weir_buffer_append_text(out, "}}");
}

void weir__otlp_answer_accepted(otlp_request *request, uint64_t rejected_items, const char *text)
{
    WEIR_BUFFER message = {0};
    if (rejected_items && request->is_json)
        write_partial_success(&message, request->signal, rejected_items, text);
    else if (rejected_items)
        encode_partial_success(&message, rejected_items, text);
    else if (request->is_json)
        weir_buffer_append_text(&message, "{}");
    succeed(request, &message);
    weir__otlp_request_answered(request, rejected_items ? OTLP_PARTIAL : OTLP_ACCEPTED);
}

void weir__otlp_answer_preflight(otlp_request *request)
{
    const otlp_port *port = request->port;
    size_t count = weir__otlp_cors_preflight(port->cors, request->http, port->headers);
    count = add_configured(port, count);
    weir_http_respond(request->http,
                      &(weir_http_response){.status = 204, .headers = port->headers, .header_count = count});
    weir__otlp_request_answered(request, OTLP_PREFLIGHT);
}

void weir__otlp_answer_health(otlp_request *request, bool is_serving)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = is_serving ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                                 : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
    WEIR_BUFFER message = {0};
    size_t len = protobuf_c_message_get_packed_size(&response.base);
    message.len += protobuf_c_message_pack(&response.base, weir_buffer_reserve(&message, len));
    succeed(request, &message);
    weir__otlp_request_answered(request, OTLP_HEALTH);
}
