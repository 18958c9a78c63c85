/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "components.h"
#include "config/diagnostics.h"
#include "config/quantity.h"
#include "config/reference.h"
#include "core/limits.h"
#include "core/memory.h"
#include "embedded.h"
#include "exporters/elasticsearch/setup/setup.h"
#include "module.h"
#include "plan.h"
#include "report.h"
#include "run.h"
#include "telemetry/log.h"

enum { SOURCES_MAX = 64, DEFAULT_SHUTDOWN_TIMEOUT_MS = 20 * 1000, DEFAULT_TOTALS_MS = 5 * 1000 };

typedef struct arguments {
    const char *sources[SOURCES_MAX];
    size_t source_count;
    const char *settings[SOURCES_MAX];
    size_t setting_count;
    bool has_totals;
    bool is_print;         /* --print, of validate */
    bool is_embedded;      /* without --config */
    const char *state_dir; /* --state-dir, or NULL */
    char *state_folder;    /* owned; NULL unless is_embedded */
    weir_run_options run;
} arguments;

/* ---- arguments of run and validate ---- */

static bool add_value(const char *value, const char **values, size_t *count)
{
    if (*count == SOURCES_MAX) {
        fprintf(stderr, "weir: more than %d --config or --set: put them into a file\n", SOURCES_MAX);
        return false;
    }
    values[(*count)++] = value;
    return true;
}

static bool read_duration(const char *option, const char *value, uint64_t *ret_ms)
{
    if (weir_parse_duration(value, ret_ms))
        return true;
    fprintf(stderr, "weir: --%s wants a duration such as 20s, not \"%s\"\n", option, value);
    return false;
}

static bool read_workers(const char *value, unsigned *ret_workers)
{
    uint64_t number;
    if (weir_text_to_uint(weir_text_of(value), WEIR_WORKERS_MAX, &number) && number > 0) {
        *ret_workers = (unsigned)number;
        return true;
    }
    fprintf(stderr, "weir: --workers wants a number from 1 to %d, not \"%s\"\n", WEIR_WORKERS_MAX, value);
    return false;
}

static bool take_option(int option, arguments *out)
{
    switch (option) {
    case 'c':
        return add_value(optarg, out->sources, &out->source_count);
    case 's':
        return add_value(optarg, out->settings, &out->setting_count);
    case 'w':
        return read_workers(optarg, &out->run.workers);
    case 'd':
        return read_duration("shutdown-timeout", optarg, &out->run.shutdown_timeout_ms);
    case 't':
        out->has_totals = true;
        return read_duration("totals", optarg, &out->run.totals_interval_ms);
    case 'p':
        out->is_print = true;
        return true;
    case 'f':
        out->state_dir = optarg;
        return true;
    case 'g':
        fprintf(stderr, "weir: warning: --feature-gates %s: weir has no feature gates; this changes nothing\n", optarg);
        return true;
    default:
        return false;
    }
}

static bool use_embedded(arguments *out)
{
    weir_error error;
    out->is_embedded = true;
    out->sources[out->source_count++] = weir_embedded_configuration;
    if (!out->has_totals)
        out->run.totals_interval_ms = DEFAULT_TOTALS_MS;
    out->state_folder = weir_state_folder(out->state_dir, &error);
    if (!out->state_folder)
        fprintf(stderr, "weir: %s\n", error.text);
    return out->state_folder != NULL;
}

static void arguments_done(arguments *given)
{
    free(given->state_folder);
}

/* False if the command line is misused; a message has been written. */
static bool read_arguments(int argc, char **argv, arguments *out)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"shutdown-timeout", required_argument, NULL, 'd'},
                                            {"totals", required_argument, NULL, 't'},
                                            {"feature-gates", required_argument, NULL, 'g'},
                                            {"print", no_argument, NULL, 'p'},
                                            {"state-dir", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    *out = (arguments){.run.shutdown_timeout_ms = DEFAULT_SHUTDOWN_TIMEOUT_MS};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (!take_option(option, out))
            return false;
    }
    if (optind < argc) {
        fprintf(stderr, "weir: what is \"%s\"? A configuration file is given with --config\n", argv[optind]);
        return false;
    }
    if (out->source_count == 0)
        return use_embedded(out);
    if (out->state_dir)
        fprintf(stderr, "weir: --state-dir is for weir without --config; a configuration names its own folders\n");
    return !out->state_dir;
}

/* NULL: there were mistakes; they were printed, and at a start also left for Kubernetes. */
static weir_plan *read_plan(const arguments *given, weir_severity least, bool is_start)
{
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    const weir_sources sources = {.configs = given->sources,
                                  .config_count = given->source_count,
                                  .sets = given->settings,
                                  .set_count = given->setting_count,
                                  .environment = given->is_embedded ? weir_embedded_environment : NULL,
                                  .user = given->state_folder};
    weir_plan *plan = weir_plan_read(&sources, diagnostics);
    WEIR_BUFFER messages = {0};
    weir_diagnostics_print(diagnostics, least, &messages);
    fputs(weir_buffer_string(&messages), stderr);
    if (!plan && is_start)
        weir_report_termination(weir_buffer_string(&messages));
    weir_diagnostics_free(diagnostics);
    return plan;
}

/* ---- commands ---- */

