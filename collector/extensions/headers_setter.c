/* SPDX-License-Identifier: Apache-2.0 */
#include "extensions/headers_setter.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/memory.h"
#include "extensions/secret_file.h"

/* ---- configuration ---- */

typedef enum header_action { ACTION_INSERT, ACTION_UPDATE, ACTION_UPSERT, ACTION_DELETE } header_action;

static const char *const action_names[] = {"insert", "update", "upsert", "delete", NULL};

typedef struct header_config {
    int action; /* header_action */
    char *key;
    char *value;
    char *value_file;
    char *from_context;
    char *from_attribute;
    char *default_value;
} header_config;

typedef struct setter_config {
    weir_list headers; /* header_config */
    char *additional_auth;
} setter_config;

static const weir_option header_options[] = {
    {.name = "action",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(header_config, action),
     .default_text = "upsert",
     .enum_names = action_names,
     .summary = "insert sets the header if it is not there, update if it is, upsert always; delete removes it."},
    {.name = "key",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(header_config, key),
     .required = true,
     .summary = "The header's name."},
    {.name = "value",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(header_config, value),
     .summary = "The header's value."},
    {.name = "value_file",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(header_config, value_file),
     .summary = "A file with the value, read again when it changes."},
    {.name = "from_context",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(header_config, from_context),
     .summary = "The request header of the sender that has the value; its receiver needs include_metadata."},
    {.name = "from_attribute",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(header_config, from_attribute),
     .summary = "What the receiver's authenticator knows of the sender; of basicauth: username, raw."},
    {.name = "default_value",
     .type = WEIR_OPTION_SECRET,
     .offset = offsetof(header_config, default_value),
     .summary = "The value where the sender has none."},
    {0}};

static const weir_option setter_options[] = {{.name = "headers",
                                              .type = WEIR_OPTION_LIST,
                                              .offset = offsetof(setter_config, headers),
                                              .group = header_options,
                                              .group_size = sizeof(header_config),
                                              .summary = "What to set, in this order."},
                                             {.name = "additional_auth",
                                              .type = WEIR_OPTION_EXTENSION,
                                              .lends = WEIR_LENDS_CLIENT_AUTH,
                                              .offset = offsetof(setter_config, additional_auth),
                                              .summary = "An authenticator that sets its headers first."},
                                             {0}};

static const header_config *header_at(const setter_config *config, size_t index)
{
    return (const header_config *)config->headers.items + index;
}

static void check_sources(const header_config *header, const weir_node *node, weir_diagnostics *diagnostics)
{
    int sources = (header->value != NULL) + (header->value_file != NULL) + (header->from_context != NULL) +
                  (header->from_attribute != NULL);
    const char *key = header->key ? header->key : "";
    if (header->action == ACTION_DELETE)
        return;
    if (sources == 0)
        weir_diagnostics_error(diagnostics, node,
                               "header \"%s\" has no value: write `value`, `value_file`, `from_context` or "
                               "`from_attribute`",
                               key);
    else if (sources > 1)
        weir_diagnostics_error(
            diagnostics, node,
            "header \"%s\" has several values: only one of `value`, `value_file`, `from_context` and "
            "`from_attribute` may be written",
            key);
}

static void setter_check(const void *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const setter_config *setter = config;
    const weir_node *at = weir_node_find(node, "headers");
    if (setter->headers.count == 0)
        weir_diagnostics_error(diagnostics, node, "no headers to set: write `headers`");
    for (size_t i = 0; i < setter->headers.count; i++) {
        const header_config *header = header_at(setter, i);
        if (header->key && !*header->key)
            weir_diagnostics_error(diagnostics, at, "a header needs a name: write `key`");
        check_sources(header, at, diagnostics);
    }
}

/* ---- the extension ---- */

enum { CHAIN_MAX = 8 };

/* The value of a header that comes from a file. */
typedef struct file_value {
    struct setter *setter;
    weir_secret_file *file; /* NULL: the value does not come from a file */
    char *text;             /* guarded by the setter's lock */
} file_value;

typedef struct setter {
    weir_client_auth client;
    const weir_host *host;
    const char *id;
    const setter_config *config;
    weir_client_auth *additional; /* NULL until it is asked for, or if there is none */
    pthread_mutex_t lock;
    file_value *files; /* one for each header */
} setter;

static weir_status file_changed(void *user, weir_text contents, weir_error *ret_error)
{
    (void)ret_error;
    file_value *value = user;
    pthread_mutex_lock(&value->setter->lock);
    free(value->text);
    value->text = weir_strndup(contents.data, contents.len);
    pthread_mutex_unlock(&value->setter->lock);
    return WEIR_OK;
}

/* ---- one request ---- */

static weir_text or_default(weir_text value, const header_config *header)
{
    if (value.data)
        return value;
    return weir_text_of(header->default_value ? header->default_value : "");
}

static weir_status from_context(const header_config *header, const weir_metadata *metadata, weir_text *ret_value,
                                weir_error *ret_error)
{
    weir_text name = weir_text_of(header->from_context);
    weir_text value = weir_metadata_get(metadata, name, 0);
    if (value.data && weir_metadata_get(metadata, name, 1).data)
        return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                              "the sender has several headers \"%s\": none of them can be chosen",
                              header->from_context);
    *ret_value = or_default(value, header);
    return WEIR_OK;
}

static weir_text from_attribute(const header_config *header, const weir_metadata *metadata)
{
    WEIR_FREE char *key = weir_format(":auth.%s", header->from_attribute);
    return or_default(weir_metadata_get(metadata, weir_text_of(key), 0), header);
}

