/* SPDX-License-Identifier: Apache-2.0
 *
 * The effective configuration as YAML, with secrets masked. The option table goes along with the node it describes.
 */
#include "config/reference.h"

#include <ctype.h>

#include "config/node.h"
#include "core/memory.h"

/* A key of a configured component or of anything else: its table, and whether all below is secret. */
typedef struct guide {
    const weir_option *options;
    bool is_masked;
} guide;

static void print_quoted(const char *text, weir_buffer *out)
{
    weir_buffer_append_byte(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c == 0x7f)
            weir_buffer_printf(out, "\\x%02x", (unsigned)c);
        else if (c == '"' || c == '\\')
            weir_buffer_printf(out, "\\%c", c);
        else
            weir_buffer_append_byte(out, c);
    }
    weir_buffer_append_byte(out, '"');
}

static void print_key(const char *key, weir_buffer *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/-.";
    bool is_plain =
        isalpha((unsigned char)*key) && key[strspn(key, plain)] == '\0' && weir_scalar_type_of(key) == WEIR_SCALAR_TEXT;
    if (is_plain)
        weir_buffer_append_text(out, key);
    else
        print_quoted(key, out);
    weir_buffer_append_byte(out, ':');
}

/* "https://user:password@host/": what stands before the "@" is secret wherever such a text is written. */
static void print_text(const char *text, weir_buffer *out)
{
    const char *scheme_end = strstr(text, "://");
    const char *authority = scheme_end ? scheme_end + strlen("://") : text;
    size_t authority_len = strcspn(authority, "/?# ");
    const char *at = scheme_end ? memrchr(authority, '@', authority_len) : NULL;
    if (!at) {
        print_quoted(text, out);
        return;
    }
    WEIR_FREE char *masked = weir_format("%.*s[REDACTED]%s", (int)(authority - text), text, at);
    print_quoted(masked, out);
}

static void print_leaf(const weir_node *node, bool is_masked, weir_buffer *out)
{
    if (node->kind == WEIR_NODE_NULL)
        weir_buffer_append_text(out, "null");
    else if (node->kind == WEIR_NODE_MAPPING)
        weir_buffer_append_text(out, "{}");
    else if (node->kind == WEIR_NODE_SEQUENCE)
        weir_buffer_append_text(out, "[]");
    else if (is_masked)
        weir_buffer_append_text(out, "\"[REDACTED]\"");
    else if (weir_node_scalar_type(node) == WEIR_SCALAR_TEXT)
        print_text(node->text, out);
    else
        weir_buffer_append_text(out, node->text);
}

/* What guides the value of `key` under a node guided by `above`. */
static guide guide_below(guide above, const char *key)
{
    const weir_option *option = above.options;
    if (!key)
        return above; /* the items of a list share the table of the list */
    while (option && option->name && strcmp(option->name, key) != 0)
        option++;
    if (!option || !option->name)
        return (guide){.is_masked = above.is_masked};
    return (guide){.options = option->group, .is_masked = above.is_masked || weir_option_is_secret(option)};
}

static void print_node(const weir_node *node, guide guide_here, unsigned indent, weir_buffer *out)
{
    if (node->count == 0) {
        weir_buffer_append_byte(out, ' ');
        print_leaf(node, guide_here.is_masked, out);
        weir_buffer_append_byte(out, '\n');
        return;
    }
    weir_buffer_append_byte(out, '\n');
    for (size_t i = 0; i < node->count; i++) {
        weir_buffer_printf(out, "%*s", (int)(indent * 2), "");
        if (node->keys)
            print_key(node->keys[i]->text, out);
        else
            weir_buffer_append_byte(out, '-');
        print_node(node->items[i], guide_below(guide_here, node->items[i]->key), indent + 1, out);
    }
}

static const weir_option *options_of(const weir_component_entry *entry, const weir_reference *components, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool has_name = strcmp(components[i].name, entry->id.type) == 0 ||
                        (components[i].alias && strcmp(components[i].alias, entry->id.type) == 0);
        if (components[i].section == entry->section && has_name)
            return components[i].options;
    }
    return NULL;
}

static void print_section(const weir_document *document, weir_section section, const weir_reference *components,
                          size_t count, weir_buffer *out)
{
    bool is_first = true;
    for (size_t i = 0; i < document->component_count; i++) {
        const weir_component_entry *entry = &document->components[i];
        if (entry->section != section)
            continue;
        if (is_first)
            weir_buffer_printf(out, "%s:\n", weir_section_key(section));
        is_first = false;
        weir_buffer_append_text(out, "  ");
        print_key(entry->id.text, out);
        /* Without a table nobody knows what is secret, so everything is. */
        const weir_option *options = options_of(entry, components, count);
        print_node(entry->node, (guide){.options = options, .is_masked = options == NULL}, 2, out);
    }
}

void weir_reference_print(const weir_document *document, const weir_reference *components, size_t count,
                          weir_buffer *out)
{
    for (weir_section section = 0; section < WEIR_SECTIONS; section++)
        print_section(document, section, components, count, out);
    const weir_node *service = weir_node_get(document->root, "service");
    if (!service)
        return;
    weir_buffer_append_text(out, "service:");
    print_node(service, (guide){0}, 1, out);
}
