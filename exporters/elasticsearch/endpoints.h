/* SPDX-License-Identifier: Apache-2.0
 *
 * The nodes requests go to, in turn; those that failed are left out for a while and tried again one request at a time.
 * One list belongs to one worker's exporter and its thread; it opens no connections itself.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_ENDPOINTS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"

typedef struct es_endpoints es_endpoints;

/* Base URLs without a slash at their end; copied. `count` is at least 1. `seed` chooses who comes first, so that workers
 * and pods do not all begin with the same. */
es_endpoints *es_endpoints_new(const char *const *urls, size_t count, uint64_t seed);
void es_endpoints_free(es_endpoints *endpoints);

/* The node for the next request: its number, for the report. The next in turn of those that are well; if there is none,
 * the one whose rest ends first. `avoid` is the number of one that has just failed this same request, or SIZE_MAX: it is
 * taken only if it is the only one. */
size_t es_endpoints_pick(es_endpoints *endpoints, uint64_t now_ns, size_t avoid);
const char *es_endpoints_url(const es_endpoints *endpoints, size_t number);
size_t es_endpoints_count(const es_endpoints *endpoints);
/* How many are well now. */
size_t es_endpoints_well(const es_endpoints *endpoints, uint64_t now_ns);

/* A request to it ended. Fine: it answered, whatever it said about the data. Otherwise it rests for 1 s, twice as long
 * after each further failure, a minute at most. */
void es_endpoints_report(es_endpoints *endpoints, size_t number, bool is_fine, uint64_t now_ns);

/* Puts discovered nodes (GET /_nodes/http) in place of the list; those that stay keep their state. Numbers given before
 * mean nothing afterwards: report with SIZE_MAX, which is ignored, or by es_endpoints_generation. */
void es_endpoints_replace(es_endpoints *endpoints, const char *const *urls, size_t count);
unsigned es_endpoints_generation(const es_endpoints *endpoints);

/* The base URL of an Elastic Cloud id ("name:BASE64"), for freeing with free(); NULL and an error if it is none. */
char *es_cloud_url(const char *cloud_id, weir_error *ret_error);

/* The nodes of an answer to GET /_nodes/http, as URLs with the given scheme, for freeing (weir_strings with owned items).
 * False if it cannot be read or names none. */
WEIR_MUST_USE bool es_nodes_read(weir_bytes body, const char *scheme, weir_strings *ret_urls);

#endif
