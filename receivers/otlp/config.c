/* SPDX-License-Identifier: Apache-2.0 */
#include "receivers/otlp/config.h"

#include <string.h>

#include "core/limits.h"
#include "core/memory.h"
#include "net/headers.h"

enum {
    KEEPALIVE_TIME_MS_DEFAULT = 2 * 60 * 60 * 1000,
    KEEPALIVE_TIMEOUT_MS_DEFAULT = 20 * 1000,
    PING_INTERVAL_MS_DEFAULT = 5 * 60 * 1000,
    GRPC_MESSAGE_MIB_DEFAULT = 4,
    HTTP_BODY_BYTES_DEFAULT = 20 * 1024 * 1024,
};

static const char *const transports[] = {"tcp", NULL};

#define REMEDY_MIDDLEWARES "remove the key: weir has no middleware extensions"
#define REMARK_DIALER "a listener does not dial: the key has no effect in the Collector either"
#define REMARK_BUFFER "each worker reads and writes all its connections through one shared buffer"

static const weir_option server_parameters_options[] = {
    {.name = "max_connection_idle",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_server_parameters, max_connection_idle_ms),
     .default_text = "0s",
     .summary = "Closes a connection that has had no request for so long; 0 for never."},
    {.name = "max_connection_age",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_server_parameters, max_connection_age_ms),
     .default_text = "0s",
     .summary = "Sends a client away gracefully after so long, so that load balancers can spread it; 0 for never."},
    {.name = "max_connection_age_grace",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_server_parameters, max_connection_age_grace_ms),
     .default_text = "0s",
     .summary = "After max_connection_age, how long requests in flight may take; 0 for as long as they need."},
    {.name = "time",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_server_parameters, time_ms),
     .default_text = "2h",
     .summary = "Asks a silent client for a sign of life (HTTP/2 PING) after so long; 0 for the default."},
    {.name = "timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_server_parameters, timeout_ms),
     .default_text = "20s",
     .summary = "Closes a connection whose client has not answered that PING in this time; 0 for the default."},
    {0}};

static const weir_option enforcement_policy_options[] = {
    {.name = "min_time",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_enforcement_policy, min_time_ms),
     .default_text = "5m",
     .summary = "A client that sends PINGs more often than this is sent away; 0 for the default."},
    {.name = "permit_without_stream",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(otlp_enforcement_policy, permit_without_stream),
     .default_text = "false",
     .summary = "Whether clients may send PINGs while they have no request in flight."},
    {0}};

static const weir_option keepalive_options[] = {{.name = "server_parameters",
                                                 .type = WEIR_OPTION_GROUP,
                                                 .offset = offsetof(otlp_keepalive, server_parameters),
                                                 .group = server_parameters_options,
                                                 .group_size = sizeof(otlp_server_parameters),
                                                 .summary = "How long connections live, and how dead ones are found."},
                                                {.name = "enforcement_policy",
                                                 .type = WEIR_OPTION_GROUP,
                                                 .offset = offsetof(otlp_keepalive, enforcement_policy),
                                                 .group = enforcement_policy_options,
                                                 .group_size = sizeof(otlp_enforcement_policy),
                                                 .summary = "How often clients may ask for a sign of life."},
                                                {0}};

#define AUTHENTICATOR_OPTION                                                                       \
    {                                                                                              \
        .name = "authenticator", .type = WEIR_OPTION_EXTENSION, .lends = WEIR_LENDS_SERVER_AUTH,   \
        .offset = offsetof(otlp_auth_config, authenticator), .required = true,                     \
        .summary = "The id of the extension that knows the clients: basicauth or bearertokenauth." \
    }

static const weir_option grpc_auth_options[] = {AUTHENTICATOR_OPTION, {0}};

static const weir_option http_auth_options[] = {
    AUTHENTICATOR_OPTION,
    {.name = "request_params",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(otlp_auth_config, request_params),
     .summary = "Parameters of the URL that stand in for a header of their name where a request lacks it."},
    {0}};

static const weir_option cors_options[] = {
    {.name = "allowed_origins",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(otlp_cors_config, allowed_origins),
     .summary = "Pages that may send, as https://example.com; one * stands for any characters, * alone for any page."},
    {.name = "allowed_headers",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(otlp_cors_config, allowed_headers),
     .summary = "Headers that pages may send, * for any; unless written Accept, Content-Type and X-Requested-With."},
    {.name = "exposed_headers",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(otlp_cors_config, exposed_headers),
     .summary = "Headers of the answers that pages may read."},
    {.name = "max_age",
     .type = WEIR_OPTION_INT,
     .offset = offsetof(otlp_cors_config, max_age),
     .default_text = "0",
     .min = -1,
     .max = 2147483647,
     .unit = "s",
     .summary =
         "How long browsers may keep an answer to their question; 0 for as long as they like, -1 for not at all."},
    {0}};

