/* SPDX-License-Identifier: Apache-2.0 */
#include "processors/filter.h"

#include <string.h>

#include "config/node.h"
#include "core/assert.h"
#include "core/memory.h"
#include "processors/number_text.h"
#include "processors/pattern.h"
#include "processors/value.h"

static const char *const kind_names[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                         "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};

/* ---- options ---- */

static const weir_option severity_options[] = {{.name = "min",
                                                .type = WEIR_OPTION_INT,
                                                .offset = offsetof(weir_severity_config, min),
                                                .default_text = "0",
                                                .summary = "Records of this severity number and above match."},
                                               {.name = "match_undefined",
                                                .type = WEIR_OPTION_BOOL,
                                                .offset = offsetof(weir_severity_config, match_undefined),
                                                .default_text = "false",
                                                .summary = "Whether records without a severity match."},
                                               {0}};

static const weir_option attribute_options[] = {
    {.name = "key",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_attribute_config, key),
     .required = true,
     .summary = "The attribute that must be there."},
    {.name = "value",
     .type = WEIR_OPTION_ANY,
     .offset = offsetof(weir_attribute_config, value),
     .summary =
         "The value it must have; with match_type regexp, an expression its text must match. Any value if not set."},
    {0}};

static const weir_option library_options[] = {
    {.name = "name",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_library_config, name),
     .summary = "The scope's name."},
    {.name = "version",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_library_config, version),
     .summary = "The scope's version; any if not set, only an empty one if set to \"\"."},
    {0}};

#define CACHE_SUBSUMED                                                                                            \
    .standing = WEIR_SUBSUMED, .remark = "expressions are compiled to machine code; a cache of results would be " \
                                         "slower"

static const weir_option regexp_options[] = {{.name = "cacheenabled",
                                              .type = WEIR_OPTION_BOOL,
                                              CACHE_SUBSUMED,
                                              .summary = "Whether the Collector keeps results."},
                                             {.name = "cachemaxnumentries",
                                              .type = WEIR_OPTION_INT,
                                              CACHE_SUBSUMED,
                                              .summary = "How many results the Collector keeps."},
                                             {0}};

#define NAMES(option, text)                                                                                           \
    {                                                                                                                 \
        .name = #option, .type = WEIR_OPTION_STRINGS, .offset = offsetof(weir_filter_config, option), .summary = text \
    }

const weir_option weir_filter_options[] = {
    {.name = "match_type",
     .type = WEIR_OPTION_STRING,
     .offset = offsetof(weir_filter_config, match_type),
     .summary = "How names and values are compared: strict (equal) or regexp (the expression matches somewhere)."},
    {.name = "regexp",
     .type = WEIR_OPTION_GROUP,
     .standing = WEIR_SUBSUMED,
     .group = regexp_options,
     .remark = "expressions are compiled to machine code; a cache of results would be slower",
     .summary = "The Collector's cache of results."},
    NAMES(services, "Spans only: names of services (service.name of the resource)."),
    NAMES(span_names, "Spans only: their names."),
    NAMES(span_kinds, "Spans only: SPAN_KIND_SERVER, SPAN_KIND_CLIENT …"),
    NAMES(log_bodies, "Log records only: their bodies as text."),
    NAMES(log_severity_texts, "Log records only: their severity texts."),
    {.name = "log_severity_number",
     .type = WEIR_OPTION_POINTER,
     .offset = offsetof(weir_filter_config, log_severity_number),
     .group = severity_options,
     .group_size = sizeof(weir_severity_config),
     .summary = "Log records only: the lowest severity number."},
    NAMES(metric_names, "Metrics only: their names."),
    {.name = "attributes",
     .type = WEIR_OPTION_LIST,
     .offset = offsetof(weir_filter_config, attributes),
     .group = attribute_options,
     .group_size = sizeof(weir_attribute_config),
     .summary = "Attributes of the span or log record, all of which must match."},
    {.name = "resources",
     .type = WEIR_OPTION_LIST,
     .offset = offsetof(weir_filter_config, resources),
     .group = attribute_options,
     .group_size = sizeof(weir_attribute_config),
     .summary = "Attributes of the resource, all of which must match."},
    {.name = "libraries",
     .type = WEIR_OPTION_LIST,
     .offset = offsetof(weir_filter_config, libraries),
     .group = library_options,
     .group_size = sizeof(weir_library_config),
     .summary = "Instrumentation scopes, all of which must match."},
    {0}};

/* ---- checking ---- */

static bool is_regexp(const weir_filter_config *config)
{
    return config->match_type && strcmp(config->match_type, "regexp") == 0;
}

