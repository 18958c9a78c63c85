/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/actions.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "config/node.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/sha256.h"
#include "processors/number_text.h"
#include "processors/pattern.h"
#include "processors/value.h"

typedef enum action_kind { INSERT, UPDATE, UPSERT, DELETE, HASH, EXTRACT, CONVERT, ACTION_KINDS } action_kind;

static const char *const action_names[ACTION_KINDS] = {"insert", "update",  "upsert", "delete",
                                                       "hash",   "extract", "convert"};

static const weir_otlp_type convertible[] = {WEIR_OTLP_STRING, WEIR_OTLP_INT, WEIR_OTLP_DOUBLE};
static const char *const convertible_names[] = {"string", "int", "double"};

#define METADATA_PREFIX "metadata."
#define AUTH_PREFIX "auth."
#define CLIENT_ADDRESS "client.address"

const weir_option weir_action_options[] = {
    {.name = "key",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_action_config, key),
     .summary = "The attribute to act on; delete and hash may have a pattern instead."},
    {.name = "action",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_action_config, action),
     .required = true,
     .summary = "insert (only if it is not there), update (only if it is), upsert, delete, hash (SHA-256 of the "
                "value), extract "
                "(groups of a pattern become attributes) or convert."},
    {.name = "value",
     .type = WEIR_OPTION_ANY,
     .offset = offsetof(weir_action_config, value),
     .summary = "The value for insert, update and upsert, with its YAML type: text, number, boolean, list or mapping."},
    {.name = "default_value",
     .type = WEIR_OPTION_ANY,
     .offset = offsetof(weir_action_config, default_value),
     .summary = "Taken where from_attribute or from_context finds nothing."},
    {.name = "pattern",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_action_config, pattern),
     .summary = "A regular expression: of the keys to delete or hash, or with named groups for extract."},
    {.name = "from_attribute",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_action_config, from_attribute),
     .summary = "The value is that of another attribute; nothing happens if there is none."},
    {.name = "from_context",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_action_config, from_context),
     .summary = "The value comes from the request: metadata.NAME is a header (kept by the receiver's include_metadata; "
                "several values are joined with ';'), auth.NAME what the receiver's authenticator knows of the client, "
                "client.address the peer's address."},
    {.name = "converted_type",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_action_config, converted_type),
     .summary =
         "What convert makes of the value: string, int or double; a value that cannot be converted stays as it is."},
    {0}};

/* ---- checking ---- */

static bool is_set(const char *text)
{
    return text && *text;
}

static bool has_value(const weir_node *node)
{
    return node && node->kind != WEIR_NODE_NULL;
}

static action_kind kind_of(const char *name)
{
    for (int kind = 0; kind < ACTION_KINDS; kind++)
        if (name && strcasecmp(name, action_names[kind]) == 0)
            return (action_kind)kind;
    return ACTION_KINDS;
}

typedef struct checker {
    const weir_action_config *config;
    const weir_node *node;
    weir_diagnostics *diagnostics;
} checker;

/* The action does not use this key. */
static void forbid(const checker *check, const char *key, bool written)
{
    if (written)
        weir_diagnostics_error(check->diagnostics, weir_node_find(check->node, key),
                               "action \"%s\" does not use \"%s\"", check->config->action, key);
}

static void check_pattern(const checker *check, bool needs_names)
{
    char error[WEIR_PATTERN_ERROR_SIZE];
    const weir_node *place = weir_node_find(check->node, "pattern");
    weir_pattern *pattern = weir_pattern_new(check->config->pattern, error);
    if (!pattern) {
        weir_diagnostics_error(check->diagnostics, place, "pattern is no regular expression: %s", error);
        return;
    }
    uint32_t groups = weir_pattern_group_count(pattern);
    if (needs_names && groups == 0)
        weir_diagnostics_error(check->diagnostics, place, "pattern has no named group such as (?P<name>…)");
    for (uint32_t group = 1; needs_names && group <= groups; group++)
        if (!weir_pattern_group_name(pattern, group))
            weir_diagnostics_error(check->diagnostics, place,
                                   "group %u of pattern has no name; write (?P<name>…), or (?:…) "
                                   "for one that is not to be extracted",
                                   group);
    weir_pattern_free(pattern);
}

