/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/elasticsearch/setup/answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/yaml.h"

enum { REASON_BYTES_MAX = 400, KEY_BYTES_MAX = 64 };

const weir_node *setup_json(weir_tree *tree, weir_bytes body)
{
    const weir_place place = {.file = "answer"};
    weir_yaml_error error;
    weir_node *root = NULL;
    weir_text text = {(const char *)body.data, body.len};
    return weir_yaml_parse(tree, text, &place, &root, &error) == WEIR_OK ? root : NULL;
}

static const weir_node *step(const weir_node *node, const char *key)
{
    uint64_t index;
    if (node->kind != WEIR_NODE_SEQUENCE)
        return weir_node_get(node, key);
    return weir_text_to_uint(weir_text_of(key), UINT32_MAX, &index) && index < node->count ? node->items[index] : NULL;
}

const weir_node *setup_json_at(const weir_node *root, const char *path)
{
    const weir_node *node = root;
    while (node && *path) {
        size_t len = strcspn(path, "/");
        char key[KEY_BYTES_MAX];
        snprintf(key, sizeof key, "%.*s", (int)len, path);
        node = step(node, key);
        path += len + (path[len] == '/');
    }
    return node;
}

const char *setup_json_text(const weir_node *root, const char *path)
{
    const weir_node *node = setup_json_at(root, path);
    return node && node->kind == WEIR_NODE_SCALAR ? node->text : NULL;
}

/* ---- GET / ---- */

/* "8.19.21", "3.6.0-SNAPSHOT": what can be shown to anybody. */
static bool is_version(const char *number)
{
    static const char allowed[] = "0123456789.-+_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return number[strspn(number, allowed)] == '\0';
}

static bool read_version(const weir_node *root, setup_server *ret_server)
{
    const char *number = setup_json_text(root, "version/number");
    const char *distribution = setup_json_text(root, "version/distribution");
    char *end;
    if (!number || !is_version(number))
        return false;
    *ret_server = (setup_server){.is_opensearch = distribution && strcmp(distribution, "opensearch") == 0};
    snprintf(ret_server->version, sizeof ret_server->version, "%s", number);
    ret_server->major = (unsigned)strtoul(number, &end, 10);
    if (end == number || *end != '.')
        return false;
    ret_server->minor = (unsigned)strtoul(end + 1, NULL, 10);
    return true;
}

bool setup_server_read(weir_bytes body, setup_server *ret_server)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, body);
    bool is_read = root && read_version(root, ret_server);
    weir_tree_free(tree);
    return is_read;
}

/* ---- templates ---- */

static void take_text(const weir_node *node, const char *key, char *ret_text, size_t size)
{
    const char *text = setup_json_text(node, key);
    snprintf(ret_text, size, "%s", text ? text : "");
}

setup_meta setup_meta_read(weir_bytes body, const char *path)
{
    setup_meta meta = {0};
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, body);
    const weir_node *node = root ? setup_json_at(root, path) : NULL;
    const char *manager = node ? setup_json_text(node, "managed_by") : NULL;
    if (manager && strcmp(manager, "weir") == 0) {
        meta.is_ours = true;
        take_text(node, "fingerprint", meta.fingerprint, sizeof meta.fingerprint);
        take_text(node, "retention", meta.retention, sizeof meta.retention);
        take_text(node, "ilm_policy", meta.ilm_policy, sizeof meta.ilm_policy);
    }
    weir_tree_free(tree);
    return meta;
}

/* ---- refusals ---- */

static const char *find_reason(const weir_node *root)
{
    /* Elasticsearch; its short form; Kibana; the innermost cause says most. */
    static const char *const paths[] = {"error/caused_by/caused_by/reason", "error/caused_by/reason", "error/reason",
                                        "error", "message"};
    const char *reason = NULL;
    for (size_t i = 0; i < WEIR_COUNT_OF(paths) && !reason; i++)
        reason = setup_json_text(root, paths[i]);
    return reason;
}

void setup_reason(weir_bytes body, weir_buffer *out)
{
    weir_tree *tree = weir_tree_new();
    const weir_node *root = setup_json(tree, body);
    const char *reason = root ? find_reason(root) : NULL;
    const char *text = reason ? reason : (const char *)body.data;
    size_t len = reason ? strlen(reason) : body.len;
    WEIR_FREE char *cut = weir_strndup(text ? text : "", text && len < REASON_BYTES_MAX ? len
                                                         : text                         ? REASON_BYTES_MAX
                                                                                        : 0);
    weir_buffer_append_plain(out, cut);
    weir_tree_free(tree);
}
