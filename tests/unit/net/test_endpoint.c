/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "core/memory.h"
#include "net/endpoint.h"

Test(endpoint, reads_what_configurations_write)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:4317", "127.0.0.1", 4317},
        {"localhost:0", "localhost", 0},
        {"[::1]:4318", "::1", 4318},
        {":65535", "", 65535},
        {"jaeger.observability.svc:4317", "jaeger.observability.svc", 4317},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        weir_endpoint endpoint;
        weir_error error;
        cr_assert_eq(weir_endpoint_parse(cases[i].text, &endpoint, &error), WEIR_OK, "%s", cases[i].text);
        cr_assert_str_eq(endpoint.host, cases[i].host);
        cr_assert_eq(endpoint.port, cases[i].port);
    }
}

Test(endpoint, refuses_the_rest_and_says_why)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "port is missing"},
        {"localhost", "port is missing"},
        {"localhost:", "port is not a number"},
        {"localhost:x", "not a number"},
        {"localhost:65536", "65535"},
        {"::1:4317", "needs brackets"},
        {"http://h:4317", "needs brackets"},
        {"h/x:4317", "form host:port"},
        {"[::1:4317", "needs brackets"},
        {"h:-1", "not a number"},
    };
    for (size_t i = 0; i < WEIR_COUNT_OF(cases); i++) {
        weir_endpoint endpoint;
        weir_error error = {0};
        cr_assert_eq(weir_endpoint_parse(cases[i].text, &endpoint, &error), WEIR_INVALID, "%s", cases[i].text);
        cr_assert(strstr(error.text, cases[i].reason), "%s: %s", cases[i].text, error.text);
    }
}

Test(endpoint, a_host_longer_than_dns_allows_is_refused)
{
    char text[WEIR_HOST_SIZE + 8];
    memset(text, 'a', sizeof text);
    strcpy(text + WEIR_HOST_SIZE, ":1");
    weir_endpoint endpoint;
    weir_error error;
    cr_assert_eq(weir_endpoint_parse(text, &endpoint, &error), WEIR_INVALID);
    strcpy(text + WEIR_HOST_SIZE - 1, ":1");
    cr_assert_eq(weir_endpoint_parse(text, &endpoint, &error), WEIR_OK);
}

Test(endpoint, formats_addresses)
{
    char text[WEIR_ADDRESS_TEXT_SIZE];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    weir_address_format((struct sockaddr *)&v4, text, sizeof text);
    cr_assert_str_eq(text, "127.0.0.1:80");
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(4317), .sin6_addr = in6addr_loopback};
    weir_address_format((struct sockaddr *)&v6, text, sizeof text);
    cr_assert_str_eq(text, "[::1]:4317");
    inet_pton(AF_INET6, "::ffff:10.1.2.3", &v6.sin6_addr);
    weir_address_format((struct sockaddr *)&v6, text, sizeof text);
    cr_assert_str_eq(text, "10.1.2.3:4317");
}
