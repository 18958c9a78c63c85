/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of sampling. Expected thresholds are worked out from the definition (keep p: reject (1-p) of 2^56)
 * or stand in OpenTelemetry's specification of th and rv; hashes are the published test vectors of FNV.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "processors/sampling.h"
#include "processors/tracestate.h"

static void assert_threshold(double probability, unsigned precision, const char *expected)
{
    uint64_t threshold;
    char text[WEIR_SAMPLING_TEXT_SIZE];
    cr_assert(weir_threshold_of_probability(probability, precision, &threshold));
    weir_threshold_format(threshold, text);
    cr_assert_str_eq(text, expected, "probability %g with %u digits gives %s, not %s", probability, precision, text,
                     expected);
}

Test(sampling, thresholds_of_probabilities)
{
    assert_threshold(1, 4, "0");
    assert_threshold(0.5, 4, "8");
    assert_threshold(0.25, 4, "c");
    assert_threshold(0.01, 4, "fd70a");
    assert_threshold(2.0 / 3, 4, "5555");
    assert_threshold(1.0 / 3, 3, "aab");
    assert_threshold(1.0 / 3, 14, "aaaaaaaaaaaaac");
    assert_threshold(0x1p-56, 4, "ffffffffffffff");
    assert_threshold(1.0 / 16384, 4, "fffc");
}

Test(sampling, probabilities_out_of_range)
{
    uint64_t threshold = 7;
    cr_assert_not(weir_threshold_of_probability(0, 4, &threshold));
    cr_assert_not(weir_threshold_of_probability(0x1p-57, 4, &threshold));
    cr_assert_not(weir_threshold_of_probability(1.0001, 4, &threshold));
    cr_assert_not(weir_threshold_of_probability(-1, 4, &threshold));
    cr_assert_eq(threshold, 7, "a result was written in spite of the failure");
}

Test(sampling, threshold_text_is_read_back)
{
    uint64_t threshold;
    cr_assert(weir_threshold_parse(WEIR_TEXT("c"), &threshold));
    cr_assert_eq(threshold, UINT64_C(0xc0000000000000));
    cr_assert_float_eq(weir_probability_of_threshold(threshold), 0.25, 1e-12);
    cr_assert(weir_threshold_parse(WEIR_TEXT("0"), &threshold));
    cr_assert_eq(threshold, WEIR_SAMPLING_ALWAYS);
    cr_assert_not(weir_threshold_parse(WEIR_TEXT(""), &threshold));
    cr_assert_not(weir_threshold_parse(WEIR_TEXT("g"), &threshold));
    cr_assert_not(weir_threshold_parse(WEIR_TEXT("123456789abcdef"), &threshold));
    cr_assert_not(weir_randomness_parse(WEIR_TEXT("123456789abcd"), &threshold));
    cr_assert(weir_randomness_parse(WEIR_TEXT("0123456789ABcd"), &threshold));
    cr_assert_eq(threshold, UINT64_C(0x0123456789abcd));
}

Test(sampling, never_has_no_text)
{
    char text[WEIR_SAMPLING_TEXT_SIZE];
    cr_assert_eq(weir_threshold_format(WEIR_SAMPLING_NEVER, text), 0);
    cr_assert_str_eq(text, "");
}

Test(sampling, fnv1a_vectors)
{
    /* Over four zero bytes first, since seed 0 is hashed too; then "a" and "foobar" go on from there. */
    cr_assert_eq(weir_fnv1a32(0, NULL, 0), 0x4b95f515U);
    /* The seed's bytes are little-endian: "foob" is 0x626f6f66, and "ar" follows. */
    cr_assert_eq(weir_fnv1a32(0x626f6f66, (const uint8_t *)"ar", 2), 0xbf9cf968U);
}

