/* SPDX-License-Identifier: Apache-2.0
 *
 * What weir's `tls` keys are to libcurl. server_name_override is not here: it changes the URL (http_client.c).
 */
#ifndef WEIR_EXPORTERS_CURL_TLS_OPTIONS_H
#define WEIR_EXPORTERS_CURL_TLS_OPTIONS_H

#include <curl/curl.h>

#include "core/status.h"
#include "net/tls.h"

/* Sets all of them on `easy`. libcurl reads certificate and key files for every new connection, so that renewed ones
 * are taken up; the certificates to verify with are read again after reload_interval. */
void weir_curl_set_tls(CURL *easy, const weir_tls_settings *tls);

/* Looks at what can be wrong before there is a connection: files that cannot be read, cipher suites that OpenSSL does
 * not know. The text names key and remedy. */
WEIR_MUST_USE weir_status weir_curl_check_tls(const weir_tls_settings *tls, weir_error *ret_error);

#endif
