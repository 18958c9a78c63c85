/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole configurations: what is understood, and what is said about mistakes.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "config/advice.h"
#include "core/memory.h"
#include "support.h"

#define RECEIVERS "receivers: {otlp: {protocols: {grpc: }}}\n"
#define EXPORTERS "exporters: {debug: , otlp/two: {endpoint: x}}\n"
#define PIPELINES "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug, otlp/two]}}}\n"

Test(config_document, is_understood)
{
    WEIR_BUFFER messages = {0};
    weir_document *document =
        load_document("receivers:\n  otlp:\n  otlp/two: {a: 1}\n"
                      "processors:\n  batch:\n"
                      "exporters:\n  debug:\n"
                      "extensions:\n  health_check:\n"
                      "service:\n"
                      "  extensions: [health_check]\n"
                      "  telemetry: {logs: {level: WARN, encoding: json}, metrics: {level: none}}\n"
                      "  pipelines:\n"
                      "    traces: {receivers: [otlp, otlp/two], processors: [batch], exporters: [debug]}\n"
                      "    logs/app: {receivers: 'otlp,otlp/two', exporters: [debug]}\n",
                      &messages);
    cr_expect_str_eq(weir_buffer_string(&messages), "");
    cr_assert_eq(document->component_count, 5);
    cr_expect_str_eq(document->components[1].id.text, "otlp/two");
    cr_expect_str_eq(document->components[1].id.type, "otlp");
    cr_expect_str_eq(document->components[1].id.name, "two");
    cr_expect_eq(document->components[3].section, WEIR_SECTION_EXPORTERS);
    cr_expect(document->components[3].is_known && document->components[3].is_used);
    cr_assert_eq(document->pipeline_count, 2);
    const weir_pipeline_entry *traces = &document->pipelines[0], *logs = &document->pipelines[1];
    cr_expect_str_eq(traces->id.type, "traces");
    cr_expect_eq(traces->receivers.count, 2);
    cr_expect_eq(traces->receivers.items[1], 1);
    cr_expect_eq(traces->processors.items[0], 2);
    cr_expect_eq(traces->exporters.items[0], 3);
    cr_expect_str_eq(logs->id.text, "logs/app");
    cr_expect_eq(logs->receivers.count, 2);
    cr_expect_eq(logs->processors.count, 0);
    cr_assert_eq(document->service.extensions.count, 1);
    cr_expect_eq(document->service.extensions.items[0], 4);
    cr_expect_eq(document->service.log_level, 2);
    cr_expect(document->service.log_json);
    cr_expect_eq(document->service.metrics_level, WEIR_LEVEL_NONE);
    cr_expect_eq(document->service.reader_count, 0);
    weir_document_free(document);
}

typedef struct message_case {
    const char *yaml;
    const char *messages; /* all of them */
} message_case;

static void check_messages(const message_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        WEIR_BUFFER messages = {0};
        weir_document *document = load_document(cases[i].yaml, &messages);
        cr_expect_str_eq(weir_buffer_string(&messages), cases[i].messages, "%s\nsaid\n%s", cases[i].yaml,
                         weir_buffer_string(&messages));
        weir_document_free(document);
    }
}

Test(config_document, top_level)
{
    static const message_case cases[] = {
        {"", "error: the configuration is empty\n"},
        {"a: [\n", "config.yaml:2:1: error: not valid YAML: did not find expected node content\n"},
        {EXPORTERS "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug, otlp/two]}}}\n",
         "error: no receiver is configured: the section \"receivers:\" is missing or empty\n"
         "config.yaml:2:44: error: service.pipelines.traces.receivers[0]: the receiver \"otlp\" is not defined: add it "
         "under "
         "\"receivers:\"\n"},
        {RECEIVERS EXPORTERS "service: {}\n",
         "config.yaml:1:13: warning: receivers.otlp: defined but not part of a pipeline, so it does nothing\n"
         "config.yaml:2:13: warning: exporters.debug: defined but not part of a pipeline, so it does nothing\n"
         "config.yaml:2:22: warning: exporters.otlp/two: defined but not part of a pipeline, so it does nothing\n"
         "config.yaml:3:10: error: service: service must have at least one pipeline\n"},
        {RECEIVERS EXPORTERS PIPELINES "reciever: {}\n",
         "config.yaml:4:1: error: reciever: unknown key; did you mean \"receivers\"? (known here: receivers, "
         "processors, exporters, "
         "extensions, connectors, service)\n"},
        {RECEIVERS EXPORTERS PIPELINES "processors: [batch]\n",
         "config.yaml:4:13: error: processors: expected a mapping, found a list\n"},
        {RECEIVERS EXPORTERS PIPELINES "processors: {' batch': {}, 'batch ': 5}\n",
         "config.yaml:4:14: warning: processors. batch: defined but not part of a pipeline, so it does nothing\n"
         "config.yaml:4:28: error: processors.batch : the processor \"batch\" is defined twice\n"},
    };
    check_messages(cases, WEIR_COUNT_OF(cases));
}

