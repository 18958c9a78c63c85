/* SPDX-License-Identifier: Apache-2.0 */
#include "config/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/expand.h"
#include "config/yaml.h"
#include "core/assert.h"
#include "core/memory.h"

typedef struct loader {
    weir_tree *tree;
    weir_node *root;
    weir_expand_world world;
    weir_diagnostics *diagnostics;
} loader;

static const char *process_environment(void *user, const char *name)
{
    (void)user;
    return getenv(name);
}

/* Reads `text` and lays it on what was read before. `name` is what messages call the source. */
static void merge_text(loader *self, const char *name, weir_text text, bool has_lines)
{
    weir_place place = {.file = weir_tree_text(self->tree, name, strlen(name)), .is_fixed = !has_lines};
    weir_node *node;
    weir_yaml_error error;
    weir_status status = weir_yaml_parse(self->tree, text, &place, &node, &error);
    if (status != WEIR_OK) {
        weir_diagnostics_at(self->diagnostics, WEIR_SEVERITY_ERROR, place.file, error.line, error.column, "%s",
                            error.text);
        return;
    }
    if (node->kind == WEIR_NODE_NULL)
        return;
    if (node->kind != WEIR_NODE_MAPPING) {
        WEIR_BUFFER what = {0};
        weir_node_describe(node, &what);
        weir_diagnostics_error(self->diagnostics, node, "a configuration is a mapping (\"receivers: …\"), this is %s",
                               weir_buffer_string(&what));
        return;
    }
    if (weir_node_merge(self->tree, self->root, node) != WEIR_OK)
        weir_diagnostics_error(self->diagnostics, node, "merged with the sources before, it is nested too deep");
}

static void merge_file(loader *self, const char *path)
{
    WEIR_BUFFER bytes = {0};
    weir_status status = weir_file_read_all(self->world.files, path, WEIR_CONFIG_BYTES_MAX, &bytes);
    if (status == WEIR_OK) {
        merge_text(self, path, (weir_text){(const char *)bytes.data, bytes.len}, true);
        return;
    }
    const char *why = status == WEIR_IO          ? strerror(errno)
                      : status == WEIR_NOT_FOUND ? "there is no such file"
                                                 : "it is too large to be a configuration";
    weir_diagnostics_at(self->diagnostics, WEIR_SEVERITY_ERROR, path, 0, 0, "cannot be read: %s", why);
}

static void merge_variable(loader *self, const char *label, const char *name)
{
    if (!weir_is_variable_name(weir_text_of(name))) {
        weir_diagnostics_at(
            self->diagnostics, WEIR_SEVERITY_ERROR, label, 0, 0,
            "\"%s\" cannot be the name of an environment variable: letters, digits and \"_\" only, no digit first",
            name);
        return;
    }
    const char *value = self->world.environment(self->world.user, name);
    if (value)
        merge_text(self, label, weir_text_of(value), true);
    else
        weir_diagnostics_at(self->diagnostics, WEIR_SEVERITY_ERROR, label, 0, 0,
                            "the environment variable %s is not set", name);
}

static void merge_inline(loader *self, const char *label, const char *text)
{
    merge_text(self, label, weir_text_of(text), strchr(text, '\n') != NULL);
}

/* By the Collector's rule a value without a colon, or with a drive letter, is a path. */
static bool is_path(const char *config)
{
    return !strchr(config, ':') || (isalpha((unsigned char)config[0]) && config[1] == ':');
}

static void merge_config(loader *self, const char *config)
{
    WEIR_FREE char *label = weir_format("--config=%s", config);
    weir_text text = weir_text_of(config);
    if (*config == '\0')
        weir_diagnostics_at(self->diagnostics, WEIR_SEVERITY_ERROR, "--config", 0, 0, "names no file");
    else if (is_path(config))
        merge_file(self, config);
    else if (weir_text_starts(text, "file:"))
        merge_file(self, config + strlen("file:"));
    else if (weir_text_starts(text, "env:"))
        merge_variable(self, label, config + strlen("env:"));
    else if (weir_text_starts(text, "yaml:"))
        merge_inline(self, "--config=yaml", config + strlen("yaml:"));
    else if (weir_text_starts(text, "http:") || weir_text_starts(text, "https:"))
        weir_diagnostics_at(self->diagnostics, WEIR_SEVERITY_ERROR, label, 0, 0,
                            "weir does not fetch its configuration; fetch it before weir starts and name the file");
    else
        weir_diagnostics_at(
            self->diagnostics, WEIR_SEVERITY_ERROR, label, 0, 0,
            "names no source that is known; use a path, file:, env: or yaml: (a path with a colon: file:%s)", config);
}

static weir_text trim(const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    return (weir_text){text, len};
}

/* "a.b=c" is the YAML "a::b: c" (otelcol/flags.go). */
static void merge_set(loader *self, const char *set)
{
    const char *equal = strchr(set, '=');
    weir_text key = trim(set, equal ? (size_t)(equal - set) : 0);
    if (key.len == 0) {
        WEIR_FREE char *label = weir_format("--set=%s", set);
        weir_diagnostics_at(self->diagnostics, WEIR_SEVERITY_ERROR, label, 0, 0,
                            "%s; write --set=processors.batch.timeout=2s",
                            equal ? "the key is missing" : "the equal sign is missing");
        return;
    }
    WEIR_FREE char *label = weir_format("--set=%.*s", WEIR_TEXT_ARG(key));
    WEIR_BUFFER yaml = {0};
    for (size_t i = 0; i < key.len; i++)
        weir_buffer_append_text(&yaml, key.data[i] == '.' ? "::" : (char[]){key.data[i], '\0'});
    weir_text value = trim(equal + 1, strlen(equal + 1));
    weir_buffer_append_text(&yaml, ": ");
    weir_buffer_append(&yaml, value.data, value.len);
    merge_text(self, label, (weir_text){(const char *)yaml.data, yaml.len}, false);
}

const weir_node *weir_sources_load(const weir_sources *sources, weir_tree *tree, weir_diagnostics *diagnostics)
{
    loader self = {
        .tree = tree,
        .root = weir_node_new(tree, WEIR_NODE_MAPPING, NULL),
        .world = {.files = sources->files ? sources->files : &weir_files_real,
                  .environment = sources->environment ? sources->environment : process_environment,
                  .user = sources->user},
        .diagnostics = diagnostics,
    };
    WEIR_ASSERT(self.root);
    for (size_t i = 0; i < sources->config_count; i++)
        merge_config(&self, sources->configs[i]);
    for (size_t i = 0; i < sources->set_count; i++)
        merge_set(&self, sources->sets[i]);
    weir_expand(tree, self.root, &self.world, diagnostics);
    return self.root;
}
