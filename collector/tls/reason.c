/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/reason.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* "tlsv13 alert certificate required" is what the peer sent; the rest is our own finding. */
static void describe(unsigned long code, char *ret_text, size_t size)
{
    const char *reason = ERR_reason_error_string(code);
    const char *alert = reason ? strstr(reason, "alert ") : NULL;
    if (alert)
        snprintf(ret_text, size, "the other side refuses: %s", alert + strlen("alert "));
    else if (reason)
        snprintf(ret_text, size, "%s", reason);
    else
        snprintf(ret_text, size, "unknown reason");
}

void weir__tls_reason(char *ret_text, size_t size)
{
    describe(ERR_peek_error(), ret_text, size);
    ERR_clear_error();
}

static void describe_certificate(long result, const char *asked_for, char *ret_text, size_t size)
{
    const char *what = X509_verify_cert_error_string(result);
    bool is_name = result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH;
    if (is_name && asked_for)
        snprintf(ret_text, size, "certificate verify failed: %s, the certificate is not for \"%s\"", what, asked_for);
    else
        snprintf(ret_text, size, "certificate verify failed: %s", what);
}

void weir__tls_failure(const SSL *ssl, const char *asked_for, char *ret_text, size_t size)
{
    unsigned long code = ERR_peek_error();
    long result = SSL_get_verify_result(ssl);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
        result != X509_V_OK)
        describe_certificate(result, asked_for, ret_text, size);
    else if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST)
        snprintf(ret_text, size, "the other side speaks clear text");
    else if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER)
        snprintf(ret_text, size, "wrong version number: the other side speaks clear text, or no TLS that is known");
    else
        describe(code, ret_text, size);
    ERR_clear_error();
}
