/* SPDX-License-Identifier: Apache-2.0 */
#include "otlp/view.h"

#include "core/assert.h"
#include "otlp/wire.h"

/* ---- Walking repeated sub-messages ----------------------------------------------------------------------------- */

static void walk_enter(weir_otlp_walk *walk, unsigned level, weir_bytes message)
{
    walk->level = level;
    walk->at[level] = message.data;
    walk->end[level] = weir_otlp_end(message);
}

weir_otlp_walk weir_otlp_walk_in(weir_bytes message, uint32_t number)
{
    weir_otlp_walk walk = {.number = {number}, .depth = 1};
    walk_enter(&walk, 0, message);
    return walk;
}

weir_otlp_walk weir_otlp_walk_within(weir_bytes message, uint32_t outer, uint32_t number)
{
    weir_otlp_walk walk = {.number = {outer, number}, .depth = 2};
    walk_enter(&walk, 0, message);
    return walk;
}

bool weir_otlp_walk_next(weir_otlp_walk *walk, weir_bytes *ret_message)
{
    for (;;) {
        weir_otlp_field field;
        unsigned level = walk->level;
        if (!weir_otlp_field_next(&walk->at[level], walk->end[level], &field)) {
            if (level == 0)
                return false;
            walk->level--;
            continue;
        }
        if (field.number != walk->number[level] || field.wire != WEIR_WIRE_LEN)
            continue;
        if (level + 1 < walk->depth) {
            walk_enter(walk, level + 1, field.body);
            continue;
        }
        if (walk->since && field.start < walk->since)
            continue;
        walk->start = field.start;
        *ret_message = field.body;
        return true;
    }
}

/* ---- Items of a request ------------------------------------------------------------------------------------------ */

static bool is_metric_data(uint32_t number)
{
    switch (number) {
    case WEIR_OTLP_GAUGE:
    case WEIR_OTLP_SUM:
    case WEIR_OTLP_HISTOGRAM:
    case WEIR_OTLP_EXPONENTIAL_HISTOGRAM:
    case WEIR_OTLP_SUMMARY:
        return true;
    default:
        return false;
    }
}

/* Which member of Metric.data counts, and where its unbroken run begins. */
static weir_otlp_metric_data metric_data(weir_bytes metric, const uint8_t **ret_since)
{
    weir_otlp_metric_data data = WEIR_OTLP_NO_DATA;
    const uint8_t *at = metric.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(metric), &field);) {
        if (!is_metric_data(field.number) || field.number == (uint32_t)data)
            continue;
        data = (weir_otlp_metric_data)field.number;
        *ret_since = field.start;
    }
    return data;
}

weir_otlp_items weir_otlp_items_of(weir_otlp_kind kind, weir_bytes request)
{
    return (weir_otlp_items){.kind = kind, .resources = weir_otlp_walk_in(request, 1)};
}

void weir_otlp_items_enter_metric(weir_otlp_items *items, weir_bytes metric)
{
    const uint8_t *since = NULL;
    items->metric = metric;
    items->data = metric_data(items->metric, &since);
    items->leaves = weir_otlp_walk_within(items->metric, items->data, 1);
    items->leaves.since = since;
}

static void enter_scope(weir_otlp_items *items)
{
    if (items->kind == WEIR_OTLP_METRICS)
        items->metrics = weir_otlp_walk_in(items->scope, 2);
    else
        items->leaves = weir_otlp_walk_in(items->scope, 2);
}

weir_otlp_items weir_otlp_items_within(weir_otlp_kind kind, bool is_resource, weir_bytes entry)
{
    weir_otlp_items items = {.kind = kind};
    if (is_resource) {
        items.resource = entry;
        items.scopes = weir_otlp_walk_in(entry, 2);
    } else {
        items.scope = entry;
        enter_scope(&items);
    }
    return items;
}

/* Moves on to the next message that may contain items: a scope, or a metric. */
static bool next_container(weir_otlp_items *items)
{
    for (;;) {
        if (weir_otlp_walk_next(&items->metrics, &items->metric)) {
            weir_otlp_items_enter_metric(items, items->metric);
            return true;
        }
        if (weir_otlp_walk_next(&items->scopes, &items->scope)) {
            enter_scope(items);
            if (items->kind != WEIR_OTLP_METRICS)
                return true;
            continue;
        }
        if (!weir_otlp_walk_next(&items->resources, &items->resource))
            return false;
        items->scopes = weir_otlp_walk_in(items->resource, 2);
    }
}

