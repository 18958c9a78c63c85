/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/source.h"
#include "core/file.h"
#include "core/memory.h"

enum { SECRET_BYTES_MAX = 64 * 1024 };

static bool fails(const char *what, const char *name)
{
    fprintf(stderr, "weir setup: %s: %s\n", name, what);
    return false;
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = weir_strdup(with);
}

static void append(weir_strings *list, const char *text)
{
    list->items = weir_realloc(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = weir_strdup(text);
}

/* ---- an exporter in a configuration ---- */

static bool is_elasticsearch(const char *id)
{
    static const char type[] = "elasticsearch";
    size_t len = sizeof type - 1;
    return strncmp(id, type, len) == 0 && (id[len] == '\0' || id[len] == '/');
}

/* The settings of the exporter, of which there must be one. */
static bool find_exporter(const weir_node *root, const char *wanted, const weir_node **ret_node)
{
    const weir_node *exporters = weir_node_get(root, "exporters");
    size_t found = 0;
    for (size_t i = 0; exporters && exporters->kind == WEIR_NODE_MAPPING && i < exporters->count; i++) {
        const char *id = exporters->keys[i]->text;
        if (!is_elasticsearch(id) || (wanted && strcmp(id, wanted) != 0))
            continue;
        *ret_node = exporters->items[i];
        found++;
    }
    if (found == 0)
        return fails("the configuration has no such exporter", wanted ? wanted : "elasticsearch");
    if (found > 1)
        return fails("the configuration has several: say which with --exporter", "elasticsearch");
    return true;
}

static bool read_exporter(const setup_arguments *given, es_config *config, weir_tree *tree,
                          weir_diagnostics *diagnostics)
{
    const weir_sources sources = {.configs = given->configs.items, .config_count = given->configs.count};
    const weir_node *node = NULL;
    if (given->configs.count > 0) {
        const weir_node *root = weir_sources_load(&sources, tree, diagnostics);
        if (weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR) > 0 ||
            !find_exporter(root, given->exporter, &node))
            return false;
    }
    return weir_options_read(es_options, node, config, diagnostics);
}

static bool read_config(const setup_arguments *given, es_config *config)
{
    weir_tree *tree = weir_tree_new();
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    bool is_read = read_exporter(given, config, tree, diagnostics);
    WEIR_BUFFER messages = {0};
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_ERROR, &messages);
    fputs(weir_buffer_string(&messages), stderr);
    weir_diagnostics_free(diagnostics);
    weir_tree_free(tree);
    return is_read;
}

/* ---- credentials ---- */

/* The contents of a file without line ends behind them. */
static bool read_secret(const char *path, char **secret)
{
    WEIR_BUFFER bytes = {0};
    weir_status status = weir_file_read_all(&weir_files_real, path, SECRET_BYTES_MAX, &bytes);
    if (status != WEIR_OK)
        return fails(status == WEIR_IO ? strerror(errno) : weir_status_text(status), path);
    while (bytes.len > 0 && (bytes.data[bytes.len - 1] == '\n' || bytes.data[bytes.len - 1] == '\r'))
        bytes.len--;
    if (bytes.len == 0)
        return fails("the file is empty", path);
    replace(secret, weir_buffer_string(&bytes));
    return true;
}

static bool from_environment(const char *name, char **text)
{
    const char *value = getenv(name);
    if (!value || !*value)
        return false;
    replace(text, value);
    return true;
}

static bool read_user(const setup_arguments *given, es_config *config)
{
    if (given->user)
        replace(&config->user, given->user);
    if (given->password_file)
        return read_secret(given->password_file, &config->password);
    if (!from_environment("ELASTICSEARCH_PASSWORD", &config->password))
        return fails("the password is missing: give --password-file, or ELASTICSEARCH_PASSWORD in the environment",
                     config->user);
    return true;
}

static bool read_credentials(const setup_arguments *given, es_config *config)
{
    if (given->api_key_file)
        return read_secret(given->api_key_file, &config->api_key);
    if (given->user)
        return read_user(given, config);
    if (given->password_file)
        return fails("whose password is it? Give --user", given->password_file);
    if (config->auth)
        return fails("takes its credentials from an extension (auth), which setup cannot ask: give --user or "
                     "--api-key-file, and --endpoint instead of --config",
                     "the exporter");
    if ((config->user && *config->user) || (config->api_key && *config->api_key))
        return true;
    if (from_environment("ELASTICSEARCH_API_KEY", &config->api_key) ||
        !from_environment("ELASTICSEARCH_USER", &config->user))
        return true;
    return read_user(given, config);
}

/* ---- the server ---- */

static char *without_final_slash(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return weir_strndup(url, len);
}

static bool read_urls(const setup_arguments *given, setup_settings *settings)
{
    weir_error error;
    if (given->target == SETUP_KIBANA) {
        WEIR_FREE char *url = without_final_slash(given->kibana_url ? given->kibana_url : "");
        append(&settings->urls, url);
        return true;
    }
    for (size_t i = 0; i < given->endpoints.count; i++)
        append(&settings->config.endpoints, given->endpoints.items[i]);
    if (es_config_urls(&settings->config, &settings->urls, &error) == WEIR_OK)
        return true;
    fprintf(stderr, "weir setup: %s\n", error.text);
    return false;
}

bool setup_settings_read(const setup_arguments *given, setup_settings *ret_settings)
{
    es_config *config = &ret_settings->config;
    *ret_settings = (setup_settings){0};
    if (!read_config(given, config) || !read_credentials(given, config) || !read_urls(given, ret_settings))
        return false;
    if (given->ca_file)
        replace(&config->tls.settings.ca_file, given->ca_file);
    if (given->skips_verification)
        config->tls.settings.insecure_skip_verify = true;
    ret_settings->authorization = es_config_authorization(config);
    return true;
}

void setup_settings_done(setup_settings *settings)
{
    for (size_t i = 0; i < settings->urls.count; i++)
        free(settings->urls.items[i]);
    free(settings->urls.items);
    free(settings->authorization);
    weir_options_free(es_options, &settings->config);
    *settings = (setup_settings){0};
}
