/* SPDX-License-Identifier: Apache-2.0
 *
 * The `otlp` receiver: OTLP over gRPC and over HTTP. A client's OK is given when the pipeline says that its data is
 * safe, never before. README.md in this folder is the way in.
 */
#ifndef WEIR_RECEIVERS_OTLP_RECEIVER_H
#define WEIR_RECEIVERS_OTLP_RECEIVER_H

#include "component.h"

extern const weir_component_type weir_receiver_otlp;

#endif
