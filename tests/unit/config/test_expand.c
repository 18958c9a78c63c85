/* SPDX-License-Identifier: Apache-2.0
 *
 * ${…} by the Collector's rules: the inputs and results of the table TestResolverExpandStringValues in
 * confmap/expand_test.go (with "env" as the default scheme, and yaml: in place of its test scheme), then escapes,
 * types, files, mistakes and loops.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "support.h"

static const char *const variables[] = {"HOST",
                                        "localhost",
                                        "PORT",
                                        "3044",
                                        "INT",
                                        "1",
                                        "FLOAT",
                                        "6.4",
                                        "BOOL",
                                        "true",
                                        "TIMESTAMP",
                                        "2023-03-20T03:17:55.432328Z",
                                        "OS",
                                        "ubuntu",
                                        "PR",
                                        "amd",
                                        "COMPLEX_VALUE",
                                        "[localhost:3042]",
                                        "EMPTY",
                                        "",
                                        "BROKEN",
                                        "[1, 2",
                                        "QUOTED",
                                        "'5'",
                                        "OTHER",
                                        "${env:PORT}",
                                        "LIST",
                                        "[\"${env:HOST}\", 2]",
                                        "LOOP",
                                        "${env:LOOP}",
                                        "LONGER",
                                        "x${env:LONGER}",
                                        "COMMENT",
                                        "5 # five",
                                        "DOLLAR",
                                        "a$$b",
                                        "MAP",
                                        "{a: {b: c}}",
                                        "TREE",
                                        "[${env:TREE}, ${env:TREE}]",
                                        NULL};

typedef struct expand_case {
    const char *value;    /* of the key "v" */
    const char *result;   /* as print_flow */
    const char *messages; /* NULL: none */
} expand_case;

static void check(const expand_case *expected)
{
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    WEIR_BUFFER flow = {0};
    WEIR_FREE char *yaml = weir_format("v: %s\n", expected->value);
    const weir_node *root = load_text(yaml, variables, tree, &messages);
    cr_assert_eq(root->count, 1, "%s", expected->value);
    print_flow(root->items[0], &flow);
    cr_expect_str_eq(weir_buffer_string(&flow), expected->result, "%s gave %s", expected->value,
                     weir_buffer_string(&flow));
    cr_expect_str_eq(weir_buffer_string(&messages), expected->messages ? expected->messages : "", "%s said %s",
                     expected->value, weir_buffer_string(&messages));
    weir_tree_free(tree);
}

