/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "core/memory.h"
#include "exporters/elasticsearch/setup/installer.h"
#include "exporters/elasticsearch/setup/policy.h"
#include "exporters/elasticsearch/setup/templates.h"

/* The oldest that know what the templates say: data stream lifecycles and the field type passthrough; data streams and the
 * field type match_only_text. */
enum {
    ELASTICSEARCH_MAJOR = 8,
    ELASTICSEARCH_MINOR = 14,
    OPENSEARCH_MAJOR = 2,
    OPENSEARCH_MINOR = 11,
    FALLBACKS_MAX = 4
};

static const char privileges[] = "the cluster privileges monitor and manage_index_templates";

typedef struct installer {
    const setup_arguments *given;
    setup_client *client;
    setup_server server;
    unsigned present;          /* SETUP_HAS_… */
    setup_meta before;         /* of the templates that say how long data is kept */
    setup_lifecycle lifecycle; /* texts of `given` or `before` */
    unsigned left;             /* what was not done */
} installer;

/* ---- reading ---- */

/* False if the server said no; that was printed. 404 is an answer. */
static bool get(const installer *self, const char *path, setup_answer *ret_answer)
{
    weir_error error;
    const setup_request request = {.method = "GET", .path = path};
    if (setup_client_send(self->client, &request, ret_answer, &error) != WEIR_OK) {
        fprintf(stderr, "weir setup: %s\n", error.text);
        return false;
    }
    if (ret_answer->status == 200 || ret_answer->status == 404)
        return true;
    setup_print_refusal(self->client, path, privileges, ret_answer);
    return false;
}

static weir_bytes body_of(const setup_answer *answer)
{
    return (weir_bytes){answer->body.data, answer->body.len};
}

static bool check_version(const setup_server *server)
{
    const char *name = server->is_opensearch ? "OpenSearch" : "Elasticsearch";
    unsigned major = server->is_opensearch ? OPENSEARCH_MAJOR : ELASTICSEARCH_MAJOR;
    unsigned minor = server->is_opensearch ? OPENSEARCH_MINOR : ELASTICSEARCH_MINOR;
    if (!setup_server_is_before(server, major, minor))
        return true;
    fprintf(stderr, "weir setup: this is %s %s; the templates need %u.%u or newer\n", name, server->version, major,
            minor);
    return false;
}

static bool read_server(installer *self)
{
    WEIR_CLEANUP(setup_answer_done) setup_answer answer = {0};
    if (!get(self, "/", &answer))
        return false;
    if (!setup_server_read(body_of(&answer), &self->server)) {
        fprintf(stderr, "weir setup: %s is neither Elasticsearch nor OpenSearch by its answer to GET /\n",
                setup_client_url(self->client));
        return false;
    }
    printf("%s %s at %s\n", self->server.is_opensearch ? "OpenSearch" : "Elasticsearch", self->server.version,
           setup_client_url(self->client));
    return check_version(&self->server);
}

static const char *kind_path(setup_kind kind)
{
    return kind == SETUP_COMPONENT ? "/_component_template" : "/_index_template";
}

/* What is there under this name, if anything. */
static bool read_template(const installer *self, setup_kind kind, const char *name, bool *ret_is_there,
                          setup_meta *ret_meta)
{
    static const char *const places[] = {"component_templates/0/component_template/_meta",
                                         "index_templates/0/index_template/_meta"};
    static const char *const filters[] = {"component_templates.component_template._meta",
                                          "index_templates.index_template._meta"};
    WEIR_CLEANUP(setup_answer_done) setup_answer answer = {0};
    WEIR_FREE char *path = weir_format("%s/%s?filter_path=%s", kind_path(kind), name, filters[kind]);
    if (!get(self, path, &answer))
        return false;
    *ret_is_there = answer.status == 200;
    *ret_meta = setup_meta_read(body_of(&answer), places[kind]);
    return true;
}

/* The templates that Elasticsearch brings along. */
static bool read_present(installer *self)
{
    static const struct {
        const char *name;
        unsigned flag;
    } brought[] = {{"logs-otel@template", SETUP_HAS_LOGS_OTEL},
                   {"traces-otel@template", SETUP_HAS_TRACES_OTEL},
                   {"logs", SETUP_HAS_LOGS}};
    self->present = self->given->indices.count > 0 ? SETUP_HAS_INDICES : 0;
    for (size_t i = 0; i < WEIR_COUNT_OF(brought) && !self->server.is_opensearch; i++) {
        bool is_there;
        setup_meta meta;
        if (!read_template(self, SETUP_INDEX, brought[i].name, &is_there, &meta))
            return false;
        self->present |= is_there ? brought[i].flag : 0;
    }
    return true;
}

/* As the command line says; else as it was set up before. */
static bool read_lifecycle(installer *self)
{
    bool is_there;
    self->lifecycle = (setup_lifecycle){self->given->retention, self->given->ilm_policy};
    if (self->given->retention || self->given->ilm_policy)
        return true;
    if (!read_template(self, SETUP_COMPONENT, "weir-settings", &is_there, &self->before))
        return false;
    if (*self->before.retention && setup_is_retention(self->before.retention))
        self->lifecycle.retention = self->before.retention;
    if (*self->before.ilm_policy)
        self->lifecycle.ilm_policy = self->before.ilm_policy;
    return true;
}

