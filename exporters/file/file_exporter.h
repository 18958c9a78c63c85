/* SPDX-License-Identifier: Apache-2.0
 *
 * The `file` exporter: OTLP/JSON lines, or protobuf behind its length, in files.
 */
#ifndef WEIR_EXPORTERS_FILE_FILE_EXPORTER_H
#define WEIR_EXPORTERS_FILE_FILE_EXPORTER_H

#include "component.h"

extern const weir_component_type weir_exporter_file;

#endif
