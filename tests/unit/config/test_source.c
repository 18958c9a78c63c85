/* SPDX-License-Identifier: Apache-2.0
 *
 * --config and --set: kinds of sources, their order, and how they merge.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "support.h"

static const char *const contents[] = {"a.yaml",     "receivers:\n  otlp: {x: 1, list: [1, 2]}\n  nop:\nlevel: 1\n",
                                       "b.yaml",     "receivers:\n  otlp: {y: 2, list: [3]}\nlevel: two\n",
                                       "null.yaml",  "receivers:\n",
                                       "empty.yaml", "",
                                       "bad.yaml",   "EIO",
                                       NULL};

static const char *environment(void *user, const char *name)
{
    (void)user;
    return strcmp(name, "CONFIG") == 0 ? "from:\n  env: 1\n" : NULL;
}

typedef struct source_case {
    const char *configs[4];
    const char *sets[4];
    const char *result;
    const char *messages; /* NULL: none */
} source_case;

static size_t count_of(const char *const *items)
{
    size_t count = 0;
    while (count < 4 && items[count])
        count++;
    return count;
}

static void check(const source_case *expected)
{
    fake_world world;
    fake_world_init(&world, NULL, contents);
    weir_sources sources = {.configs = expected->configs,
                            .config_count = count_of(expected->configs),
                            .sets = expected->sets,
                            .set_count = count_of(expected->sets),
                            .files = &world.files,
                            .environment = environment};
    weir_tree *tree = weir_tree_new();
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    WEIR_BUFFER messages = {0};
    WEIR_BUFFER flow = {0};
    print_flow(weir_sources_load(&sources, tree, diagnostics), &flow);
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &messages);
    cr_expect_str_eq(weir_buffer_string(&flow), expected->result, "got %s", weir_buffer_string(&flow));
    cr_expect_str_eq(weir_buffer_string(&messages), expected->messages ? expected->messages : "", "said %s",
                     weir_buffer_string(&messages));
    weir_diagnostics_free(diagnostics);
    weir_tree_free(tree);
}

Test(config_source, good)
{
    static const source_case cases[] = {
        {{"a.yaml"}, {NULL}, "{receivers: {otlp: {x: 1, list: [1, 2]}, nop: null}, level: 1}", NULL},
        {{"file:a.yaml", "b.yaml"},
         {NULL},
         "{receivers: {otlp: {x: 1, list: [3], y: 2}, nop: null}, level: \"two\"}",
         NULL},
        {{"b.yaml", "a.yaml"}, {NULL}, "{receivers: {otlp: {y: 2, list: [1, 2], x: 1}, nop: null}, level: 1}", NULL},
        /* null replaces a mapping: confmap/README.md, "Null Maps" */
        {{"a.yaml", "null.yaml"}, {NULL}, "{receivers: null, level: 1}", NULL},
        {{"a.yaml", "empty.yaml"}, {NULL}, "{receivers: {otlp: {x: 1, list: [1, 2]}, nop: null}, level: 1}", NULL},
        {{"env:CONFIG"}, {NULL}, "{from: {env: 1}}", NULL},
        {{"yaml:exporters::debug/x::verbosity: detailed"},
         {NULL},
         "{exporters: {debug/x: {verbosity: \"detailed\"}}}",
         NULL},
        {{"yaml:{a: {b: 1}}"}, {"a.b=2", "a.c = 3s "}, "{a: {b: 2, c: \"3s\"}}", NULL},
        {{"yaml:{a: 1}"},
         {"processors::batch/foo::timeout=2s"},
         "{a: 1, processors: {batch/foo: {timeout: \"2s\"}}}",
         NULL},
        {{"yaml:{a: 1}"}, {"a=[x, {y: 1}]", "b=", "c==x"}, "{a: [\"x\", {y: 1}], b: null, c: \"=x\"}", NULL},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}

Test(config_source, bad)
{
    static const source_case cases[] = {
        {{"none.yaml"}, {NULL}, "{}", "none.yaml: error: cannot be read: there is no such file\n"},
        {{"bad.yaml"}, {NULL}, "{}", "bad.yaml: error: cannot be read: Input/output error\n"},
        {{""}, {NULL}, "{}", "--config: error: names no file\n"},
        {{"env:NONE"}, {NULL}, "{}", "--config=env:NONE: error: the environment variable NONE is not set\n"},
        {{"https://example.com/x"},
         {NULL},
         "{}",
         "--config=https://example.com/x: error: weir does not fetch its configuration; fetch it before weir starts "
         "and name the file\n"},
        {{"s3:bucket"},
         {NULL},
         "{}",
         "--config=s3:bucket: error: names no source that is known; use a path, file:, env: or yaml: (a path with a "
         "colon: "
         "file:s3:bucket)\n"},
        {{"yaml:a: b: c"},
         {NULL},
         "{}",
         "--config=yaml: error: not valid YAML: mapping values are not allowed in this context\n"},
        {{NULL},
         {"a.b"},
         "{}",
         "--set=a.b: error: the equal sign is missing; write --set=processors.batch.timeout=2s\n"},
        {{NULL}, {"=5"}, "{}", "--set==5: error: the key is missing; write --set=processors.batch.timeout=2s\n"},
        {{NULL}, {"a..b=5"}, "{}", "--set=a..b: error: a part of the key \"a::::b\" is empty\n"},
        {{NULL}, {"a=[1"}, "{}", "--set=a: error: not valid YAML: did not find expected ',' or ']'\n"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}
