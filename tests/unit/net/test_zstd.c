/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies in zstd: made by libzstd's streaming interface, which compress.c does not use, and by hand where no encoder
 * would make them.
 */
#include <criterion/criterion.h>

#include <string.h>
#include <zstd.h>

#include "core/limits.h"
#include "core/memory.h"
#include "net/compress.h"

enum { OUT_MAX = 4 * 1024 * 1024, ACCOUNT_BYTES = 16 * 1024 * 1024 };

static void make_text(weir_buffer *out, size_t len)
{
    for (unsigned i = 0; out->len < len; i++)
        weir_buffer_printf(out, "GET /api/orders/%u took %u ms; ", i * 7919 % 10007, i % 97);
    out->len = len;
}

/* One frame as a streaming encoder writes it: without its size unless `names_size`. */
static void append_frame(weir_buffer *out, const void *in, size_t len, bool names_size, int window_log)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    if (names_size)
        ZSTD_CCtx_setPledgedSrcSize(context, len);
    size_t bound = ZSTD_compressBound(len) + 64;
    ZSTD_inBuffer input = {in, len, 0};
    ZSTD_outBuffer output = {weir_buffer_reserve(out, bound), bound, 0};
    /* In two steps, or libzstd would see that this is all and name the size. */
    cr_assert(!ZSTD_isError(ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush)));
    cr_assert_eq(ZSTD_compressStream2(context, &output, &input, ZSTD_e_end), 0);
    out->len += output.pos;
    ZSTD_freeCCtx(context);
}

static void append_skippable(weir_buffer *out, uint32_t len)
{
    const uint8_t header[] = {0x5e, 0x2a, 0x4d, 0x18, (uint8_t)len, (uint8_t)(len >> 8), 0, 0};
    weir_buffer_append(out, header, sizeof header);
    memset(weir_buffer_reserve(out, len), 'x', len);
    out->len += len;
}

static weir_status inflate_status(const weir_buffer *in, size_t out_max, size_t account_bytes, weir_error *error)
{
    weir_account account;
    weir_account_init(&account, account_bytes, account_bytes);
    weir_chunk *chunk = NULL;
    *error = (weir_error){0};
    weir_status status = weir_inflate(WEIR_ENCODING_ZSTD, in->data, in->len, out_max, &account, &chunk, error);
    weir_chunk_unref(chunk);
    cr_assert_eq(weir_account_used(&account), 0);
    return status;
}

static void expect_inflated(const weir_buffer *in, const weir_buffer *expected)
{
    weir_account account;
    weir_account_init(&account, ACCOUNT_BYTES, ACCOUNT_BYTES);
    weir_chunk *chunk = NULL;
    weir_error error = {0};
    cr_assert_eq(weir_inflate(WEIR_ENCODING_ZSTD, in->data, in->len, OUT_MAX, &account, &chunk, &error), WEIR_OK, "%s",
                 error.text);
    cr_assert_eq(chunk->size, expected->len);
    cr_assert_eq(expected->len ? memcmp(chunk->data, expected->data, expected->len) : 0, 0);
    cr_assert_eq(weir_account_used(&account), weir_chunk_cost(expected->len), "no more is charged than is held");
    weir_chunk_unref(chunk);
}

Test(zstd, bodies_of_many_sizes_inflate)
{
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 131072, 131073, 1000000, OUT_MAX};
    for (size_t i = 0; i < WEIR_COUNT_OF(sizes); i++)
        for (int names_size = 0; names_size < 2; names_size++) {
            WEIR_BUFFER text = {0}, body = {0};
            make_text(&text, sizes[i]);
            append_frame(&body, text.data, text.len, names_size, 0);
            cr_assert_eq(ZSTD_getFrameContentSize(body.data, body.len) != ZSTD_CONTENTSIZE_UNKNOWN, names_size);
            expect_inflated(&body, &text);
        }
}

Test(zstd, several_frames_and_skippable_ones_are_one_body)
{
    for (int names_size = 0; names_size < 4; names_size++) {
        WEIR_BUFFER text = {0}, body = {0};
        make_text(&text, 300000);
        append_skippable(&body, 0);
        append_frame(&body, text.data, 200000, names_size & 1, 0);
        append_skippable(&body, 1000);
        append_frame(&body, text.data + 200000, 100000, names_size & 2, 0);
        append_skippable(&body, 3);
        expect_inflated(&body, &text);
    }
}

/* libzstd's own limit for streams is 128 MiB of window; here nothing is allocated for it at all. */
Test(zstd, a_large_window_costs_nothing)
{
    WEIR_BUFFER text = {0}, body = {0};
    weir_error error;
    make_text(&text, 100000);
    append_frame(&body, text.data, text.len, false, ZSTD_cParam_getBounds(ZSTD_c_windowLog).upperBound - 4);
    expect_inflated(&body, &text);
    cr_assert_eq(inflate_status(&body, OUT_MAX, 100000, &error), WEIR_NO_MEMORY, "the account is asked");
    cr_assert(weir_error_is_retryable(&error));
}

Test(zstd, one_byte_over_the_limit_is_too_large)
{
    for (int names_size = 0; names_size < 2; names_size++) {
        WEIR_BUFFER text = {0}, body = {0};
        weir_error error;
        make_text(&text, 50000);
        append_frame(&body, text.data, text.len, names_size, 0);
        cr_assert_eq(inflate_status(&body, 50000, SIZE_MAX, &error), WEIR_OK);
        cr_assert_eq(inflate_status(&body, 49999, SIZE_MAX, &error), WEIR_TOO_LARGE);
        cr_assert_eq(error.class_, WEIR_ERROR_TOO_LARGE);
    }
}

