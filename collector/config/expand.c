/* SPDX-License-Identifier: Apache-2.0 */
#include "config/expand.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/yaml.h"
#include "core/assert.h"
#include "core/memory.h"

typedef struct expander {
    weir_tree *tree;
    const weir_expand_world *world;
    weir_diagnostics *diagnostics;
    bool is_silent;  /* for the second look at a text whose first look has told everything */
    bool is_stopped; /* a limit of the tree was met: nothing more is expanded */
} expander;

/* What a ${…} stands for. */
typedef struct retrieved {
    weir_buffer bytes;
    bool is_text;     /* not to be read as YAML */
    const char *file; /* for places inside it; NULL: the place of the ${…} */
} retrieved;

#define REPORT(self, node, ...) \
    ((self)->is_silent ? (void)0 : weir_diagnostics_error((self)->diagnostics, (node), __VA_ARGS__))

bool weir_is_variable_name(weir_text name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (!(c < 0x80 && isalpha(c)) && c != '_' && !(i > 0 && isdigit(c)))
            return false;
    }
    return name.len > 0;
}

/* ---- finding ---- */

static const char *last_opening(const char *from, const char *end)
{
    for (const char *at = end - 1; at > from; at--) {
        if (at[-1] == '$' && at[0] == '{')
            return at - 1;
    }
    return NULL;
}

/* The innermost ${…} that comes first. False if there is none, or if it is escaped: then the Collector leaves the
 * rest of the text alone too. */
static bool find_reference(const char *text, weir_text *ret_reference)
{
    for (const char *from = text, *close; (close = strchr(from, '}')); from = close + 1) {
        const char *open = last_opening(from, close);
        if (!open)
            continue;
        size_t dollars = 0;
        while (open > from + dollars && open[-1 - (ptrdiff_t)dollars] == '$')
            dollars++;
        if (dollars % 2 == 1)
            return false;
        *ret_reference = (weir_text){open, (size_t)(close + 1 - open)};
        return true;
    }
    return false;
}

/* ---- retrieving ---- */

static bool retrieve_variable(expander *self, const weir_node *where, weir_text uri, retrieved *out)
{
    const char *default_mark = memmem(uri.data, uri.len, ":-", 2);
    weir_text name = {uri.data, default_mark ? (size_t)(default_mark - uri.data) : uri.len};
    if (!weir_is_variable_name(name)) {
        REPORT(self, where,
               "\"%.*s\" cannot be the name of an environment variable: letters, digits and \"_\" only, no digit first",
               WEIR_TEXT_ARG(name));
        return false;
    }
    WEIR_FREE char *name_text = weir_strndup(name.data, name.len);
    const char *value = self->world->environment(self->world->user, name_text);
    if (value) {
        weir_buffer_append_text(&out->bytes, value);
    } else if (default_mark) {
        weir_buffer_append(&out->bytes, default_mark + 2, uri.len - name.len - 2);
        out->is_text = out->bytes.len == 0;
    } else if (!self->is_silent) {
        weir_diagnostics_warning(
            self->diagnostics, where,
            "the environment variable %s is not set; the value is empty (a default would be ${env:%s:-value})",
            name_text, name_text);
    }
    return true;
}

static bool retrieve_file(expander *self, const weir_node *where, weir_text path, retrieved *out)
{
    WEIR_FREE char *path_text = weir_strndup(path.data, path.len);
    weir_status status = weir_file_read_all(self->world->files, path_text, WEIR_CONFIG_BYTES_MAX, &out->bytes);
    if (status == WEIR_OK) {
        out->file = weir_tree_text(self->tree, path.data, path.len);
        return true;
    }
    const char *why = status == WEIR_IO ? strerror(errno) : weir_status_text(status);
    REPORT(self, where, "the file \"%s\" cannot be read: %s", path_text, why);
    return false;
}

/* The scheme before the first colon, by the Collector's rule [A-Za-z][A-Za-z0-9+.-]+; empty if there is none. */
static weir_text scheme_of(weir_text uri)
{
    size_t len = 0;
    while (len < uri.len && (isalnum((unsigned char)uri.data[len]) || strchr("+.-", uri.data[len])))
        len++;
    bool is_scheme = len >= 2 && len < uri.len && uri.data[len] == ':' && isalpha((unsigned char)uri.data[0]);
    return (weir_text){uri.data, is_scheme ? len : 0};
}

