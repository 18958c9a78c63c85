/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/bulk.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "exporters/elasticsearch/document/control.h"
#include "exporters/elasticsearch/id.h"
#include "otlp/json_writer.h"

enum { BODY_SHARE = 8 /* of the memory limit */ };

static const weir_text mode_key = {"x-elastic-mapping-mode", sizeof "x-elastic-mapping-mode" - 1};

struct es_bulk_maker {
    const es_config *config;
    weir_account *account;
    size_t body_bytes_max;
    size_t charged;
    es_encoder *encoder;
    es_router *router;
    weir_buffer body;
};

/* One push being made into a body. */
typedef struct bulk_job {
    es_bulk_maker *maker;
    es_bulk *bulk;
    es_fates *fates;
    bool is_traces;
    bool may_require_data_stream;
    es_mode push_mode;
    weir_error push_error; /* not NONE: the push's metadata asks for a mode it cannot have */
    /* Of the scope that is being read. */
    weir_bytes scope;
    es_mode mode;
    weir_error mode_error; /* not NONE: its items cannot be written */
    /* Of the item. */
    const weir_slice *slice;
    weir_otlp_items items;
    uint32_t item; /* counted over all slices */
} bulk_job;

/* ---- the mode ---- */

static void refuse_mode(const es_config *config, weir_text name, const char *where, weir_error *ret_error)
{
    WEIR_BUFFER allowed = {0};
    for (int mode = 0; mode < ES_MODES; mode++) {
        if (es_config_allows(config, (es_mode)mode))
            weir_buffer_printf(&allowed, "%s%s", allowed.len > 0 ? ", " : "", es_mode_name((es_mode)mode));
    }
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "mapping mode \"%.*s\" of %s is not one of %s",
                   (int)(name.len < 40 ? name.len : 40), name.data, where, weir_buffer_string(&allowed));
    weir_utf8_repair(ret_error->text);
}

/* The Collector's parseMappingMode. */
static void find_mode(const es_config *config, weir_text name, const char *where, es_mode *ret_mode,
                      weir_error *ret_error)
{
    if (!es_mode_find(name, ret_mode) || !es_config_allows(config, *ret_mode))
        refuse_mode(config, name, where, ret_error);
}

/* The Collector's getRequestMappingMode. */
static void choose_push_mode(bulk_job *job, const weir_metadata *metadata)
{
    const es_config *config = job->maker->config;
    weir_text name = weir_metadata_get(metadata, mode_key, 0);
    job->push_mode = es_config_mode(config);
    if (weir_metadata_get(metadata, mode_key, 1).data)
        weir_error_set(&job->push_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                       "the metadata has several values of x-elastic-mapping-mode");
    else if (name.data)
        find_mode(config, name, "the metadata x-elastic-mapping-mode", &job->push_mode, &job->push_error);
}

/* A scope that asks for none has the push's. */
static void enter_scope(bulk_job *job)
{
    const weir_otlp_items *at = &job->items;
    if (at->scope.data != job->scope.data || at->scope.len != job->scope.len) {
        weir_text name = es_scope_mode(at->scope);
        job->scope = at->scope;
        job->mode = job->push_mode;
        job->mode_error = job->push_error;
        if (job->mode_error.class_ == WEIR_ERROR_NONE && name.data)
            find_mode(job->maker->config, name, "the scope's elastic.mapping.mode", &job->mode, &job->mode_error);
    }
    if (job->mode_error.class_ != WEIR_ERROR_NONE)
        return;
    es_encoder_enter(job->maker->encoder, job->mode, at->resource, at->scope);
    es_router_enter(job->maker->router, job->mode, at->resource, at->scope);
}

/* ---- the line in front of a document ---- */

static void put_text(weir_otlp_json_writer *out, const char *name, weir_text value)
{
    weir_otlp_json_put(out, name, strlen(name));
    weir_otlp_json_string(out, (weir_bytes){(const uint8_t *)value.data, value.len});
}

static void put_id(bulk_job *job, weir_otlp_json_writer *out, weir_text own_id, int64_t event)
{
    if (own_id.len > 0) {
        put_text(out, ",\"_id\":", own_id);
    } else if (job->maker->config->document_id == ES_ID_IDENTITY) {
        char id[ES_ID_LEN_MAX];
        size_t len = es_document_id_write(job->slice, job->items.index, event, id);
        put_text(out, ",\"_id\":", (weir_text){id, len});
    }
}

