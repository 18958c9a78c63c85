/* SPDX-License-Identifier: Apache-2.0
 *
 * Modules: components in shared objects beside the binary, so that what a configuration does not use costs neither
 * memory nor start-up time. They are looked for in $WEIR_MODULE_PATH, in the folder of the binary, and in the folder
 * they are installed to; opened with dlopen, and never closed. Control thread, before workers run.
 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

#include "component.h"

/* The table called `symbol` in the module `file` ("weir-debug.so"): a structure whose first member is `unsigned abi`,
 * which must be the given one. NULL, with `ret_error` saying why and what to do, if the module is not there or was
 * built for another version of weir. */
const void *weir_module_open(const char *file, const char *symbol, unsigned abi, weir_error *ret_error);

/* The TLS provider, its module opened when it is first asked for; NULL and an error as above. */
const weir_tls_provider *weir_module_tls(weir_error *ret_error);

#endif