static bool refuse_scheme(expander *self, const weir_node *where, weir_text uri, weir_text scheme)
{
    if (weir_text_is(scheme, "http") || weir_text_is(scheme, "https"))
        REPORT(self, where,
               "weir does not fetch configuration over %.*s; fetch it before weir starts and use ${file:…}",
               WEIR_TEXT_ARG(scheme));
    else if (memmem(uri.data, uri.len, ":-", 2))
        REPORT(self, where, "\"${%.*s}\" names no source; a default needs \"env:\" in front: ${env:%.*s}",
               WEIR_TEXT_ARG(uri), WEIR_TEXT_ARG(uri));
    else
        REPORT(self, where, "\"${%.*s}\" names no source that is known; use env:, file: or yaml:", WEIR_TEXT_ARG(uri));
    return false;
}

static bool retrieve(expander *self, const weir_node *where, weir_text reference, retrieved *out)
{
    weir_text uri = {reference.data + 2, reference.len - 3};
    weir_text scheme = scheme_of(uri);
    weir_text rest = {uri.data + scheme.len + 1, uri.len - scheme.len - (scheme.len > 0)};
    if (memchr(uri.data, '$', uri.len)) {
        REPORT(self, where, "\"%.*s\" has a \"$\" inside, which is not supported", WEIR_TEXT_ARG(reference));
        return false;
    }
    if (!memchr(uri.data, ':', uri.len))
        return retrieve_variable(self, where, uri, out);
    if (weir_text_is(scheme, "env"))
        return retrieve_variable(self, where, rest, out);
    if (weir_text_is(scheme, "file"))
        return retrieve_file(self, where, rest, out);
    if (!weir_text_is(scheme, "yaml"))
        return refuse_scheme(self, where, uri, scheme);
    weir_buffer_append(&out->bytes, rest.data, rest.len);
    return true;
}

static void retrieved_done(retrieved *out)
{
    weir_buffer_done(&out->bytes);
}

/* ---- replacing ---- */

/* Replaces every occurrence of `reference` (which lies in `text`), as the Collector does. */
static void replace_all(weir_buffer *text, weir_text reference, const weir_buffer *value)
{
    WEIR_BUFFER replaced = {0};
    const char *from = weir_buffer_string(text), *end = from + text->len;
    for (const char *at; (at = memmem(from, (size_t)(end - from), reference.data, reference.len));
         from = at + reference.len) {
        weir_buffer_append(&replaced, from, (size_t)(at - from));
        weir_buffer_append(&replaced, value->data, value->len);
        if (replaced.len > WEIR_EXPAND_TEXT_BYTES_MAX)
            break;
    }
    weir_buffer_append(&replaced, from, (size_t)(end - from));
    weir_buffer swapped = *text;
    *text = replaced;
    replaced = swapped;
}

/* "$$" becomes "$". */
static void unescape(weir_buffer *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->len; i++) {
        text->data[kept++] = text->data[i];
        if (text->data[i] == '$' && i + 1 < text->len && text->data[i + 1] == '$')
            i++;
    }
    text->len = kept;
}

static void expand_node(expander *self, weir_node *node, unsigned depth, unsigned level);

/* Puts what the value is as YAML in the place of `node`. False, nothing changed, if it is a text or no YAML at all. */
static bool replace_by_yaml(expander *self, weir_node *node, const retrieved *value, unsigned depth)
{
    weir_place place = {.file = value->file ? value->file : node->file,
                        .is_fixed = !value->file,
                        .line = node->line,
                        .column = node->column};
    weir_node *root;
    weir_yaml_error error;
    weir_text text = {(const char *)value->bytes.data, value->bytes.len};
    weir_status status = weir_yaml_parse(self->tree, text, &place, &root, &error);
    if (status == WEIR_OK && root->height + depth > WEIR_CONFIG_HEIGHT_MAX)
        REPORT(self, node, "what ${…} brings here is nested too deep");
    else if (status == WEIR_TOO_LARGE)
        REPORT(self, node, "what ${…} brings here is too large: %s", error.text);
    self->is_stopped = self->is_stopped || status == WEIR_TOO_LARGE;
    if (status != WEIR_OK || root->height + depth > WEIR_CONFIG_HEIGHT_MAX)
        return false;
    if (root->kind == WEIR_NODE_SCALAR && weir_node_scalar_type(root) == WEIR_SCALAR_TEXT)
        return false;
    node->kind = root->kind;
    node->is_text = false;
    node->text = root->text;
    node->keys = root->keys;
    node->items = root->items;
    node->count = root->count;
    node->capacity = root->capacity;
    node->height = root->height;
    for (size_t i = 0; i < node->count; i++) {
        node->items[i]->parent = node;
        if (node->keys)
            node->keys[i]->parent = node;
    }
    return true;
}

