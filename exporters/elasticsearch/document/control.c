/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/control.h"

#include <math.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/decimal.h"
#include "exporters/elasticsearch/document/control_name.h"
#include "exporters/elasticsearch/document/date_format.h"
#include "exporters/elasticsearch/document/json.h"
#include "exporters/elasticsearch/document/memory_kept.h"
#include "exporters/elasticsearch/document/stream_name.h"
#include "otlp/wire.h"

/* The texts of listed attributes; {NULL, 0} if absent or empty. */
typedef struct listed {
    weir_text texts[ES_CONTROL_NAMES];
    weir_buffer made[ES_CONTROL_NAMES]; /* of values that are no strings */
    bool is_hidden;
} listed;

/* What is routed: each goes to data streams of its own. */
typedef enum routed { ROUTED_LOG, ROUTED_SPAN, ROUTED_EVENT, ROUTED_KINDS } routed;

/* Where documents go by one set of attributes. */
typedef struct place {
    bool is_made; /* the rest is set */
    bool is_allowed;
    weir_error error; /* if it is not allowed */
    es_target target;
    weir_buffer text; /* the parts of the data stream, then its name */
} place;

struct es_router {
    es_routing routing;
    bool is_entered;
    es_mode mode;
    weir_bytes resource, scope;
    listed of_scope, of_resource, of_item;
    weir_text scope_dataset;    /* of scopes and resources that name none; NULL: not looked for yet */
    weir_buffer application;    /* dataset of events in ecs; empty: likewise */
    place around[ROUTED_KINDS]; /* of items that say nothing themselves */
    place own;                  /* of one that does */
    es_json json;
    uint64_t date_step_ns, date_step; /* `date` is that of the times from date_step * date_step_ns on */
    weir_buffer date, dated;
};

static void listed_done(listed *self)
{
    for (int name = 0; name < ES_CONTROL_NAMES; name++)
        weir_buffer_done(&self->made[name]);
}

static void listed_give_back(listed *self)
{
    for (int name = 0; name < ES_CONTROL_NAMES; name++)
        es_buffer_give_back(&self->made[name]);
}

es_router *es_router_new(const es_routing *routing)
{
    es_router *self = WEIR_NEW(es_router);
    weir_error error;
    self->routing = *routing;
    self->date_step = UINT64_MAX;
    es_json_init(&self->json);
    if (routing->logstash_format) {
        const bool is_checked = es_date_format_check(routing->logstash_date_format, &self->date_step_ns, &error);
        WEIR_ASSERT(is_checked && routing->logstash_prefix_separator);
    }
    return self;
}

void es_router_free(es_router *self)
{
    if (!self)
        return;
    listed_done(&self->of_scope);
    listed_done(&self->of_resource);
    listed_done(&self->of_item);
    for (int kind = 0; kind < ROUTED_KINDS; kind++)
        weir_buffer_done(&self->around[kind].text);
    weir_buffer_done(&self->own.text);
    weir_buffer_done(&self->application);
    es_json_done(&self->json);
    weir_buffer_done(&self->date);
    weir_buffer_done(&self->dated);
    free(self);
}

/* ---- Reading attributes ------------------------------------------------------------------------------------------ */

