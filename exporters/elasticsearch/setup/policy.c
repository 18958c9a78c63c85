/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/policy.h"

#include <stdio.h>

#include "core/memory.h"
#include "exporters/elasticsearch/setup/answers.h"
#include "exporters/elasticsearch/setup/installer.h"

static const char path_of_policy[] = "/_plugins/_ism/policies/weir-retention";
static const char privileges[] = "the permissions cluster:admin/opendistro/ism/policy/get and …/write";

/* By its description a policy is known again. */
static char *description_of(const char *retention)
{
    return weir_format("managed by weir: rolls over daily, removes after %s", retention);
}

static void append_policy(const char *retention, const char *description, weir_buffer *out)
{
    weir_buffer_printf(
        out,
        "{\n"
        "  \"policy\": {\n"
        "    \"description\": \"%s\",\n"
        "    \"default_state\": \"kept\",\n"
        "    \"states\": [\n"
        "      {\n"
        "        \"name\": \"kept\",\n"
        "        \"actions\": [{\"rollover\": {\"min_index_age\": \"1d\", \"min_primary_shard_size\": \"50gb\"}}],\n"
        "        \"transitions\": [{\"state_name\": \"removed\", \"conditions\": {\"min_index_age\": \"%s\"}}]\n"
        "      },\n"
        "      {\"name\": \"removed\", \"actions\": [{\"delete\": {}}], \"transitions\": []}\n"
        "    ],\n"
        "    \"ism_template\": [{\"index_patterns\": [\"logs-*-*\", \"traces-*-*\"], \"priority\": 50}]\n"
        "  }\n"
        "}\n",
        description, retention);
}

/* What is there, taken out of an answer. */
typedef struct policy_state {
    bool is_there, is_ours, is_same;
    char *path; /* to write to; owned */
} policy_state;

/* A number; NULL for anything else, which is not to be part of a path. */
static const char *number_at(const weir_node *root, const char *key)
{
    uint64_t number;
    const char *text = root ? setup_json_text(root, key) : NULL;
    return text && weir_text_to_uint(weir_text_of(text), INT64_MAX, &number) ? text : NULL;
}

static void read_state(const setup_answer *answer, const char *description, policy_state *ret_state)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, (weir_bytes){answer->body.data, answer->body.len});
    const char *found = root ? setup_json_text(root, "policy/description") : NULL;
    const char *number = number_at(root, "_seq_no");
    const char *term = number_at(root, "_primary_term");
    ret_state->is_there = answer->status == 200;
    ret_state->is_ours = found && strncmp(found, "managed by weir", strlen("managed by weir")) == 0;
    ret_state->is_same = found && strcmp(found, description) == 0;
    ret_state->path = number && term ? weir_format("%s?if_seq_no=%s&if_primary_term=%s", path_of_policy, number, term)
                                     : weir_strdup(path_of_policy);
    weir_tree_free(tree);
}

/* A server without the plugin answers 400 with "no handler found for uri". */
static bool has_no_plugin(const setup_answer *answer)
{
    WEIR_FREE char *text = weir_strndup((const char *)answer->body.data, answer->body.len);
    return answer->status == 405 || strstr(text, "no handler found") != NULL;
}

static bool get_state(setup_client *client, const char *description, policy_state *ret_state)
{
    weir_error error;
    WEIR_CLEANUP(setup_answer_done) setup_answer answer = {0};
    const setup_request request = {.method = "GET", .path = path_of_policy};
    if (setup_client_send(client, &request, &answer, &error) != WEIR_OK) {
        fprintf(stderr, "weir setup: %s\n", error.text);
        return false;
    }
    if (answer.status != 404 && has_no_plugin(&answer)) {
        fprintf(stderr, "weir setup: --retention: this OpenSearch is without the plugin Index State Management, so "
                        "nothing in it removes old data: install opensearch-index-management, or remove old indices "
                        "yourself\n");
        return false;
    }
    if (answer.status != 200 && answer.status != 404) {
        setup_print_refusal(client, path_of_policy, privileges, &answer);
        return false;
    }
    read_state(&answer, description, ret_state);
    return true;
}

static bool put_policy(setup_client *client, const char *path, const weir_buffer *body)
{
    weir_error error;
    WEIR_CLEANUP(setup_answer_done) setup_answer answer = {0};
    const setup_request request = {
        .method = "PUT", .path = path, .content_type = "application/json", .body = {body->data, body->len}};
    if (setup_client_send(client, &request, &answer, &error) != WEIR_OK) {
        fprintf(stderr, "weir setup: %s\n", error.text);
        return false;
    }
    if (answer.status == 200 || answer.status == 201)
        return true;
    setup_print_refusal(client, path, privileges, &answer);
    return false;
}

static bool write_policy(setup_client *client, const policy_state *state, bool is_dry_run, weir_buffer *body)
{
    if (!is_dry_run && !put_policy(client, state->path, body))
        return false;
    if (is_dry_run)
        printf("%-10s policy weir-retention\nPUT %s\n%s\n", state->is_there ? "to change" : "to create", state->path,
               weir_buffer_string(body));
    else
        printf("%-10s policy weir-retention\n", state->is_there ? "changed" : "created");
    return true;
}

bool setup_policy_install(setup_client *client, const char *retention, bool is_dry_run, bool is_forced)
{
    WEIR_FREE char *description = description_of(retention);
    policy_state state = {0};
    if (!get_state(client, description, &state))
        return false;
    WEIR_FREE char *path = state.path;
    if (state.is_there && !state.is_ours && !is_forced) {
        puts("kept       policy weir-retention, which weir has not made: --force replaces it");
        return false;
    }
    if (state.is_same && !is_forced) {
        puts("unchanged  policy weir-retention");
        return true;
    }
    WEIR_BUFFER body = {0};
    append_policy(retention, description, &body);
    return write_policy(client, &state, is_dry_run, &body);
}
