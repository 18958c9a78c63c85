/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/provider.h"

#include "tls/context.h"
#include "tls/socket.h"

static weir_status server_new(const weir_tls_settings *settings, const char *const *alpn, weir_tls **ret_tls,
                              weir_error *ret_error)
{
    return weir__tls_new(WEIR__TLS_SERVER, settings, alpn, ret_tls, ret_error);
}

static weir_status client_new(const weir_tls_settings *settings, const char *const *alpn, weir_tls **ret_tls,
                              weir_error *ret_error)
{
    return weir__tls_new(WEIR__TLS_CLIENT, settings, alpn, ret_tls, ret_error);
}

static uint64_t failures(const weir_tls *tls)
{
    return atomic_load_explicit(&tls->failures, memory_order_relaxed);
}

const weir_tls_provider weir_tls_openssl = {
    .abi = WEIR_TLS_ABI,
    .server_new = server_new,
    .client_new = client_new,
    .free = weir__tls_free,
    .adopt = weir__tls_adopt,
    .connect = weir__tls_connect,
    .error = weir__tls_error,
    .failures = failures,
};