bool weir_otlp_items_next(weir_otlp_items *items)
{
    while (!weir_otlp_walk_next(&items->leaves, &items->item))
        if (!next_container(items))
            return false;
    items->index = items->count++;
    return true;
}

uint32_t weir_otlp_item_attributes(weir_otlp_kind kind, weir_otlp_metric_data data)
{
    if (kind == WEIR_OTLP_TRACES)
        return WEIR_OTLP_SPAN_ATTRIBUTES;
    if (kind == WEIR_OTLP_LOGS)
        return WEIR_OTLP_LOG_ATTRIBUTES;
    switch (data) {
    case WEIR_OTLP_HISTOGRAM:
        return 9;
    case WEIR_OTLP_EXPONENTIAL_HISTOGRAM:
        return 1;
    default:
        return 7;
    }
}

/* ---- Values and attributes --------------------------------------------------------------------------------------- */

static weir_text text_of(weir_bytes bytes)
{
    return (weir_text){(const char *)bytes.data, bytes.len};
}

static double double_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Reads the fields of one AnyValue on top of what `value` already has. */
static void value_merge(weir_otlp_value *value, weir_bytes any_value)
{
    const uint8_t *at = any_value.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(any_value), &field);) {
        if (field.number > WEIR_OTLP_STRING_INDEX)
            continue;
        if (field.number != (uint32_t)value->type) {
            value->type = (weir_otlp_type)field.number;
            value->since = field.start;
        }
        switch (value->type) {
        case WEIR_OTLP_STRING:
            value->string = text_of(field.body);
            break;
        case WEIR_OTLP_BYTES:
            value->bytes = field.body;
            break;
        case WEIR_OTLP_BOOL:
            value->boolean = field.value != 0;
            break;
        case WEIR_OTLP_INT:
            value->integer = (int64_t)field.value;
            break;
        case WEIR_OTLP_STRING_INDEX:
            value->integer = (int32_t)field.value;
            break;
        case WEIR_OTLP_DOUBLE:
            value->number = double_of(field.value);
            break;
        case WEIR_OTLP_ARRAY:
        case WEIR_OTLP_MAP:
        case WEIR_OTLP_EMPTY:
            break;
        }
    }
}

weir_otlp_value weir_otlp_value_in(weir_bytes message, uint32_t number)
{
    weir_otlp_value value = {.outer = message, .outer_number = number};
    weir_otlp_walk walk = weir_otlp_walk_in(message, number);
    for (weir_bytes any_value; weir_otlp_walk_next(&walk, &any_value);)
        value_merge(&value, any_value);
    return value;
}

weir_otlp_walk weir_otlp_elements(const weir_otlp_value *value)
{
    if (value->type != WEIR_OTLP_ARRAY && value->type != WEIR_OTLP_MAP)
        return (weir_otlp_walk){0};
    weir_otlp_walk walk = {.since = value->since};
    if (value->outer_number != 0)
        walk.number[walk.depth++] = value->outer_number;
    walk.number[walk.depth++] = (uint32_t)value->type;
    walk.number[walk.depth++] = 1; /* ArrayValue.values, KeyValueList.values */
    WEIR_ASSERT(walk.depth <= WEIR_OTLP_WALK_DEPTH_MAX);
    walk_enter(&walk, 0, value->outer);
    return walk;
}

bool weir_otlp_element_next(weir_otlp_walk *walk, weir_otlp_value *ret_value)
{
    weir_bytes any_value;
    if (!weir_otlp_walk_next(walk, &any_value))
        return false;
    *ret_value = (weir_otlp_value){.outer = any_value};
    value_merge(ret_value, any_value);
    return true;
}

static weir_text key_of(weir_bytes key_value)
{
    weir_text key = {NULL, 0};
    const uint8_t *at = key_value.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(key_value), &field);)
        if (field.number == 1)
            key = text_of(field.body);
    return key;
}

bool weir_otlp_attribute_next(weir_otlp_walk *walk, weir_otlp_attribute *ret_attribute)
{
    weir_bytes key_value;
    if (!weir_otlp_walk_next(walk, &key_value))
        return false;
    ret_attribute->key = key_of(key_value);
    ret_attribute->value = weir_otlp_value_in(key_value, 2);
    return true;
}

