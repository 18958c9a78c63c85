/* SPDX-License-Identifier: Apache-2.0
 *
 * The tokens of documents: numbers, times, keys that come twice, and depth.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "exporters/elasticsearch/document/date.h"
#include "exporters/elasticsearch/document/json.h"

typedef struct fixture {
    es_json json;
    weir_buffer out;
} fixture;

static void begin(fixture *self)
{
    es_json_init(&self->json);
    es_json_begin(&self->json, &self->out);
}

static void assert_text(fixture *self, const char *expected)
{
    cr_assert_str_eq(weir_buffer_string(&self->out), expected);
    es_json_done(&self->json);
    weir_buffer_done(&self->out);
}

static void assert_double(double number, const char *expected)
{
    fixture self = {0};
    begin(&self);
    es_json_double(&self.json, number);
    assert_text(&self, expected);
}

Test(elasticsearch_json, doubles_always_have_a_point)
{
    assert_double(1, "1.0");
    assert_double(-0.0, "-0.0");
    assert_double(0.1, "0.1");
    assert_double(1e21, "1.0e+21");
    assert_double(1.5e-7, "1.5e-07");
    assert_double(5e-324, "5.0e-324");
    assert_double(1.7976931348623157e308, "1.7976931348623157e+308");
}

Test(elasticsearch_json, what_is_no_number_is_null)
{
    assert_double(NAN, "null");
    assert_double(INFINITY, "null");
    assert_double(-INFINITY, "null");
}

Test(elasticsearch_json, hex_of_any_length)
{
    fixture self = {0};
    uint8_t bytes[300];
    memset(bytes, 0xa5, sizeof bytes);
    begin(&self);
    es_json_hex(&self.json, (weir_bytes){bytes, 0});
    es_json_hex(&self.json, (weir_bytes){bytes, sizeof bytes});
    cr_assert_eq(self.out.len, 2 + 2 + 2 * sizeof bytes);
    cr_assert_arr_eq(self.out.data, "\"\"\"a5a5", 7);
    es_json_done(&self.json);
    weir_buffer_done(&self.out);
}

Test(elasticsearch_json, times)
{
    fixture self = {0};
    begin(&self);
    es_json_epoch_millis(&self.json, UINT64_C(1700000000123000456));
    es_json_epoch_millis(&self.json, UINT64_MAX);
    es_json_iso_time(&self.json, UINT64_C(1709210096000000007));
    es_json_iso_time(&self.json, 0);
    es_json_iso_time(&self.json, UINT64_MAX);
    assert_text(&self, "\"1700000000123.000456\"\"9223372036854.775807\"\"2024-02-29T12:34:56.000000007Z\""
                       "\"1970-01-01T00:00:00.000000000Z\"\"2262-04-11T23:47:16.854775807Z\"");
}

Test(elasticsearch_json, dates)
{
    const es_date leap_end = es_date_of(11322); /* 2000-12-31 */
    cr_assert(leap_end.year == 2000 && leap_end.month == 12 && leap_end.day == 31 && leap_end.day_of_year == 366);
    cr_assert_eq(leap_end.weekday, 0, "a Sunday");
    const es_date century = es_date_of(47540); /* 2100-02-28: no leap year */
    cr_assert(century.year == 2100 && century.month == 2 && century.day == 28);
    const es_date after = es_date_of(47541);
    cr_assert(after.month == 3 && after.day == 1);
}

Test(elasticsearch_json, of_members_with_one_key_the_first_stays)
{
    fixture self = {0};
    begin(&self);
    es_json_object outer = es_json_object_open(&self.json, 1), inner = es_json_object_open(&self.json, 1);
    cr_assert(es_json_member(&self.json, &outer, WEIR_TEXT("a")));
    cr_assert(es_json_member(&self.json, &inner, WEIR_TEXT("a")), "another object's keys are others");
    cr_assert_not(es_json_member(&self.json, &outer, WEIR_TEXT("a")));
    cr_assert(es_json_member(&self.json, &outer, WEIR_TEXT("b")));
    cr_assert(es_json_member(&self.json, &outer, WEIR_TEXT("\xff")));
    cr_assert_not(es_json_member(&self.json, &outer, WEIR_TEXT("\xfe")), "both are the same as text");
    assert_text(&self, "\"a\":\"a\":,\"b\":,\"\xef\xbf\xbd\":");
}

Test(elasticsearch_json, ten_thousand_keys_and_each_of_them_twice)
{
    enum { KEYS = 10000 };
    fixture self = {0};
    begin(&self);
    for (int text = 0; text < 3; text++) {
        self.out.len = 0;
        es_json_begin(&self.json, &self.out);
        es_json_object object = es_json_object_open(&self.json, 1);
        for (int i = 0; i < 2 * KEYS; i++) {
            char key[16];
            snprintf(key, sizeof key, "key.%d", i % KEYS);
            cr_assert_eq(es_json_member(&self.json, &object, weir_text_of(key)), i < KEYS, "%s", key);
        }
    }
    es_json_done(&self.json);
    weir_buffer_done(&self.out);
}

/* ---- Names of fields --------------------------------------------------------------------------------------------- */

static void assert_name_of(unsigned depth, weir_text key, const char *expected)
{
    fixture self = {0};
    begin(&self);
    es_json_object object = es_json_object_open(&self.json, depth);
    cr_assert(es_json_member(&self.json, &object, key));
    assert_text(&self, expected);
}
#define ASSERT_NAME(key, expected) assert_name_of(1, WEIR_TEXT(key), "\"" expected "\":")

Test(elasticsearch_json, keys_that_are_names_stay)
{
    ASSERT_NAME("http.request.method", "http.request.method");
    ASSERT_NAME("a b", "a b");
    ASSERT_NAME(" a", " a");
    ASSERT_NAME("k8s.pod.label.x/y", "k8s.pod.label.x/y");
    ASSERT_NAME("\xc3\xa4", "\xc3\xa4");
    ASSERT_NAME("_id", "_id");
}

Test(elasticsearch_json, keys_that_are_no_names_are_changed)
{
    ASSERT_NAME("", "_");
    ASSERT_NAME(".", "_._");
    ASSERT_NAME("a..b", "a._.b");
    ASSERT_NAME(".a", "_.a");
    ASSERT_NAME(" \t\n", "_");
    ASSERT_NAME("a. .b", "a._.b");
    ASSERT_NAME("\xe3\x80\x80", "_");
    ASSERT_NAME("a\0b", "a\xef\xbf\xbd"
                        "b");
    assert_name_of(0, WEIR_TEXT("_id"), "\"__id\":");
}

Test(elasticsearch_json, a_long_key_is_cut)
{
    char key[40000];
    fixture self = {0};
    memset(key, 'k', sizeof key);
    begin(&self);
    es_json_object object = es_json_object_open(&self.json, 1);
    cr_assert(es_json_member(&self.json, &object, (weir_text){key, sizeof key}));
    cr_assert_eq(self.out.len, ES_NAME_BYTES_MAX + 3);
    key[sizeof key - 1] = 'x';
    cr_assert(es_json_member(&self.json, &object, (weir_text){key, sizeof key}), "another key has another name");
    es_json_done(&self.json);
    weir_buffer_done(&self.out);
}
