/* SPDX-License-Identifier: Apache-2.0
 *
 * The mode bodymap: a log record's body is the document, and nothing else of the record is in it.
 */
#include <stdlib.h>

#include "exporters/elasticsearch/document/json.h"
#include "exporters/elasticsearch/document/mode.h"

static void *state_new(es_mode mode)
{
    (void)mode;
    es_json *json = WEIR_NEW(es_json);
    es_json_init(json);
    return json;
}

static void state_free(void *state)
{
    es_json_done(state);
    free(state);
}

static void enter(void *state, const es_context *context)
{
    (void)state;
    (void)context; /* neither resource nor scope are in the documents */
}

static void leave(void *state)
{
    es_json_give_back(state);
}

static bool write_log(void *state, const es_context *context, weir_bytes record, const es_target *target,
                      weir_buffer *out, weir_error *ret_error)
{
    enum { BODY = 5 };
    (void)context;
    (void)target;
    const weir_otlp_value body = weir_otlp_value_in(record, BODY);
    if (body.type != WEIR_OTLP_MAP) {
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED,
                       "the body of the log record is not a map, which the mapping mode bodymap needs");
        return false;
    }
    es_json *json = state;
    es_json_begin(json, out);
    es_json_document(json, &body);
    return true;
}

static bool write_span(void *state, const es_context *context, weir_bytes span, const es_target *target,
                       weir_buffer *out, weir_error *ret_error)
{
    (void)state;
    (void)context;
    (void)span;
    (void)target;
    (void)out;
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED, "spans have no form in the mapping mode bodymap");
    return false;
}

const es_mode_ops es_mode_bodymap = {
    .state_new = state_new,
    .state_free = state_free,
    .enter = enter,
    .log = write_log,
    .span = write_span,
    .leave = leave,
};