static void check_source(const checker *check)
{
    const weir_action_config *config = check->config;
    int sources = has_value(config->value) + is_set(config->from_attribute) + is_set(config->from_context);
    if (sources == 0 && !has_value(config->default_value))
        weir_diagnostics_error(check->diagnostics, check->node,
                               "action \"%s\" needs one of value, from_attribute, from_context and default_value",
                               config->action);
    if (sources > 1)
        weir_diagnostics_error(check->diagnostics, check->node,
                               "value, from_attribute and from_context exclude each other");
    forbid(check, "pattern", is_set(config->pattern));
    forbid(check, "converted_type", is_set(config->converted_type));
}

static void forbid_sources(const checker *check)
{
    forbid(check, "value", has_value(check->config->value));
    forbid(check, "from_attribute", is_set(check->config->from_attribute));
    forbid(check, "from_context", is_set(check->config->from_context));
    forbid(check, "default_value", has_value(check->config->default_value));
}

static void check_converted_type(const checker *check)
{
    const char *type = check->config->converted_type;
    for (size_t i = 0; is_set(type) && i < WEIR_COUNT_OF(convertible_names); i++)
        if (strcmp(type, convertible_names[i]) == 0)
            return;
    weir_diagnostics_error(check->diagnostics, check->node, "converted_type must be string, int or double");
}

static void check_action(const checker *check)
{
    const weir_action_config *config = check->config;
    action_kind kind = kind_of(config->action);
    bool by_pattern = (kind == DELETE || kind == HASH) && is_set(config->pattern);
    if (!is_set(config->key) && !by_pattern)
        weir_diagnostics_error(check->diagnostics, check->node,
                               kind == DELETE || kind == HASH ? "key or pattern is missing" : "key is missing");
    switch (kind) {
    case INSERT:
    case UPDATE:
    case UPSERT:
        check_source(check);
        break;
    case DELETE:
    case HASH:
        forbid_sources(check);
        forbid(check, "converted_type", is_set(config->converted_type));
        if (by_pattern)
            check_pattern(check, false);
        break;
    case EXTRACT:
        forbid_sources(check);
        forbid(check, "converted_type", is_set(config->converted_type));
        if (is_set(config->pattern))
            check_pattern(check, true);
        else
            weir_diagnostics_error(check->diagnostics, check->node, "action \"extract\" needs a pattern");
        break;
    case CONVERT:
        forbid_sources(check);
        forbid(check, "pattern", is_set(config->pattern));
        check_converted_type(check);
        break;
    case ACTION_KINDS:
        weir_diagnostics_error(
            check->diagnostics, weir_node_find(check->node, "action"),
            "there is no action \"%s\"; there are insert, update, upsert, delete, hash, extract and convert",
            config->action ? config->action : "");
        break;
    }
}

void weir_actions_check(const weir_list *actions, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_action_config *configs = actions->items;
    for (size_t i = 0; i < actions->count; i++) {
        const weir_node *place = node && node->kind == WEIR_NODE_SEQUENCE && i < node->count ? node->items[i] : node;
        check_action(&(checker){.config = &configs[i], .node = place, .diagnostics = diagnostics});
    }
}

/* ---- compiling ---- */

typedef struct compiled_action {
    action_kind kind;
    weir_text key; /* empty: none */
    weir_constant value;
    weir_constant default_value;
    weir_text from_attribute; /* empty: not from there */
    bool is_address;          /* the peer's, from the request's context */
    char *context_key;        /* of the request's metadata; NULL: not from there */
    weir_otlp_type converted;
    weir_pattern *pattern; /* NULL: none */
} compiled_action;

struct weir_actions {
    compiled_action *actions;
    size_t count;
    weir_buffer text; /* for texts made while an action is applied; kept between items */
};

