/* SPDX-License-Identifier: Apache-2.0
 *
 * The `nop` exporter: takes everything, keeps nothing, says it was delivered. For measuring what stands in front of it.
 * It has no sender: nothing can wait or fail here.
 */
#ifndef WEIR_EXPORTERS_NOP_NOP_H
#define WEIR_EXPORTERS_NOP_NOP_H

#include "component.h"

extern const weir_component_type weir_exporter_nop;

#endif
