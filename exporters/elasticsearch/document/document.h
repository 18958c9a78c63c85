/* SPDX-License-Identifier: Apache-2.0
 *
 * From wire form to Elasticsearch documents: one JSON object for each log record, span and (where the mode has them)
 * span event. The documents say what those of the Collector's elasticsearch exporter say; members may stand in another
 * order. The modes are the Collector's (`mapping.mode`, README of elasticsearchexporter).
 *
 * An encoder is told what the items lie in, and makes the part that all of their documents have in common once:
 *
 *     weir_otlp_items items = weir_otlp_items_of(kind, request);
 *     while (weir_otlp_items_next(&items)) {
 *         es_encoder_enter(encoder, mode, items.resource, items.scope);     free while nothing has changed
 *         es_route_log(router, items.item, &control, &error);                where it goes: control.h
 *         es_encode_log(encoder, items.item, &control.target, out, &error);
 *     }
 *
 * Whatever stands in the data, what comes out is JSON that Elasticsearch can parse: bytes that are not UTF-8 become
 * U+FFFD each, NaN and infinities become null, a key that Elasticsearch would refuse is changed as the functions say.
 * Requests must have passed weir_otlp_validate. One thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_DOCUMENT_H
#define WEIR_EXPORTERS_ELASTICSEARCH_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"
#include "otlp/view.h"

typedef enum es_mode { ES_MODE_OTEL, ES_MODE_ECS, ES_MODE_NONE, ES_MODE_RAW, ES_MODE_BODYMAP, ES_MODES } es_mode;

/* "otel", "ecs", "none", "raw", "bodymap". */
const char *es_mode_name(es_mode mode);
/* In any case, as the Collector; "" and "no" are "none". False, result untouched, for anything else. */
bool es_mode_find(weir_text name, es_mode *ret_mode);

/* Where a document goes. The texts are borrowed from whoever made the target. */
typedef struct es_target {
    weir_text index; /* of an index or data stream; never empty */
    /* data_stream.type, .dataset and .namespace that the document says; {NULL, 0} if it is routed to a name of its own
     * (a static index, `elasticsearch.index`, logstash_format). */
    weir_text type, dataset, name_space;
} es_target;

/* True if the documents of this target say data_stream.*, and must meet a data stream there. */
static inline bool es_target_is_data_stream(const es_target *target)
{
    return target->type.len > 0 && target->dataset.len > 0 && target->name_space.len > 0;
}

typedef struct es_encoder es_encoder;

es_encoder *es_encoder_new(void); /* never NULL */
void es_encoder_free(es_encoder *encoder);

/* The ResourceSpans (or ResourceLogs) and ScopeSpans (or ScopeLogs) bodies that the next documents are of, borrowed
 * until the next call, and how they are written. Cheap when it is called again with the same bytes. */
void es_encoder_enter(es_encoder *encoder, es_mode mode, weir_bytes resource, weir_bytes scope);
/* The bytes entered are about to go away: others at the same address are others. Memory that only large documents need
 * is given back. */
void es_encoder_leave(es_encoder *encoder);

/* Each appends one JSON object in one line, without a line end, to `out`. False, `out` as it was and `ret_error`
 * PERMANENT, if the mode has no such document: spans in bodymap, and a log record whose body is not a map there. */
WEIR_MUST_USE bool es_encode_log(es_encoder *encoder, weir_bytes record, const es_target *target, weir_buffer *out,
                                 weir_error *ret_error);
WEIR_MUST_USE bool es_encode_span(es_encoder *encoder, weir_bytes span, const es_target *target, weir_buffer *out,
                                  weir_error *ret_error);

/* True if events of spans are documents of their own (otel, ecs); in the other modes they are in the span's. */
bool es_mode_has_event_documents(es_mode mode);
/* `event` is the body of an event of `span`, which lies in what was entered. Only in such a mode. */
void es_encode_span_event(es_encoder *encoder, weir_bytes span, weir_bytes event, const es_target *target,
                          weir_buffer *out);

#endif