Test(config_expand, as_confmap)
{
    static const expand_case cases[] = {
        {"'${HOST}:${PORT}'", "\"localhost:3044\"", NULL},
        {"'${HOST}:$PORT'", "\"localhost:$PORT\"", NULL},
        {"'${env:COMPLEX_VALUE}'", "[\"localhost:3042\"]", NULL},
        {"'${env:HOST}:3043'", "\"localhost:3043\"", NULL},
        {"'${env:HOST}:${env:PORT}'", "\"localhost:3044\"", NULL},
        {"'https://${env:HOST}:3045'", "\"https://localhost:3045\"", NULL},
        {"'test_${env:INT}'", "\"test_1\"", NULL},
        {"'test_${env:FLOAT}'", "\"test_6.4\"", NULL},
        {"'test_${env:BOOL}'", "\"test_true\"", NULL},
        {"'test_${env:TIMESTAMP}'", "\"test_2023-03-20T03:17:55.432328Z\"", NULL},
        {"'test_${env:BOOL}_test_${env:BOOL}'", "\"test_true_test_true\"", NULL},
        {"'${yaml:localhost:${env:PORT}}'", "\"localhost:3044\"", NULL},
        {"'${yaml:${env:HOST}:${env:PORT}}'", "\"localhost:3044\"", NULL},
        {"'${yaml:localhost:${env:PORT}}?os=${env:OS}'", "\"localhost:3044?os=ubuntu\"", NULL},
        {"'env:HOST}'", "\"env:HOST}\"", NULL},
        {"'${HOST'", "\"${HOST\"", NULL},
        {"'HO{ST}'", "\"HO{ST}\"", NULL},
        {"'${env:HOST${env:PORT?os=${env:OS'", "\"${env:HOST${env:PORT?os=${env:OS\"", NULL},
        {"'env:HOST}env:PORT}?os=env:OS}'", "\"env:HOST}env:PORT}?os=env:OS}\"", NULL},
        {"'env:HOST}${env:PORT'", "\"env:HOST}${env:PORT\"", NULL},
        {"'env:HOST}${env:PORT}'", "\"env:HOST}3044\"", NULL},
        {"'${env:HOST}env:PORT}'", "\"localhostenv:PORT}\"", NULL},
        {"'${env:HOST${env:PORT}'", "\"${env:HOST3044\"", NULL},
        {"'${env:HOST}${env:PORT'", "\"localhost${env:PORT\"", NULL},
        {"'env:HOST}env:PORT}?os=${env:OS}'", "\"env:HOST}env:PORT}?os=ubuntu\"", NULL},
        {"'${env:HOST${env:PORT?os=${env:OS}'", "\"${env:HOST${env:PORT?os=ubuntu\"", NULL},
        {"'${env:HOST}}}}}}${env:PORT?os=${env:OS}'", "\"localhost}}}}}${env:PORT?os=ubuntu\"", NULL},
        {"'${env:HOST}${${${${${env:PORT}?os=${env:OS}'", "\"localhost${${${${3044?os=ubuntu\"", NULL},
        {"'env:HOST}${env:PORT}?os=env:OS}&pr=${env:PR}'", "\"env:HOST}3044?os=env:OS}&pr=amd\"", NULL},
        {"'${env:HOST${env:PORT}?os=${env:OS&pr=${env:PR}'", "\"${env:HOST3044?os=${env:OS&pr=amd\"", NULL},
        {"'${HOST}${env:PORT}'", "\"localhost3044\"", NULL},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}

Test(config_expand, types_and_escapes)
{
    static const expand_case cases[] = {
        {"${env:PORT}", "3044", NULL},
        {"'${env:PORT}'", "3044", NULL}, /* quotes around ${…} do not make a text of it, in the Collector either */
        {"${env:BOOL}", "true", NULL},
        {"1${env:PORT}", "\"13044\"", NULL},
        {"${env:OTHER}", "3044", NULL},
        {"${env:LIST}", "[\"localhost\", 2]", NULL},
        {"${env:MAP}", "{a: {b: \"c\"}}", NULL},
        {"${env:BROKEN}", "\"[1, 2\"", NULL},
        {"${env:QUOTED}", "\"'5'\"", NULL},
        {"${env:COMMENT}", "5", NULL},
        {"${env:EMPTY}", "null", NULL},
        {"${env:NONE:-}", "\"\"", NULL},
        {"${env:NONE:-8080}", "8080", NULL},
        {"${env:NONE:-a:-b}", "\"a:-b\"", NULL},
        {"${env:NONE:-${env:HOST}}", "\"localhost\"", NULL},
        {"${env:HOST:-unused}", "\"localhost\"", NULL},
        {"x${env:EMPTY}y", "\"xy\"", NULL},
        {"'$$'", "\"$\"", NULL},
        {"'$$x $y'", "\"$x $y\"", NULL},
        {"'$${HOST}'", "\"${HOST}\"", NULL},
        {"'$$${HOST}'", "\"$localhost\"", NULL},
        {"'$$$${HOST}'", "\"$${HOST}\"", NULL},
        {"'${env:DOLLAR}'", "\"a$b\"", NULL},
        {"'${file:inner.yaml}'", "{x: 3044, y: [1, \"two\"]}", NULL},
        {"'${file:plain.txt}'", "\"secret\n\"", NULL}, /* with its newline, as the Collector */
        {"['${env:HOST}', {k: '${PORT}'}]", "[\"localhost\", {k: 3044}]", NULL},
        {"{'${HOST}': 1}", "{${HOST}: 1}", NULL}, /* keys are not expanded */
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}

Test(config_expand, mistakes)
{
    static const expand_case cases[] = {
        {"${env:NONE}", "null",
         "config.yaml:1:4: warning: v: the environment variable NONE is not set; the value is empty (a default would "
         "be "
         "${env:NONE:-value})\n"},
        {"'${env:1X}'", "\"${env:1X}\"",
         "config.yaml:1:4: error: v: \"1X\" cannot be the name of an environment variable: letters, digits and \"_\" "
         "only, no digit first\n"},
        {"'${}'", "\"${}\"",
         "config.yaml:1:4: error: v: \"\" cannot be the name of an environment variable: letters, digits and \"_\" "
         "only, no digit first\n"},
        {"'${HOST:-x}'", "\"${HOST:-x}\"",
         "config.yaml:1:4: error: v: \"${HOST:-x}\" names no source; a default needs \"env:\" in front: "
         "${env:HOST:-x}\n"},
        {"'${s3:bucket}'", "\"${s3:bucket}\"",
         "config.yaml:1:4: error: v: \"${s3:bucket}\" names no source that is known; use env:, file: or yaml:\n"},
        {"'${https://x/y}'", "\"${https://x/y}\"",
         "config.yaml:1:4: error: v: weir does not fetch configuration over https; fetch it before weir starts and use "
         "${file:…}\n"},
        {"'${env:$X}'", "\"${env:$X}\"",
         "config.yaml:1:4: error: v: \"${env:$X}\" has a \"$\" inside, which is not supported\n"},
        {"'${file:none.yaml}'", "\"${file:none.yaml}\"",
         "config.yaml:1:4: error: v: the file \"none.yaml\" cannot be read: not found\n"},
        {"'${file:bad.yaml}'", "\"${file:bad.yaml}\"",
         "config.yaml:1:4: error: v: the file \"bad.yaml\" cannot be read: Input/output error\n"},
        {"'${env:LOOP}'", "\"${env:LOOP}\"",
         "config.yaml:1:4: error: v: too many expansions: a value seems to contain itself\n"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}

/* Values that grow without end are stopped, whatever way they grow. */
Test(config_expand, endless_growth_is_stopped)
{
    static const char *const values[] = {"${env:LONGER}", "${file:self.yaml}", "${env:TREE}"};
    for (size_t i = 0; i < WEIR_COUNT_OF(values); i++) {
        weir_tree *tree = weir_tree_new();
        WEIR_BUFFER messages = {0};
        WEIR_FREE char *yaml = weir_format("v: '%s'\n", values[i]);
        load_text(yaml, variables, tree, &messages);
        cr_expect_not_null(strstr(weir_buffer_string(&messages), "error: "), "%s", values[i]);
        weir_tree_free(tree);
    }
}

/* What came whole out of ${…} may also be read as the text it was. */
Test(config_expand, number_out_of_a_variable_serves_as_text)
{
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    const weir_node *root =
        load_text("a: ${env:PORT}\nb: 3044\nc: ${env:COMMENT}\nd: ${env:LIST}\n", variables, tree, &messages);
    const char *text;
    cr_assert(weir_node_text(weir_node_get(root, "a"), &text));
    cr_expect_str_eq(text, "3044");
    cr_expect_not(weir_node_text(weir_node_get(root, "b"), &text));
    cr_assert(weir_node_text(weir_node_get(root, "c"), &text));
    cr_expect_str_eq(text, "5 # five");
    cr_assert(weir_node_text(weir_node_get(root, "d"), &text));
    cr_expect_str_eq(text, "[\"localhost\", 2]");
    weir_tree_free(tree);
}
