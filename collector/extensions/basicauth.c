/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/basicauth.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/memory.h"
#include "extensions/htpasswd.h"
#include "extensions/secret_file.h"
#include "extensions/verified.h"
#include "net/grpc.h"

/* ---- configuration ---- */

typedef struct htpasswd_config {
    char *file;
    char *text;
} htpasswd_config;

typedef struct client_config {
    char *username, *username_file;
    char *password, *password_file;
} client_config;

typedef struct basicauth_config {
    htpasswd_config *htpasswd;
    client_config *client_auth;
} basicauth_config;

static const weir_option htpasswd_options[] = {
    {.name = "file",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(htpasswd_config, file),
     .summary = "An htpasswd file, read again when it changes."},
    {.name = "inline",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(htpasswd_config, text),
     .summary = "Lines of an htpasswd file; they win over those of the file."},
    {0}};

static const weir_option client_options[] = {
    {.name = "username",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(client_config, username),
     .summary = "The user name to send."},
    {.name = "username_file",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(client_config, username_file),
     .summary = "A file with the user name, in place of username; read again when it changes."},
    {.name = "password",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(client_config, password),
     .summary = "The password to send."},
    {.name = "password_file",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(client_config, password_file),
     .summary = "A file with the password, in place of password; read again when it changes."},
    {0}};

static const weir_option basicauth_options[] = {{.name = "htpasswd",
                                                 .type = WEIR_OPTION_POINTER,
                                                 .offset = offsetof(basicauth_config, htpasswd),
                                                 .group = htpasswd_options,
                                                 .group_size = sizeof(htpasswd_config),
                                                 .summary = "For receivers: the users who may send."},
                                                {.name = "client_auth",
                                                 .type = WEIR_OPTION_POINTER,
                                                 .offset = offsetof(basicauth_config, client_auth),
                                                 .group = client_options,
                                                 .group_size = sizeof(client_config),
                                                 .summary = "For exporters: who to be."},
                                                {0}};

static void basicauth_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const basicauth_config *basicauth = config;
    const htpasswd_config *htpasswd = basicauth->htpasswd;
    const client_config *client = basicauth->client_auth;
    if (htpasswd && client)
        weir_diagnostics_error(
            diagnostics, node,
            "only one of `htpasswd` and `client_auth` may be written: make two extensions of it, such "
            "as basicauth/server and basicauth/client");
    else if (!htpasswd && !client)
        weir_diagnostics_error(diagnostics, node,
                               "no credentials: write `htpasswd` for receivers, or `client_auth` for exporters");
    else if (htpasswd && !htpasswd->file && !htpasswd->text)
        weir_diagnostics_error(diagnostics, weir_node_find(node, "htpasswd"), "write `file`, `inline` or both");
    if (client && client->username && !client->username_file && strchr(client->username, ':'))
        weir_diagnostics_error(diagnostics, weir_node_find(node, "client_auth.username"),
                               "a user name may have no colon: it ends the name (RFC 7617)");
}

/* ---- the extension ---- */

typedef struct basicauth {
    weir_server_auth server;
    weir_client_auth client;
    const weir_host *host;
    const char *id;
    const basicauth_config *config;
    weir_secret_file *files[2]; /* htpasswd; or user name and password */
    weir_verified *verified;

    pthread_mutex_t lock; /* of the rest, which the control thread replaces */
    weir_htpasswd *users;
    char *username, *password;
    char *header; /* "Basic …" of both */
} basicauth;

/* ---- the client's side ---- */

/* With the lock held. */
static void make_header(basicauth *self)
{
    WEIR_BUFFER credentials = {0};
    WEIR_BUFFER header = {0};
    weir_buffer_printf(&credentials, "%s:%s", self->username, self->password);
    weir_buffer_append_text(&header, "Basic ");
    weir_base64_encode((weir_bytes){credentials.data, credentials.len}, &header);
    while (header.len % 4 != 2) /* RFC 7617 wants the padding, which gRPC leaves out; "Basic " are six */
        weir_buffer_append_byte(&header, '=');
    free(self->header);
    self->header = weir_strdup(weir_buffer_string(&header));
}

static void set_client_value(basicauth *self, char **value, weir_text text)
{
    pthread_mutex_lock(&self->lock);
    free(*value);
    *value = weir_strndup(text.data, text.len);
    make_header(self);
    pthread_mutex_unlock(&self->lock);
}

static weir_status username_changed(void *user, weir_text contents, weir_error *ret_error)
{
    basicauth *self = user;
    if (memchr(contents.data, ':', contents.len))
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "a user name may have no colon: file %s",
                              self->config->client_auth->username_file);
    set_client_value(self, &self->username, contents);
    return WEIR_OK;
}

