/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in the body of a bulk request, and which item each document is of.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "exporters/elasticsearch/bulk.h"
#include "exporters/elasticsearch/id.h"
#include "otlp/rewrite.h"
#include "otlp/wire.h"

/* ---- making requests ---- */

static void put_text(weir_buffer *out, uint32_t number, weir_text key, const char *value)
{
    weir_otlp_value made = {.type = WEIR_OTLP_STRING, .string = weir_text_of(value)};
    weir_otlp_put_attribute(out, number, key, &made);
}

/* ResourceLogs or ResourceSpans with one scope, which asks for `mode` unless that is NULL. */
static void put_resource(weir_buffer *request, const char *mode, const weir_buffer *items, size_t count)
{
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER scope_entry = {0};
    WEIR_BUFFER resource_entry = {0};
    if (mode)
        put_text(&scope, WEIR_OTLP_SCOPE_ATTRIBUTES, WEIR_TEXT("elastic.mapping.mode"), mode);
    weir_otlp_put_bytes(&scope_entry, 1, scope.data, scope.len);
    for (size_t i = 0; i < count; i++)
        weir_otlp_put_bytes(&scope_entry, 2, items[i].data, items[i].len);
    weir_otlp_put_bytes(&resource_entry, 2, scope_entry.data, scope_entry.len);
    weir_otlp_put_bytes(request, 1, resource_entry.data, resource_entry.len);
}

/* A slice of log records that have these texts as attribute "text". */
static weir_slice logs_of(const char *mode, const char *const *texts, uint32_t count)
{
    weir_buffer records[8] = {0};
    WEIR_BUFFER request = {0};
    cr_assert_leq(count, 8);
    for (uint32_t i = 0; i < count; i++)
        put_text(&records[i], WEIR_OTLP_LOG_ATTRIBUTES, WEIR_TEXT("text"), texts[i]);
    put_resource(&request, mode, records, count);
    for (uint32_t i = 0; i < count; i++)
        weir_buffer_done(&records[i]);
    weir_chunk *chunk = weir_chunk_new(NULL, request.len);
    memcpy(chunk->data, request.data, request.len);
    return (weir_slice){chunk, chunk->data, request.len, count, NULL, weir_slice_id_next()};
}

/* A slice of two spans, of which the first has two events. */
static weir_slice spans_with_events(void)
{
    weir_buffer spans[2] = {0};
    WEIR_BUFFER request = {0};
    weir_otlp_put_bytes(&spans[0], 5, "with", 4);
    weir_otlp_put_bytes(&spans[0], WEIR_OTLP_SPAN_EVENTS,
                        "\x12\x01"
                        "a",
                        3);
    weir_otlp_put_bytes(&spans[0], WEIR_OTLP_SPAN_EVENTS,
                        "\x12\x01"
                        "b",
                        3);
    weir_otlp_put_bytes(&spans[1], 5, "without", 7);
    put_resource(&request, NULL, spans, 2);
    weir_buffer_done(&spans[0]);
    weir_buffer_done(&spans[1]);
    weir_chunk *chunk = weir_chunk_new(NULL, request.len);
    memcpy(chunk->data, request.data, request.len);
    return (weir_slice){chunk, chunk->data, request.len, 2, NULL, weir_slice_id_next()};
}

/* ---- one body ---- */

typedef struct fixture {
    es_config config;
    weir_account *account; /* NULL: none */
    es_bulk_maker *maker;
    weir_slice slices[2];
    const weir_slice *pointers[2];
    weir_push push;
    es_bulk bulk;
    es_fates fates;
    weir_error error;
} fixture;

static void fixture_init(fixture *self, weir_signal signal)
{
    *self = (fixture){.push = {.signal = signal, .slices = self->pointers}};
    self->pointers[0] = &self->slices[0];
    self->pointers[1] = &self->slices[1];
    self->config.logstash_format.prefix_separator = (char *)"-";
    self->config.logstash_format.date_format = (char *)"%Y.%m.%d";
}

static void fixture_done(fixture *self)
{
    es_bulk_done(&self->bulk);
    es_fates_done(&self->fates);
    es_bulk_maker_free(self->maker);
    weir_slice_done(&self->slices[0]);
    weir_slice_done(&self->slices[1]);
}

static void add_slice(fixture *self, weir_slice slice)
{
    self->slices[self->push.slice_count++] = slice;
    self->push.items += slice.items;
}

static weir_status make(fixture *self, bool may_require_data_stream)
{
    if (!self->maker)
        self->maker = es_bulk_maker_new(&self->config, self->account);
    es_fates_init(&self->fates, (uint32_t)self->push.items);
    return es_bulk_make(self->maker, &self->push, may_require_data_stream, &self->bulk, &self->fates, &self->error);
}

