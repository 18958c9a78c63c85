/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "components.h"
#include "config/diagnostics.h"
#include "core/assert.h"
#include "core/memory.h"
#include "processors/cgroup.h"

enum { DEFAULT_LIMIT_BYTES_MAX = 1024 * 1024 * 1024, PROMISE_SIZE = 512 };

/* ---- components ---- */

_Static_assert((int)WEIR_SECTION_RECEIVERS == WEIR_RECEIVER && (int)WEIR_SECTION_PROCESSORS == WEIR_PROCESSOR &&
                   (int)WEIR_SECTION_EXPORTERS == WEIR_EXPORTER && (int)WEIR_SECTION_EXTENSIONS == WEIR_EXTENSION,
               "a section of the file is a kind of component");

static const char *catalog_name(void *user, weir_section section, size_t index)
{
    (void)user;
    return section == WEIR_SECTION_CONNECTORS ? NULL : weir_component_name((weir_component_kind)section, index);
}

/* Reads one component's settings, also of one that nothing uses: its mistakes count all the same. */
static void plan_component(weir_planned_component *planned, const weir_component_entry *entry,
                           weir_diagnostics *diagnostics)
{
    weir_error error;
    planned->id = entry->id.text;
    planned->node = entry->node;
    planned->type = weir_component_find((weir_component_kind)entry->section, entry->id.type, &error);
    if (!planned->type) {
        weir_diagnostics_error(diagnostics, entry->node, "%s", error.text);
        return;
    }
    planned->config = weir_alloc(1, planned->type->config_size);
    bool is_read = weir_options_read(planned->type->options, entry->node, planned->config, diagnostics);
    if (is_read && planned->type->check)
        planned->type->check(planned->config, entry->node, diagnostics);
}

/* A pipeline of any other type has been reported as an error before. */
static weir_signal signal_of(const char *type)
{
    weir_signal signal;
    bool is_known = weir_signal_find(type, &signal);
    WEIR_ASSERT(is_known);
    return signal;
}

static unsigned signals_of(const weir_planned_component *component)
{
    const weir_component_type *type = component->type;
    return type->exporter_signals ? type->exporter_signals(component->config) : type->signals;
}

static const char *elsewhere(const weir_planned_component *component)
{
    return component->type->kind == WEIR_EXPORTER ? ", and send them to a backend that takes them" : "";
}

static void check_signals(const weir_plan *plan, const weir_indexes *indexes, const weir_pipeline_entry *entry,
                          weir_diagnostics *diagnostics)
{
    weir_signal signal = signal_of(entry->id.type);
    for (size_t i = 0; i < indexes->count; i++) {
        const weir_planned_component *component = &plan->components[indexes->items[i]];
        if (!(component->type->signals & (1u << signal)))
            weir_diagnostics_error(diagnostics, entry->node, "%s does not take %s; leave it out of this pipeline%s",
                                   component->id, weir_signal_name(signal), elsewhere(component));
        else if (!(signals_of(component) & (1u << signal)))
            weir_diagnostics_error(
                diagnostics, entry->node,
                "%s has no endpoint for %s, or a mode without any: write another, or leave it out of this "
                "pipeline",
                component->id, weir_signal_name(signal));
    }
}

/* ---- memory ---- */

/* The smallest limit that a memory_limiter of some pipeline sets; without one, half of what the control group
 * allows. */
static void plan_memory(weir_plan *plan)
{
    for (size_t i = 0; i < plan->component_count; i++) {
        const weir_planned_component *component = &plan->components[i];
        uint64_t limit, soft_limit;
        if (!plan->document->components[i].is_used || !component->type->processor_limit ||
            !component->type->processor_limit(component->config, &limit, &soft_limit))
            continue;
        if (plan->memory_limit_from && limit >= plan->memory_limit_bytes)
            continue;
        plan->memory_limit_bytes = limit;
        plan->memory_soft_limit_bytes = soft_limit;
        plan->memory_limit_from = component->id;
    }
    if (plan->memory_limit_from)
        return;
    uint64_t half = weir_cgroup_memory_bytes(&weir_files_real) / 2;
    plan->memory_limit_bytes = half > 0 && half < DEFAULT_LIMIT_BYTES_MAX ? half : DEFAULT_LIMIT_BYTES_MAX;
    plan->memory_soft_limit_bytes = plan->memory_limit_bytes / 5 * 4;
    plan->memory_limit_from = "cgroup";
}

/* ---- extensions that components refer to ---- */

typedef struct extension_check {
    const weir_plan *plan;
    const weir_planned_component *component;
    weir_diagnostics *diagnostics;
} extension_check;

static const char *lending_text(weir_lends lends)
{
    switch (lends) {
    case WEIR_LENDS_STORAGE:
        return "a storage (file_storage)";
    case WEIR_LENDS_CLIENT_AUTH:
        return "an authenticator for outgoing requests (basicauth with client_auth, bearertokenauth, headers_setter)";
    case WEIR_LENDS_SERVER_AUTH:
        return "an authenticator for incoming requests (basicauth with htpasswd, bearertokenauth)";
    }
    WEIR_UNREACHABLE("all that extensions lend is listed");
}

