/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/options.h"

#include <librdkafka/rdkafka.h>

#include "core/status.h"
#include "kafka/properties.h"
#include "kafka/tls_conf.h"

const char *const weir_kafka_encoding_names[] = {"otlp_proto", "otlp_json", NULL};

static const char *const mechanism_names[] = {"PLAIN",       "SCRAM-SHA-256",           "SCRAM-SHA-512",
                                              "OAUTHBEARER", "AWS_MSK_IAM_OAUTHBEARER", NULL};

#define AWS_REMEDY \
    "give the cluster's users SCRAM-SHA-512, which MSK offers as well, or stand a Collector between weir and it"
#define KERBEROS_REMEDY                                                                         \
    "write it under `librdkafka` instead: sasl.mechanism: GSSAPI, sasl.kerberos.service.name, " \
    "sasl.kerberos.principal and sasl.kerberos.keytab"

/* 2.6.1, as rd_kafka_version() says it. */
enum { SCRAM_SOUND_SINCE = 0x020601ff };

/* ---- tables ---- */

static const weir_option metadata_retry_options[] = {
    {.name = "max",
     .type = WEIR_OPTION_UINT,
     .standing = WEIR_SUBSUMED,
     .remark = "weir asks until it is told",
     .summary = "How often to ask again."},
    {.name = "backoff",
     .type = WEIR_OPTION_DURATION,
     .standing = WEIR_SUBSUMED,
     .remark = "weir asks again after 100 ms and then less and less often, up to every 10 s",
     .summary = "How long to wait before asking again."},
    {0}};

const weir_option weir_kafka_metadata_options[] = {
    {.name = "refresh_interval",
     .type = WEIR_OPTION_DURATION,
     .offset = offsetof(weir_kafka_metadata_config, refresh_interval_ms),
     .default_text = "10m",
     .min = 10,
     .max = 3600 * 1000,
     .summary = "How often weir looks for new partitions and brokers; changes that stop the data are seen at once."},
    {.name = "full",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "weir asks for the topics it uses alone",
     .summary = "Whether to keep what there is to know of all topics."},
    {.name = "retry",
     .type = WEIR_OPTION_GROUP,
     .group = metadata_retry_options,
     .group_size = sizeof(weir_kafka_metadata_config),
     .summary = "What to do when nobody answers."},
    {0}};

static const weir_option plain_text_options[] = {{.name = "username",
                                                  .type = WEIR_OPTION_STRING,
                                                  .offset = offsetof(weir_kafka_plain_text, username),
                                                  .summary = "The user's name."},
                                                 {.name = "password",
                                                  .type = WEIR_OPTION_SECRET,
                                                  .offset = offsetof(weir_kafka_plain_text, password),
                                                  .summary = "The user's password."},
                                                 {0}};

static const weir_option sasl_options[] = {
    {.name = "mechanism",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(weir_kafka_sasl, mechanism),
     .enum_names = mechanism_names,
     .required = true,
     .summary = "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; AWS_MSK_IAM_OAUTHBEARER is not built."},
    {.name = "username",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_kafka_sasl, username),
     .summary = "The user's name; unused with OAUTHBEARER."},
    {.name = "password",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(weir_kafka_sasl, password),
     .summary = "The user's password; unused with OAUTHBEARER."},
    {.name = "oauthbearer_token_source",
     .type = WEIR_OPTION_EXTENSION,
     .offset = offsetof(weir_kafka_sasl, oauthbearer_token_source),
     .lends = WEIR_LENDS_CLIENT_AUTH,
     .summary = "The extension that has the token for OAUTHBEARER, a bearertokenauth for example."},
    {.name = "version",
     .type = WEIR_OPTION_UINT,
     .standing = WEIR_SUBSUMED,
     .remark = "weir asks each broker what it speaks",
     .summary = "The version of the handshake."},
    {.name = "aws_msk",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = AWS_REMEDY,
     .summary = "Where the AWS cluster is."},
    {0}};