static void put_action(bulk_job *job, const es_control *control, int64_t event)
{
    static const char ends[] = "}}\n";
    weir_otlp_json_writer out = weir_otlp_json_writer_of(&job->maker->body, NULL);
    put_text(&out, "{\"create\":{\"_index\":", control->target.index);
    put_id(job, &out, control->id, event);
    if (control->pipeline.len > 0)
        put_text(&out, ",\"pipeline\":", control->pipeline);
    bool is_for_data_streams = job->mode == ES_MODE_OTEL || job->mode == ES_MODE_ECS;
    if (job->may_require_data_stream && is_for_data_streams && es_target_is_data_stream(&control->target)) {
        static const char requires[] = ",\"require_data_stream\":true";
        weir_otlp_json_put(&out, requires, strlen(requires));
        job->bulk->requires_data_stream = true;
    }
    weir_otlp_json_put(&out, ends, strlen(ends));
}

/* ---- documents ---- */

static void add_document(bulk_job *job)
{
    es_bulk *bulk = job->bulk;
    if (bulk->documents == bulk->capacity) {
        bulk->capacity = bulk->capacity ? bulk->capacity * 2 : job->fates->items;
        bulk->item_of = weir_realloc(bulk->item_of, bulk->capacity, sizeof *bulk->item_of);
    }
    bulk->item_of[bulk->documents++] = job->item;
    weir_buffer_append_byte(&job->maker->body, '\n');
}

static bool check_id(weir_text id, weir_error *ret_error)
{
    if (id.len <= ES_DOCUMENT_ID_LEN_MAX)
        return true;
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                   "elasticsearch.document_id has %zu bytes; Elasticsearch takes 512", id.len);
    return false;
}

static bool check_size(const bulk_job *job, size_t start, weir_error *ret_error)
{
    size_t len = job->maker->body.len - start;
    if (len <= ES_ITEM_BYTES_MAX)
        return true;
    weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                   "as documents the item has over %d MiB, more than Elasticsearch takes by default",
                   ES_ITEM_BYTES_MAX / 1024 / 1024);
    return false;
}

static bool put_event(bulk_job *job, weir_bytes event, uint32_t number, weir_error *ret_error)
{
    es_bulk_maker *maker = job->maker;
    es_control control = {0};
    if (!es_route_span_event(maker->router, job->items.item, event, &control, ret_error) ||
        !check_id(control.id, ret_error))
        return false;
    if (control.is_hidden)
        return true;
    put_action(job, &control, number);
    es_encode_span_event(maker->encoder, job->items.item, event, &control.target, &maker->body);
    add_document(job);
    return true;
}

static bool put_events(bulk_job *job, size_t start, weir_error *ret_error)
{
    weir_otlp_walk events = weir_otlp_walk_in(job->items.item, WEIR_OTLP_SPAN_EVENTS);
    weir_bytes event;
    for (uint32_t number = 0; weir_otlp_walk_next(&events, &event); number++) {
        if (!put_event(job, event, number, ret_error) || !check_size(job, start, ret_error))
            return false;
    }
    return true;
}

/* The document of the item itself. */
static bool put_item(bulk_job *job, weir_error *ret_error)
{
    es_bulk_maker *maker = job->maker;
    weir_bytes item = job->items.item;
    es_control control = {0};
    bool is_routed = job->is_traces ? es_route_span(maker->router, item, &control, ret_error)
                                    : es_route_log(maker->router, item, &control, ret_error);
    if (!is_routed || !check_id(control.id, ret_error))
        return false;
    if (control.is_hidden) {
        job->bulk->hidden++;
        return true;
    }
    put_action(job, &control, ES_ID_NO_EVENT);
    bool is_encoded = job->is_traces ? es_encode_span(maker->encoder, item, &control.target, &maker->body, ret_error)
                                     : es_encode_log(maker->encoder, item, &control.target, &maker->body, ret_error);
    if (is_encoded)
        add_document(job);
    return is_encoded;
}

static bool put_documents(bulk_job *job, weir_error *ret_error)
{
    size_t start = job->maker->body.len;
    enter_scope(job);
    if (job->mode_error.class_ != WEIR_ERROR_NONE) {
        *ret_error = job->mode_error;
        return false;
    }
    if (!put_item(job, ret_error) || !check_size(job, start, ret_error))
        return false;
    return !job->is_traces || !es_mode_has_event_documents(job->mode) || put_events(job, start, ret_error);
}

