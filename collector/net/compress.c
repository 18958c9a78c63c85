/* SPDX-License-Identifier: Apache-2.0 */
#include "net/compress.h"

#include <libdeflate.h>
#include <string.h>

#include "core/assert.h"
#include "core/limits.h"
#include "core/memory.h"

/* ---- names ---- */

static const struct {
    const char *name;
    weir_encoding encoding;
} encoding_names[] = {
    /* The first name of an encoding is the one we write. */
    {"identity", WEIR_ENCODING_IDENTITY}, {"", WEIR_ENCODING_IDENTITY},       {"gzip", WEIR_ENCODING_GZIP},
    {"x-gzip", WEIR_ENCODING_GZIP},       {"deflate", WEIR_ENCODING_DEFLATE}, {"zlib", WEIR_ENCODING_DEFLATE},
    {"zstd", WEIR_ENCODING_ZSTD},
};

weir_status weir_encoding_parse(weir_text name, weir_encoding *ret_encoding)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(encoding_names); i++) {
        if (weir_text_equal_nocase(name, weir_text_of(encoding_names[i].name))) {
            *ret_encoding = encoding_names[i].encoding;
            return WEIR_OK;
        }
    }
    return WEIR_UNSUPPORTED;
}

const char *weir_encoding_name(weir_encoding encoding)
{
    size_t i = 0;
    while (encoding_names[i].encoding != encoding) {
        i++;
        WEIR_ASSERT(i < WEIR_COUNT_OF(encoding_names)); /* every encoding has a name */
    }
    return encoding_names[i].name;
}

/* ---- inflating ---- */

enum {
    GZIP_TRAILER_LEN = 8, /* CRC32 and ISIZE, little-endian (RFC 1952 §2.3.1) */
    FIRST_GUESS_MIN = 4096,
    GUESS_RATIO = 8, /* telemetry inflates 10 to 30 times with gzip; a first try that fits in most cases is enough */
    GROW_FACTOR = 4, /* each failed try inflates again from the start */
};

/* What is being inflated, and how large the result may become. */
typedef struct inflation {
    weir_encoding encoding;
    const uint8_t *in;
    size_t in_len;
    size_t limit;
} inflation;

static size_t inflate_limit(size_t in_len, size_t out_max)
{
    size_t by_ratio = in_len > SIZE_MAX / WEIR_INFLATE_RATIO_MAX ? SIZE_MAX : in_len * WEIR_INFLATE_RATIO_MAX;
    if (by_ratio < WEIR_INFLATE_RATIO_FREE_BYTES)
        by_ratio = WEIR_INFLATE_RATIO_FREE_BYTES;
    return by_ratio < out_max ? by_ratio : out_max;
}

/* The size a gzip body claims in its last four bytes: exact for a single member of less than 4 GiB, and only a hint,
 * since a client writes it. */
static size_t claimed_size(const inflation *self)
{
    if (self->encoding == WEIR_ENCODING_GZIP && self->in_len > GZIP_TRAILER_LEN) {
        const uint8_t *isize = self->in + self->in_len - 4;
        return (size_t)isize[0] | (size_t)isize[1] << 8 | (size_t)isize[2] << 16 | (size_t)isize[3] << 24;
    }
    size_t guess = self->in_len > self->limit / GUESS_RATIO ? self->limit : self->in_len * GUESS_RATIO;
    return guess < FIRST_GUESS_MIN ? FIRST_GUESS_MIN : guess;
}

static enum libdeflate_result inflate_member(struct libdeflate_decompressor *decompressor, weir_encoding encoding,
                                             weir_bytes in, uint8_t *out, size_t room, size_t *ret_used,
                                             size_t *ret_written)
{
    if (encoding == WEIR_ENCODING_GZIP)
        return libdeflate_gzip_decompress_ex(decompressor, in.data, in.len, out, room, ret_used, ret_written);
    return libdeflate_zlib_decompress_ex(decompressor, in.data, in.len, out, room, ret_used, ret_written);
}

/* Every member until the input ends; anything else behind the first member is an error. */
static enum libdeflate_result inflate_members(const inflation *self, weir_chunk *chunk, size_t *ret_len)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor)
        return LIBDEFLATE_BAD_DATA;
    weir_bytes rest = {self->in, self->in_len};
    size_t len = 0;
    enum libdeflate_result result;
    do {
        size_t used = 0, written = 0;
        result =
            inflate_member(decompressor, self->encoding, rest, chunk->data + len, chunk->size - len, &used, &written);
        if (result != LIBDEFLATE_SUCCESS)
            break;
        rest.data += used;
        rest.len -= used;
        len += written;
    } while (rest.len > 0 && self->encoding == WEIR_ENCODING_GZIP);
    libdeflate_free_decompressor(decompressor);
    if (result == LIBDEFLATE_SUCCESS && rest.len > 0)
        return LIBDEFLATE_BAD_DATA;
    *ret_len = len;
    return result;
}

