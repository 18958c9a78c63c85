/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a configuration struct by its option table. The flow is read_table → read_option → one reader per type;
 * each reader either stores a value or says what it expected and where.
 */
#include "config/option.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "config/diagnostics.h"
#include "config/node.h"
#include "config/quantity.h"
#include "core/assert.h"
#include "core/memory.h"

typedef struct reader {
    weir_diagnostics *diagnostics;
    size_t errors;
    bool is_secret; /* what is read now: no message may show its value */
} reader;

#define MISTAKE(self, node, ...) ((self)->errors++, weir_diagnostics_error((self)->diagnostics, (node), __VA_ARGS__))

static void expected(reader *self, const weir_node *node, const char *what)
{
    WEIR_BUFFER found = {0};
    if (self->is_secret && node->kind == WEIR_NODE_SCALAR)
        weir_buffer_append_text(&found, "something else");
    else
        weir_node_describe(node, &found);
    MISTAKE(self, node, "expected %s, found %s", what, weir_buffer_string(&found));
}

static void *field(const weir_option *option, void *config)
{
    return (char *)config + option->offset;
}

/* ---- numbers ---- */

static const char *unit_suffix(const weir_option *option, char *text, size_t size)
{
    bool is_bytes = option->type == WEIR_OPTION_BYTES;
    if (!option->unit && !is_bytes)
        return "";
    snprintf(text, size, " %s", option->unit ? option->unit : "bytes");
    return text;
}

/* The limits of a row as a person would say them: "between 1 and 64 MiB", "at least 1ms". */
static void describe_range(const weir_option *option, weir_buffer *out)
{
    char unit[32];
    WEIR_BUFFER low = {0};
    WEIR_BUFFER high = {0};
    if (option->type == WEIR_OPTION_DURATION) {
        weir_print_duration((uint64_t)option->min, &low);
        weir_print_duration((uint64_t)option->max, &high);
    } else {
        weir_buffer_printf(&low, "%.15g", option->min);
        weir_buffer_printf(&high, "%.15g", option->max);
    }
    const char *suffix = option->type == WEIR_OPTION_DURATION ? "" : unit_suffix(option, unit, sizeof(unit));
    if (option->max <= option->min)
        weir_buffer_printf(out, "at least %s%s", weir_buffer_string(&low), suffix);
    else
        weir_buffer_printf(out, "between %s and %s%s", weir_buffer_string(&low), weir_buffer_string(&high), suffix);
}

/* A row with `min` alone has no upper limit. */
static bool check_range(reader *self, const weir_option *option, const weir_node *node, double value)
{
    bool is_limited = option->min != 0 || option->max != 0;
    bool is_low = value<option->min, is_high = option->max> option->min && value > option->max;
    if (!is_limited || (!is_low && !is_high && !isnan(value)))
        return true;
    WEIR_BUFFER range = {0};
    describe_range(option, &range);
    MISTAKE(self, node, "must be %s, is %s", weir_buffer_string(&range), node->text);
    return false;
}

static bool is_number(const weir_node *node, bool with_fraction)
{
    if (node->kind != WEIR_NODE_SCALAR)
        return false;
    weir_scalar_type type = weir_node_scalar_type(node);
    return type == WEIR_SCALAR_INT || (with_fraction && type == WEIR_SCALAR_FLOAT);
}

/* "1e3" and "64.0" are whole numbers too, as for the Collector. */
static bool whole_number(const weir_node *node, double *ret_value)
{
    return is_number(node, true) && weir_scalar_to_double(node->text, ret_value) && isfinite(*ret_value) &&
           trunc(*ret_value) == *ret_value;
}

static void read_int(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    int64_t value;
    double whole;
    if (!whole_number(node, &whole)) {
        expected(self, node, "a whole number");
        return;
    }
    if (!weir_scalar_to_int(node->text, &value)) {
        if (fabs(whole) >= 9e18) {
            expected(self, node, "a smaller number");
            return;
        }
        value = (int64_t)whole;
    }
    if (check_range(self, option, node, whole))
        *(int64_t *)field(option, config) = value;
}

