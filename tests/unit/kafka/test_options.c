/* SPDX-License-Identifier: Apache-2.0
 *
 * What the keys that exporter and receiver share take and refuse, and what librdkafka is told in the end.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "../config/support.h"
#include "config/node.h"
#include "core/memory.h"
#include "kafka/client_conf.h"
#include "kafka/token.h"

typedef struct test_config {
    int before; /* so that offsets matter */
    weir_kafka_client_config client;
} test_config;

static const weir_option test_options[] = {WEIR_KAFKA_CLIENT_OPTIONS(test_config, client), {0}};

typedef struct fixture {
    weir_tree *tree;
    test_config config;
    weir_buffer messages;
} fixture;

/* Reads and checks `yaml`; every message is in `messages`. */
static void setup(fixture *self, const char *yaml)
{
    *self = (fixture){.tree = weir_tree_new()};
    const weir_node *node = *yaml ? load_text(yaml, NULL, self->tree, &self->messages) : NULL;
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    if (weir_options_read(test_options, node, &self->config, diagnostics))
        weir_kafka_client_check(&self->config.client, node, diagnostics);
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &self->messages);
    weir_diagnostics_free(diagnostics);
}

static void teardown(fixture *self)
{
    weir_options_free(test_options, &self->config);
    weir_tree_free(self->tree);
    weir_buffer_done(&self->messages);
}

static void expect_message(const char *yaml, const char *part)
{
    fixture self;
    setup(&self, yaml);
    const char *messages = weir_buffer_string(&self.messages);
    cr_expect(strstr(messages, part), "\"%s\" is not in \"%s\"", part, messages);
    teardown(&self);
}

/* ---- what is taken ---- */

/* The value of a property once everything is set; the caller frees it. */
static char *property_of(fixture *self, const char *name)
{
    weir_error error;
    rd_kafka_conf_t *conf;
    weir_kafka_client client = {.config = &self->config.client};
    cr_assert_eq(weir_kafka_conf_new(&client, &conf, &error), WEIR_OK, "%s", error.text);
    cr_assert_eq(weir_kafka_conf_set_map(conf, client.config, &error), WEIR_OK, "%s", error.text);
    char value[512] = "";
    size_t size = sizeof value;
    rd_kafka_conf_get(conf, name, value, &size);
    rd_kafka_conf_destroy(conf);
    return weir_strdup(value);
}

static void expect_property(const char *yaml, const char *name, const char *value)
{
    fixture self;
    setup(&self, yaml);
    const char *messages = weir_buffer_string(&self.messages);
    cr_expect_not(strstr(messages, "error:"), "%s", messages);
    WEIR_FREE char *found = property_of(&self, name);
    cr_expect_str_eq(found, value, "%s of: %s", name, yaml);
    teardown(&self);
}

Test(kafka_options, has_the_collectors_defaults)
{
    expect_property("", "metadata.broker.list", "localhost:9092");
    expect_property("", "client.id", "otel-collector");
    expect_property("", "connections.max.idle.ms", "540000");
    expect_property("", "topic.metadata.refresh.interval.ms", "600000");
    expect_property("", "security.protocol", "plaintext");
}

Test(kafka_options, passes_on_what_is_written)
{
    expect_property("brokers: [a:1, b:2]", "metadata.broker.list", "a:1,b:2");
    expect_property("client_id: me", "client.id", "me");
    expect_property("rack_id: eu-1", "client.rack", "eu-1");
    expect_property("conn_idle_timeout: 1m", "connections.max.idle.ms", "60000");
    expect_property("metadata: {refresh_interval: 30s}", "topic.metadata.refresh.interval.ms", "30000");
    expect_property("librdkafka: {socket.keepalive.enable: \"true\"}", "socket.keepalive.enable", "true");
    expect_property("librdkafka: {socket.nagle.disable: \"false\"}", "socket.nagle.disable", "false");
}

