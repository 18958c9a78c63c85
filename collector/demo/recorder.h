/* SPDX-License-Identifier: Apache-2.0
 *
 * Records the spans and logs of one made-up trace and packs them as OTLP requests, one per service and signal.
 *
 * It stands in for the SDKs of several programs at once. Time is the recorder's own: it starts at zero, the story
 * lets it pass (weir_recorder_spend, weir_recorder_rewind), and when all is told weir_recorder_settle moves the whole
 * trace so that it ends at a given moment. A span begins and ends at the recorder's time, which is why children lie
 * within their parents.
 *
 * All messages live in one block of fixed size inside the recorder, until the next weir_recorder_begin. A story that
 * does not fit is our own mistake and stops the process. One thread.
 */
#ifndef WEIR_DEMO_RECORDER_H
#define WEIR_DEMO_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/resource/v1/resource.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"

#include "demo/random.h"

typedef Opentelemetry__Proto__Trace__V1__Span weir_demo_span;
typedef Opentelemetry__Proto__Logs__V1__LogRecord weir_demo_log_record;
typedef Opentelemetry__Proto__Resource__V1__Resource weir_demo_resource;

/* The generated names of these enumerations fill half a line. */
#define WEIR_DEMO_KIND(NAME) OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_##NAME
#define WEIR_DEMO_SEVERITY(NAME) OPENTELEMETRY__PROTO__LOGS__V1__SEVERITY_NUMBER__SEVERITY_NUMBER_##NAME
typedef Opentelemetry__Proto__Trace__V1__Span__SpanKind weir_demo_kind;
typedef Opentelemetry__Proto__Logs__V1__SeverityNumber weir_demo_severity;

enum {
    WEIR_DEMO_TRACE_ID_SIZE = 16,
    WEIR_DEMO_SPAN_ID_SIZE = 8,
    WEIR_RECORDER_SPANS_MAX = 48,
    WEIR_RECORDER_LOGS_MAX = 48,
    WEIR_RECORDER_ATTRIBUTES_MAX = 24, /* per span, log record or resource */
    WEIR_RECORDER_EVENTS_MAX = 2,      /* per span */
    WEIR_RECORDER_LINKS_MAX = 1,       /* per span */
    /* Roughly 400 bytes for a span or record, and 24 attributes of 150 bytes each with their text, for all 96. */
    WEIR_RECORDER_BLOCK_SIZE = 96 * (400 + WEIR_RECORDER_ATTRIBUTES_MAX * 150),
};

/* What is needed to point to a span from elsewhere. */
typedef struct weir_demo_span_context {
    uint8_t trace_id[WEIR_DEMO_TRACE_ID_SIZE];
    uint8_t span_id[WEIR_DEMO_SPAN_ID_SIZE];
} weir_demo_span_context;

/* Who recorded an item: an index the caller chooses. */
typedef unsigned weir_recorder_service;

typedef struct weir_recorder {
    weir_demo_random *random; /* borrowed */
    uint64_t time_ns;         /* since the trace began, until settled */
    uint8_t *trace_id;
    size_t span_count;
    size_t log_count;
    weir_demo_span *spans[WEIR_RECORDER_SPANS_MAX];
    weir_demo_log_record *logs[WEIR_RECORDER_LOGS_MAX];
    weir_recorder_service span_services[WEIR_RECORDER_SPANS_MAX];
    weir_recorder_service log_services[WEIR_RECORDER_LOGS_MAX];
    size_t block_used;
    _Alignas(16) uint8_t block[WEIR_RECORDER_BLOCK_SIZE];
} weir_recorder;

/* Forgets everything and starts a new trace at time zero. All ids come from `random`, borrowed until the next one. */
void weir_recorder_begin(weir_recorder *recorder, weir_demo_random *random);

/* Lets time pass: somewhere between half of `typical_us` and one and a half times as much. */
void weir_recorder_spend(weir_recorder *recorder, uint64_t typical_us);

/* Goes back (or forward) to `time_ns`, to tell what happened at the same time as what was just told. */
void weir_recorder_rewind(weir_recorder *recorder, uint64_t time_ns);

/* A span that begins now. `parent` NULL: a root. `name` must outlive the packing. Borrowed from the recorder. */
weir_demo_span *weir_recorder_span(weir_recorder *recorder, weir_recorder_service service, const weir_demo_span *parent,
                                   weir_demo_kind kind, const char *name);
/* Ends it now. */
void weir_demo_span_end(weir_recorder *recorder, weir_demo_span *span);
/* Sets STATUS_CODE_ERROR with a description, or none when that is NULL. */
void weir_demo_span_fail(weir_recorder *recorder, weir_demo_span *span, const char *description);
/* Adds an event "exception" that happens now, and fails the span. */
void weir_demo_span_exception(weir_recorder *recorder, weir_demo_span *span, const char *type, const char *message,
                              const char *stacktrace);
/* Adds a link to a span of another trace. */
void weir_demo_span_link(weir_recorder *recorder, weir_demo_span *span, const weir_demo_span_context *target);
weir_demo_span_context weir_demo_span_context_of(const weir_demo_span *span);

/* A log record written now within `span` by `service`; the body is formatted as by printf. */
weir_demo_log_record *weir_recorder_log(weir_recorder *recorder, weir_recorder_service service,
                                        const weir_demo_span *span, weir_demo_severity severity, const char *format,
                                        ...) __attribute__((format(printf, 5, 6)));

/* Attributes. Keys and texts must outlive the packing: literals, or from weir_recorder_format. */
void weir_demo_span_text(weir_recorder *recorder, weir_demo_span *span, const char *key, const char *value);
void weir_demo_span_int(weir_recorder *recorder, weir_demo_span *span, const char *key, int64_t value);
void weir_demo_span_bool(weir_recorder *recorder, weir_demo_span *span, const char *key, bool value);
void weir_demo_log_text(weir_recorder *recorder, weir_demo_log_record *log, const char *key, const char *value);
void weir_demo_log_int(weir_recorder *recorder, weir_demo_log_record *log, const char *key, int64_t value);
void weir_demo_log_double(weir_recorder *recorder, weir_demo_log_record *log, const char *key, double value);

weir_demo_resource *weir_recorder_resource(weir_recorder *recorder);
void weir_demo_resource_text(weir_recorder *recorder, weir_demo_resource *resource, const char *key, const char *value);
void weir_demo_resource_int(weir_recorder *recorder, weir_demo_resource *resource, const char *key, int64_t value);

/* printf into the recorder's block. */
char *weir_recorder_format(weir_recorder *recorder, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Moves everything recorded so that the last span or record ends at `end_unix_nano`. Once, before packing.
 * `end_unix_nano` must be greater than the trace is long. */
void weir_recorder_settle(weir_recorder *recorder, uint64_t end_unix_nano);

/* Packs the spans (the log records) of `service` as an Export…ServiceRequest. Gives the bytes, to be freed with
 * free(), and their number; NULL when the service recorded none. `*ret_items` is the number of spans (records). */
uint8_t *weir_recorder_pack_spans(weir_recorder *recorder, weir_recorder_service service, weir_demo_resource *resource,
                                  const char *scope_name, size_t *ret_len, size_t *ret_items);
uint8_t *weir_recorder_pack_logs(weir_recorder *recorder, weir_recorder_service service, weir_demo_resource *resource,
                                 const char *scope_name, size_t *ret_len, size_t *ret_items);

#endif
