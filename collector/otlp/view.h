/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading validated OTLP bytes where they lie, without allocation.
 *
 * Everything here borrows: a `weir_bytes` or `weir_text` points into the slice and lives as long as its chunk. The
 * bytes must have passed weir_otlp_validate, or have been made by otlp/rewrite.h from bytes that had. Pure functions,
 * any thread.
 *
 * Repetition is read as protobuf's rules say: of a singular scalar the last occurrence counts; occurrences of a
 * singular sub-message merge (their fields read as if written one after the other); a member of a oneof replaces
 * another member before it, and merges with itself.
 *
 *     request ─► entry per resource ─► entry per scope ─► span, log record, or metric ─► data ─► data point
 *                (ResourceSpans …)      (ScopeSpans …)     item                                   item
 */
#ifndef WEIR_OTLP_VIEW_H
#define WEIR_OTLP_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"
#include "otlp/validate.h"

/* Field numbers that callers name. Those of attributes differ from message to message. */
enum {
    WEIR_OTLP_RESOURCE_ATTRIBUTES = 1,
    WEIR_OTLP_SCOPE_ATTRIBUTES = 3,
    WEIR_OTLP_SPAN_TRACE_STATE = 3,
    WEIR_OTLP_SPAN_ATTRIBUTES = 9,
    WEIR_OTLP_SPAN_EVENTS = 11,
    WEIR_OTLP_SPAN_LINKS = 13,
    WEIR_OTLP_EVENT_ATTRIBUTES = 3,
    WEIR_OTLP_LINK_ATTRIBUTES = 4,
    WEIR_OTLP_LOG_ATTRIBUTES = 6,
    WEIR_OTLP_METRIC_METADATA = 12,
};

/* ---- Walking repeated sub-messages ----------------------------------------------------------------------------- */

enum { WEIR_OTLP_WALK_DEPTH_MAX = 3 };

/* A walk over the sub-messages at a path of field numbers, through merging messages on the way. A plain value. */
typedef struct weir_otlp_walk {
    const uint8_t *at[WEIR_OTLP_WALK_DEPTH_MAX];
    const uint8_t *end[WEIR_OTLP_WALK_DEPTH_MAX];
    uint32_t number[WEIR_OTLP_WALK_DEPTH_MAX];
    unsigned depth;       /* of the path */
    unsigned level;       /* where the walk stands now */
    const uint8_t *since; /* sub-messages before this address were replaced by a oneof; NULL: none */
    const uint8_t *start; /* of the tag of the one given last */
} weir_otlp_walk;

/* The sub-messages in field `number` of `message`: spans' events, for example. */
weir_otlp_walk weir_otlp_walk_in(weir_bytes message, uint32_t number);
/* The sub-messages in field `number` of the (merged) sub-message in field `outer` of `message`. */
weir_otlp_walk weir_otlp_walk_within(weir_bytes message, uint32_t outer, uint32_t number);
/* False at the end. */
bool weir_otlp_walk_next(weir_otlp_walk *walk, weir_bytes *ret_message);

/* ---- Items of a request ------------------------------------------------------------------------------------------ */

/* Which member of Metric.data a metric has: its field number. */
typedef enum weir_otlp_metric_data {
    WEIR_OTLP_NO_DATA = 0,
    WEIR_OTLP_GAUGE = 5,
    WEIR_OTLP_SUM = 7,
    WEIR_OTLP_HISTOGRAM = 9,
    WEIR_OTLP_EXPONENTIAL_HISTOGRAM = 10,
    WEIR_OTLP_SUMMARY = 11,
} weir_otlp_metric_data;

/* A walk over the items of a request, in order. After a `next` that was true the public fields say where it stands.
 * A plain value: a copy is a bookmark. */
typedef struct weir_otlp_items {
    weir_otlp_kind kind;
    weir_bytes item;            /* body of a Span, LogRecord or …DataPoint */
    uint32_t index;             /* of the item, from 0 */
    weir_bytes resource;        /* body of the ResourceSpans, ResourceLogs or ResourceMetrics around it */
    weir_bytes scope;           /* body of the ScopeSpans, ScopeLogs or ScopeMetrics around it */
    weir_bytes metric;          /* body of the Metric around it; empty for spans and logs */
    weir_otlp_metric_data data; /* of that metric */

    weir_otlp_walk resources, scopes, metrics, leaves; /* private */
    uint32_t count;
} weir_otlp_items;

weir_otlp_items weir_otlp_items_of(weir_otlp_kind kind, weir_bytes request);
bool weir_otlp_items_next(weir_otlp_items *items);

/* The same for the items of one ResourceSpans (…Logs, …Metrics; `is_resource`) or ScopeSpans (…). */
weir_otlp_items weir_otlp_items_within(weir_otlp_kind kind, bool is_resource, weir_bytes entry);
/* Sets metric and data, and stands before the first data point of `metric`. For walks that find metrics themselves. */
void weir_otlp_items_enter_metric(weir_otlp_items *items, weir_bytes metric);

/* The field number of an item's attributes. `data` matters for metrics only. */
uint32_t weir_otlp_item_attributes(weir_otlp_kind kind, weir_otlp_metric_data data);

/* ---- Values and attributes --------------------------------------------------------------------------------------- */

