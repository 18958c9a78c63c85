/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <errno.h>
#include <string.h>

static int fake_open(const weir_files *files, const char *path, int flags, unsigned mode)
{
    (void)flags;
    (void)mode;
    fake_world *world = (fake_world *)(void *)files;
    for (int i = 0; world->contents && world->contents[i]; i += 2) {
        if (strcmp(world->contents[i], path) == 0) {
            world->open_file = i + 1;
            world->position = 0;
            return 7;
        }
    }
    errno = ENOENT;
    return -1;
}

static ssize_t fake_read(const weir_files *files, int fd, void *buffer, size_t size)
{
    (void)fd;
    fake_world *world = (fake_world *)(void *)files;
    const char *content = world->contents[world->open_file];
    if (strcmp(content, "EIO") == 0) {
        errno = EIO;
        return -1;
    }
    size_t left = strlen(content) - world->position;
    size_t len = left < size ? left : size;
    memcpy(buffer, content + world->position, len);
    world->position += len;
    return (ssize_t)len;
}

static int fake_close(const weir_files *files, int fd)
{
    (void)files;
    (void)fd;
    return 0;
}

void fake_world_init(fake_world *world, const char *const *variables, const char *const *contents)
{
    *world = (fake_world){.files = {.open = fake_open, .read = fake_read, .close = fake_close},
                          .variables = variables,
                          .contents = contents};
}

static const char *fake_environment(void *user, const char *name)
{
    const fake_world *world = user;
    for (size_t i = 0; world->variables && world->variables[i]; i += 2) {
        if (strcmp(world->variables[i], name) == 0)
            return world->variables[i + 1];
    }
    return NULL;
}

const weir_node *load_text(const char *text, const char *const *variables, weir_tree *tree, weir_buffer *ret_messages)
{
    const char *contents[] = {"config.yaml", text,       "inner.yaml", "x: ${env:PORT}\ny: [1, two]\n",
                              "plain.txt",   "secret\n", "self.yaml",  "again: ${file:self.yaml}\n",
                              "bad.yaml",    "EIO",      NULL};
    const char *configs[] = {"config.yaml"};
    fake_world world;
    fake_world_init(&world, variables, contents);
    weir_sources sources = {
        .configs = configs, .config_count = 1, .files = &world.files, .environment = fake_environment, .user = &world};
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    const weir_node *root = weir_sources_load(&sources, tree, diagnostics);
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, ret_messages);
    weir_diagnostics_free(diagnostics);
    return root;
}

static const char *catalog_name(void *user, weir_section section, size_t index)
{
    static const char *const names[WEIR_SECTIONS][4] = {
        {"otlp", "kafka"}, {"batch", "attributes"}, {"otlp", "debug", "nop"}, {"health_check"}, {NULL}};
    (void)user;
    return names[section][index];
}

weir_document *load_document(const char *text, weir_buffer *ret_messages)
{
    const char *contents[] = {"config.yaml", text, NULL};
    const char *configs[] = {"config.yaml"};
    fake_world world;
    fake_world_init(&world, NULL, contents);
    weir_sources sources = {
        .configs = configs, .config_count = 1, .files = &world.files, .environment = fake_environment, .user = &world};
    weir_catalog catalog = {.name = catalog_name};
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    weir_document *document = weir_document_load(&sources, &catalog, diagnostics);
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, ret_messages);
    weir_diagnostics_free(diagnostics);
    return document;
}

void print_flow(const weir_node *node, weir_buffer *out)
{
    bool is_map = node->kind == WEIR_NODE_MAPPING;
    if (node->kind == WEIR_NODE_NULL) {
        weir_buffer_append_text(out, "null");
    } else if (node->kind == WEIR_NODE_SCALAR) {
        const char *quote = weir_node_scalar_type(node) == WEIR_SCALAR_TEXT ? "\"" : "";
        weir_buffer_printf(out, "%s%s%s", quote, node->text, quote);
    } else {
        weir_buffer_append_byte(out, is_map ? '{' : '[');
        for (size_t i = 0; i < node->count; i++) {
            weir_buffer_append_text(out, i ? ", " : "");
            if (is_map)
                weir_buffer_printf(out, "%s: ", node->keys[i]->text);
            print_flow(node->items[i], out);
        }
        weir_buffer_append_byte(out, is_map ? '}' : ']');
    }
}
