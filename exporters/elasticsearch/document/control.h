/* SPDX-License-Identifier: Apache-2.0
 *
 * What attributes say about a document rather than in it: where it goes (README of the Collector's elasticsearch
 * exporter, "Elasticsearch document routing"), under which id, through which pipeline, or not at all.
 *
 * Where it goes, the first that applies:
 *   1. the index of the configuration (logs_index, traces_index; events of spans: logs_index)
 *   2. the attribute elasticsearch.index of the item, its scope or its resource
 *   3. the data stream TYPE-DATASET-NAMESPACE from data_stream.dataset and data_stream.namespace, looked up likewise;
 *      without a dataset from the scope (Collector self-telemetry, encoding.format, /receiver/NAMEreceiver,
 *      /connector/NAMEconnector), else "generic" and "default". In otel mode the dataset ends with ".otel". Characters
 *      a data stream must not have become '_', upper case becomes lower, and 100 bytes are the limit of each part
 *      (cut between characters). In bodymap mode data_stream.type may be "logs" or "metrics"
 * With logstash_format the name of 1 to 3 gets a date behind it: that of the record (what its document has as
 * @timestamp), where the Collector takes the clock's; so that what is sent again goes to the same index.
 * Events of spans in ecs mode go to logs-apm.error-NAMESPACE or logs-apm.app.SERVICE-NAMESPACE whatever else is said.
 * An attribute that is empty counts as absent. Attributes that are no strings are read as their text.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_CONTROL_H
#define WEIR_EXPORTERS_ELASTICSEARCH_CONTROL_H

#include "exporters/elasticsearch/document/document.h"

/* From the configuration; all texts are borrowed as long as the router lives. */
typedef struct es_routing {
    const char *logs_index, *traces_index; /* NULL or "": routed by attributes */
    bool logstash_format;
    const char *logstash_prefix_separator; /* "-" */
    const char *logstash_date_format;      /* date_format.h, checked: "%Y.%m.%d" */
    bool logs_dynamic_id, traces_dynamic_id, logs_dynamic_pipeline;
} es_routing;

/* What was read for one document. Texts point into the data or into the router, until its next call. */
typedef struct es_control {
    bool is_hidden; /* elasticsearch.mapping.hints has "_noindex": there is to be no document */
    es_target target;
    weir_text id;       /* elasticsearch.document_id, if that is wanted and not empty; else {NULL, 0} */
    weir_text pipeline; /* elasticsearch.ingest_pipeline, likewise */
} es_control;

typedef struct es_router es_router;

/* Copies the struct, borrows its texts; never NULL. The date format has passed es_date_format_check (date_format.h). */
es_router *es_router_new(const es_routing *routing);
void es_router_free(es_router *router);

/* As es_encoder_enter and es_encoder_leave, to be called beside them. */
void es_router_enter(es_router *router, es_mode mode, weir_bytes resource, weir_bytes scope);
void es_router_leave(es_router *router);

/* The mode a scope asks for by its attribute elastic.mapping.mode; {NULL, 0}: it does not. `scope` is the body of the
 * ScopeSpans or ScopeLogs. Pure function. */
weir_text es_scope_mode(weir_bytes scope);

/* False and `ret_error` PERMANENT if the item names a place that cannot be (data_stream.type in bodymap mode; an index
 * name that Elasticsearch does not allow, which would fail the whole bulk request). */
WEIR_MUST_USE bool es_route_log(es_router *router, weir_bytes record, es_control *ret_control, weir_error *ret_error);
WEIR_MUST_USE bool es_route_span(es_router *router, weir_bytes span, es_control *ret_control, weir_error *ret_error);
WEIR_MUST_USE bool es_route_span_event(es_router *router, weir_bytes span, weir_bytes event, es_control *ret_control,
                                       weir_error *ret_error);

#endif
