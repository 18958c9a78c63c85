/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/client_conf.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "core/text.h"
#include "kafka/tls_conf.h"
#include "kafka/token.h"
#include "telemetry/log.h"

weir_status weir_kafka_client_init(weir_kafka_client *client, const weir_host *host, const char *id,
                                   const weir_kafka_client_config *config, weir_error *ret_error)
{
    *client = (weir_kafka_client){.config = config};
    weir_kafka_log_init(&client->log, id);
    const weir_kafka_sasl *sasl = config->auth.sasl;
    if (!sasl || sasl->mechanism != WEIR_KAFKA_OAUTHBEARER || !sasl->oauthbearer_token_source)
        return WEIR_OK;
    client->tokens = host->client_auth(host, sasl->oauthbearer_token_source, ret_error);
    return client->tokens ? WEIR_OK : ret_error->status;
}

/* ---- properties ---- */

weir_status weir_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, weir_error *ret_error)
{
    char reason[200];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return WEIR_OK;
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "librdkafka: %s", reason);
}

weir_status weir_kafka_conf_set_int(rd_kafka_conf_t *conf, const char *name, int64_t value, weir_error *ret_error)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return weir_kafka_conf_set(conf, name, text, ret_error);
}

weir_status weir_kafka_conf_set_map(rd_kafka_conf_t *conf, const weir_kafka_client_config *config,
                                    weir_error *ret_error)
{
    const weir_string_map *map = &config->librdkafka;
    for (size_t i = 0; i < map->count; i++)
        if (rd_kafka_conf_set(conf, map->keys[i], map->values[i], NULL, 0) != RD_KAFKA_CONF_OK)
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                                  "librdkafka does not take what is written for %s", map->keys[i]);
    return WEIR_OK;
}

static weir_status set_brokers(rd_kafka_conf_t *conf, const weir_kafka_client_config *config, weir_error *ret_error)
{
    WEIR_BUFFER list = {0};
    for (size_t i = 0; i < config->brokers.count; i++)
        weir_buffer_printf(&list, "%s%s", i ? "," : "", config->brokers.items[i]);
    return weir_kafka_conf_set(conf, "bootstrap.servers", weir_buffer_string(&list), ret_error);
}

static weir_status set_identity(rd_kafka_conf_t *conf, const weir_kafka_client_config *config, weir_error *ret_error)
{
    weir_status status = WEIR_OK;
    if (config->client_id && *config->client_id)
        status = weir_kafka_conf_set(conf, "client.id", config->client_id, ret_error);
    if (status == WEIR_OK && config->rack_id && *config->rack_id)
        status = weir_kafka_conf_set(conf, "client.rack", config->rack_id, ret_error);
    return status;
}

