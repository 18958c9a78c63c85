/* SPDX-License-Identifier: Apache-2.0
 *
 * What protobuf-c makes of a request, for comparison with our own reading.
 *
 * protobuf-c does not merge repeated singular messages as protobuf prescribes (it loses scalars of the earlier one, and
 * fails on two empty oneofs), it refuses groups, and its strings end at a NUL. So requests are first brought into a
 * normal form by a small reader of its own, in which each singular message stands once, replaced members of a oneof and
 * groups are gone.
 */
#ifndef WEIR_TESTS_OTLP_ORACLE_H
#define WEIR_TESTS_OTLP_ORACLE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "core/text.h"
#include "otlp/validate.h"

/* NULL if protobuf-c does not take it. Free with protobuf_c_message_free_unpacked. */
ProtobufCMessage *oracle_parse_raw(weir_otlp_kind kind, const uint8_t *data, size_t len);
/* The normal form parsed; the bytes must be valid. */
ProtobufCMessage *oracle_parse(weir_otlp_kind kind, const uint8_t *data, size_t len);

/* protobuf-c's own serialization, appended to `out`. */
void oracle_pack(const ProtobufCMessage *message, weir_buffer *out);

/* Takes items away as `keep` says (by index), and with them what has lost all its items. */
void oracle_filter(weir_otlp_kind kind, ProtobufCMessage *request, bool (*keep)(void *context, uint32_t index),
                   void *context);

/* Everything the views show, as text, read by protobuf-c and read by the views. */
void oracle_describe(weir_otlp_kind kind, const ProtobufCMessage *request, weir_buffer *out);
void view_describe(weir_otlp_kind kind, const uint8_t *data, size_t len, weir_buffer *out);

#endif
