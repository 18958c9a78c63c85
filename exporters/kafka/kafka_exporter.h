/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EXPORTERS_KAFKA_KAFKA_EXPORTER_H
#define WEIR_EXPORTERS_KAFKA_KAFKA_EXPORTER_H

#include "component.h"

extern const weir_component_type weir_exporter_kafka;

#endif
