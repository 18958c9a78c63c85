/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged requests: cut anywhere, or with any one bit flipped. Each is either refused with an offset or read as
 * protobuf-c reads it. Where the two disagree about refusing, the reason must be one of those that validate.h names.
 */
#include <criterion/criterion.h>

#include "generator.h"
#include "normalise.h"
#include "oracle.h"
#include "otlp/view.h"

enum { REQUESTS_PER_KIND = 10, REQUEST_BYTES_MAX = 900 };

static const weir_otlp_kind all_kinds[] = {WEIR_OTLP_TRACES, WEIR_OTLP_METRICS, WEIR_OTLP_LOGS};

/* What we refuse and protobuf-c does not: it knows no ids, does not look at numbers of tags so closely, and takes any
 * wire type for a bool. */
static bool is_stricter_on_purpose(const weir_error *error)
{
    if (strstr(error->text, "wrong wire type"))
        return strstr(error->text, "AnyValue.bool_value") || strstr(error->text, "Sum.is_monotonic");
    return strstr(error->text, "must be 0 or") || strstr(error->text, "a field number is over") ||
           strstr(error->text, "a field has the number 0");
}

/* protobuf-c refuses all groups and some repeated singular messages. The normal form has neither: what is its own
 * normal form protobuf-c takes as it is. */
static void check_not_laxer(weir_otlp_kind kind, const uint8_t *data, size_t len)
{
    WEIR_BUFFER normal = {0};
    ProtobufCMessage *message = oracle_parse_raw(kind, data, len);
    if (message) {
        protobuf_c_message_free_unpacked(message, NULL);
        return;
    }
    normalise(generator_request(kind), data, len, &normal);
    cr_assert(normal.len != len || memcmp(normal.data, data, len) != 0, "only protobuf-c refuses");
}

static void check_accepted(weir_otlp_kind kind, const uint8_t *data, size_t len, uint64_t items)
{
    check_not_laxer(kind, data, len);
    WEIR_BUFFER expected = {0};
    WEIR_BUFFER found = {0};
    ProtobufCMessage *message = oracle_parse(kind, data, len);
    oracle_describe(kind, message, &expected);
    view_describe(kind, data, len, &found);
    cr_assert_eq(expected.len, found.len);
    cr_assert(found.len == 0 || memcmp(expected.data, found.data, found.len) == 0);
    weir_otlp_items at = weir_otlp_items_of(kind, (weir_bytes){data, len});
    while (weir_otlp_items_next(&at))
        items--;
    cr_assert_eq(items, 0);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void check_damaged(weir_otlp_kind kind, const uint8_t *data, size_t len)
{
    uint64_t items = 0;
    weir_error error = {0};
    if (weir_otlp_validate(kind, data, len, &items, &error) == WEIR_OK) {
        check_accepted(kind, data, len, items);
        return;
    }
    cr_assert_eq(error.status, WEIR_INVALID);
    cr_assert_eq(error.class_, WEIR_ERROR_PERMANENT);
    cr_assert_leq(error.offset, len);
    cr_assert_eq(strncmp(error.text, "offset ", 7), 0, "%s", error.text);
    ProtobufCMessage *message = oracle_parse_raw(kind, data, len);
    cr_assert(!message || is_stricter_on_purpose(&error), "only we refuse: %s", error.text);
    if (message)
        protobuf_c_message_free_unpacked(message, NULL);
}

static void cut_everywhere(weir_otlp_kind kind, const weir_buffer *request)
{
    for (size_t len = 0; len < request->len; len++) {
        uint8_t *exact = malloc(len ? len : 1); /* a sanitizer sees a read past the end */
        memcpy(exact, request->data, len);
        check_damaged(kind, exact, len);
        free(exact);
    }
}

static void flip_everywhere(weir_otlp_kind kind, const weir_buffer *request)
{
    for (size_t bit = 0; bit < 8 * request->len; bit++) {
        request->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_damaged(kind, request->data, request->len);
        request->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void for_small_requests(void (*check)(weir_otlp_kind kind, const weir_buffer *request))
{
    for (unsigned k = 0; k < 3; k++) {
        unsigned checked = 0;
        for (uint64_t seed = 1; checked < REQUESTS_PER_KIND; seed++) {
            WEIR_BUFFER request = {0};
            generator random = {.state = seed * 7 + k, .tame = seed % 2};
            generator_make(&random, all_kinds[k], &request);
            if (request.len < 100 || request.len > REQUEST_BYTES_MAX)
                continue;
            check(all_kinds[k], &request);
            checked++;
        }
    }
}

Test(otlp_damage, a_request_cut_anywhere)
{
    for_small_requests(cut_everywhere);
}

Test(otlp_damage, a_request_with_any_bit_flipped)
{
    for_small_requests(flip_everywhere);
}
