/* SPDX-License-Identifier: Apache-2.0 */
#include "config/reference.h"

#include "core/memory.h"

static const char *const type_names[] = {
    [WEIR_OPTION_BOOL] = "true or false",
    [WEIR_OPTION_INT] = "whole number",
    [WEIR_OPTION_UINT] = "whole number",
    [WEIR_OPTION_DOUBLE] = "number",
    [WEIR_OPTION_DURATION] = "duration",
    [WEIR_OPTION_BYTES] = "size",
    [WEIR_OPTION_STRING] = "text",
    [WEIR_OPTION_SECRET] = "secret text",
    [WEIR_OPTION_ENDPOINT] = "host:port",
    [WEIR_OPTION_ENUM] = "one of",
    [WEIR_OPTION_STRINGS] = "list of texts",
    [WEIR_OPTION_MAP] = "map of texts",
    [WEIR_OPTION_SECRET_MAP] = "map of secret texts",
    [WEIR_OPTION_GROUP] = "group",
    [WEIR_OPTION_POINTER] = "group",
    [WEIR_OPTION_LIST] = "list of groups",
    [WEIR_OPTION_ANY] = "anything",
    [WEIR_OPTION_EXTENSION] = "id of an extension",
};

/* "one of a, b", "whole number (items)" */
static void print_type(const weir_option *option, weir_buffer *out)
{
    weir_buffer_append_text(out, type_names[option->type]);
    for (size_t i = 0; option->type == WEIR_OPTION_ENUM && option->enum_names && option->enum_names[i]; i++)
        weir_buffer_printf(out, "%s%s", i ? ", " : " ", *option->enum_names[i] ? option->enum_names[i] : "\"\"");
    if (option->unit)
        weir_buffer_printf(out, " (%s)", option->unit);
    if (option->type == WEIR_OPTION_POINTER)
        weir_buffer_append_text(out, ", off unless written");
}

static const char *standing_text(const weir_option *option)
{
    static const char *const texts[] = {
        [WEIR_HONOURED] = "",
        [WEIR_SUBSUMED] = "Accepted, but not needed",
        [WEIR_NOT_BUILT] = "Not built yet",
        [WEIR_DEPRECATED] = "Deprecated",
    };
    return texts[option->standing];
}

/* Summary, then what stands out about this key. */
static void print_remarks(const weir_option *option, weir_buffer *out)
{
    weir_buffer_append_text(out, option->summary ? option->summary : "");
    if (option->required)
        weir_buffer_append_text(out, " Required.");
    if (option->standing != WEIR_HONOURED)
        weir_buffer_printf(out, " %s%s%s.", standing_text(option), option->remark ? ": " : "",
                           option->remark ? option->remark : "");
    if (option->otel_default)
        weir_buffer_printf(out, " (The Collector's default: %s%s%s.)", option->otel_default,
                           option->standing == WEIR_HONOURED && option->remark ? "; " : "",
                           option->standing == WEIR_HONOURED && option->remark ? option->remark : "");
}

static bool has_group(const weir_option *option)
{
    return option->group && (option->type == WEIR_OPTION_GROUP || option->type == WEIR_OPTION_POINTER ||
                             option->type == WEIR_OPTION_LIST);
}

/* ---- terminal ---- */

static void text_options(const weir_option *options, unsigned indent, weir_buffer *out)
{
    for (; options && options->name; options++) {
        WEIR_BUFFER type = {0};
        print_type(options, &type);
        weir_buffer_printf(out, "%*s%s: %s", (int)(indent * 2), "", options->name, weir_buffer_string(&type));
        if (options->default_text)
            weir_buffer_printf(out, ", default %s", *options->default_text ? options->default_text : "\"\"");
        weir_buffer_printf(out, "\n%*s", (int)(indent * 2 + 4), "");
        print_remarks(options, out);
        weir_buffer_append_text(out, "\n");
        if (has_group(options))
            text_options(options->group, indent + 1, out);
    }
}

void weir_reference_text(const weir_reference *component, weir_buffer *out)
{
    weir_buffer_printf(out, "%s (%s)", component->name, weir_section_noun(component->section));
    if (component->alias)
        weir_buffer_printf(out, ", also named %s", component->alias);
    weir_buffer_printf(out, "\n%s\n\n", component->summary);
    if (!component->options || !component->options->name)
        weir_buffer_append_text(out, "It has no options.\n");
    text_options(component->options, 0, out);
}

