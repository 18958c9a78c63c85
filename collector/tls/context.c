/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/context.h"

#include <openssl/err.h>
#include <string.h>

#include "core/assert.h"
#include "telemetry/log.h"
#include "tls/socket.h"

static const uint64_t ns_per_ms = 1000000;
static const uint64_t ns_per_s = 1000000000;

/* ---- protocol names (RFC 7301) ---- */

static void alpn_encode(weir_tls *tls, const char *const *names)
{
    weir_buffer list = {0};
    for (; names && *names; names++) {
        size_t len = strlen(*names);
        WEIR_ASSERT(len > 0 && len < 256);
        weir_buffer_append_byte(&list, (uint8_t)len);
        weir_buffer_append(&list, *names, len);
    }
    tls->alpn = list.data;
    tls->alpn_len = (unsigned)list.len;
}

/* Clients that offer nothing are served all the same, clients that offer only what we do not speak are not. */
static int alpn_select(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *offered,
                       unsigned offered_len, void *user)
{
    (void)ssl;
    const weir_tls *tls = user;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, tls->alpn, tls->alpn_len, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- renewal ---- */

/* client_ca_file is watched only if the settings say so. */
static bool is_watched(const weir_tls *tls, weir__tls_part part)
{
    return part != WEIR__TLS_CLIENT_CA || tls->settings.client_ca_file_reload;
}

static void take_stamps(const weir_tls *tls, weir__tls_stamp ret_stamps[WEIR__TLS_PARTS])
{
    for (int part = 0; part < WEIR__TLS_PARTS; part++) {
        weir__tls_source source = weir__tls_source_of(&tls->settings, (weir__tls_part)part);
        ret_stamps[part] = is_watched(tls, (weir__tls_part)part) ? weir__tls_stamp_of(&source) : (weir__tls_stamp){0};
    }
}

static bool same_stamps(const weir__tls_stamp a[WEIR__TLS_PARTS], const weir__tls_stamp b[WEIR__TLS_PARTS])
{
    for (int part = 0; part < WEIR__TLS_PARTS; part++)
        if (!weir__tls_stamp_equal(&a[part], &b[part]))
            return false;
    return true;
}

/* Sessions were agreed on under the old certificates: resuming one would skip the verification under the new. */
static void forget_sessions(weir_tls *tls)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(tls->sessions); i++) {
        SSL_SESSION_free(tls->sessions[i].session);
        free(tls->sessions[i].endpoint);
        tls->sessions[i] = (weir__tls_session){0};
    }
}

static weir_status load(weir_tls *tls, weir_error *ret_error)
{
    weir__tls_stamp stamps[WEIR__TLS_PARTS] = {0};
    SSL_CTX *context;
    weir_status status = weir__tls_load(&tls->settings, tls->side, &tls->client_ca, stamps, &context, ret_error);
    if (status != WEIR_OK)
        return status;
    for (int part = 0; part < WEIR__TLS_PARTS; part++)
        tls->loaded[part] = is_watched(tls, (weir__tls_part)part) ? stamps[part] : (weir__tls_stamp){0};
    if (tls->side == WEIR__TLS_SERVER && tls->alpn_len > 0)
        SSL_CTX_set_alpn_select_cb(context, alpn_select, tls);
    if (tls->side == WEIR__TLS_CLIENT && tls->alpn_len > 0)
        SSL_CTX_set_alpn_protos(context, tls->alpn, tls->alpn_len);
    if (tls->side == WEIR__TLS_CLIENT)
        SSL_CTX_sess_set_new_cb(context, weir__tls_on_session);
    SSL_CTX_free(tls->current);
    tls->current = context;
    forget_sessions(tls);
    return WEIR_OK;
}

/* The lock is held. */
static void renew(weir_tls *tls)
{
    weir__tls_stamp stamps[WEIR__TLS_PARTS];
    take_stamps(tls, stamps);
    if (same_stamps(stamps, tls->loaded) || same_stamps(stamps, tls->refused))
        return;
    weir_error error = {0};
    if (load(tls, &error) == WEIR_OK) {
        weir_log(WEIR_LOG_INFO, "tls", "certificates were renewed: new connections use them");
        memset(tls->refused, 0, sizeof tls->refused);
    } else {
        weir_log(WEIR_LOG_ERROR, "tls", "the renewed certificates cannot be used, the old ones stay in use: %s",
                 error.text);
        memcpy(tls->refused, stamps, sizeof tls->refused);
    }
}

