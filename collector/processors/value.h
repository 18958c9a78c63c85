/* SPDX-License-Identifier: Apache-2.0
 *
 * What the processors do with attribute values (otlp/view.h) beyond reading them: constants from the configuration,
 * comparison, and the text the Collector makes of a value. Any thread.
 */
#ifndef WEIR_PROCESSORS_VALUE_H
#define WEIR_PROCESSORS_VALUE_H

#include "config/option.h"
#include "otlp/view.h"

/* A value that the configuration gives. Zero-initialise it; an unset one is empty. Not to be moved: `value` points
 * into `wire`. */
typedef struct weir_constant {
    bool is_set;
    weir_otlp_value value;
    weir_buffer wire; /* a message with the value in field 1 */
} weir_constant;

/* Text, number, boolean, list or mapping, as YAML says. NULL and null leave it unset. */
void weir_constant_init(weir_constant *constant, const weir_node *node);
void weir_constant_done(weir_constant *constant);

/* Appends the value as the Collector's AsString: lists and mappings as JSON with sorted keys, bytes in base64, an
 * empty value as nothing. */
void weir_value_to_text(const weir_otlp_value *value, weir_buffer *out);

/* True if both are of the same type and equal; the order of keys in mappings does not count. */
bool weir_value_equal(const weir_otlp_value *value, const weir_otlp_value *other);

#endif
