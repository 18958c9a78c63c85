/* SPDX-License-Identifier: Apache-2.0 */
#include "config/quantity.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "core/memory.h"

typedef struct duration_unit {
    const char *name;
    double nanoseconds;
} duration_unit;

/* Longer names first where one begins another. */
static const duration_unit duration_units[] = {{"ns", 1},
                                               {"us", 1e3},
                                               {"\xc2\xb5s", 1e3} /* micro sign */,
                                               {"\xce\xbcs", 1e3} /* Greek mu */,
                                               {"ms", 1e6},
                                               {"s", 1e9},
                                               {"m", 60e9},
                                               {"h", 3600e9}};

static const duration_unit *find_unit(const char *text)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(duration_units); i++) {
        const char *name = duration_units[i].name;
        if (strncmp(text, name, strlen(name)) == 0)
            return &duration_units[i];
    }
    return NULL;
}

/* digits[.digits], without sign or exponent; gives what follows, NULL if there is no number. */
static const char *skip_decimal(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    if (whole + fraction == 0)
        return NULL;
    return text + whole + (text[whole] == '.' ? 1 + fraction : 0);
}

bool weir_parse_duration(const char *text, uint64_t *ret_ms)
{
    static const double nanoseconds_max = 9.2e18; /* Go counts in an int64 */
    double sum = 0;
    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text) {
        const char *end = skip_decimal(text);
        const duration_unit *unit = end ? find_unit(end) : NULL;
        if (!unit)
            return false;
        sum += strtod(text, NULL) * unit->nanoseconds;
        text = end + strlen(unit->name);
    }
    if (!(sum <= nanoseconds_max))
        return false;
    /* To whole nanoseconds first: sums of decimal fractions are off by a hair, and 0.1s0.2s is not to become 301 ms. */
    uint64_t nanoseconds = (uint64_t)round(sum);
    *ret_ms = nanoseconds / 1000000 + (nanoseconds % 1000000 > 0);
    return true;
}

bool weir_parse_bytes(const char *text, uint64_t *ret_bytes)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } units[] = {{"", 1},
                 {"B", 1},
                 {"KB", 1000},
                 {"MB", 1000 * 1000},
                 {"GB", 1000 * 1000 * 1000},
                 {"TB", 1000ULL * 1000 * 1000 * 1000},
                 {"KiB", 1ULL << 10},
                 {"MiB", 1ULL << 20},
                 {"GiB", 1ULL << 30},
                 {"TiB", 1ULL << 40}};
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    if (!weir_text_to_uint((weir_text){text, digits}, UINT64_MAX, &number))
        return false;
    const char *unit = text + digits;
    unit += *unit == ' ';
    for (size_t i = 0; i < WEIR_COUNT_OF(units); i++) {
        if (strcasecmp(unit, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].bytes, ret_bytes);
    }
    return false;
}

void weir_print_duration(uint64_t ms, weir_buffer *out)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"h", 3600 * 1000}, {"m", 60 * 1000}, {"s", 1000}, {"ms", 1}};
    if (ms == 0)
        weir_buffer_append_text(out, "0s");
    for (size_t i = 0; i < WEIR_COUNT_OF(units); i++) {
        if (ms >= units[i].ms)
            weir_buffer_printf(out, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].name);
        ms %= units[i].ms;
    }
}
