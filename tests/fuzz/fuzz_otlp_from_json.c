/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/JSON to wire on arbitrary text. The first byte chooses the kind. Whatever is accepted is JSON, and a valid
 * request with as many items as it says; written as JSON and read again it is the same, and so is that once more. (The
 * first time bytes that are not UTF-8 become U+FFFD, and messages that are always written appear.)
 */
#include "core/assert.h"
#include "otlp/from_json.h"
#include "otlp/from_json_text.h"
#include "otlp/json.h"

/* NULL if it is refused, which must have a place and a reason. */
static weir_chunk *read_json(weir_otlp_kind kind, const uint8_t *json, size_t len)
{
    weir_chunk *chunk;
    uint64_t items, items_found;
    weir_error error = {0};
    if (weir_otlp_from_json(kind, json, len, NULL, &chunk, &items, &error) != WEIR_OK) {
        WEIR_ASSERT(error.offset <= len && error.class_ == WEIR_ERROR_PERMANENT && error.text[0] != '\0');
        return NULL;
    }
    WEIR_ASSERT(weir_otlp_validate(kind, chunk->data, chunk->size, &items_found, &error) == WEIR_OK);
    WEIR_ASSERT(items == items_found);
    return chunk;
}

/* As a member that nobody knows the same text is read by its tokens alone: what is no JSON would be found there. */
static void assert_json(weir_otlp_kind kind, const uint8_t *json, size_t len)
{
    if (len > WEIR_JSON_SKIP_DEPTH_MAX)
        return; /* it may nest too deep for that */
    WEIR_BUFFER around = {0};
    weir_buffer_append_text(&around, "{\"unknown\":");
    weir_buffer_append(&around, json, len);
    weir_buffer_append_byte(&around, '}');
    weir_chunk *nothing = read_json(kind, around.data, around.len);
    WEIR_ASSERT(nothing && nothing->size == 0);
    weir_chunk_unref(nothing);
}

static weir_chunk *read_back(weir_otlp_kind kind, const weir_chunk *chunk, weir_buffer *ret_json)
{
    weir_otlp_to_json(kind, &(weir_bytes){chunk->data, chunk->size}, 1, ret_json);
    weir_chunk *result = read_json(kind, ret_json->data, ret_json->len);
    WEIR_ASSERT(result);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const weir_otlp_kind kind = data[0] % 3;
    weir_chunk *read = read_json(kind, data + 1, size - 1);
    if (!read)
        return 0;
    assert_json(kind, data + 1, size - 1);
    WEIR_BUFFER first = {0}, second = {0};
    weir_chunk *once = read_back(kind, read, &first);
    weir_chunk *twice = read_back(kind, once, &second);
    WEIR_ASSERT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    WEIR_ASSERT(once->size == twice->size && memcmp(once->data, twice->data, once->size) == 0);
    weir_chunk_unref(read);
    weir_chunk_unref(once);
    weir_chunk_unref(twice);
    return 0;
}