bool weir_otlp_attribute_find(weir_otlp_walk walk, weir_text key, weir_otlp_value *ret_value)
{
    for (weir_bytes key_value; weir_otlp_walk_next(&walk, &key_value);) {
        if (!weir_text_equal(key_of(key_value), key))
            continue;
        *ret_value = weir_otlp_value_in(key_value, 2);
        return true;
    }
    return false;
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

weir_otlp_walk weir_otlp_resource_attributes(weir_bytes resource)
{
    return weir_otlp_walk_within(resource, 1, WEIR_OTLP_RESOURCE_ATTRIBUTES);
}

weir_otlp_walk weir_otlp_scope_attributes(weir_bytes scope)
{
    return weir_otlp_walk_within(scope, 1, WEIR_OTLP_SCOPE_ATTRIBUTES);
}

weir_text weir_otlp_schema_url(weir_bytes entry)
{
    weir_text url = {NULL, 0};
    weir_otlp_walk walk = weir_otlp_walk_in(entry, 3);
    for (weir_bytes bytes; weir_otlp_walk_next(&walk, &bytes);)
        url = text_of(bytes);
    return url;
}

weir_otlp_scope weir_otlp_scope_read(weir_bytes scope)
{
    weir_otlp_scope read = {0};
    weir_otlp_walk walk = weir_otlp_walk_in(scope, 1);
    for (weir_bytes body; weir_otlp_walk_next(&walk, &body);) {
        const uint8_t *at = body.data;
        for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(body), &field);) {
            if (field.number == 1)
                read.name = text_of(field.body);
            else if (field.number == 2)
                read.version = text_of(field.body);
        }
    }
    return read;
}

static void status_merge(weir_otlp_span *span, weir_bytes status)
{
    const uint8_t *at = status.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(status), &field);) {
        if (field.number == 2)
            span->status_message = text_of(field.body);
        else if (field.number == 3)
            span->status_code = (int32_t)field.value;
    }
}

weir_otlp_span weir_otlp_span_read(weir_bytes span)
{
    weir_otlp_span read = {0};
    const uint8_t *at = span.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(span), &field);) {
        switch (field.number) {
        case 1:
            read.trace_id = field.body;
            break;
        case 2:
            read.span_id = field.body;
            break;
        case WEIR_OTLP_SPAN_TRACE_STATE:
            read.trace_state = text_of(field.body);
            break;
        case 4:
            read.parent_span_id = field.body;
            break;
        case 5:
            read.name = text_of(field.body);
            break;
        case 6:
            read.kind = (int32_t)field.value;
            break;
        case 7:
            read.start_ns = field.value;
            break;
        case 8:
            read.end_ns = field.value;
            break;
        case 10:
            read.dropped_attributes = (uint32_t)field.value;
            break;
        case 12:
            read.dropped_events = (uint32_t)field.value;
            break;
        case 14:
            read.dropped_links = (uint32_t)field.value;
            break;
        case 15:
            status_merge(&read, field.body);
            break;
        case 16:
            read.flags = (uint32_t)field.value;
            break;
        }
    }
    return read;
}

/* The body of a length-delimited field whose length is at `length`. */
static weir_bytes length_delimited(const uint8_t *length, const uint8_t *end)
{
    uint64_t len;
    const uint8_t *body = weir_otlp_varint(length, &len);
    return (weir_bytes){body, (size_t)(end - body)};
}

weir_bytes weir_otlp_trace_id(weir_otlp_kind kind, weir_bytes item)
{
    weir_bytes trace_id = {NULL, 0};
    if (kind == WEIR_OTLP_METRICS)
        return trace_id;
    const uint64_t wanted = (kind == WEIR_OTLP_TRACES ? 1u : 9u) << 3 | WEIR_WIRE_LEN;
    for (const uint8_t *at = item.data; at < weir_otlp_end(item);) {
        uint64_t tag;
        const uint8_t *value = weir_otlp_varint(at, &tag);
        at = weir_otlp_value_end(value, tag & 7);
        if (tag == wanted)
            trace_id = length_delimited(value, at);
    }
    return trace_id;
}