static const weir_option grpc_options[] = {
    {.name = "endpoint",
     .type = WEIR_OPTION_ENDPOINT,
     .offset = offsetof(otlp_grpc_config, endpoint),
     .default_text = "localhost:4317",
     .summary = "The address to listen on, as host:port."},
    {.name = "transport",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(otlp_grpc_config, transport),
     .default_text = "tcp",
     .enum_names = transports,
     .summary = "The kind of socket; weir listens on TCP."},
    {.name = "dialer",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = REMARK_DIALER,
     .summary = "Unused by servers."},
    {.name = "max_recv_msg_size_mib",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(otlp_grpc_config, max_recv_msg_size_mib),
     .default_text = "4",
     .min = 0,
     .max = 2047,
     .unit = "MiB",
     .summary = "The largest message taken, before and after decompression; 0 for the default."},
    {.name = "max_concurrent_streams",
     .type = WEIR_OPTION_UINT,
     .offset = offsetof(otlp_grpc_config, max_concurrent_streams),
     .default_text = "1000",
     .min = 0,
     .max = 1000000,
     .unit = "requests",
     .otel_default = "0 (unlimited)",
     .remark = "what one connection may ask for is bounded",
     .summary = "How many requests one connection may have in flight; 0 for the default."},
    {.name = "read_buffer_size",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = REMARK_BUFFER,
     .summary = "Size of the Collector's read buffer per connection."},
    {.name = "write_buffer_size",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = REMARK_BUFFER,
     .summary = "Size of the Collector's write buffer per connection."},
    {.name = "keepalive",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(otlp_grpc_config, keepalive),
     .group = keepalive_options,
     .group_size = sizeof(otlp_keepalive),
     .summary = "How long connections live, and how often either side may ask for a sign of life."},
    {.name = "include_metadata",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(otlp_grpc_config, include_metadata),
     .default_text = "false",
     .summary = "Keeps request headers and the client's address with the data, for components that use them."},
    {.name = "tls",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_grpc_config, tls),
     .group = weir_tls_server_options,
     .group_size = sizeof(weir_tls_config),
     .summary = "Encrypts the port, and with client_ca_file asks clients for their certificates; off unless written."},
    {.name = "auth",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_grpc_config, auth),
     .group = grpc_auth_options,
     .group_size = sizeof(otlp_auth_config),
     .summary = "Who may send; without it anyone may."},
    {.name = "middlewares",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = REMEDY_MIDDLEWARES,
     .summary = "Extensions that see each request."},
    {0}};

static const weir_option http_options[] = {
    {.name = "endpoint",
     .type = WEIR_OPTION_ENDPOINT,
     .offset = offsetof(otlp_http_config, endpoint),
     .default_text = "localhost:4318",
     .summary = "The address to listen on, as host:port; HTTP/1.1, and HTTP/2 with prior knowledge."},
    {.name = "transport",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(otlp_http_config, transport),
     .default_text = "tcp",
     .enum_names = transports,
     .summary = "The kind of socket; weir listens on TCP."},
    {.name = "dialer",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = REMARK_DIALER,
     .summary = "Unused by servers."},
    {.name = "traces_url_path",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlp_http_config, url_paths[WEIR_TRACES]),
     .default_text = "/v1/traces",
     .summary = "Where traces are posted to; a missing leading slash is added."},
    {.name = "metrics_url_path",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlp_http_config, url_paths[WEIR_METRICS]),
     .default_text = "/v1/metrics",
     .summary = "Where metrics are posted to."},
    {.name = "logs_url_path",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(otlp_http_config, url_paths[WEIR_LOGS]),
     .default_text = "/v1/logs",
     .summary = "Where logs are posted to."},
    {.name = "max_request_body_size",
     .type = WEIR_OPTION_BYTES,
     .offset = offsetof(otlp_http_config, max_request_body_size),
     .default_text = "20MiB",
     .min = 0,
     .max = 2147483647,
     .summary = "The largest body taken, before and after decompression; 0 for the default."},
    {.name = "include_metadata",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(otlp_http_config, include_metadata),
     .default_text = "false",
     .summary = "Keeps request headers and the client's address with the data, for components that use them."},
    {.name = "compression_algorithms",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(otlp_http_config, compression_algorithms),
     .otel_default = "[\"\", gzip, zstd, zlib, snappy, deflate, lz4, x-snappy-framed]",
     .remark = "by default weir takes what it has built: none, gzip, zstd, zlib and deflate",
     .summary = "Which values of Content-Encoding are accepted; \"\" stands for bodies without compression."},
    {.name = "response_headers",
     .type = WEIR_OPTION_SECRET_MAP,
     .offset = offsetof(otlp_http_config, response_headers),
     .summary = "Headers that every OTLP/HTTP answer carries."},
    {.name = "read_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_http_config, read_timeout_ms),
     .default_text = "30s",
     .max = 86400000,
     .otel_default = "0s (no limit)",
     .remark = "a request that never ends would hold memory for ever",
     .summary = "From the first byte of a request to its last; 0 for the default."},
    {.name = "read_header_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_http_config, read_header_timeout_ms),
     .default_text = "0s",
     .max = 86400000,
     .summary = "From the first byte of a request to its last header; 0 for read_timeout."},
    {.name = "write_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_http_config, write_timeout_ms),
     .default_text = "0s",
     .summary = "A request whose outcome is not known so long after its headers is answered 503; 0 for no such limit."},
    {.name = "idle_timeout",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(otlp_http_config, idle_timeout_ms),
     .default_text = "0s",
     .summary = "Closes a connection that has had no request for so long; 0 for never."},
    {.name = "keep_alives_enabled",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(otlp_http_config, keep_alives_enabled),
     .default_text = "true",
     .summary = "Whether a connection may carry more than one request; weir does not close after each."},
    {.name = "cors",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_http_config, cors),
     .group = cors_options,
     .group_size = sizeof(otlp_cors_config),
     .summary = "Which web pages may send telemetry (cross-origin resource sharing)."},
    {.name = "tls",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_http_config, tls),
     .group = weir_tls_server_options,
     .group_size = sizeof(weir_tls_config),
     .summary = "Encrypts the port, and with client_ca_file asks clients for their certificates; off unless written."},
    {.name = "auth",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_http_config, auth),
     .group = http_auth_options,
     .group_size = sizeof(otlp_auth_config),
     .summary = "Who may send; without it anyone may."},
    {.name = "middlewares",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = REMEDY_MIDDLEWARES,
     .summary = "Extensions that see each request."},
    {0}};

