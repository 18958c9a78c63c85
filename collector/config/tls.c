/* SPDX-License-Identifier: Apache-2.0 */
#include "config/tls.h"

#include <string.h>

#define SETTING(member) offsetof(weir_tls_config, settings.member)

#define CLIENT_CA "Who may sign the server's certificate, as a PEM file; unless written, whom the system trusts."
#define SERVER_CA_REMARK "it has no effect on a server: client_ca_file says who may sign clients' certificates"
#define RELOAD_REMARK "renewed certificates are taken up without being asked for"
#define TPM_REMEDY "keep the key in a file that only weir's user can read, and name it with key_file"

/* Certificates and keys, of both sides. */
#define CERTIFICATE_OPTIONS                                                                                            \
    {.name = "cert_file",                                                                                              \
     .type = WEIR_OPTION_STRING,                                                                                       \
     .offset = SETTING(cert_file),                                                                                     \
     .summary = "The certificate to show, as a PEM file with its chain."},                                             \
        {.name = "cert_pem", .type = WEIR_OPTION_SECRET, .offset = SETTING(cert_pem), .summary = "The same as text."}, \
        {.name = "key_file",                                                                                           \
         .type = WEIR_OPTION_STRING,                                                                                   \
         .offset = SETTING(key_file),                                                                                  \
         .summary = "The certificate's private key, as a PEM file."},                                                  \
        {.name = "key_pem", .type = WEIR_OPTION_SECRET, .offset = SETTING(key_pem), .summary = "The same as text."},   \
    {                                                                                                                  \
        .name = "include_system_ca_certs_pool", .type = WEIR_OPTION_BOOL,                                              \
        .offset = SETTING(include_system_ca_certs_pool), .default_text = "false",                                      \
        .summary = "Whom the system trusts may sign the peer's certificate as well."                                   \
    }

/* What is spoken, of both sides. */
#define PROTOCOL_OPTIONS                                                                                               \
    {.name = "min_version",                                                                                            \
     .type = WEIR_OPTION_STRING,                                                                                       \
     .offset = SETTING(min_version),                                                                                   \
     .default_text = "1.2",                                                                                            \
     .summary = "The oldest TLS version to speak: 1.0, 1.1, 1.2 or 1.3."},                                             \
        {.name = "max_version",                                                                                        \
         .type = WEIR_OPTION_STRING,                                                                                   \
         .offset = SETTING(max_version),                                                                               \
         .summary = "The newest TLS version to speak; unless written, the newest there is."},                          \
        {.name = "cipher_suites",                                                                                      \
         .type = WEIR_OPTION_STRINGS,                                                                                  \
         .offset = SETTING(cipher_suites),                                                                             \
         .summary = "The cipher suites for TLS 1.2 and older, by their IANA names, best first; TLS 1.3 has its own."}, \
        {.name = "include_insecure_cipher_suites",                                                                     \
         .type = WEIR_OPTION_BOOL,                                                                                     \
         .offset = offsetof(weir_tls_config, include_insecure_cipher_suites),                                          \
         .default_text = "false",                                                                                      \
         .summary = "Whether cipher_suites may name weak ones."},                                                      \
        {.name = "curve_preferences",                                                                                  \
         .type = WEIR_OPTION_STRINGS,                                                                                  \
         .offset = SETTING(curve_preferences),                                                                         \
         .summary = "The curves for key exchange, best first: X25519, P256, P384, P521, X25519MLKEM768."},             \
        {.name = "reload_interval",                                                                                    \
         .type = WEIR_OPTION_DURATION,                                                                                 \
         .offset = SETTING(reload_interval_ms),                                                                        \
         .default_text = "1m",                                                                                         \
         .otel_default = "0s (never)",                                                                                 \
         .remark = RELOAD_REMARK,                                                                                      \
         .summary = "How often, at most, the files are looked at for a renewal, when a connection is made; 0 for the " \
                    "default."},                                                                                       \
    {                                                                                                                  \
        .name = "tpm", .type = WEIR_OPTION_ANY, .standing = WEIR_NOT_BUILT, .remark = TPM_REMEDY,                      \
        .summary = "Takes the private key from a TPM."                                                                 \
    }

