/* SPDX-License-Identifier: Apache-2.0
 *
 * The top level of a configuration: sections, then service.extensions and service.pipelines, which refer to them,
 * then service.telemetry.
 */
#include "config/document.h"

#include <stdlib.h>

#include "config/advice.h"
#include "config/diagnostics.h"
#include "core/assert.h"
#include "core/memory.h"

typedef struct reader {
    weir_document *document;
    const weir_catalog *catalog;
    weir_diagnostics *diagnostics;
} reader;

static const char *const section_keys[] = {"receivers", "processors", "exporters", "extensions", "connectors"};
static const char *const section_nouns[] = {"receiver", "processor", "exporter", "extension", "connector"};

const char *weir_section_key(weir_section section)
{
    return section_keys[section];
}

const char *weir_section_noun(weir_section section)
{
    return section_nouns[section];
}

static bool is_mapping(const reader *self, const weir_node *node)
{
    if (!node || node->kind == WEIR_NODE_NULL)
        return false;
    if (node->kind == WEIR_NODE_MAPPING)
        return true;
    WEIR_BUFFER found = {0};
    weir_node_describe(node, &found);
    weir_diagnostics_error(self->diagnostics, node, "expected a mapping, found %s", weir_buffer_string(&found));
    return false;
}

/* Every key of `mapping` must be one of `known`. */
static void check_keys(const reader *self, const weir_node *mapping, const char *const *known, size_t count)
{
    for (size_t i = 0; mapping && i < mapping->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count; k++)
            is_known = is_known || strcmp(mapping->keys[i]->text, known[k]) == 0;
        if (is_known)
            continue;
        WEIR_BUFFER list = {0};
        for (size_t k = 0; k < count; k++)
            weir_buffer_printf(&list, "%s%s", k ? ", " : "", known[k]);
        const char *nearest = weir_nearest(mapping->keys[i]->text, known, count);
        weir_diagnostics_error(self->diagnostics, mapping->keys[i], "unknown key%s%s%s (known here: %s)",
                               nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "",
                               weir_buffer_string(&list));
    }
}

/* ---- components ---- */

static size_t catalog_size(const reader *self, weir_section section)
{
    size_t count = 0;
    while (self->catalog->name(self->catalog->user, section, count))
        count++;
    return count;
}

static bool is_in_catalog(const reader *self, weir_section section, const char *type)
{
    size_t count = catalog_size(self, section);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(self->catalog->name(self->catalog->user, section, i), type) == 0)
            return true;
    }
    return false;
}

