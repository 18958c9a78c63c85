/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of validate.h one by one, on requests written by hand.
 */
/* Byte strings are cut where fields begin, not where lines end. */
/* clang-format off */
#include <criterion/criterion.h>

#include "core/limits.h"
#include "otlp/rewrite.h"
#include "otlp/validate.h"
#include "otlp/wire.h"

static uint64_t items;
static weir_error error;

static weir_status validate(weir_otlp_kind kind, const weir_buffer *request)
{
    items = UINT64_MAX;
    error = (weir_error){0};
    return weir_otlp_validate(kind, request->data, request->len, &items, &error);
}

/* Puts `span` into a request, and that through the validator. */
static weir_status validate_span(const void *span, size_t len)
{
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    WEIR_BUFFER request = {0};
    weir_otlp_put_bytes(&scope, 2, span, len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    return validate(WEIR_OTLP_TRACES, &request);
}

#define SPAN(bytes) validate_span(bytes, sizeof(bytes) - 1)

static void assert_refused(weir_status status, const char *text)
{
    cr_assert_eq(status, WEIR_INVALID);
    cr_assert_eq(error.status, WEIR_INVALID);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_str_eq(error.text, text);
    cr_assert_eq(items, UINT64_MAX, "the result is untouched");
}

Test(otlp_validate, an_empty_request_is_a_request)
{
    cr_assert_eq(weir_otlp_validate(WEIR_OTLP_TRACES, NULL, 0, &items, &error), WEIR_OK);
    cr_assert_eq(items, 0);
}

Test(otlp_validate, an_empty_span_is_a_span)
{
    cr_assert_eq(SPAN(""), WEIR_OK);
    cr_assert_eq(items, 1);
}

Test(otlp_validate, ids_have_their_length_or_none)
{
    cr_assert_eq(SPAN("\x0a\x10" "0123456789abcdef" "\x12\x08" "01234567" "\x22\x08" "01234567"), WEIR_OK);
    cr_assert_eq(SPAN("\x0a\x00\x12\x00\x22\x00"), WEIR_OK);
    assert_refused(SPAN("\x0a\x07" "0123456"), "offset 7: Span.trace_id must be 0 or 16 bytes, not 7");
    cr_assert_eq(error.offset, 7);
    assert_refused(SPAN("\x12\x01" "0"), "offset 7: Span.span_id must be 0 or 8 bytes, not 1");
    assert_refused(SPAN("\x22\x10" "0123456789abcdef"), "offset 7: Span.parent_span_id must be 0 or 8 bytes, not 16");
    assert_refused(SPAN("\x6a\x03\x0a\x01" "0"), "offset 9: Span.Link.trace_id must be 0 or 16 bytes, not 1");
}

Test(otlp_validate, a_length_stays_inside_its_message)
{
    assert_refused(SPAN("\x2a\x05" "name"), "offset 7: Span.name reaches beyond the end of its message");
    assert_refused(SPAN("\x2a"), "offset 7: Span.name reaches beyond the end of its message");
    assert_refused(SPAN("\x39" "1234567"), "offset 7: Span.start_time_unix_nano reaches beyond the end of its message");
    assert_refused(SPAN("\x2a\xff\xff\xff\xff\x0f"), "offset 7: Span.name reaches beyond the end of its message");
}

Test(otlp_validate, known_fields_have_their_wire_type)
{
    assert_refused(SPAN("\x28\x05"), "offset 6: Span.name has the wrong wire type 0");
    assert_refused(SPAN("\x3a\x00"), "offset 6: Span.start_time_unix_nano has the wrong wire type 2");
    assert_refused(SPAN("\x85\x01" "12"), "offset 8: Span.flags reaches beyond the end of its message");
    assert_refused(SPAN("\x80\x01\x00"), "offset 6: Span.flags has the wrong wire type 0");
}

Test(otlp_validate, unknown_fields_are_skipped_if_their_form_is_legal)
{
    cr_assert_eq(SPAN("\xa0\x06\x01" "\xa1\x06" "12345678" "\xa2\x06\x02" "xy" "\xa5\x06" "1234"), WEIR_OK);
    assert_refused(SPAN("\xa6\x06"), "offset 7: field 100 has the unknown wire type 6");
    assert_refused(SPAN("\xa5\x06" "123"), "offset 8: an unknown field reaches beyond the end of its message");
}

Test(otlp_validate, groups_are_skipped_if_start_and_end_match)
{
    cr_assert_eq(SPAN("\xa3\x06" "\x08\x01" "\xab\x06" "\xac\x06" "\xa4\x06"), WEIR_OK);
    assert_refused(SPAN("\xa3\x06\x08\x01"), "offset 8: group 100 has no end");
    assert_refused(SPAN("\xa3\x06\xac\x06"), "offset 8: group 100 is ended as group 101");
    assert_refused(SPAN("\xa4\x06"), "offset 7: group 100 ends without a start");
}

Test(otlp_validate, field_numbers_are_1_to_536870911)
{
    assert_refused(SPAN("\x02\x00"), "offset 6: a field has the number 0");
    assert_refused(SPAN("\x82\x00\x00"), "offset 6: a field has the number 0");
    cr_assert_eq(SPAN("\xf8\xff\xff\xff\x0f\x00"), WEIR_OK);
    assert_refused(SPAN("\xf8\xff\xff\xff\x1f\x00"), "offset 6: a field number is over 536870911");
}

Test(otlp_validate, over_long_numbers_are_fine_up_to_a_limit)
{
    cr_assert_eq(SPAN("\x30\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"), WEIR_OK); /* a value of 10 bytes */
    assert_refused(SPAN("\x30\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
                   "offset 7: Span.kind has a number of more than 10 bytes");
    cr_assert_eq(SPAN("\xaa\x80\x80\x80\x00\x81\x80\x80\x80\x00" "n"), WEIR_OK); /* tag and length of 5 */
    assert_refused(SPAN("\xaa\x80\x80\x80\x80\x00\x01" "n"), "offset 6: a field's tag has a number of more than 5 bytes");
    assert_refused(SPAN("\x2a\x81\x80\x80\x80\x80\x00" "n"), "offset 7: Span.name has a number of more than 5 bytes");
}

/* An attribute of a span whose value is `depth` arrays around an empty one. */
static weir_status validate_nested(unsigned depth)
{
    weir_buffer value = {0};
    for (unsigned i = 0; i < depth; i++) {
        WEIR_BUFFER array = {0};
        if (i > 0)
            weir_otlp_put_bytes(&array, 1, value.data, value.len);
        weir_buffer outer = {0};
        weir_otlp_put_bytes(&outer, 5, array.data, array.len);
        weir_buffer_done(&value);
        value = outer;
    }
    WEIR_BUFFER pair = {0};
    WEIR_BUFFER span = {0};
    weir_otlp_put_bytes(&pair, 2, value.data, value.len);
    weir_otlp_put_bytes(&span, WEIR_OTLP_SPAN_ATTRIBUTES, pair.data, pair.len);
    weir_buffer_done(&value);
    return validate_span(span.data, span.len);
}

Test(otlp_validate, arrays_nest_up_to_the_limit)
{
    cr_assert_eq(validate_nested(WEIR_OTLP_NESTING_MAX), WEIR_OK);
    cr_assert_eq(validate_nested(WEIR_OTLP_NESTING_MAX + 1), WEIR_INVALID);
    cr_assert(strstr(error.text, "AnyValue.array_value nests deeper than 64"), "%s", error.text);
}

Test(otlp_validate, groups_nest_up_to_the_limit)
{
    WEIR_BUFFER span = {0};
    for (unsigned i = 0; i < WEIR_OTLP_NESTING_MAX; i++)
        weir_otlp_put_tag(&span, 100, WEIR_WIRE_GROUP_START);
    for (unsigned i = 0; i < WEIR_OTLP_NESTING_MAX; i++)
        weir_otlp_put_tag(&span, 100, WEIR_WIRE_GROUP_END);
    cr_assert_eq(validate_span(span.data, span.len), WEIR_OK);

    WEIR_BUFFER deeper = {0};
    weir_otlp_put_tag(&deeper, 100, WEIR_WIRE_GROUP_START);
    weir_buffer_append(&deeper, span.data, span.len);
    weir_otlp_put_tag(&deeper, 100, WEIR_WIRE_GROUP_END);
    cr_assert_eq(validate_span(deeper.data, deeper.len), WEIR_INVALID);
}

/* A request with one metric of the given body. */
static weir_status validate_metric(const char *metric, size_t len)
{
    WEIR_BUFFER scope = {0};
    WEIR_BUFFER resource = {0};
    WEIR_BUFFER request = {0};
    weir_otlp_put_bytes(&scope, 2, metric, len);
    weir_otlp_put_bytes(&resource, 2, scope.data, scope.len);
    weir_otlp_put_bytes(&request, 1, resource.data, resource.len);
    return validate(WEIR_OTLP_METRICS, &request);
}

#define METRIC(bytes) validate_metric(bytes, sizeof(bytes) - 1)

Test(otlp_validate, data_points_of_a_replaced_oneof_member_do_not_count)
{
    cr_assert_eq(METRIC("\x2a\x04\x0a\x00\x0a\x00"), WEIR_OK); /* a gauge with 2 points */
    cr_assert_eq(items, 2);
    cr_assert_eq(METRIC("\x2a\x04\x0a\x00\x0a\x00" "\x2a\x02\x0a\x00"), WEIR_OK); /* merged with a third */
    cr_assert_eq(items, 3);
    cr_assert_eq(METRIC("\x2a\x04\x0a\x00\x0a\x00" "\x3a\x02\x0a\x00"), WEIR_OK); /* replaced by a sum with 1 */
    cr_assert_eq(items, 1);
}

Test(otlp_validate, packed_numbers_are_whole)
{
    cr_assert_eq(METRIC("\x4a\x0c\x0a\x0a\x32\x08" "12345678"), WEIR_OK);     /* bucket_counts packed */
    cr_assert_eq(METRIC("\x4a\x0b\x0a\x09\x31" "12345678"), WEIR_OK);         /* and one by one */
    cr_assert_eq(METRIC("\x4a\x0b\x0a\x09\x32\x07" "1234567"), WEIR_INVALID); /* 7 bytes */
    cr_assert(strstr(error.text, "HistogramDataPoint.bucket_counts"), "%s", error.text);
    cr_assert_eq(METRIC("\x52\x08\x0a\x06\x42\x04\x12\x02\x80\x01"), WEIR_OK); /* one varint of two bytes */
    cr_assert_eq(METRIC("\x52\x08\x0a\x06\x42\x04\x12\x02\x01\x80"), WEIR_INVALID);
}
