/* SPDX-License-Identifier: Apache-2.0
 *
 * The `otlp` exporter (also `otlp_grpc`): OTLP over gRPC, over TLS or in clear text. A push is the concatenation of its
 * slices: serialized requests one after the other are one valid request (protobuf's merge rule for repeated fields), so
 * nothing is decoded.
 */
#ifndef WEIR_EXPORTERS_OTLP_OTLP_EXPORTER_H
#define WEIR_EXPORTERS_OTLP_OTLP_EXPORTER_H

#include "component.h"

extern const weir_component_type weir_exporter_otlp;

#endif
