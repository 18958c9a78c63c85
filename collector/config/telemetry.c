/* SPDX-License-Identifier: Apache-2.0
 *
 * service.telemetry: weir's own log and metrics, with the Collector's keys and defaults
 * (service/telemetry/otelconftelemetry).
 */
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/document.h"
#include "core/memory.h"

typedef struct logs_config {
    int level, encoding;
    weir_strings output_paths, error_output_paths;
} logs_config;

typedef struct prometheus_config {
    char *host;
    uint64_t port;
    bool without_type_suffix, without_units;
} prometheus_config;

typedef struct pull_exporter_config {
    prometheus_config *prometheus;
} pull_exporter_config;

typedef struct pull_config {
    pull_exporter_config exporter;
} pull_config;

typedef struct reader_config {
    pull_config *pull;
} reader_config;

typedef struct metrics_config {
    int level;
    weir_list readers;
    char *address;
} metrics_config;

typedef struct telemetry_config {
    logs_config logs;
    metrics_config metrics;
    const weir_node *resource;
} telemetry_config;

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const encodings[] = {"console", "json", NULL};
static const char *const metric_levels[] = {"none", "basic", "normal", "detailed", NULL};

static const weir_option logs_options[] = {
    {.name = "level",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(logs_config, level),
     .default_text = "info",
     .enum_names = log_levels,
     .summary = "The least severe lines of weir's own log that are written."},
    {.name = "encoding",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(logs_config, encoding),
     .default_text = "console",
     .enum_names = encodings,
     .summary = "Text for people, or one JSON object a line."},
    {.name = "output_paths",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(logs_config, output_paths),
     .default_text = "stderr",
     .summary = "Where the log goes: standard error, the only place so far."},
    {.name = "error_output_paths",
     .type = WEIR_OPTION_STRINGS,
     .offset = offsetof(logs_config, error_output_paths),
     .default_text = "stderr",
     .summary = "Where trouble with the log itself goes: standard error."},
    {.name = "sampling",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_SUBSUMED,
     .remark = "every place that logs has a rate limit of its own, and says what it left out",
     .summary = "Limits repeated lines."},
    {.name = "development",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "it changes stack traces of the Collector, which weir does not have",
     .summary = "Development mode of the Collector's logger."},
    {.name = "disable_caller",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "lines name the component, never a source line",
     .summary = "Leaves the source line out."},
    {.name = "disable_stacktrace",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "lines never carry stack traces",
     .summary = "Leaves stack traces out."},
    {.name = "disable_zap_resource",
     .type = WEIR_OPTION_BOOL,
     .standing = WEIR_SUBSUMED,
     .remark = "lines never carry resource attributes",
     .summary = "Leaves resource attributes out of the log."},
    {.name = "initial_fields",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "add fields where the log is collected",
     .summary = "Fields added to every line."},
    {.name = "processors",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "collect standard error with the platform's log collector",
     .summary = "Sends weir's own log over OTLP."},
    {0}};

static const weir_option prometheus_options[] = {{.name = "host",
                                                  .type = WEIR_OPTION_STRING,
                                                  .offset = offsetof(prometheus_config, host),
                                                  .default_text = "localhost",
                                                  .summary = "Address to serve /metrics on."},
                                                 {.name = "port",
                                                  .type = WEIR_OPTION_UINT,
                                                  .offset = offsetof(prometheus_config, port),
                                                  .default_text = "8888",
                                                  .max = 65535,
                                                  .summary = "Port to serve /metrics on."},
                                                 {.name = "without_scope_info",
                                                  .type = WEIR_OPTION_BOOL,
                                                  .standing = WEIR_SUBSUMED,
                                                  .remark = "weir's metrics never carry scope labels",
                                                  .summary = "Leaves the otel_scope_… labels out."},
                                                 {.name = "without_type_suffix",
                                                  .type = WEIR_OPTION_BOOL,
                                                  .offset = offsetof(prometheus_config, without_type_suffix),
                                                  .default_text = "true",
                                                  .summary = "Leaves \"_total\" after counters out."},
                                                 {.name = "without_units",
                                                  .type = WEIR_OPTION_BOOL,
                                                  .offset = offsetof(prometheus_config, without_units),
                                                  .default_text = "true",
                                                  .summary = "Leaves units such as \"_bytes\" out of names."},
                                                 {.name = "with_resource_constant_labels",
                                                  .type = WEIR_OPTION_ANY,
                                                  .standing = WEIR_NOT_BUILT,
                                                  .remark = "add labels in the scrape configuration of Prometheus",
                                                  .summary = "Resource attributes as labels of every series."},
                                                 {0}};

static const weir_option pull_exporter_options[] = {{.name = "prometheus",
                                                     .type = WEIR_OPTION_POINTER,
                                                     .offset = offsetof(pull_exporter_config, prometheus),
                                                     .group = prometheus_options,
                                                     .group_size = sizeof(prometheus_config),
                                                     .required = true,
                                                     .summary = "Serves metrics to Prometheus."},
                                                    {0}};

