/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the exporter, for its own files. An instance serves one signal on one worker and belongs to its thread;
 * es_shared is constant once it is open, but for what is atomic.
 *
 *     es_shared         one for the process
 *      └─ es_exporter       one for each signal of each worker: connections, nodes, a bulk maker
 *          └─ es_request        a push under way: its body, what its documents are of
 *
 *     push ─► bulk.c: documents ─► compressed ─► POST /_bulk ─► answer.c ─► fates.c ─► weir_push_done, …_but
 *                ▲                                 │  ▲  │
 *                └── without require_data_stream ◄─┘  └──┘ the next node
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_INTERNAL_H
#define WEIR_EXPORTERS_ELASTICSEARCH_INTERNAL_H

#include "exporters/curl/http_client.h"
#include "exporters/curl/url.h"
#include "exporters/elasticsearch/bulk.h"
#include "exporters/elasticsearch/config.h"
#include "exporters/elasticsearch/counters.h"
#include "exporters/elasticsearch/endpoints.h"

typedef struct es_shared {
    const es_config *config;
    const weir_host *host;
    const char *id;
    weir_strings urls; /* of the configuration or the environment */
    weir_url backend;  /* of the first of them, for labels and messages */
    weir_label labels[2];
    char *authorization; /* NULL: none, or the authenticator's */
    char *query;         /* of bulk requests, with its question mark */
    weir_request_headers *headers;
    weir_sender_config sender_config;
    weir_sender_shared *sender;
    _Atomic bool lacks_require_data_stream; /* the server said so */
} es_shared;

typedef struct es_discovery es_discovery;

typedef struct es_exporter {
    es_shared *shared;
    weir_signal signal;
    weir_loop *loop;
    weir_curl_client *client;
    weir_compressor *compressor; /* NULL: not compressed */
    es_bulk_maker *maker;
    es_endpoints *endpoints;
    es_discovery *discovery; /* NULL: not asked for */
    es_counters counters;
    unsigned requests;     /* under way */
    weir_timer *quiet;     /* gives the maker's buffer back */
    uint64_t input_log_ns; /* when a refused document was last written to the log */
} es_exporter;

/* ---- push.c ---- */

extern const weir_sender_ops es_sender_ops;

/* The headers of one request but those of its body; `metadata` is of the data in it, or NULL. */
WEIR_MUST_USE weir_status es_request_headers(const es_exporter *exporter, const weir_metadata *metadata,
                                             weir_headers *out, weir_error *ret_error);
/* Tells the nodes what came of a request to one of them: an answer's status, or 0. True: that node is not to blame for
 * anything. `number` counts only if `generation` is still that of the list. */
bool es_report_endpoint(es_exporter *exporter, size_t number, unsigned generation, unsigned status);

/* ---- discover.c ---- */

/* Asks for the nodes at once or after the interval, as the configuration says; NULL if it says neither. */
es_discovery *es_discovery_new(es_exporter *exporter);
void es_discovery_free(es_discovery *discovery); /* NULL is fine */

#endif
