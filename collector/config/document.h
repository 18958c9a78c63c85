/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole configuration: the components it defines, its pipelines, and the settings of the service. What a
 * component's own keys mean is not known here: pipeline.c reads `node` of each entry with the component's option
 * table.
 *
 * The document owns everything it points to. It is built on one thread and then only read.
 */
#ifndef WEIR_CONFIG_DOCUMENT_H
#define WEIR_CONFIG_DOCUMENT_H

#include "config/id.h"
#include "config/node.h"
#include "config/source.h"

/* The first four are in the order of weir_component_kind in component.h. */
typedef enum weir_section {
    WEIR_SECTION_RECEIVERS,
    WEIR_SECTION_PROCESSORS,
    WEIR_SECTION_EXPORTERS,
    WEIR_SECTION_EXTENSIONS,
    WEIR_SECTION_CONNECTORS, /* read so that each can be answered; weir has none */
    WEIR_SECTIONS
} weir_section;

/* "receivers", and "receiver" for one entry of it. Static. */
const char *weir_section_key(weir_section section);
const char *weir_section_noun(weir_section section);

/* What component types there are, answered by whoever knows (components.c). */
typedef struct weir_catalog {
    /* The `index`-th name (aliases too) in that section; NULL past the last. */
    const char *(*name)(void *user, weir_section section, size_t index);
    void *user;
} weir_catalog;

typedef struct weir_component_entry {
    weir_section section;
    weir_id id;
    bool is_known;         /* in the catalog; if not, that was reported */
    bool is_used;          /* in a pipeline, or in service.extensions */
    const weir_node *key;  /* where it is defined */
    const weir_node *node; /* its settings: a mapping or null */
} weir_component_entry;

typedef struct weir_indexes {
    size_t *items; /* into weir_document.components */
    size_t count;
} weir_indexes;

typedef struct weir_pipeline_entry {
    weir_id id; /* id.type: "traces", "metrics" or "logs" */
    const weir_node *node;
    weir_indexes receivers, processors, exporters;
} weir_pipeline_entry;

typedef enum weir_service_level {
    WEIR_LEVEL_NONE,
    WEIR_LEVEL_BASIC,
    WEIR_LEVEL_NORMAL,
    WEIR_LEVEL_DETAILED
} weir_service_level;

/* One Prometheus address to serve weir's own metrics on. */
typedef struct weir_prometheus_reader {
    char *endpoint; /* "localhost:8888" */
    bool without_type_suffix, without_units;
} weir_prometheus_reader;

typedef struct weir_service {
    weir_indexes extensions; /* in the order of the file */
    int log_level;           /* 0 debug, 1 info, 2 warn, 3 error */
    bool log_json;
    weir_service_level metrics_level;
    weir_prometheus_reader *readers; /* none if the level is none */
    size_t reader_count;
    weir_string_map
        resource; /* attributes of weir's own telemetry; a value is NULL where the file says null: leave that one out */
} weir_service;

typedef struct weir_document {
    weir_tree *tree;
    const weir_node *root;
    weir_component_entry *components; /* sections in order, within one the order of the file */
    size_t component_count;
    weir_pipeline_entry *pipelines;
    size_t pipeline_count;
    weir_service service;
} weir_document;

/* Reads, merges, expands and checks. Never NULL: after errors (weir_diagnostics_count) it holds what could be
 * understood, so that the components' own mistakes can be told at the same time, but must not be run. Gives
 * ownership. */
weir_document *weir_document_load(const weir_sources *sources, const weir_catalog *catalog,
                                  weir_diagnostics *diagnostics);
void weir_document_free(weir_document *document); /* NULL is fine */

/* service.telemetry's table, for the reference and the schema. */
extern const weir_option weir_telemetry_options[];

/* ---- inside this room ---- */

/* Reads service.telemetry (may be NULL) into `service`. */
void weir_service_read_telemetry(weir_service *service, const weir_node *telemetry, weir_diagnostics *diagnostics);
void weir_service_done(weir_service *service);

#endif
