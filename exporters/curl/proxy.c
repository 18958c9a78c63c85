/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/curl/proxy.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool is_set(const char *text)
{
    return text && *text;
}

static const char *first_set(weir_getenv_fn read_variable, const char *upper, const char *lower)
{
    const char *value = read_variable(upper);
    if (!is_set(value))
        value = read_variable(lower);
    return is_set(value) ? value : "";
}

static bool is_this_machine(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0 ||
           strcmp(host, "::1") == 0;
}

weir_proxy weir_proxy_for(const char *configured, const char *scheme, const char *host, weir_getenv_fn read_variable)
{
    if (is_set(configured))
        return (weir_proxy){configured, ""};
    if (is_this_machine(host))
        return (weir_proxy){"", ""};
    const char *url = strcasecmp(scheme, "https") == 0 ? first_set(read_variable, "HTTPS_PROXY", "https_proxy")
                                                       : first_set(read_variable, "HTTP_PROXY", "http_proxy");
    return (weir_proxy){url, first_set(read_variable, "NO_PROXY", "no_proxy")};
}
