/* SPDX-License-Identifier: Apache-2.0
 *
 * A message while it arrives: its bytes go straight from the connection's buffer into the chunk that later flows
 * through the pipeline. The whole length is reserved with the memory account as soon as it is known, so that a
 * message is refused before it is read, not in the middle; only HTTP/1.1's chunked bodies, whose length nobody says,
 * grow. What replaces the bytes that came (inflated, or wire form in place of JSON) is reserved beside them, and they
 * are given back as soon as it is there.
 */
#ifndef WEIR_RECEIVERS_OTLP_BODY_H
#define WEIR_RECEIVERS_OTLP_BODY_H

#include "core/slice.h"
#include "core/text.h"
#include "net/compress.h"
#include "otlp/validate.h"

typedef struct otlp_body {
    weir_chunk *chunk; /* owned; NULL while nothing is reserved */
    size_t len;        /* bytes that have arrived */
    size_t bytes_max;
    weir_account *account;
} otlp_body;

/* Starts an empty body that may hold up to `bytes_max` bytes. */
void weir__otlp_body_init(otlp_body *body, weir_account *account, size_t bytes_max);

/* Reserves `len` bytes. Errors: WEIR_TOO_LARGE, WEIR_NO_MEMORY. */
WEIR_MUST_USE weir_status weir__otlp_body_expect(otlp_body *body, size_t len);

/* Adds what has arrived (borrowed), growing if the length was not known or was wrong. Errors as above. */
WEIR_MUST_USE weir_status weir__otlp_body_append(otlp_body *body, const uint8_t *data, size_t len);

/* What has arrived; valid until the body changes. Never a NULL pointer. */
weir_bytes weir__otlp_body_bytes(const otlp_body *body);

/* Puts the decompressed bytes in place of the compressed ones. Errors: WEIR_INVALID (not well-formed, or growing
 * suspiciously), WEIR_TOO_LARGE, WEIR_NO_MEMORY; `*ret_error` then has a text. */
WEIR_MUST_USE weir_status weir__otlp_body_inflate(otlp_body *body, weir_encoding encoding, weir_error *ret_error);

/* Puts the wire form in place of the complete JSON text, and counts its items. `bytes_max` was for the text. Errors:
 * WEIR_INVALID (not OTLP/JSON of that kind), WEIR_NO_MEMORY; `*ret_error` then has a text. */
WEIR_MUST_USE weir_status weir__otlp_body_from_json(otlp_body *body, weir_otlp_kind kind, uint64_t *ret_items,
                                                    weir_error *ret_error);

/* Hands the chunk over, cut to the bytes that have arrived; the body is empty then. NULL if it held no bytes. */
weir_chunk *weir__otlp_body_take(otlp_body *body);

void weir__otlp_body_done(otlp_body *body);

#endif
