/* SPDX-License-Identifier: Apache-2.0
 *
 * The generated code is linked whole and gives the bytes the protobuf encoding asks for. Whether the schemas equal the
 * published ones is tested in tests/compat/test_proto.py.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "google/protobuf/duration.pb-c.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

/* Packs any message; the caller frees the bytes. */
static uint8_t *pack(const ProtobufCMessage *message, size_t *ret_len)
{
    *ret_len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(*ret_len + 1);
    cr_assert_eq(protobuf_c_message_pack(message, bytes), *ret_len);
    return bytes;
}

Test(proto, a_key_value_has_the_bytes_of_the_encoding)
{
    Opentelemetry__Proto__Common__V1__AnyValue value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
    value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
    value.int_value = 200;
    Opentelemetry__Proto__Common__V1__KeyValue attribute = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;
    attribute.key = (char *)"code";
    attribute.value = &value;

    const uint8_t expected[] = {0x0a, 4, 'c', 'o', 'd', 'e', 0x12, 3, 0x18, 0xc8, 0x01};
    size_t len;
    uint8_t *bytes = pack(&attribute.base, &len);
    cr_assert_eq(len, sizeof(expected));
    cr_assert_arr_eq(bytes, expected, sizeof(expected));
    free(bytes);
}

Test(proto, a_span_survives_the_round_trip)
{
    uint8_t trace_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    Opentelemetry__Proto__Trace__V1__Span span = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
    span.trace_id = (ProtobufCBinaryData){sizeof(trace_id), trace_id};
    span.name = (char *)"GET /cart";
    span.kind = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER;
    span.start_time_unix_nano = UINT64_MAX;
    Opentelemetry__Proto__Trace__V1__Span *spans[] = {&span};
    Opentelemetry__Proto__Trace__V1__ScopeSpans scope = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
    scope.n_spans = 1;
    scope.spans = spans;
    Opentelemetry__Proto__Trace__V1__ScopeSpans *scopes[] = {&scope};
    Opentelemetry__Proto__Trace__V1__ResourceSpans group = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
    group.n_scope_spans = 1;
    group.scope_spans = scopes;
    Opentelemetry__Proto__Trace__V1__ResourceSpans *groups[] = {&group};
    Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest request =
        OPENTELEMETRY__PROTO__COLLECTOR__TRACE__V1__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.n_resource_spans = 1;
    request.resource_spans = groups;

    size_t len;
    uint8_t *bytes = pack(&request.base, &len);
    Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *read =
        opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(NULL, len, bytes);
    cr_assert_not_null(read);
    const Opentelemetry__Proto__Trace__V1__Span *back = read->resource_spans[0]->scope_spans[0]->spans[0];
    cr_assert_eq(back->trace_id.len, sizeof(trace_id));
    cr_assert_arr_eq(back->trace_id.data, trace_id, sizeof(trace_id));
    cr_assert_str_eq(back->name, "GET /cart");
    cr_assert_eq(back->kind, OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER);
    cr_assert_eq(back->start_time_unix_nano, UINT64_MAX);
    cr_assert_null(back->status, "an absent message must read as absent");
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(read, NULL);
    free(bytes);
}

Test(proto, requests_written_one_after_the_other_merge)
{
    /* Two requests of one empty group each: 0a 00 0a 00. Batching rests on this. */
    const uint8_t bytes[] = {0x0a, 0, 0x0a, 0};
    Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest *logs =
        opentelemetry__proto__collector__logs__v1__export_logs_service_request__unpack(NULL, sizeof(bytes), bytes);
    cr_assert_not_null(logs);
    cr_assert_eq(logs->n_resource_logs, 2);
    opentelemetry__proto__collector__logs__v1__export_logs_service_request__free_unpacked(logs, NULL);
}

Test(proto, a_sum_of_zero_differs_from_no_sum)
{
    Opentelemetry__Proto__Metrics__V1__HistogramDataPoint point =
        OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;
    cr_assert_eq(protobuf_c_message_get_packed_size(&point.base), 0);
    point._sum_case = OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT___SUM_SUM;
    point.sum = 0.0;

    size_t len;
    uint8_t *bytes = pack(&point.base, &len);
    cr_assert_eq(len, 9, "a tag and eight bytes");
    Opentelemetry__Proto__Metrics__V1__HistogramDataPoint *read =
        opentelemetry__proto__metrics__v1__histogram_data_point__unpack(NULL, len, bytes);
    cr_assert_not_null(read);
    cr_assert_eq(read->_sum_case, OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT___SUM_SUM);
    cr_assert_eq(read->_min_case, OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT___MIN__NOT_SET);
    opentelemetry__proto__metrics__v1__histogram_data_point__free_unpacked(read, NULL);
    free(bytes);
}

Test(proto, a_status_carries_retry_info)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = 2;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;
    info.retry_delay = &delay;
    Google__Protobuf__Any detail = GOOGLE__PROTOBUF__ANY__INIT;
    detail.type_url = (char *)"type.googleapis.com/google.rpc.RetryInfo";
    detail.value.data = pack(&info.base, &detail.value.len);
    Google__Protobuf__Any *details[] = {&detail};
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.code = 14;
    status.n_details = 1;
    status.details = details;

    size_t len;
    uint8_t *bytes = pack(&status.base, &len);
    Google__Rpc__Status *read = google__rpc__status__unpack(NULL, len, bytes);
    cr_assert_not_null(read);
    cr_assert_eq(read->code, 14);
    Google__Rpc__RetryInfo *back =
        google__rpc__retry_info__unpack(NULL, read->details[0]->value.len, read->details[0]->value.data);
    cr_assert_not_null(back);
    cr_assert_eq(back->retry_delay->seconds, 2);
    google__rpc__retry_info__free_unpacked(back, NULL);
    google__rpc__status__free_unpacked(read, NULL);
    free(bytes);
    free(detail.value.data);
}

Test(proto, unknown_fields_are_written_back)
{
    /* Field 99, a varint, in a health request: 98 06 = 99 << 3. */
    const uint8_t bytes[] = {0x0a, 1, 's', 0x98, 0x06, 0x07};
    Grpc__Health__V1__HealthCheckRequest *request =
        grpc__health__v1__health_check_request__unpack(NULL, sizeof(bytes), bytes);
    cr_assert_not_null(request);
    size_t len;
    uint8_t *again = pack(&request->base, &len);
    cr_assert_eq(len, sizeof(bytes));
    cr_assert_arr_eq(again, bytes, sizeof(bytes));
    free(again);
    grpc__health__v1__health_check_request__free_unpacked(request, NULL);
}
