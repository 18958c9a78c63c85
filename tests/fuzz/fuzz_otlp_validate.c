/* SPDX-License-Identifier: Apache-2.0
 *
 * The validator on arbitrary bytes. The first byte chooses the kind of request. What it accepts, every view must be
 * able to read, and with as many items as it counted; what it refuses has an offset inside the request.
 */
#include "core/assert.h"
#include "otlp/view.h"

static void read_values(weir_otlp_walk walk)
{
    for (weir_otlp_attribute attribute; weir_otlp_attribute_next(&walk, &attribute);) {
        weir_otlp_walk elements = weir_otlp_elements(&attribute.value);
        if (attribute.value.type == WEIR_OTLP_MAP)
            read_values(elements);
        for (weir_otlp_value element;
             attribute.value.type == WEIR_OTLP_ARRAY && weir_otlp_element_next(&elements, &element);) {
        }
    }
}

static void read_item(const weir_otlp_items *at)
{
    read_values(weir_otlp_resource_attributes(at->resource));
    read_values(weir_otlp_scope_attributes(at->scope));
    read_values(weir_otlp_walk_in(at->item, weir_otlp_item_attributes(at->kind, at->data)));
    weir_otlp_scope_read(at->scope);
    weir_otlp_schema_url(at->resource);
    if (at->kind == WEIR_OTLP_TRACES) {
        weir_otlp_span_read(at->item);
    } else if (at->kind == WEIR_OTLP_LOGS) {
        weir_otlp_log_read(at->item);
    } else {
        weir_otlp_metric_read(at->metric);
        weir_otlp_point_read(at->item, at->data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const weir_otlp_kind kind = data[0] % 3;
    uint64_t items;
    weir_error error;
    if (weir_otlp_validate(kind, data + 1, size - 1, &items, &error) != WEIR_OK) {
        WEIR_ASSERT(error.offset <= size - 1);
        return 0;
    }
    weir_otlp_items at = weir_otlp_items_of(kind, (weir_bytes){data + 1, size - 1});
    while (weir_otlp_items_next(&at))
        read_item(&at);
    WEIR_ASSERT(at.count == items);
    return 0;
}
