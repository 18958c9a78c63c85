/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of backends, taken apart by libcurl's parser, which is also the one that reads them for the connection. Pure
 * functions; any thread.
 */
#ifndef WEIR_EXPORTERS_CURL_URL_H
#define WEIR_EXPORTERS_CURL_URL_H

#include "core/status.h"

typedef struct weir_url {
    char *scheme;  /* "http" or "https" */
    char *host;    /* IPv6 addresses in brackets */
    char *port;    /* always there: the written one or the scheme's */
    char *path;    /* at least "/" */
    bool has_port; /* it was written */
    char *user;    /* decoded; NULL if there is none */
    char *password;
    bool has_query;
} weir_url;

/* WEIR_INVALID, with a sentence that can stand behind "endpoint ", for anything but http://host… and https://host….
 * Credentials and a query are allowed. */
WEIR_MUST_USE weir_status weir_url_parse(const char *text, weir_url *ret_url, weir_error *ret_error);
void weir_url_done(weir_url *url); /* a zeroed one is fine */

/* The URL with another host in place of its own, which is asked for and verified by TLS in its stead. For freeing with
 * free(); NULL if `text` is no URL. */
char *weir_url_with_host(const char *text, const char *host);

#endif