static const weir_option pull_options[] = {{.name = "exporter",
                                            .type = WEIR_OPTION_GROUP,
                                            .offset = offsetof(pull_config, exporter),
                                            .group = pull_exporter_options,
                                            .group_size = sizeof(pull_exporter_config),
                                            .required = true,
                                            .summary = "How the metrics are served."},
                                           {0}};

static const weir_option reader_options[] = {{.name = "pull",
                                              .type = WEIR_OPTION_POINTER,
                                              .offset = offsetof(reader_config, pull),
                                              .group = pull_options,
                                              .group_size = sizeof(pull_config),
                                              .summary = "Metrics are fetched from weir."},
                                             {.name = "periodic",
                                              .type = WEIR_OPTION_ANY,
                                              .standing = WEIR_NOT_BUILT,
                                              .remark = "use pull.exporter.prometheus and scrape it",
                                              .summary = "Metrics are sent every so often."},
                                             {0}};

static const weir_option metrics_options[] = {
    {.name = "level",
     .type = WEIR_OPTION_ENUM,
     .offset = offsetof(metrics_config, level),
     .default_text = "normal",
     .enum_names = metric_levels,
     .summary = "How much weir tells of itself; none serves nothing."},
    {.name = "readers",
     .type = WEIR_OPTION_LIST,
     .offset = offsetof(metrics_config, readers),
     .group = reader_options,
     .group_size = sizeof(reader_config),
     .summary = "Where the metrics can be read; without this key on localhost:8888."},
    {.name = "address",
     .type = WEIR_OPTION_ENDPOINT,
     .standing = WEIR_DEPRECATED,
     .offset = offsetof(metrics_config, address),
     .remark = "write readers: [{pull: {exporter: {prometheus: {host: …, port: …}}}}]",
     .summary = "Address to serve /metrics on."},
    {.name = "views",
     .type = WEIR_OPTION_ANY,
     .standing = WEIR_NOT_BUILT,
     .remark = "drop or rename series in the scrape configuration of Prometheus",
     .summary = "Changes which metrics there are."},
    {0}};

static const weir_option traces_options[] = {{.name = "level",
                                              .type = WEIR_OPTION_ENUM,
                                              .standing = WEIR_SUBSUMED,
                                              .enum_names = metric_levels,
                                              .remark = "weir makes no spans of its own",
                                              .summary = "Whether spans about weir itself are made."},
                                             {.name = "propagators",
                                              .type = WEIR_OPTION_STRINGS,
                                              .standing = WEIR_SUBSUMED,
                                              .remark = "weir makes no spans of its own",
                                              .summary = "How the context of such spans is passed on."},
                                             {.name = "processors",
                                              .type = WEIR_OPTION_ANY,
                                              .standing = WEIR_NOT_BUILT,
                                              .remark = "weir makes no spans of its own",
                                              .summary = "Where such spans are sent."},
                                             {0}};

const weir_option weir_telemetry_options[] = {
    {.name = "logs",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(telemetry_config, logs),
     .group = logs_options,
     .group_size = sizeof(logs_config),
     .summary = "weir's own log."},
    {.name = "metrics",
     .type = WEIR_OPTION_GROUP,
     .offset = offsetof(telemetry_config, metrics),
     .group = metrics_options,
     .group_size = sizeof(metrics_config),
     .summary = "weir's own metrics."},
    {.name = "traces",
     .type = WEIR_OPTION_GROUP,
     .group = traces_options,
     .group_size = 0,
     .summary = "Spans about weir itself: none."},
    {.name = "resource",
     .type = WEIR_OPTION_ANY,
     .offset = offsetof(telemetry_config, resource),
     .summary = "Attributes of weir itself, name: value; null leaves one out."},
    {0}};

/* ---- metrics ---- */

/* Takes `endpoint`. */
static void add_reader(weir_service *service, char *endpoint, const prometheus_config *prometheus)
{
    service->readers = weir_realloc(service->readers, service->reader_count + 1, sizeof(*service->readers));
    service->readers[service->reader_count++] = (weir_prometheus_reader){
        .endpoint = endpoint,
        .without_type_suffix = !prometheus || prometheus->without_type_suffix,
        .without_units = !prometheus || prometheus->without_units,
    };
}