/* ---- writing ---- */

static const char *kind_name(setup_kind kind)
{
    return kind == SETUP_COMPONENT ? "component template" : "index template";
}

/* Puts the template, in the form that this server knows. */
static bool put(installer *self, const setup_template *template_, weir_buffer *body)
{
    WEIR_FREE char *path = weir_format("%s/%s", kind_path(template_->kind), template_->name);
    for (unsigned attempt = 0;; attempt++) {
        weir_error error;
        WEIR_CLEANUP(setup_answer_done) setup_answer answer = {0};
        const setup_request request = {
            .method = "PUT", .path = path, .content_type = "application/json", .body = {body->data, body->len}};
        if (setup_client_send(self->client, &request, &answer, &error) != WEIR_OK) {
            fprintf(stderr, "weir setup: %s\n", error.text);
            return false;
        }
        if (answer.status == 200)
            return true;
        const char *note = attempt < FALLBACKS_MAX ? setup_template_fall_back(body, body_of(&answer)) : NULL;
        if (!note) {
            setup_print_refusal(self->client, path, privileges, &answer);
            return false;
        }
        printf("note       %s: %s\n", template_->name, note);
    }
}

typedef enum verdict { WRITE, LEAVE_TO_OTHERS, LEAVE_AS_IT_IS } verdict;

static verdict judge(const installer *self, bool is_there, const setup_meta *meta, const char *fingerprint)
{
    if (!is_there || self->given->is_forced)
        return WRITE;
    if (!meta->is_ours)
        return LEAVE_TO_OTHERS;
    return strcmp(meta->fingerprint, fingerprint) == 0 ? LEAVE_AS_IT_IS : WRITE;
}

static bool write_template(installer *self, const setup_template *template_, bool is_there, weir_buffer *body)
{
    const char *kind = kind_name(template_->kind), *name = template_->name;
    if (self->given->is_dry_run) {
        printf("%-10s %s %s\n", is_there ? "to change" : "to create", kind, name);
        printf("PUT %s/%s\n%s\n", kind_path(template_->kind), name, weir_buffer_string(body));
        return true;
    }
    if (!put(self, template_, body))
        return false;
    printf("%-10s %s %s\n", is_there ? "changed" : "created", kind, name);
    return true;
}

/* False if the server said no to something. */
static bool install(installer *self, const setup_template *template_)
{
    bool is_there;
    setup_meta meta;
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    if (!read_template(self, template_->kind, template_->name, &is_there, &meta))
        return false;
    setup_template_body(template_, &self->lifecycle, &self->given->indices, self->server.is_opensearch, &body,
                        fingerprint);
    switch (judge(self, is_there, &meta, fingerprint)) {
    case WRITE:
        return write_template(self, template_, is_there, &body);
    case LEAVE_TO_OTHERS:
        printf("kept       %s %s, which weir has not made: --force replaces it\n", kind_name(template_->kind),
               template_->name);
        self->left++;
        return true;
    case LEAVE_AS_IT_IS:
        printf("unchanged  %s %s\n", kind_name(template_->kind), template_->name);
    }
    return true;
}

static bool install_all(installer *self)
{
    setup_templates templates = setup_templates_of(&self->server);
    for (size_t i = 0; i < templates.count; i++) {
        if (setup_template_is_wanted(&templates.items[i], self->present) && !install(self, &templates.items[i]))
            return false;
    }
    return true;
}

/* ---- what the templates do not do ---- */

static void print_notes(const installer *self)
{
    if (self->present & SETUP_HAS_LOGS)
        puts("note       logs-*-* without .otel (mapping mode ecs) keep Elasticsearch's own template, logs: what is in "
             "logs@custom would count for all who use it, so weir sets no retention there");
    if ((self->given->retention || self->given->ilm_policy) && !self->server.is_opensearch)
        puts("note       templates count for data streams that are made from now on; for those that are there see PUT "
             "/_data_stream/NAME/_lifecycle");
    if (self->given->indices.count > 0 && (self->lifecycle.retention || self->server.is_opensearch))
        puts("note       nothing removes plain indices (--index): retention is for data streams");
}

static bool prepare(installer *self)
{
    if (!read_server(self))
        return false;
    if (self->server.is_opensearch && self->given->ilm_policy) {
        fprintf(stderr, "weir setup: --ilm-policy is for Elasticsearch; for OpenSearch give --retention\n");
        return false;
    }
    return read_present(self) && read_lifecycle(self);
}

int setup_elasticsearch(const setup_arguments *given, setup_client *client)
{
    installer self = {.given = given, .client = client};
    if (!prepare(&self) || !install_all(&self))
        return 1;
    if (self.server.is_opensearch && given->retention &&
        !setup_policy_install(client, given->retention, given->is_dry_run, given->is_forced))
        self.left++;
    print_notes(&self);
    return self.left > 0 ? 1 : 0;
}
