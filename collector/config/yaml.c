/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "core/assert.h"
#include "core/memory.h"

typedef struct anchor {
    char *name;
    const weir_node *node;
} anchor;

typedef struct builder {
    weir_tree *tree;
    const weir_place *place;
    weir_yaml_error *error;
    yaml_parser_t parser;
    anchor *anchors;
    size_t anchor_count;
} builder;

static void set_place(const builder *self, yaml_mark_t mark, unsigned *ret_line, unsigned *ret_column)
{
    bool is_fixed = self->place->is_fixed;
    *ret_line = is_fixed ? self->place->line : (unsigned)mark.line + 1;
    *ret_column = is_fixed ? self->place->column : (unsigned)mark.column + 1;
}

__attribute__((format(printf, 4, 5))) static weir_status fail(builder *self, weir_status status, yaml_mark_t mark,
                                                              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(self->error->text, sizeof(self->error->text), format, arguments);
    va_end(arguments);
    set_place(self, mark, &self->error->line, &self->error->column);
    return status;
}

static weir_status too_many(builder *self, yaml_mark_t mark)
{
    return fail(self, WEIR_TOO_LARGE, mark, "more than %d values (aliases count as what they stand for)",
                WEIR_CONFIG_NODES_MAX);
}

static weir_status too_high(builder *self, yaml_mark_t mark)
{
    return fail(self, WEIR_TOO_LARGE, mark, "nested more than %d levels deep", WEIR_CONFIG_HEIGHT_MAX);
}

static weir_status next_event(builder *self, yaml_event_t *event)
{
    if (yaml_parser_parse(&self->parser, event))
        return WEIR_OK;
    const yaml_parser_t *parser = &self->parser;
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "out of memory";
    if (parser->error == YAML_READER_ERROR)
        return fail(self, WEIR_INVALID, mark, "not valid YAML: %s at byte %zu", problem, parser->problem_offset);
    if (strstr(problem, "cannot start any token") && strstr(problem, "character"))
        problem =
            "a tab or a character that may not stand here; indent with spaces, and quote texts that begin with @ or `";
    return fail(self, WEIR_INVALID, mark, "not valid YAML: %s", problem);
}

static weir_status new_node(builder *self, weir_node_kind kind, const yaml_event_t *event, weir_node **ret_node)
{
    weir_node *node = weir_node_new(self->tree, kind, NULL);
    if (!node)
        return too_many(self, event->start_mark);
    node->file = self->place->file;
    set_place(self, event->start_mark, &node->line, &node->column);
    *ret_node = node;
    return WEIR_OK;
}

static void remember(builder *self, const yaml_char_t *name, const weir_node *node)
{
    if (!name)
        return;
    self->anchors = weir_realloc(self->anchors, self->anchor_count + 1, sizeof(*self->anchors));
    self->anchors[self->anchor_count++] = (anchor){weir_strdup((const char *)name), node};
}

/* The newest anchor of that name counts (YAML 1.2 §7.1). */
static weir_status build_alias(builder *self, const yaml_event_t *event, weir_node **ret_node)
{
    const char *name = (const char *)event->data.alias.anchor;
    for (size_t i = self->anchor_count; i > 0; i--) {
        if (strcmp(self->anchors[i - 1].name, name) != 0)
            continue;
        *ret_node = weir_node_copy(self->tree, self->anchors[i - 1].node);
        return *ret_node ? WEIR_OK : too_many(self, event->start_mark);
    }
    return fail(self, WEIR_INVALID, event->start_mark, "the alias *%s has no anchor &%s before it", name, name);
}

