/* SPDX-License-Identifier: Apache-2.0 */
#include "net/rpc_status.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/memory.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#define RETRY_INFO_TYPE "type.googleapis.com/google.rpc.RetryInfo"

/* ---- what a server answers ---- */

static weir_grpc_code grpc_code_of_permanent(weir_status status)
{
    switch (status) {
    case WEIR_INVALID:
        return WEIR_GRPC_INVALID_ARGUMENT;
    case WEIR_TOO_LARGE:
        return WEIR_GRPC_RESOURCE_EXHAUSTED;
    case WEIR_UNSUPPORTED:
    case WEIR_NOT_FOUND:
        return WEIR_GRPC_UNIMPLEMENTED;
    case WEIR_DENIED:
        return WEIR_GRPC_UNAUTHENTICATED;
    default:
        return WEIR_GRPC_INTERNAL;
    }
}

weir_grpc_code weir_grpc_code_of(const weir_error *error)
{
    switch (error->class_) {
    case WEIR_ERROR_NONE:
        return WEIR_GRPC_OK;
    case WEIR_ERROR_RETRYABLE:
    case WEIR_ERROR_THROTTLED:
    case WEIR_ERROR_ENDPOINT:
        return WEIR_GRPC_UNAVAILABLE;
    case WEIR_ERROR_TOO_LARGE:
        return WEIR_GRPC_RESOURCE_EXHAUSTED;
    case WEIR_ERROR_PERMANENT:
        break;
    }
    return grpc_code_of_permanent(error->status);
}

static unsigned http_status_of_permanent(weir_status status)
{
    switch (status) {
    case WEIR_INVALID:
        return 400;
    case WEIR_TOO_LARGE:
        return 413;
    case WEIR_UNSUPPORTED:
        return 415;
    case WEIR_NOT_FOUND:
        return 404;
    case WEIR_DENIED:
        return 401;
    default:
        return 500;
    }
}

unsigned weir_http_status_of(const weir_error *error)
{
    switch (error->class_) {
    case WEIR_ERROR_NONE:
        return 200;
    case WEIR_ERROR_RETRYABLE:
    case WEIR_ERROR_ENDPOINT:
        return 503;
    case WEIR_ERROR_THROTTLED:
        return 429;
    case WEIR_ERROR_TOO_LARGE:
        return 413;
    case WEIR_ERROR_PERMANENT:
        break;
    }
    return http_status_of_permanent(error->status);
}

uint32_t weir_retry_after_seconds(const weir_error *error)
{
    return error->retry_after_ms / 1000 + (error->retry_after_ms % 1000 != 0);
}

/* The largest RetryInfo in bytes: a Duration of two varints, with its tags. */
enum { RETRY_INFO_SIZE_MAX = 32 };

static size_t pack_retry_info(uint32_t delay_ms, uint8_t ret_bytes[RETRY_INFO_SIZE_MAX])
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = delay_ms / 1000;
    delay.nanos = (int32_t)(delay_ms % 1000) * 1000000;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    info.retry_delay = &delay;
    return google__rpc__retry_info__pack(&info, ret_bytes);
}

static bool has_delay(const weir_error *error)
{
    return error->retry_after_ms > 0 && weir_error_is_retryable(error);
}

void weir_rpc_status_encode(const weir_error *error, weir_buffer *out)
{
    uint8_t retry_info[RETRY_INFO_SIZE_MAX];
    char type[] = RETRY_INFO_TYPE;
    char text[WEIR_ERROR_TEXT_SIZE];
    memcpy(text, error->text, sizeof text);
    weir_utf8_repair(text); /* it may have bytes of a peer's in it, and may be cut inside a character */
    Google__Protobuf__Any detail = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any *details[] = {&detail};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = (int32_t)weir_grpc_code_of(error);
    status.message = text;
    if (has_delay(error)) {
        detail.type_url = type;
        detail.value.data = retry_info;
        detail.value.len = pack_retry_info(error->retry_after_ms, retry_info);
        status.details = details;
        status.n_details = 1;
    }
    size_t size = google__rpc__status__get_packed_size(&status);
    google__rpc__status__pack(&status, weir_buffer_reserve(out, size));
    out->len += size;
}

/* A Duration has no fraction in JSON, or three digits of one (or more, for what we have no need of). */
static void append_json_delay(uint32_t delay_ms, weir_buffer *out)
{
    weir_buffer_printf(out, "\"%u", delay_ms / 1000);
    if (delay_ms % 1000)
        weir_buffer_printf(out, ".%03u", delay_ms % 1000);
    weir_buffer_append_text(out, "s\"");
}

