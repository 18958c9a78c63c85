/* SPDX-License-Identifier: Apache-2.0
 *
 * The URLs of the configuration, by whichever way they are named: `endpoint`, `endpoints`, `cloudid`, or the variable
 * ELASTICSEARCH_URL. For config.c and config_check.c only; others ask es_config_urls.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_CONFIG_URLS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_CONFIG_URLS_H

#include "exporters/curl/url.h"
#include "exporters/elasticsearch/config.h"

typedef struct es_urls {
    weir_strings texts; /* as written, owned, at least one; they may have credentials */
    const char *key;    /* that named them */
} es_urls;

/* An error, nothing given, unless exactly one way was used; ELASTICSEARCH_URL counts only if no key is written. On an
 * error `ret_urls->key` is the key to point at, or NULL. */
WEIR_MUST_USE weir_status es_urls_gather(const es_config *config, es_urls *ret_urls, weir_error *ret_error);
void es_urls_done(es_urls *urls); /* a zeroed one is fine */

/* Takes one of them apart. An error, which shows no credentials and nothing to be freed, for what cannot be a base URL. */
WEIR_MUST_USE weir_status es_url_parse(const char *text, weir_url *ret_url, weir_error *ret_error);

#endif
