/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed bodies, whole: inflating what clients send, gzip for what exporters send. libdeflate does the work. It
 * needs the whole input at once, so the parts of a batch are copied together first; measured with 2 MB of spans in 32
 * parts at level 6, copy and compression take 14 ms of CPU where zlib's streaming takes 25 ms, for the same size.
 * Any thread; a weir_gzip belongs to one thread at a time.
 */
#ifndef WEIR_NET_COMPRESS_H
#define WEIR_NET_COMPRESS_H

#include <sys/uio.h>

#include "core/slice.h"
#include "core/text.h"

typedef enum weir_encoding {
    WEIR_ENCODING_IDENTITY,
    WEIR_ENCODING_GZIP,    /* RFC 1952 */
    WEIR_ENCODING_DEFLATE, /* the zlib format of RFC 1950, which HTTP calls "deflate" (RFC 9110 §8.4.1.2) */
    WEIR_ENCODING_ZSTD,    /* known by name, so that a refusal can say so; inflating it is WEIR_UNSUPPORTED */
} weir_encoding;

/* The value of Content-Encoding or grpc-encoding, in any case; empty means identity, "x-gzip" is gzip and "zlib"
 * deflate. WEIR_UNSUPPORTED for anything else, also for lists of encodings. */
WEIR_MUST_USE weir_status weir_encoding_parse(weir_text name, weir_encoding *ret_encoding);
const char *weir_encoding_name(weir_encoding encoding);

/* The encodings weir_inflate takes, as an Accept-Encoding or grpc-accept-encoding value. */
#define WEIR_ENCODINGS_ACCEPTED "gzip, deflate, identity"

/* Inflates a whole body into one new chunk, charged to `account` (NULL: to nobody) before a byte is inflated; gives the
 * chunk. Errors, with a text: WEIR_TOO_LARGE (over `out_max`, or grown more than WEIR_INFLATE_RATIO_MAX times),
 * WEIR_INVALID (corrupt, cut off, or followed by something else), WEIR_NO_MEMORY (the account refuses; retryable),
 * WEIR_UNSUPPORTED. Several gzip members one after the other are one body (RFC 1952 §2.2). */
WEIR_MUST_USE weir_status weir_inflate(weir_encoding encoding, const uint8_t *in, size_t in_len, size_t out_max,
                                       weir_account *account, weir_chunk **ret_chunk, weir_error *ret_error);

/* A compressor keeps its tables (some hundred kilobytes) from one body to the next. */
typedef struct weir_gzip weir_gzip;

/* `level` 1 (fast) to 12 (small); 6 is the usual one. Never NULL. */
weir_gzip *weir_gzip_new(int level);
void weir_gzip_free(weir_gzip *gzip); /* NULL is fine */

/* Compresses the parts, one after the other, into one gzip member; gives a chunk charged to `account`. NULL if the
 * account or the allocator has no room for it: then the parts go as they are. */
weir_chunk *weir_gzip_run(weir_gzip *gzip, const struct iovec *parts, size_t count, weir_account *account);

#endif