Test(kafka_options, knows_the_ways_to_prove_who_one_is)
{
    expect_property("auth: {sasl: {mechanism: SCRAM-SHA-512, username: u, password: p}}", "security.protocol",
                    "sasl_plaintext");
    expect_property("auth: {sasl: {mechanism: SCRAM-SHA-512, username: u, password: p}}", "sasl.mechanisms",
                    "SCRAM-SHA-512");
    expect_property("{tls: {}, auth: {sasl: {mechanism: SCRAM-SHA-256, username: u, password: p}}}",
                    "security.protocol", "sasl_ssl");
    expect_property("{tls: {}, auth: {plain_text: {username: u, password: p}}}", "sasl.mechanisms", "PLAIN");
    expect_property("{tls: {}, auth: {plain_text: {username: u, password: p}}}", "sasl.username", "u");
    expect_property("{tls: {}, auth: {sasl: {mechanism: OAUTHBEARER, oauthbearer_token_source: bearertokenauth}}}",
                    "sasl.mechanisms", "OAUTHBEARER");
    expect_property("librdkafka: {sasl.mechanism: GSSAPI, sasl.kerberos.service.name: broker}", "security.protocol",
                    "sasl_plaintext");
}

Test(kafka_options, knows_tls)
{
    expect_property("tls: {}", "security.protocol", "ssl");
    expect_property("tls: {insecure: true}", "security.protocol", "plaintext");
    expect_property("auth: {tls: {insecure: false}}", "security.protocol", "ssl");
    expect_property("{tls: {insecure: true}, auth: {tls: {}}}", "security.protocol", "plaintext");
    expect_property("tls: {insecure_skip_verify: true}", "enable.ssl.certificate.verification", "false");
    expect_property("tls: {ca_file: /dev/null}", "ssl.ca.location", "/dev/null");
    expect_property("tls: {cert_file: /dev/null, key_file: /dev/null}", "ssl.key.location", "/dev/null");
    expect_property("tls: {cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "
                    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]}",
                    "ssl.cipher.suites", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384");
    expect_property("tls: {curve_preferences: [X25519, P256]}", "ssl.curves.list", "X25519:P-256");
}

/* ---- what is refused ---- */

Test(kafka_options, names_what_is_missing)
{
    expect_message("brokers: []", "no broker to connect to");
    expect_message("auth: {sasl: {username: u}}", "mechanism");
    expect_message("auth: {sasl: {mechanism: PLAIN, password: p}}", "PLAIN needs a username");
    expect_message("auth: {sasl: {mechanism: SCRAM-SHA-256, username: u}}", "SCRAM-SHA-256 needs a password");
    expect_message("auth: {sasl: {mechanism: OAUTHBEARER}}", "oauthbearer_token_source");
    expect_message("auth: {plain_text: {username: u}}", "PLAIN needs a username and a password");
}

Test(kafka_options, names_the_remedy_for_what_is_not_built)
{
    expect_message("auth: {sasl: {mechanism: AWS_MSK_IAM_OAUTHBEARER}}", "SCRAM-SHA-512");
    expect_message("auth: {kerberos: {service_name: kafka}}", "sasl.mechanism: GSSAPI");
    expect_message("tls: {server_name_override: x}", "ssl.endpoint.identification.algorithm");
    expect_message("tls: {min_version: \"1.3\"}", "MinProtocol");
    expect_message("tls: {max_version: \"1.2\"}", "max_version");
    expect_message("tls: {cipher_suites: [TLS_AES_128_GCM_SHA256]}", "TLS 1.3 cannot be chosen");
    expect_message("tls: {reload_interval: 1h}", "restart weir");
    expect_message("tls: {ca_file: /x, include_system_ca_certs_pool: true}", "put all of them into ca_file");
}

Test(kafka_options, warns_of_passwords_that_can_be_read)
{
    expect_message("auth: {sasl: {mechanism: PLAIN, username: u, password: p}}", "can read the password");
    expect_message("auth: {plain_text: {username: u, password: p}}", "deprecated");
}

Test(kafka_options, warns_of_a_library_that_kafka_4_refuses)
{
    if (rd_kafka_version() < 0x020601ff)
        expect_message("auth: {sasl: {mechanism: SCRAM-SHA-512, username: u, password: p}}", "Kafka 4 refuse");
}