static const weir_option protocols_options[] = {
    {.name = "grpc",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_protocols, grpc),
     .group = grpc_options,
     .group_size = sizeof(otlp_grpc_config),
     .summary = "OTLP/gRPC; present with nothing below it: all defaults."},
    {.name = "http",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(otlp_protocols, http),
     .group = http_options,
     .group_size = sizeof(otlp_http_config),
     .summary = "OTLP/HTTP, protobuf or JSON; present with nothing below it: all defaults."},
    {0}};

const weir_option weir__otlp_options[] = {{.name = "protocols",
                                           .type = WEIR_OPTION_GROUP,
                                           .offset = offsetof(otlp_config, protocols),
                                           .group = protocols_options,
                                           .group_size = sizeof(otlp_protocols),
                                           .summary = "What to listen for; at least one of them."},
                                          {0}};

/* `node` may be NULL or lack the key: a message is then placed at the receiver. */
static const weir_node *place(const weir_node *node, const char *key)
{
    const weir_node *found = node ? weir_node_find(node, key) : NULL;
    return found ? found : node;
}

static bool algorithm_is_built(const char *name)
{
    static const char *const built[] = {"", "gzip", "zstd", "zlib", "deflate"};
    for (size_t i = 0; i < WEIR_COUNT_OF(built); i++)
        if (strcmp(name, built[i]) == 0)
            return true;
    return false;
}

/* What the server writes itself, and what says where an answer ends. */
static bool is_reserved(weir_text name)
{
    static const char *const reserved[] = {"content-length", "transfer-encoding", "connection", "date"};
    for (size_t i = 0; i < WEIR_COUNT_OF(reserved); i++)
        if (weir_text_equal_nocase(name, weir_text_of(reserved[i])))
            return true;
    return false;
}

static void check_response_headers(const weir_string_map *headers, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (headers->count > OTLP_RESPONSE_HEADERS_MAX)
        weir_diagnostics_error(diagnostics, node, "too many headers: at most %d", OTLP_RESPONSE_HEADERS_MAX);
    for (size_t i = 0; i < headers->count; i++) {
        weir_text name = weir_text_of(headers->keys[i]);
        if (is_reserved(name))
            weir_diagnostics_error(diagnostics, node, "header \"%s\" is the server's own: remove it", headers->keys[i]);
        else if (!weir_header_name_is_valid(name) || !weir_header_value_is_valid(weir_text_of(headers->values[i])))
            weir_diagnostics_error(diagnostics, node, "header \"%s\" has characters that no header may have",
                                   headers->keys[i]);
    }
}