Test(config_document, unknown_components_are_all_named_with_what_to_use_instead)
{
    static const message_case cases[] = {
        {RECEIVERS EXPORTERS PIPELINES "processors:\n  k8sattributes:\n  bacth:\n  9x:\n  whatever/1:\n",
         "config.yaml:5:3: error: processors.k8sattributes: weir has no processor \"k8sattributes\": set k8s.* "
         "attributes by "
         "OTEL_RESOURCE_ATTRIBUTES from the pod's fields, or run this processor in a Collector in front\n"
         "config.yaml:6:3: error: processors.bacth: weir has no processor \"bacth\"; did you mean \"batch\"?\n"
         "config.yaml:7:3: error: processors.9x: not an id (type or type/name): a type is made of letters, digits and "
         "\"_\", at most 63, "
         "and begins with a letter\n"
         "config.yaml:8:3: error: processors.whatever/1: weir has no processor \"whatever\"; `weir components` lists "
         "what there is\n"},
        {RECEIVERS EXPORTERS
         "connectors: {forward: , own: }\n"
         "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug, otlp/two, forward]}}}\n",
         "config.yaml:3:14: error: connectors.forward: weir has no connector \"forward\": write the receivers, "
         "processors and exporters of "
         "both pipelines into one\n"
         "config.yaml:3:25: error: connectors.own: weir has no connectors; run \"own\" in a Collector behind weir\n"
         "config.yaml:4:80: error: service.pipelines.traces.exporters[2]: \"forward\" is a connector, and weir has "
         "none; see the message "
         "about it\n"},
    };
    check_messages(cases, WEIR_COUNT_OF(cases));
}

#define WITH_PIPELINE(text) RECEIVERS EXPORTERS PIPELINES "service::pipelines::" text "\n"

Test(config_document, pipelines)
{
    static const message_case cases[] = {
        {WITH_PIPELINE("logs: {receivers: [otlp], exporters: [debug]}"), ""},
        {WITH_PIPELINE("logs: {receivers: [], exporters: }"),
         "config.yaml:4:1: error: service.pipelines.logs: must have at least one receiver\n"
         "config.yaml:4:1: error: service.pipelines.logs: must have at least one exporter\n"},
        {WITH_PIPELINE("logs: "), "config.yaml:4:1: error: service.pipelines.logs: must have at least one receiver\n"
                                  "config.yaml:4:1: error: service.pipelines.logs: must have at least one exporter\n"},
        {WITH_PIPELINE("logs: {receivers: [oltp], exporters: [debug, debug]}"),
         "config.yaml:4:40: error: service.pipelines.logs.receivers[0]: the receiver \"oltp\" is not defined; did you "
         "mean \"otlp\"?\n"
         "config.yaml:4:66: error: service.pipelines.logs.exporters[1]: the exporter \"debug\" stands here twice\n"},
        {WITH_PIPELINE("profiles: {receivers: [otlp], exporters: [debug]}"),
         "config.yaml:4:1: error: service.pipelines.profiles: weir has no pipelines for profiles; send them to a "
         "Collector\n"},
        {WITH_PIPELINE("log: {receivers: [otlp], exporters: [debug]}"),
         "config.yaml:4:1: error: service.pipelines.log: a pipeline's type is traces, metrics or logs, not \"log\"; "
         "did you mean "
         "\"logs\"?\n"},
        {WITH_PIPELINE("logs/: {receivers: [otlp], exporters: [debug]}"),
         "config.yaml:4:1: error: service.pipelines.logs/: not a pipeline's id (signal or signal/name): the part after "
         "/ must not be "
         "empty\n"},
        {WITH_PIPELINE("logs: {receivers: [otlp], exporter: [debug]}"),
         "config.yaml:4:1: error: service.pipelines.logs: must have at least one exporter\n"
         "config.yaml:4:47: error: service.pipelines.logs.exporter: unknown key; did you mean \"exporters\"? (known "
         "here: receivers, "
         "processors, exporters)\n"},
        {WITH_PIPELINE("logs: {receivers: {a: b}, exporters: [5]}"),
         "config.yaml:4:39: error: service.pipelines.logs.receivers: expected a list of receivers: [a, b]\n"
         "config.yaml:4:59: error: service.pipelines.logs.exporters[0]: expected an id from under \"exporters:\"\n"},
    };
    check_messages(cases, WEIR_COUNT_OF(cases));
}

