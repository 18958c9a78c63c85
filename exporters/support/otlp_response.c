/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/support/otlp_response.h"

#include <stdio.h>

#include "core/assert.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

const char *weir_otlp_method(weir_signal signal)
{
    static const char *const methods[WEIR_SIGNALS] = {
        [WEIR_TRACES] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        [WEIR_METRICS] = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        [WEIR_LOGS] = "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    };
    WEIR_ASSERT(signal < WEIR_SIGNALS);
    return methods[signal];
}

static void set_partial(weir_error *ret_error, int64_t rejected, const char *message)
{
    /* A negative count is nonsense; the message is still worth showing. */
    ret_error->rejected_items = rejected > 0 ? (uint64_t)rejected : 0;
    if (message && message[0] != '\0')
        snprintf(ret_error->text, sizeof ret_error->text, "%s", message);
    else if (rejected > 0)
        snprintf(ret_error->text, sizeof ret_error->text, "no reason given");
}

/* The three responses differ in their types' names only. */
#define READ_RESPONSE(Response, response__, rejected_items_)                                                      \
    do {                                                                                                          \
        Response *read = response__##unpack(NULL, response.len, response.data);                                   \
        if (read && read->partial_success)                                                                        \
            set_partial(ret_error, read->partial_success->rejected_items_, read->partial_success->error_message); \
        if (read)                                                                                                 \
            response__##free_unpacked(read, NULL);                                                                \
    } while (0)

void weir_otlp_response_read(weir_signal signal, weir_bytes response, weir_error *ret_error)
{
    *ret_error = (weir_error){0};
    switch (signal) {
    case WEIR_TRACES:
        READ_RESPONSE(Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse,
                      opentelemetry__proto__collector__trace__v1__export_trace_service_response__, rejected_spans);
        break;
    case WEIR_METRICS:
        READ_RESPONSE(Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceResponse,
                      opentelemetry__proto__collector__metrics__v1__export_metrics_service_response__,
                      rejected_data_points);
        break;
    case WEIR_LOGS:
        READ_RESPONSE(Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceResponse,
                      opentelemetry__proto__collector__logs__v1__export_logs_service_response__, rejected_log_records);
        break;
    case WEIR_SIGNALS:
        break;
    }
}
