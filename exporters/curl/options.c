/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/curl/options.h"

const weir_option weir_curl_cookies_options[] = {{0}};

static unsigned share_of(uint64_t limit, unsigned workers)
{
    return (unsigned)((limit + workers - 1) / workers);
}

weir_curl_settings weir_curl_settings_of(const weir_curl_options *options, size_t hosts, unsigned workers)
{
    uint64_t idle_max = options->max_idle_conns;
    uint64_t idle_of_hosts_max = options->max_idle_conns_per_host * hosts;
    if (idle_of_hosts_max > 0 && (idle_max == 0 || idle_of_hosts_max < idle_max))
        idle_max = idle_of_hosts_max;
    return (weir_curl_settings){
        .proxy_url = options->proxy_url,
        .connections_max = share_of(options->max_conns_per_host, workers),
        .idle_connections_max = share_of(idle_max, workers),
        .idle_timeout_ms = options->idle_conn_timeout_ms,
        .upload_buffer_bytes = options->write_buffer_size,
        .receive_buffer_bytes = options->read_buffer_size,
        .closes_connections = options->disable_keep_alives,
        .avoids_http2 = !options->force_attempt_http2,
        .keeps_cookies = options->cookies != NULL,
    };
}
