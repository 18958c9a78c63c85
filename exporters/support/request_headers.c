/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/support/request_headers.h"

#include <strings.h>

#include "core/limits.h"
#include "core/memory.h"

struct weir_request_headers {
    const weir_string_map *configured;
    weir_client_auth *auth; /* NULL: none */
};

const weir_option weir_exporter_auth_options[] = {{.name = "authenticator",
                                                   .type = WEIR_OPTION_EXTENSION,
                                                   .lends = WEIR_LENDS_CLIENT_AUTH,
                                                   .offset = offsetof(weir_exporter_auth, authenticator),
                                                   .required = true,
                                                   .summary = "The id of the extension."},
                                                  {0}};

weir_status weir_request_headers_open(const weir_host *host, const char *id, const weir_string_map *configured,
                                      const weir_exporter_auth *auth, weir_request_headers **ret_headers,
                                      weir_error *ret_error)
{
    weir_client_auth *authenticator = NULL;
    if (auth) {
        authenticator = host->client_auth(host, auth->authenticator, ret_error);
        if (!authenticator) {
            WEIR_FREE char *reason = weir_strdup(ret_error->text);
            return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "%s: auth: %s", id, reason);
        }
    }
    weir_request_headers *headers = WEIR_NEW(weir_request_headers);
    *headers = (weir_request_headers){.configured = configured, .auth = authenticator};
    *ret_headers = headers;
    return WEIR_OK;
}

void weir_request_headers_free(weir_request_headers *headers)
{
    free(headers);
}

bool weir_request_headers_need_encryption(const weir_request_headers *headers)
{
    weir_client_auth *auth = headers->auth;
    return auth && auth->needs_encryption && auth->needs_encryption(auth);
}

/* ---- what may be a header ---- */

/* What HTTP and gRPC set themselves (RFC 9110, PROTOCOL-HTTP2.md). */
static bool is_reserved(weir_text name)
{
    static const char *const reserved[] = {"te",   "content-type",   "user-agent",       "connection",
                                           "host", "content-length", "content-encoding", "transfer-encoding"};
    for (size_t i = 0; i < WEIR_COUNT_OF(reserved); i++) {
        if (weir_text_equal_nocase(name, weir_text_of(reserved[i])))
            return true;
    }
    return name.len == 0 || name.data[0] == ':' || (name.len >= 5 && strncasecmp(name.data, "grpc-", 5) == 0);
}

void weir_request_headers_check(const weir_string_map *configured, const weir_node *node, weir_diagnostics *diagnostics)
{
    enum { CONFIGURED_MAX = WEIR_HEADERS_MAX - WEIR_REQUEST_HEADERS_OWN };
    const weir_node *at = weir_node_find(node, "headers");
    if (configured->count > CONFIGURED_MAX)
        weir_diagnostics_error(diagnostics, at, "too many headers: at most %d", CONFIGURED_MAX);
    for (size_t i = 0; i < configured->count; i++) {
        if (is_reserved(weir_text_of(configured->keys[i])))
            weir_diagnostics_error(diagnostics, at, "header \"%s\" is set by the protocol and cannot be configured",
                                   configured->keys[i]);
        else if (!weir_header_name_is_valid(weir_text_of(configured->keys[i])) ||
                 !weir_header_value_is_valid(weir_text_of(configured->values[i])))
            weir_diagnostics_error(diagnostics, at, "header \"%s\" has characters that no header may have",
                                   configured->keys[i]);
    }
}

/* ---- one request ---- */

static weir_status refuse(weir_error *ret_error, const char *what, weir_text name)
{
    return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_INVALID, "the authenticator %s \"%.*s\"", what,
                          WEIR_TEXT_ARG(name));
}

/* What a file or a client's header brought in is not known before. The value is not shown: it may be a secret. */
static weir_status check_made(const weir_headers *headers, weir_error *ret_error)
{
    if (headers->count > WEIR_HEADERS_MAX - WEIR_REQUEST_HEADERS_OWN)
        return weir_error_set(ret_error, WEIR_ERROR_ENDPOINT, WEIR_TOO_LARGE,
                              "the authenticator adds too many headers");
    for (size_t i = 0; i < headers->count; i++) {
        const weir_http_header *header = &headers->items[i];
        if (is_reserved(header->name))
            return refuse(ret_error, "sets a header of the protocol,", header->name);
        if (!weir_header_name_is_valid(header->name) || !weir_header_value_is_valid(header->value))
            return refuse(ret_error, "sets a header that cannot be sent,", header->name);
    }
    return WEIR_OK;
}

weir_status weir_request_headers_make(const weir_request_headers *headers, const weir_metadata *metadata,
                                      weir_headers *out, weir_error *ret_error)
{
    for (size_t i = 0; i < headers->configured->count; i++)
        weir_headers_add(out, weir_text_of(headers->configured->keys[i]), weir_text_of(headers->configured->values[i]));
    if (!headers->auth)
        return WEIR_OK;
    weir_status status = headers->auth->decorate(headers->auth, metadata, out, ret_error);
    if (status == WEIR_OK)
        return check_made(out, ret_error);
    if (ret_error->class_ != WEIR_ERROR_PERMANENT)
        ret_error->class_ = WEIR_ERROR_ENDPOINT;
    return status;
}
