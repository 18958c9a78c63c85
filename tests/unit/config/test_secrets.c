/* SPDX-License-Identifier: Apache-2.0
 *
 * Which secrets count as written out in a file, and that messages about a secret do not show it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "config/node.h"
#include "core/memory.h"
#include "support.h"

static const weir_option inner_options[] = {
    {.name = "password", .type = WEIR_OPTION_SECRET}, {.name = "key", .type = WEIR_OPTION_STRING, .offset = 8}, {0}};
static const weir_option options[] = {
    {.name = "token", .type = WEIR_OPTION_SECRET},
    {.name = "headers", .type = WEIR_OPTION_SECRET_MAP, .offset = sizeof(char *)},
    {.name = "auth", .type = WEIR_OPTION_GROUP, .group = inner_options, .offset = 64},
    {.name = "list", .type = WEIR_OPTION_LIST, .group = inner_options, .group_size = 2 * sizeof(char *), .offset = 80},
    {0}};

static void note_secret(void *user, const weir_node *secret)
{
    weir_buffer_printf(user, "%s:%u:%s ", secret->file, secret->line, secret->text);
}

static const char *const variables[] = {"TOKEN", "of-env", "WHOLE", "{token: of-env}", NULL};

/* The secrets found in `text`, as "file:line:text ". */
static void expect_found(const char *text, const char *expected)
{
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    WEIR_BUFFER found = {0};
    const weir_node *root = load_text(text, variables, tree, &messages);
    weir_options_visit_secrets(options, weir_node_get(root, "it"), note_secret, &found);
    cr_expect_str_eq(weir_buffer_string(&found), expected);
    cr_expect_str_eq(weir_buffer_string(&messages), "");
    weir_tree_free(tree);
}

Test(config_secrets, written_ones_are_found_wherever_they_stand)
{
    expect_found("it:\n  token: a\n  auth: {password: b}\n  list:\n    - password: c\n",
                 "config.yaml:2:a config.yaml:3:b config.yaml:5:c ");
}

Test(config_secrets, of_headers_only_those_with_a_telling_name_count)
{
    expect_found("it:\n  headers:\n    Authorization: a\n    X-Scope-OrgID: b\n    x-api-key: c\n",
                 "config.yaml:3:a config.yaml:5:c ");
    expect_found("it:\n  headers: [{name: authorization, value: a}, {name: other, value: b}]\n", "config.yaml:2:a ");
}

Test(config_secrets, what_comes_from_elsewhere_does_not_count)
{
    expect_found("it:\n  token: ${env:TOKEN}\n", "");
    expect_found("it:\n  headers: {authorization: \"Bearer ${env:TOKEN}\"}\n", "");
    expect_found("it: ${env:WHOLE}\n", "");
    expect_found("it:\n  token: \"\"\n  auth:\n", "");
}

Test(config_secrets, headers_named_by_a_key_count_as_others_do)
{
    expect_found("it:\n  list: [{key: X-Scope-OrgID, password: a}]\n", "");
    expect_found("it:\n  list: [{key: X-Api-Key, password: a}]\n", "config.yaml:2:a ");
}

Test(config_secrets, certificates_do_not_count)
{
    expect_found("it:\n  token: \"-----BEGIN CERTIFICATE-----\"\n", "");
}

Test(config_secrets, messages_do_not_show_the_value)
{
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    const weir_node *root = load_text("it: {token: 4711, headers: {a: 4711, b: [4711]}, auth: {password: {x: 4711}}}",
                                      NULL, tree, &messages);
    weir_diagnostics *diagnostics = weir_diagnostics_new();
    char config[128] = {0};
    cr_expect_not(weir_options_read(options, weir_node_get(root, "it"), config, diagnostics));
    weir_diagnostics_print(diagnostics, WEIR_SEVERITY_NOTE, &messages);
    cr_expect_eq(weir_diagnostics_count(diagnostics, WEIR_SEVERITY_ERROR), 4);
    cr_expect_null(strstr(weir_buffer_string(&messages), "4711"), "%s", weir_buffer_string(&messages));
    weir_options_free(options, config);
    weir_diagnostics_free(diagnostics);
    weir_tree_free(tree);
}