static void read_uint(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    uint64_t value;
    double whole;
    if (!whole_number(node, &whole)) {
        expected(self, node, "a whole number");
        return;
    }
    if (whole < 0) {
        MISTAKE(self, node, "must not be negative, is %s", node->text);
        return;
    }
    if (!weir_scalar_to_uint(node->text, &value)) {
        if (whole >= 18e18) {
            expected(self, node, "a smaller number");
            return;
        }
        value = (uint64_t)whole;
    }
    if (check_range(self, option, node, whole))
        *(uint64_t *)field(option, config) = value;
}

static void read_double(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    double value;
    if (!is_number(node, true) || !weir_scalar_to_double(node->text, &value))
        expected(self, node, "a number");
    else if (check_range(self, option, node, value))
        *(double *)field(option, config) = value;
}

static void read_bool(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    if (node->kind == WEIR_NODE_SCALAR && weir_node_scalar_type(node) == WEIR_SCALAR_BOOL)
        *(bool *)field(option, config) = weir_scalar_to_bool(node->text);
    else
        expected(self, node, "true or false");
}

static void read_duration(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    uint64_t ms;
    if (node->kind == WEIR_NODE_SCALAR && weir_parse_duration(node->text, &ms)) {
        if (check_range(self, option, node, (double)ms))
            *(uint64_t *)field(option, config) = ms;
    } else if (is_number(node, true)) {
        MISTAKE(self, node, "a duration needs a unit: write \"%ss\" or \"%sms\"", node->text, node->text);
    } else if (node->kind == WEIR_NODE_SCALAR && node->text[0] == '-') {
        MISTAKE(self, node, "must not be negative, is %s", node->text);
    } else {
        expected(self, node, "a duration such as \"200ms\", \"1m30s\" or \"1h\"");
    }
}

static void read_bytes(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    uint64_t bytes;
    bool is_read =
        node->kind == WEIR_NODE_SCALAR &&
        (weir_parse_bytes(node->text, &bytes) || (is_number(node, false) && weir_scalar_to_uint(node->text, &bytes)));
    if (!is_read)
        expected(self, node, "a number of bytes or a size such as \"64KiB\" or \"10MB\"");
    else if (check_range(self, option, node, (double)bytes))
        *(uint64_t *)field(option, config) = bytes;
}

/* ---- texts ---- */

static bool text_of(reader *self, const weir_node *node, const char **ret_text)
{
    if (weir_node_text(node, ret_text))
        return true;
    if (node->kind == WEIR_NODE_SCALAR && self->is_secret)
        MISTAKE(self, node, "expected a text; put the value in quotes");
    else if (node->kind == WEIR_NODE_SCALAR)
        MISTAKE(self, node, "expected a text; put it in quotes: \"%s\"", node->text);
    else
        expected(self, node, "a text");
    return false;
}

static void store_text(const weir_option *option, const char *text, void *config)
{
    char **at = field(option, config);
    free(*at);
    *at = weir_strdup(text);
}

static void read_text(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    const char *text;
    if (text_of(self, node, &text))
        store_text(option, text, config);
}

static bool is_port(const char *text)
{
    uint64_t port;
    return weir_text_to_uint(weir_text_of(text), 65535, &port);
}

/* What is wrong with "host:port", or NULL. */
static const char *endpoint_mistake(const char *text)
{
    const char *scheme_end = strstr(text, "://");
    bool is_http = strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
    if (scheme_end && !is_http)
        return "only http:// and https:// may stand in front of the host";
    if (scheme_end)
        return scheme_end[3] ? NULL : "the host is missing";
    if (*text == '\0')
        return NULL; /* not set, as far as the Collector is concerned */
    const char *bracket = *text == '[' ? strchr(text, ']') : NULL;
    if (*text == '[' && !bracket)
        return "the bracket is not closed";
    const char *colon = strchr(bracket ? bracket : text, ':');
    if (!colon)
        return "the port is missing";
    if (strchr(colon + 1, ':'))
        return "an IPv6 address stands in brackets: \"[::1]:4317\"";
    return is_port(colon + 1) ? NULL : "the port must be a number from 0 to 65535";
}

static void read_endpoint(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    const char *text;
    if (!text_of(self, node, &text))
        return;
    const char *mistake = endpoint_mistake(text);
    if (mistake)
        MISTAKE(self, node, "expected \"host:port\", found \"%s\": %s", text, mistake);
    else
        store_text(option, text, config);
}

static size_t enum_count(const weir_option *option)
{
    size_t count = 0;
    while (option->enum_names[count])
        count++;
    return count;
}