static weir_text text_or_empty(const char *text)
{
    return text ? weir_text_of(text) : WEIR_TEXT("");
}

static weir_otlp_type converted_type(const char *name)
{
    for (size_t i = 0; name && i < WEIR_COUNT_OF(convertible); i++)
        if (strcmp(name, convertible_names[i]) == 0)
            return convertible[i];
    return WEIR_OTLP_EMPTY;
}

/* Headers are in the metadata under their names, what an authenticator knows of the client under ":auth.NAME". */
static char *context_key(const char *source)
{
    if (strncmp(source, METADATA_PREFIX, sizeof METADATA_PREFIX - 1) == 0)
        return weir_format("%s", source + sizeof METADATA_PREFIX - 1);
    bool is_auth = strncmp(source, AUTH_PREFIX, sizeof AUTH_PREFIX - 1) == 0;
    return weir_format(is_auth ? ":%s" : "%s", source); /* without a prefix it is a header too */
}

static void compile(compiled_action *action, const weir_action_config *config)
{
    char error[WEIR_PATTERN_ERROR_SIZE];
    action->kind = kind_of(config->action);
    action->key = text_or_empty(config->key);
    action->from_attribute = text_or_empty(config->from_attribute);
    if (is_set(config->from_context)) {
        action->is_address = strcmp(config->from_context, CLIENT_ADDRESS) == 0;
        action->context_key = action->is_address ? NULL : context_key(config->from_context);
    }
    action->converted = converted_type(config->converted_type);
    weir_constant_init(&action->value, config->value);
    weir_constant_init(&action->default_value, config->default_value);
    if (is_set(config->pattern)) {
        action->pattern = weir_pattern_new(config->pattern, error);
        WEIR_ASSERT(action->pattern); /* weir_actions_check has compiled it before */
    }
}

weir_actions *weir_actions_new(const weir_list *configs)
{
    weir_actions *actions = WEIR_NEW(weir_actions);
    const weir_action_config *items = configs->items;
    actions->actions = weir_alloc(configs->count, sizeof *actions->actions);
    actions->count = configs->count;
    for (size_t i = 0; i < configs->count; i++)
        compile(&actions->actions[i], &items[i]);
    return actions;
}

void weir_actions_free(weir_actions *actions)
{
    if (!actions)
        return;
    for (size_t i = 0; i < actions->count; i++) {
        weir_pattern_free(actions->actions[i].pattern);
        weir_constant_done(&actions->actions[i].value);
        weir_constant_done(&actions->actions[i].default_value);
        free(actions->actions[i].context_key);
    }
    free(actions->actions);
    weir_buffer_done(&actions->text);
    free(actions);
}

/* ---- where values come from ---- */

static weir_otlp_value value_of_text(weir_text text)
{
    return (weir_otlp_value){.type = WEIR_OTLP_STRING, .string = text};
}

/* What was written to `actions->text`, until that changes. */
static weir_otlp_value written_text(const weir_actions *actions)
{
    return value_of_text((weir_text){(const char *)actions->text.data, actions->text.len});
}

/* "127.0.0.1:5432" and "[::1]:5432" without the port. */
static weir_text address_of(const char *peer)
{
    weir_text address = weir_text_of(peer);
    const char *colon = strrchr(peer, ':');
    if (!colon)
        return address;
    address.len = (size_t)(colon - peer);
    if (address.len >= 2 && peer[0] == '[')
        address = (weir_text){peer + 1, address.len - 2};
    return address;
}

/* All values of a header, joined as the Collector joins them. False if the request had none. */
static bool join_metadata(weir_buffer *text, const weir_metadata *metadata, weir_text key)
{
    text->len = 0;
    for (unsigned i = 0;; i++) {
        weir_text value = weir_metadata_get(metadata, key, i);
        if (!value.data)
            return i > 0;
        if (i > 0)
            weir_buffer_append_byte(text, ';');
        weir_buffer_append(text, value.data, value.len);
    }
}

