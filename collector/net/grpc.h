/* SPDX-License-Identifier: Apache-2.0
 *
 * gRPC over HTTP/2 without sockets: message framing, timeouts, and text in headers. Used by the receiver and the
 * client. Source of the rules: the gRPC project's PROTOCOL-HTTP2.md. All functions are pure; any thread.
 */
#ifndef WEIR_NET_GRPC_H
#define WEIR_NET_GRPC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"

enum {
    WEIR_GRPC_PREFIX_LEN = 5,    /* one byte "compressed", four bytes length, big-endian */
    WEIR_GRPC_TIMEOUT_SIZE = 10, /* eight digits, a unit, NUL */
};

typedef enum weir_grpc_code {
    WEIR_GRPC_OK = 0,
    WEIR_GRPC_CANCELLED = 1,
    WEIR_GRPC_UNKNOWN = 2,
    WEIR_GRPC_INVALID_ARGUMENT = 3,
    WEIR_GRPC_DEADLINE_EXCEEDED = 4,
    WEIR_GRPC_NOT_FOUND = 5,
    WEIR_GRPC_ALREADY_EXISTS = 6,
    WEIR_GRPC_PERMISSION_DENIED = 7,
    WEIR_GRPC_RESOURCE_EXHAUSTED = 8,
    WEIR_GRPC_FAILED_PRECONDITION = 9,
    WEIR_GRPC_ABORTED = 10,
    WEIR_GRPC_OUT_OF_RANGE = 11,
    WEIR_GRPC_UNIMPLEMENTED = 12,
    WEIR_GRPC_INTERNAL = 13,
    WEIR_GRPC_UNAVAILABLE = 14,
    WEIR_GRPC_DATA_LOSS = 15,
    WEIR_GRPC_UNAUTHENTICATED = 16,
} weir_grpc_code;

/* Reads a stream of messages that arrives in fragments of any size. Zero-initialise it for each stream. */
typedef struct weir_grpc_reader {
    uint8_t prefix[WEIR_GRPC_PREFIX_LEN];
    uint8_t prefix_len;   /* bytes of the prefix read so far */
    bool is_in_message;   /* the prefix was reported, the end not yet */
    bool is_compressed;   /* of the message at hand */
    uint32_t message_len; /* of the message at hand */
    uint32_t left;        /* bytes of it still to come */
} weir_grpc_reader;

typedef enum weir_grpc_event {
    WEIR_GRPC_NEED_MORE, /* the fragment is used up */
    WEIR_GRPC_MESSAGE,   /* a prefix is complete: is_compressed and message_len are set */
    WEIR_GRPC_PIECE,     /* `ret_piece` holds the next bytes of the message */
    WEIR_GRPC_END,       /* the message is complete */
    WEIR_GRPC_MALFORMED, /* the first byte is neither 0 nor 1; the stream is of no use any more */
} weir_grpc_event;

/* Takes the next event out of `*fragment`, which shrinks from the front. Call it until NEED_MORE (or MALFORMED).
 * `ret_piece` is set for PIECE only and points into the fragment. Checking message_len against a limit is the
 * caller's. */
weir_grpc_event weir_grpc_read(weir_grpc_reader *reader, weir_bytes *fragment, weir_bytes *ret_piece);

/* True if the stream may end here: between two messages. */
static inline bool weir_grpc_reader_is_between(const weir_grpc_reader *reader)
{
    return reader->prefix_len == 0 && !reader->is_in_message;
}

void weir_grpc_prefix_write(bool is_compressed, uint32_t message_len, uint8_t ret_prefix[WEIR_GRPC_PREFIX_LEN]);

/* The value of `grpc-timeout`: one to eight digits and one of H M S m u n. In ns, UINT64_MAX if it does not fit.
 * WEIR_INVALID for anything else. */
WEIR_MUST_USE weir_status weir_grpc_timeout_parse(weir_text value, uint64_t *ret_ns);
/* The other way, in the finest unit that fits eight digits; rounded up, so that a server never gives up before us. */
void weir_grpc_timeout_format(uint64_t ns, char ret_value[WEIR_GRPC_TIMEOUT_SIZE]);

/* Percent-encoding of `grpc-message`: bytes outside 0x20–0x7E and '%' become %XX. Appends to `out`. */
void weir_grpc_message_encode(weir_text message, weir_buffer *out);
/* The other way; a '%' without two hex digits stays as it is, as the protocol demands. Appends to `out`. */
void weir_grpc_message_decode(weir_text value, weir_buffer *out);

/* Base64 of binary headers ("-bin"), written without padding, read with or without. Both append to `out`. */
void weir_base64_encode(weir_bytes bytes, weir_buffer *out);
/* WEIR_INVALID (and `out` unchanged) if the text is not base64. */
WEIR_MUST_USE weir_status weir_base64_decode(weir_text text, weir_buffer *out);

#endif
