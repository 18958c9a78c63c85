/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/curl/tls_options.h"

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/text.h"

enum { RELOAD_INTERVAL_USUAL_MS = 60 * 1000 };

static bool is_set(const char *text)
{
    return text && *text;
}

/* A value that libcurl copies; NULL leaves its default. Only running out of memory can fail. */
static void set_text(CURL *easy, CURLoption option, const char *value)
{
    if (is_set(value)) {
        CURLcode code = curl_easy_setopt(easy, option, value);
        WEIR_ASSERT(code == CURLE_OK);
    }
}

/* libcurl copies the text: a blob that it only borrows would be compared by its address. */
static void set_pem(CURL *easy, CURLoption option, const char *pem)
{
    if (!is_set(pem))
        return;
    struct curl_blob blob = {(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_COPY};
    CURLcode code = curl_easy_setopt(easy, option, &blob);
    WEIR_ASSERT(code == CURLE_OK);
}

/* ---- names ---- */

static const struct {
    const char *name;
    long min, max;
} versions[] = {
    {"1.0", CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0},
    {"1.1", CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1},
    {"1.2", CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2},
    {"1.3", CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3},
};

static bool is_tls_1_3_suite(const char *iana_name)
{
    return strstr(iana_name, "_WITH_") == NULL;
}

/* Where no suite of an older version is written, no older version is spoken: as in collector/tls and in Go. */
static bool has_only_tls_1_3_suites(const weir_tls_settings *tls)
{
    for (size_t i = 0; i < tls->cipher_suites.count; i++)
        if (!is_tls_1_3_suite(tls->cipher_suites.items[i]))
            return false;
    return tls->cipher_suites.count > 0;
}

/* config/tls.c has refused other versions. */
static long version_bits(const weir_tls_settings *tls)
{
    const char *min_version = has_only_tls_1_3_suites(tls) ? "1.3" : tls->min_version;
    long bits = is_set(min_version) ? 0 : CURL_SSLVERSION_TLSv1_2;
    for (size_t i = 0; i < WEIR_COUNT_OF(versions); i++) {
        if (is_set(min_version) && strcmp(min_version, versions[i].name) == 0)
            bits |= versions[i].min;
        if (is_set(tls->max_version) && strcmp(tls->max_version, versions[i].name) == 0)
            bits |= versions[i].max;
    }
    return bits;
}

static void append_name(weir_buffer *list, const char *name)
{
    if (list->len > 0)
        weir_buffer_append_byte(list, ':');
    weir_buffer_append_text(list, name);
}

/* OpenSSL has names of its own for the suites up to TLS 1.2; those of TLS 1.3 ("TLS_AES_…") are not chosen here, as in
 * Go. NULL if it has no such suite. */
static const char *openssl_suite(const char *iana_name)
{
    const char *name = OPENSSL_cipher_name(iana_name);
    return strcmp(name, "(NONE)") == 0 ? NULL : name;
}

static void set_suites(CURL *easy, const weir_tls_settings *tls)
{
    WEIR_BUFFER list = {0};
    for (size_t i = 0; i < tls->cipher_suites.count; i++) {
        const char *name =
            is_tls_1_3_suite(tls->cipher_suites.items[i]) ? NULL : openssl_suite(tls->cipher_suites.items[i]);
        if (name)
            append_name(&list, name);
    }
    if (list.len > 0)
        set_text(easy, CURLOPT_SSL_CIPHER_LIST, weir_buffer_string(&list));
}

static bool has_curve(const char *name)
{
    return EC_curve_nist2nid(name) != NID_undef || OBJ_sn2nid(name) != NID_undef;
}

/* What Go calls P256 is P-256 to OpenSSL. Curves that this OpenSSL does not have are left out, as in collector/tls. */
static void set_curves(CURL *easy, const weir_tls_settings *tls)
{
    WEIR_BUFFER list = {0};
    for (size_t i = 0; i < tls->curve_preferences.count; i++) {
        const char *name = tls->curve_preferences.items[i];
        bool is_nist = name[0] == 'P' && name[1] != '-';
        WEIR_FREE char *openssl_name = is_nist ? weir_format("P-%s", name + 1) : weir_strdup(name);
        if (has_curve(openssl_name))
            append_name(&list, openssl_name);
    }
    if (list.len > 0)
        set_text(easy, CURLOPT_SSL_EC_CURVES, weir_buffer_string(&list));
}

/* ---- all of them ---- */

static void set_authorities(CURL *easy, const weir_tls_settings *tls)
{
    set_text(easy, CURLOPT_CAINFO, tls->ca_file);
    set_pem(easy, CURLOPT_CAINFO_BLOB, tls->ca_pem);
    /* The system's folder of certificates stays beside a file of ours unless it is taken away. */
    if ((is_set(tls->ca_file) || is_set(tls->ca_pem)) && !tls->include_system_ca_certs_pool)
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    uint64_t reload_ms = tls->reload_interval_ms ? tls->reload_interval_ms : RELOAD_INTERVAL_USUAL_MS;
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)((reload_ms + 999) / 1000));
#else
    (void)reload_ms; /* older ones read them for every connection */
#endif
}

void weir_curl_set_tls(CURL *easy, const weir_tls_settings *tls)
{
    set_authorities(easy, tls);
    set_text(easy, CURLOPT_SSLCERT, tls->cert_file);
    set_pem(easy, CURLOPT_SSLCERT_BLOB, tls->cert_pem);
    set_text(easy, CURLOPT_SSLKEY, tls->key_file);
    set_pem(easy, CURLOPT_SSLKEY_BLOB, tls->key_pem);
    set_suites(easy, tls);
    set_curves(easy, tls);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, version_bits(tls));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls->insecure_skip_verify ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls->insecure_skip_verify ? 0L : 2L);
}

/* ---- checks ---- */

static weir_status check_file(const char *key, const char *path, weir_error *ret_error)
{
    if (!is_set(path) || access(path, R_OK) == 0)
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_IO, "tls.%s: %s cannot be read: %m", key, path);
}

weir_status weir_curl_check_tls(const weir_tls_settings *tls, weir_error *ret_error)
{
    weir_status status = check_file("ca_file", tls->ca_file, ret_error);
    if (status == WEIR_OK)
        status = check_file("cert_file", tls->cert_file, ret_error);
    if (status == WEIR_OK)
        status = check_file("key_file", tls->key_file, ret_error);
    for (size_t i = 0; status == WEIR_OK && i < tls->cipher_suites.count; i++) {
        const char *name = tls->cipher_suites.items[i];
        if (!is_tls_1_3_suite(name) && !openssl_suite(name))
            status = weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED,
                                    "tls.cipher_suites: OpenSSL here has no \"%s\": take it out", name);
    }
    return status;
}
