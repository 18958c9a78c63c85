/* SPDX-License-Identifier: Apache-2.0
 *
 * Every component weir has, one line each, built in or in a module.
 */
#ifndef WEIR_COMPONENTS_H
#define WEIR_COMPONENTS_H

#include "component.h"

/* The component of this kind with this name or alias, its module opened if it has one. NULL, with `ret_error` saying
 * why, if there is none or its module cannot be opened. Control thread, before workers run. */
const weir_component_type *weir_component_find(weir_component_kind kind, const char *name, weir_error *ret_error);

/* All of them in order, for listings; NULL past the end. A component whose module is not installed is left out. */
const weir_component_type *weir_component_at(size_t index);
size_t weir_component_count(void);

/* The `index`-th name of that kind, aliases included; NULL past the last. No module is opened for it. */
const char *weir_component_name(weir_component_kind kind, size_t index);

/* "receiver", "processor", "exporter", "extension". */
const char *weir_component_kind_name(weir_component_kind kind);

#endif