static char *join_host_port(const char *host, uint64_t port)
{
    bool is_ipv6 = strchr(host, ':') && host[0] != '[';
    return weir_format("%s%s%s:%u", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", (unsigned)port);
}

static void read_metrics(weir_service *service, const metrics_config *metrics, const weir_node *node,
                         weir_diagnostics *diagnostics)
{
    const reader_config *readers = metrics->readers.items;
    const weir_node *list = weir_node_get(node, "readers");
    service->metrics_level = (weir_service_level)metrics->level;
    if (service->metrics_level == WEIR_LEVEL_NONE)
        return;
    for (size_t i = 0; i < metrics->readers.count; i++) {
        const prometheus_config *prometheus = readers[i].pull ? readers[i].pull->exporter.prometheus : NULL;
        if (prometheus && prometheus->host)
            add_reader(service, join_host_port(prometheus->host, prometheus->port), prometheus);
        else if (!weir_node_get(list->items[i], "pull") && !weir_node_get(list->items[i], "periodic"))
            weir_diagnostics_error(diagnostics, list->items[i], "a reader needs \"pull:\" with an exporter");
    }
    if (metrics->address && *metrics->address)
        add_reader(service, weir_strdup(metrics->address), NULL);
    else if (list && list->kind == WEIR_NODE_SEQUENCE && list->count == 0)
        weir_diagnostics_error(diagnostics, list, "at least one reader is needed while the level is not none");
    else if (!list || list->kind == WEIR_NODE_NULL)
        add_reader(service, weir_strdup("localhost:8888"), NULL);
}

/* ---- logs ---- */

static void check_output(const weir_strings *paths, const weir_node *node, weir_diagnostics *diagnostics)
{
    for (size_t i = 0; i < paths->count; i++) {
        if (strcmp(paths->items[i], "stderr") != 0)
            weir_diagnostics_error(diagnostics, node,
                                   "weir writes its log to stderr only, not to \"%s\"; redirect standard error instead",
                                   paths->items[i]);
    }
}

/* ---- resource ---- */

static void report_no_text(const weir_node *value, weir_diagnostics *diagnostics)
{
    WEIR_BUFFER found = {0};
    weir_node_describe(value, &found);
    weir_diagnostics_error(diagnostics, value, "expected a text or null, found %s", weir_buffer_string(&found));
}

static void add_attribute(weir_string_map *map, const char *key, const weir_node *value, weir_diagnostics *diagnostics)
{
    const char *text = NULL;
    if (value->kind != WEIR_NODE_NULL && !weir_node_text(value, &text)) {
        report_no_text(value, diagnostics);
        return;
    }
    map->keys = weir_realloc(map->keys, map->count + 1, sizeof(char *));
    map->values = weir_realloc(map->values, map->count + 1, sizeof(char *));
    map->keys[map->count] = weir_strdup(key);
    map->values[map->count++] = text ? weir_strdup(text) : NULL;
}

/* attributes: [{name: …, value: …}], the newer way. */
static void read_attribute_list(weir_string_map *map, const weir_node *list, weir_diagnostics *diagnostics)
{
    if (list->kind != WEIR_NODE_SEQUENCE) {
        weir_diagnostics_error(diagnostics, list, "expected a list of {name: …, value: …}");
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const weir_node *name = weir_node_get(list->items[i], "name"), *value = weir_node_get(list->items[i], "value");
        const char *name_text;
        if (name && value && weir_node_text(name, &name_text))
            add_attribute(map, name_text, value, diagnostics);
        else
            weir_diagnostics_error(diagnostics, list->items[i], "expected {name: …, value: …}");
    }
}

static void read_resource(weir_string_map *map, const weir_node *node, weir_diagnostics *diagnostics)
{
    if (!node || node->kind == WEIR_NODE_NULL)
        return;
    if (node->kind != WEIR_NODE_MAPPING) {
        weir_diagnostics_error(diagnostics, node, "expected a mapping of attributes");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const char *key = node->keys[i]->text;
        if (strcmp(key, "attributes") == 0)
            read_attribute_list(map, node->items[i], diagnostics);
        else if (strcmp(key, "schema_url") == 0)
            weir_diagnostics_note(diagnostics, node->keys[i],
                                  "accepted, but not needed: weir's own telemetry carries no schema");
        else if (strcmp(key, "attributes_list") == 0 || strcmp(key, "detection/development") == 0)
            weir_diagnostics_error(diagnostics, node->keys[i],
                                   "weir cannot do this yet: write the attributes under \"attributes\"");
        else
            add_attribute(map, key, node->items[i], diagnostics);
    }
}

/* ---- the whole ---- */

void weir_service_read_telemetry(weir_service *service, const weir_node *telemetry, weir_diagnostics *diagnostics)
{
    telemetry_config config = {0};
    weir_options_read(weir_telemetry_options, telemetry, &config, diagnostics);
    service->log_level = config.logs.level;
    service->log_json = config.logs.encoding == 1;
    check_output(&config.logs.output_paths, weir_node_find(telemetry, "logs.output_paths"), diagnostics);
    check_output(&config.logs.error_output_paths, weir_node_find(telemetry, "logs.error_output_paths"), diagnostics);
    read_metrics(service, &config.metrics, weir_node_get(telemetry, "metrics"), diagnostics);
    read_resource(&service->resource, config.resource, diagnostics);
    weir_options_free(weir_telemetry_options, &config);
}

void weir_service_done(weir_service *service)
{
    for (size_t i = 0; i < service->reader_count; i++)
        free(service->readers[i].endpoint);
    for (size_t i = 0; i < service->resource.count; i++) {
        free(service->resource.keys[i]);
        free(service->resource.values[i]);
    }
    free(service->readers);
    free(service->resource.keys);
    free(service->resource.values);
    free(service->extensions.items);
    *service = (weir_service){0};
}
