/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of weir_otlp_from_json say of a text: that it is these bytes, or refused for this reason. A check that
 * fails ends the test.
 */
#ifndef WEIR_TESTS_OTLP_READING_JSON_H
#define WEIR_TESTS_OTLP_READING_JSON_H

#include "core/status.h"
#include "core/text.h"
#include "otlp/rewrite.h"
#include "otlp/validate.h"

/* Reads a copy that ends where the text ends, so that a sanitizer sees every byte read too far. What is accepted must
 * be JSON, valid and hold as many items as it says. */
weir_status json_read(weir_otlp_kind kind, const void *json, size_t len, weir_buffer *ret_wire, weir_error *ret_error);

/* As above, of a text that must be accepted. */
void json_read_text(weir_otlp_kind kind, const char *json, weir_buffer *ret_wire);

/* `what` is shown with the difference. */
void json_assert_bytes(const weir_buffer *found, const weir_buffer *expected, const char *what);

/* Both texts are the same bytes on the wire. */
void json_assert_same(weir_otlp_kind kind, const char *json, const char *as);

/* `expected` is the whole text of the error. */
void json_assert_refused(weir_otlp_kind kind, const char *json, const char *expected);

/* A request with one log record: its members stand between these. */
#define LOG_BEGIN "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
#define LOG_END "]}]}]}"

/* `json` as a log's body is `value`. */
void json_assert_body(const char *json, weir_otlp_value value);

/* `member` of a log record is this field. */
void json_assert_record(const char *member, const char *field, size_t len);
#define JSON_ASSERT_RECORD(member, field) json_assert_record(member, field, sizeof field - 1)

/* `member` of a log record is refused; `problem` is the end of the sentence, `at` the offset inside the member. */
void json_assert_record_refused(const char *member, size_t at, const char *problem);

#endif