static void check_expression(const char *expression, const weir_node *place, weir_diagnostics *diagnostics)
{
    char error[WEIR_PATTERN_ERROR_SIZE];
    weir_pattern *pattern = weir_pattern_new(expression, error);
    if (!pattern)
        weir_diagnostics_error(diagnostics, place, "\"%s\" is no regular expression: %s", expression, error);
    weir_pattern_free(pattern);
}

static void check_names(const weir_filter_config *config, const weir_strings *names, const char *key,
                        const weir_node *node, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; is_regexp(config) && i < names->count; i++)
        check_expression(names->items[i], weir_node_find(node, key), diagnostics);
}

static void check_attributes(const weir_filter_config *config, const weir_list *list, const weir_node *node,
                             weir_diagnostics *diagnostics)
{
    const weir_attribute_config *attributes = list->items;
    for (size_t i = 0; i < list->count; i++) {
        const char *expression;
        if (!attributes[i].key || !*attributes[i].key)
            weir_diagnostics_error(diagnostics, node, "the key of an attribute to match is empty");
        if (!is_regexp(config) || !attributes[i].value || attributes[i].value->kind == WEIR_NODE_NULL)
            continue;
        if (weir_node_text(attributes[i].value, &expression))
            check_expression(expression, attributes[i].value, diagnostics);
        else
            weir_diagnostics_error(diagnostics, attributes[i].value,
                                   "with match_type regexp the value must be a text, an expression: put it in quotes");
    }
}

static void check_libraries(const weir_filter_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    const weir_library_config *libraries = config->libraries.items;
    for (size_t i = 0; is_regexp(config) && i < config->libraries.count; i++) {
        if (libraries[i].name)
            check_expression(libraries[i].name, node, diagnostics);
        if (libraries[i].version)
            check_expression(libraries[i].version, node, diagnostics);
    }
}

static void check_kinds(const weir_filter_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; !is_regexp(config) && i < config->span_kinds.count; i++) {
        bool known = false;
        for (size_t k = 1; k < WEIR_COUNT_OF(kind_names); k++)
            known |= strcmp(config->span_kinds.items[i], kind_names[k]) == 0;
        if (!known)
            weir_diagnostics_error(
                diagnostics, weir_node_find(node, "span_kinds"),
                "\"%s\" is no span kind; there are SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, "
                "SPAN_KIND_PRODUCER and SPAN_KIND_CONSUMER",
                config->span_kinds.items[i]);
    }
}

static bool has_names(const weir_filter_config *config)
{
    return config->services.count || config->span_names.count || config->span_kinds.count || config->log_bodies.count ||
           config->log_severity_texts.count || config->metric_names.count || config->attributes.count ||
           config->resources.count || config->libraries.count;
}

void weir_filter_check(const weir_filter_config *config, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (!config)
        return;
    bool is_strict = config->match_type && strcmp(config->match_type, "strict") == 0;
    if (!has_names(config) && !config->log_severity_number)
        weir_diagnostics_error(diagnostics, node, "nothing is said about what is to match: name at least one property");
    if (!is_strict && !is_regexp(config) && (has_names(config) || config->match_type))
        weir_diagnostics_error(diagnostics, node, "match_type must be strict or regexp");
    check_names(config, &config->services, "services", node, diagnostics);
    check_names(config, &config->span_names, "span_names", node, diagnostics);
    check_names(config, &config->span_kinds, "span_kinds", node, diagnostics);
    check_names(config, &config->log_bodies, "log_bodies", node, diagnostics);
    check_names(config, &config->log_severity_texts, "log_severity_texts", node, diagnostics);
    check_names(config, &config->metric_names, "metric_names", node, diagnostics);
    check_kinds(config, node, diagnostics);
    check_attributes(config, &config->attributes, weir_node_find(node, "attributes"), diagnostics);
    check_attributes(config, &config->resources, weir_node_find(node, "resources"), diagnostics);
    check_libraries(config, weir_node_find(node, "libraries"), diagnostics);
}

/* ---- compiling ---- */

/* A list of names, of which one must match. */
typedef struct name_set {
    bool is_set;
    const weir_strings *names;
    weir_pattern **patterns; /* as many as names; NULL with match_type strict */
} name_set;

typedef struct attribute_rule {
    weir_text key;
    weir_constant value;   /* unset: any value */
    weir_pattern *pattern; /* NULL with match_type strict */
} attribute_rule;

typedef struct attribute_rules {
    attribute_rule *rules;
    size_t count;
} attribute_rules;

typedef struct library_rule {
    weir_text name, version;
    bool any_version;
    weir_pattern *name_pattern, *version_pattern; /* NULL with match_type strict */
} library_rule;

struct weir_filter {
    weir_signal signal;
    name_set services, names, kinds, bodies, severity_texts;
    const weir_severity_config *severity_number;
    attribute_rules attributes, resources;
    library_rule *libraries;
    size_t library_count;
    weir_buffer text; /* for values as text; kept between items */
};

