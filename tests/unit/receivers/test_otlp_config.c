/* SPDX-License-Identifier: Apache-2.0
 *
 * The otlp receiver's keys: what a file's words become, and what is refused with which words.
 */
#include <criterion/criterion.h>

#include "config/diagnostics.h"
#include "config/yaml.h"
#include "core/limits.h"
#include "receivers/otlp/config.h"

typedef struct config_reading {
    weir_tree *tree;
    weir_diagnostics *diagnostics;
    otlp_config config;
    weir_buffer messages;
} config_reading;

static void read_config(config_reading *reading, const char *yaml)
{
    weir_node *node;
    weir_yaml_error yaml_error;
    *reading = (config_reading){.tree = weir_tree_new(), .diagnostics = weir_diagnostics_new()};
    weir_place place = {.file = "test.yaml"};
    cr_assert_eq(weir_yaml_parse(reading->tree, weir_text_of(yaml), &place, &node, &yaml_error), WEIR_OK);
    if (weir_options_read(weir__otlp_options, node, &reading->config, reading->diagnostics))
        weir__otlp_config_check(&reading->config, node, reading->diagnostics);
    weir_diagnostics_print(reading->diagnostics, WEIR_SEVERITY_WARNING, &reading->messages);
}

static void done(config_reading *reading)
{
    weir_options_free(weir__otlp_options, &reading->config);
    weir_diagnostics_free(reading->diagnostics);
    weir_tree_free(reading->tree);
    weir_buffer_done(&reading->messages);
}

static void expect_refused(const char *yaml, const char *words)
{
    config_reading reading;
    read_config(&reading, yaml);
    const char *messages = weir_buffer_string(&reading.messages);
    cr_expect_gt(weir_diagnostics_count(reading.diagnostics, WEIR_SEVERITY_ERROR), 0, "accepted: %s", yaml);
    cr_expect_not_null(strstr(messages, words), "%s: no '%s' in: %s", yaml, words, messages);
    done(&reading);
}

static void read_good(config_reading *reading, const char *yaml)
{
    read_config(reading, yaml);
    cr_assert_eq(weir_diagnostics_count(reading->diagnostics, WEIR_SEVERITY_ERROR), 0, "%s",
                 weir_buffer_string(&reading->messages));
}

Test(otlp_config, defaults_are_the_collectors)
{
    config_reading reading;
    read_good(&reading, "protocols: {grpc: , http: }");
    const otlp_grpc_config *grpc = reading.config.protocols.grpc;
    const otlp_http_config *http = reading.config.protocols.http;
    cr_expect_str_eq(grpc->endpoint, "localhost:4317");
    cr_expect_str_eq(http->endpoint, "localhost:4318");
    cr_expect_str_eq(http->url_paths[WEIR_LOGS], "/v1/logs");
    cr_expect_eq(weir__otlp_grpc_message_bytes_max(grpc), 4 << 20);
    cr_expect_eq(weir__otlp_http_body_bytes_max(http), 20 << 20);
    weir_http_options options = weir__otlp_grpc_server_options(grpc);
    cr_expect_eq(options.keepalive_time_ms, 2 * 3600 * 1000);
    cr_expect_eq(options.keepalive_timeout_ms, 20 * 1000);
    cr_expect_eq(options.min_ping_interval_ms, 5 * 60 * 1000);
    cr_expect_eq(options.max_connection_age_ms, 0);
    cr_expect_eq(weir__otlp_http_server_options(http).request_timeout_ms, WEIR_REQUEST_TIMEOUT_MS);
    done(&reading);
}