const weir_option weir_kafka_auth_options[] = {{.name = "sasl",
                                                .type = WEIR_OPTION_POINTER,
                                                .offset = offsetof(weir_kafka_auth, sasl),
                                                .group = sasl_options,
                                                .group_size = sizeof(weir_kafka_sasl),
                                                .summary = "A name and a password, or a token."},
                                               {.name = "plain_text",
                                                .type = WEIR_OPTION_POINTER,
                                                .standing = WEIR_DEPRECATED,
                                                .remark = "use sasl with mechanism: PLAIN",
                                                .offset = offsetof(weir_kafka_auth, plain_text),
                                                .group = plain_text_options,
                                                .group_size = sizeof(weir_kafka_plain_text),
                                                .summary = "The same as sasl with mechanism PLAIN."},
                                               {.name = "tls",
                                                .type = WEIR_OPTION_POINTER,
                                                .standing = WEIR_DEPRECATED,
                                                .remark = "write tls beside auth, not in it",
                                                .offset = offsetof(weir_kafka_auth, tls),
                                                .group = weir_tls_client_options,
                                                .group_size = sizeof(weir_tls_config),
                                                .summary = "The same as tls beside auth, which beats it."},
                                               {.name = "kerberos",
                                                .type = WEIR_OPTION_ANY,
                                                .standing = WEIR_NOT_BUILT,
                                                .remark = KERBEROS_REMEDY,
                                                .summary = "Kerberos."},
                                               {0}};

/* ---- reading ---- */

static bool is_written(const char *text)
{
    return text && *text;
}

const weir_tls_config *weir_kafka_client_tls(const weir_kafka_client_config *config)
{
    const weir_tls_config *tls = config->tls ? config->tls : config->auth.tls;
    return tls && !weir_tls_client_is_clear_text(tls) ? tls : NULL;
}

const char *weir_kafka_client_property(const weir_kafka_client_config *config, const char *name)
{
    for (size_t i = 0; i < config->librdkafka.count; i++)
        if (strcmp(config->librdkafka.keys[i], name) == 0)
            return config->librdkafka.values[i];
    return NULL;
}

/* ---- checks ---- */

/* A key of the settings, or the settings themselves where it is not written. */
static const weir_node *place(const weir_node *node, const char *key)
{
    const weir_node *found = node ? weir_node_find(node, key) : NULL;
    return found ? found : node;
}

static void check_brokers(const weir_kafka_client_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (config->brokers.count == 0)
        weir_diagnostics_error(diagnostics, place(node, "brokers"), "no broker to connect to: write host:port");
    for (size_t i = 0; i < config->brokers.count; i++)
        if (!is_written(config->brokers.items[i]) || strchr(config->brokers.items[i], ' '))
            weir_diagnostics_error(diagnostics, place(node, "brokers"), "\"%s\" is no broker: write host:port",
                                   config->brokers.items[i]);
}

static void check_name_and_password(const weir_kafka_sasl *sasl, const weir_node *node, weir_diagnostics *diagnostics)
{
    const char *name = mechanism_names[sasl->mechanism];
    if (!is_written(sasl->username))
        weir_diagnostics_error(diagnostics, place(node, "auth.sasl"), "%s needs a username", name);
    if (!is_written(sasl->password))
        weir_diagnostics_error(diagnostics, place(node, "auth.sasl"), "%s needs a password", name);
}

/* OAUTHBEARER without an extension is for librdkafka's own ways to a token. */
static void check_token_source(const weir_kafka_client_config *config, const weir_node *node,
                               weir_diagnostics *diagnostics)
{
    bool has_own_way = weir_kafka_client_property(config, "sasl.oauthbearer.method") ||
                       weir_kafka_client_property(config, "enable.sasl.oauthbearer.unsecure.jwt");
    if (!is_written(config->auth.sasl->oauthbearer_token_source) && !has_own_way)
        weir_diagnostics_error(diagnostics, place(node, "auth.sasl"),
                               "OAUTHBEARER needs a token: name an extension that has one with "
                               "oauthbearer_token_source");
}