typedef enum weir_otlp_type {
    WEIR_OTLP_EMPTY = 0, /* AnyValue's field numbers */
    WEIR_OTLP_STRING = 1,
    WEIR_OTLP_BOOL = 2,
    WEIR_OTLP_INT = 3,
    WEIR_OTLP_DOUBLE = 4,
    WEIR_OTLP_ARRAY = 5,
    WEIR_OTLP_MAP = 6,
    WEIR_OTLP_BYTES = 7,
    WEIR_OTLP_STRING_INDEX = 8, /* used in profiles only; `integer` is the index */
} weir_otlp_type;

/* An AnyValue. To write one yourself fill `type` and the field it names (weir_otlp_put_value). */
typedef struct weir_otlp_value {
    weir_otlp_type type;
    union {
        weir_text string;
        weir_bytes bytes;
        bool boolean;
        int64_t integer;
        double number;
    };
    /* Where an array or map lies: AnyValues in field `outer_number` of `outer`, or `outer` itself if that is 0. */
    weir_bytes outer;
    uint32_t outer_number;
    const uint8_t *since;
} weir_otlp_value;

typedef struct weir_otlp_attribute {
    weir_text key;
    weir_otlp_value value;
} weir_otlp_attribute;

/* The AnyValue in field `number` of `message`: 5 of a LogRecord is its body, 2 of a KeyValue its value. Absent:
 * WEIR_OTLP_EMPTY. */
weir_otlp_value weir_otlp_value_in(weir_bytes message, uint32_t number);

/* The elements of an array (read them with weir_otlp_element_next) or of a map (weir_otlp_attribute_next). Other types
 * have none. */
weir_otlp_walk weir_otlp_elements(const weir_otlp_value *value);
bool weir_otlp_element_next(weir_otlp_walk *walk, weir_otlp_value *ret_value);

/* For walks over KeyValues: weir_otlp_walk_in(span, WEIR_OTLP_SPAN_ATTRIBUTES), weir_otlp_resource_attributes(…) … */
bool weir_otlp_attribute_next(weir_otlp_walk *walk, weir_otlp_attribute *ret_attribute);
/* The first attribute with that key. False, result untouched, if there is none. */
bool weir_otlp_attribute_find(weir_otlp_walk walk, weir_text key, weir_otlp_value *ret_value);

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

/* Of a ResourceSpans, ResourceLogs or ResourceMetrics: the attributes of its resource. */
weir_otlp_walk weir_otlp_resource_attributes(weir_bytes resource);
/* Of a ScopeSpans, ScopeLogs or ScopeMetrics: the attributes of its scope. */
weir_otlp_walk weir_otlp_scope_attributes(weir_bytes scope);
/* schema_url of any of those. */
weir_text weir_otlp_schema_url(weir_bytes entry);

typedef struct weir_otlp_scope {
    weir_text name;
    weir_text version;
} weir_otlp_scope;
/* Of a ScopeSpans, ScopeLogs or ScopeMetrics. */
weir_otlp_scope weir_otlp_scope_read(weir_bytes scope);

typedef struct weir_otlp_span {
    weir_bytes trace_id; /* 0 or 16 bytes; ids of spans 0 or 8 */
    weir_bytes span_id;
    weir_bytes parent_span_id;
    weir_text trace_state;
    weir_text name;
    int32_t kind;
    uint64_t start_ns; /* since 1970 */
    uint64_t end_ns;
    uint32_t flags;
    int32_t status_code; /* 0 unset, 1 ok, 2 error */
    weir_text status_message;
    uint32_t dropped_attributes;
    uint32_t dropped_events;
    uint32_t dropped_links;
} weir_otlp_span;
weir_otlp_span weir_otlp_span_read(weir_bytes span);
/* Only the trace id: stops nowhere, decodes nothing else. */
weir_bytes weir_otlp_trace_id(weir_otlp_kind kind, weir_bytes item);

typedef struct weir_otlp_event {
    uint64_t time_ns;
    weir_text name;
    uint32_t dropped_attributes;
} weir_otlp_event;
weir_otlp_event weir_otlp_event_read(weir_bytes event);

typedef struct weir_otlp_link {
    weir_bytes trace_id;
    weir_bytes span_id;
    weir_text trace_state;
    uint32_t flags;
    uint32_t dropped_attributes;
} weir_otlp_link;
weir_otlp_link weir_otlp_link_read(weir_bytes link);

typedef struct weir_otlp_log {
    uint64_t time_ns;
    uint64_t observed_ns;
    int32_t severity_number;
    weir_text severity_text;
    weir_otlp_value body;
    uint32_t flags;
    weir_bytes trace_id;
    weir_bytes span_id;
    weir_text event_name;
    uint32_t dropped_attributes;
} weir_otlp_log;
weir_otlp_log weir_otlp_log_read(weir_bytes record);

typedef struct weir_otlp_metric {
    weir_text name;
    weir_text description;
    weir_text unit;
    weir_otlp_metric_data data;
    int32_t temporality; /* of sums and histograms: 0 unspecified, 1 delta, 2 cumulative */
    bool monotonic;      /* of sums */
} weir_otlp_metric;
weir_otlp_metric weir_otlp_metric_read(weir_bytes metric);

/* What all data points have; `value_…` are set for points of gauges and sums only. */
typedef struct weir_otlp_point {
    uint64_t start_ns;
    uint64_t time_ns;
    uint32_t flags;
    enum { WEIR_OTLP_POINT_NONE, WEIR_OTLP_POINT_DOUBLE, WEIR_OTLP_POINT_INT } value_type;
    double value_double;
    int64_t value_int;
    uint64_t count; /* of histograms and summaries */
    double sum;
} weir_otlp_point;
weir_otlp_point weir_otlp_point_read(weir_bytes point, weir_otlp_metric_data data);

#endif
