/* SPDX-License-Identifier: Apache-2.0
 *
 * The `kafka` exporter: OTLP in Kafka messages, one for each partition and push, on librdkafka (collector/kafka).
 */
#ifndef WEIR_EXPORTERS_KAFKA_KAFKA_EXPORTER_H
#define WEIR_EXPORTERS_KAFKA_KAFKA_EXPORTER_H

#include "component.h"

/* In a module of its own unless everything is linked into the binary. */
__attribute__((visibility("default"))) extern const weir_component_type weir_exporter_kafka;

#endif
