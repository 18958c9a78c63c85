/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "exporters/elasticsearch/setup/files.h"
#include "exporters/elasticsearch/setup/templates.h"

static const setup_server servers[] = {{.major = 8, .minor = 19}, {.is_opensearch = true, .major = 3, .minor = 6}};

static const setup_template *find(const setup_server *server, const char *name)
{
    setup_templates templates = setup_templates_of(server);
    for (size_t i = 0; i < templates.count; i++) {
        if (strcmp(templates.items[i].name, name) == 0)
            return &templates.items[i];
    }
    cr_assert_fail("there is no template %s", name);
    return NULL;
}

static void make(const char *name, const setup_lifecycle *lifecycle, const setup_values *indices, bool is_opensearch,
                 weir_buffer *out, char ret_fingerprint[32])
{
    setup_template_body(find(&servers[is_opensearch], name), lifecycle, indices, is_opensearch, out, ret_fingerprint);
}

static void expect_json(weir_buffer *body, const char *path, const char *value)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, (weir_bytes){body->data, body->len});
    cr_assert_not_null(root, "%s", weir_buffer_string(body));
    const char *text = setup_json_text(root, path);
    cr_expect(value ? text && strcmp(text, value) == 0 : !text, "%s is %s", path, text ? text : "not there");
    weir_tree_free(tree);
}

Test(setup_templates, every_body_is_an_object_of_ours)
{
    static const setup_lifecycle lifecycles[] = {{0}, {.retention = "7d"}, {.ilm_policy = "p"}};
    const setup_values indices = {.items = {"a-*"}, .count = 1};
    for (size_t s = 0; s < WEIR_COUNT_OF(servers); s++) {
        setup_templates templates = setup_templates_of(&servers[s]);
        for (size_t i = 0; i < templates.count * WEIR_COUNT_OF(lifecycles); i++) {
            char fingerprint[32];
            WEIR_BUFFER body = {0};
            setup_template_body(&templates.items[i / 3], &lifecycles[i % 3], &indices, servers[s].is_opensearch, &body,
                                fingerprint);
            expect_json(&body, "_meta/managed_by", "weir");
            expect_json(&body, "_meta/fingerprint", fingerprint);
        }
    }
}

Test(setup_templates, components_come_before_what_is_composed_of_them)
{
    for (size_t s = 0; s < WEIR_COUNT_OF(servers); s++) {
        setup_templates templates = setup_templates_of(&servers[s]);
        for (size_t i = 1; i < templates.count; i++)
            cr_expect_geq(templates.items[i].kind, templates.items[i - 1].kind);
    }
}

Test(setup_templates, retention_is_a_lifecycle_of_data_streams)
{
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    make("weir-settings", &(setup_lifecycle){.retention = "14d"}, NULL, false, &body, fingerprint);
    expect_json(&body, "template/lifecycle/data_retention", "14d");
    expect_json(&body, "template/settings/index.lifecycle.prefer_ilm", "false");
    expect_json(&body, "_meta/retention", "14d");
}

Test(setup_templates, without_retention_data_streams_roll_over_all_the_same)
{
    char fingerprint[32];
    WEIR_BUFFER ours = {0}, custom = {0};
    make("weir-settings", &(setup_lifecycle){0}, NULL, false, &ours, fingerprint);
    expect_json(&ours, "template/lifecycle/enabled", "true");
    make("logs-otel@custom", &(setup_lifecycle){0}, NULL, false, &custom, fingerprint);
    expect_json(&custom, "template/lifecycle/enabled", NULL); /* Elasticsearch's own policy stays in charge */
}

Test(setup_templates, a_policy_is_named_whatever_its_name)
{
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    make("logs-otel@custom", &(setup_lifecycle){.ilm_policy = "my \"own\""}, NULL, false, &body, fingerprint);
    expect_json(&body, "template/settings/index.lifecycle.name", "my \"own\"");
    expect_json(&body, "template/lifecycle/enabled", NULL);
    expect_json(&body, "_meta/ilm_policy", "my \"own\"");
}

Test(setup_templates, opensearch_has_no_lifecycle_in_templates)
{
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    make("weir-settings", &(setup_lifecycle){.retention = "14d"}, NULL, true, &body, fingerprint);
    expect_json(&body, "template/lifecycle/data_retention", NULL);
    expect_json(&body, "_meta/retention", NULL);
}

