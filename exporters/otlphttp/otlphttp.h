/* SPDX-License-Identifier: Apache-2.0
 *
 * The `otlphttp` exporter (also `otlp_http`): OTLP over HTTP, on libcurl. A push is the concatenation of its slices, as
 * in the `otlp` exporter, posted as one body; or the same translated into JSON.
 */
#ifndef WEIR_EXPORTERS_OTLPHTTP_OTLPHTTP_H
#define WEIR_EXPORTERS_OTLPHTTP_OTLPHTTP_H

#include "component.h"

/* In a module of its own unless everything is linked into the binary. */
__attribute__((visibility("default"))) extern const weir_component_type weir_exporter_otlphttp;

#endif
