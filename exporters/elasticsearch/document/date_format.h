/* SPDX-License-Identifier: Apache-2.0
 *
 * A time by a pattern of strftime's conversions, in UTC and without a locale: what names of indices need.
 *   %Y %C %y  year, century, year in the century      %m %d %j  month, day, day of the year
 *   %G %g %V  year and week of ISO 8601               %U %W     week of the year, from its first Sunday or Monday
 *   %u %w     weekday, 1 (Monday) … 7, 0 (Sunday) … 6 %H %M %S  hour, minute, second
 *   %F        %Y-%m-%d                                %%        a percent sign
 * A '-' behind the percent sign leaves out zeros before a number. Names of months and days begin with a capital, which
 * names of indices must not have: there are none. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_DATE_FORMAT_H
#define WEIR_EXPORTERS_ELASTICSEARCH_DATE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"
#include "core/text.h"

/* Whether `format` has only these conversions; `ret_error` says which it is otherwise. `*ret_step_ns` is how long a text
 * stays the same: a day, an hour, a minute or a second. */
WEIR_MUST_USE bool es_date_format_check(const char *format, uint64_t *ret_step_ns, weir_error *ret_error);

/* Appends `time_ns` by a format that was checked. */
void es_date_format_write(const char *format, uint64_t time_ns, weir_buffer *out);

#endif