/* ---- Markdown ---- */

/* "|" ends a cell. */
static void append_cell(weir_buffer *out, weir_buffer *cell)
{
    for (size_t i = 0; i < cell->len; i++) {
        if (cell->data[i] == '|')
            weir_buffer_append_byte(out, '\\');
        weir_buffer_append_byte(out, cell->data[i]);
    }
}

static void markdown_options(const weir_option *options, const char *prefix, weir_buffer *out)
{
    for (; options && options->name; options++) {
        WEIR_BUFFER type = {0};
        WEIR_BUFFER remarks = {0};
        print_type(options, &type);
        print_remarks(options, &remarks);
        weir_buffer_printf(out, "| `%s%s` | ", prefix, options->name);
        append_cell(out, &type);
        weir_buffer_append_text(out, " | ");
        if (options->default_text)
            weir_buffer_printf(out, "`%s`", *options->default_text ? options->default_text : "\"\"");
        weir_buffer_append_text(out, " | ");
        append_cell(out, &remarks);
        weir_buffer_append_text(out, " |\n");
        if (!has_group(options))
            continue;
        WEIR_FREE char *inner =
            weir_format("%s%s%s.", prefix, options->name, options->type == WEIR_OPTION_LIST ? "[]" : "");
        markdown_options(options->group, inner, out);
    }
}

void weir_reference_markdown(const weir_reference *component, weir_buffer *out)
{
    weir_buffer_printf(out, "# `%s` %s\n\n%s\n\n", component->name, weir_section_noun(component->section),
                       component->summary);
    if (component->alias)
        weir_buffer_printf(out, "Also named `%s`.\n\n", component->alias);
    if (!component->options || !component->options->name) {
        weir_buffer_append_text(out, "It has no options.\n");
        return;
    }
    weir_buffer_append_text(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
    markdown_options(component->options, "", out);
}

/* ---- JSON Schema ---- */

static void json_text(const char *text, weir_buffer *out)
{
    weir_buffer_append_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            weir_buffer_append_byte(out, '\\');
        if ((unsigned char)*text < ' ')
            weir_buffer_printf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            weir_buffer_append_byte(out, (uint8_t)*text);
    }
    weir_buffer_append_byte(out, '"');
}

static void schema_object(const weir_option *options, weir_buffer *out);

/* Every plain value may be a text too: "${env:NAME}". */
static void schema_type(const weir_option *option, weir_buffer *out)
{
    switch (option->type) {
    case WEIR_OPTION_BOOL:
        weir_buffer_append_text(out, "\"type\":[\"boolean\",\"string\",\"null\"]");
        break;
    case WEIR_OPTION_INT:
    case WEIR_OPTION_UINT:
        weir_buffer_append_text(out, "\"type\":[\"integer\",\"string\",\"null\"]");
        break;
    case WEIR_OPTION_DOUBLE:
        weir_buffer_append_text(out, "\"type\":[\"number\",\"string\",\"null\"]");
        break;
    case WEIR_OPTION_BYTES:
    case WEIR_OPTION_DURATION:
        weir_buffer_append_text(out, "\"type\":[\"string\",\"integer\",\"null\"]");
        break;
    case WEIR_OPTION_ENUM:
        weir_buffer_append_text(out, "\"anyOf\":[{\"enum\":[null");
        for (size_t i = 0; option->enum_names && option->enum_names[i]; i++) {
            weir_buffer_append_byte(out, ',');
            json_text(option->enum_names[i], out);
        }
        weir_buffer_append_text(out, "]},{\"type\":\"string\"}]");
        break;
    case WEIR_OPTION_STRINGS:
        weir_buffer_append_text(out, "\"type\":[\"array\",\"string\",\"null\"],\"items\":{\"type\":\"string\"}");
        break;
    case WEIR_OPTION_MAP:
    case WEIR_OPTION_SECRET_MAP:
        weir_buffer_append_text(
            out, "\"type\":[\"object\",\"array\",\"null\"],\"additionalProperties\":{\"type\":\"string\"}");
        break;
    case WEIR_OPTION_GROUP:
    case WEIR_OPTION_POINTER:
        schema_object(option->group, out);
        break;
    case WEIR_OPTION_LIST:
        weir_buffer_append_text(out, "\"type\":[\"array\",\"null\"],\"items\":{");
        schema_object(option->group, out);
        weir_buffer_append_byte(out, '}');
        break;
    case WEIR_OPTION_ANY:
        weir_buffer_append_text(out, "\"$comment\":\"checked by the component\"");
        break;
    case WEIR_OPTION_STRING:
    case WEIR_OPTION_SECRET:
    case WEIR_OPTION_ENDPOINT:
    case WEIR_OPTION_EXTENSION:
        weir_buffer_append_text(out, "\"type\":[\"string\",\"null\"]");
        break;
    }
}