/* As pdata's Value.AsString: doubles as JavaScript writes them. */
static void append_double(weir_buffer *out, double number)
{
    enum { EXPONENT_DIGITS = 1 };
    if (isfinite(number))
        out->len += weir_double_write((char *)weir_buffer_reserve(out, WEIR_DOUBLE_TEXT_MAX), number, EXPONENT_DIGITS);
    else
        weir_buffer_append_text(out, isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
}

/* Into a buffer that lives as long as what was read. Arrays and maps as JSON. */
static weir_text text_of_other(es_json *json, const weir_otlp_value *value, weir_buffer *out)
{
    out->len = 0;
    if (value->type == WEIR_OTLP_DOUBLE) {
        append_double(out, value->number);
    } else if (value->type != WEIR_OTLP_EMPTY) {
        es_json_begin(json, out);
        es_json_value(json, value);
    }
    const bool is_quoted = out->len >= 2 && out->data[0] == '"';
    return is_quoted ? (weir_text){(const char *)out->data + 1, out->len - 2}
                     : (weir_text){(const char *)out->data, out->len};
}

static bool has_no_index_hint(const weir_otlp_value *hints)
{
    weir_otlp_value hint;
    if (hints->type != WEIR_OTLP_ARRAY)
        return false;
    for (weir_otlp_walk walk = weir_otlp_elements(hints); weir_otlp_element_next(&walk, &hint);)
        if (hint.type == WEIR_OTLP_STRING && weir_text_is(hint.string, "_noindex"))
            return true;
    return false;
}

/* The last occurrence counts, as everywhere on the wire. */
static weir_text key_of(weir_bytes key_value)
{
    weir_text key = {NULL, 0};
    const uint8_t *at = key_value.data;
    for (weir_otlp_field field; weir_otlp_field_next(&at, weir_otlp_end(key_value), &field);)
        if (field.number == 1)
            key = (weir_text){(const char *)field.body.data, field.body.len};
    return key;
}

static void take(es_router *self, listed *into, es_control_name name, weir_bytes key_value)
{
    enum { VALUE = 2 };
    const weir_otlp_value value = weir_otlp_value_in(key_value, VALUE);
    if (name == ES_CONTROL_MAPPING_HINTS)
        into->is_hidden = into->is_hidden || has_no_index_hint(&value);
    else if (into->texts[name].len == 0 && value.type == WEIR_OTLP_STRING)
        into->texts[name] = value.string;
    else if (into->texts[name].len == 0)
        into->texts[name] = text_of_other(&self->json, &value, &into->made[name]);
}

/* One walk, which reads no values but those listed. Returns whether there were any. */
static bool read_listed(es_router *self, listed *into, weir_otlp_walk attributes)
{
    bool has_any = false;
    for (int name = 0; name < ES_CONTROL_NAMES; name++)
        into->texts[name] = (weir_text){NULL, 0};
    into->is_hidden = false;
    for (weir_bytes key_value; weir_otlp_walk_next(&attributes, &key_value);) {
        const es_control_name name = es_control_name_of(key_of(key_value));
        if (name == ES_CONTROL_NONE)
            continue;
        has_any = true;
        take(self, into, name, key_value);
    }
    return has_any;
}

void es_router_enter(es_router *self, es_mode mode, weir_bytes resource, weir_bytes scope)
{
    const bool has_resource =
        self->is_entered && self->resource.data == resource.data && self->resource.len == resource.len;
    const bool has_scope = self->is_entered && self->scope.data == scope.data && self->scope.len == scope.len;
    if (has_resource && has_scope && self->mode == mode)
        return;
    if (!has_resource) {
        read_listed(self, &self->of_resource, weir_otlp_resource_attributes(resource));
        self->application.len = 0;
    }
    if (!has_scope) {
        read_listed(self, &self->of_scope, weir_otlp_scope_attributes(scope));
        self->scope_dataset = (weir_text){NULL, 0};
    }
    self->is_entered = true;
    self->mode = mode;
    self->resource = resource;
    self->scope = scope;
    for (int kind = 0; kind < ROUTED_KINDS; kind++)
        self->around[kind].is_made = false;
}

void es_router_leave(es_router *self)
{
    self->is_entered = false;
    listed_give_back(&self->of_scope);
    listed_give_back(&self->of_resource);
    listed_give_back(&self->of_item);
    es_json_give_back(&self->json);
    es_buffer_give_back(&self->application);
    es_buffer_give_back(&self->dated);
}

weir_text es_scope_mode(weir_bytes scope)
{
    weir_otlp_value value;
    if (!weir_otlp_attribute_find(weir_otlp_scope_attributes(scope), WEIR_TEXT("elastic.mapping.mode"), &value))
        return (weir_text){NULL, 0};
    /* No mode has such a name: it is refused as any other that is none. */
    if (value.type != WEIR_OTLP_STRING)
        return WEIR_TEXT("(not a string)");
    return value.string.len > 0 ? value.string : WEIR_TEXT("");
}

/* ---- Where to ---------------------------------------------------------------------------------------------------- */

/* `item` is NULL for the place of items that say nothing. */
static weir_text first_of(const es_router *self, const listed *item, es_control_name name, const char *otherwise)
{
    if (item && item->texts[name].len > 0)
        return item->texts[name];
    if (self->of_scope.texts[name].len > 0)
        return self->of_scope.texts[name];
    if (self->of_resource.texts[name].len > 0)
        return self->of_resource.texts[name];
    return weir_text_of(otherwise);
}

static weir_text find_scope_dataset(const es_router *self)
{
    const weir_text scope_name = weir_otlp_scope_read(self->scope).name;
    if (es_scope_is_of_collector(scope_name))
        return WEIR_TEXT("collectortelemetry");
    weir_otlp_value format;
    if (weir_otlp_attribute_find(weir_otlp_scope_attributes(self->scope), WEIR_TEXT("encoding.format"), &format) &&
        format.type == WEIR_OTLP_STRING && format.string.len > 0)
        return format.string;
    const weir_text component = es_stream_dataset_of_scope(scope_name);
    return component.len > 0 ? component : WEIR_TEXT("generic");
}

/* The scope's own is found once: its name and attributes stand among all of its items. */
static weir_text dataset_of(es_router *self, const listed *item)
{
    const weir_text said = first_of(self, item, ES_CONTROL_STREAM_DATASET, "");
    if (said.len > 0)
        return said;
    if (!self->scope_dataset.data)
        self->scope_dataset = find_scope_dataset(self);
    return self->scope_dataset;
}

/* "TYPE-DATASET-NAMESPACE" in the text of `to`; the parts are parts of it. */
static void make_stream(place *to, weir_text type, weir_text dataset, const char *suffix, weir_text name_space)
{
    weir_buffer *text = &to->text;
    text->len = 0;
    weir_buffer_append(text, type.data, type.len);
    weir_buffer_append_byte(text, '-');
    const size_t dataset_start = text->len;
    es_stream_part_append(ES_PART_DATASET, dataset, suffix, text);
    const size_t dataset_end = text->len;
    weir_buffer_append_byte(text, '-');
    es_stream_part_append(ES_PART_NAMESPACE, name_space, "", text);
    const char *start = (const char *)text->data;
    to->target = (es_target){
        .index = {start, text->len},
        .type = {start, type.len},
        .dataset = {start + dataset_start, dataset_end - dataset_start},
        .name_space = {start + dataset_end + 1, text->len - dataset_end - 1},
    };
    to->is_allowed = true;
}

static void make_stream_of(es_router *self, place *to, routed kind, const listed *item)
{
    weir_text type = kind == ROUTED_SPAN ? WEIR_TEXT("traces") : WEIR_TEXT("logs");
    if (self->mode == ES_MODE_BODYMAP) {
        type = first_of(self, item, ES_CONTROL_STREAM_TYPE, kind == ROUTED_SPAN ? "traces" : "logs");
        if (!weir_text_is(type, "logs") && !weir_text_is(type, "metrics")) {
            weir_error_set(&to->error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                           "data_stream.type must be logs or metrics in the mapping mode bodymap");
            to->is_allowed = false;
            return;
        }
    }
    make_stream(to, type, dataset_of(self, item), self->mode == ES_MODE_OTEL ? ".otel" : "",
                first_of(self, item, ES_CONTROL_STREAM_NAMESPACE, "default"));
}

static const char *index_of_configuration(const es_router *self, routed kind)
{
    const char *index = kind == ROUTED_SPAN ? self->routing.traces_index : self->routing.logs_index;
    return index ? index : "";
}

static void make_place(es_router *self, place *to, routed kind, const listed *item)
{
    to->is_made = true;
    weir_text index = weir_text_of(index_of_configuration(self, kind));
    if (index.len == 0)
        index = first_of(self, item, ES_CONTROL_INDEX, "");
    if (index.len > 0) {
        to->target = (es_target){.index = index};
        to->is_allowed = es_index_name_check(index, &to->error);
    } else {
        make_stream_of(self, to, kind, item);
    }
}

static bool says_where(const listed *item)
{
    return item->texts[ES_CONTROL_INDEX].len > 0 || item->texts[ES_CONTROL_STREAM_TYPE].len > 0 ||
           item->texts[ES_CONTROL_STREAM_DATASET].len > 0 || item->texts[ES_CONTROL_STREAM_NAMESPACE].len > 0;
}

static const place *place_of(es_router *self, routed kind)
{
    if (says_where(&self->of_item)) {
        make_place(self, &self->own, kind, &self->of_item);
        return &self->own;
    }
    if (!self->around[kind].is_made)
        make_place(self, &self->around[kind], kind, NULL);
    return &self->around[kind];
}

/* ---- Dates ------------------------------------------------------------------------------------------------------- */

/* Puts the date behind the index of `target`, which is then no data stream. */
static bool put_date(es_router *self, es_target *target, uint64_t time_ns, weir_error *ret_error)
{
    time_ns = time_ns < INT64_MAX ? time_ns : INT64_MAX; /* as in the document */
    const uint64_t step = time_ns / self->date_step_ns;
    if (step != self->date_step) {
        self->date.len = 0;
        weir_buffer_append_text(&self->date, self->routing.logstash_prefix_separator);
        es_date_format_write(self->routing.logstash_date_format, time_ns, &self->date);
        self->date_step = step;
    }
    self->dated.len = 0;
    weir_buffer_append(&self->dated, target->index.data, target->index.len);
    weir_buffer_append(&self->dated, self->date.data, self->date.len);
    *target = (es_target){.index = {(const char *)self->dated.data, self->dated.len}};
    return es_index_name_check(target->index, ret_error);
}

static uint64_t time_of_log(weir_bytes record)
{
    const weir_otlp_log log = weir_otlp_log_read(record);
    return log.time_ns ? log.time_ns : log.observed_ns;
}

/* The time that the document has as its @timestamp. */
static uint64_t time_of(routed kind, weir_bytes item)
{
    switch (kind) {
    case ROUTED_LOG:
        return time_of_log(item);
    case ROUTED_SPAN:
        return weir_otlp_span_read(item).start_ns;
    default:
        return weir_otlp_event_read(item).time_ns;
    }
}

/* ---- Items ------------------------------------------------------------------------------------------------------- */

static bool place_item(es_router *self, routed kind, weir_bytes item, es_control *control, weir_error *ret_error)
{
    const place *found = place_of(self, kind);
    if (!found->is_allowed) {
        *ret_error = found->error;
        return false;
    }
    control->target = found->target;
    return !self->routing.logstash_format || put_date(self, &control->target, time_of(kind, item), ret_error);
}

/* All but the target. */
static es_control read_control(es_router *self, routed kind, weir_otlp_walk attributes)
{
    WEIR_ASSERT(self->is_entered);
    const es_routing *routing = &self->routing;
    const bool has_id = kind == ROUTED_LOG ? routing->logs_dynamic_id : routing->traces_dynamic_id;
    read_listed(self, &self->of_item, attributes);
    es_control control = {.is_hidden = self->of_item.is_hidden};
    if (has_id)
        control.id = self->of_item.texts[ES_CONTROL_DOCUMENT_ID];
    if (kind == ROUTED_LOG && routing->logs_dynamic_pipeline)
        control.pipeline = self->of_item.texts[ES_CONTROL_PIPELINE];
    return control;
}

static bool route(es_router *self, routed kind, weir_bytes item, weir_otlp_walk attributes, es_control *ret_control,
                  weir_error *ret_error)
{
    es_control control = read_control(self, kind, attributes);
    if (!control.is_hidden && !place_item(self, kind, item, &control, ret_error))
        return false;
    *ret_control = control;
    return true;
}

bool es_route_log(es_router *self, weir_bytes record, es_control *ret_control, weir_error *ret_error)
{
    return route(self, ROUTED_LOG, record, weir_otlp_walk_in(record, WEIR_OTLP_LOG_ATTRIBUTES), ret_control, ret_error);
}

bool es_route_span(es_router *self, weir_bytes span, es_control *ret_control, weir_error *ret_error)
{
    return route(self, ROUTED_SPAN, span, weir_otlp_walk_in(span, WEIR_OTLP_SPAN_ATTRIBUTES), ret_control, ret_error);
}

/* ---- Events in the mode ecs: what Elastic APM's screens read ------------------------------------------------------ */

static bool is_exception(weir_bytes event)
{
    weir_otlp_value value;
    const weir_otlp_walk attributes = weir_otlp_walk_in(event, WEIR_OTLP_EVENT_ATTRIBUTES);
    return weir_text_is(weir_otlp_event_read(event).name, "exception") &&
           (weir_otlp_attribute_find(attributes, WEIR_TEXT("exception.type"), &value) ||
            weir_otlp_attribute_find(attributes, WEIR_TEXT("exception.message"), &value));
}

/* "apm.app.SERVICE", or "apm.app" of a resource that names none. */
static void find_application(const es_router *self, weir_buffer *out)
{
    weir_otlp_value service;
    weir_buffer_append_text(out, "apm.app");
    if (weir_otlp_attribute_find(weir_otlp_resource_attributes(self->resource), WEIR_TEXT("service.name"), &service) &&
        service.type == WEIR_OTLP_STRING && service.string.len > 0) {
        weir_buffer_append_byte(out, '.');
        weir_buffer_append(out, service.string.data, service.string.len);
    }
}

/* Found once for each resource, as the dataset of a scope. */
static weir_text application_dataset(es_router *self)
{
    if (self->application.len == 0)
        find_application(self, &self->application);
    return (weir_text){(const char *)self->application.data, self->application.len};
}

static void place_ecs_event(es_router *self, weir_bytes event, es_target *ret_target)
{
    weir_text dataset = WEIR_TEXT("apm.error");
    if (!is_exception(event))
        dataset = application_dataset(self);
    make_stream(&self->own, WEIR_TEXT("logs"), dataset, "",
                first_of(self, &self->of_item, ES_CONTROL_STREAM_NAMESPACE, "default"));
    *ret_target = self->own.target;
}

bool es_route_span_event(es_router *self, weir_bytes span, weir_bytes event, es_control *ret_control,
                         weir_error *ret_error)
{
    (void)span;
    const weir_otlp_walk attributes = weir_otlp_walk_in(event, WEIR_OTLP_EVENT_ATTRIBUTES);
    if (self->mode != ES_MODE_ECS)
        return route(self, ROUTED_EVENT, event, attributes, ret_control, ret_error);
    *ret_control = read_control(self, ROUTED_EVENT, attributes);
    place_ecs_event(self, event, &ret_control->target);
    return true;
}
