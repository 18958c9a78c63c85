/* SPDX-License-Identifier: Apache-2.0
 *
 * What a message of weir's carries besides the telemetry: which slices it is made of, so that an item keeps its
 * identity on its way through Kafka however often it is read.
 *
 * The header WEIR_KAFKA_SLICES_HEADER holds a version and, for each slice in the order of the message's bytes: its id,
 * its length in bytes, the number of its items, and which ordinals are kept (all, or delta-coded). The layout is in
 * docs/kafka.md. Other readers ignore it.
 *
 * A message without it (of the Collector, say) is one slice, whose id is made of where it lies: the cluster, the topic,
 * the partition, the offset, and the message's timestamp, which tells a topic from one of the same name that was
 * deleted before it.
 */
#ifndef WEIR_KAFKA_ENVELOPE_H
#define WEIR_KAFKA_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/text.h"
#include "otlp/validate.h"

#define WEIR_KAFKA_SLICES_HEADER "weir.slices"

/* Appends the header's value to `out`: what is said about `slices` (borrowed; each has items, as those of
 * weir_otlp_scatter's groups do), which are the message's in this order. With `without_lengths` the bytes of the message
 * are not the slices' own (it is JSON): the reader cuts by items instead. Any thread. */
void weir_kafka_envelope_write(const weir_slice *slices, uint32_t count, bool without_lengths, weir_buffer *out);

/* Where a message lies. */
typedef struct weir_kafka_place {
    weir_text cluster_id; /* {NULL, 0}: not known */
    weir_text topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
} weir_kafka_place;

/* Makes the slices of a message in wire form: `request`, which `chunk` keeps, and of which each slice takes a reference;
 * nothing is copied, unless the header says no lengths and several slices, which are then cut into chunks of their own,
 * charged to the account of `chunk`. Every slice is validated. `header` is the value of WEIR_KAFKA_SLICES_HEADER,
 * {NULL, 0} if the message has none. A header that does not fit the bytes is treated as absent, and `*ret_is_misfit` is
 * set: what the message holds counts, not what is said about it. What the header says is checked against the bytes before
 * any memory is taken for it.
 * Gives an array of `*ret_count` slices (at least 1; one alone may be without items; weir_slice_done each, free() the
 * array). WEIR_INVALID: the request is no OTLP; nothing was given. WEIR_NO_MEMORY: cutting needed memory and there was
 * none; the same message may be read again later. Any thread. */
WEIR_MUST_USE weir_status weir_kafka_envelope_read(weir_otlp_kind kind, weir_chunk *chunk, weir_bytes request,
                                                   weir_bytes header, const weir_kafka_place *place,
                                                   weir_slice **ret_slices, uint32_t *ret_count, bool *ret_is_misfit,
                                                   weir_error *ret_error);

#endif