static weir_status password_changed(void *user, weir_text contents, weir_error *ret_error)
{
    (void)ret_error;
    basicauth *self = user;
    set_client_value(self, &self->password, contents);
    return WEIR_OK;
}

static weir_status decorate(weir_client_auth *client, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error)
{
    (void)metadata;
    basicauth *self = WEIR_CONTAINER(client, basicauth, client);
    weir_headers_remove(headers, WEIR_TEXT("authorization"));
    pthread_mutex_lock(&self->lock);
    bool is_started = self->header != NULL;
    if (is_started)
        weir_headers_add(headers, WEIR_TEXT("authorization"), weir_text_of(self->header));
    pthread_mutex_unlock(&self->lock);
    return is_started ? WEIR_OK
                      : weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_AGAIN, "there is no password yet");
}

static bool needs_encryption(weir_client_auth *client)
{
    (void)client;
    return true;
}

/* ---- the server's side ---- */

static weir_status use_users(basicauth *self, weir_text file_text, weir_error *ret_error)
{
    const htpasswd_config *config = self->config->htpasswd;
    const weir_text texts[] = {file_text, config->text ? weir_text_of(config->text) : (weir_text){"", 0}};
    const char *const names[] = {config->file ? config->file : "", "inline"};
    weir_htpasswd *users;
    weir_status status = weir_htpasswd_read(texts, names, WEIR_COUNT_OF(texts), &users, ret_error);
    if (status != WEIR_OK)
        return status;
    pthread_mutex_lock(&self->lock);
    weir_htpasswd *before = self->users;
    self->users = users;
    pthread_mutex_unlock(&self->lock);
    weir_htpasswd_unref(before);
    weir__verified_forget(self->verified);
    return WEIR_OK;
}

static weir_status htpasswd_changed(void *user, weir_text contents, weir_error *ret_error)
{
    return use_users(user, contents, ret_error);
}

/* Computes the hash, on the worker: once for each client, see verified.h. */
static bool check(basicauth *self, weir_text user, weir_text password, const weir_credentials_key *key)
{
    pthread_mutex_lock(&self->lock);
    weir_htpasswd *users = weir_htpasswd_ref(self->users);
    pthread_mutex_unlock(&self->lock);
    bool is_good = weir_htpasswd_matches(users, user, password);
    weir__verified_learn(self->verified, key, is_good);
    weir_htpasswd_unref(users);
    return is_good;
}

static bool refuse(weir_error *ret_error, const char *text)
{
    weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_DENIED, "%s", text);
    return false;
}

/* The credentials behind "Basic ", decoded. False, and the request is refused, if there are none. */
static bool read_credentials(weir_text header, weir_buffer *ret_credentials, weir_error *ret_error)
{
    const weir_text scheme = WEIR_TEXT("Basic ");
    if (header.len == 0)
        return refuse(ret_error, "no basic auth provided");
    if (header.len < scheme.len || !weir_text_equal_nocase((weir_text){header.data, scheme.len}, scheme))
        return refuse(ret_error, "invalid authorization scheme prefix");
    weir_text base64 = {header.data + scheme.len, header.len - scheme.len};
    if (base64.len % 4 || weir_base64_decode(base64, ret_credentials) != WEIR_OK || ret_credentials->len == 0 ||
        !memchr(ret_credentials->data, ':', ret_credentials->len))
        return refuse(ret_error, "invalid authorization format");
    return true;
}

static bool are_good(basicauth *self, weir_text credentials, weir_text user, uint64_t now_ns, weir_error *ret_error)
{
    weir_credentials_key key;
    weir_text password = {user.data + user.len + 1, credentials.len - user.len - 1};
    switch (weir__verified_ask(self->verified, credentials, now_ns, &key)) {
    case WEIR_VERDICT_GOOD:
        return true;
    case WEIR_VERDICT_BAD:
        break;
    case WEIR_VERDICT_LATER:
        weir_error_set(ret_error, WEIR_ERROR_THROTTLED, WEIR_AGAIN, "too many wrong passwords: try again later");
        return false;
    case WEIR_VERDICT_UNKNOWN:
        if (check(self, user, password, &key))
            return true;
        break;
    }
    return refuse(ret_error, "invalid credentials");
}

