/* SPDX-License-Identifier: Apache-2.0
 *
 * Which templates a server gets, and what their bodies are: the files of dashboards/elasticsearch with what the command
 * line says put in, and a _meta by which the next run knows them again:
 *
 *     "_meta": {"managed_by": "weir", "version": "0.1.0", "fingerprint": "1f…", "retention": "14d"}
 *
 * The fingerprint is of the body as it is meant to be, so a template is unchanged if the fingerprint on the server is the
 * same: the server's own rendering of a template (defaults, order, texts for numbers) need not be compared.
 * Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_TEMPLATES_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_TEMPLATES_H

#include "core/text.h"
#include "exporters/elasticsearch/setup/answers.h"
#include "exporters/elasticsearch/setup/arguments.h"

typedef enum setup_kind { SETUP_COMPONENT, SETUP_INDEX } setup_kind;

/* What has to be there, or must not be, so that a template is installed: templates that Elasticsearch brings along. */
enum {
    SETUP_HAS_LOGS_OTEL = 1,   /* logs-otel@template, Elasticsearch 8.16 and newer */
    SETUP_HAS_TRACES_OTEL = 2, /* traces-otel@template, likewise */
    SETUP_HAS_LOGS = 4,        /* logs, for logs-*-* */
    SETUP_HAS_INDICES = 8,     /* not the server's: the command line named patterns */
};

typedef struct setup_template {
    setup_kind kind;
    const char *name;       /* on the server */
    const char *file;       /* below dashboards/ */
    unsigned needs, yields; /* SETUP_HAS_…: all of `needs` are there, and not all of `yields` (0: never yields) */
    bool has_lifecycle;     /* says how long data is kept */
} setup_template;

typedef struct setup_templates {
    const setup_template *items;
    size_t count;
} setup_templates;

/* In the order they have to be installed in. */
setup_templates setup_templates_of(const setup_server *server);
bool setup_template_is_wanted(const setup_template *template_, unsigned present);

/* How long data is kept; both NULL: for ever. Borrowed. */
typedef struct setup_lifecycle {
    const char *retention;
    const char *ilm_policy;
} setup_lifecycle;

/* Appends the whole body, and gives its fingerprint. `is_opensearch`: there is no lifecycle in its templates. */
void setup_template_body(const setup_template *template_, const setup_lifecycle *lifecycle, const setup_values *indices,
                         bool is_opensearch, weir_buffer *out, char ret_fingerprint[32]);

/* After a refusal: if its text names something of the body that this server does not know and that can be done without,
 * changes the body and gives a sentence that says so (static); NULL if there is nothing to change. */
const char *setup_template_fall_back(weir_buffer *body, weir_bytes refusal);

#endif