/* Exactly as written first, then whatever the case: the Collector ignores it for levels and verbosities. */
static bool find_enum(const weir_option *option, const char *text, int *ret_index)
{
    size_t count = enum_count(option);
    for (size_t i = 0; i < 2 * count; i++) {
        const char *name = option->enum_names[i % count];
        if ((i < count ? strcmp(name, text) : strcasecmp(name, text)) == 0) {
            *ret_index = (int)(i % count);
            return true;
        }
    }
    return false;
}

static void read_enum(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    const char *text = node->original ? node->original : node->kind == WEIR_NODE_SCALAR ? node->text : NULL;
    if (text && find_enum(option, text, field(option, config)))
        return;
    WEIR_BUFFER what = {0};
    size_t count = enum_count(option);
    for (size_t i = 0; i < count; i++)
        weir_buffer_printf(&what, "%s\"%s\"", i == 0 ? "" : i + 1 == count ? " or " : ", ", option->enum_names[i]);
    const char *nearest = text ? weir_nearest(text, option->enum_names, count) : NULL;
    WEIR_BUFFER found = {0};
    weir_node_describe(node, &found);
    MISTAKE(self, node, "expected %s, found %s%s%s%s", weir_buffer_string(&what), weir_buffer_string(&found),
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* ---- lists and maps of texts ---- */

static void free_strings(weir_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        free(strings->items[i]);
    free(strings->items);
    *strings = (weir_strings){0};
}

static void add_string(weir_strings *strings, const char *text, size_t len)
{
    strings->items = weir_realloc(strings->items, strings->count + 1, sizeof(char *));
    strings->items[strings->count++] = weir_strndup(text, len);
}

/* "a,b" is a list of two, as for the Collector; an empty text is an empty list. */
static void split_strings(weir_strings *strings, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, ",");
        add_string(strings, text, len);
        text += len + (text[len] == ',');
    }
}

static void read_strings(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    weir_strings *strings = field(option, config);
    const char *text;
    free_strings(strings);
    if (node->kind != WEIR_NODE_SEQUENCE) {
        if (weir_node_text(node, &text))
            split_strings(strings, text);
        else
            expected(self, node, "a list of texts");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (text_of(self, node->items[i], &text))
            add_string(strings, text, strlen(text));
    }
}

static void free_map(weir_string_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        free(map->keys[i]);
        free(map->values[i]);
    }
    free(map->keys);
    free(map->values);
    *map = (weir_string_map){0};
}

static void add_pair(weir_string_map *map, const char *key, const char *value)
{
    map->keys = weir_realloc(map->keys, map->count + 1, sizeof(char *));
    map->values = weir_realloc(map->values, map->count + 1, sizeof(char *));
    map->keys[map->count] = weir_strdup(key);
    map->values[map->count++] = weir_strdup(value);
}

/* `- name: x, value: y`, the Collector's other way to write headers. */
static void read_named_pair(reader *self, const weir_node *item, weir_string_map *map)
{
    const weir_node *name = weir_node_get(item, "name"), *value = weir_node_get(item, "value");
    const char *name_text, *value_text;
    if (!name || !value || item->count != 2) {
        expected(self, item, "a mapping with \"name\" and \"value\"");
        return;
    }
    bool has_name = text_of(self, name, &name_text);
    if (text_of(self, value, &value_text) && has_name)
        add_pair(map, name_text, value_text);
}

static void read_map(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    weir_string_map *map = field(option, config);
    const char *text;
    free_map(map);
    if (node->kind != WEIR_NODE_MAPPING && node->kind != WEIR_NODE_SEQUENCE) {
        expected(self, node, "a mapping of names to texts");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == WEIR_NODE_SEQUENCE)
            read_named_pair(self, node->items[i], map);
        else if (text_of(self, node->items[i], &text))
            add_pair(map, node->keys[i]->text, text);
    }
}

/* ---- tables ---- */

static void read_table(reader *self, const weir_option *options, const weir_node *node, const weir_node *where,
                       void *config);

/* A mapping, or nothing. */
static bool is_table(reader *self, const weir_node *node)
{
    if (node->kind == WEIR_NODE_MAPPING || node->kind == WEIR_NODE_NULL)
        return true;
    expected(self, node, "a mapping");
    return false;
}

