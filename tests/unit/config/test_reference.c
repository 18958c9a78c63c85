/* SPDX-License-Identifier: Apache-2.0
 *
 * What is made of option tables, and that secrets never get out.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "config/reference.h"
#include "core/memory.h"
#include "support.h"

static const char *const verbosities[] = {"basic", "detailed", NULL};
static const weir_option auth_options[] = {{.name = "password", .type = WEIR_OPTION_SECRET, .summary = "The password."},
                                           {0}};
static const weir_option options[] = {
    {.name = "verbosity",
     .type = WEIR_OPTION_ENUM,
     .enum_names = verbosities,
     .default_text = "basic",
     .summary = "How much is printed | shown."},
    {.name = "size",
     .type = WEIR_OPTION_UINT,
     .unit = "items",
     .otel_default = "1000",
     .remark = "memory is bounded otherwise",
     .summary = "Size."},
    {.name = "auth", .type = WEIR_OPTION_GROUP, .group = auth_options, .summary = "Who we are."},
    {.name = "headers", .type = WEIR_OPTION_SECRET_MAP, .summary = "Headers."},
    {.name = "tls", .type = WEIR_OPTION_ANY, .standing = WEIR_NOT_BUILT, .remark = "leave it out", .summary = "TLS."},
    {0}};
static const weir_reference references[] = {{WEIR_SECTION_EXPORTERS, "debug", "print", "Prints what it gets.", options},
                                            {WEIR_SECTION_EXPORTERS, "nop", NULL, "Drops what it gets.", NULL}};

Test(config_reference, text)
{
    WEIR_BUFFER out = {0};
    weir_reference_text(&references[0], &out);
    cr_expect_str_eq(weir_buffer_string(&out),
                     "debug (exporter), also named print\nPrints what it gets.\n\n"
                     "verbosity: one of basic, detailed, default basic\n    How much is printed | shown.\n"
                     "size: whole number (items)\n    Size. (The Collector's default: 1000; memory is bounded "
                     "otherwise.)\n"
                     "auth: group\n    Who we are.\n  password: secret text\n      The password.\n"
                     "headers: map of secret texts\n    Headers.\n"
                     "tls: anything\n    TLS. Not built yet: leave it out.\n");
}

Test(config_reference, markdown)
{
    WEIR_BUFFER out = {0};
    weir_reference_markdown(&references[0], &out);
    const char *page = weir_buffer_string(&out);
    cr_expect_not_null(strstr(page, "# `debug` exporter\n"));
    cr_expect_not_null(
        strstr(page, "| `verbosity` | one of basic, detailed | `basic` | How much is printed \\| shown. |\n"));
    cr_expect_not_null(strstr(page, "| `auth.password` | secret text |  | The password. |\n"));
}

Test(config_reference, options_that_are_not_built_are_not_in_the_schema)
{
    WEIR_BUFFER out = {0};
    weir_reference_schema(references, WEIR_COUNT_OF(references), &out);
    const char *schema = weir_buffer_string(&out);
    cr_expect_not_null(strstr(schema, "\"^debug(/.+)?$\""));
    cr_expect_not_null(strstr(schema, "\"^print(/.+)?$\""));
    cr_expect_not_null(strstr(schema, "\"password\""));
    cr_expect_null(strstr(schema, "\"tls\""));
    /* JSON is YAML, so our own parser can say whether the braces match. */
    weir_tree *tree = weir_tree_new();
    WEIR_BUFFER messages = {0};
    const weir_node *root = load_text(schema, NULL, tree, &messages);
    cr_expect_str_eq(weir_buffer_string(&messages), "");
    cr_expect_not_null(weir_node_find(root, "properties.service.properties.telemetry.properties.logs"));
    weir_tree_free(tree);
}

Test(config_reference, printed_configuration_hides_secrets)
{
    WEIR_BUFFER messages = {0};
    WEIR_BUFFER out = {0};
    weir_document *document =
        load_document("receivers: {otlp: {token: hidden1}}\n"
                      "exporters:\n  debug:\n    verbosity: detailed\n    size: 5\n    auth: {password: hidden2}\n"
                      "    headers: {authorization: hidden3, y: [hidden4]}\n"
                      "service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}\n",
                      &messages);
    weir_reference_print(document, references, WEIR_COUNT_OF(references), &out);
    const char *printed = weir_buffer_string(&out);
    cr_expect_null(strstr(printed, "hidden"), "%s", printed);
    cr_expect_not_null(
        strstr(printed, "exporters:\n  debug:\n    verbosity: \"detailed\"\n    size: 5\n    auth:\n      password: "
                        "\"[REDACTED]\"\n    headers:\n      authorization: \"[REDACTED]\"\n"),
        "%s", printed);
    /* And it is a configuration again. */
    WEIR_BUFFER messages_again = {0};
    weir_document *again = load_document(printed, &messages_again);
    cr_expect_str_eq(weir_buffer_string(&messages_again), weir_buffer_string(&messages));
    cr_expect_eq(again->component_count, document->component_count);
    weir_document_free(again);
    weir_document_free(document);
}

Test(config_reference, printed_urls_hide_who_logs_in)
{
    WEIR_BUFFER messages = {0};
    WEIR_BUFFER out = {0};
    weir_document *document = load_document("exporters: {debug: {verbosity: \"https://me:hidden@host:1/a@b\"}}\n"
                                            "service: {pipelines: {}}\n",
                                            &messages);
    weir_reference_print(document, references, WEIR_COUNT_OF(references), &out);
    const char *printed = weir_buffer_string(&out);
    cr_expect_not_null(strstr(printed, "\"https://[REDACTED]@host:1/a@b\""), "%s", printed);
    weir_document_free(document);
}
