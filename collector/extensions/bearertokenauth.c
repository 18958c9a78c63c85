/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/bearertokenauth.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/memory.h"
#include "extensions/htpasswd.h"
#include "extensions/secret_file.h"

/* ---- configuration ---- */

typedef struct bearer_config {
    char *header;
    char *scheme;
    char *token;
    weir_strings tokens;
    char *filename;
} bearer_config;

static const weir_option bearer_options[] = {
    {.name = "header",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(bearer_config, header),
     .default_text = "Authorization",
     .summary = "The header that carries the token."},
    {.name = "scheme",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(bearer_config, scheme),
     .default_text = "Bearer",
     .summary = "What stands before the token; \"\" for nothing."},
    {.name = "token", .type = WEIR_OPTION_SECRET, .offset = offsetof(bearer_config, token), .summary = "The token."},
    {.name = "tokens",
     .type = WEIR_OPTION_STRINGS,
     .is_secret = true,
     .offset = offsetof(bearer_config, tokens),
     .summary = "Several tokens: receivers take any of them, exporters send the first."},
    {.name = "filename",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(bearer_config, filename),
     .summary = "A file with a token at the beginning of each line, in place of token; read again when it changes."},
    {0}};

static void bearer_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const bearer_config *bearer = config;
    bool has_token = bearer->token && *bearer->token;
    if (!has_token && bearer->tokens.count == 0 && !bearer->filename)
        weir_diagnostics_error(diagnostics, node, "no bearer token: write `token`, `tokens` or `filename`");
    if (has_token && bearer->tokens.count)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "tokens"),
                               "either `tokens` or `token` may be written, not both");
    if (bearer->filename && bearer->tokens.count)
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "filename"),
                                 "not read, as in the Collector, because `tokens` is written: leave one of them out");
    else if (bearer->filename && has_token)
        weir_diagnostics_warning(diagnostics, weir_node_find(node, "token"),
                                 "not used, because `filename` is written: leave one of them out");
    if (!bearer->header || !*bearer->header)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "header"), "a header needs a name");
}

/* ---- the extension ---- */

typedef struct bearer {
    weir_server_auth server;
    weir_client_auth client;
    const weir_host *host;
    const char *id;
    const bearer_config *config;
    char *header; /* its name in lower case */
    weir_secret_file *file;

    pthread_mutex_t lock; /* of the rest, which the control thread replaces */
    char **values;        /* "Bearer TOKEN", as they stand in the header */
    size_t count;
} bearer;

static void free_values(char **values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(values[i]);
    free(values);
}

/* Takes the values. */
static void replace_values(bearer *self, char **values, size_t count)
{
    pthread_mutex_lock(&self->lock);
    char **before = self->values;
    size_t count_before = self->count;
    self->values = values;
    self->count = count;
    pthread_mutex_unlock(&self->lock);
    free_values(before, count_before);
}

static char *value_of(const bearer *self, weir_text token)
{
    const char *scheme = self->config->scheme ? self->config->scheme : "";
    return weir_format("%s%s%.*s", scheme, *scheme ? " " : "", WEIR_TEXT_ARG(token));
}

/* The first word of a line; the rest is a comment. */
static weir_text first_word(weir_text line)
{
    while (line.len && isspace((unsigned char)line.data[0]))
        line = (weir_text){line.data + 1, line.len - 1};
    size_t len = 0;
    while (len < line.len && !isspace((unsigned char)line.data[len]))
        len++;
    return (weir_text){line.data, len};
}

static weir_status file_changed(void *user, weir_text contents, weir_error *ret_error)
{
    (void)ret_error;
    bearer *self = user;
    char **values = NULL;
    size_t count = 0;
    while (contents.len) {
        const char *newline = memchr(contents.data, '\n', contents.len);
        size_t len = newline ? (size_t)(newline - contents.data) : contents.len;
        weir_text token = first_word((weir_text){contents.data, len});
        if (token.len) {
            values = weir_realloc(values, count + 1, sizeof *values);
            values[count++] = value_of(self, token);
        }
        size_t taken = newline ? len + 1 : len;
        contents = (weir_text){contents.data + taken, contents.len - taken};
    }
    replace_values(self, values, count);
    return WEIR_OK;
}

