/* SPDX-License-Identifier: Apache-2.0
 *
 * Wire to JSON on arbitrary requests. The first byte chooses the kind. Whatever the validator accepts becomes one line
 * of JSON by the strictest reading, the same whether it is written in pieces or at once.
 */
#include "core/assert.h"
#include "core/limits.h"
#include "otlp/json.h"
#include "tests/unit/otlp/strict_json.h"

enum { JSON_DEPTH_MAX = 8 * WEIR_OTLP_NESTING_MAX };

static bool collect(void *context, weir_buffer *piece)
{
    weir_buffer *all = context;
    weir_buffer_append(all, piece->data, piece->len);
    piece->len = 0;
    return true;
}

static void check_line(const weir_buffer *line)
{
    WEIR_BUFFER canonical = {0};
    WEIR_ASSERT(!memchr(line->data, '\n', line->len));
    WEIR_ASSERT(strict_json_canonical((weir_bytes){line->data, line->len}, JSON_DEPTH_MAX, &canonical));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const weir_otlp_kind kind = data[0] % 3;
    const weir_bytes request = {data + 1, size - 1};
    uint64_t items;
    weir_error error;
    if (weir_otlp_validate(kind, request.data, request.len, &items, &error) != WEIR_OK)
        return 0;
    WEIR_BUFFER line = {0}, piece = {0}, pieces = {0};
    weir_otlp_to_json(kind, &request, 1, &line);
    check_line(&line);
    const weir_otlp_json_spill spill = {.spill = collect, .context = &pieces, .piece_max = WEIR_OTLP_JSON_PIECE_MIN};
    WEIR_ASSERT(weir_otlp_to_json_in_pieces(kind, &request, 1, &piece, &spill));
    collect(&pieces, &piece);
    WEIR_ASSERT(line.len == pieces.len && memcmp(line.data, pieces.data, line.len) == 0);
    return 0;
}
