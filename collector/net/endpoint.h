/* SPDX-License-Identifier: Apache-2.0
 *
 * "host:port" as it stands in configurations, and addresses as text. Pure functions; any thread.
 */
#ifndef WEIR_NET_ENDPOINT_H
#define WEIR_NET_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/status.h"

enum {
    WEIR_HOST_SIZE = 256,        /* a DNS name has at most 253 characters (RFC 1035 §2.3.4) */
    WEIR_ADDRESS_TEXT_SIZE = 64, /* "[" IPv6 with scope "]:65535" and NUL */
};

typedef struct weir_endpoint {
    char host[WEIR_HOST_SIZE]; /* without brackets; empty: all addresses (only meant for listening) */
    uint16_t port;             /* 0: any (only meant for listening) */
} weir_endpoint;

/* Reads "127.0.0.1:4317", "[::1]:4317", "localhost:4317" or ":4317". WEIR_INVALID, with a text, for anything else. */
WEIR_MUST_USE weir_status weir_endpoint_parse(const char *text, weir_endpoint *ret_endpoint, weir_error *ret_error);

/* "127.0.0.1:5432" or "[::1]:5432"; an empty string for an address family that has no such form. */
void weir_address_format(const struct sockaddr *address, char *ret_text, size_t size);

#endif
