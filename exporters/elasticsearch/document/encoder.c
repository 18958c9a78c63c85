/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/document/mode.h"

static const char *const mode_names[ES_MODES] = {
    [ES_MODE_OTEL] = "otel", [ES_MODE_ECS] = "ecs",         [ES_MODE_NONE] = "none",
    [ES_MODE_RAW] = "raw",   [ES_MODE_BODYMAP] = "bodymap",
};

static const es_mode_ops *const mode_ops[ES_MODES] = {
    [ES_MODE_OTEL] = &es_mode_otel, [ES_MODE_ECS] = &es_mode_ecs,         [ES_MODE_NONE] = &es_mode_none,
    [ES_MODE_RAW] = &es_mode_none,  [ES_MODE_BODYMAP] = &es_mode_bodymap,
};

struct es_encoder {
    es_context context;
    bool is_entered;
    void *states[ES_MODES]; /* NULL until the mode is entered */
};

const char *es_mode_name(es_mode mode)
{
    WEIR_ASSERT(mode < ES_MODES);
    return mode_names[mode];
}

bool es_mode_find(weir_text name, es_mode *ret_mode)
{
    if (name.len == 0 || weir_text_equal_nocase(name, WEIR_TEXT("no"))) {
        *ret_mode = ES_MODE_NONE;
        return true;
    }
    for (int mode = 0; mode < ES_MODES; mode++) {
        if (weir_text_equal_nocase(name, weir_text_of(mode_names[mode]))) {
            *ret_mode = (es_mode)mode;
            return true;
        }
    }
    return false;
}

es_encoder *es_encoder_new(void)
{
    return WEIR_NEW(es_encoder);
}

void es_encoder_free(es_encoder *encoder)
{
    for (int mode = 0; encoder && mode < ES_MODES; mode++) {
        if (encoder->states[mode])
            mode_ops[mode]->state_free(encoder->states[mode]);
    }
    free(encoder);
}

static bool is_same(weir_bytes a, weir_bytes b)
{
    return a.data == b.data && a.len == b.len;
}

void es_encoder_enter(es_encoder *encoder, es_mode mode, weir_bytes resource, weir_bytes scope)
{
    es_context *context = &encoder->context;
    if (encoder->is_entered && context->mode == mode && is_same(context->resource, resource) &&
        is_same(context->scope, scope))
        return;
    *context = (es_context){mode, resource, scope};
    encoder->is_entered = true;
    if (!encoder->states[mode])
        encoder->states[mode] = mode_ops[mode]->state_new(mode);
    mode_ops[mode]->enter(encoder->states[mode], context);
}

void es_encoder_leave(es_encoder *encoder)
{
    encoder->is_entered = false;
}

bool es_encode_log(es_encoder *encoder, weir_bytes record, const es_target *target, weir_buffer *out,
                   weir_error *ret_error)
{
    es_mode mode = encoder->context.mode;
    WEIR_ASSERT(encoder->is_entered);
    return mode_ops[mode]->log(encoder->states[mode], &encoder->context, record, target, out, ret_error);
}

bool es_encode_span(es_encoder *encoder, weir_bytes span, const es_target *target, weir_buffer *out,
                    weir_error *ret_error)
{
    es_mode mode = encoder->context.mode;
    WEIR_ASSERT(encoder->is_entered);
    return mode_ops[mode]->span(encoder->states[mode], &encoder->context, span, target, out, ret_error);
}

bool es_mode_has_event_documents(es_mode mode)
{
    return mode_ops[mode]->span_event != NULL;
}

void es_encode_span_event(es_encoder *encoder, weir_bytes span, weir_bytes event, const es_target *target,
                          weir_buffer *out)
{
    es_mode mode = encoder->context.mode;
    WEIR_ASSERT(encoder->is_entered && mode_ops[mode]->span_event);
    mode_ops[mode]->span_event(encoder->states[mode], &encoder->context, span, event, target, out);
}