static void check_sasl(const weir_kafka_client_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_kafka_sasl *sasl = config->auth.sasl;
    if (sasl->mechanism == WEIR_KAFKA_AWS_MSK_IAM)
        weir_diagnostics_error(diagnostics, place(node, "auth.sasl.mechanism"), "weir cannot do this yet: %s",
                               AWS_REMEDY);
    else if (sasl->mechanism == WEIR_KAFKA_OAUTHBEARER)
        check_token_source(config, node, diagnostics);
    else
        check_name_and_password(sasl, node, diagnostics);
    if (config->auth.plain_text)
        weir_diagnostics_error(diagnostics, place(node, "auth.plain_text"),
                               "plain_text and sasl are both written: leave plain_text out");
}

/* librdkafka before 2.6.1 repeats its nonce in SCRAM's last message (its pull request 4895): Kafka up to 3.9 lets that
 * pass, Kafka 4 calls the password wrong. */
static void check_scram(const weir_kafka_sasl *sasl, const weir_node *node, weir_diagnostics *diagnostics)
{
    bool is_scram = sasl->mechanism == WEIR_KAFKA_SCRAM_SHA_256 || sasl->mechanism == WEIR_KAFKA_SCRAM_SHA_512;
    if (is_scram && rd_kafka_version() < SCRAM_SOUND_SINCE)
        weir_diagnostics_warning(diagnostics, place(node, "auth.sasl.mechanism"),
                                 "the brokers of Kafka 4 refuse %s from librdkafka %s, whatever the password: install "
                                 "librdkafka 2.6.1 or newer, or use PLAIN with tls",
                                 mechanism_names[sasl->mechanism], rd_kafka_version_str());
}

static void check_auth(const weir_kafka_client_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_kafka_auth *auth = &config->auth;
    if (auth->sasl) {
        check_sasl(config, node, diagnostics);
        check_scram(auth->sasl, node, diagnostics);
    }
    if (!auth->sasl && auth->plain_text &&
        (!is_written(auth->plain_text->username) || !is_written(auth->plain_text->password)))
        weir_diagnostics_error(diagnostics, place(node, "auth.plain_text"), "PLAIN needs a username and a password");
    bool is_readable =
        auth->plain_text ||
        (auth->sasl && (auth->sasl->mechanism == WEIR_KAFKA_PLAIN || auth->sasl->mechanism == WEIR_KAFKA_OAUTHBEARER));
    if (is_readable && !weir_kafka_client_tls(config))
        weir_diagnostics_warning(diagnostics, place(node, "auth"),
                                 "without tls whoever listens on the network can read the password or the token: write "
                                 "tls, or use SCRAM-SHA-512");
}

static void check_tls_keys(const weir_kafka_client_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const char *key = config->tls ? "tls" : "auth.tls";
    const weir_tls_config *tls = config->tls ? config->tls : config->auth.tls;
    const weir_node *tls_node = node ? weir_node_find(node, key) : NULL;
    weir_tls_client_check(tls, tls_node, diagnostics);
    weir_error error;
    if (!weir_tls_client_is_clear_text(tls) &&
        weir_kafka_check_tls(&tls->settings, tls_node && weir_node_find(tls_node, "reload_interval"), &error) !=
            WEIR_OK)
        weir_diagnostics_error(diagnostics, place(node, key), "%s", error.text);
}

static void check_properties(const weir_kafka_client_config *config, const weir_node *node,
                             weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < config->librdkafka.count; i++) {
        weir_error error;
        if (weir_kafka_check_property(config->librdkafka.keys[i], config->librdkafka.values[i], &error) != WEIR_OK)
            weir_diagnostics_error(diagnostics, place(node, "librdkafka"), "%s", error.text);
    }
    bool has_mechanism =
        weir_kafka_client_property(config, "sasl.mechanism") || weir_kafka_client_property(config, "sasl.mechanisms");
    if (has_mechanism && (config->auth.sasl || config->auth.plain_text))
        weir_diagnostics_error(diagnostics, place(node, "librdkafka"),
                               "sasl.mechanism is written here and in `auth` as well: leave one of them out");
}

void weir_kafka_client_check(const weir_kafka_client_config *config, const weir_node *node,
                             weir_diagnostics *diagnostics)
{
    check_brokers(config, node, diagnostics);
    check_auth(config, node, diagnostics);
    if (config->tls || config->auth.tls)
        check_tls_keys(config, node, diagnostics);
    check_properties(config, node, diagnostics);
}
