/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/otlp/config.h"

#include <string.h>

#include "net/endpoint.h"

static const char *const compression_names[] = {"gzip", "none", "snappy", "zstd", NULL};

static const weir_option keepalive_options[] = {
    {.name = "time",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_keepalive_config, time_ms),
     .default_text = "10s",
     .summary = "After so much silence the server is pinged. Servers send away clients that ping too often."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_keepalive_config, timeout_ms),
     .default_text = "10s",
     .min = 1,
     .max = 3600e3,
     .summary = "A connection that does not answer a ping in this time is given up."},
    {.name = "permit_without_stream",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(otlp_keepalive_config, permit_without_stream),
     .default_text = "false",
     .summary = "Ping also while nothing is being sent."},
    {0}};

const weir_option otlp_options[] = {
    {.name = "endpoint",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlp_config, endpoint),
     .required = true,
     .summary = "The backend as host:port; http://, https:// or dns:/// may stand in front."},
    {.name = "tls",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(otlp_config, tls),
     .group = weir_tls_client_options,
     .group_size = sizeof(weir_tls_config),
     .summary = "How the connection is protected: TLS, unless insecure is true."},
    {.name = "compression",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(otlp_config, compression),
     .default_text = "gzip",
     .enum_names = compression_names,
     .summary = "How requests are compressed: gzip, zstd or none; snappy is not built."},
    {.name = "headers",
     .type = WEIR_OPTION_SECRET_MAP,
     .offset = offsetof(otlp_config, headers),
     .summary = "Sent with every request; values may be secret and are masked wherever weir prints them."},
    WEIR_SENDER_TIMEOUT_OPTION(otlp_config, sender),
    WEIR_SENDER_QUEUE_OPTION(otlp_config, sender),
    WEIR_SENDER_RETRY_OPTION(otlp_config, sender),
    {.name = "keepalive",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_config, keepalive),
     .group = keepalive_options,
     .group_size = sizeof(otlp_keepalive_config),
     .summary = "Pings, to notice a connection that died silently; off unless written."},
    {.name = "authority",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlp_config, authority),
     .summary = "The :authority header, if it is not the endpoint."},
    {.name = "user_agent",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlp_config, user_agent),
     .default_text = "weir/" WEIR_VERSION,
     .otel_default = "OpenTelemetry Collector/VERSION",
     .remark = "weir says who it is",
     .summary = "The user-agent header."},
    {.name = "balancer_name",
     .type = WEIR_OPTION_STRING,
     .standing = WEIR_SUBSUMED,
     .remark =
         "every worker has one connection to the first address that answers; put a load balancer in front for more",
     .summary = "How calls are shared out among the addresses of a name."},
    {.name = "wait_for_ready",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "while the backend is away, data waits in the queue and is sent when it is back",
     .summary = "Whether calls wait for a connection."},
    {.name = "read_buffer_size",
     .type = WEIR_OPTION_BYTES,
     .standing = WEIR_SUBSUMED,
     .remark = "answers are small, and read into a buffer on the stack",
     .summary = "The size of the receive buffer."},
    {.name = "write_buffer_size",
     .type = WEIR_OPTION_BYTES,
     .standing = WEIR_SUBSUMED,
     .remark = "weir gathers up to 256 KiB for each write",
     .summary = "The size of the send buffer."},
    WEIR_EXPORTER_AUTH_OPTION(otlp_config, auth),
    {.name = "middlewares",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "leave the key out: weir has no middlewares",
     .summary = "Extensions that look at every call."},
    {0}};

const char *otlp_endpoint_address(const char *endpoint)
{
    static const char *const schemes[] = {"http://", "https://", "passthrough:///", "dns:///"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);
        if (strncmp(endpoint, schemes[i], len) == 0)
            return endpoint + len;
    }
    /* "dns://server/host:port" names the DNS server to ask. */
    return strstr(endpoint, "://") ? NULL : endpoint;
}

static bool is_https(const char *endpoint)
{
    return strncmp(endpoint, "https://", strlen("https://")) == 0;
}

bool otlp_uses_tls(const otlp_config *otlp)
{
    return is_https(otlp->endpoint) || !weir_tls_client_is_clear_text(&otlp->tls);
}

static void check_endpoint(const char *endpoint, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_node *at = weir_node_find(node, "endpoint");
    const char *address = otlp_endpoint_address(endpoint);
    weir_endpoint parsed;
    weir_error error = {0};
    if (!address)
        weir_diagnostics_error(diagnostics, at, "weir cannot connect to \"%s\": write host:port or dns:///host:port",
                               endpoint);
    else if (weir_endpoint_parse(address, &parsed, &error) != WEIR_OK)
        weir_diagnostics_error(diagnostics, at, "%s", error.text);
    else if (parsed.host[0] == '\0' || parsed.port == 0)
        weir_diagnostics_error(diagnostics, at, "endpoint \"%s\" needs a host and a port", endpoint);
}

void otlp_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const otlp_config *otlp = config;
    if (otlp->endpoint)
        check_endpoint(otlp->endpoint, node, diagnostics);
    weir_tls_client_check(&otlp->tls, weir_node_find(node, "tls"), diagnostics);
    if (otlp->endpoint && is_https(otlp->endpoint) && otlp->tls.insecure)
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "tls.insecure"),
                                 "the endpoint says https://, so TLS is used all the same: leave insecure out");
    if (otlp->compression == OTLP_SNAPPY)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "compression"),
                               "compression \"snappy\" is not built: use gzip or zstd");
    weir_request_headers_check(&otlp->headers, node, diagnostics);
    weir_sender_check(&otlp->sender, node, diagnostics);
}