Test(kafka_options, keeps_what_its_promises_rest_on)
{
    expect_message("librdkafka: {acks: \"1\"}", "producer.required_acks");
    expect_message("librdkafka: {enable.idempotence: \"false\"}", "nothing acknowledged is lost");
    expect_message("librdkafka: {enable.auto.commit: \"true\"}", "every exporter has the data");
    expect_message("librdkafka: {queue.buffering.max.kbytes: \"1\"}", "memory");
    expect_message("librdkafka: {bootstrap.servers: x}", "the key brokers");
    expect_message("librdkafka: {test.mock.num.brokers: \"3\"}", "lost");
}

Test(kafka_options, asks_librdkafka_for_the_rest)
{
    expect_message("librdkafka: {socket.keepalive.enabled: \"true\"}", "has no property socket.keepalive.enabled");
    expect_message("librdkafka: {socket.timeout.ms: soon}", "does not take this value for socket.timeout.ms");
    expect_message("librdkafka: {error_cb: x}", "error_cb");
}

/* What stands in the map may be a secret under a wrong name. */
Test(kafka_options, never_shows_what_is_in_the_map)
{
    fixture self;
    setup(&self, "librdkafka: {socket.timeout.ms: s3cret, nonsense: s3cret, sasl.password: s3cret, acks: s3cret}");
    const char *messages = weir_buffer_string(&self.messages);
    cr_expect_not(strstr(messages, "s3cret"), "%s", messages);
    cr_expect(strstr(messages, "nonsense"), "%s", messages);
    teardown(&self);
}

Test(kafka_options, takes_the_collectors_keys_without_effect)
{
    expect_message("protocol_version: 2.1.0", "not needed");
    expect_message("use_leader_epoch: false", "not needed");
    expect_message("metadata: {full: true, retry: {max: 3, backoff: 250ms}}", "not needed");
    expect_message("resolve_canonical_bootstrap_servers_only: true", "not needed");
}

/* ---- tokens ---- */

static const char *fake_value;

static weir_status decorate(weir_client_auth *self, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error)
{
    (void)self;
    (void)metadata;
    (void)ret_error;
    if (fake_value)
        weir_headers_add(headers, WEIR_TEXT("Authorization"), weir_text_of(fake_value));
    return WEIR_OK;
}

static void expect_token(const char *value, const char *token)
{
    WEIR_BUFFER out = {0};
    weir_error error;
    weir_client_auth source = {.decorate = decorate};
    fake_value = value;
    weir_status status = weir_kafka_token_fetch(&source, &out, &error);
    cr_expect_eq(status == WEIR_OK, token != NULL);
    if (token)
        cr_expect_str_eq(weir_buffer_string(&out), token);
    else
        cr_expect_eq(error.class_, WEIR_ERROR_ENDPOINT);
}

Test(kafka_token, is_taken_from_the_authorization_header)
{
    expect_token("Bearer abc", "abc");
    expect_token("bearer abc", "abc");
    expect_token("abc", "abc");
    expect_token("Basic abc", NULL);
    expect_token("Bearer ", NULL);
    expect_token(NULL, NULL);
}

Test(kafka_token, ends_when_it_says)
{
    /* {"alg":"none"}.{"sub":"a?>","exp":1700000000}. in base64url without padding */
    weir_text token = WEIR_TEXT("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhPz4iLCJleHAiOjE3MDAwMDAwMDB9.");
    cr_expect_eq(weir_kafka_token_end_ms(token, 5), 1700000000000);
    int64_t usual = 5 + WEIR_KAFKA_TOKEN_LIFETIME_USUAL_MS;
    cr_expect_eq(weir_kafka_token_end_ms(WEIR_TEXT("opaque"), 5), usual);
    cr_expect_eq(weir_kafka_token_end_ms(WEIR_TEXT("a.!!.c"), 5), usual);
    cr_expect_eq(weir_kafka_token_end_ms(WEIR_TEXT("a.b"), 5), usual);
    cr_expect_eq(weir_kafka_token_end_ms(WEIR_TEXT(""), 5), usual);
}
