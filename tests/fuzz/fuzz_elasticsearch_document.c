/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents of arbitrary requests. The first byte chooses logs or traces, and how they are routed. Whatever the validator
 * accepts has in each mode a document that is one line of JSON by the strictest reading (no key twice in an object) and a
 * name that an index can have, or an error that says why not. The encoder and the routers are those of the inputs before,
 * whose bytes are gone by then.
 */
#include "core/assert.h"
#include "core/limits.h"
#include "exporters/elasticsearch/document/control.h"
#include "exporters/elasticsearch/document/stream_name.h"
#include "tests/unit/otlp/strict_json.h"

enum { JSON_DEPTH_MAX = 8 * WEIR_OTLP_NESTING_MAX };

typedef struct run {
    es_encoder *encoder;
    es_router *router;
    es_mode mode;
    weir_otlp_items items;
    weir_buffer out, canonical;
} run;

static void check_document(run *self)
{
    WEIR_ASSERT(self->out.len > 1 && self->out.data[0] == '{' && self->out.data[self->out.len - 1] == '}');
    WEIR_ASSERT(!memchr(self->out.data, '\n', self->out.len));
    self->canonical.len = 0;
    WEIR_ASSERT(strict_json_canonical((weir_bytes){self->out.data, self->out.len}, JSON_DEPTH_MAX, &self->canonical));
}

static void check_error(const run *self, const weir_error *error)
{
    WEIR_ASSERT(self->out.len == 0 && error->class_ == WEIR_ERROR_PERMANENT && error->text[0] != '\0');
    WEIR_ASSERT(weir_utf8_valid((const uint8_t *)error->text, strlen(error->text)));
}

static void check_control(const es_control *control)
{
    weir_error error;
    WEIR_ASSERT(control->is_hidden || es_index_name_check(control->target.index, &error));
}

static const es_target *target_of(const es_control *control)
{
    static const es_target hidden = {.index = {"hidden", 6}};
    return control->is_hidden ? &hidden : &control->target;
}

static void write_events(run *self)
{
    weir_otlp_walk events = weir_otlp_walk_in(self->items.item, WEIR_OTLP_SPAN_EVENTS);
    for (weir_bytes event; weir_otlp_walk_next(&events, &event);) {
        es_control control;
        weir_error error;
        self->out.len = 0;
        if (!es_route_span_event(self->router, self->items.item, event, &control, &error)) {
            check_error(self, &error);
            continue;
        }
        check_control(&control);
        es_encode_span_event(self->encoder, self->items.item, event, target_of(&control), &self->out);
        check_document(self);
    }
}

static void write_item(run *self)
{
    es_control control;
    weir_error error;
    const bool is_log = self->items.kind == WEIR_OTLP_LOGS;
    self->out.len = 0;
    es_encoder_enter(self->encoder, self->mode, self->items.resource, self->items.scope);
    es_router_enter(self->router, self->mode, self->items.resource, self->items.scope);
    if (!(is_log ? es_route_log : es_route_span)(self->router, self->items.item, &control, &error)) {
        check_error(self, &error);
        return;
    }
    check_control(&control);
    if ((is_log ? es_encode_log : es_encode_span)(self->encoder, self->items.item, target_of(&control), &self->out,
                                                  &error))
        check_document(self);
    else
        check_error(self, &error);
    if (!is_log && es_mode_has_event_documents(self->mode))
        write_events(self);
}

static es_encoder *encoder_of_all(void)
{
    static es_encoder *encoder;
    if (!encoder)
        encoder = es_encoder_new();
    return encoder;
}

static es_router *router_of_all(bool is_dated)
{
    static es_router *routers[2];
    const es_routing routing = {.logstash_format = is_dated,
                                .logstash_prefix_separator = "-",
                                .logstash_date_format = "%Y.%m.%d",
                                .logs_dynamic_id = true,
                                .logs_dynamic_pipeline = true};
    if (!routers[is_dated])
        routers[is_dated] = es_router_new(&routing);
    return routers[is_dated];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { KIND_BIT = 1, DATED_BIT = 2 };
    if (size == 0)
        return 0;
    const weir_otlp_kind kind = data[0] & KIND_BIT ? WEIR_OTLP_TRACES : WEIR_OTLP_LOGS;
    const weir_bytes request = {data + 1, size - 1};
    const bool is_dated = (data[0] & DATED_BIT) != 0;
    uint64_t items;
    weir_error error;
    if (weir_otlp_validate(kind, request.data, request.len, &items, &error) != WEIR_OK)
        return 0;
    run self = {.encoder = encoder_of_all(), .router = router_of_all(is_dated)};
    for (self.mode = ES_MODE_OTEL; self.mode < ES_MODES; self.mode++) {
        self.items = weir_otlp_items_of(kind, request);
        while (weir_otlp_items_next(&self.items))
            write_item(&self);
    }
    es_encoder_leave(self.encoder);
    es_router_leave(self.router);
    weir_buffer_done(&self.out);
    weir_buffer_done(&self.canonical);
    return 0;
}