static weir_status set_connections(rd_kafka_conf_t *conf, const weir_kafka_client_config *config, weir_error *ret_error)
{
    weir_status status = weir_kafka_conf_set(conf, "socket.nagle.disable", "true", ret_error);
    if (status == WEIR_OK)
        status =
            weir_kafka_conf_set_int(conf, "connections.max.idle.ms", (int64_t)config->conn_idle_timeout_ms, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set_int(conf, "topic.metadata.refresh.interval.ms",
                                         (int64_t)config->metadata.refresh_interval_ms, ret_error);
    return status;
}

/* ---- SASL ---- */

static const char *const mechanisms[] = {
    [WEIR_KAFKA_PLAIN] = "PLAIN",
    [WEIR_KAFKA_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [WEIR_KAFKA_SCRAM_SHA_512] = "SCRAM-SHA-512",
    [WEIR_KAFKA_OAUTHBEARER] = "OAUTHBEARER",
};

static weir_status set_sasl(rd_kafka_conf_t *conf, const char *mechanism, const char *username, const char *password,
                            weir_error *ret_error)
{
    weir_status status = weir_kafka_conf_set(conf, "sasl.mechanisms", mechanism, ret_error);
    if (status == WEIR_OK && username)
        status = weir_kafka_conf_set(conf, "sasl.username", username, ret_error);
    if (status == WEIR_OK && password)
        status = weir_kafka_conf_set(conf, "sasl.password", password, ret_error);
    return status;
}

static weir_status set_auth(rd_kafka_conf_t *conf, const weir_kafka_auth *auth, weir_error *ret_error)
{
    const weir_kafka_sasl *sasl = auth->sasl;
    if (sasl && (size_t)sasl->mechanism >= WEIR_COUNT_OF(mechanisms))
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_UNSUPPORTED,
                              "auth.sasl.mechanism: AWS_MSK_IAM_OAUTHBEARER is not built");
    if (sasl)
        return set_sasl(conf, mechanisms[sasl->mechanism], sasl->username, sasl->password, ret_error);
    if (auth->plain_text)
        return set_sasl(conf, "PLAIN", auth->plain_text->username, auth->plain_text->password, ret_error);
    return WEIR_OK;
}

/* A mechanism under `librdkafka` (GSSAPI, say) asks for SASL as the keys under `auth` do. */
static weir_status set_protocol(rd_kafka_conf_t *conf, const weir_kafka_client_config *config, weir_error *ret_error)
{
    bool has_tls = weir_kafka_client_tls(config) != NULL;
    bool has_sasl = config->auth.sasl || config->auth.plain_text ||
                    weir_kafka_client_property(config, "sasl.mechanism") ||
                    weir_kafka_client_property(config, "sasl.mechanisms");
    const char *protocol = has_sasl ? (has_tls ? "sasl_ssl" : "sasl_plaintext") : has_tls ? "ssl" : "plaintext";
    return weir_kafka_conf_set(conf, "security.protocol", protocol, ret_error);
}

/* ---- all of them ---- */

static weir_status fill(rd_kafka_conf_t *conf, const weir_kafka_client_config *config, weir_error *ret_error)
{
    weir_status status = set_brokers(conf, config, ret_error);
    if (status == WEIR_OK)
        status = set_identity(conf, config, ret_error);
    if (status == WEIR_OK)
        status = set_connections(conf, config, ret_error);
    if (status == WEIR_OK)
        status = set_protocol(conf, config, ret_error);
    if (status == WEIR_OK)
        status = set_auth(conf, &config->auth, ret_error);
    const weir_tls_config *tls = weir_kafka_client_tls(config);
    if (status == WEIR_OK && tls)
        status = weir_kafka_conf_set_tls(conf, &tls->settings, ret_error);
    if (status == WEIR_OK)
        status = weir_kafka_conf_set_int(conf, "log_level", weir_log_enabled(WEIR_LOG_DEBUG) ? LOG_DEBUG : LOG_NOTICE,
                                         ret_error);
    return status;
}

weir_status weir_kafka_conf_new(weir_kafka_client *client, rd_kafka_conf_t **ret_conf, weir_error *ret_error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    weir_status status = fill(conf, client->config, ret_error);
    if (status != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, weir_kafka_log_write);
    rd_kafka_conf_set_events(conf, WEIR_KAFKA_CLIENT_EVENTS);
    *ret_conf = conf;
    return WEIR_OK;
}

/* ---- the client ---- */

/* librdkafka's own ways to a token (unsecured ones for tests, OIDC where it is built with it) are callbacks of its own,
 * which a thread of its own is to serve. */
static bool fetches_its_own_tokens(const weir_kafka_client *client)
{
    const weir_kafka_sasl *sasl = client->config->auth.sasl;
    return sasl && sasl->mechanism == WEIR_KAFKA_OAUTHBEARER && !client->tokens;
}

weir_status weir_kafka_client_new(weir_kafka_client *client, rd_kafka_type_t type, rd_kafka_conf_t *takes_conf,
                                  rd_kafka_t **ret_rk, weir_error *ret_error)
{
    char reason[200];
    bool in_background = fetches_its_own_tokens(client);
    if (in_background)
        rd_kafka_conf_enable_sasl_queue(takes_conf, 1);
    rd_kafka_t *rk = rd_kafka_new(type, takes_conf, reason, sizeof reason);
    if (!rk) {
        rd_kafka_conf_destroy(takes_conf);
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "librdkafka: %s", reason);
    }
    if (in_background)
        rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
    *ret_rk = rk;
    return WEIR_OK;
}

/* ---- tokens ---- */

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* After a failure the library asks again in 10 s. */
static void give_token(weir_kafka_client *client, rd_kafka_t *rk)
{
    WEIR_BUFFER token = {0};
    weir_error error;
    if (weir_kafka_token_fetch(client->tokens, &token, &error) != WEIR_OK) {
        rd_kafka_oauthbearer_set_token_failure(rk, error.text);
        return;
    }
    char reason[200];
    const char *text = weir_buffer_string(&token);
    int64_t end_ms = weir_kafka_token_end_ms(weir_text_of(text), wall_ms());
    if (rd_kafka_oauthbearer_set_token(rk, text, end_ms, "weir", NULL, 0, reason, sizeof reason) != 0)
        rd_kafka_oauthbearer_set_token_failure(rk, reason);
}

bool weir_kafka_client_serve(weir_kafka_client *client, rd_kafka_t *rk, rd_kafka_event_t *event)
{
    if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH)
        return false;
    if (client->tokens)
        give_token(client, rk);
    return true;
}
