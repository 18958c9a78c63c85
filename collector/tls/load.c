/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/load.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/assert.h"
#include "telemetry/log.h"
#include "tls/reason.h"

/* Forward secrecy only, authenticated encryption first: what Go, and with it the Collector, offers. */
#define DEFAULT_SUITES "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"

enum {
    REASON_SIZE = 160,
    /* Sessions of TLS 1.2 clients without tickets; each may hold a client's certificate. */
    SERVER_SESSIONS_MAX = 1024,
    NAMES_MAX = 1024, /* of suites or curves, in OpenSSL's spelling */
};

/* One load under way. */
typedef struct loading {
    const weir_tls_settings *settings;
    weir__tls_side side;
    weir_buffer *client_ca;
    weir__tls_stamp *stamps;
    SSL_CTX *context;
    weir_error *error;
} loading;

typedef struct pem_text {
    weir_buffer bytes;
    BIO *bio;
} pem_text;

static weir_status fail(loading *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static weir_status fail(loading *self, const char *format, ...)
{
    char text[WEIR_ERROR_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ERR_clear_error();
    return weir_error_set(self->error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s", text);
}

/* "cert_file /etc/weir/tls.crt", or "cert_pem". */
static const char *name_of(const weir__tls_source *source, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%s%s%s", source->key, source->path ? " " : "", source->path ? source->path : "");
    return ret_text;
}

/* ---- reading PEM ---- */

static void pem_close(pem_text *pem)
{
    BIO_free(pem->bio);
    if (pem->bytes.data)
        OPENSSL_cleanse(pem->bytes.data, pem->bytes.capacity); /* it may have been a key */
    weir_buffer_done(&pem->bytes);
}

#define PEM_TEXT WEIR_CLEANUP(pem_close) pem_text

static weir_status pem_open(loading *self, weir__tls_part part, weir__tls_source *ret_source, pem_text *ret_pem)
{
    *ret_source = weir__tls_source_of(self->settings, part);
    weir_status status = weir__tls_source_read(ret_source, &ret_pem->bytes, &self->stamps[part], self->error);
    if (status != WEIR_OK)
        return status;
    ret_pem->bio = BIO_new_mem_buf(ret_pem->bytes.data, (int)ret_pem->bytes.len);
    WEIR_ASSERT(ret_pem->bio);
    return WEIR_OK;
}

/* The next certificate; NULL at the end, or with `*ret_is_broken` at something that is none. */
static X509 *next_certificate(BIO *bio, bool *ret_is_broken)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned long code = ERR_peek_last_error();
    *ret_is_broken = !certificate && ERR_GET_REASON(code) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    return certificate;
}

static weir_status not_pem(loading *self, const weir__tls_source *source, size_t count)
{
    char name[WEIR_ERROR_TEXT_SIZE];
    if (count > 0)
        return fail(self, "%s: certificate %zu is damaged: write the file again", name_of(source, name, sizeof name),
                    count + 1);
    return fail(self, "%s has no certificate in PEM form: it must have a line -----BEGIN CERTIFICATE-----",
                name_of(source, name, sizeof name));
}

/* ---- our own certificate ---- */

static void warn_of_dates(const weir__tls_source *source, const X509 *certificate)
{
    char name[WEIR_ERROR_TEXT_SIZE];
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        weir_log(WEIR_LOG_WARN, "tls", "%s has expired: the other side will refuse it until it is renewed",
                 name_of(source, name, sizeof name));
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
        weir_log(WEIR_LOG_WARN, "tls", "%s is not valid yet: the other side will refuse it",
                 name_of(source, name, sizeof name));
}

static weir_status use_certificate(loading *self, const weir__tls_source *source, X509 *certificate)
{
    char name[WEIR_ERROR_TEXT_SIZE], reason[REASON_SIZE];
    if (SSL_CTX_use_certificate(self->context, certificate) == 1) {
        warn_of_dates(source, certificate);
        return WEIR_OK;
    }
    weir__tls_reason(reason, sizeof reason);
    return fail(self, "%s cannot be used: %s", name_of(source, name, sizeof name), reason);
}

/* The certificate and, behind it, those that lead to the root. */
static weir_status load_certificates(loading *self)
{
    PEM_TEXT pem = {0};
    weir__tls_source source;
    weir_status status = pem_open(self, WEIR__TLS_CERT, &source, &pem);
    bool is_broken = false;
    size_t count = 0;
    X509 *certificate;
    while (status == WEIR_OK && (certificate = next_certificate(pem.bio, &is_broken))) {
        if (count++ == 0)
            status = use_certificate(self, &source, certificate);
        else
            SSL_CTX_add1_chain_cert(self->context, certificate);
        X509_free(certificate);
    }
    if (status == WEIR_OK && (is_broken || count == 0))
        return not_pem(self, &source, count);
    return status;
}

static int refuse_password(char *buffer, int size, int is_writing, void *user)
{
    (void)buffer, (void)size, (void)is_writing;
    *(bool *)user = true;
    return -1;
}

static void warn_of_mode(const weir__tls_source *source, const weir__tls_stamp *stamp)
{
    if (stamp->mode & (S_IRWXG | S_IRWXO))
        weir_log(WEIR_LOG_WARN, "tls", "%s %s can be read by others than its owner: chmod 600 mode=%03o", source->key,
                 source->path, stamp->mode & 0777);
}

static weir_status load_key(loading *self)
{
    PEM_TEXT pem = {0};
    weir__tls_source source;
    weir_status status = pem_open(self, WEIR__TLS_KEY, &source, &pem);
    if (status != WEIR_OK)
        return status;
    char name[WEIR_ERROR_TEXT_SIZE], reason[REASON_SIZE];
    bool is_encrypted = false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem.bio, NULL, refuse_password, &is_encrypted);
    if (!key && is_encrypted)
        return fail(self, "%s is encrypted, and nobody is there to type its passphrase: write it with `openssl pkey`",
                    name_of(&source, name, sizeof name));
    if (!key)
        return fail(self, "%s has no private key in PEM form: it must have a line -----BEGIN PRIVATE KEY-----",
                    name_of(&source, name, sizeof name));
    weir__tls_source certificate = weir__tls_source_of(self->settings, WEIR__TLS_CERT);
    if (X509_check_private_key(SSL_CTX_get0_certificate(self->context), key) != 1) {
        char certificate_name[WEIR_ERROR_TEXT_SIZE];
        status =
            fail(self, "%s is not the key of %s: write the two that belong together",
                 name_of(&source, name, sizeof name), name_of(&certificate, certificate_name, sizeof certificate_name));
    } else if (SSL_CTX_use_PrivateKey(self->context, key) != 1) {
        weir__tls_reason(reason, sizeof reason);
        status = fail(self, "%s cannot be used: %s", name_of(&source, name, sizeof name), reason);
    } else {
        warn_of_mode(&source, &self->stamps[WEIR__TLS_KEY]);
    }
    EVP_PKEY_free(key);
    return status;
}

static weir_status load_identity(loading *self)
{
    weir__tls_source certificate = weir__tls_source_of(self->settings, WEIR__TLS_CERT);
    weir__tls_source key = weir__tls_source_of(self->settings, WEIR__TLS_KEY);
    bool is_needed = self->side == WEIR__TLS_SERVER;
    if (!is_needed && !weir__tls_source_is_written(&certificate) && !weir__tls_source_is_written(&key))
        return WEIR_OK;
    if (!weir__tls_source_is_written(&certificate) || !weir__tls_source_is_written(&key))
        return fail(self, "cert_file and key_file belong together: write both");
    weir_status status = load_certificates(self);
    return status == WEIR_OK ? load_key(self) : status;
}

/* ---- whom to trust ---- */

/* Adds all certificates to the store, and their names to `names` (NULL: no list). */
static weir_status trust(loading *self, const weir__tls_source *source, BIO *bio, STACK_OF(X509_NAME) * names)
{
    X509_STORE *store = SSL_CTX_get_cert_store(self->context);
    bool is_broken;
    size_t count = 0;
    X509 *certificate;
    for (; (certificate = next_certificate(bio, &is_broken)); count++) {
        X509_STORE_add_cert(store, certificate);
        X509_NAME *name = names ? X509_NAME_dup(X509_get_subject_name(certificate)) : NULL;
        if (name)
            sk_X509_NAME_push(names, name);
        X509_free(certificate);
    }
    ERR_clear_error();
    return is_broken || count == 0 ? not_pem(self, source, count) : WEIR_OK;
}

static weir_status load_server_trust(loading *self)
{
    weir__tls_source source = weir__tls_source_of(self->settings, WEIR__TLS_CLIENT_CA);
    if (!weir__tls_source_is_written(&source))
        return WEIR_OK;
    if (self->settings->client_ca_file_reload || self->client_ca->len == 0) {
        self->client_ca->len = 0;
        weir_status status =
            weir__tls_source_read(&source, self->client_ca, &self->stamps[WEIR__TLS_CLIENT_CA], self->error);
        if (status != WEIR_OK)
            return status;
    }
    BIO *bio = BIO_new_mem_buf(self->client_ca->data, (int)self->client_ca->len);
    WEIR_ASSERT(bio);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    weir_status status = trust(self, &source, bio, names);
    BIO_free(bio);
    SSL_CTX_set_client_CA_list(self->context, names); /* takes them */
    SSL_CTX_set_verify(self->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return status;
}

static weir_status load_client_trust(loading *self)
{
    weir__tls_source source = weir__tls_source_of(self->settings, WEIR__TLS_CA);
    bool is_skipped = self->settings->insecure_skip_verify;
    SSL_CTX_set_verify(self->context, is_skipped ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!weir__tls_source_is_written(&source)) {
        SSL_CTX_set_default_verify_paths(self->context);
        return WEIR_OK;
    }
    PEM_TEXT pem = {0};
    weir_status status = pem_open(self, WEIR__TLS_CA, &source, &pem);
    return status == WEIR_OK ? trust(self, &source, pem.bio, NULL) : status;
}

static weir_status load_trust(loading *self)
{
    if (self->settings->include_system_ca_certs_pool)
        SSL_CTX_set_default_verify_paths(self->context);
    /* Any certificate that is trusted may stand at the end of a chain, not only one that signed itself: as in Go. */
    X509_STORE_set_flags(SSL_CTX_get_cert_store(self->context), X509_V_FLAG_PARTIAL_CHAIN);
    return self->side == WEIR__TLS_SERVER ? load_server_trust(self) : load_client_trust(self);
}

/* ---- versions, suites, curves ---- */

static int version_number(const char *text, int otherwise)
{
    static const struct {
        const char *text;
        int number;
    } versions[] = {{"1.0", TLS1_VERSION}, {"1.1", TLS1_1_VERSION}, {"1.2", TLS1_2_VERSION}, {"1.3", TLS1_3_VERSION}};
    for (size_t i = 0; text && i < WEIR_COUNT_OF(versions); i++)
        if (strcmp(text, versions[i].text) == 0)
            return versions[i].number;
    return otherwise;
}

static weir_status set_versions(loading *self)
{
    int min = version_number(self->settings->min_version, TLS1_2_VERSION);
    int max = version_number(self->settings->max_version, 0);
    /* OpenSSL 3 allows TLS 1.0 and 1.1 at level 0 only, for their SHA-1. Whoever wrote 1.1 has asked for it. */
    if (min < TLS1_2_VERSION)
        SSL_CTX_set_security_level(self->context, 0);
    if (SSL_CTX_set_min_proto_version(self->context, min) != 1 ||
        SSL_CTX_set_max_proto_version(self->context, max) != 1)
        return fail(self, "min_version %s and max_version %s cannot be had from this OpenSSL",
                    self->settings->min_version, self->settings->max_version);
    return WEIR_OK;
}

/* Appends ":name". False: no room. */
static bool append_name(char list[NAMES_MAX], const char *name)
{
    size_t len = strlen(list);
    int added = snprintf(list + len, NAMES_MAX - len, "%s%s", len > 0 ? ":" : "", name);
    return added >= 0 && (size_t)added < NAMES_MAX - len;
}

/* The suites of TLS 1.3 are always all of them, as in Go: where only such are written, TLS 1.3 is all that is
 * spoken. */
static weir_status set_suites(loading *self)
{
    const weir_strings *suites = &self->settings->cipher_suites;
    char list[NAMES_MAX] = "";
    for (size_t i = 0; i < suites->count; i++) {
        const char *name = OPENSSL_cipher_name(suites->items[i]);
        bool is_known = name && strcmp(name, "(NONE)") != 0;
        if (is_known && strncmp(suites->items[i], "TLS_AES_", 8) != 0 &&
            strncmp(suites->items[i], "TLS_CHACHA20_", 13) != 0)
            is_known = append_name(list, name);
        if (!is_known)
            return fail(self, "cipher_suites: this OpenSSL has no %s: leave it out", suites->items[i]);
    }
    if (suites->count > 0 && !*list)
        return SSL_CTX_set_min_proto_version(self->context, TLS1_3_VERSION) == 1
                   ? WEIR_OK
                   : fail(self, "cipher_suites has only suites of TLS 1.3, which this OpenSSL does not speak");
    if (SSL_CTX_set_cipher_list(self->context, *list ? list : DEFAULT_SUITES) != 1)
        return fail(self, "cipher_suites: this OpenSSL takes none of them: leave the key out");
    return WEIR_OK;
}

/* OpenSSL's name for Go's "P256" is "P-256"; the others are the same. */
static const char *curve_name(const char *name)
{
    static const char *const names[][2] = {{"P256", "P-256"}, {"P384", "P-384"}, {"P521", "P-521"}};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++)
        if (strcmp(name, names[i][0]) == 0)
            return names[i][1];
    return name;
}

static weir_status set_curves(loading *self)
{
    const weir_strings *curves = &self->settings->curve_preferences;
    char list[NAMES_MAX] = "";
    for (size_t i = 0; i < curves->count; i++) {
        const char *name = curve_name(curves->items[i]);
        if (SSL_CTX_set1_groups_list(self->context, name) != 1)
            weir_log(WEIR_LOG_WARN, "tls", "curve_preferences: this OpenSSL has no %s, so it is not offered",
                     curves->items[i]);
        else if (!append_name(list, name))
            return fail(self, "curve_preferences has too many names");
    }
    ERR_clear_error();
    if (curves->count > 0 && SSL_CTX_set1_groups_list(self->context, list) != 1)
        return fail(self, "curve_preferences: this OpenSSL has none of them: add X25519 or P256");
    return WEIR_OK;
}

/* ---- all of it ---- */

static void set_habits(loading *self)
{
    static const uint8_t session_scope[] = "weir";
    SSL_CTX_set_options(self->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           /* HTTP and gRPC know by themselves when a message was cut short. */
                                           SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(self->context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(self->context, 1);
    if (self->side == WEIR__TLS_SERVER) {
        SSL_CTX_set_session_cache_mode(self->context, SSL_SESS_CACHE_SERVER);
        SSL_CTX_sess_set_cache_size(self->context, SERVER_SESSIONS_MAX);
        SSL_CTX_set_session_id_context(self->context, session_scope, sizeof session_scope - 1);
    } else {
        SSL_CTX_set_session_cache_mode(self->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    }
}

weir_status weir__tls_load(const weir_tls_settings *settings, weir__tls_side side, weir_buffer *client_ca,
                           weir__tls_stamp ret_stamps[WEIR__TLS_PARTS], SSL_CTX **ret_context, weir_error *ret_error)
{
    loading self = {.settings = settings,
                    .side = side,
                    .client_ca = client_ca,
                    .stamps = ret_stamps,
                    .context = SSL_CTX_new(side == WEIR__TLS_SERVER ? TLS_server_method() : TLS_client_method()),
                    .error = ret_error};
    WEIR_ASSERT(self.context);
    set_habits(&self);
    weir_status (*const steps[])(loading *) = {set_versions, set_suites, set_curves, load_identity, load_trust};
    for (size_t i = 0; i < WEIR_COUNT_OF(steps); i++) {
        weir_status status = steps[i](&self);
        if (status != WEIR_OK) {
            SSL_CTX_free(self.context);
            return status;
        }
    }
    *ret_context = self.context;
    return WEIR_OK;
}
