/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/date_format.h"

#include "core/assert.h"
#include "core/decimal.h"
#include "exporters/elasticsearch/document/date.h"

#define SECOND_NS UINT64_C(1000000000)

typedef struct moment {
    es_date date;
    unsigned second_of_day;
    uint64_t day; /* since 1970 */
} moment;

/* Behind the percent sign and its flag. */
static const char *conversion_at(const char *at, bool *ret_is_padded)
{
    *ret_is_padded = at[1] != '-';
    return *ret_is_padded ? at + 1 : at + 2;
}

bool es_date_format_check(const char *format, uint64_t *ret_step_ns, weir_error *ret_error)
{
    uint64_t step_ns = ES_DAY_NS;
    for (const char *at = strchr(format, '%'); at; at = strchr(at + 1, '%')) {
        bool is_padded;
        at = conversion_at(at, &is_padded);
        if (*at == '\0' || !strchr("YCymdjGgVUWuwHMSF%", *at)) {
            weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                           "the date format \"%s\" has %%%.*s, which is not supported", format, *at ? 1 : 0, at);
            return false;
        }
        const uint64_t step = *at == 'S'   ? SECOND_NS
                              : *at == 'M' ? 60 * SECOND_NS
                              : *at == 'H' ? 3600 * SECOND_NS
                                           : ES_DAY_NS;
        step_ns = step < step_ns ? step : step_ns;
    }
    *ret_step_ns = step_ns;
    return true;
}

/* The year and week that ISO 8601 counts: a week is of the year that its Thursday is in. */
static es_date thursday_of(const moment *now)
{
    const unsigned since_monday = (now->date.weekday + 6) % 7;
    return es_date_of(now->day + 3 - since_monday); /* 1970 began on a Thursday: this is no day before it */
}

/* How many weeks of this year began before or on this day, with those that begin on `weekday`. */
static unsigned week_from(const moment *now, unsigned weekday)
{
    const unsigned since = (now->date.weekday + 7 - weekday) % 7;
    return (now->date.day_of_year + 6 - since) / 7;
}

static void put_number(weir_buffer *out, unsigned number, unsigned digits, bool is_padded)
{
    char text[WEIR_UINT_TEXT_MAX];
    const size_t len = weir_uint_write(text, number);
    for (size_t i = len; is_padded && i < digits; i++)
        weir_buffer_append_byte(out, '0');
    weir_buffer_append(out, text, len);
}

static void put_day(weir_buffer *out, const es_date *date)
{
    put_number(out, date->year, 4, true);
    weir_buffer_append_byte(out, '-');
    put_number(out, date->month, 2, true);
    weir_buffer_append_byte(out, '-');
    put_number(out, date->day, 2, true);
}

static void put_conversion(weir_buffer *out, char conversion, const moment *now, bool is_padded)
{
    const es_date *date = &now->date;
    switch (conversion) {
    case 'Y':
        put_number(out, date->year, 4, is_padded);
        break;
    case 'C':
        put_number(out, date->year / 100, 2, is_padded);
        break;
    case 'y':
        put_number(out, date->year % 100, 2, is_padded);
        break;
    case 'm':
        put_number(out, date->month, 2, is_padded);
        break;
    case 'd':
        put_number(out, date->day, 2, is_padded);
        break;
    case 'j':
        put_number(out, date->day_of_year, 3, is_padded);
        break;
    case 'G':
        put_number(out, thursday_of(now).year, 4, is_padded);
        break;
    case 'g':
        put_number(out, thursday_of(now).year % 100, 2, is_padded);
        break;
    case 'V':
        put_number(out, (thursday_of(now).day_of_year + 6) / 7, 2, is_padded);
        break;
    case 'U':
        put_number(out, week_from(now, 0), 2, is_padded);
        break;
    case 'W':
        put_number(out, week_from(now, 1), 2, is_padded);
        break;
    case 'u':
        put_number(out, date->weekday == 0 ? 7 : date->weekday, 1, is_padded);
        break;
    case 'w':
        put_number(out, date->weekday, 1, is_padded);
        break;
    case 'H':
        put_number(out, now->second_of_day / 3600, 2, is_padded);
        break;
    case 'M':
        put_number(out, now->second_of_day / 60 % 60, 2, is_padded);
        break;
    case 'S':
        put_number(out, now->second_of_day % 60, 2, is_padded);
        break;
    case 'F':
        put_day(out, date);
        break;
    case '%':
        weir_buffer_append_byte(out, '%');
        break;
    default:
        WEIR_ASSERT(false); /* it was checked */
    }
}

void es_date_format_write(const char *format, uint64_t time_ns, weir_buffer *out)
{
    const uint64_t day = time_ns / ES_DAY_NS;
    const moment now = {es_date_of(day), (unsigned)(time_ns % ES_DAY_NS / SECOND_NS), day};
    for (const char *at = format; *at; at++) {
        if (*at != '%') {
            weir_buffer_append_byte(out, (uint8_t)*at);
            continue;
        }
        bool is_padded;
        at = conversion_at(at, &is_padded);
        put_conversion(out, *at, &now, is_padded);
    }
}
