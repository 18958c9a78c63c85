/* SPDX-License-Identifier: Apache-2.0 */
#include "net/compress.h"

#include <libdeflate.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

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
    /* How much telemetry inflates: a first try that fits in most cases is enough. */
    GUESS_RATIO_DEFLATE = 8,
    GUESS_RATIO_ZSTD = 32,
    GROW_FACTOR = 4, /* each failed try inflates again from the start */
};

/* What is being inflated, and how large the result may become. */
typedef struct inflation {
    weir_encoding encoding;
    weir_bytes in;
    size_t limit;
} inflation;

/* How one try to inflate ended. */
typedef enum attempt { FITS, NEEDS_MORE_ROOM, BROKEN } attempt;

static size_t inflate_limit(size_t in_len, size_t out_max)
{
    size_t by_ratio = in_len > SIZE_MAX / WEIR_INFLATE_RATIO_MAX ? SIZE_MAX : in_len * WEIR_INFLATE_RATIO_MAX;
    if (by_ratio < WEIR_INFLATE_RATIO_FREE_BYTES)
        by_ratio = WEIR_INFLATE_RATIO_FREE_BYTES;
    return by_ratio < out_max ? by_ratio : out_max;
}

static size_t guessed_size(const inflation *self, size_t ratio)
{
    size_t guess = self->in.len > self->limit / ratio ? self->limit : self->in.len * ratio;
    return guess < FIRST_GUESS_MIN ? FIRST_GUESS_MIN : guess;
}

/* ---- gzip and zlib ---- */

/* The size a gzip body claims in its last four bytes: exact for a single member of less than 4 GiB, and only a hint,
 * since a client writes it. */
static size_t gzip_claimed_size(const inflation *self)
{
    if (self->in.len <= GZIP_TRAILER_LEN)
        return FIRST_GUESS_MIN;
    const uint8_t *isize = self->in.data + self->in.len - 4;
    return (size_t)isize[0] | (size_t)isize[1] << 8 | (size_t)isize[2] << 16 | (size_t)isize[3] << 24;
}

static attempt inflate_member(struct libdeflate_decompressor *decompressor, weir_encoding encoding, weir_bytes in,
                              uint8_t *out, size_t room, size_t *ret_used, size_t *ret_written)
{
    enum libdeflate_result result =
        encoding == WEIR_ENCODING_GZIP
            ? libdeflate_gzip_decompress_ex(decompressor, in.data, in.len, out, room, ret_used, ret_written)
            : libdeflate_zlib_decompress_ex(decompressor, in.data, in.len, out, room, ret_used, ret_written);
    if (result == LIBDEFLATE_SUCCESS)
        return FITS;
    return result == LIBDEFLATE_INSUFFICIENT_SPACE ? NEEDS_MORE_ROOM : BROKEN;
}

/* Every member until the input ends; anything else behind the first member is an error. */
static attempt inflate_members(const inflation *self, weir_chunk *chunk, size_t *ret_len)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (!decompressor)
        return BROKEN;
    weir_bytes rest = self->in;
    size_t len = 0;
    attempt result;
    do {
        size_t used = 0, written = 0;
        result =
            inflate_member(decompressor, self->encoding, rest, chunk->data + len, chunk->size - len, &used, &written);
        if (result != FITS)
            break;
        rest.data += used;
        rest.len -= used;
        len += written;
    } while (rest.len > 0 && self->encoding == WEIR_ENCODING_GZIP);
    libdeflate_free_decompressor(decompressor);
    if (result == FITS && rest.len > 0)
        return BROKEN;
    *ret_len = len;
    return result;
}

/* ---- zstd ---- */

/* A frame that was found at the start of some bytes (RFC 8878 §3.1). */
typedef struct zstd_frame {
    bool is_skippable;
    size_t len;    /* compressed, with header and checksum */
    bool has_size; /* the header names the inflated size; false for skippable frames */
    uint64_t size; /* which is only a claim */
} zstd_frame;

/* False if no whole frame is there. Only the format of RFC 8878 counts: libzstd may know older ones, whose decoders
 * nobody looks after. */
