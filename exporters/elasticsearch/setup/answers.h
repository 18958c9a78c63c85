/* SPDX-License-Identifier: Apache-2.0
 *
 * What the servers answer, read. JSON is read with the reader of the configuration, of whose language it is a part: what
 * setup asks for is short and simple. What that cannot read counts as not said. Pure functions; any thread.
 */
#ifndef WEIR_EXPORTERS_ELASTICSEARCH_SETUP_ANSWERS_H
#define WEIR_EXPORTERS_ELASTICSEARCH_SETUP_ANSWERS_H

#include "config/node.h"
#include "core/text.h"

/* The root, in `tree`; NULL if it cannot be read. */
const weir_node *setup_json(weir_tree *tree, weir_bytes body);

/* The text at that path of keys, separated by slashes; a number leads into a list: "errors/0/error/type". NULL if there
 * is none. */
const char *setup_json_text(const weir_node *root, const char *path);
const weir_node *setup_json_at(const weir_node *root, const char *path);

/* What a server is, from its answer to GET /. */
typedef struct setup_server {
    bool is_opensearch;
    unsigned major, minor;
    char version[32]; /* "8.19.21" */
} setup_server;

/* False if it is neither Elasticsearch nor OpenSearch. */
WEIR_MUST_USE bool setup_server_read(weir_bytes body, setup_server *ret_server);
static inline bool setup_server_is_before(const setup_server *server, unsigned major, unsigned minor)
{
    return server->major < major || (server->major == major && server->minor < minor);
}

/* What stands in the `_meta` of a template that is there. */
typedef struct setup_meta {
    bool is_ours;
    char fingerprint[32];
    char retention[16];   /* "": not said */
    char ilm_policy[256]; /* "": not said */
} setup_meta;

/* `path` leads to the _meta in the body. Nothing there: the template is somebody else's. */
setup_meta setup_meta_read(weir_bytes body, const char *path);

/* The server's reason for a refusal, in one line of printable characters. */
void setup_reason(weir_bytes body, weir_buffer *out);

#endif
