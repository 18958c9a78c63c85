/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a bulk request: for each document a line that says where it goes and under which id, and a line that is the
 * document (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk).
 *
 *     {"create":{"_index":"logs-generic.otel-default","_id":"…","require_data_stream":true}}
 *     {"@timestamp":…}
 *
 * A maker belongs to one instance of the exporter and its thread. It writes into a buffer that it keeps from one push to
 * the next, charged to the memory account past its limit if need be, and given back by es_bulk_trim.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_BULK_H
#define WEIR_EXPORTERS_ELASTICSEARCH_BULK_H

#include "exporters/elasticsearch/config.h"
#include "exporters/elasticsearch/fates.h"

enum {
    /* A push that makes more, or more than an eighth of the memory limit, is cut in two, unless it is a single item.
     * Elasticsearch takes 100 MB by default
     * (http.max_content_length, of what is inflated), and its guide advises tens of megabytes at most. */
    ES_BULK_BYTES_MAX = 32 * 1024 * 1024,
    /* A single item that makes more is refused. */
    ES_ITEM_BYTES_MAX = 100 * 1024 * 1024,
    /* Elasticsearch refuses the whole request if one id is longer. */
    ES_DOCUMENT_ID_LEN_MAX = 512,
};

/* What is in a body. Owned by the push it is of. */
typedef struct es_bulk {
    uint32_t *item_of; /* of each document: the push's item it is of, counted from 0 over all slices */
    uint32_t documents;
    uint32_t capacity;
    uint32_t hidden;           /* items that want to be no document */
    bool requires_data_stream; /* some line says require_data_stream */
} es_bulk;

void es_bulk_done(es_bulk *bulk); /* a zeroed one is fine */

typedef struct es_bulk_maker es_bulk_maker;

/* Borrows both; `account` may be NULL (tests). Never NULL. */
es_bulk_maker *es_bulk_maker_new(const es_config *config, weir_account *account);
void es_bulk_maker_free(es_bulk_maker *maker); /* NULL is fine */

/* Makes the body of a push, in place of the one before. Items that make no document are refused in `fates` (initialised
 * by the caller for the push's items). `may_require_data_stream`: the server knows that parameter (Elasticsearch from 8.13
 * on; OpenSearch does not). WEIR_TOO_LARGE: `ret_error` has the class TOO_LARGE and nothing is given. */
WEIR_MUST_USE weir_status es_bulk_make(es_bulk_maker *maker, const weir_push *push, bool may_require_data_stream,
                                       es_bulk *ret_bulk, es_fates *fates, weir_error *ret_error);
/* The body made last, borrowed until the next is made. */
weir_bytes es_bulk_body(const es_bulk_maker *maker);
/* The document at `place` in it, without the line end. */
weir_text es_bulk_document(const es_bulk_maker *maker, uint32_t place);
/* Gives the buffer back. */
void es_bulk_trim(es_bulk_maker *maker);

#endif
