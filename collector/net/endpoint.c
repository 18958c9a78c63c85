/* SPDX-License-Identifier: Apache-2.0 */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

static weir_status malformed(const char *text, const char *what, weir_error *ret_error)
{
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID, "endpoint \"%s\": %s", text, what);
}

/* The host part, from `text` up to the last colon, without brackets. */
static weir_text host_part(const char *text, const char *colon)
{
    weir_text host = {text, (size_t)(colon - text)};
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        return (weir_text){host.data + 1, host.len - 2};
    return host;
}

weir_status weir_endpoint_parse(const char *text, weir_endpoint *ret_endpoint, weir_error *ret_error)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return malformed(text, "a port is missing (host:port)", ret_error);
    weir_text host = host_part(text, colon);
    bool is_bracketed = host.data != text;
    if (host.len >= WEIR_HOST_SIZE)
        return malformed(text, "the host is too long", ret_error);
    if (!is_bracketed && memchr(host.data, ':', host.len))
        return malformed(text, "an IPv6 address needs brackets ([::1]:4317)", ret_error);
    if (memchr(host.data, '/', host.len) || memchr(host.data, '[', host.len) || memchr(host.data, ']', host.len))
        return malformed(text, "not of the form host:port", ret_error);
    uint64_t port;
    if (!weir_text_to_uint(weir_text_of(colon + 1), UINT16_MAX, &port))
        return malformed(text, "the port is not a number from 0 to 65535", ret_error);
    memcpy(ret_endpoint->host, host.data, host.len);
    ret_endpoint->host[host.len] = '\0';
    ret_endpoint->port = (uint16_t)port;
    return WEIR_OK;
}

void weir_address_format(const struct sockaddr *address, char *ret_text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    ret_text[0] = '\0';
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(ret_text, size, "%s:%u", host, ntohs(v4->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        /* A dual-stack listener sees IPv4 peers as ::ffff:1.2.3.4; people expect 1.2.3.4. */
        bool is_mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        if (is_mapped)
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], host, sizeof host);
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(ret_text, size, is_mapped ? "%s:%u" : "[%s]:%u", host, ntohs(v6->sin6_port));
    }
}
