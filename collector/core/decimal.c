/* SPDX-License-Identifier: Apache-2.0
 *
 * Shortest decimals by Raffaello Giulietti's algorithm ("The Schubfach way to render doubles", 2020), and doubles of
 * decimals by one multiplication whose error is known. Both need powers of ten to 128 bits; they are computed once,
 * exactly, instead of being listed here.
 */
#include "core/decimal.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "core/assert.h"

/* ---- Integers ---------------------------------------------------------------------------------------------------- */

static const char digit_pairs[] = "0001020304050607080910111213141516171819"
                                  "2021222324252627282930313233343536373839"
                                  "4041424344454647484950515253545556575859"
                                  "6061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

size_t weir_uint_write(char *out, uint64_t value)
{
    char text[WEIR_UINT_TEXT_MAX];
    char *at = text + sizeof text;
    for (; value >= 100; value /= 100)
        memcpy(at -= 2, digit_pairs + 2 * (value % 100), 2);
    if (value >= 10)
        memcpy(at -= 2, digit_pairs + 2 * value, 2);
    else
        *--at = (char)('0' + value);
    size_t len = (size_t)(text + sizeof text - at);
    memcpy(out, at, len);
    return len;
}

/* ---- Powers of ten ----------------------------------------------------------------------------------------------- */

typedef unsigned __int128 uint128;

enum {
    POWER_MIN = -343, /* times the largest uint64_t, less than a quarter of the smallest double */
    POWER_MAX = 324,
    LIMBS = 24,                 /* of 64 bits: 10^324 has 1077, and 2^1536 / 10^343 still has 396 */
    LIMBS_TOP = LIMBS * 64 - 1, /* the exponent of the largest power of two that fits */
};

typedef struct power {
    uint64_t high, low;
} power;

static power powers[POWER_MAX - POWER_MIN + 1]; /* 10^k rounded up to 128 bits, the highest of them set */
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* The highest 128 bits of the number in `limbs` (lowest first), rounded up if `is_cut` or a lower bit is set. */
static power top_bits(const uint64_t limbs[LIMBS], bool is_cut)
{
    int top = LIMBS - 1;
    while (limbs[top] == 0)
        top--;
    int shift = __builtin_clzll(limbs[top]);
    uint64_t part[3] = {limbs[top], top > 0 ? limbs[top - 1] : 0, top > 1 ? limbs[top - 2] : 0};
    uint128 bits = (uint128)part[0] << 64 | part[1];
    if (shift > 0)
        bits = bits << shift | part[2] >> (64 - shift);
    bool rest = is_cut || part[2] << shift != 0;
    for (int i = top - 3; i >= 0; i--)
        rest |= limbs[i] != 0;
    bits += rest;
    return (power){(uint64_t)(bits >> 64), (uint64_t)bits};
}

static void times_ten(uint64_t limbs[LIMBS])
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        uint128 product = (uint128)limbs[i] * 10 + carry;
        limbs[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
}

static void by_ten(uint64_t limbs[LIMBS])
{
    uint64_t remainder = 0;
    for (int i = LIMBS - 1; i >= 0; i--) {
        uint128 dividend = (uint128)remainder << 64 | limbs[i];
        limbs[i] = (uint64_t)(dividend / 10);
        remainder = (uint64_t)(dividend % 10);
    }
}

static void compute_powers(void)
{
    uint64_t limbs[LIMBS] = {1};
    for (int k = 0; k <= POWER_MAX; k++) {
        powers[k - POWER_MIN] = top_bits(limbs, false);
        times_ten(limbs);
    }
    memset(limbs, 0, sizeof limbs);
    limbs[LIMBS - 1] = (uint64_t)1 << 63;
    for (int k = -1; k >= POWER_MIN; k--) {
        by_ten(limbs);
        powers[k - POWER_MIN] = top_bits(limbs, true);
    }
}

/* ---- Shortest digits --------------------------------------------------------------------------------------------- */

