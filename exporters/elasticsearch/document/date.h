/* SPDX-License-Identifier: Apache-2.0
 *
 * Days of the Gregorian calendar, in UTC, without the C library's time zones. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_DATE_H
#define WEIR_EXPORTERS_ELASTICSEARCH_DATE_H

#include <stdint.h>

#define ES_DAY_NS (UINT64_C(86400) * 1000000000)

typedef struct es_date {
    unsigned year;        /* 1970 … 2554, which is as far as 64 bits of nanoseconds go */
    unsigned month;       /* 1 … 12 */
    unsigned day;         /* 1 … 31 */
    unsigned day_of_year; /* 1 … 366 */
    unsigned weekday;     /* 0 is Sunday */
} es_date;

/* The date `days` days after 1970-01-01. */
es_date es_date_of(uint64_t days);

#endif