void weir_rpc_status_encode_json(const weir_error *error, weir_buffer *out)
{
    weir_buffer_printf(out, "{\"code\":%d,\"message\":", (int)weir_grpc_code_of(error));
    weir_buffer_append_json_string(out, error->text);
    if (has_delay(error)) {
        weir_buffer_append_text(out, ",\"details\":[{\"@type\":\"" RETRY_INFO_TYPE "\",\"retryDelay\":");
        append_json_delay(error->retry_after_ms, out);
        weir_buffer_append_text(out, "}]");
    }
    weir_buffer_append_byte(out, '}');
}

/* ---- what a client makes of an answer ---- */

/* Negative delays count as none, long ones as the longest that fits. */
static uint32_t duration_to_ms(const Google__Protobuf__Duration *duration)
{
    if (!duration || duration->seconds < 0 || duration->nanos < 0)
        return 0;
    uint64_t nanos_as_ms = (uint64_t)duration->nanos / 1000000;
    if (duration->seconds > UINT32_MAX / 1000 - 1000)
        return UINT32_MAX;
    return (uint32_t)((uint64_t)duration->seconds * 1000 + nanos_as_ms);
}

static void read_retry_info(const Google__Protobuf__Any *detail, weir_rpc_status *status)
{
    if (!detail->type_url || strcmp(detail->type_url, RETRY_INFO_TYPE) != 0)
        return;
    Google__Rpc__RetryInfo *info = google__rpc__retry_info__unpack(NULL, detail->value.len, detail->value.data);
    if (!info)
        return;
    status->has_retry_info = true;
    status->retry_after_ms = duration_to_ms(info->retry_delay);
    google__rpc__retry_info__free_unpacked(info, NULL);
}

weir_status weir_rpc_status_decode(weir_bytes bytes, weir_rpc_status *ret_status)
{
    Google__Rpc__Status *message = google__rpc__status__unpack(NULL, bytes.len, bytes.data);
    if (!message)
        return WEIR_INVALID;
    weir_rpc_status status = {.code = (unsigned)message->code};
    snprintf(status.text, sizeof status.text, "%s", message->message ? message->message : "");
    for (size_t i = 0; i < message->n_details; i++)
        read_retry_info(message->details[i], &status);
    google__rpc__status__free_unpacked(message, NULL);
    *ret_status = status;
    return WEIR_OK;
}

static weir_rpc_status details_of(weir_text base64)
{
    WEIR_BUFFER bytes = {0};
    weir_rpc_status status = {0};
    if (base64.len == 0 || weir_base64_decode(base64, &bytes) != WEIR_OK)
        return status;
    if (weir_rpc_status_decode((weir_bytes){bytes.data, bytes.len}, &status) != WEIR_OK)
        return (weir_rpc_status){0};
    return status;
}

/* gRPC has no code of its own for "too large", so implementations are told by their words: grpc-go and gRPC core say
 * "received message larger than max", grpc-java "message exceeds maximum size", weir "larger than". */
static bool says_too_large(const char *message)
{
    return strstr(message, "larger than") || strstr(message, "exceeds maximum") || strstr(message, "too large");
}

static weir_error_class class_of_exhausted(const char *message, const weir_rpc_status *details)
{
    if (details->has_retry_info)
        return WEIR_ERROR_THROTTLED;
    return says_too_large(message) ? WEIR_ERROR_TOO_LARGE : WEIR_ERROR_PERMANENT;
}

static weir_error_class class_of_grpc(unsigned code, const char *message, const weir_rpc_status *details)
{
    switch (code) {
    case WEIR_GRPC_OK:
        return WEIR_ERROR_NONE;
    case WEIR_GRPC_CANCELLED:
    case WEIR_GRPC_DEADLINE_EXCEEDED:
    case WEIR_GRPC_ABORTED:
    case WEIR_GRPC_OUT_OF_RANGE:
    case WEIR_GRPC_UNAVAILABLE:
    case WEIR_GRPC_DATA_LOSS:
        return details->retry_after_ms > 0 ? WEIR_ERROR_THROTTLED : WEIR_ERROR_RETRYABLE;
    case WEIR_GRPC_RESOURCE_EXHAUSTED:
        return class_of_exhausted(message, details);
    case WEIR_GRPC_UNAUTHENTICATED:
    case WEIR_GRPC_PERMISSION_DENIED:
    case WEIR_GRPC_NOT_FOUND:
    case WEIR_GRPC_UNIMPLEMENTED:
        return WEIR_ERROR_ENDPOINT;
    default:
        return WEIR_ERROR_PERMANENT;
    }
}

static const char *const grpc_code_names[] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

