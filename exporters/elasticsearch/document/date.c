/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/date.h"

#include <stdbool.h>

enum { YEAR_FIRST = 1970, DAYS_IN_400_YEARS = 146097, EPOCH_WEEKDAY = 4 };

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

es_date es_date_of(uint64_t days)
{
    es_date date = {.year = YEAR_FIRST, .month = 1, .weekday = (unsigned)((days + EPOCH_WEEKDAY) % 7)};
    date.year += 400 * (unsigned)(days / DAYS_IN_400_YEARS);
    unsigned left = (unsigned)(days % DAYS_IN_400_YEARS);
    for (; left >= (is_leap(date.year) ? 366u : 365u); date.year++)
        left -= is_leap(date.year) ? 366u : 365u;
    date.day_of_year = left + 1;
    for (; left >= days_of_month(date.year, date.month); date.month++)
        left -= days_of_month(date.year, date.month);
    date.day = left + 1;
    return date;
}
