/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed bodies, whole: inflating what clients send, compressing what exporters send. libdeflate and libzstd do
 * the work. libdeflate needs the whole input at once, so the parts of a batch are copied together first; measured with
 * 2 MB of spans in 32 parts at level 6, copy and compression take 14 ms of CPU where zlib's streaming takes 25 ms, for
 * the same size. Any thread; a weir_compressor belongs to one thread at a time.
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
    WEIR_ENCODING_ZSTD,    /* RFC 8878 */
} weir_encoding;

/* The value of Content-Encoding or grpc-encoding, in any case; empty means identity, "x-gzip" is gzip and "zlib"
 * deflate. WEIR_UNSUPPORTED for anything else, also for lists of encodings. */
WEIR_MUST_USE weir_status weir_encoding_parse(weir_text name, weir_encoding *ret_encoding);
const char *weir_encoding_name(weir_encoding encoding);

/* The encodings weir_inflate takes, as an Accept-Encoding or grpc-accept-encoding value. */
#define WEIR_ENCODINGS_ACCEPTED "gzip, zstd, deflate, identity"

/* Inflates a whole body into one new chunk, charged to `account` (NULL: to nobody) before a byte is inflated; gives the
 * chunk. Errors, with a text: WEIR_TOO_LARGE (over `out_max`, or grown more than WEIR_INFLATE_RATIO_MAX times),
 * WEIR_INVALID (corrupt, cut off, or followed by something else), WEIR_NO_MEMORY (the account refuses; retryable).
 * Several gzip members (RFC 1952 §2.2) or zstd frames (RFC 8878 §3.1) one after the other are one body; skippable
 * frames are skipped, frames that need a dictionary are invalid. Beside the chunk only the decoder's own tables are
 * allocated (up to 160 KiB), whatever window a zstd frame asks for. */
WEIR_MUST_USE weir_status weir_inflate(weir_encoding encoding, const uint8_t *in, size_t in_len, size_t out_max,
                                       weir_account *account, weir_chunk **ret_chunk, weir_error *ret_error);

/* A compressor keeps its tables (some hundred kilobytes; zstd at its highest level 40 MiB) from one body to the next.
 * They are not charged to the memory account. */
typedef struct weir_compressor weir_compressor;

enum {
    WEIR_LEVEL_USUAL = -1000,   /* the encoding's _USUAL: speed matters more than the last percents of size */
    WEIR_DEFLATE_LEVEL_MIN = 0, /* not compressed, only framed */
    WEIR_DEFLATE_LEVEL_USUAL = 1,
    WEIR_DEFLATE_LEVEL_MAX = 12,
    WEIR_ZSTD_LEVEL_MIN = -7,
    WEIR_ZSTD_LEVEL_USUAL = 1,
    WEIR_ZSTD_LEVEL_MAX = 12, /* 40 MiB of tables (libzstd's estimate); level 22 would take 640 MiB */
};

/* A compressor for any encoding but identity. A `level` outside the encoding's range counts as the nearest in it.
 * Never NULL. */
weir_compressor *weir_compressor_new(weir_encoding encoding, int level);
void weir_compressor_free(weir_compressor *compressor); /* NULL is fine */
weir_encoding weir_compressor_encoding(const weir_compressor *compressor);

/* Compresses the parts, one after the other, into one gzip member, zlib stream or zstd frame (with its size and a
 * checksum); gives a chunk charged to `account`. NULL if the account or the allocator has no room for it: then the
 * parts go as they are. */
weir_chunk *weir_compressor_run(weir_compressor *compressor, const struct iovec *parts, size_t count,
                                weir_account *account);

#endif