static const char *nearest_type(const reader *self, weir_section section, const char *type)
{
    size_t count = catalog_size(self, section);
    WEIR_FREE const char **names = weir_alloc(count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        names[i] = self->catalog->name(self->catalog->user, section, i);
    return weir_nearest(type, names, count);
}

static void report_unknown_type(const reader *self, const weir_component_entry *entry)
{
    const char *noun = weir_section_noun(entry->section), *type = entry->id.type;
    const char *advice = weir_advice(entry->section, type);
    const char *nearest = nearest_type(self, entry->section, type);
    if (advice)
        weir_diagnostics_error(self->diagnostics, entry->key, "weir has no %s \"%s\": %s", noun, type, advice);
    else if (entry->section == WEIR_SECTION_CONNECTORS)
        weir_diagnostics_error(self->diagnostics, entry->key,
                               "weir has no connectors; run \"%s\" in a Collector behind weir", type);
    else if (nearest)
        weir_diagnostics_error(self->diagnostics, entry->key, "weir has no %s \"%s\"; did you mean \"%s\"?", noun, type,
                               nearest);
    else
        weir_diagnostics_error(self->diagnostics, entry->key,
                               "weir has no %s \"%s\"; `weir components` lists what there is", noun, type);
}

static weir_component_entry *find_component(const weir_document *document, weir_section section, const char *id)
{
    for (size_t i = 0; i < document->component_count; i++) {
        weir_component_entry *entry = &document->components[i];
        if (entry->section == section && strcmp(entry->id.text, id) == 0)
            return entry;
    }
    return NULL;
}

static void read_component(reader *self, weir_section section, const weir_node *key, const weir_node *node)
{
    weir_document *document = self->document;
    weir_component_entry entry = {.section = section, .key = key, .node = node};
    const char *mistake = weir_id_parse(document->tree, key->text, &entry.id);
    if (mistake) {
        weir_diagnostics_error(self->diagnostics, key, "not an id (type or type/name): %s", mistake);
        return;
    }
    if (find_component(document, section, entry.id.text)) {
        weir_diagnostics_error(self->diagnostics, key, "the %s \"%s\" is defined twice", weir_section_noun(section),
                               entry.id.text);
        return;
    }
    if (node->kind != WEIR_NODE_NULL)
        is_mapping(self, node);
    entry.is_known = is_in_catalog(self, section, entry.id.type);
    if (!entry.is_known)
        report_unknown_type(self, &entry);
    document->components = weir_realloc(document->components, document->component_count + 1, sizeof(entry));
    document->components[document->component_count++] = entry;
}

static void read_section(reader *self, weir_section section)
{
    const weir_node *node = weir_node_get(self->document->root, weir_section_key(section));
    if (!is_mapping(self, node))
        return;
    for (size_t i = 0; i < node->count; i++)
        read_component(self, section, node->keys[i], node->items[i]);
}

/* ---- references ---- */

static void report_unknown_reference(const reader *self, weir_section section, const weir_node *item, const char *id)
{
    const weir_document *document = self->document;
    WEIR_FREE const char **names = weir_alloc(document->component_count + 1, sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < document->component_count; i++) {
        if (document->components[i].section == section)
            names[count++] = document->components[i].id.text;
    }
    const char *nearest = weir_nearest(id, names, count);
    const char *noun = weir_section_noun(section);
    if (nearest)
        weir_diagnostics_error(self->diagnostics, item, "the %s \"%s\" is not defined; did you mean \"%s\"?", noun, id,
                               nearest);
    else
        weir_diagnostics_error(self->diagnostics, item, "the %s \"%s\" is not defined: add it under \"%s:\"", noun, id,
                               weir_section_key(section));
}

static bool contains(const weir_indexes *indexes, size_t index)
{
    for (size_t i = 0; i < indexes->count; i++) {
        if (indexes->items[i] == index)
            return true;
    }
    return false;
}

/* Appends the component that `item` names. */
static void read_reference(reader *self, weir_section section, const weir_node *item, const char *text,
                           weir_indexes *indexes)
{
    weir_id id;
    const char *mistake = weir_id_parse(self->document->tree, text, &id);
    if (mistake) {
        weir_diagnostics_error(self->diagnostics, item, "\"%s\" is not an id (type or type/name): %s", text, mistake);
        return;
    }
    weir_component_entry *entry = find_component(self->document, section, id.text);
    weir_component_entry *connector = find_component(self->document, WEIR_SECTION_CONNECTORS, id.text);
    if (!entry && connector) {
        connector->is_used = true;
        weir_diagnostics_error(self->diagnostics, item,
                               "\"%s\" is a connector, and weir has none; see the message about it", id.text);
        return;
    }
    if (!entry) {
        report_unknown_reference(self, section, item, id.text);
        return;
    }
    entry->is_used = true;
    size_t index = (size_t)(entry - self->document->components);
    if (contains(indexes, index)) {
        weir_diagnostics_error(self->diagnostics, item, "the %s \"%s\" stands here twice", weir_section_noun(section),
                               id.text);
        return;
    }
    indexes->items = weir_realloc(indexes->items, indexes->count + 1, sizeof(size_t));
    indexes->items[indexes->count++] = index;
}

/* A list of ids, or one text with commas, as the Collector reads lists of texts. */
static void read_references(reader *self, weir_section section, const weir_node *node, weir_indexes *indexes)
{
    const char *text;
    if (!node || node->kind == WEIR_NODE_NULL)
        return;
    if (node->kind == WEIR_NODE_SEQUENCE) {
        for (size_t i = 0; i < node->count; i++) {
            if (weir_node_text(node->items[i], &text))
                read_reference(self, section, node->items[i], text, indexes);
            else
                weir_diagnostics_error(self->diagnostics, node->items[i], "expected an id from under \"%s:\"",
                                       weir_section_key(section));
        }
        return;
    }
    if (!weir_node_text(node, &text)) {
        weir_diagnostics_error(self->diagnostics, node, "expected a list of %s: [a, b]", weir_section_key(section));
        return;
    }
    while (*text) {
        size_t len = strcspn(text, ",");
        WEIR_FREE char *one = weir_strndup(text, len);
        read_reference(self, section, node, one, indexes);
        text += len + (text[len] == ',');
    }
}

/* ---- pipelines ---- */

static bool check_signal(const reader *self, const weir_node *key, const char *signal)
{
    static const char *const signals[] = {"traces", "metrics", "logs"};
    for (size_t i = 0; i < WEIR_COUNT_OF(signals); i++) {
        if (strcmp(signal, signals[i]) == 0)
            return true;
    }
    const char *nearest = weir_nearest(signal, signals, WEIR_COUNT_OF(signals));
    if (strcmp(signal, "profiles") == 0)
        weir_diagnostics_error(self->diagnostics, key, "weir has no pipelines for profiles; send them to a Collector");
    else
        weir_diagnostics_error(self->diagnostics, key, "a pipeline's type is traces, metrics or logs, not \"%s\"%s%s%s",
                               signal, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                               nearest ? "\"?" : "");
    return false;
}

/* A list that was written but holds only mistakes is not said to be empty as well. */
static bool is_empty_list(const weir_node *node)
{
    return !node || node->kind == WEIR_NODE_NULL || (node->kind == WEIR_NODE_SEQUENCE && node->count == 0) ||
           (node->kind == WEIR_NODE_SCALAR && *node->text == '\0');
}

static void read_pipeline(reader *self, const weir_node *key, const weir_node *node)
{
    static const char *const known[] = {"receivers", "processors", "exporters"};
    weir_document *document = self->document;
    weir_pipeline_entry pipeline = {.node = node};
    const char *mistake = weir_id_parse(document->tree, key->text, &pipeline.id);
    if (mistake) {
        weir_diagnostics_error(self->diagnostics, key, "not a pipeline's id (signal or signal/name): %s", mistake);
        return;
    }
    bool is_signal = check_signal(self, key, pipeline.id.type);
    if (node->kind != WEIR_NODE_NULL && !is_mapping(self, node))
        return;
    check_keys(self, node, known, WEIR_COUNT_OF(known));
    const weir_node *receivers = weir_node_get(node, "receivers"), *exporters = weir_node_get(node, "exporters");
    read_references(self, WEIR_SECTION_RECEIVERS, receivers, &pipeline.receivers);
    read_references(self, WEIR_SECTION_PROCESSORS, weir_node_get(node, "processors"), &pipeline.processors);
    read_references(self, WEIR_SECTION_EXPORTERS, exporters, &pipeline.exporters);
    if (is_empty_list(receivers))
        weir_diagnostics_error(self->diagnostics, key, "must have at least one receiver");
    if (is_empty_list(exporters))
        weir_diagnostics_error(self->diagnostics, key, "must have at least one exporter");
    document->pipelines = weir_realloc(document->pipelines, document->pipeline_count + 1, sizeof(pipeline));
    document->pipelines[document->pipeline_count] = pipeline;
    document->pipeline_count += is_signal ? 1 : 0;
    if (!is_signal) {
        free(pipeline.receivers.items);
        free(pipeline.processors.items);
        free(pipeline.exporters.items);
    }
}

static void read_pipelines(reader *self, const weir_node *service)
{
    const weir_node *pipelines = weir_node_get(service, "pipelines");
    bool is_read = is_mapping(self, pipelines);
    for (size_t i = 0; is_read && i < pipelines->count; i++) {
        const weir_document *document = self->document;
        size_t before = document->pipeline_count;
        read_pipeline(self, pipelines->keys[i], pipelines->items[i]);
        for (size_t k = 0; k < before && before < document->pipeline_count; k++) {
            if (strcmp(document->pipelines[k].id.text, document->pipelines[before].id.text) == 0)
                weir_diagnostics_error(self->diagnostics, pipelines->keys[i], "this pipeline is defined twice");
        }
    }
    bool is_empty = !pipelines || pipelines->kind == WEIR_NODE_NULL || (is_read && pipelines->count == 0);
    if (is_empty)
        weir_diagnostics_error(self->diagnostics, pipelines ? pipelines : service,
                               "service must have at least one pipeline");
}

/* ---- the whole ---- */

static void warn_of_unused(const reader *self)
{
    const weir_document *document = self->document;
    for (size_t i = 0; i < document->component_count; i++) {
        const weir_component_entry *entry = &document->components[i];
        if (entry->is_used || !entry->is_known)
            continue;
        const char *where =
            entry->section == WEIR_SECTION_EXTENSIONS ? "listed in service.extensions" : "part of a pipeline";
        weir_diagnostics_warning(self->diagnostics, entry->key, "defined but not %s, so it does nothing", where);
    }
}

static bool is_section_empty(const weir_document *document, weir_section section)
{
    return weir_node_get(document->root, weir_section_key(section)) == NULL ||
           weir_node_get(document->root, weir_section_key(section))->kind == WEIR_NODE_NULL;
}

static void check_root(const reader *self)
{
    static const char *const known[] = {"receivers", "processors", "exporters", "extensions", "connectors", "service"};
    const weir_document *document = self->document;
    check_keys(self, document->root, known, WEIR_COUNT_OF(known));
    if (document->root->count == 0) {
        weir_diagnostics_error(self->diagnostics, NULL, "the configuration is empty");
        return;
    }
    for (weir_section section = WEIR_SECTION_RECEIVERS; section <= WEIR_SECTION_EXPORTERS; section += 2) {
        if (is_section_empty(document, section))
            weir_diagnostics_error(self->diagnostics, NULL,
                                   "no %s is configured: the section \"%s:\" is missing or empty",
                                   weir_section_noun(section), weir_section_key(section));
    }
}

static void read_service(reader *self)
{
    static const char *const known[] = {"extensions", "pipelines", "telemetry"};
    weir_document *document = self->document;
    const weir_node *service = weir_node_get(document->root, "service");
    bool is_read = is_mapping(self, service);
    if (is_read)
        check_keys(self, service, known, WEIR_COUNT_OF(known));
    if (is_read || !service || service->kind == WEIR_NODE_NULL)
        read_pipelines(self, service);
    if (is_read)
        read_references(self, WEIR_SECTION_EXTENSIONS, weir_node_get(service, "extensions"),
                        &document->service.extensions);
    weir_service_read_telemetry(&document->service, is_read ? weir_node_get(service, "telemetry") : NULL,
                                self->diagnostics);
}

weir_document *weir_document_load(const weir_sources *sources, const weir_catalog *catalog,
                                  weir_diagnostics *diagnostics)
{
    weir_document *document = WEIR_NEW(weir_document);
    reader self = {.document = document, .catalog = catalog, .diagnostics = diagnostics};
    document->tree = weir_tree_new();
    document->root = weir_sources_load(sources, document->tree, diagnostics);
    /* What was not read cannot be missing: messages about that would only hide the one that counts. */
    if (weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR) > 0 && document->root->count == 0)
        return document;
    check_root(&self);
    for (weir_section section = 0; section < WEIR_SECTIONS; section++)
        read_section(&self, section);
    if (document->root->count > 0)
        read_service(&self);
    warn_of_unused(&self);
    return document;
}

void weir_document_free(weir_document *document)
{
    if (!document)
        return;
    for (size_t i = 0; i < document->pipeline_count; i++) {
        free(document->pipelines[i].receivers.items);
        free(document->pipelines[i].processors.items);
        free(document->pipelines[i].exporters.items);
    }
    weir_service_done(&document->service);
    free(document->pipelines);
    free(document->components);
    weir_tree_free(document->tree);
    free(document);
}