static weir_pattern *compile_pattern(const char *expression)
{
    char error[WEIR_PATTERN_ERROR_SIZE];
    weir_pattern *pattern = weir_pattern_new(expression, error);
    WEIR_ASSERT(pattern); /* weir_filter_check has compiled it before */
    return pattern;
}

static name_set compile_names(const weir_strings *names, bool regexp)
{
    name_set set = {.is_set = names->count > 0, .names = names};
    if (!set.is_set || !regexp)
        return set;
    set.patterns = weir_alloc(names->count, sizeof(weir_pattern *));
    for (size_t i = 0; i < names->count; i++)
        set.patterns[i] = compile_pattern(names->items[i]);
    return set;
}

static attribute_rules compile_attributes(const weir_list *list, bool regexp)
{
    attribute_rules result = {.rules = weir_alloc(list->count, sizeof(attribute_rule)), .count = list->count};
    const weir_attribute_config *configs = list->items;
    for (size_t i = 0; i < list->count; i++) {
        attribute_rule *rule = &result.rules[i];
        const char *expression;
        rule->key = weir_text_of(configs[i].key);
        weir_constant_init(&rule->value, configs[i].value);
        if (rule->value.is_set && regexp && weir_node_text(configs[i].value, &expression))
            rule->pattern = compile_pattern(expression);
    }
    return result;
}

static library_rule compile_library(const weir_library_config *config, bool regexp)
{
    const char *name = config->name ? config->name : "", *version = config->version;
    library_rule rule = {.name = weir_text_of(name), .any_version = !version};
    if (version)
        rule.version = weir_text_of(version);
    if (regexp) {
        rule.name_pattern = compile_pattern(name);
        rule.version_pattern = version ? compile_pattern(version) : NULL;
    }
    return rule;
}

static void compile_libraries(weir_filter *filter, const weir_list *list, bool regexp)
{
    const weir_library_config *configs = list->items;
    filter->libraries = weir_alloc(list->count, sizeof *filter->libraries);
    filter->library_count = list->count;
    for (size_t i = 0; i < list->count; i++)
        filter->libraries[i] = compile_library(&configs[i], regexp);
}

weir_filter *weir_filter_new(const weir_filter_config *config, weir_signal signal)
{
    if (!config)
        return NULL;
    bool regexp = is_regexp(config);
    weir_filter *filter = WEIR_NEW(weir_filter);
    filter->signal = signal;
    switch (signal) {
    case WEIR_TRACES:
        filter->services = compile_names(&config->services, regexp);
        filter->names = compile_names(&config->span_names, regexp);
        filter->kinds = compile_names(&config->span_kinds, regexp);
        break;
    case WEIR_LOGS:
        filter->bodies = compile_names(&config->log_bodies, regexp);
        filter->severity_texts = compile_names(&config->log_severity_texts, regexp);
        filter->severity_number = config->log_severity_number;
        break;
    case WEIR_METRICS:
        /* Only names count for metrics; without any, the Collector's filter does nothing, whatever else it was
         * given. */
        filter->names = compile_names(&config->metric_names, regexp);
        if (filter->names.is_set)
            return filter;
        weir_filter_free(filter);
        return NULL;
    case WEIR_SIGNALS:
        break;
    }
    filter->attributes = compile_attributes(&config->attributes, regexp);
    filter->resources = compile_attributes(&config->resources, regexp);
    compile_libraries(filter, &config->libraries, regexp);
    return filter;
}

static void free_names(name_set *set)
{
    for (size_t i = 0; set->patterns && i < set->names->count; i++)
        weir_pattern_free(set->patterns[i]);
    free(set->patterns);
}

static void free_attributes(attribute_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        weir_pattern_free(rules->rules[i].pattern);
        weir_constant_done(&rules->rules[i].value);
    }
    free(rules->rules);
}

void weir_filter_free(weir_filter *filter)
{
    if (!filter)
        return;
    free_names(&filter->services);
    free_names(&filter->names);
    free_names(&filter->kinds);
    free_names(&filter->bodies);
    free_names(&filter->severity_texts);
    free_attributes(&filter->attributes);
    free_attributes(&filter->resources);
    for (size_t i = 0; i < filter->library_count; i++) {
        weir_pattern_free(filter->libraries[i].name_pattern);
        weir_pattern_free(filter->libraries[i].version_pattern);
    }
    free(filter->libraries);
    weir_buffer_done(&filter->text);
    free(filter);
}

/* ---- matching ---- */

static bool text_matches(weir_text text, weir_text expected, weir_pattern *pattern)
{
    return pattern ? weir_pattern_matches(pattern, text) : weir_text_equal(text, expected);
}

