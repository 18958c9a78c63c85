/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a configuration, or worth a warning, beyond what the option table sees: each message at its place
 * in the file.
 */
#include <string.h>

#include "config/diagnostics.h"
#include "config/node.h"
#include "core/memory.h"
#include "exporters/elasticsearch/config_urls.h"
#include "exporters/elasticsearch/document/date_format.h"
#include "exporters/elasticsearch/document/stream_name.h"
#include "net/headers.h"

/* The component's settings, and where to say what is wrong with them. */
typedef struct check {
    const es_config *config;
    const weir_node *node;
    weir_diagnostics *diagnostics;
} check;

#define MISTAKE(self, key, ...) \
    weir_diagnostics_error((self)->diagnostics, weir_node_find((self)->node, (key)), __VA_ARGS__)
#define REMARK(self, key, ...) \
    weir_diagnostics_warning((self)->diagnostics, weir_node_find((self)->node, (key)), __VA_ARGS__)

static bool is_written(const char *text)
{
    return text && *text;
}

/* The node of a key, of one item of its list if it is one, or of the component itself (for the environment). */
static const weir_node *node_of(const check *self, const char *key, size_t index)
{
    const weir_node *node = weir_node_find(self->node, key);
    if (node && node->kind == WEIR_NODE_SEQUENCE && index < node->count)
        return node->items[index];
    return node ? node : self->node;
}

/* ---- URLs and credentials ---- */

/* What all URLs together say. */
typedef struct url_facts {
    bool is_clear;     /* some are http://, and not to this machine */
    bool has_user;     /* the first has user information … */
    bool users_differ; /* … and another has not the same */
    char *user, *password;
} url_facts;

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static void note_url(url_facts *facts, const weir_url *url, bool is_first)
{
    facts->is_clear = facts->is_clear || (strcmp(url->scheme, "http") == 0 && !is_loopback(url->host));
    if (is_first) {
        facts->has_user = url->user != NULL;
        facts->user = url->user ? weir_strdup(url->user) : NULL;
        facts->password = url->password ? weir_strdup(url->password) : NULL;
    } else if (!same(facts->user, url->user) || !same(facts->password, url->password)) {
        facts->users_differ = true;
    }
}

static void check_urls(const check *self, url_facts *facts)
{
    es_urls urls;
    weir_error error = {0};
    if (es_urls_gather(self->config, &urls, &error) != WEIR_OK)
        weir_diagnostics_error(self->diagnostics, urls.key ? node_of(self, urls.key, SIZE_MAX) : self->node, "%s",
                               error.text);
    for (size_t i = 0; i < urls.texts.count; i++) {
        weir_url url = {0};
        if (es_url_parse(urls.texts.items[i], &url, &error) == WEIR_OK)
            note_url(facts, &url, i == 0);
        else
            weir_diagnostics_error(self->diagnostics, node_of(self, urls.key, i), "%s %s", urls.key, error.text);
        weir_url_done(&url);
    }
    if (facts->users_differ)
        weir_diagnostics_error(self->diagnostics, node_of(self, urls.key, SIZE_MAX),
                               "the URLs name different users: write `user` and `password`, which are for all of them");
    es_urls_done(&urls);
}

static bool has_secret_header(const weir_string_map *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (weir_name_is_of_secret(headers->keys[i]))
            return true;
    }
    return false;
}

/* Where the first of the written ways to authenticate stands, and how many there are. */
static unsigned ways_to_authenticate(const es_config *config, bool has_user_in_url, const char **ret_key)
{
    const struct {
        bool is_written;
        const char *key;
    } ways[] = {{has_user_in_url, "endpoint"},
                {is_written(config->user) || is_written(config->password), "user"},
                {is_written(config->api_key), "api_key"},
                {config->auth != NULL, "auth"}};
    unsigned count = 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(ways); i++) {
        if (!ways[i].is_written)
            continue;
        *ret_key = ways[i].key;
        count++;
    }
    return count;
}

static void check_authentication(const check *self, const url_facts *facts)
{
    const es_config *config = self->config;
    const char *key = "headers";
    unsigned ways = ways_to_authenticate(config, facts->has_user, &key);
    if (ways > 1)
        MISTAKE(self, key,
                "only one of user and password, api_key, auth, and a user in the URL can be in force: leave the others "
                "out");
    if (is_written(config->user) && !config->password)
        MISTAKE(self, "user", "a user without a password: write `password`");
    if (is_written(config->password) && !is_written(config->user))
        MISTAKE(self, "password", "a password without a user: write `user`");
    if (is_written(config->api_key) && strchr(config->api_key, ':'))
        MISTAKE(
            self, "api_key",
            "api_key is wanted in its encoded form, the base64 of \"id:key\" that Elasticsearch shows as `encoded`");
    else if (is_written(config->api_key) && !weir_header_value_is_valid(weir_text_of(config->api_key)))
        MISTAKE(self, "api_key", "api_key has characters that no header may have");
    if (facts->is_clear && (ways > 0 || has_secret_header(&config->headers)))
        weir_diagnostics_warning(self->diagnostics, node_of(self, key, SIZE_MAX),
                                 "credentials are sent over http:// in clear text: use https://");
}

