/* SPDX-License-Identifier: Apache-2.0
 *
 * The processors, as components.c lists them. Each is described at the top of its file.
 */
#ifndef WEIR_PROCESSORS_PROCESSORS_H
#define WEIR_PROCESSORS_PROCESSORS_H

#include "component.h"

extern const weir_component_type weir_processor_memory_limiter;
extern const weir_component_type weir_processor_batch;
extern const weir_component_type weir_processor_probabilistic_sampler;
extern const weir_component_type weir_processor_attributes;
extern const weir_component_type weir_processor_resource;
extern const weir_component_type weir_processor_resourcedetection;

#endif
