/* SPDX-License-Identifier: Apache-2.0
 *
 * What the exporter counts beside the sender, in documents and requests, and what it logs of documents that are refused.
 *
 *   weir_elasticsearch_documents{fate}            stored, already_there, set_aside, again, refused, unknown: results in answers
 *   weir_elasticsearch_hidden_items               items that want to be no document (elasticsearch.mapping.hints)
 *   weir_elasticsearch_refused_documents{type}    by Elasticsearch's error.type; "not_sent": no document could be made
 *   weir_elasticsearch_requests{answer}           bulk requests by HTTP status class; "none": no answer came
 *   weir_elasticsearch_document_bytes, …_sent_bytes   bodies before and after compression
 *   weir_elasticsearch_endpoints_well{data_type,worker}
 *
 * Counters of all workers are the same ones; a struct belongs to one instance and its thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_COUNTERS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_COUNTERS_H

#include "component.h"
#include "exporters/elasticsearch/answer.h"

enum {
    ES_ERROR_TYPES_MAX = 50, /* told apart; what comes beyond counts as "other" */
    ES_ERROR_TYPE_LEN_MAX = 63,
    ES_STATUS_CLASSES = 6, /* none, 1xx … 5xx */
};

typedef struct es_error_type {
    char name[ES_ERROR_TYPE_LEN_MAX + 1];
    weir_metric *refused;
    uint64_t logged_ns; /* 0: never yet */
    uint64_t unlogged;  /* refused since then */
} es_error_type;

typedef struct es_counters {
    const weir_host *host;
    const char *id;
    weir_metric *documents[ES_FATES];
    weir_metric *hidden;
    weir_metric *requests[ES_STATUS_CLASSES];
    weir_metric *document_bytes, *sent_bytes;
    weir_metric *endpoints_well;
    es_error_type types[ES_ERROR_TYPES_MAX];
    size_t type_count;
} es_counters;

void es_counters_init(es_counters *counters, const weir_worker *worker, const char *id, weir_signal signal);

/* An answer came with this status; 0: none did. */
void es_counters_request(es_counters *counters, unsigned status);

/* Documents were refused, for the reason in `error` (es_result_error; or why an item made none). Counts them by their
 * type, and logs them unless some of the same type were logged within this second. `type` empty: there is none. */
void es_counters_refused(es_counters *counters, weir_text type, const weir_error *error, uint64_t count,
                         uint64_t now_ns);

#endif
