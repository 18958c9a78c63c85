/* SPDX-License-Identifier: Apache-2.0
 *
 * Random OTLP requests, made from protobuf-c's descriptors byte by byte, so that they show what serializers hardly ever
 * write but parsers must read: unknown fields, over-long numbers, repeated singular fields, any order, empty messages.
 */
#ifndef WEIR_TESTS_OTLP_GENERATOR_H
#define WEIR_TESTS_OTLP_GENERATOR_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/slice.h"
#include "core/text.h"
#include "otlp/validate.h"

typedef struct generator {
    uint64_t state; /* of the random numbers; the seed to begin with */
    bool tame;      /* as an SDK writes it: singular fields at most once, nothing over-long or unknown */
} generator;

uint64_t generator_below(generator *self, uint64_t limit);

const ProtobufCMessageDescriptor *generator_request(weir_otlp_kind kind);

/* Appends a request. */
void generator_make(generator *self, weir_otlp_kind kind, weir_buffer *out);

/* A slice over a copy of `request`, its items counted by weir_otlp_validate, which must accept it. */
weir_slice generator_slice(weir_otlp_kind kind, const weir_buffer *request);

#endif
