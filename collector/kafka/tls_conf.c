/* SPDX-License-Identifier: Apache-2.0
 *
 * The `tls` keys as librdkafka's ssl.* properties. It knows fewer of them than weir's own TLS: what it cannot be told
 * is an error, never left out in silence.
 */
#include "kafka/tls_conf.h"

#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "kafka/client_conf.h"

static bool is_set(const char *text)
{
    return text && *text;
}

static bool is_tls_1_3_suite(const char *iana_name)
{
    return strstr(iana_name, "_WITH_") == NULL;
}

/* OpenSSL has names of its own for the suites up to TLS 1.2. NULL if it has no such suite. */
static const char *openssl_suite(const char *iana_name)
{
    const char *name = OPENSSL_cipher_name(iana_name);
    return strcmp(name, "(NONE)") == 0 ? NULL : name;
}

/* ---- checks ---- */

#define REFUSE(...) weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED, __VA_ARGS__)

/* The oldest version is the system's to set: Debian's OpenSSL speaks nothing older than 1.2. */
static weir_status check_versions(const weir_tls_settings *tls, weir_error *ret_error)
{
    if (is_set(tls->min_version) && strcmp(tls->min_version, "1.2") != 0)
        return REFUSE("min_version: connections to Kafka speak the newest TLS the brokers know, 1.2 or newer: leave it "
                      "out; MinProtocol in OpenSSL's openssl.cnf can be set to more");
    if (is_set(tls->max_version) && strcmp(tls->max_version, "1.3") != 0)
        return REFUSE("max_version: connections to Kafka speak the newest TLS the brokers know: leave it out");
    return WEIR_OK;
}

static weir_status check_suites(const weir_tls_settings *tls, weir_error *ret_error)
{
    for (size_t i = 0; i < tls->cipher_suites.count; i++) {
        const char *name = tls->cipher_suites.items[i];
        if (is_tls_1_3_suite(name))
            return REFUSE("cipher_suites: those of TLS 1.3 cannot be chosen: leave %s out", name);
        if (!openssl_suite(name))
            return REFUSE("cipher_suites: OpenSSL here has no %s: leave it out", name);
    }
    return WEIR_OK;
}

/* librdkafka reads the first certificate of a text only. */
static bool is_chain(const char *pem)
{
    const char *begin = "-----BEGIN CERTIFICATE-----";
    const char *first = pem ? strstr(pem, begin) : NULL;
    return first && strstr(first + 1, begin);
}

static weir_status check_certificates(const weir_tls_settings *tls, weir_error *ret_error)
{
    bool has_own_ca = is_set(tls->ca_file) || is_set(tls->ca_pem);
    if (tls->include_system_ca_certs_pool && has_own_ca)
        return REFUSE("include_system_ca_certs_pool: connections to Kafka have one list of authorities: put all of "
                      "them into ca_file");
    if (is_chain(tls->cert_pem))
        return REFUSE("cert_pem: several certificates can only be read from a file: write cert_file");
    if (is_set(tls->server_name_override))
        return REFUSE("server_name_override: brokers are verified by the names they are reached by: leave it out, or "
                      "write librdkafka: {ssl.endpoint.identification.algorithm: none} to take any name");
    return WEIR_OK;
}

weir_status weir_kafka_check_tls(const weir_tls_settings *tls, bool reload_interval, weir_error *ret_error)
{
    if (reload_interval)
        return REFUSE(
            "reload_interval: certificates for Kafka are read when weir starts: leave it out, and restart weir "
            "when they are renewed");
    weir_status status = check_versions(tls, ret_error);
    if (status == WEIR_OK)
        status = check_suites(tls, ret_error);
    if (status == WEIR_OK)
        status = check_certificates(tls, ret_error);
    return status;
}

/* ---- setting them ---- */

static weir_status set_file(rd_kafka_conf_t *conf, const char *property, const char *key, const char *path,
                            weir_error *ret_error)
{
    if (!is_set(path))
        return WEIR_OK;
    if (access(path, R_OK) != 0)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "tls.%s: %s cannot be read: %m", key, path);
    return weir_kafka_conf_set(conf, property, path, ret_error);
}

static weir_status set_text(rd_kafka_conf_t *conf, const char *property, const char *value, weir_error *ret_error)
{
    return is_set(value) ? weir_kafka_conf_set(conf, property, value, ret_error) : WEIR_OK;
}

static void append_name(weir_buffer *list, const char *name)
{
    if (list->len > 0)
        weir_buffer_append_byte(list, ':');
    weir_buffer_append_text(list, name);
}

static weir_status set_suites(rd_kafka_conf_t *conf, const weir_tls_settings *tls, weir_error *ret_error)
{
    WEIR_BUFFER list = {0};
    for (size_t i = 0; i < tls->cipher_suites.count; i++)
        append_name(&list, openssl_suite(tls->cipher_suites.items[i]));
    return set_text(conf, "ssl.cipher.suites", weir_buffer_string(&list), ret_error);
}

/* What Go calls P256 is P-256 to OpenSSL. */
static weir_status set_curves(rd_kafka_conf_t *conf, const weir_tls_settings *tls, weir_error *ret_error)
{
    WEIR_BUFFER list = {0};
    for (size_t i = 0; i < tls->curve_preferences.count; i++) {
        const char *name = tls->curve_preferences.items[i];
        WEIR_FREE char *openssl_name = name[0] == 'P' ? weir_format("P-%s", name + 1) : weir_strdup(name);
        append_name(&list, openssl_name);
    }
    return set_text(conf, "ssl.curves.list", weir_buffer_string(&list), ret_error);
}

weir_status weir_kafka_conf_set_tls(rd_kafka_conf_t *conf, const weir_tls_settings *tls, weir_error *ret_error)
{
    weir_status status = weir_kafka_check_tls(tls, false, ret_error);
    if (status == WEIR_OK)
        status = set_file(conf, "ssl.ca.location", "ca_file", tls->ca_file, ret_error);
    if (status == WEIR_OK)
        status = set_text(conf, "ssl.ca.pem", tls->ca_pem, ret_error);
    if (status == WEIR_OK)
        status = set_file(conf, "ssl.certificate.location", "cert_file", tls->cert_file, ret_error);
    if (status == WEIR_OK)
        status = set_text(conf, "ssl.certificate.pem", tls->cert_pem, ret_error);
    if (status == WEIR_OK)
        status = set_file(conf, "ssl.key.location", "key_file", tls->key_file, ret_error);
    if (status == WEIR_OK)
        status = set_text(conf, "ssl.key.pem", tls->key_pem, ret_error);
    if (status == WEIR_OK)
        status = set_suites(conf, tls, ret_error);
    if (status == WEIR_OK)
        status = set_curves(conf, tls, ret_error);
    if (status == WEIR_OK && tls->insecure_skip_verify)
        status = weir_kafka_conf_set(conf, "enable.ssl.certificate.verification", "false", ret_error);
    return status;
}
