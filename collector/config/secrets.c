/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the secrets that are written out in a configuration, by the option tables.
 */
#include "config/node.h"
#include "config/option.h"
#include "core/memory.h"

typedef struct finder {
    void (*visit)(void *user, const weir_node *secret);
    void *user;
} finder;

static void find_in_table(const finder *self, const weir_option *options, const weir_node *node, bool is_brought);

/* Headers are masked as one, but few of them are worth protecting: those whose name says so. */
bool weir_name_is_of_secret(const char *name)
{
    static const char *const marks[] = {"auth", "token", "secret", "password", "key", "cookie", "credential"};
    for (size_t i = 0; i < WEIR_COUNT_OF(marks); i++) {
        if (strcasestr(name, marks[i]))
            return true;
    }
    return false;
}

/* A certificate stands in a secret option only because its key does too. */
static bool is_worth_hiding(const weir_node *node)
{
    return node->kind == WEIR_NODE_SCALAR && node->text[0] != '\0' && !strstr(node->text, "-----BEGIN CERTIFICATE");
}

static void find_in_value(const finder *self, const weir_node *node, bool is_brought)
{
    if (!is_brought && !node->has_reference && is_worth_hiding(node))
        self->visit(self->user, node);
}

/* A list of secret texts, or one of them by itself. */
static void find_in_strings(const finder *self, const weir_option *option, const weir_node *node, bool is_brought)
{
    if (!option->is_secret)
        return;
    if (node->kind == WEIR_NODE_SCALAR)
        find_in_value(self, node, is_brought);
    for (size_t i = 0; i < node->count; i++)
        find_in_value(self, node->items[i], is_brought);
}

/* Both ways to write headers: a mapping, and a list of `name` and `value`. */
static void find_in_map(const finder *self, const weir_node *node, bool is_brought)
{
    for (size_t i = 0; i < node->count; i++) {
        const weir_node *name = node->keys ? node->keys[i] : weir_node_get(node->items[i], "name");
        const weir_node *value = node->keys ? node->items[i] : weir_node_get(node->items[i], "value");
        if (name && value && name->text && weir_name_is_of_secret(name->text))
            find_in_value(self, value, is_brought);
    }
}

/* Lists of groups with a `key` name a header in it (headers_setter), which counts as in a mapping of headers. */
static bool is_harmless_header(const weir_node *node)
{
    const weir_node *key = weir_node_get(node, "key");
    return key && key->text && !weir_name_is_of_secret(key->text);
}

static void find_in_list(const finder *self, const weir_option *option, const weir_node *node, bool is_brought)
{
    for (size_t i = 0; i < node->count; i++) {
        if (!is_harmless_header(node->items[i]))
            find_in_table(self, option->group, node->items[i], is_brought);
    }
}

/* `is_brought`: the node came with a variable, and so is not in the file it is said to stand in. What a ${file:…}
 * brings names that file as its own. */
static void find_in_option(const finder *self, const weir_option *option, const weir_node *node, bool is_brought)
{
    switch (option->type) {
    case WEIR_OPTION_SECRET:
        find_in_value(self, node, is_brought);
        break;
    case WEIR_OPTION_STRINGS:
        find_in_strings(self, option, node, is_brought);
        break;
    case WEIR_OPTION_SECRET_MAP:
        find_in_map(self, node, is_brought);
        break;
    case WEIR_OPTION_GROUP:
    case WEIR_OPTION_POINTER:
        find_in_table(self, option->group, node, is_brought);
        break;
    case WEIR_OPTION_LIST:
        find_in_list(self, option, node, is_brought);
        break;
    default:
        break;
    }
}

static void find_in_table(const finder *self, const weir_option *options, const weir_node *node, bool is_brought)
{
    if (!node || node->kind != WEIR_NODE_MAPPING)
        return;
    for (const weir_option *option = options; option->name; option++) {
        const weir_node *value = weir_node_get(node, option->name);
        if (!value)
            continue;
        bool is_of_same_file = value->file == node->file;
        find_in_option(self, option, value, is_of_same_file && (is_brought || node->is_expanded));
    }
}

void weir_options_visit_secrets(const weir_option *options, const weir_node *node,
                                void (*visit)(void *user, const weir_node *secret), void *user)
{
    const finder self = {visit, user};
    find_in_table(&self, options, node, false);
}