SSL *weir__tls_ssl_new(weir_tls *tls, weir_loop *loop)
{
    uint64_t interval_ms = tls->settings.reload_interval_ms;
    uint64_t interval_ns = (interval_ms > 0 ? interval_ms : WEIR__TLS_RELOAD_INTERVAL_MS) * ns_per_ms;
    uint64_t now_ns = weir_loop_now_ns(loop);
    pthread_mutex_lock(&tls->lock);
    /* Loops read the clock at the start of a turn: another one may be a little behind. */
    if (tls->looked_ns == 0 || (now_ns > tls->looked_ns && now_ns - tls->looked_ns >= interval_ns)) {
        tls->looked_ns = now_ns;
        renew(tls);
    }
    SSL *ssl = SSL_new(tls->current); /* with a reference to the context */
    pthread_mutex_unlock(&tls->lock);
    WEIR_ASSERT(ssl);
    return ssl;
}

/* ---- sessions of clients ---- */

/* The lock is held. NULL: none. */
static weir__tls_session *find_session(weir_tls *tls, const char *endpoint)
{
    for (size_t i = 0; i < WEIR_COUNT_OF(tls->sessions); i++)
        if (tls->sessions[i].endpoint && strcmp(tls->sessions[i].endpoint, endpoint) == 0)
            return &tls->sessions[i];
    return NULL;
}

void weir__tls_session_keep(weir_tls *tls, const char *endpoint, SSL_CTX *context, SSL_SESSION *takes_session)
{
    pthread_mutex_lock(&tls->lock);
    weir__tls_session *kept = find_session(tls, endpoint);
    if (!kept)
        kept = &tls->sessions[tls->session_next++ % WEIR_COUNT_OF(tls->sessions)];
    /* A ticket that comes after a renewal belongs to the certificates before it. */
    bool is_current = context == tls->current;
    if (is_current && !(kept->endpoint && strcmp(kept->endpoint, endpoint) == 0)) {
        free(kept->endpoint);
        kept->endpoint = weir_strdup(endpoint);
    }
    if (is_current) {
        SSL_SESSION *old = kept->session;
        kept->session = takes_session;
        takes_session = old;
    }
    pthread_mutex_unlock(&tls->lock);
    SSL_SESSION_free(takes_session);
}

void weir__tls_session_offer(weir_tls *tls, const char *endpoint, SSL *ssl)
{
    pthread_mutex_lock(&tls->lock);
    weir__tls_session *kept = find_session(tls, endpoint);
    if (kept && SSL_get_SSL_CTX(ssl) == tls->current && SSL_SESSION_is_resumable(kept->session))
        SSL_set_session(ssl, kept->session);
    pthread_mutex_unlock(&tls->lock);
}

/* ---- failures ---- */

void weir__tls_count_failure(weir_tls *tls, weir_loop *loop, const char *peer, const char *reason)
{
    uint64_t now_ns = weir_loop_now_ns(loop);
    uint64_t failures = atomic_fetch_add_explicit(&tls->failures, 1, memory_order_relaxed) + 1;
    uint64_t logged_ns = atomic_load_explicit(&tls->logged_ns, memory_order_relaxed);
    if (logged_ns > 0 && now_ns < logged_ns + ns_per_s)
        return;
    if (!atomic_compare_exchange_strong(&tls->logged_ns, &logged_ns, now_ns))
        return; /* another thread logs */
    uint64_t since = failures - atomic_exchange(&tls->failures_logged, failures);
    weir_log(WEIR_LOG_WARN, "tls", "a TLS handshake failed: %s peer=%s failed_since_last_line=%llu", reason, peer,
             (unsigned long long)since);
}

/* ---- life ---- */

weir_status weir__tls_new(weir__tls_side side, const weir_tls_settings *settings, const char *const *alpn,
                          weir_tls **ret_tls, weir_error *ret_error)
{
    weir_tls *tls = WEIR_NEW(weir_tls);
    tls->side = side;
    tls->settings = *settings;
    pthread_mutex_init(&tls->lock, NULL);
    alpn_encode(tls, alpn);
    weir_status status = load(tls, ret_error);
    if (status == WEIR_OK)
        *ret_tls = tls;
    else
        weir__tls_free(tls);
    return status;
}

void weir__tls_free(weir_tls *tls)
{
    if (!tls)
        return;
    forget_sessions(tls);
    SSL_CTX_free(tls->current);
    weir_buffer_done(&tls->client_ca);
    free(tls->alpn);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}