/* ---- names of indices ---- */

static void check_index(const check *self, const char *name, const char *key)
{
    weir_error error;
    if (!is_written(name))
        return;
    if (!es_index_name_check(weir_text_of(name), &error))
        MISTAKE(self, key, "%s", error.text);
    else if (name[0] == '<')
        REMARK(self, key,
               "date math goes by the server's clock: what is sent again on another day is there twice; "
               "`logstash_format` goes by the record's time");
}

static void check_dynamic_index(const check *self, const char *index, bool is_dynamic, const char *key)
{
    if (is_written(index) && is_dynamic)
        MISTAKE(self, key, "%s and its _dynamic_index contradict each other: leave the latter out", key);
}

static void check_date_format(const check *self)
{
    const es_logstash_config *logstash = &self->config->logstash_format;
    const uint64_t some_day_ns = 0;
    uint64_t step_ns;
    weir_error error;
    if (!es_date_format_check(logstash->date_format, &step_ns, &error)) {
        MISTAKE(self, "logstash_format.date_format", "%s", error.text);
        return;
    }
    WEIR_BUFFER name = {0};
    weir_buffer_printf(&name, "x%s", logstash->prefix_separator);
    es_date_format_write(logstash->date_format, some_day_ns, &name);
    if (!es_index_name_check((weir_text){(const char *)name.data, name.len}, &error))
        MISTAKE(self, "logstash_format", "behind \"x\" they make a name that cannot be: %s", error.text);
}

static void check_indices(const check *self)
{
    const es_config *config = self->config;
    check_index(self, config->logs_index, "logs_index");
    check_index(self, config->traces_index, "traces_index");
    check_dynamic_index(self, config->logs_index, config->logs_dynamic_index.enabled, "logs_index");
    check_dynamic_index(self, config->traces_index, config->traces_dynamic_index.enabled, "traces_index");
    if (config->logstash_format.enabled)
        check_date_format(self);
}

/* ---- mapping ---- */

