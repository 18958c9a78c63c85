/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/control_name.h"

es_control_name es_control_name_of_listed(weir_text key)
{
    static const char *const names[ES_CONTROL_NAMES] = {
        [ES_CONTROL_INDEX] = "elasticsearch.index",
        [ES_CONTROL_DOCUMENT_ID] = "elasticsearch.document_id",
        [ES_CONTROL_PIPELINE] = "elasticsearch.ingest_pipeline",
        [ES_CONTROL_MAPPING_HINTS] = "elasticsearch.mapping.hints",
        [ES_CONTROL_MAPPING_MODE] = "elastic.mapping.mode",
        [ES_CONTROL_STREAM_TYPE] = "data_stream.type",
        [ES_CONTROL_STREAM_DATASET] = "data_stream.dataset",
        [ES_CONTROL_STREAM_NAMESPACE] = "data_stream.namespace",
    };
    for (int name = ES_CONTROL_NONE + 1; name < ES_CONTROL_NAMES; name++)
        if (weir_text_is(key, names[name]))
            return (es_control_name)name;
    return ES_CONTROL_NONE;
}
