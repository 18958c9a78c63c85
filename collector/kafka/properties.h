/* SPDX-License-Identifier: Apache-2.0
 *
 * librdkafka's own properties, as a person may write them under `librdkafka`: which of them are weir's to set, and
 * whether the library takes the rest.
 */
#ifndef WEIR_KAFKA_PROPERTIES_H
#define WEIR_KAFKA_PROPERTIES_H

#include "core/status.h"

/* WEIR_INVALID: the library has no such property or does not take this value, or it is one that weir's promises or its
 * memory limit rest on; the text says which key to use instead. It never shows the value. Any thread. */
WEIR_MUST_USE weir_status weir_kafka_check_property(const char *name, const char *value, weir_error *ret_error);

#endif