static bool is_null_text(const char *text)
{
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

/* Only the tags that say what is understood anyway. */
static weir_status check_tag(builder *self, const yaml_event_t *event, const yaml_char_t *tag)
{
    static const char *const known[] = {YAML_STR_TAG,  YAML_INT_TAG, YAML_FLOAT_TAG, YAML_BOOL_TAG,
                                        YAML_NULL_TAG, YAML_MAP_TAG, YAML_SEQ_TAG,   "!"};
    for (size_t i = 0; tag && i < WEIR_COUNT_OF(known); i++) {
        if (strcmp((const char *)tag, known[i]) == 0)
            return WEIR_OK;
    }
    return tag ? fail(self, WEIR_INVALID, event->start_mark, "the tag %.80s is not supported", (const char *)tag)
               : WEIR_OK;
}

static weir_status build_scalar(builder *self, const yaml_event_t *event, weir_node **ret_node)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(value, '\0', len))
        return fail(self, WEIR_INVALID, event->start_mark, "a text must not contain the character NUL");
    weir_status status = check_tag(self, event, event->data.scalar.tag);
    if (status == WEIR_OK)
        status = new_node(self, WEIR_NODE_SCALAR, event, ret_node);
    if (status != WEIR_OK)
        return status;
    weir_node *node = *ret_node;
    const char *tag = (const char *)event->data.scalar.tag;
    bool says_text = tag && (strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0);
    node->is_text = says_text || event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = weir_tree_text(self->tree, value, len);
    if (!node->is_text && is_null_text(value))
        node->kind = WEIR_NODE_NULL;
    remember(self, event->data.scalar.anchor, node);
    return WEIR_OK;
}

static weir_status build(builder *self, const yaml_event_t *event, unsigned depth, weir_node **ret_node);

/* Reads the event that begins a node and builds it; `*ret_is_end` if the collection ends instead. */
static weir_status build_next(builder *self, yaml_event_type_t end, unsigned depth, weir_node **ret_node,
                              bool *ret_is_end)
{
    WEIR_CLEANUP(yaml_event_delete) yaml_event_t event = {0};
    weir_status status = next_event(self, &event);
    if (status != WEIR_OK)
        return status;
    *ret_is_end = event.type == end;
    return *ret_is_end ? WEIR_OK : build(self, &event, depth, ret_node);
}

static weir_status build_sequence(builder *self, const yaml_event_t *event, unsigned depth, weir_node **ret_node)
{
    weir_node *sequence;
    weir_status status = check_tag(self, event, event->data.sequence_start.tag);
    if (status == WEIR_OK)
        status = new_node(self, WEIR_NODE_SEQUENCE, event, &sequence);
    while (status == WEIR_OK) {
        weir_node *item;
        bool is_end;
        status = build_next(self, YAML_SEQUENCE_END_EVENT, depth + 1, &item, &is_end);
        if (status != WEIR_OK || is_end)
            break;
        if (weir_node_append(self->tree, sequence, NULL, item) != WEIR_OK)
            status = too_high(self, event->start_mark);
    }
    if (status != WEIR_OK)
        return status;
    remember(self, event->data.sequence_start.anchor, sequence);
    *ret_node = sequence;
    return WEIR_OK;
}

static yaml_mark_t mark_of(const weir_node *node)
{
    return (yaml_mark_t){.line = node->line ? node->line - 1 : 0, .column = node->column ? node->column - 1 : 0};
}

/* Adds what "<<: *name" brings: every key the mapping does not have itself. */
static weir_status merge_mapping(builder *self, weir_node *mapping, const weir_node *from)
{
    if (from->kind != WEIR_NODE_MAPPING)
        return fail(self, WEIR_INVALID, mark_of(from), "\"<<\" takes a mapping or a list of mappings");
    for (size_t i = 0; i < from->count; i++) {
        if (!weir_node_get(mapping, from->keys[i]->text) &&
            weir_node_append(self->tree, mapping, from->keys[i], from->items[i]) != WEIR_OK)
            return too_high(self, mark_of(from));
    }
    return WEIR_OK;
}

static weir_status apply_merge_key(builder *self, weir_node *mapping, const weir_node *value)
{
    if (value->kind != WEIR_NODE_SEQUENCE)
        return merge_mapping(self, mapping, value);
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < value->count && status == WEIR_OK; i++)
        status = merge_mapping(self, mapping, value->items[i]);
    return status;
}

static weir_status add_pair(builder *self, weir_node *mapping, weir_node *key, weir_node *value)
{
    const weir_node *before = weir_node_get_key(mapping, key->text);
    if (before)
        return fail(self, WEIR_INVALID, mark_of(key),
                    "the key \"%.60s\" stands here a second time; it is already at line %u", key->text, before->line);
    return weir_node_append(self->tree, mapping, key, value) == WEIR_OK ? WEIR_OK : too_high(self, mark_of(key));
}

