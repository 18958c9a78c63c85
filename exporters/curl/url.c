/* SPDX-License-Identifier: Apache-2.0 */
#include "exporters/curl/url.h"

#include <curl/curl.h>
#include <string.h>

#include "core/memory.h"

/* A part as memory of our own; NULL if the URL has none. */
static char *part_of(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = weir_strdup(text);
    curl_free(text);
    return copy;
}

static weir_status refuse(weir_error *ret_error, const char *reason)
{
    return weir_error_set(ret_error, WEIR_ERROR_PERMANENT, WEIR_INVALID,
                          "is no URL that weir can send to (%s): write http://host:port or https://host:port", reason);
}

/* Takes `url` apart. */
static weir_status take_apart(CURLU *url, weir_url *parsed, weir_error *ret_error)
{
    parsed->scheme = part_of(url, CURLUPART_SCHEME, 0);
    parsed->host = part_of(url, CURLUPART_HOST, 0);
    parsed->path = part_of(url, CURLUPART_PATH, 0);
    parsed->port = part_of(url, CURLUPART_PORT, 0);
    parsed->has_port = parsed->port != NULL;
    parsed->user = part_of(url, CURLUPART_USER, CURLU_URLDECODE);
    parsed->password = part_of(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    WEIR_FREE char *query = part_of(url, CURLUPART_QUERY, 0);
    parsed->has_query = query != NULL;
    if (!parsed->has_port)
        parsed->port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (!parsed->scheme || (strcmp(parsed->scheme, "http") != 0 && strcmp(parsed->scheme, "https") != 0))
        return refuse(ret_error, "not http:// or https://");
    if (!parsed->host || !parsed->host[0] || !parsed->port)
        return refuse(ret_error, "no host");
    return WEIR_OK;
}

weir_status weir_url_parse(const char *text, weir_url *ret_url, weir_error *ret_error)
{
    weir_url parsed = {0};
    CURLU *url = curl_url();
    weir_status status;
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK)
        status = take_apart(url, &parsed, ret_error);
    else
        status = refuse(ret_error, code == CURLUE_BAD_SCHEME ? "no scheme" : curl_url_strerror(code));
    curl_url_cleanup(url);
    if (status == WEIR_OK)
        *ret_url = parsed;
    else
        weir_url_done(&parsed);
    return status;
}

void weir_url_done(weir_url *url)
{
    free(url->scheme);
    free(url->host);
    free(url->port);
    free(url->path);
    free(url->user);
    free(url->password);
    *url = (weir_url){0};
}

char *weir_url_with_host(const char *text, const char *host)
{
    char *changed = NULL;
    CURLU *url = curl_url();
    if (url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK)
        changed = part_of(url, CURLUPART_URL, 0);
    curl_url_cleanup(url);
    return changed;
}
