/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/document/ecs_fields.h"

#include "core/memory.h"
#include "exporters/elasticsearch/document/field_name.h"

#define TEXT(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }
#define TO(attribute, name)                \
    {                                      \
        TEXT(attribute), TEXT(name), false \
    }
#define LEFT_OUT(attribute)              \
    {                                    \
        TEXT(attribute), TEXT(""), false \
    }
#define TABLE(fields, preferred)                         \
    {                                                    \
        (fields), WEIR_COUNT_OF(fields), TEXT(preferred) \
    }

/* Tables. */
/* clang-format off */
static const es_ecs_field resource_fields[] = {
    TO("service.instance.id",         "service.node.name"),
    TO("deployment.environment",      "service.environment"),
    TO("deployment.environment.name", "service.environment"),
    LEFT_OUT("telemetry.sdk.name"),
    TO("telemetry.sdk.language",      "service.language.name"),
    TO("telemetry.sdk.version",       "service.language.version"),
    LEFT_OUT("telemetry.distro.name"),
    LEFT_OUT("telemetry.distro.version"),
    TO("cloud.platform",              "cloud.service.name"),
    TO("container.image.tags",        "container.image.tag"),
    {TEXT("host.name"), TEXT("host.hostname"), .also_original = true},
    TO("host.arch",                   "host.architecture"),
    TO("process.parent_pid",          "process.parent.pid"),
    TO("process.executable.name",     "process.title"),
    TO("process.executable.path",     "process.executable"),
    TO("process.command_line",        "process.args"),
    TO("process.runtime.name",        "service.runtime.name"),
    TO("process.runtime.version",     "service.runtime.version"),
    TO("os.name",                     "host.os.name"),
    TO("os.type",                     "host.os.platform"),
    TO("os.description",              "host.os.full"),
    TO("os.version",                  "host.os.version"),
    TO("client.address",              "client.ip"),
    TO("source.address",              "source.ip"),
    TO("k8s.deployment.name",         "kubernetes.deployment.name"),
    TO("k8s.namespace.name",          "kubernetes.namespace"),
    TO("k8s.node.name",               "kubernetes.node.name"),
    TO("k8s.pod.name",                "kubernetes.pod.name"),
    TO("k8s.pod.uid",                 "kubernetes.pod.uid"),
    TO("k8s.job.name",                "kubernetes.job.name"),
    TO("k8s.cronjob.name",            "kubernetes.cronjob.name"),
    TO("k8s.statefulset.name",        "kubernetes.statefulset.name"),
    TO("k8s.replicaset.name",         "kubernetes.replicaset.name"),
    TO("k8s.daemonset.name",          "kubernetes.daemonset.name"),
    TO("k8s.container.name",          "kubernetes.container.name"),
    TO("k8s.cluster.name",            "orchestrator.cluster.name"),
    TO("faas.instance",               "faas.id"),
    TO("faas.trigger",                "faas.trigger.type"),
};

static const es_ecs_field log_fields[] = {
    TO("event.name",              "event.action"),
    TO("exception.message",       "error.message"),
    TO("exception.stacktrace",    "error.stacktrace"),
    TO("exception.type",          "error.type"),
    TO("exception.escaped",       "event.error.exception.handled"),
    TO("http.response.body.size", "http.response.encoded_body_size"),
};

static const es_ecs_field span_fields[] = {
    TO("db.system",               "span.db.type"),
    TO("db.namespace",            "span.db.instance"),
    TO("db.query.text",           "span.db.statement"),
    TO("http.response.body.size", "http.response.encoded_body_size"),
};

/* Elastic's APM index template for errors has nested names, and a script for error.grouping_name. */
static const es_ecs_field span_event_fields[] = {
    TO("exception.type",       "error.exception.type"),
    TO("exception.message",    "error.exception.message"),
    TO("exception.stacktrace", "error.stack_trace"),
    LEFT_OUT("exception.escaped"),
    LEFT_OUT("data_stream.type"),
    LEFT_OUT("data_stream.dataset"),
    LEFT_OUT("data_stream.namespace"),
    LEFT_OUT("error.grouping_name"),
};

const es_ecs_table es_ecs_of_resource = TABLE(resource_fields, "host.hostname");
const es_ecs_table es_ecs_of_log = TABLE(log_fields, "");
const es_ecs_table es_ecs_of_span = TABLE(span_fields, "");
const es_ecs_table es_ecs_of_span_event = TABLE(span_event_fields, "");
/* clang-format on */

const es_ecs_field *es_ecs_find(const es_ecs_table *table, weir_text attribute)
{
    for (size_t i = 0; i < table->count; i++) {
        if (weir_text_equal(table->fields[i].attribute, attribute))
            return &table->fields[i];
    }
    return NULL;
}

static bool has_name(const es_ecs_table *table, weir_text name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (weir_text_equal(table->fields[i].name, name))
            return true;
    }
    return false;
}

static bool is_name_of(const es_ecs_table *item, weir_text name)
{
    return has_name(&es_ecs_of_resource, name) || has_name(item, name) || es_name_is_of_data_stream(name);
}

bool es_ecs_is_name_of_log(weir_text name)
{
    return is_name_of(&es_ecs_of_log, name);
}

bool es_ecs_is_name_of_span(weir_text name)
{
    return is_name_of(&es_ecs_of_span, name);
}

bool es_ecs_is_name_of_span_event(weir_text name)
{
    return is_name_of(&es_ecs_of_span_event, name);
}