/* Reads pairs up to the end of the mapping. The values of "<<" are gathered in `merges`, since explicit keys come
 * first. */
static weir_status build_pairs(builder *self, weir_node *mapping, weir_node *merges, unsigned depth)
{
    for (;;) {
        weir_node *key, *value;
        bool is_end;
        weir_status status = build_next(self, YAML_MAPPING_END_EVENT, depth + 1, &key, &is_end);
        if (status != WEIR_OK || is_end)
            return status;
        if (key->kind == WEIR_NODE_MAPPING || key->kind == WEIR_NODE_SEQUENCE)
            return fail(self, WEIR_INVALID, mark_of(key), "a key must be a text");
        bool is_merge = !key->is_text && strcmp(key->text, "<<") == 0;
        status = build_next(self, YAML_NO_EVENT, depth + 1, &value, &is_end);
        if (status == WEIR_OK && is_merge && weir_node_append(self->tree, merges, NULL, value) != WEIR_OK)
            status = too_high(self, mark_of(key));
        else if (status == WEIR_OK && !is_merge)
            status = add_pair(self, mapping, key, value);
        if (status != WEIR_OK)
            return status;
    }
}

static weir_status build_mapping(builder *self, const yaml_event_t *event, unsigned depth, weir_node **ret_node)
{
    weir_node *mapping, *merges;
    weir_status status = check_tag(self, event, event->data.mapping_start.tag);
    if (status == WEIR_OK)
        status = new_node(self, WEIR_NODE_MAPPING, event, &mapping);
    if (status == WEIR_OK)
        status = new_node(self, WEIR_NODE_SEQUENCE, event, &merges);
    if (status == WEIR_OK)
        status = build_pairs(self, mapping, merges, depth);
    if (status != WEIR_OK)
        return status;
    for (size_t i = 0; i < merges->count && status == WEIR_OK; i++)
        status = apply_merge_key(self, mapping, merges->items[i]);
    remember(self, event->data.mapping_start.anchor, mapping);
    *ret_node = mapping;
    return status;
}

static weir_status build(builder *self, const yaml_event_t *event, unsigned depth, weir_node **ret_node)
{
    if (depth >= WEIR_CONFIG_HEIGHT_MAX)
        return too_high(self, event->start_mark);
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return build_alias(self, event, ret_node);
    case YAML_SCALAR_EVENT:
        return build_scalar(self, event, ret_node);
    case YAML_SEQUENCE_START_EVENT:
        return build_sequence(self, event, depth, ret_node);
    case YAML_MAPPING_START_EVENT:
        return build_mapping(self, event, depth, ret_node);
    default:
        return fail(self, WEIR_INVALID, event->start_mark, "not valid YAML: a value is missing here");
    }
}

/* ---- "a::b" ---- */

/* Wraps `value` so that it stands under `parts` ("b::c"), and puts it under the first of them into a mapping of its
 * own. */
static weir_status wrap(builder *self, const weir_node *key, const char *parts, weir_node *value,
                        weir_node **ret_mapping)
{
    const char *separator = strstr(parts, "::");
    size_t len = separator ? (size_t)(separator - parts) : strlen(parts);
    if (len == 0)
        return fail(self, WEIR_INVALID, mark_of(key), "a part of the key \"%.60s\" is empty", key->text);
    weir_status status = WEIR_OK;
    if (separator)
        status = wrap(self, key, separator + 2, value, &value);
    if (status != WEIR_OK)
        return status;
    weir_node *mapping = weir_node_new(self->tree, WEIR_NODE_MAPPING, key);
    weir_node *part = weir_node_new(self->tree, WEIR_NODE_SCALAR, key);
    if (!mapping || !part)
        return too_many(self, mark_of(key));
    part->is_text = true;
    part->text = weir_tree_text(self->tree, parts, len);
    if (weir_node_append(self->tree, mapping, part, value) != WEIR_OK)
        return too_high(self, mark_of(key));
    *ret_mapping = mapping;
    return WEIR_OK;
}

static size_t parts_of(const char *key)
{
    size_t parts = 1;
    for (const char *at = strstr(key, "::"); at; at = strstr(at + 2, "::"))
        parts++;
    return parts;
}