static bool zstd_frame_read(weir_bytes in, zstd_frame *ret_frame)
{
    if (in.len < 4)
        return false;
    uint32_t magic =
        (uint32_t)in.data[0] | (uint32_t)in.data[1] << 8 | (uint32_t)in.data[2] << 16 | (uint32_t)in.data[3] << 24;
    bool is_skippable = (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
    if (magic != ZSTD_MAGICNUMBER && !is_skippable)
        return false;
    size_t len = ZSTD_findFrameCompressedSize(in.data, in.len);
    if (ZSTD_isError(len))
        return false;
    unsigned long long size = is_skippable ? 0 : ZSTD_getFrameContentSize(in.data, in.len);
    if (size == ZSTD_CONTENTSIZE_ERROR)
        return false;
    *ret_frame = (zstd_frame){is_skippable, len, !is_skippable && size != ZSTD_CONTENTSIZE_UNKNOWN, size};
    return true;
}

/* What the frames' headers claim together, or a guess if one of them does not say (streaming encoders do not). Broken
 * frames are found when they are inflated. */
static size_t zstd_claimed_size(const inflation *self)
{
    weir_bytes rest = self->in;
    uint64_t total = 0;
    zstd_frame frame;
    while (rest.len > 0 && zstd_frame_read(rest, &frame)) {
        if (!frame.is_skippable && !frame.has_size)
            return guessed_size(self, GUESS_RATIO_ZSTD);
        if (frame.size > self->limit - total)
            return self->limit;
        total += frame.size;
        rest.data += frame.len;
        rest.len -= frame.len;
    }
    return (size_t)total;
}

static attempt inflate_frame(ZSTD_DCtx *context, const zstd_frame *frame, const uint8_t *in, uint8_t *out, size_t room,
                             size_t *ret_written)
{
    *ret_written = 0;
    if (frame->is_skippable)
        return FITS;
    if (frame->has_size && frame->size > room)
        return NEEDS_MORE_ROOM;
    size_t written = ZSTD_decompressDCtx(context, out, frame->has_size ? (size_t)frame->size : room, in, frame->len);
    if (ZSTD_isError(written)) /* a frame that does not keep to the size it names is broken */
        return !frame->has_size && ZSTD_getErrorCode(written) == ZSTD_error_dstSize_tooSmall ? NEEDS_MORE_ROOM : BROKEN;
    *ret_written = written;
    return FITS;
}

/* The whole output is one piece, which serves as the window: whatever window a frame asks for, nothing is allocated
 * for it. */
static attempt inflate_frames(const inflation *self, weir_chunk *chunk, size_t *ret_len)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    weir_bytes rest = self->in;
    size_t len = 0;
    attempt result = context && rest.len > 0 ? FITS : BROKEN;
    while (rest.len > 0 && result == FITS) {
        zstd_frame frame;
        size_t written;
        if (!zstd_frame_read(rest, &frame)) {
            result = BROKEN;
            break;
        }
        result = inflate_frame(context, &frame, rest.data, chunk->data + len, chunk->size - len, &written);
        len += written;
        rest.data += frame.len;
        rest.len -= frame.len;
    }
    ZSTD_freeDCtx(context); /* NULL is fine */
    *ret_len = len;
    return result;
}

/* ---- any of them ---- */

static size_t claimed_size(const inflation *self)
{
    switch (self->encoding) {
    case WEIR_ENCODING_GZIP:
        return gzip_claimed_size(self);
    case WEIR_ENCODING_ZSTD:
        return zstd_claimed_size(self);
    default:
        return guessed_size(self, GUESS_RATIO_DEFLATE);
    }
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
        attempt result = self->encoding == WEIR_ENCODING_ZSTD ? inflate_frames(self, chunk, &len)
                                                              : inflate_members(self, chunk, &len);
        if (result == FITS) {
            *ret_chunk = len < room ? weir_chunk_shrink(chunk, len) : chunk;
            return WEIR_OK;
        }
        weir_chunk_unref(chunk);
        if (result == BROKEN)
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
    if (encoding == WEIR_ENCODING_IDENTITY)
        return copy_identity(in, in_len, out_max, account, ret_chunk, ret_error);
    inflation self = {encoding, {in, in_len}, inflate_limit(in_len, out_max)};
    return inflate_growing(&self, out_max, account, ret_chunk, ret_error);
}

