/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of documents say: these requests, written as OTLP/JSON, become these documents. A check that fails ends
 * the test.
 */
#ifndef WEIR_TESTS_ELASTICSEARCH_DOCUMENTS_H
#define WEIR_TESTS_ELASTICSEARCH_DOCUMENTS_H

#include "exporters/elasticsearch/document/document.h"

/* The request in wire form. */
void documents_request(weir_otlp_kind kind, const char *otlp_json, weir_buffer *ret_wire);

/* Appends the documents of a request in wire form, spans before their events, each in a line; `target` NULL: that of
 * a data stream "T-D-N". Each document must be one line. */
void documents_write(es_mode mode, weir_otlp_kind kind, weir_bytes request, const es_target *target, weir_buffer *out);

/* The documents of the request are `expected`: JSON texts in lines. The order of their members does not matter, whether
 * a number has a point does. */
void documents_assert(es_mode mode, weir_otlp_kind kind, const char *otlp_json, const char *expected);

/* The first record, or span, of the request has no document: the text of the error. */
void documents_assert_refused(es_mode mode, weir_otlp_kind kind, const char *otlp_json, const char *error);

/* Requests around one item; the members of the item stand between. */
#define LOG(members) "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{" members "}]}]}]}"
#define SPAN(members) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" members "}]}]}]}"

/* An attribute: STRING("k", "v"), ANY("k", "{\"intValue\":1}"). */
#define ANY(key, value) "{\"key\":\"" key "\",\"value\":" value "}"
#define STRING(key, value) ANY(key, "{\"stringValue\":\"" value "\"}")

#endif