static void read_group(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    if (is_table(self, node))
        read_table(self, option->group, node, node, field(option, config));
}

static void read_pointer(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    if (!is_table(self, node))
        return;
    void *group = weir_alloc(1, option->group_size);
    *(void **)field(option, config) = group;
    read_table(self, option->group, node, node, group);
}

static void read_list(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    weir_list *list = field(option, config);
    if (node->kind != WEIR_NODE_SEQUENCE) {
        expected(self, node, "a list of mappings (lines that begin with \"- \")");
        return;
    }
    if (node->count == 0)
        return;
    list->items = weir_alloc(node->count, option->group_size);
    list->count = node->count;
    for (size_t i = 0; i < node->count; i++) {
        if (is_table(self, node->items[i]))
            read_table(self, option->group, node->items[i], node->items[i],
                       (char *)list->items + i * option->group_size);
    }
}

static void read_any(reader *self, const weir_option *option, const weir_node *node, void *config)
{
    (void)self;
    *(const weir_node **)field(option, config) = node;
}

typedef void read_function(reader *self, const weir_option *option, const weir_node *node, void *config);

static read_function *const readers[] = {
    [WEIR_OPTION_BOOL] = read_bool,      [WEIR_OPTION_INT] = read_int,           [WEIR_OPTION_UINT] = read_uint,
    [WEIR_OPTION_DOUBLE] = read_double,  [WEIR_OPTION_DURATION] = read_duration, [WEIR_OPTION_BYTES] = read_bytes,
    [WEIR_OPTION_STRING] = read_text,    [WEIR_OPTION_SECRET] = read_text,       [WEIR_OPTION_ENDPOINT] = read_endpoint,
    [WEIR_OPTION_ENUM] = read_enum,      [WEIR_OPTION_STRINGS] = read_strings,   [WEIR_OPTION_MAP] = read_map,
    [WEIR_OPTION_SECRET_MAP] = read_map, [WEIR_OPTION_GROUP] = read_group,       [WEIR_OPTION_POINTER] = read_pointer,
    [WEIR_OPTION_LIST] = read_list,      [WEIR_OPTION_ANY] = read_any,           [WEIR_OPTION_EXTENSION] = read_text,
};

/* `key:` with nothing behind leaves a plain value at its default. A list or mapping that is nothing is empty, and so
 * the default too. */
static bool means_default(const weir_option *option, const weir_node *node)
{
    bool is_present_when_empty =
        option->type == WEIR_OPTION_POINTER || option->type == WEIR_OPTION_ANY || option->type == WEIR_OPTION_GROUP;
    bool is_empty_text =
        node->original && (option->type == WEIR_OPTION_STRING || option->type == WEIR_OPTION_SECRET ||
                           option->type == WEIR_OPTION_ENDPOINT || option->type == WEIR_OPTION_EXTENSION);
    return node->kind == WEIR_NODE_NULL && !is_present_when_empty && !is_empty_text;
}

static void read_option(reader *self, const weir_option *option, const weir_node *key, const weir_node *node,
                        void *config)
{
    const char *remark = option->remark ? option->remark : "";
    if (option->standing == WEIR_NOT_BUILT) {
        MISTAKE(self, key, "weir cannot do this yet%s%s", *remark ? ": " : "", remark);
        return;
    }
    if (option->standing == WEIR_SUBSUMED) {
        weir_diagnostics_note(self->diagnostics, key, "accepted, but not needed%s%s", *remark ? ": " : "", remark);
        return;
    }
    if (option->standing == WEIR_DEPRECATED)
        weir_diagnostics_warning(self->diagnostics, key, "deprecated%s%s", *remark ? ": " : "", remark);
    if (means_default(option, node))
        return;
    self->is_secret = weir_option_is_secret(option);
    readers[option->type](self, option, node, config);
    self->is_secret = false;
}

static bool is_read(const weir_option *option)
{
    return option->standing == WEIR_HONOURED || option->standing == WEIR_DEPRECATED;
}

/* Defaults are read like values from a file: a default that its own row refuses is our mistake. */
static void set_default(const weir_option *option, void *config)
{
    if (!option->default_text || !is_read(option))
        return;
    if (option->type == WEIR_OPTION_STRINGS) {
        free_strings(field(option, config));
        split_strings(field(option, config), option->default_text);
        return;
    }
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    reader own = {.diagnostics = diagnostics};
    weir_node node = {.kind = WEIR_NODE_SCALAR, .text = option->default_text, .original = option->default_text};
    readers[option->type](&own, option, &node, config);
    weir_diagnostics_free(diagnostics);
    WEIR_ASSERT(own.errors == 0);
}

