/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of indices and of data streams: what Elasticsearch allows, and how other text is made to fit. Pure functions but
 * for es_stream_part_append's first call, which opens the C library's tables of letters; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_STREAM_NAME_H
#define WEIR_EXPORTERS_ELASTICSEARCH_STREAM_NAME_H

#include <stdbool.h>

#include "core/status.h"
#include "core/text.h"

enum { ES_STREAM_PART_LEN_MAX = 100, ES_INDEX_NAME_LEN_MAX = 255 /* bytes */ };

typedef enum es_stream_part { ES_PART_DATASET, ES_PART_NAMESPACE } es_stream_part;

/* Appends `text` as a part of a data stream's name: small letters, '_' for what must not be there (in a dataset also
 * '-'), U+FFFD for bytes that are not UTF-8, then `suffix`; of the text as many characters as leave all within
 * ES_STREAM_PART_LEN_MAX bytes. https://www.elastic.co/guide/en/ecs/current/ecs-data_stream.html */
void es_stream_part_append(es_stream_part part, weir_text text, const char *suffix, weir_buffer *out);

/* Is it what the Collector says of itself? */
bool es_scope_is_of_collector(weir_text scope_name);

/* The dataset of what a component of the Collector makes: "hostmetricsreceiver" if the scope's name has
 * /receiver/hostmetricsreceiver in it. {NULL, 0}: it is of none. */
weir_text es_stream_dataset_of_scope(weir_text scope_name);

/* Whether an index may have this name (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create),
 * or it is date math ("<logs-{now/d}>"), which Elasticsearch resolves. A bulk request is not refused for it but the
 * document is. `ret_error`: why not. */
WEIR_MUST_USE bool es_index_name_check(weir_text name, weir_error *ret_error);

#endif
