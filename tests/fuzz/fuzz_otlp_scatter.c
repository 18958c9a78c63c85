/* SPDX-License-Identifier: Apache-2.0
 *
 * Arbitrary valid requests sorted into groups. Byte 0 chooses the kind, byte 1 the buckets, byte 2 the size of groups.
 * The request comes twice, so that groups have items of more than one slice. No item may be lost, every group must be
 * valid, and only one item alone may be over the limit.
 */
#include <string.h>

#include "core/assert.h"
#include "otlp/scatter.h"

typedef struct trial {
    weir_otlp_kind kind;
    weir_otlp_scattering how;
    uint8_t choice;
    uint64_t given;
} trial;

static void assert_valid(const trial *self, const uint8_t *data, size_t len, uint64_t expected)
{
    uint64_t items;
    weir_error error;
    WEIR_ASSERT(weir_otlp_validate(self->kind, data, len, &items, &error) == WEIR_OK && items == expected);
}

static uint32_t choose(void *context, const weir_otlp_items *at)
{
    const trial *self = context;
    return (self->choice * (at->index + 1) >> 3) % self->how.buckets;
}

static weir_status take(void *context, weir_otlp_group *takes)
{
    trial *self = context;
    const bool is_over = self->how.bytes_max > 0 && takes->bytes.len > self->how.bytes_max;
    WEIR_ASSERT(is_over == takes->is_too_large && (!is_over || takes->items == 1));
    assert_valid(self, takes->bytes.data, takes->bytes.len, takes->items);
    for (uint32_t i = 0; i < takes->slice_count; i++)
        assert_valid(self, takes->slices[i].data, takes->slices[i].len, takes->slices[i].items);
    self->given += takes->items;
    weir_otlp_group_done(takes);
    return WEIR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t items;
    weir_error error;
    if (size < 3 || weir_otlp_validate(data[0] % 3, data + 3, size - 3, &items, &error) != WEIR_OK)
        return 0;
    weir_slice slice = {.chunk = weir_chunk_new(NULL, size - 3), .len = size - 3, .items = (uint32_t)items};
    memcpy(slice.chunk->data, data + 3, size - 3);
    slice.data = slice.chunk->data;
    trial self = {.kind = data[0] % 3, .choice = data[1]};
    self.how = (weir_otlp_scattering){
        .buckets = data[1] % 7 + 1, .bytes_max = data[2] * 4, .bucket_of = choose, .give = take, .context = &self};
    const weir_slice *twice[] = {&slice, &slice};
    WEIR_ASSERT(weir_otlp_scatter(self.kind, twice, 2, &self.how, NULL) == WEIR_OK);
    WEIR_ASSERT(self.given == 2 * items);
    weir_slice_done(&slice);
    return 0;
}
