/* SPDX-License-Identifier: Apache-2.0
 *
 * The health_check extension: an HTTP endpoint for probes. It answers 200 from the moment weir listens until it
 * begins to stop, whatever backends do (restarting a collector because its backend is away only loses data), and 503
 * before, after, and while a worker is stuck. Runs on the control thread.
 */
#ifndef WEIR_EXTENSIONS_HEALTH_CHECK_H
#define WEIR_EXTENSIONS_HEALTH_CHECK_H

#include "component.h"

extern const weir_component_type weir_extension_health_check;

#endif