static void schema_option(const weir_option *option, weir_buffer *out)
{
    WEIR_BUFFER remarks = {0};
    print_remarks(option, &remarks);
    json_text(option->name, out);
    weir_buffer_append_text(out, ":{\"description\":");
    json_text(weir_buffer_string(&remarks), out);
    weir_buffer_append_byte(out, ',');
    schema_type(option, out);
    if (option->default_text) {
        weir_buffer_append_text(out, ",\"default\":");
        json_text(option->default_text, out);
    }
    if (option->standing == WEIR_DEPRECATED)
        weir_buffer_append_text(out, ",\"deprecated\":true");
    weir_buffer_append_byte(out, '}');
}

/* Keys that are not built are left out, so that an editor marks them as wrong. */
static void schema_object(const weir_option *options, weir_buffer *out)
{
    weir_buffer_append_text(out, "\"type\":[\"object\",\"null\"],\"additionalProperties\":false,\"properties\":{");
    bool is_first = true;
    for (const weir_option *option = options; option && option->name; option++) {
        if (option->standing == WEIR_NOT_BUILT)
            continue;
        weir_buffer_append_text(out, is_first ? "" : ",");
        schema_option(option, out);
        is_first = false;
    }
    weir_buffer_append_byte(out, '}');
}

static void schema_component(const weir_reference *component, const char *name, bool *is_first, weir_buffer *out)
{
    weir_buffer_printf(out, "%s\"^%s(/.+)?$\":{\"description\":", *is_first ? "" : ",", name);
    json_text(component->summary, out);
    weir_buffer_append_byte(out, ',');
    schema_object(component->options, out);
    weir_buffer_append_byte(out, '}');
    *is_first = false;
}

static void schema_section(const weir_reference *components, size_t count, weir_section section, weir_buffer *out)
{
    weir_buffer_printf(out,
                       "\"%s\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":false,\"patternProperties\":{",
                       weir_section_key(section));
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        if (components[i].section != section)
            continue;
        schema_component(&components[i], components[i].name, &is_first, out);
        if (components[i].alias)
            schema_component(&components[i], components[i].alias, &is_first, out);
    }
    weir_buffer_append_text(out, "}},");
}

void weir_reference_schema(const weir_reference *components, size_t count, weir_buffer *out)
{
    static const char ids[] = "{\"type\":[\"array\",\"string\",\"null\"],\"items\":{\"type\":\"string\"}}";
    weir_buffer_append_text(
        out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"weir configuration\","
             "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (weir_section section = WEIR_SECTION_RECEIVERS; section <= WEIR_SECTION_EXTENSIONS; section++)
        schema_section(components, count, section, out);
    weir_buffer_printf(
        out,
        "\"service\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"pipelines\"],\"properties\":{"
        "\"extensions\":%s,\"pipelines\":{\"type\":\"object\",\"additionalProperties\":false,\"patternProperties\":{"
        "\"^(traces|metrics|logs)(/.+)?$\":{\"type\":\"object\",\"additionalProperties\":false,"
        "\"required\":[\"receivers\",\"exporters\"],\"properties\":{"
        "\"receivers\":%s,\"processors\":%s,\"exporters\":%s}}}},\"telemetry\":{",
        ids, ids, ids, ids);
    schema_object(weir_telemetry_options, out);
    weir_buffer_append_text(out, "}}}}}\n");
}
