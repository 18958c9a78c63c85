/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers to text and back as the Collector (Go) does it, so that converting an attribute gives the same result in
 * both. The program never sets a locale, so the C library's conversions use a point. Pure; any thread.
 */
#ifndef WEIR_PROCESSORS_NUMBER_TEXT_H
#define WEIR_PROCESSORS_NUMBER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/text.h"

/* The shortest decimal that reads back as the same number. As in JSON and JavaScript: an exponent below 1e-6 and from
 * 1e21 on; "NaN", "Infinity", "-Infinity". */
void weir_double_to_text(double number, weir_buffer *out);

/* The same without an exponent ever; "NaN", "+Inf", "-Inf". */
void weir_double_to_plain_text(double number, weir_buffer *out);

/* A decimal number with an optional sign that fills the whole text and fits. */
bool weir_text_to_int(weir_text text, int64_t *ret_number);

/* A decimal or hexadecimal (0x…p…) number as in Go source, with "_" between digits; "inf", "infinity", "nan" in any
 * case. False for anything else and for what does not fit. */
bool weir_text_to_double(weir_text text, double *ret_number);

#endif