size_t weir_plan_extension(const weir_plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->component_count; i++) {
        bool is_extension = plan->document->components[i].section == WEIR_SECTION_EXTENSIONS;
        if (is_extension && plan->document->components[i].is_used && strcmp(plan->components[i].id, id) == 0)
            return i;
    }
    return WEIR_NO_COMPONENT;
}

static unsigned lends_of(const weir_planned_component *extension)
{
    const weir_component_type *type = extension->type;
    return type->extension_lends ? type->extension_lends(extension->config) : type->lends;
}

static void check_secrecy(const extension_check *check, const weir_option *option,
                          const weir_planned_component *extension, const weir_node *at)
{
    const weir_component_type *type = check->component->type;
    bool bars_secrets = type->exporter_bars_secrets && type->exporter_bars_secrets(check->component->config);
    if (bars_secrets && option->lends == WEIR_LENDS_CLIENT_AUTH && (lends_of(extension) & WEIR_LENDS_SECRETS))
        weir_diagnostics_error(check->diagnostics, at,
                               "the authenticator \"%s\" sends a secret, and over gRPC that needs TLS: remove "
                               "tls.insecure, or send the header with headers_setter or `headers` if the way is safe",
                               extension->id);
}

static void check_extension(void *user, const weir_option *option, const char *path, const char *id)
{
    const extension_check *check = user;
    const weir_node *found = weir_node_find(check->component->node, path);
    const weir_node *at = found ? found : check->component->node;
    size_t extension = weir_plan_extension(check->plan, id);
    if (extension == WEIR_NO_COMPONENT)
        weir_diagnostics_error(check->diagnostics, at,
                               "the extension \"%s\" is not there: define it under `extensions:` and list it in "
                               "`service.extensions`",
                               id);
    else if (!(lends_of(&check->plan->components[extension]) & option->lends))
        weir_diagnostics_error(check->diagnostics, at, "the extension \"%s\" is not %s", id,
                               lending_text(option->lends));
    else
        check_secrecy(check, option, &check->plan->components[extension], at);
}

static void check_extensions(const weir_plan *plan, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < plan->component_count; i++) {
        const weir_planned_component *component = &plan->components[i];
        extension_check check = {plan, component, diagnostics};
        if (plan->document->components[i].is_used)
            weir_options_visit_extensions(component->type->options, component->config, check_extension, &check);
    }
}

/* ---- secrets in files that others can read ---- */

enum { SECRET_FILES_MAX = 16 };

/* Files that were looked at already, so that each is named once. */
typedef struct secret_files {
    const weir_files *files;
    const char *seen[SECRET_FILES_MAX];
    size_t seen_count;
    weir_diagnostics *diagnostics;
} secret_files;

/* False also for what is no file, such as --config=yaml:… */
static bool is_open_to_others(const weir_files *files, const char *path)
{
    int fd = files->open(files, path, O_RDONLY, 0);
    if (fd < 0)
        return false;
    struct stat found;
    bool is_open = files->fstat(files, fd, &found) == 0 && S_ISREG(found.st_mode) &&
                   (found.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0;
    files->close(files, fd);
    return is_open;
}

static void check_secret_file(void *user, const weir_node *secret)
{
    secret_files *self = user;
    for (size_t i = 0; secret->file && i < self->seen_count; i++) {
        if (strcmp(self->seen[i], secret->file) == 0)
            return;
    }
    if (!secret->file || self->seen_count == SECRET_FILES_MAX)
        return;
    self->seen[self->seen_count++] = secret->file;
    if (is_open_to_others(self->files, secret->file))
        weir_diagnostics_warning(self->diagnostics, secret,
                                 "this secret stands in a file that other users may read or change: chmod go-w,o-r %s, "
                                 "or write ${env:NAME} or ${file:PATH} in its place",
                                 secret->file);
}

static void check_secret_files(const weir_plan *plan, const weir_files *files, weir_diagnostics *diagnostics)
{
    secret_files self = {.files = files ? files : &weir_files_real, .diagnostics = diagnostics};
    for (size_t i = 0; i < plan->component_count; i++) {
        if (plan->components[i].type)
            weir_options_visit_secrets(plan->components[i].type->options, plan->components[i].node, check_secret_file,
                                       &self);
    }
}

/* ---- the whole ---- */

static void plan_pipelines(weir_plan *plan, weir_diagnostics *diagnostics)
{
    const weir_document *document = plan->document;
    plan->pipelines = weir_alloc(document->pipeline_count, sizeof plan->pipelines[0]);
    for (size_t i = 0; i < document->pipeline_count; i++) {
        const weir_pipeline_entry *entry = &document->pipelines[i];
        check_signals(plan, &entry->receivers, entry, diagnostics);
        check_signals(plan, &entry->processors, entry, diagnostics);
        check_signals(plan, &entry->exporters, entry, diagnostics);
        plan->pipelines[plan->pipeline_count++] = (weir_planned_pipeline){.signal = signal_of(entry->id.type),
                                                                          .id = entry->id.text,
                                                                          .receivers = entry->receivers,
                                                                          .processors = entry->processors,
                                                                          .exporters = entry->exporters};
    }
}

weir_plan *weir_plan_read(const weir_sources *sources, weir_diagnostics *diagnostics)
{
    const weir_catalog catalog = {.name = catalog_name};
    weir_plan *plan = WEIR_NEW(weir_plan);
    plan->document = weir_document_load(sources, &catalog, diagnostics);
    plan->components = weir_alloc(plan->document->component_count, sizeof plan->components[0]);
    for (; plan->component_count < plan->document->component_count; plan->component_count++) {
        const weir_component_entry *entry = &plan->document->components[plan->component_count];
        if (entry->is_known)
            plan_component(&plan->components[plan->component_count], entry, diagnostics);
    }
    if (weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR) == 0) {
        plan_pipelines(plan, diagnostics);
        check_extensions(plan, diagnostics);
        plan_memory(plan);
        check_secret_files(plan, sources->files, diagnostics);
    }
    if (weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR) > 0) {
        weir_plan_free(plan);
        return NULL;
    }
    return plan;
}