/* ---- compressing ---- */

struct weir_compressor {
    weir_encoding encoding;
    struct libdeflate_compressor *deflate; /* gzip and deflate */
    ZSTD_CCtx *zstd;
};

static int clamp_level(int level, int min, int max, int usual)
{
    if (level == WEIR_LEVEL_USUAL)
        return usual;
    return level < min ? min : level > max ? max : level;
}

static ZSTD_CCtx *zstd_context_new(int level)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    WEIR_ASSERT(context); /* out of memory at start */
    size_t result = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    WEIR_ASSERT(!ZSTD_isError(result));
    result = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    WEIR_ASSERT(!ZSTD_isError(result));
    return context;
}

weir_compressor *weir_compressor_new(weir_encoding encoding, int level)
{
    WEIR_ASSERT(encoding != WEIR_ENCODING_IDENTITY);
    weir_compressor *self = WEIR_NEW(weir_compressor);
    self->encoding = encoding;
    if (encoding == WEIR_ENCODING_ZSTD) {
        self->zstd =
            zstd_context_new(clamp_level(level, WEIR_ZSTD_LEVEL_MIN, WEIR_ZSTD_LEVEL_MAX, WEIR_ZSTD_LEVEL_USUAL));
        return self;
    }
    self->deflate = libdeflate_alloc_compressor(
        clamp_level(level, WEIR_DEFLATE_LEVEL_MIN, WEIR_DEFLATE_LEVEL_MAX, WEIR_DEFLATE_LEVEL_USUAL));
    WEIR_ASSERT(self->deflate); /* out of memory at start */
    return self;
}

void weir_compressor_free(weir_compressor *compressor)
{
    if (!compressor)
        return;
    if (compressor->deflate)
        libdeflate_free_compressor(compressor->deflate);
    ZSTD_freeCCtx(compressor->zstd); /* NULL is fine */
    free(compressor);
}

weir_encoding weir_compressor_encoding(const weir_compressor *compressor)
{
    return compressor->encoding;
}

/* The parts as one piece. */
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

static size_t compress_bound(weir_compressor *self, size_t len)
{
    switch (self->encoding) {
    case WEIR_ENCODING_ZSTD:
        return ZSTD_compressBound(len);
    case WEIR_ENCODING_GZIP:
        return libdeflate_gzip_compress_bound(self->deflate, len);
    default:
        return libdeflate_zlib_compress_bound(self->deflate, len);
    }
}

/* 0: out of memory, which only zstd can be. */
static size_t compress_into(weir_compressor *self, const void *in, size_t in_len, weir_chunk *out)
{
    size_t len;
    switch (self->encoding) {
    case WEIR_ENCODING_ZSTD:
        len = ZSTD_compress2(self->zstd, out->data, out->size, in, in_len);
        return ZSTD_isError(len) ? 0 : len;
    case WEIR_ENCODING_GZIP:
        len = libdeflate_gzip_compress(self->deflate, in, in_len, out->data, out->size);
        break;
    default:
        len = libdeflate_zlib_compress(self->deflate, in, in_len, out->data, out->size);
    }
    WEIR_ASSERT(len > 0); /* cannot fail with the bound as room */
    return len;
}

static weir_chunk *compress_one(weir_compressor *self, const void *in, size_t in_len, weir_account *account)
{
    weir_chunk *out = weir_chunk_new(account, compress_bound(self, in_len));
    if (!out)
        return NULL;
    size_t len = compress_into(self, in, in_len, out);
    if (len > 0)
        return weir_chunk_shrink(out, len);
    weir_chunk_unref(out);
    return NULL;
}

weir_chunk *weir_compressor_run(weir_compressor *compressor, const struct iovec *parts, size_t count,
                                weir_account *account)
{
    if (count == 1)
        return compress_one(compressor, parts[0].iov_base, parts[0].iov_len, account);
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += parts[i].iov_len;
    weir_chunk *joined = join(parts, count, total, account);
    weir_chunk *out = joined ? compress_one(compressor, joined->data, total, account) : NULL;
    weir_chunk_unref(joined);
    return out;
}
