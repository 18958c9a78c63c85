/* SPDX-License-Identifier: Apache-2.0
 *
 * OTLP/JSON of a protobuf-c tree, by its descriptors and the rules of OTLP/JSON alone: nothing here knows a message.
 */
#ifndef WEIR_TESTS_OTLP_ORACLE_JSON_H
#define WEIR_TESTS_OTLP_ORACLE_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "core/text.h"

/* "trace_id" to "traceId". `ret_name` has room for it and its end. */
void oracle_json_name(const char *proto_name, char *ret_name);
/* A message that pdata writes as {} where it was not sent. */
bool oracle_json_is_always_written(const ProtobufCMessageDescriptor *message, const char *proto_name);

void oracle_json(const ProtobufCMessage *message, weir_buffer *out);

#endif