#define WITH_TELEMETRY(text) RECEIVERS EXPORTERS PIPELINES "service::telemetry:\n" text "\n"

Test(config_document, telemetry_mistakes)
{
    static const message_case cases[] = {
        {WITH_TELEMETRY("  logs: {output_paths: [/var/log/x]}"),
         "config.yaml:5:24: error: service.telemetry.logs.output_paths: weir writes its log to stderr only, not to "
         "\"/var/log/x\"; "
         "redirect standard error instead\n"},
        {WITH_TELEMETRY("  metrics: {readers: [{periodic: {}}]}"),
         "config.yaml:5:24: error: service.telemetry.metrics.readers[0].periodic: weir cannot do this yet: use "
         "pull.exporter.prometheus and "
         "scrape it\n"},
        {WITH_TELEMETRY("  metrics: {readers: []}"), "config.yaml:5:22: error: service.telemetry.metrics.readers: at "
                                                     "least one reader is needed while the level is not none\n"},
        {WITH_TELEMETRY("  metrics: {readers: [{}]}"),
         "config.yaml:5:23: error: service.telemetry.metrics.readers[0]: a reader needs \"pull:\" with an exporter\n"},
        {WITH_TELEMETRY("  resource: {a: b, n: 5}"),
         "config.yaml:5:23: error: service.telemetry.resource.n: expected a text or null, found the number 5\n"},
        {WITH_TELEMETRY("  logs: {sampling: {enabled: true}}"),
         "config.yaml:5:10: note: service.telemetry.logs.sampling: accepted, but not needed: every place that logs has "
         "a rate limit of its "
         "own, and says what it left out\n"},
    };
    check_messages(cases, WEIR_COUNT_OF(cases));
}

Test(config_document, metrics_addresses)
{
    static const struct {
        const char *yaml, *endpoint;
        size_t count;
    } cases[] = {
        {WITH_TELEMETRY("  logs: {}"), "localhost:8888", 1},
        {WITH_TELEMETRY("  metrics: {readers: [{pull: {exporter: {prometheus: {host: '::', port: 9}}}}]}"), "[::]:9",
         1},
        {WITH_TELEMETRY("  metrics: {readers: [{pull: {exporter: {prometheus: }}}]}"), "localhost:8888", 1},
        {WITH_TELEMETRY("  metrics: {address: 'host:5'}"), "host:5", 1},
        {WITH_TELEMETRY("  metrics: {level: none, readers: []}"), NULL, 0},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        WEIR_BUFFER messages = {0};
        weir_document *document = load_document(cases[i].yaml, &messages);
        cr_assert_eq(document->service.reader_count, cases[i].count, "%s", cases[i].yaml);
        if (cases[i].count > 0) {
            cr_expect_str_eq(document->service.readers[0].endpoint, cases[i].endpoint);
            cr_expect(document->service.readers[0].without_type_suffix);
        }
        weir_document_free(document);
    }
}

Test(config_document, resource_in_both_forms)
{
    static const char *const forms[] = {
        WITH_TELEMETRY("  resource: {a: b, service.name: }"),
        WITH_TELEMETRY("  resource: {attributes: [{name: a, value: b}, {name: service.name, value: }]}")};
    for (size_t i = 0; i < WEIR_COUNT_OF(forms); i++) {
        WEIR_BUFFER messages = {0};
        weir_document *document = load_document(forms[i], &messages);
        const weir_string_map *resource = &document->service.resource;
        cr_expect_str_eq(weir_buffer_string(&messages), "");
        cr_assert_eq(resource->count, 2);
        cr_expect_str_eq(resource->keys[0], "a");
        cr_expect_str_eq(resource->values[0], "b");
        cr_expect_null(resource->values[1]);
        weir_document_free(document);
    }
}

Test(config_document, ids)
{
    static const struct {
        const char *text, *id; /* NULL: refused */
    } cases[] = {{"otlp", "otlp"},       {" otlp / two ", "otlp/two"},
                 {"a_1/b/c", "a_1/b/c"}, {"", NULL},
                 {"/x", NULL},           {"otlp/", NULL},
                 {"1a", NULL},           {"a-b", NULL},
                 {"a/b c", NULL},        {"a/b$", NULL},
                 {"a/b-c.d", "a/b-c.d"}};
    weir_tree *tree = weir_tree_new();
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        weir_id id;
        const char *mistake = weir_id_parse(tree, cases[i].text, &id);
        cr_expect_eq(mistake == NULL, cases[i].id != NULL, "%s", cases[i].text);
        if (!mistake)
            cr_expect_str_eq(id.text, cases[i].id);
    }
    weir_tree_free(tree);
}