void weir_plan_free(weir_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->component_count; i++) {
        if (!plan->components[i].config)
            continue;
        weir_options_free(plan->components[i].type->options, plan->components[i].config);
        free(plan->components[i].config);
    }
    free(plan->components);
    free(plan->pipelines);
    weir_document_free(plan->document);
    free(plan);
}

/* True if some pipeline leads from the receiver to the exporter. */
static bool leads_to(const weir_plan *plan, size_t receiver, size_t exporter)
{
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        const weir_planned_pipeline *pipeline = &plan->pipelines[i];
        bool is_from = false, is_to = false;
        for (size_t r = 0; r < pipeline->receivers.count; r++)
            is_from = is_from || pipeline->receivers.items[r] == receiver;
        for (size_t e = 0; e < pipeline->exporters.count; e++)
            is_to = is_to || pipeline->exporters.items[e] == exporter;
        if (is_from && is_to)
            return true;
    }
    return false;
}

/* A source that is read in order waits for all that take from it: one that is away holds the others back, unless a queue
 * on disk stands before it. */
static void warn_of_company(const weir_plan *plan, size_t receiver, weir_buffer *out)
{
    size_t count = 0;
    const char *without_queue = NULL;
    for (size_t i = 0; i < plan->component_count; i++) {
        const weir_planned_component *exporter = &plan->components[i];
        if (exporter->type->kind != WEIR_EXPORTER || !leads_to(plan, receiver, i))
            continue;
        count++;
        if (!weir_node_find(exporter->node, "sending_queue.storage"))
            without_queue = exporter->id;
    }
    if (count > 1 && without_queue)
        weir_buffer_printf(out,
                           "  warning: while %s is behind, %s holds the other exporters back too: give it a disk queue "
                           "(sending_queue.storage), or a second receiver with a group_id of its own\n",
                           without_queue, plan->components[receiver].id);
}

static void write_receiver_promises(const weir_plan *plan, const weir_planned_pipeline *pipeline, weir_buffer *out)
{
    for (size_t r = 0; r < pipeline->receivers.count; r++) {
        const weir_planned_component *receiver = &plan->components[pipeline->receivers.items[r]];
        if (!receiver->type->receiver_promise)
            continue;
        char promise[PROMISE_SIZE];
        receiver->type->receiver_promise(receiver->config, promise, sizeof promise);
        weir_buffer_printf(out, "  %s: %s\n", receiver->id, promise);
        warn_of_company(plan, pipeline->receivers.items[r], out);
    }
}

void weir_plan_promises(const weir_plan *plan, weir_buffer *out)
{
    for (size_t i = 0; i < plan->pipeline_count; i++) {
        const weir_planned_pipeline *pipeline = &plan->pipelines[i];
        weir_buffer_printf(out, "pipeline %s:\n", pipeline->id);
        write_receiver_promises(plan, pipeline, out);
        for (size_t e = 0; e < pipeline->exporters.count; e++) {
            const weir_planned_component *exporter = &plan->components[pipeline->exporters.items[e]];
            char promise[PROMISE_SIZE];
            exporter->type->exporter_promise(exporter->config, promise, sizeof promise);
            weir_buffer_printf(out, "  %s: %s\n", exporter->id, promise);
        }
    }
    weir_buffer_printf(out, "memory: telemetry may take %llu MiB (from %s); past %llu MiB batches leave at once\n",
                       (unsigned long long)(plan->memory_limit_bytes >> 20), plan->memory_limit_from,
                       (unsigned long long)(plan->memory_soft_limit_bytes >> 20));
}