static void check_cors(const otlp_cors_config *cors, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (cors->allowed_origins.count == 0 && cors->allowed_headers.count)
        weir_diagnostics_warning(diagnostics, node, "without allowed_origins no web page may send: the rest is unused");
    for (size_t i = 0; i < cors->allowed_origins.count; i++) {
        const char *star = strchr(cors->allowed_origins.items[i], '*');
        if (star && strchr(star + 1, '*'))
            weir_diagnostics_warning(diagnostics, node,
                                     "'%s' allows nothing: only one * of an origin stands for others",
                                     cors->allowed_origins.items[i]);
    }
    for (size_t i = 0; i < cors->exposed_headers.count; i++)
        if (!weir_header_value_is_valid(weir_text_of(cors->exposed_headers.items[i])))
            weir_diagnostics_error(diagnostics, node,
                                   "a name in exposed_headers has characters that no header may have");
}

static void check_http(const otlp_http_config *http, const weir_node *node, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < http->compression_algorithms.count; i++)
        if (!algorithm_is_built(http->compression_algorithms.items[i]))
            weir_diagnostics_error(diagnostics, place(node, "protocols.http.compression_algorithms"),
                                   "'%s' is not built: remove it, and let clients send gzip or zstd",
                                   http->compression_algorithms.items[i]);
    check_response_headers(&http->response_headers, place(node, "protocols.http.response_headers"), diagnostics);
    if (http->cors)
        check_cors(http->cors, place(node, "protocols.http.cors"), diagnostics);
    if (!http->keep_alives_enabled)
        weir_diagnostics_error(
            diagnostics, place(node, "protocols.http.keep_alives_enabled"),
            "connections of one request each are not built: set idle_timeout to close unused connections");
    for (int a = 0; a < WEIR_SIGNALS; a++)
        for (int b = a + 1; b < WEIR_SIGNALS; b++)
            if (strcmp(http->url_paths[a], http->url_paths[b]) == 0)
                weir_diagnostics_error(diagnostics, place(node, "protocols.http"),
                                       "%s and %s have the same URL path %s", weir_signal_name((weir_signal)a),
                                       weir_signal_name((weir_signal)b), http->url_paths[a]);
}

void weir__otlp_config_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const otlp_protocols *protocols = &((const otlp_config *)config)->protocols;
    if (!protocols->grpc && !protocols->http)
        weir_diagnostics_error(diagnostics, place(node, "protocols"),
                               "the receiver listens on nothing: write `grpc:`, `http:` or both under `protocols:`");
    if (protocols->http)
        check_http(protocols->http, node, diagnostics);
    if (protocols->grpc && protocols->grpc->tls)
        weir_tls_server_check(protocols->grpc->tls, place(node, "protocols.grpc.tls"), diagnostics);
    if (protocols->http && protocols->http->tls)
        weir_tls_server_check(protocols->http->tls, place(node, "protocols.http.tls"), diagnostics);
}

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

uint64_t weir__otlp_grpc_message_bytes_max(const otlp_grpc_config *grpc)
{
    return or_default(grpc->max_recv_msg_size_mib, GRPC_MESSAGE_MIB_DEFAULT) * 1024 * 1024;
}

uint64_t weir__otlp_http_body_bytes_max(const otlp_http_config *http)
{
    return or_default(http->max_request_body_size, HTTP_BODY_BYTES_DEFAULT);
}

weir_http_options weir__otlp_grpc_server_options(const otlp_grpc_config *grpc)
{
    const otlp_server_parameters *parameters = &grpc->keepalive.server_parameters;
    const otlp_enforcement_policy *policy = &grpc->keepalive.enforcement_policy;
    return (weir_http_options){
        .versions = WEIR_HTTP_2,
        .max_concurrent_streams = (uint32_t)grpc->max_concurrent_streams,
        .request_timeout_ms = WEIR_REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = parameters->max_connection_idle_ms,
        .max_connection_age_ms = parameters->max_connection_age_ms,
        .max_connection_age_grace_ms = parameters->max_connection_age_grace_ms,
        .keepalive_time_ms = or_default(parameters->time_ms, KEEPALIVE_TIME_MS_DEFAULT),
        .keepalive_timeout_ms = or_default(parameters->timeout_ms, KEEPALIVE_TIMEOUT_MS_DEFAULT),
        .min_ping_interval_ms = or_default(policy->min_time_ms, PING_INTERVAL_MS_DEFAULT),
        .permit_ping_without_stream = policy->permit_without_stream,
        .header_list_bytes_max = WEIR_HEADER_LIST_BYTES_MAX,
    };
}

weir_http_options weir__otlp_http_server_options(const otlp_http_config *http)
{
    uint32_t read_timeout_ms = (uint32_t)or_default(http->read_timeout_ms, WEIR_REQUEST_TIMEOUT_MS);
    return (weir_http_options){
        .versions = WEIR_HTTP_1_AND_2,
        .read_header_timeout_ms = (uint32_t)or_default(http->read_header_timeout_ms, read_timeout_ms),
        .request_timeout_ms = read_timeout_ms,
        .idle_timeout_ms = http->idle_timeout_ms,
        .header_list_bytes_max = WEIR_HEADER_LIST_BYTES_MAX,
    };
}
