/* SPDX-License-Identifier: Apache-2.0
 *
 * The attributes by which telemetry says where its documents go (README of the Collector's elasticsearch exporter); they
 * are not in the documents of the mode otel.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_CONTROL_NAME_H
#define WEIR_EXPORTERS_ELASTICSEARCH_CONTROL_NAME_H

#include "core/text.h"

typedef enum es_control_name {
    ES_CONTROL_NONE, /* any other */
    ES_CONTROL_INDEX,
    ES_CONTROL_DOCUMENT_ID,
    ES_CONTROL_PIPELINE,
    ES_CONTROL_MAPPING_HINTS,
    ES_CONTROL_MAPPING_MODE,
    ES_CONTROL_STREAM_TYPE,
    ES_CONTROL_STREAM_DATASET,
    ES_CONTROL_STREAM_NAMESPACE,
    ES_CONTROL_NAMES
} es_control_name;

/* Pure function, any thread. */
es_control_name es_control_name_of_listed(weir_text key);

/* As above; quick for all other keys. */
static inline es_control_name es_control_name_of(weir_text key)
{
    if (__builtin_expect(key.len < 16 || (key.data[0] != 'd' && key.data[0] != 'e'), 1))
        return ES_CONTROL_NONE;
    return es_control_name_of_listed(key);
}

#endif
