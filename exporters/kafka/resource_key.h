/* SPDX-License-Identifier: Apache-2.0
 *
 * The key that stands for a resource: the hash that the Collector's exporter writes as the key of a message with
 * partition_logs_by_resource_attributes and partition_metrics_by_resource_attributes (MapHash of its pkg/pdatautil), so
 * that both put a resource into the same partition. Pure function; any thread.
 */
#ifndef WEIR_EXPORTERS_KAFKA_RESOURCE_KEY_H
#define WEIR_EXPORTERS_KAFKA_RESOURCE_KEY_H

#include "core/text.h"

enum { KAFKA_RESOURCE_KEY_BYTES = 16 };

/* `resource`: the body of a ResourceSpans, ResourceLogs or ResourceMetrics, validated. The order of attributes does not
 * matter; of several with one key the first counts. */
void kafka_resource_key(weir_bytes resource, uint8_t ret_key[KAFKA_RESOURCE_KEY_BYTES]);

#endif
