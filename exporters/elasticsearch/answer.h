/* SPDX-License-Identifier: Apache-2.0
 *
 * What Elasticsearch's answer to a bulk request means, for each of its documents and for the request as a whole.
 * OpenSearch answers alike. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_ANSWER_H
#define WEIR_EXPORTERS_ELASTICSEARCH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"

/* The `filter_path` of bulk requests: of each document its status, and why it failed. Every item keeps its status, so
 * that the items can be told apart by their place. */
#define ES_BULK_FILTER_PATH                                                                                        \
    "errors,items.*.status,items.*.failure_store,items.*.error.type,items.*.error.reason,items.*.error.caused_by." \
    "type,"                                                                                                        \
    "items.*.error.caused_by.reason,items.*._index"

typedef enum es_fate {
    ES_STORED,    /* 2xx: it is there */
    ES_THERE,     /* 409: it was there already (create of an id that exists) */
    ES_SET_ASIDE, /* 2xx with failure_store "used": Elasticsearch keeps it, but not where it was to be */
    ES_LATER,     /* 429, 5xx, and what is the fault of the index rather than of the document (a block, not found) */
    ES_REFUSED,   /* any other 4xx, and a 500 that the document's own content raised: it will not be taken */
    ES_UNKNOWN,   /* the answer ends before it: nothing is known; to be sent again */
    ES_FATES
} es_fate;

/* One document's result; texts are borrowed from the answer's body, escapes as they stand, {NULL, 0} if absent. */
typedef struct es_result {
    es_fate fate;
    unsigned status;
    weir_text index;
    weir_text type;       /* error.type: "document_parsing_exception" */
    weir_text reason;     /* error.reason */
    weir_text cause_type; /* error.caused_by.type, .reason */
    weir_text cause_reason;
    bool is_of_index; /* ES_LATER by the fault of the index or its settings: loud, as an endpoint's */
} es_result;

/* Called for each item of the answer, in order; `place` counts from 0. */
typedef void (*es_result_fn)(void *user, size_t place, const es_result *result);

typedef struct es_answer {
    unsigned status;                              /* of HTTP */
    weir_text content_type, retry_after, product; /* headers; product is X-elastic-product */
    weir_bytes body;
    bool is_cut; /* it is only the beginning */
} es_answer;

/* Reads the answer to a bulk request of `count` documents. With class NONE in `ret_error` (HTTP 200) every document's
 * result has been given, exactly `count` calls: what the body does not have is ES_UNKNOWN. Otherwise no call was made,
 * and the class is that of the whole request:
 *   413                                  TOO_LARGE
 *   429                                  THROTTLED, with Retry-After
 *   408, 5xx, 2xx cut before its items   RETRYABLE (THROTTLED if it names a delay)
 *   400 with Elasticsearch's error       PERMANENT (a push of several slices is halved by the sender), but ENDPOINT where
 *                                        it is about a parameter of the request and not about what is in it
 *   everything else: 401, 403, 404, other 4xx, 3xx, web pages, what is not Elasticsearch's
 *                                        ENDPOINT: nobody has judged the data
 * The text is that of the answer's error.type and error.reason where there are any. `wall_ns` is now, for Retry-After
 * with a date. */
void es_answer_read(const es_answer *answer, size_t count, uint64_t wall_ns, es_result_fn give, void *user,
                    weir_error *ret_error);

#endif
