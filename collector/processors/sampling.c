/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/sampling.h"

#include <math.h>
#include <stdio.h>

enum {
    HASH_BITS = 14, /* of a hash's 32 that hash_seed mode looks at */
    HASH_BUCKETS = 1 << HASH_BITS,
    HASH_SHIFT = 56 - HASH_BITS,
    BITS_PER_DIGIT = 4
};

uint32_t weir_fnv1a32(uint32_t seed, const uint8_t *bytes, size_t len)
{
    const uint32_t prime = 16777619;
    uint32_t hash = UINT32_C(2166136261);
    for (unsigned shift = 0; shift < 32; shift += 8)
        hash = (hash ^ ((seed >> shift) & 0xff)) * prime;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * prime;
    return hash;
}

uint64_t weir_randomness_of_hash(uint32_t hash)
{
    uint64_t bucket = hash & (HASH_BUCKETS - 1);
    uint64_t unused = hash >> (32 - HASH_BITS);
    uint64_t mixed = unused ^ (unused << 10);
    /* Low buckets are kept first there; here high randomness is, so the bucket is counted from the other end. */
    return ((HASH_BUCKETS - 1 - bucket) << HASH_SHIFT) | (mixed << HASH_BITS) | bucket;
}

uint64_t weir_threshold_of_percentage(float percentage)
{
    const float buckets_per_percent = HASH_BUCKETS / 100.0F;
    if (percentage >= 100.0F)
        return WEIR_SAMPLING_ALWAYS;
    uint32_t kept = percentage > 0.0F ? (uint32_t)(percentage * buckets_per_percent) : 0;
    return (uint64_t)(HASH_BUCKETS - kept) << HASH_SHIFT;
}

uint64_t weir_randomness_of_trace_id(const uint8_t trace_id[16])
{
    uint64_t randomness = 0;
    for (unsigned i = 9; i < 16; i++)
        randomness = randomness << 8 | trace_id[i];
    return randomness;
}

/* Hex digits that are all 0 (or f) at the start of a fraction this small say little: as many more are added. */
static int leading_digits(double fraction)
{
    int exponent;
    frexp(fraction, &exponent);
    return exponent / -BITS_PER_DIGIT;
}

bool weir_threshold_of_probability(double probability, unsigned precision, uint64_t *ret_threshold)
{
    if (!(probability >= 0x1p-56 && probability <= 1))
        return false;
    if (probability == 1) {
        *ret_threshold = WEIR_SAMPLING_ALWAYS;
        return true;
    }
    int small = leading_digits(probability), large = leading_digits(1 - probability);
    int digits = (int)precision + (small > large ? small : large);
    uint64_t threshold = WEIR_SAMPLING_NEVER - (uint64_t)round(probability * (double)WEIR_SAMPLING_NEVER);
    if (digits < WEIR_SAMPLING_DIGITS) {
        int shift = BITS_PER_DIGIT * (WEIR_SAMPLING_DIGITS - digits);
        threshold += UINT64_C(1) << (shift - 1);
        threshold = threshold >> shift << shift;
    }
    *ret_threshold = threshold;
    return true;
}

double weir_probability_of_threshold(uint64_t threshold)
{
    return (double)(WEIR_SAMPLING_NEVER - threshold) / (double)WEIR_SAMPLING_NEVER;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool weir_threshold_parse(weir_text text, uint64_t *ret_threshold)
{
    if (text.len == 0 || text.len > WEIR_SAMPLING_DIGITS)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0)
            return false;
        value = value << BITS_PER_DIGIT | (uint64_t)digit;
    }
    *ret_threshold = value << (BITS_PER_DIGIT * (WEIR_SAMPLING_DIGITS - text.len));
    return true;
}

bool weir_randomness_parse(weir_text text, uint64_t *ret_randomness)
{
    return text.len == WEIR_SAMPLING_DIGITS && weir_threshold_parse(text, ret_randomness);
}

size_t weir_randomness_format(uint64_t randomness, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = WEIR_SAMPLING_DIGITS; i-- > 0; randomness >>= BITS_PER_DIGIT)
        ret_text[i] = digits[randomness & 0xf];
    ret_text[WEIR_SAMPLING_DIGITS] = '\0';
    return WEIR_SAMPLING_DIGITS;
}

size_t weir_threshold_format(uint64_t threshold, char *ret_text)
{
    size_t len = 0;
    if (threshold == WEIR_SAMPLING_ALWAYS) {
        ret_text[len++] = '0';
    } else if (threshold < WEIR_SAMPLING_NEVER) {
        len = weir_randomness_format(threshold, ret_text);
        while (ret_text[len - 1] == '0')
            len--;
    }
    ret_text[len] = '\0';
    return len;
}
