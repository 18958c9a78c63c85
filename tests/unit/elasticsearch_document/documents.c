/* SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"

#include <criterion/criterion.h>

#include "otlp/from_json.h"
#include "otlp/view.h"
#include "tests/unit/otlp/strict_json.h"

enum { JSON_DEPTH_MAX = 200 };

static const es_target default_target = {
    .index = {"T-D-N", 5}, .type = {"T", 1}, .dataset = {"D", 1}, .name_space = {"N", 1}};

void documents_request(weir_otlp_kind kind, const char *otlp_json, weir_buffer *ret_wire)
{
    weir_error error = {0};
    weir_chunk *chunk = NULL;
    uint64_t items = 0;
    cr_assert_eq(weir_otlp_from_json(kind, (const uint8_t *)otlp_json, strlen(otlp_json), NULL, &chunk, &items, &error),
                 WEIR_OK, "%s", error.text);
    weir_buffer_append(ret_wire, chunk->data, chunk->size);
    weir_chunk_unref(chunk);
}

static void write_event(es_encoder *encoder, weir_bytes span, weir_bytes event, const es_target *target,
                        weir_buffer *out)
{
    es_encode_span_event(encoder, span, event, target, out);
    weir_buffer_append_byte(out, '\n');
}

static void write_item(es_encoder *encoder, es_mode mode, const weir_otlp_items *at, const es_target *target,
                       weir_buffer *out)
{
    weir_error error = {0};
    const bool is_done = at->kind == WEIR_OTLP_LOGS ? es_encode_log(encoder, at->item, target, out, &error)
                                                    : es_encode_span(encoder, at->item, target, out, &error);
    cr_assert(is_done, "%s", error.text);
    weir_buffer_append_byte(out, '\n');
    if (at->kind != WEIR_OTLP_TRACES || !es_mode_has_event_documents(mode))
        return;
    weir_otlp_walk events = weir_otlp_walk_in(at->item, WEIR_OTLP_SPAN_EVENTS);
    for (weir_bytes event; weir_otlp_walk_next(&events, &event);)
        write_event(encoder, at->item, event, target, out);
}

void documents_write(es_mode mode, weir_otlp_kind kind, weir_bytes request, const es_target *target, weir_buffer *out)
{
    es_encoder *encoder = es_encoder_new();
    for (weir_otlp_items items = weir_otlp_items_of(kind, request); weir_otlp_items_next(&items);) {
        es_encoder_enter(encoder, mode, items.resource, items.scope);
        write_item(encoder, mode, &items, target ? target : &default_target, out);
    }
    es_encoder_free(encoder);
}

/* Each line in canonical form. */
static void canonical_lines(const char *text, weir_buffer *out)
{
    while (*text) {
        const size_t len = strcspn(text, "\n");
        cr_assert(strict_json_canonical((weir_bytes){(const uint8_t *)text, len}, JSON_DEPTH_MAX, out),
                  "not strictly JSON: %.*s", (int)len, text);
        weir_buffer_append_byte(out, '\n');
        text += len + (text[len] == '\n');
    }
}

/* How many numbers have a point: the canonical form does not tell 1.0 from 1. */
static unsigned points_outside_strings(const char *text)
{
    unsigned points = 0;
    bool in_string = false;
    for (; *text; text++) {
        if (in_string && *text == '\\')
            text++;
        else if (*text == '"')
            in_string = !in_string;
        else if (!in_string && *text == '.')
            points++;
    }
    return points;
}

void documents_assert(es_mode mode, weir_otlp_kind kind, const char *otlp_json, const char *expected)
{
    WEIR_BUFFER request = {0}, lines = {0}, found = {0}, wanted = {0};
    documents_request(kind, otlp_json, &request);
    documents_write(mode, kind, (weir_bytes){request.data, request.len}, NULL, &lines);
    canonical_lines(weir_buffer_string(&lines), &found);
    canonical_lines(expected, &wanted);
    cr_assert_str_eq(weir_buffer_string(&found), weir_buffer_string(&wanted));
    cr_assert_eq(points_outside_strings(weir_buffer_string(&lines)), points_outside_strings(expected),
                 "doubles have a point, whole numbers none: %s", weir_buffer_string(&lines));
}

void documents_assert_refused(es_mode mode, weir_otlp_kind kind, const char *otlp_json, const char *expected)
{
    WEIR_BUFFER request = {0}, out = {0};
    weir_error error = {0};
    documents_request(kind, otlp_json, &request);
    es_encoder *encoder = es_encoder_new();
    weir_otlp_items items = weir_otlp_items_of(kind, (weir_bytes){request.data, request.len});
    cr_assert(weir_otlp_items_next(&items));
    es_encoder_enter(encoder, mode, items.resource, items.scope);
    weir_buffer_append_text(&out, "before");
    cr_assert_not(kind == WEIR_OTLP_LOGS ? es_encode_log(encoder, items.item, &default_target, &out, &error)
                                         : es_encode_span(encoder, items.item, &default_target, &out, &error));
    cr_assert_str_eq(error.text, expected);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_str_eq(weir_buffer_string(&out), "before", "the buffer is as it was");
    es_encoder_free(encoder);
}