static bool authenticate(weir_server_auth *server, const weir_http_request *request, weir_headers *ret_attributes,
                         weir_error *ret_error)
{
    basicauth *self = WEIR_CONTAINER(server, basicauth, server);
    weir_text header = weir_http_request_header(request, "authorization");
    WEIR_BUFFER decoded = {0};
    if (!read_credentials(header, &decoded, ret_error))
        return false;
    weir_text credentials = {(const char *)decoded.data, decoded.len};
    const char *colon = memchr(credentials.data, ':', credentials.len);
    weir_text user = {credentials.data, (size_t)(colon - credentials.data)};
    bool is_known = are_good(self, credentials, user, weir_loop_now_ns(request->loop), ret_error);
    if (is_known) {
        weir_headers_add(ret_attributes, WEIR_TEXT("username"), user);
        weir_headers_add(ret_attributes, WEIR_TEXT("raw"), (weir_text){header.data + 6, header.len - 6});
    }
    explicit_bzero(decoded.data, decoded.len);
    return is_known;
}

/* ---- life ---- */

static weir_status basicauth_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                                  weir_error *ret_error)
{
    (void)ret_error;
    basicauth *self = WEIR_NEW(basicauth);
    self->server =
        (weir_server_auth){.authenticate = authenticate, .challenge = "Basic realm=\"weir\", charset=\"UTF-8\""};
    self->client = (weir_client_auth){.decorate = decorate, .needs_encryption = needs_encryption};
    self->host = host;
    self->id = id;
    self->config = config;
    self->verified = weir__verified_new();
    pthread_mutex_init(&self->lock, NULL);
    *ret_shared = self;
    return WEIR_OK;
}

static weir_status open_file(basicauth *self, size_t index, const char *path,
                             weir_status (*on_change)(void *user, weir_text contents, weir_error *ret_error),
                             weir_error *ret_error)
{
    const weir_secret_file_options options = {.files = &weir_files_real,
                                              .loop = self->host->control,
                                              .id = self->id,
                                              .path = path,
                                              .on_change = on_change,
                                              .user = self};
    return path ? weir__secret_file_open(&options, &self->files[index], ret_error) : WEIR_OK;
}

static weir_status basicauth_start(void *shared, weir_error *ret_error)
{
    basicauth *self = shared;
    const htpasswd_config *htpasswd = self->config->htpasswd;
    const client_config *client = self->config->client_auth;
    if (htpasswd)
        return htpasswd->file ? open_file(self, 0, htpasswd->file, htpasswd_changed, ret_error)
                              : use_users(self, (weir_text){"", 0}, ret_error);
    self->username = weir_strdup(client->username ? client->username : "");
    self->password = weir_strdup(client->password ? client->password : "");
    make_header(self);
    weir_status status = open_file(self, 0, client->username_file, username_changed, ret_error);
    return status == WEIR_OK ? open_file(self, 1, client->password_file, password_changed, ret_error) : status;
}

static void basicauth_stop(void *shared)
{
    basicauth *self = shared;
    for (size_t i = 0; i < WEIR_COUNT_OF(self->files); i++)
        weir__secret_file_close(WEIR_TAKE(self->files[i]));
}

static void basicauth_close(void *shared)
{
    basicauth *self = shared;
    basicauth_stop(self);
    weir_htpasswd_unref(self->users);
    weir__verified_free(self->verified);
    pthread_mutex_destroy(&self->lock);
    free(self->username);
    free(self->password);
    free(self->header);
    free(self);
}

static weir_client_auth *basicauth_client(void *shared)
{
    basicauth *self = shared;
    return self->config->client_auth ? &self->client : NULL;
}

static weir_server_auth *basicauth_server(void *shared)
{
    basicauth *self = shared;
    return self->config->htpasswd ? &self->server : NULL;
}

static unsigned basicauth_lends(const void *config)
{
    const basicauth_config *configured = config;
    return (configured->client_auth ? WEIR_LENDS_CLIENT_AUTH | WEIR_LENDS_SECRETS : 0u) |
           (configured->htpasswd ? WEIR_LENDS_SERVER_AUTH : 0u);
}

const weir_component_type weir_extension_basicauth = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXTENSION,
    .name = "basicauth",
    .summary = "User names and passwords: an htpasswd file for receivers, or what exporters send.",
    .signals = WEIR_ON_ALL,
    .options = basicauth_options,
    .config_size = sizeof(basicauth_config),
    .check = basicauth_check,
    .open = basicauth_open,
    .close = basicauth_close,
    .extension_start = basicauth_start,
    .extension_stop = basicauth_stop,
    .lends = WEIR_LENDS_CLIENT_AUTH | WEIR_LENDS_SERVER_AUTH,
    .extension_lends = basicauth_lends,
    .extension_client_auth = basicauth_client,
    .extension_server_auth = basicauth_server,
};
