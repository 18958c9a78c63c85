/* SPDX-License-Identifier: Apache-2.0 */
#include "issue.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

enum { DAY_S = 24 * 60 * 60 };

static char *text_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = weir_strndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static void set_name(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
}

static void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    WEIR_ASSERT(extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static void add_alternative_name(X509 *certificate, const char *name)
{
    WEIR_FREE char *value = strchr(name, ':') ? weir_strdup(name) : weir_format("DNS:%s", name);
    add_extension(certificate, NID_subject_alt_name, value);
}

static X509 *signer(const issued *by, EVP_PKEY **ret_key)
{
    BIO *cert = BIO_new_mem_buf(by->cert, -1);
    BIO *key = BIO_new_mem_buf(by->key, -1);
    X509 *certificate = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    *ret_key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    BIO_free(cert);
    BIO_free(key);
    return certificate;
}

issued issue(const char *name, const issued *by, int days)
{
    static long serial = 1;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), (days < 0 ? 3 : 1) * -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(certificate), (long)days * DAY_S);
    X509_set_pubkey(certificate, key);
    set_name(certificate, name);
    EVP_PKEY *by_key = key;
    X509 *by_certificate = by ? signer(by, &by_key) : certificate;
    X509_set_issuer_name(certificate, X509_get_subject_name(by_certificate));
    if (by)
        add_alternative_name(certificate, name);
    else
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate, by_key, EVP_sha256());

    BIO *cert_text = BIO_new(BIO_s_mem());
    BIO *key_text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(cert_text, certificate);
    PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL);
    if (by) {
        X509_free(by_certificate);
        EVP_PKEY_free(by_key);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    return (issued){text_of(cert_text), text_of(key_text)};
}

void issued_done(issued *self)
{
    free(self->cert);
    free(self->key);
}