static bool value_from_context(weir_actions *actions, const compiled_action *action, const weir_metadata *metadata,
                               weir_otlp_value *ret_value)
{
    if (action->is_address) {
        *ret_value = value_of_text(metadata ? address_of(weir_metadata_peer(metadata)) : WEIR_TEXT(""));
        return true;
    }
    if (!action->context_key || !join_metadata(&actions->text, metadata, weir_text_of(action->context_key)))
        return false;
    *ret_value = written_text(actions);
    return true;
}

static bool source_value(weir_actions *actions, const compiled_action *action, const weir_otlp_attributes *list,
                         const weir_metadata *metadata, weir_otlp_value *ret_value)
{
    if (action->value.is_set) {
        *ret_value = action->value.value;
        return true;
    }
    if (value_from_context(actions, action, metadata, ret_value))
        return true;
    if (action->from_attribute.len > 0 && weir_otlp_attributes_get(list, action->from_attribute, ret_value))
        return true;
    if (action->default_value.is_set)
        *ret_value = action->default_value.value;
    return action->default_value.is_set;
}

/* ---- applying ---- */

static void apply_put(weir_actions *actions, const compiled_action *action, weir_otlp_attributes *list,
                      const weir_metadata *metadata)
{
    weir_otlp_value value;
    bool exists = weir_otlp_attributes_get(list, action->key, &value);
    if (action->kind == INSERT ? exists : action->kind == UPDATE && !exists)
        return;
    if (source_value(actions, action, list, metadata, &value))
        weir_otlp_attributes_set(list, action->key, &value);
}

static void apply_delete(const compiled_action *action, weir_otlp_attributes *list)
{
    weir_otlp_attribute attribute;
    weir_otlp_attributes_remove(list, action->key);
    for (size_t i = 0; action->pattern && i < list->count; i++)
        if (weir_otlp_attributes_at(list, i, &attribute) && weir_pattern_matches(action->pattern, attribute.key))
            weir_otlp_attributes_remove_at(list, i);
}

static size_t little_endian(uint64_t bits, uint8_t *out)
{
    for (unsigned i = 0; i < sizeof bits; i++, bits >>= 8)
        out[i] = (uint8_t)bits;
    return sizeof bits;
}

/* What is hashed: the text, or the bytes of a number or boolean (in `storage`). False for other types. */
static bool hash_input(const weir_otlp_value *value, uint8_t storage[sizeof(uint64_t)], weir_bytes *ret_input)
{
    uint64_t bits;
    *ret_input = (weir_bytes){storage, 1};
    switch (value->type) {
    case WEIR_OTLP_STRING:
        *ret_input = (weir_bytes){(const uint8_t *)value->string.data, value->string.len};
        return true;
    case WEIR_OTLP_BOOL:
        storage[0] = value->boolean;
        return true;
    case WEIR_OTLP_INT:
        ret_input->len = little_endian((uint64_t)value->integer, storage);
        return true;
    case WEIR_OTLP_DOUBLE:
        memcpy(&bits, &value->number, sizeof bits);
        ret_input->len = little_endian(bits, storage);
        return true;
    default:
        return false;
    }
}

/* SHA-256 in hex; values that cannot be hashed become empty, as in the Collector. */
static void hash_value(weir_otlp_attributes *list, weir_text key, const weir_otlp_value *value)
{
    uint8_t digest[WEIR_SHA256_BYTES], storage[sizeof(uint64_t)];
    char hex[2 * WEIR_SHA256_BYTES + 1] = "";
    weir_bytes input;
    if (hash_input(value, storage, &input)) {
        weir_sha256(input.data, input.len, digest);
        weir_hex(digest, sizeof digest, hex);
    }
    weir_otlp_value hashed = value_of_text(weir_text_of(hex));
    weir_otlp_attributes_set(list, key, &hashed);
}

