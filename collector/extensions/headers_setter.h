/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers_setter extension: headers of outgoing requests, from the configuration, from files, or from the metadata
 * of the data in them (a tenant's name that came in as a header goes out as one). Keys are those of the Collector's
 * headerssetterextension (0.158).
 */
#ifndef WEIR_EXTENSIONS_HEADERS_SETTER_H
#define WEIR_EXTENSIONS_HEADERS_SETTER_H

#include "component.h"

extern const weir_component_type weir_extension_headers_setter;

#endif