/* One step: replaces the reference found in `text`. `*ret_is_done` if `node` has become something other than a text. */
static bool expand_once(expander *self, weir_node *node, weir_buffer *text, weir_text reference, unsigned depth,
                        bool *ret_is_done)
{
    WEIR_CLEANUP(retrieved_done) retrieved value = {0};
    if (!retrieve(self, node, reference, &value))
        return false;
    if (memchr(value.bytes.data ? (const char *)value.bytes.data : "", '\0', value.bytes.len)) {
        REPORT(self, node, "what ${…} brings here contains the character NUL");
        return false;
    }
    bool is_whole = reference.len == text->len;
    node->has_reference = true;
    if (is_whole)
        node->is_expanded = true;
    *ret_is_done = is_whole && !value.is_text && replace_by_yaml(self, node, &value, depth);
    replace_all(text, reference, &value.bytes);
    if (text->len > WEIR_EXPAND_TEXT_BYTES_MAX)
        REPORT(self, node, "the expanded text is larger than %d KiB", WEIR_EXPAND_TEXT_BYTES_MAX / 1024);
    return text->len <= WEIR_EXPAND_TEXT_BYTES_MAX;
}

/* Expands `text` to its end, or until `node` has become something else. False: a mistake was reported. */
static bool expand_text(expander *self, weir_node *node, weir_buffer *text, unsigned depth, bool *ret_is_done)
{
    weir_text reference;
    for (unsigned round = 0; find_reference(weir_buffer_string(text), &reference); round++) {
        if (round == WEIR_EXPAND_ROUNDS_MAX) {
            REPORT(self, node, "too many expansions: a value seems to contain itself");
            return false;
        }
        if (!expand_once(self, node, text, reference, depth, ret_is_done))
            return false;
        if (*ret_is_done)
            break;
        node->is_text = true;
    }
    return true;
}

/* The text that an expanded number, list or mapping also is, should the option be a text. */
static void expand_original(expander *self, weir_node *node, weir_buffer *text)
{
    expander second_look = *self;
    second_look.is_silent = true;
    weir_node scratch = *node;
    weir_text reference;
    for (unsigned round = 0; round < WEIR_EXPAND_LEVELS_MAX && find_reference(weir_buffer_string(text), &reference);
         round++) {
        WEIR_CLEANUP(retrieved_done) retrieved value = {0};
        if (!retrieve(&second_look, &scratch, reference, &value))
            break;
        replace_all(text, reference, &value.bytes);
        if (text->len > WEIR_EXPAND_TEXT_BYTES_MAX)
            break;
    }
}

static void expand_scalar(expander *self, weir_node *node, unsigned depth, unsigned level)
{
    WEIR_BUFFER text = {0};
    weir_buffer_append_text(&text, node->text);
    bool is_done = false;
    if (!strchr(node->text, '$') || !expand_text(self, node, &text, depth, &is_done))
        return;
    if (is_done) {
        expand_node(self, node, depth, level + 1);
        if (node->count > 0)
            expand_original(self, node, &text);
    }
    unescape(&text);
    const char *result = weir_tree_text(self->tree, weir_buffer_string(&text), text.len);
    *(is_done ? &node->original : &node->text) = result;
    if (weir_tree_is_full(self->tree)) {
        REPORT(self, node, "the configuration is too large once everything is expanded");
        self->is_stopped = true;
    }
}

static void expand_node(expander *self, weir_node *node, unsigned depth, unsigned level)
{
    WEIR_ASSERT(depth <= WEIR_CONFIG_HEIGHT_MAX);
    if (level > WEIR_EXPAND_LEVELS_MAX) {
        REPORT(self, node, "too many expansions inside each other: a value seems to contain itself");
        return;
    }
    if (self->is_stopped)
        return;
    if (node->kind == WEIR_NODE_SCALAR && !node->is_expanded)
        expand_scalar(self, node, depth, level);
    for (size_t i = 0; node->kind != WEIR_NODE_SCALAR && i < node->count; i++)
        expand_node(self, node->items[i], depth + 1, level);
}

void weir_expand(weir_tree *tree, weir_node *root, const weir_expand_world *world, weir_diagnostics *diagnostics)
{
    expander self = {.tree = tree, .world = world, .diagnostics = diagnostics};
    expand_node(&self, root, 0, 0);
}
