/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens for OAUTHBEARER: taken out of the header that an extension would put on a request, and how long they last.
 */
#ifndef WEIR_KAFKA_TOKEN_H
#define WEIR_KAFKA_TOKEN_H

#include "component.h"
#include "core/text.h"

/* A token that does not say how long it lasts is fetched again after 80 % of this. */
enum { WEIR_KAFKA_TOKEN_LIFETIME_USUAL_MS = 5 * 60 * 1000 };

/* Asks `source` for its authorization header and puts the token in it into `out`. Where decorate may be called. */
WEIR_MUST_USE weir_status weir_kafka_token_fetch(weir_client_auth *source, weir_buffer *out, weir_error *ret_error);

/* When the token ends, in ms since 1970: the `exp` of a JWT (RFC 7519 §4.1.4), else `now_ms` and the usual lifetime. */
int64_t weir_kafka_token_end_ms(weir_text token, int64_t now_ms);

#endif
