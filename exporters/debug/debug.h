/* SPDX-License-Identifier: Apache-2.0
 *
 * The `debug` exporter: writes what it is given to standard output, in the format of the Collector's debug exporter.
 * It decodes every message with protobuf-c and writes without haste: a tool for looking, not for load.
 */
#ifndef WEIR_EXPORTERS_DEBUG_DEBUG_H
#define WEIR_EXPORTERS_DEBUG_DEBUG_H

#include "component.h"

/* In a module of its own unless everything is linked into the binary. */
__attribute__((visibility("default"))) extern const weir_component_type weir_exporter_debug;

#endif
