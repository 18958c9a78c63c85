/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/otlphttp/answer.h"

#include <stdio.h>

#include "config/yaml.h"
#include "exporters/support/otlp_response.h"
#include "exporters/support/web_page.h"
#include "net/rpc_status.h"

static bool is_type(const otlphttp_answer *answer, const char *media_type)
{
    return weir_content_type_is(answer->content_type, media_type);
}

/* ---- JSON ---- */

/* JSON is YAML's flow style, and the configuration's reader is bounded in every direction. NULL if it is neither. */
static const weir_node *read_json(weir_tree *tree, weir_bytes body)
{
    weir_node *root = NULL;
    weir_yaml_error error;
    weir_place place = {.file = "answer"};
    if (body.len == 0 || weir_yaml_parse(tree, (weir_text){(const char *)body.data, body.len}, &place, &root, &error))
        return NULL;
    return root;
}

/* Fields have their name in camel case, or as in the .proto file (the protobuf specification, "ProtoJSON Format"). */
static const weir_node *field(const weir_node *node, const char *camel_case, const char *original)
{
    const weir_node *found = weir_node_get(node, camel_case);
    return found ? found : weir_node_get(node, original);
}

static void set_text(const weir_node *node, weir_error *ret_error)
{
    if (node && node->text && node->text[0] != '\0')
        snprintf(ret_error->text, sizeof ret_error->text, "%s", node->text);
}

static void read_json_response(weir_signal signal, weir_bytes body, weir_error *ret_error)
{
    static const struct {
        const char *camel_case, *original;
    } counts[WEIR_SIGNALS] = {
        [WEIR_TRACES] = {"rejectedSpans", "rejected_spans"},
        [WEIR_METRICS] = {"rejectedDataPoints", "rejected_data_points"},
        [WEIR_LOGS] = {"rejectedLogRecords", "rejected_log_records"},
    };
    weir_tree *tree = weir_tree_new();
    const weir_node *partial = field(read_json(tree, body), "partialSuccess", "partial_success");
    const weir_node *count = field(partial, counts[signal].camel_case, counts[signal].original);
    uint64_t rejected = 0;
    /* int64 is a text in JSON, but numbers are to be taken too. */
    if (count && count->text)
        (void)weir_text_to_uint(weir_text_of(count->text), INT64_MAX, &rejected);
    ret_error->rejected_items = rejected;
    if (rejected > 0)
        snprintf(ret_error->text, sizeof ret_error->text, "no reason given");
    set_text(field(partial, "errorMessage", "error_message"), ret_error);
    weir_tree_free(tree);
}

/* Puts the message of a google.rpc.Status in JSON behind "HTTP 400: ". */
static void read_json_status(unsigned status, weir_bytes body, weir_error *ret_error)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *message = weir_node_get(read_json(tree, body), "message");
    if (message && message->text && message->text[0] != '\0')
        snprintf(ret_error->text, sizeof ret_error->text, "HTTP %u: %s", status, message->text);
    weir_tree_free(tree);
}

/* ---- all of it ---- */

static void read_success(weir_signal signal, const otlphttp_answer *answer, weir_error *ret_error)
{
    if (answer->is_cut || answer->body.len == 0)
        return;
    if (is_type(answer, "application/x-protobuf"))
        weir_otlp_response_read(signal, answer->body, ret_error);
    else if (is_type(answer, "application/json"))
        read_json_response(signal, answer->body, ret_error);
}

void otlphttp_answer_read(weir_signal signal, const otlphttp_answer *answer, uint64_t wall_ns, weir_error *ret_error)
{
    bool is_protobuf = is_type(answer, "application/x-protobuf");
    weir_error_from_http(answer->status, answer->retry_after, wall_ns, answer->body, is_protobuf, ret_error);
    if (is_type(answer, "text/html") && answer->body.len > 0)
        weir_web_page_read(answer->status, answer->body, "OTLP's", ret_error);
    else if (ret_error->class_ == WEIR_ERROR_NONE)
        read_success(signal, answer, ret_error);
    else if (answer->status >= 300 && answer->status < 400 && answer->location.len > 0)
        (void)weir_error_set(ret_error, ret_error->class_, ret_error->status,
                             "HTTP %u: redirects are not followed, change the endpoint to %.*s", answer->status,
                             WEIR_TEXT_ARG(answer->location));
    else if (is_type(answer, "application/json"))
        read_json_status(answer->status, answer->body, ret_error);
}
