/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies are compressed by zlib here, which is not what compress.c uses.
 */
#include <criterion/criterion.h>

#include <string.h>
#include <zlib.h>

#include "core/limits.h"
#include "core/memory.h"
#include "net/compress.h"

enum { GZIP_WINDOW_BITS = 15 + 16, ZLIB_WINDOW_BITS = 15, OUT_MAX = 4 * 1024 * 1024 };

static void deflate_into(weir_buffer *out, const void *in, size_t len, int window_bits)
{
    z_stream stream = {0};
    deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
    size_t bound = deflateBound(&stream, len);
    stream.next_in = (Bytef *)(uintptr_t)in;
    stream.avail_in = (uInt)len;
    stream.next_out = weir_buffer_reserve(out, bound);
    stream.avail_out = (uInt)bound;
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out->len += bound - stream.avail_out;
    deflateEnd(&stream);
}

/* Compresses about ten times, as telemetry does. */
static void make_text(weir_buffer *out, size_t len)
{
    for (unsigned i = 0; out->len < len; i++)
        weir_buffer_printf(out, "GET /api/orders/%u took %u ms; ", i * 7919 % 10007, i % 97);
    out->len = len;
}

static void expect_inflated(weir_encoding encoding, const weir_buffer *in, const weir_buffer *expected)
{
    weir_account account;
    weir_account_init(&account, 16 * 1024 * 1024, 16 * 1024 * 1024);
    weir_chunk *chunk = NULL;
    weir_error error = {0};
    cr_assert_eq(weir_inflate(encoding, in->data, in->len, OUT_MAX, &account, &chunk, &error), WEIR_OK, "%s",
                 error.text);
    cr_assert_eq(chunk->size, expected->len);
    cr_assert_eq(expected->len ? memcmp(chunk->data, expected->data, expected->len) : 0, 0);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(expected->len), "no more is charged than is held");
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
}

Test(compress, bodies_of_many_sizes_inflate)
{
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 70000, 1000000, OUT_MAX};
    for (size_t i = 0; i < WEIR_COUNT_OF(sizes); i++) {
        WEIR_BUFFER text = {0}, gzip = {0}, zlib = {0};
        make_text(&text, sizes[i]);
        deflate_into(&gzip, text.data, text.len, GZIP_WINDOW_BITS);
        deflate_into(&zlib, text.data, text.len, ZLIB_WINDOW_BITS);
        expect_inflated(WEIR_ENCODING_GZIP, &gzip, &text);
        expect_inflated(WEIR_ENCODING_DEFLATE, &zlib, &text);
        expect_inflated(WEIR_ENCODING_IDENTITY, &text, &text);
    }
}

Test(compress, several_members_are_one_body)
{
    WEIR_BUFFER text = {0}, gzip = {0};
    make_text(&text, 200000);
    deflate_into(&gzip, text.data, 150000, GZIP_WINDOW_BITS);
    deflate_into(&gzip, text.data + 150000, 50000, GZIP_WINDOW_BITS); /* claims a size of 50000 only */
    expect_inflated(WEIR_ENCODING_GZIP, &gzip, &text);
}

static weir_status inflate_status(const weir_buffer *in, size_t out_max, size_t account_bytes, weir_error *error)
{
    weir_account account;
    weir_account_init(&account, account_bytes, account_bytes);
    weir_chunk *chunk = NULL;
    *error = (weir_error){0};
    weir_status status = weir_inflate(WEIR_ENCODING_GZIP, in->data, in->len, out_max, &account, &chunk, error);
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
    return status;
}

Test(compress, one_byte_over_the_limit_is_too_large)
{
    WEIR_BUFFER text = {0}, gzip = {0};
    weir_error error;
    make_text(&text, 50000);
    deflate_into(&gzip, text.data, text.len, GZIP_WINDOW_BITS);
    cr_assert_eq(inflate_status(&gzip, 50000, SIZE_MAX, &error), WEIR_OK);
    cr_assert_eq(inflate_status(&gzip, 49999, SIZE_MAX, &error), WEIR_TOO_LARGE);
    cr_assert_eq(error.class_, WEIR_ERROR_TOO_LARGE);
}

Test(compress, a_bomb_is_refused_by_its_ratio)
{
    WEIR_BUFFER zeroes = {0}, gzip = {0};
    weir_error error;
    size_t len = 8 * WEIR_INFLATE_RATIO_FREE_BYTES;
    memset(weir_buffer_reserve(&zeroes, len), 0, len);
    zeroes.len = len;
    deflate_into(&gzip, zeroes.data, zeroes.len, GZIP_WINDOW_BITS);
    cr_assert_gt(len / gzip.len, WEIR_INFLATE_RATIO_MAX);
    cr_assert_eq(inflate_status(&gzip, SIZE_MAX, SIZE_MAX, &error), WEIR_TOO_LARGE);
    cr_assert(strstr(error.text, "200 times"), "%s", error.text);
    gzip.len = 0;
    deflate_into(&gzip, zeroes.data, WEIR_INFLATE_RATIO_FREE_BYTES, GZIP_WINDOW_BITS);
    cr_assert_eq(inflate_status(&gzip, SIZE_MAX, SIZE_MAX, &error), WEIR_OK, "small ones are harmless");
}

