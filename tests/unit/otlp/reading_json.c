/* SPDX-License-Identifier: Apache-2.0 */
#include "reading_json.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "otlp/from_json.h"
#include "otlp/from_json_text.h"

/* As a member that nobody knows a text is read by its tokens alone: what is no JSON is found there. */
static void assert_json(weir_otlp_kind kind, const void *json, size_t len)
{
    WEIR_BUFFER around = {0};
    weir_chunk *nothing = NULL;
    uint64_t items;
    weir_error error = {0};
    weir_buffer_append_text(&around, "{\"unknown\":");
    weir_buffer_append(&around, json, len);
    weir_buffer_append_byte(&around, '}');
    cr_assert_eq(weir_otlp_from_json(kind, around.data, around.len, NULL, &nothing, &items, &error), WEIR_OK,
                 "%s: %.*s", error.text, (int)len, (const char *)json);
    weir_chunk_unref(nothing);
}

weir_status json_read(weir_otlp_kind kind, const void *json, size_t len, weir_buffer *ret_wire, weir_error *ret_error)
{
    WEIR_FREE uint8_t *copy = weir_alloc(len + 1, 1);
    memcpy(copy + 1, json, len);
    weir_chunk *chunk = NULL;
    uint64_t items = 0, items_found = 0;
    *ret_error = (weir_error){0};
    const weir_status status = weir_otlp_from_json(kind, copy + 1, len, NULL, &chunk, &items, ret_error);
    if (status != WEIR_OK) {
        cr_assert_null(chunk);
        return status;
    }
    if (len < WEIR_JSON_SKIP_DEPTH_MAX) /* a longer one may nest too deep for that */
        assert_json(kind, json, len);
    weir_error error = {0};
    cr_assert_eq(weir_otlp_validate(kind, chunk->data, chunk->size, &items_found, &error), WEIR_OK, "%s: %.*s",
                 error.text, (int)len, (const char *)json);
    cr_assert_eq(items, items_found, "%" PRIu64 " items, not %" PRIu64 ": %.*s", items_found, items, (int)len,
                 (const char *)json);
    ret_wire->len = 0;
    weir_buffer_append(ret_wire, chunk->data, chunk->size);
    weir_chunk_unref(chunk);
    return WEIR_OK;
}

void json_read_text(weir_otlp_kind kind, const char *json, weir_buffer *ret_wire)
{
    weir_error error;
    cr_assert_eq(json_read(kind, json, strlen(json), ret_wire, &error), WEIR_OK, "%s: %s", json, error.text);
}

void json_assert_bytes(const weir_buffer *found, const weir_buffer *expected, const char *what)
{
    if (found->len == expected->len && (found->len == 0 || memcmp(found->data, expected->data, found->len) == 0))
        return;
    WEIR_FREE char *left = weir_alloc(2 * found->len + 1, 1), *right = weir_alloc(2 * expected->len + 1, 1);
    weir_hex(found->data, found->len, left);
    weir_hex(expected->data, expected->len, right);
    cr_assert_str_eq(left, right, "%s", what);
}

void json_assert_same(weir_otlp_kind kind, const char *json, const char *as)
{
    WEIR_BUFFER found = {0}, expected = {0};
    json_read_text(kind, json, &found);
    json_read_text(kind, as, &expected);
    json_assert_bytes(&found, &expected, json);
}

void json_assert_refused(weir_otlp_kind kind, const char *json, const char *expected)
{
    WEIR_BUFFER wire = {0};
    weir_error error;
    cr_assert_eq(json_read(kind, json, strlen(json), &wire, &error), WEIR_INVALID, "accepted: %s", json);
    cr_assert_str_eq(error.text, expected, "%s", json);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_eq(error.status, WEIR_INVALID);
    unsigned long long offset;
    cr_assert_eq(sscanf(error.text, "offset %llu:", &offset), 1);
    cr_assert_eq(error.offset, offset);
}

static void wrap_log(weir_buffer *out, const weir_buffer *record)
{
    WEIR_BUFFER scope = {0}, resource = {0};
    weir_otlp_put_bytes(&scope, 2, record->data, record->len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(out, 1, resource.data, resource.len);
}

void json_assert_body(const char *json, weir_otlp_value value)
{
    WEIR_BUFFER text = {0}, found = {0}, body = {0}, record = {0}, expected = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{\"body\":%s}" LOG_END, json);
    json_read_text(WEIR_OTLP_LOGS, weir_buffer_string(&text), &found);
    weir_otlp_put_value(&body, &value);
    weir_otlp_put_bytes(&record, 5, body.data, body.len);
    wrap_log(&expected, &record);
    json_assert_bytes(&found, &expected, json);
}

void json_assert_record(const char *member, const char *field, size_t len)
{
    WEIR_BUFFER text = {0}, found = {0}, record = {0}, expected = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{%s}" LOG_END, member);
    json_read_text(WEIR_OTLP_LOGS, weir_buffer_string(&text), &found);
    weir_buffer_append(&record, field, len);
    wrap_log(&expected, &record);
    json_assert_bytes(&found, &expected, member);
}

void json_assert_record_refused(const char *member, size_t at, const char *problem)
{
    WEIR_BUFFER text = {0}, expected = {0};
    weir_buffer_printf(&text, LOG_BEGIN "{%s}" LOG_END, member);
    weir_buffer_printf(&expected, "offset %zu: resourceLogs[0].scopeLogs[0].logRecords[0]%s",
                       sizeof LOG_BEGIN - 1 + 1 + at, problem);
    json_assert_refused(WEIR_OTLP_LOGS, weir_buffer_string(&text), weir_buffer_string(&expected));
}
