/* SPDX-License-Identifier: Apache-2.0
 *
 * Web pages that proxies and web servers answer in a backend's place. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_SUPPORT_WEB_PAGE_H
#define WEIR_EXPORTERS_SUPPORT_WEB_PAGE_H

#include "core/status.h"
#include "core/text.h"

/* True if a Content-Type is `media_type`, whatever its parameters. */
bool weir_content_type_is(weir_text content_type, const char *media_type);

/* What a web page with this HTTP status means: the error that the status alone makes (`ret_error` as it is) if that says
 * to send again later or in pieces; otherwise ENDPOINT, for no backend has judged the data. The text is an excerpt of
 * the page's words. `whose` stands in "instead of WHOSE answer". */
void weir_web_page_read(unsigned status, weir_bytes page, const char *whose, weir_error *ret_error);

#endif