Test(otlp_config, zero_means_the_default_where_the_collector_means_that)
{
    config_reading reading;
    read_good(&reading, "protocols:\n"
                        "  grpc: {max_recv_msg_size_mib: 0, keepalive: {server_parameters: {time: 0s, timeout: 0s}}}\n"
                        "  http: {max_request_body_size: 0, read_timeout: 0s}\n");
    cr_expect_eq(weir__otlp_grpc_message_bytes_max(reading.config.protocols.grpc), 4 << 20);
    cr_expect_eq(weir__otlp_http_body_bytes_max(reading.config.protocols.http), 20 << 20);
    cr_expect_eq(weir__otlp_grpc_server_options(reading.config.protocols.grpc).keepalive_time_ms, 2 * 3600 * 1000);
    cr_expect_eq(weir__otlp_http_server_options(reading.config.protocols.http).request_timeout_ms,
                 WEIR_REQUEST_TIMEOUT_MS);
    done(&reading);
}

Test(otlp_config, one_protocol_is_enough_and_the_other_is_absent)
{
    config_reading reading;
    read_good(&reading, "protocols: {http: {endpoint: 'localhost:1', idle_timeout: 1m, read_header_timeout: 2s}}");
    cr_expect_null(reading.config.protocols.grpc);
    weir_http_options options = weir__otlp_http_server_options(reading.config.protocols.http);
    cr_expect_eq(options.idle_timeout_ms, 60000);
    cr_expect_eq(options.read_header_timeout_ms, 2000);
    done(&reading);
}

Test(otlp_config, mistakes_and_what_is_not_built)
{
    expect_refused("{}", "listens on nothing");
    expect_refused("protocols: {grpc: {endpiont: 'localhost:1'}}", "endpoint");
    expect_refused("protocols: {grpc: {transport: unix}}", "transport");
    expect_refused("protocols: {grpc: {tls: {cert_file: a}}}", "without its private key");
    expect_refused("protocols: {http: {tls: {}}}", "a server needs a certificate");
    expect_refused("protocols: {http: {auth: {request_params: [key]}}}", "authenticator");
    expect_refused("protocols: {grpc: {auth: {authenticator: a, request_params: [key]}}}", "request_params");
    expect_refused("protocols: {http: {cors: {allowed_origin: ['*']}}}", "allowed_origins");
    expect_refused("protocols: {http: {cors: {exposed_headers: [\"a\\r\\nb\"]}}}", "exposed_headers");
    expect_refused("protocols: {http: {response_headers: {x: \"a\\r\\nb\"}}}", "\"x\"");
    expect_refused("protocols: {http: {response_headers: {'x y': a}}}", "\"x y\"");
    expect_refused("protocols: {http: {response_headers: {Content-Length: '3'}}}", "the server's own");
    expect_refused("protocols: {http: {compression_algorithms: [snappy]}}", "snappy");
    expect_refused("protocols: {http: {keep_alives_enabled: false}}", "idle_timeout");
    expect_refused("protocols: {http: {traces_url_path: /v1/logs}}", "/v1/logs");
}

Test(otlp_config, more_response_headers_than_an_answer_has_room_for_are_refused)
{
    WEIR_BUFFER yaml = {0};
    weir_buffer_append_text(&yaml, "protocols: {http: {response_headers: {x0: a");
    for (int i = 1; i <= OTLP_RESPONSE_HEADERS_MAX; i++)
        weir_buffer_printf(&yaml, ", x%d: a", i);
    weir_buffer_append_text(&yaml, "}}}");
    expect_refused(weir_buffer_string(&yaml), "too many headers");
}

Test(otlp_config, cors_that_allows_nothing_is_warned_of)
{
    static const char *const useless[] = {"protocols: {http: {cors: {allowed_headers: [x]}}}",
                                          "protocols: {http: {cors: {allowed_origins: ['http://*.*.net']}}}"};
    for (size_t i = 0; i < WEIR_COUNT_OF(useless); i++) {
        config_reading reading;
        read_good(&reading, useless[i]);
        cr_expect_eq(weir_diagnostics_count(reading.diagnostics, WEIR_SEVERITY_WARNING), 1, "%s", useless[i]);
        done(&reading);
    }
}

Test(otlp_config, what_weir_does_anyway_is_accepted)
{
    config_reading reading;
    read_good(&reading,
              "protocols: {grpc: {read_buffer_size: 524288, write_buffer_size: 1024, dialer: {timeout: 1s}}}");
    done(&reading);
}