/* The line in front of the document at `place`, without the line end. */
static weir_text action_at(const fixture *self, uint32_t place)
{
    weir_bytes body = es_bulk_body(self->maker);
    const char *at = (const char *)body.data, *end = at + body.len;
    for (uint32_t line = 0; line < place * 2; line++)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    return (weir_text){at, (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) - at)};
}

static void expect_action(const fixture *self, uint32_t place, const char *index, const weir_slice *slice,
                          uint32_t item, int64_t event, const char *rest)
{
    char id[ES_ID_LEN_MAX + 1] = "";
    es_document_id_write(slice, item, event, id);
    WEIR_FREE char *expected = weir_format("{\"create\":{\"_index\":\"%s\",\"_id\":\"%s\"%s}}", index, id, rest);
    weir_text action = action_at(self, place);
    cr_assert(weir_text_is(action, expected), "%.*s is not %s", WEIR_TEXT_ARG(action), expected);
}

static bool contains(weir_text text, const char *what)
{
    return memmem(text.data, text.len, what, strlen(what)) != NULL;
}

#define REQUIRES ",\"require_data_stream\":true"

Test(elasticsearch_bulk, each_record_is_two_lines_with_its_identity)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self, WEIR_LOGS);
    add_slice(&self, logs_of(NULL, (const char *[]){"one", "two"}, 2));
    add_slice(&self, logs_of(NULL, (const char *[]){"three"}, 1));
    cr_assert_eq(make(&self, true), WEIR_OK);
    cr_assert_eq(self.bulk.documents, 3);
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const texts[] = {"\"one\"", "\"two\"", "\"three\""};
        cr_assert_eq(self.bulk.item_of[i], i);
        expect_action(&self, i, "logs-generic.otel-default", &self.slices[i / 2], i % 2, ES_ID_NO_EVENT, REQUIRES);
        cr_assert(contains(es_bulk_document(self.maker, i), texts[i]));
    }
    weir_bytes body = es_bulk_body(self.maker);
    cr_assert_eq(body.data[body.len - 1], '\n');
    cr_assert(self.bulk.requires_data_stream);
}

Test(elasticsearch_bulk, a_server_that_does_not_know_it_is_not_asked_for_data_streams)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self, WEIR_LOGS);
    add_slice(&self, logs_of(NULL, (const char *[]){"one"}, 1));
    cr_assert_eq(make(&self, false), WEIR_OK);
    expect_action(&self, 0, "logs-generic.otel-default", &self.slices[0], 0, ES_ID_NO_EVENT, "");
    cr_assert(!self.bulk.requires_data_stream);
}

Test(elasticsearch_bulk, an_index_of_the_configuration_need_not_be_a_data_stream)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self, WEIR_LOGS);
    self.config.logs_index = (char *)"mine";
    add_slice(&self, logs_of(NULL, (const char *[]){"one"}, 1));
    cr_assert_eq(make(&self, true), WEIR_OK);
    expect_action(&self, 0, "mine", &self.slices[0], 0, ES_ID_NO_EVENT, "");
}

Test(elasticsearch_bulk, without_ids_there_is_none)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self, WEIR_LOGS);
    self.config.document_id = ES_ID_NONE;
    add_slice(&self, logs_of(NULL, (const char *[]){"one"}, 1));
    cr_assert_eq(make(&self, false), WEIR_OK);
    cr_assert(weir_text_is(action_at(&self, 0), "{\"create\":{\"_index\":\"logs-generic.otel-default\"}}"));
}

Test(elasticsearch_bulk, events_are_documents_of_their_span)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    fixture_init(&self, WEIR_TRACES);
    add_slice(&self, spans_with_events());
    cr_assert_eq(make(&self, true), WEIR_OK);
    cr_assert_eq(self.bulk.documents, 4);
    static const uint32_t items[] = {0, 0, 0, 1};
    static const int64_t events[] = {ES_ID_NO_EVENT, 0, 1, ES_ID_NO_EVENT};
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(self.bulk.item_of[i], items[i]);
        expect_action(&self, i, events[i] < 0 ? "traces-generic.otel-default" : "logs-generic.otel-default",
                      &self.slices[0], items[i], events[i], REQUIRES);
    }
}