const weir_option weir_tls_client_options[] = {
    {.name = "insecure",
     .type = WEIR_OPTION_BOOL,
     .offset = offsetof(weir_tls_config, insecure),
     .default_text = "false",
     .summary = "Send in clear text (unless ca_file or ca_pem is written, or the endpoint says https://)."},
    {.name = "insecure_skip_verify",
     .type = WEIR_OPTION_BOOL,
     .offset = SETTING(insecure_skip_verify),
     .default_text = "false",
     .summary = "Take any certificate of the server: encrypted, but anyone may be listening."},
    {.name = "server_name_override",
     .type = WEIR_OPTION_STRING,
     .offset = SETTING(server_name_override),
     .summary = "The name to ask the server for and to find in its certificate, if it is not the endpoint's host."},
    {.name = "ca_file", .type = WEIR_OPTION_STRING, .offset = SETTING(ca_file), .summary = CLIENT_CA},
    {.name = "ca_pem", .type = WEIR_OPTION_SECRET, .offset = SETTING(ca_pem), .summary = "The same as text."},
    CERTIFICATE_OPTIONS,
    PROTOCOL_OPTIONS,
    {0}};

const weir_option weir_tls_server_options[] = {
    {.name = "client_ca_file",
     .type = WEIR_OPTION_STRING,
     .offset = SETTING(client_ca_file),
     .summary = "Who may sign clients' certificates, as a PEM file; written, clients must show one (mutual TLS)."},
    {.name = "client_ca_file_reload",
     .type = WEIR_OPTION_BOOL,
     .offset = SETTING(client_ca_file_reload),
     .default_text = "true",
     .otel_default = "false",
     .remark = RELOAD_REMARK,
     .summary = "Whether client_ca_file is among the files that are looked at for a renewal."},
    {.name = "ca_file",
     .type = WEIR_OPTION_STRING,
     .standing = WEIR_SUBSUMED,
     .remark = SERVER_CA_REMARK,
     .summary = "Unused by servers."},
    {.name = "ca_pem",
     .type = WEIR_OPTION_SECRET,
     .standing = WEIR_SUBSUMED,
     .remark = SERVER_CA_REMARK,
     .summary = "Unused by servers."},
    CERTIFICATE_OPTIONS,
    PROTOCOL_OPTIONS,
    {0}};

/* ---- names ---- */

static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};
static const char *const curves[] = {"P256", "P384", "P521", "X25519", "X25519MLKEM768"};

/* As Go's crypto/tls divides them, which the Collector's files are written for. */
static const char *const secure_suites[] = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
};
static const char *const insecure_suites[] = {
    "TLS_RSA_WITH_AES_128_CBC_SHA",          "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",       "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",       "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
};
static const char *const broken_suites[] = {
    "TLS_RSA_WITH_RC4_128_SHA",       "TLS_RSA_WITH_3DES_EDE_CBC_SHA",       "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
};

#define INDEX_OF(names, name) index_of((names), WEIR_COUNT_OF(names), (name))

/* -1: not among them. */
static int index_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

/* ---- checks ---- */

static bool is_written(const char *text)
{
    return text && *text;
}

/* A key of `tls`, or `tls` itself where it is not written. */
static const weir_node *place(const weir_node *node, const char *key)
{
    const weir_node *found = node ? weir_node_find(node, key) : NULL;
    return found ? found : node;
}

static void check_only_one(const char *file, const char *pem, const char *file_key, const weir_node *node,
                           weir_diagnostics *diagnostics)
{
    if (is_written(file) && is_written(pem))
        weir_diagnostics_error(diagnostics, place(node, file_key),
                               "%s and the same as text (…_pem) are both written: leave one out", file_key);
}

