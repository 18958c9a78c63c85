/* SPDX-License-Identifier: Apache-2.0
 *
 * The headers of an exporter's requests, once for gRPC and HTTP: those of its `headers` key, changed by the extension
 * of its `auth` key, which may set them from the metadata of the data. Made in the exporter's `open`; afterwards
 * immutable and used by all workers.
 */
#ifndef WEIR_EXPORTERS_SUPPORT_REQUEST_HEADERS_H
#define WEIR_EXPORTERS_SUPPORT_REQUEST_HEADERS_H

#include "component.h"

/* `auth`: embedded as a pointer in an exporter's configuration, NULL while it is not written. */
typedef struct weir_exporter_auth {
    char *authenticator;
} weir_exporter_auth;

extern const weir_option weir_exporter_auth_options[];

/* The row of an exporter's option table; `member` is the weir_exporter_auth * inside `config`. */
#define WEIR_EXPORTER_AUTH_OPTION(config, member)                                                             \
    {                                                                                                         \
        .name = "auth", .type = WEIR_OPTION_POINTER, .offset = offsetof(config, member),                      \
        .group = weir_exporter_auth_options, .group_size = sizeof(weir_exporter_auth),                        \
        .summary = "The extension that authenticates requests: basicauth, bearertokenauth or headers_setter." \
    }

enum {
    /* How many headers a protocol may add of its own; with the rest they stay below WEIR_HEADERS_MAX. */
    WEIR_REQUEST_HEADERS_OWN = 12,
};

typedef struct weir_request_headers weir_request_headers;

/* Borrows `configured`; `auth` may be NULL. On an error nothing is given. `id` is the exporter's, for messages. */
WEIR_MUST_USE weir_status weir_request_headers_open(const weir_host *host, const char *id,
                                                    const weir_string_map *configured, const weir_exporter_auth *auth,
                                                    weir_request_headers **ret_headers, weir_error *ret_error);
void weir_request_headers_free(weir_request_headers *headers); /* NULL is fine */

/* True if the authenticator needs an encrypted connection; always false without one. */
bool weir_request_headers_need_encryption(const weir_request_headers *headers);

/* Adds the headers of one attempt to `out`; they must stay until it has ended. `metadata` is of the data in it, or
 * NULL. Errors are of the class ENDPOINT: the authenticator has nothing to send, or what it says cannot be a header.
 * Names that the protocol sets itself (content-type, te, grpc-…, pseudo-headers) count as that. PERMANENT: nothing can
 * ever be made of this `metadata`. */
WEIR_MUST_USE weir_status weir_request_headers_make(const weir_request_headers *headers, const weir_metadata *metadata,
                                                    weir_headers *out, weir_error *ret_error);

/* Checks the `headers` key of an exporter, whose node is `node`. */
void weir_request_headers_check(const weir_string_map *configured, const weir_node *node,
                                weir_diagnostics *diagnostics);

#endif
