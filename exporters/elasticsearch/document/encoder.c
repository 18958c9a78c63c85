/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/document/memory_kept.h"
#include "exporters/elasticsearch/document/mode.h"
#include "otlp/wire.h"

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
    weir_bytes resource; /* as it was entered */
    weir_buffer without_scopes;
    bool is_entered;
    bool has_parent; /* the next is of what was entered */
    es_parent parent;
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
    if (encoder)
        weir_buffer_done(&encoder->without_scopes);
    free(encoder);
}

static bool is_same(weir_bytes a, weir_bytes b)
{
    return a.data == b.data && a.len == b.len;
}

/* The resource and schema_url of a ResourceSpans or ResourceLogs. Its scopes may be many, and who reads the resource for
 * each of them would step over all of them each time. */
static void copy_without_scopes(weir_bytes entry, weir_buffer *out)
{
    enum { RESOURCE = 1, SCHEMA_URL = 3 };
    const uint8_t *at = entry.data, *start = at;
    out->len = 0;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(entry), &field); start = at) {
        if (field.number == RESOURCE || field.number == SCHEMA_URL)
            weir_buffer_append(out, start, (size_t)(at - start));
    }
}

void es_encoder_enter(es_encoder *encoder, es_mode mode, weir_bytes resource, weir_bytes scope)
{
    es_context *context = &encoder->context;
    const bool has_resource = encoder->is_entered && is_same(encoder->resource, resource);
    if (has_resource && context->mode == mode && is_same(context->scope, scope))
        return;
    if (!has_resource)
        copy_without_scopes(resource, &encoder->without_scopes);
    encoder->resource = resource;
    *context = (es_context){mode, {encoder->without_scopes.data, encoder->without_scopes.len}, scope};
    encoder->is_entered = true;
    encoder->has_parent = false;
    if (!encoder->states[mode])
        encoder->states[mode] = mode_ops[mode]->state_new(mode);
    mode_ops[mode]->enter(encoder->states[mode], context);
}

void es_encoder_leave(es_encoder *encoder)
{
    encoder->is_entered = false;
    encoder->has_parent = false;
    es_buffer_give_back(&encoder->without_scopes);
    for (int mode = 0; mode < ES_MODES; mode++) {
        if (encoder->states[mode])
            mode_ops[mode]->leave(encoder->states[mode]);
    }
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

static es_parent parent_of(weir_bytes body)
{
    weir_otlp_value value;
    es_parent parent = {.body = body, .span = weir_otlp_span_read(body)};
    parent.has_transaction = weir_otlp_attribute_find(weir_otlp_walk_in(body, WEIR_OTLP_SPAN_ATTRIBUTES),
                                                      WEIR_TEXT("transaction.id"), &value);
    if (parent.has_transaction && value.type == WEIR_OTLP_STRING)
        parent.transaction = value.string;
    return parent;
}

void es_encode_span_event(es_encoder *encoder, weir_bytes span, weir_bytes event, const es_target *target,
                          weir_buffer *out)
{
    es_mode mode = encoder->context.mode;
    WEIR_ASSERT(encoder->is_entered && mode_ops[mode]->span_event);
    if (!encoder->has_parent || !is_same(encoder->parent.body, span))
        encoder->parent = parent_of(span);
    encoder->has_parent = true;
    mode_ops[mode]->span_event(encoder->states[mode], &encoder->context, &encoder->parent, event, target, out);
}