/* All documents of an item or none. */
static void make_item(bulk_job *job)
{
    size_t start = job->maker->body.len;
    uint32_t documents = job->bulk->documents;
    weir_error error = {0};
    if (put_documents(job, &error))
        return;
    job->maker->body.len = start;
    job->bulk->documents = documents;
    es_fates_refuse(job->fates, job->item, &error);
}

/* ---- a push ---- */

/* False: the body has become too large. The bytes of a slice may lie where those of another lay. */
static bool make_slice(bulk_job *job, weir_otlp_kind kind)
{
    job->items = weir_otlp_items_of(kind, (weir_bytes){job->slice->data, job->slice->len});
    job->scope = (weir_bytes){0};
    while (weir_otlp_items_next(&job->items)) {
        make_item(job);
        job->item++;
        if (job->fates->items > 1 && job->maker->body.len > job->maker->body_bytes_max)
            return false;
    }
    return true;
}

static void leave(es_bulk_maker *maker)
{
    es_encoder_leave(maker->encoder);
    es_router_leave(maker->router);
}

static void charge(es_bulk_maker *maker)
{
    if (!maker->account)
        return;
    weir_account_force(maker->account, maker->body.capacity);
    weir_account_release(maker->account, maker->charged);
    maker->charged = maker->body.capacity;
}

weir_status es_bulk_make(es_bulk_maker *maker, const weir_push *push, bool may_require_data_stream, es_bulk *ret_bulk,
                         es_fates *fates, weir_error *ret_error)
{
    WEIR_ASSERT(push->signal != WEIR_METRICS && fates->items == push->items);
    es_bulk bulk = {0};
    bulk_job job = {
        .maker = maker,
        .bulk = &bulk,
        .fates = fates,
        .is_traces = push->signal == WEIR_TRACES,
        .may_require_data_stream = may_require_data_stream,
    };
    bool fits = true;
    maker->body.len = 0;
    choose_push_mode(&job, push->metadata);
    for (uint32_t i = 0; fits && i < push->slice_count; i++) {
        job.slice = push->slices[i];
        fits = make_slice(&job, (weir_otlp_kind)push->signal);
    }
    leave(maker);
    charge(maker);
    if (fits) {
        *ret_bulk = bulk;
        return WEIR_OK;
    }
    es_bulk_done(&bulk);
    return weir_error_set(ret_error, WEIR_ERROR_TOO_LARGE, WEIR_TOO_LARGE,
                          "%llu items are more than %zu bytes as documents", (unsigned long long)push->items,
                          maker->body_bytes_max);
}

weir_bytes es_bulk_body(const es_bulk_maker *maker)
{
    return (weir_bytes){maker->body.data, maker->body.len};
}

/* Neither line of a document has a line end inside. */
weir_text es_bulk_document(const es_bulk_maker *maker, uint32_t place)
{
    const char *at = (const char *)maker->body.data, *end = at + maker->body.len;
    for (uint64_t lines = (uint64_t)place * 2 + 1; lines > 0; lines--) {
        at = memchr(at, '\n', (size_t)(end - at));
        WEIR_ASSERT(at);
        at++;
    }
    const char *line_end = memchr(at, '\n', (size_t)(end - at));
    WEIR_ASSERT(line_end);
    return (weir_text){at, (size_t)(line_end - at)};
}

/* ---- life ---- */

void es_bulk_done(es_bulk *bulk)
{
    free(bulk->item_of);
    *bulk = (es_bulk){0};
}

/* Several bodies are under way, and each is there twice while it is compressed. */
static size_t body_bytes_max(const weir_account *account)
{
    size_t share = account ? account->limit_bytes / BODY_SHARE : ES_BULK_BYTES_MAX;
    return share < ES_BULK_BYTES_MAX ? share : ES_BULK_BYTES_MAX;
}

es_bulk_maker *es_bulk_maker_new(const es_config *config, weir_account *account)
{
    es_bulk_maker *maker = WEIR_NEW(es_bulk_maker);
    const es_routing routing = es_config_routing(config);
    maker->config = config;
    maker->account = account;
    maker->body_bytes_max = body_bytes_max(account);
    maker->encoder = es_encoder_new();
    maker->router = es_router_new(&routing);
    return maker;
}

void es_bulk_trim(es_bulk_maker *maker)
{
    weir_buffer_done(&maker->body);
    charge(maker);
}

void es_bulk_maker_free(es_bulk_maker *maker)
{
    if (!maker)
        return;
    es_bulk_trim(maker);
    es_encoder_free(maker->encoder);
    es_router_free(maker->router);
    free(maker);
}