Test(sampling, percentage_keeps_its_share_of_buckets)
{
    cr_assert_eq(weir_threshold_of_percentage(100), WEIR_SAMPLING_ALWAYS);
    cr_assert_eq(weir_threshold_of_percentage(250), WEIR_SAMPLING_ALWAYS);
    cr_assert_eq(weir_threshold_of_percentage(0), WEIR_SAMPLING_NEVER);
    cr_assert_eq(weir_threshold_of_percentage(0.006F), WEIR_SAMPLING_NEVER);
    uint64_t threshold = weir_threshold_of_percentage(10);
    unsigned kept = 0;
    for (uint32_t bucket = 0; bucket < 16384; bucket++)
        kept += threshold <= weir_randomness_of_hash(bucket);
    cr_assert_eq(kept, 1638);
    cr_assert(threshold <= weir_randomness_of_hash(1637), "the lowest buckets are the ones kept");
    cr_assert_not(threshold <= weir_randomness_of_hash(1638));
}

static void assert_round_trip(const char *input, bool valid, const char *output)
{
    weir_tracestate state;
    char text[WEIR_TRACESTATE_TEXT_SIZE];
    cr_assert_eq(weir_tracestate_parse(&state, weir_text_of(input)), valid, "%s", input);
    size_t len = weir_tracestate_format(&state, text);
    cr_assert_eq(len, strlen(output), "\"%s\" became \"%.*s\"", input, (int)len, text);
    cr_assert(memcmp(text, output, len) == 0, "\"%s\" became \"%.*s\"", input, (int)len, text);
}

Test(tracestate, is_written_with_opentelemetry_first)
{
    assert_round_trip("", true, "");
    assert_round_trip("a=1", true, "a=1");
    assert_round_trip("a=1 , ,b=2", true, "a=1,b=2");
    assert_round_trip("a=1,ot=th:c", true, "ot=th:c,a=1");
    assert_round_trip("ot=p:8;th:c;rv:d29d6a7215ced0;x:", true, "ot=rv:d29d6a7215ced0;th:c;p:8;x:");
    assert_round_trip("tenant@sys=v", true, "tenant@sys=v");
    assert_round_trip("0t@sys=v", true, "0t@sys=v");
}

Test(tracestate, malformed_parts_are_dropped)
{
    assert_round_trip("no equals", false, "");
    assert_round_trip("a=1,B=2", false, "");
    assert_round_trip("0a=1", false, "");
    assert_round_trip("a=x=y", false, "");
    assert_round_trip("a=1,ot=th:c;", false, "a=1");
    assert_round_trip("a=1,ot=th:zz;p:8", false, "ot=p:8,a=1");
    assert_round_trip("ot=rv:123;th:8", false, "ot=th:8");
    assert_round_trip("aaaaaaaaaaaaaaaaaaaa@aaaaaaaaaaaaaaa=1,b=2", false, "b=2");
}

Test(tracestate, at_most_31_members)
{
    char text[256] = "";
    for (int i = 0; i < 31; i++)
        strcat(text, i ? ",k=v" : "k=v");
    assert_round_trip(text, true, text);
    char more[sizeof text + 8];
    snprintf(more, sizeof more, "%s,last=v", text);
    assert_round_trip(more, false, text);
}

Test(tracestate, set_and_clear)
{
    weir_tracestate state;
    char text[WEIR_TRACESTATE_TEXT_SIZE];
    cr_assert(weir_tracestate_parse(&state, WEIR_TEXT("v=1,ot=th:8;z:9")));
    cr_assert(state.has_threshold && !state.has_randomness);
    weir_tracestate_set_threshold(&state, UINT64_C(0xc0000000000000));
    weir_tracestate_set_randomness(&state, 1);
    size_t len = weir_tracestate_format(&state, text);
    cr_assert(weir_text_is((weir_text){text, len}, "ot=rv:00000000000001;th:c;z:9,v=1"), "%.*s", (int)len, text);
    weir_tracestate_clear_threshold(&state);
    len = weir_tracestate_format(&state, text);
    cr_assert(weir_text_is((weir_text){text, len}, "ot=rv:00000000000001;z:9,v=1"), "%.*s", (int)len, text);
}
