/* SPDX-License-Identifier: Apache-2.0
 *
 * The links of a span as one text with JSON in it, which the modes none and raw have under "Link":
 *
 *     [{"attribute":{"key":"value"},"spanID":"00f067aa0ba902b7","traceID":"4bf92f3577b34da6a3ce929d0e0e4736"}]
 *
 * It is the same text, byte for byte, that the Collector has there: written as Go's encoding/json writes it (keys
 * sorted by bytes, the last of equal ones, <, > and & escaped, bytes in base64). Where the Collector writes no "Link" at all
 * because of a NaN or an infinity, that number is null here. Inside this folder only; one thread at a time.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SPAN_LINKS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SPAN_LINKS_H

#include "core/text.h"

/* Its memory is kept for the next span. Zero-initialise it to start. */
typedef struct es_span_links {
    weir_buffer text;
    struct es_link_member *members; /* of the maps that are being written, outer ones first */
    size_t count, capacity;
} es_span_links;

void es_span_links_done(es_span_links *links);
/* Frees what is more than memory_kept.h says; the last text is gone. */
void es_span_links_give_back(es_span_links *links);

/* The links of `span`; "[]" if it has none. The text is borrowed until the next call. */
weir_text es_span_links_text(es_span_links *links, weir_bytes span);

#endif
