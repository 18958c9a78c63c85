/* SPDX-License-Identifier: Apache-2.0
 *
 * Which keys can be the names of fields. Elasticsearch 8.19 refuses a document with
 *   - a key without a name: "", or nothing but blanks
 *   - where dots make objects (dynamic mappings; all of OpenSearch's), a part between dots that is like that
 *   - there, more objects in each other than index.mapping.depth.limit, 20
 *   - in `flattened` fields a key with U+0000, or one whose text with its value is longer than 32,766 bytes
 * Keys of instrumentation are never like that, so such a key is not worth a document: it is changed. Pure functions; any
 * thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_MEMBER_NAME_H
#define WEIR_EXPORTERS_ELASTICSEARCH_MEMBER_NAME_H

#include <stdbool.h>

#include "core/text.h"

enum {
    ES_MEMBER_NAME_LEN_MAX = 1024, /* bytes; OpenTelemetry's own names have fewer than 100 */
    ES_MEMBER_NAME_PARTS_MAX = 12,
};

/* True for nearly all keys: they need no change. False for a few that need none either. */
bool es_member_name_is_plain(weir_text key);

/* Appends the name that stands for `key`: an underscore for each part that has no name, for U+0000 and for the dots
 * behind ES_MEMBER_NAME_PARTS_MAX parts; cut, between characters, at ES_MEMBER_NAME_LEN_MAX bytes. Different keys may
 * have the same name. A name stands for itself. */
void es_member_name_make(weir_text key, weir_buffer *out);

#endif
