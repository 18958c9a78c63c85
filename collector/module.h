/* SPDX-License-Identifier: Apache-2.0
 *
 * Modules: components in shared objects beside the binary, so that what a configuration does not use costs neither
 * memory nor start-up time. They are looked for in $WEIR_MODULE_PATH, in the folder of the binary, and in the folder
 * they are installed to; opened with dlopen, and never closed. Control thread, before workers run.
 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

#include "component.h"

/* The component type called `symbol` in the module `file` ("weir-debug.so"); NULL, with `ret_error` saying why and
 * what to do, if the module is not there or was built for another version of weir. */
const weir_component_type *weir_module_open(const char *file, const char *symbol, weir_error *ret_error);

#endif