static size_t table_size(const weir_option *options)
{
    size_t count = 0;
    while (options[count].name)
        count++;
    return count;
}

static const weir_option *find_option(const weir_option *options, const char *name)
{
    for (; options->name; options++) {
        if (strcmp(options->name, name) == 0)
            return options;
    }
    return NULL;
}

static void unknown_key(reader *self, const weir_option *options, const weir_node *key)
{
    size_t count = table_size(options);
    WEIR_FREE const char **names = weir_alloc(count + 1, sizeof(*names));
    WEIR_BUFFER list = {0};
    for (size_t i = 0; i < count; i++) {
        names[i] = options[i].name;
        if (options[i].standing != WEIR_NOT_BUILT)
            weir_buffer_printf(&list, "%s%s", list.len ? ", " : "", options[i].name);
    }
    const char *nearest = weir_nearest(key->text, names, count);
    if (nearest)
        MISTAKE(self, key, "unknown key; did you mean \"%s\"? (known here: %s)", nearest, weir_buffer_string(&list));
    else
        MISTAKE(self, key, "unknown key (known here: %s)", list.len ? weir_buffer_string(&list) : "none");
}

static void read_keys(reader *self, const weir_option *options, const weir_node *node, void *config)
{
    for (size_t i = 0; i < node->count; i++) {
        const weir_option *option = find_option(options, node->keys[i]->text);
        if (option)
            read_option(self, option, node->keys[i], node->items[i], config);
        else
            unknown_key(self, options, node->keys[i]);
    }
}

/* `node` may be NULL or null; `where` is then what to point at. */
static void read_table(reader *self, const weir_option *options, const weir_node *node, const weir_node *where,
                       void *config)
{
    for (const weir_option *option = options; option->name; option++)
        set_default(option, config);
    if (node && node->kind == WEIR_NODE_MAPPING)
        read_keys(self, options, node, config);
    for (const weir_option *option = options; option->name; option++) {
        bool is_written = weir_node_get(node, option->name) != NULL;
        if (option->required && !is_written)
            MISTAKE(self, where, "the key \"%s\" is missing: %s", option->name,
                    option->summary ? option->summary : "it is required");
        else if (option->type == WEIR_OPTION_GROUP && is_read(option) && !is_written)
            read_table(self, option->group, NULL, where, field(option, config));
    }
}

bool weir_options_read(const weir_option *options, const weir_node *node, void *config, weir_diagnostics *diagnostics)
{
    reader self = {.diagnostics = diagnostics};
    if (!node || is_table(&self, node))
        read_table(&self, options, node, node, config);
    return self.errors == 0;
}

/* ---- freeing ---- */

static void free_option(const weir_option *option, void *config)
{
    void *at = field(option, config);
    switch (option->type) {
    case WEIR_OPTION_STRING:
    case WEIR_OPTION_SECRET:
    case WEIR_OPTION_ENDPOINT:
    case WEIR_OPTION_EXTENSION:
        free(*(char **)at);
        *(char **)at = NULL;
        break;
    case WEIR_OPTION_STRINGS:
        free_strings(at);
        break;
    case WEIR_OPTION_MAP:
    case WEIR_OPTION_SECRET_MAP:
        free_map(at);
        break;
    case WEIR_OPTION_GROUP:
        weir_options_free(option->group, at);
        break;
    case WEIR_OPTION_POINTER:
        if (*(void **)at)
            weir_options_free(option->group, *(void **)at);
        free(*(void **)at);
        *(void **)at = NULL;
        break;
    case WEIR_OPTION_LIST: {
        weir_list *list = at;
        for (size_t i = 0; i < list->count; i++)
            weir_options_free(option->group, (char *)list->items + i * option->group_size);
        free(list->items);
        *list = (weir_list){0};
        break;
    }
    default: /* plain values, and what is borrowed */
        break;
    }
}

void weir_options_free(const weir_option *options, void *config)
{
    for (; options->name; options++) {
        if (is_read(options))
            free_option(options, config);
    }
}
