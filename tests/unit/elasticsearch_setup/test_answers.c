/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "exporters/elasticsearch/setup/answers.h"

static weir_bytes bytes_of(const char *text)
{
    return (weir_bytes){(const uint8_t *)text, strlen(text)};
}

Test(setup_answers, elasticsearch_says_its_version)
{
    setup_server server;
    cr_assert(setup_server_read(bytes_of("{\"name\": \"n\", \"version\": {\"number\": \"8.19.21\", \"build_flavor\": "
                                         "\"default\"}, \"tagline\": \"You Know, for Search\"}"),
                                &server));
    cr_expect_not(server.is_opensearch);
    cr_expect_str_eq(server.version, "8.19.21");
    cr_expect_eq(server.major, 8);
    cr_expect_eq(server.minor, 19);
    cr_expect_not(setup_server_is_before(&server, 8, 14));
    cr_expect(setup_server_is_before(&server, 8, 20));
    cr_expect(setup_server_is_before(&server, 9, 0));
    cr_expect_not(setup_server_is_before(&server, 7, 99));
}

Test(setup_answers, opensearch_says_its_distribution)
{
    setup_server server;
    cr_assert(setup_server_read(
        bytes_of("{\"version\": {\"distribution\": \"opensearch\", \"number\": \"3.6.0-SNAPSHOT\"}}"), &server));
    cr_expect(server.is_opensearch);
    cr_expect_eq(server.major, 3);
    cr_expect_eq(server.minor, 6);
}

Test(setup_answers, anything_else_is_no_server)
{
    static const char *const others[] = {"",
                                         "<html>hello</html>",
                                         "{}",
                                         "[]",
                                         "{\"version\": \"1.2\"}",
                                         "{\"version\": {\"number\": \"new\"}}",
                                         "{\"version\": {\"number\": \"8\"}}",
                                         "{\"version\": {\"number\": \"8.19.0\\u001b[2J\"}}"};
    for (size_t i = 0; i < WEIR_COUNT_OF(others); i++) {
        setup_server server;
        cr_expect_not(setup_server_read(bytes_of(others[i]), &server), "%s", others[i]);
    }
}

Test(setup_answers, a_path_leads_through_objects_and_lists)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, bytes_of("{\"errors\": [{\"error\": {\"type\": \"a\"}}, {\"n\": 7}]}"));
    cr_assert_not_null(root);
    cr_expect_str_eq(setup_json_text(root, "errors/0/error/type"), "a");
    cr_expect_str_eq(setup_json_text(root, "errors/1/n"), "7");
    cr_expect_null(setup_json_text(root, "errors/2/n"));
    cr_expect_null(setup_json_text(root, "errors/x"));
    cr_expect_null(setup_json_text(root, "errors"));
    cr_expect_null(setup_json_text(root, "errors/0/error/type/more"));
    weir_tree_free(tree);
}

Test(setup_answers, our_templates_are_known_by_their_meta)
{
    setup_meta meta = setup_meta_read(
        bytes_of("{\"t\":[{\"_meta\":{\"managed_by\":\"weir\",\"fingerprint\":\"0a1b\",\"retention\":\"14d\"}}]}"),
        "t/0/_meta");
    cr_expect(meta.is_ours);
    cr_expect_str_eq(meta.fingerprint, "0a1b");
    cr_expect_str_eq(meta.retention, "14d");
    cr_expect_str_eq(meta.ilm_policy, "");
    cr_expect_not(setup_meta_read(bytes_of("{\"t\":[{\"_meta\":{\"managed_by\":\"fleet\"}}]}"), "t/0/_meta").is_ours);
    cr_expect_not(setup_meta_read(bytes_of("{}"), "t/0/_meta").is_ours);
    cr_expect_not(setup_meta_read(bytes_of(""), "t/0/_meta").is_ours);
}

static void expect_reason(const char *body, const char *reason)
{
    WEIR_BUFFER text = {0};
    setup_reason(bytes_of(body), &text);
    cr_expect_str_eq(weir_buffer_string(&text), reason);
}

Test(setup_answers, a_refusal_has_a_reason_in_one_line)
{
    expect_reason(
        "{\"error\":{\"type\":\"x\",\"reason\":\"outer\",\"caused_by\":{\"reason\":\"inner\"}},\"status\":400}",
        "inner");
    expect_reason("{\"error\":{\"reason\":\"two\\nlines\"}}", "two\\x0alines");
    expect_reason("{\"error\":\"short\",\"status\":405}", "short");
    expect_reason("{\"statusCode\":403,\"error\":\"Forbidden\",\"message\":\"why\"}", "Forbidden");
    expect_reason("<html>\x1b[31mred</html>", "<html>\\x1b[31mred</html>");
    expect_reason("", "");
}
