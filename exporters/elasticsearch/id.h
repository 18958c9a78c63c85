/* SPDX-License-Identifier: Apache-2.0
 *
 * A document's _id: the identity of the item it is made of, as base64url without padding, which Elasticsearch stores in
 * three quarters of its length (org.elasticsearch.index.mapper.Uid). 27 characters: origin and sequence of the slice as
 * accepted, ordinal of the item in it; 32 with the number of a span's event behind that. Ids of one process begin alike
 * and ascend, which is what Lucene finds fastest.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_ID_H
#define WEIR_EXPORTERS_ELASTICSEARCH_ID_H

#include "core/slice.h"

enum { ES_ID_LEN_MAX = 32 };

/* Of the item at `index` of the slice. `event` counts from 0, or is ES_ID_NO_EVENT for the item itself. Writes to
 * `ret_id` (without a terminator) and returns the length. Any thread. */
enum { ES_ID_NO_EVENT = -1 };
size_t es_document_id_write(const weir_slice *slice, uint32_t index, int64_t event, char ret_id[ES_ID_LEN_MAX]);

#endif
