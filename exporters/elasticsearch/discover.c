/* SPDX-License-Identifier: Apache-2.0
 *
 * `discover`: which nodes there are is asked of one of them (GET /_nodes/http), and they take the place of those that are
 * configured. What is not answered changes nothing.
 */
#include <stdlib.h>

#include "core/memory.h"
#include "exporters/elasticsearch/internal.h"
#include "telemetry/log.h"

enum { DISCOVERY_TIMEOUT_MS = 30 * 1000 };

static const uint64_t ns_per_ms = 1000000;

struct es_discovery {
    es_exporter *exporter;
    weir_timer *timer;
    weir_curl_call *call; /* NULL: none */
    size_t endpoint;      /* that is being asked */
    unsigned generation;
};

static void schedule(es_discovery *discovery)
{
    uint64_t interval_ms = discovery->exporter->shared->config->discover.interval_ms;
    if (interval_ms > 0)
        weir_timer_start(discovery->timer, interval_ms);
}

static void failed(es_discovery *discovery, const char *why)
{
    weir_log(WEIR_LOG_WARN, discovery->exporter->shared->id, "the nodes could not be discovered error=\"%s\"", why);
}

static void take(es_discovery *discovery, weir_bytes body)
{
    es_exporter *exporter = discovery->exporter;
    weir_strings urls = {0};
    if (!es_nodes_read(body, exporter->shared->backend.scheme, &urls)) {
        failed(discovery, "the answer names no nodes");
        return;
    }
    es_endpoints_replace(exporter->endpoints, (const char *const *)urls.items, urls.count);
    weir_metric_set(exporter->counters.endpoints_well,
                    (int64_t)es_endpoints_well(exporter->endpoints, weir_loop_now_ns(exporter->loop)));
    weir_log(WEIR_LOG_INFO, exporter->shared->id, "nodes were discovered nodes=%zu", urls.count);
    for (size_t i = 0; i < urls.count; i++)
        free(urls.items[i]);
    free(urls.items);
}

static void on_done(void *user, weir_curl_call *call, const weir_error *error, const weir_curl_answer *answer)
{
    es_discovery *discovery = user;
    unsigned status = answer ? answer->status : 0;
    (void)call;
    discovery->call = NULL;
    es_report_endpoint(discovery->exporter, discovery->endpoint, discovery->generation, status);
    if (!answer)
        failed(discovery, error->text);
    else if (status != 200)
        failed(discovery, status == 401 || status == 403 ? "the server refuses: it wants the cluster privilege monitor"
                                                         : "the server does not answer with status 200");
    else
        take(discovery, answer->body);
    schedule(discovery);
}

static void ask(void *user)
{
    es_discovery *discovery = user;
    es_exporter *exporter = discovery->exporter;
    uint64_t now = weir_loop_now_ns(exporter->loop);
    WEIR_CLEANUP(weir_headers_done) weir_headers headers = {0};
    weir_error error = {0};
    if (es_request_headers(exporter, NULL, &headers, &error) != WEIR_OK) {
        failed(discovery, error.text);
        schedule(discovery);
        return;
    }
    discovery->endpoint = es_endpoints_pick(exporter->endpoints, now, SIZE_MAX);
    discovery->generation = es_endpoints_generation(exporter->endpoints);
    WEIR_FREE char *url = weir_format("%s/_nodes/http", es_endpoints_url(exporter->endpoints, discovery->endpoint));
    const weir_curl_request message = {
        .method = "GET",
        .url = url,
        .headers = headers.items,
        .header_count = headers.count,
        .deadline_ns = now + DISCOVERY_TIMEOUT_MS * ns_per_ms,
    };
    discovery->call = weir_curl_start(exporter->client, &message, on_done, discovery);
}

es_discovery *es_discovery_new(es_exporter *exporter)
{
    const es_discover_config *config = &exporter->shared->config->discover;
    if (!config->on_start && config->interval_ms == 0)
        return NULL;
    es_discovery *discovery = WEIR_NEW(es_discovery);
    discovery->exporter = exporter;
    discovery->timer = weir_timer_new(exporter->loop, ask, discovery);
    weir_timer_start(discovery->timer, config->on_start ? 0 : config->interval_ms);
    return discovery;
}

void es_discovery_free(es_discovery *discovery)
{
    if (!discovery)
        return;
    if (discovery->call)
        weir_curl_cancel(discovery->call);
    weir_timer_free(discovery->timer);
    free(discovery);
}