static weir_status refuse_memory(size_t size, weir_error *ret_error)
{
    return weir_error_set(ret_error, WEIR_ERROR_RETRYABLE, WEIR_NO_MEMORY, "no memory to inflate a body of %zu bytes",
                          size);
}

static weir_status refuse_size(const inflation *self, size_t out_max, weir_error *ret_error)
{
    if (self->limit == out_max)
        return weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                              "the inflated body is larger than %zu bytes", out_max);
    return weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                          "the body inflates to more than %d times its size", WEIR_INFLATE_RATIO_MAX);
}

static weir_status inflate_growing(const inflation *self, size_t out_max, weir_account *account, weir_chunk **ret_chunk,
                                   weir_error *ret_error)
{
    size_t room = claimed_size(self);
    for (;;) {
        room = room < self->limit ? room : self->limit;
        weir_chunk *chunk = weir_chunk_new(account, room);
        if (!chunk)
            return refuse_memory(room, ret_error);
        size_t len = 0;
        enum libdeflate_result result = inflate_members(self, chunk, &len);
        if (result == LIBDEFLATE_SUCCESS) {
            *ret_chunk = len < room ? weir_chunk_shrink(chunk, len) : chunk;
            return WEIR_OK;
        }
        weir_chunk_unref(chunk);
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "the body is not valid %s",
                                  weir_encoding_name(self->encoding));
        if (room == self->limit)
            return refuse_size(self, out_max, ret_error);
        room = room > self->limit / GROW_FACTOR ? self->limit
                                                : (room < FIRST_GUESS_MIN ? FIRST_GUESS_MIN : room * GROW_FACTOR);
    }
}

static weir_status copy_identity(const uint8_t *in, size_t in_len, size_t out_max, weir_account *account,
                                 weir_chunk **ret_chunk, weir_error *ret_error)
{
    if (in_len > out_max)
        return weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE, "the body is larger than %zu bytes",
                              out_max);
    weir_chunk *chunk = weir_chunk_new(account, in_len);
    if (!chunk)
        return refuse_memory(in_len, ret_error);
    if (in_len > 0)
        memcpy(chunk->data, in, in_len);
    *ret_chunk = chunk;
    return WEIR_OK;
}

weir_status weir_inflate(weir_encoding encoding, const uint8_t *in, size_t in_len, size_t out_max,
                         weir_account *account, weir_chunk **ret_chunk, weir_error *ret_error)
{
    inflation self = {encoding, in, in_len, inflate_limit(in_len, out_max)};
    switch (encoding) {
    case WEIR_ENCODING_IDENTITY:
        return copy_identity(in, in_len, out_max, account, ret_chunk, ret_error);
    case WEIR_ENCODING_GZIP:
    case WEIR_ENCODING_DEFLATE:
        return inflate_growing(&self, out_max, account, ret_chunk, ret_error);
    case WEIR_ENCODING_ZSTD:
        break;
    }
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED, "bodies in %s are not supported; use gzip",
                          weir_encoding_name(encoding));
}

/* ---- deflating ---- */

struct weir_gzip {
    struct libdeflate_compressor *compressor;
};

weir_gzip *weir_gzip_new(int level)
{
    WEIR_ASSERT(level >= 1 && level <= 12);
    weir_gzip *self = WEIR_NEW(weir_gzip);
    self->compressor = libdeflate_alloc_compressor(level);
    WEIR_ASSERT(self->compressor); /* out of memory at start */
    return self;
}

void weir_gzip_free(weir_gzip *gzip)
{
    if (!gzip)
        return;
    libdeflate_free_compressor(gzip->compressor);
    free(gzip);
}

/* The parts as one piece: the only part itself, or a copy. */
static weir_chunk *join(const struct iovec *parts, size_t count, size_t total, weir_account *account)
{
    weir_chunk *joined = weir_chunk_new(account, total);
    if (!joined)
        return NULL;
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].iov_len > 0)
            memcpy(joined->data + len, parts[i].iov_base, parts[i].iov_len);
        len += parts[i].iov_len;
    }
    return joined;
}

static weir_chunk *compress_one(weir_gzip *gzip, const void *in, size_t in_len, weir_account *account)
{
    size_t bound = libdeflate_gzip_compress_bound(gzip->compressor, in_len);
    weir_chunk *out = weir_chunk_new(account, bound);
    if (!out)
        return NULL;
    size_t len = libdeflate_gzip_compress(gzip->compressor, in, in_len, out->data, bound);
    WEIR_ASSERT(len > 0); /* cannot fail with the bound as room */
    return weir_chunk_shrink(out, len);
}

weir_chunk *weir_gzip_run(weir_gzip *gzip, const struct iovec *parts, size_t count, weir_account *account)
{
    if (count == 1)
        return compress_one(gzip, parts[0].iov_base, parts[0].iov_len, account);
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].iov_len;
    weir_chunk *joined = join(parts, count, total, account);
    weir_chunk *out = joined ? compress_one(gzip, joined->data, total, account) : NULL;
    weir_chunk_unref(joined);
    return out;
}
