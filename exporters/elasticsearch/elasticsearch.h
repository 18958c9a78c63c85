/* SPDX-License-Identifier: Apache-2.0
 *
 * The `elasticsearch` exporter: spans and log records become documents of Elasticsearch (or OpenSearch), each stored
 * once. See README.md beside this file.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_ELASTICSEARCH_H
#define WEIR_EXPORTERS_ELASTICSEARCH_ELASTICSEARCH_H

#include "component.h"

/* In a module of its own unless everything is linked into the binary. */
__attribute__((visibility("default"))) extern const weir_component_type weir_exporter_elasticsearch;

#endif