/* floor(log2(10^k)), floor(log10(2^q)) and floor(log10(3/4 * 2^q)), exact in the ranges of a double's exponents. */
static int floor_log2_of_ten_to(int k)
{
    return (k * 1741647) >> 19;
}

static int floor_log10_of_two_to(int q)
{
    return (q * 1262611) >> 22;
}

static int floor_log10_of_three_quarters_of_two_to(int q)
{
    return (q * 1262611 - 524031) >> 22;
}

/* The product's part above 2^128, its lowest bit set if anything below is: rounded to odd. */
static uint64_t multiply_to_odd(power g, uint64_t factor)
{
    uint128 low = (uint128)g.low * factor;
    uint128 high = (uint128)g.high * factor + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* digits × 10^exponent. */
typedef struct short_decimal {
    uint64_t digits;
    int exponent;
} short_decimal;

/* Which of the candidates `below` and `below + 1` lies in the interval that reads back; the nearer if both do. */
static short_decimal shortest_of(uint64_t significand, int exponent, bool lower_is_closer)
{
    const bool is_odd = significand & 1;
    const int k = lower_is_closer ? floor_log10_of_three_quarters_of_two_to(exponent) : floor_log10_of_two_to(exponent);
    const int shift = exponent + floor_log2_of_ten_to(-k) + 1;
    const power g = powers[-k - POWER_MIN];
    const uint64_t value = multiply_to_odd(g, (4 * significand) << shift);
    const uint64_t lower = multiply_to_odd(g, (4 * significand - 2 + lower_is_closer) << shift) + is_odd;
    const uint64_t upper = multiply_to_odd(g, (4 * significand + 2) << shift) - is_odd;

    const uint64_t below = value / 4;
    if (below >= 10) {
        const uint64_t tens = below / 10;
        const bool tens_inside = lower <= 40 * tens;
        const bool next_inside = 40 * tens + 40 <= upper;
        if (tens_inside != next_inside)
            return (short_decimal){tens + next_inside, k + 1};
    }
    const bool below_inside = lower <= 4 * below;
    const bool above_inside = 4 * below + 4 <= upper;
    if (below_inside != above_inside)
        return (short_decimal){below + above_inside, k};
    const uint64_t middle = 4 * below + 2;
    const bool round_up = value > middle || (value == middle && (below & 1));
    return (short_decimal){below + round_up, k};
}

static short_decimal shortest(double magnitude)
{
    enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1075 };
    const uint64_t hidden = (uint64_t)1 << FRACTION_BITS;
    uint64_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    const uint64_t fraction = bits & (hidden - 1);
    const int biased = (int)(bits >> FRACTION_BITS);
    if (biased == 0)
        return shortest_of(fraction, 1 - EXPONENT_BIAS, false);
    const uint64_t significand = fraction | hidden;
    const int exponent = biased - EXPONENT_BIAS;
    const bool is_small_integer =
        exponent <= 0 && exponent >= -FRACTION_BITS && (significand & (((uint64_t)1 << -exponent) - 1)) == 0;
    if (is_small_integer)
        return (short_decimal){significand >> -exponent, 0};
    return shortest_of(significand, exponent, fraction == 0 && biased > 1);
}