static void check_versions(const weir_tls_settings *settings, const weir_node *node, weir_diagnostics *diagnostics)
{
    const char *min = is_written(settings->min_version) ? settings->min_version : "1.2";
    const char *max = is_written(settings->max_version) ? settings->max_version : "1.3";
    int min_index = INDEX_OF(versions, min);
    int max_index = INDEX_OF(versions, max);
    if (min_index < 0)
        weir_diagnostics_error(diagnostics, place(node, "min_version"),
                               "\"%s\" is no TLS version: write 1.0, 1.1, 1.2 or 1.3", min);
    if (max_index < 0)
        weir_diagnostics_error(diagnostics, place(node, "max_version"),
                               "\"%s\" is no TLS version: write 1.0, 1.1, 1.2 or 1.3", max);
    if (min_index >= 0 && max_index >= 0 && min_index > max_index)
        weir_diagnostics_error(diagnostics, place(node, "max_version"), "min_version %s is above max_version %s", min,
                               max);
}

static void check_suite(const weir_tls_config *tls, const char *name, const weir_node *node,
                        weir_diagnostics *diagnostics)
{
    if (INDEX_OF(secure_suites, name) >= 0)
        return;
    if (INDEX_OF(broken_suites, name) >= 0)
        weir_diagnostics_error(diagnostics, node, "cipher suite %s (RC4 or 3DES) is not built: leave it out", name);
    else if (INDEX_OF(insecure_suites, name) < 0)
        weir_diagnostics_error(diagnostics, node,
                               "\"%s\" is no cipher suite: write IANA names, as "
                               "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                               name);
    else if (!tls->include_insecure_cipher_suites)
        weir_diagnostics_error(diagnostics, node,
                               "cipher suite %s is weak: leave it out, or write include_insecure_cipher_suites: true",
                               name);
}

static void check_names(const weir_tls_config *tls, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_strings *suites = &tls->settings.cipher_suites;
    for (size_t i = 0; i < suites->count; i++)
        check_suite(tls, suites->items[i], place(node, "cipher_suites"), diagnostics);
    const weir_strings *preferences = &tls->settings.curve_preferences;
    for (size_t i = 0; i < preferences->count; i++)
        if (INDEX_OF(curves, preferences->items[i]) < 0)
            weir_diagnostics_error(diagnostics, place(node, "curve_preferences"),
                                   "\"%s\" is no curve: write X25519, P256, P384, P521 or X25519MLKEM768",
                                   preferences->items[i]);
}

/* What servers and clients have in common. */
static void check(const weir_tls_config *tls, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_tls_settings *settings = &tls->settings;
    check_only_one(settings->ca_file, settings->ca_pem, "ca_file", node, diagnostics);
    check_only_one(settings->cert_file, settings->cert_pem, "cert_file", node, diagnostics);
    check_only_one(settings->key_file, settings->key_pem, "key_file", node, diagnostics);
    bool has_cert = is_written(settings->cert_file) || is_written(settings->cert_pem);
    bool has_key = is_written(settings->key_file) || is_written(settings->key_pem);
    if (has_cert && !has_key)
        weir_diagnostics_error(diagnostics, node, "a certificate without its private key: write key_file as well");
    if (has_key && !has_cert)
        weir_diagnostics_error(diagnostics, node, "a private key without its certificate: write cert_file as well");
    check_versions(settings, node, diagnostics);
    check_names(tls, node, diagnostics);
}

bool weir_tls_client_is_clear_text(const weir_tls_config *tls)
{
    return tls->insecure && !is_written(tls->settings.ca_file) && !is_written(tls->settings.ca_pem);
}

void weir_tls_client_check(const weir_tls_config *tls, const weir_node *node, weir_diagnostics *diagnostics)
{
    check(tls, node, diagnostics);
    if (tls->settings.insecure_skip_verify && !weir_tls_client_is_clear_text(tls))
        weir_diagnostics_warning(diagnostics, place(node, "insecure_skip_verify"),
                                 "the server's certificate is not verified: anyone between weir and the server can "
                                 "read and change the data");
}

void weir_tls_server_check(const weir_tls_config *tls, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_tls_settings *settings = &tls->settings;
    check(tls, node, diagnostics);
    bool has_any = is_written(settings->cert_file) || is_written(settings->cert_pem) ||
                   is_written(settings->key_file) || is_written(settings->key_pem);
    if (!has_any)
        weir_diagnostics_error(diagnostics, node, "a server needs a certificate: write cert_file and key_file");
}
