/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunk that a rewrite fills. Inside the room only.
 *
 * Once memory has run out the writer stays `failed` and ignores what follows, so that one check at the end is enough.
 */
#ifndef WEIR_OTLP_WRITER_H
#define WEIR_OTLP_WRITER_H

#include <stdbool.h>

#include "core/slice.h"
#include "core/text.h"

typedef struct weir_otlp_writer {
    weir_account *account; /* may be NULL */
    weir_chunk *chunk;     /* NULL before the first byte */
    size_t len;
    bool failed;
} weir_otlp_writer;

/* Room for `len` more bytes in all, so that the chunk is not moved while they are written. */
void weir_otlp__writer_reserve(weir_otlp_writer *writer, size_t len);
void weir_otlp__writer_append(weir_otlp_writer *writer, const uint8_t *bytes, size_t len);
void weir_otlp__writer_varint(weir_otlp_writer *writer, uint64_t value);
/* A length-delimited field. */
void weir_otlp__writer_field(weir_otlp_writer *writer, uint32_t number, weir_bytes body);

/* A length-delimited field whose body is written next: tag, and room for the length. */
typedef struct weir_otlp_open {
    size_t field; /* where its tag is */
    size_t length;
    size_t body;
} weir_otlp_open;
/* `body_len` is a guess; the nearer, the less is moved at the end. */
weir_otlp_open weir_otlp__writer_open(weir_otlp_writer *writer, uint32_t number, size_t body_len);
/* Sets the length to what has been written since. */
void weir_otlp__writer_close(weir_otlp_writer *writer, weir_otlp_open open);

/* Gives the chunk, cut to what was written; NULL after a failure. Leaves the writer empty. */
weir_chunk *weir_otlp__writer_take(weir_otlp_writer *writer);
void weir_otlp__writer_done(weir_otlp_writer *writer);

#endif