static void apply_hash(const compiled_action *action, weir_otlp_attributes *list)
{
    weir_otlp_attribute attribute;
    if (weir_otlp_attributes_get(list, action->key, &attribute.value))
        hash_value(list, action->key, &attribute.value);
    for (size_t i = 0; action->pattern && i < list->count; i++)
        if (weir_otlp_attributes_at(list, i, &attribute) && weir_pattern_matches(action->pattern, attribute.key))
            hash_value(list, attribute.key, &attribute.value);
}

static void apply_extract(weir_actions *actions, const compiled_action *action, weir_otlp_attributes *list)
{
    weir_otlp_value value;
    if (!weir_otlp_attributes_get(list, action->key, &value) || value.type != WEIR_OTLP_STRING)
        return;
    /* Setting attributes moves what the list has lent, so the groups are taken from a copy. */
    actions->text.len = 0;
    weir_buffer_append(&actions->text, value.string.data, value.string.len);
    weir_text subject = written_text(actions).string;
    if (!weir_pattern_matches(action->pattern, subject))
        return;
    uint32_t groups = weir_pattern_group_count(action->pattern);
    for (uint32_t group = 1; group <= groups; group++) {
        weir_otlp_value found = value_of_text(weir_pattern_group(action->pattern, group, subject));
        weir_otlp_attributes_set(list, weir_text_of(weir_pattern_group_name(action->pattern, group)), &found);
    }
}

/* A number that does not fit becomes the smallest integer, as amd64 does it and so the Collector there. */
static int64_t truncated(double number)
{
    return number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN;
}

static bool convert_to_int(weir_otlp_value *value)
{
    int64_t integer;
    if (value->type == WEIR_OTLP_DOUBLE)
        integer = truncated(value->number);
    else if (value->type == WEIR_OTLP_BOOL)
        integer = value->boolean;
    else if (value->type != WEIR_OTLP_STRING || !weir_text_to_int(value->string, &integer))
        return false;
    *value = (weir_otlp_value){.type = WEIR_OTLP_INT, .integer = integer};
    return true;
}

static bool convert_to_double(weir_otlp_value *value)
{
    double number;
    if (value->type == WEIR_OTLP_INT)
        number = (double)value->integer;
    else if (value->type == WEIR_OTLP_BOOL)
        number = value->boolean;
    else if (value->type != WEIR_OTLP_STRING || !weir_text_to_double(value->string, &number))
        return false;
    *value = (weir_otlp_value){.type = WEIR_OTLP_DOUBLE, .number = number};
    return true;
}

static bool convert_to_text(weir_actions *actions, weir_otlp_value *value)
{
    actions->text.len = 0;
    weir_value_to_text(value, &actions->text);
    *value = written_text(actions);
    return true;
}

static void apply_convert(weir_actions *actions, const compiled_action *action, weir_otlp_attributes *list)
{
    weir_otlp_value value;
    bool converted;
    if (!weir_otlp_attributes_get(list, action->key, &value) || value.type == action->converted)
        return;
    if (action->converted == WEIR_OTLP_INT)
        converted = convert_to_int(&value);
    else if (action->converted == WEIR_OTLP_DOUBLE)
        converted = convert_to_double(&value);
    else
        converted = convert_to_text(actions, &value);
    if (converted)
        weir_otlp_attributes_set(list, action->key, &value);
}

void weir_actions_apply(weir_actions *actions, weir_otlp_attributes *list, const weir_metadata *metadata)
{
    for (size_t i = 0; i < actions->count; i++) {
        const compiled_action *action = &actions->actions[i];
        switch (action->kind) {
        case INSERT:
        case UPDATE:
        case UPSERT:
            apply_put(actions, action, list, metadata);
            break;
        case DELETE:
            apply_delete(action, list);
            break;
        case HASH:
            apply_hash(action, list);
            break;
        case EXTRACT:
            apply_extract(actions, action, list);
            break;
        case CONVERT:
            apply_convert(actions, action, list);
            break;
        case ACTION_KINDS:
            WEIR_UNREACHABLE("an action that was not checked");
        }
    }
}