Test(elasticsearch_bulk, a_scope_has_the_mode_it_asks_for_or_is_refused)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    char *allowed[] = {(char *)"otel", (char *)"RAW"};
    fixture_init(&self, WEIR_LOGS);
    self.config.mapping.allowed_modes = (weir_strings){allowed, 2};
    add_slice(&self, logs_of("ecs", (const char *[]){"one", "two"}, 2));
    add_slice(&self, logs_of("raw", (const char *[]){"three"}, 1));
    cr_assert_eq(make(&self, true), WEIR_OK);
    cr_assert_eq(self.bulk.documents, 1);
    cr_assert_eq(self.bulk.item_of[0], 2);
    cr_assert_eq(es_fates_count(&self.fates, ES_ITEM_REFUSED), 2);
    cr_assert_str_eq(self.fates.groups[1].error.text,
                     "mapping mode \"ecs\" of the scope's elastic.mapping.mode is not one of otel, raw");
}

Test(elasticsearch_bulk, a_push_has_the_mode_its_metadata_asks_for)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    const weir_metadata_entry entry = {WEIR_TEXT("x-elastic-mapping-mode"), WEIR_TEXT("none")};
    weir_metadata *metadata = weir_metadata_new(&entry, 1, "");
    fixture_init(&self, WEIR_LOGS);
    self.push.metadata = metadata;
    add_slice(&self, logs_of(NULL, (const char *[]){"one"}, 1));
    add_slice(&self, logs_of("otel", (const char *[]){"two"}, 1));
    cr_assert_eq(make(&self, true), WEIR_OK);
    expect_action(&self, 0, "logs-generic-default", &self.slices[0], 0, ES_ID_NO_EVENT, "");
    expect_action(&self, 1, "logs-generic.otel-default", &self.slices[1], 0, ES_ID_NO_EVENT, REQUIRES);
    weir_metadata_unref(metadata);
}

Test(elasticsearch_bulk, several_modes_in_the_metadata_are_refused)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    const weir_metadata_entry entries[] = {{WEIR_TEXT("x-elastic-mapping-mode"), WEIR_TEXT("none")},
                                           {WEIR_TEXT("x-elastic-mapping-mode"), WEIR_TEXT("otel")}};
    weir_metadata *metadata = weir_metadata_new(entries, 2, "");
    fixture_init(&self, WEIR_LOGS);
    self.push.metadata = metadata;
    add_slice(&self, logs_of(NULL, (const char *[]){"one"}, 1));
    cr_assert_eq(make(&self, true), WEIR_OK);
    cr_assert_eq(self.bulk.documents, 0);
    cr_assert_eq(es_fates_count(&self.fates, ES_ITEM_REFUSED), 1);
    weir_metadata_unref(metadata);
}

static char *long_text(size_t len)
{
    char *text = weir_alloc(len + 1, 1);
    memset(text, 'x', len);
    return text;
}

Test(elasticsearch_bulk, several_items_over_the_limit_are_too_large_and_one_is_not)
{
    WEIR_CLEANUP(fixture_done) fixture several;
    WEIR_CLEANUP(fixture_done) fixture one;
    WEIR_FREE char *text = long_text(ES_BULK_BYTES_MAX);
    fixture_init(&several, WEIR_LOGS);
    add_slice(&several, logs_of(NULL, (const char *[]){"one", text}, 2));
    cr_assert_eq(make(&several, true), WEIR_TOO_LARGE);
    cr_assert_eq(several.error.class_, WEIR_ERROR_TOO_LARGE);
    fixture_init(&one, WEIR_LOGS);
    add_slice(&one, logs_of(NULL, (const char *[]){text}, 1));
    cr_assert_eq(make(&one, true), WEIR_OK);
    cr_assert_eq(one.bulk.documents, 1);
}

Test(elasticsearch_bulk, a_body_has_an_eighth_of_the_memory_limit_at_most)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    WEIR_FREE char *text = long_text(600 * 1024);
    weir_account account;
    weir_account_init(&account, 8 * 1024 * 1024, 6 * 1024 * 1024);
    fixture_init(&self, WEIR_LOGS);
    self.account = &account;
    add_slice(&self, logs_of(NULL, (const char *[]){text, text}, 2));
    cr_assert_eq(make(&self, true), WEIR_TOO_LARGE);
    es_bulk_trim(self.maker);
    cr_assert_eq(weir_account_used(&account), 0);
    es_bulk_maker_free(WEIR_TAKE(self.maker));
}

Test(elasticsearch_bulk, a_document_that_no_server_takes_is_refused_alone)
{
    WEIR_CLEANUP(fixture_done) fixture self;
    WEIR_FREE char *text = long_text(ES_ITEM_BYTES_MAX);
    fixture_init(&self, WEIR_LOGS);
    add_slice(&self, logs_of(NULL, (const char *[]){"one", text, "three"}, 3));
    cr_assert_eq(make(&self, true), WEIR_OK);
    cr_assert_eq(self.bulk.documents, 2);
    cr_assert_eq(self.bulk.item_of[1], 2);
    cr_assert_eq(self.fates.groups[1].error.class_, WEIR_ERROR_TOO_LARGE);
}
