/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary bytes as a compressed body; the first byte of the input chooses the encoding. What is inflated must stay
 * within the limits, and must come out of weir's own compressor again as it went in.
 */
#include <string.h>

#include "core/assert.h"
#include "core/limits.h"
#include "net/compress.h"

enum { OUT_BYTES_MAX = 1 << 20 };
_Static_assert((int)OUT_BYTES_MAX <= (int)WEIR_INFLATE_RATIO_FREE_BYTES,
               "what was inflated may be compressed to nearly nothing");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void round_trip(weir_encoding encoding, const weir_chunk *chunk)
{
    weir_compressor *compressor = weir_compressor_new(encoding, WEIR_LEVEL_USUAL);
    const struct iovec part = {(void *)(uintptr_t)chunk->data, chunk->size};
    weir_chunk *compressed = weir_compressor_run(compressor, &part, 1, NULL);
    WEIR_ASSERT(compressed);
    weir_chunk *again = NULL;
    weir_error error;
    weir_status status = weir_inflate(encoding, compressed->data, compressed->size, chunk->size, NULL, &again, &error);
    WEIR_ASSERT(status == WEIR_OK);
    WEIR_ASSERT(again->size == chunk->size && memcmp(again->data, chunk->data, chunk->size) == 0);
    weir_chunk_unref(again);
    weir_chunk_unref(compressed);
    weir_compressor_free(compressor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const weir_encoding encodings[] = {WEIR_ENCODING_GZIP, WEIR_ENCODING_DEFLATE, WEIR_ENCODING_ZSTD};
    if (len == 0)
        return 0;
    weir_encoding encoding = encodings[data[0] % WEIR_COUNT_OF(encodings)];
    weir_chunk *chunk = NULL;
    weir_error error = {0};
    weir_status status = weir_inflate(encoding, data + 1, len - 1, OUT_BYTES_MAX, NULL, &chunk, &error);
    if (status != WEIR_OK) {
        WEIR_ASSERT((status == WEIR_INVALID || status == WEIR_TOO_LARGE) && *error.text && !chunk);
        return 0;
    }
    WEIR_ASSERT(chunk->size <= OUT_BYTES_MAX);
    if (chunk->size > 0)
        round_trip(encoding, chunk);
    weir_chunk_unref(chunk);
    return 0;
}
