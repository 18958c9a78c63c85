/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of headers that owns its text: what an authenticator adds to a request.
 */
#ifndef WEIR_NET_HEADERS_H
#define WEIR_NET_HEADERS_H

#include "net/http.h"

/* Zero-initialise it to start. */
typedef struct weir_headers {
    weir_http_header *items; /* names in lower case; each text is owned */
    size_t count, capacity;
} weir_headers;

void weir_headers_done(weir_headers *headers);
/* Appends a copy; the name is lowered. */
void weir_headers_add(weir_headers *headers, weir_text name, weir_text value);
/* Removes all of this name (any case); true if there was one. */
bool weir_headers_remove(weir_headers *headers, weir_text name);
/* The first value of this name (any case); {NULL, 0} if there is none. */
weir_text weir_headers_get(const weir_headers *headers, weir_text name);

/* What may be sent: a name is a token (RFC 9110 §5.6.2), and a value has no control character but the tab (§5.5). */
bool weir_header_name_is_valid(weir_text name);
bool weir_header_value_is_valid(weir_text value);

#endif
