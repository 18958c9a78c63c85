/* SPDX-License-Identifier: Apache-2.0
 *
 * Text attributes of a resource, and their form in OTEL_RESOURCE_ATTRIBUTES: "key=value,key=value", values
 * percent-encoded. Belongs to whoever fills it; read by any thread afterwards.
 */
#ifndef WEIR_PROCESSORS_RESOURCE_TEXT_H
#define WEIR_PROCESSORS_RESOURCE_TEXT_H

#include "core/text.h"

/* Zero-initialise it to start. */
typedef struct weir_resource_text {
    char **keys;
    char **values;
    size_t count;
} weir_resource_text;

void weir_resource_text_done(weir_resource_text *attributes);

/* Adds a copy, unless the key is there already. */
void weir_resource_text_add(weir_resource_text *attributes, weir_text key, weir_text value);

/* Adds everything `text` lists; of a key listed twice the last counts. False, and nothing added, if the text is
 * malformed: a key without "=", empty or over 256 bytes, a value over 256 bytes, bytes that are not ASCII, a wrong
 * percent sequence. */
bool weir_resource_text_parse(weir_resource_text *attributes, weir_text text);

#endif
