/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../net/fake_net.h"
#include "issue.h"
#include "tls/context.h"
#include "tls/provider.h"

enum { INTERVAL_MS = 1000 };

typedef struct files {
    char folder[64];
    char *cert_path, *key_path;
    issued authority;
    fake_net *net;
    weir_tls *tls;
    weir_tls_settings settings;
} files;

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void put(files *self, const issued *identity)
{
    write_file(self->cert_path, identity->cert);
    write_file(self->key_path, identity->key);
}

static void files_init(files *self)
{
    *self = (files){.folder = "/tmp/weir_test_tls_XXXXXX", .net = fake_net_new()};
    cr_assert_not_null(mkdtemp(self->folder));
    self->cert_path = weir_format("%s/tls.crt", self->folder);
    self->key_path = weir_format("%s/tls.key", self->folder);
    self->authority = issue("authority", NULL, 2);
    self->settings = (weir_tls_settings){
        .cert_file = self->cert_path, .key_file = self->key_path, .reload_interval_ms = INTERVAL_MS};
}

static void open_server(files *self)
{
    weir_error error = {0};
    weir_status status = weir_tls_openssl.server_new(&self->settings, NULL, &self->tls, &error);
    cr_assert_eq(status, WEIR_OK, "%s", error.text);
}

static void files_done(files *self)
{
    weir_tls_openssl.free(self->tls);
    unlink(self->cert_path);
    unlink(self->key_path);
    rmdir(self->folder);
    free(self->cert_path);
    free(self->key_path);
    issued_done(&self->authority);
    fake_net_free(self->net);
}

static void refused(files *self, const char *text)
{
    weir_error error = {0};
    weir_tls *tls = NULL;
    cr_assert_neq(weir_tls_openssl.server_new(&self->settings, NULL, &tls, &error), WEIR_OK);
    cr_assert_null(tls);
    cr_assert_not_null(strstr(error.text, text), "%s", error.text);
}

/* The serial number of the certificate that a new connection gets. */
static long serial(files *self)
{
    SSL *ssl = weir__tls_ssl_new(self->tls, fake_net_loop(self->net));
    long number = ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get_certificate(ssl)));
    SSL_free(ssl);
    return number;
}

Test(tls_context, a_renewal_is_noticed_after_the_interval)
{
    files all;
    files_init(&all);
    issued first = issue("server", &all.authority, 1), second = issue("server", &all.authority, 1);
    put(&all, &first);
    open_server(&all);
    long before = serial(&all);
    put(&all, &second);
    cr_assert_eq(serial(&all), before, "not yet looked at again");
    fake_net_pass_ms(all.net, INTERVAL_MS);
    cr_assert_eq(serial(&all), before + 1);
    issued_done(&first);
    issued_done(&second);
    files_done(&all);
}

Test(tls_context, a_half_written_renewal_changes_nothing)
{
    files all;
    files_init(&all);
    issued first = issue("server", &all.authority, 1), second = issue("server", &all.authority, 1);
    put(&all, &first);
    open_server(&all);
    long before = serial(&all);
    write_file(all.cert_path, second.cert); /* the key is still the old one */
    for (int i = 0; i < 3; i++) {
        fake_net_pass_ms(all.net, INTERVAL_MS);
        cr_assert_eq(serial(&all), before);
    }
    unlink(all.key_path);
    fake_net_pass_ms(all.net, INTERVAL_MS);
    cr_assert_eq(serial(&all), before);
    put(&all, &second);
    fake_net_pass_ms(all.net, INTERVAL_MS);
    cr_assert_eq(serial(&all), before + 1);
    issued_done(&first);
    issued_done(&second);
    files_done(&all);
}

Test(tls_context, connections_keep_what_they_began_with)
{
    files all;
    files_init(&all);
    issued first = issue("server", &all.authority, 1), second = issue("server", &all.authority, 1);
    put(&all, &first);
    open_server(&all);
    SSL *old = weir__tls_ssl_new(all.tls, fake_net_loop(all.net));
    long before = ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get_certificate(old)));
    put(&all, &second);
    fake_net_pass_ms(all.net, INTERVAL_MS);
    cr_assert_eq(serial(&all), before + 1);
    cr_assert_eq(ASN1_INTEGER_get(X509_get0_serialNumber(SSL_get_certificate(old))), before);
    SSL_free(old);
    issued_done(&first);
    issued_done(&second);
    files_done(&all);
}

Test(tls_context, client_ca_file_is_kept_unless_it_is_to_be_loaded_again)
{
    for (int reload = 0; reload < 2; reload++) {
        files all;
        files_init(&all);
        issued identity = issue("server", &all.authority, 1), other = issue("other", NULL, 1);
        WEIR_FREE char *ca_path = weir_format("%s/ca.crt", all.folder);
        write_file(ca_path, all.authority.cert);
        put(&all, &identity);
        all.settings.client_ca_file = ca_path;
        all.settings.client_ca_file_reload = reload;
        open_server(&all);
        SSL_CTX *before = all.tls->current;
        serial(&all);
        write_file(ca_path, other.cert);
        fake_net_pass_ms(all.net, INTERVAL_MS);
        serial(&all);
        cr_assert_eq(all.tls->current != before, reload);
        issued_done(&identity);
        issued_done(&other);
        unlink(ca_path);
        files_done(&all);
    }
}

Test(tls_context, what_cannot_be_used_is_named)
{
    files all;
    files_init(&all);
    issued one = issue("server", &all.authority, 1), other = issue("server", &all.authority, 1);
    refused(&all, "tls.crt cannot be read: No such file or directory");
    put(&all, &one);
    write_file(all.key_path, other.key);
    refused(&all, "tls.key is not the key of cert_file ");
    write_file(all.key_path, "no PEM");
    refused(&all, "tls.key has no private key in PEM form");
    write_file(all.cert_path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    refused(&all, "tls.crt has no certificate in PEM form");
    WEIR_FREE char *torn = weir_format("%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", one.cert);
    write_file(all.cert_path, torn);
    refused(&all, "tls.crt: certificate 2 is damaged");
    put(&all, &one);
    char *suites[] = {(char[]){"TLS_RSA_WITH_RC4_128_SHA"}};
    all.settings.cipher_suites = (weir_strings){suites, 1};
    refused(&all, "this OpenSSL has no TLS_RSA_WITH_RC4_128_SHA");
    issued_done(&one);
    issued_done(&other);
    files_done(&all);
}

Test(tls_context, a_session_of_old_certificates_is_not_kept)
{
    files all;
    files_init(&all);
    weir_error error = {0};
    weir_tls_settings settings = {.ca_pem = all.authority.cert};
    cr_assert_eq(weir_tls_openssl.client_new(&settings, NULL, &all.tls, &error), WEIR_OK);
    SSL_CTX *old = SSL_CTX_new(TLS_client_method());
    weir__tls_session_keep(all.tls, "a:1", old, SSL_SESSION_new());
    cr_assert_null(all.tls->sessions[0].session);
    for (int i = 0; i < 3 * WEIR__TLS_SESSIONS_MAX; i++) {
        WEIR_FREE char *endpoint = weir_format("host-%d:1", i);
        weir__tls_session_keep(all.tls, endpoint, all.tls->current, SSL_SESSION_new());
    }
    cr_assert_not_null(all.tls->sessions[WEIR__TLS_SESSIONS_MAX - 1].session);
    SSL_CTX_free(old);
    files_done(&all);
}
