/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML into trees: kinds, places, anchors, split keys, limits.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config/node.h"
#include "config/yaml.h"
#include "core/memory.h"
#include "support.h"

typedef struct yaml_case {
    const char *yaml;
    const char *tree;     /* as print_flow; NULL: refused */
    const char *messages; /* NULL: none */
} yaml_case;

static void check(const yaml_case *expected)
{
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    WEIR_BUFFER flow = {0};
    const weir_node *root = load_text(expected->yaml, NULL, tree, &messages);
    print_flow(root, &flow);
    cr_expect_str_eq(weir_buffer_string(&messages), expected->messages ? expected->messages : "", "%s\n%s",
                     expected->yaml, weir_buffer_string(&messages));
    cr_expect_str_eq(weir_buffer_string(&flow), expected->tree ? expected->tree : "{}", "%s\n%s", expected->yaml,
                     weir_buffer_string(&flow));
    weir_tree_free(tree);
}

Test(config_yaml, good)
{
    static const yaml_case cases[] = {
        {"", "{}", NULL},
        {"# only a comment\n", "{}", NULL},
        {"a: 1\nb: x\nc:\nd: ~\ne: ''\n", "{a: 1, b: \"x\", c: null, d: null, e: \"\"}", NULL},
        {"a: [1, '1', 1.5, true, yes, 2026-01-01, 0x1f, null]\n",
         "{a: [1, \"1\", 1.5, true, \"yes\", \"2026-01-01\", 0x1f, null]}", NULL},
        {"a: |\n  two\n  lines\n", "{a: \"two\nlines\n\"}", NULL},
        {"a: !!str 5\n", "{a: \"5\"}", NULL},
        {"\xef\xbb\xbf"
         "a: 1\n",
         "{a: 1}", NULL},
        {"base: &base {x: 1, y: [2]}\nother: *base\n", "{base: {x: 1, y: [2]}, other: {x: 1, y: [2]}}", NULL},
        {"base: &base {x: 1, y: 2}\nother:\n  <<: *base\n  y: 3\n", "{base: {x: 1, y: 2}, other: {y: 3, x: 1}}", NULL},
        {"a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}\n", "{a: {x: 1}, b: {x: 2, y: 2}, c: {x: 1, y: 2}}",
         NULL},
        {"a::b::c: 1\na::d: 2\na:\n  e: 3\n", "{a: {b: {c: 1}, d: 2, e: 3}}", NULL},
        {"a: {b::c: 1, b: {d: 2}}\nl: [{x::y: 1}]\n", "{a: {b: {c: 1, d: 2}}, l: [{x::y: 1}]}", NULL},
        {"a: 1\n...\n", "{a: 1}", NULL},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}

Test(config_yaml, bad)
{
    static const yaml_case cases[] = {
        {"a: 1\nb: 2\na: 3\n", NULL,
         "config.yaml:3:1: error: the key \"a\" stands here a second time; it is already at line 1\n"},
        {"a: *nobody\n", NULL, "config.yaml:1:4: error: the alias *nobody has no anchor &nobody before it\n"},
        {"a: &a [*a]\n", NULL, "config.yaml:1:8: error: the alias *a has no anchor &a before it\n"},
        {"a: b: c\n", NULL, "config.yaml:1:5: error: not valid YAML: mapping values are not allowed in this context\n"},
        {"a:\n\t- 1\n", NULL,
         "config.yaml:2:1: error: not valid YAML: a tab or a character that may not stand here; indent with spaces, "
         "and quote texts "
         "that begin with @ or `\n"},
        {"[1, 2]\n", NULL, "config.yaml:1:1: error: a configuration is a mapping (\"receivers: …\"), this is a list\n"},
        {"hello\n", NULL,
         "config.yaml:1:1: error: a configuration is a mapping (\"receivers: …\"), this is \"hello\"\n"},
        {"a: 1\n---\nb: 2\n", NULL, "config.yaml:2:1: error: a second document begins here; only one can be read\n"},
        {"[a, b]: 1\n", NULL, "config.yaml:1:1: error: a key must be a text\n"},
        {"a: !binary xx\n", NULL, "config.yaml:1:4: error: the tag !binary is not supported\n"},
        {"a: \"x\\0y\"\n", NULL, "config.yaml:1:4: error: a text must not contain the character NUL\n"},
        {"a: {<<: 5}\n", NULL, "config.yaml:1:9: error: \"<<\" takes a mapping or a list of mappings\n"},
        {"a::::b: 5\n", NULL, "config.yaml:1:1: error: a part of the key \"a::::b\" is empty\n"},
        {"a: \"\xff\"\n", NULL, "config.yaml:1:1: error: not valid YAML: invalid leading UTF-8 octet at byte 4\n"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        check(&cases[i]);
}

Test(config_yaml, nodes_know_their_place)
{
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    const weir_node *root = load_text("a:\n  b:\n    - x\n    - y: 5\n", NULL, tree, &messages);
    const weir_node *list = weir_node_find(root, "a.b");
    cr_assert_not_null(list);
    const weir_node *five = weir_node_get(list->items[1], "y");
    WEIR_BUFFER path = {0};
    weir_node_path(five, &path);
    cr_expect_str_eq(weir_buffer_string(&path), "a.b[1].y");
    cr_expect_eq(five->line, 4);
    cr_expect_eq(five->column, 10);
    cr_expect_eq(weir_node_get_key(list->items[1], "y")->column, 7);
    cr_expect_null(weir_node_find(root, "a.c"));
    cr_expect_null(weir_node_find(root, "a.b.c"));
    weir_tree_free(tree);
}

/* Nine lists of nine aliases each would be 9^9 values. */
Test(config_yaml, alias_bomb_is_refused)
{
    WEIR_BUFFER yaml = {0};
    weir_buffer_append_text(&yaml, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i <= 9; i++) {
        weir_buffer_printf(&yaml, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            weir_buffer_printf(&yaml, "%s*a%d", k ? ", " : "", i - 1);
        weir_buffer_append_text(&yaml, "]\n");
    }
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    const weir_node *root = load_text(weir_buffer_string(&yaml), NULL, tree, &messages);
    cr_expect_eq(root->count, 0);
    cr_expect_not_null(strstr(weir_buffer_string(&messages), "more than 50000 values"), "%s",
                       weir_buffer_string(&messages));
    weir_tree_free(tree);
}

/* Lists inside lists, mappings inside mappings, and aliases or "::" that would make them higher than they look. */
Test(config_yaml, nesting_bombs_are_refused)
{
    static const char *const steps[] = {"[", "{a: ", "- "};
    for (size_t i = 0; i < WEIR_COUNT_OF(steps); i++) {
        WEIR_BUFFER yaml = {0};
        weir_buffer_append_text(&yaml, i == 2 ? "" : "a: ");
        for (int k = 0; k < 5000; k++)
            weir_buffer_append_text(&yaml, steps[i]);
        weir_tree *tree = weir_tree_new();
        WEIR_BUFFER messages = {0};
        load_text(weir_buffer_string(&yaml), NULL, tree, &messages);
        cr_expect_not_null(strstr(weir_buffer_string(&messages), "nested more than 64 levels deep"), "%s",
                           weir_buffer_string(&messages));
        weir_tree_free(tree);
    }
}

Test(config_yaml, aliases_and_split_keys_count_towards_the_height)
{
    WEIR_BUFFER yaml = {0};
    weir_buffer_append_text(&yaml, "a: &a [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\nb: &b ");
    for (int k = 0; k < 20; k++)
        weir_buffer_append_text(&yaml, "[");
    weir_buffer_append_text(&yaml, "*a");
    for (int k = 0; k < 20; k++)
        weir_buffer_append_text(&yaml, "]");
    weir_buffer_append_text(&yaml, "\nc");
    for (int k = 0; k < 30; k++)
        weir_buffer_append_text(&yaml, "::c");
    weir_buffer_append_text(&yaml, ": *b\n");
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    load_text(weir_buffer_string(&yaml), NULL, tree, &messages);
    cr_expect_not_null(strstr(weir_buffer_string(&messages), "nested more than 64 levels deep"), "%s",
                       weir_buffer_string(&messages));
    weir_tree_free(tree);
}

Test(config_yaml, too_many_bytes_are_refused)
{
    char *text = weir_alloc(WEIR_CONFIG_BYTES_MAX + 2, 1);
    memset(text, '#', WEIR_CONFIG_BYTES_MAX + 1);
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    load_text(text, NULL, tree, &messages);
    cr_expect_str_eq(weir_buffer_string(&messages),
                     "config.yaml: error: cannot be read: it is too large to be a configuration\n");
    weir_tree_free(tree);
    free(text);
}

Test(config_yaml, plain_scalars_are_what_yaml_says)
{
    static const struct {
        const char *text;
        weir_scalar_type type;
    } cases[] = {
        {"true", WEIR_SCALAR_BOOL}, {"False", WEIR_SCALAR_BOOL}, {"yes", WEIR_SCALAR_TEXT},
        {"on", WEIR_SCALAR_TEXT},   {"0", WEIR_SCALAR_INT},      {"-12", WEIR_SCALAR_INT},
        {"1_000", WEIR_SCALAR_INT}, {"0o17", WEIR_SCALAR_INT},   {"0b101", WEIR_SCALAR_INT},
        {"0xFF", WEIR_SCALAR_INT},  {"08", WEIR_SCALAR_FLOAT},   {"1.", WEIR_SCALAR_FLOAT},
        {".5", WEIR_SCALAR_FLOAT},  {"1e3", WEIR_SCALAR_FLOAT},  {".inf", WEIR_SCALAR_FLOAT},
        {"1e", WEIR_SCALAR_TEXT},   {".", WEIR_SCALAR_TEXT},     {"5s", WEIR_SCALAR_TEXT},
        {"0x", WEIR_SCALAR_TEXT},   {"1.2.3", WEIR_SCALAR_TEXT}, {"-", WEIR_SCALAR_TEXT},
        {"_1", WEIR_SCALAR_TEXT},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++)
        cr_expect_eq(weir_scalar_type_of(cases[i].text), cases[i].type, "%s", cases[i].text);
    int64_t value;
    cr_expect(weir_scalar_to_int("-0x10", &value) && value == -16);
    cr_expect(weir_scalar_to_int("0o17", &value) && value == 15);
    cr_expect(weir_scalar_to_int("-9223372036854775808", &value) && value == INT64_MIN);
    cr_expect_not(weir_scalar_to_int("9223372036854775808", &value));
}