static bool check_mode_name(const check *self, const char *name, const char *key, size_t index)
{
    const char *names[ES_MODES];
    es_mode mode;
    if (es_mode_find(weir_text_of(name), &mode))
        return true;
    for (int i = 0; i < ES_MODES; i++)
        names[i] = es_mode_name((es_mode)i);
    const char *nearest = weir_nearest(name, names, ES_MODES);
    weir_diagnostics_error(self->diagnostics, node_of(self, key, index),
                           "\"%s\" is no mapping mode%s%s%s (known: otel, ecs, none, raw, bodymap)", name,
                           nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return false;
}

static void check_mapping(const check *self)
{
    const es_mapping_config *mapping = &self->config->mapping;
    bool all_known = true;
    for (size_t i = 0; i < mapping->allowed_modes.count; i++)
        all_known = check_mode_name(self, mapping->allowed_modes.items[i], "mapping.allowed_modes", i) && all_known;
    if (mapping->mode && check_mode_name(self, mapping->mode, "mapping.mode", SIZE_MAX) && all_known &&
        !es_config_allows(self->config, es_config_mode(self->config)))
        MISTAKE(self, "mapping.mode", "mode \"%s\" is not in allowed_modes", mapping->mode);
}

/* ---- what is sent twice ---- */

static void check_ids(const check *self)
{
    const es_config *config = self->config;
    if (config->document_id == ES_ID_NONE)
        REMARK(self, "document_id",
               "without ids of ours what is sent again is there twice: after a lost answer, and when %s",
               config->sender.queue.storage ? "weir dies before the disk queue has noted an answer"
                                            : "a source (Kafka, a disk queue in front) delivers again");
}

/* ---- numbers ---- */

static bool is_status(const weir_node *node)
{
    int64_t status;
    return node->kind == WEIR_NODE_SCALAR && node->text && weir_scalar_type_of(node->text) == WEIR_SCALAR_INT &&
           weir_scalar_to_int(node->text, &status) && status >= 100 && status <= 599;
}

/* What has no effect should still make sense. */
static void check_statuses(const check *self, const char *key)
{
    const weir_node *list = weir_node_find(self->node, key);
    if (!list || list->kind == WEIR_NODE_NULL)
        return;
    if (list->kind != WEIR_NODE_SEQUENCE)
        weir_diagnostics_error(self->diagnostics, list, "write a list of HTTP statuses, such as [429, 503]");
    for (size_t i = 0; list->kind == WEIR_NODE_SEQUENCE && i < list->count; i++) {
        if (!is_status(list->items[i]))
            weir_diagnostics_error(self->diagnostics, list->items[i], "that is no HTTP status (100 to 599)");
    }
}

/* A number of retries is not used, but it is not any text either. */
static bool is_count(const check *self, const char *key)
{
    uint64_t count;
    const weir_node *node = weir_node_find(self->node, key);
    if (!node || node->kind == WEIR_NODE_NULL)
        return false;
    if (node->kind != WEIR_NODE_SCALAR || weir_scalar_type_of(node->text) != WEIR_SCALAR_INT ||
        !weir_scalar_to_uint(node->text, &count)) {
        weir_diagnostics_error(self->diagnostics, node, "write a number that is not negative");
        return false;
    }
    return count > 0;
}

static void check_retry(const check *self)
{
    const es_retry_config *retry = &self->config->retry;
    bool has_requests = is_count(self, "retry.max_requests"), has_retries = is_count(self, "retry.max_retries");
    if (has_requests && has_retries)
        MISTAKE(self, "retry.max_requests", "max_requests and max_retries say the same thing: leave max_requests out");
    check_statuses(self, "retry.retry_on_status");
    check_statuses(self, "retry.retry_on_document_status");
    if (retry->max_elapsed_time_ms > 0 && retry->max_elapsed_time_ms < retry->initial_interval_ms)
        MISTAKE(self, "retry.max_elapsed_time", "max_elapsed_time is shorter than initial_interval");
    if (self->config->sender.queue.storage && (!retry->enabled || retry->max_elapsed_time_ms > 0))
        REMARK(self, retry->enabled ? "retry.max_elapsed_time" : "retry.enabled",
               "data that was answered OK and is not delivered %s goes to the dead letters",
               retry->enabled ? "in this time" : "at the first attempt");
}

static bool is_metadata_key_twice(const weir_strings *keys, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (weir_text_equal_nocase(weir_text_of(keys->items[i]), weir_text_of(keys->items[index])))
            return true;
    }
    return false;
}

static void check_metadata_keys(const check *self)
{
    const weir_strings *keys = &self->config->metadata_keys;
    for (size_t i = 0; i < keys->count; i++) {
        if (is_metadata_key_twice(keys, i))
            weir_diagnostics_error(self->diagnostics, node_of(self, "metadata_keys", i),
                                   "\"%s\" is in metadata_keys twice (case does not matter)", keys->items[i]);
    }
}

static void check_include_source(const check *self)
{
    const weir_node *node = self->config->include_source_on_error;
    if (node && node->kind != WEIR_NODE_NULL &&
        (node->kind != WEIR_NODE_SCALAR || weir_scalar_type_of(node->text) != WEIR_SCALAR_BOOL))
        MISTAKE(self, "include_source_on_error", "write true or false");
}

/* The sender's own rules, with the sizes in force but only the keys that are written; the limit of retries has another
 * place here. */
static void check_sender(const check *self)
{
    weir_sender_config sender = es_sender_config(self->config);
    weir_sender_batch_config *batch = sender.queue.batch;
    weir_strings in_force = batch->partition.metadata_keys;
    if (self->config->sender.queue.batch)
        batch->partition = self->config->sender.queue.batch->partition;
    else
        batch->partition = (weir_sender_partition_config){0};
    sender.retry.enabled = true;
    sender.retry.max_elapsed_time_ms = 0;
    weir_sender_check(&sender, self->node, self->diagnostics);
    batch->partition.metadata_keys = in_force;
    es_sender_config_done(&sender);
}

void es_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const check self = {.config = config, .node = node, .diagnostics = diagnostics};
    url_facts facts = {0};
    check_urls(&self, &facts);
    check_authentication(&self, &facts);
    free(facts.user);
    free(facts.password);
    check_indices(&self);
    check_mapping(&self);
    check_ids(&self);
    check_retry(&self);
    check_metadata_keys(&self);
    check_include_source(&self);
    check_sender(&self);
    weir_request_headers_check(&self.config->headers, node, diagnostics);
    weir_tls_client_check(&self.config->tls, weir_node_find(node, "tls"), diagnostics);
}
