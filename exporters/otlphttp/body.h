/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a request before compression: the slices as they are (protobuf), or translated (JSON). JSON is some times
 * as long as what it is made of, 16 times at worst. It is made in pieces, charged to the memory account even past its
 * limit: what has been admitted can always be sent. sending_queue.num_consumers bounds how many there are.
 */
#ifndef WEIR_EXPORTERS_OTLPHTTP_BODY_H
#define WEIR_EXPORTERS_OTLPHTTP_BODY_H

#include <sys/uio.h>

#include "exporters/sender/sender.h"

/* Zero-initialise it to start. */
typedef struct otlphttp_body {
    struct iovec *parts; /* into the slices, or into the pieces */
    size_t part_count, part_capacity;
    weir_chunk **pieces; /* of JSON, one for each part; NULL for protobuf */
} otlphttp_body;

/* The slices of `push`, which must outlive the body. */
void otlphttp_body_of_protobuf(otlphttp_body *body, const weir_push *push);

/* The same as one JSON object. */
void otlphttp_body_of_json(otlphttp_body *body, const weir_push *push, weir_account *account);

void otlphttp_body_done(otlphttp_body *body);

#endif