Test(compress, every_truncation_and_what_follows_are_invalid)
{
    WEIR_BUFFER text = {0}, gzip = {0};
    weir_error error;
    make_text(&text, 3000);
    deflate_into(&gzip, text.data, text.len, GZIP_WINDOW_BITS);
    size_t len = gzip.len;
    for (gzip.len = 0; gzip.len < len; gzip.len++)
        cr_assert_eq(inflate_status(&gzip, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID, "cut at %zu", gzip.len);
    weir_buffer_append_byte(&gzip, 'x');
    cr_assert_eq(inflate_status(&gzip, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
}

Test(compress, the_account_is_asked_before_inflating)
{
    WEIR_BUFFER text = {0}, gzip = {0};
    weir_error error;
    make_text(&text, 100000);
    deflate_into(&gzip, text.data, text.len, GZIP_WINDOW_BITS);
    cr_assert_eq(inflate_status(&gzip, OUT_MAX, 100000, &error), WEIR_NO_MEMORY);
    cr_assert(weir_error_is_retryable(&error));
}

Test(compress, names_are_known_in_any_case_and_lists_are_not)
{
    weir_encoding encoding;
    cr_assert_eq(weir_encoding_parse(WEIR_TEXT("ZSTD"), &encoding), WEIR_OK);
    cr_assert_eq(encoding, WEIR_ENCODING_ZSTD);
    cr_assert_eq(weir_encoding_parse(WEIR_TEXT("br"), &encoding), WEIR_UNSUPPORTED);
    cr_assert_eq(weir_encoding_parse(WEIR_TEXT("gzip, gzip"), &encoding), WEIR_UNSUPPORTED);
}

Test(compress, parts_are_compressed_as_one_member_that_zlib_reads)
{
    WEIR_BUFFER text = {0};
    make_text(&text, 100000);
    const struct iovec parts[] = {{text.data, 1}, {NULL, 0}, {text.data + 1, 60000}, {text.data + 60001, 39999}};
    weir_compressor *gzip = weir_compressor_new(WEIR_ENCODING_GZIP, 6);
    for (size_t round = 0; round < 2; round++) {
        const struct iovec whole = {text.data, text.len};
        weir_account account;
        weir_account_init(&account, 1000000, 1000000);
        weir_chunk *chunk = round ? weir_compressor_run(gzip, &whole, 1, &account)
                                  : weir_compressor_run(gzip, parts, WEIR_COUNT_OF(parts), &account);
        uint8_t back[100001];
        z_stream stream = {
            .next_in = chunk->data, .avail_in = (uInt)chunk->size, .next_out = back, .avail_out = sizeof back};
        inflateInit2(&stream, GZIP_WINDOW_BITS);
        cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
        inflateEnd(&stream);
        cr_assert_eq(stream.total_out, text.len);
        cr_assert_eq(memcmp(back, text.data, text.len), 0);
        cr_assert_eq(weir_account_used(&account), weir_chunk_cost(chunk->size));
        weir_chunk_unref(chunk);
    }
    weir_compressor_free(gzip);
}

Test(compress, without_room_in_the_account_nothing_is_compressed_and_nothing_stays_charged)
{
    WEIR_BUFFER text = {0};
    make_text(&text, 100000);
    const struct iovec halves[] = {{text.data, 50000}, {text.data + 50000, 50000}};
    weir_compressor *gzip = weir_compressor_new(WEIR_ENCODING_GZIP, 6);
    for (size_t limit = 1; limit < 200000; limit = limit * 3) {
        weir_account account;
        weir_account_init(&account, limit, limit);
        cr_assert_null(weir_compressor_run(gzip, halves, WEIR_COUNT_OF(halves), &account), "limit %zu", limit);
        cr_assert_eq(weir_account_used(&account), 0);
    }
    weir_compressor_free(gzip);
}

Test(compress, what_is_compressed_inflates_at_every_level)
{
    static const weir_encoding encodings[] = {WEIR_ENCODING_GZIP, WEIR_ENCODING_DEFLATE, WEIR_ENCODING_ZSTD};
    static const int levels[] = {WEIR_LEVEL_USUAL, -100, 0, 1, 9, 12, 100};
    WEIR_BUFFER text = {0};
    make_text(&text, 100000);
    const struct iovec parts[] = {{text.data, 70000}, {text.data + 70000, 30000}};
    for (size_t i = 0; i < WEIR_COUNT_OF(encodings) * WEIR_COUNT_OF(levels); i++) {
        weir_encoding encoding = encodings[i % WEIR_COUNT_OF(encodings)];
        weir_compressor *compressor = weir_compressor_new(encoding, levels[i / WEIR_COUNT_OF(encodings)]);
        weir_chunk *chunk = weir_compressor_run(compressor, parts, WEIR_COUNT_OF(parts), NULL);
        weir_buffer body = {.data = chunk->data, .len = chunk->size};
        expect_inflated(encoding, &body, &text);
        weir_chunk_unref(chunk);
        weir_compressor_free(compressor);
    }
}
