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
    weir_bytes resource, scope; /* the bodies given to es_encoder_enter */
} es_context;

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
    void (*span_event)(void *state, const es_context *context, weir_bytes span, weir_bytes event,
                       const es_target *target, weir_buffer *out);
} es_mode_ops;

extern const es_mode_ops es_mode_otel;    /* otel.c */
extern const es_mode_ops es_mode_ecs;     /* ecs.c */
extern const es_mode_ops es_mode_none;    /* none.c; also raw, which is the same without prefixes */
extern const es_mode_ops es_mode_bodymap; /* bodymap.c */

#endif