weir_otlp_event weir_otlp_event_read(weir_bytes event)
{
    weir_otlp_event read = {0};
    const uint8_t *at = event.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(event), &field);) {
        if (field.number == 1)
            read.time_ns = field.value;
        else if (field.number == 2)
            read.name = text_of(field.body);
        else if (field.number == 4)
            read.dropped_attributes = (uint32_t)field.value;
    }
    return read;
}

weir_otlp_link weir_otlp_link_read(weir_bytes link)
{
    weir_otlp_link read = {0};
    const uint8_t *at = link.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(link), &field);) {
        if (field.number == 1)
            read.trace_id = field.body;
        else if (field.number == 2)
            read.span_id = field.body;
        else if (field.number == 3)
            read.trace_state = text_of(field.body);
        else if (field.number == 5)
            read.dropped_attributes = (uint32_t)field.value;
        else if (field.number == 6)
            read.flags = (uint32_t)field.value;
    }
    return read;
}

weir_otlp_log weir_otlp_log_read(weir_bytes record)
{
    weir_otlp_log read = {.body = {.outer = record, .outer_number = 5}};
    const uint8_t *at = record.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(record), &field);) {
        switch (field.number) {
        case 1:
            read.time_ns = field.value;
            break;
        case 2:
            read.severity_number = (int32_t)field.value;
            break;
        case 3:
            read.severity_text = text_of(field.body);
            break;
        case 5:
            value_merge(&read.body, field.body);
            break;
        case 7:
            read.dropped_attributes = (uint32_t)field.value;
            break;
        case 8:
            read.flags = (uint32_t)field.value;
            break;
        case 9:
            read.trace_id = field.body;
            break;
        case 10:
            read.span_id = field.body;
            break;
        case 11:
            read.observed_ns = field.value;
            break;
        case 12:
            read.event_name = text_of(field.body);
            break;
        }
    }
    return read;
}

/* aggregation_temporality and is_monotonic, which have the same numbers wherever they are. */
static void metric_kind_read(weir_otlp_metric *metric, weir_bytes data)
{
    const uint8_t *at = data.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(data), &field);) {
        if (metric->data == WEIR_OTLP_GAUGE || metric->data == WEIR_OTLP_SUMMARY)
            continue;
        if (field.number == 2)
            metric->temporality = (int32_t)field.value;
        else if (field.number == 3 && metric->data == WEIR_OTLP_SUM)
            metric->monotonic = field.value != 0;
    }
}

weir_otlp_metric weir_otlp_metric_read(weir_bytes metric)
{
    const uint8_t *since = NULL;
    weir_otlp_metric read = {.data = metric_data(metric, &since)};
    const uint8_t *at = metric.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(metric), &field);) {
        if (field.number == 1)
            read.name = text_of(field.body);
        else if (field.number == 2)
            read.description = text_of(field.body);
        else if (field.number == 3)
            read.unit = text_of(field.body);
        else if (field.number == (uint32_t)read.data && field.start >= since)
            metric_kind_read(&read, field.body);
    }
    return read;
}

static void number_value_read(weir_otlp_point *point, const weir_otlp_field *field)
{
    if (field->number == 4) {
        point->value_type = WEIR_OTLP_POINT_DOUBLE;
        point->value_double = double_of(field->value);
        point->value_int = 0;
    } else if (field->number == 6) {
        point->value_type = WEIR_OTLP_POINT_INT;
        point->value_int = (int64_t)field->value;
        point->value_double = 0;
    }
}

weir_otlp_point weir_otlp_point_read(weir_bytes point, weir_otlp_metric_data data)
{
    const bool is_number = data == WEIR_OTLP_GAUGE || data == WEIR_OTLP_SUM;
    const bool is_histogram = data == WEIR_OTLP_HISTOGRAM || data == WEIR_OTLP_EXPONENTIAL_HISTOGRAM;
    const uint32_t flags = is_histogram ? 10 : 8;
    weir_otlp_point read = {0};
    const uint8_t *at = point.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(point), &field);) {
        if (field.number == 2)
            read.start_ns = field.value;
        else if (field.number == 3)
            read.time_ns = field.value;
        else if (field.number == flags)
            read.flags = (uint32_t)field.value;
        else if (is_number)
            number_value_read(&read, &field);
        else if (field.number == 4)
            read.count = field.value;
        else if (field.number == 5)
            read.sum = double_of(field.value);
    }
    return read;
}
