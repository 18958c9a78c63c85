/* SPDX-License-Identifier: Apache-2.0
 *
 * Changing validated OTLP slices: untouched ranges are copied as they are, only the lengths around a change are written
 * anew. Fields we do not know pass through.
 *
 * A result is a new slice of its own (weir_slice_done it) with the id of the slice it was made from and with ordinals
 * that still say which of the accepted items are in it. If nothing changed, it refers to the same bytes. New chunks are
 * charged to the account of the old one, past its limit if need be (weir_chunk_new_forced).
 * Status: WEIR_NO_MEMORY if the machine has none; the result is then untouched. Nothing else can go wrong. Any thread.
 */
#ifndef WEIR_OTLP_REWRITE_H
#define WEIR_OTLP_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/text.h"
#include "otlp/view.h"

typedef enum weir_otlp_verdict {
    WEIR_OTLP_KEEP,
    WEIR_OTLP_DROP,    /* a resource or scope goes with all its items */
    WEIR_OTLP_REPLACE, /* `out` holds the message's new bytes */
} weir_otlp_verdict;

/* What to do with each part of a request. A callback that is NULL keeps. `out` is empty before each call; it is only
 * looked at after WEIR_OTLP_REPLACE. */
typedef struct weir_otlp_editor {
    void *context;
    /* `resource`: body of the Resource message (occurrences merged; empty if there is none), before its scopes. */
    weir_otlp_verdict (*on_resource)(void *context, weir_bytes resource, weir_buffer *out);
    /* `scope`: body of the InstrumentationScope message, likewise, before its items. */
    weir_otlp_verdict (*on_scope)(void *context, weir_bytes scope, weir_buffer *out);
    /* The span, log record or data point is `at->item`. What is around it (at->resource …) is shown as it was. */
    weir_otlp_verdict (*on_item)(void *context, const weir_otlp_items *at, weir_buffer *out);
} weir_otlp_editor;

/* Scopes, resources and metrics that lose all their items are dropped too; those that never had any stay. */
WEIR_MUST_USE weir_status weir_otlp_edit(weir_otlp_kind kind, const weir_slice *slice, const weir_otlp_editor *editor,
                                         weir_slice *ret_slice);

/* Keeps the items for which `keep` says true; it is asked once per item, in order. An empty result has no bytes. */
WEIR_MUST_USE weir_status weir_otlp_filter(weir_otlp_kind kind, const weir_slice *slice,
                                           bool (*keep)(void *context, const weir_otlp_items *at), void *context,
                                           weir_slice *ret_slice);

/* Cuts a slice into pieces of at most `items_max` items and `bytes_max` bytes (0: no such limit), in order; an item
 * that is too large even alone comes alone. Resource and scope are repeated in each piece, before the items; those
 * without items are left out. `give` is called for each piece and takes it (weir_slice_done it, even on failure). A
 * slice within the limits comes as itself. On WEIR_NO_MEMORY, or when `give` returns an error (which is returned), the
 * pieces given so far stay given. */
WEIR_MUST_USE weir_status weir_otlp_split(weir_otlp_kind kind, const weir_slice *slice, uint32_t items_max,
                                          size_t bytes_max, weir_status (*give)(void *context, weir_slice *takes),
                                          void *context);

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

void weir_otlp_put_varint(weir_buffer *out, uint64_t value);
/* `wire`: enum weir_otlp_wire of otlp/wire.h. */
void weir_otlp_put_tag(weir_buffer *out, uint32_t number, unsigned wire);
/* Tag, length and bytes: a string, bytes, or a sub-message. */
void weir_otlp_put_bytes(weir_buffer *out, uint32_t number, const void *bytes, size_t len);
/* The body of an AnyValue. Arrays and maps are copied from where `value` was read. */
void weir_otlp_put_value(weir_buffer *out, const weir_otlp_value *value);
/* A whole attribute: field `number` with a KeyValue. */
void weir_otlp_put_attribute(weir_buffer *out, uint32_t number, weir_text key, const weir_otlp_value *value);

/* Appends `message` to `out` with string field `number` set to `text` (in the place of its first occurrence, or at the
 * end); an empty `text` removes it. For a span's trace_state: WEIR_OTLP_SPAN_TRACE_STATE. */
void weir_otlp_set_text(weir_buffer *out, weir_bytes message, uint32_t number, weir_text text);

#endif
