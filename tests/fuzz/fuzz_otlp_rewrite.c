/* SPDX-License-Identifier: Apache-2.0
 *
 * Edits of arbitrary valid requests. Byte 0 chooses the kind, byte 1 which items go, byte 2 the size of pieces.
 * Whatever comes out must be valid and have the items it says.
 */
#include <string.h>

#include "core/assert.h"
#include "otlp/attributes.h"
#include "otlp/rewrite.h"

static uint32_t given;

static weir_status check(void *context, weir_slice *takes)
{
    uint64_t items;
    weir_error error;
    WEIR_ASSERT(weir_otlp_validate(*(weir_otlp_kind *)context, takes->data, takes->len, &items, &error) == WEIR_OK);
    WEIR_ASSERT(items == takes->items);
    given += takes->items;
    weir_slice_done(takes);
    return WEIR_OK;
}

static weir_otlp_verdict edit_item(void *context, const weir_otlp_items *at, weir_buffer *out)
{
    const weir_otlp_value value = {.type = WEIR_OTLP_INT, .integer = at->index};
    weir_otlp_attributes list = {0};
    if (*(const uint8_t *)context >> (at->index % 8) & 1)
        return at->index % 3 ? WEIR_OTLP_DROP : WEIR_OTLP_KEEP;
    weir_otlp_attributes_load(&list, at->item, weir_otlp_item_attributes(at->kind, at->data));
    weir_otlp_attributes_set(&list, WEIR_TEXT("a"), &value);
    weir_otlp_attributes_remove(&list, WEIR_TEXT("b"));
    weir_otlp_attributes_store(&list, out);
    weir_otlp_attributes_done(&list);
    return WEIR_OTLP_REPLACE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t items;
    weir_error error;
    if (size < 3 || weir_otlp_validate(data[0] % 3, data + 3, size - 3, &items, &error) != WEIR_OK)
        return 0;
    weir_otlp_kind kind = data[0] % 3;
    weir_slice slice = {.chunk = weir_chunk_new(NULL, size - 3), .len = size - 3, .items = (uint32_t)items};
    memcpy(slice.chunk->data, data + 3, size - 3);
    slice.data = slice.chunk->data;
    weir_slice edited;
    uint8_t bits = data[1];
    const weir_otlp_editor editor = {.context = &bits, .on_item = edit_item};
    WEIR_ASSERT(weir_otlp_edit(kind, &slice, &editor, &edited) == WEIR_OK);
    check(&kind, &edited);
    given = 0;
    WEIR_ASSERT(weir_otlp_split(kind, &slice, data[2] % 5, data[2], check, &kind) == WEIR_OK);
    WEIR_ASSERT(given == items);
    weir_slice_done(&slice);
    return 0;
}