Test(zstd, a_bomb_is_refused_by_its_ratio_whatever_its_header_says)
{
    for (int names_size = 0; names_size < 2; names_size++) {
        WEIR_BUFFER zeroes = {0}, body = {0};
        weir_error error;
        size_t len = 64 * WEIR_INFLATE_RATIO_FREE_BYTES;
        memset(weir_buffer_reserve(&zeroes, len), 0, len);
        zeroes.len = len;
        append_frame(&body, zeroes.data, zeroes.len, names_size, 0);
        cr_assert_gt(len / body.len, WEIR_INFLATE_RATIO_MAX);
        cr_assert_eq(inflate_status(&body, SIZE_MAX, SIZE_MAX, &error), WEIR_TOO_LARGE);
        cr_assert(strstr(error.text, "200 times"), "%s", error.text);
    }
}

Test(zstd, a_frame_that_does_not_keep_to_the_size_it_names_is_invalid)
{
    WEIR_BUFFER text = {0}, body = {0};
    weir_error error;
    make_text(&text, 1000); /* a size of two bytes, 256 less (RFC 8878 §3.1.1.1.4), behind magic, descriptor, window */
    append_frame(&body, text.data, text.len, true, 0);
    bool is_single_segment = body.data[4] & 0x20;
    uint8_t *size = body.data + (is_single_segment ? 5 : 6);
    cr_assert_eq(size[0] | size[1] << 8, 1000 - 256);
    size[0]--;
    cr_assert_eq(inflate_status(&body, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID);
    size[0] += 2;
    cr_assert_eq(inflate_status(&body, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID);
}

Test(zstd, every_truncation_and_what_follows_are_invalid)
{
    WEIR_BUFFER text = {0}, body = {0};
    weir_error error;
    make_text(&text, 3000);
    append_frame(&body, text.data, text.len, true, 0);
    size_t len = body.len;
    for (body.len = 0; body.len < len; body.len++)
        cr_assert_eq(inflate_status(&body, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID, "cut at %zu", body.len);
    weir_buffer_append_byte(&body, 'x');
    cr_assert_eq(inflate_status(&body, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert(strstr(error.text, "zstd"), "%s", error.text);
}

/* The checksum finds what the format itself does not; some bits have no meaning. */
Test(zstd, a_changed_byte_never_changes_the_data_unnoticed)
{
    WEIR_BUFFER text = {0}, body = {0};
    make_text(&text, 3000);
    append_frame(&body, text.data, text.len, true, 0);
    size_t found = 0;
    for (size_t i = 0; i < body.len; i++) {
        weir_error error = {0};
        weir_chunk *chunk = NULL;
        body.data[i] ^= (uint8_t)(1 << i % 8);
        if (weir_inflate(WEIR_ENCODING_ZSTD, body.data, body.len, OUT_MAX, NULL, &chunk, &error) != WEIR_OK)
            found++;
        else
            cr_assert(chunk->size == text.len && memcmp(chunk->data, text.data, text.len) == 0, "byte %zu", i);
        weir_chunk_unref(chunk);
        body.data[i] ^= (uint8_t)(1 << i % 8);
    }
    cr_assert_geq(found, body.len - 8);
}

Test(zstd, older_formats_are_not_looked_at)
{
    WEIR_BUFFER body = {0};
    weir_error error;
    const uint8_t version_07[] = {0x27, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0};
    weir_buffer_append(&body, version_07, sizeof version_07);
    cr_assert_eq(inflate_status(&body, OUT_MAX, SIZE_MAX, &error), WEIR_INVALID);
}

Test(zstd, parts_are_compressed_as_one_frame_with_size_and_checksum)
{
    WEIR_BUFFER text = {0};
    make_text(&text, 100000);
    const struct iovec parts[] = {{text.data, 1}, {NULL, 0}, {text.data + 1, 60000}, {text.data + 60001, 39999}};
    const struct iovec whole = {text.data, text.len};
    static const int levels[] = {WEIR_LEVEL_USUAL, -100, 0, 1, 3, 12, 100};
    for (size_t i = 0; i < WEIR_COUNT_OF(levels); i++) {
        weir_compressor *compressor = weir_compressor_new(WEIR_ENCODING_ZSTD, levels[i]);
        cr_assert_eq(weir_compressor_encoding(compressor), WEIR_ENCODING_ZSTD);
        for (size_t round = 0; round < 2; round++) {
            weir_account account;
            weir_account_init(&account, 1000000, 1000000);
            weir_chunk *chunk = round ? weir_compressor_run(compressor, &whole, 1, &account)
                                      : weir_compressor_run(compressor, parts, WEIR_COUNT_OF(parts), &account);
            uint8_t back[100001];
            cr_assert_eq(ZSTD_getFrameContentSize(chunk->data, chunk->size), text.len);
            cr_assert(chunk->data[4] & 4, "the checksum flag (RFC 8878 3.1.1.1.1)");
            cr_assert_eq(ZSTD_decompress(back, sizeof back, chunk->data, chunk->size), text.len);
            cr_assert_eq(memcmp(back, text.data, text.len), 0);
            cr_assert_eq(weir_account_used(&account), weir_chunk_cost(chunk->size));
            weir_chunk_unref(chunk);
        }
        weir_compressor_free(compressor);
    }
}
