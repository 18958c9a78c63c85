/* SPDX-License-Identifier: Apache-2.0
 *
 * How one mapping mode writes its documents; inside this folder only. encoder.c keeps what all modes share.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_MODE_H
#define WEIR_EXPORTERS_ELASTICSEARCH_MODE_H

#include "exporters/elasticsearch/document/document.h"

/* What the documents are of. */
typedef struct es_context {
    es_mode mode;
    weir_bytes resource; /* what was given to es_encoder_enter, but without the scopes in it */
    weir_bytes scope;    /* ... as it was given */
} es_context;

/* The span that events are of: read once, however many there are. */
typedef struct es_parent {
    weir_bytes body;
    weir_otlp_span span;
    bool has_transaction;  /* it has the attribute transaction.id */
    weir_text transaction; /* ... with this text; empty if it is no string */
} es_parent;

/* Each mode has a state of its own in the encoder: made when the mode is first entered, kept until the end. */
typedef struct es_mode_ops {
    void *(*state_new)(es_mode mode);
    void (*state_free)(void *state);
    /* Resource or scope are others than before: make what their documents have in common. */
    void (*enter)(void *state, const es_context *context);
    bool (*log)(void *state, const es_context *context, weir_bytes record, const es_target *target, weir_buffer *out,
                weir_error *ret_error);
    bool (*span)(void *state, const es_context *context, weir_bytes span, const es_target *target, weir_buffer *out,
                 weir_error *ret_error);
    /* NULL: events are in the span's document. */
    void (*span_event)(void *state, const es_context *context, const es_parent *parent, weir_bytes event,
                       const es_target *target, weir_buffer *out);
    /* Nothing is entered any more: gives back what is more memory than usual documents take (memory_kept.h). */
    void (*leave)(void *state);
} es_mode_ops;

extern const es_mode_ops es_mode_otel;    /* otel.c */
extern const es_mode_ops es_mode_ecs;     /* ecs.c */
extern const es_mode_ops es_mode_none;    /* none.c; also raw, which is the same without prefixes */
extern const es_mode_ops es_mode_bodymap; /* bodymap.c */

#endif