/* Of a header that is not deleted. With the lock held, for the value of a file. */
static weir_status find_value(const setter *self, size_t index, const weir_metadata *metadata, weir_text *ret_value,
                              weir_error *ret_error)
{
    const header_config *header = header_at(self->config, index);
    if (header->from_context)
        return from_context(header, metadata, ret_value, ret_error);
    if (header->from_attribute)
        *ret_value = from_attribute(header, metadata);
    else
        *ret_value = weir_text_of(header->value ? header->value : self->files[index].text);
    return WEIR_OK;
}

static void apply(const header_config *header, weir_text value, weir_headers *headers)
{
    weir_text name = weir_text_of(header->key);
    bool is_there = weir_headers_get(headers, name).data != NULL;
    if ((header->action == ACTION_INSERT && is_there) || (header->action == ACTION_UPDATE && !is_there))
        return;
    weir_headers_remove(headers, name);
    weir_headers_add(headers, name, value);
}

static weir_status set_header(const setter *self, size_t index, const weir_metadata *metadata, weir_headers *headers,
                              weir_error *ret_error)
{
    const header_config *header = header_at(self->config, index);
    weir_text value;
    if (header->action == ACTION_DELETE) {
        weir_headers_remove(headers, weir_text_of(header->key));
        return WEIR_OK;
    }
    weir_status status = find_value(self, index, metadata, &value, ret_error);
    if (status == WEIR_OK)
        apply(header, value, headers);
    return status;
}

static weir_status decorate(weir_client_auth *client, const weir_metadata *metadata, weir_headers *headers,
                            weir_error *ret_error)
{
    setter *self = WEIR_CONTAINER(client, setter, client);
    weir_status status = WEIR_OK;
    if (self->additional)
        status = self->additional->decorate(self->additional, metadata, headers, ret_error);
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; status == WEIR_OK && i < self->config->headers.count; i++)
        status = set_header(self, i, metadata, headers, ret_error);
    pthread_mutex_unlock(&self->lock);
    return status;
}

/* ---- additional_auth ---- */

/* On the control thread, once all extensions are open. A ring of headers_setters is an error. */
static weir_status find_additional(setter *self, weir_error *ret_error)
{
    setter *at = self;
    for (unsigned i = 0; i < CHAIN_MAX; i++) {
        if (!at->config->additional_auth)
            return WEIR_OK;
        at->additional = at->host->client_auth(at->host, at->config->additional_auth, ret_error);
        if (!at->additional)
            return ret_error->status;
        if (at->additional->decorate != decorate)
            return WEIR_OK;
        at = WEIR_CONTAINER(at->additional, setter, client);
    }
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                          "%s: additional_auth goes round in a ring, or through more than %d extensions", self->id,
                          CHAIN_MAX);
}

/* Exporters ask before the extensions are started. What is wrong with the chain stops the start a moment later. */
static bool needs_encryption(weir_client_auth *client)
{
    setter *self = WEIR_CONTAINER(client, setter, client);
    weir_error error = {0};
    if (find_additional(self, &error) != WEIR_OK)
        return false;
    weir_client_auth *additional = self->additional;
    return additional && additional->needs_encryption && additional->needs_encryption(additional);
}

/* ---- life ---- */

static weir_status setter_open(const weir_host *host, const char *id, const void *config, void **ret_shared,
                               weir_error *ret_error)
{
    (void)ret_error;
    setter *self = WEIR_NEW(setter);
    self->client = (weir_client_auth){.decorate = decorate, .needs_encryption = needs_encryption};
    self->host = host;
    self->id = id;
    self->config = config;
    self->files = weir_alloc(self->config->headers.count, sizeof *self->files);
    pthread_mutex_init(&self->lock, NULL);
    *ret_shared = self;
    return WEIR_OK;
}

static weir_status open_file(setter *self, size_t index, weir_error *ret_error)
{
    const header_config *header = header_at(self->config, index);
    if (!header->value_file || header->action == ACTION_DELETE)
        return WEIR_OK;
    self->files[index].setter = self;
    const weir_secret_file_options options = {.files = &weir_files_real,
                                              .loop = self->host->control,
                                              .id = self->id,
                                              .path = header->value_file,
                                              .on_change = file_changed,
                                              .user = &self->files[index]};
    return weir__secret_file_open(&options, &self->files[index].file, ret_error);
}

static weir_status setter_start(void *shared, weir_error *ret_error)
{
    setter *self = shared;
    weir_status status = find_additional(self, ret_error);
    for (size_t i = 0; status == WEIR_OK && i < self->config->headers.count; i++)
        status = open_file(self, i, ret_error);
    return status;
}

static void setter_stop(void *shared)
{
    setter *self = shared;
    for (size_t i = 0; i < self->config->headers.count; i++)
        weir__secret_file_close(WEIR_TAKE(self->files[i].file));
}

static void setter_close(void *shared)
{
    setter *self = shared;
    setter_stop(self);
    for (size_t i = 0; i < self->config->headers.count; i++)
        free(self->files[i].text);
    free(self->files);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static weir_client_auth *setter_client(void *shared)
{
    return &((setter *)shared)->client;
}

const weir_component_type weir_extension_headers_setter = {
    .abi = WEIR_COMPONENT_ABI,
    .kind = WEIR_EXTENSION,
    .name = "headers_setter",
    .summary = "Sets headers of outgoing requests, from the configuration, files or the sender's request.",
    .signals = WEIR_ON_ALL,
    .options = setter_options,
    .config_size = sizeof(setter_config),
    .check = setter_check,
    .open = setter_open,
    .close = setter_close,
    .extension_start = setter_start,
    .extension_stop = setter_stop,
    .lends = WEIR_LENDS_CLIENT_AUTH,
    .extension_client_auth = setter_client,
};
