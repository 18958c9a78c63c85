/* SPDX-License-Identifier: Apache-2.0
 *
 * The bearertokenauth extension (RFC 6750): a token for outgoing requests, or the tokens that incoming ones may have;
 * from the configuration, or from a file that may change. Keys and answers are those of the Collector's
 * bearertokenauthextension (0.158).
 */
#ifndef WEIR_EXTENSIONS_BEARERTOKENAUTH_H
#define WEIR_EXTENSIONS_BEARERTOKENAUTH_H

#include "component.h"

extern const weir_component_type weir_extension_bearertokenauth;

#endif
