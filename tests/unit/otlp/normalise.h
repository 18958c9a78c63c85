/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_OTLP_NORMALISE_H
#define WEIR_TESTS_OTLP_NORMALISE_H

#include <protobuf-c/protobuf-c.h>

#include "core/text.h"

/* Appends the normal form (see oracle.h) of a valid message of `type`. */
void normalise(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len, weir_buffer *out);

#endif