static bool take_state_folder(const arguments *given)
{
    weir_error error;
    if (weir_state_folder_take(given->state_folder, &error) != WEIR_OK) {
        fprintf(stderr, "weir: %s\n", error.text);
        weir_report_termination(error.text);
        return false;
    }
    weir_embedded_announce(given->state_folder);
    return true;
}

int weir_command_run(int argc, char **argv)
{
    WEIR_CLEANUP(arguments_done) arguments given;
    if (!read_arguments(argc, argv, &given))
        return 2;
    if (given.is_print) {
        fprintf(stderr, "weir: --print belongs to weir validate\n");
        return 2;
    }
    weir_plan *plan = read_plan(&given, WEIR_SEVERITY_WARNING, true);
    if (!plan) {
        fprintf(stderr, "weir: the configuration has errors; nothing was started\n");
        return 1;
    }
    weir_log_configure((weir_log_level)plan->document->service.log_level, plan->document->service.log_json);
    if (given.is_embedded && !take_state_folder(&given)) {
        weir_plan_free(plan);
        return 1;
    }
    return weir_run(plan, &given.run);
}

static void print(weir_buffer *text)
{
    fputs(weir_buffer_string(text), stdout);
}

static void list_components(void)
{
    for (size_t i = 0; i < weir_component_count(); i++) {
        const weir_component_type *type = weir_component_at(i);
        if (type)
            printf("%-10s %-22s %s\n", weir_component_kind_name(type->kind), type->name, type->summary);
    }
}

static weir_reference reference_of(const weir_component_type *type)
{
    return (weir_reference){.section = (weir_section)type->kind,
                            .name = type->name,
                            .alias = type->alias,
                            .summary = type->summary,
                            .options = type->options};
}

int weir_command_components(int argc, char **argv)
{
    if (argc > 2) {
        fprintf(stderr, "weir: usage: weir components [NAME]\n");
        return 2;
    }
    if (argc < 2) {
        list_components();
        return 0;
    }
    bool found = false;
    for (size_t i = 0; i < weir_component_count(); i++) {
        const weir_component_type *type = weir_component_at(i);
        if (!type || (strcmp(type->name, argv[1]) != 0 && (!type->alias || strcmp(type->alias, argv[1]) != 0)))
            continue;
        found = true;
        const weir_reference component = reference_of(type);
        WEIR_BUFFER text = {0};
        weir_reference_text(&component, &text);
        print(&text);
    }
    if (!found)
        fprintf(stderr, "weir: there is no component \"%s\"; weir components lists them\n", argv[1]);
    return found ? 0 : 1;
}

/* All components, in room for weir_component_count of them; gives how many there are. */
static size_t all_references(weir_reference *ret_components)
{
    size_t count = 0;
    for (size_t i = 0; i < weir_component_count(); i++) {
        const weir_component_type *type = weir_component_at(i);
        if (type)
            ret_components[count++] = reference_of(type);
    }
    return count;
}

int weir_command_validate(int argc, char **argv)
{
    WEIR_CLEANUP(arguments_done) arguments given;
    if (!read_arguments(argc, argv, &given))
        return 2;
    weir_plan *plan = read_plan(&given, WEIR_SEVERITY_NOTE, false);
    if (!plan)
        return 1;
    WEIR_BUFFER text = {0};
    if (given.is_print) {
        WEIR_FREE weir_reference *components = weir_alloc(weir_component_count(), sizeof *components);
        weir_reference_print(plan->document, components, all_references(components), &text);
    } else {
        weir_plan_promises(plan, &text);
    }
    print(&text);
    weir_plan_free(plan);
    return 0;
}

int weir_command_schema(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "weir: what is \"%s\"? weir schema takes no arguments\n", argv[1]);
        return 2;
    }
    WEIR_FREE weir_reference *components = weir_alloc(weir_component_count(), sizeof *components);
    WEIR_BUFFER text = {0};
    weir_reference_schema(components, all_references(components), &text);
    print(&text);
    return 0;
}

static bool write_page(const char *folder, const weir_reference *component)
{
    WEIR_FREE char *path = weir_format("%s/%s-%s.md", folder, weir_section_noun(component->section), component->name);
    WEIR_BUFFER page = {0};
    weir_reference_markdown(component, &page);
    FILE *file = fopen(path, "w");
    bool written = file && fwrite(page.data, 1, page.len, file) == page.len;
    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        fprintf(stderr, "weir: %s: %s\n", path, strerror(errno));
    return written;
}

int weir_command_reference(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "weir: usage: weir reference FOLDER\n");
        return 2;
    }
    WEIR_FREE weir_reference *components = weir_alloc(weir_component_count(), sizeof *components);
    size_t count = all_references(components);
    mkdir(argv[1], 0777);
    for (size_t i = 0; i < count; i++) {
        if (!write_page(argv[1], &components[i]))
            return 1;
    }
    return 0;
}

#ifdef WEIR_STATIC_MODULES
static const weir_setup *find_setup(weir_error *ret_error)
{
    (void)ret_error;
    return &weir_setup_elasticsearch;
}
#else
static const weir_setup *find_setup(weir_error *ret_error)
{
    return weir_module_open("weir-elasticsearch.so", "weir_setup_elasticsearch", WEIR_SETUP_ABI, ret_error);
}
#endif

int weir_command_setup(int argc, char **argv)
{
    weir_error error;
    const weir_setup *setup = find_setup(&error);
    if (setup)
        return setup->run(argc, argv);
    fprintf(stderr, "weir setup: %s\n", error.text);
    return 1;
}