static bool name_matches(const name_set *set, weir_text name)
{
    if (!set->is_set)
        return true;
    for (size_t i = 0; i < set->names->count; i++)
        if (text_matches(name, weir_text_of(set->names->items[i]), set->patterns ? set->patterns[i] : NULL))
            return true;
    return false;
}

/* `value` as text, in the filter's buffer or where it stands. */
static weir_text value_text(weir_filter *filter, const weir_otlp_value *value)
{
    if (value->type == WEIR_OTLP_STRING)
        return value->string;
    filter->text.len = 0;
    weir_value_to_text(value, &filter->text);
    return (weir_text){(const char *)filter->text.data, filter->text.len};
}

static bool service_matches(weir_filter *filter, weir_bytes resource)
{
    weir_otlp_value value;
    if (!filter->services.is_set)
        return true;
    if (!weir_otlp_attribute_find(weir_otlp_resource_attributes(resource), WEIR_TEXT("service.name"), &value))
        return name_matches(&filter->services, WEIR_TEXT("<nil-service-name>")); /* the Collector's name for none */
    return name_matches(&filter->services, value_text(filter, &value));
}

static bool span_matches(weir_filter *filter, const weir_otlp_items *at)
{
    if (!service_matches(filter, at->resource))
        return false;
    if (!filter->names.is_set && !filter->kinds.is_set)
        return true;
    weir_otlp_span span = weir_otlp_span_read(at->item);
    bool known_kind = span.kind >= 0 && (size_t)span.kind < WEIR_COUNT_OF(kind_names);
    return name_matches(&filter->names, span.name) &&
           name_matches(&filter->kinds, weir_text_of(known_kind ? kind_names[span.kind] : ""));
}

static bool severity_matches(const weir_filter *filter, int32_t severity)
{
    if (!filter->severity_number)
        return true;
    return severity == 0 ? filter->severity_number->match_undefined : severity >= filter->severity_number->min;
}

static bool record_matches(weir_filter *filter, weir_bytes item)
{
    if (!filter->bodies.is_set && !filter->severity_texts.is_set && !filter->severity_number)
        return true;
    weir_otlp_log record = weir_otlp_log_read(item);
    return severity_matches(filter, record.severity_number) &&
           name_matches(&filter->severity_texts, record.severity_text) &&
           (!filter->bodies.is_set || name_matches(&filter->bodies, value_text(filter, &record.body)));
}

/* Expressions see texts, numbers and booleans only, numbers without exponents. */
static bool pattern_matches_value(weir_filter *filter, weir_pattern *pattern, const weir_otlp_value *value)
{
    if (value->type == WEIR_OTLP_DOUBLE) {
        filter->text.len = 0;
        weir_double_to_plain_text(value->number, &filter->text);
        return weir_pattern_matches(pattern, (weir_text){(const char *)filter->text.data, filter->text.len});
    }
    if (value->type != WEIR_OTLP_STRING && value->type != WEIR_OTLP_BOOL && value->type != WEIR_OTLP_INT)
        return false;
    return weir_pattern_matches(pattern, value_text(filter, value));
}

static bool attributes_match(weir_filter *filter, const attribute_rules *rules, weir_otlp_walk attributes)
{
    for (size_t i = 0; i < rules->count; i++) {
        const attribute_rule *rule = &rules->rules[i];
        weir_otlp_value value;
        if (!weir_otlp_attribute_find(attributes, rule->key, &value))
            return false;
        if (!rule->value.is_set)
            continue;
        if (rule->pattern ? !pattern_matches_value(filter, rule->pattern, &value)
                          : !weir_value_equal(&rule->value.value, &value))
            return false;
    }
    return true;
}

static bool libraries_match(const weir_filter *filter, weir_bytes scope_entry)
{
    if (filter->library_count == 0)
        return true;
    weir_otlp_scope scope = weir_otlp_scope_read(scope_entry);
    for (size_t i = 0; i < filter->library_count; i++) {
        const library_rule *rule = &filter->libraries[i];
        if (!text_matches(scope.name, rule->name, rule->name_pattern))
            return false;
        if (!rule->any_version && !text_matches(scope.version, rule->version, rule->version_pattern))
            return false;
    }
    return true;
}

bool weir_filter_matches(weir_filter *filter, const weir_otlp_items *at)
{
    if (filter->signal == WEIR_METRICS)
        return name_matches(&filter->names, weir_otlp_metric_read(at->metric).name);
    if (filter->signal == WEIR_TRACES ? !span_matches(filter, at) : !record_matches(filter, at->item))
        return false;
    uint32_t attributes = weir_otlp_item_attributes(at->kind, at->data);
    return libraries_match(filter, at->scope) &&
           attributes_match(filter, &filter->resources, weir_otlp_resource_attributes(at->resource)) &&
           attributes_match(filter, &filter->attributes, weir_otlp_walk_in(at->item, attributes));
}