static weir_status status_of_class(weir_error_class class_, unsigned code)
{
    if (class_ == WEIR_ERROR_TOO_LARGE)
        return WEIR_TOO_LARGE;
    if (code == WEIR_GRPC_DEADLINE_EXCEEDED)
        return WEIR_TIMEOUT;
    return weir_error_is_retryable(&(weir_error){.class_ = class_}) ? WEIR_AGAIN : WEIR_INVALID;
}

void weir_error_from_grpc(unsigned code, weir_text message, weir_text details, weir_error *ret_error)
{
    if (code >= WEIR_COUNT_OF(grpc_code_names))
        code = WEIR_GRPC_UNKNOWN;
    *ret_error = (weir_error){0};
    if (code == WEIR_GRPC_OK)
        return;
    WEIR_BUFFER decoded = {0};
    weir_grpc_message_decode(message, &decoded);
    const char *text = weir_buffer_string(&decoded);
    weir_rpc_status status = details_of(details);
    weir_error_class class_ = class_of_grpc(code, text, &status);
    (void)weir_error_set(ret_error, class_, status_of_class(class_, code), "%s: %s", grpc_code_names[code], text);
    ret_error->retry_after_ms = status.retry_after_ms;
}

weir_grpc_code weir_grpc_code_from_http(unsigned http_status)
{
    switch (http_status) {
    case 400:
        return WEIR_GRPC_INTERNAL;
    case 401:
        return WEIR_GRPC_UNAUTHENTICATED;
    case 403:
        return WEIR_GRPC_PERMISSION_DENIED;
    case 404:
        return WEIR_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return WEIR_GRPC_UNAVAILABLE;
    default:
        return WEIR_GRPC_UNKNOWN;
    }
}

/* Retry-After is a number of seconds or an IMF-fixdate (RFC 9110 §10.2.3); anything else counts as not there. */
static uint32_t retry_after_ms(weir_text value, uint64_t wall_ns)
{
    uint64_t seconds;
    if (weir_text_to_uint(value, UINT32_MAX / 1000, &seconds))
        return (uint32_t)seconds * 1000;
    char text[40];
    if (value.len == 0 || value.len >= sizeof text)
        return 0;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    struct tm date = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (!end || *end)
        return 0;
    int64_t wait_s = (int64_t)timegm(&date) - (int64_t)(wall_ns / 1000000000);
    if (wait_s <= 0)
        return 0;
    return wait_s > UINT32_MAX / 1000 ? UINT32_MAX : (uint32_t)wait_s * 1000;
}

static weir_error_class class_of_http(unsigned http_status, uint32_t delay_ms)
{
    if (http_status >= 200 && http_status < 300)
        return WEIR_ERROR_NONE;
    if (http_status >= 300 && http_status < 400)
        return WEIR_ERROR_ENDPOINT; /* telemetry is not sent after redirects: the setting is to be corrected */
    switch (http_status) {
    case 429:
        return WEIR_ERROR_THROTTLED;
    case 502:
    case 503:
    case 504:
        return delay_ms > 0 ? WEIR_ERROR_THROTTLED : WEIR_ERROR_RETRYABLE;
    case 413:
        return WEIR_ERROR_TOO_LARGE;
    case 401:
    case 403:
    case 404:
    case 405:
    case 407:
        return WEIR_ERROR_ENDPOINT;
    default:
        return WEIR_ERROR_PERMANENT;
    }
}

/* What a person is shown of a body that is not protobuf: its first line. */
static weir_text first_line(weir_bytes body)
{
    size_t len = 0;
    while (len < body.len && len < WEIR_ERROR_TEXT_SIZE && body.data[len] >= 0x20 && body.data[len] != 0x7f)
        len++;
    return (weir_text){(const char *)body.data, len};
}

void weir_error_from_http(unsigned http_status, weir_text retry_after, uint64_t wall_ns, weir_bytes body,
                          bool is_protobuf, weir_error *ret_error)
{
    uint32_t delay_ms = retry_after_ms(retry_after, wall_ns);
    weir_error_class class_ = class_of_http(http_status, delay_ms);
    *ret_error = (weir_error){0};
    if (class_ == WEIR_ERROR_NONE)
        return;
    weir_rpc_status status = {0};
    weir_text text = first_line(body);
    if (is_protobuf && weir_rpc_status_decode(body, &status) == WEIR_OK)
        text = weir_text_of(status.text);
    (void)weir_error_set(ret_error, class_, status_of_class(class_, WEIR_GRPC_UNKNOWN), "HTTP %u: %.*s", http_status,
                         WEIR_TEXT_ARG(text));
    ret_error->retry_after_ms = delay_ms > 0 || !weir_error_is_retryable(ret_error) ? delay_ms : status.retry_after_ms;
}