static void use_configured(bearer *self)
{
    const bearer_config *config = self->config;
    size_t count = config->tokens.count ? config->tokens.count : 1;
    char **values = weir_alloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = value_of(self, weir_text_of(config->tokens.count ? config->tokens.items[i] : config->token));
    replace_values(self, values, count);
}

/* ---- both sides ---- */

static weir_status decorate(weir_client_auth *client, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error)
{
    (void)metadata;
    bearer *self = WEIR_CONTAINER(client, bearer, client);
    weir_text name = weir_text_of(self->header);
    weir_headers_remove(headers, name);
    pthread_mutex_lock(&self->lock);
    bool is_started = self->count > 0;
    if (is_started)
        weir_headers_add(headers, name, weir_text_of(self->values[0]));
    pthread_mutex_unlock(&self->lock);
    return is_started ? WEIR_OK
                      : weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_AGAIN, "there is no bearer token yet");
}

static bool needs_encryption(weir_client_auth *client)
{
    (void)client;
    return true;
}

/* All values are compared, whichever fits. */
static bool is_expected(bearer *self, weir_text sent)
{
    bool found = false;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->count; i++)
        found |= weir__equal_in_constant_time(sent, weir_text_of(self->values[i]));
    pthread_mutex_unlock(&self->lock);
    return found;
}

static bool authenticate(weir_server_auth *server, const weir_http_request *request, weir_headers *ret_attributes,
                         weir_error *ret_error)
{
    (void)ret_attributes;
    bearer *self = WEIR_CONTAINER(server, bearer, server);
    weir_text sent = weir_http_request_header(request, self->header);
    if (!sent.data)
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_DENIED, "missing or empty authorization header: %s",
                       self->config->header);
    else if (!is_expected(self, sent))
        weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_DENIED,
                       "provided authorization does not match expected scheme or token");
    else
        return true;
    return false;
}

/* ---- life ---- */

static weir_status bearer_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                               weir_error *ret_error)
{
    (void)ret_error;
    bearer *self = WEIR_NEW(bearer);
    self->host = host;
    self->id = id;
    self->config = config;
    self->server = (weir_server_auth){.authenticate = authenticate, .challenge = "Bearer"};
    self->client = (weir_client_auth){.decorate = decorate, .needs_encryption = needs_encryption};
    self->header = weir_strdup(self->config->header);
    for (char *at = self->header; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    pthread_mutex_init(&self->lock, NULL);
    *ret_shared = self;
    return WEIR_OK;
}

static weir_status bearer_start(void *shared, weir_error *ret_error)
{
    bearer *self = shared;
    const bearer_config *config = self->config;
    if (config->tokens.count || !config->filename) {
        use_configured(self);
        return WEIR_OK;
    }
    const weir_secret_file_options options = {.files = &weir_files_real,
                                              .loop = self->host->control,
                                              .id = self->id,
                                              .path = config->filename,
                                              .on_change = file_changed,
                                              .user = self};
    return weir__secret_file_open(&options, &self->file, ret_error);
}

static void bearer_stop(void *shared)
{
    weir__secret_file_close(WEIR_TAKE(((bearer *)shared)->file));
}

static void bearer_close(void *shared)
{
    bearer *self = shared;
    bearer_stop(self);
    free_values(self->values, self->count);
    pthread_mutex_destroy(&self->lock);
    free(self->header);
    free(self);
}

static weir_client_auth *bearer_client(void *shared)
{
    return &((bearer *)shared)->client;
}

static weir_server_auth *bearer_server(void *shared)
{
    return &((bearer *)shared)->server;
}

static unsigned bearer_lends(const void *config)
{
    (void)config;
    return WEIR_LENDS_CLIENT_AUTH | WEIR_LENDS_SERVER_AUTH | WEIR_LENDS_SECRETS;
}

const weir_component_type weir_extension_bearertokenauth = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXTENSION,
    .name = "bearertokenauth",
    .summary = "Bearer tokens: those that receivers take, or the one that exporters send.",
    .signals = WEIR_ON_ALL,
    .options = bearer_options,
    .config_size = sizeof(bearer_config),
    .check = bearer_check,
    .open = bearer_open,
    .close = bearer_close,
    .extension_start = bearer_start,
    .extension_stop = bearer_stop,
    .lends = WEIR_LENDS_CLIENT_AUTH | WEIR_LENDS_SERVER_AUTH,
    .extension_lends = bearer_lends,
    .extension_client_auth = bearer_client,
    .extension_server_auth = bearer_server,
};