Test(setup_templates, patterns_of_plain_indices_are_put_in)
{
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    make("weir-indices", &(setup_lifecycle){0}, &(setup_values){.items = {"app-*", "we\"ird"}, .count = 2}, false,
         &body, fingerprint);
    expect_json(&body, "index_patterns/0", "app-*");
    expect_json(&body, "index_patterns/1", "we\"ird");
}

Test(setup_templates, the_fingerprint_is_of_the_body)
{
    char first[32], again[32], other[32];
    WEIR_BUFFER body = {0};
    make("weir-settings", &(setup_lifecycle){.retention = "14d"}, NULL, false, &body, first);
    make("weir-settings", &(setup_lifecycle){.retention = "14d"}, NULL, false, &body, again);
    make("weir-settings", &(setup_lifecycle){.retention = "15d"}, NULL, false, &body, other);
    cr_expect_str_eq(first, again);
    cr_expect_str_neq(first, other);
}

Test(setup_templates, what_elasticsearch_brings_along_is_not_made_again)
{
    const setup_server *server = &servers[0];
    const unsigned all = SETUP_HAS_LOGS_OTEL | SETUP_HAS_TRACES_OTEL | SETUP_HAS_LOGS;
    static const char *const of_ours[] = {"weir-otel", "weir-logs-otel", "weir-traces-otel", "weir-logs"};
    for (size_t i = 0; i < WEIR_COUNT_OF(of_ours); i++) {
        cr_expect(setup_template_is_wanted(find(server, of_ours[i]), 0), "%s", of_ours[i]);
        cr_expect_not(setup_template_is_wanted(find(server, of_ours[i]), all), "%s", of_ours[i]);
    }
    cr_expect(setup_template_is_wanted(find(server, "weir-otel"), SETUP_HAS_LOGS_OTEL), "traces still need it");
    cr_expect(setup_template_is_wanted(find(server, "weir-traces"), all), "Elasticsearch has none for traces-*-*");
    cr_expect(setup_template_is_wanted(find(server, "logs-otel@custom"), SETUP_HAS_LOGS_OTEL));
    cr_expect_not(setup_template_is_wanted(find(server, "logs-otel@custom"), SETUP_HAS_TRACES_OTEL));
    cr_expect_not(setup_template_is_wanted(find(server, "weir-indices"), all));
    cr_expect(setup_template_is_wanted(find(server, "weir-indices"), SETUP_HAS_INDICES));
}

static weir_bytes refusal(const char *text)
{
    return (weir_bytes){(const uint8_t *)text, strlen(text)};
}

Test(setup_templates, what_a_server_does_not_know_is_left_out)
{
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    make("weir-logs-otel", &(setup_lifecycle){0}, NULL, false, &body, fingerprint);
    cr_expect_not_null(setup_template_fall_back(&body, refusal("The mapper type [match_only_text] declared on field")));
    cr_expect_null(strstr(weir_buffer_string(&body), "match_only_text"));
    expect_json(&body, "template/mappings/properties/body/properties/text/type", "text");
    cr_expect_null(setup_template_fall_back(&body, refusal("The mapper type [match_only_text] declared on field")),
                   "there is nothing left to change");
    WEIR_BUFFER other = {0};
    make("weir-flat", &(setup_lifecycle){0}, NULL, true, &other, fingerprint);
    cr_expect_not_null(setup_template_fall_back(&other, refusal("unsupported parameters: [disable_objects : true]")));
    expect_json(&other, "template/mappings/dynamic", "false");
    expect_json(&other, "template/mappings/disable_objects", NULL);
}

Test(setup_templates, other_refusals_change_nothing)
{
    char fingerprint[32];
    WEIR_BUFFER body = {0};
    make("weir-flat", &(setup_lifecycle){0}, NULL, false, &body, fingerprint);
    size_t len = body.len;
    cr_expect_null(setup_template_fall_back(&body, refusal("no permission")));
    cr_expect_null(setup_template_fall_back(&body, refusal("")));
    cr_expect_eq(body.len, len);
}

Test(setup_files, kibanas_objects_are_in_the_module)
{
    static const char *const names[] = {"kibana/otel.ndjson", "kibana/ecs.ndjson"};
    for (size_t i = 0; i < WEIR_COUNT_OF(names); i++) {
        weir_bytes file = setup_file_bytes(names[i]);
        cr_expect_not_null(memmem(file.data, file.len, "__JAEGER_URL__", strlen("__JAEGER_URL__")), "%s", names[i]);
    }
}