/* Takes keys with "::" apart, everywhere but inside lists (as the Collector's confmap does). */
static weir_status split_keys(builder *self, weir_node *mapping)
{
    if (mapping->kind != WEIR_NODE_MAPPING)
        return WEIR_OK;
    size_t count = mapping->count;
    weir_node **keys = mapping->keys, **items = mapping->items;
    mapping->keys = mapping->items = NULL;
    mapping->count = mapping->capacity = 0;
    for (size_t i = 0; i < count; i++) {
        weir_node *one;
        if (parts_of(keys[i]->text) >= WEIR_CONFIG_HEIGHT_MAX)
            return too_high(self, mark_of(keys[i]));
        weir_status status = split_keys(self, items[i]);
        if (status == WEIR_OK && !strstr(keys[i]->text, "::")) {
            one = weir_node_new(self->tree, WEIR_NODE_MAPPING, keys[i]);
            status = !one ? too_many(self, mark_of(keys[i])) : weir_node_append(self->tree, one, keys[i], items[i]);
        } else if (status == WEIR_OK) {
            status = wrap(self, keys[i], keys[i]->text, items[i], &one);
        }
        if (status == WEIR_OK && weir_node_merge(self->tree, mapping, one) != WEIR_OK)
            status = too_high(self, mark_of(keys[i]));
        if (status != WEIR_OK)
            return status;
    }
    return WEIR_OK;
}

static bool has_split_keys(const weir_node *node)
{
    if (node->kind != WEIR_NODE_MAPPING)
        return false;
    for (size_t i = 0; i < node->count; i++) {
        if (strstr(node->keys[i]->text, "::") || has_split_keys(node->items[i]))
            return true;
    }
    return false;
}

/* ---- documents ---- */

static weir_status expect(builder *self, yaml_event_type_t type, const char *message)
{
    WEIR_CLEANUP(yaml_event_delete) yaml_event_t event = {0};
    weir_status status = next_event(self, &event);
    if (status == WEIR_OK && event.type != type)
        status = fail(self, WEIR_INVALID, event.start_mark, "%s", message);
    return status;
}

static weir_status build_document(builder *self, weir_node **ret_root)
{
    weir_node *root;
    bool is_empty;
    weir_status status = expect(self, YAML_STREAM_START_EVENT, "not valid YAML");
    {
        WEIR_CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        if (status == WEIR_OK)
            status = next_event(self, &event);
        if (status != WEIR_OK)
            return status;
        is_empty = event.type == YAML_STREAM_END_EVENT;
        if (is_empty)
            status = new_node(self, WEIR_NODE_NULL, &event, &root);
        if (status == WEIR_OK && is_empty)
            root->text = "";
    }
    if (status == WEIR_OK && !is_empty) {
        status = build_next(self, YAML_NO_EVENT, 0, &root, &is_empty);
        if (status == WEIR_OK)
            status = expect(self, YAML_DOCUMENT_END_EVENT, "not valid YAML: more than one value");
        if (status == WEIR_OK)
            status = expect(self, YAML_STREAM_END_EVENT, "a second document begins here; only one can be read");
    }
    if (status == WEIR_OK && has_split_keys(root))
        status = split_keys(self, root);
    if (status == WEIR_OK)
        *ret_root = root;
    return status;
}

weir_status weir_yaml_parse(weir_tree *tree, weir_text text, const weir_place *place, weir_node **ret_root,
                            weir_yaml_error *ret_error)
{
    builder self = {.tree = tree, .place = place, .error = ret_error};
    if (text.len > WEIR_CONFIG_BYTES_MAX)
        return fail(&self, WEIR_TOO_LARGE, (yaml_mark_t){0}, "larger than %d MiB", WEIR_CONFIG_BYTES_MAX / 1024 / 1024);
    if (!yaml_parser_initialize(&self.parser))
        return fail(&self, WEIR_NO_MEMORY, (yaml_mark_t){0}, "out of memory");
    yaml_parser_set_input_string(&self.parser, (const unsigned char *)(text.data ? text.data : ""), text.len);
    yaml_parser_set_encoding(&self.parser, YAML_UTF8_ENCODING);
    weir_status status = build_document(&self, ret_root);
    yaml_parser_delete(&self.parser);
    for (size_t i = 0; i < self.anchor_count; i++)
        free(self.anchors[i].name);
    free(self.anchors);
    return status;
}