weir_decimal weir_decimal_of(double finite)
{
    WEIR_ASSERT(isfinite(finite));
    weir_decimal result = {.negative = signbit(finite) != 0, .digits = "0", .len = 1, .point = 1};
    if (finite == 0)
        return result;
    pthread_once(&powers_once, compute_powers);
    short_decimal number = shortest(fabs(finite));
    char text[WEIR_UINT_TEXT_MAX];
    size_t len = weir_uint_write(text, number.digits);
    result.point = (int)len + number.exponent;
    while (text[len - 1] == '0')
        len--;
    WEIR_ASSERT(len <= sizeof result.digits);
    memcpy(result.digits, text, len);
    result.len = (int)len;
    return result;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static char *put(char *out, const char *text, int len)
{
    memcpy(out, text, (size_t)len);
    return out + len;
}

static char *put_zeros(char *out, int count)
{
    for (; count > 0; count--)
        *out++ = '0';
    return out;
}

static char *write_plain(char *out, const weir_decimal *number)
{
    if (number->point <= 0) {
        out = put_zeros(put(out, "0.", 2), -number->point);
        return put(out, number->digits, number->len);
    }
    if (number->point >= number->len)
        return put_zeros(put(out, number->digits, number->len), number->point - number->len);
    out = put(out, number->digits, number->point);
    *out++ = '.';
    return put(out, number->digits + number->point, number->len - number->point);
}

static char *write_with_exponent(char *out, const weir_decimal *number, int exponent_digits)
{
    int exponent = number->point - 1;
    *out++ = number->digits[0];
    if (number->len > 1) {
        *out++ = '.';
        out = put(out, number->digits + 1, number->len - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    exponent = exponent < 0 ? -exponent : exponent;
    if (exponent < 10)
        out = put_zeros(out, exponent_digits - 1);
    return out + weir_uint_write(out, (uint64_t)exponent);
}

size_t weir_double_write(char *out, double finite, int exponent_digits)
{
    enum { PLAIN_POINT_MIN = -5, PLAIN_POINT_MAX = 21 }; /* 0.000001 to 999999999999999999999 */
    const weir_decimal number = weir_decimal_of(finite);
    char *at = out;
    if (number.negative)
        *at++ = '-';
    bool plain = number.point >= PLAIN_POINT_MIN && number.point <= PLAIN_POINT_MAX;
    at = plain ? write_plain(at, &number) : write_with_exponent(at, &number, exponent_digits);
    return (size_t)(at - out);
}

/* ---- Doubles of decimals ----------------------------------------------------------------------------------------- */

/* The lowest `count` (0 to 128) bits set. */
static uint128 low_bits(int count)
{
    return count == 128 ? ~(uint128)0 : ((uint128)1 << count) - 1;
}

/* `top` × 2^unit, where the true value differs by less than one `unit`: the nearest double, if that is certain. */
static bool round_to_double(uint128 top, int unit, double *ret_number)
{
    enum { SIGNIFICAND_BITS = 53, EXPONENT_MIN = -1022, EXPONENT_MAX = 1023 };
    const int highest = top >> 127 ? 127 : 126;
    const int exponent = highest + unit;
    const int bits = exponent >= EXPONENT_MIN ? SIGNIFICAND_BITS : SIGNIFICAND_BITS - (EXPONENT_MIN - exponent);
    uint64_t result = 0;
    if (exponent > EXPONENT_MAX)
        return false;
    if (bits >= 0) {
        const int dropped = highest + 1 - bits;
        const uint128 rest = top & low_bits(dropped), half = (uint128)1 << (dropped - 1);
        if (rest == half)
            return false; /* the true value may be on either side, or in the middle */
        result = dropped == 128 ? 0 : (uint64_t)(top >> dropped);
        result += rest > half;
    }
    /* The highest bit of a significand of 53 bits counts one up the exponent, as does a carry out of it. */
    if (exponent >= EXPONENT_MIN)
        result += (uint64_t)(exponent - EXPONENT_MIN) << (SIGNIFICAND_BITS - 1);
    memcpy(ret_number, &result, sizeof result);
    return isfinite(*ret_number);
}

bool weir_double_of(uint64_t digits, long exponent, double *ret_number)
{
    if (digits == 0 || exponent < POWER_MIN) {
        *ret_number = 0;
        return true;
    }
    if (exponent > POWER_MAX)
        return false;
    pthread_once(&powers_once, compute_powers);
    const int shift = __builtin_clzll(digits);
    const uint64_t factor = digits << shift;
    const power ten_to = powers[exponent - POWER_MIN];
    /* The power is too large by less than one of its lowest bits, so the product by less than 2^64: what is cut off. */
    const uint128 low = (uint128)ten_to.low * factor;
    const uint128 top = (uint128)ten_to.high * factor + (uint64_t)(low >> 64);
    return round_to_double(top, floor_log2_of_ten_to((int)exponent) - 127 + 64 - shift, ret_number);
}
