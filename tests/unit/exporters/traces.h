/* SPDX-License-Identifier: Apache-2.0
 *
 * Small trace requests whose spans are numbered by their names, and reading the numbers back.
 */
#ifndef TESTS_UNIT_EXPORTERS_TRACES_H
#define TESTS_UNIT_EXPORTERS_TRACES_H

#include "core/slice.h"

/* A request with one resource and `count` spans, named "00000007" from number `first` on. */
weir_slice traces_slice(uint32_t first, uint32_t count);

/* Calls `seen` with the number of every span of the request. */
void traces_each(const uint8_t *data, size_t len, void (*seen)(void *user, uint32_t number), void *user);

#endif
