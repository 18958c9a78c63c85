/* SPDX-License-Identifier: Apache-2.0
 *
 * The `tls` keys: what a file's words become, and what is refused with which words.
 */
#include <criterion/criterion.h>

#include "config/diagnostics.h"
#include "config/tls.h"
#include "config/yaml.h"

typedef struct tls_reading {
    weir_tree *tree;
    weir_diagnostics *diagnostics;
    const weir_option *options;
    weir_tls_config config;
    weir_buffer messages;
} tls_reading;

static void read_tls(tls_reading *reading, bool is_server, const char *yaml)
{
    weir_node *node;
    weir_yaml_error yaml_error;
    weir_place place = {.file = "test.yaml"};
    *reading = (tls_reading){.tree = weir_tree_new(),
                             .diagnostics = weir_diagnostics_new(),
                             .options = is_server ? weir_tls_server_options : weir_tls_client_options};
    cr_assert_eq(weir_yaml_parse(reading->tree, weir_text_of(yaml), &place, &node, &yaml_error), WEIR_OK);
    if (weir_options_read(reading->options, node, &reading->config, reading->diagnostics)) {
        if (is_server)
            weir_tls_server_check(&reading->config, node, reading->diagnostics);
        else
            weir_tls_client_check(&reading->config, node, reading->diagnostics);
    }
    weir_diagnostics_print(reading->diagnostics, WEIR_SEVERITY_WARNING, &reading->messages);
}

static void done(tls_reading *reading)
{
    weir_options_free(reading->options, &reading->config);
    weir_diagnostics_free(reading->diagnostics);
    weir_tree_free(reading->tree);
    weir_buffer_done(&reading->messages);
}

static void expect(bool is_server, const char *yaml, weir_severity severity, const char *words)
{
    tls_reading reading;
    read_tls(&reading, is_server, yaml);
    const char *messages = weir_buffer_string(&reading.messages);
    cr_expect_gt(weir_diagnostics_count(reading.diagnostics, severity), 0, "accepted: %s", yaml);
    cr_expect_not_null(strstr(messages, words), "%s: no '%s' in: %s", yaml, words, messages);
    done(&reading);
}

static void read_good(tls_reading *reading, bool is_server, const char *yaml)
{
    read_tls(reading, is_server, yaml);
    cr_assert_eq(weir_diagnostics_count(reading->diagnostics, WEIR_SEVERITY_ERROR), 0, "%s",
                 weir_buffer_string(&reading->messages));
}

Test(config_tls, a_client_speaks_tls_unless_it_says_insecure)
{
    static const struct {
        const char *yaml;
        bool is_clear_text;
    } cases[] = {
        {"{}", false},
        {"insecure: true", true},
        {"{insecure: true, ca_file: ca.crt}", false}, /* as configtls: a CA is written to be used */
        {"{insecure: true, ca_pem: text}", false},
        {"{insecure: true, server_name_override: name}", true},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        tls_reading reading;
        read_good(&reading, false, cases[i].yaml);
        cr_expect_eq(weir_tls_client_is_clear_text(&reading.config), cases[i].is_clear_text, "%s", cases[i].yaml);
        done(&reading);
    }
}

Test(config_tls, all_keys_of_a_server)
{
    tls_reading reading;
    read_good(&reading, true,
              "cert_file: a\nkey_file: b\nclient_ca_file: c\nclient_ca_file_reload: false\nmin_version: '1.3'\n"
              "cipher_suites: [TLS_RSA_WITH_AES_128_GCM_SHA256]\ninclude_insecure_cipher_suites: true\n"
              "curve_preferences: [X25519MLKEM768, P256]\nreload_interval: 5s\nca_file: unused\n");
    const weir_tls_settings *settings = &reading.config.settings;
    cr_expect_str_eq(settings->cert_file, "a");
    cr_expect_str_eq(settings->key_file, "b");
    cr_expect_str_eq(settings->client_ca_file, "c");
    cr_expect_not(settings->client_ca_file_reload);
    cr_expect_str_eq(settings->min_version, "1.3");
    cr_expect_str_eq(settings->cipher_suites.items[0], "TLS_RSA_WITH_AES_128_GCM_SHA256");
    cr_expect_eq(settings->curve_preferences.count, 2);
    cr_expect_eq(settings->reload_interval_ms, 5000);
    cr_expect_null(settings->ca_file);
    done(&reading);
}

Test(config_tls, mistakes)
{
    static const struct {
        bool is_server;
        const char *yaml, *words;
    } cases[] = {
        {true, "{}", "a server needs a certificate"},
        {true, "cert_file: a", "without its private key"},
        {true, "key_pem: a", "without its certificate"},
        {true, "{cert_file: a, cert_pem: b, key_file: c}", "cert_file and the same as text"},
        {false, "{ca_file: a, ca_pem: b}", "ca_file and the same as text"},
        {false, "{cert_file: a, key_file: b, key_pem: c}", "key_file and the same as text"},
        {false, "min_version: '1.4'", "\"1.4\" is no TLS version"},
        {false, "max_version: '1.1'", "min_version 1.2 is above max_version 1.1"},
        {false, "cipher_suites: [AES128-SHA]", "is no cipher suite"},
        {false, "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]", "include_insecure_cipher_suites: true"},
        {false, "{cipher_suites: [TLS_RSA_WITH_RC4_128_SHA], include_insecure_cipher_suites: true}", "leave it out"},
        {false, "curve_preferences: [P-256]", "is no curve"},
        {false, "tpm: {enabled: true}", "keep the key in a file"},
        {false, "client_ca_file: a", "client_ca_file"},
        {true, "insecure: true", "insecure"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        expect(cases[i].is_server, cases[i].yaml, WEIR_SEVERITY_ERROR, cases[i].words);
}

Test(config_tls, a_server_that_nobody_verifies_is_warned_of)
{
    expect(false, "insecure_skip_verify: true", WEIR_SEVERITY_WARNING, "is not verified");
}
